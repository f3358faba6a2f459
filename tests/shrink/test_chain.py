"""The chain computes what Keras does, counts what it has, and refuses by name what cannot be cut."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
from hypothesis import given, settings

from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.networks import lenet
from lessonkit.networks.mlpnet import load_mlpnet
from lessonkit.networks.weights import load_network
from lessonkit.shrink import chain as chains
from lessonkit.shrink.layout import in_blocks
from tests.shrink.architectures import as_outputs, models, outputs, some_images

layers = keras.layers


@settings(max_examples=30)
@given(models())
def test_it_computes_what_keras_does(model):
    images = some_images(model)
    chain = chains.from_keras(model)
    np.testing.assert_allclose(as_outputs(model, chains.logits(chain, images)), outputs(model, images), atol=1e-5)
    again = chains.to_keras(chain)
    np.testing.assert_allclose(outputs(again, images), outputs(model, images), atol=1e-5)
    assert chains.parameters(chain) == again.count_params()


@pytest.mark.parametrize("load", [lambda: load_network("standin"), load_mlpnet], ids=["lenet", "mlpnet"])
def test_the_courses_networks(load, standin):
    network, test = load(), standin.test
    found = chains.evaluate(chains.from_network(network), test.images, test.labels)
    expected = Evaluator(network, test.images, test.labels).evaluate(network.keep_all())
    assert found.correct == expected.correct
    assert found.loss == pytest.approx(expected.loss, abs=1e-5)


def test_the_network_and_the_keras_model_are_one_chain():
    here, there = chains.from_network(load_network("standin")), chains.from_keras(lenet.load_baseline("standin"))
    assert here.steps == there.steps
    for ours, theirs in zip(here.layers, there.layers, strict=True):
        assert (ours.name, ours.steps, ours.strides, ours.padding) == (
            theirs.name,
            theirs.steps,
            theirs.strides,
            theirs.padding,
        )


def test_lenet_has_the_published_counts():
    chain = chains.from_network(load_network("standin"))
    assert chains.multiply_adds(chain) == 416_520
    assert chains.parameters(chain) == 61_706
    assert chain.counts == (6, 16, 120, 84)


@settings(max_examples=30)
@given(models(convolutional=True))
def test_blocks_change_nothing(model):
    chain, images = chains.from_keras(model), some_images(model)
    np.testing.assert_allclose(
        chains.logits(in_blocks(chain), images), chains.logits(chain, images), atol=2e-5, rtol=1e-5
    )


def test_lenet_in_blocks_has_four_times_the_filters_and_keras_agrees(standin):
    chain = chains.from_network(load_network("standin"))
    blocks = in_blocks(chain)
    assert [layer.units for layer in blocks.layers] == [24, 6, 16, 120, 84, 10]
    assert chains.positions(blocks)[0] == 14 * 14
    images = standin.test.images[:50]
    np.testing.assert_allclose(
        outputs(chains.to_keras(blocks), images), outputs(chains.to_keras(chain), images), atol=1e-6
    )


def test_tensorflow_starts_without_a_word():
    code = (
        "from lessonkit import load_network; from lessonkit.shrink import chain, measure; "
        "model = chain.to_keras(chain.from_network(load_network('standin'))); "
        "measure._litert(measure.litert_bytes(model), __import__('numpy').zeros((1, 28, 28, 1), 'f'))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")


REFUSED = {
    "batch norm": ([layers.Conv2D(2, 3), layers.BatchNormalization(name="b")], "layer b: a BatchNormalization"),
    "dilation": ([layers.Conv2D(2, 3, dilation_rate=2, name="c")], "layer c: only convolutions without dilation"),
    "groups": ([layers.Conv2D(2, 3), layers.Conv2D(2, 3, groups=2, name="c")], "layer c: only convolutions"),
    "depthwise": ([layers.DepthwiseConv2D(3, name="d")], "layer d: a DepthwiseConv2D"),
    "leaky": ([layers.Flatten(), layers.Dense(4), layers.LeakyReLU(name="r"), layers.Dense(3)], "layer r: a LeakyReLU"),
    "capped": ([layers.Flatten(), layers.Dense(4), layers.ReLU(6.0, name="r"), layers.Dense(3)], "layer r: only the"),
    "gelu": ([layers.Flatten(), layers.Dense(4, "gelu", name="g"), layers.Dense(3)], "layer g: activation 'gelu'"),
    "not flat": ([layers.Dense(3, name="d")], "layer d: a dense layer needs flat input"),
    "inner softmax": ([layers.Flatten(), layers.Dense(4, "softmax", name="s"), layers.Dense(3)], "layer s: a softmax"),
    "sigmoid end": ([layers.Flatten(), layers.Dense(3, "sigmoid", name="e")], "layer e: the last layer must"),
    "no dense": ([layers.Conv2D(3, 3, name="c"), layers.Flatten()], "the last layer with weights must be dense"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_cut_is_named(name):
    parts, message = REFUSED[name]
    with pytest.raises(LessonkitError, match=message):
        chains.from_keras(keras.Sequential([keras.Input((9, 9, 2)), *parts]))


def test_a_model_with_branches_is_refused():
    entrance = keras.Input((4,))
    with pytest.raises(LessonkitError, match=r"is no keras\.Sequential"):
        chains.from_keras(keras.Model(entrance, layers.Dense(2)(entrance), name="branches"))
