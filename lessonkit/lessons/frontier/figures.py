"""Figures of lesson 6: two search spaces, the densities, what swaps add, the energies of a filter, the front."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonkit.display.plot import Plot, look, new_figure


def race_plot(histories: Mapping[str, ArrayLike], level: float, level_name: str) -> Plot:
    """Best loss so far against evaluations, one line per search, and one level to beat."""
    figure = new_figure(8, 3.6)
    axis = figure.subplots()
    parts = []
    for name, best in histories.items():
        losses = np.asarray(best)
        axis.plot(losses, label=name, color=look(name).colour, linestyle=look(name).style)
        parts.append(f"{name} ends at {losses[-1]:.2f}")
    axis.axhline(level, color="black", linewidth=0.8, label=level_name)
    axis.set(xlabel="evaluations", ylabel="best loss on the images of the search")
    axis.grid(alpha=0.3)
    axis.legend()
    return Plot(figure, f"Best loss against evaluations: {', '.join(parts)}; {level_name}: {level:.2f}.")


def densities_plot(names: Sequence[str], densities: Mapping[str, ArrayLike]) -> Plot:
    """The kept share of each layer, on a logarithmic scale, one group of bars per layer."""
    figure = new_figure(8, 3.2)
    axis = figure.subplots()
    width = 0.8 / len(densities)
    for number, (name, shares) in enumerate(densities.items()):
        places = np.arange(len(names)) + (number - (len(densities) - 1) / 2) * width
        bars = axis.bar(places, 100 * np.asarray(shares), width * 0.95, color=look(name).colour, label=name)
        axis.bar_label(bars, [f"{100 * share:.0f}" for share in np.asarray(shares)], fontsize=8)
    axis.set_xticks(range(len(names)), names)
    axis.set(ylabel="kept weights in % (logarithmic)", yscale="log", ylim=(1, 180))
    axis.legend(loc="upper center", ncols=len(densities), fontsize=9)
    summary = "; ".join(
        f"{name}: "
        + ", ".join(f"{layer} {100 * share:.0f}%" for layer, share in zip(names, np.asarray(shares), strict=True))
        for name, shares in densities.items()
    )
    return Plot(figure, f"Kept share of each layer. {summary}.")


def couplings_plot(
    kernel: NDArray[np.floating], couplings: NDArray[np.floating], kept: Mapping[str, ArrayLike]
) -> Plot:
    """A 5x5 filter, the couplings between its weights, and which weights each method keeps."""
    figure = new_figure(10, 2.6)
    axes = figure.subplots(1, 2 + len(kept), width_ratios=(1.2, 1.2, *(1 for _ in kept)))
    limit = float(np.abs(kernel).max())
    shown = axes[0].imshow(kernel, cmap="PuOr", vmin=-limit, vmax=limit)
    figure.colorbar(shown, ax=axes[0], fraction=0.05)
    axes[0].set_title("weights", fontsize=10)
    strongest = float(np.abs(couplings).max())
    shown = axes[1].imshow(couplings, cmap="PuOr", vmin=-strongest, vmax=strongest)
    figure.colorbar(shown, ax=axes[1], fraction=0.05)
    axes[1].set_title("couplings J", fontsize=10)
    for axis, (name, mask) in zip(axes[2:], kept.items(), strict=True):
        axis.imshow(np.asarray(mask).reshape(kernel.shape), cmap="Blues", vmin=-0.3, vmax=1.3)
        axis.set_title(name, fontsize=10)
    for axis in axes:
        axis.set(xticks=[], yticks=[])
    alt = (
        f"A 5 by 5 filter, the 25 by 25 matrix of couplings between its weights, and which weights are kept (dark) by "
        f"{', '.join(kept)}."
    )
    return Plot(figure, alt)


def front_plot(points: Mapping[str, ArrayLike], front: ArrayLike) -> Plot:
    """(loss, global sparsity) of masks, one marker per method, and the front through the non-dominated ones."""
    figure = new_figure(8, 4)
    axis = figure.subplots()
    for name, cloud in points.items():
        loss, sparsity = np.asarray(cloud).T
        axis.plot(100 * sparsity, loss, markersize=7, alpha=0.8, label=name, **look(name).points)
    best = np.asarray(front)
    best = best[np.argsort(best[:, 1])]
    axis.plot(100 * best[:, 1], best[:, 0], "-", color="black", linewidth=1, label="non-dominated")
    axis.set(xlabel="global sparsity in %", ylabel="loss on the images of the search")
    axis.grid(alpha=0.3)
    axis.legend()
    names = ", ".join(points)
    return Plot(figure, f"Loss against global sparsity for {names}; a line joins the {len(best)} non-dominated masks.")
