"""Cutting equals masking, Keras is the judge; the repair is the least-squares solution; the order is the cheapest."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lessonkit.errors import LessonkitError
from lessonkit.networks.weights import load_network
from lessonkit.shrink import chain as chains
from lessonkit.shrink.chain import Activation, Chain, Layer
from lessonkit.shrink.cut import Repair, cut, everything, masked
from tests.shrink.architectures import kept_of, models, outputs, some_images


def silenced(model, chain, kept):
    """The Keras model itself with zeros where a weight reads a unit that is gone, set without the package's help."""
    weighted = [layer for layer in model.layers if layer.get_weights() and hasattr(layer, "kernel")]
    for before, layer, units in zip(weighted, weighted[1:], kept, strict=False):
        kernel = np.array(layer.kernel)
        gone = [unit for unit in range(before.kernel.shape[-1]) if unit not in units]
        if kernel.ndim == 4:
            kernel[:, :, gone] = 0
        else:
            for row in range(len(kernel)):
                if row % before.kernel.shape[-1] in gone:
                    kernel[row] = 0
        layer.kernel.assign(kernel)
    return model


@settings(max_examples=40)
@given(st.data())
def test_the_smaller_network_is_the_masked_big_one(data):
    model = data.draw(models())
    chain, images = chains.from_keras(model), some_images(model)
    kept = data.draw(kept_of(chain.counts))
    small = cut(chain, kept)
    assert small.counts == tuple(map(len, kept))
    assert np.allclose(chains.logits(small, images), chains.logits(masked(chain, kept), images), atol=1e-5)
    in_keras = chains.to_keras(small)
    expected = outputs(silenced(model, chain, kept), images)
    np.testing.assert_allclose(outputs(in_keras, images), expected, atol=1e-5)


@settings(max_examples=20)
@given(models())
def test_with_everything_kept_the_repair_changes_nothing_that_comes_out(model):
    chain, images = chains.from_keras(model), some_images(model, 40)
    for way, near in (("nothing", 1e-6), ("biases", 1e-4), ("weights", 2e-2)):
        small = Repair(chain, images, ridge=1e-7)(everything(chain), way)
        before, after = chains.logits(chain, images), chains.logits(small, images)
        np.testing.assert_allclose(after, before, atol=near * max(1, np.abs(before).max()), err_msg=way)


def two_layers(rng, inputs=7, hidden=5) -> Chain:
    def layer(name, *shape, activation):
        kernel, bias = (rng.normal(0, 1, size).astype(np.float32) for size in (shape, shape[-1]))
        return Layer(name, kernel, bias, steps=(Activation(activation),))

    return Chain((inputs,), (layer("a", inputs, hidden, activation="tanh"), layer("b", hidden, 3, activation="linear")))


def test_biases_are_corrected_by_what_the_lost_units_gave_on_average():
    rng = np.random.default_rng(0)
    chain, images = two_layers(rng), rng.normal(size=(60, 7)).astype(np.float32)
    hidden = np.tanh(images @ chain.layers[0].kernel + chain.layers[0].bias)
    small = Repair(chain, images)([(0, 3)], "biases")
    expected = chain.layers[1].bias + hidden[:, [1, 2, 4]].mean(0) @ chain.layers[1].kernel[[1, 2, 4]]
    np.testing.assert_allclose(small.layers[1].bias, expected, atol=1e-5)
    np.testing.assert_array_equal(small.layers[1].kernel, chain.layers[1].kernel[[0, 3]])


def test_weights_are_the_least_squares_solution_of_numpy():
    rng = np.random.default_rng(1)
    chain, images = two_layers(rng), rng.normal(size=(600, 7)).astype(np.float32)  # more than one chunk
    hidden = np.tanh(images.astype(float) @ chain.layers[0].kernel + chain.layers[0].bias)
    target = hidden @ chain.layers[1].kernel + chain.layers[1].bias
    small = Repair(chain, images, ridge=1e-9)([(0, 2, 3)])
    solution = np.linalg.lstsq(np.c_[hidden[:, [0, 2, 3]], np.ones(600)], target, rcond=None)[0]
    np.testing.assert_allclose(small.layers[1].kernel, solution[:-1], atol=1e-3)
    np.testing.assert_allclose(small.layers[1].bias, solution[-1], atol=1e-3)


def squared_error(chain, images, kept) -> float:
    difference = chains.logits(Repair(chain, images, ridge=1e-9)(kept), images) - chains.logits(chain, images)
    return float((difference**2).mean())


def test_the_first_unit_to_go_is_the_one_that_costs_least():
    """Optimal Brain Surgeon's formula against trying all of them."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        chain, images = two_layers(rng), rng.normal(size=(200, 7)).astype(np.float32)
        errors = {each: squared_error(chain, images, [each]) for each in itertools.combinations(range(5), 4)}
        (chosen,) = Repair(chain, images, ridge=1e-9).choose([4])
        assert chosen == min(errors, key=errors.get)


def test_it_is_repaired_on_what_the_smaller_network_gives(standin):
    """Two layers lose units: the third layer's fit is the better for knowing what the second's errors are."""
    chain = chains.from_network(load_network("standin"))
    repair = Repair(chain, standin.train.images)
    kept = repair.choose((2, 5, 30, 20))
    found = {way: chains.evaluate(repair(kept, way), standin.test.images, standin.test.labels) for way in
             ("weights", "biases", "nothing")}  # fmt: skip
    assert found["weights"].loss < 0.7 * found["biases"].loss
    small = repair(kept)
    last = small.layers[-1]
    signal = chains.after(chain.steps, chains.as_signal(standin.train.images))
    for layer in small.layers[:-1]:
        signal = chains.behind(layer, signal, chains.columns(layer, signal))
    given = chains.through(Chain((), (last,)), signal)
    aimed = chains.logits(chain, standin.train.images).T
    centred = (given - aimed) @ (signal - signal.mean(axis=1, keepdims=True)).T / signal.shape[1]
    np.testing.assert_allclose((given - aimed).mean(axis=1), 0, atol=1e-4)
    variance = np.var(signal, axis=1).mean()
    assert np.abs(centred).max() <= 2e-4 * variance * np.abs(last.kernel).max()  # the gradient, but for the ridge


def test_counts_that_were_asked_for_are_kept():
    chain = chains.from_network(load_network("standin"))
    images = np.random.default_rng(0).random((30, 28, 28, 1), np.float32)
    repair = Repair(chain, images)
    assert tuple(map(len, repair.choose((2, 5, 11, 7)))) == (2, 5, 11, 7)
    assert sorted(repair.order(1)) == list(range(16))


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ([(0,)], "kept units of 1 layers given; the network has 4"),
        ([(0,), (), (0,), (0,)], "layer Conv2: kept units must be different numbers from 0 to 15"),
        ([(6,), (0,), (0,), (0,)], "layer Conv1: kept units"),
        ([(0,), (1, 1), (0,), (0,)], "layer Conv2: kept units"),
    ],
)
def test_units_that_do_not_exist_are_refused(kept, message):
    with pytest.raises(LessonkitError, match=message):
        cut(chains.from_network(load_network("standin")), kept)


def test_a_layer_too_wide_for_the_normal_equations_is_refused_before_any_work():
    wide = Chain((1,), (Layer("a", np.ones((1, 5000), np.float32), np.zeros(5000, np.float32)),
                        Layer("b", np.ones((5000, 2), np.float32), np.zeros(2, np.float32))))  # fmt: skip
    with pytest.raises(LessonkitError, match=r"layer b: 5,000 inputs"):
        Repair(wide, np.zeros((3, 1), np.float32))
