"""What all searches share: the problem they see, the steps they report, the result they return."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from lessonkit.errors import BudgetExhaustedError
from lessonkit.objective import PENALTY

if TYPE_CHECKING:
    import pandas

Candidate = TypeVar("Candidate")


@dataclass(frozen=True)
class Evaluation:
    """The loss and accuracy of a masked network on some images."""

    loss: float  # mean cross-entropy, in nats
    accuracy: float  # the share of images classified correctly, 0 to 1
    images: int

    @property
    def correct(self) -> int:
        """The number of images classified correctly."""
        return round(self.accuracy * self.images)


@dataclass(frozen=True)
class Scored(Generic[Candidate]):
    """A candidate's cost, with the evaluation and the sparsity that it was computed from, if there are any."""

    cost: float
    evaluation: Evaluation | None = None
    sparsity: float = float("nan")
    candidate: Candidate | Any = None  # `Problem.score` fills it in


class Problem(Generic[Candidate]):
    """What a search sees: the costs of candidates, and a budget from which every evaluation is counted.

    Parameters
    ----------
    score : takes a batch of candidates and returns one `Scored`, or one plain cost, for each of them.
    budget : the number of evaluations allowed; None for no limit.
    """

    def __init__(
        self, score: Callable[[Sequence[Candidate]], Sequence[Scored[Any] | float]], budget: int | None = None
    ) -> None:
        self._score = score
        self.budget = budget
        self.evaluations = 0

    @property
    def remaining(self) -> float:
        """Evaluations left; infinite without a budget."""
        return float("inf") if self.budget is None else self.budget - self.evaluations

    def score(self, candidates: Sequence[Candidate]) -> list[Scored[Candidate]]:
        """Evaluate the candidates, count them, and return one `Scored` for each, in the same order.

        Raises
        ------
        BudgetExhaustedError
            When there are more candidates than evaluations left; then nothing is evaluated.
        """
        if len(candidates) > self.remaining:
            raise BudgetExhaustedError(
                f"asked for {len(candidates)} evaluations with {self.remaining:.0f} of {self.budget} left"
            )
        self.evaluations += len(candidates)
        answers = zip(candidates, self._score(candidates), strict=True)
        return [
            replace(answer, candidate=candidate)
            if isinstance(answer, Scored)
            else Scored(float(answer), candidate=candidate)
            for candidate, answer in answers
        ]

    def charge(self, evaluations: int) -> None:
        """Count other work, such as a gradient, as if it were this many evaluations.

        Raises
        ------
        BudgetExhaustedError
            When fewer evaluations are left; then nothing is counted.
        """
        if evaluations > self.remaining:
            raise BudgetExhaustedError(f"asked for {evaluations} evaluations' work with {self.remaining:.0f} left")
        self.evaluations += evaluations

    def cost(self, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
        """As `score`, but the costs alone: shape (candidates,)."""
        return np.array([scored.cost for scored in self.score(candidates)])


@dataclass(frozen=True)
class Step:
    """One row of a history: one evaluation of simulated annealing, or one generation of the genetic algorithm."""

    step: int
    evaluations: int  # spent from the problem's budget so far
    cost: float  # of this proposal; of the best of this generation
    best_cost: float  # the best seen so far
    loss: float
    accuracy: float
    sparsity: float
    accepted: bool = True
    temperature: float = float("nan")
    rate: float = float("nan")
    mean_cost: float = float("nan")  # over a generation
    layer: str = ""


Callback = Callable[[Step], Any]  # a search stops when its callback returns True


def says_stop(callback: Callback | None, step: Step) -> bool:
    """Show `step` to the callback; return whether it answered True, Python's or numpy's (comparisons give numpy's)."""
    answer = callback(step) if callback is not None else False
    return isinstance(answer, bool | np.bool_) and bool(answer)


@dataclass(frozen=True)
class SearchResult(Generic[Candidate]):
    """What a search found.

    Attributes
    ----------
    best : the best candidate seen: one layer's mask, or the masks of all layers.
    cost : the cost of `best`, as it was when the search saw it.
    evaluation : the loss and accuracy of `best` on the search images; None for a problem that gives plain costs.
    evaluations : how many evaluations the search spent.
    seconds : how long it took.
    history : one `Step` per evaluation or generation.
    message : why the search ended.
    """

    best: Candidate
    cost: float
    evaluation: Evaluation | None
    evaluations: int
    seconds: float
    history: list[Step] = field(repr=False)
    message: str

    @property
    def masks(self) -> Candidate:
        """Another name for `best`, for results of `prune_layerwise`, where it holds the masks of all layers."""
        return self.best

    def table(self) -> pandas.DataFrame:
        """The history as a table, one row per step and one column per field of `Step`."""
        import pandas

        return pandas.DataFrame([asdict(step) for step in self.history])


class Search(Protocol):
    """A search that `prune_layerwise` and `compare` can run; `anneal` and `evolve` are two."""

    def __call__(
        self, problem: Problem[Any], start: Any, *, rng: np.random.Generator, callback: Callback | None = None
    ) -> SearchResult[Any]:
        """Search from `start` until the budget of `problem` is spent or `callback` returns True."""


class Run(Generic[Candidate]):
    """The bookkeeping of one search: the best candidate seen, the budget, the history, the callback, Ctrl-C, the clock.

    Use it as ``with Run(problem, callback) as run:``. Ctrl-C ends the block but loses nothing that was found before.

    Attributes
    ----------
    best : the cheapest candidate seen; among equally cheap ones, the first.
    history : the rows that `note` wrote.
    message : why the search ended.
    """

    def __init__(self, problem: Problem[Candidate], callback: Callback | None = None) -> None:
        self.problem, self.callback = problem, callback
        self.best: Scored[Candidate] | None = None
        self.history: list[Step] = []
        self.message = "done"
        self._stopped = False
        self._spent, self._began = problem.evaluations, time.perf_counter()

    def __enter__(self) -> Run[Candidate]:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        if kind is not KeyboardInterrupt or self.best is None:
            return False
        self.message = "interrupted"
        return True

    def see(self, candidates: Sequence[Candidate | Scored[Candidate]]) -> list[Scored[Candidate]]:
        """Evaluate candidates in one batch, remember the best, and return them all scored, in the same order.

        A candidate that is already a `Scored` is not evaluated again and costs nothing.
        """
        unknown = [each for each in candidates if not isinstance(each, Scored)]
        answers = iter(self.problem.score(unknown) if unknown else [])
        seen = [each if isinstance(each, Scored) else next(answers) for each in candidates]
        for each in seen:
            if self.best is None or each.cost < self.best.cost:
                self.best = each
        return seen

    def draw(
        self,
        start: Candidate,
        size: int,
        rates: float | tuple[float, float],
        factor: float,
        move: Callable[[Candidate, float, np.random.Generator], Candidate],
        rng: np.random.Generator,
        limit: float = math.inf,
    ) -> list[Scored[Candidate]]:
        """Draw `size` individuals around `start`; if all of them get the penalty, draw again with smaller changes.

        Every individual is evaluated and counted. `rates` is the rate for `move`, or a pair (low, high): then the
        first individual gets the high rate, the last one the low rate, those between them rates in equal steps. Before
        each new draw the rates are multiplied by `factor`. The last draw that the budget or `limit` (in evaluations)
        allows contains `start` itself.

        Raises
        ------
        BudgetExhaustedError
            When not even one evaluation is left.
        """
        low, high = rates if isinstance(rates, Sequence) else (rates, rates)
        last = self.problem.evaluations + min(limit, self.problem.remaining)
        if self.problem.evaluations + 1 > last:
            raise BudgetExhaustedError("a first draw needs at least one evaluation, and the budget holds none")
        while True:
            left = last - self.problem.evaluations
            people = [move(start, float(rate), rng) for rate in np.linspace(high, low, int(min(size, left)))]
            if left < 2 * size or high < 1e-6:
                people[0] = start
            seen = self.see(people)
            if min(each.cost for each in seen) < PENALTY or people[0] is start:
                return seen
            low, high = low * factor, high * factor

    def steps(self, count: int, unit: str = "iterations") -> Iterator[int]:
        """Count from 0 to `count` - 1, until the budget is spent or the callback stops the search."""
        for step in range(count):
            if self._stopped:
                break
            if self.problem.remaining < 1:
                self.message = "the budget of evaluations is spent"
                return
            yield step
        self.message = "stopped by the callback" if self._stopped else f"{count} {unit} done"

    def note(self, step: int, found: Scored[Candidate] | Sequence[Scored[Candidate]], **more: Any) -> None:
        """Add a row to the history, for one proposal or one generation, and show it to the callback."""
        if not isinstance(found, Scored):
            more["mean_cost"] = float(np.mean([each.cost for each in found]))
            found = min(found, key=lambda each: each.cost)
        assert self.best is not None, "see a candidate first"
        loss, accuracy = (
            (found.evaluation.loss, found.evaluation.accuracy) if found.evaluation else (math.nan, math.nan)
        )
        evaluations, best_cost = self.problem.evaluations, self.best.cost
        row = Step(step, evaluations, found.cost, best_cost, loss, accuracy, found.sparsity, **more)
        self.history.append(row)
        self._stopped = says_stop(self.callback, row)

    def result(self) -> SearchResult[Candidate]:
        """The `SearchResult` of everything seen so far."""
        assert self.best is not None, "see a candidate first"
        return SearchResult(
            best=self.best.candidate,
            cost=self.best.cost,
            evaluation=self.best.evaluation,
            evaluations=self.problem.evaluations - self._spent,
            seconds=time.perf_counter() - self._began,
            history=self.history,
            message=self.message,
        )
