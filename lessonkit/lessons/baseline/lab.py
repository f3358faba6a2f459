"""PruningLab: how much of a trained network can be pruned, at random and by magnitude."""

from __future__ import annotations

import numpy as np

from lessonkit.controls import magnitude_global, magnitude_mask, random_masks
from lessonkit.display.plot import look
from lessonkit.display.widget import (
    Lab,
    Picture,
    accuracy_words,
    choice,
    engine,
    flat_picture,
    int_slider,
    lab_figure,
    percent,
    small,
)
from lessonkit.masks import Masks, global_sparsity, layer_sparsities, mean_layer_sparsity, replace_layer
from lessonkit.networks.mnist import Dataset
from lessonkit.networks.network import Network
from lessonkit.problem import Evaluation

ALL = "all layers"
METHODS = ("magnitude", "random")
FIRST = (20, 40, 60, 80, 90)  # percent; points evaluated at the start, so that there is a curve to compare with


def pruned_masks(network: Network, layer: str, method: str, sparsity: float, seed: int = 0) -> Masks:
    """Masks that prune a share `sparsity` of one layer, or of the whole network for "all layers".

    Random masks with the same seed are nested: a weight pruned at one sparsity is pruned at every higher one.
    """
    if layer == ALL:
        if method == "magnitude":
            return magnitude_global(network.kernels, sparsity)
        return random_masks([kernel.shape for kernel in network.kernels], sparsity, np.random.default_rng(seed))
    index = network.names.index(layer)
    kernel = network.kernels[index]
    if method == "magnitude":
        mask = magnitude_mask(kernel, sparsity)
    else:
        (mask,) = random_masks([kernel.shape], sparsity, np.random.default_rng(seed))
    return replace_layer(network.keep_all(), index, mask)


class PruningLab(Lab):
    """Choose sparsity, method and layer, and see the masks and the real network's accuracy and loss."""

    task = "Prune the trained network: how far can the sparsity go before the accuracy breaks?"

    def __init__(self, data: Dataset | None = None, network: Network | None = None) -> None:
        self.data, self.network, self.evaluator = engine(data, network)
        self.baseline = self.evaluator.evaluate(self.network.keep_all())
        self.tried: dict[tuple[str, str], dict[int, Evaluation]] = {}
        for method in METHODS:
            for share in FIRST:
                self._evaluate(ALL, method, share)
        controls = {
            "sparsity": int_slider("Sparsity, %", "Share of the weights that is pruned, in percent", 80, 0, 99),
            "method": choice("Prune by", "The smallest magnitudes first, or at random", METHODS),
            "layer": choice("Layer", "Prune the whole network or one layer of it", (ALL, *self.network.names)),
        }
        super().__init__(controls, self._draw())

    def _evaluate(self, layer: str, method: str, share: int) -> tuple[Masks, Evaluation]:
        masks = pruned_masks(self.network, layer, method, share / 100)
        tried = self.tried.setdefault((layer, method), {})
        tried[share] = self.evaluator.evaluate(masks)
        return masks, tried[share]

    def _draw(self) -> Picture:
        figure = lab_figure(4.3)
        count = len(self.network.names)
        grid = figure.add_gridspec(2, 2 * count, height_ratios=(1, 1.5))
        self.panels, moving = [], []
        for number, kernel in enumerate(self.network.kernels):
            axis = figure.add_subplot(grid[0, 2 * number : 2 * number + 2])
            plane = flat_picture(np.ones(kernel.shape))
            sampling = "nearest" if plane.shape[1] < 100 else "antialiased"
            panel = axis.imshow(plane, cmap="Greys", vmin=0, vmax=1.25, aspect="auto", interpolation=sampling)
            axis.set(xticks=[], yticks=[])
            small(axis, title=f"{self.network.names[number]}\n")
            self.panels.append(panel)
            moving += [panel, axis.title]
        top = 1.6 * max(each.loss for tried in self.tried.values() for each in tried.values())
        self.curves, self.points = {}, []
        for column, limits, label in (
            ("accuracy", (0, 1.04), "accuracy"),
            ("loss", (0, top), "loss"),
        ):
            where = grid[1, :count] if column == "accuracy" else grid[1, count:]
            axis = small(figure.add_subplot(where), xlabel="sparsity, %", ylabel=label, xlim=(-2, 101), ylim=limits)
            axis.grid(alpha=0.3)
            before = getattr(self.baseline, column)
            axis.axhline(before, color="black", linestyle=":", linewidth=1, label="unpruned")
            for method in METHODS:
                (curve,) = axis.plot([], [], markersize=4, label=method, **look(method).line)
                self.curves[column, method] = curve
                moving.append(curve)
            (point,) = axis.plot([], [], marker="o", markersize=12, fillstyle="none", color="black", linestyle="none")
            point.set(label="now", markeredgewidth=1.5)
            self.points.append((column, point))
            moving.append(point)
            if column == "loss":
                axis.legend(fontsize=8, loc="upper left", ncols=2)
        return Picture(figure, moving)

    def update(self, cause: str | None) -> tuple[str, dict[str, str]]:
        """Prune, evaluate, and add the point to the curves of this layer."""
        share, method, layer = (self.controls[name].value for name in ("sparsity", "method", "layer"))
        masks, now = self._evaluate(layer, method, share)
        for panel, name, mask, pruned in zip(
            self.panels, self.network.names, masks, layer_sparsities(masks), strict=True
        ):
            panel.set_data(flat_picture(mask).astype(float))
            panel.axes.title.set_text(f"{name}\n{percent(pruned)} pruned")
        for (column, each), curve in self.curves.items():
            points = sorted(self.tried.get((layer, each), {}).items())
            curve.set_data([at for at, _ in points], [getattr(reached, column) for _, reached in points])
        for column, point in self.points:
            point.set_data([share], [getattr(now, column)])
        way = "Magnitude pruning" if method == "magnitude" else "Random pruning"
        sentence = (
            f"{way} of {layer} at {share}% sparsity: accuracy {accuracy_words(now)} on validation images, "
            f"loss {now.loss:.4f}. Dark dots in the masks are kept weights."
        )
        facts = {
            "Accuracy": percent(now.accuracy),
            "Loss": f"{now.loss:.4f}",
            "Accuracy, unpruned": percent(self.baseline.accuracy),
            "Loss, unpruned": f"{self.baseline.loss:.4f}",
            "Global sparsity": percent(global_sparsity(masks)),
            "Mean over layers": percent(mean_layer_sparsity(masks)),
            "Weights left": f"{sum(int(np.count_nonzero(mask)) for mask in masks):,}",
        }
        return sentence, facts
