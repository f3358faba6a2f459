"""A trained `keras.Sequential` read into a `Network`; whatever the evaluator cannot compute is refused by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from lessonkit.errors import LessonkitError
from lessonkit.networks.network import Network, PrunableLayer

if TYPE_CHECKING:
    import keras

ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh", "softmax")


def from_keras(model: keras.Model) -> Network:
    """Read a trained `keras.Sequential` of Conv2D (stride 1), Dense, pooling, Flatten, Dropout and Activation layers.

    Raises
    ------
    LessonkitError
        Naming the first layer that the evaluator cannot compute.
    """
    layers: list[PrunableLayer] = []
    for position, layer in enumerate(model.layers):
        kind, config = type(layer).__name__, layer.get_config()
        if kind in ("Conv2D", "Dense"):
            layers.append(_prunable(layer, config, position))
        elif kind in ("AveragePooling2D", "MaxPooling2D") and layers and layers[-1].pool == 1:
            size = tuple(config["pool_size"])
            if size[0] != size[1] or tuple(config["strides"] or size) != size or config["padding"] != "valid":
                raise LessonkitError(f"layer {layer.name}: pooling must be square, stride as its size, valid padding")
            pooling = "max" if kind == "MaxPooling2D" else "average"
            layers[-1] = dataclasses.replace(layers[-1], pool=size[0], pooling=pooling)
        elif kind in ("Activation", "ReLU", "Softmax") and layers and layers[-1].activation == "linear":
            if kind == "ReLU" and (config["max_value"] is not None or config["negative_slope"] or config["threshold"]):
                raise LessonkitError(f"layer {layer.name}: only the plain ReLU is supported, max(z, 0)")
            name = config["activation"] if kind == "Activation" else kind.lower()
            if layers[-1].pool != 1:
                raise LessonkitError(f"layer {layer.name}: an activation behind a pooling is not supported")
            layers[-1] = dataclasses.replace(layers[-1], activation=_known(name, layer.name))
        elif kind not in ("InputLayer", "Flatten", "Dropout"):
            raise LessonkitError(f"layer {layer.name}: a {kind} here is not supported by the evaluator")
    if not layers or layers[-1].is_convolution or layers[-1].activation not in ("softmax", "linear"):
        raise LessonkitError("the network must end in a dense layer, one output a class, softmax or plain logits")
    for layer in layers[:-1]:
        if layer.activation == "softmax":
            raise LessonkitError(f"layer {layer.name}: a softmax is supported at the end of the network alone")
    return Network(tuple(model.input_shape[1:]), tuple(layers), len(model.layers))


def _prunable(layer: keras.layers.Layer, config: Mapping[str, object], position: int) -> PrunableLayer:
    kernel = np.array(layer.kernel, np.float32)
    bias = np.array(layer.bias, np.float32) if config["use_bias"] else np.zeros(kernel.shape[-1], np.float32)
    padding = str(config.get("padding", ""))
    if kernel.ndim == 2 and len(layer.input.shape) != 2:
        raise LessonkitError(f"layer {layer.name}: a dense layer needs flat input, put a Flatten in front of it")
    if kernel.ndim == 4:
        plain = set(config["strides"]) | set(config["dilation_rate"]) == {1} and config["groups"] == 1  # type: ignore[call-overload]
        if not plain or padding not in ("same", "valid"):
            raise LessonkitError(f"layer {layer.name}: only plain convolutions of stride 1 are supported")
    return PrunableLayer(layer.name, kernel, bias, _known(config["activation"], layer.name), padding, position=position)


def _known(activation: object, name: str) -> str:
    if activation not in ACTIVATIONS:
        raise LessonkitError(f"layer {name}: activation {activation!r} is not one of {', '.join(ACTIVATIONS)}")
    return str(activation)
