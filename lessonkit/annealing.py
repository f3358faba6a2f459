"""Simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983) with the Metropolis rule (Metropolis et al. 1953)."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from lessonkit.errors import LessonkitError
from lessonkit.masks import flip
from lessonkit.objective import adaptive_mutation_rate
from lessonkit.search import Callback, Problem, SearchResult, Step, draw_population, says_stop, step_of

Candidate = TypeVar("Candidate")
Move = Callable[[Candidate, float, np.random.Generator], Candidate]  # (candidate, rate, rng) -> neighbour
Schedule = Callable[[float, int, int], float]  # (initial, step, total) -> temperature

COLDEST = 1e-3  # the share of the initial temperature at which linear and geometric cooling end


def acceptance_probability(delta: float, temperature: float) -> float:
    """1 for a cost that does not rise, else exp(-delta / temperature): the Metropolis rule; 0 at temperature 0."""
    if delta <= 0:
        return 1.0
    return math.exp(-delta / temperature) if temperature > 0 else 0.0


def logarithmic_cooling(initial: float, step: int, total: int = 0) -> float:
    """initial / (1 + ln(1 + step)): the slow schedule of Geman & Geman (1984), and the experiment's."""
    return initial / (1.0 + math.log(1.0 + step))


def linear_cooling(initial: float, step: int, total: int) -> float:
    """A straight line from `initial` at step 0 down to a thousandth of it at step `total`."""
    return initial * (1.0 - (1.0 - COLDEST) * min(step / total, 1.0))


def geometric_cooling(initial: float, step: int, total: int) -> float:
    """The same factor each step, from `initial` at step 0 to a thousandth of it at step `total`."""
    return initial * math.exp(math.log(COLDEST) * min(step / total, 1.0))


SCHEDULES: dict[str, Schedule] = {
    "logarithmic": logarithmic_cooling,
    "linear": linear_cooling,
    "geometric": geometric_cooling,
}


def anneal(
    problem: Problem[Candidate],
    start: Candidate,
    *,
    iterations: int = 200,
    temperature: float = 1.0,
    schedule: str | Schedule = "logarithmic",
    mutation_rate: float = 0.15,
    move: Move[Candidate] = flip,  # type: ignore[assignment]
    initial_rate: float = 0.0,
    redraw_factor: float = 0.85,
    rng: np.random.Generator,
    callback: Callback | None = None,
) -> SearchResult[Candidate]:
    """Walk from `start`, always downhill and sometimes uphill, less and less as the temperature falls.

    Parameters
    ----------
    problem : gives costs and counts evaluations; the search also ends when its budget does.
    start : a mask, or whatever `move` understands. Its evaluation counts.
    iterations : proposals; with the start, ``iterations + 1`` evaluations.
    temperature : the initial temperature, in units of the cost.
    schedule : "logarithmic", "linear", "geometric", or a function (initial, step, total) -> temperature.
    mutation_rate : the rate given to `move` in the first step; it falls in a straight line to 0.
    move : (candidate, rate, rng) -> neighbour, a new object.
    initial_rate : 0 begins at `start` itself; else at ``move(start, initial_rate, rng)``, drawn again with the rate
        times `redraw_factor` as long as it gets the penalty. Each further draw is an iteration less; the last one that
        `iterations` or the budget allow is `start`.
    rng : the only source of randomness.
    callback : sees each `Step`; returning True ends the search.

    Returns
    -------
    SearchResult
        With the best candidate seen and its own cost. Ctrl-C ends the search and keeps it.
    """
    if not callable(schedule) and schedule not in SCHEDULES:
        raise LessonkitError(f"no cooling schedule is called {schedule!r}: choose {', '.join(SCHEDULES)}")
    cooling = schedule if callable(schedule) else SCHEDULES[schedule]
    began, spent = time.perf_counter(), problem.evaluations
    if initial_rate > 0:
        rates = (initial_rate, initial_rate)
        (current,), (current_score,) = draw_population(
            problem, start, 1, rates, redraw_factor, move, rng, limit=iterations + 1
        )
        iterations -= problem.evaluations - spent - 1
    else:
        current, (current_score,) = start, problem.score([start])
    best, best_score = current, current_score
    history: list[Step] = []
    message = f"{iterations} iterations done"
    try:
        for step in range(iterations):
            if problem.remaining < 1:
                message = "the budget of evaluations is spent"
                break
            heat = cooling(temperature, step, iterations)
            rate = adaptive_mutation_rate(mutation_rate, step, iterations)
            proposal = move(current, rate, rng)
            (score,) = problem.score([proposal])
            accepted = rng.random() < acceptance_probability(score.cost - current_score.cost, heat)
            if accepted:
                current, current_score = proposal, score
            if score.cost < best_score.cost:
                best, best_score = proposal, score
            used = problem.evaluations - spent
            row = step_of(score, best_score, step, used, accepted=accepted, temperature=heat, rate=rate)
            history.append(row)
            if says_stop(callback, row):
                message = "stopped by the callback"
                break
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
