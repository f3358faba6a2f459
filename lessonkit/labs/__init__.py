"""The labs: interactive widgets, one per lesson, computed live by the course's own engine.

In a notebook::

    from lessonkit.labs import PruningLab

    PruningLab()
"""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "PruningLab": "baseline",
    "CostLab": "cost",
    "TemperatureLab": "annealing",
    "MutationLab": "genetic",
    "RaceLab": "comparison",
    "DensityLab": "frontier",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lessonkit.labs' has no attribute {name!r}")
    return getattr(importlib.import_module(f"lessonkit.lessons.{_HOMES[name]}.lab"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
