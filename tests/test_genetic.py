"""The genetic algorithm: its parts against brute force and probabilities, and what every search promises."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from tiny_problems import Rugged

import lessonkit.genetic as genetic
from lessonkit.errors import BudgetExhaustedError, LessonkitError
from lessonkit.genetic import (
    evolve,
    mutate,
    next_generation,
    single_point,
    single_point_crossover,
    tournament_select,
    uniform_crossover,
)
from lessonkit.objective import PENALTY
from lessonkit.problem import Problem, SearchResult


def run(rugged: Rugged, *, budget=None, seed=0, **settings) -> SearchResult:
    return evolve(rugged.problem(budget), rugged.start(), rng=np.random.default_rng(seed), **settings)


def sizes(rugged: Rugged) -> list[int]:
    return [len(batch) for batch in rugged.batches]


# --- the tournament ---


@pytest.mark.parametrize("size", [1, 3, 6])
def test_a_tournament_of_distinct_entrants_is_won_as_often_as_counting_says(size):
    costs = [4.0, 1.0, 3.0, 0.0, 5.0, 2.0]  # equal to their ranks
    rng, draws = np.random.default_rng(0), 6000
    won = Counter(costs[tournament_select(costs, size, rng)] for _ in range(draws))
    for rank in range(6):  # the winner has this rank when the other entrants all come from the ranks behind
        expected = comb(5 - rank, size - 1) / comb(6, size)
        assert won[float(rank)] / draws == pytest.approx(expected, abs=0.03)


@given(st.lists(st.floats(-10, 10), min_size=1, max_size=12), st.integers(0, 2**32 - 1))
def test_a_tournament_of_all_is_won_by_the_cheapest(costs, seed):
    rng = np.random.default_rng(seed)
    assert costs[tournament_select(costs, len(costs), rng)] == min(costs)
    assert costs[tournament_select(costs, len(costs) + 5, rng)] == min(costs)


def test_both_parents_come_from_tournaments_of_the_size_asked_for(monkeypatch):
    entrants = []

    def spy(costs, size, rng):
        entrants.append((len(costs), size))
        return tournament_select(costs, size, rng)

    monkeypatch.setattr(genetic, "tournament_select", spy)
    run(Rugged(), generations=3, population=7, elite=2, tournament=4)
    assert entrants == [(7, 4)] * (2 * 5 * 3)


# --- crossover, mutation, the next generation ---


@st.composite
def parents(draw):
    shape = draw(array_shapes(min_dims=1, max_dims=4, min_side=1, max_side=4))
    return draw(arrays(bool, shape)), draw(arrays(bool, shape))


@given(parents(), st.data())
def test_single_point_crossover_exchanges_the_tails(pair, data):
    a, b = pair
    before = a.copy(), b.copy()
    point = data.draw(st.integers(0, a.size))
    one, two = single_point_crossover(a, b, point)
    flat_a, flat_b = a.ravel().tolist(), b.ravel().tolist()
    assert one.ravel().tolist() == flat_a[:point] + flat_b[point:]
    assert two.ravel().tolist() == flat_b[:point] + flat_a[point:]
    assert one.shape == two.shape == a.shape
    np.testing.assert_array_equal(a, before[0])
    np.testing.assert_array_equal(b, before[1])
    for child in (one, two):
        assert not np.shares_memory(child, a)
        assert not np.shares_memory(child, b)
    assert not np.shares_memory(one, two)


@given(parents(), st.integers(0, 2**32 - 1))
def test_uniform_crossover_takes_each_bit_from_a_parent(pair, seed):
    a, b = pair
    child = uniform_crossover(a, b, np.random.default_rng(seed))
    assert ((child == a) | (child == b)).all()
    assert child.shape == a.shape
    assert child.dtype == bool
    assert not np.shares_memory(child, a)
    assert not np.shares_memory(child, b)


def test_uniform_crossover_favours_no_parent():
    a, b = np.ones((50, 50), bool), np.zeros((50, 50), bool)
    assert uniform_crossover(a, b, np.random.default_rng(0)).mean() == pytest.approx(0.5, abs=0.04)


def test_mutation_flips_at_its_rate():
    mask = np.random.default_rng(1).random((100, 100)) < 0.5
    assert (mutate(mask, 0.1, np.random.default_rng(0)) != mask).mean() == pytest.approx(0.1, abs=0.02)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.data())
def test_the_next_generation_keeps_the_cheapest_and_adds_children(costs, data):
    people = [object() for _ in costs]
    elite = data.draw(st.integers(0, len(costs)))
    children = []

    def make_child():
        children.append(object())
        return children[-1]

    following = next_generation(people, costs, elite, make_child)
    ranked = [people[index] for index in sorted(range(len(costs)), key=lambda index: (costs[index], index))]
    assert following == ranked[:elite] + children
    assert len(following) == len(people)


# --- the search ---


@pytest.mark.parametrize("crossover", [single_point, uniform_crossover])
@pytest.mark.parametrize("seed", range(3))
def test_it_finds_the_optimum_of_a_tiny_problem(seed, crossover):
    rugged = Rugged(seed)
    result = run(rugged, seed=seed, generations=60, mutation_rate=0.3, crossover=crossover)
    assert result.cost == pytest.approx(rugged.optimum)
    assert rugged.of(result.best) == pytest.approx(rugged.optimum)


def test_every_individual_keeps_its_own_cost_and_the_elite_survives(monkeypatch):
    generations = []

    def spy(people, costs, elite, make_child):
        following = next_generation(people, costs, elite, make_child)
        masks = [getattr(each, "candidate", each) for each in following]
        generations.append(([each.candidate.copy() for each in people], list(costs), masks))
        return following

    monkeypatch.setattr(genetic, "next_generation", spy)
    rugged = Rugged(1)
    run(rugged, generations=12, population=8, elite=3)
    for people, costs, _ in generations:
        assert [rugged.of(each) for each in people] == costs
    for (people, costs, following), (later, later_costs, _) in pairwise(generations):
        np.testing.assert_array_equal(following, later)
        for champion in np.argsort(costs)[:3]:
            assert any(np.array_equal(people[champion], each) for each in later)
        assert min(later_costs) <= min(costs)


def test_the_elite_is_not_evaluated_again_and_breeds_on():
    first = [np.array([True] * n + [False] * (6 - n)) for n in (3, 1, 4, 5)]  # the cost counts kept bits: 1 is best
    mothers = []

    def move(mask, rate, rng):
        if draws:
            return draws.pop(0)
        mothers.append(mask.copy())
        return np.ones(6, bool)  # every child is worse than all of the first

    draws = list(first)
    batches = []

    def score(masks):
        batches.append(len(masks))
        return [float(mask.sum()) for mask in masks]

    result = evolve(
        Problem(score),
        np.ones(6, bool),
        generations=5,
        population=4,
        elite=1,
        tournament=4,  # of all: the best is always the mother
        crossover_probability=0.0,
        move=move,
        rng=np.random.default_rng(0),
    )
    assert batches == [4, 3, 3, 3, 3, 3]
    assert len(mothers) == 15
    for mother in mothers:
        np.testing.assert_array_equal(mother, first[1])
    assert result.cost == 1.0
    np.testing.assert_array_equal(result.best, first[1])


def test_no_individual_shares_memory_with_another():
    alive = []

    def score(masks):
        alive.extend(masks)
        return [float(mask.sum()) for mask in masks]

    evolve(
        Problem(score),
        np.ones((3, 4), bool),
        generations=4,
        population=5,
        move=lambda mask, rate, rng: mask,  # nothing but the crossover can separate child and parent
        initial_rate=0.0,
        rng=np.random.default_rng(0),
    )
    children = alive[5:]
    for index, child in enumerate(children):
        assert not any(np.shares_memory(child, other) for other in alive[:5] + children[:index])


@pytest.mark.parametrize("seed", range(5))
def test_the_best_comes_with_its_own_cost(seed):
    rugged = Rugged(seed)
    result = run(rugged, seed=seed, generations=6, elite=0, mutation_rate=0.5)  # no elite: the last are rarely the best
    assert result.cost == rugged.of(result.best) == min(rugged.costs)


def test_the_rates_of_the_first_population_and_of_children():
    rates = []

    def move(mask, rate, rng):
        rates.append(rate)
        return mutate(mask, rate, rng)

    run(Rugged(), generations=4, population=5, elite=1, mutation_rate=0.2, initial_rate=0.4, move=move)
    assert rates == pytest.approx([0.4] * 5 + [0.2] * 4 + [0.15] * 4 + [0.1] * 4 + [0.05] * 4)


@pytest.mark.parametrize("crossover", [single_point, uniform_crossover])
def test_crossover_happens_as_often_as_asked(crossover):
    counts = {}
    for probability in (0.0, 1.0):
        bred = []

        def move(mask, rate, rng, bred=bred):
            bred.append(mask.copy())
            return rng.random(mask.shape) < 0.5

        run(Rugged(), generations=3, population=6, crossover=crossover, crossover_probability=probability, move=move)
        everyone = {mask.tobytes() for mask in bred}
        counts[probability] = len(everyone)
    assert counts[0.0] < counts[1.0]  # without it, children begin as copies of a few mothers


def test_the_history_tells_what_happened():
    rugged = Rugged(1)
    result = run(rugged, generations=5, population=6, elite=2)
    costs = [[rugged.of(mask) for mask in batch] for batch in rugged.batches]
    assert sizes(rugged) == [6, 4, 4, 4, 4, 4]
    assert [step.cost for step in result.history] == [min(batch) for batch in costs]
    assert [step.mean_cost for step in result.history] == pytest.approx([float(np.mean(batch)) for batch in costs])
    assert [step.evaluations for step in result.history] == list(np.cumsum([len(batch) for batch in costs]))
    assert [step.best_cost for step in result.history] == list(np.minimum.accumulate([min(batch) for batch in costs]))


# --- the first population ---


def penalised_unless(few: int, seen: list):
    """Masks that prune more than `few` weights bear the penalty."""

    def score(masks):
        seen.append([mask.copy() for mask in masks])
        pruned = [np.count_nonzero(~mask) for mask in masks]
        return [PENALTY + 1 if count > few else 1.0 / (count + 1) for count in pruned]

    return score


def test_the_first_population_is_redrawn_more_gently_and_every_draw_counts():
    seen, rates = [], []

    def move(mask, rate, rng):
        rates.append(rate)
        return mutate(mask, rate, rng)

    problem = Problem(penalised_unless(20, seen))
    result = evolve(
        problem, np.ones(1000, bool), generations=2, initial_rate=0.4, redraw_factor=0.15, move=move,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert [len(batch) for batch in seen] == [12, 12, 12, 10, 10]  # 40%, 6% and 0.9% of 1,000 weights; then children
    assert rates[:36] == pytest.approx([0.4] * 12 + [0.06] * 12 + [0.009] * 12)
    assert problem.evaluations == result.evaluations == 56
    assert result.history[0].evaluations == 36
    assert result.cost < PENALTY


def test_the_last_draw_that_the_budget_allows_holds_the_start():
    seen = []
    start = np.ones(1000, bool)
    problem = Problem(penalised_unless(0, seen), budget=30)
    result = evolve(problem, start, initial_rate=0.5, redraw_factor=0.9, rng=np.random.default_rng(0))
    assert [len(batch) for batch in seen] == [12, 12, 6]
    assert not any(mask.all() for mask in seen[0])
    assert seen[1][0].all()
    assert result.cost == 1.0
    np.testing.assert_array_equal(result.best, start)
    assert result.evaluations == problem.evaluations == 30


def test_a_hopeless_first_population_ends_and_does_not_draw_for_ever():
    problem = Problem(lambda masks: [PENALTY + 1] * len(masks))
    result = evolve(problem, np.ones(100, bool), generations=1, rng=np.random.default_rng(0))
    assert result.cost > PENALTY
    assert problem.evaluations % 12 == 10
    assert problem.evaluations < 120


# --- what every search promises ---


def test_exactly_the_published_number_of_evaluations():
    rugged = Rugged()
    result = run(rugged)
    assert rugged.seen == result.evaluations == 12 + 20 * 10
    assert "20 generations done" in result.message


@pytest.mark.parametrize(
    ("budget", "batches"), [(26, [12, 10, 4]), (12, [12]), (13, [12, 1]), (5, [5]), (1, [1]), (22, [12, 10])]
)
def test_the_budget_ends_it_with_a_smaller_last_generation(budget, batches):
    rugged = Rugged()
    result = run(rugged, budget=budget)
    assert sizes(rugged) == batches
    assert result.evaluations == budget
    assert "budget" in result.message
    assert result.cost == rugged.of(result.best) == min(rugged.costs)


def test_no_budget_at_all_is_an_error():
    with pytest.raises(BudgetExhaustedError, match="first draw"):
        run(Rugged(), budget=0)


@pytest.mark.parametrize("stop", [1, 3])
def test_a_callback_that_returns_true_stops_it(stop):
    seen = []

    def callback(step):
        seen.append(step)
        return len(seen) == stop

    rugged = Rugged()
    result = run(rugged, callback=callback)
    assert len(seen) == len(result.history) == stop
    assert result.evaluations == rugged.seen == 12 + 10 * (stop - 1)
    assert "callback" in result.message


def test_a_stop_in_the_last_generation_says_so():
    result = run(Rugged(), generations=2, callback=lambda step: step.step == 2)
    assert "callback" in result.message


def test_ctrl_c_keeps_the_best_so_far():
    rugged = Rugged(3, interrupt_at=45)
    result = run(rugged, elite=0, mutation_rate=0.5)
    assert result.message == "interrupted"
    assert sizes(rugged) == [12, 12, 12]
    assert len(result.history) == 3
    assert result.cost == rugged.of(result.best) == min(rugged.costs)


def test_the_same_seed_gives_the_same_mask():
    one, two, other = (run(Rugged(), seed=seed, generations=3) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.best, two.best)
    assert str(one.history) == str(two.history)
    assert str(one.history) != str(other.history)


def test_the_start_is_not_touched():
    start = np.ones((2, 4), bool)
    evolve(Rugged().problem(), start, generations=3, rng=np.random.default_rng(0))
    assert start.all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"elite": 12}, "an elite of 12 does not fit a population of 12"),
        ({"elite": -1}, "an elite of -1"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    rugged = Rugged()
    with pytest.raises(LessonkitError, match=message):
        run(rugged, **settings)
    assert rugged.seen == 0
