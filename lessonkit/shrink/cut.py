"""Units of a network taken out, and what stays repaired in closed form: no gradient, no training.

`cut` takes rows, columns and channels out and changes nothing else. `Repair` also makes up for what is gone, from what
the network computes on some training images:

- biases: the mean of what the units that went would have added;
- weights: the least-squares fit of each layer's values before its activation, from the inputs that are left (He, Zhang
  & Sun 2017; Luo, Wu & Lin 2017 for filters). The layers are repaired from front to back, each on the inputs that the
  already smaller network gives it, so that it also makes up for the errors in front of it.

Which units go is decided from back to front by Optimal Brain Surgeon's formula (Hassibi & Stork 1993) for whole units:
the unit goes whose loss the units that stay can best make up for. See `Repair.choose`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonkit.errors import LessonkitError
from lessonkit.shrink.chain import (
    Array,
    Chain,
    Layer,
    after,
    as_signal,
    columns,
    in_chunks,
    through,
)

Kept = tuple[tuple[int, ...], ...]  # of each layer but the last: the numbers of the units that stay, ascending
RIDGE = (
    1e-4  # added to each input's variance, as a share of their mean: unused inputs make the normal equations singular
)
WIDEST = 4096  # inputs of one layer: the normal equations of more take minutes and gigabytes


def everything(chain: Chain) -> Kept:
    """All units of all layers."""
    return tuple(tuple(range(count)) for count in chain.counts)


def cut(chain: Chain, kept: Sequence[Sequence[int]]) -> Chain:
    """The smaller network: the kept units of each layer, and of the next layer's weights the rows that read them.

    Raises
    ------
    LessonkitError
        When a layer keeps nothing, or a unit that it does not have.
    """
    kept = _checked(chain, kept)
    layers = []
    for index, layer in enumerate(chain.layers):
        matrix = layer.matrix
        if index:
            matrix = matrix[_rows(chain, index, kept[index - 1])]
        if index < len(kept):
            matrix = matrix[:, kept[index]]
            layer = dataclasses.replace(layer, bias=layer.bias[list(kept[index])])
        front = (*layer.kernel.shape[:2], -1) if layer.kernel.ndim == 4 else (-1,)
        kernel = np.ascontiguousarray(matrix).reshape(*front, matrix.shape[1])
        layers.append(dataclasses.replace(layer, kernel=kernel))
    return dataclasses.replace(chain, layers=tuple(layers))


def masked(chain: Chain, kept: Sequence[Sequence[int]]) -> Chain:
    """The network in its full size, with zeros where a weight reads a unit that does not stay: what `cut` computes."""
    layers = list(chain.layers)
    for index, units in enumerate(_checked(chain, kept), 1):
        matrix = np.zeros_like(layers[index].matrix)
        rows = _rows(chain, index, units)
        matrix[rows] = layers[index].matrix[rows]
        layers[index] = dataclasses.replace(layers[index], kernel=matrix.reshape(layers[index].kernel.shape))
    return dataclasses.replace(chain, layers=tuple(layers))


def _rows(chain: Chain, index: int, units: Sequence[int]) -> NDArray[np.int64]:
    """Which rows of layer `index`'s matrix read these units of the layer in front: one per place in its window.

    In a convolution's kernel (row, column, channel) and behind Keras's Flatten alike, the channel varies fastest.
    """
    inputs = chain.layers[index].matrix.shape[0]
    places = np.arange(inputs).reshape(-1, chain.layers[index - 1].units)
    return places[:, list(units)].ravel()


def channels(signal: Array, units: Sequence[int], of: int) -> Array:
    """The signal of some of a layer's units, flattened or not; `of` is how many the layer has."""
    if signal.ndim == 4:
        return np.ascontiguousarray(signal[list(units)])
    return signal.reshape(-1, of, signal.shape[-1])[:, list(units)].reshape(-1, signal.shape[-1])


def _checked(chain: Chain, kept: Sequence[Sequence[int]]) -> Kept:
    if len(kept) != len(chain.counts):
        raise LessonkitError(
            f"kept units of {len(kept)} layers given; the network has {len(chain.counts)} whose units can be cut"
        )
    for layer, units in zip(chain.layers, kept, strict=False):
        numbers = {int(unit) for unit in units}
        if not numbers or len(numbers) != len(units) or not numbers <= set(range(layer.units)):
            raise LessonkitError(
                f"layer {layer.name}: kept units must be different numbers from 0 to {layer.units - 1}, at least one"
            )
    return tuple(tuple(sorted(int(unit) for unit in units)) for units in kept)


@dataclass(frozen=True)
class Moments:
    """Of what a layer's weights see: the mean of each input, and the covariances, over all positions and images."""

    mean: NDArray[np.float64]  # (inputs,)
    covariance: NDArray[np.float64]  # (inputs, inputs)


class Repair:
    """Repairs what is left of a network, on some training images.

    Parameters
    ----------
    chain : the trained network, in its full size.
    images : float32, shape (n, *chain.input_shape); about a thousand. No labels: the network itself is the target.
    ridge : as `RIDGE`.
    """

    def __init__(self, chain: Chain, images: Array, ridge: float = RIDGE) -> None:
        for layer in chain.layers[1:]:
            if len(layer.matrix) > WIDEST:
                raise LessonkitError(f"layer {layer.name}: {len(layer.matrix):,} inputs, repair takes {WIDEST:,}")
        self.chain, self.ridge = chain, ridge
        self.first = _next(chain.layers[0], after(chain.steps, as_signal(images)))

    def __call__(self, kept: Sequence[Sequence[int]], repair: str = "weights") -> Chain:
        """The network of the kept units with their weights repaired, or only the biases, or nothing.

        With "weights", the kernel W and bias b of each layer minimise ``|W'a + b - z|^2 + ridge |W|^2`` over all
        positions of all images; a are the inputs that the smaller network gives, z the full network's values.
        """
        kept = _checked(self.chain, kept)
        small = cut(self.chain, kept)
        if repair == "nothing":
            return small
        layers = list(small.layers)
        signal = channels(self.first, kept[0], self.chain.layers[0].units) if kept else self.first
        for index in range(1, len(layers)):
            units = list(kept[index]) if index < len(kept) else slice(None)
            layer, target, mean_target = layers[index], self._targets[index][units], self._target_means[index][units]
            if repair == "biases":
                mean = _moments(layer, signal)[0].mean
                layers[index] = dataclasses.replace(layer, bias=_float(mean_target - mean @ layer.matrix))
            else:
                if index == 1:  # the first layer is as it was, so the statistics of its outputs are known
                    rows = _rows(self.chain, 1, kept[0])
                    whole = self.moments[1]
                    seen = Moments(whole.mean[rows], whole.covariance[np.ix_(rows, rows)])
                    shared = whole.covariance[rows] @ self.chain.layers[1].matrix[:, units]
                else:
                    seen, shared = _moments(layer, signal, target, mean_target)
                weights = np.linalg.solve(self._ridged(seen.covariance), shared)
                bias = mean_target - seen.mean @ weights
                kernel = _float(weights).reshape(layer.kernel.shape)
                layers[index] = dataclasses.replace(layer, kernel=kernel, bias=_float(bias))
            if index < len(layers) - 1:
                signal = _next(layers[index], signal)
        return dataclasses.replace(small, layers=tuple(layers))

    def choose(self, counts: Sequence[int]) -> Kept:
        """Which units stay, for a count of each layer: from back to front, by Optimal Brain Surgeon's formula.

        Taking the unit with input rows q out of a layer's matrix W, and refitting the other rows, costs
        ``tr(W_q' [H^-1]_qq^-1 W_q)`` of squared error; H is the covariance of the inputs. The cheapest unit goes, W and
        H^-1 are those of the smaller problem, and so on until `counts` is reached. Only the outputs that the next
        layer keeps are counted: hence from back to front.
        """
        kept: list[tuple[int, ...]] = []
        outputs = tuple(range(self.chain.layers[-1].units))
        for index in range(len(self.chain.layers) - 1, 0, -1):
            outputs = self._chosen(index, counts[index - 1], outputs)
            kept.insert(0, outputs)
        return tuple(kept)

    def order(self, index: int) -> tuple[int, ...]:
        """All units of layer `index`, the one that would go last first, for all outputs of the next layer."""
        return tuple(reversed(self._elimination(index + 1, tuple(range(self.chain.layers[index + 1].units)))))

    def _chosen(self, index: int, count: int, outputs: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(self._elimination(index, outputs)[self.chain.layers[index - 1].units - count :]))

    def _elimination(self, index: int, outputs: tuple[int, ...]) -> tuple[int, ...]:
        """The units of the layer in front of `index`, in the order in which they go."""
        known = self._eliminations.setdefault(index, {})
        if outputs not in known:
            weights = self.chain.layers[index].matrix[:, list(outputs)].astype(float)
            places = np.arange(len(weights)).reshape(-1, self.chain.layers[index - 1].units)
            known[outputs] = _eliminate(self._ridged(self.moments[index].covariance), weights, places)
        return known[outputs]

    @cached_property
    def _eliminations(self) -> dict[int, dict[tuple[int, ...], tuple[int, ...]]]:
        return {}

    @cached_property
    def moments(self) -> dict[int, Moments]:
        """Of the inputs of each layer but the first, in the full network."""
        found, signal = {}, self.first
        for index, layer in enumerate(self.chain.layers[1:], 1):
            found[index] = _moments(layer, signal)[0]
            signal = _next(layer, signal)
        return found

    @cached_property
    def _targets(self) -> dict[int, Array]:
        """Values of each layer but the first before its activation, shape (units, positions, n)."""
        found, signal = {}, self.first
        for index, layer in enumerate(self.chain.layers[1:], 1):
            plain = dataclasses.replace(layer, steps=())
            found[index] = _next(plain, signal).reshape(layer.units, -1, signal.shape[-1])
            signal = _next(layer, signal)
        return found

    @cached_property
    def _target_means(self) -> dict[int, NDArray[np.float64]]:
        return {index: values.mean(axis=(1, 2), dtype=np.float64) for index, values in self._targets.items()}

    def _ridged(self, covariance: NDArray[np.float64]) -> NDArray[np.float64]:
        size = len(covariance)
        level = self.ridge * np.trace(covariance) / size
        ridged: NDArray[np.float64] = covariance + max(level, 1e-12) * np.eye(size)
        return ridged


def _next(layer: Layer, signal: Array) -> Array:
    """The signal behind a layer and its steps."""
    return through(Chain((), (layer,)), signal)


def _moments(
    layer: Layer, signal: Array, target: Array | None = None, mean_target: NDArray[np.float64] | None = None
) -> tuple[Moments, NDArray[np.float64]]:
    """Moments of a layer's inputs, and their covariances with targets of shape (outputs, positions, n) if there are."""
    outputs = 0 if target is None else len(target)

    def sums(part: Array, place: slice) -> tuple[int, NDArray[np.float64], Array, Array]:
        seen = columns(layer, part)
        aimed = np.empty((0, seen.shape[1]), np.float32) if target is None else target[..., place].reshape(outputs, -1)
        return seen.shape[1], seen.sum(axis=1, dtype=np.float64), seen @ seen.T, seen @ aimed.T

    counts, totals, squares, products = zip(*in_chunks(sums, signal), strict=True)
    count = sum(counts)
    mean = sum(totals) / count
    covariance = np.add.reduce(squares, dtype=np.float64) / count - np.outer(mean, mean)
    shared = np.add.reduce(products, dtype=np.float64) / count
    if mean_target is not None:
        shared -= np.outer(mean, mean_target)
    return Moments(mean, covariance), shared


def _eliminate(
    covariance: NDArray[np.float64], weights: NDArray[np.float64], places: NDArray[np.int64]
) -> tuple[int, ...]:
    """Units in the order in which they go; `places` has shape (rows per unit, units)."""
    inverse, weights = np.linalg.inv(covariance), weights.copy()
    left, gone = list(range(places.shape[1])), []
    while len(left) > 1:
        rows = places[:, left].T  # (units left, rows per unit)
        block = inverse[rows[:, :, np.newaxis], rows[:, np.newaxis, :]]
        own = weights[rows]
        costs = np.einsum("uro,uro->u", own, np.linalg.solve(block, own))
        unit = left.pop(int(np.argmin(costs)))
        gone.append(unit)
        q = places[:, unit]
        share = np.linalg.solve(inverse[np.ix_(q, q)], inverse[q])  # block^-1 times the rows of the inverse
        weights -= share.T @ weights[q]
        inverse -= inverse[:, q] @ share
        weights[q], inverse[q], inverse[:, q] = 0, 0, 0
    return (*gone, *left)


def _float(values: NDArray[np.floating[Any]]) -> Array:
    return np.ascontiguousarray(values, np.float32)
