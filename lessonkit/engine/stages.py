"""One stage of a network: a convolution or dense layer with its activation and pooling, for one candidate or several.

A stage first does the work that does not involve its kernel (`prepare`), then multiplies by the kernel (`forward`). For
the first convolution of a network, with a 5x5 kernel and 2x2 pooling, one product gives four outputs:

    a block of 6x6 inputs           the kernel, written once for each of the four positions in the block
    +-----------+                   +---------+-+   +-+---------+   +-----------+   +-----------+
    |           |                   | kernel  | |   | | kernel  |   |           |   |           |
    |           |        x          | 5x5     | |   | | 5x5     |   +---------+ |   | +---------+    = 4 outputs,
    |           |                   +---------+ |   | +---------+   | kernel  | |   | | kernel  |      then pooled
    +-----------+                   +-----------+   +-----------+   +---------+-+   +-+---------+
"""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from lessonkit.errors import LessonkitError
from lessonkit.masks import Mask
from lessonkit.networks.network import Network, PrunableLayer

Array = NDArray[np.float32]
CONVOLUTION_CHUNK = 256  # images; a multiple of 16, so that every row of a chunk starts at a cache line
DENSE_CHUNK = 2**24  # multiplications: less work than that is not worth waking a second thread for
DENSE_CANDIDATES = 5  # candidates of a dense layer that go through together
TILE, TILES = 768, 4  # blocks of a convolution's input per product, and products before their sums are pooled


class Meaning(NamedTuple):
    """How the values between stages relate to activations: an activation is ``scale * value + offset``."""

    scale: float = 1.0
    offset: float = 0.0


class Weights(NamedTuple):
    """The kernels of one or several candidates, stacked into one matrix."""

    matrix: Array
    bias: Array | None  # a column; None where the matrix holds the bias itself
    candidates: int


class Stage:
    """What dense layers and convolutions share.

    A stage takes values as the one in front of it leaves them, and its weights make up for their scale and offset. For
    a sigmoid the weights are halved as well, so that its values are plain tanh(z/2).
    """

    chunk: int  # images that go through this stage and those behind it at a time
    together: int  # candidates that go through this stage at a time

    def __init__(self, layer: PrunableLayer, meaning: Meaning, output_shape: tuple[int, ...]) -> None:
        self.layer, self.meaning, self.output_shape = layer, meaning, output_shape
        half = 0.5 if layer.activation == "sigmoid" else 1.0
        self.kernel = layer.kernel * np.float32(half * meaning.scale)
        self.bias = layer.bias * np.float32(half)
        self.shift = np.float32(meaning.offset / meaning.scale)  # what the offset adds, for each unit of the kernel
        pooled = layer.pool**2 if layer.pooling == "average" else 1  # pooling adds, and takes no mean
        self.output_meaning = Meaning(half / pooled, 1 - half)

    def prepare(self, values: Array, keep: bool) -> Array | Windows:
        """Do what does not involve the kernel; with `keep`, in memory of its own. `values`: shape (*input_shape, n)."""
        raise NotImplementedError

    def forward(self, prepared: Array | Windows, weights: Weights) -> Array:
        """The output of each candidate, shape (candidates, *output_shape, n), in memory that the next call reuses."""
        raise NotImplementedError

    def follow(self, values: Array, weights: Weights) -> Array:
        """The same for `values` that another stage returned, with the weights of one candidate."""
        if len(values) == 1:
            return self.forward(self.prepare(values[0], keep=False), weights)
        out = scratch(f"{self.layer.name} all", (len(values), *self.output_shape, values.shape[-1]))
        for each, target in zip(values, out, strict=True):
            target[...] = self.forward(self.prepare(each, keep=False), weights)[0]
        return out

    def weights(self, masks: Sequence[Mask]) -> Weights:
        """The weights that `forward` takes, for one candidate mask or several."""
        for mask in masks:
            if np.shape(mask) != self.kernel.shape:
                name, shape = self.layer.name, self.kernel.shape
                raise LessonkitError(f"a mask of shape {np.shape(mask)} does not fit layer {name} of shape {shape}")
        kernels = [self.kernel * mask for mask in masks]
        biases = [self.bias + self.shift * np.add.reduce(kernel, tuple(range(kernel.ndim - 1))) for kernel in kernels]
        return self.arrange(kernels, biases)

    def arrange(self, kernels: list[Array], biases: list[Array]) -> Weights:
        """The matrix that holds these kernels."""
        raise NotImplementedError

    def activate(self, z: Array) -> None:
        """The activation of z, in place; a softmax is left to `score`, which needs the logits."""
        if self.layer.activation in ("sigmoid", "tanh"):
            np.tanh(z, out=z)
        elif self.layer.activation == "relu":
            np.maximum(z, 0, out=z)

    def pool(self, z: Array, axis: int, out: Array) -> Array:
        """Activation, in place, and the sum or the maximum over the positions of a pooling window."""
        self.activate(z)
        reduce = np.add.reduce if self.layer.pooling == "average" else np.maximum.reduce
        return reduce(z, axis=axis, out=out)


def stages_of(network: Network) -> list[Stage]:
    """A stage for each prunable layer; each takes the values as the one in front of it leaves them."""
    stages: list[Stage] = []
    shape, meaning = tuple(network.input_shape), Meaning()
    for layer in network.layers:
        stages.append(_stage(layer, shape, meaning))
        shape, meaning = stages[-1].output_shape, stages[-1].output_meaning
    return stages


def _stage(layer: PrunableLayer, shape: tuple[int, ...], meaning: Meaning) -> Stage:
    """The stage for a layer: raw images and the output of a relu have many zeros, the output of a sigmoid has none."""
    if not layer.is_convolution:
        return _Dense(layer, meaning)
    return _Convolution(layer, shape, meaning) if meaning.offset else _SparseConvolution(layer, shape, meaning)


class _Dense(Stage):
    """A dense layer: one product over all features."""

    together = DENSE_CANDIDATES

    def __init__(self, layer: PrunableLayer, meaning: Meaning) -> None:
        super().__init__(layer, meaning, layer.kernel.shape[1:])
        self.chunk = 2 ** min(12, max(8, round(math.log2(DENSE_CHUNK / layer.kernel.size) + 0.5)))

    def prepare(self, values: Array, keep: bool) -> Array:
        flat = values.reshape(-1, values.shape[-1])
        if not keep:
            return flat
        kept = empty(flat.shape)
        kept[...] = flat
        return kept

    def arrange(self, kernels: list[Array], biases: list[Array]) -> Weights:
        return Weights(np.hstack(kernels).T, np.concatenate(biases)[:, np.newaxis], len(kernels))

    def forward(self, prepared: Array | Windows, weights: Weights) -> Array:
        assert isinstance(prepared, np.ndarray)
        return self.follow(prepared[np.newaxis], weights)

    def follow(self, values: Array, weights: Weights) -> Array:
        flat = values.reshape(len(values), -1, values.shape[-1])
        shape = (len(values), len(weights.matrix), values.shape[-1])
        z = np.matmul(weights.matrix, flat, out=scratch(f"{self.layer.name} z", shape))
        z += weights.bias
        self.activate(z)
        return z.reshape(-1, *self.output_shape, values.shape[-1])


class _AnyConvolution(Stage):
    """A convolution of stride 1 with its pooling."""

    chunk = CONVOLUTION_CHUNK
    together = 1

    def __init__(self, layer: PrunableLayer, shape: tuple[int, ...], meaning: Meaning) -> None:
        height, width, self.channels, self.filters = layer.kernel.shape
        same = layer.padding == "same"
        self.margin = ((height - 1) // 2, (width - 1) // 2) if same else (0, 0)
        self.padded = (shape[0] + (height - 1) * same, shape[1] + (width - 1) * same)
        self.pooled = ((self.padded[0] - height + 1) // layer.pool, (self.padded[1] - width + 1) // layer.pool)
        super().__init__(layer, meaning, (*self.pooled, self.filters))

    def pad(self, values: Array) -> Array:
        """The values with a margin that stands for activations of zero."""
        if values.shape[:2] == self.padded:
            return values
        nothing = np.float32(-self.meaning.offset / self.meaning.scale)
        padded = np.full((*self.padded, *values.shape[2:]), nothing, np.float32)
        top, left = self.margin
        padded[top : top + values.shape[0], left : left + values.shape[1]] = values
        return padded


class _Convolution(_AnyConvolution):
    """The image is cut into overlapping vertical strips as wide as the kernel.

    All that the kernel sees at one height of a strip is then contiguous, and its products with the kernel need no
    copy. Every row of a strip ends in a one; the first of them carries the bias.
    """

    def prepare(self, values: Array, keep: bool) -> Array:
        """The strips, shape (positions across, rows, width * channels + 1, n)."""
        values = self.pad(values)
        (rows, n), wide = (values.shape[0], values.shape[-1]), self.kernel.shape[1]
        shape = (self.pooled[1] * self.layer.pool, rows, wide * self.channels + 1, n)
        strips = empty(shape) if keep else scratch(f"{self.layer.name} strips", shape)
        strips[:, :, -1] = 1
        for x, strip in enumerate(strips):
            strip[:, :-1].reshape(rows, wide, self.channels, n)[...] = values[:, x : x + wide]
        return strips

    def arrange(self, kernels: list[Array], biases: list[Array]) -> Weights:
        height, width, channels, filters = self.kernel.shape
        matrix = np.zeros((len(kernels), filters, height, width * channels + 1), np.float32)
        for kernel, bias, target in zip(kernels, biases, matrix, strict=True):
            target[:, :, :-1] = np.moveaxis(kernel, -1, 0).reshape(filters, height, width * channels)
            target[:, 0, -1] = bias
        return Weights(matrix.reshape(len(kernels) * filters, -1), None, len(kernels))

    def forward(self, prepared: Array | Windows, weights: Weights) -> Array:
        assert isinstance(prepared, np.ndarray)
        name, pool, n, many = self.layer.name, self.layer.pool, prepared.shape[-1], weights.candidates
        out = scratch(f"{name} pooled", (many, *self.output_shape, n))
        z = scratch(f"{name} z", (pool, pool, self.pooled[0], len(weights.matrix), n))
        across, down, along, image = prepared.strides
        shape = (pool, pool, self.pooled[0], weights.matrix.shape[1], n)
        strides = (across, down, pool * down, along, image)
        for x in range(self.pooled[1]):
            seen = as_strided(prepared[x * pool :], shape, strides, writeable=False)
            np.matmul(weights.matrix, seen, out=z)
            positions = z.reshape(pool * pool, self.pooled[0], many, self.filters, n)
            self.pool(positions, axis=0, out=np.moveaxis(out[:, :, x], 1, 0))
        return out


class Windows(NamedTuple):
    """A chunk of images as one long matrix of the blocks that are not blank, and a single blank one for all others."""

    matrix: Array  # (tiles, inputs of a block + 1, TILE blocks): the row of ones is for the bias
    column: NDArray[np.intp]  # (rows, columns, n): the column of each block in the matrix


class _SparseConvolution(_AnyConvolution):
    """A block is what the positions of one pooling window see: 6x6 inputs for a 5x5 kernel and 2x2 pooling."""

    def prepare(self, values: Array, keep: bool) -> Windows:
        values, pool = self.pad(values), self.layer.pool
        down, right, channel, image = values.strides
        height, width = (side + pool - 1 for side in self.kernel.shape[:2])
        shape = (height, width, self.channels, *self.pooled, values.shape[-1])
        strides = (down, right, channel, pool * down, pool * right, image)
        blocks = as_strided(values, shape, strides, writeable=False).reshape(-1, *shape[3:])
        inked = blocks.any(axis=0)
        busy = np.count_nonzero(inked)
        flat = np.zeros((len(blocks) + 1, TILE * (busy // TILE + 1)), np.float32)  # at least one blank block at the end
        flat[:-1, :busy] = blocks[:, inked]
        flat[-1] = 1
        tiles = empty((flat.shape[1] // TILE, len(flat), TILE))
        tiles[...] = np.moveaxis(flat.reshape(len(flat), -1, TILE), 1, 0)
        column = np.full(inked.shape, busy)
        column[inked] = np.arange(busy)
        return Windows(tiles, column)

    def arrange(self, kernels: list[Array], biases: list[Array]) -> Weights:
        """The kernel written once for each position of a block, the bias beside it."""
        (height, width), pool = self.kernel.shape[:2], self.layer.pool
        shape = (len(kernels), pool, pool, self.filters, height + pool - 1, width + pool - 1, self.channels)
        blocks = np.zeros(shape, np.float32)
        for number, kernel in enumerate(kernels):
            for down in range(pool):
                for right in range(pool):
                    target = blocks[number, down, right, :, down : down + height, right : right + width]
                    target[...] = np.moveaxis(kernel, -1, 0)
        bias = np.concatenate([np.tile(bias, pool * pool) for bias in biases])[:, np.newaxis]
        return Weights(np.hstack([blocks.reshape(len(bias), -1), bias]), None, len(kernels))

    def forward(self, prepared: Array | Windows, weights: Weights) -> Array:
        assert isinstance(prepared, Windows)
        name, tiles, many = self.layer.name, len(prepared.matrix), weights.candidates
        sums = scratch(f"{name} sums", (many, self.filters, tiles, TILE))
        for at in range(0, tiles, TILES):
            few = prepared.matrix[at : at + TILES]
            z = scratch(f"{name} z", (len(few), len(weights.matrix), TILE))
            np.matmul(weights.matrix, few, out=z)
            positions = z.reshape(len(few), many, -1, self.filters, TILE)
            self.pool(positions, axis=2, out=np.moveaxis(sums[:, :, at : at + TILES], 2, 0))
        out = scratch(f"{name} pooled", (many, self.filters, prepared.column.size))
        spread = sums.reshape(many, self.filters, -1).take(prepared.column.ravel(), axis=-1, mode="clip", out=out)
        return np.moveaxis(spread.reshape(many, self.filters, *prepared.column.shape), 1, 3)


# --- memory ---------------------------------------------------------------------------------------------------------


def empty(shape: tuple[int, ...]) -> Array:
    """An array that starts at a cache line, which makes matrix products of its rows 1.5 times as fast."""
    size = math.prod(shape)
    memory = np.empty(size + 16, np.float32)
    first = -memory.ctypes.data // 4 % 16
    return memory[first : first + size].reshape(shape)


_memory = threading.local()


def scratch(name: str, shape: tuple[int, ...]) -> Array:
    """Memory that a thread gets again when it asks for `name` again: new pages take more time than the arithmetic."""
    size = math.prod(shape)
    buffers: dict[str, Array] = _memory.__dict__.setdefault("buffers", {})
    if name not in buffers or buffers[name].size < size:
        buffers[name] = empty((size,))
    return buffers[name][:size].reshape(shape)
