"""The trained weights that ship with the package: where they lie, and the network around them, without TensorFlow."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lessonkit.errors import LessonkitError
from lessonkit.files import read_arrays
from lessonkit.networks.mnist import data_here
from lessonkit.networks.network import Network, PrunableLayer

ASSETS = Path(__file__).parents[1] / "assets"
NETWORKS = 3  # trained networks that ship for MNIST: numbers 0, 1, 2; the stand-in has number 0 alone


def read_weights(path: str | os.PathLike[str]) -> dict[str, NDArray[np.float32]]:
    """The arrays of a weights file, ``NAME/kernel`` and ``NAME/bias``."""
    return read_arrays(path, "weights (python -m lessonkit train makes them)")


def weights_of(network: Network) -> dict[str, NDArray[np.float32]]:
    """A network's kernels and biases under the names that a weights file has."""
    arrays = {f"{layer.name}/kernel": layer.kernel for layer in network.layers}
    return arrays | {f"{layer.name}/bias": layer.bias for layer in network.layers}


def shipped_weights(data: str = "mnist", network: int = 0) -> Path:
    """Where the trained weights lie that come with the package."""
    path = ASSETS / f"{data}-{network}.npz"
    if not path.is_file():
        have = ", ".join(sorted(file.stem for file in ASSETS.glob("*-[0-9].npz")))
        raise LessonkitError(f"no trained weights ship for {data!r}, network {network}: there are {have}")
    return path


def load_network(data: str | None = None, network: int = 0) -> Network:
    """The trained, unpruned LeNet-5 that ships with the package, without TensorFlow; in milliseconds.

    Parameters
    ----------
    data : "mnist" or "standin"; None: those that lie on this machine, see
        `lessonkit.networks.mnist.data_here`. MNIST that `load_mnist` would first download is not there yet.
    network : which of the shipped trainings: 0, 1 or 2 for MNIST, 0 for the stand-in.
    """
    return lenet5(read_weights(shipped_weights(data or data_here(), network)))


def lenet5(arrays: Mapping[str, NDArray[np.float32]]) -> Network:
    """LeNet-5 around given weights; the same network as `lenet.build_lenet`, which a test holds it to."""

    def layer(name: str, position: int, activation: str = "sigmoid", padding: str = "", pool: int = 1) -> PrunableLayer:
        kernel, bias = arrays[f"{name}/kernel"], arrays[f"{name}/bias"]
        return PrunableLayer(name, kernel, bias, activation, padding, pool, "average", position)

    layers = (
        layer("Conv1", 0, padding="same", pool=2),
        layer("Conv2", 2, padding="valid", pool=2),
        layer("FC1", 5),
        layer("FC2", 6),
        layer("Output", 7, activation="softmax"),
    )
    return Network((28, 28, 1), layers, total_layers=8)
