"""Figures of lesson 3: the parts of simulated annealing, and the traces of real runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from lessonkit.display.plot import COLOURS, MARKERS, STYLES, Plot, new_figure
from lessonkit.masks import Mask

if TYPE_CHECKING:
    import pandas


def acceptance_plot(probability: Callable[[float, float], float], temperatures: Sequence[float]) -> Plot:
    """The acceptance probability against the change of the cost, one line per temperature."""
    figure = new_figure(8, 3)
    axis = figure.subplots()
    deltas = np.linspace(-0.5, 2, 251)
    for number, heat in enumerate(temperatures):
        values = [probability(float(delta), heat) for delta in deltas]
        axis.plot(deltas, values, color=COLOURS[number], linestyle=STYLES[number], label=f"T = {heat:g}")
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set(xlabel="change of the cost (delta)", ylabel="acceptance probability", ylim=(0, 1.05))
    axis.grid(alpha=0.3)
    axis.legend()
    said = ", ".join(f"{probability(0.5, heat):.2f} at T = {heat:g}" for heat in temperatures)
    alt = f"1 for every change that does not raise the cost, then falling exponentially; for a rise of 0.5: {said}."
    return Plot(figure, alt)


def lines_plot(steps: Sequence[int], lines: Mapping[str, Sequence[float]], label: str) -> Plot:
    """Several quantities against the step, with a line at zero."""
    figure = new_figure(8, 3)
    axis = figure.subplots()
    for number, (name, values) in enumerate(lines.items()):
        axis.plot(steps, values, color=COLOURS[number], linestyle=STYLES[number % 4], label=name)
    axis.axhline(0, color="black", linewidth=0.8)
    axis.set(xlabel="step", ylabel=label)
    axis.grid(alpha=0.3)
    axis.legend()
    said = "; ".join(f"{name} from {values[0]:.2f} to {values[-1]:.2f}" for name, values in lines.items())
    return Plot(figure, f"{label.capitalize()} against the step, {steps[0]} to {steps[-1]}: {said}.")


def masks_plot(masks: Mapping[str, Mask]) -> Plot:
    """Masks of one dense layer as pictures, kept weights dark, each with its title and layer sparsity."""
    figure = new_figure(8, 1.2 + 1.15 * len(masks))
    for axis, (name, mask) in zip(np.atleast_1d(figure.subplots(len(masks), 1)), masks.items(), strict=True):
        axis.imshow(mask.T, cmap="gray_r", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        axis.set_title(f"{name}: layer sparsity {1 - mask.mean():.3f}", fontsize=10)
        axis.set(xticks=[], yticks=[])
    said = ", ".join(f"{name} with layer sparsity {1 - mask.mean():.3f}" for name, mask in masks.items())
    return Plot(figure, f"Masks as pictures, kept weights black and pruned ones white: {said}.")


def run_plot(costs: Sequence[float], title: str, height: float = 6.0) -> Plot:
    """The cost of every candidate of a search, and the lowest so far. The first, of the unpruned layer, is left out."""
    figure = new_figure(8, 3.2)
    axis = figure.subplots()
    every = np.asarray(costs, float)
    steps, lowest = np.arange(1, len(every)), np.minimum.accumulate(every)[1:]
    top = lowest[-1] + height
    axis.plot(steps, every[1:], ".", color=COLOURS[4], markersize=5, label="cost of each candidate")
    axis.plot(steps, lowest, color=COLOURS[0], label="lowest so far")
    above = _mark_above(axis, steps, every[1:], top)
    axis.set(xlabel="evaluation", ylabel="cost", title=title, ylim=(lowest[-1] - 0.5, top))
    axis.grid(alpha=0.3)
    axis.legend()
    alt = f"{title}: the lowest cost falls from {lowest[0]:.2f} at the first proposal to {lowest[-1]:.2f} at the last"
    return Plot(figure, f"{alt}; {above}.")


def trace_plot(table: pandas.DataFrame, height: float = 4.0) -> Plot:
    """A history: accepted and refused proposals with the best cost, and the temperature below.

    The upper panel ends `height` above the lowest cost; triangles at its upper edge mark higher costs.
    """
    figure = new_figure(8, 4.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    top = table["best_cost"].min() + height
    for number, (name, rows) in enumerate((("accepted", table["accepted"]), ("refused", ~table["accepted"]))):
        look: dict[str, Any] = {"color": COLOURS[number], "marker": ("o", "x")[number], "markersize": 4}
        shown = rows & (table["cost"] <= top)
        upper.plot(table["step"][shown], table["cost"][shown], linestyle="none", label=f"{name} ({rows.sum()})", **look)
    upper.plot(table["step"], table["best_cost"], color="black", linewidth=1, label="best so far")
    above = _mark_above(upper, table["step"], table["cost"], top)
    upper.set(ylabel="cost", ylim=(table["best_cost"].min() - 0.2, top))
    upper.legend(fontsize=8, loc="upper right")
    lower.plot(table["step"], table["temperature"], color=COLOURS[1])
    lower.set(xlabel="step", ylabel="temperature", ylim=(0, None))
    alt = (
        f"{table['accepted'].sum()} accepted and {(~table['accepted']).sum()} refused proposals; {above}; the best "
        f"cost ends at {table['best_cost'].iloc[-1]:.2f}; the temperature falls from "
        f"{table['temperature'].iloc[0]:.3f} to {table['temperature'].iloc[-1]:.3f}."
    )
    return Plot(figure, alt)


def _mark_above(axis: Any, steps: ArrayLike, costs: ArrayLike, top: float) -> str:
    """Mark the steps whose cost is above the picture with triangles at its upper edge, and say how many there are."""
    x, above = np.asarray(steps), np.asarray(costs) > top
    said = f"{np.count_nonzero(above)} above {top:.1f}"
    if above.any():
        look: dict[str, Any] = {"linestyle": "none", "markersize": 6, "color": COLOURS[3], "clip_on": False}
        axis.plot(x[above], np.full(np.count_nonzero(above), top), marker="^", label=said, **look)
    return f"{said} are marked at the upper edge"


def walks_plot(walks: Mapping[str, Sequence[float]]) -> Plot:
    """The layer sparsity of the current mask against the step, one line per kind of move."""
    figure = new_figure(8, 3)
    axis = figure.subplots()
    for number, (name, values) in enumerate(walks.items()):
        look: dict[str, Any] = {"color": COLOURS[number], "linestyle": STYLES[number], "marker": MARKERS[number]}
        axis.plot(values, label=name, markevery=20, **look)
    axis.axhline(0.5, color="black", linestyle=":", linewidth=1, label="one half")
    axis.set(xlabel="step", ylabel="layer sparsity of the current mask", ylim=(0, 1))
    axis.grid(alpha=0.3)
    axis.legend()
    said = ", ".join(f"{name} at {values[-1]:.2f}" for name, values in walks.items())
    return Plot(figure, f"The layer sparsity of the current mask along two runs; they end: {said}.")
