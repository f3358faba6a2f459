"""Every figure of the course, each with its alt text. No pyplot: a figure belongs to its caller and nothing leaks."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from lessonkit.comparison import Comparison

# Okabe & Ito's colours, which colour-blind readers can tell apart; each goes with a line style or marker of its own.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
STYLES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


@dataclass(frozen=True)
class Plot:
    """A figure and what it shows, in words. As the last expression of a cell it is drawn, alt text and all."""

    figure: Figure
    alt: str
    width: int = field(default=0)

    def png(self, dpi: int = 100) -> bytes:
        """The figure as a PNG."""
        return figure_png(self.figure, dpi)

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"image/png": self.png(), "text/plain": self.alt}, {"image/png": {"alt": self.alt}}


def new_figure(width: float = 8.0, height: float = 3.5) -> Figure:
    """An empty figure, size in inches, laid out so that nothing is cut."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def figure_png(figure: Figure, dpi: int = 100) -> bytes:
    """The figure as a PNG."""
    memory = io.BytesIO()
    figure.savefig(memory, format="png", dpi=dpi)
    return memory.getvalue()


def comparison_plot(comparison: Comparison) -> Plot:
    """The four panels of the published figure: cost, accuracy and loss against sparsity, and all three a layer."""
    searched = [row for row in comparison.rows if row.history]
    figure = new_figure(10, 7)
    axes = figure.subplots(2, 2)
    panels = (("best_cost", "best cost"), ("accuracy", "accuracy"), ("loss", "loss"))
    for axis, (column, label) in zip(axes.flat, panels, strict=False):
        for number, method in enumerate(dict.fromkeys(row.method for row in searched)):
            for row in (row for row in searched if row.method == method):
                kept = _best_so_far(row.history)
                x, y = [step.sparsity for step in kept], [getattr(step, column) for step in kept]
                style = {"color": COLOURS[number % 7], "linestyle": STYLES[number % 4], "linewidth": 1}
                axis.plot(x, y, alpha=0.7, label=method if row.seed == searched[0].seed else None, **style)
        axis.set(xlabel="sparsity, mean over layers", ylabel=label, title=f"{label.capitalize()} on the search images")
        axis.grid(alpha=0.3)
        if column == "best_cost":
            axis.set_yscale("log")
    if searched:
        axes.flat[0].legend()
    _layer_panel(axes.flat[3], searched, comparison.names)
    means = ", ".join(
        f"{method} ends at {100 * np.mean([row.evaluation.accuracy for row in searched if row.method == method]):.1f}% "
        "test accuracy"
        for method in dict.fromkeys(row.method for row in searched)
    )
    alt = f"Four panels: cost, accuracy and loss of the best masks against sparsity, and each per layer; {means}."
    return Plot(figure, alt)


def _best_so_far(history: Sequence[Any]) -> list[Any]:
    """The steps that set a new best within their layer; the cost of another layer has another threshold."""
    kept, layer, best = [], None, np.inf
    for step in history:
        if step.layer != layer:
            layer, best = step.layer, np.inf
        if step.cost < best:
            best = step.cost
            kept.append(step)
    return kept


def _layer_panel(axis: Any, searched: Sequence[Any], names: Sequence[str]) -> None:
    """Cost, accuracy and loss after each layer, mean over seeds; the cost in tenths, to share one scale."""
    for number, method in enumerate(dict.fromkeys(row.method for row in searched)):
        rows = [row for row in searched if row.method == method]
        for style, (column, label, scale) in zip(
            STYLES, (("best_cost", "cost / 10", 0.1), ("accuracy", "accuracy", 1), ("loss", "loss", 1)), strict=False
        ):
            values = [[_last_of(row.history, name, column) * scale for name in names] for row in rows]
            axis.plot(
                names,
                np.mean(values, axis=0),
                color=COLOURS[number % 7],
                linestyle=style,
                marker=MARKERS[number % 7],
                markersize=4,
                label=f"{method}: {label}",
            )
    axis.set(title="After each layer", ylim=(0, None))
    axis.grid(alpha=0.3)
    if searched:
        axis.legend(fontsize=7)


def _last_of(history: Sequence[Any], layer: str, column: str) -> float:
    steps = [step for step in _best_so_far(history) if step.layer == layer]
    return float(getattr(steps[-1], column)) if steps else float("nan")


def frontier_plot(rows: Sequence[Any], front: Sequence[dict[str, float]] = ()) -> Plot:
    """Test accuracy against global sparsity, a line a method, with a bar of one standard deviation; NSGA-II's front."""
    figure = new_figure(8, 5)
    axis = figure.subplots()
    ends = []
    for number, method in enumerate(dict.fromkeys(row.method for row in rows)):
        own = [row for row in rows if row.method == method]
        shares = sorted({row.sparsity for row in own})
        values = [[100 * row.accuracy for row in own if row.sparsity == share] for share in shares]
        means = [float(np.mean(each)) for each in values]
        axis.errorbar(
            [100 * share for share in shares],
            means,
            [float(np.std(each)) for each in values],
            color=COLOURS[number % 7],
            linestyle=STYLES[number % 4],
            marker=MARKERS[number % 7],
            markersize=4,
            linewidth=1,
            label=method,
        )
        ends.append(f"{method} {means[-1]:.1f}% at {100 * shares[-1]:g}%")
    if front:
        x, y = zip(*((100 * point["global_sparsity"], 100 * point["accuracy"]) for point in front), strict=True)
        axis.scatter(x, y, s=10, color="grey", label="NSGA-II's front")
    axis.set(xlabel="global sparsity, % of all weights pruned", ylabel="test accuracy, %", ylim=(0, 100))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7, loc="lower left")
    return Plot(figure, f"Test accuracy against global sparsity; at the end of each line: {', '.join(ends)}.")
