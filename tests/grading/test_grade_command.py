"""The command: what it takes, what it writes, how it resumes; bad input in one line."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from functools import partial
from pathlib import Path

import pytest
from submissions import (
    CHECK_RATE,
    IMPORTS,
    ROOT,
    SHORT,
    WRONG_RATE,
    lesson,
    notebook,
    protected,
    with_cell,
)

from lessonkit.__main__ import main
from lessonkit.course.bundle import _setuptools_is_old
from lessonkit.course.colab import build_wheel
from lessonkit.grading import pool
from lessonkit.grading.examiner import Examiner
from lessonkit.grading.records import Results
from lessonkit.grading.rows import EXERCISE_STATUSES, NOTEBOOK_STATUSES, Row, cell_text, one_line
from lessonkit.grading.submissions import find_submissions, read_submission

pytestmark = pytest.mark.slow  # minutes in all; run with --slow


OPEN = () if protected() else ("--unprotected",)


def grade(folder, output, *flags) -> int:
    return main(["grade", str(folder), "--output", str(output), "--jobs", "1", *OPEN, *flags])


def rows_of(output) -> dict[tuple[str, str], tuple[str, str]]:
    with (output / "grades.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert list(found[0]) == ["submission", "exercise", "status", "message"]
    return {(row["submission"], row["exercise"]): (row["status"], row["message"]) for row in found}


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """A class's folder, graded once: folder, output, what was printed."""
    folder = tmp_path_factory.mktemp("class")
    files = {
        "ann/03.ipynb": notebook(*SHORT),
        "bob/deep/03 (copy).IPYNB": notebook(*SHORT),
        "bob/.ipynb_checkpoints/03-checkpoint.ipynb": b"old",
        "=cmd|calc/@x.ipynb": notebook(IMPORTS, WRONG_RATE, CHECK_RATE),
        "dot/._03.ipynb": b"what another system leaves behind",
        "dot/essay.txt": b"I did not get round to it",
        "eve.ipynb": with_cell("import os\nos._exit(0)"),
        "hang.ipynb": with_cell("while True: pass"),
        "line\nbreak.ipynb": b"no",
        "new/ünï—✓.ipynb": lesson(2, "notebooks"),
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / os.fsdecode(b"odd\xff.ipynb")).write_bytes(b"")
    (folder / "link.ipynb").symlink_to("/etc/passwd")
    (folder / "folder.ipynb").mkdir()
    os.mkfifo(folder / "pipe.ipynb")
    with (folder / "huge.ipynb").open("wb") as file:
        file.truncate(10**10)
    output = tmp_path_factory.mktemp("output") / "new" / "grades"
    before = {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}
    done = subprocess.run(
        [sys.executable, "-m", "lessonkit", "grade", folder, "--output", output, "--timeout", "10", *OPEN],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path: path.lstat().st_mtime_ns for path in folder.rglob("*")} == before
    return folder, output, done.stdout


def test_every_submission_has_its_rows(handed_in):
    _, output, printed = handed_in
    found = rows_of(output)
    names = {name for name, _ in found}
    assert len(names) == 13
    expected = {
        ("ann/03.ipynb", "annealing.logarithmic_cooling"): "right",
        ("ann/03.ipynb", "annealing.anneal"): "missing",
        ("bob/deep/03 (copy).IPYNB", "annealing.adaptive_mutation_rate"): "right",
        ("'=cmd|calc/@x.ipynb", "annealing.adaptive_mutation_rate"): "wrong",
        ("dot", "notebook"): "no notebook",
        ("eve.ipynb", "notebook"): "crashed",
        ("eve.ipynb", "annealing.logarithmic_cooling"): "right",
        ("hang.ipynb", "notebook"): "timeout",
        ("hang.ipynb", "annealing.adaptive_mutation_rate"): "right",
        ("line\\nbreak.ipynb", "notebook"): "not a notebook",
        ("new/ünï—✓.ipynb", "cost.pruning_cost"): "not attempted",
        ("odd\\udcff.ipynb", "notebook"): "not a notebook",
        ("link.ipynb", "notebook"): "not a notebook",
        ("folder.ipynb", "notebook"): "no notebook",
        ("pipe.ipynb", "notebook"): "not a notebook",
        ("huge.ipynb", "notebook"): "too large",
    }
    assert {key: found[key][0] for key in expected if key in found} == expected
    for status in ("right", "not attempted", "missing", "crashed: 1 of 13", "too large: 1 of 13", "isolation: "):
        assert status in printed
    vocabulary = set(EXERCISE_STATUSES) | set(NOTEBOOK_STATUSES)
    assert {status for status, _ in found.values()} <= vocabulary
    assert all(message and "\n" not in message for _, message in found.values())


def test_json_says_the_same_and_what_was_in_force(handed_in):
    _, output, _ = handed_in
    content = json.loads((output / "grades.json").read_text(encoding="utf-8"))
    told = {
        (cell_text(each["submission"]), row["exercise"]): (row["status"], cell_text(row["message"]))
        for each in content["submissions"]
        for row in each["rows"]
    }
    assert told == rows_of(output)
    assert content["settings"]["isolation"].startswith("bwrap: " if protected() else "none (--unprotected)")
    assert content["settings"]["timeout"] == 10
    assert set(content["statuses"]["exercise"]) == set(EXERCISE_STATUSES)


def test_a_second_run_takes_what_is_known(handed_in, monkeypatch, capsys):
    folder, output, _ = handed_in
    before = rows_of(output)
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(pool, "_grade", None)  # cannot be sent to an examiner
    assert grade(folder, output, "--timeout", "10") == 0
    assert rows_of(output) == before
    assert "13 submissions, 8 of them graded before" in capsys.readouterr().out


def test_another_checker_content_or_setting_grades_anew(tmp_path):
    settings = {"checker": "1", "timeout": 10.0}
    results = Results(tmp_path, settings)
    rows = [Row("cost.pruning_cost", "right", "fine")]
    results.put("digest", rows)
    assert Results(tmp_path, settings).get("digest") == rows
    assert results.get("another") is None
    assert Results(tmp_path, {**settings, "checker": "2"}).get("digest") is None
    assert Results(tmp_path, {**settings, "timeout": 11.0}).get("digest") is None
    (file,) = tmp_path.iterdir()
    file.write_text(file.read_text()[:20])
    assert results.get("digest") is None
    results.put("bad luck", [Row("notebook", "not graded", "it failed")])
    assert results.get("bad luck") is None


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_table_no_process_and_resumes(tmp_path, how):
    folder, output = tmp_path / "class", tmp_path / "out"
    folder.mkdir()
    mark = str(86_000 + os.getpid() % 300)
    sleeper = f"import subprocess, time\nsubprocess.Popen(['sleep', '{mark}'])\ntime.sleep({mark})"
    (folder / "a.ipynb").write_bytes(notebook(*SHORT))
    (folder / "b.ipynb").write_bytes(with_cell(sleeper))
    command = [sys.executable, "-m", "lessonkit", "grade", str(folder), "--output", str(output), "--jobs", "1", *OPEN]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}

    def sleeping() -> bool:
        lines = subprocess.run(["ps", "-A", "-o", "args="], capture_output=True, text=True, check=True).stdout
        return f"sleep {mark}" in lines.splitlines()

    def wait_for(condition) -> None:
        until = time.monotonic() + 120
        while not condition() and time.monotonic() < until:
            time.sleep(0.1)
        assert condition()

    with subprocess.Popen(
        [*command, "--timeout", "2000"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: list(output.glob("results/*.json")) and sleeping())
        process.send_signal(how)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    assert "interrupted" in said or how == signal.SIGKILL
    wait_for(lambda: not sleeping())
    assert [path.name for path in output.iterdir()] == ["results"]
    (kept,) = output.glob("results/*.json")
    assert json.loads(kept.read_text())["rows"]


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda folder: folder / "nowhere", "no such folder"),
        (lambda folder: folder, "no notebook in it"),
        (lambda folder: ROOT / "README.md", "no such folder"),
    ],
)
def test_a_bad_folder_is_one_line(tmp_path, capsys, make, told):
    assert grade(make(tmp_path), tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_bad_output_or_flag_is_one_line(tmp_path, capsys):
    (tmp_path / "a.ipynb").write_bytes(notebook(*SHORT))
    assert grade(tmp_path, tmp_path / "a.ipynb") == 1
    assert "cannot be written to" in capsys.readouterr().err
    for flags in (["--timeout", "0"], ["--timeout", "soon"], ["--jobs", "0"]):
        with pytest.raises(SystemExit) as end:
            main(["grade", str(tmp_path), *flags])
        assert end.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_the_wheel_holds_no_grader_and_says_where_it_is(tmp_path):
    wheel = build_wheel(ROOT, Path(sys.executable), tmp_path, isolated=_setuptools_is_old())
    with zipfile.ZipFile(wheel) as packed:
        assert not [name for name in packed.namelist() if "grading" in name and not name.endswith("METADATA")]
        assert "lessonkit/checker/judge.py" in packed.namelist()
        packed.extractall(tmp_path)
    # Where the package is installed from the checkout, that must not be seen.
    away = "import sys\nsys.meta_path[:] = [each for each in sys.meta_path if '__editable__' not in str(each)]\n"
    (tmp_path / "sitecustomize.py").write_text(away)
    for flags, code, told in ((["--help"], 0, "--unprotected"), ([str(ROOT)], 1, "pip install -e '.[grading]'")):
        done = subprocess.run(
            [sys.executable, "-P", "-m", "lessonkit", "grade", *flags],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert told in (done.stderr if code else done.stdout)
        assert done.stderr.count("\n") == code


@pytest.mark.parametrize(
    ("script", "told"),
    [(None, "is not installed"), ("echo 'bwrap: No permissions to make a namespace' >&2; exit 1", "No permissions")],
)
def test_without_bwrap_nothing_is_graded_and_one_line_says_what_to_do(tmp_path, monkeypatch, capsys, script, told):
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "a.ipynb").write_bytes(notebook(*SHORT))
    if script is not None:
        (tmp_path / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bwrap").chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["grade", str(tmp_path / "class"), "--output", str(tmp_path / "out")]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert "apt-get install bubblewrap" in line
    assert "--unprotected" in line
    assert not (tmp_path / "out").exists()


def test_an_examiner_that_dies_is_replaced_and_told(tmp_path):
    """The second notebook ends the examiner each time; nothing that was graded is lost."""
    readers = [partial(bytes, b"1"), partial(os._exit, 3)]
    found = dict(pool.grade_all(readers, frozenset(), 1, 1, None))
    assert {place: [row.status for row in rows] for place, rows in found.items()} == {
        0: ["not a notebook"],
        1: ["not graded"],
    }


def test_a_sandbox_that_does_not_start_is_told(monkeypatch):
    monkeypatch.setattr(pool, "_examiner", Examiner(protected=protected()), raising=False)
    monkeypatch.setattr(pool, "_course", frozenset(), raising=False)
    monkeypatch.setattr("sys.executable", "/bin/false")
    (row,) = pool._grade(lambda: notebook(*SHORT), 1)
    assert row.status == "not graded"
    assert "does not start" in row.message


def test_a_file_that_is_gone_when_its_turn_comes_is_told(tmp_path):
    found = list(pool.grade_all([(tmp_path / "gone").read_bytes], frozenset(), 1, 1, None))
    assert [row.status for _, rows in found for row in rows] == ["not graded"]


def test_a_folder_that_is_locked_and_the_output_are_no_obstacle(tmp_path):
    (tmp_path / "a.ipynb").write_bytes(notebook(*SHORT))
    for name in ("grades", "locked"):
        (tmp_path / name).mkdir()
    found = find_submissions(tmp_path, tmp_path / "grades")
    assert [path.name for path in found] == ["a.ipynb", "locked"]
    assert read_submission(tmp_path, found[1]).row.status == "no notebook"
    (tmp_path / "locked").chmod(0)
    try:
        assert find_submissions(tmp_path, tmp_path / "grades") == found
        assert read_submission(tmp_path, found[1]).row.status in ("no notebook", "not a notebook")  # root reads all
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_text_is_safe_in_a_spreadsheet():
    for text in ("=1+1", "+1", "-1", "@x", "|x", "%x", " =1", "＝1"):
        assert cell_text(text) == "'" + text
    assert cell_text("1+1") == "1+1"
    assert one_line("a\n=b\tc\x00\u202ed\ud800") == "a =b cd\\ud800"
    assert len(one_line("x" * 10_000)) == 600
