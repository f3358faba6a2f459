"""Figures of lesson 3: the pieces of simulated annealing, and the traces of real runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lessonkit.masks import Mask
from lessonkit.plots import COLOURS, MARKERS, STYLES, Plot, new_figure

if TYPE_CHECKING:
    import pandas


def acceptance_plot(probability: Callable[[float, float], float], temperatures: Sequence[float]) -> Plot:
    """The acceptance probability against the change of the cost, one line a temperature."""
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
    """Masks of one dense layer as pictures, kept weights dark, each with its title and sparsity."""
    figure = new_figure(8, 1.2 + 1.15 * len(masks))
    for axis, (name, mask) in zip(np.atleast_1d(figure.subplots(len(masks), 1)), masks.items(), strict=True):
        axis.imshow(mask.T, cmap="gray_r", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        axis.set_title(f"{name}: sparsity {1 - mask.mean():.3f}", fontsize=10)
        axis.set(xticks=[], yticks=[])
    said = ", ".join(f"{name} with sparsity {1 - mask.mean():.3f}" for name, mask in masks.items())
    return Plot(figure, f"Masks as pictures, kept weights black and pruned ones white: {said}.")


def run_plot(costs: Sequence[float], title: str) -> Plot:
    """Every cost that a search was told, and the lowest so far. The first, of the unpruned layer, is left out."""
    figure = new_figure(8, 3.2)
    axis = figure.subplots()
    told = np.asarray(costs, float)
    steps, lowest = np.arange(1, len(told)), np.minimum.accumulate(told)[1:]
    axis.plot(steps, told[1:], ".", color=COLOURS[4], markersize=5, label="cost of each candidate")
    axis.plot(steps, lowest, color=COLOURS[0], label="lowest so far")
    axis.set(xlabel="evaluation", ylabel="cost", title=title, ylim=(lowest[-1] - 0.5, lowest[-1] + 6))
    axis.grid(alpha=0.3)
    axis.legend()
    alt = f"{title}: the lowest cost falls from {lowest[0]:.2f} at the first proposal to {lowest[-1]:.2f} at the last."
    return Plot(figure, alt)


def trace_plot(table: pandas.DataFrame, height: float = 4.0) -> Plot:
    """A history: accepted and refused proposals with the best cost, and the temperature below.

    Proposals further than `height` above the lowest cost, those with the penalty among them, stand at the upper edge.
    """
    figure = new_figure(8, 4.6)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    top = table["best_cost"].min() + height
    cost = table["cost"].clip(upper=top)
    for number, (name, rows) in enumerate((("accepted", table["accepted"]), ("refused", ~table["accepted"]))):
        look: dict[str, Any] = {"color": COLOURS[number], "marker": ("o", "x")[number], "markersize": 4}
        upper.plot(table["step"][rows], cost[rows], linestyle="none", label=f"{name} ({rows.sum()})", **look)
    upper.plot(table["step"], table["best_cost"].clip(upper=top), color="black", linewidth=1, label="best so far")
    upper.set(ylabel="cost")
    upper.legend(fontsize=8, loc="upper right")
    lower.plot(table["step"], table["temperature"], color=COLOURS[1])
    lower.set(xlabel="step", ylabel="temperature", ylim=(0, None))
    alt = (
        f"{table['accepted'].sum()} accepted and {(~table['accepted']).sum()} refused proposals; the best cost ends at "
        f"{table['best_cost'].iloc[-1]:.2f}; the temperature falls from {table['temperature'].iloc[0]:.3f} to "
        f"{table['temperature'].iloc[-1]:.3f}."
    )
    return Plot(figure, alt)


def walks_plot(walks: Mapping[str, Sequence[float]]) -> Plot:
    """The sparsity of the current mask of one layer against the step, one line a kind of move."""
    figure = new_figure(8, 3)
    axis = figure.subplots()
    for number, (name, values) in enumerate(walks.items()):
        look: dict[str, Any] = {"color": COLOURS[number], "linestyle": STYLES[number], "marker": MARKERS[number]}
        axis.plot(values, label=name, markevery=20, **look)
    axis.axhline(0.5, color="black", linestyle=":", linewidth=1, label="one half")
    axis.set(xlabel="step", ylabel="sparsity of the current mask", ylim=(0, 1))
    axis.grid(alpha=0.3)
    axis.legend()
    said = ", ".join(f"{name} at {values[-1]:.2f}" for name, values in walks.items())
    return Plot(figure, f"The sparsity of the current mask along two runs; they end: {said}.")
