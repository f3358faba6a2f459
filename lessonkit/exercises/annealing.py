"""Lesson 3: the pieces of simulated annealing, and the search that is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonkit import annealing as engine
from lessonkit import masks, objective
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.exercises import flips
from lessonkit.exercises.exercise import SIGMAS, Examples, Exercise, Law, Misconception, Trial
from lessonkit.exercises.results import mask, number, several
from lessonkit.masks import Mask, flip
from lessonkit.objective import adaptive_mutation_rate

# --- acceptance_probability -----------------------------------------------------------------------------------------


def _deltas(rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    yield -1.0, 1.0
    yield 0.0, 1.0
    yield 1.0, 1.0
    yield 1.0, 4.0
    yield 0.5, 0.25
    for _ in range(10):
        yield float(rng.uniform(-2, 2)), float(rng.uniform(0.05, 3))
    yield -1e4, 1.0
    yield 1e4, 1.0
    yield 1.0, 1e-300
    yield -1.0, 1e-300
    yield 1e300, 1e-300
    yield -1e300, 1e-300


ACCEPTANCE = Exercise(
    id="annealing.acceptance_probability",
    title="The Metropolis rule",
    minutes=6,
    objective="state how likely a worse candidate is accepted, and compute it safely",
    why="This one line is the difference between annealing and a plain descent.",
    stub='''def acceptance_probability(delta, temperature):
    """Return the chance to accept a change of the cost by `delta`: 1 unless it rises, else exp(-delta / temperature).

    Any finite numbers, with temperature > 0.
    """
    ...
''',
    reference=engine.acceptance_probability,
    read=number,
    properties=(Examples("Better or equal is certain, worse is exponentially rare", _deltas),),
    misconceptions=(
        Misconception(
            "the sign",
            "The sign in the exponent is missing, so the worse a candidate is, the likelier it is accepted.",
            lambda delta, temperature: 1.0 if delta <= 0 else math.exp(delta / temperature),
            variants=(lambda delta, temperature: 1.0 if delta <= 0 else float(np.exp(delta / temperature)),),
        ),
        Misconception(
            "cut off too late",
            "The exponential is taken before it is cut off at 1, so a very good candidate overflows: decide first.",
            lambda delta, temperature: min(1.0, math.exp(-delta / temperature)),
        ),
        Misconception(
            "above one",
            "For a better candidate this is larger than 1, which is no probability.",
            lambda delta, temperature: float(np.exp(-delta / temperature)),
            variants=(lambda delta, temperature: math.exp(-delta / temperature),),
        ),
        Misconception(
            "greedy",
            "This never accepts a worse candidate: it is a descent, and it stays in the first valley.",
            lambda delta, temperature: 1.0 if delta <= 0 else 0.0,
        ),
        Misconception(
            "times the temperature",
            "The temperature is a factor here, so heat makes the search pickier; it belongs under the line.",
            lambda delta, temperature: 1.0 if delta <= 0 else math.exp(-delta * temperature),
        ),
    ),
    hints=(
        "There are two cases, and only one of them needs the exponential function.",
        "What is delta / temperature for a delta far below 0, and what does `math.exp` make of its negative? See to "
        "that case before.",
    ),
)

# --- schedules ------------------------------------------------------------------------------------------------------


def _steps(rng: np.random.Generator) -> Iterator[tuple[float, int]]:
    yield 1.0, 0
    yield 1.0, 1
    yield 2.5, 9
    for step in (50, 199, 100_000):
        yield float(rng.uniform(0.1, 10)), step


COOLING = Exercise(
    id="annealing.logarithmic_cooling",
    title="A cooling schedule",
    minutes=4,
    objective="write the experiment's schedule and see how slowly it cools",
    why="After 200 steps the temperature is still a sixth of what it was: the search never quite settles.",
    stub='''def logarithmic_cooling(initial, step):
    """Return initial / (1 + ln(1 + step))."""
    ...
''',
    reference=engine.logarithmic_cooling,
    read=number,
    properties=(Examples("Step 0 has the initial temperature, and from there it falls", _steps),),
    misconceptions=(
        Misconception(
            "another base",
            "The logarithm has another base: ln is the natural one.",
            lambda initial, step: initial / (1 + math.log10(1 + step)),
            variants=(lambda initial, step: initial / (1 + math.log2(1 + step)),),
        ),
        Misconception(
            "no 1 under the line",
            "At step 0 the logarithm is 0, and this divides by it: something is missing under the line.",
            lambda initial, step: initial / math.log(1 + step),
            variants=(lambda initial, step: float(np.divide(initial, np.log(1 + step))),),
        ),
        Misconception(
            "ln(step)",
            "At step 0 this takes the logarithm of 0.",
            lambda initial, step: initial / (1 + math.log(step)),
            variants=(lambda initial, step: float(initial / (1 + np.log(step))),),
        ),
        Misconception(
            "heating",
            "The temperature rises: something stands above the line that belongs below it.",
            lambda initial, step: initial * (1 + math.log(1 + step)),
        ),
    ),
    hints=(
        "Which function of `math` is the natural logarithm?",
        "Try your function at step 0, where the initial temperature should come out. Are all brackets in place?",
    ),
)


def _rates(rng: np.random.Generator) -> Iterator[tuple[float, int, int]]:
    yield 0.5, 0, 2
    yield 0.5, 1, 2
    yield 0.5, 2, 2
    yield 0.15, 50, 200
    for _ in range(5):
        yield float(rng.uniform(0.01, 0.9)), int(rng.integers(1, 100)), 100


RATE = Exercise(
    id="annealing.adaptive_mutation_rate",
    title="A rate that falls",
    minutes=4,
    objective="tell a printed formula from what the experiment computes",
    why="The published text subtracts where the experiment multiplies; only one of them gives rates.",
    stub='''def adaptive_mutation_rate(rate, step, total):
    """Return rate * (1 - step / total)."""
    ...
''',
    reference=objective.adaptive_mutation_rate,
    read=number,
    properties=(Examples("The rate falls in a straight line from `rate` to 0", _rates),),
    misconceptions=(
        Misconception(
            "as printed",
            "This subtracts the share of steps done, as the printed formula does: soon the rate would be negative.",
            lambda rate, step, total: rate - step / total,
        ),
        Misconception(
            "integer division",
            "The division drops what is behind the point, so the rate stays constant until the end: use / and not //.",
            lambda rate, step, total: rate * (1 - step // total),
        ),
        Misconception(
            "rising",
            "The rate rises from 0: it should begin there where this one ends.",
            lambda rate, step, total: rate * step / total,
        ),
        Misconception(
            "brackets",
            "The rate is multiplied before something is subtracted: set the brackets so that it multiplies everything.",
            lambda rate, step, total: rate * 1 - rate * rate * step / total,
            variants=(lambda rate, step, total: 1 - rate * step / total,),
        ),
    ),
    hints=(
        "Which share of the steps is still to come? It is 1 at step 0 and 0 at step `total`.",
        "The rate is that share of the initial rate.",
    ),
)

# --- flip_neighbour -------------------------------------------------------------------------------------------------


def _flip_exactly(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    neighbour = mask.copy()
    neighbour.flat[rng.choice(mask.size, round(rate * mask.size), replace=False)] ^= True
    return neighbour


FLIP = Exercise(
    id="annealing.flip_neighbour",
    title="A neighbour of a mask",
    minutes=8,
    objective="propose a random change of a mask, and say what its distribution is",
    why="What a search can find depends on its moves: one that only prunes never takes a mistake back.",
    stub='''def flip_neighbour(mask, rate, rng):
    """Return a new mask, each bit of `mask` flipped independently with probability `rate`."""
    ...
''',
    reference=masks.flip,
    read=mask,
    draw=lambda rng: (np.arange(40) % 4 < 2, 0.2, rng),
    properties=flips.FLIP_LAWS,
    misconceptions=(
        Misconception(
            "prunes only",
            "A pruned weight never comes back: this move can only switch weights off, as the experiment's did.",
            masks.prune_only,
            sign=flips.prunes_only,
        ),
        Misconception(
            "one coin for all",
            "All bits flip together or none: one random number decides for the whole mask. Each bit needs its own.",
            lambda mask, rate, rng: ~mask if rng.random() < rate else mask.copy(),
            sign=flips.one_coin,
        ),
        Misconception(
            "a fixed number",
            "The same number of bits flips each time. Independent bits have a varying number: sometimes none flips, "
            "sometimes many.",
            _flip_exactly,
            sign=flips.same_number,
        ),
        Misconception(
            "the rate inverted",
            "Bits flip with 1 - rate: the comparison is the wrong way round.",
            lambda mask, rate, rng: mask ^ (rng.random(mask.shape) > rate),
            sign=flips.inverted_rate,
        ),
        Misconception(
            "another generator",
            "The random numbers do not come from `rng`, so nobody can repeat the run.",
            lambda mask, rate, rng: mask ^ (np.random.default_rng().random(mask.shape) < rate),
            sign=flips.foreign_rng,
        ),
    ),
    hints=(
        "`rng.random(shape)` gives one number between 0 and 1 for each bit. Which share of them is below `rate`?",
        "Comparing them gives a mask of the bits to flip. Which operator turns a bit over where another one is True?",
    ),
)

# --- anneal ---------------------------------------------------------------------------------------------------------


def anneal(
    cost: Callable[[Mask], float],
    start: Mask,
    temperature: float,
    rate: float,
    iterations: int,
    rng: np.random.Generator,
) -> tuple[Mask, float]:
    """Walk from `start`, always downhill and sometimes uphill; return the best mask seen and its cost."""
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost


class _Landscape:
    """A cost without any slope: each mask's is drawn once. It records every call."""

    __name__ = "cost"

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._known = rng, dict[bytes, float]()
        self.masks: list[NDArray[np.bool_]] = []
        self.costs: list[float] = []

    def __call__(self, candidate: Any) -> float:
        bits = np.array(candidate, dtype=bool)
        value = self._known.setdefault(bits.tobytes(), float(self._rng.random()))
        self.masks.append(bits)
        self.costs.append(value)
        return value

    def of(self, candidate: Any) -> float | None:
        """The cost of a mask that was evaluated."""
        return self._known.get(np.array(candidate, dtype=bool).tobytes())


BITS, ITERATIONS, RUNS, START_RATE = 384, 120, 4, 0.1
SEEN = int(0.8 * ITERATIONS)  # later proposals hardly differ from their parent, which hides whose they are
MISREAD = 0.03  # share of steps at which that may happen earlier; measured, it is under 0.002


@dataclass
class _Walk:
    """What could be seen of an answer's runs: for each step that matters, one entry."""

    rises: NDArray[np.float64]  # proposal's cost minus the current one's
    accepted: NDArray[np.bool_]
    steps: NDArray[np.int_]
    flipped: NDArray[np.int_]  # bits that differ from the current mask
    switched_on: int  # pruned bits of a current mask that a proposal has kept
    last_cost_returned: bool  # in every run, though a better one was seen

    def surprise(self, temperature: Callable[[NDArray[np.int_]], NDArray[np.float64]]) -> float:
        """In standard deviations: more worse proposals accepted than Metropolis does at this temperature."""
        uphill = self.rises > 0
        chance = np.exp(-self.rises[uphill] / temperature(self.steps[uphill]))
        return float((self.accepted[uphill] - chance).sum() / np.sqrt((chance * (1 - chance)).sum() + 1))

    def rate_surprise(self, late: bool, constant: bool = False) -> float:
        """In standard deviations: more bits flipped in the first or second half than the rate says."""
        half = (self.steps >= SEEN // 2) == late
        rates = START_RATE * (np.ones(half.sum()) if constant else 1 - self.steps[half] / ITERATIONS)
        expected, variance = BITS * rates.sum(), BITS * (rates * (1 - rates)).sum()
        counted_from_one = BITS * START_RATE * half.sum() / ITERATIONS  # step 1 to n instead of 0 to n - 1 is fine
        excess = self.flipped[half].sum() - expected
        return float(np.sign(excess) * max(abs(excess) - counted_from_one, 0) / np.sqrt(variance))


def _logarithmic(steps: NDArray[np.int_]) -> NDArray[np.float64]:
    return 1 / (1 + np.log(1 + steps))


def _run(trial: Trial, iterations: int, temperature: float, size: int) -> tuple[_Landscape, Any, float]:
    """One run of the answer; the random numbers of landscape and start are the checker's."""
    landscape, start = _Landscape(trial.generator()), trial.rng.random(size) < 0.5
    best, best_cost = trial.result(landscape, start, temperature, START_RATE, iterations, trial.generator())
    trial.expect(best.shape == start.shape, f"should return a mask of shape {start.shape}, yours is {best.shape}")
    return landscape, best, best_cost


def _walk(trial: Trial) -> _Walk:
    if "walk" in trial.notes:
        return trial.notes["walk"]  # type: ignore[no-any-return]
    rises, accepted, steps, flipped, on, last = [], [], [], [], 0, True
    for _ in range(RUNS):
        landscape, _, best_cost = _run(trial, ITERATIONS, 1.0, BITS)
        current, ended = 0, False
        last = last and best_cost > min(landscape.costs) + 1e-6
        for step in range(min(SEEN, len(landscape.masks) - 2)):
            proposal, following = landscape.masks[step + 1], landscape.masks[step + 2]
            differ = proposal != landscape.masks[current]
            # The next proposal keeps most of its parent's bits: is it nearer to this proposal or to the current mask?
            taken = 2 * np.count_nonzero(differ & (following == proposal)) > np.count_nonzero(differ)
            rises.append(landscape.costs[step + 1] - landscape.costs[current])
            accepted.append(taken)
            steps.append(step)
            flipped.append(np.count_nonzero(differ))
            on += int(np.count_nonzero(proposal & ~landscape.masks[current]))
            current = step + 1 if taken else current
            ended = best_cost in landscape.costs[-20:]
        last = last and ended
    walk = _Walk(np.array(rises), np.array(accepted, bool), np.array(steps, int), np.array(flipped, int), on, last)
    trial.notes["walk"] = walk
    return walk


def _first_call(trial: Trial) -> None:
    for size, iterations in ((3, 0), (8, 1), (8, 20)):
        landscape = _Landscape(trial.generator())
        start = trial.rng.random(size) < 0.5
        trial.result(landscape, start, 1.0, 0.5, iterations, trial.generator())
        calls = len(landscape.masks)
        trial.expect(
            calls == iterations + 1, f"calls the cost {calls} times; it is iterations + 1, with the start's own call"
        )
        trial.expect(np.array_equal(landscape.masks[0], start), "should begin with the cost of `start`")


def _best(trial: Trial) -> None:
    for size, iterations in ((3, 0), (6, 3), (20, 40), (20, 40), (20, 40), (20, 40)):
        landscape, best, best_cost = _run(trial, iterations, 5.0, size)
        lowest = min(landscape.costs)
        trial.expect(
            abs(best_cost - lowest) < 1e-5, f"returns the cost {best_cost:.4f}, but it has seen a mask of {lowest:.4f}"
        )
        own = landscape.of(best)
        trial.expect(own is not None and abs(own - lowest) < 1e-5, "returns a best cost that belongs to another mask")


def _metropolis(trial: Trial) -> None:
    walk = _walk(trial)
    refused = 1 - walk.accepted[walk.rises < 0].mean()
    trial.expect(refused < MISREAD, "does not go on from every candidate that is better")
    surprise = walk.surprise(_logarithmic)
    often = "more often" if surprise > 0 else "more rarely"
    trial.expect(
        abs(surprise) < SIGMAS, f"accepts worse candidates {often} than the Metropolis rule at that temperature"
    )
    for late in (False, True):
        half = (walk.steps >= SEEN // 3) == late
        part = _Walk(walk.rises[half], walk.accepted[half], walk.steps[half], walk.flipped[half], 0, False)
        when = "late in the run" if late else "early in the run"
        text = f"does not accept worse candidates as the Metropolis rule does {when}: how does the temperature fall?"
        trial.expect(abs(part.surprise(_logarithmic)) < SIGMAS, text)


def _moves(trial: Trial) -> None:
    walk = _walk(trial)
    for late in (False, True):
        surprise = walk.rate_surprise(late)
        when, what = "late" if late else "early", "many" if surprise > 0 else "few"
        trial.expect(abs(surprise) < SIGMAS, f"flips too {what} bits {when} in the run: how does the rate fall?")
    share = walk.switched_on / max(walk.flipped.sum(), 1)
    trial.expect(0.25 < share < 0.75, "does not flip bits in both directions alike")


def _fails(law: Callable[[Trial], None], trial: Trial) -> bool:
    try:
        law(trial)
    except Exception:
        return True
    return False


def _variant(
    *,
    greedy: bool = False,
    cooled: bool = True,
    falling: bool = True,
    last: bool = False,
    again: bool = False,
    restart: bool = False,
) -> Callable[..., Any]:
    """Annealing with one of the usual mistakes in it."""

    def wrong(cost: Any, start: Any, temperature: float, rate: float, iterations: int, rng: Any) -> Any:
        current, current_cost = start, cost(start)
        best, best_cost = current, current_cost
        for step in range(iterations):
            proposal = flip(best if restart else current, rate * (1 - step / iterations if falling else 1), rng)
            proposal_cost = cost(proposal)
            heat = logarithmic_cooling(temperature, step) if cooled else temperature
            rise = proposal_cost - current_cost
            if rise <= 0 or (not greedy and rng.random() < math.exp(-rise / heat)):
                current, current_cost = proposal, proposal_cost
            if proposal_cost < best_cost:
                best, best_cost = proposal, proposal_cost
        if last:
            return current, current_cost
        return best, cost(best) if again else best_cost

    return wrong


def _looks_last(trial: Trial) -> bool:
    return _walk(trial).last_cost_returned


def _looks_greedy(trial: Trial) -> bool:
    walk = _walk(trial)
    return bool(walk.accepted[walk.rises > 0].mean() < MISREAD and walk.accepted[walk.rises < 0].mean() > 1 - MISREAD)


def _looks_uncooled(trial: Trial) -> bool:
    walk = _walk(trial)
    return abs(walk.surprise(lambda steps: np.ones(len(steps)))) < 4 and _fails(_metropolis, trial)


def _looks_constant(trial: Trial) -> bool:
    walk = _walk(trial)
    return all(abs(walk.rate_surprise(late, constant=True)) < 4 for late in (False, True)) and _fails(_moves, trial)


def _looks_repeated(trial: Trial) -> bool:
    landscape = _Landscape(trial.generator())
    trial.ask(landscape, trial.rng.random(40) < 0.5, 1.0, 0.5, 10, trial.generator())
    return len(landscape.masks) == 12


ANNEAL = Exercise(
    id="annealing.anneal",
    title="Simulated annealing",
    minutes=20,
    objective="write simulated annealing from nothing, and count what it spends",
    why="Ten lines, and yet a search that leaves valleys; all that follows in the course is measured against it.",
    stub='''def anneal(cost, start, temperature, rate, iterations, rng):
    """Return (best_mask, best_cost): the best mask seen, with its own cost.

    Each iteration flips bits of the current mask (flip_neighbour at the adaptive rate) and accepts the proposal by
    the Metropolis rule at the logarithmic temperature. `cost` is called exactly iterations + 1 times.
    """
    ...
''',
    reference=anneal,
    draw=lambda rng: (_Landscape(np.random.default_rng(0)), np.arange(40) % 4 < 2, 1.0, 0.2, 6, rng),
    may_share=True,
    read=several(mask, number),
    properties=(
        Law("Every evaluation counts", _first_call),
        Law("The best mask seen is returned with its own cost", _best),
        Law("A candidate is accepted by the Metropolis rule", _metropolis),
        Law("A proposal flips bits of the current mask, with a rate that falls", _moves),
    ),
    misconceptions=(
        Misconception(
            "evaluated again",
            "The cost is called once more at the end: keep the cost beside the mask, because evaluations are what is "
            "counted.",
            _variant(again=True),
            sign=_looks_repeated,
        ),
        Misconception(
            "the last, not the best",
            "This returns where the walk ended. It had been at a better place before: remember the best one seen.",
            _variant(last=True),
            sign=_looks_last,
        ),
        Misconception(
            "greedy",
            "No worse candidate is ever accepted: this is a descent, and the temperature has no say.",
            _variant(greedy=True),
            sign=_looks_greedy,
        ),
        Misconception(
            "never cooled",
            "The temperature stays as it was at the start, so the walk is as restless in the end as in the beginning.",
            _variant(cooled=False),
            sign=_looks_uncooled,
        ),
        Misconception(
            "the rate never falls",
            "As many bits flip in the end as in the beginning: the adaptive rate is not used.",
            _variant(falling=False),
            sign=_looks_constant,
        ),
    ),
    hints=(
        "Keep two pairs: the current mask with its cost, and the best mask with its cost.",
        "In each step: propose, evaluate once, compare with the current cost, maybe move, maybe remember. Your three "
        "functions give the rate, the temperature and the chance.",
        "A move with probability p: compare a fresh random number with p. The best is updated by a comparison alone, "
        "whether the move was made or not.",
    ),
)

EXERCISES = (ACCEPTANCE, COOLING, RATE, FLIP, ANNEAL)
