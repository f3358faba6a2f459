"""Judge an answer by what it does, never by its text. Nothing that an answer does can break the caller."""

from __future__ import annotations

import dis
import inspect
import random
import re
import time
import traceback
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lessonkit.checker.answers import Unreadable, difference
from lessonkit.checker.exercise import (
    Examples,
    Exercise,
    Failed,
    Misconception,
    NotAttempted,
    Pace,
    Raised,
    Trial,
    calling_style,
    generator_for,
)
from lessonkit.checker.guarded_call import Outcome, Watched, ask, code_of, draws_of, makes_generator, own_line, watched
from lessonkit.checker.memory import MEMORY

SECONDS = 8.0  # for all calls of one check together; a right answer takes far less than 1
SLOW_CALLS = 3  # an answer that has returned this often is slow rather than endless

FOREIGN = "The random numbers do not come from `rng`, so nobody can repeat the run."
UNREPEATED = (
    "returns different results in two calls with the same arguments and with `rng` in the same state, so nobody can "
    "repeat the run: either some random numbers do not come from `rng`, or something is kept from an earlier call"
)
PRINTED = (
    "The function prints something but returns nothing, and the cells below cannot use what is only printed. End it "
    "with `return` and the result."
)
BLANK = "The function still returns nothing. If you have written something: is there a `return`?"


@dataclass(frozen=True)
class Verdict:
    """What the checker found, with a text for the student.

    Parameters
    ----------
    status : "not attempted", "error", "wrong" or "right".
    message : the whole text, in one line.
    call, expected, given : for a wrong answer, the failing call, the right value and the returned one, if known.
    explanation : the message without them.
    """

    status: str
    message: str
    call: str = ""
    expected: str = ""
    given: str = ""
    explanation: str = ""


def judge(exercise: Exercise, answer: Any, *, seed: int = 0, seconds: float = SECONDS) -> Verdict:
    """Judge `answer` within `seconds`; the same answer and seed give the same verdict.

    It raises nothing, whatever the answer does.
    """
    if answer is None or answer is Ellipsis:
        return Verdict("not attempted", BLANK)
    if not callable(answer):
        return Verdict("error", _not_a_function(exercise, answer))
    if exercise.prepare is not None:
        exercise.prepare()
    found: list[Verdict] = []
    trials: list[Trial] = []
    pace = Pace(min(seconds, SECONDS))  # the grader's `seconds` are more, because its calls go to another process
    outcome = watched(lambda: _judge(exercise, answer, seed, found, trials, pace), seconds, answer, pace.late)
    if outcome.stopped_at is not None and not found:
        verdict = Verdict("error", _out_of_time(exercise, outcome, trials, pace))
    elif outcome.error is not None and not found:
        verdict = Verdict("error", f"The checker could not judge this answer ({_error_text(outcome.error)}).")
    else:
        verdict = found[-1]
    if outcome.printed:
        lines = "1 line" if outcome.printed == 1 else f"{outcome.printed:,} lines"
        lines = "without end" if outcome.stopped_at is not None else lines  # a number would differ each time
        if verdict.status == "not attempted":
            verdict = replace(verdict, message=PRINTED)
        said = f" (Your function printed {lines}; they are held back.)"
        explanation = verdict.explanation and verdict.explanation + said
        verdict = replace(verdict, message=verdict.message + said, explanation=explanation)
    return verdict


def _out_of_time(exercise: Exercise, outcome: Watched, trials: list[Trial], pace: Pace) -> str:
    """The message when time is up or the user interrupts: is one call endless, or are all calls slow?"""
    call = exercise.call_text(trials[-1].last) if trials else exercise.name
    where = f"; it was at {outcome.stopped_at}" if outcome.stopped_at else ""
    if outcome.interrupted:
        return f"{call} was interrupted{where}. Is there a loop that never ends?"
    own = 0.0 if pace.began is None else time.perf_counter() - pace.began[0]
    if pace.calls >= SLOW_CALLS and own < pace.seconds / 2:
        each = pace.spent / (pace.calls - 1)
        return (
            f"{exercise.name} is too slow to be judged: {pace.calls} calls were done in {_seconds(outcome.seconds)}, "
            f"{each:.2g} seconds each{where}. Is there a loop that numpy could replace by work on a whole array?"
        )
    return (
        f"{call} did not end: it was stopped after {_seconds(outcome.seconds)} of checking{where}. "
        "Is there a loop that never ends?"
    )


def _seconds(passed: float) -> str:
    return "1 second" if passed < 1.5 else f"{passed:.0f} seconds"


def _judge(
    exercise: Exercise, answer: Callable[..., Any], seed: int, found: list[Verdict], trials: list[Trial], pace: Pace
) -> None:
    """Append a verdict to `found` as soon as there is one, and later a better one: time may run out at any moment."""
    try:
        calling_style(exercise, answer)
    except TypeError:
        text = f"{exercise.name} should take {exercise.signature}, yours takes {_signature(answer)}."
        found.append(Verdict("error", text))
        return
    by_example, kind = False, "law"
    verdict = Verdict("right", exercise.why)
    unused = False
    for place, property_ in enumerate((None, *exercise.properties, MEMORY), start=-1):
        trial = Trial(exercise, answer, (seed, place % 1000), calls=1 if trials else 0, pace=pace)
        by_example = isinstance(property_, Examples)
        try:
            if property_ is None:
                if exercise.draw is None:
                    continue
                trials.append(trial)
                unused = not _draws_from_rng(exercise, trial)
            else:
                trials.append(trial)
                _hold(property_, trial, (seed, place))
        except NotAttempted:
            verdict = Verdict("not attempted", BLANK)
        except Raised as raised:
            line = own_line(answer, traceback.walk_tb(raised.error.__traceback__))
            where = f", in {line}" if line else ""
            text = f"raised {_error_text(raised.error)}{where}."
            verdict = Verdict("error", f"{raised.call} {text}", call=raised.call, explanation=f"It {text}")
        except Failed as failed:
            kind = failed.kind
            verdict = _wrong(failed, property_.about if property_ is not None else "")
        if verdict.status != "right":
            break
    if verdict.status == "right" and unused:
        verdict, kind = Verdict("wrong", FOREIGN), "chance"
    if verdict.status in ("error", "wrong"):
        if _is_stub(exercise, answer):
            found.append(Verdict("not attempted", BLANK))
            return
        found.append(verdict)
        if text := _swapped(exercise, answer):
            verdict = replace(verdict, status="wrong", message=text, explanation=text)
        for misconception in exercise.misconceptions if not text and kind not in ("chance", "memory") else ():
            if kind != "law" and misconception.sign is not None:
                continue  # a sign looks at values, and the values are not at fault
            if _has(misconception, exercise, answer, seed, by_example):
                verdict = replace(
                    verdict, status="wrong", message=misconception.message, explanation=misconception.message
                )
                break
    found.append(verdict)


_EXPECTED = re.compile(
    r"(?:(item \d+) )?should (.*?)[,;] yours (?:is |has |holds )?(.*?)(?:: (the cells .*))?", re.DOTALL
)


def _wrong(failed: Failed, about: str) -> Verdict:
    """The verdict on a failed property; it quotes the property's sentence `about` only if that is what failed."""
    if failed.kind == "chance":
        return Verdict("wrong", FOREIGN)
    rest = f"{about}." if failed.kind == "law" else ""
    message = f"{failed.call} {failed.text}. {rest}".rstrip()
    if found := _EXPECTED.fullmatch(failed.text):
        item, expected, given, why = found.groups("")
        expected = f"{item}: {expected}" if item else expected.removeprefix("be ")
        why = f"{why[:1].upper()}{why[1:]}." if why else ""
        return Verdict("wrong", message, failed.call, expected, given, rest or why or "The result has the wrong type.")
    return Verdict("wrong", message, call=failed.call, explanation=f"It {failed.text}. {rest}".rstrip())


def _draws_from_rng(exercise: Exercise, trial: Trial) -> bool:
    """Whether the answer uses the generator it is given; fail if it uses another source of chance.

    Calls with generators in the same state must give the same result, whatever the state of all other generators.
    """
    assert exercise.draw is not None
    readings, moved = [], []
    for number in range(3):
        arguments = exercise.draw(generator_for(exercise, trial.seed))
        rng = next(value for value in arguments if isinstance(value, np.random.Generator))
        before = draws_of(rng)
        random.seed(number)
        np.random.seed(number)  # noqa: NPY002
        readings.append(trial.result(*arguments))
        moved.append(draws_of(rng) != before)
        trial.ask(*exercise.draw(generator_for(exercise, (*trial.seed, 1))))  # see whether it keeps anything
    differ = any(difference(readings[0], each) for each in readings[1:])
    if differ and any(moved):
        trial.fail(UNREPEATED, "memory")
    if differ or (not moved[-1] and makes_generator(trial.answer)):
        trial.fail("takes random numbers from elsewhere", "chance")
    return moved[-1]


def _swapped(exercise: Exercise, answer: Callable[..., Any]) -> str:
    """A message for an answer whose parameters have the right names in another order; "" for any other."""
    try:
        names = list(inspect.signature(answer).parameters)[: len(exercise.parameters)]
    except Exception:
        return ""
    if names == list(exercise.parameters)[: len(names)] or set(names) != set(exercise.parameters):
        return ""
    return f"Your parameters are in another order: ({', '.join(names)}). The cells use {exercise.signature}."


def _hold(property_: Any, trial: Trial, seed: tuple[int, ...]) -> None:
    if not isinstance(property_, Examples):
        property_.test(trial)
        return
    exercise = trial.exercise
    for arguments, again in _twice(exercise, property_, seed):
        given = trial.ask(*arguments).value
        value = trial.read(given)
        expected = exercise.read(exercise.reference(*again))
        within = (0.0, 0.0) if property_.exact else exercise.within(given, arguments)
        if text := difference(expected, value, within):
            trial.fail(text)


def _twice(exercise: Exercise, examples: Examples, seed: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    """Each example's arguments in two copies, because an argument may be a function that keeps a state."""
    one, other = (examples.arguments(generator_for(exercise, seed)) for _ in range(2))
    yield from zip(one, other, strict=True)


def _has(misconception: Misconception, exercise: Exercise, answer: Any, seed: int, by_example: bool) -> bool:
    try:
        if misconception.sign is not None:
            return bool(misconception.sign(Trial(exercise, answer, (seed, 1000), calls=1)))
        codes = (misconception.code, *misconception.variants)
        return by_example and any(_agree(exercise, answer, code, seed) for code in codes)
    except Exception:  # an answer that fails during this test does not have the misconception
        return False


def _agree(exercise: Exercise, answer: Any, code: Callable[..., Any], seed: int) -> bool:
    for place, property_ in enumerate(exercise.properties):
        if isinstance(property_, Examples):
            for arguments, again in _twice(exercise, property_, (seed, place)):
                if not _alike(exercise, ask(calling_style(exercise, answer), arguments), ask(code, again)):
                    return False
    return True


def _alike(exercise: Exercise, one: Outcome, other: Outcome) -> bool:
    if one.error is not None or other.error is not None:
        return type(one.error) is type(other.error)
    if one.changed != other.changed:
        return False
    try:
        within = exercise.within(one.value, one.given)
        return not difference(exercise.read(one.value), exercise.read(other.value), within)
    except Unreadable:
        return type(one.value) is type(other.value) and not difference(one.value, other.value)


def _signature(answer: Callable[..., Any]) -> str:
    return str(inspect.signature(answer))[:100]


def _is_stub(exercise: Exercise, answer: Any) -> bool:
    """Whether the body compiles to the same instructions as the stub's body.

    Comparing the result with the blank is not enough: the given code around a blank may fail by itself.
    """
    code = code_of(answer)
    module = compile(exercise.stub, "<stub>", "exec")
    stub = next((item for item in module.co_consts if isinstance(item, types.CodeType)), None)
    return code is not None and stub is not None and _body(code) == _body(stub)


def _body(code: types.CodeType) -> list[tuple[str, Any]]:
    return [(step.opname, step.argrepr) for step in dis.get_instructions(code)]


def _not_a_function(exercise: Exercise, answer: Any) -> str:
    kind = type(answer).__name__
    return f'Pass `check` the function itself, not a {kind}: `check("{exercise.id}", {exercise.name})`, no brackets.'


def _error_text(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())
    except Exception:
        text = ""
    text = text if len(text) <= 200 else text[:197] + "..."
    text += " (a power is written `**`)" if "operand type(s) for ^" in text else ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
