"""MutationLab: two parents, their child, and what it is worth."""

from __future__ import annotations

import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from numpy.typing import NDArray

from lessonkit.controls import magnitude_per_layer
from lessonkit.display.plot import COLOURS
from lessonkit.display.widget import Lab, Picture, choice, engine, float_slider, int_slider, lab_figure, percent, small
from lessonkit.experiments.layerwise import layer_problem
from lessonkit.genetic import breed, mutate, single_point_crossover, tournament_select, uniform_crossover
from lessonkit.masks import Mask
from lessonkit.networks.mnist import Dataset
from lessonkit.networks.network import Network
from lessonkit.objective import PENALTY, adaptive_mutation_rate

POPULATION, GENERATIONS = 12, 20
INITIAL_RATE = 0.3  # of the flips that make the first population
SAME = 1e-6  # relative: one mask evaluated twice, in batches of different sizes, differs by less
PLANE = (24, 35)  # the 840 bits of the Output layer in flattened order, as rows
KINDS = ("single-point", "uniform")


def selection_chances(population: int, size: int) -> NDArray[np.float64]:
    """The chance of each rank, cheapest first, to win a tournament drawn without replacement, shape (population,).

    Rank r wins when it is drawn and the other ``size - 1`` entrants come from the ranks behind it.
    """
    wins = [math.comb(population - rank - 1, size - 1) for rank in range(population)]
    return np.array(wins) / math.comb(population, size)


def observed_child(
    mother: Mask, father: Mask, kind: str, point: int, rate: float, rng: np.random.Generator
) -> tuple[Mask, Mask]:
    """A child before and after its mutation, bred by the genetic algorithm itself; the parents are always crossed."""
    before: list[Mask] = []

    def cross(mother: Mask, father: Mask, rng: np.random.Generator) -> Mask:
        return single_point_crossover(mother, father, point)[0]

    def observed_mutation(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
        before.append(mask)
        return mutate(mask, rate, rng)

    crossover = cross if kind == KINDS[0] else uniform_crossover
    child = breed(mother, father, crossover, 1.0, observed_mutation, rate, rng)
    return before[0], child


class MutationLab(Lab):
    """Two parents won in tournaments and their child as pictures; its real cost; the rate over the generations."""

    task = "Breed a mask of the Output layer: when is the child better than its parents, and when is it noise?"

    def __init__(self, data: Dataset | None = None, network: Network | None = None) -> None:
        self.data, self.network, self.evaluator = engine(data, network)
        last = len(self.network.names) - 1
        start = magnitude_per_layer(self.network.kernels, [0.5] * last + [0.0])
        baseline = self.evaluator.evaluate(self.network.keep_all())
        self.problem = layer_problem(self.evaluator, last, start, baseline.loss)
        rng = np.random.default_rng(0)
        self.people = [mutate(start[-1], INITIAL_RATE, rng) for _ in range(POPULATION)]
        self.costs = self.problem.cost(self.people)
        bits = self.people[0].size
        controls = {
            "rate": float_slider("Mutation rate", "Of the first generation", 0.15, 0.0, 0.5, 0.01),
            "generation": int_slider("Generation", "The rate falls to 0 with it", 0, 0, GENERATIONS),
            "crossover": choice("Crossover", "How the parents' bits are mixed", KINDS),
            "point": int_slider("Crossover point", "Bits in front of it come from parent 1", bits // 2, 0, bits, 10),
            "tournament": int_slider("Tournament size", "Entrants for each parent", 5, 1, POPULATION),
            "draw": int_slider("Random draw", "Another draw: other entrants, other flips", 0, 0, 99),
        }
        super().__init__(controls, self._draw())

    def _draw(self) -> Picture:
        figure = lab_figure(4.7)
        grid = figure.add_gridspec(2, 6, height_ratios=(1.25, 1))
        colours = ListedColormap(["#f2f2f2", "#333333", COLOURS[4], COLOURS[1]])
        norm = BoundaryNorm([-0.5, 0.5, 1.5, 2.5, 3.5], 4)
        self.panels, moving = [], []
        for number, title in enumerate(("Parent 1\n", "Parent 2\n", "Child\n")):
            axis = small(figure.add_subplot(grid[0, 2 * number : 2 * number + 2]), title=title, xticks=[], yticks=[])
            panel = axis.imshow(np.zeros(PLANE), cmap=colours, norm=norm, aspect="auto", interpolation="nearest")
            self.panels.append(panel)
            moving += [panel, axis.title]
        names = ("pruned", "kept", "flipped: now pruned", "flipped: now kept")
        patches = [
            matplotlib.patches.Patch(facecolor=colours(number), edgecolor="black", linewidth=0.5, label=name)
            for number, name in enumerate(names)
        ]
        figure.legend(handles=patches, loc="outside upper center", ncols=4, fontsize=8, frameon=False)
        rate_axis, chance_axis = figure.add_subplot(grid[1, :3]), figure.add_subplot(grid[1, 3:])
        small(rate_axis, title="Adaptive mutation rate", xlabel="generation", xlim=(-0.5, 20.5), ylim=(-0.02, 0.52))
        rate_axis.set_xticks(range(0, GENERATIONS + 1, 5))
        (self.line,) = rate_axis.plot([], [], color=COLOURS[0])
        (self.now,) = rate_axis.plot([], [], color=COLOURS[1], marker="o", markersize=8, linestyle="none")
        small(chance_axis, title="Chance to become a parent", xlabel="rank (1 has the lowest cost)", ylim=(0, 1.05))
        chance_axis.set_xticks(range(1, POPULATION + 1))
        self.bars = list(chance_axis.bar(range(1, POPULATION + 1), np.zeros(POPULATION), color=COLOURS[0]))
        for axis in (rate_axis, chance_axis):
            axis.grid(alpha=0.3)
        return Picture(figure, [*moving, self.line, self.now, *self.bars])

    def update(self, cause: str | None) -> tuple[str, dict[str, str]]:
        """Hold two tournaments, cross, mutate, evaluate the child."""
        rate, generation, kind, point, size, draw = (control.value for control in self.controls.values())
        rng = np.random.default_rng([draw, 1])
        first, second = (tournament_select(self.costs, size, rng) for _ in range(2))
        mother, father = self.people[first], self.people[second]
        now = adaptive_mutation_rate(rate, generation, GENERATIONS)
        crossed, child = observed_child(mother, father, kind, point, now, np.random.default_rng([draw, 2]))
        (scored,) = self.problem.score([child])
        assert scored.evaluation is not None
        flipped = crossed != child
        ranks = np.argsort(np.argsort(self.costs, kind="stable"))
        shown: tuple[tuple[Any, str], ...] = (
            (mother.astype(int), f"Parent 1, rank {ranks[first] + 1}\ncost {self.costs[first]:.4f}"),
            (father.astype(int), f"Parent 2, rank {ranks[second] + 1}\ncost {self.costs[second]:.4f}"),
            (np.where(flipped, child + 2, child.astype(int)), f"Child, {int(flipped.sum())} flips\ncost "),
        )
        for panel, (bits, title) in zip(self.panels, shown, strict=True):
            panel.set_data(bits.reshape(PLANE))
            panel.axes.title.set_text(title if not title.endswith("cost ") else title + _cost(scored.cost))
        self.line.set_data(
            range(GENERATIONS + 1), [adaptive_mutation_rate(rate, each, GENERATIONS) for each in range(GENERATIONS + 1)]
        )
        self.now.set_data([generation], [now])
        for bar, chance in zip(self.bars, selection_chances(POPULATION, size), strict=True):
            bar.set_height(chance)
        better = min(self.costs[first], self.costs[second])
        if math.isclose(scored.cost, better, rel_tol=SAME):
            verdict = "exactly as good as its better parent"
        else:
            verdict = "better than both parents" if scored.cost < better else "worse than its better parent"
        how = f"single-point crossover at bit {point}" if kind == KINDS[0] else "uniform crossover"
        sentence = (
            f"By {how}, then {int(flipped.sum())} of {child.size} bits flipped at rate {now:.3f}, the child has cost "
            f"{_cost(scored.cost)}: {verdict}."
        )
        facts = {
            "Child's cost": _cost(scored.cost),
            "Child's loss": f"{scored.evaluation.loss:.4f}",
            "Child's accuracy": percent(scored.evaluation.accuracy),
            "Bits flipped": f"{int(flipped.sum())} of {child.size}",
            "Kept in the child": f"{int(child.sum())} of {child.size}",
            "Rate now": f"{now:.3f}",
            "Chance of the best": percent(float(selection_chances(POPULATION, size)[0])),
            "Cost of parents": f"{self.costs[first]:.4f}, {self.costs[second]:.4f}",
        }
        return sentence, facts


def _cost(value: float) -> str:
    return f"{value:.4f}" if value < PENALTY else "penalty"
