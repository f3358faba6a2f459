"""Problems so small that brute force knows their answer; what the searches' tests are held against."""

from __future__ import annotations

import itertools

import numpy as np

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
