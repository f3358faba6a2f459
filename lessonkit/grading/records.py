"""What the grader writes: a result for each content, so that an interrupted run resumes, and the two tables."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lessonkit
from lessonkit import __version__
from lessonkit.experiments.report import aligned
from lessonkit.files import write_text
from lessonkit.grading.rows import EXERCISE_STATUSES, NOTEBOOK, NOTEBOOK_STATUSES, Row, cell_text
from lessonkit.lessons.registry import registry

FIELDS = ("submission", "exercise", "status", "message")
Graded = Sequence[tuple[str, Sequence[Row]]]


def checker_version() -> str:
    """The package's version with a digest of its code: a changed checker grades again."""
    package, digest = Path(lessonkit.__file__).parent, hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:16]}"


class Results:
    """One small file for each content that was graded, named by a digest of all that decides its rows."""

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self.settings = json.dumps({**settings, "python": list(sys.version_info[:2])}, sort_keys=True).encode()
        folder.mkdir(exist_ok=True)

    def get(self, digest: str) -> list[Row] | None:
        """The rows of an earlier run, or None."""
        try:
            found = json.loads(self._file(digest).read_text(encoding="utf-8"))
            return [Row(str(row["exercise"]), str(row["status"]), str(row["message"])) for row in found["rows"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None  # there is none, or it was cut off

    def put(self, digest: str, rows: Sequence[Row]) -> None:
        """Save rows, unless the grader itself failed."""
        if not any(row.status == "not graded" for row in rows):
            told = {"rows": [asdict(row) for row in rows]}
            write_text(self._file(digest), json.dumps(told, indent=1, ensure_ascii=False) + "\n")

    def _file(self, digest: str) -> Path:
        return self.folder / f"{hashlib.sha256(self.settings + digest.encode()).hexdigest()[:40]}.json"


def write_tables(folder: Path, graded: Graded, settings: Mapping[str, Any]) -> None:
    """grades.csv and grades.json, each whole or not at all."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(FIELDS)
    for name, rows in graded:
        writer.writerows([cell_text(field) for field in (name, *asdict(row).values())] for row in rows)
    write_text(folder / "grades.csv", text.getvalue())
    content = {
        "settings": dict(settings),
        "statuses": {"exercise": EXERCISE_STATUSES, "notebook": NOTEBOOK_STATUSES},
        "submissions": [{"submission": name, "rows": [asdict(row) for row in rows]} for name, rows in graded],
    }
    write_text(folder / "grades.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def summary(graded: Graded, width: int | None = None) -> str:
    """How often each status occurred, exercise by exercise in the course's order, then for notebooks as a whole."""
    counts: dict[str, Counter[str]] = {}
    for _, rows in graded:
        for row in rows:
            counts.setdefault(row.exercise, Counter())[row.status] += 1
    exercises = [each for each in registry() if each in counts]
    shown = [status for status in EXERCISE_STATUSES if any(counts[each][status] for each in exercises)]
    table = [[each, *(str(counts[each][status] or "") for status in shown)] for each in exercises]
    lines = [aligned(["exercise", *shown], table, width)] if exercises else []
    odd = counts.get(NOTEBOOK, Counter())
    lines += [f"{status}: {odd[status]} of {len(graded)}" for status in NOTEBOOK_STATUSES if odd[status]]
    return "\n".join(lines)
