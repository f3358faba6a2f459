"""Every published figure that the course compares with; lessons, labs, tables and plots read them from here.

The published experiment is one run of each search (Colab Pro, TensorFlow 2.17, one seed), layer by layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

LAYERS = ("Conv1", "Conv2", "FC1", "FC2", "Output")
WEIGHTS = (150, 2_400, 48_000, 10_080, 840)  # prunable ones; biases are never masked


class Point(NamedTuple):
    """The network after a layer was pruned; the sparsity is the mean over all five layers, as published."""

    accuracy: float
    loss: float
    mean_layer_sparsity: float


PATHS: Mapping[str, tuple[Point, ...]] = MappingProxyType(
    {
        "annealing": (
            Point(0.9628, 0.1242, 0.1333),
            Point(0.9152, 0.3643, 0.2528),
            Point(0.8638, 0.7489, 0.3617),
            Point(0.8759, 0.8747, 0.3986),
            Point(0.8744, 0.9923, 0.4384),
        ),
        "genetic": (
            Point(0.9646, 0.1244, 0.1120),
            Point(0.8999, 0.3715, 0.2234),
            Point(0.8601, 0.7384, 0.3389),
            Point(0.8763, 0.8406, 0.3860),
            Point(0.8902, 0.9442, 0.4133),
        ),
    }
)
# The network after all layers, and the seconds that the search took.
PUBLISHED: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        name: PATHS[name][-1]._asdict() | {"seconds": seconds}
        for name, seconds in (("annealing", 703.0), ("genetic", 1666.0))
    }
)
TRAINED_ACCURACY, TRAINED_LOSS = 0.9723, 0.0895  # of the trained, unpruned network on the test images
# Before the first layer of each run; the published final costs fit TRAINED_LOSS better (lesson 2).
BASELINE_LOSS: Mapping[str, float] = MappingProxyType({"annealing": 0.0959, "genetic": 0.0953})


def global_from_mean(mean_layer_sparsities: ArrayLike) -> NDArray[np.float64]:
    """The global sparsity after each layer, from the published means over layers, shape (5,) for both.

    Each layer raises the mean by a fifth of its own sparsity, from which that follows; then every weight counts alike.
    """
    own = np.diff(np.asarray(mean_layer_sparsities, float), prepend=0.0) * len(LAYERS)
    return np.cumsum(own * WEIGHTS) / sum(WEIGHTS)


# Yu et al. 2022, "The Combinatorial Brain Surgeon": one-shot masks of MLPNet, test accuracy in % by global sparsity;
# about 94 unpruned.
MLPNET: Mapping[str, Mapping[float, float]] = MappingProxyType(
    {
        "magnitude": {0.8: 92.89, 0.9: 90.30, 0.95: 83.64, 0.98: 32.25},
        "WoodFisher": {0.8: 93.13, 0.9: 90.77, 0.95: 83.16, 0.98: 34.55},
        "CBS-S": {0.8: 93.59, 0.9: 92.37, 0.95: 88.24, 0.98: 66.64},
    }
)
