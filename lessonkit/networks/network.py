"""A trained sequential network as plain numpy arrays: all that the evaluator needs, and nothing of TensorFlow."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lessonkit.errors import LessonkitError
from lessonkit.files import read_arrays
from lessonkit.masks import Mask, Masks, keep_all
from lessonkit.networks.mnist import data_here

if TYPE_CHECKING:
    import keras

ASSETS = Path(__file__).parents[1] / "assets"
NETWORKS = 3  # trained networks that ship for MNIST: numbers 0, 1, 2; the stand-in has number 0 alone
ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh", "softmax")


@dataclass(frozen=True)
class PrunableLayer:
    """A convolution or dense layer, and the pooling that follows it.

    Attributes
    ----------
    kernel : float32, shape (height, width, channels, filters) for a convolution, (inputs, outputs) for a dense layer.
    bias : float32, shape (filters,) or (outputs,). Never masked.
    activation : one of "linear", "relu", "sigmoid", "tanh", and at the end "softmax".
    padding : "same" or "valid" for a convolution (stride 1); "" for a dense layer.
    pool : side of the square pooling window behind the layer (stride the same); 1 where there is none.
    pooling : "average" or "max".
    position : the layer's index among all layers of the Keras model, pooling and flattening counted; from 0.
    """

    name: str
    kernel: NDArray[np.float32]
    bias: NDArray[np.float32]
    activation: str
    padding: str = ""
    pool: int = 1
    pooling: str = "average"
    position: int = 0

    @property
    def is_convolution(self) -> bool:
        """Whether the layer is a convolution; a dense layer otherwise."""
        return self.kernel.ndim == 4


@dataclass(frozen=True)
class Network:
    """Prunable layers in order; where a dense layer follows a convolution, the image is flattened between them."""

    input_shape: tuple[int, ...]
    layers: tuple[PrunableLayer, ...]
    total_layers: int  # all layers of the Keras model, the total of the warm-up threshold

    @property
    def names(self) -> tuple[str, ...]:
        """The layers' names, in order."""
        return tuple(layer.name for layer in self.layers)

    @property
    def kernels(self) -> tuple[NDArray[np.float32], ...]:
        """The prunable weights, one array a layer, in order."""
        return tuple(layer.kernel for layer in self.layers)

    @property
    def prunable_weights(self) -> int:
        """How many weights a mask covers."""
        return sum(kernel.size for kernel in self.kernels)

    def keep_all(self) -> Masks:
        """The masks that prune nothing."""
        return keep_all(kernel.shape for kernel in self.kernels)

    def masked(self, masks: Sequence[Mask]) -> Network:
        """The same network with zeros where a mask is False."""
        if [np.shape(mask) for mask in masks] != [kernel.shape for kernel in self.kernels]:
            shapes = [kernel.shape for kernel in self.kernels]
            raise LessonkitError(f"masks of shapes {[np.shape(mask) for mask in masks]} do not fit layers of {shapes}")
        pairs = zip(self.layers, masks, strict=True)
        layers = tuple(dataclasses.replace(layer, kernel=layer.kernel * mask) for layer, mask in pairs)
        return dataclasses.replace(self, layers=layers)


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


def read_weights(path: str | os.PathLike[str]) -> dict[str, NDArray[np.float32]]:
    """The arrays of a weights file, ``NAME/kernel`` and ``NAME/bias``."""
    return read_arrays(path, "weights (python -m lessonkit train makes them)")


def shipped_weights(data: str = "mnist", network: int = 0) -> Path:
    """Where the trained weights lie that come with the package."""
    path = ASSETS / f"{data}-{network}.npz"
    if not path.is_file():
        have = ", ".join(sorted(file.stem for file in ASSETS.glob("*-[0-9].npz")))
        raise LessonkitError(f"no trained weights ship for {data!r}, network {network}: there are {have}")
    return path


def load_network(data: str | None = None, network: int = 0) -> Network:
    """The trained, unpruned LeNet-5 that ships with the package, without TensorFlow; in milliseconds.

    Parameters
    ----------
    data : "mnist" or "standin"; None: those that lie on this machine, see
        `lessonkit.networks.mnist.data_here`. MNIST that `load_mnist` would first download is not there yet.
    network : which of the shipped trainings: 0, 1 or 2 for MNIST, 0 for the stand-in.
    """
    return lenet5(read_weights(shipped_weights(data or data_here(), network)))


def lenet5(arrays: Mapping[str, NDArray[np.float32]]) -> Network:
    """LeNet-5 around given weights; the same network as `lenet.build_lenet`, which a test holds it to."""

    def layer(name: str, position: int, activation: str = "sigmoid", padding: str = "", pool: int = 1) -> PrunableLayer:
        kernel, bias = arrays[f"{name}/kernel"], arrays[f"{name}/bias"]
        return PrunableLayer(name, kernel, bias, activation, padding, pool, "average", position)

    layers = (
        layer("Conv1", 0, padding="same", pool=2),
        layer("Conv2", 2, padding="valid", pool=2),
        layer("FC1", 5),
        layer("FC2", 6),
        layer("Output", 7, activation="softmax"),
    )
    return Network((28, 28, 1), layers, total_layers=8)
