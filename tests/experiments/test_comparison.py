"""The comparison: controls in every table, equal budgets, seeds, and no look at the test images before the end."""

from __future__ import annotations

import dataclasses
import functools
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

from lessonkit.annealing import anneal
from lessonkit.controls import magnitude_global, magnitude_per_layer
from lessonkit.engine import evaluator as evaluator_module
from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments.comparison import CONTROLS, compare
from lessonkit.experiments.presets import COURSE, PRESETS, REFERENCE
from lessonkit.masks import global_sparsity, layer_sparsities, mean_layer_sparsity
from lessonkit.networks.mnist import Dataset, Split
from lessonkit.networks.weights import load_network

NETWORK = load_network("standin")
TINY_REFERENCE = dataclasses.replace(REFERENCE, evaluations=20)


@pytest.fixture(scope="module")
def few(standin) -> Dataset:
    """The stand-in, with few images, so that a comparison takes a second."""
    return dataclasses.replace(standin, validation=standin.validation.head(100), test=standin.test.head(200))


def run(data, methods=("annealing", "genetic"), **settings):
    return compare(methods, data=data, network=NETWORK, **{"evaluations": 35, "search_images": 60, **settings})


@pytest.fixture(scope="module")
def comparison(few):
    return run(few, seeds=(0, 3))


def same_masks(one, two) -> bool:
    pairs = zip(one.masks, two.masks, strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def without_time(row):
    return dataclasses.replace(row, seconds=0.0, masks=(), history=(), search_loss=0.0)


# --- the table ---


def test_every_search_is_followed_by_its_three_controls(comparison):
    assert CONTROLS == ("random", "magnitude per layer", "magnitude global")
    expected = []
    for seed in (0, 3):
        for method in ("annealing", "genetic"):
            expected.append((method, seed))
            expected.extend((f"{control}, as {method}", seed) for control in CONTROLS)
    assert [(row.method, row.seed) for row in comparison.rows] == expected
    assert [row.is_control for row in comparison.rows] == [False, True, True, True] * 4


def test_the_controls_stand_at_the_sparsity_that_the_search_reached(comparison):
    for at in range(0, len(comparison.rows), 4):
        search, random, per_layer, overall = comparison.rows[at : at + 4]
        assert 0 < global_sparsity(search.masks) < 1
        for control in (random, per_layer):
            np.testing.assert_allclose(layer_sparsities(control.masks), layer_sparsities(search.masks))
        assert global_sparsity(overall.masks) == pytest.approx(global_sparsity(search.masks))
        assert same_masks(
            dataclasses.replace(per_layer, masks=magnitude_per_layer(NETWORK.kernels, layer_sparsities(search.masks))),
            per_layer,
        )
        assert same_masks(
            dataclasses.replace(overall, masks=magnitude_global(NETWORK.kernels, global_sparsity(search.masks))),
            overall,
        )
        assert not same_masks(random, per_layer)


def test_every_row_reports_what_its_masks_do_on_the_test_images(comparison, few):
    test = Evaluator(NETWORK, few.test.images, few.test.labels)
    assert comparison.baseline == test.evaluate(NETWORK.keep_all())
    for row in comparison.rows:
        assert row.evaluation == test.evaluate(row.masks)
        assert row.evaluation.images == 200
        assert row.trade_off == pytest.approx(
            mean_layer_sparsity(row.masks) * row.evaluation.accuracy / comparison.baseline.accuracy
        )


def test_the_table_holds_what_the_rows_hold(comparison):
    table = comparison.table()
    for record, row in zip(table.to_dict("records"), comparison.rows, strict=True):
        assert record["method"] == row.method
        assert record["seed"] == row.seed
        assert record["accuracy_before"] == comparison.baseline.accuracy
        assert record["loss_before"] == comparison.baseline.loss
        assert record["accuracy"] == row.evaluation.accuracy
        assert record["loss"] == row.evaluation.loss
        assert record["mean_layer_sparsity"] == mean_layer_sparsity(row.masks)
        assert record["global_sparsity"] == global_sparsity(row.masks)
        shares = [record[f"sparsity_{name}"] for name in ("Conv1", "Conv2", "FC1", "FC2", "Output")]
        np.testing.assert_allclose(shares, layer_sparsities(row.masks))
        assert record["evaluations"] == row.evaluations
        assert record["seconds"] == row.seconds
        assert record["trade_off_score"] == row.trade_off
    histories = comparison.histories()
    assert set(zip(histories["method"], histories["seed"], strict=True)) == {
        (row.method, row.seed) for row in comparison.rows if not row.is_control
    }


def test_the_settings_are_recorded_as_plain_values(comparison):
    settings = json.loads(json.dumps(comparison.settings))
    assert settings["preset"] == "course"
    assert settings["methods"] == ["annealing", "genetic"]
    assert settings["seeds"] == [0, 3]
    assert settings["evaluations"] == 35
    assert settings["search_images"] == 60
    assert settings["search_split"] == "validation"
    assert settings["loss_to_warmup"] == COURSE.for_data("standin").loss_to_warmup
    assert settings["annealing"] == dict(COURSE.annealing)
    assert settings["genetic"] == json.loads(json.dumps(dict(COURSE.genetic)))
    assert settings["data"] == "standin"
    assert settings["label"] == COURSE.label


# --- equal budgets ---


@pytest.mark.parametrize("evaluations", [35, 43, 5])
def test_every_search_spends_exactly_its_budget_by_an_independent_count(few, monkeypatch, evaluations):
    counted = []
    evaluate = evaluator_module.LayerEvaluator.evaluate

    def counting(self, candidates):
        counted.append(len(candidates))
        return evaluate(self, candidates)

    monkeypatch.setattr(evaluator_module.LayerEvaluator, "evaluate", counting)
    spent = {}
    for method in ("annealing", "genetic"):
        counted.clear()
        spent[method] = run(few, [method], evaluations=evaluations).rows[0].evaluations
        assert sum(counted) == spent[method]
    assert spent == {"annealing": evaluations, "genetic": evaluations}


def test_the_published_settings_spend_the_published_numbers(monkeypatch, few):
    # 200 proposals a layer and the start of each; 20 generations of 10 children and a first population of 12
    assert REFERENCE.annealing["iterations"] == 200
    assert (REFERENCE.genetic["generations"], REFERENCE.genetic["population"], REFERENCE.genetic["elite"]) == (
        20,
        12,
        2,
    )
    counted = {}
    for method in ("annealing", "genetic"):
        monkeypatch.setattr(evaluator_module.LayerEvaluator, "evaluate", lambda self, some: [CHEAP] * len(some))
        counted[method] = run(few, [method], preset=REFERENCE, evaluations=None, search_images=20).rows[0].evaluations
    assert counted == {"annealing": 5 * 201, "genetic": 5 * 212}


CHEAP = evaluator_module.Evaluation(0.1, 0.9, 20)


# --- the test images are for the end ---


def poisoned(data: Dataset) -> Dataset:
    """The same search images, and test images that would mislead whoever looks at them."""
    rng = np.random.default_rng(0)
    images = rng.random(data.test.images.shape, dtype=np.float32)
    return dataclasses.replace(data, test=Split(images, (data.test.labels + 3) % 10))


def test_a_search_of_the_course_never_looks_at_the_test_images(few, comparison):
    blind = run(poisoned(few), seeds=(0, 3))
    assert blind.baseline.accuracy < 0.5  # the poison works
    for one, two in zip(comparison.rows, blind.rows, strict=True):
        assert same_masks(one, two)
        assert str(one.history) == str(two.history)
        assert str(one.search_loss) == str(two.search_loss)


def test_the_test_images_are_evaluated_only_once_a_search_has_ended(few, monkeypatch):
    order = []
    whole, layer = Evaluator.evaluate, evaluator_module.LayerEvaluator.evaluate

    def on_test(evaluator):
        return evaluator.images == len(few.test)

    def spy_whole(self, masks):
        order.append("test" if on_test(self) else "search")
        return whole(self, masks)

    def spy_layer(self, candidates):
        assert not on_test(self.evaluator), "candidates were scored on the test images"
        order.append("search")
        return layer(self, candidates)

    monkeypatch.setattr(Evaluator, "evaluate", spy_whole)
    monkeypatch.setattr(evaluator_module.LayerEvaluator, "evaluate", spy_layer)
    run(few, ["annealing"])
    assert order[0] == "test"  # the baseline of the table
    searched = [index for index, what in enumerate(order) if what == "search"]
    assert order[searched[0] : searched[-1] + 1] == ["search"] * len(searched)
    assert "test" in order[searched[-1] :]


def test_a_search_on_the_test_images_would_be_noticed(few):
    peeking = dataclasses.replace(COURSE, search_split="test", standin_loss_to_warmup=100.0)
    honest = run(few, ["annealing"], preset=peeking)
    misled = run(poisoned(few), ["annealing"], preset=peeking)
    assert not same_masks(honest.rows[0], misled.rows[0])


def test_the_presets_say_what_they_score_on():
    assert COURSE.search_split == "validation"
    assert COURSE.search_images == 2000
    assert COURSE.evaluations == 1000
    assert {COURSE.annealing["move"], COURSE.genetic["move"]} == {"flip"}
    assert REFERENCE.search_split == "test"
    assert REFERENCE.search_images is None
    assert "TEST" in REFERENCE.label
    assert {REFERENCE.annealing["move"], REFERENCE.genetic["move"]} == {"prune_only"}
    assert {name: preset.name for name, preset in PRESETS.items()} == {"course": "course", "reference": "reference"}


def test_the_reference_scores_candidates_on_all_test_images(few, monkeypatch):
    seen = []
    evaluate = evaluator_module.LayerEvaluator.evaluate

    def spy(self, candidates):
        seen.append((self.evaluator.images, self.evaluator.labels is few.test.labels))
        return evaluate(self, candidates)

    monkeypatch.setattr(evaluator_module.LayerEvaluator, "evaluate", spy)
    result = run(few, ["annealing"], preset=TINY_REFERENCE, evaluations=20, search_images=None)
    assert set(seen) == {(200, True)}
    assert result.settings["search_split"] == "test"
    assert result.settings["search_images"] == 200
    assert "TEST" in result.settings["label"]


def test_the_reference_never_restores_a_weight(few):
    start = run(few, ["annealing"], preset=TINY_REFERENCE, evaluations=20, search_images=None).rows[0]
    sparsities = [step.sparsity for step in start.history if step.layer == "FC1" and step.accepted]
    assert sparsities == sorted(sparsities)


# --- seeds, executors, searches of one's own ---


def test_the_same_seed_gives_the_same_rows_alone_or_among_others(few, comparison):
    alone = run(few, ["genetic"], seeds=(3,))
    among = [row for row in comparison.rows if row.seed == 3 and row.method.endswith("genetic")]
    assert len(alone.rows) == len(among) == 4
    for one, two in zip(alone.rows, among, strict=True):
        assert same_masks(one, two)
        assert without_time(one) == without_time(two)
        assert str(one.history) == str(two.history)


def test_seeds_differ(comparison):
    first, second = (row for row in comparison.rows if row.method == "annealing")
    assert not same_masks(first, second)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_an_executor_gives_the_same_rows_bit_for_bit(few, comparison, kind):
    little = dataclasses.replace(few, train=few.train.head(1))  # less to send to another process
    if kind == "threads":
        executor = ThreadPoolExecutor(2)
    else:
        executor = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
    with executor:
        elsewhere = run(little, seeds=(0, 3), executor=executor)
    for one, two in zip(comparison.rows, elsewhere.rows, strict=True):
        assert same_masks(one, two)
        assert without_time(one) == without_time(two)
        assert str(one.history) == str(two.history)


def half(problem, start, *, rng, callback=None):
    """A search of one's own."""
    mask = rng.random(start.shape) < 0.5
    return mask, problem.cost([mask])[0]


def test_a_search_of_ones_own_stands_in_the_table_with_its_controls(few):
    mine = run(few, [half, functools.partial(anneal, iterations=3), "annealing"])
    assert [row.method for row in mine.rows if not row.is_control] == ["half", "anneal", "annealing"]
    assert [row.method for row in mine.rows[:4]] == ["half", *(f"{control}, as half" for control in CONTROLS)]
    assert mine.rows[0].evaluations == 5
    assert mine.settings["methods"] == ["half", "anneal", "annealing"]


def test_an_unknown_method_is_refused_before_anything_is_computed(few):
    called = []
    with pytest.raises(LessonkitError, match="'hillclimb': choose annealing, genetic"):
        run(few, ["annealing", "hillclimb"], finished=called.append)
    assert not called


# --- stopping, and being told ---


def test_finished_rows_and_steps_are_told(few):
    rows, steps = [], []
    result = run(few, finished=rows.append, callback=lambda method, seed, step: steps.append((method, seed, step)))
    assert tuple(rows) == result.rows
    for row in result.rows:
        if not row.is_control:
            assert tuple(step for method, _, step in steps if method == row.method) == row.history


def test_a_callback_that_returns_true_ends_one_search_only(few):
    result = run(few, callback=lambda method, seed, step: method == "annealing" and step.step == 2)
    first, second = (row for row in result.rows if not row.is_control)
    assert first.evaluations < second.evaluations == 35
    assert not result.interrupted


def test_ctrl_c_keeps_what_was_computed(few):
    def interrupt(method, seed, step):
        if method == "genetic" and step.layer == "FC1":
            raise KeyboardInterrupt

    result = run(few, seeds=(0, 1), callback=interrupt)
    assert result.interrupted
    assert [row.method for row in result.rows if not row.is_control] == ["annealing", "genetic"]
    assert len(result.rows) == 8  # the controls of the interrupted one too
    partial = result.rows[4]
    assert partial.masks[4].all()
    assert not partial.masks[0].all()


def test_ctrl_c_before_the_first_row_gives_an_empty_table(few):
    def interrupted(problem, start, *, rng, callback=None):
        raise KeyboardInterrupt

    result = run(few, [interrupted])
    assert result.interrupted
    assert result.rows[0].evaluation == result.baseline


def test_the_network_is_not_touched(few):
    before = [kernel.copy() for kernel in NETWORK.kernels]
    run(few)
    for kernel, old in zip(NETWORK.kernels, before, strict=True):
        np.testing.assert_array_equal(kernel, old)
