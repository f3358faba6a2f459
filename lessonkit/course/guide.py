"""The generated parts of the teacher's guide: the lessons' minutes, and the exercises' hints and misconceptions.

They are in ``solutions/README.md``, each between a pair of comments; the build writes them, and its check finds parts
that are out of date.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lessonkit.errors import LessonkitError
from lessonkit.exercises import LESSONS, registry

WEEKS = 3
DAY_STARTS, PAUSE, LUNCH = 9 * 60, 10, 60  # minutes; a pause after each lesson, lunch after half of them

_TITLE = re.compile(r"^# # (\d\d) (.+)$", re.MULTILINE)
_MINUTES = re.compile(
    r"^# \*\*Minutes\.\*\* Reading (\d+); exercises ([\d +]+)(?: = \d+)?; about (\d+) in all\.$", re.M
)


@dataclass(frozen=True)
class Timing:
    """What a lesson says about itself: number, title, and minutes for reading, for each exercise, and in total."""

    number: int
    title: str
    reading: int
    exercises: tuple[int, ...]
    total: int


def timing(source: Path) -> Timing:
    """Read a lesson's title and minutes.

    Raises
    ------
    LessonkitError
        When one of them is missing; the message shows the lines to write.
    """
    text = source.read_text(encoding="utf-8")
    title, minutes = _TITLE.search(text), _MINUTES.search(text)
    if title is None or minutes is None:
        form = "'# # 01 Title' and '# **Minutes.** Reading 25; exercises 8 + 10; about 45 in all.'"
        raise LessonkitError(f"solutions/{source.name}: its title or its minutes are missing: write the lines {form}")
    reading, each, total = minutes.groups()
    exercises = tuple(int(number) for number in each.split("+"))
    return Timing(int(title[1]), title[2].strip(), int(reading), exercises, int(total))


def filled(text: str, sources: Sequence[Path]) -> str:
    """The text of the guide, with the parts generated from these lessons and the registry.

    Raises
    ------
    LessonkitError
        When the comments around a part are missing.
    """
    timings = [timing(source) for source in sources]
    for name, part in PARTS.items():
        begin, end = f"<!-- {name}: the build writes this -->\n", f"<!-- end of {name} -->"
        before, found, rest = text.partition(begin)
        _, closed, after = rest.partition(end)
        if not (found and closed):
            raise LessonkitError(f"solutions/README.md: no place for {name}: write {begin.strip()} and {end}")
        text = f"{before}{begin}\n{part(timings)}\n\n{end}{after}"
    return text


def _minutes(timings: Sequence[Timing]) -> str:
    rows = [["lesson", "reading", "exercises", "in all"], ["---"] * 4]
    rows += [[f"{t.number} {t.title}", str(t.reading), str(sum(t.exercises)), str(t.total)] for t in timings]
    sums = (sum(t.reading for t in timings), sum(sum(t.exercises) for t in timings), sum(t.total for t in timings))
    return _table([*rows, ["all", *map(str, sums)]])


def _weeks(timings: Sequence[Timing]) -> str:
    size = math.ceil(len(timings) / WEEKS)
    rows = [["week", "lessons", "minutes"], ["---"] * 3]
    for week in range(WEEKS):
        chosen = timings[week * size : (week + 1) * size]
        lessons = "; ".join(f"{t.number} {t.title} ({t.total})" for t in chosen)
        rows.append([str(week + 1), lessons, str(sum(t.total for t in chosen))])
    return _table(rows)


def _day(timings: Sequence[Timing]) -> str:
    clock, rows = DAY_STARTS, [["from", "to", "what"], ["---"] * 3]
    for place, each in enumerate(timings, start=1):
        what = [(f"{each.number} {each.title}", each.total)]
        if place < len(timings):
            what.append(("lunch", LUNCH) if place == len(timings) // 2 else ("pause", PAUSE))
        for name, minutes in what:
            rows.append([_hour(clock), _hour(clock + minutes), name])
            clock += minutes
    return _table(rows)


def _hour(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02}"


def _table(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _mistakes(timings: Sequence[Timing]) -> str:
    lines = []
    for number, lesson in enumerate(LESSONS, start=1):
        lines.append(f"### Lesson {number}")
        for exercise in registry().values():
            if exercise.lesson == lesson:
                lines.append(f"`{exercise.id}`, {exercise.minutes} minutes: {exercise.title}")
                lines.append("\n".join(f"- *{each.name}*: {each.message}" for each in exercise.misconceptions))
    return "\n\n".join(lines)


PARTS: dict[str, Callable[[Sequence[Timing]], str]] = {
    "minutes": _minutes,
    "weeks": _weeks,
    "day": _day,
    "mistakes": _mistakes,
}
