"""A quadratic model of the loss around a mask: its slope, and the Fisher information of a few hundred images.

With d the change of the masked weights: loss(d) = loss + g d + 1/2 mean over images of (slope of the image * d)^2.
As a system of spins, each image is a stored pattern that the spins must not line up with: a Hopfield network (1982)
with its sign turned. The field of all weights is kept, so that the energy of every single flip is at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lessonkit.engine.gradient import Slopes, loss_gradient
from lessonkit.frontier.mask_problem import MaskProblem, split
from lessonkit.masks import Mask
from lessonkit.networks.mnist import Split
from lessonkit.networks.network import Network

Array = NDArray[np.float32]
ROUNDS = 12  # times that the field is brought up to date within one proposal


@dataclass(frozen=True)
class LocalModel:
    """The model around the mask `centre`, over those layers that may change.

    Attributes
    ----------
    kernels, each : of the layers that may change; `offset` is where their first bit stands in a mask vector.
    slopes : d loss / d weight at the centre, shape (weights,).
    stiffness : 1/2 h w^2, what the curvature alone says against turning a weight, shape (weights,).
    units : which unit or filter a weight belongs to, shape (weights,).
    """

    centre: Mask
    offset: int
    kernels: tuple[Array, ...]
    each: tuple[Slopes, ...]
    images: int
    slopes: Array
    weights: Array
    stiffness: Array
    units: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        network: Network,
        centre: Mask,
        images: Split,
        for_curvature: Split,
        rng: np.random.Generator,
        *,
        offset: int = 0,
        layers: slice = slice(None),
        old: LocalModel | None = None,
    ) -> LocalModel:
        """A model of `network` around `centre`; with `old`, its curvature is taken over."""
        masks = split(centre[offset : offset + network.prunable_weights], network)
        slopes = loss_gradient(network, masks, images.images, images.labels).slopes[layers]
        kernels = network.kernels[layers]
        if old is not None:
            each, count, stiffness = old.each, old.images, old.stiffness
        else:
            fisher = loss_gradient(network, masks, for_curvature.images, for_curvature.labels, rng=rng)
            each, count = fisher.each[layers], len(for_curvature)
            squares = [part.squared(kernel.shape) for part, kernel in zip(each, kernels, strict=True)]
            stiffness = _flat([0.5 / count * h * w * w for h, w in zip(squares, kernels, strict=True)])
        starts = np.cumsum([0, *(kernel.shape[-1] for kernel in kernels)])
        pairs = zip(kernels, starts, strict=False)
        units = np.concatenate([start + np.arange(kernel.size) % kernel.shape[-1] for kernel, start in pairs])
        return cls(centre, offset, kernels, each, count, _flat(slopes), _flat(kernels), stiffness, units)

    @classmethod
    def at(
        cls,
        problem: MaskProblem,
        centre: Mask,
        rng: np.random.Generator,
        *,
        batch: int,
        images: int,
        whole: bool = False,
        old: LocalModel | None = None,
    ) -> LocalModel:
        """A model from random images of `problem`: of its dense layers, or with `whole` of its convolutions."""
        seen = problem.images
        network, offset, layers = problem.network, 0, slice(None)
        if problem.convolutions and whole:
            layers = slice(0, problem.convolutions)
        elif problem.convolutions:
            network, seen = problem.tail(centre)
            offset = problem.front
        pick = [_some(seen, count, rng) for count in (batch, images)]
        return cls.of(network, centre, pick[0], pick[1], rng, offset=offset, layers=layers, old=old)

    def field(self, change: Array) -> Array:
        """d loss / d weight after `change`, shape (weights,), as the model has it."""
        if not change.any():
            return self.slopes
        response = np.zeros(self.images, np.float32)
        parts = self._split(change)
        for each, part in zip(self.each, parts, strict=True):
            if part.any():
                response += each.along(part)
        answers = [each.weighted(response, part.shape) for each, part in zip(self.each, parts, strict=True)]
        return np.asarray(self.slopes + _flat(answers) / np.float32(self.images))

    def flip_energies(self, mask: Mask, *, damping: float = 1.0) -> Array:
        """What the loss would change by when a single weight of `mask` is turned, for each; shape (weights,)."""
        own = mask[self.own]
        change = np.where(own == self.centre[self.own], 0, np.where(own, self.weights, -self.weights))
        field = self.slopes + damping * (self.field(change.astype(np.float32)) - self.slopes)
        return np.asarray(np.where(own, -self.weights, self.weights) * field + damping * self.stiffness)

    def propose(
        self,
        mask: Mask,
        k: int,
        rng: np.random.Generator,
        *,
        damping: float = 3.0,
        temperature: float = 0.0,
        rounds: int = ROUNDS,
    ) -> Mask:
        """`mask` with up to `k` swaps that the model likes best, made a few at a time, at most one a unit and side.

        Parameters
        ----------
        damping : multiplies the curvature (Levenberg 1944): what the model leaves out is mostly stiffness.
        temperature : noise on the energies, in units of the typical one; 0 for the model's own best.
        """
        child = mask.copy()
        own = child[self.own]  # a view: turning its bits turns the child's
        some = max(1, -(-k // rounds))
        for _ in range(-(-k // some)):
            energy = self.flip_energies(child, damping=damping)
            if temperature:
                noise = temperature * np.abs(self.weights * self.slopes).mean()
                energy = energy + noise * rng.gumbel(size=energy.size).astype(np.float32)
            chosen = [self._lowest(energy, np.flatnonzero(own == side), some) for side in (True, False)]
            pairs = min(map(len, chosen))
            pruned, restored = chosen[0][:pairs], chosen[1][:pairs]
            good = energy[pruned] + energy[restored] < 0
            if not good.any():
                break
            own[pruned[good]], own[restored[good]] = False, True
        if np.array_equal(child, mask):  # a move must move
            own[pruned[:1]], own[restored[:1]] = False, True
        return child

    @property
    def own(self) -> slice:
        """Where its bits stand in a mask vector."""
        return slice(self.offset, self.offset + len(self.weights))

    def _lowest(self, energy: Array, members: NDArray[np.intp], count: int) -> NDArray[np.intp]:
        """The members of lowest energy, lowest first, no two of one unit: such turns would do the same work twice."""
        few = min(6 * count, len(members))
        lowest = members[np.argpartition(energy[members], few - 1)[:few]]
        lowest = lowest[np.argsort(energy[lowest])]
        _, first = np.unique(self.units[lowest], return_index=True)
        return lowest[np.sort(first)][:count]

    def _split(self, flat: Array) -> list[Array]:
        parts = np.split(flat, np.cumsum([kernel.size for kernel in self.kernels])[:-1])
        return [part.reshape(kernel.shape) for part, kernel in zip(parts, self.kernels, strict=True)]


def _flat(layers: Sequence[Array]) -> Array:
    return np.concatenate([layer.ravel() for layer in layers])


def _some(images: Split, count: int, rng: np.random.Generator) -> Split:
    if count >= len(images):
        return images
    chosen = rng.choice(len(images), count, replace=False)
    return Split(images.images[chosen], images.labels[chosen])
