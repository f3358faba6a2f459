"""Figures of lesson 4: a population, selection pressure, two crossovers, a run, two mutation rates, the tuning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from numpy.typing import ArrayLike

from lessonkit.display.plot import COLOURS, MARKERS, STYLES, Plot, new_figure
from lessonkit.masks import Mask

PRUNED_KEPT = ListedColormap(["#FFFFFF", "#0072B2"])
PARENTS = ListedColormap(["#0072B2", "#E69F00"])


def diversity(population: Sequence[Mask]) -> float:
    """The share of bits in which two individuals differ, as the mean over all pairs."""
    size = len(population)
    kept = np.mean([np.ravel(mask) for mask in population], axis=0)
    return float(np.mean(2 * kept * (1 - kept)) * size / (size - 1))


def population_plot(first: Sequence[Mask], last: Sequence[Mask], bits: int = 120) -> Plot:
    """The first bits of each individual, before and after; one row per individual."""
    figure = new_figure(8, 4.2)
    for axis, (title, people) in zip(
        figure.subplots(2, 1, sharex=True), (("First population", first), ("Last population", last)), strict=True
    ):
        axis.imshow([np.ravel(mask)[:bits] for mask in people], cmap=PRUNED_KEPT, aspect="auto", interpolation="none")
        axis.set(
            title=f"{title}: two individuals differ in {diversity(people):.0%} of the bits",
            ylabel="individual",
            yticks=[0, 5, 10],
        )
    axis.set_xlabel(f"the first {bits} bits of each mask: blue keeps the weight, white prunes it")
    alt = (
        f"Two pictures of {len(first)} masks, one row per mask. At first the rows look like noise and differ in "
        f"{diversity(first):.0%} of the bits; at the end most columns have one colour and the rows differ in "
        f"{diversity(last):.0%}."
    )
    return Plot(figure, alt)


def pressure_plot(shares: Mapping[int, Sequence[float]]) -> Plot:
    """How often each rank becomes a parent; `shares` gives one row per tournament size."""
    figure = new_figure()
    axis = figure.subplots()
    for number, (size, share) in enumerate(shares.items()):
        ranks = np.arange(1, len(share) + 1)
        axis.plot(ranks, share, STYLES[number % 4], marker=MARKERS[number], color=COLOURS[number], label=f"size {size}")
    axis.set(xlabel="rank of the individual (1 is the cheapest)", ylabel="share of the parents", xticks=ranks)
    axis.grid(alpha=0.3)
    axis.legend(title="tournament")
    summary = "; ".join(f"size {size}: the cheapest {share[0]:.0%}" for size, share in shares.items())
    return Plot(figure, f"Share of the parents by rank. {summary}. The larger the tournament, the steeper the fall.")


def crossover_plot(children: Mapping[str, Mask]) -> Plot:
    """Which parent each bit of a child came from; the masks in `children` are True for the second parent."""
    figure = new_figure(8, 4.4)
    axes = figure.subplots(len(children), 1, sharex=True)
    for axis, (name, second) in zip(axes, children.items(), strict=True):
        axis.imshow(np.asarray(second).T, cmap=PARENTS, aspect="auto", interpolation="none", vmin=0, vmax=1)
        axis.set(title=f"{name}: {np.mean(second):.0%} of the bits from the second parent", ylabel="output")
    axis.set_xlabel("input of the layer; blue from the first parent, orange from the second")
    alt = (
        "Two pictures of a child's mask, coloured by parent. Single-point crossover gives one blue block and one "
        "orange block; uniform crossover gives blue and orange points without order."
    )
    return Plot(figure, alt)


def run_plot(best: ArrayLike, mean: ArrayLike, variety: ArrayLike) -> Plot:
    """A run, generation by generation: the costs, and how much the individuals differ."""
    figure = new_figure(8, 3.4)
    left, right = figure.subplots(1, 2)
    costs, means, differ = np.asarray(best), np.asarray(mean), np.asarray(variety)
    left.plot(costs, "-", marker="o", markersize=3, color=COLOURS[0], label="best of the generation")
    left.plot(means, "--", color=COLOURS[1], label="mean of the generation")
    left.set(xlabel="generation", ylabel="cost", title="Cost")
    left.legend()
    right.plot(100 * differ, "-.", color=COLOURS[2])
    right.set(xlabel="generation", ylabel="% of the bits", ylim=(0, None), title="Difference of two individuals")
    for axis in (left, right):
        axis.grid(alpha=0.3)
    alt = (
        f"Left: over {len(costs) - 1} generations the best cost falls from {costs[0]:.2f} to {costs[-1]:.2f}. "
        f"Right: the share of bits in which two individuals differ goes from {differ[0]:.0%} to {differ[-1]:.0%}."
    )
    return Plot(figure, alt)


def rates_plot(rates: Mapping[str, ArrayLike], runs: Mapping[str, Sequence[ArrayLike]]) -> Plot:
    """Two formulas for the mutation rate, and the best cost of runs that use each of them."""
    figure = new_figure(8, 3.4)
    left, right = figure.subplots(1, 2)
    for number, (name, values) in enumerate(rates.items()):
        style = {"linestyle": STYLES[number], "color": COLOURS[number]}
        left.plot(np.asarray(values), label=name, **style)
        for seed, costs in enumerate(runs[name]):
            right.plot(np.asarray(costs), label=name if seed == 0 else None, alpha=0.8, **style)
    left.axhline(0, color="black", linewidth=0.8)
    left.set(xlabel="generation", ylabel="mutation rate", title="The two formulas")
    right.set(xlabel="generation", ylabel="best cost", title="What they do, one line per seed")
    left.legend()
    for axis in (left, right):
        axis.grid(alpha=0.3)
    last = {name: np.mean([np.asarray(costs)[-1] for costs in several]) for name, several in runs.items()}
    summary = ", ".join(f"{name} ends at {cost:.2f}" for name, cost in last.items())
    return Plot(figure, f"Left: two mutation rates by generation. Right: the best cost of the runs; {summary}.")


def tuning_plot(results: Mapping[str, Mapping[str, Sequence[float]]]) -> Plot:
    """One panel per setting: the final costs of all seeds for each value of it, and their mean."""
    figure = new_figure(8, 3.2)
    axes = figure.subplots(1, len(results), sharey=True)
    parts = []
    for axis, (setting, values) in zip(axes, results.items(), strict=True):
        for place, costs in enumerate(values.values()):
            axis.plot([place] * len(costs), costs, "o", color=COLOURS[0], alpha=0.6, markersize=4)
        means = [np.mean(costs) for costs in values.values()]
        axis.plot(means, "--", marker="_", markersize=14, color=COLOURS[1])
        axis.set_xticks(range(len(values)), values, rotation=30 if max(map(len, values)) > 5 else 0)
        axis.set(title=setting, xlim=(-0.5, len(values) - 0.5))
        axis.grid(alpha=0.3)
        parts.append(f"{setting}: lowest mean at {list(values)[int(np.argmin(means))]}")
    axes[0].set_ylabel("final cost (low is good)")
    return Plot(figure, f"Final cost of each seed and the mean, one panel per setting. {'; '.join(parts)}.")
