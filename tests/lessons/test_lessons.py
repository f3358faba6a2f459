"""The course's own notebooks: no solution reaches the student, and whatever is written, they run to the end."""

from __future__ import annotations

import ast
import builtins
import linecache
import re
from pathlib import Path

import jupytext
import nbformat
import pytest

from lessonkit import exercises
from lessonkit.course import build
from lessonkit.course.leaks import CHECK, find_leaks, functions, misjudged, secrets_in, verdicts
from lessonkit.exercises.course_code import source_of

HERE, ROOT = str(Path(__file__).parents[1]), Path(__file__).parents[2]
LESSONS = build.lessons(ROOT) if (ROOT / "solutions").is_dir() else []

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)


HEAD = r"""### Exercise: (?P<title>.+)

\*\*Objective:\*\* (?P<objective>[a-z][^*]+)\. \*\*(?P<minutes>\d+) minutes\.\*\*

(?s:.+?)

\*Stuck\?\* `hint\("(?P<name>[\w.]+)", 1\)`$"""
END = ["## Recap", "## Check yourself", "## Where to read on"]


def prose(lesson: build.Lesson) -> str:
    notebook = jupytext.reads(build.plain_solution(lesson), fmt="py:percent")
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


@each_lesson
def test_every_exercise_has_the_same_head_and_says_the_registrys_objective_and_minutes(lesson):
    checked = [name for _, name, _ in CHECK.findall(lesson.file("solutions", ".py").read_text(encoding="utf-8"))]
    heads = list(re.finditer(HEAD, prose(lesson), re.MULTILINE))
    assert [head["name"] for head in heads] == checked
    for head in heads:
        assert int(head["minutes"]) == exercises.find(head["name"]).minutes, head["name"]
        assert " ".join(head["objective"].split()) == exercises.find(head["name"]).objective, head["name"]


@each_lesson
def test_every_lesson_ends_alike_and_each_question_has_its_answer_below_it(lesson):
    text = prose(lesson)
    assert re.findall(r"^## .+", text, re.MULTILINE)[-3:] == END
    _, questions = text.split(END[1])
    questions = questions.partition(END[2])[0].strip()
    for number, question in enumerate(re.split(r"\n\n(?=\d+\. )", questions), start=1):
        assert question.startswith(f"{number}. "), question
        assert len(re.findall("<details><summary>Answer</summary>\n\n", question)) == 1, question
        assert question.endswith("\n\n</details>"), question


@each_lesson
def test_what_a_message_tells_the_student_to_type_is_imported(lesson):
    source = lesson.file("solutions", ".py").read_text(encoding="utf-8")
    assert re.search(
        r"^from lessonkit\.exercises import check, hint, progress, solution(, whose)?$", source, re.MULTILINE
    )


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


MISTAKEN = """import types
from lessonkit.exercises import find
wrong = find("{name}").misconceptions[0].code
code = wrong.__code__.replace(co_filename="<student>")
{function} = types.FunctionType(code, wrong.__globals__, "{function}", wrong.__defaults__, wrong.__closure__)"""


def answered_wrongly(lesson: build.Lesson, kind: str) -> str:
    """The student's script with every answer wrong: by a named misconception, or by an exception."""

    def replace(match: re.Match[str]) -> str:
        line, (_, name, function) = match.group(0), match.groups()
        if kind == "crash":
            wrong = f"def {function}(*arguments): raise ValueError('mine')"
        else:
            wrong = MISTAKEN.format(name=name, function=function)
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


# Right answers that use what their stubs promise, and nothing more.
THRIFTY = {
    "comparison.bootstrap_interval": """
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    means = values[rng.integers(0, len(values), size=(resamples, len(values)))].mean(axis=1)
    return tuple(np.quantile(means, [(1 - level) / 2, (1 + level) / 2]))
""",
    "comparison.pareto_front": """
def pareto_front(points):
    loss, sparsity = points[:, 0], points[:, 1]
    good = [(loss <= at[0]) & (sparsity >= at[1]) & ((loss < at[0]) | (sparsity > at[1])) for at in points]
    return np.flatnonzero([not better.any() for better in good])
""",
}


@pytest.mark.slow
@pytest.mark.parametrize("style", [0, 1, "thrifty"])
@each_lesson
def test_a_notebook_runs_to_the_end_with_right_answers_in_another_style(lesson, style):
    def replace(match: re.Match[str]) -> str:
        line, (_, name, function) = match.group(0), match.groups()
        if style != "thrifty":
            answer = f"from right_answers import RIGHT\n{function} = RIGHT[{name!r}][{style}]"
            return f"import sys\nsys.path.append({HERE!r})\n{answer}\n{line}"
        return f"import numpy as np\n{THRIFTY[name]}\n{line}" if name in THRIFTY else line

    script = CHECK.sub(replace, lesson.file("solutions", ".py").read_text(encoding="utf-8"))
    notebook = build.execute(build.notebook_of(lesson, "solutions", script), lesson, "solutions")
    for name, printed in verdicts(notebook):
        assert printed.startswith(f"{name}: right"), printed


@each_lesson
def test_an_exercise_has_its_stubs_signature_and_docstring(lesson):
    text = lesson.file("solutions", ".py").read_text(encoding="utf-8")
    defined, checked = functions(text), CHECK.findall(text)
    assert checked
    for _, name, function in checked:
        mine, theirs = defined[function], exercises.find(name).definition
        assert ast.unparse(mine.args) == ast.unparse(theirs.args), name
        assert ast.get_docstring(mine) == ast.get_docstring(theirs), name


# --- what a text tells a student to type ----------------------------------------------------------------------------

CALL = re.compile(r"`([A-Za-z_][\w.]*\([^`]*\))`")
HELP = ("hint", "solution", "progress", "check", "whose")


def code_cells(lesson: build.Lesson) -> list[str]:
    text = lesson.file("notebooks", ".py").read_text(encoding="utf-8")
    notebook = build.notebook_of(lesson, "notebooks", text)
    return [cell.source for cell in notebook.cells if cell.cell_type == "code"]


def texts(lesson: build.Lesson, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """All that a student reads: the notebook, hints, messages, and what the help itself says."""
    script = lesson.file("notebooks", ".py").read_text(encoding="utf-8")
    found = [script]
    for exercise in {name: exercises.find(name) for _, name, _ in CHECK.findall(script)}.values():
        found += [*exercise.hints, exercise.why, exercise.objective, exercise.stub]
        found += [misconception.message for misconception in exercise.misconceptions]
        capsys.readouterr()
        for _ in exercise.hints:
            exercises.hint(exercise.id)
        exercises.check(exercise.id, 3)
        exercises.check(exercise.id, None)
        exercises.check(exercise.id, exercise.reference)
        exercises.solution(exercise.id)
        found.append(capsys.readouterr().out)
    exercises.progress()
    return [*found, capsys.readouterr().out]


@each_lesson
def test_whatever_a_text_tells_to_type_works_in_that_notebook(lesson, monkeypatch, capsys):
    monkeypatch.setattr(exercises.session, "_verdicts", {})
    monkeypatch.chdir(ROOT / "notebooks")
    names: dict[str, object] = {"__name__": "__main__"}
    cells = code_cells(lesson)
    for cell in cells[:2]:  # set-up and imports
        exec(compile(cell, "<cell>", "exec"), names)
    assert "load_mnist" in names
    everywhere = {node.id for cell in cells for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.Name)}
    everywhere |= {node.arg for cell in cells for node in ast.walk(ast.parse(cell)) if isinstance(node, ast.arg)}
    calls = [call for text in texts(lesson, capsys) for call in CALL.findall(text)]
    assert any(call.startswith("hint(") for call in calls)
    assert any(call.startswith("solution(") for call in calls)
    calls += ["progress()", *(call.replace(", 1)", ")") for call in calls if call.startswith("hint("))]
    for call in dict.fromkeys(calls):
        node = ast.parse(call, mode="eval").body
        while not isinstance(node, ast.Name):
            node = node.func if isinstance(node, ast.Call) else node.value
        if node.id not in HELP:
            assert node.id in names or node.id in everywhere or hasattr(builtins, node.id), call
            continue
        for _, name, function in CHECK.findall("\n".join(cells)):
            names.setdefault(function, exercises.find(name).reference)
        exec(call, names)
        said = capsys.readouterr().out
        assert said, call
        assert "no exercise is called" not in said, call
        assert "no brackets" not in said, call


@each_lesson
def test_a_solution_can_be_pasted_below_the_cells_above_it(lesson):
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(code_cells(lesson)[1], "<imports>", "exec"), names)
    script = lesson.file("notebooks", ".py").read_text(encoding="utf-8")
    for place, (_, name, function) in enumerate(CHECK.findall(script)):
        text = source_of(exercises.find(name))
        file = f"<solution {lesson.stem} {place}>"
        linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
        exec(compile(text, file, "exec"), names)
        answer = names[function]
        assert ast.get_docstring(ast.parse(text).body[-1]) == ast.get_docstring(exercises.find(name).definition)
        assert exercises.judge(name, answer).status == "right", text
        assert exercises.session.examine(exercises.find(name), answer).status == "the course's code"
        assert "lessonkit" not in text, "what is imported from the package hides the point"
