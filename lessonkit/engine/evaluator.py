"""Loss and accuracy of masked networks, fast: only what the searched layer's mask changes is computed again.

       images --> [Conv1] --> [Conv2] --> [FC1] --> [FC2] --> [Output] --> loss, accuracy
                  `------- kept ------'   `---- again for each candidate ----'
                  computed once: the        FC1's weights are the candidate's, those
                  input of FC1              behind it are shared by all candidates

Five ideas, each worth a factor:

1. The layers in front of the searched one do not change: their output is computed once and kept, as drawn above.
2. The last axis runs over images, so every layer is a matrix product with long rows, and pooling is a sum of rows.
3. On raw images, a convolution and its pooling are one product, and blank blocks of the image are not computed at all
   (drawn in `lessonkit.engine.stages`).
4. sigmoid(z) = 1/2 + tanh(z/2)/2, and numpy's tanh runs at vector speed. The halves are not applied to the many
   activations but to the few weights on either side of them (see `Stage`).
5. Chunks of images go through all layers while they are in a processor's cache, one chunk on each processor at a time
   (`lessonkit.engine.threads`).

The chunks do not depend on the number of processors, so the results do not either.
"""

from __future__ import annotations

import copy
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lessonkit.engine.stages import Weights, Windows, stages_of
from lessonkit.engine.threads import parallel
from lessonkit.errors import LessonkitError
from lessonkit.masks import Mask
from lessonkit.networks.network import Network
from lessonkit.problem import Evaluation

Array = NDArray[np.float32]


@dataclass
class Meter:
    """What a piece of code really computed, in whatever way: masks evaluated, and images that gradients looked at."""

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
        self._stages = stages_of(network)
        pixels = np.ascontiguousarray(np.moveaxis(np.asarray(images, np.float32), 0, -1))
        self._entrance = self._prepare(0, pixels)

    @property
    def images(self) -> int:
        """How many images an evaluation looks at."""
        return len(self.labels)

    @cached_property
    def images_digest(self) -> str:
        """SHA-256 of the images and labels; equal for the same ones in the same order."""
        digest = hashlib.sha256(np.ascontiguousarray(self.labels).data)
        for part in self._entrance:
            for array in part if isinstance(part, tuple) else (part,):
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def evaluate(self, masks: Sequence[Mask]) -> Evaluation:
        """Loss and accuracy of the whole network under `masks`, one per layer."""
        weights = self._weights(masks)
        return self._score(0, self._entrance, weights, weights[:1])[0]

    def layer(self, index: int, masks: Sequence[Mask]) -> LayerEvaluator:
        """An evaluator for candidates of layer `index` (from 0), with all other layers masked by `masks`."""
        return LayerEvaluator(self, index, masks)

    def with_network(self, network: Network) -> Evaluator:
        """An evaluator of other weights and biases in the same architecture, on the same prepared images."""
        if [layer.kernel.shape for layer in network.layers] != [kernel.shape for kernel in self.network.kernels]:
            raise LessonkitError("the other network's layers have different shapes: make a new Evaluator")
        other = copy.copy(self)
        other.network, other._stages = network, stages_of(network)
        return other

    # --- the layers in front, the searched layer, the layers behind ---

    def _weights(self, masks: Sequence[Mask]) -> list[Weights]:
        if len(masks) != len(self._stages):
            raise LessonkitError(f"got {len(masks)} masks for {len(self._stages)} layers: give one per layer, in order")
        return [stage.weights([mask]) for stage, mask in zip(self._stages, masks, strict=True)]

    def _prepare(self, index: int, values: Array) -> list[Array | Windows]:
        """All work on the input of a stage that does not involve its kernel, chunk by chunk."""
        stage = self._stages[index]
        starts = range(0, self.images, stage.chunk)
        return parallel(lambda start: stage.prepare(values[..., start : start + stage.chunk], keep=True), starts)

    def _advance(self, stop: int, weights: list[Weights]) -> list[Array | Windows]:
        """The prepared input of stage `stop`, computed from the network's own input."""
        if stop == 0:
            return self._entrance
        values = np.empty((*self._stages[stop - 1].output_shape, self.images), np.float32)

        def one_chunk(number: int) -> None:
            values[..., self._columns(0, number)] = self._through(0, stop, self._entrance[number], weights)[0]

        parallel(one_chunk, range(len(self._entrance)))
        return self._prepare(stop, values)

    def _through(self, index: int, stop: int, prepared: Array | Windows, weights: list[Weights]) -> Array:
        """One chunk through the stages from `index` up to `stop`: shape (candidates, *output_shape, n)."""
        values = self._stages[index].forward(prepared, weights[0])
        for stage, behind in zip(self._stages[index + 1 : stop], weights[1:], strict=False):
            values = stage.follow(values, behind)
        return values

    def _score(
        self, index: int, prepared: list[Array | Windows], weights: list[Weights], own: Sequence[Weights]
    ) -> list[Evaluation]:
        """An evaluation for each candidate in `own`, weights of stage `index`; the stages behind it have `weights`."""

        def one_job(job: tuple[Weights, int]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
            candidates, number = job
            logits = self._through(index, len(self._stages), prepared[number], [candidates, *weights[index + 1 :]])
            return score(logits, self.labels[self._columns(index, number)])

        jobs = list(itertools.product(own, range(len(prepared))))
        results = iter(parallel(one_job, jobs))
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
    The loss is computed from the logits, with no probability clipped, as Keras does, which undoes a softmax for it.
    """
    logits = logits - logits.max(axis=1, keepdims=True)
    chosen = logits[:, labels, np.arange(len(labels))]
    hits = chosen == 0
    if np.count_nonzero(logits == 0) > hits.size:  # ties: the first of the largest counts, as in Keras
        hits = logits.argmax(axis=1) == labels
    losses = np.log(np.exp(logits, out=logits).sum(axis=1)) - chosen
    return losses.sum(axis=1, dtype=np.float64), np.count_nonzero(hits, axis=1)
