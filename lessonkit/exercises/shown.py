"""Show a verdict: in a notebook as a box, elsewhere as text, both in the same words."""

from __future__ import annotations

import html
import re
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 110


@dataclass(frozen=True)
class Style:
    """A symbol, words and colours for a status; text and background have a contrast of at least 7.

    The box sets both colours, so that it is readable on a light and on a dark page.
    """

    symbol: str
    words: str
    text: str
    background: str
    edge: str


STYLES = {
    "right": Style("\N{CHECK MARK}", "right", "#0b3d1e", "#e3f4e7", "#1a7f37"),
    "wrong": Style("\N{BALLOT X}", "not right yet", "#5a1a00", "#fdeee2", "#b54708"),
    "error": Style("!", "an error", "#5c0011", "#fde8ea", "#b42332"),
    "not attempted": Style("\N{WHITE CIRCLE}", "not attempted yet", "#26323d", "#eef1f4", "#5b6b7a"),
    "the course's code": Style(
        "\N{ANTICLOCKWISE OPEN CIRCLE ARROW}", "the course's code", "#10315c", "#e6effb", "#2559a8"
    ),
}


@dataclass(frozen=True)
class Box:
    """A verdict to be shown: the exercise's name, the explanation, the call and its values, and notes below them."""

    name: str
    status: str
    explanation: str
    call: str = ""
    values: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()

    @property
    def text(self) -> str:
        """The box as text, for terminals, screen readers and tests that compare outputs."""
        style = STYLES[self.status]
        paragraphs = [f"{style.symbol} {self.name}: {style.words}. {self.explanation}"]
        paragraphs += [f"  {name}: {value}" for name, value in self.lines]
        return "\n".join(_wrapped(each) for each in [*paragraphs, *self.notes])

    @property
    def lines(self) -> list[tuple[str, str]]:
        """The call and the values, each with its name."""
        return [*([("Call", self.call)] if self.call else []), *self.values]

    @property
    def html(self) -> str:
        """The box as HTML, for a notebook; it contains nothing that differs from run to run, such as ids."""
        style = STYLES[self.status]
        box = f"color:{style.text};background-color:{style.background};border-left:6px solid {style.edge};"
        rows = [
            f'<div><strong><span aria-hidden="true">{style.symbol}</span> {html.escape(self.name)}: {style.words}.'
            f"</strong> {_marked(self.explanation)}</div>"
        ]
        rows += [f"<div>{name}: {_code(value)}</div>" for name, value in self.lines]
        rows += [f"<div>{_marked(note)}</div>" for note in self.notes]
        return f'<div role="status" style="{box}padding:8px 12px;max-width:60em">{"".join(rows)}</div>'

    def show(self) -> None:
        """Display the box where there is a notebook, else print the text."""
        shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
        if shell is None:
            print(self.text)
        else:
            from IPython.display import display

            display({"text/plain": self.text, "text/html": self.html}, raw=True)


def _marked(text: str) -> str:
    """HTML for a text in which `code` is marked by backticks."""
    return re.sub(r"`([^`]+)`", lambda found: _code(html.unescape(found[1])), html.escape(text, quote=False))


def _code(text: str) -> str:
    return f'<code style="color:inherit;background-color:transparent">{html.escape(text, quote=False)}</code>'


def _wrapped(text: str) -> str:
    indent = " " * (len(text) - len(text.lstrip()))
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
