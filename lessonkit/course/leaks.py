"""Find solutions that must not be in a student's notebook, and exercises with the wrong verdict in its outputs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import nbformat

from lessonkit import exercises
from lessonkit.course.build import Lesson
from lessonkit.course.markers import BEGIN, END
from lessonkit.exercises.course_code import source_of

CHECK = re.compile(r'^(\w+) = check\("([\w.]+)", (\w+)\)', re.MULTILINE)  # result, exercise, answer
# What `check` must print first, by the notebook's folder.
EXPECTED = {"notebooks": "not attempted", "solutions": "right"}


def functions(text: str) -> dict[str, ast.FunctionDef]:
    """The functions that a script defines, by name."""
    return {node.name: node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}


def body(function: ast.FunctionDef) -> str:
    """The statements without the docstring, in Python's own formatting."""
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    return "\n".join(ast.unparse(statement) for statement in statements)


def secrets_in(lesson: Lesson, text: str) -> list[str]:
    """Each marked solution and each reference of the lesson's exercises that occurs in this text."""
    solution = lesson.file("solutions", ".py").read_text(encoding="utf-8")
    secrets = re.findall(f"{BEGIN}\n(.*?){END}", solution, re.DOTALL)
    for _, name, function in CHECK.findall(solution):
        source = source_of(exercises.find(name))
        secrets += [body(node) for node in (functions(solution)[function], *functions(source).values())]
        secrets += ["\n".join(source.splitlines()[node.body[0].end_lineno :]) for node in functions(source).values()]
    everything = _squeezed(text)
    # A shorter line may occur in the prose as a formula.
    return [secret for secret in secrets if len(_squeezed(secret)) > 40 and _squeezed(secret) in everything]


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def shown_by(notebook: Any) -> str:
    """All text that a reader of the notebook sees: the cells' sources and their outputs."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    shown = [output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in outputs]
    return "\n".join([*(cell.source for cell in notebook.cells), *shown])


def find_leaks(lesson: Lesson) -> list[str]:
    """One line per solution in the student's notebook, and per exercise that is not blank there."""
    label = lesson.label("notebooks", ".ipynb")
    everything = shown_by(nbformat.read(lesson.file("notebooks", ".ipynb"), as_version=4))
    findings = [f"{label}: shows a solution: {secret.strip()[:60]!r}" for secret in secrets_in(lesson, everything)]
    student = functions(lesson.file("notebooks", ".py").read_text(encoding="utf-8"))
    for _, name, function in CHECK.findall(everything):
        if function not in student or body(student[function]) != "...":
            findings.append(f"{label}: {name} is not blank")
    return findings


def verdicts(notebook: Any) -> Iterator[tuple[str, str]]:
    """The exercises that a notebook checks, each with what its cell printed."""
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        outputs = [output.get("text", "") + output.get("data", {}).get("text/plain", "") for output in cell.outputs]
        printed = re.sub(r"^\W+", "", "".join(outputs))  # the symbol in front
        for _, name, _ in CHECK.findall(cell.source):
            yield name, printed


def misjudged(notebook: Any, folder: str) -> list[str]:
    """One line per exercise with the wrong verdict for its folder: blank for students, right in the solutions."""
    wanted = EXPECTED[folder]
    return [
        f"{name} is not {wanted!r} but says {printed.partition(chr(10))[0][:80]!r}"
        for name, printed in verdicts(notebook)
        if not printed.startswith(f"{name}: {wanted}")
    ]
