"""Pruning masks: boolean arrays, True keeps the weight. Two sparsities, and the moves a search makes.

No function changes its arguments: a move returns a new mask that shares no memory with the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Masks = tuple[Mask, ...]  # one mask a prunable layer, in layer order


def keep_all(shapes: Iterable[tuple[int, ...]]) -> Masks:
    """The masks that prune nothing, for layers of these weight shapes."""
    return tuple(np.ones(shape, dtype=bool) for shape in shapes)


def replace_layer(masks: Sequence[Mask], index: int, mask: Mask) -> Masks:
    """`masks` with the one of layer `index` exchanged."""
    return (*masks[:index], mask, *masks[index + 1 :])


# --- how much is pruned ---------------------------------------------------------------------------------------------


def layer_sparsities(masks: Sequence[Mask]) -> NDArray[np.float64]:
    """The pruned share of each layer, shape (layers,), values in [0, 1]."""
    return np.array([1.0 - np.count_nonzero(mask) / np.size(mask) for mask in masks])


def mean_layer_sparsity(masks: Sequence[Mask]) -> float:
    """The plain mean of the layers' sparsities: 150 weights of Conv1 count as much as 48,000 of FC1.

    This is the number that the published experiment reports.
    """
    return float(np.mean(layer_sparsities(masks)))


def global_sparsity(masks: Sequence[Mask]) -> float:
    """Pruned weights over all weights: what the written formula of the experiment says, and what saves memory."""
    return 1.0 - sum(np.count_nonzero(mask) for mask in masks) / sum(np.size(mask) for mask in masks)


# --- moves ----------------------------------------------------------------------------------------------------------


def flip(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    """Flip each bit independently with probability `rate`: pruned weights can come back."""
    return mask ^ (rng.random(mask.shape) < rate)


def prune_only(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    """Prune each kept weight with probability `rate`; a pruned weight never comes back (what the experiment did)."""
    return mask & ~(rng.random(mask.shape) < rate)


def swap(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    """Prune `k` kept weights and restore `k` pruned ones, fewer where there are fewer: the sparsity stays."""
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    swapped = mask.copy()
    swapped.flat[rng.choice(kept, k, replace=False)] = False
    swapped.flat[rng.choice(pruned, k, replace=False)] = True
    return swapped
