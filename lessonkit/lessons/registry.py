"""All exercises, by id, in the order of the course."""

from __future__ import annotations

import difflib
import functools
import importlib

from lessonkit.checker.exercise import Exercise
from lessonkit.errors import LessonkitError

LESSONS = ("baseline", "cost", "annealing", "genetic", "comparison", "frontier")


@functools.cache
def registry() -> dict[str, Exercise]:
    """All exercises by id, in the order of the course; each lesson's file lists its own in EXERCISES."""
    lists = [importlib.import_module(f"lessonkit.lessons.{lesson}.exercises").EXERCISES for lesson in LESSONS]
    exercises = [exercise for each in lists for exercise in each]
    table = {exercise.id: exercise for exercise in exercises}
    if len(table) != len(exercises):
        raise LessonkitError("two exercises have the same id: give each its own")
    return table


def find(exercise_id: object) -> Exercise:
    """The exercise with this id.

    Raises
    ------
    LessonkitError
        When there is none; the message suggests the most similar id.
    """
    if isinstance(exercise_id, str) and exercise_id in registry():
        return registry()[exercise_id]
    near = difflib.get_close_matches(str(exercise_id), registry(), n=1, cutoff=0.3)
    raise LessonkitError(f"no exercise is called {exercise_id!r}" + (f": do you mean {near[0]!r}?" if near else ""))
