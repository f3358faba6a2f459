"""Figures of lesson 5: the winner's curse, results with intervals, a Pareto front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from lessonkit.display.plot import COLOURS, Plot, look, new_figure


def winner_plot(seen: ArrayLike, fresh: ArrayLike) -> Plot:
    """Loss of many masks on the images that chose among them, against their loss on fresh images."""
    x, y = np.asarray(seen), np.asarray(fresh)
    winner = int(np.argmin(x))
    figure = new_figure(8, 4)
    axis = figure.subplots()
    axis.plot(x, y, "o", color=COLOURS[4], markersize=4, label="a mask")
    axis.plot(
        x[winner], y[winner], "*", color=COLOURS[1], markersize=16, label="the winner on the images of the search"
    )
    shift = float(np.mean(y - x))
    ends = np.array([x.min(), x.max()])
    axis.plot(ends, ends + shift, "--", color=COLOURS[6], label=f"loss changed by the mean difference {shift:+.3f}")
    axis.set(xlabel="loss on the few images of the search", ylabel="loss on fresh images")
    axis.grid(alpha=0.3)
    axis.legend()
    side = "above" if y[winner] > x[winner] + shift else "below"
    alt = (
        f"{len(x)} masks, loss on fresh images against loss on the images of the search. The winner of the search has "
        f"{x[winner]:.3f} there and {y[winner]:.3f} on fresh images; it lies {side} the line of the average mask."
    )
    return Plot(figure, alt)


def intervals_plot(
    values: Mapping[str, Sequence[float]], intervals: Mapping[str, tuple[float, float]], coverage: float
) -> Plot:
    """Test accuracy of every seed, its mean, and the bootstrap interval of the mean; one row per method.

    `coverage`: how often such an interval is right.
    """
    figure = new_figure(8, 0.6 * len(values) + 1.2)
    axis = figure.subplots()
    parts = []
    for place, (name, each) in enumerate(values.items()):
        low, high = intervals[name]
        axis.plot(100 * np.array([low, high]), [place, place], "-", color=look(name).colour, linewidth=5, alpha=0.35)
        axis.plot(100 * np.asarray(each), [place] * len(each), markersize=5, **look(name).points)
        axis.plot(100 * np.mean(each), place, "|", color="black", markersize=16)
        parts.append(f"{name} {100 * np.mean(each):.1f} ({100 * low:.1f} to {100 * high:.1f})")
    axis.set_yticks(range(len(values)), values)
    axis.invert_yaxis()
    axis.set(
        xlabel=f"test accuracy in %\nbar: bootstrap interval of the mean, right in {coverage:.0%} of the cases",
        ylim=(len(values) - 0.5, -0.5),
    )
    axis.grid(alpha=0.3, axis="x")
    alt = f"Test accuracy in percent, mean and bootstrap interval (it covers the mean in {coverage:.0%} of the cases): "
    return Plot(figure, f"{alt}{'; '.join(parts)}.")


def front_plot(points: Mapping[str, ArrayLike], front: ArrayLike) -> Plot:
    """Clouds of (loss, mean layer sparsity), one per method, and the front through the non-dominated points."""
    figure = new_figure(8, 4.4)
    axis = figure.subplots()
    for name, cloud in points.items():
        loss, sparsity = np.asarray(cloud).T
        axis.plot(sparsity, loss, markersize=4, alpha=0.6, label=name, **look(name).points)
    best = np.asarray(front)
    best = best[np.argsort(best[:, 1])]
    axis.step(best[:, 1], best[:, 0], "-", where="pre", color="black", linewidth=1, label="Pareto front")
    axis.set(xlabel="mean layer sparsity", ylabel="loss on the images of the search (logarithmic)", yscale="log")
    axis.grid(alpha=0.3)
    axis.legend()
    counts = ", ".join(f"{len(np.asarray(cloud))} masks of {name}" for name, cloud in points.items())
    alt = (
        f"Loss against mean layer sparsity: {counts}. The Pareto front of {len(best)} points runs from sparsity "
        f"{best[0, 1]:.2f} to {best[-1, 1]:.2f}."
    )
    return Plot(figure, alt)
