"""The functions for the reader of a notebook: check, hint, solution, progress. None of them ever raises."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

from lessonkit.checker.exercise import Exercise
from lessonkit.checker.judge import Verdict, judge
from lessonkit.errors import LessonkitError
from lessonkit.exercises.cells import Undefined
from lessonkit.exercises.course_code import course_functions, is_course_code, source_of
from lessonkit.exercises.shown import STYLES, WIDTH, Box
from lessonkit.lessons.registry import find, registry

YOURS, COURSE = "your code", "the course's code"
NOT_YOURS = "Run the cell with your function first, then this one: the course's code does not count as an answer."

_verdicts: dict[str, Verdict] = {}  # on the student's own code since the kernel started, never on the course's
_right: dict[str, Callable[..., Any]] = {}  # the student's functions that were right when they were last checked
_shown: set[str] = set()  # the exercises whose solution was printed
_hints_given: dict[str, int] = {}


def check(exercise_id: str, answer: Any) -> Callable[..., Any]:
    """Judge `answer`, show the verdict, and return a function that works: `answer` if it is right, else the course's.

    So after ``flip = check("annealing.flip_neighbour", flip)`` the cells below run, whatever was written. If the check
    is run again, it recognises the course's function.
    """
    try:
        exercise = find(exercise_id)
    except LessonkitError as error:
        print(error)
        return answer  # type: ignore[no-any-return]
    try:
        verdict = examine(exercise, answer)
    except BaseException as error:  # whatever happens, the cells below must run
        verdict = Verdict("error", f"The checker itself failed ({type(error).__name__}: {error}).")
    if verdict.status != COURSE:
        _verdicts[exercise_id] = verdict
        _right.pop(exercise_id, None)
        if verdict.status == "right":
            _right[exercise_id] = answer
    _box(exercise, verdict).show()
    return _right.get(exercise_id, exercise.reference)


def examine(exercise: Exercise, answer: Any) -> Verdict:
    """The verdict on `answer`; one on the course's code, or after a failed cell, is made without calling it."""
    if isinstance(answer, Undefined):
        return Verdict("error", answer.message)
    if is_course_code(exercise, answer, exercise.id in _shown):
        return Verdict(COURSE, NOT_YOURS)
    verdict = judge(exercise, answer)
    if verdict.status == "right" and calls_the_course(exercise, answer):
        return Verdict(COURSE, f"This function only calls the course's. {NOT_YOURS}")
    return verdict


def calls_the_course(exercise: Exercise, answer: Any) -> bool:
    """Whether an answer calls a function of the package that is itself right for this exercise."""
    return any(judge(exercise, function).status == "right" for function in course_functions(answer))


def _box(exercise: Exercise, verdict: Verdict) -> Box:
    right = exercise.id in _right
    notes = [f"The cells below use {YOURS if right else COURSE}."]
    if verdict.status == COURSE:
        earlier = _verdicts.get(exercise.id)
        if earlier is not None:
            notes.insert(0, f"Your last answer was: {STYLES[earlier.status].words}.")
    elif not right:
        notes = [f'Stuck? `hint("{exercise.id}")` helps.', f"Until it is right, the cells below use {COURSE}."]
    pairs = (("Expected", verdict.expected), ("Yours", verdict.given))
    return Box(
        exercise.id,
        verdict.status,
        verdict.explanation or verdict.message,
        verdict.call,
        [(name, value) for name, value in pairs if value],
        notes,
    )


def whose(exercise_id: str) -> str:
    """Whose code the cells below a check use, for a caption: "your code" or "the course's code"."""
    verdict = _verdicts.get(exercise_id)
    return YOURS if verdict is not None and verdict.status == "right" else COURSE


def hint(exercise_id: str, n: int | None = None) -> None:
    """Print hint number `n`, counted from 1; without a number, print the next one."""
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
        print(f'That was the last one; `solution("{exercise_id}")` shows how the course does it.')


def solution(exercise_id: str) -> None:
    """Print the course's own code, ready to be pasted; `check` recognises it."""
    try:
        exercise = find(exercise_id)
    except LessonkitError as error:
        print(error)
        return
    _shown.add(exercise_id)
    print(source_of(exercise))


def progress() -> None:
    """Print the results of all checks since the kernel started, lesson by lesson."""
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
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
