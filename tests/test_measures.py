"""Statistics against scipy, against counting by running, and against brute force."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from lessonkit.annealing import anneal
from lessonkit.errors import LessonkitError
from lessonkit.genetic import evolve
from lessonkit.measures import (
    bootstrap_interval,
    evaluations_of_annealing,
    evaluations_of_genetic,
    pareto_front,
)
from lessonkit.problem import Problem


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_bootstrap_interval_agrees_with_scipy(level):
    sample = np.random.default_rng(0).normal(3, 2, 12)
    ours = bootstrap_interval(sample, np.random.default_rng(1), level=level, resamples=20_000)
    theirs = scipy.stats.bootstrap(
        (sample,), np.mean, confidence_level=level, n_resamples=20_000, method="percentile"
    ).confidence_interval
    np.testing.assert_allclose(ours, (theirs.low, theirs.high), atol=0.1)  # six standard errors: it has no seed
    assert ours[0] < sample.mean() < ours[1]


@pytest.mark.parametrize("values", [[0.9], [], 0.9, [[0.9, 0.8]]])
def test_no_interval_of_one_value(values):
    with pytest.raises(LessonkitError, match=r"^an interval needs at least 2 values .* run more seeds$"):
        bootstrap_interval(values, np.random.default_rng(0))


@pytest.mark.parametrize(("size", "said"), [(2, 0.50), (4, 0.80), (5, 0.84), (10, 0.90), (20, 0.93)])
def test_the_coverage_that_the_docstring_gives(size, said):
    assert f"{said:.0%} " in bootstrap_interval.__doc__.replace("\n    ", " ")
    rng = np.random.default_rng(size)
    samples = rng.normal(size=(2000, size))
    ends = np.array([bootstrap_interval(sample, rng, resamples=500) for sample in samples])
    assert np.mean((ends[:, 0] < 0) & (ends[:, 1] > 0)) == pytest.approx(said, abs=0.03)


def test_the_bootstrap_of_equal_values_and_with_one_generator():
    assert bootstrap_interval([2.0, 2.0, 2.0], np.random.default_rng(0)) == (2.0, 2.0)
    one, two = (bootstrap_interval([1.0, 2.0, 4.0], np.random.default_rng(9)) for _ in range(2))
    assert one == two


points = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=12)


@given(points)
def test_the_pareto_front_against_brute_force(rows):
    def dominates(a, b):  # a low loss and a high sparsity are good
        return a[0] <= b[0] and a[1] >= b[1] and a != b

    expected = [i for i, row in enumerate(rows) if not any(dominates(other, row) for other in rows)]
    assert pareto_front(rows) == expected


def test_the_pareto_front_keeps_equal_rows():
    assert pareto_front([(1, 0.5), (1, 0.5), (2, 0.5), (0, 0.1)]) == [0, 1, 3]


def test_the_published_budgets():
    assert evaluations_of_annealing(200, 5) == 1005
    assert evaluations_of_genetic(20, 12, 2, 5) == 1060


def test_the_counts_are_those_of_the_searches():
    start = np.ones(30, bool)

    def spend(search, **settings):
        problem = Problem(lambda masks: [float(mask.sum()) for mask in masks])
        search(problem, start, rng=np.random.default_rng(0), **settings)
        return problem.evaluations

    assert 3 * spend(anneal, iterations=7) == evaluations_of_annealing(7, 3)
    assert 3 * spend(evolve, generations=4, population=6, elite=1) == evaluations_of_genetic(4, 6, 1, 3)
