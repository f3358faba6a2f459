"""The frontier: densities, swaps, spins, counted budgets, cells on the disk. Stand-in or tiny data."""

from __future__ import annotations

import dataclasses
import functools
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tiny_problems import tiny, tiny_images

from lessonkit.controls import magnitude_global
from lessonkit.engine.evaluator import Evaluator
from lessonkit.engine.gradient import loss_gradient
from lessonkit.errors import BudgetExhaustedError, LessonkitError
from lessonkit.frontier import densities, spins, table
from lessonkit.frontier import rules as scores
from lessonkit.frontier import score_walk as walk
from lessonkit.frontier.mask_problem import MaskProblem, biased_swap, kept_at, network_weights, split
from lessonkit.frontier.methods import METHODS, SEARCHES, Found, Task, found_by
from lessonkit.networks.mnist import Split
from lessonkit.networks.network import Network


@pytest.fixture(scope="module")
def images() -> Split:
    return tiny_images()


# --- the problem ----------------------------------------------------------------------------------------------------


def test_problem_counts_evaluations_and_gradients_and_refuses_another_sparsity(images):
    network = tiny()
    kept = kept_at(network, 0.5)
    problem = MaskProblem(network, images, kept, 5)
    vector = np.zeros(network.prunable_weights, bool)
    vector[-kept:] = True
    direct = Evaluator(network, images.images, images.labels).evaluate(split(vector, network)).loss
    assert [scored.cost for scored in problem.score([vector, vector])] == pytest.approx([direct] * 2, abs=1e-5)
    problem.charge(3)
    assert (problem.evaluations, problem.remaining) == (5, 0)
    with pytest.raises(BudgetExhaustedError):
        problem.charge(1)
    vector[0] = not vector[0]
    with pytest.raises(LessonkitError, match="should keep"):
        problem.evaluate(vector)


# --- densities and swaps ----------------------------------------------------------------------------------------------


def test_densities_keep_exactly_the_wished_count_at_any_extreme():
    sizes, rng = [150, 2400, 48_000, 10_080, 840], np.random.default_rng(0)
    for kept in (1, 5, 1000, 3074, 30_000, sum(sizes) - 1, sum(sizes)):
        for scale in (0, 1, 30):
            counts = densities.counts_of(scale * rng.normal(size=5), sizes, kept)
            assert counts.sum() == kept
            assert (counts >= 0).all()
            assert (counts <= sizes).all()


def test_density_masks_keep_the_largest_inside_each_layer():
    kernels = tiny().kernels
    mask = densities.density_masks(scores.magnitude_scores(kernels), 100)(np.zeros(4))
    assert mask.sum() == 100
    for part, kernel in zip(split(mask, tiny()), kernels, strict=True):
        assert np.abs(kernel[part]).min() >= np.abs(kernel[~part]).max()


def test_swaps_keep_the_count():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=500)
    mask = rng.permutation(np.arange(500) < 60)
    swap = biased_swap(weights)
    for rate in (0.0, 0.05, 1.0):
        assert swap(mask, rate, rng).sum() == 60
    assert (swap(mask, 0.0, rng) != mask).sum() == 2


def test_biased_swaps_prune_the_small_and_restore_the_large():
    rng = np.random.default_rng(0)
    weights = rng.random(1000)
    mask = rng.random(1000) < 0.5
    children = [biased_swap(weights)(mask, 0.1, rng) for _ in range(50)]
    pruned = np.mean([weights[mask & ~child].mean() for child in children])
    restored = np.mean([weights[~mask & child].mean() for child in children])
    assert pruned < 0.4
    assert restored > 0.6


# --- the walk over scores -------------------------------------------------------------------------------------------


@pytest.fixture
def problem(images) -> MaskProblem:
    return MaskProblem(tiny(), images, 100, 60)


def start_of(network: Network, kept: int = 100, seed: int = 0):
    return np.random.default_rng(seed).permutation(np.arange(network.prunable_weights) < kept)


def test_one_step_of_the_walk_goes_down_the_slope_of_the_gates(images):
    one = Split(np.repeat(images.images[:1], 20, axis=0), np.repeat(images.labels[:1], 20))  # every batch is the same
    problem = MaskProblem(tiny(), one, 100)
    move, mask = walk.ScoreWalk(problem, steps=1, batch=20, pace=0.5, drag=0.9), start_of(tiny())
    before = move.walker(mask)
    child = move(mask, 1.0, np.random.default_rng(0))
    slopes = loss_gradient(tiny(), split(mask, tiny()), one.images, one.labels).slopes
    slope = np.concatenate([each.ravel() for each in slopes]) * network_weights(tiny())
    expected = before.scores - 0.5 * 1.02 / np.sqrt(np.mean(slope**2)) * 0.1 * slope
    assert (child == walk.highest(expected, 100)).all()
    assert (child != mask).any()
    after = move.walker(child).scores
    np.testing.assert_allclose(after - after[0], expected - expected[0], rtol=1e-3, atol=1e-4)
    assert ((after > 0) == child).all()


@pytest.mark.parametrize("tail", [False, True])
def test_the_walk_keeps_the_count_the_start_and_with_tail_the_convolutions(problem, tail):
    move, mask = walk.ScoreWalk(problem, steps=3, batch=40, tail=tail), start_of(tiny())
    before = mask.copy()
    child = move(mask, 1.0, np.random.default_rng(0))
    assert (mask == before).all()
    assert child.sum() == mask.sum()
    assert (child != mask).any()
    assert (child[: problem.front] == mask[: problem.front]).all() == tail


def test_gradients_of_the_walk_are_charged_by_the_images_they_see(problem):
    move, mask, rng = walk.ScoreWalk(problem, steps=2, batch=50, reserve=3), start_of(tiny()), np.random.default_rng(0)
    assert move.price == pytest.approx(1.0)  # 3 * 2 * 50 of 300 images
    for proposals in range(1, 6):
        mask = move(mask, 1.0, rng)
        assert problem.evaluations == proposals
    for _ in range(80):  # the reserve is not touched, and there is a neighbour all the same
        child = move(mask, 1.0, rng)
        assert (child != mask).any()
        assert child.sum() == mask.sum()
        mask = child
    assert problem.remaining == 3


def test_a_child_of_the_walk_mixes_its_parents(problem):
    move, rng = walk.ScoreWalk(problem), np.random.default_rng(0)
    mother, father = start_of(tiny()), start_of(tiny(), seed=1)
    child = move.crossover(mother, father, rng)
    assert child.sum() == 100
    assert (child != mother).any()
    assert (child != father).any()
    assert (move.crossover(mother, mother, rng) == mother).all()


def test_the_walk_goes_on_with_the_scores_of_another(problem):
    first, mask = walk.ScoreWalk(problem, steps=2, batch=40), start_of(tiny())
    child = first(mask, 1.0, np.random.default_rng(0))
    second = walk.ScoreWalk(problem, tail=True)
    second.goes_on(first, child)
    scores = second.walker(child).scores
    known = first.walker(child).scores[problem.front :]
    np.testing.assert_allclose(scores - scores[0], known - known[0], atol=1e-5)
    assert ((scores > 0) == child[problem.front :]).all()


# --- spins ----------------------------------------------------------------------------------------------------------


def spin_layer(per_unit: bool) -> spins.LayerModel:
    rng = np.random.default_rng(0)
    patterns = rng.normal(size=(3, 5, 8)) if per_unit else rng.normal(size=(5, 8))
    moments = (patterns @ np.swapaxes(patterns, -1, -2)).astype(np.float32)
    return spins.LayerModel(rng.normal(size=(5, 3)).astype(np.float32), moments, np.array([1, 2, 0.5], np.float32))


@pytest.mark.parametrize("per_unit", [False, True])
def test_spin_energies_agree_with_brute_force(per_unit):
    model, rng = spin_layer(per_unit), np.random.default_rng(1)

    def energy(kept):
        gone = np.where(kept, 0, model.weights)
        return 0.5 * np.sum(model.stiffness * np.sum(gone * model.response(gone), axis=0))

    kept = rng.random((5, 3)) < 0.5
    differences = model.flip_energies(kept, model.response(np.where(kept, 0, model.weights)))
    for k in range(5):
        for unit in range(3):
            turned = kept.copy()
            turned[k, unit] ^= True
            expected = energy(turned) - energy(kept)
            assert differences[k, unit] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("per_unit", [False, True])
def test_cold_spins_end_where_no_single_flip_helps(per_unit):
    model = spin_layer(per_unit)
    kept, tried = spins.anneal_spins(
        model, np.ones((5, 3), bool), np.random.default_rng(0), sweeps=50, temperature=0.5, price=1.0
    )
    assert tried == 50 * 15
    energies = model.flip_energies(kept, model.response(np.where(kept, 0, model.weights)))
    assert (energies + np.where(kept, -1.0, 1.0) >= -1e-4).all()


def test_spin_masks_hit_the_sparsity(images):
    masks, _ = spins.spin_masks(tiny(), images, 0.6, np.random.default_rng(0), sweeps=2, rounds=4)
    assert sum(mask.sum() for mask in masks) == kept_at(tiny(), 0.6)


# --- scores and methods ---------------------------------------------------------------------------------------------


def test_lamp_scores_by_hand():
    (found,) = scores.lamp_scores([np.array([[3.0], [-1.0], [2.0]], np.float32)])
    np.testing.assert_allclose(found.ravel(), [1.0, 1 / 14, 4 / 13])


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_the_sparsity_and_the_budget(images, name):
    network = tiny()
    found = found_by(METHODS[name], Task(network, images, 0.7, 80, np.random.default_rng(0)))
    assert sum(int(mask.sum()) for mask in found.masks) == kept_at(network, 0.7)
    if name in SEARCHES:
        assert 40 <= found.evaluations <= 80


@pytest.mark.parametrize("name", [name for name in METHODS if name not in SEARCHES])
def test_every_control_begins_its_curve_at_the_unpruned_network(images, name):
    found = found_by(METHODS[name], Task(tiny(), images, 0.0, 80, np.random.default_rng(0)))
    assert all(mask.all() for mask in found.masks)


def test_controls_have_whole_curves_and_chance_has_seeds():
    cells = table.cells(["genetic", "lamp", "random"], networks=2, seeds=2)
    shares = {name: {cell.sparsity for cell in cells if cell.method == name} for name in ("genetic", "lamp", "random")}
    assert shares["genetic"] == set(table.SPARSITIES)
    assert shares["lamp"] == shares["random"] == set(table.CURVE)
    assert set(table.SPARSITIES) < set(table.CURVE)
    assert {0.0, 0.98} < set(table.CURVE)
    assert len(cells) == len(set(cells)) == 2 * (2 * len(table.SPARSITIES) + (1 + 2) * len(table.CURVE))
    assert {cell.sparsity for cell in table.cells(["genetic", "lamp"], [0.9])} == {0.9}


@pytest.mark.parametrize("name", ["annealing", "genetic"])
def test_searches_beat_magnitude_and_repeat_themselves(images, name):
    network = tiny()
    evaluator = Evaluator(network, images.images, images.labels)
    labels = np.array([evaluator.evaluate(network.keep_all()).accuracy])
    assert labels.shape == (1,)
    found = [found_by(METHODS[name], Task(network, images, 0.7, 150, np.random.default_rng(5))) for _ in range(2)]
    rule = found_by(METHODS["magnitude"], Task(network, images, 0.7, 150, np.random.default_rng(5)))
    assert all((a == b).all() for a, b in zip(found[0].masks, found[1].masks, strict=True))
    assert evaluator.evaluate(found[0].masks).loss < evaluator.evaluate(rule.masks).loss - 0.01


def test_masks_of_another_sparsity_are_refused(images):
    with pytest.raises(LessonkitError, match="must be boolean and keep"):
        found_by(lambda task: task.network.keep_all(), Task(tiny(), images, 0.5, 10, np.random.default_rng(0)))


@pytest.mark.parametrize("count", [0, 20, 80, 81])
def test_a_search_of_ones_own_is_charged_what_it_evaluated_whatever_it_reports(images, count):
    def modest(task: Task) -> Found:
        masks = magnitude_global(task.network.kernels, task.sparsity)
        own = Evaluator(task.network, task.images.images, task.images.labels)
        last = own.layer(len(masks) - 1, masks)
        for _ in range(count // 2):
            own.evaluate(masks)
        last.evaluate([masks[-1]] * (count - count // 2))
        return Found(masks, evaluations=0)

    task = Task(tiny(), images, 0.7, 80, np.random.default_rng(0))
    if count > task.evaluations:
        with pytest.raises(LessonkitError, match="modest spent 81 evaluations, and had 80"):
            found_by(modest, task)
    else:
        assert found_by(modest, task).evaluations == count


def test_gradients_of_ones_own_are_charged_too(images):
    def follows(task: Task) -> Found:
        masks = magnitude_global(task.network.kernels, task.sparsity)
        for part in (slice(None), slice(len(images) // 2)):
            loss_gradient(task.network, masks, images.images[part], images.labels[part])
        return Found(masks)

    assert found_by(follows, Task(tiny(), images, 0.7, 80, np.random.default_rng(0))).evaluations == 5  # 3 x 1.5


def test_a_search_that_returns_nothing_is_told_so_in_one_line(images):
    with pytest.raises(LessonkitError, match=r"^forgetful returned nothing: end it with `return Found"):
        found_by(forgetful, Task(tiny(), images, 0.7, 80, np.random.default_rng(0)))


def forgetful(task: Task) -> None:
    """A search without a return."""


# --- the table ------------------------------------------------------------------------------------------------------


def mine(task: Task) -> Found:
    """A student's search."""
    mine.calls += 1
    return METHODS["lamp"](task)


mine.calls = 0
SETTINGS = {"sparsities": (0.5, 0.9), "networks": 1, "seeds": 2, "source": "standin", "search_images": 100}


def test_a_search_of_ones_own_enters_and_a_finished_cell_is_not_done_again(tmp_path):
    mine.calls = 0
    first = table.frontier(["magnitude", mine], folder=tmp_path, **SETTINGS)
    assert mine.calls == 4
    assert [row.method for row in first.rows].count("mine") == 4
    assert all(row.weights_changed == 0 for row in first.rows)
    assert {round(row.global_sparsity, 3) for row in first.rows} == {0.5, 0.9}
    again = table.frontier(["magnitude", mine], folder=tmp_path, **SETTINGS)
    assert mine.calls == 4
    assert again == first
    masks = next((tmp_path / "cells").glob("*mine-0.9-seed1.npz"))
    whole = masks.read_bytes()
    masks.write_bytes(whole[:50])
    table.frontier(["magnitude", mine], folder=tmp_path, **SETTINGS)
    assert mine.calls == 4
    assert masks.read_bytes() == whole
    table.frontier([mine], folder=tmp_path, **{**SETTINGS, "evaluations": 7})
    assert mine.calls == 8
    assert "±" in first.summary().loc["mine", "50 %"]


def notebook_cell(text: str):
    """The function `own` that a cell defines."""
    names: dict = {"__name__": "__main__"}
    exec(f"from lessonkit.frontier.methods import METHODS\nRULE = 'lamp'\n{text}", names)
    return names["own"]


def test_an_edited_search_is_run_again_and_an_unedited_one_is_not(tmp_path, monkeypatch):
    settings = {**SETTINGS, "sparsities": (0.9,), "seeds": 1}
    searched = []
    search = table.search_cell
    monkeypatch.setattr(table, "search_cell", lambda *given: searched.append(given[1].method) or search(*given))

    def accuracy(text: str, **more) -> float:
        return table.frontier([notebook_cell(text)], folder=tmp_path, **settings, **more).rows[0].accuracy

    first = accuracy("def own(task):\n    return METHODS['lamp'](task)")
    assert first == accuracy("def own(task):\n    # as before\n    return METHODS['lamp'](task)")
    assert len(searched) == 1
    other = accuracy("def own(task):\n    return METHODS['random'](task)")
    assert other < first
    assert other == table.frontier([notebook_cell("def own(task):\n    return METHODS['random'](task)")],
                                   folder=tmp_path / "empty", **settings).rows[0].accuracy  # fmt: skip
    assert len(searched) == 3
    assert first == accuracy("def pick(task):\n    return METHODS[RULE](task)\ndef own(task):\n    return pick(task)")
    assert other == accuracy(
        "RULE = 'random'\ndef pick(task):\n    return METHODS[RULE](task)\ndef own(task):\n    return pick(task)"
    )
    assert len(searched) == 5
    accuracy("RULE = 'random'\ndef own(task):\n    return METHODS[RULE](task)")
    accuracy("RULE = 'random'\ndef own(task):\n    return METHODS[RULE](task)", fresh=True)
    assert len(searched) == 7


def test_other_code_and_other_images_are_computed_anew(tmp_path, monkeypatch):
    mine.calls = 0
    table.frontier([mine], folder=tmp_path, **SETTINGS)
    data = table.load_mnist("standin")
    other = dataclasses.replace(data, test=data.test.head(1000))
    with monkeypatch.context() as patched:
        patched.setattr(table, "load_mnist", lambda source: other)
        table.frontier([mine], folder=tmp_path, **SETTINGS)
    assert mine.calls == 8
    monkeypatch.setattr(table, "code_digest", lambda module: "another")
    table.frontier([mine], folder=tmp_path, **SETTINGS)
    assert mine.calls == 12


def test_two_methods_of_one_name_are_refused_and_a_partial_has_its_function_s(tmp_path):
    settings = {**SETTINGS, "sparsities": (0.9,), "seeds": 1}
    with pytest.raises(LessonkitError, match="two of the methods are called 'mine'"):
        table.frontier([mine, functools.partial(mine)], folder=tmp_path, **settings)
    assert table.frontier([functools.partial(mine)], folder=tmp_path, **settings).rows[0].method == "mine"


def test_an_executor_gives_the_same_rows(tmp_path):
    settings = {**SETTINGS, "sparsities": (0.9,)}
    here = table.frontier(["random", "lamp"], folder=tmp_path / "a", **settings)
    with ThreadPoolExecutor(2) as executor:
        there = table.frontier(["random", "lamp"], folder=tmp_path / "b", executor=executor, **settings)
    for a, b in zip(here.rows, there.rows, strict=True):
        assert dataclasses.replace(a, seconds=0) == dataclasses.replace(b, seconds=0)


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(LessonkitError, match="no method is called"):
        table.frontier(["magic"], folder=tmp_path, **SETTINGS)


def test_command_writes_its_files(tmp_path, capsys):
    from lessonkit.__main__ import main

    flags = ["--methods", "lamp,magnitude", "--sparsities", "0.5,0.8", "--seeds", "1", "--data", "standin", "--quiet"]
    assert main(["frontier", *flags, "--search-images", "50", "--output", str(tmp_path)]) == 0
    assert "lamp" in capsys.readouterr().out
    rows = json.loads((tmp_path / "frontier.json").read_text())["rows"]
    assert {
        "method",
        "network",
        "seed",
        "global_sparsity",
        "accuracy",
        "loss",
        "evaluations",
        "weights_changed",
    } <= set(rows[0])
    assert len(rows) == 4
    assert (tmp_path / "frontier.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "frontier.csv").is_file()
    assert main(["frontier", "--sparsities", "1.5", "--output", str(tmp_path)]) == 1


def test_nsga2_front_is_not_dominated(images):
    pytest.importorskip("pymoo")
    from lessonkit.frontier.nsga2 import nsga2_front

    points, spent = nsga2_front(tiny(), images.head(50), evaluations=60, population=20)
    assert spent <= 60
    losses = [point.loss for point in points]
    assert losses == sorted(losses)
    assert [point.sparsity for point in points] == sorted(point.sparsity for point in points)
