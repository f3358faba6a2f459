"""The course's own notebooks: no solution reaches the student, and whatever is written, they run to the end."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

from lessonkit import exercises
from lessonkit.course import build
from lessonkit.course.leaks import CHECK, find_leaks, functions, misjudged, secrets_in, verdicts

ROOT = Path(__file__).parent.parent
LESSONS = build.lessons(ROOT) if (ROOT / "solutions").is_dir() else []

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)


@each_lesson
def test_every_exercise_is_shipped_as_not_attempted_and_solved_right(lesson):
    found = {}
    for folder in ("notebooks", "solutions"):
        notebook = nbformat.read(lesson.file(folder, ".ipynb"), as_version=4)
        assert misjudged(notebook, folder) == []
        found[folder] = {name for name, _ in verdicts(notebook)}
    assert found["notebooks"], "a lesson has exercises"
    assert found["notebooks"] == found["solutions"]


@each_lesson
def test_every_stub_is_judged_as_not_attempted(lesson):
    text = lesson.file("notebooks", ".py").read_text(encoding="utf-8")
    defined = functions(text)
    for _, name, function in CHECK.findall(text):
        namespace: dict[str, object] = {}
        stub = ast.unparse(defined[function])
        exec(f"from __future__ import annotations\n{stub}", namespace)
        assert exercises.judge(name, namespace[function]).status == "not attempted", name


@each_lesson
def test_no_reference_and_no_solution_stands_in_the_students_notebook(lesson):
    assert find_leaks(lesson) == []
    solved = lesson.file("solutions", ".py").read_text(encoding="utf-8")
    assert secrets_in(lesson, solved), "the search itself must be able to find"


def answered_wrongly(lesson: build.Lesson, kind: str) -> str:
    """The student's script with every answer wrong: by a named misconception, or by an exception."""

    def replace(match: re.Match[str]) -> str:
        line, (_, name, function) = match.group(0), match.groups()
        if kind == "crash":
            wrong = f"def {function}(*arguments): raise ValueError('mine')"
        else:
            wrong = f"from lessonkit.exercises import find\n{function} = find({name!r}).misconceptions[0].code"
        return f"{wrong}\n{line}"

    return CHECK.sub(replace, lesson.file("notebooks", ".py").read_text(encoding="utf-8"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["misconception", "crash"])
@each_lesson
def test_a_notebook_runs_to_the_end_with_every_answer_wrong(lesson, kind):
    script = answered_wrongly(lesson, kind)
    notebook = build.execute(build.notebook_of(lesson, "notebooks", script), lesson, "notebooks")
    for name, printed in verdicts(notebook):
        said = {"misconception": "not right yet", "crash": "an error"}[kind]
        assert printed.startswith(f"{name}: {said}"), printed


@each_lesson
def test_the_stubs_are_the_registrys(lesson):
    text = lesson.file("notebooks", ".py").read_text(encoding="utf-8")
    defined = functions(text)
    for _, name, function in CHECK.findall(text):
        mine, theirs = defined[function].args, exercises.find(name).definition.args
        names = [[argument.arg for argument in arguments.args] for arguments in (mine, theirs)]
        assert names[0] == names[1], name
