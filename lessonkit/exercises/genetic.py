"""Lesson 4: selection, crossover, mutation, and who lives on."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonkit import genetic as engine
from lessonkit.exercises import flips
from lessonkit.exercises.exercise import (
    SIGMAS,
    Examples,
    Exercise,
    Law,
    Misconception,
    Trial,
    expect_new_memory,
    unlikely,
)
from lessonkit.exercises.results import Unreadable, describe, index, mask, several, unordered
from lessonkit.masks import Mask, prune_only

# --- tournament_select ----------------------------------------------------------------------------------------------

COSTS = np.array([3.0, 0.5, 2.0, 5.0, 1.0, 4.0])  # all different, so that a winner has one rank
RANKS = np.argsort(np.argsort(COSTS))
TOURNAMENTS = 500


def _wins(trial: Trial, size: int) -> NDArray[np.int_]:
    """How often each rank won, the cheapest first."""
    if size not in trial.notes:
        rng = trial.generator()
        winners = [trial.result(COSTS, size, rng) for _ in range(TOURNAMENTS)]
        valid = all(0 <= winner < len(COSTS) for winner in winners)
        trial.expect(valid, f"should be an index from 0 to {len(COSTS) - 1}")
        trial.notes[size] = np.bincount(RANKS[winners], minlength=len(COSTS))
    return trial.notes[size]  # type: ignore[no-any-return]


def _whole_tournament(trial: Trial) -> None:
    for costs in (np.array([2.0, 1.0]), COSTS, -COSTS):
        for _ in range(20):
            winner, best = trial.result(costs, len(costs), trial.generator()), int(np.argmin(costs))
            trial.expect(winner == best, f"should be {best}, the cheapest of all, yours is {winner}")


def _distribution(trial: Trial) -> None:
    for size in (1, 3, 2):
        wins, count = _wins(trial, size), len(COSTS)
        for rank in range(count):
            chance = math.comb(count - 1 - rank, size - 1) / math.comb(count, size)
            trial.expect(
                not unlikely(wins[rank], TOURNAMENTS, chance),
                f"lets the individual of rank {rank} (0 is the cheapest) win {wins[rank] / TOURNAMENTS:.3f} of the "
                f"tournaments; {chance:.3f} is its chance among {size} distinct entrants",
            )


def _selection_rng(trial: Trial) -> None:
    costs = np.arange(40.0)
    for seed in range(5):
        pair = [trial.result(costs, 2, np.random.default_rng(seed)) for _ in range(2)]
        trial.expect(pair[0] == pair[1], "gives another winner for a generator of the same seed")
    trial.expect(trial.advances(costs, 2, trial.generator()), "does not use the generator `rng`")


def _among_entrants(costs: Any, size: int, rng: np.random.Generator) -> int:
    return int(np.argmin(costs[rng.choice(len(costs), size, replace=False)]))


def _most_expensive(costs: Any, size: int, rng: np.random.Generator) -> int:
    entrants = rng.choice(len(costs), size, replace=False)
    return int(entrants[np.argmax(costs[entrants])])


def _with_replacement(costs: Any, size: int, rng: np.random.Generator) -> int:
    entrants = rng.integers(len(costs), size=size)
    return int(entrants[np.argmin(costs[entrants])])


def _looks_replaced(trial: Trial) -> bool:
    count, wins = len(COSTS), _wins(trial, 2)
    chances = [((count - rank) ** 2 - (count - rank - 1) ** 2) / count**2 for rank in range(count)]
    return not any(unlikely(won, TOURNAMENTS, chance) for won, chance in zip(wins, chances, strict=True))


def _looks_positional(trial: Trial) -> bool:
    winners = [trial.result(np.arange(60.0)[::-1], 3, trial.generator()) for _ in range(60)]
    return max(winners) < 3 and len(set(winners)) > 1


TOURNAMENT = Exercise(
    id="genetic.tournament_select",
    title="A tournament",
    minutes=8,
    objective="select parents by their rank, and set how strict the selection is",
    why="Its size is the pressure of the whole algorithm: 1 is blind, all is a monopoly of the best.",
    stub='''def tournament_select(costs, size, rng):
    """Return the index of the cheapest among `size` distinct entrants, drawn at random from all of `costs`."""
    ...
''',
    reference=engine.tournament_select,
    read=index,
    properties=(
        Law("Where everybody enters, the cheapest wins", _whole_tournament),
        Law("The entrants are distinct, and all draws equally likely", _distribution),
        Law("`rng` is the only source of chance", _selection_rng),
    ),
    misconceptions=(
        Misconception(
            "the place among the entrants",
            "This is the winner's place among the entrants, not its index among all: the entrants have to be asked who "
            "stands there.",
            _among_entrants,
            sign=_looks_positional,
        ),
        Misconception(
            "the most expensive wins",
            "The most expensive entrant wins. A cost is to be made small.",
            _most_expensive,
            sign=lambda trial: all(trial.result(COSTS, 6, trial.generator()) == 3 for _ in range(10)),
        ),
        Misconception(
            "drawn with replacement",
            "The same individual can enter twice: entrants are distinct, so draw without replacement.",
            _with_replacement,
            sign=_looks_replaced,
        ),
        Misconception(
            "no draw",
            "The cheapest of all wins every time, even when a single entrant is drawn: only entrants can win.",
            lambda costs, size, rng: int(np.argmin(costs)),
            sign=lambda trial: bool(_wins(trial, 1)[0] == TOURNAMENTS),
        ),
    ),
    hints=(
        "First draw who enters: `rng.choice` can draw distinct indices.",
        "Then compare the entrants' costs. `np.argmin` tells the place among the entrants; whose index stands there?",
    ),
)

# --- crossover ------------------------------------------------------------------------------------------------------


def _parents(rng: np.random.Generator) -> Iterator[tuple[Any, Any, int]]:
    yield np.array([True, True]), np.array([False, False]), 1
    yield np.array([True, False, True, True]), np.array([False, False, True, False]), 2
    for point in (2, 4, 5):
        yield np.ones((2, 3), bool), np.zeros((2, 3), bool), point
    for shape in ((12,), (4, 5), (3, 3, 1, 4)):
        a, b = (rng.random(shape) < 0.5 for _ in range(2))
        yield a, b, int(rng.integers(1, a.size))
    yield np.ones(3, bool), np.zeros(3, bool), 0
    yield np.ones(3, bool), np.zeros(3, bool), 3


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


def _separate_memory(trial: Trial) -> None:
    for point in (0, 2, 4):
        expect_new_memory(trial, np.ones(4, bool), np.zeros(4, bool), point)


SINGLE_POINT = Exercise(
    id="genetic.single_point_crossover",
    title="Single-point crossover",
    minutes=8,
    objective="exchange the tails of two masks of any shape without aliasing",
    why="Neighbours in the flattened mask stay together, for better or worse: that is what the point decides.",
    stub='''def single_point_crossover(a, b, point):
    """Return two new masks: `a` and `b` with their tails exchanged after `point` bits in flattened order."""
    ...
''',
    reference=engine.single_point_crossover,
    read=unordered(several(mask, mask)),
    properties=(
        Examples("The first `point` bits stay, the rest is exchanged, and the shape is kept", _parents),
        Law(
            "The children share no memory with the parents",
            _separate_memory,
        ),
    ),
    misconceptions=(
        Misconception(
            "whole rows",
            "The point counts rows here; it should count bits in flattened order, so that it may fall inside a row.",
            _crossed_rows,
        ),
        Misconception(
            "the shape lost",
            "The bits are right, but the children have lost their parents' shape.",
            _crossed_flat,
        ),
        Misconception(
            "in place",
            "The parents themselves are changed: they may be needed for further children.",
            _crossed_in_place,
        ),
        Misconception(
            "one tail twice",
            "Both children end up with the same tail: the first one was overwritten before the second could read it.",
            _crossed_aliased,
        ),
        Misconception(
            "off by one",
            "The cut is one bit too late: exactly `point` bits stay.",
            lambda a, b, point: engine.single_point_crossover(a, b, point + 1),
        ),
    ),
    hints=(
        "Flatten both masks, cut, join, and give the children their shape back.",
        "`np.concatenate` joins two pieces into a new array, and `reshape` gives a shape.",
    ),
)

BITS, DRAWS = 40, 400
MOTHER = np.arange(BITS) % 4 < 2
FATHER = np.arange(BITS) % 2 == 0
UNLIKE = MOTHER != FATHER  # half of the bits


def _from_mother(trial: Trial) -> NDArray[np.bool_]:
    """Where the parents differ: which bits came from the first one, shape (DRAWS, BITS / 2)."""
    if "children" not in trial.notes:
        rng = trial.generator()
        rows = [trial.result(MOTHER, FATHER, rng).reshape(-1) for _ in range(DRAWS)]
        trial.notes["children"] = np.array(rows)
    return trial.notes["children"][:, UNLIKE] == MOTHER[UNLIKE]  # type: ignore[no-any-return]


def _child_shape(trial: Trial) -> None:
    for shape in ((1,), (2, 3), (5, 5, 1, 2)):
        found = trial.result(np.ones(shape, bool), np.zeros(shape, bool), trial.generator())
        trial.expect(found.shape == shape, f"should have shape {shape}, yours has {found.shape}")


def _agreement(trial: Trial) -> None:
    for a in (np.array([True]), np.array([True, False, False]), MOTHER):
        found = trial.result(a, a, trial.generator())
        trial.expect(np.array_equal(found, a), "should give what both parents have where they agree")
    _from_mother(trial)
    same = trial.notes["children"][:, ~UNLIKE] == MOTHER[~UNLIKE]
    trial.expect(same.all(), "should give what both parents have where they agree")


def _even(trial: Trial) -> None:
    found = _from_mother(trial)
    share = found.mean()
    trial.expect(
        not unlikely(found.sum(), found.size, 0.5), f"takes {share:.3f} of the bits from `a`; the chance is equal"
    )
    odd = [place for place, hits in enumerate(found.sum(axis=0)) if unlikely(hits, DRAWS, 0.5)]
    trial.expect(not odd, "prefers one parent at some places")


def _each_bit(trial: Trial) -> None:
    found = _from_mother(trial)
    width = found.shape[1]
    ratio = np.mean((found.sum(axis=1) - width / 2) ** 2) / (width / 4)
    often = "too little" if ratio < 1 else "too much"
    text = f"takes a number of bits from `a` that varies {often} for bits that are drawn independently"
    trial.expect(abs(ratio - 1) < SIGMAS * np.sqrt(2 / DRAWS) + 0.05, text)
    together = (found[:, 0::2] == found[:, 1::2]).sum()
    trial.expect(not unlikely(together, DRAWS * width / 2, 0.5), "draws neighbouring bits together")


def _crossover_rng(trial: Trial) -> None:
    for seed in range(5):
        pair = [trial.result(MOTHER, FATHER, np.random.default_rng(seed)) for _ in range(2)]
        trial.expect(np.array_equal(*pair), "gives another child for a generator of the same seed")
    trial.expect(trial.advances(MOTHER, FATHER, trial.generator()), "does not use the generator `rng`")


def _cut_somewhere(a: Mask, b: Mask, rng: np.random.Generator) -> Mask:
    point = int(rng.integers(1, a.size)) if a.size > 1 else 1
    return engine.single_point_crossover(a, b, point)[0]


def _looks_cut(trial: Trial) -> bool:
    changes = np.count_nonzero(np.diff(_from_mother(trial).astype(int), axis=1), axis=1)
    return bool(changes.max() == 1)


UNIFORM = Exercise(
    id="genetic.uniform_crossover",
    title="Uniform crossover",
    minutes=5,
    objective="mix two parents bit by bit",
    why="It keeps no neighbours together, so it tells what their neighbourhood is worth.",
    stub='''def uniform_crossover(a, b, rng):
    """Return a new mask, each bit from `a` or from `b` with equal chance."""
    ...
''',
    reference=engine.uniform_crossover,
    read=mask,
    properties=(
        Law("The child has its parents' shape", _child_shape),
        Law("Where the parents agree, the child agrees with them", _agreement),
        Law("Either parent is as likely as the other", _even),
        Law("Each bit is drawn for itself", _each_bit),
        Law("`rng` is the only source of chance", _crossover_rng),
    ),
    misconceptions=(
        Misconception(
            "one coin for all",
            "The child is always a copy of one parent: one random number decides for the whole mask.",
            lambda a, b, rng: a.copy() if rng.random() < 0.5 else b.copy(),
            sign=lambda trial: bool((_from_mother(trial) == _from_mother(trial)[:, :1]).all()),
        ),
        Misconception(
            "or",
            "The child keeps a weight wherever one of the parents does: nothing is left to chance, and children fill.",
            lambda a, b, rng: a | b,
            sign=lambda trial: bool((_from_mother(trial) == MOTHER[UNLIKE]).all()),
        ),
        Misconception(
            "parents ignored",
            "The bits are random, whatever the parents have: even where both agree.",
            lambda a, b, rng: rng.random(a.shape) < 0.5,
            sign=lambda trial: not trial.result(np.ones(60, bool), np.ones(60, bool), trial.generator()).all(),
        ),
        Misconception(
            "a single point",
            "There is one cut, before it one parent and behind it the other: that is single-point crossover.",
            _cut_somewhere,
            sign=_looks_cut,
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


MUTATE = Exercise(
    id="genetic.mutate",
    title="Mutation",
    minutes=5,
    objective="add what neither parent has, at a rate you control",
    why="Without it a bit that the whole population has lost is lost for ever.",
    stub='''def mutate(mask, rate, rng):
    """Return a new mask, each bit of `mask` flipped independently with probability `rate`."""
    ...
''',
    reference=engine.mutate,
    read=mask,
    properties=flips.FLIP_LAWS,
    misconceptions=(
        Misconception(
            "a rate for the individual",
            "The rate decides here whether the individual mutates as a whole. It is meant for each bit by itself.",
            lambda mask, rate, rng: ~mask if rng.random() < rate else mask.copy(),
            sign=flips.one_coin,
        ),
        Misconception(
            "always one bit",
            "The number of bits that flip is the same each time, whatever chance says; it should vary with the draw.",
            _one_bit,
            sign=flips.same_number,
        ),
        Misconception(
            "drawn anew, not flipped",
            "The chosen bits are drawn anew, so half of them stay what they were and only rate / 2 of all bits change.",
            _redrawn,
            sign=flips.half_rate,
        ),
        Misconception(
            "prunes only",
            "This mutation only ever prunes: generation by generation the masks would empty.",
            prune_only,
            sign=flips.prunes_only,
        ),
    ),
    hints=(
        "You have written this move before, under another name, for annealing.",
        "One random number a bit says whether that bit flips; the rest of the mask stays.",
    ),
)

# --- next_generation ------------------------------------------------------------------------------------------------


class _Children:
    """Makes children that can be told apart from each other and from their elders."""

    __name__ = "make_child"

    def __init__(self, first: int) -> None:
        self.made = first

    def __call__(self) -> NDArray[np.bool_]:
        self.made += 1
        return _individual(self.made)


def _individual(number: int) -> NDArray[np.bool_]:
    return np.array([bool(number >> bit & 1) for bit in range(6)])


def _populations(rng: np.random.Generator) -> Iterator[tuple[Any, ...]]:
    for size, elite in ((2, 1), (4, 2), (5, 0), (12, 2), (6, 6), (8, 3)):
        people = [_individual(number) for number in range(size)]
        yield people, rng.permutation(size) + 0.5, elite, _Children(size)


def _generation(value: Any) -> tuple[int, ...]:
    """The individuals' numbers."""
    if not isinstance(value, list | tuple | np.ndarray):
        raise Unreadable(f"should be a list of masks, yours is {describe(value)}")
    people = [mask(person) for person in value]
    if any(person.shape != (6,) for person in people):
        raise Unreadable("should be a flat list of masks, each of the shape that the population has")
    return tuple(int(np.sum(person * 2 ** np.arange(6))) for person in people)


def _survival(trial: Trial) -> None:
    for people, costs, elite, children in _populations(trial.rng):
        found = trial.result(people, costs, elite, children)
        size = len(people)
        trial.expect(len(found) == size, f"should hold {size} individuals, as before; yours holds {len(found)}")
        cheapest = set(np.argsort(costs)[:elite].tolist())
        trial.expect(set(found[:elite]) == cheapest, f"should begin with the {elite} cheapest individuals")
        made = set(range(size + 1, size + 1 + size - elite))
        trial.expect(
            set(found[elite:]) == made and children.made == 2 * size - elite,
            f"should go on with {size - elite} children, each from its own call of make_child()",
        )


def _generation_variant(
    order: Callable[[Any], Any] = np.argsort, grown: bool = False, cloned: bool = False, first: bool = True
) -> Callable[..., Any]:
    def wrong(population: Any, costs: Any, elite: int, make_child: Any) -> Any:
        kept = [population[at] for at in order(costs)[:elite]]
        count = len(population) - (0 if grown else elite)
        children = [make_child()] * count if cloned and count else [make_child() for _ in range(count)]
        return kept + children if first else children + kept

    return wrong


def _numbers(trial: Trial) -> tuple[int, ...]:
    """What the answer makes of eight people, the dearest first, with an elite of three."""
    people = [_individual(number) for number in range(8)]
    return trial.result(people, np.arange(8.0)[::-1], 3, _Children(8))  # type: ignore[no-any-return]


NEXT = Exercise(
    id="genetic.next_generation",
    title="The next generation",
    minutes=8,
    objective="let the best survive and fill up with children",
    why="With an elite the best cost never rises; how many seats it takes is paid for in variety.",
    stub='''def next_generation(population, costs, elite, make_child):
    """Return a list of the same size: the `elite` cheapest individuals, then children.

    Each call of make_child() gives one new child; call it once a child.
    """
    ...
''',
    reference=engine.next_generation,
    read=_generation,
    properties=(Law("First the elite, then children, and as many in all as before", _survival),),
    misconceptions=(
        Misconception(
            "the dearest survive",
            "The most expensive individuals are kept: sort the other way.",
            _generation_variant(order=lambda costs: np.argsort(costs)[::-1]),
            sign=lambda trial: set(_numbers(trial)[:3]) == {0, 1, 2} and not _kept_first(trial),
        ),
        Misconception(
            "not sorted",
            "The first individuals of the list are kept, whatever they cost.",
            _generation_variant(order=lambda costs: range(len(costs))),
            sign=lambda trial: _kept_first(trial),
        ),
        Misconception(
            "the population grows",
            "The elite comes on top of a full set of children, so the population grows from generation to generation.",
            _generation_variant(grown=True),
            sign=lambda trial: len(_numbers(trial)) == 11,
        ),
        Misconception(
            "one child many times",
            "The same child is used many times: make_child() has to be called once for each.",
            _generation_variant(cloned=True),
            sign=lambda trial: len(_numbers(trial)) == 8 and len(set(_numbers(trial)[3:])) == 1,
        ),
        Misconception(
            "children first",
            "The children stand before the elite; the elite comes first.",
            _generation_variant(first=False),
            sign=lambda trial: set(_numbers(trial)[-3:]) == {5, 6, 7},
        ),
    ),
    hints=(
        "`np.argsort(costs)` gives indices from the cheapest to the most expensive.",
        "How many seats are left when the elite has taken its own? That many children are made, one call each.",
    ),
)


def _kept_first(trial: Trial) -> bool:
    """Whether the first of the list survive when the cheapest stand in the middle."""
    people, costs = [_individual(number) for number in range(8)], np.array([5.0, 4.0, 6.0, 1.0, 0.5, 2.0, 8.0, 9.0])
    return set(trial.result(people, costs, 3, _Children(8))[:3]) == {0, 1, 2}


EXERCISES = (TOURNAMENT, SINGLE_POINT, UNIFORM, MUTATE, NEXT)
