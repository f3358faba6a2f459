"""Measures for comparing stochastic searches: evaluations spent, the uncertainty of a mean, the Pareto front."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def evaluations_of_annealing(iterations: int, layers: int) -> int:
    """All calls of the cost, including that for the start of each layer: layers * (iterations + 1)."""
    return layers * (iterations + 1)


def evaluations_of_genetic(generations: int, population: int, elite: int, layers: int) -> int:
    """The first populations and all children: layers * (population + generations * (population - elite))."""
    return layers * (population + generations * (population - elite))


def bootstrap_interval(
    values: ArrayLike, rng: np.random.Generator, level: float = 0.95, resamples: int = 2000
) -> tuple[float, float]:
    """A confidence interval (low, high) of the mean, by the percentile bootstrap (Efron 1979).

    `values`, shape (n,), are drawn `resamples` times, n at a time with replacement. The interval holds the middle
    `level` of the means of these draws.
    """
    sample = np.asarray(values, float)
    means = rng.choice(sample, size=(resamples, len(sample)), replace=True).mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def pareto_front(points: ArrayLike) -> list[int]:
    """Indices, ascending, of the rows (loss, sparsity) that no other row dominates; `points` has shape (n, 2).

    A low loss and a high sparsity are good. A row dominates another if it is at least as good in both columns and
    better in one; of two equal rows neither dominates the other.
    """
    rows = np.asarray(points, float).reshape(-1, 2)
    loss, sparsity = rows[:, 0], rows[:, 1]
    as_good = (loss[:, None] <= loss) & (sparsity[:, None] >= sparsity)
    better = (loss[:, None] < loss) | (sparsity[:, None] > sparsity)
    return [int(index) for index in np.flatnonzero(~(as_good & better).any(axis=0))]
