"""The gradient of the loss with respect to every weight of a masked network, the pruned ones too; numpy alone.

A pruned weight is a zero that could be something else: its gradient says what restoring it would do. That is what a
search over masks needs to know. Convolutions and their pooling are one product over blocks, as in the evaluator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from lessonkit.engine.evaluator import METER
from lessonkit.engine.threads import parallel
from lessonkit.errors import LessonkitError
from lessonkit.masks import Mask
from lessonkit.networks.network import Network, PrunableLayer

Array = NDArray[np.float32]
CHUNK = 125  # images whose blocks fit a processor's cache
COST = 3  # evaluations that a search is charged for one gradient: forward, and twice as much backward


@dataclass(frozen=True)
class Slopes:
    """One layer's slopes image by image: as a product for a dense layer, written out for a convolution.

    Attributes
    ----------
    inputs : for a dense layer what its weights multiply, shape (inputs, n); for a convolution the slopes, (weights, n).
    errors : d loss / d (sum of a unit), shape (units, n); None for a convolution.
    """

    inputs: Array
    errors: Array | None

    def squared(self, shape: tuple[int, ...]) -> Array:
        """The sum over images of the squared slopes, in the kernel's shape."""
        if self.errors is None:
            return np.asarray(np.square(self.inputs).sum(axis=1)).reshape(shape)
        return np.asarray(np.square(self.inputs) @ np.square(self.errors).T)


@dataclass(frozen=True)
class Gradient:
    """The loss of a masked network and its slopes.

    Attributes
    ----------
    loss : mean cross-entropy, in nats.
    slopes : d loss / d weight, one float32 array per layer, shaped as its kernel, at kept and pruned positions alike.
    offsets : d loss / d bias, one array per layer.
    each : the slopes of single images for labels that the network itself would draw, one `Slopes` per layer; their
        second moments are the Fisher information. Empty unless asked for.
    """

    loss: float
    slopes: tuple[Array, ...]
    offsets: tuple[Array, ...] = ()
    each: tuple[Slopes, ...] = ()


def loss_gradient(
    network: Network,
    masks: Sequence[Mask],
    images: Array,
    labels: NDArray[np.int64],
    *,
    rng: np.random.Generator | None = None,
) -> Gradient:
    """Mean loss over `images` and its gradient, by back-propagation (Rumelhart, Hinton & Williams 1986).

    Parameters
    ----------
    masks : one per layer; the gradient is taken at the masked weights.
    images : shape (n, *network.input_shape); `labels`, shape (n,).
    rng : draws labels from the network's own probabilities for `Gradient.each` (Martens 2020, on the difference
        between this Fisher information and the one of the data's labels); None leaves it empty.
    """
    if len(images) == 0 or len(images) != len(labels):
        raise LessonkitError(f"need as many images as labels and at least one, got {len(images)} and {len(labels)}")
    if (meter := METER.get()) is not None:
        meter.gradient_images += len(images)
    layers = network.masked(masks).layers
    drawn = None if rng is None else rng.random(len(images)).astype(np.float32)

    def one_chunk(start: int) -> _Sums:
        part = slice(start, start + CHUNK)
        return _chunk(layers, _image_last(images[part]), labels[part], None if drawn is None else drawn[part])

    sums = parallel(one_chunk, range(0, len(images), CHUNK))
    n = np.float32(len(images))
    slopes = tuple(np.sum(parts, axis=0) / n for parts in zip(*(each.slopes for each in sums), strict=True))
    offsets = tuple(np.sum(parts, axis=0) / n for parts in zip(*(each.offsets for each in sums), strict=True))
    each = tuple(_joined(parts) for parts in zip(*(each.each for each in sums), strict=True))
    return Gradient(sum(part.loss for part in sums) / len(images), slopes, offsets, each)


def activations(network: Network, masks: Sequence[Mask], images: Array, stop: int) -> Array:
    """What layer `stop` sees, flattened: shape (n, features)."""
    layers = network.masked(masks).layers[:stop]

    def one_chunk(start: int) -> Array:
        values = _image_last(images[start : start + CHUNK])
        for layer in layers:
            values = _pass(layer, values).output
        return values.reshape(-1, values.shape[-1]).T

    return np.concatenate(parallel(one_chunk, range(0, len(images), CHUNK)))


def _joined(parts: Sequence[Slopes]) -> Slopes:
    errors = [part.errors for part in parts if part.errors is not None]
    inputs = np.concatenate([part.inputs for part in parts], axis=1)
    return Slopes(inputs, np.concatenate(errors, axis=1) if errors else None)


@dataclass
class _Sums:
    """What one chunk of images contributes, not yet divided by their number."""

    loss: float
    slopes: list[Array]
    offsets: list[Array]
    each: list[Slopes]


def _chunk(layers: Sequence[PrunableLayer], values: Array, labels: NDArray[np.int64], drawn: Array | None) -> _Sums:
    kept: list[_Pass] = []
    for layer in layers:
        kept.append(_pass(layer, values))
        values = kept[-1].output
    probabilities = np.exp(values - values.max(axis=0))
    probabilities /= probabilities.sum(axis=0)
    every = np.arange(len(labels))
    loss = -float(np.log(np.maximum(probabilities[labels, every], 1e-7)).sum())
    error = probabilities.copy()
    error[labels, every] -= 1
    slopes: list[Array] = []
    offsets: list[Array] = []
    for index in reversed(range(len(layers))):
        own, offset, error = kept[index].backward(error, back=index > 0)
        slopes.insert(0, own)
        offsets.insert(0, offset)
    each: list[Slopes] = []
    if drawn is not None:  # labels by the inverse of the cumulative probabilities
        fair = np.minimum((probabilities.cumsum(axis=0) < drawn).sum(axis=0), len(probabilities) - 1)
        probabilities[fair, every] -= 1
        error = probabilities
        for index in reversed(range(len(layers))):
            each.insert(0, kept[index].each(error))
            error = kept[index].backward(error, back=True)[2] if index else error
    return _Sums(loss, slopes, offsets, each)


def _image_last(images: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(images, 0, -1), np.float32)


def _activate(z: Array, activation: str) -> Array:
    """The activation of z, in place."""
    if activation == "sigmoid":
        z *= np.float32(0.5)
        np.tanh(z, out=z)
        z += 1
        z *= np.float32(0.5)
    elif activation == "tanh":
        np.tanh(z, out=z)
    elif activation == "relu":
        np.maximum(z, 0, out=z)
    return z


def _slope(a: Array, activation: str) -> Array | float:
    """The activation's derivative, from its value."""
    if activation == "sigmoid":
        return a * (1 - a)
    if activation == "tanh":
        return 1 - a * a
    return (a > 0).astype(np.float32) if activation == "relu" else 1.0


class _DensePass:
    """A dense layer's forward pass, kept for the backward one."""

    def __init__(self, layer: PrunableLayer, values: Array) -> None:
        self.layer, self.shape = layer, values.shape
        self.x = values.reshape(-1, values.shape[-1])
        self.output = _activate(layer.kernel.T @ self.x + layer.bias[:, np.newaxis], layer.activation)

    def backward(self, error: Array, back: bool) -> tuple[Array, Array, Array]:
        """Slopes of the kernel and of the bias, and the error one layer down."""
        dz = error * _slope(self.output, self.layer.activation)
        below = (self.layer.kernel @ dz).reshape(self.shape) if back else error
        return self.x @ dz.T, dz.sum(axis=1), below

    def each(self, error: Array) -> Slopes:
        """The slopes of single images, as a product."""
        return Slopes(self.x, error * _slope(self.output, self.layer.activation))


class _ConvolutionPass:
    """A convolution with its pooling: one product over the blocks that a pooling window sees (drawn in `stages`)."""

    def __init__(self, layer: PrunableLayer, values: Array) -> None:
        self.layer, self.shape = layer, values.shape
        height, width, channels, filters = layer.kernel.shape
        same, pool = layer.padding == "same", layer.pool
        self.margin = ((height - 1) // 2, (width - 1) // 2) if same else (0, 0)
        self.padded = (values.shape[0] + (height - 1) * same, values.shape[1] + (width - 1) * same)
        padded = values
        if same:
            padded = np.zeros((*self.padded, *values.shape[2:]), np.float32)
            padded[self._inside()] = values
        self.block = (height + pool - 1, width + pool - 1, channels)
        self.grid = ((self.padded[0] - height + 1) // pool, (self.padded[1] - width + 1) // pool)
        self.x = self._blocks(padded).reshape(int(np.prod(self.block)), -1)
        self._weights = self._block_weights()
        z = self._weights @ self.x
        z.reshape(pool * pool, filters, -1)[...] += layer.bias[:, np.newaxis]
        self.a = _activate(z, layer.activation).reshape(pool * pool, filters, *self.grid, values.shape[-1])
        pooled = self.a.mean(axis=0) if layer.pooling == "average" else self.a.max(axis=0)
        self.output = np.moveaxis(pooled, 0, 2)

    def backward(self, error: Array, back: bool) -> tuple[Array, Array, Array]:
        """Slopes of the kernel and of the bias, and the error one layer down."""
        flat = self._block_errors(error).reshape(len(self._weights), -1)
        offsets = flat.sum(axis=1).reshape(-1, self.layer.kernel.shape[-1]).sum(axis=0)
        below = self._scatter(self._weights.T @ flat) if back else error
        return self._fold(flat @ self.x.T), offsets, below

    def each(self, error: Array) -> Slopes:
        """The slopes of single images."""
        images = error.shape[-1]
        errors = self._block_errors(error).reshape(len(self._weights), -1, images)
        blocks = self.x.reshape(len(self.x), -1, images)
        slopes = np.matmul(np.moveaxis(errors, 2, 0), np.moveaxis(blocks, (0, 1, 2), (2, 1, 0)))
        return Slopes(np.stack([self._fold(one).ravel() for one in slopes], axis=1), None)

    def _block_errors(self, error: Array) -> Array:
        """d loss / d (sum before the activation), shape (positions of a window, filters, *grid, n)."""
        layer, pool, filters = self.layer, self.layer.pool, self.layer.kernel.shape[-1]
        spread = np.moveaxis(error.reshape(*self.grid, filters, -1), 2, 0)
        if layer.pooling == "average":
            return np.asarray(spread * (_slope(self.a, layer.activation) / np.float32(pool * pool)))
        chosen = np.arange(pool * pool).reshape(-1, 1, 1, 1, 1) == self.a.argmax(axis=0)
        return np.asarray(spread * chosen * _slope(self.a, layer.activation))

    def _inside(self) -> tuple[slice, slice]:
        (top, left), (height, width) = self.margin, self.shape[:2]
        return slice(top, top + height), slice(left, left + width)

    def _blocks(self, padded: Array) -> Array:
        down, right, channel, image = padded.strides
        shape = (*self.block, *self.grid, padded.shape[-1])
        pool = self.layer.pool
        return as_strided(padded, shape, (down, right, channel, pool * down, pool * right, image), writeable=False)

    def _block_weights(self) -> Array:
        """The kernel written once for each position of a pooling window, shape (positions * filters, block)."""
        height, width, _, filters = self.layer.kernel.shape
        pool = self.layer.pool
        block = np.zeros((pool, pool, filters, *self.block), np.float32)
        for down in range(pool):
            for right in range(pool):
                part = block[down, right, :, down : down + height, right : right + width]
                part[...] = np.moveaxis(self.layer.kernel, -1, 0)
        return block.reshape(pool * pool * filters, -1)

    def _fold(self, slopes: Array) -> Array:
        """Slopes of the block's weights, summed back to those of the kernel."""
        height, width, _, filters = self.layer.kernel.shape
        pool = self.layer.pool
        block = slopes.reshape(pool, pool, filters, *self.block)
        parts = [
            block[down, right, :, down : down + height, right : right + width]
            for down in range(pool)
            for right in range(pool)
        ]
        return np.moveaxis(np.sum(parts, axis=0), 0, -1)

    def _scatter(self, errors: Array) -> Array:
        """Errors of the blocks, added up where blocks overlap."""
        pool = self.layer.pool
        total = np.zeros((*self.padded, *self.shape[2:]), np.float32)
        blocks = errors.reshape(*self.block, *self.grid, -1)
        for y in range(self.block[0]):
            for x in range(self.block[1]):
                rows = slice(y, y + pool * self.grid[0], pool)
                columns = slice(x, x + pool * self.grid[1], pool)
                total[rows, columns] += np.moveaxis(blocks[y, x], 0, 2)
        return total[self._inside()]


_Pass = _DensePass | _ConvolutionPass


def _pass(layer: PrunableLayer, values: Array) -> _Pass:
    return _ConvolutionPass(layer, values) if layer.is_convolution else _DensePass(layer, values)
