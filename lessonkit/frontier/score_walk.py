"""A walk over masks that remembers one score per weight: mini-batch gradients move the scores, the highest are kept.

The straight-through direction (Bengio et al. 2013; Ramanujan et al. 2020), here as a proposal: the search decides
by the true loss whether the walk continues from there, or from where it was.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lessonkit.engine.gradient import COST, loss_gradient
from lessonkit.frontier.mask_problem import MaskProblem, split
from lessonkit.masks import Mask
from lessonkit.networks.mnist import Split

Array = NDArray[np.float32]
REMEMBERED = 64  # masks whose scores are kept at hand


@dataclass(frozen=True)
class Walker:
    """What a mask carries along: scores, above 0 where the mask keeps a weight, and the momentum of their walk."""

    scores: Array
    momentum: Array


class ScoreWalk:
    """A move: a mask's scores take `steps` steps down the slope, and the highest scores are the neighbour.

    The slope of a weight's gate is weight times gradient, taken at the mask itself, for kept and pruned weights alike.
    One step is `pace` long in units of the mean magnitude over the root mean square slope. A gradient on a mini-batch
    is charged by the images it looks at: `gradient.COST` times their share of the search images, summed and rounded up.

    Give it to a search as `move`. The walk of one mask does not depend on which others were proposed in between.

    Parameters
    ----------
    problem : what is searched, and whose budget pays for gradients.
    images : what gradients see, more than an evaluation does if that is expensive; the problem's own by default.
    steps, batch : gradients per proposal, and images per gradient; fewer where a proposal would see all images twice.
    pace, drag : the length of a step at first, and how much of the last step's direction is kept (its momentum).
    tail : leave the convolutions as they are, and walk over the dense layers alone.
    reserve : evaluations that gradients leave in the budget: as many as the search makes at once.
    """

    def __init__(
        self,
        problem: MaskProblem,
        images: Split | None = None,
        *,
        steps: int = 8,
        batch: int = 250,
        pace: float = 0.4,
        drag: float = 0.9,
        tail: bool = False,
        reserve: int = 1,
    ) -> None:
        self.problem, self.steps, self.pace, self.drag, self.reserve = problem, steps, pace, drag, reserve
        self.images = problem.images if images is None else images
        self.batch = min(batch, max(1, len(self.images) // steps))
        self.offset = problem.front if tail else 0
        weights = np.concatenate([kernel.ravel() for kernel in problem.network.kernels])[self.offset :]
        self.weights = weights
        self.magnitude = np.abs(weights) / max(float(np.abs(weights).mean()), 1e-12)
        self._walkers: OrderedDict[bytes, Walker] = OrderedDict()
        self._square = 0.0  # running mean of the squared slope
        self._owed = self._paid = 0.0

    def __call__(self, mask: Mask, rate: float, rng: np.random.Generator) -> Mask:
        """A neighbour of `mask`; the steps shorten with `rate`, from 1 down to 0."""
        walker = self.walker(mask)
        scores, momentum = walker.scores.copy(), walker.momentum.copy()
        child = mask.copy()
        own = child[self.offset :]  # a view
        kept = int(np.count_nonzero(own))
        for _ in range(self.steps):
            if not self._charged():
                break
            slope = self._slope(child, rng)
            momentum = self.drag * momentum + (1 - self.drag) * slope
            fresh = float(np.mean(np.square(slope)))
            self._square = 0.98 * self._square + 0.02 * fresh if self._square else fresh
            scores -= np.float32(self.pace * (0.02 + rate) / (np.sqrt(self._square) + 1e-12)) * momentum
            own[...] = highest(scores, kept)
        if np.array_equal(child, mask) and 0 < kept < own.size:  # a move must move: the closest call is turned
            for side in (True, False):
                members = np.flatnonzero(own == side)
                turned = members[np.argmin(np.abs(scores[members]) + rng.random(len(members)))]
                scores[turned] *= -1
            own[...] = highest(scores, kept)
        self._remember(child, scores, momentum)
        return child

    @property
    def price(self) -> float:
        """What the gradients of one proposal cost, in evaluations."""
        return COST * self.steps * self.batch / len(self.images)

    def crossover(self, mother: Mask, father: Mask, rng: np.random.Generator) -> Mask:
        """Uniform crossover (Syswerda 1989) of the parents' scores: the child keeps as many weights as they do."""
        one, other = self.walker(mother), self.walker(father)
        coin = rng.random(one.scores.shape) < 0.5
        scores = np.where(coin, one.scores, other.scores)
        child = mother.copy()
        child[self.offset :] = highest(scores, int(np.count_nonzero(mother[self.offset :])))
        self._remember(child, scores, np.where(coin, one.momentum, other.momentum))
        return child

    def goes_on(self, before: ScoreWalk, mask: Mask) -> None:
        """Take over the scores of `mask` from a walk over all layers."""
        own = slice(self.offset, None)
        scores = before.walker(mask).scores[own]
        self._remember(mask, scores, np.zeros_like(scores))

    def walker(self, mask: Mask) -> Walker:
        """The scores of a mask: those it was proposed with, or magnitudes with a step between kept and pruned."""
        known = self._walkers.get(mask.tobytes())
        if known is not None:
            return known
        own = mask[self.offset :]
        edge = np.quantile(self.magnitude, 1 - own.mean())
        scores = self.magnitude - np.float32(edge)
        scores = np.where(own, np.maximum(scores, 1e-3), np.minimum(scores, -1e-3)).astype(np.float32)
        return Walker(scores, np.zeros_like(scores))

    def _remember(self, mask: Mask, scores: Array, momentum: Array) -> None:
        """Scores are kept around 0: the middle between the lowest kept and the highest pruned one."""
        own = mask[self.offset :]
        if own.any() and not own.all():
            scores = scores - (scores[own].min() + scores[~own].max()) / 2
        self._walkers[mask.tobytes()] = Walker(scores, momentum)
        while len(self._walkers) > REMEMBERED:
            self._walkers.popitem(last=False)

    def _slope(self, mask: Mask, rng: np.random.Generator) -> Array:
        """d loss / d gate of every weight, on a mini-batch."""
        network, seen = self.problem.network, self.images
        if self.offset:
            network, seen = self.problem.tail(mask)
        chosen = rng.integers(len(seen), size=self.batch)
        masks = split(mask[self.offset :], network)
        found = loss_gradient(network, masks, seen.images[chosen], seen.labels[chosen])
        return np.asarray(np.concatenate([slope.ravel() for slope in found.slopes]) * self.weights)

    def _charged(self) -> bool:
        """Pay for one more mini-batch, if the evaluations that it leads to can be paid as well."""
        owed = self._owed + COST * self.batch / len(self.images)
        due = max(0, int(np.ceil(owed - self._paid - 1e-9)))
        if self.problem.remaining < due + self.reserve:
            return False
        self.problem.charge(due)
        self._owed, self._paid = owed, self._paid + due
        return True


def highest(scores: Array, count: int) -> Mask:
    """Exactly `count` of the highest scores."""
    mask = np.zeros(scores.size, bool)
    if count:
        mask[np.argpartition(-scores, count - 1)[:count]] = True
    return mask
