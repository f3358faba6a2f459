"""Lesson 1: count weights, split data without leaking, mask a layer, measure accuracy."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessonkit.checker import answers as results
from lessonkit.checker.answers import number, numbers, several
from lessonkit.checker.exercise import Examples, Exercise, Law, Misconception, Trial, unlikely
from lessonkit.checker.guarded_call import shares_memory
from lessonkit.checker.slips import rounded

# --- count_prunable_weights -----------------------------------------------------------------------------------------


def count_prunable_weights(model: Any) -> int:
    """Count the kernels of convolutions and dense layers."""
    total = 0
    for layer in model.layers:
        if hasattr(layer, "kernel"):
            total += int(np.prod(layer.kernel.shape))
    return total


@functools.cache
def _models() -> dict[str, Any]:
    """Small models, each of which shows one mistake, and last LeNet-5."""
    import keras

    from lessonkit.networks.lenet import build_lenet

    layers = keras.layers
    made = [
        keras.Sequential([keras.Input((2,)), layers.Dense(3, use_bias=False)], name="dense_without_bias"),
        keras.Sequential([keras.Input((4,)), layers.Dense(3), layers.Dense(2)], name="two_dense_layers"),
        keras.Sequential(
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
        ),
        keras.Sequential([keras.Input((2,)), layers.Embedding(7, 3), layers.Dense(5)], name="embedding_and_dense"),
        keras.Sequential(
            [keras.Input((4,)), layers.Dense(3, trainable=False), layers.Dense(2)], name="one_frozen_layer"
        ),
        keras.Sequential([keras.Input((3,)), layers.Dense(3), layers.Dense(2)], name="some_weights_are_0"),
        keras.Sequential([keras.Input((3,)), layers.Dense(3), layers.Dense(3)], name="two_layers_of_one_shape"),
        keras.Sequential(
            [keras.Input((6, 2)), layers.Conv1D(3, 2), layers.Flatten(), layers.Dense(2)],
            name="convolution_along_one_axis",
        ),
        build_lenet(),
    ]
    zeros = made[5].layers[0]
    zeros.set_weights([np.eye(3), np.ones(3)])
    return {model.name: model for model in made}


def _counts(*wanted: str) -> Callable[[Callable[[Any], int]], Callable[[Trial], bool]]:
    """A sign: on these models the answer returns what `wrong` returns, which is not the right number."""

    def sign(wrong: Callable[[Any], int]) -> Callable[[Trial], bool]:
        def shows(trial: Trial) -> bool:
            found = {name: trial.result(model) for name, model in _models().items()}  # it must not raise for any
            models = [_models()[name] for name in wanted]
            return all(found[model.name] == wrong(model) != count_prunable_weights(model) for model in models)

        return shows

    return sign


def _size(arrays: Any) -> int:
    return sum(int(np.prod(array.shape)) for array in arrays)


def _kernels(model: Any) -> list[Any]:
    return [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]


def _first_arrays(model: Any) -> int:
    return _size(layer.weights[0] for layer in model.layers if layer.weights)


def _not_called_bias(model: Any) -> int:
    return _size(array for array in model.weights if array.name != "bias")


def _more_than_one_axis(model: Any) -> int:
    return _size(array for array in model.weights if len(array.shape) > 1)


def _trainable_kernels(model: Any) -> int:
    return _size(layer.kernel for layer in model.layers if hasattr(layer, "kernel") and layer.trainable)


def _not_zero(model: Any) -> int:
    return sum(int(np.count_nonzero(kernel)) for kernel in _kernels(model))


def _with_axes(axes: int) -> Callable[[Any], int]:
    return lambda model: _size(kernel for kernel in _kernels(model) if len(kernel.shape) == axes)


def _each_shape_once(model: Any) -> int:
    return sum(int(np.prod(shape)) for shape in {tuple(kernel.shape) for kernel in _kernels(model)})


def _two_kinds(model: Any) -> int:
    return _size(kernel for kernel in _kernels(model) if len(kernel.shape) in (2, 4))


def _one_layer(place: int) -> Callable[[Any], int]:
    return lambda model: _size(_kernels(model)[place : place + 1 or None])


def _with_biases(model: Any) -> int:
    return sum(layer.count_params() for layer in model.layers if hasattr(layer, "kernel"))


COUNT = Exercise(
    id="baseline.count_prunable_weights",
    title="Count the weights that can be pruned",
    minutes=8,
    objective="find the kernels of a Keras model and count their weights",
    why="This number is the length of the mask that every search of the course looks for.",
    stub='''def count_prunable_weights(model):
    """Return how many weights the convolutions (any kind) and dense layers of `model` have: an `int`, no biases."""
    ...
''',
    reference=count_prunable_weights,
    read=results.count,
    prepare=_models,
    properties=(
        Examples(
            "The kernels of all convolutions and dense layers count, and nothing else",
            lambda rng: ((model,) for model in _models().values()),
        ),
    ),
    misconceptions=(
        Misconception(
            "one layer",
            "This counts only one layer. Is there a `return` inside the loop, or is the total set to 0 in each pass?",
            _one_layer(0),
            variants=(_one_layer(-1),),
            sign=lambda trial: (
                trial.result(_models()["two_dense_layers"]) in (12, 6)
                and trial.result(_models()["some_weights_are_0"]) in (9, 6)
            ),
        ),
        Misconception(
            "biases counted",
            "This counts biases too. A bias is never pruned, so it is not counted.",
            lambda model: model.count_params(),
            variants=(_with_biases,),
            sign=_counts("two_dense_layers")(lambda model: model.count_params()),
        ),
        Misconception(
            "batch normalization counted",
            "This counts arrays that are not kernels: batch normalization has weights too, but none of them is a "
            "connection that could be cut.",
            _first_arrays,
            variants=(_not_called_bias,),
            sign=lambda trial: (
                trial.result(_models()["convolution_and_batch_normalization"]) in (42 + 2, 42 + 4, 42 + 6, 42 + 8)
            ),
        ),
        Misconception(
            "embeddings counted",
            "This counts every array with two or more axes. An embedding has such an array too, but it is neither a "
            "convolution nor a dense layer.",
            _more_than_one_axis,
            sign=_counts("embedding_and_dense")(_more_than_one_axis),
        ),
        Misconception(
            "trainable layers only",
            "Layers that are not `trainable` are left out. A frozen layer can be pruned like any other.",
            _trainable_kernels,
            sign=_counts("one_frozen_layer")(_trainable_kernels),
        ),
        Misconception(
            "zeros not counted",
            "Weights that are 0 are left out. They count too: the mask has a place for every weight, whatever its "
            "value.",
            _not_zero,
            sign=_counts("some_weights_are_0")(_not_zero),
        ),
        Misconception(
            "dense layers only",
            "The dense layers are counted, but the convolutions are missing: their filters are weights as well.",
            _with_axes(2),
            sign=_counts("convolution_and_batch_normalization")(_with_axes(2)),
        ),
        Misconception(
            "convolutions only",
            "The convolutions are counted, but the dense layers are missing.",
            _with_axes(4),
            sign=_counts("convolution_and_batch_normalization", "two_dense_layers")(_with_axes(4)),
        ),
        Misconception(
            "two kinds of layers only",
            "A convolution along one axis, `Conv1D`, is missing. What do all convolutions and dense layers have in "
            "common?",
            _two_kinds,
            sign=_counts("convolution_along_one_axis")(_two_kinds),
        ),
        Misconception(
            "each shape once",
            "Layers of the same shape are counted only once. Each of them has its own weights.",
            _each_shape_once,
            sign=_counts("two_layers_of_one_shape")(_each_shape_once),
        ),
        Misconception(
            "layers, not weights",
            "This is the number of layers that have a kernel. The question is how many numbers these kernels hold.",
            lambda model: len(_kernels(model)),
        ),
    ),
    hints=(
        "`model.layers` is a list. Which layers have an attribute `kernel`?",
        "A kernel has a `shape`; the product of its entries is the number of weights. `np.prod` multiplies.",
        "Loop over the layers, skip those without a kernel, and add up the products.",
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
    """Images of 2 x 2 pixels, all different and between 0 and 1, and labels that number them from 1000."""
    pixels = (1 + np.arange(4 * count)) / (1 + 4 * count)
    return pixels.reshape(count, 2, 2, 1).astype(np.float32), 1000 + np.arange(count)


def _parts(trial: Trial, count: int, fraction: float) -> tuple[Any, Any, Any, Any]:
    """The numbers, counted from 0, of the images and labels in both parts."""
    images, labels = _digits(count)
    train, train_labels, held, held_labels = trial.result(images, labels, fraction, trial.generator())
    return (
        _which(trial, train, images, "training"),
        _places(trial, train_labels, "training"),
        _which(trial, held, images, "validation"),
        _places(trial, held_labels, "validation"),
    )


def _which(trial: Trial, part: Any, images: Any, name: str) -> Any:
    """The numbers of the images in a part; an empty part may have any shape."""
    if not part.size:
        return np.zeros(0, int)
    shape = images.shape[1:]
    trial.expect(
        part.ndim == 4 and part.shape[1:] == shape,
        f"should give images of shape {shape} in the {name} part, yours has the shape {part.shape}",
    )
    distance = np.abs(part[:, np.newaxis] - images).max(axis=(2, 3, 4))
    trial.expect((distance.min(axis=1) < 1e-3 / len(images)).all(), "changes the pixels of an image")
    return distance.argmin(axis=1)


def _places(trial: Trial, labels: Any, name: str) -> Any:
    trial.expect(labels.ndim == 1, f"should give a flat array of {name} labels, yours has the shape {labels.shape}")
    return labels - 1000


SPLITS = ((10, 0.2), (7, 0.3), (9, 0.3), (50, 0.5), (5, 0.5), (7, 0.5), (4, 0.0), (4, 1.0))  # 2.5, 3.5: halves to even


def _sizes(trial: Trial) -> None:
    for size, fraction in SPLITS:
        train, train_labels, held, held_labels = _parts(trial, size, fraction)
        wanted = round(fraction * size)
        sizes = [[size - wanted] * 2 + [wanted] * 2, [len(train), len(train_labels), len(held), len(held_labels)]]
        one, other = (
            f"{a} training images and {b} labels, {c} validation images and {d} labels" for a, b, c, d in sizes
        )
        trial.expect(sizes[0] == sizes[1], f"should give {one}, yours gives {other}")


def _together(trial: Trial) -> None:
    for size, fraction in SPLITS:
        train, train_labels, held, held_labels = _parts(trial, size, fraction)
        pairs = np.array_equal(train, train_labels) and np.array_equal(held, held_labels)
        trial.expect(pairs, "gives some images the labels of others")


def _disjoint(trial: Trial) -> None:
    for size, fraction in SPLITS:
        train, _, held, _ = _parts(trial, size, fraction)
        both = np.sort(np.concatenate([train, held]))
        trial.expect(
            np.array_equal(both, np.arange(size)), "does not put every image into exactly one of the two parts"
        )


EIGHT, HALF, DRAWS = 8, 0.5, 500


def _held(trial: Trial) -> Any:
    """Which of 8 images are held out, shape (draws, 8), half of them each time."""
    if "held" not in trial.notes:
        draws = trial.draws(DRAWS)
        trial.notes["held"] = np.zeros((draws, EIGHT), bool)
        for row in trial.notes["held"]:
            row[_parts(trial, EIGHT, HALF)[2]] = True
    return trial.notes["held"]


def _by_chance(trial: Trial) -> None:
    held = _held(trial)
    draws = len(held)
    for image, often in enumerate(held.sum(axis=0)):
        text = f"holds out image {image} in {often} of {draws} draws; with equal chances it would be about {draws // 2}"
        trial.expect(not unlikely(often, draws, 0.5), text)
    for one, other in itertools.combinations(range(EIGHT), 2):
        often, chance = (held[:, one] & held[:, other]).sum(), 4 * 3 / (8 * 7)
        text = (
            f"holds out images {one} and {other} together in {often} of {draws} draws; if each image were drawn at "
            f"random, it would be about {draws * chance:.0f}"
        )
        trial.expect(not unlikely(often, draws, chance), text)


def _separately(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
    images, labels = rng.permutation(images), rng.permutation(labels)
    count = round(fraction * len(images))
    return images[count:], labels[count:], images[:count], labels[:count]


def _by(order: Callable[[int, np.random.Generator], Any]) -> Callable[..., Any]:
    """A split that holds out the first images in this order."""

    def split(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
        places, count = order(len(images), rng), round(fraction * len(images))
        train, held = places[count:], places[:count]
        return images[train], labels[train], images[held], labels[held]

    return split


def _held_out_twice(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
    held = rng.integers(len(images), size=round(fraction * len(images)))
    train = rng.permutation(len(images))[len(held) :]
    return images[train], labels[train], images[held], labels[held]


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


def _counted(number_: Callable[[float, int], int]) -> Callable[..., Any]:
    def split(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
        return split_validation(images, labels, number_(fraction, len(images)) / len(images), rng)

    return split


def _from_the_end(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
    order, count = rng.permutation(len(images)), round(fraction * len(images))
    train, held = order[:-count], order[-count:]
    return images[train], labels[train], images[held], labels[held]


def _scaled(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
    train, train_labels, held, held_labels = split_validation(images, labels, fraction, rng)
    return train / 255, train_labels, held / 255, held_labels


def _as_bytes(images: Any, labels: Any, fraction: float, rng: np.random.Generator) -> Any:
    return split_validation(images.astype(np.uint8), labels, fraction, rng)


def _raw(trial: Trial, fraction: float = 0.3, count: int = 30) -> list[Any]:
    return [np.asarray(part) for part in trial.ask(*_digits(count), fraction, trial.generator()).value]


def _looks_separate(trial: Trial) -> bool:
    train, train_labels, held, held_labels = _parts(trial, 30, 0.3)
    images, labels = np.concatenate([train, held]), np.concatenate([train_labels, held_labels])
    whole = np.array_equal(np.sort(images), np.arange(30)) and np.array_equal(np.sort(labels), np.arange(30))
    return whole and not np.array_equal(images, labels)


def _looks_unshuffled(trial: Trial) -> bool:
    held = [np.sort(_parts(trial, 30, 0.3)[2]) for _ in range(3)]
    return len(held[0]) == 9 and all(np.array_equal(part, held[0]) for part in held)


def _looks_like_a_block(trial: Trial) -> bool:
    held = [np.sort(_parts(trial, 30, 0.3)[2]) for _ in range(10)]
    gaps = [np.count_nonzero(np.diff(part, append=part[:1] + 30) != 1) for part in held]
    return all(len(part) == 9 for part in held) and max(gaps) == 1


def _holds_twice(trial: Trial) -> bool:
    held = [_parts(trial, 30, 0.3)[2] for _ in range(10)]
    return all(len(part) == 9 for part in held) and any(len(np.unique(part)) < 9 for part in held)


def _overlaps(trial: Trial) -> bool:
    train, _, held, _ = _parts(trial, 30, 0.3)
    return bool(np.intersect1d(train, held).size)


def _counts_otherwise(trial: Trial) -> bool:
    """Whether the parts hold all images, but the validation part is at most one too large or small, and once it is."""
    off = 0
    for size, fraction in ((7, 0.3), (9, 0.3), (5, 0.5), (7, 0.5), (50, 0.5)):
        train, _, held, _ = _parts(trial, size, fraction)
        off = max(off, abs(len(held) - round(fraction * size)))
        if len(train) + len(held) != size:
            return False
    return off == 1


def _takes_everything(trial: Trial) -> bool:
    train, _, held, _ = _parts(trial, 4, 0.0)
    return len(train) == 0 and len(held) == 4 and len(_parts(trial, 10, 0.2)[2]) == 2


def _changes_pixels(trial: Trial) -> bool:
    parts = _raw(trial)
    kept = np.isin(np.concatenate([parts[0], parts[2]]).astype(np.float32), _digits(30)[0])
    return parts[0].shape[1:] == (2, 2, 1) and not kept.all()


SPLIT = Exercise(
    id="baseline.split_validation",
    title="Hold out validation images",
    minutes=10,
    objective="split images and labels at random so that no image is in both parts",
    why="A score on images that the search has seen looks too good; only held-out images show how good a mask is.",
    stub='''def split_validation(images, labels, fraction, rng):
    """Return (train_images, train_labels, validation_images, validation_labels), four arrays.

    `images` has shape (n, height, width, 1), `labels` (n,). round(fraction * n) of the images, chosen by `rng`, are
    for validation, all others for training; each image keeps its own label.
    """
    ...
''',
    reference=split_validation,
    read=several(numbers, numbers, numbers, numbers),
    draw=lambda rng: (*_digits(20), 0.5, rng),
    may_share=True,
    properties=(
        Law("round(fraction * n) images are for validation, the others for training, which comes first", _sizes),
        Law("An image keeps its label", _together),
        Law("No image is lost, and none is in both parts", _disjoint),
        Law("Each image has the same chance to be held out, whichever others are", _by_chance),
    ),
    misconceptions=(
        Misconception(
            "shuffled separately",
            "Images and labels are shuffled differently, so images get wrong labels: both need the same order.",
            _separately,
            sign=_looks_separate,
        ),
        Misconception(
            "not shuffled",
            "The same images are held out every time, whatever `rng` is. In a sorted data set a whole class could be "
            "missing from training; shuffle first.",
            _by(lambda count, rng: np.arange(count)),
            variants=(_by(lambda count, rng: np.arange(count)[::-1]),),
            sign=_looks_unshuffled,
        ),
        Misconception(
            "one block",
            "The images held out always form one block, wherever it begins. In a sorted data set a whole class could "
            "be missing from training: each image needs its own chance.",
            _by(lambda count, rng: (np.arange(count) + rng.integers(count)) % count),
            sign=_looks_like_a_block,
        ),
        Misconception(
            "held out twice",
            "The same image can be held out more than once: draw without replacement.",
            _held_out_twice,
            sign=_holds_twice,
        ),
        Misconception(
            "parts overlap",
            "Some images are in both parts: this leak makes the validation score look better than it is.",
            _overlapping,
            sign=_overlaps,
        ),
        Misconception(
            "scikit-learn's order",
            "The four arrays come in scikit-learn's order, both images first. Here it is training images, training "
            "labels, validation images, validation labels.",
            _sklearn_order,
            sign=lambda trial: _raw(trial)[1].ndim == 4 and _raw(trial)[2].ndim == 1,
        ),
        Misconception(
            "parts swapped",
            "The two parts are swapped: `fraction` is the share for validation, and training comes first.",
            _swapped_parts,
            sign=lambda trial: [len(part) for part in _raw(trial)] == [9, 9, 21, 21],
        ),
        Misconception(
            "counted from the end",
            "With fraction 0 everything goes to validation: a slice from -0 is a slice from 0, the whole array.",
            _from_the_end,
            sign=_takes_everything,
        ),
        Misconception(
            "rounded differently",
            "The number of images held out is not always round(fraction * n): `int` rounds down, `np.ceil` rounds up, "
            "and only `round` turns 2.5 into 2 and 3.5 into 4.",
            _counted(lambda fraction, count: int(fraction * count)),
            variants=(
                _counted(lambda fraction, count: int(fraction * count + 0.5)),
                _counted(lambda fraction, count: int(np.ceil(fraction * count))),
                _counted(lambda fraction, count: count - round((1 - fraction) * count)),
            ),
            sign=_counts_otherwise,
        ),
        Misconception(
            "pixels changed",
            "The pixels are changed. They are between 0 and 1 already, and the parts should hold the images unchanged.",
            _scaled,
            variants=(_as_bytes,),
            sign=_changes_pixels,
        ),
    ),
    hints=(
        "Shuffle positions, not images: then the same random order works for both arrays.",
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


def _new(trial: Trial) -> None:
    first, second = (trial.ask(np.array(pair), np.array([True, True])) for pair in ([1.0, 2.0], [3.0, 4.0]))
    for outcome in (first, second):
        trial.expect(outcome.value is not outcome.given[0], "returns its argument `weights`: return a new array")
    again = getattr(trial.answer, "repeats", False) or shares_memory(second.value, [first.value])
    trial.expect(not again, "returns an array that an earlier call has returned: make a new one in each call")


def _in_place(weights: Any, mask: Any) -> Any:
    weights[~mask] = 0
    return weights


def _masked(trial: Trial) -> tuple[Any, Any, Any]:
    """Weights, a mask, and what the answer returns for them."""
    weights, mask = np.array([0.2345678, -1.5, 2.25, -0.75]), np.array([True, True, False, False])
    return weights, mask, trial.ask(weights, mask).value


def _looks_tiny(trial: Trial) -> bool:
    weights, mask, found = _masked(trial)
    return bool(np.array_equal(found[mask], weights[mask]) and (found[~mask] != 0).all() and found[~mask].max() < 0.01)


def _looks_rounded(trial: Trial) -> bool:
    weights, mask, found = _masked(trial)
    return any(np.array_equal(found, np.round(weights * mask, digits)) for digits in range(7))


def _looks_nan(trial: Trial) -> bool:
    _, mask, found = _masked(trial)
    return bool(np.isnan(found[~mask]).all())


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
    may_share=True,  # a masked array's `filled` gives a view where nothing is pruned, which no cell minds
    properties=(
        Examples("A kept weight stays as it is, a pruned one is exactly 0", _weights_and_masks, exact=True),
        Law("The result is a new array, even where nothing is pruned", _new),
    ),
    misconceptions=(
        Misconception(
            "inverted",
            "The mask is read the wrong way round: True keeps a weight, False prunes it.",
            lambda weights, mask: np.where(mask, 0, weights),
        ),
        Misconception(
            "pruned weights removed",
            "The pruned weights are removed, so the layer has lost its shape: they must stay in place as zeros.",
            lambda weights, mask: weights[mask],
        ),
        Misconception(
            "in place",
            "The original weights are overwritten: after the first candidate the trained network would be gone.",
            _in_place,
        ),
        Misconception(
            "the mask as numbers",
            "This gives 1 for every weight that is kept: the weights themselves are lost.",
            lambda weights, mask: np.where(mask, 1.0, 0.0),
        ),
        Misconception(
            "nearly zero",
            "A pruned weight is small here, but not exactly 0: only an exact 0 removes the connection.",
            lambda weights, mask: np.where(mask, weights, 1e-9),
            variants=(lambda weights, mask: np.where(mask, weights, 1e-8 * weights),),
            sign=_looks_tiny,
        ),
        Misconception(
            "rounded",
            "The weights that are kept get rounded. They must keep all their digits, or the network changes.",
            lambda weights, mask: np.round(weights * mask, 4),
            variants=tuple(
                lambda weights, mask, digits=digits: np.round(weights * mask, digits) for digits in (0, 2, 6)
            ),
            sign=_looks_rounded,
        ),
        Misconception(
            "NaN",
            "A pruned weight is NaN here, which spreads through the whole network: it should be 0.",
            lambda weights, mask: np.where(mask, weights, np.nan),
            sign=_looks_nan,
        ),
        Misconception(
            "a masked array",
            "This is a masked array: it hides the pruned weights, but they are still in it and would be used. Its "
            "method `filled` makes an ordinary array.",
            lambda weights, mask: np.ma.masked_array(weights, mask=~mask),
        ),
    ),
    hints=(
        "What is a number times True, and times False?",
        "numpy works on whole arrays, and an operation on two arrays makes a third one.",
    ),
)

# --- accuracy -------------------------------------------------------------------------------------------------------


def accuracy(logits: Any, labels: Any) -> float:
    """The share of rows whose largest logit is at the label."""
    return float(np.mean(np.argmax(logits, axis=1) == labels))


def _logits(rng: np.random.Generator) -> Iterator[tuple[Any, Any]]:
    yield np.array([[0.1, 0.9]]), np.array([1])
    yield np.array([[0.8, 0.2], [0.7, 0.3]]), np.array([0, 1])
    yield np.array([[-3.0, -1.0, -2.0], [-5.0, -6.0, -4.0]]), np.array([1, 1])
    yield np.array([[0.3, 0.7], [0.6, 0.4], [0.9, 0.1]]), np.array([0, 1, 0])  # a third
    for rows, classes in ((5, 3), (37, 10), (700, 10)):
        labels = rng.integers(classes, size=rows)
        yield rng.normal(size=(rows, classes)) + 2 * np.eye(classes)[labels], labels


def _hits(logits: Any, labels: Any) -> Any:
    return np.argmax(logits, axis=1) == labels


ACCURACY = Exercise(
    id="baseline.accuracy",
    title="Measure accuracy",
    minutes=5,
    objective="turn a network's outputs into the share of images it gets right",
    why="It is the number that a user of the pruned network will notice.",
    stub='''def accuracy(logits, labels):
    """Return the share of rows of `logits`, shape (n, classes), whose largest value is at the row's label."""
    ...
''',
    reference=accuracy,
    read=number,
    properties=(Examples("A row counts when its largest value is at its label", _logits),),
    misconceptions=(
        Misconception(
            "along the wrong axis",
            "This looks for the largest value of each column, over all images. Each image is one row.",
            lambda logits, labels: np.mean(np.argmax(logits, axis=0) == labels),
        ),
        Misconception(
            "no axis",
            "Without an `axis`, `np.argmax` looks at all rows together and gives one index into the flattened array. "
            "Each image needs its own.",
            lambda logits, labels: np.mean(np.argmax(logits) == labels),
        ),
        Misconception(
            "a count",
            "This is the number of correct rows. A share is between 0 and 1: what do you still have to divide by?",
            lambda logits, labels: np.sum(_hits(logits, labels)),
        ),
        Misconception(
            "a percentage",
            "This is a percentage; the exercise asks for a share, between 0 and 1.",
            lambda logits, labels: 100 * np.mean(_hits(logits, labels)),
        ),
        Misconception(
            "the error rate",
            "This is the share of wrong rows, the error rate.",
            lambda logits, labels: 1 - np.mean(_hits(logits, labels)),
        ),
        Misconception(
            "the smallest",
            "This looks for the smallest value of a row. The network's answer is the largest one.",
            lambda logits, labels: np.mean(np.argmin(logits, axis=1) == labels),
        ),
        Misconception(
            "divided by the classes",
            "The number of correct rows is divided by something that involves the number of classes. Divide it by the "
            "number of rows.",
            lambda logits, labels: np.sum(_hits(logits, labels)) / logits.shape[1],
            variants=(lambda logits, labels: np.sum(_hits(logits, labels)) / logits.size,),
        ),
        Misconception(
            "integer division",
            "The division drops everything after the decimal point: use / and not //.",
            lambda logits, labels: np.sum(_hits(logits, labels)) // len(labels),
        ),
        rounded(accuracy),
    ),
    hints=(
        "`np.argmax` gives the index of the largest value. Which `axis` does it need?",
        "Comparing two arrays gives an array of True and False, and its mean counts True as 1.",
    ),
)

EXERCISES = (COUNT, SPLIT, APPLY, ACCURACY)
