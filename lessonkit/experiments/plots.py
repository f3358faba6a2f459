"""The figures of whole experiments: searches beside their controls, and the frontier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lessonkit.display.plot import Plot, look, new_figure
from lessonkit.experiments.published import PATHS, PUBLISHED, global_from_mean
from lessonkit.masks import global_sparsity, mean_layer_sparsity

if TYPE_CHECKING:
    from lessonkit.experiments.comparison import Comparison, Row


def comparison_plot(comparison: Comparison) -> Plot:
    """Test accuracy against both sparsities: searches, controls, and the published points; one point per seed."""
    figure = new_figure(10, 4.8)
    left, right = figure.subplots(1, 2, sharey=True)
    names = list(dict.fromkeys(row.method.split(", as ")[0] for row in comparison.rows))
    for name in names:
        own = [row for row in comparison.rows if row.method.split(", as ")[0] == name]
        shape = {**look(name).points, "markersize": 7, "alpha": 0.75}
        accuracies = [100 * row.evaluation.accuracy for row in own]
        left.plot([mean_layer_sparsity(row.masks) for row in own], accuracies, label=name, **shape)
        right.plot([global_sparsity(row.masks) for row in own], accuracies, **shape)
    for name, known in PUBLISHED.items():
        shape = {**look(name).points, "markersize": 11, "fillstyle": "none", "markeredgewidth": 1.8}
        overall = global_from_mean([point.mean_layer_sparsity for point in PATHS[name]])[-1]
        label = f"{name}, published (MNIST)"
        left.plot([known["mean_layer_sparsity"]], [100 * known["accuracy"]], label=label, **shape)
        right.plot([overall], [100 * known["accuracy"]], **shape)
    unpruned = 100 * comparison.baseline.accuracy
    for axis, title in ((left, "mean over layers"), (right, "global: of all weights")):
        axis.axhline(unpruned, color="black", linestyle=":", linewidth=1, label="unpruned" if axis is left else None)
        axis.set(xlabel=f"sparsity, {title}", ylim=(0, 103))
        axis.grid(alpha=0.3)
    left.set_ylabel("accuracy on the test images, %")
    figure.legend(loc="outside lower center", ncols=4, fontsize=9, frameon=False)
    said = "; ".join(_mean_of([row for row in comparison.rows if row.method == name]) for name in _methods(comparison))
    alt = (
        "Two panels, test accuracy against the sparsity as a mean over layers and of all weights; controls are as "
        f"sparse as the search that they are named after. Unpruned {unpruned:.1f}%; {said}; "
        + "; ".join(f"published {name} {100 * known['accuracy']:.1f}%" for name, known in PUBLISHED.items())
        + "."
    )
    return Plot(figure, alt)


def _methods(comparison: Comparison) -> Iterable[str]:
    return dict.fromkeys(row.method for row in comparison.rows)


def _mean_of(rows: Sequence[Row]) -> str:
    accuracy = np.mean([row.evaluation.accuracy for row in rows])
    mean, overall = (np.mean([kind(row.masks) for row in rows]) for kind in (mean_layer_sparsity, global_sparsity))
    return f"{rows[0].method} {100 * accuracy:.1f}% at {mean:.2f} (mean over layers) and {overall:.2f} (global)"


def frontier_plot(rows: Sequence[Any], front: Sequence[dict[str, float]] = ()) -> Plot:
    """Test accuracy against global sparsity, one line per method, bars of one sample deviation; NSGA-II's front."""
    figure = new_figure(8, 5)
    axis = figure.subplots()
    ends = []
    for method in dict.fromkeys(row.method for row in rows):
        own = [row for row in rows if row.method == method]
        shares = sorted({row.sparsity for row in own})
        values = [[100 * row.accuracy for row in own if row.sparsity == share] for share in shares]
        means = [float(np.mean(each)) for each in values]
        bars = [float(np.std(each, ddof=1)) if len(each) > 1 else 0.0 for each in values]  # as in the table
        shape = {**look(method).line, "markersize": 5, "linewidth": 1}
        axis.errorbar([100 * share for share in shares], means, bars, label=method, **shape)
        ends.append(f"{method} {means[-1]:.1f}% at {100 * shares[-1]:g}%")
    if front:
        x, y = zip(*((100 * point["global_sparsity"], 100 * point["accuracy"]) for point in front), strict=True)
        axis.plot(x, y, label="NSGA-II's front", **look("nsga2").points)
    axis.set(xlabel="global sparsity, % of all weights pruned", ylabel="test accuracy, %", ylim=(0, 100))
    axis.grid(alpha=0.3)
    axis.legend(fontsize=7, loc="lower left")
    return Plot(figure, f"Test accuracy against global sparsity; at the end of each line: {', '.join(ends)}.")
