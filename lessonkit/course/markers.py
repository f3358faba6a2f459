"""From the text of a solution to the text that the student gets: nbgrader's markers give way to ``...``."""

from __future__ import annotations

import re

from lessonkit.errors import LessonkitError

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
# Whatever looks like a marker and is none would leave a solution in the student's notebook.
_ALMOST = re.compile(r"#.*\b(begin|end)[\s_-]*solution\b", re.IGNORECASE)


def blank_solutions(text: str, file: str) -> str:
    """The text with every marked solution replaced by ``...``, indented as its opening marker is.

    Parameters
    ----------
    text : a jupytext percent script
    file : its name, for the message

    Raises
    ------
    LessonkitError
        At a marker that is unclosed, nested, stray, indented unlike its partner or misspelt; with file and line.
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
                raise LessonkitError(f"{file}:{number}: '{BEGIN}' within the one of line {opened}: close that first")
            opened, indent = number, line[: len(line) - len(line.lstrip())]
            kept.append(f"{indent}...")
        elif bare == END:
            if opened is None:
                raise LessonkitError(f"{file}:{number}: '{END}' without a '{BEGIN}' above it")
            if line.rstrip() != indent + END:
                raise LessonkitError(f"{file}:{number}: '{END}' must be indented as '{BEGIN}' in line {opened}")
            opened = None
        elif opened is None:
            kept.append(line)
    if opened is not None:
        raise LessonkitError(f"{file}:{opened}: '{BEGIN}' is not closed: add '{END}'")
    return "\n".join(kept) + "\n"
