"""Slips that the exercises of several lessons share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lessonkit.exercises.exercise import Misconception

DIGITS = range(2, 7)


def rounded(reference: Callable[..., Any]) -> Misconception:
    """The right result, but rounded to some of `DIGITS`."""

    def to(digits: int) -> Callable[..., Any]:
        return lambda *arguments: np.round(reference(*arguments), digits)

    first, *others = (to(digits) for digits in DIGITS)
    message = "The result is rounded. Return all its digits: who prints it can round it."
    return Misconception("rounded", message, first, variants=tuple(others))
