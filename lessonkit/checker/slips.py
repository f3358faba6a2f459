"""Misconceptions that the exercises of several lessons share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from lessonkit.checker.exercise import Examples, Misconception, Trial, generator_for

DIGITS = range(2, 7)


def rounded(reference: Callable[..., Any]) -> Misconception:
    """The misconception of returning the right number, but rounded to 2 to 6 digits."""

    def to(digits: int) -> Callable[..., Any]:
        return lambda *arguments: np.round(reference(*arguments), digits)

    first, *others = (to(digits) for digits in DIGITS)
    message = "The result is rounded. Return all its digits: it can be rounded when it is printed."
    return Misconception("rounded", message, first, variants=tuple(others), sign=_looks_rounded)


def _looks_rounded(trial: Trial) -> bool:
    """Whether all results are short decimals next to the right ones; halves may be rounded up or down."""
    examples = (each for each in trial.exercise.properties if isinstance(each, Examples))
    cases = [case for each in examples for case in each.arguments(generator_for(trial.exercise, (0,)))]
    found = np.array([trial.result(*case) for case in cases])
    right = np.array([trial.exercise.reference(*case) for case in cases])
    return any(
        np.allclose(found, np.round(found, digits), rtol=1e-12, atol=1e-9)
        and (np.abs(found - right) < 0.501 * 10.0**-digits + 1e-7 * np.abs(right)).all()
        for digits in DIGITS
    )
