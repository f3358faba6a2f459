"""What two exercises ask alike: bits that flip independently, each with the same rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lessonkit.exercises.exercise import SIGMAS, Law, Trial, unlikely

BITS, DRAWS, RATE = 40, 400, 0.2
HALF = np.arange(BITS) % 4 < 2  # kept and pruned weights alternate in pairs


def flips(trial: Trial) -> NDArray[np.bool_]:
    """Which bits flipped, shape (DRAWS, BITS); measured once a trial."""
    if "flips" not in trial.notes:
        rng = trial.generator()
        rows = [trial.result(HALF, RATE, rng).reshape(-1) ^ HALF for _ in range(DRAWS)]
        trial.notes["flips"] = np.array(rows)
    return trial.notes["flips"]  # type: ignore[no-any-return]


def _shape(trial: Trial) -> None:
    for shape in ((1,), (2, 3), (5, 5, 1, 6)):
        found = trial.result(np.ones(shape, bool), 0.5, trial.generator())
        trial.expect(found.shape == shape, f"should have shape {shape}, yours has {found.shape}")


def _certain(trial: Trial) -> None:
    for mask in (np.array([True, False]), HALF.reshape(5, 8)):
        found = trial.result(mask, 0.0, trial.generator())
        trial.expect(np.array_equal(found, mask), "should flip nothing at rate 0")
        found = trial.result(mask, 1.0, trial.generator())
        trial.expect(np.array_equal(found, ~mask), "should flip every bit at rate 1")


def _own_rng(trial: Trial) -> None:
    seeds = trial.rng.integers(2**63, size=5)
    pairs = [[trial.result(HALF, RATE, np.random.default_rng(int(seed))) for _ in range(2)] for seed in seeds]
    trial.expect(all(np.array_equal(*pair) for pair in pairs), "gives another mask for a generator of the same seed")
    trial.expect(trial.advances(HALF, RATE, trial.generator()), "does not use the generator `rng`")


def _share(trial: Trial) -> None:
    found = flips(trial)
    for name, bits in (("kept", HALF), ("pruned", ~HALF)):
        share = found[:, bits].mean()
        wrong = unlikely(found[:, bits].sum(), found[:, bits].size, RATE)
        trial.expect(not wrong, f"flips {share:.3f} of the {name} weights over {DRAWS} draws; {RATE} is the rate")
    odd = [place for place, hits in enumerate(found.sum(axis=0)) if unlikely(hits, DRAWS, RATE)]
    trial.expect(not odd, f"flips the bits at {odd[:5]} with another rate than the rest")


def _independent(trial: Trial) -> None:
    found = flips(trial)
    spread = found.sum(axis=1) - BITS * RATE
    variance = BITS * RATE * (1 - RATE)
    ratio = np.mean(spread**2) / variance
    bound = SIGMAS * np.sqrt(2 / DRAWS)
    trial.expect(
        abs(ratio - 1) < bound + 0.05,
        f"flips {found.sum(axis=1).min()} to {found.sum(axis=1).max()} bits over {DRAWS} draws: the number varies "
        f"{'too little' if ratio < 1 else 'too much'} for bits that flip independently",
    )
    both = (found[:, 0::2] & found[:, 1::2]).sum()
    trial.expect(not unlikely(both, DRAWS * BITS / 2, RATE**2), "flips neighbouring bits together")


def prunes_only(trial: Trial) -> bool:
    """A sign: kept weights get pruned, pruned ones never come back."""
    found = flips(trial)
    return not found[:, ~HALF].any() and bool(found[:, HALF].any())


def one_coin(trial: Trial) -> bool:
    """A sign: all bits flip or none."""
    found = flips(trial).sum(axis=1)
    return set(found.tolist()) <= {0, BITS} and len(set(found.tolist())) == 2


def same_number(trial: Trial) -> bool:
    """A sign: each draw flips the same number of bits, more than none."""
    found = flips(trial).sum(axis=1)
    return bool(found.min() == found.max()) and 0 < found[0] < BITS


def inverted_rate(trial: Trial) -> bool:
    """A sign: bits flip with 1 - rate."""
    found = flips(trial)
    return not unlikely(found.sum(), found.size, 1 - RATE)


def half_rate(trial: Trial) -> bool:
    """A sign: bits flip with half the rate."""
    found = flips(trial)
    return not any(unlikely(found[:, bits].sum(), found[:, bits].size, RATE / 2) for bits in (HALF, ~HALF))


def foreign_rng(trial: Trial) -> bool:
    """A sign: bits flip, and not by the generator that was given."""
    return bool(flips(trial).any()) and not trial.advances(HALF, RATE, trial.generator())


FLIP_LAWS = (
    Law("The mask keeps its shape", _shape),
    Law("Rate 0 flips nothing and rate 1 flips everything", _certain),
    Law("`rng` is the only source of chance", _own_rng),
    Law("Each bit flips with the rate, kept or pruned", _share),
    Law("The bits flip independently of each other", _independent),
)
