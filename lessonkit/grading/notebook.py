"""Read a handed-in notebook: its code cells, and which exercises it should hold."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lessonkit.grading.cells import Cell
from lessonkit.lessons.registry import registry

LARGEST = 20_000_000  # bytes; the course's own have less than one million
MOST_CELLS = 2_000
MOST_TEXT = 600_000  # characters in all cells together; the course's own have 30,000


class UnreadableError(Exception):
    """The file is not a notebook; the text completes the sentence "The file ..."."""


@dataclass(frozen=True)
class Notebook:
    """The code cells, and all text in which the course's ids may occur."""

    cells: tuple[Cell, ...]
    text: str


def read(content: bytes, course: Set[str] = frozenset()) -> Notebook:
    """The notebook in a file's bytes.

    Parameters
    ----------
    course : sources of the course's own cells, in the form that `stripped` gives.

    Raises
    ------
    UnreadableError
        When the bytes are not a notebook.
    """
    try:
        found = json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UnreadableError("is not text") from None
    except (ValueError, RecursionError) as error:
        what = "is empty" if not content.strip() else f"is not JSON, or is cut off: {error}"
        raise UnreadableError(what) from None
    if not isinstance(found, dict):
        raise UnreadableError("is JSON, but not a notebook")
    raw = found.get("cells")
    if raw is None and isinstance(found.get("worksheets"), list):  # notebooks of version 3
        raw = [cell for sheet in found["worksheets"] if isinstance(sheet, dict) for cell in sheet.get("cells", [])]
    if not isinstance(raw, list):
        raise UnreadableError("is JSON, but holds no cells")
    if len(raw) > MOST_CELLS:
        raise UnreadableError(f"has {len(raw):,} cells")
    cells, texts = [], []
    for number, cell in enumerate(raw, start=1):
        if not isinstance(cell, dict):
            raise UnreadableError(f"has a cell {number} that is not a cell")
        source = _source(cell.get("source", cell.get("input", "")), number)
        texts.append(source)
        if cell.get("cell_type") == "code":
            cells.append(Cell(number, source, _is_setup(cell) or stripped(source) in course))
    text = "\n".join(texts)
    if len(text) > MOST_TEXT:
        raise UnreadableError(f"has {len(text):,} characters in its cells; the limit is {MOST_TEXT:,}")
    return Notebook(tuple(cells), text)


def stripped(source: str) -> str:
    """A cell's text without what editors change by themselves."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def course_cells(root: Path | None) -> frozenset[str]:
    """The code cells of the course's notebooks and solutions below `root`; none without it."""
    sources = set[str]()
    for path in [*root.glob("notebooks/*.ipynb"), *root.glob("solutions/*.ipynb")] if root else []:
        try:
            sources.update(stripped(cell.source) for cell in read(path.read_bytes()).cells)
        except (OSError, UnreadableError):
            continue
    return frozenset(sources)


def exercises_of(notebook: Notebook) -> list[str]:
    """The ids that the notebook should answer: those of its lesson, and others that it checks; empty if it has none.

    The lesson is the one with most checks; without any, with most functions; without those, with most mentions.
    """
    code = "\n".join(cell.source for cell in notebook.cells)
    checked = {each for each in registry() if re.search(rf"check\(\s*[\"']{re.escape(each)}[\"']", code)}
    defined = {each for each, exercise in registry().items() if defines(code, exercise.name)}
    mentioned = {each for each in registry() if re.search(rf"[\"']{re.escape(each)}[\"']", notebook.text)}
    for ids in (checked, defined, mentioned):
        if ids:
            lesson = max(_lessons(), key=lambda name: sum(registry()[each].lesson == name for each in ids))
            break
    else:
        return []
    return [each for each, exercise in registry().items() if exercise.lesson == lesson or each in checked]


def defines(source: str, name: str) -> bool:
    """Whether a text seems to give this name a value: by def, by assignment, by import."""
    pattern = rf"^[ \t]*(?:async\s+)?def\s+{name}\b|^[ \t]*{name}\s*(?::[^=\n]+)?=(?!=)(?!\s*check\()"
    return re.search(pattern, source, re.MULTILINE) is not None


@functools.cache
def _lessons() -> tuple[str, ...]:
    return tuple(dict.fromkeys(exercise.lesson for exercise in registry().values()))


def _source(source: Any, number: int) -> str:
    if isinstance(source, list) and all(isinstance(line, str) for line in source):
        source = "".join(source)
    if not isinstance(source, str):
        raise UnreadableError(f"has a cell {number} without text")
    return source.encode("utf-8", "replace").decode()


def _is_setup(cell: dict[str, Any]) -> bool:
    metadata = cell.get("metadata")
    tags = metadata.get("tags") if isinstance(metadata, dict) else None
    return isinstance(tags, list) and "setup" in tags
