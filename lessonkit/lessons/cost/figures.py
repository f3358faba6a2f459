"""Figures of lesson 2: the terms of the cost, its surface with the published paths, thresholds, ranked masks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from lessonkit.display.plot import COLOURS, Plot, look, new_figure

Cost = Callable[[float, float, float, float], float]  # (loss, baseline_loss, sparsity, max_loss) -> cost
Path = Sequence[tuple[float, float]]  # (loss, sparsity) after each layer


def terms_plot(baseline_loss: float) -> Plot:
    """The two terms of the cost on the same vertical scale."""
    figure = new_figure(8, 3)
    left, right = figure.subplots(1, 2, sharey=True)
    losses, sparsities = np.linspace(0, 1, 101), np.linspace(0.02, 1, 200)
    left.plot(losses, (baseline_loss - losses) ** 2, color=COLOURS[0])
    left.axvline(baseline_loss, color="black", linestyle=":", linewidth=1)
    left.set(xlabel="loss of the pruned network", ylabel="cost", title="(baseline loss - loss)$^2$", ylim=(0, 20))
    right.plot(sparsities, 1 / sparsities, color=COLOURS[1], linestyle="--")
    right.set(xlabel="sparsity", title="1 / sparsity")
    for axis in (left, right):
        axis.grid(alpha=0.3)
    alt = (
        "Two curves on one scale from 0 to 20. The squared difference of losses stays under 1 for losses up to 1; "
        "1 / sparsity falls from above 20 to 10 at sparsity 0.1, 2 at 0.5 and 1 at 1."
    )
    return Plot(figure, alt)


def surface_plot(cost: Cost, baseline_loss: float, max_loss: float, paths: Mapping[str, Path]) -> Plot:
    """Lines of equal cost over loss and sparsity, below the threshold `max_loss`, and paths through them."""
    figure = new_figure(8, 4.2)
    axis = figure.subplots()
    losses, sparsities = np.linspace(0, 1.2, 121), np.linspace(0.08, 0.6, 105)
    height = np.array([[cost(loss, baseline_loss, share, max_loss) for share in sparsities] for loss in losses])
    levels = [1.8, 2, 2.25, 2.5, 3, 3.5, 4, 5, 6, 8, 10]
    lines = axis.contour(sparsities, losses, np.where(height < 1e6, height, np.nan), levels, colors="0.4", linewidths=1)
    axis.clabel(lines, fontsize=8, fmt="%g")
    axis.axhspan(max_loss, 1.2, color="0.85")
    axis.text(0.1, (max_loss + 1.2) / 2, "penalty", va="center")
    for name, path in paths.items():
        axis.plot([share for _, share in path], [loss for loss, _ in path], label=name, **look(name).line)
    axis.axhline(baseline_loss, color="black", linestyle=":", linewidth=1, label="baseline loss")
    axis.set(xlabel="mean layer sparsity", ylabel="loss", ylim=(0, 1.2))
    axis.legend(loc="lower right")
    ends = ", ".join(f"{name} at loss {path[-1][0]:.2f} and sparsity {path[-1][1]:.2f}" for name, path in paths.items())
    alt = (
        f"Lines of equal cost over mean layer sparsity and loss: nearly upright at low sparsity, where the loss hardly "
        f"matters; the penalty begins at loss {max_loss:g}. The paths climb steeply to just below it; they end: {ends}."
    )
    return Plot(figure, alt)


def thresholds_plot(names: Sequence[str], limits: Sequence[float], losses: Mapping[str, Sequence[float]]) -> Plot:
    """The threshold of each layer as a bar, and the losses that searches had after it as markers."""
    figure = new_figure(8, 3.2)
    axis = figure.subplots()
    axis.bar(names, limits, color="0.85", edgecolor="0.4", label="threshold")
    for number, (name, values) in enumerate(losses.items()):
        offset = 0.12 * (2 * number - 1)
        axis.plot(np.arange(len(names)) + offset, values, label=name, **look(name).points)
    axis.set(ylabel="loss")
    axis.legend(loc="upper left")
    said = ", ".join(f"{name} {limit:.3f}" for name, limit in zip(names, limits, strict=True))
    alt = f"A bar for the threshold of each layer ({said}); the published losses after each layer lie just below it."
    return Plot(figure, alt)


def ranking_plot(losses: ArrayLike, costs: Mapping[str, ArrayLike], baseline_loss: float) -> Plot:
    """The loss term of several masks' cost against their loss, one panel per cost, the cheapest masks with rings."""
    x = np.asarray(losses, float)
    figure = new_figure(8, 3.6)
    axes: Any = figure.subplots(1, len(costs), sharex=True, sharey=True)
    lowest = int(np.argmin(x))
    said = []
    for axis, (name, values) in zip(np.atleast_1d(axes), costs.items(), strict=True):
        y = np.asarray(values, float)
        cheapest = np.flatnonzero(y == y.min())  # several, where a cost is flat
        axis.plot(x, y, "o", color=COLOURS[4], markersize=4, label="one mask")
        look: dict[str, Any] = {"markersize": 10, "fillstyle": "none", "linestyle": "none"}
        axis.plot(x[cheapest], y[cheapest], "o", color=COLOURS[1], label=f"lowest cost ({len(cheapest)})", **look)
        axis.plot(x[lowest], y[lowest], "X", color="black", markersize=8, label="lowest loss")
        axis.axvline(baseline_loss, color="black", linestyle=":", linewidth=1, label="baseline loss")
        axis.set(title=name, xlabel="loss of the masked network")
        axis.legend(fontsize=8, loc="upper center")
        span = " to ".join(f"{loss:.4f}" for loss in sorted({x[cheapest].min(), x[cheapest].max()}))
        said.append(f"by {name} {len(cheapest)} at loss {span}, and {y[lowest]:.1e} for the mask with the lowest loss")
    np.atleast_1d(axes)[0].set(ylabel="loss term of the cost")
    alt = f"What {len(x)} masks pay for their loss, a panel per cost; lowest loss {x[lowest]:.4f}, baseline "
    return Plot(figure, f"{alt}{baseline_loss:.4f}; lowest cost: {'; '.join(said)}.")
