"""Notebooks as students might hand them in: good ones, odd ones, hostile ones."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from lessonkit.errors import LessonkitError
from lessonkit.grading import sandbox
from lessonkit.grading.examiner import Examiner, _Submission
from lessonkit.grading.notebook import course_cells, read
from lessonkit.grading.rows import Row

ROOT = Path(__file__).parents[1]

IMPORTS = "import math\nimport numpy as np\nfrom lessonkit.exercises import check, progress, whose"
COOLING = "def logarithmic_cooling(initial, step):\n    return initial / (1 + math.log(1 + step))"
RATE = "def adaptive_mutation_rate(rate, step, total):\n    return rate * (1 - step / total)"
WRONG_RATE = "def adaptive_mutation_rate(rate, step, total):\n    return rate - step / total"
CHECK_COOLING = 'logarithmic_cooling = check("annealing.logarithmic_cooling", logarithmic_cooling)'
CHECK_RATE = 'adaptive_mutation_rate = check("annealing.adaptive_mutation_rate", adaptive_mutation_rate)'
SHORT = (IMPORTS, COOLING, CHECK_COOLING, RATE, CHECK_RATE)  # two right answers


def notebook(*sources: str) -> bytes:
    """The file of a notebook with these code cells."""
    cells = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def lesson(number: int, folder: str = "solutions") -> bytes:
    """The course's own notebook."""
    (path,) = (ROOT / folder).glob(f"{number:02}_*.ipynb")
    return path.read_bytes()


def with_cell(source: str, at: int = 1) -> bytes:
    """The short notebook with one more cell."""
    return notebook(*SHORT[:at], source, *SHORT[at:])


def answering(body: str) -> bytes:
    """The short notebook with this body of one function; the other one is right."""
    lines = "\n".join("    " + line for line in body.splitlines())
    return notebook(IMPORTS, f"def logarithmic_cooling(initial, step):\n{lines}", CHECK_COOLING, RATE, CHECK_RATE)


@functools.cache
def examiner() -> Examiner:
    """One for all tests of a process: it starts the process that forks workers once."""
    return Examiner(protected=protected())


@functools.cache
def protected() -> bool:
    """Whether bwrap does its work here; else the tests that need it are skipped, and the others run unprotected."""
    try:
        sandbox.require()
    except LessonkitError:
        return False
    return True


def graded(content: bytes, seconds: float = 60, whole: bool = False) -> dict[str, Row]:
    """The rows of a notebook by exercise; `whole` as if the course's own cells were unknown."""
    rows = examiner().grade(content, frozenset() if whole else course(), seconds)
    assert len({row.exercise for row in rows}) == len(rows)
    return {row.exercise.rpartition(".")[2]: row for row in rows}


def statuses(content: bytes, seconds: float = 60) -> dict[str, str]:
    """The status of the notebook and of the two exercises of `SHORT`, and of whatever else was tried."""
    found = {name: row.status for name, row in graded(content, seconds).items() if row.status != "missing"}
    return {name: found[name] for name in sorted(found)}


def submission(content: bytes, wanted: list[str], seconds: float = 600) -> _Submission:
    """A notebook with its rows reached, to look inside."""
    one = _Submission(examiner(), read(content), wanted, seconds)
    one.rows()
    return one


@functools.cache
def course() -> frozenset[str]:
    return course_cells(ROOT)
