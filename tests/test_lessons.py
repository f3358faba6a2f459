"""The course's own notebooks: no solution reaches the student, and whatever is written, they run to the end."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat
import pytest

from lessonkit.course import build
from lessonkit.course.markers import BEGIN, END

exercises = pytest.importorskip("lessonkit.exercises", reason="the exercises are another part of the package")

ROOT = Path(__file__).parent.parent
LESSONS = build.lessons(ROOT) if (ROOT / "solutions").is_dir() else []
CHECK = re.compile(r'^(\w+) = check\("([\w.]+)", (\w+)\)', re.MULTILINE)

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)


def code_cells(lesson: build.Lesson, folder: str):
    notebook = nbformat.read(lesson.file(folder, ".ipynb"), as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def printed(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def functions(text: str) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}


def body(function: ast.FunctionDef) -> str:
    """The statements without the docstring, as Python itself would write them."""
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    return "\n".join(ast.unparse(statement) for statement in statements)


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


@each_lesson
def test_every_exercise_is_shipped_as_not_attempted(lesson):
    found = {}
    for cell in code_cells(lesson, "notebooks"):
        for _, name, _ in CHECK.findall(cell.source):
            said = printed(cell)
            assert said.startswith(f"{name}: not attempted"), f"{name}: {said}"
            found[name] = said
    assert found, "a lesson has exercises"
    solved = "".join(printed(cell) for cell in code_cells(lesson, "solutions"))
    for name in found:
        assert f"{name}: right" in solved


@each_lesson
def test_every_stub_is_judged_as_not_attempted(lesson):
    text = lesson.file("notebooks", ".py").read_text(encoding="utf-8")
    defined = functions(text)
    for _, name, function in CHECK.findall(text):
        namespace: dict[str, object] = {}
        stub = ast.unparse(defined[function])
        exec(f"from __future__ import annotations\n{stub}", namespace)
        assert exercises.judge(name, namespace[function]).status == "not attempted", name


def leaks(lesson: build.Lesson, everything: str) -> list[str]:
    """Each marked solution, and each reference of the lesson's exercises, that stands in this text."""
    solution = lesson.file("solutions", ".py").read_text(encoding="utf-8")
    secret = re.findall(f"{BEGIN}\n(.*?){END}", solution, re.DOTALL)
    for _, name, function in CHECK.findall(solution):
        source = exercises.session.source_of(exercises.find(name))
        secret += [body(node) for node in (functions(solution)[function], *functions(source).values())]
        secret += ["\n".join(source.splitlines()[node.body[0].end_lineno :]) for node in functions(source).values()]
    # A shorter line may stand in the prose as a formula.
    return [text for text in secret if len(squeezed(text)) > 40 and squeezed(text) in squeezed(everything)]


@each_lesson
def test_no_reference_and_no_solution_stands_in_the_students_notebook(lesson):
    notebook = nbformat.read(lesson.file("notebooks", ".ipynb"), as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs]
    everything = "\n".join([*(cell.source for cell in notebook.cells), *shown])
    assert leaks(lesson, everything) == []
    student = functions(lesson.file("notebooks", ".py").read_text(encoding="utf-8"))
    for _, name, function in CHECK.findall(everything):
        assert body(student[function]) == "...", f"{name} is not blank in the student's notebook"
    solved = lesson.file("solutions", ".py").read_text(encoding="utf-8")
    assert leaks(lesson, solved), "the search itself must be able to find"


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
    for cell in notebook.cells:
        for _, name, _ in CHECK.findall(cell.source) if cell.cell_type == "code" else ():
            said = {"misconception": "not right yet", "crash": "an error"}[kind]
            assert printed(cell).startswith(f"{name}: {said}"), printed(cell)


@each_lesson
def test_the_stubs_are_the_registrys(lesson):
    text = lesson.file("notebooks", ".py").read_text(encoding="utf-8")
    defined = functions(text)
    for _, name, function in CHECK.findall(text):
        mine, theirs = defined[function].args, exercises.find(name).definition.args
        names = [[argument.arg for argument in arguments.args] for arguments in (mine, theirs)]
        assert names[0] == names[1], name
