"""Tests that bits are drawn independently of each other, and the laws that two exercises share."""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from lessonkit.checker.exercise import SIGMAS, Law, Misconception, Trial, expect_new_memory, unlikely
from lessonkit.masks import Mask

Bits = NDArray[np.bool_]

PAIR_SIGMAS = 7.0  # thousands of pairs are compared

# --- independence, whatever is drawn --------------------------------------------------------------------------------


def uneven(hits: Bits, chance: float) -> list[tuple[int, ...]]:
    """The positions of bits that are drawn with a different chance; the first axis of `hits` is the draws."""
    counts = hits.sum(axis=0)
    return [place for place in np.ndindex(*counts.shape) if unlikely(counts[place], len(hits), chance)]


def linked(hits: Bits) -> str:
    """The two bits, each drawn with chance 1/2, that depend most on each other, as the end of a sentence; "" if none.

    Every pair is compared: a random number that is used for a whole row or column, or as u and 1 - u, shows in a pair.
    """
    draws, shape = len(hits), hits.shape[1:]
    signs = np.where(hits.reshape(draws, -1), 1.0, -1.0)
    balance = signs.T @ signs
    np.fill_diagonal(balance, 0)
    worst = int(np.argmax(np.abs(balance)))
    if abs(balance.flat[worst]) < PAIR_SIGMAS * np.sqrt(draws) + 2:
        return ""
    one, other = (list(map(int, np.unravel_index(place, shape))) for place in divmod(worst, len(balance)))
    alike = round((draws + balance.flat[worst]) / 2)
    return f"the bits at {one} and {other} alike in {alike} of {draws} draws; for independent bits it is about half"


def spread(hits: Bits, chance: float) -> float:
    """The variance of the number of hits per mask, row or column, divided by that of independent bits.

    Within the bounds of chance the answer is exactly 1.
    """
    for axis in (None, *range(1, hits.ndim)) if hits.ndim > 2 else (None,):
        others = tuple(each for each in range(1, hits.ndim) if each != axis)
        counts = hits.sum(axis=others)
        size = hits[0].size // counts[0].size
        variance = size * chance * (1 - chance)
        ratio = float(np.mean((counts - size * chance) ** 2) / variance)
        tails = max((1 - 6 * chance * (1 - chance)) / variance, 0)
        if size > 1 and abs(ratio - 1) > SIGMAS * np.sqrt((2 + tails) / counts.size) + 0.05:
            return ratio
    return 1.0


def shared(hits: Bits) -> bool:
    """Whether some bits, but not all, are always drawn alike; bits that never vary are left out."""
    rows = hits.reshape(len(hits), -1)
    columns = [column.tobytes() for column in rows.T if column.any() and not column.all()]
    return 1 < len(set(columns)) < len(columns)


# --- how a mask's bits must flip ------------------------------------------------------------------------------------

# (shape, rate, draws). In the last one most draws flip nothing at all.
HALVES, LAYERS = ((5, 8), 0.5, 400), ((3, 2, 2, 4), 0.5, 300)
LOW, HIGH, RARE = ((40,), 0.2, 300), ((6, 6), 0.85, 300), ((10, 10), 0.005, 150)
Setting = tuple[tuple[int, ...], float, int]


def flips(trial: Trial, setting: Setting) -> tuple[Mask, Bits]:
    """A mask that keeps half of its bits, and which bits flipped, shape (draws, *shape); measured once per trial."""
    if setting not in trial.notes:
        shape, rate, draws = setting
        rng, size = trial.generator(), int(np.prod(shape))
        before = (trial.rng.permutation(size) < size // 2).reshape(shape)
        found = [_flipped(trial, before, rate, rng) for _ in range(trial.draws(draws, draws // 20))]
        trial.notes[setting] = before, np.array(found)
    return trial.notes[setting]  # type: ignore[no-any-return]


def _flipped(trial: Trial, before: Mask, rate: float, rng: np.random.Generator) -> Bits:
    after: Bits = trial.result(before, rate, rng)
    trial.expect(after.shape == before.shape, f"should have shape {before.shape}, yours has {after.shape}")
    return after ^ before


def chance(rng: np.random.Generator) -> tuple[Mask, float, np.random.Generator]:
    """Arguments for which the result depends on the draw."""
    return rng.random((5, 8)) < 0.5, 0.5, rng


def _shape(trial: Trial) -> None:
    for shape in ((1,), (2, 3), (5, 5, 1, 6)):
        for before in (np.ones(shape, bool), np.zeros(shape, bool)):
            _flipped(trial, before, 0.5, trial.generator())


def _certain(trial: Trial) -> None:
    for mask in (np.array([True, False]), np.arange(40).reshape(5, 8) % 4 < 2):
        found = trial.result(mask, 0.0, trial.generator())
        trial.expect(np.array_equal(found, mask), "should flip nothing at rate 0")
        found = trial.result(mask, 1.0, trial.generator())
        trial.expect(np.array_equal(found, ~mask), "should flip every bit at rate 1")


def _new_mask(trial: Trial) -> None:
    for rate in (0.5, 0.01, 0.01, 0.0, 1.0):
        for shape in ((4,), (2, 3)):
            expect_new_memory(trial, np.ones(shape, bool), rate, trial.generator())


def _share(trial: Trial) -> None:
    for setting in (HALVES, LAYERS, LOW, HIGH, RARE):
        before, found = flips(trial, setting)
        rate, draws = setting[1], len(found)
        for name, places in (("", before | True), ("kept ", before), ("pruned ", ~before)):
            hits = found[:, places]
            text = f"flips {hits.mean():.3f} of the {name}bits over {draws} draws; the rate is {rate}"
            trial.expect(not unlikely(hits.sum(), hits.size, rate), text)
        odd = [list(place) for place in uneven(found, rate)] if setting != RARE else []
        trial.expect(not odd, f"flips the bits at {odd[:3]} at a different rate from the rest")


def _independent(trial: Trial) -> None:
    for setting in (HALVES, LAYERS, LOW, HIGH):
        _, found = flips(trial, setting)
        rate, draws = setting[1], len(found)
        if rate == 0.5 and (pair := linked(found)):
            trial.fail(f"flips {pair}")
        ratio = spread(found, rate)
        counts = found.reshape(draws, -1).sum(axis=1)
        trial.expect(
            ratio == 1,
            f"flips {counts.min()} to {counts.max()} bits over {draws} draws, and their number per mask, row or column "
            f"varies too {'little' if ratio < 1 else 'much'} for bits that flip independently",
        )


# --- signs of misconceptions ----------------------------------------------------------------------------------------


def repeats(trial: Trial) -> bool:
    """Whether all calls with one generator give the same result, and another generator gives a different one."""
    mask, rate, rng = chance(trial.rng)
    first, *again = (trial.result(mask, rate, rng) for _ in range(12))  # often: one coin for all bits can repeat itself
    other = trial.result(mask, rate, trial.generator())
    return all(np.array_equal(first, each) for each in again) and not np.array_equal(first, other)


def prunes_only(trial: Trial) -> bool:
    """Whether kept weights get pruned, but pruned ones never come back."""
    before, found = flips(trial, HALVES)
    return not found[:, ~before].any() and bool(found[:, before].any())


def sets_only(trial: Trial) -> bool:
    """Whether pruned weights come back, but kept ones never get pruned."""
    before, found = flips(trial, HALVES)
    return not found[:, before].any() and bool(found[:, ~before].any())


def one_coin(trial: Trial) -> bool:
    """Whether always either all bits flip or none."""
    _, found = flips(trial, HALVES)
    return set(found.sum(axis=(1, 2)).tolist()) == {0, found[0].size}


def same_number(trial: Trial) -> bool:
    """Whether each draw flips the same number of bits, neither none nor all."""
    numbers = [np.array([each.sum() for each in flips(trial, setting)[1]]) for setting in (HALVES, LOW)]
    return all(found.min() == found.max() and 0 < found[0] < 40 for found in numbers)


def never_nothing(trial: Trial) -> bool:
    """Whether at the smallest rate every draw flips something, though most should not; high rates are right."""
    _, rare = flips(trial, RARE)
    return bool(rare.any(axis=(1, 2)).all()) and _has_rate(trial, 1.0, (HIGH,))


def inverted_rate(trial: Trial) -> bool:
    """Whether bits flip with probability 1 - rate."""
    return all(
        not unlikely(found.sum(), found.size, 1 - setting[1])
        for setting in (LOW, HIGH)
        for found in (flips(trial, setting)[1],)
    )


def half_rate(trial: Trial) -> bool:
    """Whether both kept and pruned bits flip with half the rate."""
    return _has_rate(trial, 0.5, (LOW, HIGH))


def _has_rate(trial: Trial, factor: float, settings: tuple[Setting, ...]) -> bool:
    for setting in settings:
        before, found = flips(trial, setting)
        for places in (before, ~before):
            if unlikely(found[:, places].sum(), found[:, places].size, factor * setting[1]):
                return False
    return True


def _one_per_row(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    return mask ^ (rng.random(mask.shape[:1] + (1,) * (mask.ndim - 1)) < rate)


def _one_per_column(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    return mask ^ (rng.random(mask.shape[-1]) < rate)


def _at_least_one(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    places = rng.random(mask.shape) < rate
    if rate > 0 and not places.any():
        places.flat[rng.integers(mask.size)] = True
    return mask ^ places


REPEATED = Misconception(
    "a copy of the generator",
    "Two calls with the same `rng` give the same result: draw from `rng` itself and not from a copy.",
    lambda mask, rate, rng: mask ^ (copy.deepcopy(rng).random(mask.shape) < rate),
    sign=repeats,
)
SETS = Misconception(
    "sets bits instead of flipping",
    "Bits are set to True here, so a kept weight never changes. Flipping a bit makes True False, and False True.",
    lambda mask, rate, rng: mask | (rng.random(mask.shape) < rate),
    sign=sets_only,
)
SHARED_DRAW = Misconception(
    "one number for several bits",
    "Some bits of a mask with several axes always flip together: one random number decides for all of them. Each bit "
    "needs its own.",
    _one_per_row,
    variants=(_one_per_column,),
    sign=lambda trial: any(shared(flips(trial, setting)[1]) for setting in (HALVES, LAYERS)),
)
NEVER_NOTHING = Misconception(
    "at least one bit",
    "At least one bit flips in every call. At a small rate most calls should flip nothing, and that is right.",
    _at_least_one,
    sign=never_nothing,
)

FLIP_LAWS = (
    Law("The mask keeps its shape", _shape),
    Law("Rate 0 flips nothing and rate 1 flips everything", _certain),
    Law("The result is a new mask", _new_mask),
    Law("Each bit flips at the rate, kept or pruned", _share),
    Law("The bits flip independently of each other", _independent),
)
