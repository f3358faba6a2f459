"""Prune a neural network by searching for its mask: the package behind the course.

The names below are loaded when they are first used, so that ``import lessonkit`` is fast. Only `load_baseline` loads
TensorFlow.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "1.0.0"

_HOMES = {
    "load_mnist": "networks.mnist",
    "load_network": "networks.weights",
    "load_baseline": "networks.lenet",
    "Evaluator": "engine.evaluator",
    "Evaluation": "problem",
    "LessonkitError": "errors",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lessonkit' has no attribute {name!r}")
    return getattr(importlib.import_module(f"lessonkit.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
