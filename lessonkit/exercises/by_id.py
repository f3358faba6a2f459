"""Judge an answer by the exercise's id: the function for tools, such as the grader."""

from __future__ import annotations

from typing import Any

from lessonkit.checker.judge import SECONDS, Verdict
from lessonkit.checker.judge import judge as judge_exercise
from lessonkit.lessons.registry import find


def judge(exercise_id: str, answer: Any, *, seed: int = 0, seconds: float = SECONDS) -> Verdict:
    """Judge `answer` within `seconds`; the same answer and seed give the same verdict.

    Raises
    ------
    LessonkitError
        When there is no such exercise. Whatever the answer itself raises is in the verdict.
    """
    return judge_exercise(find(exercise_id), answer, seed=seed, seconds=seconds)
