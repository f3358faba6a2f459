"""Flags that several commands share, and types that check a flag's value."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def at_least(smallest: int) -> Callable[[str], int]:
    """An argparse type: a whole number of at least `smallest`."""

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = smallest - 1
        if number < smallest:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {smallest}")
        return number

    return read


def add_data_flag(parser: argparse.ArgumentParser) -> None:
    """Add ``--data``, which chooses the images."""
    parser.add_argument(
        "--data",
        metavar="FILE|standin",
        help="mnist.npz, a folder with it, or 'standin' (default: $LESSONKIT_DATA, Keras's cache, or a download)",
    )


def above_zero(text: str) -> float:
    """An argparse type: a finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def add_worker_flags(parser: argparse.ArgumentParser) -> None:
    """Add ``--jobs`` and ``--scheduler``, which say where the work is done."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--jobs", type=at_least(1), metavar="N", help="processes on this machine (default: only this one)"
    )
    where.add_argument(
        "--scheduler", metavar="ADDRESS", help="a Dask cluster, such as tcp://10.0.0.1:8786 (default: none)"
    )
