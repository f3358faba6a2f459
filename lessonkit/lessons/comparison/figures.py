"""Figures of lesson 5: the winner's curse, what intervals cover, results with intervals, a Pareto front."""

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


def coverage_plot(trials: Mapping[str, ArrayLike], coverage: Mapping[str, float], shown: int = 60) -> Plot:
    """The first intervals (low, high) of each kind as vertical bars; those that miss the true mean, 0, stand out.

    `trials` holds arrays of shape (2, n), `coverage` the share of all n that cover the mean.
    """
    figure = new_figure(8, 3.4)
    parts = []
    for axis, (name, ends) in zip(figure.subplots(1, len(trials), sharey=True), trials.items(), strict=True):
        low, high = np.asarray(ends)[:, :shown]
        missed = (low > 0) | (high < 0)
        place = np.arange(len(low))
        axis.vlines(place[~missed], low[~missed], high[~missed], color=COLOURS[4], linewidth=1.5)
        axis.vlines(place[missed], low[missed], high[missed], color=COLOURS[1], linewidth=3)
        axis.axhline(0, color="black", linewidth=1)
        axis.set(title=f"{name}: covers the mean in {coverage[name]:.0%}", ylim=(-4, 4))
        axis.set_xlabel(f"the first {len(low)} trials")
        axis.set_xticks([])
        parts.append(f"{name}, {int(missed.sum())} of {len(low)} miss it, of all trials {1 - coverage[name]:.0%}")
    figure.axes[0].set_ylabel("interval; the true mean is 0")
    alt = f"Intervals of the mean, one bar per trial; thick ones miss the true mean: {'; '.join(parts)}."
    return Plot(figure, alt)


def intervals_plot(
    values: Mapping[str, Sequence[float]],
    bootstrap: Mapping[str, tuple[float, float]],
    student: Mapping[str, tuple[float, float]],
    sparsities: Mapping[str, Sequence[float]],
    coverage: Mapping[str, float],
) -> Plot:
    """Test accuracy of every seed, its mean, and two intervals of the mean; one row per method with its mean sparsity.

    `coverage`: how often an interval of each kind is right.
    """
    figure = new_figure(8, 0.6 * len(values) + 1.4)
    axis = figure.subplots()
    parts, names = [], []
    for place, (name, each) in enumerate(values.items()):
        colour = look(name).colour
        axis.plot(100 * np.array(student[name]), [place, place], "|-", color=colour, linewidth=1, markersize=9)
        axis.plot(100 * np.array(bootstrap[name]), [place, place], "-", color=colour, linewidth=5, alpha=0.35)
        axis.plot(100 * np.asarray(each), [place] * len(each), markersize=5, **look(name).points)
        axis.plot(100 * np.mean(each), place, "|", color="black", markersize=16)
        pruned = f"{np.mean(sparsities[name]):.0%} pruned"
        names.append(f"{name}\n{pruned}")
        ends = (f"{100 * low:.1f} to {100 * high:.1f}" for low, high in (bootstrap[name], student[name]))
        parts.append(f"{name}, {pruned}, {100 * np.mean(each):.1f} ({', '.join(ends)})")
    axis.set_yticks(range(len(values)), names)
    axis.invert_yaxis()
    (broad, of_broad), (thin, of_thin) = coverage.items()
    key = f"broad bar: {broad} interval, right in {of_broad:.0%} of the cases; thin line: {thin}, {of_thin:.0%}"
    axis.set(xlabel="test accuracy in %\n" + key.replace("; ", ";\n"), ylim=(len(values) - 0.5, -0.5))
    axis.grid(alpha=0.3, axis="x")
    alt = f"Test accuracy in percent, the sparsity, the mean and two intervals of it ({key}): "
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
