"""Measure how long a lab takes in the kernel from a slider's change to the new picture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

import lessonkit.labs
from lessonkit.networks.mnist import Dataset, load_mnist
from lessonkit.networks.network import Network
from lessonkit.networks.weights import load_network

CHANGES = 9  # changes measured for each slider


def measure(data: Dataset | None = None, network: Network | None = None) -> dict[str, float]:
    """The median time of a slider's change in milliseconds, over all sliders of a lab, by the lab's name."""
    data = data if data is not None else load_mnist()
    network = network if network is not None else load_network(data.name)
    found = {}
    for name in lessonkit.labs.__all__:
        lab = getattr(lessonkit.labs, name)(data, network)
        times = []
        for slider in lab.controls.values():
            for value in _values(slider):
                draws = lab.draws
                began = time.perf_counter()
                slider.value = value
                if lab.draws > draws:  # setting the value that a slider already has draws nothing
                    times.append(time.perf_counter() - began)
        found[name] = 1000.0 * float(np.median(times))
    return found


def _values(slider: Any) -> Iterator[Any]:
    """`CHANGES` values from one end of a slider to the other; none for any other control."""
    if not hasattr(slider, "min"):
        return
    for share in np.linspace(0.05, 0.95, CHANGES):
        at = slider.min + share * (slider.max - slider.min)
        yield slider.base**at if hasattr(slider, "base") else int(at) if isinstance(slider.value, int) else float(at)
