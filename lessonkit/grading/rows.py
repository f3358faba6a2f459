"""What a submission gets: rows of exercise, status and message, in a fixed vocabulary, safe in a spreadsheet."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

COURSE = "the course's code"
# Of an exercise. The first five are the checker's own.
EXERCISE_STATUSES = {
    "right": "the function does what the exercise asks",
    "wrong": "it returns something else",
    "error": "it raises an exception, is no function, or the cell that defines it fails",
    "not attempted": "the blank is still there",
    COURSE: "the course's own function was handed in: imported, copied, or returned by the check",
    "timeout": "it did not end in time, or the notebook's time was used up before its turn",
    "crashed": "it ended its process, or the process was ended at this exercise",
    "missing": "neither the function nor its check is in the notebook: cells were deleted",
}
# Of a notebook as a whole, worst first; it has such a row only when there is something to report.
NOTEBOOK_STATUSES = {
    "not graded": "the grader itself failed; run it again",
    "no notebook": "a folder without a notebook",
    "not a notebook": "the file cannot be read as one",
    "too large": "the file is larger than any notebook of the course",
    "unknown lesson": "it holds no exercise of the course",
    "crashed": "a cell ended the process",
    "out of memory": "it asked for more memory than is allowed",
    "disk full": "it wrote more than is allowed",
    "processes": "it started other processes",
    "timeout": "a cell did not end in time",
    "network": "it tried to reach the network",
    "files": "it tried to change files outside its scratch folder",
    "tampering": "it changed the checker, or printed what only the checker prints",
    "too much output": "it printed more than is kept",
    "cell failed": "a cell ended in an error",
}
NOTEBOOK = "notebook"  # the exercise of a row that is about the notebook as a whole
LONGEST_MESSAGE = 600
_FORMULAS = {*"=+-@|%", *"＝＋－＠"}  # a formula begins with one of these


@dataclass(frozen=True)
class Row:
    """One line of the result, without the submission's name."""

    exercise: str
    status: str
    message: str


def notebook_row(notes: dict[str, list[str]]) -> Row | None:
    """Everything to report about the notebook, under the worst of its statuses."""
    worst = next((status for status in NOTEBOOK_STATUSES if notes.get(status)), None)
    if worst is None:
        return None
    told = [text for status in NOTEBOOK_STATUSES for text in notes.get(status, [])]
    return Row(NOTEBOOK, worst, one_line("; ".join(dict.fromkeys(told))))


def one_line(text: str, longest: int = LONGEST_MESSAGE) -> str:
    """Text for one field: no line breaks, no control characters or lone surrogates, not too long."""
    kept = "".join(
        " " if letter.isspace() else letter
        for letter in text[: 4 * longest].encode("utf-8", "backslashreplace").decode()
        if letter.isspace() or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co")
    )
    kept = " ".join(kept.split())
    return kept if len(kept) <= longest else kept[: longest - 3] + "..."


def cell_text(text: str) -> str:
    """A field of a csv that a spreadsheet takes for text and never for a formula."""
    return "'" + text if text.lstrip()[:1] in _FORMULAS else text
