"""Layer densities: how much of each layer is kept, as one number per layer instead of one bit per weight."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lessonkit.frontier.mask_problem import join, ranks
from lessonkit.masks import Mask

Densities = NDArray[np.float64]  # log-odds of keeping a weight, one per layer; a shift that all share changes nothing


def counts_of(densities: Densities, sizes: Sequence[int], kept: int) -> NDArray[np.int64]:
    """Kept weights per layer: all log-odds are shifted by the same amount, so that the counts add up to `kept`."""
    size = np.asarray(sizes)
    low, high = -60.0 - np.max(densities), 60.0 - np.min(densities)
    for _ in range(60):
        middle = (low + high) / 2
        few = (size / (1 + np.exp(-np.clip(densities + middle, -60, 60)))).sum() < kept
        low, high = (middle, high) if few else (low, middle)
    exact = size / (1 + np.exp(-np.clip(densities + middle, -60, 60)))
    counts = np.minimum(np.floor(exact).astype(np.int64), size)
    for layer in np.argsort(-(size - counts)):  # what rounding left over goes where there is most room
        counts[layer] += min(kept - counts.sum(), size[layer] - counts[layer])
    return np.asarray(counts)


def density_masks(scores: Sequence[NDArray[np.floating]], kept: int) -> Callable[[Densities], Mask]:
    """A function from densities to the mask vector that keeps the highest scores inside each layer."""
    places, sizes = ranks(scores), [layer.size for layer in scores]

    def mask(densities: Densities) -> Mask:
        counts = counts_of(densities, sizes, kept)
        return join([place < count for place, count in zip(places, counts, strict=True)])

    return mask


def densities_of(masks: Sequence[Mask]) -> Densities:
    """The densities of given masks."""
    share = np.array([np.clip(mask.mean(), 0.5 / mask.size, 1 - 0.5 / mask.size) for mask in masks])
    return np.asarray(np.log(share / (1 - share)))


def density_move(densities: Densities, rate: float, rng: np.random.Generator) -> Densities:
    """A normal step of size `rate` in about half of the layers."""
    chosen = rng.random(len(densities)) < 0.5
    chosen[rng.integers(len(densities))] = True
    return densities + rate * chosen * rng.normal(size=len(densities))
