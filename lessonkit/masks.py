"""Pruning masks (boolean arrays in which True keeps the weight), two kinds of sparsity, and the moves of a search.

No function changes its arguments: a move returns a new mask that shares no memory with the old one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Masks = tuple[Mask, ...]  # one mask per prunable layer, in layer order


def keep_all(shapes: Iterable[tuple[int, ...]]) -> Masks:
    """Masks that prune nothing, one for each of these shapes."""
    return tuple(np.ones(shape, dtype=bool) for shape in shapes)


def replace_layer(masks: Sequence[Mask], index: int, mask: Mask) -> Masks:
    """All of `masks`, but with `mask` for layer `index`."""
    return (*masks[:index], mask, *masks[index + 1 :])


# --- how much is pruned ---------------------------------------------------------------------------------------------


def layer_sparsities(masks: Sequence[Mask]) -> NDArray[np.float64]:
    """The pruned share of each layer, shape (layers,), values in [0, 1]."""
    return np.array([1.0 - np.count_nonzero(mask) / np.size(mask) for mask in masks])


def mean_layer_sparsity(masks: Sequence[Mask]) -> float:
    """The plain mean of the layers' sparsities: the 150 weights of Conv1 count as much as the 48,000 of FC1.

    This is the number that the published experiment reports.
    """
    return float(np.mean(layer_sparsities(masks)))


def global_sparsity(masks: Sequence[Mask]) -> float:
    """Pruned weights divided by all weights: the experiment's written formula, and the share of memory saved."""
    return 1.0 - sum(np.count_nonzero(mask) for mask in masks) / sum(np.size(mask) for mask in masks)


# --- moves ----------------------------------------------------------------------------------------------------------


def flip(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    """Flip each bit independently with probability `rate`, so that pruned weights can come back."""
    return mask ^ (rng.random(mask.shape) < rate)


def prune_only(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    """Prune each kept weight with probability `rate`; none comes back (as in the published experiment)."""
    return mask & ~(rng.random(mask.shape) < rate)
