"""Problems so small that brute force knows their answer, and a network so small that it is quick; shared by tests."""

from __future__ import annotations

import itertools

import numpy as np

from lessonkit.networks.mnist import Split
from lessonkit.networks.network import Network, PrunableLayer
from lessonkit.problem import Problem

BITS = 8


class Rugged:
    """A random quadratic cost over masks of `BITS` bits, its optimum found by looking at all of them.

    It notes every batch that it is asked for, independently of what `Problem` counts.
    """

    def __init__(self, seed: int = 0, shape: tuple[int, ...] = (2, 4), interrupt_at: int | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.couplings = rng.normal(size=(BITS, BITS))
        self.shape = shape
        self.interrupt_at = interrupt_at
        self.batches: list[list[np.ndarray]] = []
        self.optimum = min(self.of(np.array(bits)) for bits in itertools.product([False, True], repeat=BITS))

    def of(self, mask: np.ndarray) -> float:
        bits = mask.ravel().astype(float)
        return float(bits @ self.couplings @ bits) + 20

    def score(self, masks):
        if self.interrupt_at is not None and self.seen + len(masks) > self.interrupt_at:
            raise KeyboardInterrupt
        self.batches.append([mask.copy() for mask in masks])
        return [self.of(mask) for mask in masks]

    @property
    def seen(self) -> int:
        return sum(len(batch) for batch in self.batches)

    @property
    def costs(self) -> list[float]:
        return [self.of(mask) for batch in self.batches for mask in batch]

    def problem(self, budget: int | None = None) -> Problem:
        return Problem(self.score, budget)

    def start(self) -> np.ndarray:
        return np.ones(self.shape, bool)


SHAPE = (10, 10, 1)


def tiny(pooling: str = "average", activation: str = "sigmoid", seed: int = 0) -> Network:
    """Two convolutions and two dense layers, 216 weights."""
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> dict[str, np.ndarray]:
        kernel = rng.normal(size=shape).astype(np.float32)
        return {"kernel": kernel, "bias": rng.normal(size=shape[-1]).astype(np.float32)}

    layers = (
        PrunableLayer("a", **weights(3, 3, 1, 2), activation=activation, padding="same", pool=2, pooling=pooling),
        PrunableLayer("b", **weights(2, 2, 2, 3), activation=activation, padding="valid", pool=2, pooling=pooling),
        PrunableLayer("c", **weights(12, 10), activation=activation),
        PrunableLayer("d", **weights(10, 4), activation="softmax"),
    )
    return Network(SHAPE, layers, 4)


def tiny_images() -> Split:
    """300 random images for `tiny`, of four classes."""
    rng = np.random.default_rng(1)
    return Split(rng.random((300, *SHAPE), dtype=np.float32), rng.integers(0, 4, 300))


def some_masks(network: Network, seed: int = 0):
    rng = np.random.default_rng(seed)
    return tuple(rng.random(kernel.shape) < 0.6 for kernel in network.kernels)
