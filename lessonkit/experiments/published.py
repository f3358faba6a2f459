"""The published run, layer by layer (Colab Pro, TensorFlow 2.17, one seed): what the labs and tables compare with."""

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
TRAINED_LOSS = 0.0895  # of the trained, unpruned network on the test images
# Before the first layer of each run; the published final costs fit TRAINED_LOSS better (lesson 2).
BASELINE_LOSS: Mapping[str, float] = MappingProxyType({"annealing": 0.0959, "genetic": 0.0953})


def global_from_mean(mean_layer_sparsities: ArrayLike) -> NDArray[np.float64]:
    """The global sparsity after each layer, from the published means over layers, shape (5,) for both.

    Each layer raises the mean by a fifth of its own sparsity, which gives that back; then every weight counts alike.
    """
    own = np.diff(np.asarray(mean_layer_sparsities, float), prepend=0.0) * len(LAYERS)
    return np.cumsum(own * WEIGHTS) / sum(WEIGHTS)
