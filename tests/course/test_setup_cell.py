"""The set-up cell: short, folded, in nobody's way; it finds the package wherever a student may have put it."""

from __future__ import annotations

import ast
import copy
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jupytext
import pytest

from lessonkit.course import build
from lessonkit.course.address import Address
from lessonkit.course.setup_cell import setup_source

ROOT = Path(__file__).parents[2]
LESSONS = build.lessons(ROOT) if (ROOT / "solutions").is_dir() else []

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def names(source: str) -> set[str]:
    """Every name that a text binds or uses, wherever."""
    found = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
    return found


LONGEST = Address("a-university-of-some-name/a-course-of-lessonkit", "2026-autumn-term/v1.0")


@pytest.mark.parametrize("address", [None, LONGEST])
def test_the_setup_cell_has_twelve_lines_that_ruff_leaves_alone(address):
    source = setup_source(address)
    assert len(source.splitlines()) <= 12
    assert max(map(len, source.splitlines())) <= 120
    command = [sys.executable, "-m", "ruff", "format", "--config", str(ROOT / "pyproject.toml"), "-"]
    done = subprocess.run(command, input=source + "\n", capture_output=True, text=True, check=False)
    assert done.returncode or done.stdout == source + "\n"  # where ruff is not installed, the lines alone are counted


def test_the_setup_cell_leaves_one_name_behind_and_the_path_as_it_was(monkeypatch, capsys):
    monkeypatch.setenv("LESSONKIT_DATA", "standin")
    monkeypatch.setattr(sys, "path", [*sys.path])
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(setup_source(), space)
    before = [*sys.path]
    exec(setup_source(), space)
    first, again = capsys.readouterr().out.splitlines()
    assert "the stand-in" in first
    assert again == first
    assert sys.path == before
    assert set(space) == {"__name__", "__builtins__", "_SetUp"}


@each_lesson
def test_the_setup_cell_binds_no_name_of_the_lesson(lesson):
    bound = {node.name for node in ast.parse(setup_source()).body if isinstance(node, ast.ClassDef)}
    assert bound == {"_SetUp"}
    notebook = jupytext.reads(build.plain_solution(lesson), fmt="py:percent")
    lessons_own = [cell.source for cell in code_cells(notebook) if "setup" not in cell.metadata.get("tags", ())]
    assert not bound & names("\n".join(lessons_own))


@pytest.mark.slow
@each_lesson
def test_the_setup_cell_can_be_run_again_after_every_cell_and_every_cell_twice(lesson):
    solution = build.plain_solution(lesson)
    notebook = build.notebook_of(lesson, "notebooks", build.student_script(lesson, solution))
    first = code_cells(notebook)
    setup = next(cell for cell in first if "setup" in cell.metadata.get("tags", ()))
    notebook.cells = [copy.deepcopy(each) for cell in first for each in (cell, setup, cell)]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    build.execute(notebook, lesson, "notebooks")  # an error in any cell ends the test


# --- where it finds the package ---

# Nothing is installed: whatever leads to a lessonkit leaves the path before the cell runs.
_HIDDEN = """
import sys
from pathlib import Path

sys.meta_path[:] = [finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")]
sys.path[:] = [entry for entry in sys.path if not (Path(entry) / "lessonkit" / "__init__.py").is_file()]
"""


def student(folder: Path, times: int = 1, address: Address | None = None, after: str = "") -> tuple[str, str]:
    """Run the cell in a folder where nothing is installed; what it printed, and the last line of its error."""
    code = "\n".join([_HIDDEN, *[setup_source(address)] * times, after])
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment = {**kept, "TMPDIR": str(folder), "LESSONKIT_DATA": "standin"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode == 0) == (not done.stderr), done.stderr
    return done.stdout, done.stderr.strip().rpartition("\n")[2]


WHERE = "import lessonkit.exercises; print(lessonkit.__file__)"


def packed(inside: str = "") -> bytes:
    """An archive that holds the package in the folder `inside`, as a wheel, GitHub's zip, or the course's does."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in sorted((ROOT / "lessonkit").rglob("*.*")):
            if file.suffix != ".pyc":
                archive.write(file, inside + file.relative_to(ROOT).as_posix())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("lessonkit-1.0.0-py3-none-any.whl", ""),
        ("lessonkit-1.0.0-py3-none-any (1).whl", ""),
        ("lessonkit-main.zip", "lessonkit-main/"),
        ("lessonkit-course.zip", "lessonkit-course/"),
    ],
)
@pytest.mark.parametrize("place", [".", ".."])
def test_a_wheel_or_zip_beside_the_notebook_or_one_above_is_enough(tmp_path, name, inside, place):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    (folder / place / name).write_bytes(packed(inside))
    said, error = student(folder, times=2, after=f"{WHERE}; print(*sys.path, sep=chr(10))")
    assert not error
    first, again, file, *path = said.splitlines()
    assert first == again
    assert "the stand-in" in first
    assert Path(file).is_file(), "data files must be files, so the package is unpacked"
    assert Path(file).is_relative_to(folder)
    assert not [entry for entry in path if name in entry]


@pytest.mark.parametrize("place", ["course/notebooks", "course", "course/mine/week 1"])
def test_a_clone_is_found_from_any_folder_in_it(tmp_path, place):
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "lessonkit").symlink_to(ROOT / "lessonkit")
    (tmp_path / place).mkdir(parents=True, exist_ok=True)
    (tmp_path / place / "lessonkit").mkdir(exist_ok=True)  # a folder of that name is no package
    said, error = student(tmp_path / place, times=2, after=WHERE)
    assert not error
    assert Path(said.splitlines()[2]).parent == tmp_path / "course" / "lessonkit"


def test_without_the_package_one_line_says_what_to_do(tmp_path):
    _, error = student(tmp_path)
    assert error == (
        f"ImportError: no whole lessonkit in {tmp_path}: put its zip, wheel or folder beside this notebook (again)"
    )
    (tmp_path / "lessonkit-a.zip").write_bytes(packed()[:-10])
    (tmp_path / "lessonkit-notes.zip").write_bytes(b"PK\x05\x06" + bytes(18))  # whole, and empty
    _, error = student(tmp_path)
    assert f"no whole lessonkit in {tmp_path}, lessonkit-notes.zip, lessonkit-a.zip: put its zip" in error


def test_a_damaged_archive_beside_a_good_one_stops_nobody(tmp_path):
    (tmp_path / "lessonkit-1.0.0-py3-none-any.whl").write_bytes(packed()[:-10])
    (tmp_path / "lessonkit-1.0.0-py3-none-any (1).whl").write_bytes(packed())
    assert student(tmp_path)[0].startswith("lessonkit 1")


def test_an_archive_with_a_damaged_file_in_it_is_named(tmp_path):
    content = packed()
    at = content.index(b"lessonkit/assets/mnist-0.npz") + 2000
    (tmp_path / "lessonkit-course.zip").write_bytes(content[:at] + b"damaged" + content[at + 7 :])
    assert student(tmp_path)[1].endswith(
        "lessonkit-course.zip is damaged or only half uploaded: put it here once more."
    )


def test_a_published_course_is_installed_by_pip_where_nothing_nearer_is_found(tmp_path):
    pip = f"""
import subprocess
def run(command, check):
    print(command[1:])
    sys.path.append({str(ROOT)!r})
subprocess.run = run
"""
    address = Address("a/b", "v1")
    code = "\n".join([_HIDDEN, pip, setup_source(address)])
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-c", code]
    said = subprocess.run(
        command, cwd=tmp_path, env={**kept, "LESSONKIT_DATA": "standin"}, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert said[0] == "['-m', 'pip', 'install', '--quiet', '--no-deps', 'git+https://github.com/a/b@v1']"
    assert said[1].startswith("lessonkit 1")
    (tmp_path / "lessonkit-1.whl").write_bytes(packed())
    assert student(tmp_path, address=address)[0].startswith("lessonkit 1"), "pip was not asked"
