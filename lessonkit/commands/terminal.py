"""What commands show: lines and tables that fit the terminal, colours on a terminal only, and progress bars."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable
from typing import Any, TextIO

from tqdm import tqdm

PLAIN = 80  # columns of a table in a file or a pipe, on every machine
SECONDS = 10.0  # between two lines about progress when there is no terminal


def is_terminal(stream: TextIO) -> bool:
    """Whether `stream` is a terminal that can move its cursor."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def columns() -> int:
    """How wide a table may be, in columns."""
    return shutil.get_terminal_size((PLAIN, 24)).columns if sys.stdout.isatty() else PLAIN


def coloured(text: str, code: str) -> str:
    """`text` in a colour (an ECMA-48 code) on a terminal that may show colours, else plain."""
    if not is_terminal(sys.stdout) or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def say(text: str, indent: int = 0) -> None:
    """Print lines, wrapped between words on a terminal, unwrapped in a file."""
    for line in text.split("\n"):
        if sys.stdout.isatty() and len(line) > columns():
            line = textwrap.fill(line, columns(), subsequent_indent=" " * indent, break_on_hyphens=False)
        print(line, flush=True)


class Bar(tqdm):  # type: ignore[type-arg]
    """A progress bar with total, percentage and time left; without a terminal, a line every ten seconds at most."""

    def __init__(self, total: int, unit: str, *, quiet: bool = False, smoothing: float = 0.0) -> None:
        self.lines = not is_terminal(sys.stderr)
        form = "{desc}{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
        plain = "{desc}{percentage:.0f}%, {n_fmt} of {total_fmt} {unit}, {elapsed} gone, {remaining} left{postfix}"
        super().__init__(
            total=total,
            unit=unit,
            disable=quiet,
            leave=False,
            file=sys.stderr,
            dynamic_ncols=not self.lines,
            smoothing=smoothing,
            mininterval=SECONDS if self.lines else 0.1,
            delay=SECONDS if self.lines else 0,
            bar_format=plain if self.lines else form,
        )

    @property
    def is_wide(self) -> bool:
        """Whether there is room to show more than the most important figure."""
        return self.lines or shutil.get_terminal_size((PLAIN, 24)).columns >= 100

    def reach(self, position: int, figures: str) -> None:
        """Show that `position` has been reached."""
        self.set_postfix_str(figures, refresh=False)
        self.update(position - self.n)

    def write_above(self, text: str) -> None:
        """Print a line on stdout above the bar, so that the bar does not overwrite it."""
        if not self.disable and not self.lines:
            self.clear()
        say(text)

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """tqdm's own printer on a terminal, else one that prints whole lines."""
        if is_terminal(file):
            return tqdm.status_printer(file)  # type: ignore[no-any-return]
        last = -SECONDS

        def show(text: str) -> None:
            nonlocal last
            if text and time.monotonic() - last >= SECONDS:
                last = time.monotonic()
                print(text, file=file, flush=True)

        return show

    def close(self) -> None:
        """Remove the bar; lines that were printed stay."""
        if self.lines and not self.disable:
            self.disable = True
            self._decr_instances(self)  # type: ignore[attr-defined]
        else:
            super().close()
