"""The genetic algorithm (Holland 1975; Goldberg 1989) over masks: tournaments, crossover, mutation, elites."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike

from lessonkit.errors import LessonkitError
from lessonkit.masks import Mask, flip
from lessonkit.objective import adaptive_mutation_rate
from lessonkit.search import Callback, Problem, Scored, SearchResult, Step, draw_population, says_stop, step_of

Individual = TypeVar("Individual")
Move = Callable[[Mask, float, np.random.Generator], Mask]
Crossover = Callable[[Mask, Mask, np.random.Generator], Mask]  # (mother, father, rng) -> child


def tournament_select(costs: ArrayLike, size: int, rng: np.random.Generator) -> int:
    """The index of the cheapest among `size` distinct entrants, drawn without replacement."""
    values = np.asarray(costs)
    entrants = rng.choice(len(values), size=min(size, len(values)), replace=False)
    return int(entrants[np.argmin(values[entrants])])


def single_point_crossover(a: Mask, b: Mask, point: int) -> tuple[Mask, Mask]:
    """Exchange the tails after `point` in flattened order; both children own their memory."""
    first, second = a.copy(), b.copy()
    first.reshape(-1)[point:], second.reshape(-1)[point:] = b.reshape(-1)[point:], a.reshape(-1)[point:]
    return first, second


def uniform_crossover(a: Mask, b: Mask, rng: np.random.Generator) -> Mask:
    """Each bit from either parent with equal chance (Syswerda 1989)."""
    return np.where(rng.random(a.shape) < 0.5, a, b)


def mutate(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    """Flip each bit independently with probability `rate`."""
    return flip(mask, rate, rng)


def next_generation(
    population: Sequence[Individual], costs: ArrayLike, elite: int, make_child: Callable[[], Individual]
) -> list[Individual]:
    """The `elite` cheapest individuals, cheapest first, then children until the size is as before."""
    order = np.argsort(np.asarray(costs), kind="stable")
    kept = [population[index] for index in order[:elite]]
    return kept + [make_child() for _ in range(len(population) - elite)]


def evolve(
    problem: Problem[Mask],
    start: Mask,
    *,
    generations: int = 20,
    population: int = 12,
    elite: int = 2,
    tournament: int = 5,
    crossover: str | Crossover = "single-point",
    crossover_probability: float = 0.9,
    mutation_rate: float = 0.15,
    initial_rate: float | tuple[float, float] = 0.15,
    redraw_factor: float = 0.15,
    move: Move = mutate,
    rng: np.random.Generator,
    callback: Callback | None = None,
) -> SearchResult[Mask]:
    """Breed masks: the cheap ones more often, two parents a child, a few bits changed, the best kept as they are.

    Parameters
    ----------
    problem : gives costs, a whole generation at once, and counts evaluations; the search also ends when its budget
        does, with a last generation that may be smaller.
    start : the mask around which the first population is drawn, each individual by `move` at `initial_rate`.
    generations : after the first population; each costs ``population - elite`` evaluations.
    tournament : entrants for each parent.
    crossover : "single-point", "uniform", or a function (mother, father, rng) -> child.
    mutation_rate : the rate given to `move` for children in the first generation; it falls in a straight line to 0.
    initial_rate : the rate of the first population; of a pair (low, high), the individuals have rates from one to the
        other. While no individual stays under the penalty, the population is drawn again with the rates times
        `redraw_factor`, and every evaluation of it counts.
    rng, callback : as in `anneal`; a `Step` is a generation, its cost the generation's best.

    Returns
    -------
    SearchResult
        With the best mask seen and its own cost. Ctrl-C ends the search and keeps it.
    """
    if not 0 <= elite < population:
        raise LessonkitError(f"an elite of {elite} does not fit a population of {population}: choose 0 to less than it")
    if tournament < 1:
        raise LessonkitError(f"a tournament of {tournament} has no winner: give at least 1")
    if not callable(crossover) and crossover not in ("single-point", "uniform"):
        raise LessonkitError(f"no crossover is called {crossover!r}: choose single-point or uniform")
    began, spent = time.perf_counter(), problem.evaluations
    low, high = initial_rate if isinstance(initial_rate, Sequence) else (initial_rate, initial_rate)
    people, scores = draw_population(problem, start, population, (low, high), redraw_factor, move, rng)
    leader = int(np.argmin([score.cost for score in scores]))
    best, best_score = people[leader], scores[leader]
    history: list[Step] = []
    message = f"{generations} generations done"

    def report(step: int, rate: float, of: Sequence[Scored]) -> bool:
        cheapest = min(of, key=lambda score: score.cost)
        mean = float(np.mean([score.cost for score in of]))
        used = problem.evaluations - spent
        history.append(step_of(cheapest, best_score, step, used, rate=rate, mean_cost=mean))
        return says_stop(callback, history[-1])

    try:
        stopped = report(0, high, scores)
        for generation in range(generations):
            children_left = int(min(population - elite, problem.remaining))
            if stopped or children_left < 1:
                message = "stopped by the callback" if stopped else "the budget of evaluations is spent"
                break
            costs = [score.cost for score in scores]
            rate = adaptive_mutation_rate(mutation_rate, generation, generations)

            def make_child(people: list[Mask] = people, costs: list[float] = costs, rate: float = rate) -> Mask:
                mother, father = (people[tournament_select(costs, tournament, rng)] for _ in range(2))
                child = mother.copy()
                if rng.random() < crossover_probability:
                    if callable(crossover):
                        child = crossover(mother, father, rng)
                    elif crossover == "uniform":
                        child = uniform_crossover(mother, father, rng)
                    else:
                        child, _ = single_point_crossover(mother, father, int(rng.integers(1, max(mother.size, 2))))
                return move(child, rate, rng)

            people = next_generation(people, costs, elite, make_child)[: elite + children_left]
            offspring = problem.score(people[elite:])
            scores = sorted(scores, key=lambda score: score.cost)[:elite] + offspring
            leader = int(np.argmin([score.cost for score in scores]))
            if scores[leader].cost < best_score.cost:
                best, best_score = people[leader], scores[leader]
            stopped = report(generation + 1, rate, offspring)
        else:
            message = "stopped by the callback" if stopped else message
    except KeyboardInterrupt:
        message = "interrupted"
    return SearchResult(
        best,
        best_score.cost,
        best_score.evaluation,
        problem.evaluations - spent,
        time.perf_counter() - began,
        history,
        None,
        message,
    )
