"""Reading Keras models, and the LeNet-5 that needs no Keras."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from lessonkit.errors import LessonkitError
from lessonkit.networks import lenet
from lessonkit.networks.keras_reader import from_keras
from lessonkit.networks.network import PrunableLayer
from lessonkit.networks.weights import load_network

layers = keras.layers


@pytest.mark.parametrize(("data", "number"), [("standin", 0), ("mnist", 0), ("mnist", 1)])
def test_the_shipped_network_is_the_keras_model(data, number):
    here, there = load_network(data, number), from_keras(lenet.load_baseline(data, number))
    assert here.input_shape == there.input_shape
    assert here.total_layers == there.total_layers == 8
    for ours, theirs in zip(here.layers, there.layers, strict=True):
        for field in PrunableLayer.__dataclass_fields__:
            np.testing.assert_array_equal(getattr(ours, field), getattr(theirs, field), err_msg=f"{ours.name} {field}")


def test_lenet_has_the_published_size():
    network = load_network("standin")
    assert network.names == ("Conv1", "Conv2", "FC1", "FC2", "Output")
    assert [kernel.size for kernel in network.kernels] == [150, 2400, 48_000, 10_080, 840]
    assert network.prunable_weights == 61_470


def test_masked_prunes_kernels_alone_and_copies():
    network = load_network("standin")
    nothing = tuple(~mask for mask in network.keep_all())
    pruned = network.masked(nothing)
    assert not any(kernel.any() for kernel in pruned.kernels)
    assert all(a.bias is b.bias for a, b in zip(pruned.layers, network.layers, strict=True))
    assert all(kernel.any() for kernel in network.kernels)
    with pytest.raises(LessonkitError, match="do not fit"):
        network.masked(nothing[:4])


def test_no_such_shipped_network():
    with pytest.raises(LessonkitError, match=r"no trained weights ship for 'standin', network 7.*mnist-0"):
        load_network("standin", 7)


UNSUPPORTED = {
    "stride": ([layers.Conv2D(2, 3, strides=2, name="c"), layers.Flatten(), layers.Dense(10)], "layer c: only plain"),
    "dilation": ([layers.Conv2D(2, 3, dilation_rate=2, name="c"), layers.Flatten(), layers.Dense(10)], "layer c: only"),
    "pooling first": ([layers.MaxPooling2D(2, name="p"), layers.Flatten(), layers.Dense(10)], "layer p"),
    "pooling twice": (
        [
            layers.Conv2D(2, 3),
            layers.MaxPooling2D(2),
            layers.MaxPooling2D(2, name="p"),
            layers.Flatten(),
            layers.Dense(10),
        ],
        "layer p",
    ),
    "oblong pooling": ([layers.Conv2D(2, 3), layers.MaxPooling2D((1, 2), name="p")], "layer p: pooling must be square"),
    "overlapping pooling": ([layers.Conv2D(2, 3), layers.MaxPooling2D(3, 2, name="p")], "layer p: pooling must be"),
    "padded pooling": ([layers.Conv2D(2, 3), layers.MaxPooling2D(2, padding="same", name="p")], "layer p: pooling"),
    "late activation": (
        [layers.Conv2D(2, 3), layers.AveragePooling2D(2), layers.ReLU(name="r"), layers.Flatten(), layers.Dense(10)],
        "layer r: an activation behind a pooling",
    ),
    "activation twice": ([layers.Flatten(), layers.Dense(10, "relu"), layers.ReLU(name="r")], "layer r"),
    "unknown activation": ([layers.Flatten(), layers.Dense(10, "gelu", name="d")], "layer d: activation 'gelu'"),
    "leaky relu": ([layers.Flatten(), layers.Dense(10), layers.LeakyReLU(name="r")], "layer r: a LeakyReLU"),
    "capped relu": (
        [layers.Flatten(), layers.Dense(10), layers.ReLU(max_value=6, name="r"), layers.Dense(10)],
        "layer r",
    ),
    "batch norm": ([layers.Flatten(), layers.BatchNormalization(name="b"), layers.Dense(10)], "layer b: a BatchNorm"),
    "softmax inside": (
        [layers.Flatten(), layers.Dense(9, "softmax", name="s"), layers.Dense(10)],
        "layer s: a softmax",
    ),
    "sigmoid at the end": ([layers.Flatten(), layers.Dense(10, "sigmoid")], "must end in a dense layer"),
    "no dense layer": ([layers.Conv2D(10, 28), layers.Flatten()], "must end in a dense layer"),
    "not flattened": ([layers.Conv2D(2, 3), layers.Dense(10, name="d")], "layer d: a dense layer needs flat input"),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_cannot_be_computed_is_named(name):
    parts, message = UNSUPPORTED[name]
    with pytest.raises(LessonkitError, match=message):
        from_keras(keras.Sequential([keras.Input((28, 28, 1)), *parts]))


@pytest.mark.parametrize("where", ["named file", "named folder", "standin", "cache", "broken cache", "nothing"])
def test_without_a_name_it_takes_the_weights_for_the_data_here_and_loads_nothing_else(tmp_path, where):
    """An empty archive is enough: no image is read, and nothing is fetched."""
    named = {"named file": str(tmp_path / "mnist.npz"), "named folder": str(tmp_path), "standin": "standin"}.get(
        where, ""
    )
    (tmp_path / "datasets").mkdir()
    np.savez(tmp_path / "mnist.npz")
    if where.endswith("cache"):
        np.savez(tmp_path / "datasets" / "mnist.npz", x_train=np.zeros(9))
    if where == "broken cache":
        (tmp_path / "datasets" / "mnist.npz").write_bytes(b"PK, and then the disk was full")
    code = (
        "import sys, socket; import lessonkit.networks.mnist as data; "
        "data._read_mnist = data._standin = data._download = socket.create_connection = None; "
        "from lessonkit import load_network; from lessonkit.experiments.fingerprint import network_digest as digest; "
        "found = digest(load_network()); names = ('mnist', 'standin'); "
        "print([name for name in names if digest(load_network(name)) == found], "
        "[name for name in ('tensorflow', 'keras', 'sklearn') if name in sys.modules])"
    )
    environment = {**os.environ, "LESSONKIT_DATA": named, "KERAS_HOME": str(tmp_path)}
    run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    expected = "mnist" if where in ("named file", "named folder", "cache") else "standin"
    assert run.stdout.strip() == f"['{expected}'] []"


def test_a_named_file_that_is_not_there_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("LESSONKIT_DATA", str(tmp_path / "missing.npz"))
    with pytest.raises(LessonkitError, match="no such file"):
        load_network()
