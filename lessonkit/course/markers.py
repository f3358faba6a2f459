"""Turn the text of a solution into the student's text: what is between nbgrader's markers becomes ``...``."""

from __future__ import annotations

import re

from lessonkit.errors import LessonkitError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
# A misspelt marker would leave a solution in the student's notebook.
_ALMOST = re.compile(r"#.*\b(begin|end)[\s_-]*solution\b", re.IGNORECASE)


def blank_solutions(text: str, file: str) -> str:
    """The text with every marked solution replaced by ``...``, indented like its opening marker.

    Parameters
    ----------
    text : a jupytext percent script
    file : its name, for the message

    Raises
    ------
    LessonkitError
        When a marker is misspelt, nested, without its partner, or indented differently; with file and line.
    """
    kept: list[str] = []
    opened: int | None = None  # the line of the marker that is open
    indent = ""
    for number, line in enumerate(text.splitlines(), start=1):
        bare = line.strip()
        if bare not in (BEGIN, END) and _ALMOST.search(line):
            raise LessonkitError(f"{file}:{number}: {bare!r} is not a marker: write '{BEGIN}' or '{END}'")
        if opened is not None and line.startswith("# %%"):
            raise LessonkitError(f"{file}:{opened}: '{BEGIN}' is not closed in its cell: add '{END}'")
        if bare == BEGIN:
            if opened is not None:
                raise LessonkitError(f"{file}:{number}: '{BEGIN}' inside the one in line {opened}: close that first")
            opened, indent = number, line[: len(line) - len(line.lstrip())]
            kept.append(f"{indent}...")
        elif bare == END:
            if opened is None:
                raise LessonkitError(f"{file}:{number}: '{END}' without a '{BEGIN}' above it")
            if line.rstrip() != indent + END:
                raise LessonkitError(f"{file}:{number}: '{END}' must be indented like '{BEGIN}' in line {opened}")
            opened = None
        elif opened is None:
            kept.append(line)
    if opened is not None:
        raise LessonkitError(f"{file}:{opened}: '{BEGIN}' is not closed: add '{END}'")
    return "\n".join(kept) + "\n"
