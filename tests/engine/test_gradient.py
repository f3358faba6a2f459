"""The gradient of a masked network against finite differences, and what it is made of. Tiny data."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tiny_problems import some_masks, tiny, tiny_images

from lessonkit.engine.evaluator import Evaluator
from lessonkit.engine.gradient import activations, loss_gradient
from lessonkit.networks.mnist import Split
from lessonkit.networks.network import Network


@pytest.fixture(scope="module")
def images() -> Split:
    return tiny_images()


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_gradient_agrees_with_finite_differences_at_pruned_weights_too(images, pooling, activation):
    network = tiny(pooling, activation)
    masks = some_masks(network)
    found = loss_gradient(network, masks, images.images, images.labels)
    masked = network.masked(masks)
    assert found.loss == pytest.approx(Evaluator(network, images.images, images.labels).evaluate(masks).loss, abs=1e-5)
    rng, step = np.random.default_rng(2), 1e-3
    for index, layer in enumerate(masked.layers):
        way = rng.normal(size=layer.kernel.shape).astype(np.float32)
        losses = []
        for sign in (1, -1):
            moved = dataclasses.replace(layer, kernel=layer.kernel + np.float32(sign * step) * way)
            layers = (*masked.layers[:index], moved, *masked.layers[index + 1 :])
            there = dataclasses.replace(masked, layers=layers)
            losses.append(loss_gradient(there, there.keep_all(), images.images, images.labels).loss)
        slope = (losses[0] - losses[1]) / (2 * step)
        assert float((found.slopes[index] * way).sum()) == pytest.approx(slope, rel=0.03, abs=2e-3)


def test_slopes_of_single_images_make_the_fisher_information(images):
    network = tiny()
    few = images.head(40)
    found = loss_gradient(network, network.keep_all(), few.images, few.labels, rng=np.random.default_rng(0))
    for each, kernel in zip(found.each, network.kernels, strict=True):
        single = [each.inputs[:, image].reshape(kernel.shape) if each.errors is None
                  else np.outer(each.inputs[:, image], each.errors[:, image]) for image in range(40)]  # fmt: skip
        np.testing.assert_allclose(
            sum(np.square(one) for one in single), each.squared(kernel.shape), rtol=1e-3, atol=1e-6
        )


def test_dense_layers_alone_see_what_the_convolutions_make(images):
    network = tiny()
    masks = some_masks(network)
    seen = activations(network, masks, images.images, 2)
    rest = Network(seen.shape[1:], network.layers[2:], 4)
    whole = Evaluator(network, images.images, images.labels).evaluate(masks)
    assert Evaluator(rest, seen, images.labels).evaluate(masks[2:]).loss == pytest.approx(whole.loss, abs=1e-5)
