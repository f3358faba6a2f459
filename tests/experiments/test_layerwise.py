"""The outer loop: budgets, thresholds, the trap, searches of one's own, interruptions."""

from __future__ import annotations

import functools
import itertools
import re

import numpy as np
import pytest

from lessonkit.annealing import anneal
from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments.layerwise import layer_problem, max_loss, prune_layerwise
from lessonkit.genetic import evolve
from lessonkit.masks import mean_layer_sparsity, replace_layer
from lessonkit.networks.network import Network, PrunableLayer
from lessonkit.networks.weights import load_network
from lessonkit.objective import pruning_cost
from lessonkit.problem import SearchResult, Step

SHAPES = [(5, 4), (4, 3), (3, 3)]


@pytest.fixture(scope="module")
def tiny() -> Evaluator:
    """A dense network of three layers, at positions 0, 2 and 3 of 4, on 40 random points."""
    rng = np.random.default_rng(0)
    layers = tuple(
        PrunableLayer(
            f"D{index}",
            rng.normal(size=shape).astype(np.float32),
            rng.normal(size=shape[1]).astype(np.float32),
            "softmax" if index == 2 else "sigmoid",
            position=(0, 2, 3)[index],
        )
        for index, shape in enumerate(SHAPES)
    )
    points = rng.normal(size=(40, 5)).astype(np.float32)
    return Evaluator(Network((5,), layers, total_layers=4), points, rng.integers(0, 3, 40))


@pytest.fixture(scope="module")
def lenet(standin) -> Evaluator:
    few = standin.validation.head(60)
    return Evaluator(load_network("standin"), few.images, few.labels)


ENOUGH = 100.0  # a loss_to_warmup far above any loss: no penalty anywhere


def prune(search, evaluator, **settings) -> SearchResult:
    return prune_layerwise(search, evaluator, rng=np.random.default_rng(0), **{"loss_to_warmup": ENOUGH, **settings})


def first_weight(problem, start, *, rng, callback=None):
    """A search of a student's own: prune the first weight, whatever it costs."""
    mask = start.copy()
    mask.flat[0] = False
    return mask, problem.cost([mask])[0]


# --- the problem of one layer ---


def test_the_problem_of_a_layer_by_brute_force(tiny):
    masks = tuple(np.random.default_rng(1).random(shape) < 0.7 for shape in SHAPES)
    baseline = tiny.evaluate(tiny.network.keep_all()).loss
    candidates = [np.array(bits).reshape(3, 3) for bits in itertools.product([False, True], repeat=9)]
    scored = layer_problem(tiny, 2, masks, baseline, loss_to_warmup=1.2).score(candidates)
    penalised = 0
    for candidate, found in zip(candidates, scored, strict=True):
        whole = replace_layer(masks, 2, candidate)
        evaluation = tiny.evaluate(whole)
        assert found.sparsity == pytest.approx(mean_layer_sparsity(whole))
        assert found.evaluation.loss == pytest.approx(evaluation.loss, abs=1e-5)
        assert found.cost == pytest.approx(
            pruning_cost(found.evaluation.loss, baseline, mean_layer_sparsity(whole), 1.2), rel=1e-9
        )
        penalised += found.cost > 1e8
    assert 0 < penalised < len(candidates)


def test_the_five_thresholds_of_lenet(lenet):
    assert [max_loss(lenet, index, 1.0) for index in range(5)] == [1 / 8, 3 / 8, 6 / 8, 7 / 8, 8 / 8]
    limits = []

    def cost(loss, baseline, sparsity, limit):
        limits.append(limit)
        return 0.0

    prune(first_weight, lenet, cost=cost, loss_to_warmup=2.0)
    assert limits == [2 / 8, 6 / 8, 12 / 8, 14 / 8, 16 / 8]


# --- budgets ---


@pytest.mark.parametrize(("evaluations", "parts"), [(12, [4, 4, 4]), (13, [5, 4, 4]), (14, [5, 5, 4]), (3, [1, 1, 1])])
def test_the_budget_is_divided_in_equal_parts(tiny, evaluations, parts):
    budgets = []

    def search(problem, start, *, rng, callback=None):
        budgets.append(problem.budget)
        return anneal(problem, start, iterations=50, rng=rng, callback=callback)

    result = prune(search, tiny, evaluations=evaluations)
    assert budgets == parts
    assert result.evaluations == evaluations


def test_too_small_a_budget_is_refused(tiny):
    with pytest.raises(LessonkitError, match="2 evaluations are too few for 3 layers: give at least 3"):
        prune(anneal, tiny, evaluations=2)


def test_without_a_budget_the_searches_own_settings_decide(tiny):
    assert prune(functools.partial(anneal, iterations=6), tiny).evaluations == 3 * 7
    evolution = functools.partial(evolve, generations=2, population=5, elite=1, initial_rate=0.5)
    assert prune(evolution, tiny).evaluations == 3 * (5 + 2 * 4)


def test_a_search_cannot_overdraw_its_budget(tiny):
    def greedy(problem, start, *, rng, callback=None):
        problem.cost([start] * 5)
        return start, 0.0

    with pytest.raises(LessonkitError, match="asked for 5 evaluations with 4 of 4 left"):
        prune(greedy, tiny, evaluations=12)


# --- the trap: a threshold below the unpruned network's own loss ---


@pytest.mark.parametrize("which", ["tiny", "lenet"])
def test_the_trap_is_named_with_its_numbers_and_the_way_out(which, request):
    evaluator = request.getfixturevalue(which)
    loss, network = evaluator.evaluate(evaluator.network.keep_all()).loss, evaluator.network
    too_low = 0.5 * loss * network.total_layers
    called = []

    def search(problem, start, *, rng, callback=None):
        called.append(start)
        return first_weight(problem, start, rng=rng)

    with pytest.raises(LessonkitError) as raised:
        prune(search, evaluator, loss_to_warmup=too_low)
    text = str(raised.value)
    assert not called
    assert "\n" not in text
    assert network.names[0] in text
    assert f"{too_low / network.total_layers:.4f}" in text
    assert f"{loss:.4f}" in text
    smallest = float(re.search(r"loss_to_warmup to ([\d.]+) or more", text)[1])
    prune(search, evaluator, loss_to_warmup=smallest)  # what it says works
    assert len(called) == len(network.layers)
    with pytest.raises(LessonkitError):  # and it is the smallest, to the digits shown
        prune(search, evaluator, loss_to_warmup=smallest - 2e-4)
    with pytest.raises(LessonkitError):  # at the loss itself the penalty applies already
        prune(search, evaluator, loss_to_warmup=loss * network.total_layers)


# --- a search of one's own ---


def test_a_pair_or_a_result_drops_in(tiny):
    def with_result(problem, start, *, rng, callback=None):
        mask, cost = first_weight(problem, start, rng=rng)
        step = Step(0, problem.evaluations, cost, cost, 0.0, 0.0, 0.0)
        return SearchResult(mask, cost, None, 1, 0.0, [step], "done")

    pair, full = prune(first_weight, tiny), prune(with_result, tiny)
    for result in (pair, full):
        assert [np.flatnonzero(~mask).tolist() for mask in result.masks] == [[0], [0], [0]]
        assert result.evaluations == 3
        assert result.evaluation.loss == pytest.approx(tiny.evaluate(result.masks).loss, abs=1e-6)
        assert result.cost == pytest.approx(
            pruning_cost(
                result.evaluation.loss,
                tiny.evaluate(tiny.network.keep_all()).loss,
                mean_layer_sparsity(result.masks),
                ENOUGH,
            )
        )
    assert pair.history == []
    assert [(step.layer, step.evaluations) for step in full.history] == [("D0", 1), ("D1", 2), ("D2", 3)]


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "SearchResult or a pair .* not NoneType"),
        (3, "SearchResult or a pair .* not int"),
        (np.ones((5, 4), bool), "SearchResult or a pair .* not ndarray"),
        (np.ones((2, 4), bool), "SearchResult or a pair .* not ndarray"),
        ((np.ones((5, 4), bool), 1.0, 2.0), "SearchResult or a pair .* not tuple"),
        ((np.ones((5, 4), bool), None), "second part is of type NoneType, not a number"),
        ((np.ones((5, 4), bool), "cheap"), "second part is of type str, not a number"),
        ((1.5, np.ones((5, 4), bool)), "second part is of type ndarray, not a number"),
        ((np.ones((4, 5), bool), 1.0), r"shape \(4, 5\) and type bool: it should be \(5, 4\), bool"),
        ((np.ones((5, 4)), 1.0), r"type float64: it should be \(5, 4\), bool"),
        ((None, 1.0), "the search's best mask"),
    ],
    ids=[
        "None",
        "number",
        "mask",
        "mask of two rows",
        "triple",
        "no cost",
        "text",
        "exchanged",
        "turned",
        "floats",
        "no mask",
    ],
)
def test_a_wrong_return_gives_a_clear_error(tiny, returned, message):
    with pytest.raises(LessonkitError, match=message):
        prune(lambda problem, start, *, rng, callback=None: returned, tiny)


# --- from layer to layer ---


def test_each_layer_starts_from_the_masks_found_before(tiny):
    found, starts = [], []

    def search(problem, start, *, rng, callback=None):
        starts.append(start.copy())
        mask = rng.random(start.shape) < 0.5
        found.append(mask)
        (scored,) = problem.score([mask])
        whole = [*found, *[np.ones(shape, bool) for shape in SHAPES[len(found) :]]]
        assert scored.evaluation.loss == pytest.approx(tiny.evaluate(whole).loss, abs=1e-5)
        assert scored.sparsity == pytest.approx(mean_layer_sparsity(whole))
        return mask, scored.cost

    result = prune(search, tiny)
    assert all(start.all() for start in starts)
    assert len(result.masks) == 3
    for mask, kept in zip(result.masks, found, strict=True):
        np.testing.assert_array_equal(mask, kept)


def test_the_history_names_the_layer_and_counts_on(tiny):
    told = []
    result = prune(functools.partial(anneal, iterations=4), tiny, callback=told.append)
    assert told == result.history
    assert [step.layer for step in told] == ["D0"] * 4 + ["D1"] * 4 + ["D2"] * 4
    assert [step.evaluations for step in told] == [2, 3, 4, 5, 7, 8, 9, 10, 12, 13, 14, 15]


def test_the_evaluation_belongs_to_the_masks(tiny):
    for search in (functools.partial(anneal, iterations=30), functools.partial(evolve, generations=3, population=6)):
        result = prune(search, tiny)
        again = tiny.evaluate(result.masks)
        assert result.evaluation.loss == pytest.approx(again.loss, abs=1e-5)
        assert result.evaluation.correct == again.correct


@pytest.mark.parametrize(
    "search", [functools.partial(anneal, iterations=8), functools.partial(evolve, generations=1, population=4)]
)
def test_the_same_seed_gives_the_same_masks_bit_for_bit(lenet, search):
    runs = [
        prune_layerwise(search, lenet, loss_to_warmup=ENOUGH, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    ]
    for one, two in zip(runs[0].masks, runs[1].masks, strict=True):
        np.testing.assert_array_equal(one, two)
    assert str(runs[0].history) == str(runs[1].history)
    assert any((one != other).any() for one, other in zip(runs[0].masks, runs[2].masks, strict=True))


# --- stopping ---


def test_a_callback_that_returns_true_stops_all_layers(tiny):
    told = []

    def callback(step):
        told.append(step)
        return step.layer == "D1"

    result = prune(functools.partial(anneal, iterations=5), tiny, callback=callback)
    assert result.message == "stopped by the callback"
    assert [step.layer for step in told] == ["D0"] * 5 + ["D1"]
    assert result.masks[2].all()
    assert result.evaluations == 6 + 2


@pytest.mark.parametrize("search", [functools.partial(anneal, iterations=20), functools.partial(evolve, generations=9)])
def test_ctrl_c_inside_a_search_keeps_its_best(tiny, search):
    told = []

    def interrupt(step):
        told.append(step)
        if step.layer == "D1" and step.step == 7:
            raise KeyboardInterrupt

    result = prune(search, tiny, callback=interrupt)
    assert result.message == "interrupted"
    assert not result.masks[0].all()
    assert result.masks[2].all()
    assert result.cost == told[-1].best_cost
    assert result.evaluations == told[-1].evaluations
    assert result.evaluation.loss == pytest.approx(tiny.evaluate(result.masks).loss, abs=1e-5)


def test_ctrl_c_in_a_search_that_knows_nothing_of_it_keeps_the_layers_before(tiny):
    def search(problem, start, *, rng, callback=None):
        if start.shape == SHAPES[2]:
            problem.cost([start, start])
            raise KeyboardInterrupt
        return first_weight(problem, start, rng=rng)

    result = prune(search, tiny)
    assert result.message == "interrupted"
    assert [np.count_nonzero(~mask) for mask in result.masks] == [1, 1, 0]
    assert result.evaluations == 1 + 1 + 2  # what was spent is spent
    assert result.evaluation.loss == pytest.approx(tiny.evaluate(result.masks).loss, abs=1e-5)


def test_ctrl_c_between_two_layers_keeps_the_layers_before(tiny, monkeypatch):
    layer = Evaluator.layer

    def interrupted(self, index, masks):
        if index == 1:
            raise KeyboardInterrupt
        return layer(self, index, masks)

    monkeypatch.setattr(Evaluator, "layer", interrupted)
    result = prune(first_weight, tiny)
    assert result.message == "interrupted"
    assert [np.count_nonzero(~mask) for mask in result.masks] == [1, 0, 0]
    assert result.evaluations == 1
