"""Write the course as nbgrader's instructor version, for a class that uses nbgrader.

    python -m lessonkit.course.nbgrader_source FOLDER

writes ``FOLDER/source/NN_name/NN_name.ipynb`` for each lesson and ``FOLDER/nbgrader_config.py``; there,
``nbgrader generate_assignment NN_name`` makes the student's version, whose code cells are those of ``notebooks/``.

The notebooks come from ``solutions/*.ipynb``. A cell with a solution becomes nbgrader's solution cell. The check below
it becomes a locked test cell that is worth as many points as the exercise has minutes. It contains one hidden line that
fails unless the answer was right, because `check` itself never fails; nbgrader removes it from the student's version
and puts it back for grading. nbgrader runs the students' code with the rights of the user who calls it: to grade code
that you do not trust, use ``python -m lessonkit grade``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lessonkit.course.build import Lesson, find_root, lessons, unpaired
from lessonkit.course.markers import BEGIN
from lessonkit.errors import LessonkitError
from lessonkit.files import write_text
from lessonkit.lessons.registry import find

CONFIG = '''\
"""nbgrader's settings for this course: a solution becomes `...`, as in the course's own notebooks."""

c = get_config()
c.CourseDirectory.course_id = "lessonkit"
c.ClearSolutions.code_stub = {"python": "..."}
c.ClearSolutions.begin_solution_delimeter = "### BEGIN SOLUTION"
c.ClearSolutions.end_solution_delimeter = "### END SOLUTION"
'''

_CHECK = re.compile(r"^\w+ = check\(\"([\w.]+)\", \w+\)$", re.MULTILINE)
_HIDDEN = """
### BEGIN HIDDEN TESTS
from lessonkit.exercises import whose
assert whose("{id}") == "your code", "not right yet: see the text above"
### END HIDDEN TESTS"""


def source_notebook(lesson: Lesson) -> dict[str, Any]:
    """A lesson's solution notebook with nbgrader's metadata in its cells, unexecuted.

    Raises
    ------
    LessonkitError
        When it was not built, or a cell with a solution is not followed by its check.
    """
    path = lesson.file("solutions", ".ipynb")
    try:
        notebook: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LessonkitError(f"{path}: cannot be read: run python -m lessonkit build") from error
    cells = [cell for cell in notebook["cells"] if "solution-only" not in cell["metadata"].get("tags", [])]
    waiting = ""
    for cell in cells:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            continue
        cell["outputs"], cell["execution_count"] = [], None
        found = _CHECK.search(source)
        if BEGIN in source:
            if waiting:
                raise LessonkitError(f"{path}: no check follows the solution {waiting!r}")
            waiting = source.partition("\n")[0]
            cell["metadata"]["nbgrader"] = {"grade": False, "solution": True, "locked": False}
        elif found is not None:
            exercise = find(found[1])
            cell["source"] = source + _HIDDEN.format(id=exercise.id)
            marks = {"grade": True, "solution": False, "locked": True, "points": exercise.minutes}
            cell["metadata"]["nbgrader"] = marks
            waiting = ""
        if "nbgrader" in cell["metadata"]:
            cell["metadata"]["nbgrader"] |= {"grade_id": f"cell-{cell['id']}", "schema_version": 3, "task": False}
    if waiting:
        raise LessonkitError(f"{path}: no check follows the solution {waiting!r}")
    return {**unpaired(notebook), "cells": cells}


def write_course(root: Path, folder: Path) -> list[Path]:
    """Write the instructor version of every lesson of the course in `root`, and the settings."""
    texts = {folder / "nbgrader_config.py": CONFIG}
    for lesson in lessons(root):
        target = folder / "source" / lesson.stem / f"{lesson.stem}.ipynb"
        texts[target] = json.dumps(source_notebook(lesson), indent=1, ensure_ascii=False) + "\n"
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, text)
    return list(texts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the folder given on the command line, and return the exit status: 0, or 1 for bad input."""
    parser = argparse.ArgumentParser(prog="lessonkit.course.nbgrader_source", description="The course for nbgrader.")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="the course's folder for nbgrader")
    options = parser.parse_args(arguments)
    try:
        written = write_course(find_root(), options.folder)
    except (LessonkitError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"wrote {len(written)} files; in {options.folder}: nbgrader generate_assignment NAME")
    return 0


if __name__ == "__main__":
    sys.exit(main())
