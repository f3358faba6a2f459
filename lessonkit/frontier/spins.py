"""Pruning as a system of spins: up keeps a weight, down prunes it; the loss is the energy, annealed on a model alone.

For each unit of a layer, with s in {-1, +1}: E(s) = -1/2 s J s - h s, up to a constant. J and h are those of a
layer-wise quadratic model of the loss, input second moments times output-slope second moments (Kirkpatrick, Gelatt &
Vecchi 1983 for the spins; Martens & Grosse 2015 for the moments). Units do not interact: all are annealed at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lessonkit.engine.gradient import loss_gradient
from lessonkit.errors import LessonkitError
from lessonkit.masks import Mask, Masks
from lessonkit.networks.mnist import Split
from lessonkit.networks.network import Network

Array = NDArray[np.float32]


@dataclass(frozen=True)
class LayerModel:
    """The quadratic model of one layer: 1/2 sum over units u of stiffness_u d_u^T A d_u, d the weights taken away.

    Attributes
    ----------
    weights : shape (inputs, units).
    moments : A, shape (inputs, inputs), or one for each unit of a convolution, (units, inputs, inputs).
    stiffness : shape (units,).
    """

    weights: Array
    moments: Array
    stiffness: Array

    def response(self, gone: Array) -> Array:
        """A times the removed weights, unit by unit; shape (inputs, units)."""
        if self.moments.ndim == 2:
            return np.asarray(self.moments @ gone)
        return np.asarray(np.einsum("uik,ku->iu", self.moments, gone))

    def flip_energies(self, kept: Mask, response: Array) -> Array:
        """The change of the energy for each single flip, given the current `response`; shape (inputs, units)."""
        turned = np.where(kept, self.weights, -self.weights)  # what the flip takes away, or gives back
        diagonal = np.diagonal(self.moments, axis1=-2, axis2=-1).T
        own = diagonal[:, np.newaxis] if self.moments.ndim == 2 else diagonal
        return np.asarray(self.stiffness * (turned * response + 0.5 * own * turned * turned))


def layer_models(network: Network, images: Split, rng: np.random.Generator) -> list[LayerModel]:
    """One model per layer, around the unpruned network."""
    found = loss_gradient(network, network.keep_all(), images.images, images.labels, rng=rng)
    n, models = np.float32(len(images)), []
    for each, kernel in zip(found.each, network.kernels, strict=True):
        weights = kernel.reshape(-1, kernel.shape[-1])
        if each.errors is None:
            slopes = each.inputs.reshape(*weights.shape, -1).transpose(1, 0, 2)
            models.append(
                LayerModel(weights, slopes @ slopes.transpose(0, 2, 1) / n, np.ones(weights.shape[1], np.float32))
            )
        else:
            stiffness = np.einsum("un,un->u", each.errors, each.errors) / n
            models.append(LayerModel(weights, each.inputs @ each.inputs.T / n, stiffness))
    return models


def anneal_spins(
    model: LayerModel,
    kept: Mask,
    rng: np.random.Generator,
    *,
    sweeps: int = 20,
    temperature: float = 1.0,
    price: float = 0.0,
) -> tuple[Mask, int]:
    """Metropolis at falling temperature: each sweep tries every spin once, one spin of each unit at a time.

    Parameters
    ----------
    kept : where to start, shape (inputs, units).
    temperature : the initial one, in units of the mean size of a flip's energy; it falls in a straight line to 0.
    price : what keeping a weight costs, the chemical potential that sets how many are kept.

    Returns
    -------
    The mask at the end, and how many flips were tried.
    """
    if kept.shape != model.weights.shape:
        raise LessonkitError(f"a mask of shape {kept.shape} does not fit a layer of {model.weights.shape}")
    kept = kept.copy()
    response = model.response(np.where(kept, 0, model.weights).astype(np.float32))
    inputs, units = kept.shape
    unit = np.arange(units)
    shared = model.moments.ndim == 2
    scale = temperature * float(np.abs(model.flip_energies(kept, response)).mean())
    diagonal = np.diagonal(model.moments, axis1=-2, axis2=-1)
    for sweep in range(sweeps):
        heat = scale * (1 - sweep / sweeps)
        order = rng.permuted(np.tile(np.arange(inputs), (units, 1)), axis=1)
        luck = -np.log(rng.random((inputs, units)))  # accept when delta <= heat * luck: the Metropolis rule
        for turn in range(inputs):
            row = order[:, turn]
            state = kept[row, unit]
            gone = np.where(state, model.weights[row, unit], -model.weights[row, unit])
            own = diagonal[row] if shared else diagonal[unit, row]
            delta = model.stiffness * (gone * response[row, unit] + 0.5 * own * gone * gone)
            delta += np.where(state, -price, price)
            turned = delta <= heat * luck[turn]
            if turned.any():
                rows, which = row[turned], unit[turned]
                kept[rows, which] ^= True
                columns = model.moments[:, rows] if shared else model.moments[which, rows].T
                response[:, which] += columns * gone[turned]
    return kept, sweeps * kept.size


def spin_masks(
    network: Network, images: Split, sparsity: float, rng: np.random.Generator, *, sweeps: int = 5, rounds: int = 12
) -> tuple[Masks, int]:
    """Masks of all layers at a global sparsity: one price for all, found by bisection; returns the flips tried, too.

    The last few bits are flipped where that raises the energy least, so that the count is exact.
    """
    models = layer_models(network, images, rng)
    wanted = network.prunable_weights - round(sparsity * network.prunable_weights)
    low, high, tried = -12.0, 2.0, 0
    masks = [np.ones(model.weights.shape, bool) for model in models]
    unit = float(
        np.mean(np.concatenate([model.stiffness.mean() * np.square(model.weights).ravel() for model in models]))
    )
    for _ in range(rounds):
        middle = (low + high) / 2
        masks = []
        for model in models:
            mask, flips = anneal_spins(
                model, np.ones(model.weights.shape, bool), rng, sweeps=sweeps, price=unit * 10**middle
            )
            masks.append(mask)
            tried += flips
        kept = sum(int(mask.sum()) for mask in masks)
        low, high = (middle, high) if kept > wanted else (low, middle)
    pairs = [
        model.flip_energies(mask, model.response(np.where(mask, 0, model.weights).astype(np.float32)))
        for model, mask in zip(models, masks, strict=True)
    ]
    flat, costs = np.concatenate([mask.ravel() for mask in masks]), np.concatenate([pair.ravel() for pair in pairs])
    over = int(flat.sum()) - wanted
    members = np.flatnonzero(flat if over > 0 else ~flat)
    flat[members[np.argsort(costs[members], kind="stable")[: abs(over)]]] = over < 0
    parts = np.split(flat, np.cumsum([mask.size for mask in masks])[:-1])
    return tuple(part.reshape(kernel.shape) for part, kernel in zip(parts, network.kernels, strict=True)), tried
