"""The teacher's guide says what the lessons and the registry say, and a drift is found."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest

from lessonkit.course import build, guide
from lessonkit.course.leaks import CHECK
from lessonkit.errors import LessonkitError
from lessonkit.exercises import find, registry

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "solutions" / "README.md"
LESSONS = build.lessons(ROOT) if GUIDE.is_file() else []

pytestmark = pytest.mark.skipif(not GUIDE.is_file(), reason="not a checkout")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)
def test_a_lesson_states_the_minutes_of_its_exercises(lesson):
    source = lesson.file("solutions", ".py")
    stated = guide.timing(source)
    names = [name for _, name, _ in CHECK.findall(source.read_text(encoding="utf-8"))]
    assert stated.exercises == tuple(find(name).minutes for name in names)
    assert stated.number == int(lesson.stem[:2])
    assert abs(stated.reading + sum(stated.exercises) - stated.total) <= 5


def test_the_plans_hold_every_minute_and_the_list_every_mistake():
    text = GUIDE.read_text(encoding="utf-8")
    timings = [guide.timing(lesson.file("solutions", ".py")) for lesson in LESSONS]
    total = sum(each.total for each in timings)
    weeks = guide._weeks(timings).splitlines()[2:]
    assert sum(int(row.split("|")[-2]) for row in weeks) == total
    rows = [row.split("|")[1:3] for row in guide._day(timings).splitlines()[2:]]
    clock = [
        [sum(60 ** (1 - place) * int(part) for place, part in enumerate(each.split(":"))) for each in row]
        for row in rows
    ]
    assert [end for _, end in clock[:-1]] == [start for start, _ in clock[1:]]
    assert clock[-1][1] - clock[0][0] == total + guide.LUNCH + (len(timings) - 2) * guide.PAUSE
    for exercise in registry().values():
        for misconception in exercise.misconceptions:
            assert f"*{misconception.name}*: {misconception.message}" in text


@pytest.fixture
def copied(tmp_path):
    """The sources and the guide; and what is wrong with the guide."""
    (tmp_path / "solutions").mkdir()
    for lesson in LESSONS:
        shutil.copy(lesson.file("solutions", ".py"), tmp_path / "solutions")
    shutil.copy(GUIDE, tmp_path / "solutions")
    return tmp_path


def drifted(root: Path) -> list[str]:
    return [path.name for path, text in build.guide(root).items() if path.read_text(encoding="utf-8") != text]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_drift_of_minutes_or_messages_is_found(copied, monkeypatch):
    assert drifted(copied) == []
    edit(copied / "solutions" / "02_cost_function.py", "about 65 in all", "about 70 in all")
    assert drifted(copied) == ["README.md"]
    assert any("README.md: differs from the lessons" in finding for finding in build.check(copied))
    edit(copied / "solutions" / "02_cost_function.py", "about 70 in all", "about 65 in all")
    exercise = find("cost.global_sparsity")
    other = dataclasses.replace(exercise.misconceptions[0], message="Another text.")
    changed = dataclasses.replace(exercise, misconceptions=(other, *exercise.misconceptions[1:]))
    monkeypatch.setattr(guide, "registry", lambda: registry() | {exercise.id: changed})
    assert drifted(copied) == ["README.md"]


def test_a_course_without_a_guide_needs_none(copied):
    (copied / "solutions" / "README.md").unlink()
    assert build.guide(copied) == {}


def test_what_cannot_be_read_is_said_in_one_line(copied):
    edit(copied / "solutions" / "README.md", "<!-- end of day -->", "")
    with pytest.raises(LessonkitError, match=r"README.md: no place for day: write <!-- day"):
        build.guide(copied)
    edit(copied / "solutions" / "01_lenet_baseline.py", "**Minutes.**", "**Time.**")
    with pytest.raises(
        LessonkitError, match=r"01_lenet_baseline.py: its title or its minutes are missing: write the lines"
    ):
        build.guide(copied)
