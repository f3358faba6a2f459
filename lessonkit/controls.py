"""The controls: masks made without a search. Every table of the course shows them beside the searches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonkit.masks import Mask, Masks


def lowest_pruned(scores: ArrayLike, sparsity: float) -> Mask:
    """Prune the round(sparsity * size) lowest scores; among equal ones, those that come first."""
    values = np.asarray(scores)
    mask = np.ones(values.size, dtype=bool)
    mask[np.argsort(values, axis=None, kind="stable")[: round(sparsity * values.size)]] = False
    return mask.reshape(values.shape)


def magnitude_mask(weights: ArrayLike, sparsity: float) -> Mask:
    """Prune the round(sparsity * size) weights of one layer with the smallest magnitudes (Han et al. 2015)."""
    return lowest_pruned(np.abs(weights), sparsity)


def magnitude_per_layer(kernels: Sequence[NDArray[np.float32]], sparsities: ArrayLike) -> Masks:
    """`magnitude_mask` for each layer; `sparsities` is one number for all layers, or one per layer."""
    each = np.broadcast_to(np.asarray(sparsities, float), (len(kernels),))
    return tuple(magnitude_mask(kernel, float(share)) for kernel, share in zip(kernels, each, strict=True))


def magnitude_global(kernels: Sequence[NDArray[np.float32]], sparsity: float) -> Masks:
    """Prune the smallest magnitudes of the whole network together: the layers' own sparsities may differ widely."""
    return masks_by_scores([np.abs(kernel) for kernel in kernels], sparsity)


def masks_by_scores(scores: Sequence[NDArray[np.floating]], sparsity: float) -> Masks:
    """Prune the round(sparsity * weights) lowest scores of all layers together; one mask per layer."""
    joined = lowest_pruned(np.concatenate([layer.ravel() for layer in scores]), sparsity)
    ends = np.cumsum([layer.size for layer in scores])[:-1]
    return tuple(part.reshape(layer.shape) for part, layer in zip(np.split(joined, ends), scores, strict=True))


def random_masks(shapes: Sequence[tuple[int, ...]], sparsities: ArrayLike, rng: np.random.Generator) -> Masks:
    """Prune weights at random, in each layer the share in `sparsities`: one number for all, or one per layer."""
    each = np.broadcast_to(np.asarray(sparsities, float), (len(shapes),))
    return tuple(lowest_pruned(rng.random(shape), float(share)) for shape, share in zip(shapes, each, strict=True))
