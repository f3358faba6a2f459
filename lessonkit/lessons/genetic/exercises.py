"""Lesson 4: selection, crossover, mutation, and the next generation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonkit.checker.answers import Unreadable, describe, index, mask, several
from lessonkit.checker.exercise import Examples, Exercise, Law, Misconception, Raised, Trial, unlikely
from lessonkit.lessons import flip_laws as flips
from lessonkit.masks import Mask, prune_only

# --- tournament_select ----------------------------------------------------------------------------------------------

PEOPLE = 6
ORDERS = (np.arange(6.0), np.arange(6.0)[::-1], np.array([3.0, 0.5, 2.0, 5.0, 1.0, 4.0]))
ALL_ENTER = (  # some are in the wrong order if compared as text, truncated or rounded; some include a huge cost
    [2.0, 1.0],
    [3.0],
    [10.5, 9.5, 100.0, 20.0],
    [0.9, 0.5, 0.2, 0.7],
    [1.0000003, 1.0000006, 1.0, 1.0000009],
    [1e8, 37.5, 1e8, 19.74],
    [-1.5, -10.5, -2.5],
    [0.1, 1e-5, 0.01],
    [2.0, 1.0, 3.0, 1.0, 1.0],
)


def tournament_select(costs: NDArray[np.float64], size: int, rng: np.random.Generator) -> int:
    """The index of the cheapest among `size` distinct entrants."""
    entrants = rng.choice(len(costs), size=size, replace=False)
    return int(entrants[np.argmin(costs[entrants])])


def _wins(trial: Trial, costs: NDArray[np.float64], size: int, draws: int) -> NDArray[np.int_]:
    """How often each individual won."""
    key = (costs.tobytes(), size)
    if key not in trial.notes:
        rng, winners = trial.generator(), []
        for _ in range(trial.draws(draws, draws // 100)):
            winners.append(trial.result(costs, size, rng))
            valid = 0 <= winners[-1] < PEOPLE
            trial.expect(valid, f"should be an index from 0 to {PEOPLE - 1}, yours is {winners[-1]}")
        trial.notes[key] = np.bincount(winners, minlength=PEOPLE)
    return trial.notes[key]  # type: ignore[no-any-return]


def _whole_tournament(trial: Trial) -> None:
    for costs in (np.array(values) for values in (*ALL_ENTER, *ORDERS)):
        for _ in range(trial.draws(10, 2)):
            winner, lowest = trial.result(costs, len(costs), trial.generator()), costs.min()
            best = int(np.argmin(costs))
            trial.expect(
                0 <= winner < len(costs) and costs[winner] == lowest,
                f"should be {best}, the index of the cheapest of all, yours is {winner}",
            )


def _single_entrant(trial: Trial) -> None:
    wins = _wins(trial, ORDERS[2], 1, 9000)
    if _too_uneven(wins, np.full(PEOPLE, 1 / PEOPLE)):
        at = int(np.argmax(np.abs(wins - wins.mean())))
        trial.fail(
            f"chooses index {at} in {wins[at] / wins.sum():.3f} of the draws; each of {PEOPLE} should have 0.167"
        )


def _distribution(trial: Trial) -> None:
    for size in (2, 3):
        for costs in ORDERS:
            ranks, wins = np.argsort(np.argsort(costs)), _wins(trial, costs, size, 1000)
            chances = _chances(size)[ranks]
            if _too_uneven(wins, chances):
                at = int(np.argmax(np.abs(wins - wins.sum() * chances)))
                trial.fail(
                    f"lets index {at} win {wins[at] / wins.sum():.3f} of the tournaments; with {size} distinct "
                    f"entrants its chance is {chances[at]:.3f}"
                )


def _chances(size: int) -> NDArray[np.float64]:
    """The chance of each rank to be the cheapest of `size` distinct entrants, shape (PEOPLE,)."""
    return np.array([math.comb(PEOPLE - 1 - rank, size - 1) / math.comb(PEOPLE, size) for rank in range(PEOPLE)])


def _too_uneven(wins: NDArray[np.int_], chances: NDArray[np.float64]) -> bool:
    """Pearson's chi-square test; right draws fail it about once in ten million times."""
    possible = chances > 0
    if wins[~possible].any():
        return True
    expected = wins.sum() * chances[possible]
    freedom = len(expected) - 1
    bound = freedom * (1 - 2 / (9 * freedom) + 5.5 * np.sqrt(2 / (9 * freedom))) ** 3  # Wilson and Hilferty
    return bool(np.sum((wins[possible] - expected) ** 2 / expected) > bound)


def _repeatable_selection(trial: Trial) -> None:
    costs = np.arange(40.0)
    for seed in trial.rng.integers(2**63, size=5):
        pair = [trial.result(costs, 2, np.random.default_rng(int(seed))) for _ in range(2)]
        if pair[0] != pair[1]:
            trial.fail("gives a different winner for a generator in the same state", "chance")
    rng = trial.generator()
    winners = {trial.result(costs, 1, rng) for _ in range(10)}
    trial.expect(len(winners) > 1, f"gives {min(winners)} in each of 10 calls with one generator")


def _among_entrants(costs: Any, size: int, rng: np.random.Generator) -> int:
    return int(np.argmin(costs[rng.choice(len(costs), size, replace=False)]))


def _most_expensive(costs: Any, size: int, rng: np.random.Generator) -> int:
    entrants = rng.choice(len(costs), size, replace=False)
    return int(entrants[np.argmax(costs[entrants])])


def _with_replacement(costs: Any, size: int, rng: np.random.Generator) -> int:
    entrants = rng.integers(len(costs), size=size)
    return int(entrants[np.argmin(costs[entrants])])


def _looks_replaced(trial: Trial) -> bool:
    wins = _wins(trial, ORDERS[0], 2, 1000)
    chances = np.array([((PEOPLE - rank) ** 2 - (PEOPLE - rank - 1) ** 2) / PEOPLE**2 for rank in range(PEOPLE)])
    return bool(wins[-1]) and not _too_uneven(wins, chances)


def _looks_positional(trial: Trial) -> bool:
    winners = [trial.result(np.arange(60.0)[::-1], 3, trial.generator()) for _ in range(60)]
    return min(winners) >= 0 and max(winners) < 3 and len(set(winners)) > 1


def _looks_fixed(trial: Trial) -> bool:
    found = [_wins(trial, ORDERS[0], size, 1000) for size in (1, 2, 3)]
    return any(all(not _too_uneven(wins, _chances(size)) for wins in found) for size in range(1, PEOPLE))


TOURNAMENT = Exercise(
    id="genetic.tournament_select",
    title="A tournament",
    minutes=8,
    objective="select parents by their rank, and set how strict the selection is",
    why="The tournament's size sets the selection pressure: with 1 selection is blind, with all only the best wins.",
    stub='''def tournament_select(costs, size, rng):
    """Return the index of the cheapest among `size` distinct entrants, drawn at random from all of `costs`."""
    ...
''',
    reference=tournament_select,
    read=index,
    draw=lambda rng: (np.arange(1000.0), 2, rng),
    properties=(
        Law("If all enter, the cheapest wins", _whole_tournament),
        Law("`rng` is the only source of chance", _repeatable_selection),
        Law("With a single entrant, each individual has the same chance", _single_entrant),
        Law("The entrants are distinct, and all draws are equally likely", _distribution),
    ),
    misconceptions=(
        Misconception(
            "the place among the entrants",
            "This is the winner's place among the entrants, not its index in `costs`: look up which individual is at "
            "that place.",
            _among_entrants,
            sign=_looks_positional,
        ),
        Misconception(
            "the most expensive wins",
            "The most expensive entrant wins. The lowest cost should win.",
            _most_expensive,
            sign=lambda trial: all(trial.result(ORDERS[2], 6, trial.generator()) == 3 for _ in range(10)),
        ),
        Misconception(
            "drawn with replacement",
            "The same individual can enter twice: entrants must be distinct, so draw without replacement.",
            _with_replacement,
            sign=_looks_replaced,
        ),
        Misconception(
            "no draw",
            "The cheapest of all wins every time, even with a single entrant: only those that entered can win.",
            lambda costs, size, rng: int(np.argmin(costs)),
            sign=lambda trial: all(trial.result(ORDERS[2], 1, trial.generator()) == 1 for _ in range(20)),
        ),
        Misconception(
            "the size ignored",
            "The number of entrants is always the same: it should be `size`.",
            lambda costs, size, rng: tournament_select(costs, min(2, len(costs)), rng),
            sign=_looks_fixed,
        ),
    ),
    hints=(
        "First draw who enters: `rng.choice` can draw distinct indices.",
        "Then compare the entrants' costs. `np.argmin` gives the place among the entrants; which index is "
        "at that place?",
    ),
)

# --- crossover ------------------------------------------------------------------------------------------------------


def _parents(rng: np.random.Generator) -> Iterator[tuple[Any, Any, int]]:
    yield np.ones(3, bool), np.zeros(3, bool), 1
    yield np.array([True, False, True, True]), np.array([False, False, True, False]), 2
    for point in (2, 4, 5):
        yield np.ones((2, 3), bool), np.zeros((2, 3), bool), point
    for shape in ((12,), (4, 5), (3, 3, 1, 4)):
        a, b = (rng.random(shape) < 0.5 for _ in range(2))
        yield a, b, int(rng.integers(1, a.size))
        yield a, a.copy(), int(rng.integers(1, a.size))
    for point in (0, 3):
        yield np.ones(3, bool), np.zeros(3, bool), point
        yield np.ones(3, bool), np.ones(3, bool), point


def single_point_crossover(a: Mask, b: Mask, point: int) -> tuple[Mask, Mask]:
    """The parents with their tails exchanged."""
    first, second = a.flatten(), b.flatten()
    first[point:], second[point:] = b.flatten()[point:], a.flatten()[point:]
    return first.reshape(a.shape), second.reshape(a.shape)


def _crossed_rows(a: Mask, b: Mask, point: int) -> tuple[Mask, Mask]:
    return np.concatenate([a[:point], b[point:]]), np.concatenate([b[:point], a[point:]])


def _crossed_flat(a: Mask, b: Mask, point: int) -> tuple[Mask, Mask]:
    return _crossed_rows(a.ravel(), b.ravel(), point)


def _crossed_in_place(a: Mask, b: Mask, point: int) -> tuple[Mask, Mask]:
    flat_a, flat_b = a.reshape(-1), b.reshape(-1)
    flat_a[point:], flat_b[point:] = flat_b[point:].copy(), flat_a[point:].copy()
    return a, b


def _crossed_aliased(a: Mask, b: Mask, point: int) -> tuple[Mask, Mask]:
    first, second = a.copy(), b.copy()
    first.reshape(-1)[point:] = second.reshape(-1)[point:]
    second.reshape(-1)[point:] = first.reshape(-1)[point:]
    return first, second


SINGLE_POINT = Exercise(
    id="genetic.single_point_crossover",
    title="Single-point crossover",
    minutes=8,
    objective="exchange the tails of two masks of any shape without aliasing",
    why="Bits that are neighbours in the flattened mask mostly stay together, for better or worse.",
    stub='''def single_point_crossover(a, b, point):
    """Return two new masks: `a`, then `b`, with their tails exchanged after `point` bits in flattened order."""
    ...
''',
    reference=single_point_crossover,
    read=several(mask, mask),
    properties=(Examples("The first `point` bits stay, the rest is exchanged, and the shape is kept", _parents),),
    possible=lambda a, b, point: point <= a.size,
    misconceptions=(
        Misconception(
            "whole rows",
            "The point counts rows here; it should count bits in flattened order, so that the cut may be inside a row.",
            _crossed_rows,
        ),
        Misconception(
            "the shape lost",
            "The bits are right, but the children have lost their parents' shape.",
            _crossed_flat,
        ),
        Misconception(
            "in place",
            "The parents themselves are changed, but they may be needed for more children.",
            _crossed_in_place,
        ),
        Misconception(
            "one tail twice",
            "Both children end up with the same tail: the first one was overwritten before the second could read it.",
            _crossed_aliased,
        ),
        Misconception(
            "one bit too late",
            "The cut is one bit too late: exactly `point` bits stay.",
            lambda a, b, point: single_point_crossover(a, b, point + 1),
        ),
        Misconception(
            "one bit too early",
            "The cut is one bit too early: exactly `point` bits stay.",
            lambda a, b, point: single_point_crossover(a, b, point - 1),
            variants=(lambda a, b, point: single_point_crossover(a, b, max(point - 1, 0)),),
        ),
        Misconception(
            "children swapped",
            "The children are in the wrong order: the first one begins like `a`, the second one like `b`.",
            lambda a, b, point: single_point_crossover(a, b, point)[::-1],
        ),
        Misconception(
            "one child twice",
            "Both children are the same. The second one should begin like `b` and end like `a`.",
            lambda a, b, point: (single_point_crossover(a, b, point)[0], single_point_crossover(a, b, point)[0]),
        ),
    ),
    hints=(
        "Flatten both masks, cut, join, and give the children their shape back.",
        "`np.concatenate` joins two pieces into a new array, and `reshape` restores the shape.",
    ),
)

SETTINGS: tuple[flips.Setting, ...] = (((5, 8), 0.5, 400), ((3, 2, 2, 4), 0.5, 400), ((20, 20), 0.5, 60))


def uniform_crossover(a: Mask, b: Mask, rng: np.random.Generator) -> Mask:
    """Each bit from either parent."""
    return np.where(rng.random(a.shape) < 0.5, a, b)


def _from_mother(trial: Trial, setting: flips.Setting) -> tuple[Mask, flips.Bits]:
    """A mother, and which bits her children have from her, shape (draws, *shape); the father differs in every bit."""
    if setting not in trial.notes:
        shape, _, draws = setting
        rng, size = trial.generator(), int(np.prod(shape))
        mother = (trial.rng.permutation(size) < size // 2).reshape(shape)
        found = []
        for _ in range(trial.draws(draws, draws // 20)):
            child = trial.result(mother, ~mother, rng)
            trial.expect(child.shape == shape, f"should have shape {shape}, yours has {child.shape}")
            found.append(child == mother)
        trial.notes[setting] = mother, np.array(found)
    return trial.notes[setting]  # type: ignore[no-any-return]


def _child_shape(trial: Trial) -> None:
    for shape in ((1,), (2, 3), (5, 5, 1, 2)):
        found = trial.result(np.ones(shape, bool), np.zeros(shape, bool), trial.generator())
        trial.expect(found.shape == shape, f"should have shape {shape}, yours has {found.shape}")


def _agreement(trial: Trial) -> None:
    for shape in ((1,), (40,), (5, 8), (2, 2, 3, 4)):
        a, b = (trial.rng.random(shape) < 0.5 for _ in range(2))
        for mother, father in ((a, a), (b, b.copy()), (a, b), (b, a)):
            found, agree = trial.result(mother, father, trial.generator()), mother == father
            right = found.shape == shape and np.array_equal(found[agree], mother[agree])
            trial.expect(right, "should keep the bits in which both parents agree")


def _even(trial: Trial) -> None:
    for setting in SETTINGS:
        mother, found = _from_mother(trial, setting)
        for name, places in (("", mother | True), ("kept ", mother), ("pruned ", ~mother)):
            hits = found[:, places]
            text = f"takes {hits.mean():.3f} of the {name}bits from `a`; both parents should have the same chance"
            trial.expect(not unlikely(hits.sum(), hits.size, 0.5), text)
        odd = [list(place) for place in flips.uneven(found, 0.5)]
        trial.expect(not odd, f"prefers one parent at {odd[:3]}")
    hits = np.concatenate([_from_mother(trial, setting)[1].ravel() for setting in SETTINGS])
    text = f"takes {hits.mean():.3f} of the bits from `a`; both parents should have the same chance"
    trial.expect(not unlikely(hits.sum(), hits.size, 0.5), text)


def _each_bit(trial: Trial) -> None:
    for setting in SETTINGS[:2]:
        _, found = _from_mother(trial, setting)
        if pair := flips.linked(found):
            trial.fail(f"draws {pair}")
        ratio = flips.spread(found, 0.5)
        trial.expect(
            ratio == 1,
            "takes from `a` a number of bits per mask, row or column that varies too "
            f"{'little' if ratio < 1 else 'much'} for bits that are drawn independently",
        )


def _cut_somewhere(a: Mask, b: Mask, rng: np.random.Generator) -> Mask:
    point = int(rng.integers(1, a.size)) if a.size > 1 else 1
    return single_point_crossover(a, b, point)[0]


def _taken(trial: Trial) -> flips.Bits:
    """Which bits came from the mother, shape (draws, bits)."""
    _, found = _from_mother(trial, SETTINGS[0])
    return found.reshape(len(found), -1)


def _looks_cut(trial: Trial) -> bool:
    changes = np.count_nonzero(np.diff(_taken(trial).astype(int), axis=1), axis=1)
    return bool(changes.max() == 1)


def _looks_or(trial: Trial) -> bool:
    return all(bool((found == mother).all()) for mother, found in [_from_mother(trial, SETTINGS[0])])


def _looks_fatherless(trial: Trial) -> bool:
    """Whether both True and False occur, whatever the parents have."""
    ones, zeros = np.ones(60, bool), np.zeros(60, bool)
    pairs = ((ones, ones), (ones, zeros), (zeros, ones), (zeros, zeros))
    return all(0 < trial.result(a, b, trial.generator()).sum() < 60 for a, b in pairs)


def _coin_for_rows(a: Mask, b: Mask, rng: np.random.Generator) -> Mask:
    return np.where(rng.random(a.shape[:1] + (1,) * (a.ndim - 1)) < 0.5, a, b)


def _coin_for_columns(a: Mask, b: Mask, rng: np.random.Generator) -> Mask:
    return np.where(rng.random(a.shape[-1]) < 0.5, a, b)


UNIFORM = Exercise(
    id="genetic.uniform_crossover",
    title="Uniform crossover",
    minutes=5,
    objective="mix two parents bit by bit",
    why="It does not keep neighbouring bits together, so comparing it shows whether that matters.",
    stub='''def uniform_crossover(a, b, rng):
    """Return a new mask, each bit from `a` or from `b` with equal chance."""
    ...
''',
    reference=uniform_crossover,
    draw=lambda rng: (np.ones((5, 8), bool), np.zeros((5, 8), bool), rng),
    read=mask,
    properties=(
        Law("The child has its parents' shape", _child_shape),
        Law("Where the parents agree, the child agrees with them", _agreement),
        Law("Either parent is as likely as the other", _even),
        Law("Each bit is drawn independently", _each_bit),
    ),
    misconceptions=(
        Misconception(
            "one coin for all",
            "The child is always a copy of one parent: one random number decides for the whole mask.",
            lambda a, b, rng: a.copy() if rng.random() < 0.5 else b.copy(),
            sign=lambda trial: (
                bool((_taken(trial) == _taken(trial)[:, :1]).all()) and len(set(_taken(trial)[:, 0])) == 2
            ),
        ),
        Misconception(
            "the parents' union",
            "The child keeps a weight wherever one of the parents does: nothing is left to chance, and each generation "
            "prunes fewer weights.",
            lambda a, b, rng: a | b,
            sign=_looks_or,
        ),
        Misconception(
            "parents ignored",
            "The bits are random, even where both parents agree: each bit must come from one of them.",
            lambda a, b, rng: rng.random(a.shape) < 0.5,
            sign=_looks_fatherless,
        ),
        Misconception(
            "a single point",
            "There is one cut, with one parent before it and the other after it: that is single-point crossover.",
            _cut_somewhere,
            sign=_looks_cut,
        ),
        Misconception(
            "one coin for several bits",
            "Some bits of a mask with several axes always come from the same parent: one random number decides for all "
            "of them. Each bit needs its own.",
            _coin_for_rows,
            variants=(_coin_for_columns,),
            sign=lambda trial: any(flips.shared(_from_mother(trial, setting)[1]) for setting in SETTINGS[:2]),
        ),
    ),
    hints=(
        "Toss one coin for each bit: an array of random numbers of the mask's shape, compared with a half.",
        "`np.where` picks from one of two arrays, place by place.",
    ),
)

# --- mutate ---------------------------------------------------------------------------------------------------------


def _one_bit(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    child = mask.copy()
    child.flat[rng.integers(mask.size)] ^= True
    return child


def _redrawn(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    return np.where(rng.random(mask.shape) < rate, rng.random(mask.shape) < 0.5, mask)


def mutate(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    """Flip each bit with probability `rate`."""
    return mask ^ (rng.random(mask.shape) < rate)


MUTATE = Exercise(
    id="genetic.mutate",
    title="Mutation",
    minutes=5,
    objective="add what neither parent has, at a rate you control",
    why="Without mutation, a bit value that the whole population has lost never comes back.",
    stub='''def mutate(mask, rate, rng):
    """Return a new mask, each bit of `mask` flipped independently with probability `rate`."""
    ...
''',
    reference=mutate,
    draw=flips.chance,
    read=mask,
    properties=flips.FLIP_LAWS,
    misconceptions=(
        flips.REPEATED,
        flips.SETS,
        Misconception(
            "one coin for the whole mask",
            "The rate decides here whether the whole mask is flipped. It should decide for each bit separately.",
            lambda mask, rate, rng: ~mask if rng.random() < rate else mask.copy(),
            sign=flips.one_coin,
        ),
        Misconception(
            "always one bit",
            "The same number of bits flips each time; it should vary from draw to draw.",
            _one_bit,
            sign=flips.same_number,
        ),
        Misconception(
            "redrawn, not flipped",
            "The chosen bits are drawn anew, so half of them stay the same: a bit changes with chance rate / 2.",
            _redrawn,
            sign=flips.half_rate,
        ),
        Misconception(
            "prunes only",
            "This mutation only prunes: from generation to generation the masks would keep fewer weights.",
            prune_only,
            sign=flips.prunes_only,
        ),
        flips.SHARED_DRAW,
        flips.NEVER_NOTHING,
    ),
    hints=(
        "You have already written this move for annealing, under another name.",
        "One random number for each bit decides whether that bit flips; the rest of the mask stays.",
    ),
)

# --- next_generation ------------------------------------------------------------------------------------------------


class _Children:
    """Makes children that differ from each other and from the population."""

    __name__ = "make_child"

    def __init__(self, first: int) -> None:
        self.made = first

    def __call__(self) -> NDArray[np.bool_]:
        self.made += 1
        return _individual(self.made)


class _Twins(_Children):
    """Makes equal children, far more than needed, and then different ones, so that waiting for those ends."""

    def __init__(self, first: int, twin: int, equal: int) -> None:
        super().__init__(first)
        self.twin, self.last = twin, first + equal

    def __call__(self) -> NDArray[np.bool_]:
        child = super().__call__()
        return _individual(self.twin) if self.made <= self.last else child


def _individual(number: int) -> NDArray[np.bool_]:
    return np.array([bool(number >> bit & 1) for bit in range(6)]).reshape(2, 3)


def _generation(value: Any) -> tuple[int, ...]:
    """Read a generation as a tuple of its individuals' numbers."""
    if not isinstance(value, list | tuple | np.ndarray):
        raise Unreadable(f"should be a list of masks, yours is {describe(value)}")
    people = [mask(person) for person in value]
    if any(person.shape != (2, 3) for person in people):
        raise Unreadable("should be a flat list of masks, each of the shape of those in the population")
    return tuple(int(np.sum(person.ravel() * 2 ** np.arange(6))) for person in people)


ELITES = ((2, 1), (4, 2), (5, 0), (12, 2), (6, 6), (8, 3), (12, 7), (1, 1), (32, 16))  # size of population and elite
TRICKY = (  # in the wrong order if compared as text, truncated or rounded; below zero
    [10.5, 9.5, 100.0, 20.0, 3.0],
    [0.9, 0.5, 0.2, 0.7, 0.1],
    [1.0000003, 1.0000006, 1.0, 1.0000009, 1.0000002],
    [-1.5, -10.5, -2.5, 0.5, 1e-5],
)
TIES = ([2.0, 1.0, 3.0, 1.0, 1.0, 4.0], [1e8, 1e8, 37.5, 1e8, 1e8, 1e8])


def next_generation(
    population: list[Any], costs: NDArray[np.float64], elite: int, make_child: Callable[[], Any]
) -> list[Any]:
    """The elite, then children."""
    order = np.argsort(costs, kind="stable")
    survivors = [population[index] for index in order[:elite]]
    children = [make_child() for _ in range(len(population) - elite)]
    return survivors + children


def _survival(trial: Trial) -> None:
    for size, elite in ELITES:
        _expect_generation(trial, trial.rng.permutation(size) + 0.5, elite)
    for costs in TRICKY:
        for elite in (2, 4):
            _expect_generation(trial, np.array(costs), elite)
    people, prices = [_individual(number) for number in range(6)], np.array([3.5, 0.5, 2.5, 5.5, 1.5, 4.5])
    for _ in range(2):  # the second time with the same objects, but new contents
        _expect_generation(trial, prices, 3, people)
        prices[...] = prices[::-1].copy()


def _equals(trial: Trial) -> None:
    for costs in TIES:
        for elite in (2, 3, 6):
            _expect_generation(trial, np.array(costs), elite)


def _twins(trial: Trial) -> None:
    """Children that equal each other, or an individual of the population, must all be used."""
    for size, elite, twin in ((6, 2, 40), (6, 2, 0), (6, 2, 5), (5, 0, 40), (4, 3, 0)):
        children, free = _Twins(size, twin, equal=20), size - elite
        population = [_individual(number) for number in range(size)]
        found = trial.result(population, np.arange(size) + 0.5, elite, children)
        calls, once = children.made - size, "call it once for each child, even if some are equal"
        trial.expect(calls == free, f"calls make_child() {calls} times for {free} free places: {once}")
        right = found == (*range(elite), *[twin] * free)
        trial.expect(right, f"should hold the elite and {free} equal children, yours does not: {once}")


def _expect_generation(trial: Trial, costs: NDArray[Any], elite: int, people: list[Mask] | None = None) -> None:
    """Test one generation; if `people` are given, the answer gets them and the costs themselves, not copies."""
    size, children = len(costs), _Children(len(costs))
    population = [_individual(number) for number in range(size)]
    given = (people, costs, elite, children) if people else None
    found = trial.read(trial.ask(population, costs.copy(), elite, children, given=given).value)
    trial.expect(len(found) == size, f"should hold {size} individuals, as before; yours holds {len(found)}")
    kept = found[:elite]
    known = all(number < size for number in kept) and len(set(kept)) == elite
    trial.expect(
        known and sorted(costs[list(kept)]) == sorted(costs)[:elite],
        f"should begin with the {elite} cheapest individuals",
    )
    trial.expect(
        list(costs[list(kept)]) == sorted(costs)[:elite],
        f"should begin with the {elite} cheapest individuals in order, the cheapest first",
    )
    calls = children.made - size
    trial.expect(calls == size - elite, f"calls make_child() {calls} times for {size - elite} free places")
    trial.expect(
        set(found[elite:]) == set(range(size + 1, size + 1 + size - elite)),
        f"should continue with {size - elite} children, each from its own call of make_child()",
    )


def _generation_variant(
    order: Callable[[Any], Any] = np.argsort,
    grown: bool = False,
    cloned: bool = False,
    first: bool = True,
    step: int = 1,
) -> Callable[..., Any]:
    def wrong(population: Any, costs: Any, elite: int, make_child: Any) -> Any:
        kept = [population[at] for at in order(costs)[:elite]][::step]
        count = len(population) - (0 if grown else elite)
        children = [make_child()] * count if cloned and count else [make_child() for _ in range(count)]
        return kept + children if first else children + kept

    return wrong


def _compared_masks(population: Any, costs: Any, elite: int, make_child: Any) -> Any:
    kept = [person for _, person in sorted(zip(costs, population, strict=True))[:elite]]
    return kept + [make_child() for _ in range(len(population) - elite)]


def _first_of_equals(population: Any, costs: Any, elite: int, make_child: Any) -> Any:
    kept = [population[list(costs).index(cost)] for cost in sorted(costs)[:elite]]
    return kept + [make_child() for _ in range(len(population) - elite)]


def _numbers(trial: Trial, costs: Any, elite: int = 3) -> tuple[int, ...]:
    """The next generation of a population with these costs, as the individuals' numbers."""
    people = [_individual(number) for number in range(len(costs))]
    return trial.result(people, np.array(costs), elite, _Children(len(costs)))  # type: ignore[no-any-return]


FALLING = np.arange(8.0)[::-1] + 0.5
VALLEY = [5.0, 4.0, 6.0, 1.0, 0.5, 2.0, 8.0, 9.0]  # the cheapest are in the middle


def _crashes_on_equals(trial: Trial) -> bool:
    if set(_numbers(trial, VALLEY)[:3]) != {3, 4, 5}:
        return False
    try:
        _numbers(trial, TIES[0])
    except Raised as raised:
        return isinstance(raised.error, ValueError) and "ambiguous" in str(raised.error)
    return False


def _sorts_text(trial: Trial) -> bool:
    return all(_numbers(trial, costs)[:3] == tuple(np.argsort([str(cost) for cost in costs])[:3]) for costs in TRICKY)


NEXT = Exercise(
    id="genetic.next_generation",
    title="The next generation",
    minutes=8,
    objective="let the best survive and fill the rest with children",
    why="With an elite the best cost never rises, but a large elite leaves little room for variety.",
    stub='''def next_generation(population, costs, elite, make_child):
    """Return a list of the same size: the `elite` cheapest individuals, the cheapest first, then children.

    Each call of make_child() gives one new child; call it once for each child.
    """
    ...
''',
    reference=next_generation,
    read=_generation,
    may_share=True,
    properties=(
        Law("First the elite, then children, and the same total number as before", _survival),
        Law("Among individuals with equal costs, any may survive", _equals),
        Law("Children that are equal count like any others", _twins),
    ),
    misconceptions=(
        Misconception(
            "the most expensive survive",
            "The most expensive individuals are kept: sort in the other direction.",
            _generation_variant(order=lambda costs: np.argsort(costs)[::-1]),
            sign=lambda trial: set(_numbers(trial, VALLEY)[:3]) == {7, 6, 2},
        ),
        Misconception(
            "not sorted",
            "The first individuals of the list are kept, whatever their costs: keep the cheapest.",
            _generation_variant(order=lambda costs: range(len(costs))),
            sign=lambda trial: set(_numbers(trial, VALLEY)[:3]) == {0, 1, 2},
        ),
        Misconception(
            "the population grows",
            "The elite is added to a full set of children, so the population grows from generation to generation.",
            _generation_variant(grown=True),
            sign=lambda trial: len(_numbers(trial, FALLING)) == 11,
        ),
        Misconception(
            "one child many times",
            "The same child is used many times: call make_child() once for each child.",
            _generation_variant(cloned=True),
            sign=lambda trial: len(_numbers(trial, FALLING)) == 8 and len(set(_numbers(trial, FALLING)[3:])) == 1,
        ),
        Misconception(
            "children first",
            "The children come before the elite; the elite should come first.",
            _generation_variant(first=False),
            sign=lambda trial: set(_numbers(trial, FALLING)[-3:]) == {5, 6, 7},
        ),
        Misconception(
            "the elite out of order",
            "The right individuals survive, but not the cheapest first. The cells below pair them with the sorted "
            "costs, so each would get the cost of another.",
            _generation_variant(step=-1),
            sign=lambda trial: (
                all(
                    set(_numbers(trial, costs)[:3]) == set(np.argsort(costs)[:3].tolist())
                    for costs in (VALLEY, *TRICKY)
                )
                and any(_numbers(trial, costs)[:3] != tuple(np.argsort(costs)[:3]) for costs in (VALLEY, *TRICKY))
            ),
        ),
        Misconception(
            "masks compared",
            "Where two costs are equal, the individuals themselves are compared, and masks cannot be sorted: sort by "
            "the cost alone.",
            _compared_masks,
            sign=_crashes_on_equals,
        ),
        Misconception(
            "the first of equals",
            "Where two costs are equal, the first of the two survives twice and the other not at all: find individuals "
            "by their index, not by their cost.",
            _first_of_equals,
            sign=lambda trial: _numbers(trial, TIES[0])[:3] == (1, 1, 1),
        ),
        Misconception(
            "sorted as text",
            "The costs are compared as text, where 10.5 comes before 9.5: compare them as numbers.",
            _generation_variant(order=lambda costs: sorted(range(len(costs)), key=lambda at: str(costs[at]))),
            sign=_sorts_text,
        ),
    ),
    hints=(
        "`np.argsort(costs)` gives indices from the cheapest to the most expensive.",
        "How many places does the elite leave? Make that many children, with one call for each.",
    ),
)

EXERCISES = (TOURNAMENT, SINGLE_POINT, UNIFORM, MUTATE, NEXT)
