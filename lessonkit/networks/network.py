"""A trained sequential network as plain numpy arrays: all that the evaluator needs, and nothing of TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lessonkit.errors import LessonkitError
from lessonkit.masks import Mask, Masks, keep_all


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
        """The prunable weights, one array per layer, in order."""
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
