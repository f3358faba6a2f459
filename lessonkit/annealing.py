"""Simulated annealing (Kirkpatrick, Gelatt & Vecchi 1983) with the Metropolis rule (Metropolis et al. 1953)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from lessonkit.masks import flip
from lessonkit.objective import adaptive_mutation_rate
from lessonkit.problem import Callback, Problem, Run, Scored, SearchResult

Candidate = TypeVar("Candidate")
Move = Callable[[Candidate, float, np.random.Generator], Candidate]  # (candidate, rate, rng) -> neighbour
Schedule = Callable[[float, int, int], float]  # (initial, step, total) -> temperature

COLDEST = 1e-3  # the share of the initial temperature at which linear and geometric cooling end


def acceptance_probability(delta: float, temperature: float) -> float:
    """The Metropolis rule: 1 where the cost does not rise, else exp(-delta / temperature), or 0 at temperature 0."""
    if delta <= 0:
        return 1.0
    return math.exp(-delta / temperature) if temperature > 0 else 0.0


def logarithmic_cooling(initial: float, step: int, total: int = 0) -> float:
    """initial / (1 + ln(1 + step)): the slow schedule of Geman & Geman (1984), used in the published experiment."""
    return initial / (1.0 + math.log(1.0 + step))


def linear_cooling(initial: float, step: int, total: int) -> float:
    """A straight line from `initial` at step 0 down to a thousandth of it at step `total`."""
    return initial * (1.0 - (1.0 - COLDEST) * min(step / total, 1.0))


def geometric_cooling(initial: float, step: int, total: int) -> float:
    """The same factor at each step, from `initial` at step 0 down to a thousandth of it at step `total`."""
    return initial * math.exp(math.log(COLDEST) * min(step / total, 1.0))


SCHEDULES: dict[str, Schedule] = {
    "logarithmic": logarithmic_cooling,
    "linear": linear_cooling,
    "geometric": geometric_cooling,
}


def anneal(
    problem: Problem[Candidate],
    start: Candidate | Scored[Candidate],
    *,
    iterations: int = 200,
    temperature: float = 1.0,
    schedule: Schedule = logarithmic_cooling,
    mutation_rate: float = 0.15,
    move: Move[Candidate] = flip,  # type: ignore[assignment]
    rng: np.random.Generator,
    callback: Callback | None = None,
) -> SearchResult[Candidate]:
    """Walk from `start`: always downhill, sometimes uphill, and less often uphill as the temperature falls.

    Parameters
    ----------
    problem : gives costs and counts evaluations; the search also ends when its budget is spent.
    start : a mask, or whatever `move` accepts. Evaluating it counts, unless it is already a `Scored`.
    iterations : the number of proposals; together with the start, ``iterations + 1`` evaluations.
    temperature : the initial temperature, in units of the cost.
    schedule : a function (initial, step, total) -> temperature.
    mutation_rate : the rate for `move` in the first step; it falls in a straight line to 0.
    move : (candidate, rate, rng) -> neighbour, a new object.
    rng : the only source of randomness.
    callback : is called with each `Step`; when it returns True, the search ends.

    Returns
    -------
    SearchResult
        The best candidate seen, with its own cost; also after Ctrl-C, which ends the search.
    """
    with Run(problem, callback) as run:
        (current,) = run.see([start])
        for step in run.steps(iterations):
            heat = schedule(temperature, step, iterations)
            rate = adaptive_mutation_rate(mutation_rate, step, iterations)
            (proposal,) = run.see([move(current.candidate, rate, rng)])
            accepted = rng.random() < acceptance_probability(proposal.cost - current.cost, heat)
            if accepted:
                current = proposal
            run.note(step, proposal, accepted=accepted, temperature=heat, rate=rate)
    return run.result()
