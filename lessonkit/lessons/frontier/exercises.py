"""Lesson 6: a move that keeps the sparsity, and the energy of a spin flip."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonkit.checker.answers import mask, number
from lessonkit.checker.exercise import Examples, Exercise, Law, Misconception, Trial, unlikely
from lessonkit.checker.slips import rounded
from lessonkit.masks import Mask

# --- swap_neighbour -------------------------------------------------------------------------------------------------

START = np.array([[True, False, False, True], [True, True, False, False], [False, True, False, True]])
SIDE, K, DRAWS = 6, 3, 500  # of each kind, of which K change


def swap_neighbour(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    """Exchange the same number of kept and of pruned weights, chosen at random."""
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    swapped = mask.copy()
    swapped.flat[rng.choice(kept, k, replace=False)] = False
    swapped.flat[rng.choice(pruned, k, replace=False)] = True
    return swapped


def _swaps(trial: Trial, k: int = K) -> NDArray[np.bool_]:
    """Which bits differ from the start, shape (draws, 12): first the kept weights, then the pruned ones."""
    if k not in trial.notes:
        rng = trial.generator()
        found = [trial.result(START, k, rng) ^ START for _ in range(trial.draws(DRAWS))]
        trial.notes[k] = np.array([np.concatenate([each[START], each[~START]]) for each in found])
    return trial.notes[k]  # type: ignore[no-any-return]


def _numbers(trial: Trial, k: int = K) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """How many weights each draw prunes, and how many it restores, each of shape (draws,)."""
    found = _swaps(trial, k)
    return found[:, :SIDE].sum(axis=1), found[:, SIDE:].sum(axis=1)


def _counts(trial: Trial) -> None:
    for before, k in [(np.array([True, False]), 1), (START.ravel(), 1), (START, 3), (START, 2), (START, 6), (START, 0)]:
        for _ in range(5):
            _one_swap(trial, before, k, k)


def _few(trial: Trial) -> None:
    cases = [(np.ones(3, bool), 2, 0), (np.zeros(3, bool), 1, 0), (np.array([True, True, False, True]), 2, 1)]
    for before, k, possible in [*cases, (np.arange(6) % 3 < 1, 4, 2), (START, 10, 6), (START, 100, 6)]:
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
    found = _swaps(trial)
    for name, bits in (("kept", slice(SIDE)), ("pruned", slice(SIDE, None))):
        often = found[:, bits].sum(axis=0)
        text = (
            f"does not choose the {name} weights with equal chance: it chooses one in {often.max()}, another in "
            f"{often.min()} of {len(found)} draws"
        )
        trial.expect(not any(unlikely(hits, len(found), K / SIDE) for hits in often), text)


def _independently(trial: Trial) -> None:
    found = _swaps(trial)
    for one, other in itertools.combinations(range(2 * SIDE), 2):
        alike = (one < SIDE) == (other < SIDE)
        chance = K * (K - 1) / (SIDE * (SIDE - 1)) if alike else (K / SIDE) ** 2
        often = (found[:, one] & found[:, other]).sum()
        pair = "two kept weights" if other < SIDE else "two pruned weights" if alike else "a kept and a pruned weight"
        text = f"swaps {pair} together in {often} of {len(found)} draws; it should be about {len(found) * chance:.0f}"
        trial.expect(not unlikely(often, len(found), chance), text)


def _flip_k(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    swapped = mask.copy()
    swapped.flat[rng.choice(mask.size, min(2 * k, mask.size), replace=False)] ^= True
    return swapped


def _flip_half(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    swapped = mask.copy()
    swapped.flat[rng.choice(mask.size, min(k, mask.size), replace=False)] ^= True
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


def _prune(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    kept = np.flatnonzero(mask)
    pruned = mask.copy()
    pruned.flat[rng.choice(kept, min(k, len(kept)), replace=False)] = False
    return pruned


def _made_of(
    kept: Callable[[Any, int, np.random.Generator], Any], pruned: Callable[[Any, int, np.random.Generator], Any]
) -> Callable[..., Mask]:
    """A swap that chooses among the places of kept and of pruned weights with these functions."""

    def swap(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
        places = np.flatnonzero(mask), np.flatnonzero(~mask)
        k = min(k, len(places[0]), len(places[1]))
        swapped = mask.copy()
        swapped.flat[kept(places[0], k, rng)] = False
        swapped.flat[pruned(places[1], k, rng)] = True
        return swapped

    return swap


def _draw_again(places: Any, k: int, rng: np.random.Generator) -> Any:
    return rng.choice(places, k) if k else []


def _one_by_one(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    for _ in range(k):
        mask = swap_neighbour(mask, 1, rng)
    return mask.copy()


def _random_k(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    most = min(k, int(mask.sum()), int((~mask).sum()))
    return swap_neighbour(mask, int(rng.integers(most + 1)), rng)


def _one_sided_bound(mask: Mask, k: int, rng: np.random.Generator) -> Mask:
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    swapped = mask.copy()
    swapped.flat[rng.choice(kept, min(k, len(kept)), replace=False)] = False
    swapped.flat[rng.choice(pruned, min(k, len(pruned)), replace=False)] = True
    return swapped


def _exactly_k(trial: Trial) -> bool:
    pruned, restored = _numbers(trial)
    return bool((pruned == K).all() and (restored == K).all())


def _looks_unbounded(trial: Trial) -> bool:
    """Whether the answer is right if there are enough weights, and raises numpy's error if there are not."""
    if not _exactly_k(trial):
        return False
    for before, k in ((np.ones(3, bool), 2), (np.zeros(3, bool), 1), (START, 10)):
        try:
            trial.ask(before, k, trial.generator())
        except Exception:
            return True
    return False


def _flips_anywhere(trial: Trial) -> bool:
    """Whether the numbers of pruned and restored weights vary: each can exceed k, or together they are k."""
    pruned, restored = _numbers(trial)
    wanders = (pruned > restored).any() and (pruned < restored).any()
    return bool(wanders and (max(pruned.max(), restored.max()) > K or (pruned + restored <= K).all()))


def _draws_twice(trial: Trial) -> bool:
    """Whether each kind changes by k or fewer, and by k as often as k draws with replacement are distinct."""
    pruned, restored = _numbers(trial)
    fewer = (pruned < K).any() and (restored < K).any() and pruned.max() == restored.max() == K
    distinct = (SIDE - 1) * (SIDE - 2) / SIDE**2
    seen = not any(unlikely((found == K).sum(), len(found), distinct) for found in (pruned, restored))
    return bool(fewer and seen and (pruned > restored).any() and (pruned < restored).any())


def _comes_back(trial: Trial) -> bool:
    """Whether, with k = 1, one of 7 pruned weights comes back, which may be the one just pruned."""
    single = [pruned == 0 for pruned, restored in zip(*_numbers(trial, 1), strict=True) if pruned == restored]
    pruned, restored = _numbers(trial)
    three = not unlikely((pruned == K).sum(), len(pruned), 20 / 84)
    enough = len(single) == len(pruned) and not unlikely(sum(single), len(single), 1 / 7) and any(single)
    return bool((pruned == restored).all() and three and enough)


def _shuffles(trial: Trial) -> bool:
    pruned, restored = _numbers(trial)
    return bool((pruned == restored).all() and pruned.max() > K)


def _fewer_at_times(trial: Trial) -> bool:
    pruned, restored = _numbers(trial)
    return bool((pruned == restored).all() and pruned.max() == K and pruned.min() < K)


def _sides_differ(trial: Trial) -> bool:
    found = trial.result(np.ones(6, bool), 2, trial.generator())
    return _exactly_k(trial) and np.count_nonzero(found) == 4


SWAP = Exercise(
    id="frontier.swap_neighbour",
    title="A move that keeps the sparsity",
    minutes=10,
    objective="write a move that stays at a given sparsity",
    why="At a fixed sparsity only the loss decides, and no evaluation is wasted on masks that prune less.",
    stub='''def swap_neighbour(mask, k, rng):
    """Return a new mask with `k` kept weights pruned and `k` pruned ones restored, all chosen with equal chance.

    Fewer where there are fewer, but always as many pruned as restored.
    """
    ...
''',
    reference=swap_neighbour,
    read=mask,
    draw=lambda rng: (START, K, rng),
    properties=(
        Law("As many are pruned as restored, `k` of each", _counts),
        Law("If there are fewer than `k`, fewer are swapped", _few),
        Law("All kept weights have the same chance, and so have all pruned ones", _evenly),
        Law("Which weights are chosen together is random, too", _independently),
    ),
    misconceptions=(
        Misconception(
            "nothing changes",
            "The mask never changes: pruning sets True to False, and restoring sets False to True.",
            lambda mask, k, rng: mask.copy(),
            sign=lambda trial: not _swaps(trial).any(),
        ),
        Misconception(
            "no chance",
            "The same weights are swapped every time: use `rng` to choose them.",
            _made_of(lambda places, k, rng: places[:k], lambda places, k, rng: places[:k]),
            sign=lambda trial: bool((_swaps(trial) == _swaps(trial)[0]).all()),
        ),
        Misconception(
            "nothing restored",
            "Weights are only pruned. As many of the pruned ones must be restored, or the sparsity grows.",
            lambda mask, k, rng: _prune(mask, k, rng),
            sign=lambda trial: bool((_numbers(trial)[0] == K).all() and not _numbers(trial)[1].any()),
        ),
        Misconception(
            "nothing pruned",
            "Weights are only restored. As many of the kept ones must be pruned, or the sparsity falls.",
            lambda mask, k, rng: ~_prune(~mask, k, rng),
            sign=lambda trial: bool((_numbers(trial)[1] == K).all() and not _numbers(trial)[0].any()),
        ),
        Misconception(
            "flips anywhere",
            "Bits are chosen without regard to which are kept and which are pruned, so the sparsity drifts.",
            _flip_k,
            variants=(_flip_half,),
            sign=_flips_anywhere,
        ),
        Misconception(
            "drawn twice",
            "The same weight can be chosen more than once, so fewer than `k` of either kind change: draw without "
            "replacement.",
            _made_of(_draw_again, _draw_again),
            sign=_draws_twice,
        ),
        Misconception(
            "just pruned, already back",
            "A weight that has just been pruned can be restored in the same move: choose both from the old mask.",
            _prune_then_restore,
            sign=_comes_back,
        ),
        Misconception(
            "all shuffled",
            "More than `k` weights of each kind change, as if the whole mask were shuffled.",
            lambda mask, k, rng: rng.permutation(mask.ravel()).reshape(mask.shape),
            sign=_shuffles,
        ),
        Misconception(
            "fewer at times",
            "Sometimes fewer than `k` weights of each kind change, though there are enough: swap exactly `k`.",
            _random_k,
            variants=(_one_by_one,),
            sign=_fewer_at_times,
        ),
        Misconception(
            "no bound",
            "This tries to draw more weights than there are: think of a mask with fewer than `k` pruned or kept ones.",
            _unbounded,
            sign=_looks_unbounded,
        ),
        Misconception(
            "each side its own bound",
            "Each side has its own limit, so the sparsity changes if one has too few: both need the same number.",
            _one_sided_bound,
            sign=_sides_differ,
        ),
    ),
    hints=(
        "`np.flatnonzero` lists the indices of the kept weights, and those of the pruned ones.",
        "How many can be swapped at most? Draw that many indices from each list, without replacement.",
    ),
)

# --- flip_energy ----------------------------------------------------------------------------------------------------


def flip_energy(
    couplings: NDArray[np.float64], fields: NDArray[np.float64], spins: NDArray[np.float64], index: int
) -> float:
    """The change of E = -1/2 s^T J s - h^T s when one spin flips, computed from that spin's local field."""
    local_field = couplings[index] @ spins + fields[index]
    return float(2 * spins[index] * local_field)


def _magnitude(couplings: Any, fields: Any, spins: Any, index: int) -> float:
    """The sum of the absolute terms, which may cancel: a rounding error is relative to it."""
    return float(2 * (np.abs(couplings[index]).sum() + np.abs(fields[index])))


def _energy(couplings: Any, fields: Any, spins: Any) -> Any:
    return -spins @ couplings @ spins / 2 - fields @ spins


def _weighed(coupling: float, field: float) -> Callable[..., float]:
    """The two terms, each with a factor."""
    return lambda couplings, fields, spins, index: (
        2 * spins[index] * (coupling * (couplings[index] @ spins) + field * fields[index])
    )


def _turned(spins: Any, index: int) -> Any:
    turned = spins.copy()
    turned[index] *= -1
    return turned


def _systems(rng: np.random.Generator) -> Iterator[tuple[Any, Any, Any, int]]:
    yield np.zeros((1, 1)), np.array([0.5]), np.array([1.0]), 0
    yield np.array([[0.0, 1.0], [1.0, 0.0]]), np.zeros(2), np.array([1.0, -1.0]), 0
    yield np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([0.25, 2.0]), np.array([1.0, -1.0]), 1
    # Small numbers, in which rounding shows.
    yield np.array([[0.0, 0.0123456], [0.0123456, 0.0]]), np.array([0.00345678, 0.1]), np.array([1.0, -1.0]), 0
    for size in (3, 5, 12):
        half = np.triu(rng.normal(size=(size, size)), 1)
        yield half + half.T, rng.normal(size=size), rng.choice([-1.0, 1.0], size), int(rng.integers(size))


ENERGY = Exercise(
    id="frontier.flip_energy",
    title="The energy of one flip",
    minutes=10,
    objective="compute what one flip changes without computing the whole energy",
    why="It reduces a flip from n^2 operations to n, which is why a quadratic model can be annealed in seconds.",
    stub='''def flip_energy(couplings, fields, spins, index):
    """Return how much E = -1/2 s^T J s - h^T s changes when the spin at `index` turns over.

    `couplings` J is symmetric with zeros on the diagonal, `fields` is h, and `spins` s holds -1 and +1.
    """
    ...
''',
    reference=flip_energy,
    read=number,
    properties=(Examples("The change is the energy afterwards minus the energy before", _systems),),
    possible=lambda couplings, fields, spins, index: index < len(spins),
    magnitude=_magnitude,
    misconceptions=(
        Misconception(
            "the sign",
            "The sign is wrong: this is the energy before the flip minus the energy after it.",
            lambda couplings, fields, spins, index: -flip_energy(couplings, fields, spins, index),
        ),
        Misconception(
            "half of it",
            "This is half of the change: a spin that flips from 1 to -1, or back, changes by 2, not by 1.",
            lambda couplings, fields, spins, index: flip_energy(couplings, fields, spins, index) / 2,
        ),
        Misconception(
            "no fields",
            "The fields are missing: the energy also depends on the spin's own field.",
            _weighed(1, 0),
        ),
        Misconception(
            "no couplings",
            "The couplings are missing: the energy also depends on all other spins.",
            _weighed(0, 1),
        ),
        Misconception(
            "the terms weighed otherwise",
            "The coupling term is wrong by a factor of 2, relative to the fields. J is symmetric: how often does each "
            "pair of spins occur in the sum, and what does the 1/2 do?",
            _weighed(2, 1),
            variants=(_weighed(0.5, 1),),
        ),
        Misconception(
            "the sign of the fields",
            "The sign of the fields is wrong: both terms of the energy have a minus sign.",
            _weighed(1, -1),
        ),
        Misconception(
            "the spin's own sign",
            "The spin's own sign is missing: a flip from +1 to -1 changes the energy by the opposite of one back.",
            lambda couplings, fields, spins, index: 2 * (couplings[index] @ spins + fields[index]),
        ),
        Misconception(
            "no sign at all",
            "This is the absolute value: a flip can also lower the energy.",
            lambda couplings, fields, spins, index: abs(flip_energy(couplings, fields, spins, index)),
        ),
        Misconception(
            "always 0",
            "This is always 0: both energies are computed from the same array. Copy it before you flip the spin.",
            lambda couplings, fields, spins, index: 0.0,
        ),
        Misconception(
            "the old energy",
            "This is the whole energy before the flip; return its change.",
            lambda couplings, fields, spins, index: _energy(couplings, fields, spins),
        ),
        Misconception(
            "the new energy",
            "This is the whole energy after the flip; return its change.",
            lambda couplings, fields, spins, index: _energy(couplings, fields, _turned(spins, index)),
        ),
        Misconception(
            "turned in place",
            "The spin is flipped in the array that was passed in: compute the change without making it.",
            lambda couplings, fields, spins, index: _turned_for_good(couplings, fields, spins, index),
            variants=(lambda couplings, fields, spins, index: 0 * _turned_for_good(couplings, fields, spins, index),),
        ),
        rounded(flip_energy),
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
