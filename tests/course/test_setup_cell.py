"""The set-up cell beside the lessons: it leaves no name behind, and can be run again at any point."""

from __future__ import annotations

import ast
import copy
from pathlib import Path
from typing import Any

import jupytext
import pytest

from lessonkit.course import build
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


def test_the_setup_cell_leaves_no_name_behind(monkeypatch, capsys):
    monkeypatch.setenv("LESSONKIT_DATA", "standin")
    space = {"__name__": "__main__"}
    exec(setup_source(), space)
    assert "the stand-in" in capsys.readouterr().out
    assert set(space) == {"__name__", "__builtins__"}


@each_lesson
def test_the_setup_cell_binds_no_name_of_the_lesson(lesson):
    bound = {node.name for node in ast.parse(setup_source()).body if isinstance(node, ast.FunctionDef)}
    assert bound == {"_set_up"}
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
