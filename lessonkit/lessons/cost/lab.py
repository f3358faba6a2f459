"""CostLab: the surface of the objective, and the paths of the published runs on it."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.patheffects import Normal, Stroke

from lessonkit.display.plot import look
from lessonkit.display.widget import Lab, Picture, choice, float_slider, lab_figure, log_slider, small
from lessonkit.experiments.published import LAYERS, PATHS, TRAINED_LOSS, global_from_mean
from lessonkit.networks.mnist import Dataset
from lessonkit.networks.network import Network
from lessonkit.objective import pruning_cost

MEAN, GLOBAL = "mean over layers", "global"
NAMES = {"annealing": "SA", "genetic": "GA"}
LOSSES = np.linspace(0.0, 1.5, 121)
SPARSITIES = np.linspace(0.0025, 0.6, 120)
HIGHEST = 100.0  # the colours end here; a cost above it gets the colour of the penalty
CEILING = 20.0  # of the plot of costs after each layer; a higher cost is drawn there

_cost = np.vectorize(pruning_cost)


def path_costs(
    method: str, sparsity: str, max_loss: float, penalty: float, epsilon: float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Loss, sparsity (of the kind `sparsity`) and cost of a published run after each layer, shape (5,) each."""
    points = PATHS[method]
    means = np.array([point.mean_layer_sparsity for point in points])
    pruned = means if sparsity == MEAN else global_from_mean(means)
    losses = np.array([point.loss for point in points])
    return losses, pruned, _cost(losses, TRAINED_LOSS, pruned, max_loss, penalty, epsilon)


class CostLab(Lab):
    """The cost as a surface over loss and sparsity, with the paths of the published SA and GA runs."""

    task = "Change the objective: which of the two published runs does it call the better one, and where is the cliff?"

    def __init__(self, data: Dataset | None = None, network: Network | None = None) -> None:
        # the published runs need neither data nor network; the arguments are those of every lab
        controls = {
            "max_loss": float_slider("Maximum loss", "From this loss on the penalty applies", 1.0, 0.05, 1.5, 0.05),
            "penalty": log_slider("Penalty", "Added instead of the loss term", 1e8, 0, 8, 0.5, ".2g"),
            "epsilon": log_slider("Epsilon", "Keeps 1 / (sparsity + epsilon) finite", 1e-8, -8, 0, 0.5, ".1e"),
            "sparsity": choice("Sparsity", "Which of the two sparsities the objective sees", (MEAN, GLOBAL)),
        }
        super().__init__(controls, self._draw())

    def _draw(self) -> Picture:
        figure = lab_figure(3.9)
        left, right = figure.subplots(1, 2, width_ratios=(1.5, 1))
        colours = matplotlib.colormaps["Blues"].with_extremes(over="#5a5a5a")
        extent = (SPARSITIES[0], SPARSITIES[-1], LOSSES[0], LOSSES[-1])
        start = np.ones((len(LOSSES), len(SPARSITIES)))
        self.surface = left.imshow(
            start, extent=extent, origin="lower", aspect="auto", cmap=colours, norm=LogNorm(1.0, HIGHEST)
        )
        bar = figure.colorbar(self.surface, ax=left, extend="max", location="bottom", fraction=0.06, pad=0.02)
        bar.ax.tick_params(labelsize=8)
        bar.set_label("cost (grey: more than 100, the penalty)", fontsize=9)
        small(left, xlabel="sparsity", ylabel="loss", title="penalty, epsilon")
        small(right, ylabel="cost (at the top edge: 20 or more)", title="Cost after each layer", yscale="log")
        right.set_ylim(0.8, CEILING * 1.05)
        right.set_yticks([1, 2, 3, 5, 10, 20], ["1", "2", "3", "5", "10", "20"])
        right.minorticks_off()
        right.set_xticks(range(len(LAYERS)), LAYERS, rotation=45)
        right.set_xlim(-0.3, len(LAYERS) - 0.7)
        right.grid(alpha=0.3)
        left.set_xlim(0, SPARSITIES[-1])
        self.limit = left.axhline(1.0, color="black", linestyle=":", linewidth=1.5)
        outline = [Stroke(linewidth=4, foreground="white"), Normal()]
        self.paths, self.costs = {}, {}
        for method in PATHS:
            shape = {**look(method).line, "markersize": 5}
            (self.paths[method],) = left.plot([], [], label=f"{NAMES[method]}, published", **shape)
            self.paths[method].set_path_effects(outline)
            (self.costs[method],) = right.plot([], [], label=NAMES[method], **shape)
        self.limit.set_label("maximum loss")
        key = left.legend(fontsize=8, loc="upper left")
        right_key = right.legend(fontsize=8, loc="upper right")
        self.title = left.title
        return Picture(
            figure, [self.title, self.surface, self.limit, *self.paths.values(), key, *self.costs.values(), right_key]
        )

    def update(self, cause: str | None) -> tuple[str, dict[str, str]]:
        """The surface and the cost of all published points under these settings."""
        limit, penalty, epsilon, which = (
            self.controls[name].value for name in ("max_loss", "penalty", "epsilon", "sparsity")
        )
        self.title.set_text(f"Cost with penalty {penalty:.3g}, epsilon {epsilon:.2g}")
        if cause != "sparsity":
            losses, pruned = np.meshgrid(LOSSES, SPARSITIES, indexing="ij")
            self.surface.set_data(_cost(losses, TRAINED_LOSS, pruned, limit, penalty, epsilon))
            self.limit.set_ydata([limit, limit])
        last, punished, lost = {}, 0, True
        facts: dict[str, str] = {}
        for method in PATHS:
            losses, pruned, costs = path_costs(method, which, limit, penalty, epsilon)
            self.paths[method].set_data(pruned, losses)
            self.costs[method].set_data(range(len(LAYERS)), np.minimum(costs, CEILING))
            last[method] = float(costs[-1])
            punished += int(np.count_nonzero(losses >= limit))
            lost &= bool(losses[-1] >= limit)
            facts[f"{NAMES[method]}: final cost"] = f"{last[method]:.6g}"
            facts[f"{NAMES[method]}: final sparsity"] = f"{pruned[-1]:.4f}"
            facts[f"{NAMES[method]}: final loss"] = f"{losses[-1]:.4f}"
        facts["Points with the penalty"] = f"{punished} of 10"
        facts["Cost of no pruning"] = f"{pruning_cost(TRAINED_LOSS, TRAINED_LOSS, 0.0, limit, penalty, epsilon):.6g}"
        if lost:
            verdict = "gives both published runs the penalty, so only 1 / (sparsity + epsilon) tells them apart"
        elif abs(last["annealing"] - last["genetic"]) < 1e-9 * last["annealing"]:
            verdict = "calls both published runs equally good"
        else:
            winner = min(last, key=lambda method: last[method])
            verdict = f"calls the published {NAMES[winner]} run the better one"
        sentence = (
            f"Maximum loss {limit:.2f}, penalty {penalty:.3g}, epsilon {epsilon:.1e}, sparsity {which}: the objective "
            f"{verdict}, {last['annealing']:.6g} (SA) against {last['genetic']:.6g} (GA)."
        )
        return sentence, facts
