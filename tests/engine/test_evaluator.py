"""The fast evaluator against plain Keras, layer for layer and network for network."""

from __future__ import annotations

import dataclasses
import threading

import keras
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from lessonkit.engine import threads as threads_module
from lessonkit.engine.evaluator import Evaluator, score
from lessonkit.errors import LessonkitError
from lessonkit.masks import replace_layer
from lessonkit.networks import lenet
from lessonkit.networks.keras_reader import from_keras
from lessonkit.networks.mnist import Dataset, Split
from lessonkit.networks.network import Network
from lessonkit.networks.weights import load_network
from lessonkit.problem import Evaluation

NAMES = ["Conv1", "Conv2", "FC1", "FC2", "Output"]


def random_masks(network: Network, keep: float, seed: int = 0):
    rng = np.random.default_rng(seed)
    return tuple(rng.random(kernel.shape) < keep for kernel in network.kernels)


def in_keras(model: keras.Model, masks, split: Split) -> tuple[float, int]:
    """Loss and count of correct images of `model`, whose weights are put back afterwards."""
    layers, before = lenet.prunable_layers(model), model.get_weights()
    for layer, mask in zip(layers, masks, strict=True):
        layer.kernel.assign(np.where(mask, np.array(layer.kernel), 0))
    loss, accuracy = model.evaluate(split.images, split.labels, batch_size=512, verbose=0)
    model.set_weights(before)
    return loss, round(accuracy * len(split))


def same(evaluation: Evaluation, expected: tuple[float, int]) -> None:
    loss, correct = expected
    assert evaluation.loss == pytest.approx(loss, abs=1e-5, rel=1e-6)
    assert evaluation.correct == correct


@pytest.fixture(scope="module")
def model() -> keras.Model:
    return lenet.load_baseline("standin")


@pytest.fixture(scope="module")
def split(standin: Dataset) -> Split:
    return standin.validation.head(300)  # one full chunk and a part of one


@pytest.fixture(scope="module")
def evaluator(split: Split) -> Evaluator:
    return Evaluator(load_network("standin"), split.images, split.labels)


# --- LeNet-5 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(5), ids=NAMES)
def test_every_layer_agrees_with_keras(index, model, split, evaluator):
    network = evaluator.network
    around = random_masks(network, 0.97, seed=9)  # the other layers are pruned a little, before and behind
    candidates = [random_masks(network, keep, seed=index)[index] for keep in (0.95, 0.4, 0.0, 1.0, 0.8, 0.7)]
    layer = evaluator.layer(index, around)
    together = layer.evaluate(candidates)
    for candidate, in_batch in zip(candidates, together, strict=True):
        expected = in_keras(model, replace_layer(around, index, candidate), split)
        same(in_batch, expected)
        same(layer.evaluate([candidate])[0], expected)
        same(evaluator.evaluate(replace_layer(around, index, candidate)), expected)


@pytest.mark.parametrize("index", range(5), ids=NAMES)
def test_every_layer_agrees_on_mnist(index, mnist):
    split = mnist.validation.head(1000)
    evaluator = Evaluator(load_network("mnist"), split.images, split.labels)
    keep = evaluator.network.keep_all()
    candidates = [random_masks(evaluator.network, share, seed=index)[index] for share in (0.9, 0.3)]
    model = lenet.load_baseline("mnist")
    for candidate, found in zip(candidates, evaluator.layer(index, keep).evaluate(candidates), strict=True):
        same(found, in_keras(model, replace_layer(keep, index, candidate), split))


@pytest.mark.parametrize("factor", [10, 1000])
def test_saturated_networks_lose_as_much_as_in_keras(factor, standin):
    split = standin.validation.head(100)
    model = lenet.load_baseline("standin")
    output = model.layers[-1]
    output.kernel.assign(np.array(output.kernel) * factor)
    network = from_keras(model)
    found = Evaluator(network, split.images, split.labels).evaluate(network.keep_all())
    same(found, in_keras(model, network.keep_all(), split))
    assert factor < 1000 or found.loss > 20  # more than -log(1e-7): nothing is clipped


def test_large_weights_behind_a_sigmoid(standin):
    split = standin.validation.head(100)
    model = lenet.load_baseline("standin")
    for layer in lenet.prunable_layers(model)[:-1]:
        layer.kernel.assign(np.array(layer.kernel) * 8)
    network = from_keras(model)
    masks = random_masks(network, 0.9)
    same(Evaluator(network, split.images, split.labels).evaluate(masks), in_keras(model, masks, split))


def test_candidates_in_order_and_none_at_all(evaluator):
    layer = evaluator.layer(4, evaluator.network.keep_all())
    candidates = [random_masks(evaluator.network, 0.5, seed)[4] for seed in range(12)]
    alone = [layer.evaluate([candidate])[0] for candidate in candidates]
    together = layer.evaluate(candidates)
    assert [each.correct for each in together] == [each.correct for each in alone]
    np.testing.assert_allclose([each.loss for each in together], [each.loss for each in alone], rtol=1e-6)
    assert len({each.loss for each in alone}) == 12
    assert layer.evaluate([]) == []


def test_a_candidate_leaves_no_trace(evaluator):
    keep = evaluator.network.keep_all()
    before = evaluator.evaluate(keep)
    layer = evaluator.layer(1, keep)
    layer.evaluate([~keep[1]])
    assert evaluator.evaluate(keep) == before
    assert layer.evaluate([keep[1]])[0].correct == before.correct


# --- images ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("images", [1, 2, 17, 256, 257])
def test_any_number_of_images(images, model, standin):
    split = standin.validation.head(images)
    evaluator = Evaluator(load_network("standin"), split.images, split.labels)
    masks = random_masks(evaluator.network, 0.9)
    expected = in_keras(model, masks, split)
    same(evaluator.evaluate(masks), expected)
    same(evaluator.layer(1, masks).evaluate([masks[1]])[0], expected)
    same(evaluator.layer(3, masks).evaluate([masks[3]])[0], expected)


@pytest.mark.parametrize("grey", [0.0, 0.5], ids=["blank", "no blank pixel"])
def test_images_without_a_digit(grey, model, standin):
    labels = standin.validation.labels[:50]
    split = Split(np.full((50, 28, 28, 1), grey, np.float32), labels)
    evaluator = Evaluator(load_network("standin"), split.images, split.labels)
    keep = evaluator.network.keep_all()
    same(evaluator.evaluate(keep), in_keras(model, keep, split))


def test_many_chunks_of_a_dense_layer(model, standin):
    few = standin.validation.head(60)
    split = Split(np.tile(few.images, (20, 1, 1, 1)), np.tile(few.labels, 20))  # 1,200: three chunks of FC1
    evaluator = Evaluator(load_network("standin"), split.images, split.labels)
    masks = random_masks(evaluator.network, 0.8)
    same(evaluator.layer(2, masks).evaluate([masks[2]] * 3)[2], in_keras(model, masks, split))


# --- the score ------------------------------------------------------------------------------------------------------


def test_ties_go_to_the_first_class():
    logits = np.array([[[1, 2, 0], [1, 2, 0], [0, 2, 3]]], np.float32)  # one candidate, three classes, three images
    _, hits = score(logits, np.array([0, 2, 2]))
    assert hits.tolist() == [2]  # image 0 ties at its label first, image 1 at its label last
    _, hits = score(logits, np.array([1, 0, 2]))
    assert hits.tolist() == [2]


def test_score_is_the_cross_entropy():
    logits = np.log(np.array([[[0.25, 0.5], [0.75, 0.5]]], np.float32))
    losses, hits = score(logits, np.array([0, 0]))
    assert losses == pytest.approx([np.log(4) + np.log(2)])
    assert hits.tolist() == [1]


def test_all_outputs_equal_agrees_with_keras(split, standin):
    model = lenet.load_baseline("standin")
    model.layers[-1].bias.assign(np.zeros(10, np.float32))
    network = from_keras(model)
    nothing = replace_layer(network.keep_all(), 4, np.zeros((84, 10), bool))
    found = Evaluator(network, split.images, split.labels).evaluate(nothing)
    same(found, in_keras(model, nothing, split))
    assert found.correct == np.count_nonzero(split.labels == 0)
    assert found.loss == pytest.approx(np.log(10))


# --- other networks -------------------------------------------------------------------------------------------------

layers = keras.layers


def mlp(hidden: str):
    return [layers.Flatten(), layers.Dense(20, hidden), layers.Dropout(0.5), layers.Dense(12, "tanh"), layers.Dense(10)]


NETWORKS = {
    "mlp relu": mlp("relu"),
    "mlp tanh": mlp("tanh"),
    "mlp sigmoid": mlp("sigmoid"),
    "max pooling": [
        layers.Conv2D(4, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(5, 3, padding="same"),
        layers.Activation("relu"),
        layers.MaxPooling2D(3),
        layers.Flatten(),
        layers.Dense(10),
    ],
    "sigmoid, max pooling": [
        layers.Conv2D(3, 5, activation="sigmoid"),
        layers.MaxPooling2D(2),
        layers.Conv2D(4, 4, activation="sigmoid", padding="same"),
        layers.MaxPooling2D(3),
        layers.Flatten(),
        layers.Dense(10),
    ],
    "even kernels": [
        layers.Conv2D(3, 2, padding="same", activation="sigmoid"),
        layers.AveragePooling2D(3),
        layers.Conv2D(4, (4, 2), padding="same", activation="sigmoid"),
        layers.AveragePooling2D(2),
        layers.Flatten(),
        layers.Dense(10),
    ],
    "no pooling, no bias": [
        layers.Conv2D(3, 6, activation="tanh", use_bias=False),
        layers.Conv2D(2, (3, 5)),
        layers.ReLU(),
        layers.Flatten(),
        layers.Dense(10, use_bias=False),
    ],
    "three convolutions": [
        layers.Conv2D(3, 3, activation="sigmoid"),
        layers.Conv2D(3, 3, activation="sigmoid"),
        layers.AveragePooling2D(4),
        layers.Conv2D(6, 3, activation="tanh"),
        layers.Flatten(),
        layers.Dense(10),
    ],
    "pooling of what is linear": [layers.Conv2D(3, 5), layers.AveragePooling2D(3), layers.Flatten(), layers.Dense(10)],
}


@pytest.mark.parametrize("name", NETWORKS)
def test_other_networks(name, standin):
    split = standin.validation.head(70)
    model = keras.Sequential([keras.Input((28, 28, 1)), *NETWORKS[name], layers.Softmax()])
    lenet.compile_for_training(model)
    rng = np.random.default_rng(1)
    model.set_weights([array + rng.normal(0, 0.1, array.shape).astype(np.float32) for array in model.get_weights()])
    network = from_keras(model)
    evaluator = Evaluator(network, split.images, split.labels)
    masks = random_masks(network, 0.8)
    expected = in_keras(model, masks, split)
    same(evaluator.evaluate(masks), expected)
    for index in range(len(masks)):
        other = random_masks(network, 0.5, seed=5)[index]
        alone, pair = evaluator.layer(index, masks).evaluate([masks[index]]), [other, masks[index]]
        same(alone[0], expected)
        same(evaluator.layer(index, masks).evaluate(pair)[1], expected)


# --- threads --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(5), ids=NAMES)
def test_the_number_of_threads_changes_nothing(index, monkeypatch, standin):
    split = Split(np.tile(standin.validation.images[:300], (4, 1, 1, 1)), np.tile(standin.validation.labels[:300], 4))
    results = []
    for count in (1, 2, 5):
        monkeypatch.setattr(threads_module, "processors", lambda count=count: count)
        threads_module._helpers.cache_clear()
        evaluator = Evaluator(load_network("standin"), split.images, split.labels)
        masks = random_masks(evaluator.network, 0.7)
        results.append(evaluator.layer(index, masks).evaluate([masks[index]] * 2))
    threads_module._helpers.cache_clear()
    assert results[0] == results[1] == results[2]  # bit for bit


def test_the_users_blas_threads_come_back(evaluator):
    def threads() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    with threadpool_limits(2):
        before = threads()
        evaluator.evaluate(evaluator.network.keep_all())
        with pytest.raises(ZeroDivisionError):
            threads_module.parallel(lambda item: 1 // item, [1, 0, 1, 1])
        assert threads() == before
        assert set(threads_module.parallel(lambda _: tuple(threads()), range(3))) == {(1,) * len(before)}


def test_an_error_in_a_helper_thread_is_raised_here(monkeypatch):
    monkeypatch.setattr(threads_module, "processors", lambda: 2)
    helper_began = threading.Event()

    def fail_elsewhere(_item: int) -> None:
        if threading.current_thread() is threading.main_thread():
            helper_began.wait(10)
        else:
            helper_began.set()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threads_module.parallel(fail_elsewhere, [0, 1])


def test_two_evaluations_at_the_same_time(evaluator):
    keep = evaluator.network.keep_all()
    expected = evaluator.evaluate(keep)
    found: list[Evaluation] = []
    threads = [threading.Thread(target=lambda: found.append(evaluator.evaluate(keep))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 3


# --- bad input ------------------------------------------------------------------------------------------------------


def test_bad_input_is_named(split, evaluator):
    network, keep = evaluator.network, evaluator.network.keep_all()
    with pytest.raises(LessonkitError, match="as many images as labels"):
        Evaluator(network, split.images, split.labels[:-1])
    with pytest.raises(LessonkitError, match="at least one"):
        Evaluator(network, split.images[:0], split.labels[:0])
    with pytest.raises(LessonkitError, match=r"\(28, 28\) do not fit"):
        Evaluator(network, split.images[..., 0], split.labels)
    with pytest.raises(LessonkitError, match="classes 0 to 9"):
        Evaluator(network, split.images, np.full(len(split), 10))
    with pytest.raises(LessonkitError, match="4 masks for 5 layers"):
        evaluator.evaluate(keep[:4])
    with pytest.raises(LessonkitError, match="does not fit layer FC2"):
        evaluator.evaluate(replace_layer(keep, 3, keep[4]))
    with pytest.raises(LessonkitError, match="does not fit layer Output"):
        evaluator.layer(4, keep).evaluate([np.ones(10, bool)])  # would broadcast


def test_correct_is_the_count():
    assert Evaluation(0.5, 9690 / 10_000, 10_000).correct == 9690
    assert dataclasses.replace(Evaluation(0.5, 1 / 3, 3)).correct == 1
