"""Which units a smaller network keeps, at a given price: drawn counts, hill climbing and annealing, at equal budgets.

Three sets of images are kept apart. The repair is fitted on some, a candidate is judged on others, and the test images
are looked at once, at the end: what was fitted or chosen on images looks better on them than it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lessonkit.annealing import Schedule, anneal, geometric_cooling
from lessonkit.errors import LessonkitError
from lessonkit.problem import Callback, Problem, Run, Scored, SearchResult
from lessonkit.shrink.chain import Array, Chain, after, as_signal, judged, positions, through
from lessonkit.shrink.cut import Kept, Repair, channels

PRICES = ("multiply-adds", "parameters")
RATE = 0.3  # share of a layer's units that a first move changes, about
DRAWN = 0.25  # share of the budget that the searches spend on drawn counts, for a start
COOL = 5e-4  # initial temperature of `annealed`, in nats


class Price:
    """What a network costs with so many units in each layer, and how much it may cost.

    Parameters
    ----------
    chain : the network in its full size.
    of : "multiply-adds" or "parameters".
    share : how much of the full network's price is allowed; above 0, at most 1.
    """

    def __init__(self, chain: Chain, of: str = "multiply-adds", share: float = 0.1) -> None:
        if not chain.counts:
            raise LessonkitError("the network has one layer with weights only: there are no units to take out")
        fronts = [1, *chain.counts]
        self._reads = [len(layer.matrix) // front for layer, front in zip(chain.layers, fronts, strict=True)]
        self._times = positions(chain) if of == "multiply-adds" else [1] * len(chain.layers)
        self._biases = int(of == "parameters")
        self._classes = chain.layers[-1].units
        self.of, self.full = of, chain.counts
        self.whole = self(chain.counts)
        self.limit = share * self.whole
        least = self([1] * len(chain.counts))
        if least > self.limit:
            raise LessonkitError(
                f"{share:g} of the {of} cannot be reached: one unit in each layer already needs "
                f"{least / self.whole:.3f} of them ({least:,} of {self.whole:,})"
            )

    def __call__(self, counts: Sequence[int]) -> int:
        """The price with these counts, one for each layer but the last."""
        fronts, units = [1, *counts], [*counts, self._classes]
        layers = zip(fronts, units, self._reads, self._times, strict=True)
        return sum(times * (front * reads + self._biases) * own for front, own, reads, times in layers)

    def fit(self, counts: Sequence[int], rng: np.random.Generator, fixed: int | None = None) -> tuple[int, ...]:
        """Counts that use the limit up: others than layer `fixed` fall until they fit, then rise as far as they can."""
        new = list(counts)
        while self(new) > self.limit:
            large = [index for index, count in enumerate(new) if index != fixed and count > 1]
            index = int(rng.choice(large)) if large else int(fixed or 0)
            new[index] -= max(1, new[index] // 20)
        for index in rng.permutation(len(new)):
            while index != fixed and new[index] < self.full[index]:
                new[index] += 1
                if self(new) > self.limit:
                    new[index] -= 1
                    break
        return tuple(new)


class Judge:
    """Candidates of one network: repaired, and judged on images that the repair has not seen.

    Parameters
    ----------
    repair : of the network, with the images to fit on.
    images, labels : to judge on.
    price : and its limit.
    """

    def __init__(self, repair: Repair, images: Array, labels: NDArray[np.int64], price: Price) -> None:
        self.repair, self.labels, self.price = repair, labels, price
        chain = repair.chain
        first = Chain(chain.input_shape, chain.layers[:1])
        self._first = through(first, after(chain.steps, as_signal(images)))  # the first layer is never repaired
        self._orders = [repair.order(index) for index in range(len(chain.counts))]
        self._full = chain.counts

    def score(self, candidates: Sequence[Kept]) -> list[Scored[Kept]]:
        """The loss of each candidate, in nats; as sparsity the share of the price that is gone."""
        return [self._score(kept) for kept in candidates]

    def _score(self, kept: Kept) -> Scored[Kept]:
        small = self.repair(kept)
        evaluation = judged(through(small, channels(self._first, kept[0], self._full[0]), start=1), self.labels)
        spent = self.price([len(units) for units in kept]) / self.price.whole
        return Scored(evaluation.loss, evaluation, 1 - spent)

    def draw(self, rng: np.random.Generator) -> Kept:
        """Counts drawn at random, evenly in their logarithms, that use the price up; units by `Repair.choose`."""
        counts = [round(float(np.exp(rng.uniform(0, np.log(count))))) for count in self._full]
        return self.repair.choose(self.price.fit(counts, rng))

    def move(self, kept: Kept, rate: float, rng: np.random.Generator) -> Kept:
        """A neighbour: other counts, or a few units of one layer exchanged; `rate` is the share of a layer that moves.

        Where counts change, a layer gives away the units that are last in its closed-form order, or takes the first.
        """
        for _ in range(100):
            new = self._resized(kept, rate, rng) if rng.random() < 0.4 else self._exchanged(kept, rate, rng)
            if new != kept:
                return new
        return kept

    def _resized(self, kept: Kept, rate: float, rng: np.random.Generator) -> Kept:
        counts = [len(units) for units in kept]
        index = int(rng.integers(len(counts)))
        change = max(1, round(abs(rng.normal()) * rate * counts[index])) * int(rng.choice([-1, 1]))
        counts[index] = int(np.clip(counts[index] + change, 1, self._full[index]))
        new: list[tuple[int, ...]] = []
        for units, count, order in zip(kept, self.price.fit(counts, rng, index), self._orders, strict=True):
            own = [unit for unit in order if unit in units]
            others = [unit for unit in order if unit not in units]
            new.append(tuple(sorted((own + others)[:count] if count >= len(own) else own[:count])))
        return tuple(new)

    def _exchanged(self, kept: Kept, rate: float, rng: np.random.Generator) -> Kept:
        index = int(rng.integers(len(kept)))
        inside = kept[index]
        outside = [unit for unit in range(self._full[index]) if unit not in inside]
        count = min(1 + rng.poisson(rate * len(inside) / 2), len(inside), len(outside))
        gone = [int(unit) for unit in rng.permutation(inside)[:count]]
        new = [int(unit) for unit in rng.permutation(outside)[:count]]
        units = tuple(sorted({*inside, *new} - {*gone}))
        return (*kept[:index], units, *kept[index + 1 :])


def drawn(
    problem: Problem[Kept], judge: Judge, rng: np.random.Generator, count: int, callback: Callback | None = None
) -> SearchResult[Kept]:
    """The best of `count` draws: random counts, units in closed form. The control, and the searches' start."""
    with Run(problem, callback) as run:
        for step in run.steps(count, "draws"):
            (seen,) = run.see([judge.draw(rng)])
            run.note(step, seen)
    return run.result()


def search(
    judge: Judge,
    evaluations: int,
    rng: np.random.Generator,
    *,
    temperature: float = 0.0,
    schedule: Schedule = geometric_cooling,
    callback: Callback | None = None,
) -> SearchResult[Kept]:
    """Hill climbing from the best of some drawn counts; at a temperature above 0, simulated annealing.

    Parameters
    ----------
    evaluations : the budget, a quarter of it for the start.
    """
    problem = Problem(judge.score, evaluations)
    start = drawn(problem, judge, rng, max(1, round(DRAWN * evaluations)), callback)
    if start.message == "interrupted" or problem.remaining < 1:
        return start
    best: Scored[Kept] = Scored(start.cost, start.evaluation, candidate=start.best)
    return anneal(
        problem,
        best,
        iterations=int(problem.remaining),
        temperature=temperature,
        schedule=schedule,
        mutation_rate=RATE,
        move=judge.move,
        rng=rng,
        callback=callback,
    )
