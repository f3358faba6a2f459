"""Lesson 1: count weights, split data without leaking, mask a layer, measure accuracy."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from lessonkit.exercises.exercise import Examples, Exercise, Law, Misconception, Trial, expect_new_memory, unlikely
from lessonkit.exercises.results import number, numbers, several

# --- count_prunable_weights -----------------------------------------------------------------------------------------


def count_prunable_weights(model: Any) -> int:
    """Count the kernels of convolutions and dense layers."""
    from lessonkit.lenet import prunable_layers

    return sum(int(np.prod(layer.kernel.shape)) for layer in prunable_layers(model))


@functools.cache
def _models() -> tuple[Any, ...]:
    import keras

    from lessonkit.lenet import build_lenet

    layers = keras.layers
    bare = keras.Sequential([keras.Input((2,)), layers.Dense(3, use_bias=False)], name="dense_without_bias")
    dense = keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2)], name="two_dense_layers")
    mixed = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.Conv2D(2, 3),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(3),
        ],
        name="convolution_and_batch_normalization",
    )
    return bare, dense, mixed, build_lenet()


def _first_arrays(model: Any) -> int:
    return sum(int(np.prod(layer.weights[0].shape)) for layer in model.layers if layer.weights)


def _kernels_where(model: Any, dimensions: int) -> int:
    shapes = [layer.kernel.shape for layer in model.layers if hasattr(layer, "kernel")]
    return sum(int(np.prod(shape)) for shape in shapes if len(shape) == dimensions)


def _with_biases(model: Any) -> int:
    return sum(layer.count_params() for layer in model.layers if hasattr(layer, "kernel"))


COUNT = Exercise(
    id="baseline.count_prunable_weights",
    title="Count the weights that can be pruned",
    minutes=8,
    objective="find the kernels of a Keras model and count their weights",
    why="This number is the length of the mask that every search of the course looks for.",
    stub='''def count_prunable_weights(model):
    """Return how many weights the convolutions and dense layers of `model` have, biases left out."""
    ...
''',
    reference=count_prunable_weights,
    read=number,
    prepare=_models,
    properties=(
        Examples(
            "Only the kernels of convolutions and dense layers count", lambda rng: ((model,) for model in _models())
        ),
    ),
    misconceptions=(
        Misconception(
            "biases counted",
            "This counts parameters that are never pruned: a layer's bias is no weight in the sense of this course.",
            lambda model: model.count_params(),
            variants=(_with_biases,),
        ),
        Misconception(
            "every layer's first array",
            "This counts layers whose first array is no kernel: batch normalization has weights too, and none is a "
            "connection that could be cut.",
            _first_arrays,
        ),
        Misconception(
            "dense layers only",
            "The dense layers are counted, the convolutions are missing: their filters are weights as well.",
            lambda model: _kernels_where(model, 2),
        ),
        Misconception(
            "layers, not weights",
            "This is how many layers have a kernel. What is asked is how many numbers all these kernels hold together.",
            lambda model: sum(hasattr(layer, "kernel") for layer in model.layers),
        ),
    ),
    hints=(
        "`model.layers` is a list. Which layers have an attribute `kernel`?",
        "A kernel has a `shape`; the product of its entries is the number of weights. `np.prod` multiplies.",
        "Walk through the layers, leave out what has no kernel, and add up the products.",
    ),
)

# --- split_validation -----------------------------------------------------------------------------------------------


def split_validation(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> tuple[Any, Any, Any, Any]:
    """One permutation for both arrays; its head is the validation part."""
    order = rng.permutation(len(images))
    count = round(fraction * len(images))
    validation, train = order[:count], order[count:]
    return images[train], labels[train], images[validation], labels[validation]


def _digits(count: int) -> tuple[Any, Any]:
    """Images that know their number, and labels that follow from it."""
    numbers_ = np.arange(count)
    return np.repeat(numbers_, 4).reshape(count, 2, 2, 1).astype(np.float32), 1000 + numbers_


def _parts(trial: Trial, count: int, fraction: float) -> Any:
    """The image numbers and labels of both parts."""
    train, train_labels, held, held_labels = trial.result(*_digits(count), fraction, trial.generator())
    trial.expect(train.ndim == 4 and held.ndim == 4, "should keep the shape of an image, (2, 2, 1), in both parts")
    trial.expect(train_labels.ndim == 1 and held_labels.ndim == 1, "should keep the labels flat in both parts")
    return train[:, 0, 0, 0], train_labels, held[:, 0, 0, 0], held_labels


SPLITS = ((10, 0.2), (7, 0.3), (9, 0.3), (50, 0.5))


def _sizes(trial: Trial) -> None:
    for count, fraction in SPLITS:
        train, train_labels, held, held_labels = _parts(trial, count, fraction)
        wanted = round(fraction * count)
        got = [len(train), len(train_labels), len(held), len(held_labels)]
        trial.expect(
            got == [count - wanted, count - wanted, wanted, wanted],
            f"should give {count - wanted} training and {wanted} validation examples; yours holds {got}",
        )


def _together(trial: Trial) -> None:
    for count, fraction in SPLITS:
        train, train_labels, held, held_labels = _parts(trial, count, fraction)
        pairs = np.array_equal(train + 1000, train_labels) and np.array_equal(held + 1000, held_labels)
        trial.expect(pairs, "gives images labels that are not theirs")


def _disjoint(trial: Trial) -> None:
    for count, fraction in SPLITS:
        train, _, held, _ = _parts(trial, count, fraction)
        both = np.sort(np.concatenate([train, held]))
        trial.expect(np.array_equal(both, np.arange(count)), "does not use every image exactly once in the two parts")


def _drawn(trial: Trial) -> None:
    draws, count = 300, 10
    held = np.concatenate([_parts(trial, count, 0.3)[2] for _ in range(draws)]).astype(int)
    often = np.bincount(held, minlength=count)
    trial.expect(not any(unlikely(hits, draws, 0.3) for hits in often), "does not draw every image equally often")
    trial.expect(trial.advances(*_digits(10), 0.3, trial.generator()), "does not use the generator `rng`")


def _edge(trial: Trial) -> None:
    train, _, held, _ = _parts(trial, 4, 0.0)
    trial.expect(len(train) == 4 and len(held) == 0, "should leave all 4 images for training and none for validation")


def _separately(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
    images, labels = rng.permutation(images), rng.permutation(labels)
    count = round(fraction * len(images))
    return images[count:], labels[count:], images[:count], labels[:count]


def _tail(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
    count = len(images) - round(fraction * len(images))
    return images[:count], labels[:count], images[count:], labels[count:]


def _overlapping(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
    held = rng.choice(len(images), round(fraction * len(images)), replace=False)
    train = rng.choice(len(images), len(images) - len(held), replace=False)
    return images[train], labels[train], images[held], labels[held]


def _sklearn_order(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
    train, train_labels, held, held_labels = split_validation(images, labels, fraction, rng)
    return train, held, train_labels, held_labels


def _swapped_parts(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
    train, train_labels, held, held_labels = split_validation(images, labels, fraction, rng)
    return held, held_labels, train, train_labels


def _raw(trial: Trial, fraction: float = 0.3, count: int = 30) -> list[Any]:
    return [np.asarray(part) for part in trial.ask(*_digits(count), fraction, trial.generator()).value]


def _looks_separate(trial: Trial) -> bool:
    train, train_labels, held, held_labels = _raw(trial)
    images = np.concatenate([train, held])[:, 0, 0, 0]
    labels = np.concatenate([train_labels, held_labels]) - 1000
    whole = np.array_equal(np.sort(images), np.arange(30)) and np.array_equal(np.sort(labels), np.arange(30))
    return whole and not np.array_equal(images, labels)


def _looks_unshuffled(trial: Trial) -> bool:
    held = [np.sort(_raw(trial)[2][:, 0, 0, 0]) for _ in range(3)]
    return len(held[0]) == 9 and all(np.array_equal(part, held[0]) for part in held)


def _looks_overlapping(trial: Trial) -> bool:
    train, _, held, _ = _raw(trial)
    return bool(np.intersect1d(train, held).size)


SPLIT = Exercise(
    id="baseline.split_validation",
    title="Hold out validation images",
    minutes=10,
    objective="split images and labels at random so that no image stands on both sides",
    why="A score on images that the search has seen flatters it; only a part held out can tell.",
    stub='''def split_validation(images, labels, fraction, rng):
    """Return (train_images, train_labels, validation_images, validation_labels).

    Shuffled and disjoint, each image with its own label, round(fraction * n) of them for validation.
    """
    ...
''',
    reference=split_validation,
    draw=lambda rng: (*_digits(30), 0.3, rng),
    may_share=True,
    read=several(numbers, numbers, numbers, numbers),
    properties=(
        Law("Each part has its size, training first", _sizes),
        Law("An image keeps its label", _together),
        Law("No image is lost, none stands in both parts", _disjoint),
        Law("Chance decides which images are held out", _drawn),
        Law("A validation part may be empty", _edge),
    ),
    misconceptions=(
        Misconception(
            "shuffled separately",
            "Images and labels are shuffled each in its own order, so the pairs are torn: both need the same one.",
            _separately,
            sign=_looks_separate,
        ),
        Misconception(
            "not shuffled",
            "The same images are held out every time. In a sorted data set a whole class could be missing from "
            "training; shuffle first.",
            _tail,
            sign=_looks_unshuffled,
        ),
        Misconception(
            "parts overlap",
            "Some images stand in both parts: that leak makes the validation score look better than it is.",
            _overlapping,
            sign=_looks_overlapping,
        ),
        Misconception(
            "scikit-learn's order",
            "The four arrays come in scikit-learn's order, both images first. Here it is training images, training "
            "labels, validation images, validation labels.",
            _sklearn_order,
            sign=lambda trial: _raw(trial)[1].ndim == 4,
        ),
        Misconception(
            "parts exchanged",
            "The two parts have changed places: `fraction` is the share for validation, and training comes first.",
            _swapped_parts,
            sign=lambda trial: [len(part) for part in _raw(trial)] == [9, 9, 21, 21],
        ),
    ),
    hints=(
        "Shuffle positions, not images: one random order can serve both arrays.",
        "`rng.permutation(n)` gives 0 to n - 1 in random order, and `images[positions]` picks those rows.",
        "Cut the order once, at the number of validation images; counting from the front also works when it is 0.",
    ),
)

# --- apply_mask -----------------------------------------------------------------------------------------------------


def apply_mask(weights: Any, mask: Any) -> Any:
    """Zero where the mask is False."""
    return np.where(mask, weights, 0)


def _weights_and_masks(rng: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    yield np.array([1.5, -2.0]), np.array([True, False])
    for shape in ((4,), (3, 2), (5, 5, 1, 6)):
        yield rng.normal(size=shape).astype(np.float32), rng.random(shape) < 0.6
    yield np.array([1.0, -1.0, 3.0]), np.zeros(3, bool)
    yield np.array([1.0, -1.0, 3.0]), np.ones(3, bool)


def _in_place(weights: Any, mask: Any) -> Any:
    weights[~mask] = 0
    return weights


APPLY = Exercise(
    id="baseline.apply_mask",
    title="Apply a mask",
    minutes=5,
    objective="prune a layer without touching the network it came from",
    why="Every candidate of a search is this one operation, followed by a measurement.",
    stub='''def apply_mask(weights, mask):
    """Return a new array: the weights where `mask` is True, zero where it is False."""
    ...
''',
    reference=apply_mask,
    read=numbers,
    properties=(
        Examples("A kept weight stays, a pruned one is zero", _weights_and_masks),
        Law(
            "The result is a new array, even where nothing is pruned",
            lambda trial: expect_new_memory(trial, np.array([1.0, 2.0]), np.array([True, True])),
        ),
    ),
    misconceptions=(
        Misconception(
            "inverted",
            "The mask is read the wrong way round: True keeps a weight, False prunes it.",
            lambda weights, mask: np.where(mask, 0, weights),
        ),
        Misconception(
            "pruned weights removed",
            "The pruned weights are taken out, so the layer has lost its shape: they must stay in place as zeros.",
            lambda weights, mask: weights[mask],
        ),
        Misconception(
            "in place",
            "The original weights are overwritten: after the first candidate the trained network would be gone.",
            _in_place,
        ),
        Misconception(
            "the mask as numbers",
            "This gives 1 for every weight kept: the weights themselves are lost.",
            lambda weights, mask: np.where(mask, 1.0, 0.0),
        ),
    ),
    hints=(
        "What is a number times True, and times False?",
        "numpy works on whole arrays, and an operation on two arrays makes a third one.",
    ),
)

# --- accuracy -------------------------------------------------------------------------------------------------------


def accuracy(logits: Any, labels: Any) -> float:
    """Share of rows whose largest logit is at the label."""
    return float(np.mean(np.argmax(logits, axis=1) == labels))


def _logits(rng: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    yield np.array([[0.1, 0.9]]), np.array([1])
    yield np.array([[0.8, 0.2], [0.7, 0.3]]), np.array([0, 1])
    yield np.array([[-3.0, -1.0, -2.0], [-5.0, -6.0, -4.0]]), np.array([1, 1])
    for rows, classes in ((5, 3), (40, 10)):
        labels = rng.integers(classes, size=rows)
        yield rng.normal(size=(rows, classes)) + 2 * np.eye(classes)[labels], labels


ACCURACY = Exercise(
    id="baseline.accuracy",
    title="Measure accuracy",
    minutes=5,
    objective="turn a network's outputs into the share of images it gets right",
    why="It is the number that a user of the pruned network will notice.",
    stub='''def accuracy(logits, labels):
    """Return the share of rows of `logits`, shape (n, classes), whose largest value stands at the row's label."""
    ...
''',
    reference=accuracy,
    read=number,
    properties=(Examples("A row counts when its largest value stands at its label", _logits),),
    misconceptions=(
        Misconception(
            "along the wrong axis",
            "The largest value is looked for over all images, down the columns. Each image is a row of its own.",
            lambda logits, labels: np.mean(np.argmax(logits, axis=0) == labels),
        ),
        Misconception(
            "a count",
            "This is the number of correct rows. A share is between 0 and 1: something is left to divide by.",
            lambda logits, labels: np.sum(np.argmax(logits, axis=1) == labels),
        ),
        Misconception(
            "a percentage",
            "This is a percentage; what is asked is the share, between 0 and 1.",
            lambda logits, labels: 100 * np.mean(np.argmax(logits, axis=1) == labels),
        ),
        Misconception(
            "the error rate",
            "This is the share of wrong rows, the error rate.",
            lambda logits, labels: np.mean(np.argmax(logits, axis=1) != labels),
        ),
    ),
    hints=(
        "`np.argmax` tells where the largest value stands. Mind its `axis`.",
        "Comparing two arrays gives True and False, and the mean of those counts True as 1.",
    ),
)

EXERCISES = (COUNT, SPLIT, APPLY, ACCURACY)
