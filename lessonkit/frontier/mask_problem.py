"""A whole network's mask as one boolean vector: the frontier's candidate, its counted problem, and a swap of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lessonkit.engine.evaluator import Evaluator
from lessonkit.engine.gradient import activations
from lessonkit.errors import LessonkitError
from lessonkit.experiments.store import logged
from lessonkit.masks import Mask, Masks
from lessonkit.networks.mnist import Split
from lessonkit.networks.network import Network
from lessonkit.problem import Evaluation, Problem, Scored


def join(masks: Sequence[Mask]) -> Mask:
    """All layers' masks, flattened and joined: shape (prunable weights,)."""
    return np.concatenate([np.ravel(mask) for mask in masks])


def split(vector: Mask, network: Network) -> Masks:
    """The masks that `join` joined."""
    ends = np.cumsum([kernel.size for kernel in network.kernels])
    if vector.shape != (ends[-1],):
        raise LessonkitError(f"a mask vector of shape {vector.shape} does not fit {ends[-1]} prunable weights")
    parts = np.split(vector, ends[:-1])
    return tuple(part.reshape(kernel.shape) for part, kernel in zip(parts, network.kernels, strict=True))


def kept_at(network: Network, sparsity: float) -> int:
    """How many weights are left at a global sparsity: all but exactly round(sparsity * weights)."""
    if not 0 <= sparsity < 1:
        raise LessonkitError(f"a sparsity of {sparsity} is out of range: choose 0 or more, and less than 1")
    return network.prunable_weights - round(sparsity * network.prunable_weights)


class MaskProblem(Problem[Mask]):
    """The loss of whole-network masks on some images, at exactly `kept` weights; every evaluation counts.

    Dense layers have most of the weights and do little of the work. While a search leaves the convolutions as they are,
    their output is kept.

    Parameters
    ----------
    images : what the search may see: training or validation images, never the test's.
    kept : weights that every candidate must keep; None allows any number.
    """

    def __init__(self, network: Network, images: Split, kept: int | None, budget: int | None = None) -> None:
        super().__init__(self._costs, budget)
        self.network, self.images, self.kept = network, images, kept
        self.convolutions = sum(layer.is_convolution for layer in network.layers)
        self.front = sum(kernel.size for kernel in network.kernels[: self.convolutions])
        self._whole: Evaluator | None = None
        self._asked: bytes = b""
        self._tail: tuple[bytes, Network, Split, Evaluator] | None = None

    def evaluate(self, vector: Mask) -> Evaluation:
        """What a mask achieves; not counted."""
        if self.kept is not None and np.count_nonzero(vector) != self.kept:
            raise LessonkitError(f"a candidate keeps {np.count_nonzero(vector)} weights, and should keep {self.kept}")
        evaluator, masks = self._chosen(vector)
        return logged(lambda candidates: [evaluator.evaluate(masks)])([vector])[0]

    def _chosen(self, vector: Mask) -> tuple[Evaluator, Masks]:
        """What evaluates a mask: the whole network, or its dense layers behind convolutions that were masked before."""
        masks = split(vector, self.network)
        if not self.convolutions:
            return self._evaluator(), masks
        key = vector[: self.front].tobytes()
        if self._tail is None or self._tail[0] != key:
            if key != self._asked:  # once is no reason to keep the activations: most such proposals are refused
                self._asked = key
                return self._evaluator(), masks
            self.tail(vector)
        assert self._tail is not None
        return self._tail[3], masks[self.convolutions :]

    def tail(self, vector: Mask) -> tuple[Network, Split]:
        """The dense layers as a network of their own, and its input, the output of the masked convolutions."""
        key = vector[: self.front].tobytes()
        if self._tail is None or self._tail[0] != key:
            masks = split(vector, self.network)
            seen = activations(self.network, masks, self.images.images, self.convolutions)
            rest = Network(seen.shape[1:], self.network.layers[self.convolutions :], self.network.total_layers)
            features = Split(seen, self.images.labels)
            self._tail = (key, rest, features, Evaluator(rest, seen, self.images.labels))
        return self._tail[1], self._tail[2]

    def _evaluator(self) -> Evaluator:
        if self._whole is None:
            self._whole = Evaluator(self.network, self.images.images, self.images.labels)
        return self._whole

    def _costs(self, candidates: Sequence[Mask]) -> list[Scored[Mask]]:
        scored: list[Scored[Mask]] = []
        for vector in candidates:
            evaluation = self.evaluate(vector)
            scored.append(Scored(evaluation.loss, evaluation, 1 - np.count_nonzero(vector) / vector.size))
        return scored


def ranks(scores: Sequence[NDArray[np.floating]]) -> list[NDArray[np.int64]]:
    """For each layer, the rank of each weight by score: 0 is the highest; equal scores keep their order."""
    return [np.argsort(np.argsort(-layer, axis=None, kind="stable")).reshape(layer.shape) for layer in scores]


def network_weights(network: Network) -> NDArray[np.float32]:
    """All prunable weights in the order of a mask vector."""
    return np.concatenate([kernel.ravel() for kernel in network.kernels])


def biased_swap(weights: NDArray[np.floating]) -> Callable[[Mask, float, np.random.Generator], Mask]:
    """A move that swaps a share `rate` of the kept weights, and mostly prunes small magnitudes and restores large ones.

    A weight is drawn with a chance proportional to 1/|w| among the kept, and to |w| among the pruned.
    """
    magnitude = np.maximum(np.abs(weights), 1e-12)

    def swap(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
        k = min(max(1, round(rate * np.count_nonzero(mask))), np.count_nonzero(mask), np.count_nonzero(~mask))
        # Efraimidis & Spirakis (2006): the k smallest of exponential times are a weighted draw without replacement
        times = rng.exponential(size=mask.size) * np.where(mask, magnitude, 1 / magnitude)
        child = mask.copy()
        for side in (True, False):
            members = np.flatnonzero(mask == side)
            child[members[np.argsort(times[members])[:k]]] = not side
        return child

    return swap
