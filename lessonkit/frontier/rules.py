"""Scores that need no search: what the rules of the literature say about each weight. The highest are kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lessonkit.controls import masks_by_scores
from lessonkit.engine.gradient import loss_gradient
from lessonkit.masks import Masks
from lessonkit.networks.mnist import Split
from lessonkit.networks.network import Network

Array = NDArray[np.float32]


def magnitude_scores(kernels: Sequence[Array]) -> list[Array]:
    """|w| (Han et al. 2015)."""
    return [np.abs(kernel) for kernel in kernels]


def lamp_scores(kernels: Sequence[Array]) -> list[NDArray[np.float64]]:
    """w^2 divided by the sum of all squares in the layer that are not smaller: LAMP (Lee et al. 2021)."""
    scores = []
    for kernel in kernels:
        squares = np.square(kernel.ravel(), dtype=np.float64)
        order = np.argsort(squares, kind="stable")
        rest = np.cumsum(squares[order][::-1])[::-1]
        score = np.empty_like(squares)
        score[order] = squares[order] / np.maximum(rest, 1e-300)
        scores.append(score.reshape(kernel.shape))
    return scores


def damage_scores(network: Network, images: Split, rng: np.random.Generator) -> list[Array]:
    """1/2 h w^2 with the diagonal of the Fisher information for h: Optimal Brain Damage (LeCun et al. 1990)."""
    found = loss_gradient(network, network.keep_all(), images.images, images.labels, rng=rng)
    parts = zip(found.each, network.kernels, strict=True)
    return [0.5 / len(images) * each.squared(kernel.shape) * np.square(kernel) for each, kernel in parts]


def taylor_scores(network: Network, images: Split) -> list[Array]:
    """|g w|, the first-order change of the loss (Molchanov et al. 2017); SNIP (Lee et al. 2019), after training."""
    slopes = loss_gradient(network, network.keep_all(), images.images, images.labels).slopes
    return [np.abs(slope * kernel) for slope, kernel in zip(slopes, network.kernels, strict=True)]


def learned_masks(
    network: Network,
    images: Split,
    sparsity: float,
    rng: np.random.Generator,
    *,
    epochs: float = 2.0,
    batch: int = 128,
    rate: float = 1.0,
) -> tuple[Masks, int]:
    """A mask learned by gradient descent with the straight-through estimator (Ramanujan et al. 2020, edge-popup).

    Each weight has a score, at first its magnitude; the highest are kept; the gradient of the loss with respect to
    the mask moves the scores as if keeping were gradual (Bengio et al. 2013). The rate is in units of the mean
    magnitude over the mean gradient.

    Returns
    -------
    The masks, and how many images were looked at.
    """
    scores = [np.abs(kernel) for kernel in network.kernels]
    typical = float(np.mean(np.concatenate([score.ravel() for score in scores])))
    steps = max(1, round(epochs * len(images) / batch))
    momentum = [np.zeros_like(score) for score in scores]
    for step in range(steps):
        masks = masks_by_scores(scores, sparsity)
        chosen = rng.choice(len(images), min(batch, len(images)), replace=False)
        slopes = loss_gradient(network, masks, images.images[chosen], images.labels[chosen]).slopes
        pulls = [slope * kernel for slope, kernel in zip(slopes, network.kernels, strict=True)]
        mean = np.mean(np.abs(np.concatenate([pull.ravel() for pull in pulls]))) + 1e-12
        pace = np.float32(0.01 * rate * typical / mean * (1 - step / steps))
        for score, moving, pull in zip(scores, momentum, pulls, strict=True):
            moving *= np.float32(0.9)
            moving += pull
            score -= pace * moving
    return masks_by_scores(scores, sparsity), steps * min(batch, len(images))
