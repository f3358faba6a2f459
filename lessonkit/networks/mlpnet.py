"""MLPNet, 784-40-20-10 with ReLU: the small network on which Yu et al. (2022) compare one-shot pruning."""

from __future__ import annotations

from typing import Any

from lessonkit.networks.network import Network, PrunableLayer
from lessonkit.networks.weights import ASSETS, read_weights

SIZES = (784, 40, 20, 10)
WEIGHTS = "mlpnet-mnist.npz"


def mlpnet(arrays: dict[str, Any]) -> Network:
    """The network with these weights, named ``FC1/kernel``, ``FC1/bias`` and so on."""
    last = len(SIZES) - 1
    layers = tuple(
        PrunableLayer(
            f"FC{number}",
            arrays[f"FC{number}/kernel"],
            arrays[f"FC{number}/bias"],
            "softmax" if number == last else "relu",
            position=number,
        )
        for number in range(1, last + 1)
    )
    return Network((28, 28, 1), layers, total_layers=last + 1)


def load_mlpnet() -> Network:
    """The network that ships with the package, trained on MNIST."""
    return mlpnet(read_weights(ASSETS / WEIGHTS))
