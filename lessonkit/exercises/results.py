"""Read what an answer returns, generously: lists or arrays, float32 or float64, Python or numpy scalars.

A reader takes any value and gives the plain form that is compared, or raises `Unreadable` when the type is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reader = Callable[[Any], Any]

RELATIVE, ABSOLUTE = 1e-4, 1e-6  # wide enough for float32 arithmetic, narrow enough for every misconception
FULL_SIZE = 12  # arrays up to this size are shown in full


class Unreadable(Exception):  # noqa: N818 - says what it found, not that the program is wrong
    """The value is not of the kind that the exercise asks for."""


def number(value: Any) -> float:
    """Any scalar: Python, numpy, an array of no dimensions, True and False too."""
    array = _array(value, "a number")
    if array.shape != () or array.dtype.kind not in "biuf":
        raise Unreadable(f"should be a number, yours is {describe(value)}")
    return float(array)


def index(value: Any) -> int:
    """A whole number that can index a list."""
    array = _array(value, "a whole number")
    if array.shape != () or array.dtype.kind not in "iu":
        raise Unreadable(f"should be a whole number, yours is {describe(value)}")
    return int(array)


def indices(value: Any) -> list[int]:
    """A flat list, tuple or array of whole numbers."""
    array = _array(value, "a list of whole numbers")
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise Unreadable(f"should be a flat list of whole numbers, yours is {describe(value)}")
    return [int(item) for item in array]


def mask(value: Any) -> NDArray[np.bool_]:
    """A boolean array, or nested lists of booleans."""
    array = _array(value, "a mask of True and False")
    if array.ndim == 0 or array.dtype.kind != "b":
        raise Unreadable(f"should be a mask of True and False, yours is {describe(value)}")
    return array


def numbers(value: Any) -> NDArray[np.float64]:
    """An array of numbers, or nested lists of them."""
    array = _array(value, "an array of numbers")
    if array.ndim == 0 or array.dtype.kind not in "biuf":
        raise Unreadable(f"should be an array of numbers, yours is {describe(value)}")
    return array.astype(float)


def several(*readers: Reader) -> Reader:
    """A tuple or list with one value for each reader."""

    def read(value: Any) -> tuple[Any, ...]:
        if (
            not isinstance(value, tuple | list | np.ndarray)
            or getattr(value, "shape", None) == ()
            or len(value) != len(readers)
        ):
            raise Unreadable(f"should be {len(readers)} values, yours is {describe(value)}")
        return tuple(reader(item) for reader, item in zip(readers, value, strict=True))

    return read


def unordered(reader: Reader) -> Reader:
    """Two masks whose order does not matter."""
    return lambda value: tuple(sorted(reader(value), key=lambda item: item.tobytes()))


def difference(expected: Any, found: Any) -> str:
    """What differs first between two values that one reader gave: shape, then value; "" when they agree."""
    if isinstance(expected, tuple | list) and not _flat(expected):
        if len(expected) != len(found):
            return f"should hold {len(expected)} values, yours holds {len(found)}"
        for place, (one, other) in enumerate(zip(expected, found, strict=True)):
            if text := difference(one, other):
                return f"item {place} {text}"
        return ""
    wanted, got = np.asarray(expected), np.asarray(found)
    if wanted.shape != got.shape:
        return f"should have shape {wanted.shape}, yours has {got.shape}{_shown(expected, found)}"
    if wanted.dtype.kind in "fc" or got.dtype.kind in "fc":
        with np.errstate(all="ignore"):
            equal = np.isclose(got.astype(float), wanted.astype(float), rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
    else:
        equal = wanted == got
    if equal.all():
        return ""
    if wanted.size <= FULL_SIZE:
        return f"should be {short(expected)}, yours is {short(found)}"
    first = tuple(int(axis[0]) for axis in np.nonzero(~equal))
    return f"should be {short(wanted[first])} at {list(first)}, yours is {short(got[first])}"


def short(value: Any) -> str:
    """A value in a few characters, for a message."""
    if isinstance(value, np.ndarray):
        if value.size <= FULL_SIZE:
            return repr(_rounded(value.tolist()))
        return f"<{'mask' if value.dtype == bool else 'array'} of shape {value.shape}>"
    if isinstance(value, np.generic):
        return short(value.item())
    if isinstance(value, float):
        return repr(_rounded(value))
    if isinstance(value, tuple | list):
        text = ", ".join(short(item) for item in value[:6]) + (", ..." if len(value) > 6 else "")
        return f"({text})" if isinstance(value, tuple) else f"[{text}]"
    if isinstance(value, np.random.Generator):
        return "rng"
    if hasattr(value, "layers") and hasattr(value, "name"):
        return f"<model {value.name}>"
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def describe(value: Any) -> str:
    """The type of a value, in words."""
    if value is None:
        return "None (is a `return` missing?)"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} of shape {value.shape}"
    if isinstance(value, tuple | list):
        inside = sorted({type(item).__name__ for item in value})
        return f"a {type(value).__name__} of {len(value)}" + (f" ({', '.join(inside[:3])})" if inside else "")
    kind = type(value).__name__
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"


def _array(value: Any, kind: str) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except Exception as error:  # whatever an unknown object's conversion raises, it is not an array
        raise Unreadable(f"should be {kind}, yours is {describe(value)}") from error
    if array.dtype == object and array.ndim == 0:
        try:
            return np.asarray(float(value))  # Fraction, Decimal and their kind
        except Exception as error:
            raise Unreadable(f"should be {kind}, yours is {describe(value)}") from error
    return array


def _flat(value: Any) -> bool:
    return all(isinstance(item, int | float) for item in value)


def _shown(expected: Any, found: Any) -> str:
    small = np.size(expected) <= FULL_SIZE and np.size(found) <= FULL_SIZE
    return f": {short(expected)}, yours is {short(found)}" if small else ""


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") + 0.0 if isinstance(value, float) else value
