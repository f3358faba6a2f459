"""What every search shares: the problem it sees, the steps it reports, the result it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from lessonkit.errors import BudgetExhaustedError
from lessonkit.evaluator import Evaluation
from lessonkit.objective import PENALTY

if TYPE_CHECKING:
    import pandas

Candidate = TypeVar("Candidate")


@dataclass(frozen=True)
class Scored:
    """A candidate's cost, with the evaluation and the sparsity behind it where there are any."""

    cost: float
    evaluation: Evaluation | None = None
    sparsity: float = float("nan")


class Problem(Generic[Candidate]):
    """What a search sees: costs of candidates, and a counted budget. Every evaluation counts.

    Parameters
    ----------
    score : gives a `Scored` for each candidate of a batch. A function of candidates to plain costs will do as well.
    budget : how many evaluations there are; None for no limit.
    """

    def __init__(
        self, score: Callable[[Sequence[Candidate]], Sequence[Scored | float]], budget: int | None = None
    ) -> None:
        self._score = score
        self.budget = budget
        self.evaluations = 0

    @property
    def remaining(self) -> float:
        """Evaluations left; infinite without a budget."""
        return float("inf") if self.budget is None else self.budget - self.evaluations

    def score(self, candidates: Sequence[Candidate]) -> list[Scored]:
        """One `Scored` for each candidate, in order, counted.

        Raises
        ------
        BudgetExhaustedError
            When fewer evaluations are left than candidates were given; nothing is evaluated then.
        """
        if len(candidates) > self.remaining:
            raise BudgetExhaustedError(
                f"asked for {len(candidates)} evaluations with {self.remaining:.0f} of {self.budget} left"
            )
        self.evaluations += len(candidates)
        return [each if isinstance(each, Scored) else Scored(float(each)) for each in self._score(candidates)]

    def charge(self, evaluations: int) -> None:
        """Count work that is no evaluation of a candidate but costs as much, such as a gradient."""
        if evaluations > self.remaining:
            raise BudgetExhaustedError(f"asked for {evaluations} evaluations' work with {self.remaining:.0f} left")
        self.evaluations += evaluations

    def cost(self, candidates: Sequence[Candidate]) -> NDArray[np.float64]:
        """The costs alone, shape (candidates,)."""
        return np.array([scored.cost for scored in self.score(candidates)])


@dataclass(frozen=True)
class Step:
    """One row of a history: an evaluation of simulated annealing, a generation of the genetic algorithm."""

    step: int
    evaluations: int  # spent so far
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
    """Show `step` to the callback; whether it answered True, Python's or numpy's (a comparison gives the latter)."""
    answer = callback(step) if callback is not None else False
    return isinstance(answer, bool | np.bool_) and bool(answer)


@dataclass(frozen=True)
class SearchResult(Generic[Candidate]):
    """What a search found.

    Attributes
    ----------
    best : the best candidate seen: one layer's mask, or the masks of all layers.
    cost : its own cost, from when it was seen.
    evaluation : what it achieved on the search images; None for a problem that gives plain costs.
    evaluations : how many were spent.
    history : one `Step` an evaluation or generation.
    message : why the search ended.
    """

    best: Candidate
    cost: float
    evaluation: Evaluation | None
    evaluations: int
    seconds: float
    history: list[Step] = field(repr=False)
    seed: int | None
    message: str

    @property
    def masks(self) -> Candidate:
        """The same as `best`: the masks of all layers, in a result of `prune_layerwise`."""
        return self.best

    def table(self) -> pandas.DataFrame:
        """The history as a table, one row a step."""
        import pandas

        return pandas.DataFrame([asdict(step) for step in self.history])


class Search(Protocol):
    """A search that `prune_layerwise` and `compare` can run; `anneal` and `evolve` are two."""

    def __call__(
        self, problem: Problem[Any], start: Any, *, rng: np.random.Generator, callback: Callback | None = None
    ) -> SearchResult[Any]:
        """Search from `start` until `problem.remaining` is too small, or `callback` returns True."""


def draw_population(
    problem: Problem[Candidate],
    start: Candidate,
    size: int,
    rates: tuple[float, float],
    factor: float,
    move: Callable[[Candidate, float, np.random.Generator], Candidate],
    rng: np.random.Generator,
    limit: float = float("inf"),
) -> tuple[list[Candidate], list[Scored]]:
    """Draw individuals around `start` until at least one is below the penalty, more gently each time. All are counted.

    The first individual is moved at the second of `rates`, the last at the first, those between in equal steps; all
    rates are multiplied by `factor` for the next draw. All draws together spend at most `limit` evaluations, and no
    more than the budget; the last of them holds `start` itself.
    """
    if problem.remaining < 1:
        raise BudgetExhaustedError("a first draw needs at least one evaluation, and the budget holds none")
    low, high = rates
    end = problem.evaluations + min(limit, problem.remaining)
    while True:
        left = end - problem.evaluations
        count = int(min(size, left))
        people = [move(start, float(rate), rng) for rate in np.linspace(high, low, count)]
        if left < 2 * size or high < 1e-6:
            people[0] = start
        scores = problem.score(people)
        if min(score.cost for score in scores) < PENALTY or people[0] is start:
            return people, scores
        low, high = low * factor, high * factor


def step_of(scored: Scored, best: Scored, step: int, evaluations: int, **more: Any) -> Step:
    """A history row from what was just scored and the best so far."""
    nothing = Evaluation(float("nan"), float("nan"), 0)
    evaluation = scored.evaluation or nothing
    return Step(
        step, evaluations, scored.cost, best.cost, evaluation.loss, evaluation.accuracy, scored.sparsity, **more
    )
