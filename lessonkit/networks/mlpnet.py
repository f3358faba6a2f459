"""MLPNet, 784-40-20-10 with ReLU: the small network on which Yu et al. (2022) compare one-shot pruning."""

from __future__ import annotations

from typing import Any

from lessonkit.networks.network import ASSETS, Network, PrunableLayer, read_weights

SIZES = (784, 40, 20, 10)
WEIGHTS = "mlpnet-mnist.npz"
# Yu et al. 2022, "The Combinatorial Brain Surgeon": test accuracy in % of one-shot masks; unpruned, about 94
PUBLISHED = {
    "magnitude": {0.8: 92.89, 0.9: 90.30, 0.95: 83.64, 0.98: 32.25},
    "WoodFisher": {0.8: 93.13, 0.9: 90.77, 0.95: 83.16, 0.98: 34.55},
    "CBS-S": {0.8: 93.59, 0.9: 92.37, 0.95: 88.24, 0.98: 66.64},
}


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
