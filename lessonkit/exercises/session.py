"""What the reader of a notebook calls: check, hint, solution, progress. None of them ever raises."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from lessonkit.errors import LessonkitError
from lessonkit.exercises.exercise import Exercise
from lessonkit.exercises.judging import Verdict, judge
from lessonkit.exercises.registry import find, registry

YOURS, COURSE = "your code", "the course's code"

_verdicts: dict[str, Verdict] = {}  # what was checked since the kernel started
_hints_given: dict[str, int] = {}


def check(exercise_id: str, answer: Any) -> Callable[..., Any]:
    """Judge `answer`, say what was found, and return a function that works: `answer` if it is right, else the course's.

    So ``flip = check("annealing.flip_neighbour", flip)`` lets the cells below run whatever was written.
    """
    try:
        exercise = find(exercise_id)
    except LessonkitError as error:
        print(error)
        return answer  # type: ignore[no-any-return]
    try:
        verdict = judge(exercise_id, answer)
    except BaseException as error:  # the promise to the notebook: whatever happens, the cells below run
        verdict = Verdict("error", f"the checker itself failed ({type(error).__name__}: {error}).")
    _verdicts[exercise_id] = verdict
    if verdict.status == "right":
        print(_wrapped(f"{exercise_id}: right. {verdict.message}"))
        print(f"The cells below use {YOURS}.")
        return answer  # type: ignore[no-any-return]
    said = {"not attempted": "not attempted yet", "error": "an error", "wrong": "not right yet"}[verdict.status]
    print(_wrapped(f"{exercise_id}: {said}: {verdict.message}"))
    print(f'Stuck? hint("{exercise_id}") helps. Until it is right, the cells below use {COURSE}.')
    return exercise.reference


def whose(exercise_id: str) -> str:
    """Whose code the cells below a check run: "your code" or "the course's code", for a caption."""
    verdict = _verdicts.get(exercise_id)
    return YOURS if verdict is not None and verdict.status == "right" else COURSE


def hint(exercise_id: str, n: int | None = None) -> None:
    """Print hint number `n`, from 1; without a number the next one."""
    try:
        exercise = find(exercise_id)
    except LessonkitError as error:
        print(error)
        return
    count = len(exercise.hints)
    step = min(_hints_given.get(exercise_id, 0) + 1, count) if n is None else n
    if not isinstance(step, int) or not 1 <= step <= count:
        print(f"{exercise_id} has hints 1 to {count}.")
        return
    _hints_given[exercise_id] = max(step, _hints_given.get(exercise_id, 0))
    print(_wrapped(f"Hint {step} of {count}: {exercise.hints[step - 1]}"))
    if step == count:
        print(f'That was the last one; solution("{exercise_id}") shows how the course does it.')


def solution(exercise_id: str) -> None:
    """Print the course's own code."""
    try:
        exercise = find(exercise_id)
    except LessonkitError as error:
        print(error)
        return
    print(f"# {exercise_id}, from {exercise.reference.__module__}")
    print(source_of(exercise))


def source_of(exercise: Exercise) -> str:
    """The text of the reference."""
    return textwrap.dedent(inspect.getsource(exercise.reference)).rstrip()


def progress() -> None:
    """Print what was checked since the kernel started, lesson by lesson."""
    for lesson in dict.fromkeys(exercise.lesson for exercise in registry().values()):
        mine = [exercise for exercise in registry().values() if exercise.lesson == lesson]
        right = sum(_status(exercise) == "right" for exercise in mine)
        print(f"{lesson}: {right} of {len(mine)} right")
        if any(exercise.id in _verdicts for exercise in mine):
            for exercise in mine:
                print(f"  {_status(exercise):14} {exercise.name} ({exercise.minutes} minutes): {exercise.title}")


def _status(exercise: Exercise) -> str:
    verdict = _verdicts.get(exercise.id)
    return verdict.status if verdict else "not checked"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 110, break_long_words=False, break_on_hyphens=False)
