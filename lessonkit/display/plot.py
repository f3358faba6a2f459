"""What the course's figures are made with: colours, markers, and `Plot`, a figure together with its alt text.

Nothing here uses pyplot, which would keep every figure in memory.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# Okabe & Ito's colours, which colour-blind readers can tell apart; each is used with its own line style or marker.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@dataclass(frozen=True)
class Look:
    """How a method is drawn, in every figure and lab of the course."""

    colour: str
    marker: str
    style: str = "-"

    @property
    def line(self) -> dict[str, Any]:
        """For matplotlib's `plot`: a line with markers."""
        return {"color": self.colour, "marker": self.marker, "linestyle": self.style}

    @property
    def points(self) -> dict[str, Any]:
        """For matplotlib's `plot`: markers alone."""
        return {"color": self.colour, "marker": self.marker, "linestyle": "none"}


# Okabe & Ito's colours for the most frequent methods, Tol's "muted" ones for the others.
LOOKS: Mapping[str, Look] = MappingProxyType(
    {
        "annealing": Look("#0072B2", "o", "-"),
        "genetic": Look("#D55E00", "s", "--"),
        "random": Look("#7F7F7F", "x", ":"),
        "magnitude per layer": Look("#CC79A7", "D", ":"),
        "magnitude global": Look("#009E73", "^", "-."),
        "lamp": Look("#E69F00", "v", "-."),
        "densities": Look("#56B4E9", "P", "--"),
        "learned": Look("#000000", "*", "-"),
        "swaps": Look("#DDCC77", ">", "--"),
        "obd": Look("#882255", "h", "-."),
        "taylor": Look("#999933", "X", ":"),
        "spins": Look("#44AA99", "d", ":"),
        "nsga2": Look("#AAAAAA", ".", "none"),
        "you": Look("#AA4499", "p", "-"),
    }
)
SPARE = (Look("#CC6677", "H"), Look("#88CCEE", "8"), Look("#117733", "p"))  # for readers' own methods
OTHER_NAMES = MappingProxyType(
    {
        "sa": "annealing",
        "simulated annealing": "annealing",
        "anneal": "annealing",
        "ga": "genetic",
        "genetic algorithm": "genetic",
        "evolve": "genetic",
        "random masks": "random",
        "by chance": "random",
        "magnitude-layer": "magnitude per layer",
        "magnitude": "magnitude global",
        "by size (magnitude)": "magnitude global",
        "global magnitude": "magnitude global",
        "the rule": "magnitude global",
        "five densities": "densities",
        "found by annealing": "densities",
        "annealer": "densities",
        "swaps over 61,470 bits": "swaps",
        "densities, then swaps": "swaps",
        "nsga-ii's front": "nsga2",
    }
)


def look(method: str) -> Look:
    """The look of a method, given any of its names; "X, as Y" and "X, published" look like X."""
    name = method.split(", as ")[0].split(", published")[0].strip().lower()
    name = OTHER_NAMES.get(name, name)
    return LOOKS[name] if name in LOOKS else SPARE[zlib.crc32(name.encode()) % len(SPARE)]


@dataclass(frozen=True)
class Plot:
    """A figure and its alt text, which says in words what it shows. As a cell's last expression, both are displayed."""

    figure: Figure
    alt: str
    width: int = field(default=0)

    def png(self, dpi: int = 100) -> bytes:
        """The figure as a PNG."""
        return figure_png(self.figure, dpi)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"image/png": self.png(), "text/plain": self.alt}, {"image/png": {"alt": self.alt}}


def new_figure(width: float = 8.0, height: float = 3.5) -> Figure:
    """An empty figure of this size in inches, laid out so that nothing is cut off."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def figure_png(figure: Figure, dpi: int = 100) -> bytes:
    """The figure as a PNG."""
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=dpi)
    return memory.getvalue()
