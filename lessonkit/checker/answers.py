"""Readers of what an answer returns. They refuse only what would break a later cell, and the message says so.

A reader takes any value and returns the plain form in which results are compared, or raises `Unreadable` if the type
is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reader = Callable[[Any], Any]

DOUBLE = 3e-7, 1e-10  # relative, absolute: allows float32 in between, but no result rounded to six digits
SINGLE = 1e-5, 1e-6  # the same, where arguments or results are float32
ARRAY = "the cells below use its shape, so return a numpy array"
FULL_SIZE = 12  # arrays up to this size are shown in full


class Unreadable(Exception):  # noqa: N818 - says what it found, not that the program is wrong
    """The value is not of the type that the exercise asks for; the message completes the sentence "f(x) ..."."""


def number(value: Any) -> float:
    """Any scalar: Python, numpy, an array of no dimensions, True and False too."""
    if type(value).__name__ in ("Fraction", "Decimal"):  # by name, because the grader has nothing but the name
        text = "the cells below print it with a fixed number of digits, so return a float"
        raise Unreadable(f"should be a number, yours is {describe(value)}: {text}")
    array = _array(value, "a number")
    if array.shape != () or array.dtype.kind not in "biuf":
        raise Unreadable(f"should be a number, yours is {describe(value)}")
    return float(array)


def count(value: Any) -> int:
    """A whole number, of a type that prints without decimals and can be a list's index."""
    array = _array(value, "a whole number")
    if array.shape == () and array.dtype.kind == "f" and float(array).is_integer():
        raise Unreadable(f"should be a whole number (an int), yours is the float {float(array)}: int(...) makes one")
    if array.shape != () or array.dtype.kind not in "iu":
        raise Unreadable(f"should be a whole number (an int), yours is {describe(value)}")
    return int(array)


def index(value: Any) -> int:
    """A place in a list."""
    array = _array(value, "an index")
    if array.shape != () or array.dtype.kind not in "iu":
        what = f"the float {float(array)}" if array.shape == () and array.dtype.kind == "f" else describe(value)
        raise Unreadable(f"should be an index, a whole number (an int), yours is {what}")
    return int(array)


def indices(value: Any) -> list[int]:
    """A flat list, tuple or array of whole numbers."""
    array = _array(value, "a list of whole numbers")
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise Unreadable(f"should be a flat list of whole numbers, yours is {describe(value)}")
    return [int(item) for item in array]


def rows(value: Any) -> list[int]:
    """As `indices`, for the indices of an array's rows; a two-dimensional array, the rows themselves, is refused."""
    array = _array(value, "a list of whole numbers")
    if array.ndim == 2:
        raise Unreadable(f"should be indices, not rows (a flat list of whole numbers); yours is {describe(value)}")
    return indices(value)


def mask(value: Any) -> NDArray[np.bool_]:
    """A boolean array."""
    array = _array(value, "a mask of True and False")
    if array.ndim == 0 or array.dtype.kind != "b":
        raise Unreadable(f"should be a mask of True and False, yours is {describe(value)}")
    return _numpys_own(array, value, "a mask")


def numbers(value: Any) -> NDArray[np.float64]:
    """An array of numbers."""
    array = _array(value, "an array of numbers")
    if array.ndim == 0 or array.dtype.kind not in "biuf" or isinstance(value, np.ma.MaskedArray):
        raise Unreadable(f"should be an array of numbers, yours is {describe(value)}")
    return _numpys_own(array, value, "an array").astype(float)


def several(*readers: Reader) -> Reader:
    """A tuple or list with one value for each of these readers."""

    def read(value: Any) -> tuple[Any, ...]:
        if (
            not isinstance(value, tuple | list | np.ndarray)
            or getattr(value, "shape", None) == ()
            or len(value) != len(readers)
        ):
            raise Unreadable(f"should be {len(readers)} values, yours is {describe(value)}")
        return tuple(reader(item) for reader, item in zip(readers, value, strict=True))

    return read


def tolerance(*values: Any) -> tuple[float, float]:
    """The relative and absolute tolerance for a result: `SINGLE` where any of `values` is float32, else `DOUBLE`."""
    return SINGLE if any(_holds_single(value) for value in values) else DOUBLE


def difference(expected: Any, found: Any, within: tuple[float, float] = DOUBLE) -> str:
    """The first difference between two values from the same reader, in words: shape, then value; "" if none."""
    if isinstance(expected, tuple | list) and not _flat(expected):
        if len(expected) != len(found):
            return f"should hold {len(expected)} values, yours holds {len(found)}"
        for place, (one, other) in enumerate(zip(expected, found, strict=True)):
            if text := difference(one, other, within):
                return f"item {place} {text}"
        return ""
    wanted, got = np.asarray(expected), np.asarray(found)
    if wanted.shape != got.shape and isinstance(expected, list):
        return f"should be {short(expected)}, yours is {short(found)}"
    if wanted.shape != got.shape:
        return f"should have shape {wanted.shape}, yours has {got.shape}"
    if wanted.dtype.kind in "fc" or got.dtype.kind in "fc":
        equal = np.isclose(got.astype(float), wanted.astype(float), rtol=within[0], atol=within[1], equal_nan=True)
    else:
        equal = wanted == got
    if equal.all():
        return ""
    if wanted.size <= FULL_SIZE:
        return "should be {}, yours is {}".format(*_told_apart(expected, found))
    first = tuple(int(axis[0]) for axis in np.nonzero(~equal))
    one, other = _told_apart(wanted[first], got[first])
    return f"should be {one} at {list(first)}, yours is {other}"


def short(value: Any) -> str:
    """A value as short text, for a message."""
    if isinstance(value, np.ndarray):
        if value.size <= FULL_SIZE:
            return repr(_rounded(value.tolist()) if _parted(value) else value.tolist())
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
    """The type of a value in words, with its dtype and shape or its length."""
    if value is None:
        return "None (is a `return` missing?)"
    if isinstance(value, np.ndarray):
        kind = "a masked array" if isinstance(value, np.ma.MaskedArray) else "an array"
        return f"{kind} of {value.dtype} of shape {value.shape}"
    if isinstance(value, tuple | list):
        inside = sorted({type(item).__name__ for item in value})
        return f"a {type(value).__name__} of {len(value)}" + (f" ({', '.join(inside[:3])})" if inside else "")
    kind = type(value).__name__
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"


def _array(value: Any, kind: str) -> NDArray[Any]:
    try:
        array = np.asarray(value)
    except Exception as error:  # the conversion of an unknown object may raise anything
        raise Unreadable(f"should be {kind}, yours is {describe(value)}") from error
    return array


def _numpys_own(array: NDArray[Any], value: Any, kind: str) -> NDArray[Any]:
    if not isinstance(value, np.ndarray):
        raise Unreadable(f"should be {kind}, yours is {describe(value)}: {ARRAY}")
    return array


def _holds_single(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return any(_holds_single(item) for item in value)
    return getattr(value, "dtype", None) == np.float32


def _flat(value: Any) -> bool:
    return all(isinstance(item, int | float) for item in value)


def _told_apart(expected: Any, found: Any) -> tuple[str, str]:
    """Both values as short text, with as many digits as needed to see that they differ."""
    one, other = short(expected), short(found)
    if one == other:
        one, other = (repr(np.asarray(value).tolist()) for value in (expected, found))
    return one, other


def _parted(array: NDArray[Any]) -> bool:
    """Whether values that differ still differ after rounding."""
    values = array.ravel().tolist()
    return len(set(values)) == len(set(_rounded(values)))


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.6g}") + 0.0 if isinstance(value, float) else value
