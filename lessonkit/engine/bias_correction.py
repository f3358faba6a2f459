"""Bias correction: what a pruned weight contributed on average is added to the bias.

A weight w that is switched off takes w * x away from its neuron, and x is never negative behind a sigmoid, so the
neuron shifts by w * mean(x). Adding that mean to the bias leaves only the variation lost (He et al. 2019 call the
idea mean replacement; Nagel et al. 2019 use the same step after quantisation).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lessonkit.engine.gradient import activations
from lessonkit.masks import Mask
from lessonkit.networks.network import Network

Array = NDArray[np.float32]


def mean_inputs(network: Network, images: Array) -> tuple[Array, ...]:
    """What each layer's weights see on average, in the unpruned network.

    Parameters
    ----------
    images : float32, shape (n, height, width, channels); a few hundred training images will do.

    Returns
    -------
    One array per layer, shaped as its kernel without the last axis: (height, width, channels) for a convolution, the
    margin of zeros included, and (inputs,) for a dense layer.
    """
    means, shape = [], network.input_shape
    for index, layer in enumerate(network.layers):
        seen = activations(network, network.keep_all(), images, index)
        if layer.is_convolution:
            seen = seen.reshape(-1, *shape)
            height, width, _, filters = layer.kernel.shape
            if layer.padding == "same":
                sides = [((size - 1) // 2, size // 2) for size in (height, width)]
                seen = np.pad(seen, ((0, 0), *sides, (0, 0)))
            windows = sliding_window_view(seen, (height, width), axis=(1, 2))  # (n, rows, columns, channel, h, w)
            means.append(np.moveaxis(windows.mean(axis=(0, 1, 2), dtype=np.float64), 0, -1).astype(np.float32))
            shape = (windows.shape[1] // layer.pool, windows.shape[2] // layer.pool, filters)
        else:
            means.append(seen.mean(axis=0, dtype=np.float64).astype(np.float32))
    return tuple(means)


def correct_biases(network: Network, masks: Sequence[Mask], means: Sequence[Array]) -> Network:
    """The network with each bias raised by the sum of weight * mean input over the pruned weights.

    The kernels stay as they are: masks are still to be applied. `means` are those of `mean_inputs`.
    """
    layers = []
    for layer, mask, mean in zip(network.layers, masks, means, strict=True):
        lost = np.where(mask, np.float32(0), layer.kernel) * mean[..., np.newaxis]
        shift = lost.reshape(-1, layer.kernel.shape[-1]).sum(axis=0)
        layers.append(dataclasses.replace(layer, bias=layer.bias + shift))
    return dataclasses.replace(network, layers=tuple(layers))
