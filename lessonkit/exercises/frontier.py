"""Lesson 6: moves and energies for a search that wins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonkit import masks
from lessonkit.exercises.exercise import Examples, Exercise, Law, Misconception, Trial, unlikely
from lessonkit.exercises.results import mask, number
from lessonkit.masks import Mask

# --- swap_neighbour -------------------------------------------------------------------------------------------------

START = np.arange(20) % 5 < 3  # 12 kept, 8 pruned
K, DRAWS = 3, 400


def _swaps(trial: Trial) -> NDArray[np.bool_]:
    """Which bits differ from the start, shape (DRAWS, 20)."""
    if "swaps" not in trial.notes:
        rng = trial.generator()
        trial.notes["swaps"] = np.array([trial.result(START, K, rng) ^ START for _ in range(DRAWS)])
    return trial.notes["swaps"]  # type: ignore[no-any-return]


def _counts(trial: Trial) -> None:
    cases = [(np.array([True, False]), 1), (START, 1), (START, 3), (START.reshape(4, 5), 2), (START, 8), (START, 0)]
    for before, k in cases:
        for _ in range(5):
            _one_swap(trial, before, k, k)


def _few(trial: Trial) -> None:
    cases = [(np.ones(3, bool), 2, 0), (np.zeros(3, bool), 1, 0), (np.array([True, True, False, True]), 2, 1)]
    for before, k, possible in [*cases, (START, 10, 8), (START, 100, 8)]:
        _one_swap(trial, before, k, possible)


def _one_swap(trial: Trial, before: Mask, k: int, possible: int) -> None:
    found = trial.result(before, k, trial.generator())
    trial.expect(found.shape == before.shape, f"should have shape {before.shape}, yours has {found.shape}")
    pruned, restored = int(np.count_nonzero(before & ~found)), int(np.count_nonzero(~before & found))
    trial.expect(
        pruned == restored == possible,
        f"should prune {possible} kept weights and restore {possible}; yours prunes {pruned} and restores {restored}",
    )


def _evenly(trial: Trial) -> None:
    hits = _swaps(trial).sum(axis=0)
    for name, bits in (("kept", START), ("pruned", ~START)):
        odd = any(unlikely(count, DRAWS, K / bits.sum()) for count in hits[bits])
        trial.expect(not odd, f"does not choose among the {name} weights with equal chance")
    trial.expect(trial.advances(START, K, trial.generator()), "does not use the generator `rng`")
    for seed in range(5):
        pair = [trial.result(START, K, np.random.default_rng(seed)) for _ in range(2)]
        trial.expect(np.array_equal(*pair), "gives another mask for a generator of the same seed")


def _together(trial: Trial) -> None:
    found = _swaps(trial)
    for bits in (START, ~START):
        count = int(bits.sum())
        both = (found[:, bits][:, 0] & found[:, bits][:, 1]).sum()
        chance = K * (K - 1) / (count * (count - 1))
        trial.expect(not unlikely(both, DRAWS, chance), "chooses neighbouring weights together or never together")


def _flip_k(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    swapped = mask.copy()
    swapped.flat[rng.choice(mask.size, min(2 * k, mask.size), replace=False)] ^= True
    return swapped


def _prune_then_restore(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    swapped = mask.copy()
    kept = np.flatnonzero(swapped)
    swapped.flat[rng.choice(kept, min(k, len(kept)), replace=False)] = False
    pruned = np.flatnonzero(~swapped)
    swapped.flat[rng.choice(pruned, min(k, len(pruned), len(kept)), replace=False)] = True
    return swapped


def _unbounded(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    swapped = mask.copy()
    swapped.flat[rng.choice(kept, k, replace=False)] = False
    swapped.flat[rng.choice(pruned, k, replace=False)] = True
    return swapped


def _first_k(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    k = min(k, int(mask.sum()), int((~mask).sum()))
    swapped = mask.copy()
    swapped.flat[np.flatnonzero(mask)[:k]] = False
    swapped.flat[np.flatnonzero(~mask)[:k]] = True
    return swapped


def _one_sided_bound(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    swapped = mask.copy()
    swapped.flat[rng.choice(kept, min(k, len(kept)), replace=False)] = False
    swapped.flat[rng.choice(pruned, min(k, len(pruned)), replace=False)] = True
    return swapped


def _looks_unbounded(trial: Trial) -> bool:
    fine = bool((_swaps(trial).sum(axis=1) == 2 * K).all())
    try:
        trial.ask(START, 10, trial.generator())
    except Exception:
        return fine
    return False


def _sparsity_moves(trial: Trial) -> bool:
    return bool((_swaps(trial)[:, START].sum(axis=1) != _swaps(trial)[:, ~START].sum(axis=1)).any())


def _comes_back(trial: Trial) -> bool:
    found = _swaps(trial)
    balanced = found[:, START].sum(axis=1) == found[:, ~START].sum(axis=1)
    return bool(balanced.all() and (found.sum(axis=1) < 2 * K).any())


def _sides_differ(trial: Trial) -> bool:
    found = trial.result(np.ones(6, bool), 2, trial.generator())
    return bool((_swaps(trial).sum(axis=1) == 2 * K).all()) and np.count_nonzero(found) == 4


SWAP = Exercise(
    id="frontier.swap_neighbour",
    title="A move that keeps the sparsity",
    minutes=10,
    objective="write a move that stays at a given sparsity",
    why="At a fixed sparsity the loss alone decides, and no candidate is wasted on masks that prune less.",
    stub='''def swap_neighbour(mask, k, rng):
    """Return a new mask with `k` kept weights pruned and `k` pruned ones restored, all chosen with equal chance.

    Fewer where there are fewer, but always as many pruned as restored.
    """
    ...
''',
    reference=masks.swap,
    draw=lambda rng: (START, 3, rng),
    read=mask,
    properties=(
        Law("As many are pruned as restored, `k` of each", _counts),
        Law("Where there are fewer than `k`, fewer are swapped", _few),
        Law("Chance chooses, and `rng` is its only source", _evenly),
        Law("The choices do not hang together", _together),
    ),
    misconceptions=(
        Misconception(
            "flips anywhere",
            "Bits are chosen without looking which are kept and which are pruned, so the sparsity wanders.",
            _flip_k,
            sign=_sparsity_moves,
        ),
        Misconception(
            "just pruned, already back",
            "A weight that has just been pruned can be restored in the same move: choose both from the old mask.",
            _prune_then_restore,
            sign=_comes_back,
        ),
        Misconception(
            "no bound",
            "This asks for more weights than there are: think of a mask with fewer than `k` pruned or kept ones.",
            _unbounded,
            sign=_looks_unbounded,
        ),
        Misconception(
            "each side its own bound",
            "Each side is bounded for itself, so where one runs short the sparsity changes: both need the same number.",
            _one_sided_bound,
            sign=_sides_differ,
        ),
        Misconception(
            "no chance",
            "The same weights are swapped every time: no random number is used.",
            _first_k,
            sign=lambda trial: bool((_swaps(trial) == _swaps(trial)[0]).all()),
        ),
    ),
    hints=(
        "`np.flatnonzero` lists the places of the kept weights, and those of the pruned ones.",
        "How many can be swapped at most? Draw that many places from each list, without replacement.",
    ),
)

# --- flip_energy ----------------------------------------------------------------------------------------------------


def flip_energy(
    couplings: NDArray[np.float64], fields: NDArray[np.float64], spins: NDArray[np.float64], index: int
) -> float:
    """The change of E = -1/2 s^T J s - h^T s when one spin turns over, from that spin's local field alone."""
    return float(2 * spins[index] * (couplings[index] @ spins + fields[index]))


def _energy(couplings: Any, fields: Any, spins: Any) -> Any:
    return -spins @ couplings @ spins / 2 - fields @ spins


def _turned(spins: Any, index: int) -> Any:
    turned = spins.copy()
    turned[index] *= -1
    return turned


def _systems(rng: np.random.Generator) -> Iterator[tuple[Any, Any, Any, int]]:
    yield np.zeros((1, 1)), np.array([0.5]), np.array([1.0]), 0
    yield np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros(2), np.array([1.0, -1.0]), 0
    yield np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.25, 2.0]), np.array([1.0, -1.0]), 1
    for size in (3, 5, 12):
        half = np.triu(rng.normal(size=(size, size)), 1)
        yield half + half.T, rng.normal(size=size), rng.choice([-1.0, 1.0], size), int(rng.integers(size))


ENERGY = Exercise(
    id="frontier.flip_energy",
    title="The energy of one flip",
    minutes=10,
    objective="compute what one flip changes without computing the whole energy",
    why="It turns a flip from n^2 operations into n, which is why a quadratic model can be annealed in seconds.",
    stub='''def flip_energy(couplings, fields, spins, index):
    """Return how much E = -1/2 s^T J s - h^T s changes when the spin at `index` turns over.

    `couplings` J is symmetric with zeros on the diagonal, `fields` is h, and `spins` s holds -1 and +1.
    """
    ...
''',
    reference=flip_energy,
    read=number,
    properties=(Examples("The change is the energy afterwards minus the energy before", _systems),),
    misconceptions=(
        Misconception(
            "the sign",
            "The sign is wrong: this is the energy before minus the energy afterwards.",
            lambda couplings, fields, spins, index: -flip_energy(couplings, fields, spins, index),
        ),
        Misconception(
            "half of it",
            "This is half of the change: the spin goes from one side to the other, a way of 2.",
            lambda couplings, fields, spins, index: flip_energy(couplings, fields, spins, index) / 2,
        ),
        Misconception(
            "no fields",
            "The fields are missing: the spin also leaves its own field's direction.",
            lambda couplings, fields, spins, index: flip_energy(couplings, 0 * fields, spins, index),
        ),
        Misconception(
            "the new energy",
            "This is the whole energy after the flip; what is asked is its change.",
            lambda couplings, fields, spins, index: _energy(couplings, fields, _turned(spins, index)),
        ),
        Misconception(
            "turned in place",
            "The spin is turned in the array that was given: asking for a change must not make it.",
            lambda couplings, fields, spins, index: _turned_for_good(couplings, fields, spins, index),
        ),
    ),
    hints=(
        "Which terms of the energy contain the spin at `index`? All others cancel in the difference.",
        "Write the energy as (terms without the spin) - s_i * (something). That something is the spin's local field; "
        "what happens to the product when s_i changes its sign?",
    ),
)


def _turned_for_good(couplings: Any, fields: Any, spins: Any, index: int) -> Any:
    before = _energy(couplings, fields, spins)
    spins[index] *= -1
    return _energy(couplings, fields, spins) - before


EXERCISES = (SWAP, ENERGY)
