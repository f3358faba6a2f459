"""Parts that both searches share: densities, swaps that keep the count, informed proposals, crossover, temperatures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lessonkit.engine.gradient import COST
from lessonkit.errors import BudgetExhaustedError
from lessonkit.frontier.mask_problem import MaskProblem, join, ranks
from lessonkit.frontier.model import LocalModel
from lessonkit.masks import Mask
from lessonkit.networks.network import Network
from lessonkit.problem import Problem, Step

Densities = NDArray[np.float64]  # log-odds of keeping a weight, one a layer, up to a shift that all share


# --- a few numbers instead of a mask: how much of each layer is kept ------------------------------------------------


def counts_of(densities: Densities, sizes: Sequence[int], kept: int) -> NDArray[np.int64]:
    """Kept weights a layer: the log-odds shifted, all by the same, until they add up to `kept` exactly."""
    size = np.asarray(sizes)
    low, high = -60.0 - np.max(densities), 60.0 - np.min(densities)
    for _ in range(60):
        middle = (low + high) / 2
        few = (size / (1 + np.exp(-np.clip(densities + middle, -60, 60)))).sum() < kept
        low, high = (middle, high) if few else (low, middle)
    exact = size / (1 + np.exp(-np.clip(densities + middle, -60, 60)))
    counts = np.minimum(np.floor(exact).astype(np.int64), size)
    for layer in np.argsort(-(size - counts)):  # what rounding left over goes where there is most room
        counts[layer] += min(kept - counts.sum(), size[layer] - counts[layer])
    return np.asarray(counts)


def density_masks(scores: Sequence[NDArray[np.floating]], kept: int) -> Callable[[Densities], Mask]:
    """A function from densities to the mask vector that keeps the highest scores inside each layer."""
    places, sizes = ranks(scores), [layer.size for layer in scores]

    def mask(densities: Densities) -> Mask:
        counts = counts_of(densities, sizes, kept)
        return join([place < count for place, count in zip(places, counts, strict=True)])

    return mask


def densities_of(masks: Sequence[Mask]) -> Densities:
    """The densities of given masks."""
    share = np.array([np.clip(mask.mean(), 0.5 / mask.size, 1 - 0.5 / mask.size) for mask in masks])
    return np.asarray(np.log(share / (1 - share)))


def density_move(densities: Densities, rate: float, rng: np.random.Generator) -> Densities:
    """A normal step of size `rate` in about half of the layers."""
    chosen = rng.random(len(densities)) < 0.5
    chosen[rng.integers(len(densities))] = True
    return densities + rate * chosen * rng.normal(size=len(densities))


# --- swaps: as many weights restored as pruned ----------------------------------------------------------------------


def biased_swap(weights: NDArray[np.floating]) -> Callable[[Mask, float, np.random.Generator], Mask]:
    """Swaps of a share `rate` of the kept weights that like to prune small magnitudes and to restore large ones.

    A weight is drawn with a chance in proportion to 1/|w| among the kept, and to |w| among the pruned.
    """
    magnitude = np.maximum(np.abs(weights), 1e-12)

    def swap(mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
        k = min(max(1, round(rate * np.count_nonzero(mask))), np.count_nonzero(mask), np.count_nonzero(~mask))
        # Efraimidis & Spirakis (2006): the k smallest of exponential times are a weighted draw without replacement
        times = rng.exponential(size=mask.size) * np.where(mask, magnitude, 1 / magnitude)
        child = mask.copy()
        for side in (True, False):
            members = np.flatnonzero(mask == side)
            child[members[np.argsort(times[members])[:k]]] = not side
        return child

    return swap


def keep_count(child: Mask, count: int, doubtful: Mask, rng: np.random.Generator) -> Mask:
    """`child` with bits among the `doubtful` ones turned at random until exactly `count` are kept."""
    child = child.copy()
    over = int(np.count_nonzero(child)) - count
    members = np.flatnonzero(doubtful & (child if over > 0 else ~child))
    child[rng.choice(members, abs(over), replace=False)] = over < 0
    return child


def uniform_crossover_keeping(mother: Mask, father: Mask, rng: np.random.Generator) -> Mask:
    """Uniform crossover (Syswerda 1989) of parents that keep equally many: the child keeps as many as they do."""
    differ = mother ^ father
    child = np.where(rng.random(mother.shape) < 0.5, mother, father)
    return keep_count(child, int(np.count_nonzero(mother)), differ, rng)


class InformedSwaps:
    """A move that asks a local model of the loss which swaps to make; its gradients are charged to the problem.

    Give it to a search as `move`, and its `steer` as `callback`: the size of the move then follows the acceptance.

    Parameters
    ----------
    problem : what is searched, and whose budget pays for gradients.
    size, largest : the first and the largest move, as shares of the kept weights.
    batch, curvature : images that a gradient and its curvature look at, drawn anew each time.
    patience : proposals from one gradient before a fresh one is taken.
    curvature_every : gradients between two with a fresh curvature; these cost 5 evaluations, the others 3.
    convolutions_every : one gradient in so many is about the convolutions, the others about the dense layers.
    population : take the gradient at the best mask so far, and keep it for `patience` proposals around any mask;
        otherwise at each new mask that is asked about.
    damping : factors of the curvature, one drawn for each proposal; see `LocalModel.propose`.
    """

    def __init__(
        self,
        problem: MaskProblem,
        *,
        size: float = 0.05,
        largest: float = 0.1,
        batch: int = 4000,
        curvature: int = 500,
        patience: int = 3,
        curvature_every: int = 4,
        convolutions_every: int = 10,
        population: bool = False,
        damping: Sequence[float] = (2.0, 3.0, 5.0),
    ) -> None:
        self.problem, self.size, self.largest = problem, size, largest
        self.batch, self.curvature, self.patience = batch, curvature, patience
        self.curvature_every, self.convolutions_every = curvature_every, convolutions_every
        self.population, self.damping = population, damping
        self.model: LocalModel | None = None
        self._parent: Mask | None = None
        self._known: dict[bool, tuple[LocalModel, int]] = {}  # the newest curvature of each part, and its uses
        self._used = self._gradients = 0

    def __call__(self, mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
        """A neighbour of `mask`; `rate`, from 1 down to 0, bounds how large the move may be by now."""
        moved_on = self._parent is not mask and not self.population
        if self.model is None or moved_on or self._used >= self.patience:
            best = self.problem.best[1]
            self._look(best if self.population and best is not None else mask, rng)
        if self.model is None:
            raise BudgetExhaustedError("a gradient-informed move needs a budget of at least one gradient")
        self._parent, self._used = mask, self._used + 1
        share = min(self.size, self.largest * (0.05 + 0.95 * rate))
        k = max(1, round(share * np.count_nonzero(mask[self.model.own])))
        temperature = 0.3 if self.population else 0.3 * (self._used - 1)  # what was refused is not proposed again
        return self.model.propose(mask, k, rng, damping=float(rng.choice(self.damping)), temperature=temperature)

    def steer(self, step: Step) -> None:
        """A callback: larger moves after one that was accepted, smaller ones after a refusal."""
        better = step.cost <= step.best_cost if self.population else step.accepted
        self.size = min(self.size * 1.25, self.largest) if better else max(self.size * 0.8, 1e-4)

    def _look(self, at: Mask, rng: np.random.Generator) -> None:
        every = self.convolutions_every
        whole = self.problem.convolutions > 0 and self._gradients % every == every - 1
        old, uses = self._known.get(whole, (None, 0))
        fresh = old is None or uses >= self.curvature_every
        price = 2 * COST - 1 if fresh else COST  # both share the way forward
        if self.problem.remaining < price + 1:
            return
        self.problem.charge(price)
        counts = {"batch": self.batch, "images": self.curvature}
        self.model = LocalModel.at(self.problem, at, rng, **counts, whole=whole, old=None if fresh else old)
        self._known[whole] = (self.model, 1 if fresh else uses + 1)
        self._gradients, self._used = self._gradients + 1, 0


# --- temperatures ---------------------------------------------------------------------------------------------------


def calibrated_temperature(
    problem: Problem[Mask],
    start: Mask,
    move: Callable[[Mask, float, np.random.Generator], Mask],
    rng: np.random.Generator,
    *,
    rate: float,
    acceptance: float = 0.5,
    samples: int = 10,
) -> float:
    """The temperature at which a rise as large as the mean one is accepted with the wished chance.

    Kirkpatrick's rule solved for T: exp(-mean rise / T) = acceptance (Johnson et al. 1989). ``samples + 1``
    evaluations are spent, and counted. A start from which nothing rises gives 0.
    """
    first, *others = problem.cost([start, *(move(start, rate, rng) for _ in range(samples))])
    rises = [cost - first for cost in others if cost > first]
    return float(np.mean(rises) / -np.log(acceptance)) if rises else 0.0


def reheated(initial: float, step: int, total: int, *, times: int = 2, cool: float = 1e-3) -> float:
    """Geometric cooling that starts again `times` times, each from half as hot as before; a `schedule` for `anneal`."""
    length = max(1, -(-total // (times + 1)))
    round_, within = divmod(min(step, total), length)
    return float(initial * 0.5**round_ * cool ** (within / length))


def network_weights(network: Network) -> NDArray[np.float32]:
    """All prunable weights in the order of a mask vector."""
    return np.concatenate([kernel.ravel() for kernel in network.kernels])
