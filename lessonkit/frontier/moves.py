"""How much of each layer is kept, as one number per layer; and swaps of single weights, which keep the count."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lessonkit.frontier.mask_problem import join, ranks
from lessonkit.masks import Mask
from lessonkit.networks.network import Network

Densities = NDArray[np.float64]  # log-odds of keeping a weight, one a layer, up to a shift that all share


# --- a few numbers instead of a mask: how much of each layer is kept ------------------------------------------------


def counts_of(densities: Densities, sizes: Sequence[int], kept: int) -> NDArray[np.int64]:
    """Kept weights a layer: the log-odds shifted, all by the same, until they add up to `kept` exactly."""
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


# --- swaps: as many weights restored as pruned ----------------------------------------------------------------------


def biased_swap(weights: NDArray[np.floating]) -> Callable[[Mask, float, np.random.Generator], Mask]:
    """Swaps of a share `rate` of the kept weights that like to prune small magnitudes and to restore large ones.

    A weight is drawn with a chance in proportion to 1/|w| among the kept, and to |w| among the pruned.
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


def network_weights(network: Network) -> NDArray[np.float32]:
    """All prunable weights in the order of a mask vector."""
    return np.concatenate([kernel.ravel() for kernel in network.kernels])
