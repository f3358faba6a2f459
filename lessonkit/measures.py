"""Comparing stochastic searches: how many evaluations they spend, how sure a mean is, what dominates what."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def evaluations_of_annealing(iterations: int, layers: int) -> int:
    """Every call of the cost, the first one of each layer too: layers * (iterations + 1)."""
    return layers * (iterations + 1)


def evaluations_of_genetic(generations: int, population: int, elite: int, layers: int) -> int:
    """The initial populations and all children: layers * (population + generations * (population - elite))."""
    return layers * (population + generations * (population - elite))


def bootstrap_interval(
    values: ArrayLike, rng: np.random.Generator, level: float = 0.95, resamples: int = 2000
) -> tuple[float, float]:
    """The percentile bootstrap interval of the mean (Efron 1979): quantiles of the means of resampled values."""
    sample = np.asarray(values, float)
    means = rng.choice(sample, size=(resamples, len(sample)), replace=True).mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def pareto_front(points: ArrayLike) -> list[int]:
    """Indices, ascending, of the non-dominated rows of (loss, sparsity): a low loss and a high sparsity are good.

    A row is dominated where another is at least as good in both columns and better in one; equal rows keep each other.
    """
    rows = np.asarray(points, float).reshape(-1, 2)
    loss, sparsity = rows[:, 0], rows[:, 1]
    as_good = (loss[:, None] <= loss) & (sparsity[:, None] >= sparsity)
    better = (loss[:, None] < loss) | (sparsity[:, None] > sparsity)
    return [int(index) for index in np.flatnonzero(~(as_good & better).any(axis=0))]
