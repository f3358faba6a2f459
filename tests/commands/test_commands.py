"""The command line: what it writes, what it refuses, and what is left when it is cut short."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lessonkit.__main__ import main
from lessonkit.commands import compare as compare_command
from lessonkit.commands import terminal
from lessonkit.engine.evaluator import Evaluator
from lessonkit.experiments import report
from lessonkit.experiments.comparison import CONTROLS
from lessonkit.files import load_masks
from lessonkit.masks import global_sparsity, mean_layer_sparsity
from lessonkit.networks.mnist import Dataset
from lessonkit.networks.weights import load_network

ROOT = Path(__file__).parents[2]
LAYERS = ("Conv1", "Conv2", "FC1", "FC2", "Output")
QUICK = ("--evaluations", "30", "--search-images", "60")
ONE_RUN = "One run of each method: nothing here says how much another seed would change (see --seeds)."
CONTROLS_AS = "A control has as many zeros as the search that it is named after."
RANKS_NEITHER = "so a difference between their accuracies alone ranks neither."
FILES = {"comparison.csv", "comparison.json", "history.csv", "comparison.png"}


@pytest.fixture
def few(standin, monkeypatch) -> Dataset:
    """The stand-in, with few images, in place of whatever the command would load."""
    data = dataclasses.replace(standin, validation=standin.validation.head(100), test=standin.test.head(200))
    monkeypatch.setattr(compare_command, "load_mnist", lambda source: data)
    return data


@pytest.fixture
def no_figure(monkeypatch):
    """Saves the seconds that drawing takes, where the figure is not what the test is about."""
    monkeypatch.setattr(report, "comparison_plot", lambda comparison: SimpleNamespace(png=lambda: b"a figure"))


def compare(folder, *flags) -> int:
    return main(["compare", *QUICK, "--output", str(folder), *flags])


def check_masks(folder: Path, data: Dataset) -> list[dict]:
    """The rows of the json, after their masks were loaded and gave the reported figures again."""
    network = load_network("standin")
    test = Evaluator(network, data.test.images, data.test.labels)
    rows = json.loads((folder / "comparison.json").read_text())["rows"]
    for row in rows:
        masks = load_masks(folder / row["masks"], LAYERS)
        with np.load(folder / row["masks"], allow_pickle=False) as plain:
            assert sorted(plain) == sorted(LAYERS)
        reached = test.evaluate(masks)
        assert reached.accuracy == row["accuracy"]
        assert reached.loss == pytest.approx(row["loss"], abs=1e-6)
        assert mean_layer_sparsity(masks) == pytest.approx(row["mean_layer_sparsity"])
        assert global_sparsity(masks) == pytest.approx(row["global_sparsity"])
    return rows


# --- what it writes ---


def test_compare_writes_everything_that_it_promises(few, tmp_path, capsys):
    import pandas

    folder = tmp_path / "new" / "folder"
    assert compare(folder, "--seeds", "2") == 0
    printed = capsys.readouterr().out
    assert few.source in printed
    assert "COURSE" in printed
    assert str(folder) in printed
    for word in ("unpruned", "annealing", "genetic", "accuracy", "loss", "trade-off", "eval/s", "±", *LAYERS):
        assert word in printed
    for control in CONTROLS:
        assert f"{control}, as annealing" in printed
        assert f"{control}, as genetic" in printed

    rows = check_masks(folder, few)
    assert len(rows) == 2 * 2 * 4
    assert len({row["masks"] for row in rows}) == len(rows)
    assert {path.name for path in folder.iterdir()} == FILES | {row["masks"] for row in rows} | {"searches.sqlite"}
    needed = {"method", "seed", "accuracy", "loss", "mean_layer_sparsity", "global_sparsity", "evaluations", "seconds"}
    for row in rows:
        assert needed | {"masks"} <= set(row)
        assert row["evaluations"] == (30 if row["method"] in ("annealing", "genetic") else 0)

    content = json.loads((folder / "comparison.json").read_text(), parse_constant=pytest.fail)  # no NaN in json
    assert content["settings"]["seeds"] == [0, 1]
    assert content["settings"]["evaluations"] == 30
    assert content["settings"]["search_images"] == 60
    assert content["settings"]["data"] == "standin"
    assert content["settings"]["annealing"]["schedule"]
    assert content["settings"]["genetic"]["population"]
    assert {"python", "numpy", "tensorflow", "keras", "lessonkit"} <= set(content["versions"])
    network = load_network("standin")
    baseline = Evaluator(network, few.test.images, few.test.labels).evaluate(network.keep_all())
    assert content["baseline"]["accuracy"] == baseline.accuracy
    assert content["baseline"]["loss"] == baseline.loss
    assert content["interrupted"] is False

    table = pandas.read_csv(folder / "comparison.csv")
    assert table["method"].tolist() == [row["method"] for row in rows]
    np.testing.assert_allclose(table["accuracy"], [row["accuracy"] for row in rows])
    history = pandas.read_csv(folder / "history.csv")
    assert set(history["layer"]) == set(LAYERS)
    assert (history.groupby(["method", "seed"])["evaluations"].max() <= 30).all()  # draws of a start are no steps
    assert (folder / "comparison.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("no_figure")
def test_quiet_prints_the_table_alone(few, tmp_path, capsys):
    assert compare(tmp_path, "--quiet", "--methods", "annealing") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.startswith("method")
    *tables, said = printed.out.strip().split("\n\n")
    assert " ".join(said.split()) == f"{ONE_RUN} {CONTROLS_AS}"
    assert [len(table.splitlines()) for table in tables] == [1 + 1 + 1 + 4] * len(tables)
    assert all(len(line) <= 80 for line in printed.out.splitlines())
    assert (tmp_path / "comparison.json").is_file()


@pytest.mark.usefixtures("few", "no_figure")
@pytest.mark.parametrize(
    ("seeds", "methods", "begins", "ends"),
    [
        ("1", "annealing,genetic", ONE_RUN, RANKS_NEITHER),
        ("3", "annealing,genetic", "± is one standard deviation over 3 runs that differ only in", RANKS_NEITHER),
        ("2", "genetic", "± is one standard deviation over 2 runs that differ only in", CONTROLS_AS),
    ],
)
def test_the_table_says_what_its_deviations_are_of_and_what_may_be_compared(
    seeds, methods, begins, ends, tmp_path, capsys
):
    assert compare(tmp_path, "--quiet", "--methods", methods, "--seeds", seeds) == 0
    *tables, said = capsys.readouterr().out.strip().split("\n\n")
    assert all(len(line) <= 80 for line in said.splitlines())
    said = " ".join(said.split())
    assert said.startswith(begins)
    assert said.endswith(ends)
    assert ("All runs prune one network and see the same images" in said) == (seeds != "1")
    import pandas

    for method, own in pandas.read_csv(tmp_path / "comparison.csv").groupby("method"):
        line = next(line for line in tables[0].splitlines() if line.startswith(f"{method} "))
        assert (f"± {100 * own['accuracy'].std(ddof=1):.2f}" in line) == (seeds != "1")


@pytest.mark.usefixtures("no_figure")
def test_without_a_terminal_lines_show_how_far_it_is(few, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(terminal, "SECONDS", 0.0)  # each step is shown, however quick it was
    assert compare(tmp_path, "--methods", "genetic") == 0
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) > 1
    for line in lines[1:]:
        assert re.fullmatch(
            r"genetic, seed 0: \d+%, \d+ of 30 evaluations, [\d:]+ gone, \S+ left, "
            r"(\w+ loss [\d.]+ sparsity [\d.]+ best cost \S+|genetic, seed 0: [\d.]+%)",
            line,
        ), line


@pytest.mark.usefixtures("no_figure")
def test_the_reference_says_test_and_stands_beside_the_published_table(few, tmp_path, capsys):
    assert compare(tmp_path, "--preset", "reference", "--methods", "annealing") == 0
    printed = capsys.readouterr().out
    assert "TEST images" in printed
    assert "published, one run" in printed
    assert "0.4384" in printed
    content = json.loads((tmp_path / "comparison.json").read_text())
    assert content["settings"]["search_split"] == "test"
    assert "TEST" in content["settings"]["label"]
    assert content["published"]["annealing"]["accuracy"] == 0.8744


@pytest.mark.usefixtures("no_figure")
def test_a_second_run_replaces_the_first(few, tmp_path):
    assert compare(tmp_path, "--quiet", "--methods", "annealing") == 0
    first = (tmp_path / "masks-annealing-seed0.npz").read_bytes()
    assert compare(tmp_path, "--quiet", "--methods", "annealing", "--evaluations", "60") == 0
    assert (tmp_path / "masks-annealing-seed0.npz").read_bytes() != first
    check_masks(tmp_path, few)


def test_as_a_command_of_its_own(standin, tmp_path):
    run = subprocess.run(
        [sys.executable, "-m", "lessonkit", "compare", "--data", "standin", *QUICK, "--output", str(tmp_path),
         "--methods", "annealing"],
        cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "stand-in" in run.stdout
    assert len(check_masks(tmp_path, standin)) == 4


# --- what it refuses ---


@pytest.mark.parametrize(
    "flags",
    [
        ["--evaluations", "0"],
        ["--evaluations", "many"],
        ["--seeds", "-1"],
        ["--seeds", "1.5"],
        ["--search-images", "0"],
        ["--preset", "best"],
        ["--colour"],
        ["stray"],
    ],
    ids=" ".join,
)
def test_a_bad_flag_is_one_line_and_exit_2(flags, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["compare", *flags])
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert flags[0].lstrip("-") in printed.err
    assert "--help" in printed.err


@pytest.mark.parametrize("arguments", [[], ["prune"]])
def test_no_command_and_an_unknown_one(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def check_refused(capsys, *words):
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert printed.err.startswith("lessonkit compare: ")
    for word in words:
        assert word in printed.err


@pytest.fixture
def nothing_runs(monkeypatch):
    def never(*_, **__):
        pytest.fail("it was refused too late: a search had begun")

    monkeypatch.setattr(compare_command, "compare", never)


@pytest.mark.usefixtures("nothing_runs")
def test_bad_input_is_refused_before_anything_is_computed(few, tmp_path, capsys):
    assert compare(tmp_path, "--methods", "annealing,hillclimb") == 1
    check_refused(capsys, "hillclimb", "annealing, genetic")
    assert compare(tmp_path, "--methods", ",") == 1
    check_refused(capsys, "--methods")
    assert compare(tmp_path, "--search-images", "101") == 1
    check_refused(capsys, "--search-images 101", "100 validation images")
    assert compare(tmp_path, "--search-images", "201", "--preset", "reference") == 1
    check_refused(capsys, "200 test images")


@pytest.mark.usefixtures("nothing_runs")
def test_bad_data_is_refused(tmp_path, capsys):
    assert compare(tmp_path / "out", "--data", str(tmp_path / "missing.npz")) == 1
    check_refused(capsys, "missing.npz", "standin")
    (tmp_path / "photo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    assert compare(tmp_path / "out", "--data", str(tmp_path / "photo.png")) == 1
    check_refused(capsys, "photo.png", "standin")


@pytest.mark.usefixtures("nothing_runs")
def test_an_output_that_cannot_be_written_is_refused(few, tmp_path, capsys, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        assert compare(folder) == 1
        check_refused(capsys, str(folder), "cannot be written to", "--output")
    assert (tmp_path / "file").read_text() == "in the way"
    if Path("/proc/1").is_dir():
        assert compare("/proc/lessonkit") == 1
        check_refused(capsys, "/proc/lessonkit", "cannot be written to")

    usage = report.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(report.shutil, "disk_usage", lambda folder: usage._replace(free=1_000_000))
    assert compare(tmp_path) == 1
    check_refused(capsys, "only 1 MB free")


# --- when it is cut short ---


def disk_full_in(monkeypatch, folder: Path, after: int = 0):
    """Every replacement of a file in `folder` fails, but for the first ones."""
    replace, done = os.replace, []

    def full(source, target):
        if Path(target).parent == folder:
            done.append(target)
            if len(done) > after:
                raise OSError(28, "No space left on device", str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)


@pytest.mark.usefixtures("no_figure")
@pytest.mark.parametrize(("after", "whole"), [(0, 0), (2, 2), (9, 5)])  # 4 masks, again at the end, the table, ...
def test_a_full_disk_loses_nothing(few, tmp_path, capsys, monkeypatch, after, whole):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(compare_command.tempfile, "mkdtemp", lambda prefix: str(elsewhere))
    folder = tmp_path / "full"
    disk_full_in(monkeypatch, folder, after)
    assert compare(folder, "--quiet", "--methods", "annealing") == 1
    printed = capsys.readouterr()
    assert "annealing" in printed.out
    assert "No space left on device" in printed.err
    assert str(elsewhere) in printed.out
    assert len(check_masks(elsewhere, few)) == 4
    assert {path.name for path in elsewhere.iterdir()} >= FILES
    left = [path for path in folder.iterdir() if path.is_file() and path.name != "searches.sqlite"]
    assert len(left) == whole  # each whole or not there at all, and no scratch file
    assert not [path for path in left if path.suffix == ".part"]


@pytest.mark.usefixtures("no_figure")
def test_masks_of_an_older_run_are_never_taken_for_new_ones(few, tmp_path, monkeypatch):
    assert compare(tmp_path, "--quiet", "--methods", "annealing") == 0
    save_row = report.save_row
    failed = []

    def once(folder, row, names):
        if row.method not in failed:  # the disk is full while the search runs, and has room again at the end
            failed.append(row.method)
            raise OSError(28, "No space left on device")
        save_row(folder, row, names)

    monkeypatch.setattr(report, "save_row", once)
    assert compare(tmp_path, "--quiet", "--methods", "annealing", "--evaluations", "60") == 0
    check_masks(tmp_path, few)


def test_a_file_is_written_whole_or_not_at_all(tmp_path):
    from lessonkit.files import write_arrays, write_text, writing

    path = tmp_path / "kept.txt"
    write_text(path, "old")

    def half():
        with writing(path) as file:
            file.write(b"new, but only ha")
            raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        half()
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["kept.txt"]
    write_text(path, "new ä")
    assert path.read_text(encoding="utf-8") == "new ä"
    write_arrays(path, {"a": np.arange(3)})
    with np.load(path) as arrays:
        assert arrays["a"].tolist() == [0, 1, 2]


def interrupting(method: str, layer: str):
    def step(self, name, seed, step):
        if (name, step.layer) == (method, layer):
            raise KeyboardInterrupt

    return step


@pytest.mark.parametrize(("method", "rows"), [("genetic", 8), ("annealing", 4)])
def test_ctrl_c_prints_and_saves_what_there_is(few, tmp_path, capsys, monkeypatch, method, rows):
    monkeypatch.setattr(compare_command._Progress, "step", interrupting(method, "FC1"))
    assert compare(tmp_path) == 130
    assert "annealing" in capsys.readouterr().out
    assert len(check_masks(tmp_path, few)) == rows
    assert {path.name for path in tmp_path.iterdir()} >= FILES
    assert json.loads((tmp_path / "comparison.json").read_text())["interrupted"] is True


def test_ctrl_c_before_the_first_row_still_ends_well(few, tmp_path, capsys, monkeypatch):
    from lessonkit.experiments import comparison

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(comparison, "run_search", interrupted)
    assert compare(tmp_path) == 130
    assert "unpruned" in capsys.readouterr().out
    assert json.loads((tmp_path / "comparison.json").read_text())["rows"] == []


def test_ctrl_c_while_loading(monkeypatch, tmp_path, capsys):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(compare_command, "load_mnist", interrupted)
    assert compare(tmp_path) == 130
    check_refused(capsys, "interrupted")
