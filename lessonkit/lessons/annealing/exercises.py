"""Lesson 3: the parts of simulated annealing, and the search that is made of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonkit import masks
from lessonkit.checker.answers import SINGLE, describe, mask, number, several, tolerance
from lessonkit.checker.exercise import SIGMAS, Examples, Exercise, Law, Misconception, Raised, Trial, unlikely
from lessonkit.lessons import flip_laws as flips
from lessonkit.masks import Mask

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


def acceptance_probability(delta: float, temperature: float) -> float:
    """The Metropolis rule."""
    if delta <= 0:
        return 1.0
    return math.exp(-delta / temperature)


def _small_chances(trial: Trial) -> None:
    """Compare small chances by their relative error: the absolute tolerance is larger than most of them."""
    for ratio in (2.0, 4.0, 6.0, 12.5, 20.0, 50.0, 100.0, 300.0):
        for temperature in (1.0, 0.25):
            outcome, wanted = trial.ask(ratio * temperature, temperature), math.exp(-ratio)
            found = trial.read(outcome.value)
            single = tolerance(outcome.value) == SINGLE  # which holds no number below 1e-38 with all its digits
            right = math.isclose(found, wanted, rel_tol=SINGLE[0] if single else 1e-9, abs_tol=1e-38 if single else 0)
            trial.expect(right, f"should be {wanted:.10g}, yours is {found:.10g}")


def _no_overflow(trial: Trial) -> None:
    for delta, temperature in ((-800.0, 1.0), (-1e4, 1.0), (-1e8, 0.1), (-37.5, 1e-3)):
        outcome = trial.ask(delta, temperature)
        trial.expect("overflow" not in outcome.floating, "overflows in `exp`, and a cell would show numpy's warning")


def _overflows(trial: Trial) -> bool:
    """Whether the result is right for moderate values, but the exponential overflows for a very good candidate."""
    mild = [trial.result(delta, 1.0) for delta in (-1.0, 0.0, 1.0)]
    if not np.allclose(mild, [1, 1, math.exp(-1)]):
        return False
    try:
        return "overflow" in trial.ask(-1e4, 1.0).floating
    except Raised as raised:
        return isinstance(raised.error, OverflowError)


def _decides(trial: Trial) -> bool:
    """Whether all results are True or False."""
    return all(isinstance(trial.ask(delta, 1.0).value, bool | np.bool_) for delta in (-1.0, 0.0, 0.5, 1.0, 20.0))


ACCEPTANCE = Exercise(
    id="annealing.acceptance_probability",
    title="The Metropolis rule",
    minutes=6,
    objective="state how likely a worse candidate is to be accepted, and compute that chance safely",
    why="This one line makes the difference between annealing and a plain descent.",
    stub='''def acceptance_probability(delta, temperature):
    """Return the chance of accepting a cost change `delta`: 1 unless the cost rises, else exp(-delta / temperature).

    Any finite numbers, with temperature > 0.
    """
    ...
''',
    reference=acceptance_probability,
    read=number,
    properties=(
        Examples("Better or equal is certain, worse is exponentially rare", _deltas),
        Law("Even a very small chance has the right digits", _small_chances),
        Law("Nothing overflows, however good a candidate is", _no_overflow),
    ),
    misconceptions=(
        Misconception(
            "the sign missing",
            "The minus sign in the exponent is missing: the worse a candidate is, the likelier it is to be accepted.",
            lambda delta, temperature: 1.0 if delta <= 0 else math.exp(delta / temperature),
            variants=(lambda delta, temperature: 1.0 if delta <= 0 else float(np.exp(delta / temperature)),),
        ),
        Misconception(
            "a decision",
            "This is True or False, a decision. The function should return a probability, a number from 0 to 1; the "
            "search decides.",
            lambda delta, temperature: delta <= 0,
            variants=(lambda delta, temperature: np.bool_(math.exp(min(-delta / temperature, 0)) > 0.5),),
            sign=_decides,
        ),
        Misconception(
            "the exponential overflows",
            "The exponential is computed for better candidates too, and for a very good one it overflows: first decide "
            "whether it is needed.",
            lambda delta, temperature: min(1.0, math.exp(-delta / temperature)),
            variants=(
                lambda delta, temperature: min(1.0, np.exp(-delta / temperature)),
                lambda delta, temperature: np.where(delta <= 0, 1.0, np.exp(-delta / temperature)),
            ),
            sign=_overflows,
        ),
        Misconception(
            "above one",
            "For a better candidate this is larger than 1, and that is not a probability.",
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
            "The temperature is a factor here, so heat makes the search more selective; it belongs in the denominator.",
            lambda delta, temperature: 1.0 if delta <= 0 else math.exp(-delta * temperature),
        ),
    ),
    hints=(
        "There are two cases, and only one of them needs the exponential function.",
        "What is -delta / temperature for a delta far below 0, and what does `math.exp` do with it? Deal with that "
        "case first.",
    ),
)

# --- schedules ------------------------------------------------------------------------------------------------------


def _steps(rng: np.random.Generator) -> Iterator[tuple[float, int]]:
    yield 1.0, 0
    yield 1.0, 1
    yield 2e-5, 3
    yield 2.5, 9
    for step in (50, 199, 100_000):
        yield float(rng.uniform(0.1, 10)), step


def logarithmic_cooling(initial: float, step: int) -> float:
    """The temperature at this step."""
    return initial / (1 + math.log(1 + step))


COOLING = Exercise(
    id="annealing.logarithmic_cooling",
    title="A cooling schedule",
    minutes=4,
    objective="write the experiment's cooling schedule, and see how slowly it cools",
    why="After 200 steps the temperature is still a sixth of the initial one: the search never quite settles.",
    stub='''def logarithmic_cooling(initial, step):
    """Return initial / (1 + ln(1 + step))."""
    ...
''',
    reference=logarithmic_cooling,
    read=number,
    properties=(Examples("Step 0 has the initial temperature, and from there it falls", _steps),),
    misconceptions=(
        Misconception(
            "the wrong base",
            "The logarithm has the wrong base: ln is the natural logarithm.",
            lambda initial, step: initial / (1 + math.log10(1 + step)),
            variants=(lambda initial, step: initial / (1 + math.log2(1 + step)),),
        ),
        Misconception(
            "no 1 in the denominator",
            "At step 0 the logarithm is 0, and this divides by it: something is missing in the denominator.",
            lambda initial, step: initial / math.log(1 + step),
            variants=(lambda initial, step: float(np.divide(initial, np.log(1 + step))),),
        ),
        Misconception(
            "ln(step)",
            "This takes the logarithm of `step`, which does not exist at step 0. What does the formula take it of?",
            lambda initial, step: initial / (1 + math.log(step)),
            variants=(
                lambda initial, step: float(initial / (1 + np.log(step))),
                lambda initial, step: initial / (1 + math.log(step)) if step else initial,
            ),
        ),
        Misconception(
            "heating",
            "The temperature rises: something is in the numerator that belongs in the denominator.",
            lambda initial, step: initial * (1 + math.log(1 + step)),
        ),
        Misconception(
            "brackets",
            "This divides by only a part of the denominator: put brackets around all of it.",
            lambda initial, step: initial / 1 + math.log(1 + step),
        ),
        Misconception(
            "counted from 1",
            "This is the temperature of the next step: steps count from 0, and step 0 has the initial temperature.",
            lambda initial, step: initial / (1 + math.log(2 + step)),
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
    yield 0.15, 199, 200
    yield 2e-5, 1, 7
    for _ in range(5):
        yield float(rng.uniform(0.01, 0.9)), int(rng.integers(1, 100)), 100


def adaptive_mutation_rate(rate: float, step: int, total: int) -> float:
    """The rate at this step."""
    return rate * (1 - step / total)


RATE = Exercise(
    id="annealing.adaptive_mutation_rate",
    title="A rate that falls",
    minutes=4,
    objective="write a mutation rate that is a probability at both ends of the run",
    why="The published text subtracts where the experiment multiplies; only one of them gives rates.",
    stub='''def adaptive_mutation_rate(rate, step, total):
    """Return rate * (1 - step / total)."""
    ...
''',
    reference=adaptive_mutation_rate,
    read=number,
    properties=(Examples("The rate falls in a straight line from `rate` to 0", _rates),),
    possible=lambda rate, step, total: step <= total,
    misconceptions=(
        Misconception(
            "as printed",
            "This subtracts the share of steps done, as the printed formula does: the rate soon becomes negative.",
            lambda rate, step, total: rate - step / total,
        ),
        Misconception(
            "integer division",
            "The division drops everything after the decimal point, so the rate never falls: use / and not //.",
            lambda rate, step, total: rate * (1 - step // total),
        ),
        Misconception(
            "rising",
            "The rate rises from 0: it should start at `rate` and fall to 0.",
            lambda rate, step, total: rate * step / total,
        ),
        Misconception(
            "brackets",
            "The rate is multiplied by only a part of the formula: put brackets around the whole difference.",
            lambda rate, step, total: rate * 1 - rate * rate * step / total,
            variants=(lambda rate, step, total: 1 - rate * step / total,),
        ),
    ),
    hints=(
        "What share of the steps is still to come? It is 1 at step 0 and 0 at step `total`.",
        "Multiply the initial rate by that share.",
    ),
)

# --- flip_neighbour -------------------------------------------------------------------------------------------------


def _flip_exactly(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    neighbour = mask.copy()
    neighbour.flat[rng.choice(mask.size, round(rate * mask.size), replace=False)] ^= True
    return neighbour


def flip_neighbour(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
    """Flip each bit with probability `rate`."""
    places = rng.random(mask.shape) < rate
    return mask ^ places


FLIP = Exercise(
    id="annealing.flip_neighbour",
    title="A neighbour of a mask",
    minutes=8,
    objective="propose a random change of a mask, and say what its distribution is",
    why="What a search can find depends on its moves: a move that only prunes can never undo a mistake.",
    stub='''def flip_neighbour(mask, rate, rng):
    """Return a new mask, each bit of `mask` flipped independently with probability `rate`."""
    ...
''',
    reference=flip_neighbour,
    read=mask,
    draw=flips.chance,
    properties=flips.FLIP_LAWS,
    misconceptions=(
        flips.REPEATED,
        Misconception(
            "prunes only",
            "A pruned weight never comes back: this move can only prune, as the experiment's did.",
            masks.prune_only,
            sign=flips.prunes_only,
        ),
        flips.SETS,
        Misconception(
            "one coin for all",
            "All bits flip together or none: one random number decides for the whole mask. Each bit needs its own.",
            lambda mask, rate, rng: ~mask if rng.random() < rate else mask.copy(),
            sign=flips.one_coin,
        ),
        Misconception(
            "a fixed number",
            "The same number of bits flips each time. If bits flip independently, the number varies: sometimes none "
            "flips, sometimes many.",
            _flip_exactly,
            sign=flips.same_number,
        ),
        Misconception(
            "the rate inverted",
            "Bits flip with probability 1 - rate: the comparison is the wrong way round.",
            lambda mask, rate, rng: mask ^ (rng.random(mask.shape) > rate),
            sign=flips.inverted_rate,
        ),
        flips.SHARED_DRAW,
        flips.NEVER_NOTHING,
    ),
    hints=(
        "`rng.random(shape)` gives one number between 0 and 1 for each bit. What share of them is below `rate`?",
        "Comparing them gives a mask of the bits to flip. Which operator flips a bit exactly where another is True?",
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
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost


# How a walk is watched: a proposal keeps most bits of its parent, so the next proposal shows which mask was its parent,
# and therefore whether the last proposal was accepted.


class _Costs:
    """A cost function with made-up costs that records every call; a mask that comes again gets its old cost."""

    __name__ = "cost"

    def __init__(self, start: Mask, price: Callable[[int], float]) -> None:
        self.shape, self.price = start.shape, price
        self.masks: list[Mask] = []
        self.costs: list[float] = []
        self.known: dict[bytes, float] = {}
        self.fault = ""

    def __call__(self, candidate: Any) -> float:
        fits = isinstance(candidate, np.ndarray) and candidate.dtype == bool and candidate.shape == self.shape
        if not fits:
            self.fault = self.fault or f"should give `cost` masks of shape {self.shape}, yours is {describe(candidate)}"
            return 1.0
        bits = candidate.copy()
        self.masks.append(bits)
        self.costs.append(self.known.setdefault(bits.tobytes(), self.price(len(self.masks) - 1)))
        return self.costs[-1]


@dataclass(frozen=True)
class _Plan:
    """The arguments of a watched run."""

    shape: tuple[int, ...]
    temperature: float
    rate: float
    iterations: int

    @property
    def bits(self) -> int:
        return int(np.prod(self.shape))


# At a rate near 1 a proposal is nearly the inverse of its parent, so the first few decisions are easy to read.
FIRST_STEPS = _Plan((4, 8), 0.5, 0.97, 12)
WHOLE_RUN = _Plan((6, 4, 1, 4), 2.0, 0.15, 120)
THREE_STEPS = _Plan((8, 12), 1.0, 0.3, 3)
FEW, MANY = (100, 2), (500, 6)  # numbers of runs of FIRST_STEPS and of WHOLE_RUN; MANY only if the FEW look odd
ODD, IMPOSSIBLE = 2.5, 5.5  # in standard deviations
CERTAIN = math.log(1e4)  # how much likelier one reading of a decision must be than the other
RARE, OFTEN = 0.25, 0.6  # the chances with which the rule accepts worse proposals


@dataclass
class _Seen:
    """What was observed in some runs: one entry per decision and one per proposal."""

    run: list[int] = field(default_factory=list)
    step: list[int] = field(default_factory=list)
    rise: list[float] = field(default_factory=list)  # the proposal's cost minus the current one's
    chance: list[float] = field(default_factory=list)  # to accept it, by the rule; 1 where the cost does not rise
    accepted: list[bool] = field(default_factory=list)
    moved: list[tuple[int, int, int]] = field(default_factory=list)  # step, bits flipped, of how many

    def worse(self) -> tuple[NDArray[Any], ...]:
        """Run, step, rise, chance and decision, where the cost rises."""
        table = np.array([self.run, self.step, self.rise, self.chance, self.accepted])
        run, step, rise, chance, accepted = table[:, table[2] > 0]
        return run.astype(int), step.astype(int), rise, chance, accepted > 0

    def share(self, places: Any) -> float:
        """The share of these decisions that were to accept; 1 if there are none."""
        accepted = np.array(self.accepted)[places]
        return float(accepted.mean()) if accepted.size else 1.0


class _Watched(_Costs):
    """Costs chosen so that the rule accepts each worse proposal with a known chance, `RARE` or `OFTEN`.

    Where a decision cannot be read from the masks, the next proposal gets the lowest cost so far, so that it is surely
    accepted and the current mask is known again.
    """

    def __init__(self, plan: _Plan, start: Mask, rng: np.random.Generator, seen: _Seen, run: int) -> None:
        super().__init__(start, lambda number: 0.0)
        self.plan, self.rng, self.seen, self.run = plan, rng, seen, run
        self.current, self.chance = 0, math.nan  # the current mask's place; the chance of the latest proposal

    def __call__(self, candidate: Any) -> float:
        step, known = len(self.masks) - 1, len(self.known)
        value = super().__call__(candidate)
        if self.fault:
            return value
        bits, unread = self.masks[-1], np.ones(self.shape, bool)
        lost = False
        if step > 0:
            lost, unread = self._read(step - 1, bits)
        if 0 <= step < self.plan.iterations and not lost:
            flipped = (bits != self.masks[self.current])[unread]
            self.seen.moved.append((step, int(flipped.sum()), flipped.size))
        if len(self.known) == known:  # a mask that comes again has its old cost
            self.chance = math.nan
        else:
            self.costs[-1] = self.known[bits.tobytes()] = self._priced(step, lost)
        return self.costs[-1]

    def _priced(self, step: int, lost: bool) -> float:
        if step < 0:
            return 40 * self.plan.temperature
        heat, here = logarithmic_cooling(self.plan.temperature, step), self.costs[self.current]
        if lost:
            self.current, self.chance = step + 1, math.nan
            return min(self.costs[:-1]) - heat
        lot = self.rng.random() if step else 0.0
        if lot < 0.75:
            self.chance = RARE if lot < 0.5 else OFTEN
            return here - heat * math.log(self.chance)
        self.chance = 1.0
        return here if lot < 0.85 else here - heat * self.rng.uniform(0.2, 1)

    def _read(self, step: int, following: Mask) -> tuple[bool, Mask]:
        """Note whether this step's proposal was accepted; return whether that is unclear, and which bits are unused."""
        proposal, current = self.masks[step + 1], self.masks[self.current]
        differ = proposal != current
        if not differ.any():
            return False, ~differ
        rate = min(max(self.plan.rate * (1 - (step + 1) / self.plan.iterations), 1e-3), 0.999)
        balance = 2 * np.count_nonzero(following[differ] == proposal[differ]) - np.count_nonzero(differ)
        weight = balance * math.log((1 - rate) / rate)
        if abs(weight) < CERTAIN:
            return True, ~differ
        if not math.isnan(self.chance):
            self.seen.run.append(self.run)
            self.seen.step.append(step)
            self.seen.rise.append(self.costs[step + 1] - self.costs[self.current])
            self.seen.chance.append(self.chance)
            self.seen.accepted.append(bool(weight > 0))
        if weight > 0:
            self.current = step + 1
        return False, ~differ


def _start(trial: Trial, shape: tuple[int, ...]) -> Mask:
    return trial.rng.random(shape) < 0.5


def _ended(trial: Trial, costs: _Costs, start: Mask, *settings: Any) -> tuple[Mask, float]:
    """Run the answer once and return its mask and cost; fail if the masks have the wrong type or shape."""
    best, best_cost = trial.result(costs, start, *settings)
    trial.expect(not costs.fault, costs.fault)
    trial.expect(best.shape == start.shape, f"should return a mask of shape {start.shape}, yours is {best.shape}")
    return best, best_cost


def _watch(trial: Trial, plan: _Plan, runs: int) -> tuple[_Seen, list[_Watched]]:
    """Watch some runs; a trial does so only once."""
    if (plan, runs) not in trial.notes:
        seen, walks = _Seen(), []
        for run in range(trial.draws(runs, min(runs, 30))):
            start = _start(trial, plan.shape)
            walks.append(_Watched(plan, start, trial.generator(), seen, run))
            _ended(trial, walks[-1], start, plan.temperature, plan.rate, plan.iterations, trial.generator())
        trial.notes[plan, runs] = seen, walks
    return trial.notes[plan, runs]  # type: ignore[no-any-return]


def _drawn(rng: np.random.Generator) -> tuple[Any, ...]:
    """Arguments for which the result depends on the draw."""
    start, prices = np.ones((4, 8), bool), np.random.default_rng(0)
    return _Costs(start, lambda number: prices.random()), start, 0.5, 0.5, 20, rng


# --- its laws -------------------------------------------------------------------------------------------------------


def _same_path(trial: Trial) -> None:
    start = _start(trial, FIRST_STEPS.shape)
    settings = FIRST_STEPS.temperature, FIRST_STEPS.rate, FIRST_STEPS.iterations
    for seed in trial.rng.integers(2**63, size=3):
        pair = [_Watched(FIRST_STEPS, start, np.random.default_rng(0), _Seen(), 0) for _ in range(2)]
        for costs in pair:
            _ended(trial, costs, start, *settings, np.random.default_rng(int(seed)))
        if not np.array_equal(pair[0].masks, pair[1].masks):
            trial.fail("takes a different path for a generator in the same state", "chance")


def _counted(trial: Trial) -> None:
    prices: dict[str, Callable[[int], float]] = {
        "drawn": lambda number: float(trial.rng.random()),
        "nothing left to gain": lambda number: 1.0 if number < 3 else 0.0,
        "rising": lambda number: 1.0 + number,
    }
    for iterations, price, temperature in (
        (0, "drawn", 1.0),
        (1, "drawn", 1.0),
        (2, "drawn", 1.0),
        (5, "drawn", 1.0),
        (20, "nothing left to gain", 1.0),
        (54, "rising", 1.0),
        (120, "nothing left to gain", 1e-4),
        (210, "rising", 1.0),
        (300, "drawn", 1e-9),
    ):
        start = _start(trial, (5, 8))
        costs = _Costs(start, prices[price])
        _ended(trial, costs, start, temperature, 0.5, iterations, trial.generator())
        calls = len(costs.masks)
        trial.expect(
            calls == iterations + 1, f"calls the cost {calls} times; it should be iterations + 1, with the start's call"
        )
        trial.expect(np.array_equal(costs.masks[0], start), "should begin with the cost of `start`")


def _best(trial: Trial) -> None:
    prices: tuple[Callable[[], float], ...] = (
        trial.rng.random,
        lambda: 1 + 1e-5 * trial.rng.random(),
        lambda: 1e8 if trial.rng.random() < 0.7 else 40 * trial.rng.random(),
        lambda: -trial.rng.random(),
    )
    for shape, iterations in (((3,), 0), ((2, 3), 3), ((5, 4), 40), ((20,), 40)):
        for price in prices:
            start = _start(trial, shape)
            costs = _Costs(start, lambda number, price=price: price())  # type: ignore[misc]
            best, best_cost = _ended(trial, costs, start, 5.0, 0.5, iterations, trial.generator())
            lowest, own = min(costs.costs), costs.known.get(best.tobytes())
            text = f"returns the cost {best_cost!r}, but the lowest cost in the run is {lowest!r}"
            trial.expect(math.isclose(best_cost, lowest, rel_tol=1e-6), text)
            trial.expect(own == lowest, "returns a mask whose cost is not the lowest")


def _moves(trial: Trial) -> None:
    seen, walks = _watch(trial, THREE_STEPS, 40)
    flipped = np.array([walk.masks[1] != walk.masks[0] for walk in walks])
    before = np.array([walk.masks[0] for walk in walks])
    if len(walks) > 1 and (flipped == flipped[0]).all():
        trial.fail("flips the same bits in every run", "chance")
    for name, places in (("kept", before), ("pruned", ~before)):
        hits = flipped[places]
        text = f"flips {hits.mean():.3f} of the {name} bits in the first step; the rate is {THREE_STEPS.rate}"
        trial.expect(not unlikely(hits.sum(), hits.size, THREE_STEPS.rate), text)
    alone = flips.spread(flipped, THREE_STEPS.rate) == 1 and not flips.shared(flipped)
    trial.expect(alone, "does not flip each bit independently of the others")
    numbers = set(flipped.reshape(len(walks), -1).sum(axis=1).tolist())
    trial.expect(
        len(numbers) > 1 or len(walks) < 15,
        f"flips {min(numbers)} bits in the first step of every run; chance should decide how many",
    )
    for plan, found in (
        (FIRST_STEPS, _decisions(trial)),
        (THREE_STEPS, seen),
        (WHOLE_RUN, _decisions(trial, WHOLE_RUN)),
    ):
        for steps, surprise, share in _rate_surprises(plan, found, _falling):
            if abs(surprise) > SIGMAS:
                rate = adaptive_mutation_rate(plan.rate, steps.start, plan.iterations)
                trial.fail(
                    f"proposes masks at t = {steps.start}{_until(steps)} that differ in {share:.3f} of the bits from "
                    f"the mask that is the current one by the rule; the rate "
                    f"{'falls from' if len(steps) > 1 else 'is'} {rate:.3f} there. So the bits are flipped at the "
                    "wrong rate, or the wrong mask has become the current one"
                )


Progress = Callable[[NDArray[np.int_], int], Any]  # (steps, iterations) -> how far the rate has fallen, 0 to 1


def _falling(steps: NDArray[np.int_], iterations: int) -> Any:
    return steps / iterations


def _until(steps: range) -> str:
    return f" to {steps[-1]}" if len(steps) > 1 else ""


def _rate_surprises(plan: _Plan, seen: _Seen, progress: Progress) -> Iterator[tuple[range, float, float]]:
    """For each part of the runs: the excess of flipped bits, in standard deviations, and the share that flipped."""
    step, hits, places = np.array(seen.moved).T
    rates = plan.rate * (1 - np.clip(progress(step, plan.iterations), 0, 1))
    for steps in _parts(plan):
        here = (step >= steps.start) & (step < steps.stop)
        expected = (places * rates)[here].sum()
        deviation = np.sqrt((places * rates * (1 - rates))[here].sum())
        excess = hits[here].sum() - expected
        surprise = np.sign(excess) * max(abs(excess) - 1, 0) / max(deviation, 1e-9)
        yield steps, float(surprise), hits[here].sum() / max(places[here].sum(), 1)


def _parts(plan: _Plan) -> list[range]:
    if plan is not WHOLE_RUN:
        return [range(step, step + 1) for step in range(3 if plan is THREE_STEPS else 1)]
    return [range(low, low + 24) for low in range(0, 120, 24)]


def _metropolis(trial: Trial) -> None:
    if _worst(trial, FEW, _logarithmic)[0] < ODD:
        return
    if _fixed_numbers(trial):
        trial.fail("uses the same random numbers to accept in every run", "chance")
    worst, text = _worst(trial, MANY, _logarithmic)
    trial.expect(worst < IMPOSSIBLE, text)


def _certain_moves(trial: Trial) -> None:
    for plan, runs in zip((FIRST_STEPS, WHOLE_RUN), FEW, strict=True):
        seen, _ = _watch(trial, plan, runs)
        rise = np.array(seen.rise)
        for name, places in (("a lower", rise < 0), ("an equal", rise == 0)):
            share = seen.share(places)
            text = f"continues from {share:.0%} of the proposals with {name} cost; the rule accepts them all"
            trial.expect(share > 0.97, text)


def _logarithmic(steps: NDArray[np.int_]) -> NDArray[np.float64]:
    return 1 / (1 + np.log(1 + steps))


def _worst(trial: Trial, runs: tuple[int, int], schedule: Callable[[NDArray[np.int_]], Any]) -> tuple[float, str]:
    """How far the decisions are from the rule with this schedule, in standard deviations, and a text that says where.

    The decisions are compared in groups (steps, small and large rises); the worst group is returned.
    """
    found = [(0.0, "")]
    for plan, count in zip((FIRST_STEPS, WHOLE_RUN), runs, strict=True):
        run, step, rise, _, accepted = _watch(trial, plan, count)[0].worse()
        chance = np.exp(-rise / (plan.temperature * schedule(step)))
        groups = [("", chance > 0)]
        if plan is FIRST_STEPS:
            groups += [(f" at t = {at}", step == at) for at in (0, 1, 2)]
        else:
            groups += [(f" at t = {low} to {low + 39}", step // 40 == low // 40) for low in (0, 40, 80)]
        groups += [
            (" of small rises", _offered(rise, step, plan) > 0.5),
            (" of large rises", _offered(rise, step, plan) < 0.5),
        ]
        for name, places in groups:
            sums, deviation = chance[places].sum(), np.sqrt((chance * (1 - chance))[places].sum() + 1e-9)
            if sums > 0:
                text = (
                    f"accepts {accepted[places].mean():.3f} of the worse proposals{name}; by the rule it would be "
                    f"{chance[places].mean():.3f}"
                )
                excess = max(abs(accepted[places].sum() - sums) - 1, 0)
                found.append((float(excess / deviation), text))
        excess = (accepted - chance) / np.sqrt(chance * (1 - chance) + 1e-9)
        following = (run[1:] == run[:-1]) & (step[1:] - step[:-1] <= 3)
        pairs = (excess[1:] * excess[:-1])[following]
        if pairs.size:
            text = "accepts worse proposals in a pattern: it does not draw a new random number for each"
            found.append((float(abs(pairs.sum()) / np.sqrt(pairs.size)), text))
    return max(found)


def _offered(rise: NDArray[Any], step: NDArray[Any], plan: _Plan) -> NDArray[Any]:
    """The chance that the checker offered."""
    return np.exp(-rise / (plan.temperature * _logarithmic(step)))


# --- its misconceptions ---------------------------------------------------------------------------------------------


def _variant(
    *,
    accept: Callable[[float, float, float], bool] = lambda rise, heat, number: number < math.exp(-max(rise, 0) / heat),
    cooled: bool = True,
    falling: bool = True,
    parent: str = "current",
    last: bool = False,
    extra: str = "",
    heat_shift: int = 0,
    rate_shift: int = 0,
    one_number: bool = False,
) -> Callable[..., Any]:
    """Annealing with one of the usual mistakes in it."""

    def wrong(cost: Any, start: Any, temperature: float, rate: float, iterations: int, rng: Any) -> Any:
        current, current_cost = start, cost(start)
        best, best_cost = current, current_cost
        number = rng.random()
        for step in range(iterations + (extra == "step")):
            shifted = max(step + rate_shift, 0)
            source = {"current": current, "best": best, "start": start}[parent]
            proposal = flip_neighbour(source, rate * (1 - shifted / iterations if falling else 1), rng)
            proposal_cost = cost(proposal)
            if extra == "twice":
                cost(proposal)
            heat = logarithmic_cooling(temperature, max(step + heat_shift, 0)) if cooled else temperature
            number = number if one_number else rng.random()
            if accept(proposal_cost - current_cost, heat, number):
                current, current_cost = proposal, proposal_cost
            if proposal_cost < best_cost:
                best, best_cost = proposal, proposal_cost
        if last:
            return current, current_cost
        return best, cost(best) if extra == "best" else best_cost

    return wrong


def _evaluated(trial: Trial) -> list[Mask]:
    """All masks evaluated in a run of ten steps, in which the start is the best."""
    start = _start(trial, (5, 8))
    costs = _Costs(start, lambda number: 1e-9 * number)
    trial.ask(costs, start, 1.0, 0.5, 10, trial.generator())
    return costs.masks


def _one_more(trial: Trial, start: bool) -> bool:
    """Whether there is one call of the cost too many, and whether it is for the start."""
    masks = _evaluated(trial)
    return len(masks) == 12 and np.array_equal(masks[-1], masks[0]) == start


def _looks_doubled(trial: Trial) -> bool:
    masks = _evaluated(trial)
    return len(masks) == 21 and np.array_equal(masks[1::2], masks[2::2])


def _looks_last(trial: Trial) -> bool:
    """Whether the mask returned is the last one, which is not the best, in each of ten runs."""
    better = 0
    prices = trial.generator()
    for _ in range(10):
        start = _start(trial, (40,))
        # Costs vary a little above the start's, so all are accepted: the last is neither the best nor the worst.
        costs = _Costs(start, lambda number: 1e-9 * (number > 0) * (1 + prices.random()))
        best, _ = _ended(trial, costs, start, 1.0, 0.5, 20, trial.generator())
        better += np.array_equal(best, costs.masks[-1])
    return better == 10


def _flips_at_the_rate(trial: Trial) -> bool:
    """Whether the first step flips each bit at the rate: only then can later decisions be read from the masks."""
    _, walks = _watch(trial, THREE_STEPS, 40)
    flipped = np.array([walk.masks[1] != walk.masks[0] for walk in walks])
    even = not unlikely(flipped.sum(), flipped.size, THREE_STEPS.rate)
    return even and flips.spread(flipped, THREE_STEPS.rate) == 1


def _decisions(trial: Trial, plan: _Plan = FIRST_STEPS) -> _Seen:
    return _watch(trial, plan, FEW[0] if plan is FIRST_STEPS else FEW[1])[0]


def _looks_greedy(trial: Trial) -> bool:
    seen = _decisions(trial)
    rise = np.array(seen.rise)
    return seen.share(rise > 0) < 0.02 and seen.share(rise < 0) > 0.97 and _flips_at_the_rate(trial)


def _looks_turned(trial: Trial) -> bool:
    """Whether worse proposals are accepted (but for misread decisions), and better ones not always."""
    seen = _decisions(trial)
    rise = np.array(seen.rise)
    return seen.share(rise > 0) > 0.9 and seen.share(rise < 0) < 0.9 and _flips_at_the_rate(trial)


def _looks_willing(trial: Trial) -> bool:
    seen = _decisions(trial)
    return seen.share(np.array(seen.rise) > 0) > 0.98 and _flips_at_the_rate(trial)


def _looks_rooted(trial: Trial) -> bool:
    """Whether the last proposals of a run are still near the start, though half of their bits should differ."""
    _, walks = _watch(trial, WHOLE_RUN, FEW[1])
    return all(np.mean([mask != walk.masks[0] for mask in walk.masks[-20:]]) < 0.1 for walk in walks)


def _fixed_numbers(trial: Trial) -> bool:
    """Whether all runs make the same decision at the same step, though not the same at all steps."""
    _, step, _, chance, accepted = _decisions(trial).worse()
    outcomes: dict[tuple[int, float], set[bool]] = {}
    for at, offered, taken in zip(step, chance, accepted, strict=True):
        if at < 3:
            outcomes.setdefault((int(at), float(offered)), set()).add(bool(taken))
    return all(len(taken) == 1 for taken in outcomes.values()) and any(
        len({next(iter(taken)) for (_, offered), taken in outcomes.items() if offered == each}) > 1
        for each in (RARE, OFTEN)
    )


def _looks_threshold(trial: Trial) -> bool:
    """Whether a worse proposal is accepted or refused by its cost alone."""
    for plan in (FIRST_STEPS, WHOLE_RUN):
        _, _, _, chance, accepted = _decisions(trial, plan).worse()
        for offered in (RARE, OFTEN):
            taken = accepted[chance == offered]
            if 0.02 < taken.mean() < 0.98:
                return False
    return _flips_at_the_rate(trial)


def _looks_one_number(trial: Trial) -> bool:
    """Whether in each run all proposals with the same chance get the same decision, though the runs differ."""
    agree = total = 0
    for plan in (FIRST_STEPS, WHOLE_RUN):
        run, _, _, chance, accepted = _decisions(trial, plan).worse()
        for each in set(run.tolist()):
            for offered in (RARE, OFTEN):
                taken = accepted[(run == each) & (chance == offered)]
                total += max(len(taken) - 1, 0)
                agree += max(int(taken.sum()), int((~taken).sum())) - 1 if len(taken) else 0
    return agree > 0.98 * total and _flips_at_the_rate(trial) and not _looks_threshold(trial)


def _has_schedule(trial: Trial, schedule: Callable[[NDArray[np.int_]], Any]) -> bool:
    if len(_evaluated(trial)) != 11:
        return False
    return _worst(trial, MANY, schedule)[0] < 4.5 and _worst(trial, MANY, _logarithmic)[0] > IMPOSSIBLE


def _has_rates(trial: Trial, progress: Progress) -> bool:
    right, other = True, len(_evaluated(trial)) == 11
    for plan, runs in ((THREE_STEPS, 40), (WHOLE_RUN, FEW[1])):
        seen, _ = _watch(trial, plan, runs)
        for _, surprise, _ in _rate_surprises(plan, seen, progress):
            other = other and abs(surprise) < 4.5
        for _, surprise, _ in _rate_surprises(plan, seen, _falling):
            right = right and abs(surprise) < SIGMAS
    return other and not right


ANNEAL = Exercise(
    id="annealing.anneal",
    title="Simulated annealing",
    minutes=20,
    objective="write simulated annealing from scratch, and count its evaluations",
    why="It is only ten lines, and yet it can leave valleys; the rest of the course is measured against it.",
    stub='''def anneal(cost, start, temperature, rate, iterations, rng):
    """Return (best_mask, best_cost): the best mask seen, with its own cost.

    Each iteration, t = 0 to iterations - 1, flips bits of the current mask (flip_neighbour at the adaptive rate) and
    accepts the proposal by the Metropolis rule at the logarithmic temperature. `cost` is called exactly
    iterations + 1 times.
    """
    ...
''',
    reference=anneal,
    read=several(mask, number),
    draw=_drawn,
    may_share=True,
    properties=(
        Law("`rng` is the only source of chance", _same_path),
        Law("Every evaluation counts", _counted),
        Law("The best mask seen is returned with its own cost", _best),
        Law("A proposal flips bits of the current mask, with a rate that falls from t = 0 on", _moves),
        Law("A proposal that is not worse is always accepted", _certain_moves),
        Law("A candidate is accepted by the Metropolis rule, with a temperature that falls from t = 0 on", _metropolis),
    ),
    misconceptions=(
        Misconception(
            "evaluated again",
            "The cost is called once more at the end. Keep the cost together with the mask: every evaluation counts.",
            _variant(extra="best"),
            sign=lambda trial: _one_more(trial, start=True),
        ),
        Misconception(
            "one step too many",
            "The loop makes one step too many: t runs from 0 to iterations - 1.",
            _variant(extra="step"),
            sign=lambda trial: _one_more(trial, start=False),
        ),
        Misconception(
            "evaluated twice",
            "Each proposal is evaluated twice: keep its cost in a variable.",
            _variant(extra="twice"),
            sign=_looks_doubled,
        ),
        Misconception(
            "the last, not the best",
            "This returns the mask where the walk ended. It had seen a better one before: remember the best.",
            _variant(last=True),
            sign=_looks_last,
        ),
        Misconception(
            "from the start",
            "Every proposal is made from `start`, so the walk never leaves it: make it from the current mask.",
            _variant(parent="start"),
            sign=_looks_rooted,
        ),
        Misconception(
            "the difference reversed",
            "Worse proposals are accepted and better ones refused: which cost must be subtracted from which?",
            _variant(accept=lambda rise, heat, number: number < math.exp(min(rise, 0) / heat)),
            variants=(_variant(accept=lambda rise, heat, number: rise > 0),),
            sign=_looks_turned,
        ),
        Misconception(
            "greedy",
            "No step ever starts from a worse candidate: either none is accepted, or the proposals are made from the "
            "best mask instead of the current one.",
            _variant(accept=lambda rise, heat, number: rise <= 0),
            variants=(_variant(parent="best"),),
            sign=_looks_greedy,
        ),
        Misconception(
            "accepts everything",
            "Every candidate is accepted, however bad it is: compare a random number with the acceptance probability.",
            _variant(accept=lambda rise, heat, number: True),
            sign=_looks_willing,
        ),
        Misconception(
            "a fixed threshold",
            "Whether a worse candidate is accepted is not left to chance here: its cost alone decides. Compare a "
            "random number with the acceptance probability.",
            _variant(accept=lambda rise, heat, number: rise < heat),
            sign=_looks_threshold,
        ),
        Misconception(
            "one number for all steps",
            "The same random number decides in all steps of a run: draw a new one for each proposal.",
            _variant(one_number=True),
            sign=_looks_one_number,
        ),
        Misconception(
            "never cooled",
            "The temperature never falls, so the walk is as restless at the end as at the beginning.",
            _variant(cooled=False),
            sign=lambda trial: _has_schedule(trial, lambda steps: np.ones(len(steps))),
        ),
        Misconception(
            "the temperature ahead",
            "This uses the temperature of the next step: t counts from 0, and the first proposal is judged at the "
            "initial temperature.",
            _variant(heat_shift=1),
            sign=lambda trial: _has_schedule(trial, lambda steps: _logarithmic(steps + 1)),
        ),
        Misconception(
            "the temperature behind",
            "This uses the temperature of the step before: step t needs the temperature at t.",
            _variant(heat_shift=-1),
            sign=lambda trial: _has_schedule(trial, lambda steps: _logarithmic(np.maximum(steps - 1, 0))),
        ),
        Misconception(
            "the rate never falls",
            "As many bits flip at the end as at the beginning: use the adaptive rate.",
            _variant(falling=False),
            sign=lambda trial: _has_rates(trial, lambda step, total: 0 * step),
        ),
        Misconception(
            "the rate ahead",
            "This uses the rate of the next step: t counts from 0, and the first proposal is made at the initial rate.",
            _variant(rate_shift=1),
            sign=lambda trial: _has_rates(trial, lambda step, total: (step + 1) / total),
        ),
        Misconception(
            "the rate behind",
            "This uses the rate of the step before: step t needs the rate at t.",
            _variant(rate_shift=-1),
            sign=lambda trial: _has_rates(trial, lambda step, total: np.maximum(step - 1, 0) / total),
        ),
    ),
    hints=(
        "Keep two pairs: the current mask with its cost, and the best mask with its cost.",
        "In each step: propose, evaluate once, compare with the current cost, perhaps move, perhaps remember. Your "
        "three functions give the rate, the temperature and the chance.",
        "To move with probability p, compare a new random number with p. The best needs no chance: whenever a proposal "
        "is cheaper than the best so far, it becomes the best.",
    ),
)

EXERCISES = (ACCEPTANCE, COOLING, RATE, FLIP, ANNEAL)
