"""Simulated annealing: the acceptance rule by its frequencies, the schedules, and what every search promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_problems import Rugged

from lessonkit.annealing import (
    SCHEDULES,
    acceptance_probability,
    anneal,
    geometric_cooling,
    linear_cooling,
    logarithmic_cooling,
)
from lessonkit.errors import BudgetExhaustedError
from lessonkit.experiments.presets import anneal_near
from lessonkit.masks import flip
from lessonkit.problem import Problem, SearchResult


def run(rugged: Rugged, *, budget=None, seed=0, **settings) -> SearchResult:
    return anneal(rugged.problem(budget), rugged.start(), rng=np.random.default_rng(seed), **settings)


# --- the rule and the schedules ---


@given(st.floats(-100, 100), st.floats(1e-3, 100))
def test_the_metropolis_rule(delta, temperature):
    assert acceptance_probability(delta, temperature) == pytest.approx(min(1.0, math.exp(min(0, -delta / temperature))))


def test_the_metropolis_rule_at_its_edges():
    assert acceptance_probability(0.0, 0.0) == 1.0
    assert acceptance_probability(-1.0, 0.0) == 1.0
    assert acceptance_probability(1e-12, 0.0) == 0.0
    assert acceptance_probability(1e8, 1e-3) == 0.0


@pytest.mark.parametrize(("delta", "temperature"), [(0.5, 1.0), (1.0, 0.5), (0.2, 2.0)])
def test_the_walk_accepts_as_often_as_the_metropolis_rule_says(delta, temperature):
    result = anneal(
        Problem(lambda states: [delta * state for state in states]),
        0,  # two states, 0 and 1, of costs 0 and delta
        iterations=6000,
        temperature=temperature,
        schedule=lambda initial, step, total: initial,
        move=lambda state, rate, rng: 1 - state,
        rng=np.random.default_rng(5),
    )
    up = [step.accepted for step in result.history if step.cost == delta]
    down = [step.accepted for step in result.history if step.cost == 0]
    boltzmann = math.exp(-delta / temperature)
    assert all(down)
    assert np.mean(up) == pytest.approx(boltzmann, abs=0.04)
    # detailed balance: a proposal upwards is made from state 0, one downwards from state 1
    assert len(down) / len(up) == pytest.approx(boltzmann, abs=0.04)


def test_an_equal_cost_is_accepted():
    result = anneal(
        Problem(lambda states: [1.0] * len(states)), 0, move=lambda s, r, g: s + 1, rng=np.random.default_rng(0)
    )
    assert all(step.accepted for step in result.history)
    assert result.best == 0  # but it is no better


def test_the_schedules_by_their_formulas():
    assert [logarithmic_cooling(2.0, step, 200) for step in (0, 1, 199)] == pytest.approx(
        [2.0, 2 / (1 + math.log(2)), 2 / (1 + math.log(200))]
    )
    assert [linear_cooling(2.0, step, 100) for step in (0, 50, 100)] == pytest.approx([2.0, 1.001, 0.002])
    assert [geometric_cooling(2.0, step, 100) for step in (0, 50, 100)] == pytest.approx([2.0, 2 * 1e-3**0.5, 0.002])
    ratios = [geometric_cooling(1.0, step + 1, 10) / geometric_cooling(1.0, step, 10) for step in range(10)]
    assert ratios == pytest.approx([1e-3 ** (1 / 10)] * 10)


@given(st.sampled_from(sorted(SCHEDULES)), st.floats(0.01, 10), st.integers(1, 500), st.data())
def test_a_schedule_starts_at_its_temperature_and_never_rises(name, initial, total, data):
    step = data.draw(st.integers(0, total - 1))
    assert SCHEDULES[name](initial, 0, total) == pytest.approx(initial)
    assert 0 < SCHEDULES[name](initial, step + 1, total) < SCHEDULES[name](initial, step, total)


@pytest.mark.parametrize("schedule", SCHEDULES.values())
def test_the_walk_uses_its_schedule_and_its_falling_rate(schedule):
    rates = []

    def move(mask, rate, rng):
        rates.append(rate)
        return mask

    history = run(Rugged(), iterations=10, temperature=3.0, schedule=schedule, mutation_rate=0.4, move=move).history
    assert [step.temperature for step in history] == [schedule(3.0, step, 10) for step in range(10)]
    assert rates == [step.rate for step in history] == pytest.approx([0.4 * (1 - step / 10) for step in range(10)])


# --- the walk ---


@pytest.mark.parametrize("seed", range(4))
def test_it_finds_the_optimum_of_a_tiny_problem(seed):
    rugged = Rugged(seed)
    result = run(rugged, seed=seed, iterations=1500, temperature=2.0, mutation_rate=0.3)
    assert result.cost == pytest.approx(rugged.optimum)
    assert rugged.of(result.best) == pytest.approx(rugged.optimum)


def test_proposals_are_made_from_the_current_candidate_not_from_the_best():
    asked = []

    def move(state, rate, rng):
        asked.append(state)
        return state + 1

    result = anneal(  # hot enough to walk uphill for good
        Problem(lambda states: [float(state) for state in states]),
        0,
        iterations=20,
        temperature=1e9,
        move=move,
        rng=np.random.default_rng(0),
    )
    assert asked == list(range(20))
    assert (result.best, result.cost) == (0, 0.0)


def test_a_refused_proposal_is_left_behind():
    asked = []

    def move(state, rate, rng):
        asked.append(state)
        return state + 1

    problem = Problem(lambda states: [float(state) for state in states])
    anneal(problem, 0, iterations=5, temperature=1e-9, move=move, rng=np.random.default_rng(0))
    assert asked == [0] * 5


@pytest.mark.parametrize("seed", range(5))
def test_the_best_comes_with_its_own_cost(seed):
    rugged = Rugged(seed)
    anywhere = lambda mask, rate, rng: rng.random(mask.shape) < 0.5  # noqa: E731
    result = run(rugged, seed=seed, iterations=60, temperature=50.0, move=anywhere)  # hot: it leaves the best behind
    assert result.cost == rugged.of(result.best) == min(rugged.costs)
    assert [step for step in result.history if step.accepted][-1].cost > result.cost


def test_the_history_tells_what_happened():
    rugged = Rugged(1)
    result = run(rugged, iterations=30)
    costs = rugged.costs
    assert [step.cost for step in result.history] == costs[1:]
    assert [step.best_cost for step in result.history] == [min(costs[: index + 2]) for index in range(30)]
    assert [step.evaluations for step in result.history] == list(range(2, 32))
    assert [step.step for step in result.history] == list(range(30))
    assert len(result.table()) == 30


# --- what every search promises ---


@pytest.mark.parametrize("iterations", [0, 1, 37])
def test_exactly_one_evaluation_more_than_iterations(iterations):
    rugged = Rugged()
    result = run(rugged, iterations=iterations)
    assert rugged.seen == result.evaluations == iterations + 1
    assert "iterations done" in result.message


@pytest.mark.parametrize("budget", [1, 2, 10])
def test_the_budget_ends_it_and_the_start_counts(budget):
    rugged = Rugged()
    result = run(rugged, budget=budget, iterations=50)
    assert rugged.seen == result.evaluations == budget
    assert "budget" in result.message
    assert result.cost == min(rugged.costs)


def test_no_budget_at_all_is_an_error():
    with pytest.raises(BudgetExhaustedError, match="1 evaluations with 0 of 0 left"):
        run(Rugged(), budget=0)


def test_a_callback_that_returns_true_stops_it():
    seen = []

    def callback(step):
        seen.append(step)
        return len(seen) == 4

    result = run(Rugged(), iterations=50, callback=callback)
    assert seen == result.history
    assert len(seen) == 4
    assert result.evaluations == 5
    assert "callback" in result.message


def test_a_callback_that_returns_something_else_does_not_stop_it():
    assert len(run(Rugged(), iterations=9, callback=lambda step: step.step + 1).history) == 9


def test_ctrl_c_keeps_the_best_so_far():
    rugged = Rugged(2, interrupt_at=21)
    result = run(rugged, iterations=200, temperature=20.0)
    assert result.message == "interrupted"
    assert len(result.history) == 20
    assert result.cost == rugged.of(result.best) == min(rugged.costs)


def test_the_same_seed_gives_the_same_mask():
    one, two, other = (run(Rugged(), seed=seed, iterations=40) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.best, two.best)
    assert str(one.history) == str(two.history)
    assert str(one.history) != str(other.history)


def test_the_start_is_not_touched():
    start = np.ones((2, 4), bool)
    result = anneal(Rugged().problem(), start, iterations=20, rng=np.random.default_rng(0))
    assert start.all()
    assert not np.shares_memory(result.best, start)


@pytest.mark.parametrize("iterations", [1, 3, 24, 25, 60])
def test_drawing_a_start_again_never_costs_more_than_the_iterations(iterations):
    """The first draws all get the penalty: below 99% kept."""
    problem = Problem(lambda masks: [1e8 if mask.mean() < 0.99 else 1.0 for mask in masks])
    found = anneal_near(
        problem,
        np.ones(1000, bool),
        initial_rate=0.6,
        redraw_factor=0.85,
        move=flip,
        iterations=iterations,
        rng=np.random.default_rng(0),
    )
    assert problem.evaluations == iterations + 1
    assert found.cost == 1.0
    done = int(found.message.split()[0])
    assert 0 <= done == len(found.history) <= iterations
