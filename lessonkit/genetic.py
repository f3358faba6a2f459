"""The genetic algorithm (Holland 1975; Goldberg 1989) over masks: tournaments, crossover, mutation, elites."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from lessonkit.errors import LessonkitError
from lessonkit.masks import Mask, flip
from lessonkit.objective import adaptive_mutation_rate
from lessonkit.problem import Callback, Problem, Run, SearchResult

Individual = TypeVar("Individual")
Move = Callable[[Mask, float, np.random.Generator], Mask]  # (mask, rate, rng) -> changed mask
Crossover = Callable[[Mask, Mask, np.random.Generator], Mask]  # (mother, father, rng) -> child
mutate = flip


def tournament_select(costs: ArrayLike, size: int, rng: np.random.Generator) -> int:
    """The index of the cheapest among `size` distinct entrants, drawn without replacement."""
    values = np.asarray(costs)
    entrants = rng.choice(len(values), size=min(size, len(values)), replace=False)
    return int(entrants[np.argmin(values[entrants])])


def single_point_crossover(a: Mask, b: Mask, point: int) -> tuple[Mask, Mask]:
    """Exchange all bits from `point` on, in flattened order; both children are new arrays."""
    first, second = a.copy(), b.copy()
    first.reshape(-1)[point:], second.reshape(-1)[point:] = b.reshape(-1)[point:], a.reshape(-1)[point:]
    return first, second


def single_point(mother: Mask, father: Mask, rng: np.random.Generator) -> Mask:
    """The first child of `single_point_crossover` at a random point."""
    return single_point_crossover(mother, father, int(rng.integers(1, max(mother.size, 2))))[0]


def uniform_crossover(a: Mask, b: Mask, rng: np.random.Generator) -> Mask:
    """Take each bit from either parent with equal chance (Syswerda 1989)."""
    return np.where(rng.random(a.shape) < 0.5, a, b)


def breed(mother: Mask, father: Mask, cross: Crossover, chance: float, move: Move, rate: float, rng: Any) -> Mask:
    """Make a child: with probability `chance` a cross of both parents, else a copy of `mother`; then `move` it."""
    child = cross(mother, father, rng) if rng.random() < chance else mother.copy()
    return move(child, rate, rng)


def next_generation(
    population: Sequence[Individual], costs: ArrayLike, elite: int, make_child: Callable[[], Individual]
) -> list[Individual]:
    """The `elite` cheapest individuals, cheapest first, then children, up to the size of `population`."""
    order = np.argsort(np.asarray(costs), kind="stable")
    kept = [population[index] for index in order[:elite]]
    return kept + [make_child() for _ in range(len(population) - elite)]


def evolve(
    problem: Problem[Mask],
    start: Mask | list[Mask],
    *,
    generations: int = 20,
    population: int = 12,
    elite: int = 2,
    tournament: int = 5,
    crossover: Crossover = single_point,
    crossover_probability: float = 0.9,
    mutation_rate: float = 0.15,
    initial_rate: float | tuple[float, float] = 0.15,
    redraw_factor: float = 0.15,
    move: Move = mutate,
    rng: np.random.Generator,
    callback: Callback | None = None,
) -> SearchResult[Mask]:
    """Breed masks: cheap ones become parents more often, children are crossed and mutated, the elite survives.

    `start` is the first population, or the mask around which `Run.draw` draws one with `initial_rate` and
    `redraw_factor`. Each of the `generations` costs ``population - elite`` evaluations, the last one fewer if the
    budget of `problem` runs out. The rate for `move` falls in a straight line from `mutation_rate` to 0. `rng` is the
    only source of randomness. `callback` is called with each `Step`, whose cost is the generation's best; when it
    returns True, the search ends, as it does after Ctrl-C. The result is the best mask seen, with its own cost.
    """
    size = len(start) if isinstance(start, list) else population
    if not 0 <= elite < size:
        raise LessonkitError(f"an elite of {elite} does not fit a population of {size}: choose at least 0, and less")
    if tournament < 1:
        raise LessonkitError(f"a tournament of {tournament} has no winner: choose at least 1")

    def make_child() -> Any:
        mother, father = (people[tournament_select(costs, tournament, rng)].candidate for _ in range(2))
        return breed(mother, father, crossover, crossover_probability, move, rate, rng)

    with Run(problem, callback) as run:
        rate = float(np.max(initial_rate))
        if isinstance(start, list):
            people = run.see(start)
        else:
            people = run.draw(start, population, initial_rate, redraw_factor, move, rng)
        run.note(0, people, rate=rate)
        for generation in run.steps(generations, "generations"):
            rate = adaptive_mutation_rate(mutation_rate, generation, generations)
            costs = [individual.cost for individual in people]
            family = next_generation(people, costs, elite, make_child)
            people = run.see(family[: elite + int(min(size, problem.remaining))])
            run.note(generation + 1, people[elite:], rate=rate)
    return run.result()
