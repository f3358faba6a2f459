"""A search that is killed and started again ends as if it had never stopped; a file that is not its own is refused."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from checkpointed import SEARCHES, everything, hill_climb, run, tiny

from lessonkit.engine.evaluator import LayerEvaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments import checkpoint
from lessonkit.files import write_arrays
from lessonkit.masks import flip
from lessonkit.objective import pruning_cost

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).with_name("checkpointed.py")


@pytest.fixture
def always(monkeypatch):
    """Write after every evaluation, however quick it was."""
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "SHARE", float("inf"))


class PowerCutError(Exception):
    """Ends a search from inside, as no search expects it."""


def cut_at(number, monkeypatch, error=PowerCutError):
    """The evaluation `number` raises, once."""
    seen, evaluate = [0], LayerEvaluator.evaluate

    def cut(self, candidates):
        seen[0] += len(candidates)
        if seen[0] > number:
            monkeypatch.setattr(LayerEvaluator, "evaluate", evaluate)
            raise error
        return evaluate(self, candidates)

    monkeypatch.setattr(LayerEvaluator, "evaluate", cut)


# --- gone on with -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("search", SEARCHES)
def test_a_checkpoint_changes_nothing_and_gives_an_ended_search_again(search, tmp_path, counted):
    plain = everything(*run(search))
    path = tmp_path / "run.npz"
    counted.clear()
    assert everything(*run(search, path)) == plain
    spent = len(counted)
    assert 80 < spent <= 90
    assert checkpoint.recorded_evaluations(path) == spent
    assert everything(*run(search, path)) == plain
    assert len(counted) == spent  # nothing was evaluated twice


@pytest.mark.parametrize("search", SEARCHES)
def test_killed_again_and_again_it_ends_as_if_uninterrupted(search, tmp_path):
    # every process gets a few evaluations further; one is killed between the scratch file and its renaming
    path, target = tmp_path / "run.npz", tmp_path / "result.txt"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}"}
    for kill in ("13", "-22", "40", None):
        command = [sys.executable, str(PROGRAM), search, str(path), str(target), *([kill] if kill else [])]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == (-signal.SIGKILL if kill else 0), ended.stderr
        if kill:
            assert not target.exists()
            assert checkpoint.recorded_evaluations(path) > 0
    assert target.read_text() == everything(*run(search))
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("search", SEARCHES)
def test_cut_at_any_evaluation_it_goes_on_there(search, tmp_path, monkeypatch, counted):
    plain = everything(*run(search))
    for at in range(0, 90, 17):
        path = tmp_path / f"{at}.npz"
        cut_at(at, monkeypatch)
        with pytest.raises(PowerCutError):
            run(search, path)
        kept = checkpoint.recorded_evaluations(path)
        assert at - 6 < kept <= at
        counted.clear()
        assert everything(*run(search, path)) == plain
        assert len(counted) <= 90 - kept


def test_ctrl_c_writes_what_it_knows_and_the_next_start_goes_on(tmp_path, monkeypatch):
    plain, path = everything(*run("annealing")), tmp_path / "run.npz"
    cut_at(50, monkeypatch, KeyboardInterrupt)
    assert run("annealing", path)[0].message == "interrupted"
    assert checkpoint.recorded_evaluations(path) == 50
    assert everything(*run("annealing", path)) == plain


def test_the_seconds_of_earlier_processes_count(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    run("annealing", path)
    about, arrays = checkpoint.read_archive(path, checkpoint.FORMAT, "checkpoint")
    checkpoint.write_archive(path, {**about, "seconds": 1000.0}, arrays)
    assert 1000 <= run("annealing", path)[0].seconds < 1100


@pytest.mark.parametrize("generator", [np.random.MT19937, np.random.Philox, np.random.SFC64, np.random.PCG64DXSM])
def test_any_generator_of_numpy_will_do(generator, tmp_path, monkeypatch):
    from lessonkit.experiments.layerwise import prune_layerwise

    def once(path=None):
        rng = np.random.Generator(generator(3))
        given = {"evaluations": 30, "loss_to_warmup": 50.0, "rng": rng, "checkpoint": path}
        return everything(prune_layerwise(SEARCHES["annealing"], tiny(), **given), rng)

    path = tmp_path / "run.npz"
    cut_at(17, monkeypatch)
    with pytest.raises(PowerCutError):
        once(path)
    assert once(path) == once()


def test_a_cost_of_ones_own_is_computed_again_and_never_read(tmp_path):
    # the file keeps what the network does; another cost makes another search, which is noticed where it first differs
    path = tmp_path / "run.npz"
    run("annealing", path)

    def other(loss, baseline, sparsity, limit):
        return pruning_cost(loss, baseline, 1 - sparsity, limit)

    with pytest.raises(LessonkitError, match="another search"):
        run("annealing", path, cost=other)


# --- refused --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def begun(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("begun") / "run.npz"
    run("annealing", path)
    return path.read_bytes()


def refused(path, match, *args, **settings):
    before = path.read_bytes()
    with pytest.raises(LessonkitError, match=match) as raised:
        run(*args or ("annealing",), path, **settings)
    text = str(raised.value)
    assert str(path) in text
    assert "\n" not in text
    assert "Delete it to start over" in text
    assert path.read_bytes() == before


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_refused(begun, tmp_path, share):
    path = tmp_path / "run.npz"
    path.write_bytes(begun[: int(share * len(begun))])
    refused(path, "cannot be read as a checkpoint")


def test_no_damaged_byte_changes_a_result(begun, tmp_path):
    path, plain = tmp_path / "run.npz", everything(*run("annealing"))
    refusals = []
    for at in range(0, len(begun), max(1, len(begun) // 60)):
        damaged = bytearray(begun)
        damaged[at] ^= 0x55
        path.write_bytes(damaged)
        try:
            assert everything(*run("annealing", path)) == plain  # a byte of the container that nobody reads
        except LessonkitError as error:
            refusals.append(str(error))
    assert len(refusals) > 30
    assert all(str(path) in text and "Delete it to start over" in text for text in refusals)


def test_foreign_files_are_refused(tmp_path):
    path = tmp_path / "run.npz"
    for content in (b"", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n" + bytes(99), b"\x80\x04K\x01."):
        path.write_bytes(content)
        refused(path, "cannot be read as a checkpoint")
    write_arrays(path, {"Conv1": np.ones(3, bool)})  # masks, say
    refused(path, "cannot be read as a checkpoint")
    checkpoint.write_archive(path, {"format": "lessonkit checkpoint 7"}, {})
    refused(path, "has the format 'lessonkit checkpoint 7'")
    about = {"format": checkpoint.FORMAT}
    checkpoint.write_archive(path, about, {})
    refused(path, "another run")


def test_a_file_whose_parts_do_not_fit_is_refused(begun, tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(begun)
    about, arrays = checkpoint.read_archive(path, checkpoint.FORMAT, "checkpoint")
    for broken in ({"loss": arrays["loss"][:-1]}, {"batch": arrays["batch"][1:]}, {"correct": arrays["correct"][:0]}):
        checkpoint.write_archive(path, about, {**arrays, **broken})
        refused(path, "damaged, or no checkpoint")
    checkpoint.write_archive(path, about, {key: arrays[key] for key in ("batch", "loss")})
    refused(path, "damaged, or no checkpoint")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"evaluations": 60}, "evaluations 90 there, 60 here"),
        ({"loss_to_warmup": 60.0}, r"loss_to_warmup 50\.0 there, 60\.0 here"),
        ({"count_all_layers": False}, "count_all_layers"),
        ({"seed": 5}, "another seed or generator"),
        ({"evaluator": tiny(1)}, "other images; another network"),
    ],
    ids=["budget", "threshold", "layers", "seed", "network"],
)
def test_another_run_is_refused_and_the_difference_named(begun, tmp_path, settings, words):
    path = tmp_path / "run.npz"
    path.write_bytes(begun)
    refused(path, words, **settings)


def test_the_network_and_the_images_are_told_apart(begun, tmp_path):
    path = tmp_path / "run.npz"
    path.write_bytes(begun)
    evaluator = tiny()
    layer = evaluator.network.layers[1]
    layers = list(evaluator.network.layers)
    layers[1] = dataclasses.replace(layer, bias=np.nextafter(layer.bias, np.float32(9)))
    refused(
        path,
        r"run \(another network",
        evaluator=evaluator.with_network(dataclasses.replace(evaluator.network, layers=tuple(layers))),
    )
    evaluator.labels[0] = (evaluator.labels[0] + 1) % 3
    refused(path, "other images", evaluator=evaluator)


@pytest.mark.parametrize("search", ["genetic", "own"])
def test_another_search_is_refused_where_it_first_differs(begun, tmp_path, search):
    path = tmp_path / "run.npz"
    path.write_bytes(begun)
    refused(path, "after 0 evaluations the search proposes other candidates", search)


def after(changed):
    """`hill_climb` in which the rate of the moves changes after so many evaluations of the last layer."""

    def search(problem, start, *, rng, callback=None):
        best, best_cost = start, problem.cost([start])[0]
        while problem.remaining >= 2:
            late = start.shape == (4, 3) and problem.evaluations >= changed
            pair = [flip(best, 0.5 if late else 0.2, rng) for _ in range(2)]
            costs = problem.cost(pair)
            if costs.min() < best_cost:
                best, best_cost = pair[int(costs.argmin())], costs.min()
        return best, best_cost

    return search


def test_a_change_of_the_code_is_noticed_late_too(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    cut_at(75, monkeypatch)
    with pytest.raises(PowerCutError):
        run("own", path)
    refused(path, "after 69 evaluations the search proposes other candidates", after(10))
    assert everything(*run(after(16), path)) == everything(*run(after(16)))  # a change of what had not begun is none


def test_another_choice_among_the_same_candidates_is_noticed_in_the_next_layer(tmp_path):
    path = tmp_path / "run.npz"

    def choose(which):
        def search(problem, start, *, rng, callback=None):
            masks = [flip(start, 0.3, rng) for _ in range(2)]
            return masks[which], problem.cost(masks)[which]

        return search

    run(choose(0), path)
    refused(path, "after 2 evaluations the search proposes other candidates", choose(1))


def test_a_search_that_draws_otherwise_in_the_last_step_is_noticed(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    cut_at(75, monkeypatch)
    with pytest.raises(PowerCutError):
        run("own", path)

    def peeking(problem, start, *, rng, callback=None):
        score = problem.score

        def drawing(candidates):
            if start.shape == (4, 3) and problem.evaluations == 15:
                rng.random()
            return score(candidates)

        problem.score = drawing
        return hill_climb(problem, start, rng=rng)

    refused(path, "random generator in another state", peeking)


def test_a_search_that_ends_before_its_file_does_is_noticed(begun, tmp_path):
    path = tmp_path / "run.npz"
    run("own", path)

    def lazy(problem, start, *, rng, callback=None):
        return start, problem.cost([start])[0]

    refused(path, "the search ends, unlike|proposes other candidates", lazy)

    def swallowing(problem, start, *, rng, callback=None):
        try:
            return SEARCHES["annealing"](problem, start, rng=rng)
        except LessonkitError:
            return start, 1.0

    refused(path, "proposes other candidates", swallowing)


def test_a_place_that_cannot_be_written_is_refused_before_the_search(tmp_path, counted):
    with pytest.raises(LessonkitError, match="cannot be written"):
        run("annealing", tmp_path / "missing" / "run.npz")
    assert not counted
    with pytest.raises(LessonkitError, match="cannot be read as a checkpoint"):
        run("annealing", tmp_path)


@pytest.mark.usefixtures("always")
def test_a_disk_that_gets_full_is_no_reason_to_stop(tmp_path, monkeypatch):
    plain, path, replace, done = everything(*run("annealing")), tmp_path / "run.npz", os.replace, []

    def full(source, target):
        done.append(target)
        if len(done) > 9:
            raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(UserWarning, match=r"run\.npz: the checkpoint cannot be written \(No space left"):
        assert everything(*run("annealing", path)) == plain
    monkeypatch.setattr(os, "replace", replace)
    assert checkpoint.recorded_evaluations(path) == 8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert everything(*run("annealing", path)) == plain
