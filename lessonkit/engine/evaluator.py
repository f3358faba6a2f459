"""Loss and accuracy of masked networks, fast: this file is where the course's speed lives.

Five ideas, each worth a factor:

1. While one layer is searched, the layers in front of it do not change: their output is computed once and kept.
2. Images stand in the last axis, so every layer is a matrix product with long rows, and pooling is a sum of rows.
3. On raw images, a convolution and its pooling are one product: a block of 6x6 inputs gives the four outputs that are
   pooled together, and blocks that are blank (MNIST's margins) are not computed at all.
4. sigmoid(z) = 1/2 + tanh(z/2)/2, and numpy's tanh runs at vector speed. The halves are not applied to the many
   activations but to the few weights on either side of them (see `_Stage`).
5. Chunks of images go through all layers while they are in a processor's cache, one chunk on each processor at a time.

The chunks do not depend on the number of processors, so the results do not either.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray
from threadpoolctl import LibController, ThreadpoolController

from lessonkit.errors import LessonkitError
from lessonkit.masks import Mask
from lessonkit.networks.network import Network, PrunableLayer
from lessonkit.problem import Evaluation

Array = NDArray[np.float32]
Item = TypeVar("Item")
Result = TypeVar("Result")
CONVOLUTION_CHUNK = 256  # images; a multiple of 16, so that every row of a chunk starts at a cache line
DENSE_CHUNK = 2**24  # multiplications: less work than that is not worth waking a second thread for
DENSE_CANDIDATES = 5  # candidates of a dense layer that go through together
TILE, TILES = 768, 4  # blocks of a convolution's input: in one product, and products until their sums are pooled


@dataclass
class Meter:
    """What a piece of code really computed, by whatever way: masks evaluated, and images that gradients looked at."""

    masks: int = 0
    gradient_images: int = 0


METER: ContextVar[Meter | None] = ContextVar("meter", default=None)


@contextmanager
def metered() -> Iterator[Meter]:
    """Count what is evaluated inside."""
    meter = Meter()
    token = METER.set(meter)
    try:
        yield meter
    finally:
        METER.reset(token)


class Evaluator:
    """Evaluates masks of one network on one set of images.

    Parameters
    ----------
    network : the unpruned network.
    images : float32, shape (n, *network.input_shape).
    labels : int, shape (n,).

    Notes
    -----
    Agrees with ``keras.Model.evaluate`` to 1e-5 in loss and exactly in the count of correct images.
    """

    def __init__(self, network: Network, images: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
        if len(images) == 0 or len(images) != len(labels):
            raise LessonkitError(f"need as many images as labels and at least one, got {len(images)} and {len(labels)}")
        if tuple(images.shape[1:]) != tuple(network.input_shape):
            raise LessonkitError(f"images of shape {images.shape[1:]} do not fit a network for {network.input_shape}")
        classes = network.layers[-1].kernel.shape[-1]
        if np.min(labels) < 0 or np.max(labels) >= classes:
            raise LessonkitError(f"labels from {np.min(labels)} to {np.max(labels)}: need classes 0 to {classes - 1}")
        self.network = network
        self.labels = np.asarray(labels)
        self._stages = _stages(network)
        pixels = np.ascontiguousarray(np.moveaxis(np.asarray(images, np.float32), 0, -1))
        self._entrance = self._prepare(0, pixels)

    @property
    def images(self) -> int:
        """How many images an evaluation looks at."""
        return len(self.labels)

    @cached_property
    def images_digest(self) -> str:
        """SHA-256 over images and labels: the same for the same ones in the same order."""
        digest = hashlib.sha256(np.ascontiguousarray(self.labels).data)
        for part in self._entrance:
            for array in part if isinstance(part, tuple) else (part,):
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def evaluate(self, masks: Sequence[Mask]) -> Evaluation:
        """Loss and accuracy of the whole network under `masks`, one a layer."""
        weights = self._weights(masks)
        return self._score(0, self._entrance, weights, weights[:1])[0]

    def layer(self, index: int, masks: Sequence[Mask]) -> LayerEvaluator:
        """An evaluator for candidates of layer `index` (from 0), with all other layers masked by `masks`."""
        return LayerEvaluator(self, index, masks)

    def with_network(self, network: Network) -> Evaluator:
        """An evaluator of other weights and biases in the same architecture, on the same prepared images."""
        if [layer.kernel.shape for layer in network.layers] != [kernel.shape for kernel in self.network.kernels]:
            raise LessonkitError("the other network's layers have other shapes: make a new Evaluator")
        other = copy.copy(self)
        other.network, other._stages = network, _stages(network)
        return other

    # --- the layers in front, the searched layer, the layers behind ---

    def _weights(self, masks: Sequence[Mask]) -> list[_Weights]:
        if len(masks) != len(self._stages):
            raise LessonkitError(f"got {len(masks)} masks for {len(self._stages)} layers: give one a layer, in order")
        return [stage.weights([mask]) for stage, mask in zip(self._stages, masks, strict=True)]

    def _prepare(self, index: int, values: Array) -> list[Array | _Windows]:
        """All work on the input of a stage that its kernel has no part in, chunk by chunk."""
        stage = self._stages[index]
        starts = range(0, self.images, stage.chunk)
        return _parallel(lambda start: stage.prepare(values[..., start : start + stage.chunk], keep=True), starts)

    def _advance(self, stop: int, weights: list[_Weights]) -> list[Array | _Windows]:
        """The prepared input of stage `stop`, computed from the network's own input."""
        if stop == 0:
            return self._entrance
        values = np.empty((*self._stages[stop - 1].output_shape, self.images), np.float32)

        def one_chunk(number: int) -> None:
            values[..., self._columns(0, number)] = self._through(0, stop, self._entrance[number], weights)[0]

        _parallel(one_chunk, range(len(self._entrance)))
        return self._prepare(stop, values)

    def _through(self, index: int, stop: int, prepared: Array | _Windows, weights: list[_Weights]) -> Array:
        """One chunk through the stages from `index` up to `stop`: shape (candidates, *output_shape, n)."""
        values = self._stages[index].forward(prepared, weights[0])
        for stage, behind in zip(self._stages[index + 1 : stop], weights[1:], strict=False):
            values = stage.follow(values, behind)
        return values

    def _score(
        self, index: int, prepared: list[Array | _Windows], weights: list[_Weights], own: Sequence[_Weights]
    ) -> list[Evaluation]:
        """An evaluation for each candidate in `own`, weights of stage `index`; the stages behind it have `weights`."""

        def one_job(job: tuple[_Weights, int]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
            candidates, number = job
            logits = self._through(index, len(self._stages), prepared[number], [candidates, *weights[index + 1 :]])
            return score(logits, self.labels[self._columns(index, number)])

        jobs = list(itertools.product(own, range(len(prepared))))
        results = iter(_parallel(one_job, jobs))
        evaluations: list[Evaluation] = []
        n = self.images
        for _ in own:
            chunks = list(itertools.islice(results, len(prepared)))
            losses, hits = (np.add.reduce(parts) for parts in zip(*chunks, strict=True))
            evaluations += [Evaluation(float(a) / n, int(b) / n, n) for a, b in zip(losses, hits, strict=True)]
        if (meter := METER.get()) is not None:
            meter.masks += len(evaluations)
        return evaluations

    def _columns(self, index: int, number: int) -> slice:
        chunk = self._stages[index].chunk
        return slice(number * chunk, (number + 1) * chunk)


class LayerEvaluator:
    """Evaluates candidates for one layer; the activations in front of it are kept."""

    def __init__(self, evaluator: Evaluator, index: int, masks: Sequence[Mask]) -> None:
        self.index = index
        self.evaluator = evaluator
        self._weights = evaluator._weights(masks)
        self._prepared = evaluator._advance(index, self._weights)

    def evaluate(self, candidates: Sequence[Mask]) -> list[Evaluation]:
        """One evaluation for each candidate mask of the layer, in order; together is faster than one by one."""
        stage, own = self.evaluator._stages[self.index], []
        for at in range(0, len(candidates), stage.together):
            own.append(stage.weights(candidates[at : at + stage.together]))
        return self.evaluator._score(self.index, self._prepared, self._weights, own)


def score(logits: Array, labels: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Summed cross-entropy and count of correct images, both shape (candidates,).

    `logits` has shape (candidates, classes, n), `labels` has shape (n,).
    Like Keras, which takes a softmax apart again for its loss: from the logits, with no probability clipped.
    """
    logits = logits - logits.max(axis=1, keepdims=True)
    chosen = logits[:, labels, np.arange(len(labels))]
    hits = chosen == 0
    if np.count_nonzero(logits == 0) > hits.size:  # ties: the first of the largest counts, as in Keras
        hits = logits.argmax(axis=1) == labels
    losses = np.log(np.exp(logits, out=logits).sum(axis=1)) - chosen
    return losses.sum(axis=1, dtype=np.float64), np.count_nonzero(hits, axis=1)


# --- one stage: a prunable layer with what follows it ---------------------------------------------------------------


class Meaning(NamedTuple):
    """What kept values stand for: activations of ``scale * value + offset``."""

    scale: float = 1.0
    offset: float = 0.0


class _Weights(NamedTuple):
    """The kernels of one or several candidates as one matrix, below each other."""

    matrix: Array
    bias: Array | None  # a column; None where the matrix holds the bias itself
    candidates: int


class _Stage:
    """What dense layers and convolutions share.

    Values come in as they are at hand, the weights make up for their scale and offset; for a sigmoid the weights are
    halved as well, so that its values are plain tanh(z/2).
    """

    chunk: int  # images that go through this stage and those behind it at a time
    together: int  # candidates of this stage that do

    def __init__(self, layer: PrunableLayer, meaning: Meaning, output_shape: tuple[int, ...]) -> None:
        self.layer, self.meaning, self.output_shape = layer, meaning, output_shape
        half = 0.5 if layer.activation == "sigmoid" else 1.0
        self.kernel = layer.kernel * np.float32(half * meaning.scale)
        self.bias = layer.bias * np.float32(half)
        self.shift = np.float32(meaning.offset / meaning.scale)  # what the offset adds, for each unit of the kernel
        pooled = layer.pool**2 if layer.pooling == "average" else 1  # a sum of so many stands for their mean
        self.output_meaning = Meaning(half / pooled, 1 - half)

    def prepare(self, values: Array, keep: bool) -> Array | _Windows:
        """What the kernel has no part in, in memory of its own if it is to be kept; `values`: (*input_shape, n)."""
        raise NotImplementedError

    def forward(self, prepared: Array | _Windows, weights: _Weights) -> Array:
        """The output of each candidate, shape (candidates, *output_shape, n), in memory that the next call reuses."""
        raise NotImplementedError

    def follow(self, values: Array, weights: _Weights) -> Array:
        """The same behind another stage, whose output `values` is, with the weights of one candidate."""
        if len(values) == 1:
            return self.forward(self.prepare(values[0], keep=False), weights)
        out = _scratch(f"{self.layer.name} all", (len(values), *self.output_shape, values.shape[-1]))
        for each, target in zip(values, out, strict=True):
            target[...] = self.forward(self.prepare(each, keep=False), weights)[0]
        return out

    def weights(self, masks: Sequence[Mask]) -> _Weights:
        """What `forward` wants, for one candidate mask or several."""
        for mask in masks:
            if np.shape(mask) != self.kernel.shape:
                name, shape = self.layer.name, self.kernel.shape
                raise LessonkitError(f"a mask of shape {np.shape(mask)} does not fit layer {name} of shape {shape}")
        kernels = [self.kernel * mask for mask in masks]
        biases = [self.bias + self.shift * np.add.reduce(kernel, tuple(range(kernel.ndim - 1))) for kernel in kernels]
        return self.arrange(kernels, biases)

    def arrange(self, kernels: list[Array], biases: list[Array]) -> _Weights:
        """The matrix that holds these kernels."""
        raise NotImplementedError

    def activate(self, z: Array) -> None:
        """The activation of z, in place; a softmax is left to `score`, which wants its logits."""
        if self.layer.activation in ("sigmoid", "tanh"):
            np.tanh(z, out=z)
        elif self.layer.activation == "relu":
            np.maximum(z, 0, out=z)

    def pool(self, z: Array, axis: int, out: Array) -> Array:
        """Activation, in place, and the sum or the maximum over the positions of a pooling window."""
        self.activate(z)
        reduce = np.add.reduce if self.layer.pooling == "average" else np.maximum.reduce
        return reduce(z, axis=axis, out=out)


def _stages(network: Network) -> list[_Stage]:
    stages: list[_Stage] = []
    shape, meaning = tuple(network.input_shape), Meaning()
    for layer in network.layers:
        stages.append(_stage(layer, shape, meaning))
        shape, meaning = stages[-1].output_shape, stages[-1].output_meaning
    return stages


def _stage(layer: PrunableLayer, shape: tuple[int, ...], meaning: Meaning) -> _Stage:
    """Raw images, and what a relu leaves, are zero in many places; the output of a sigmoid never is."""
    if not layer.is_convolution:
        return _Dense(layer, meaning)
    return _Convolution(layer, shape, meaning) if meaning.offset else _SparseConvolution(layer, shape, meaning)


class _Dense(_Stage):
    """A dense layer: one product over all features."""

    together = DENSE_CANDIDATES

    def __init__(self, layer: PrunableLayer, meaning: Meaning) -> None:
        super().__init__(layer, meaning, layer.kernel.shape[1:])
        self.chunk = 2 ** min(12, max(8, round(math.log2(DENSE_CHUNK / layer.kernel.size) + 0.5)))

    def prepare(self, values: Array, keep: bool) -> Array:
        flat = values.reshape(-1, values.shape[-1])
        if not keep:
            return flat
        kept = _empty(flat.shape)
        kept[...] = flat
        return kept

    def arrange(self, kernels: list[Array], biases: list[Array]) -> _Weights:
        return _Weights(np.hstack(kernels).T, np.concatenate(biases)[:, np.newaxis], len(kernels))

    def forward(self, prepared: Array | _Windows, weights: _Weights) -> Array:
        assert isinstance(prepared, np.ndarray)
        return self.follow(prepared[np.newaxis], weights)

    def follow(self, values: Array, weights: _Weights) -> Array:
        flat = values.reshape(len(values), -1, values.shape[-1])
        shape = (len(values), len(weights.matrix), values.shape[-1])
        z = np.matmul(weights.matrix, flat, out=_scratch(f"{self.layer.name} z", shape))
        z += weights.bias
        self.activate(z)
        return z.reshape(-1, *self.output_shape, values.shape[-1])


class _AnyConvolution(_Stage):
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

    All that the kernel sees at one height of a strip then lies together, and its products with the kernel need no
    copy. Every row of a strip ends in a one; the first of them carries the bias.
    """

    def prepare(self, values: Array, keep: bool) -> Array:
        """The strips, shape (positions across, rows, width * channels + 1, n)."""
        values = self.pad(values)
        (rows, n), wide = (values.shape[0], values.shape[-1]), self.kernel.shape[1]
        shape = (self.pooled[1] * self.layer.pool, rows, wide * self.channels + 1, n)
        strips = _empty(shape) if keep else _scratch(f"{self.layer.name} strips", shape)
        strips[:, :, -1] = 1
        for x, strip in enumerate(strips):
            strip[:, :-1].reshape(rows, wide, self.channels, n)[...] = values[:, x : x + wide]
        return strips

    def arrange(self, kernels: list[Array], biases: list[Array]) -> _Weights:
        height, width, channels, filters = self.kernel.shape
        matrix = np.zeros((len(kernels), filters, height, width * channels + 1), np.float32)
        for kernel, bias, target in zip(kernels, biases, matrix, strict=True):
            target[:, :, :-1] = np.moveaxis(kernel, -1, 0).reshape(filters, height, width * channels)
            target[:, 0, -1] = bias
        return _Weights(matrix.reshape(len(kernels) * filters, -1), None, len(kernels))

    def forward(self, prepared: Array | _Windows, weights: _Weights) -> Array:
        assert isinstance(prepared, np.ndarray)
        name, pool, n, many = self.layer.name, self.layer.pool, prepared.shape[-1], weights.candidates
        out = _scratch(f"{name} pooled", (many, *self.output_shape, n))
        z = _scratch(f"{name} z", (pool, pool, self.pooled[0], len(weights.matrix), n))
        across, down, along, image = prepared.strides
        shape = (pool, pool, self.pooled[0], weights.matrix.shape[1], n)
        strides = (across, down, pool * down, along, image)
        for x in range(self.pooled[1]):
            seen = as_strided(prepared[x * pool :], shape, strides, writeable=False)
            np.matmul(weights.matrix, seen, out=z)
            positions = z.reshape(pool * pool, self.pooled[0], many, self.filters, n)
            self.pool(positions, axis=0, out=np.moveaxis(out[:, :, x], 1, 0))
        return out


class _Windows(NamedTuple):
    """A chunk of images as one long matrix of the blocks that are not blank, and one blank one for all the rest."""

    matrix: Array  # (tiles, inputs of a block + 1, TILE blocks): the row of ones is for the bias
    column: NDArray[np.intp]  # (rows, columns, n): where each block stands in the matrix


class _SparseConvolution(_AnyConvolution):
    """A block is what the positions of one pooling window see: 6x6 inputs for a 5x5 kernel and 2x2 pooling."""

    def prepare(self, values: Array, keep: bool) -> _Windows:
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
        tiles = _empty((flat.shape[1] // TILE, len(flat), TILE))
        tiles[...] = np.moveaxis(flat.reshape(len(flat), -1, TILE), 1, 0)
        column = np.full(inked.shape, busy)
        column[inked] = np.arange(busy)
        return _Windows(tiles, column)

    def arrange(self, kernels: list[Array], biases: list[Array]) -> _Weights:
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
        return _Weights(np.hstack([blocks.reshape(len(bias), -1), bias]), None, len(kernels))

    def forward(self, prepared: Array | _Windows, weights: _Weights) -> Array:
        assert isinstance(prepared, _Windows)
        name, tiles, many = self.layer.name, len(prepared.matrix), weights.candidates
        sums = _scratch(f"{name} sums", (many, self.filters, tiles, TILE))
        for at in range(0, tiles, TILES):
            few = prepared.matrix[at : at + TILES]
            z = _scratch(f"{name} z", (len(few), len(weights.matrix), TILE))
            np.matmul(weights.matrix, few, out=z)
            positions = z.reshape(len(few), many, -1, self.filters, TILE)
            self.pool(positions, axis=2, out=np.moveaxis(sums[:, :, at : at + TILES], 2, 0))
        out = _scratch(f"{name} pooled", (many, self.filters, prepared.column.size))
        spread = sums.reshape(many, self.filters, -1).take(prepared.column.ravel(), axis=-1, mode="clip", out=out)
        return np.moveaxis(spread.reshape(many, self.filters, *prepared.column.shape), 1, 3)


# --- threads --------------------------------------------------------------------------------------------------------


def processors() -> int:
    """How many processors this program may use, and does."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache(maxsize=1)
def _helpers(_process: int) -> tuple[ThreadPoolExecutor, list[LibController]]:
    executor = ThreadPoolExecutor(max(1, processors() - 1), thread_name_prefix="lessonkit")
    return executor, ThreadpoolController().select(user_api="blas").lib_controllers


def _parallel(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """[function(item) for item in items], several at a time; this thread is one of the workers.

    Each product inside keeps to one processor: the idle threads of a BLAS spin, and would take the others' time.
    """
    executor, libraries = _helpers(os.getpid())
    results: dict[int, Result] = {}
    waiting = deque(enumerate(items))

    def work() -> None:
        while waiting:
            try:
                number, item = waiting.popleft()
            except IndexError:  # another thread took the last one in between
                return
            results[number] = function(item)

    threads = [library.num_threads for library in libraries]
    helpers: list[Future[None]] = []
    try:
        for library in libraries:
            library.set_num_threads(1)
        if len(items) > 1:
            helpers += [executor.submit(work) for _ in range(min(processors(), len(items)) - 1)]
        work()
    finally:
        waiting.clear()  # after an error here the helpers shall stop as well
        failures = [helper.exception() for helper in helpers if not helper.cancel()]
        for library, number in zip(libraries, threads, strict=True):
            library.set_num_threads(number)
    for failure in failures:
        if failure is not None:
            raise failure
    return [results[number] for number in range(len(items))]


# --- memory ---------------------------------------------------------------------------------------------------------


def _empty(shape: tuple[int, ...]) -> Array:
    """An array that starts at a cache line: matrix products of rows that do run half as fast again."""
    size = math.prod(shape)
    memory = np.empty(size + 16, np.float32)
    first = -memory.ctypes.data // 4 % 16
    return memory[first : first + size].reshape(shape)


_memory = threading.local()


def _scratch(name: str, shape: tuple[int, ...]) -> Array:
    """Memory that the same thread uses again the next time it asks for `name`: fresh pages cost more than the sums."""
    size = math.prod(shape)
    buffers: dict[str, Array] = _memory.__dict__.setdefault("buffers", {})
    if name not in buffers or buffers[name].size < size:
        buffers[name] = _empty((size,))
    return buffers[name][:size].reshape(shape)
