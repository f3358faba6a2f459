"""A second start takes what is finished from the folder and goes on with what was begun, and never with another's."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from lessonkit.engine.evaluator import LayerEvaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments import checkpoint, comparison, kept
from lessonkit.experiments.presets import COURSE
from lessonkit.files import load_masks
from lessonkit.masks import flip
from lessonkit.networks.mnist import Dataset, Split
from lessonkit.networks.weights import load_network

ROOT = Path(__file__).parents[2]
NETWORK = load_network("standin")


@pytest.fixture(scope="module")
def few(standin) -> Dataset:
    return dataclasses.replace(standin, validation=standin.validation.head(60), test=standin.test.head(80))


def run(data, methods=("annealing", "genetic"), **settings):
    given = {"evaluations": 35, "search_images": 40, "network": NETWORK, **settings}
    return comparison.compare(methods, data=data, **given)


def everything(found: comparison.Comparison) -> str:
    rows = [dataclasses.replace(row, seconds=0.0) for row in found.rows]
    return json.dumps(
        [[[mask.tolist() for mask in row.masks], str(dataclasses.replace(row, masks=()))] for row in rows]
    )


def cut_at(number, monkeypatch, error=KeyboardInterrupt):
    seen, evaluate = [0], LayerEvaluator.evaluate

    def cut(self, candidates):
        seen[0] += len(candidates)
        if seen[0] > number:
            monkeypatch.setattr(LayerEvaluator, "evaluate", evaluate)
            raise error
        return evaluate(self, candidates)

    monkeypatch.setattr(LayerEvaluator, "evaluate", cut)


def test_a_second_call_takes_everything_from_the_folder(few, tmp_path, counted):
    plain = run(few, seeds=(0, 2))
    first = run(few, seeds=(0, 2), folder=tmp_path)
    assert everything(first) == everything(plain)
    assert len(list(tmp_path.iterdir())) == 4  # the checkpoints are gone
    counted.clear()
    remarks = []
    again = run(few, seeds=(0, 2), folder=tmp_path, remark=remarks.append)
    assert not counted
    assert everything(again) == everything(first)
    assert [row.seconds for row in again.rows[::4]] == [row.seconds for row in first.rows[::4]]
    assert type(again.rows[0].history[0]) is type(first.rows[0].history[0])
    assert remarks == ["going on: 4 of 4 searches are finished"]


def test_what_was_cut_short_goes_on_and_is_told(few, tmp_path, monkeypatch, counted):
    plain = everything(run(few))
    remarks = []
    cut_at(35 + 17, monkeypatch)  # in the second search
    cut = run(few, folder=tmp_path, remark=remarks.append)
    assert cut.interrupted
    assert remarks == []
    counted.clear()
    assert everything(run(few, folder=tmp_path, remark=remarks.append)) == plain
    held = int(
        re.fullmatch(r"going on: 1 of 2 searches are finished, genetic seed 0 after (\d+) eval.*", remarks[0])[1]
    )
    assert 5 < held <= 17
    assert len(counted) == 35 - held


@pytest.mark.parametrize(
    "change",
    [
        {"evaluations": 36},
        {"search_images": 41},
        {"seeds": (1,)},
        {"preset": dataclasses.replace(COURSE, standin_loss_to_warmup=1.6)},
        {"preset": dataclasses.replace(COURSE, count_all_layers=False)},
        {"preset": dataclasses.replace(COURSE, annealing={**COURSE.annealing, "mutation_rate": 0.04})},
        {"network": "other"},
        {"data": "other"},
        {"code": "other"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_settings_never_meet_a_kept_search(few, tmp_path, monkeypatch, counted, change):
    run(few, ["annealing"], folder=tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    given, data = {"folder": tmp_path, **change}, few
    if given.pop("code", None):
        monkeypatch.setattr(comparison, "code_digest", lambda module: "another")
    if given.get("network") == "other":
        last = dataclasses.replace(NETWORK.layers[-1], bias=NETWORK.layers[-1].bias + np.float32(0.01))
        given["network"] = dataclasses.replace(NETWORK, layers=(*NETWORK.layers[:-1], last))
    if given.pop("data", None):  # of the same name and size
        images = few.validation.images.copy()
        images[39, 14, 14] = np.nextafter(images[39, 14, 14], np.float32(0.5))
        data = dataclasses.replace(few, validation=Split(images, few.validation.labels))
    counted.clear()
    found = run(data, ["annealing"], **given)
    assert len(counted) == found.rows[0].evaluations >= 35
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()}.items() >= before.items()
    assert len(list(tmp_path.iterdir())) == 2


def test_settings_of_the_other_method_do_not_matter(few, tmp_path, counted):
    run(few, ["annealing"], folder=tmp_path)
    counted.clear()
    preset = dataclasses.replace(COURSE, genetic={**COURSE.genetic, "population": 7})
    run(few, ["annealing"], preset=preset, folder=tmp_path)
    assert not counted


def test_other_test_images_are_looked_at_anew(few, tmp_path, counted):
    run(few, ["annealing"], folder=tmp_path)
    counted.clear()
    other = dataclasses.replace(few, test=Split(few.test.images[:50], few.test.labels[:50]))
    assert everything(run(other, ["annealing"], folder=tmp_path)) == everything(run(other, ["annealing"]))
    assert run(other, ["annealing"], folder=tmp_path).rows[0].evaluation.images == 50


def test_fresh_starts_over(few, tmp_path, counted, monkeypatch):
    run(few, ["annealing"], folder=tmp_path)
    cut_at(20, monkeypatch)
    run(few, ["genetic"], folder=tmp_path)
    counted.clear()
    remarks = []
    run(few, folder=tmp_path, fresh=True, remark=remarks.append)
    assert len(counted) == 70
    assert remarks == []


def test_a_damaged_file_is_refused_before_anything_is_computed(few, tmp_path, counted):
    run(few, ["annealing"], folder=tmp_path)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    counted.clear()
    for content in (whole[:-40], whole[:100], b"", b"not an archive"):
        path.write_bytes(content)
        with pytest.raises(LessonkitError, match=r"annealing-seed0-\w+\.npz: cannot be read .*Delete it"):
            run(few, ["annealing"], folder=tmp_path)
    about, arrays = checkpoint.read_archive(_rewritten(path, whole), kept.FORMAT, "search")
    checkpoint.write_archive(path, {**about, "settings": {**about["settings"], "seed": 7}}, arrays)
    with pytest.raises(LessonkitError, match="other settings than its name says"):
        run(few, ["annealing"], folder=tmp_path)
    checkpoint.write_archive(path, about, {key: arrays[key] for key in arrays if key != "mask/FC2"})
    with pytest.raises(LessonkitError, match="damaged"):
        run(few, ["annealing"], folder=tmp_path)
    assert not counted


def _rewritten(path, content):
    path.write_bytes(content)
    return path


def climbing(rate):
    def my_search(problem, start, *, rng, callback=None):
        best, best_cost = start, problem.cost([start])[0]
        while problem.remaining >= 1:
            mask = flip(best, rate, rng)
            cost = problem.cost([mask])[0]
            if cost < best_cost:
                best, best_cost = mask, cost
        return best, best_cost

    return my_search


def test_a_search_of_ones_own_is_taken_from_the_folder_and_run_anew_once_it_has_changed(few, tmp_path, counted):
    first = run(few, [climbing(0.1)], folder=tmp_path)
    counted.clear()
    assert everything(run(few, [climbing(0.1)], folder=tmp_path)) == everything(first)
    assert not counted
    plain = everything(run(few, [climbing(0.2)]))
    counted.clear()
    assert everything(run(few, [climbing(0.2)], folder=tmp_path)) == plain != everything(first)
    assert len(counted) == 35
    counted.clear()
    run(few, [climbing(0.2)], folder=tmp_path, fresh=True)
    assert len(counted) == 35


def test_a_search_that_cannot_be_compared_with_an_earlier_one_runs_every_time(few, tmp_path, counted):
    def locked(problem, start, *, rng, callback=None):
        with lock:
            return climbing(0.1)(problem, start, rng=rng)

    lock = threading.Lock()
    for _ in range(2):
        counted.clear()
        run(few, [locked], folder=tmp_path)
        assert len(counted) == 35


def test_two_searches_of_the_same_name_have_their_own_files(few, tmp_path):
    plain = everything(run(few, [climbing(0.1), climbing(0.2)]))
    for _ in range(2):
        assert everything(run(few, [climbing(0.1), climbing(0.2)], folder=tmp_path)) == plain


@pytest.mark.parametrize("where", ["file", "checkpoint"])
def test_a_full_disk_is_no_reason_to_stop(few, tmp_path, monkeypatch, where):
    replace = os.replace

    def full(source, target):
        if where == "file" or str(target).endswith(".checkpoint.npz"):
            raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    plain = everything(run(few, ["annealing"]))
    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(UserWarning, match="No space left on device"):
        assert everything(run(few, ["annealing"], folder=tmp_path)) == plain


# --- the command ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_command_killed_and_started_again_goes_on(standin, tmp_path):
    flags = ["--data", "standin", "--evaluations", "300", "--search-images", "60", "--methods", "annealing"]
    program = (
        "from types import SimpleNamespace as N; from lessonkit.experiments import checkpoint, report; "
        "from lessonkit.__main__ import main; checkpoint.SECONDS = 0.1; "
        "report.comparison_plot = lambda _: N(png=lambda: b''); main()"
    )

    command = [sys.executable, "-c", program, "compare", *flags, "--output", str(tmp_path)]

    settings = {
        "cwd": ROOT,
        "env": {**os.environ, "PYTHONPATH": str(ROOT)},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    killed = subprocess.Popen(command, **settings)
    place = tmp_path / "searches"
    while not any(checkpoint.recorded_evaluations(path) > 30 for path in place.glob("*.checkpoint.npz")):
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    (path,) = place.glob("*.checkpoint.npz")
    held = checkpoint.recorded_evaluations(path)
    again = subprocess.run(command, check=True, **settings)
    assert f"going on: annealing seed 0 after {held} evaluations; --fresh starts over" in again.stdout
    plain = run(standin, ["annealing"], evaluations=300, search_images=60)
    assert (tmp_path / "history.csv").read_text() == plain.histories().to_csv(index=False)
    masks = load_masks(tmp_path / "masks-annealing-seed0.npz", NETWORK.names)
    assert all((one == other).all() for one, other in zip(masks, plain.rows[0].masks, strict=True))
