"""The price is the real one, every candidate fits it, nothing is judged on what it was fitted on, budgets are equal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit.errors import LessonkitError
from lessonkit.networks.weights import load_network
from lessonkit.problem import Problem
from lessonkit.shrink import chain as chains
from lessonkit.shrink.cut import Repair, cut
from lessonkit.shrink.search import PRICES, Judge, Price, drawn, search
from tests.shrink.architectures import kept_of, models


@settings(max_examples=25)
@given(st.data())
def test_the_price_is_that_of_the_network_that_is_cut_out(data):
    chain = chains.from_keras(data.draw(models()))
    kept = data.draw(kept_of(chain.counts))
    counts = tuple(map(len, kept))
    for of, count in (("multiply-adds", chains.multiply_adds), ("parameters", chains.parameters)):
        price = Price(chain, of, 1.0)
        assert price.whole == count(chain)
        assert price(counts) == count(cut(chain, kept))


@pytest.fixture(scope="module")
def judge(standin) -> Judge:
    chain = chains.from_network(load_network("standin"))
    repair = Repair(chain, standin.train.images[:200])
    return Judge(repair, standin.validation.images[:100], standin.validation.labels[:100], Price(chain, share=0.1))


@pytest.mark.parametrize("of", PRICES)
def test_every_draw_and_every_move_fits_and_uses_the_price_up(judge, of):
    chain = judge.repair.chain
    price = Price(chain, of, 0.12)
    own = Judge(judge.repair, np.zeros((1, 28, 28, 1), np.float32), np.zeros(1, int), price)
    rng = np.random.default_rng(0)
    kept = own.draw(rng)
    for _ in range(60):
        moved = own.move(kept, 0.3, rng)
        assert moved != kept
        counts = tuple(map(len, moved))
        assert price(counts) <= price.limit
        assert all(tuple(sorted(set(units))) == units for units in moved)
        assert all(units[0] >= 0 and units[-1] < full for units, full in zip(moved, chain.counts, strict=True))
        kept = moved
    assert price(tuple(map(len, own.draw(rng)))) > 0.9 * price.limit


def test_a_judgement_is_the_evaluation_of_the_repaired_network(judge, standin):
    kept = judge.draw(np.random.default_rng(1))
    (found,) = judge.score([kept])
    split = standin.validation.head(100)
    expected = chains.evaluate(judge.repair(kept), split.images, split.labels)
    assert found.evaluation.correct == expected.correct
    assert found.cost == pytest.approx(expected.loss, abs=1e-5)
    assert found.sparsity >= 0.9


def test_search_spends_its_budget_and_never_loses_its_start(judge):
    found = search(judge, 24, np.random.default_rng(2))
    assert found.evaluations + 6 == 24  # a quarter is spent on the start
    start = drawn(Problem(judge.score, 6), judge, np.random.default_rng(2), 6)
    assert found.cost <= start.cost
    assert start.evaluations == 6
    again = search(judge, 24, np.random.default_rng(2))
    assert again.best == found.best


def test_at_temperature_zero_nothing_worse_is_accepted(judge):
    rows = search(judge, 40, np.random.default_rng(3)).history
    accepted = [row.cost for row in rows if row.accepted]
    assert accepted == sorted(accepted, reverse=True)
    warm = search(judge, 40, np.random.default_rng(3), temperature=1e9).history
    assert all(row.accepted for row in warm)


def test_a_share_that_one_unit_a_layer_exceeds_is_refused():
    chain = chains.from_network(load_network("standin"))
    with pytest.raises(LessonkitError, match=r"0\.05 of the multiply-adds cannot be reached: .* needs 0\.053 of them"):
        Price(chain, share=0.05)
    with pytest.raises(LessonkitError, match="no units to take out"):
        Price(chains.Chain((28, 28, 1), chain.layers[-1:]))
