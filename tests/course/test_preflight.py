"""The preflight's checks, each both ways: on the course as it is, and on a copy that was broken on purpose."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest

from lessonkit.__main__ import main
from lessonkit.course import build, preflight, publish
from lessonkit.course.address import Address
from lessonkit.course.preflight import NOTE, OK, RED, Line, Run
from lessonkit.errors import LessonkitError
from lessonkit.files import read_arrays, write_arrays

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not (ROOT / "solutions").is_dir(), reason="not a checkout")


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """Two of the course's lessons in a folder of their own, with the stand-in."""
    monkeypatch.setenv("LESSONKIT_DATA", "standin")
    for lesson in build.lessons(ROOT, ["01", "02"]):
        for file in lesson.files:
            target = tmp_path / file.relative_to(ROOT)
            target.parent.mkdir(exist_ok=True)
            shutil.copy(file, target)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copytree(ROOT / "lessonkit" / "assets", tmp_path / "lessonkit" / "assets")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def change(path: Path, alter) -> None:
    notebook = nbformat.read(path, as_version=4)
    alter(notebook)
    nbformat.write(notebook, path)


def green(line: Line) -> None:
    assert (line.state, line.way_out) == (OK, ""), line


def red(line: Line, *words: str) -> None:
    assert line.state == RED, line
    assert line.way_out
    for word in words:
        assert word in line.said


def test_versions(copied, monkeypatch):
    green(preflight.versions(copied))
    (copied / "pyproject.toml").unlink()  # then the installed package says what it needs
    assert len(preflight.requirements(copied, "class")[1]) > 10
    found = {"numpy": "1.25.9", "nbval": None}
    monkeypatch.setattr(preflight, "_installed", lambda name: found.get(name, "99"))
    monkeypatch.setattr(preflight.platform, "python_version", lambda: "3.10.2")
    line = preflight.versions(ROOT)
    red(line, "Python 3.10.2 is not >=3.11")
    assert line.details[1:] == ("numpy 1.25.9 is not >=1.26", "nbval is not installed")
    # Colab's ipywidgets shows no lab in JupyterLab 4, the one that a class installs.
    monkeypatch.setattr(preflight, "_installed", lambda name: {"ipywidgets": "7.7.1"}.get(name, "99"))
    assert "ipywidgets 7.7.1 is not >=7.8.5" in preflight.versions(ROOT).details


def test_colabs_versions(copied, monkeypatch):
    theirs = {"numpy": "2.1.3", "tensorflow": "2.20.0", "ipywidgets": "7.7.1"}
    monkeypatch.setattr(preflight.colab, "VERSIONS", tuple(f"{name}=={each}" for name, each in theirs.items()))
    monkeypatch.setattr(preflight, "_installed", theirs.get)
    green(preflight.colab_versions(copied))
    monkeypatch.setattr(preflight, "_installed", lambda name: "9.9")
    line = preflight.colab_versions(copied)
    assert line.state == NOTE
    assert "numpy 9.9 (Colab 2.1.3)" in line.said
    edit(copied / "pyproject.toml", "numpy>=1.26", "numpy>=2.2")
    red(preflight.colab_versions(copied), "Colab's numpy 2.1.3 is not >=2.2")


def test_data_with_the_standin_and_where_it_is_lost(copied, monkeypatch):
    line = preflight.data(copied)
    assert line.state == NOTE
    assert "the stand-in" in line.said
    assert "LESSONKIT_DATA" in line.way_out
    monkeypatch.setenv("LESSONKIT_DATA", str(copied / "gone.npz"))
    monkeypatch.setattr(preflight, "QUICK", (preflight.data,))
    red(next(preflight.preflight(copied, fast=True)), "gone.npz: no such file")


def test_data_with_mnist(mnist, monkeypatch):
    monkeypatch.setattr(preflight, "load_mnist", lambda: mnist)
    line = preflight.data(ROOT)
    green(line)
    assert "MNIST" in line.said


def test_weights(copied):
    line = preflight.weights(copied)
    green(line)
    assert "standin-0 96.90%" in line.said
    assert "mnist-0 9" not in line.said, "without MNIST they are loaded alone"
    assets = copied / "lessonkit" / "assets"
    (assets / "mnist-1.npz").write_bytes((assets / "mnist-1.npz").read_bytes()[:-400])
    shutil.copy(assets / "mlpnet-mnist.npz", assets / "mnist-2.npz")
    arrays = read_arrays(assets / "standin-0.npz", "weights")
    arrays["FC2/kernel"] = np.ascontiguousarray(arrays["FC2/kernel"][::-1])
    write_arrays(assets / "standin-0.npz", arrays)
    (assets / "mlpnet-mnist.npz").unlink()
    line = preflight.weights(copied)
    red(line, "mnist-1.npz: cannot be read")
    said = "\n".join(line.details)
    assert len(line.details) == 4
    assert "mnist-2.npz: does not hold the weights" in said
    assert "% of the test images, not 96.90%" in said


def test_weights_with_mnist(mnist, monkeypatch, standin):
    monkeypatch.setattr(preflight, "load_mnist", lambda name=None: standin if name else mnist)
    line = preflight.weights(ROOT)
    green(line)
    assert "mnist-2 97.36%" in line.said


def test_pairs(copied):
    green(preflight.pairs(copied))
    edit(copied / "notebooks" / "01_lenet_baseline.ipynb", "Write down", "Write up")
    red(preflight.pairs(copied), "notebooks/01_lenet_baseline.ipynb: cell")
    (copied / "notebooks" / "02_cost_function.py").unlink()
    assert "02_cost_function.py: missing" in "".join(preflight.pairs(copied).details)


def test_badges(copied):
    green(preflight.badges(copied))
    publish.stamp_course(copied, Address("a/b", "v1"))
    line = preflight.badges(copied)
    green(line)
    assert "a/b at v1" in line.said
    edit(copied / "notebooks" / "02_cost_function.ipynb", "v1/notebooks/02", "v1/notebooks/01")
    edit(copied / "solutions" / "02_cost_function.ipynb", "a/b@v1", "c/d@v1")
    line = preflight.badges(copied)
    red(line, "notebooks/02_cost_function.ipynb: its badge leads to https://colab.")
    assert "solutions/02_cost_function.ipynb: its set-up cell leads to" in line.details[1]
    publish.stamp_course(copied, Address("a/b", "v1"))
    change(copied / "notebooks" / "01_lenet_baseline.ipynb", lambda notebook: notebook.cells.pop(0))
    red(preflight.badges(copied), "its badge is missing")


def test_leaks(copied):
    green(preflight.leaked(copied))
    solved = (copied / "solutions" / "02_cost_function.py").read_text(encoding="utf-8")
    secret = solved.partition("### BEGIN SOLUTION\n")[2].partition("    ### END SOLUTION")[0]

    def leak(notebook):
        notebook.cells[-1].source += "\n" + secret

    change(copied / "notebooks" / "02_cost_function.ipynb", leak)
    red(preflight.leaked(copied), "notebooks/02_cost_function.ipynb: shows a solution")
    script = copied / "notebooks" / "01_lenet_baseline.py"
    text = script.read_text(encoding="utf-8")
    script.write_text(text.replace("    ...\n", "    return 1\n", 1), encoding="utf-8")
    assert "is not blank" in preflight.leaked(copied).said


def test_exercises(copied):
    green(preflight.exercises(copied))
    edit(copied / "solutions" / "02_cost_function.ipynb", "global_sparsity: right", "global_sparsity: not right yet")
    red(preflight.exercises(copied), "cost.global_sparsity is not 'right' but says 'cost.global_sparsity: not right")


def test_room(copied, monkeypatch):
    green(preflight.room(copied))
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda place: SimpleNamespace(free=9_000_000))
    monkeypatch.setattr(preflight.psutil, "virtual_memory", lambda: SimpleNamespace(available=500_000_000))
    line = preflight.room(copied)
    red(line, f"{copied} has 0.0 GB free, not 1.0 GB")
    assert "0.5 GB of memory is free, not 2.5 GB" in line.details[-1]


# --- notebooks that run ---


def test_a_notebook_is_run_and_its_exercises_looked_at(copied, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))  # the copy holds the package's assets alone
    lesson = build.lessons(copied, ["02"])[0]
    before = lesson.file("notebooks", ".ipynb").read_bytes()
    assert preflight.run_notebook("notebooks", lesson).problem == ""
    assert lesson.file("notebooks", ".ipynb").read_bytes() == before


@pytest.fixture
def fake(monkeypatch):
    """A kernel that returns a notebook as it lies there, and breaks at lesson 2."""

    def execute(notebook, lesson, folder):
        if lesson.stem.startswith("02") and folder == "notebooks":
            raise LessonkitError(
                "notebooks/02: stopped. A traceback\nof many lines\nZeroDivisionError: division by zero"
            )
        return notebook

    monkeypatch.setattr(build, "execute", execute)


def test_every_notebook_is_run_and_a_broken_one_stops_no_other(copied, fake):
    edit(copied / "solutions" / "01_lenet_baseline.ipynb", "baseline.accuracy: right", "baseline.accuracy: an error")
    (copied / "solutions" / "02_cost_function.ipynb").write_text("{")
    heard = []
    students, solutions, seconds = preflight.ran(preflight.run_notebooks(copied, heard.append))
    assert len(heard) == 4
    red(students, "notebooks/02: stopped. A traceback ZeroDivisionError: division by zero")
    assert len(students.details) == 1
    red(solutions, "solutions/01_lenet_baseline.ipynb: baseline.accuracy is not 'right'")
    assert "solutions/02_cost_function.ipynb: NotJSONError" in solutions.details[1]
    green(seconds)


def test_notebooks_that_run_well_or_too_long():
    runs = {folder: [Run(f"{folder}/01.ipynb", 12.0, "")] for folder in ("notebooks", "solutions")}
    for line in preflight.ran(runs):
        green(line)
    runs["solutions"].append(Run("solutions/02.ipynb", 46.0, ""))
    red(preflight.ran(runs)[-1], "solutions/02.ipynb took 46 s")


# --- the command ---


def test_the_command_says_it_with_words_exit_code_and_json(copied, monkeypatch, capsys):
    monkeypatch.chdir(copied / "notebooks")
    monkeypatch.setattr(preflight, "QUICK", (preflight.pairs, preflight.room))
    assert main(["preflight", "--fast", "--json", "found.json"]) == 0
    printed = capsys.readouterr().out
    assert "ok    pairs in step " in printed
    assert "note  notebooks " in printed
    assert "ready for class" in printed
    assert "\x1b" not in printed, "no colour but on a terminal"
    found = json.loads((copied / "notebooks" / "found.json").read_text())
    assert (found["ready"], found["fast"], found["notebooks"]) == (True, True, [])
    assert [line["state"] for line in found["checks"]] == ["ok", "ok", "note"]
    (copied / "notebooks" / "found.json").unlink()
    for name in ("01_lenet_baseline", "02_cost_function"):
        (copied / "notebooks" / f"{name}.ipynb").unlink()
    monkeypatch.chdir(copied.parent)
    assert main(["preflight", "--fast", "--folder", str(copied), "--json", str(copied / "found.json")]) == 1
    printed = capsys.readouterr().out
    assert "RED   pairs in step " in printed
    assert "(and 1 more) -> edit solutions/*.py" in printed
    assert "pairs in step, all 2:" in printed
    assert "not ready: pairs in step" in printed
    found = json.loads((copied / "found.json").read_text())
    assert not found["ready"]
    assert len(found["checks"][0]["details"]) == 2
    assert found["checks"][0]["way_out"]


def test_colour_stands_beside_the_word_on_a_terminal(copied, monkeypatch, capsys):
    monkeypatch.setattr(preflight, "QUICK", (preflight.room,))
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    main(["preflight", "--fast", "--folder", str(copied)])
    assert "\x1b[32mok  \x1b[0m  disk and memory" in capsys.readouterr().out
    monkeypatch.setenv("NO_COLOR", "1")
    main(["preflight", "--fast", "--folder", str(copied)])
    assert "\x1b" not in capsys.readouterr().out


def test_without_fast_every_notebook_is_run(copied, fake, monkeypatch, capsys):
    monkeypatch.setattr(preflight, "QUICK", ())
    assert main(["preflight", "--folder", str(copied), "--json", str(copied / "found.json")]) == 1
    assert "not ready: student notebooks" in capsys.readouterr().out
    assert len(json.loads((copied / "found.json").read_text())["notebooks"]) == 4


def test_a_check_that_breaks_is_red_and_the_next_one_is_made(copied, monkeypatch):
    (copied / "notebooks" / "01_lenet_baseline.py").write_text("def broken(:\n")
    monkeypatch.setattr(preflight, "QUICK", (preflight.leaked, preflight.room))
    broken, room, _ = preflight.preflight(copied, fast=True)
    red(broken, "SyntaxError")
    green(room)


def test_bad_flags_get_one_line(tmp_path, copied, monkeypatch, capsys):
    for flags, said in (
        (["--folder", str(copied / "notebooks")], "give the course's folder"),
        (["--folder", str(tmp_path / "gone")], "give the course's folder"),
        (["--folder", str(copied), "--json", str(copied)], "cannot be written: choose another file"),
        (["--folder", str(copied), "--json", str(copied / "no" / "f.json")], "cannot be written: choose another file"),
    ):
        assert main(["preflight", "--fast", *flags]) == 1
        (line,) = capsys.readouterr().err.splitlines()
        assert said in line
    (copied / "empty" / "solutions").mkdir(parents=True)
    assert main(["preflight", "--folder", str(copied / "empty")]) == 1
    assert "no lesson there" in capsys.readouterr().err
