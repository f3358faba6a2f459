"""Judge an answer by what it does. Never by its text, and never so that the caller could break."""

from __future__ import annotations

import dis
import inspect
import traceback
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lessonkit.exercises.calling import Outcome, ask, code_of, own_line, watched
from lessonkit.exercises.exercise import (
    Examples,
    Exercise,
    Failed,
    Misconception,
    NotAttempted,
    Raised,
    Trial,
    generator_for,
)
from lessonkit.exercises.registry import find
from lessonkit.exercises.results import Unreadable, difference

SECONDS = 8.0  # for all calls of one check together; a right answer takes well under one

BLANK = "the function still returns nothing. If you have written something: is there a `return`?"


@dataclass(frozen=True)
class Verdict:
    """What the checker found: "not attempted", "error", "wrong" or "right", and a text for the student."""

    status: str
    message: str


def judge(exercise_id: str, answer: Any, *, seed: int = 0, seconds: float = SECONDS) -> Verdict:
    """Judge `answer`; the same answer and seed give the same verdict.

    Raises
    ------
    LessonkitError
        When there is no such exercise. Nothing that the answer does raises.
    """
    exercise = find(exercise_id)
    if answer is None or answer is Ellipsis:
        return Verdict("not attempted", BLANK)
    if not callable(answer):
        return Verdict("error", _not_a_function(exercise, answer))
    if exercise.prepare is not None:
        exercise.prepare()
    found: list[Verdict] = []
    trials: list[Trial] = []
    outcome = watched(lambda: _judge(exercise, answer, seed, found, trials), seconds, answer)
    if outcome.stopped_at is not None and not found:
        call = exercise.call_text(trials[-1].last) if trials else exercise.name
        where = f"; it was at {outcome.stopped_at}" if outcome.stopped_at else ""
        reason = "was interrupted" if outcome.interrupted else f"did not end: {seconds:g} seconds are the limit"
        verdict = Verdict("error", f"{call} {reason}{where}. Is there a loop that never ends?")
    elif outcome.error is not None and not found:
        verdict = Verdict("error", f"the checker could not judge this answer ({_error_text(outcome.error)}).")
    else:
        verdict = found[-1]
    if outcome.printed:
        lines = "1 line" if outcome.printed == 1 else f"{outcome.printed:,} lines"
        lines = "without end" if outcome.stopped_at is not None else lines  # a number would differ each time
        verdict = Verdict(verdict.status, f"{verdict.message} (Your function printed {lines}; they are held back.)")
    return verdict


def _judge(
    exercise: Exercise, answer: Callable[..., Any], seed: int, found: list[Verdict], trials: list[Trial]
) -> None:
    """Put the verdict into `found` as soon as there is one, a better one behind it: the time may run out any moment."""
    if not _accepts(exercise, answer):
        text = f"{exercise.name} should take {exercise.signature}, yours takes {_signature(answer)}."
        found.append(Verdict("error", text))
        return
    by_example = False
    verdict = Verdict("right", exercise.why)
    for place, property_ in enumerate(exercise.properties):
        trial = Trial(exercise, answer, (seed, place), calls=1 if trials else 0)
        trials.append(trial)
        by_example = isinstance(property_, Examples)
        try:
            _hold(property_, trial, (seed, place))
        except NotAttempted:
            verdict = Verdict("not attempted", BLANK)
        except Raised as raised:
            line = own_line(answer, traceback.walk_tb(raised.error.__traceback__))
            where = f", in {line}" if line else ""
            verdict = Verdict("error", f"{raised.call} raised {_error_text(raised.error)}{where}.")
        except Failed as failed:
            verdict = Verdict("wrong", f"{property_.about}. But {failed}.")
        if verdict.status != "right":
            break
    if verdict.status in ("error", "wrong"):
        if _is_stub(exercise, answer):
            found.append(Verdict("not attempted", BLANK))
            return
        found.append(verdict)
        for misconception in exercise.misconceptions:
            if _has(misconception, exercise, answer, seed, by_example):
                verdict = Verdict("wrong", misconception.message)
                break
    found.append(verdict)


def _hold(property_: Any, trial: Trial, seed: tuple[int, ...]) -> None:
    if not isinstance(property_, Examples):
        property_.test(trial)
        return
    exercise = trial.exercise
    for arguments, again in _twice(exercise, property_, seed):
        value = trial.result(*arguments)
        expected = exercise.read(exercise.reference(*again))
        if text := difference(expected, value):
            trial.fail(text)


def _twice(exercise: Exercise, examples: Examples, seed: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    """The same arguments two times over, because an argument may be a function with a memory."""
    one, other = (examples.arguments(generator_for(exercise, seed)) for _ in range(2))
    yield from zip(one, other, strict=True)


def _has(misconception: Misconception, exercise: Exercise, answer: Any, seed: int, by_example: bool) -> bool:
    try:
        if misconception.sign is not None:
            return bool(misconception.sign(Trial(exercise, answer, (seed, 1000), calls=1)))
        codes = (misconception.code, *misconception.variants)
        return by_example and any(_agree(exercise, answer, code, seed) for code in codes)
    except Exception:  # an answer that fails while a sign is looked for does not show it
        return False


def _agree(exercise: Exercise, answer: Any, code: Callable[..., Any], seed: int) -> bool:
    for place, property_ in enumerate(exercise.properties):
        if isinstance(property_, Examples):
            for arguments, again in _twice(exercise, property_, (seed, place)):
                if not _alike(exercise, ask(answer, arguments), ask(code, again)):
                    return False
    return True


def _alike(exercise: Exercise, one: Outcome, other: Outcome) -> bool:
    if one.error is not None or other.error is not None:
        return type(one.error) is type(other.error)
    if one.changed != other.changed:
        return False
    try:
        return not difference(exercise.read(one.value), exercise.read(other.value))
    except Unreadable:
        return type(one.value) is type(other.value) and not difference(one.value, other.value)


def _accepts(exercise: Exercise, answer: Callable[..., Any]) -> bool:
    try:
        signature = inspect.signature(answer)
    except (TypeError, ValueError):  # some functions written in C do not tell
        return True
    try:
        for count in {exercise.required, len(exercise.parameters)}:
            signature.bind(*range(count))
    except TypeError:
        return False
    return True


def _signature(answer: Callable[..., Any]) -> str:
    return str(inspect.signature(answer))[:100]


def _is_stub(exercise: Exercise, answer: Any) -> bool:
    """Whether the body does, instruction for instruction, what the stub's body does: code may stand around a blank."""
    code = code_of(answer)
    module = compile(exercise.stub, "<stub>", "exec")
    stub = next((item for item in module.co_consts if isinstance(item, types.CodeType)), None)
    return code is not None and stub is not None and _body(code) == _body(stub)


def _body(code: types.CodeType) -> list[tuple[str, Any]]:
    return [(step.opname, step.argrepr) for step in dis.get_instructions(code)]


def _not_a_function(exercise: Exercise, answer: Any) -> str:
    kind = type(answer).__name__
    return f'check needs the function itself, not a {kind}: write check("{exercise.id}", {exercise.name}), no brackets.'


def _error_text(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    text = text if len(text) <= 200 else text[:197] + "..."
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
