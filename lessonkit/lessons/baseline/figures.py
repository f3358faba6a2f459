"""Figures of lesson 1: the digits, the weights of each layer, a masked kernel, the first pruning curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import CenteredNorm
from numpy.typing import ArrayLike, NDArray

from lessonkit.display.plot import COLOURS, Plot, look, new_figure
from lessonkit.masks import Mask
from lessonkit.networks.mnist import Split


def digits_plot(split: Split) -> Plot:
    """The first image of each class."""
    figure = new_figure(8, 1.3)
    for digit, axis in enumerate(figure.subplots(1, 10)):
        axis.imshow(split.images[np.argmax(split.labels == digit), ..., 0], cmap="gray_r")
        axis.set_title(str(digit))
        axis.set_axis_off()
    return Plot(figure, "Ten handwritten digits in a row, one of each class from 0 to 9, each 28 by 28 pixels.")


def weights_plot(names: Sequence[str], counts: Sequence[int]) -> Plot:
    """How many weights each layer has, on a logarithmic scale."""
    figure = new_figure(8, 2.6)
    axis = figure.subplots()
    bars = axis.barh(names, counts, color=COLOURS[0])
    axis.bar_label(bars, [f"{count:,}  ({count / sum(counts):.1%})" for count in counts], padding=4)
    axis.invert_yaxis()
    axis.set(xscale="log", xlim=(10, 2e6), xlabel="prunable weights (logarithmic scale)")
    largest = names[int(np.argmax(counts))]
    listed = ", ".join(f"{name} {count:,}" for name, count in zip(names, counts, strict=True))
    alt = (
        f"Bars of the prunable weights of each layer: {listed}. {largest} alone holds {max(counts) / sum(counts):.0%}."
    )
    return Plot(figure, alt)


def filters_plot(kernel: NDArray[np.float32], mask: Mask) -> Plot:
    """The filters of a first convolution, shape (height, width, 1, filters), pruned weights crossed out."""
    figure = new_figure(8, 2)
    count = kernel.shape[-1]
    norm = CenteredNorm(halfrange=float(np.abs(kernel).max()))
    axes: Any = figure.subplots(1, count)
    for number, axis in enumerate(axes):
        picture = axis.imshow(kernel[..., 0, number] * mask[..., 0, number], cmap="PuOr", norm=norm)
        rows, columns = np.nonzero(~mask[..., 0, number])
        axis.plot(columns, rows, "x", color="black", markersize=6)
        axis.set(title=f"filter {number}", xticks=[], yticks=[])
    figure.colorbar(picture, ax=figure.axes, label="weight", fraction=0.05)
    pruned = int(np.count_nonzero(~mask))
    alt = f"{count} filters of {kernel.shape[0]} by {kernel.shape[1]} weights; {pruned} of {mask.size} are crossed out."
    return Plot(figure, alt)


def pruning_curve(sparsities: Sequence[float], curves: Mapping[str, Sequence[float]], baseline: float) -> Plot:
    """Accuracy against global sparsity, one line per rule; `baseline` is the unpruned network's accuracy."""
    figure = new_figure(8, 3.8)
    axis = figure.subplots()
    for name, accuracies in curves.items():
        axis.plot(sparsities, accuracies, label=name, **look(name).line)
    axis.axhline(baseline, color="black", linestyle=":", linewidth=1, label="unpruned")
    axis.set(xlabel="global sparsity", ylabel="accuracy, validation images", ylim=(0, 1.03))
    axis.grid(alpha=0.3)
    axis.legend()
    middle = int(np.argmin(np.abs(np.asarray(sparsities) - 0.4)))
    said = ", ".join(f"{name} {values[middle]:.2f}" for name, values in curves.items())
    alt = f"Accuracy against global sparsity. At sparsity {sparsities[middle]:.1f}: {said}; unpruned {baseline:.2f}."
    return Plot(figure, alt)


def selection_plot(chosen_on: ArrayLike, fresh: ArrayLike) -> Plot:
    """Many masks' gain in accuracy over the unpruned network, on the images used to choose the best and on others.

    Both arrays hold one difference of accuracies per mask, shape (masks,); the best mask in the first is marked.
    """
    searched, other = np.asarray(chosen_on, float), np.asarray(fresh, float)
    winner = int(np.argmax(searched))
    figure = new_figure(8, 3.6)
    axis = figure.subplots()
    bins = np.linspace(min(searched.min(), other.min()), max(searched.max(), other.max()), 26).tolist()
    axis.hist(searched, bins, color=COLOURS[4], alpha=0.6, label="all masks, images used to choose")
    axis.hist(other, bins, histtype="step", color="black", label="all masks, other images")
    axis.axvline(searched[winner], color=COLOURS[1], label="the chosen mask, images used to choose")
    axis.axvline(other[winner], color=COLOURS[1], linestyle="--", label="the chosen mask, other images")
    axis.axvline(0, color="black", linestyle=":", linewidth=1, label="the unpruned network")
    axis.set(xlabel="accuracy minus that of the unpruned network on the same images", ylabel="masks")
    axis.legend(fontsize=8, loc="upper left")
    alt = (
        f"Histograms of the difference in accuracy between {len(searched)} masks and the unpruned network, mean "
        f"{searched.mean():+.3f} on the images used to choose and {other.mean():+.3f} on other images. The chosen mask "
        f"is at {searched[winner]:+.3f} on the images it was chosen on and at {other[winner]:+.3f} on other images."
    )
    return Plot(figure, alt)
