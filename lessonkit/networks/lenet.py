"""LeNet-5 in Keras: build it, train it with the published recipe, load the shipped weights."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # else its start-up messages would be in every notebook

from lessonkit.errors import LessonkitError
from lessonkit.files import no_native_log, write_arrays
from lessonkit.networks.mnist import Dataset, data_here
from lessonkit.networks.weights import read_weights, shipped_weights

with no_native_log():
    import keras
    import tensorflow as tf

EPOCHS = {"mnist": 50, "standin": 150}  # the stand-in has a quarter of the images, so it needs more epochs


def build_lenet() -> keras.Model:
    """LeNet-5 as in "Dive into Deep Learning" (Zhang et al. 2023, section 7.6), with sigmoids and average pooling.

    The input has shape (28, 28, 1), the output is 10 probabilities; there are 61,470 prunable weights and 236 biases.
    The model is compiled as in the published experiment: SGD with learning rate 0.1, sparse categorical cross-entropy,
    accuracy.
    """
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(6, 5, padding="same", activation="sigmoid", name="Conv1"),
            layers.AveragePooling2D(2, name="AvgPool1"),
            layers.Conv2D(16, 5, activation="sigmoid", name="Conv2"),
            layers.AveragePooling2D(2, name="AvgPool2"),
            layers.Flatten(name="Flatten"),
            layers.Dense(120, activation="sigmoid", name="FC1"),
            layers.Dense(84, activation="sigmoid", name="FC2"),
            layers.Dense(10, activation="softmax", name="Output"),
        ],
        name="LeNet-5",
    )
    compile_for_training(model)
    return model


def compile_for_training(model: keras.Model) -> None:
    """Give `model` the experiment's optimizer, loss and metric."""
    model.compile(optimizer=keras.optimizers.SGD(0.1), loss="sparse_categorical_crossentropy", metrics=["accuracy"])


def prunable_layers(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers that have prunable kernels, in order: the convolutions and the dense layers."""
    return [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense)]


def kernels(model: keras.Model) -> tuple[NDArray[np.float32], ...]:
    """Copies of the prunable weights, one array per layer, in order, without the biases."""
    return tuple(np.array(layer.kernel) for layer in prunable_layers(model))


def train(
    model: keras.Model,
    data: Dataset,
    *,
    epochs: int | None = None,
    seed: int = 0,
    callback: Callable[[int, dict[str, float]], Any] | None = None,
) -> keras.Model:
    """Train `model` in place with the published recipe: batches of 128, plain SGD, no early stopping.

    Parameters
    ----------
    epochs : passes over the training images; None for the recipe's 50 (150 for the smaller stand-in).
    seed : decides the initial weights and the order of the batches. Only TensorFlow's generators are seeded.
    callback : is called after each epoch with its number, from 1, and with Keras's losses and accuracies for it.
    """
    tf.random.set_seed(seed)  # for the batches; keras.utils.set_random_seed would seed Python's and numpy's too
    initialise(model, seed)
    told = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: callback(epoch + 1, dict(logs or {})) if callback else None
    )
    model.fit(
        data.train.images,
        data.train.labels,
        batch_size=128,
        epochs=epochs or EPOCHS[data.name],
        validation_data=(data.validation.images, data.validation.labels),
        verbose=0,
        callbacks=[told],
    )
    return model


def initialise(model: keras.Model, seed: int) -> None:
    """Set kernels to Glorot-uniform values (Glorot & Bengio 2010) that depend on `seed` alone, and biases to 0."""
    for index, layer in enumerate(prunable_layers(model)):
        layer.kernel.assign(keras.initializers.GlorotUniform(seed=1000 * seed + index)(layer.kernel.shape))
        layer.bias.assign(np.zeros(layer.bias.shape, np.float32))


def save_weights(path: str | os.PathLike[str], model: keras.Model) -> None:
    """Write kernels and biases to an npz file as ``NAME/kernel`` and ``NAME/bias``, completely or not at all."""
    arrays = {}
    for layer in prunable_layers(model):
        arrays[f"{layer.name}/kernel"] = np.array(layer.kernel)
        arrays[f"{layer.name}/bias"] = np.array(layer.bias)
    write_arrays(path, arrays)


def load_weights(path: str | os.PathLike[str], model: keras.Model) -> keras.Model:
    """Fill `model` with weights that `save_weights` wrote, and return it.

    Raises
    ------
    LessonkitError
        When the file cannot be read or belongs to another architecture.
    """
    arrays = read_weights(path)
    for layer in prunable_layers(model):
        for name, variable in (("kernel", layer.kernel), ("bias", layer.bias)):
            key = f"{layer.name}/{name}"
            if key not in arrays or arrays[key].shape != tuple(variable.shape):
                found = arrays[key].shape if key in arrays else "nothing"
                raise LessonkitError(f"{path}: {key} should have shape {tuple(variable.shape)}, found {found}")
            variable.assign(arrays[key])
    return model


def load_baseline(data: str | None = None, network: int = 0) -> keras.Model:
    """The trained, unpruned LeNet-5, ready to evaluate; its prunable layers are Conv1, Conv2, FC1, FC2, Output.

    Parameters
    ----------
    data : which data it was trained on, "mnist" or "standin"; None for the data on this machine (see
        `lessonkit.networks.mnist.data_here`).
    network : which of the shipped training runs: 0, 1 or 2; for the stand-in only 0.
    """
    return load_weights(shipped_weights(data or data_here(), network), build_lenet())
