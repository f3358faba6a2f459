"""The objective against formulas written independently, in exact arithmetic, and at its edges."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lessonkit.objective import (
    adaptive_mutation_rate,
    one_sided_cost,
    pruning_cost,
    trade_off_score,
    warmup_max_loss,
)

losses = st.floats(0, 16)
sparsities = st.floats(0, 1)


def exact(loss, baseline, sparsity, penalised, one_sided=False):
    gap = Fraction(loss) - Fraction(baseline)
    if one_sided and gap < 0:
        gap = Fraction(0)
    first = Fraction(10) ** 8 if penalised else gap * gap
    return float(first + 1 / (Fraction(sparsity) + Fraction(1, 10**8)))


@given(losses, losses, sparsities, st.floats(0.01, 16))
def test_the_costs_are_the_published_formula(loss, baseline, sparsity, limit):
    penalised = loss >= limit
    assert pruning_cost(loss, baseline, sparsity, limit) == pytest.approx(exact(loss, baseline, sparsity, penalised))
    assert one_sided_cost(loss, baseline, sparsity, limit) == pytest.approx(
        exact(loss, baseline, sparsity, penalised, one_sided=True)
    )


@pytest.mark.parametrize("cost", [pruning_cost, one_sided_cost])
def test_the_penalty_applies_at_the_threshold_itself(cost):
    below = cost(0.4999999, 0.1, 0.5, 0.5)
    at, above = cost(0.5, 0.1, 0.5, 0.5), cost(0.5000001, 0.1, 0.5, 0.5)
    assert below == pytest.approx(0.4**2 + 2, abs=1e-5)
    assert at == above == pytest.approx(1e8 + 2)


@pytest.mark.parametrize("cost", [pruning_cost, one_sided_cost])
def test_an_unpruned_network_costs_one_over_epsilon(cost):
    assert cost(0.1, 0.1, 0.0, 1.0) == pytest.approx(1e8)
    assert cost(0.1, 0.1, 0.5, 1.0, epsilon=0.5) == pytest.approx(1.0)
    assert cost(2.0, 0.1, 1.0, 1.0, penalty=7.0) == pytest.approx(8.0)


@given(losses, losses, sparsities)
def test_only_the_two_sided_cost_punishes_an_improvement(loss, baseline, sparsity):
    two, one = (cost(loss, baseline, sparsity, 100.0) for cost in (pruning_cost, one_sided_cost))
    assert one <= two
    if loss >= baseline:
        assert one == pytest.approx(two)
    if loss < baseline - 1e-3 and sparsity > 0.01:
        assert one < two


@given(losses, st.tuples(sparsities, sparsities))
def test_more_sparsity_costs_less(loss, two):
    low, high = sorted(two)
    assert pruning_cost(loss, 0.1, high, 20.0) <= pruning_cost(loss, 0.1, low, 20.0)


def test_the_five_thresholds_of_lenet():
    thresholds = [warmup_max_loss(position, 8, 1.0) for position in (0, 2, 5, 6, 7)]
    assert thresholds == [1 / 8, 3 / 8, 6 / 8, 7 / 8, 8 / 8]


@given(st.integers(1, 50), st.floats(0.01, 10))
def test_the_warm_up_rises_in_equal_steps_to_its_end(total, end):
    thresholds = [warmup_max_loss(index, total, end) for index in range(total)]
    for index, threshold in enumerate(thresholds):
        assert threshold == pytest.approx(float(Fraction(end) * (index + 1) / total))
    assert thresholds[-1] == pytest.approx(end)


@given(st.floats(0, 1), st.integers(1, 1000), st.data())
def test_the_adaptive_rate_falls_in_a_straight_line_to_zero(rate, total, data):
    step = data.draw(st.integers(0, total))
    assert adaptive_mutation_rate(rate, step, total) == pytest.approx(
        float(Fraction(rate) * (total - step) / total), abs=1e-15
    )
    assert adaptive_mutation_rate(rate, 0, total) == rate
    assert adaptive_mutation_rate(rate, total, total) == 0


def test_the_trade_off_score_of_the_published_row():
    # 0.3943 is what the published accuracy gives; the 0.3951 in print was computed with another accuracy
    assert trade_off_score(0.4384, 0.8744, 0.9723) == pytest.approx(0.3943, abs=5e-5)
    assert trade_off_score(0.4384, 0.8764, 0.9723) == pytest.approx(0.3951, abs=1e-4)
    assert trade_off_score(0.4133, 0.8902, 0.9723) == pytest.approx(0.3784, abs=5e-5)
    assert trade_off_score(0.5, 0.9, 0.9) == 0.5
