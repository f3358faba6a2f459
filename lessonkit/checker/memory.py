"""No earlier call may influence a later one. This is tested in every exercise, after its own properties.

An answer that stores results under the address of an array, its shape, or some of the arguments is right in every call
that looks new to it. So the calls here differ in a single argument, or pass an array again with new contents.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lessonkit.checker.answers import difference
from lessonkit.checker.exercise import Examples, Exercise, Law, Trial, generator_for
from lessonkit.checker.guarded_call import Outcome, copied, parts_of

CASES = 4  # the number of examples used from each `Examples`: the last, which are the largest
KEPT = "returns the result of an earlier call with other arguments: each call must compute from its own arguments"
STALE = "returns one result for a new array, another for an old array with the same contents: an old value is reused"


def _own_arguments(trial: Trial) -> None:
    exercise, seen = trial.exercise, list[Any]()
    for examples in (each for each in exercise.properties if isinstance(each, Examples)):
        cases = [tuple(case) for case in examples.arguments(generator_for(exercise, trial.seed))]
        for place, case in ((place, case) for place in range(len(exercise.parameters)) for case in cases[-CASES:]):
            if place < len(case):
                _one_changed(trial, place, case, [other[place] for other in cases if place < len(other)], seen)
    if exercise.draw is not None:
        for place in range(len(exercise.parameters)):
            _same_as_new(trial, place)


def _one_changed(trial: Trial, place: int, case: tuple[Any, ...], others: list[Any], seen: list[Any]) -> None:
    """Call the answer on `case`, then on the same objects with one argument changed; an array is changed in place.

    `seen` holds the results of the earlier calls.
    """
    exercise, given = trial.exercise, tuple(copied(value) for value in case)
    for arguments in _changes(exercise, place, given, others):
        outcome = _ask_on(trial, arguments)
        value, expected = trial.read(outcome.value), exercise.read(exercise.reference(*arguments))
        within = exercise.within(outcome.value, arguments)
        if text := difference(expected, value, within):
            if any(not difference(earlier, value, within) for earlier in seen):
                trial.fail(KEPT, "memory")
            trial.fail(text)
        seen.append(value)


def _changes(exercise: Exercise, place: int, given: tuple[Any, ...], others: list[Any]) -> Iterator[tuple[Any, ...]]:
    """Yield `given`, then `given` with other values at `place`; an array there gets new contents instead."""
    if parts_of(given[place]):
        yield given
        if _refill(given[place]):
            yield given
    elif isinstance(given[place], int | float):
        yield given
        changed = [(*given[:place], value, *given[place + 1 :]) for value in dict.fromkeys(others)]
        possible = exercise.possible or (lambda *_: True)
        yield from [each for each in changed if each[place] != given[place] and possible(*each)][-CASES:]


def _same_as_new(trial: Trial, place: int) -> None:
    """With generators in the same state, an old array with new contents and a new array must give the same result."""
    exercise = trial.exercise
    assert exercise.draw is not None
    old, again, new = (
        [copied(value) for value in exercise.draw(generator_for(exercise, trial.seed))] for _ in range(3)
    )
    if not parts_of(old[place]):
        return
    _ask_on(trial, old)
    if _refill(old[place]):
        again[place] = old[place]
        _refill(new[place])
        if difference(trial.result(*new), trial.read(_ask_on(trial, again).value)):
            trial.fail(STALE, "memory")


def _ask_on(trial: Trial, given: Sequence[Any]) -> Outcome:
    """Call the answer on these objects themselves, not on copies."""
    return trial.ask(*(copied(value) for value in given), given=tuple(given))


def _refill(value: Any) -> bool:
    """Flip the bits of masks and reverse the order of numbers, in place; return whether anything changed."""
    changed = False
    for array in (part for part in parts_of(value) if isinstance(part, np.ndarray)):
        before = array.copy()
        array[...] = ~before if before.dtype == bool else before.ravel()[::-1].reshape(before.shape)
        changed = changed or not np.array_equal(before, array)
    return changed


MEMORY = Law("Each call computes from its own arguments", _own_arguments)
