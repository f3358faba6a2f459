"""LeNet-5 in Keras: its shape, the shipped weights, training, files."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lessonkit.__main__ import main
from lessonkit.commands import train as train_command
from lessonkit.errors import LessonkitError
from lessonkit.networks.keras_reader import from_keras
from lessonkit.networks.weights import ASSETS, load_network, read_weights, shipped_weights

lenet = pytest.importorskip("lessonkit.networks.lenet")

NAMES = ("Conv1", "Conv2", "FC1", "FC2", "Output")
SHAPES = [(5, 5, 1, 6), (5, 5, 6, 16), (400, 120), (120, 84), (84, 10)]


@pytest.fixture(scope="module")
def model():
    return lenet.build_lenet()


def test_the_architecture(model):
    assert [layer.name for layer in model.layers] == [
        "Conv1", "AvgPool1", "Conv2", "AvgPool2", "Flatten", "FC1", "FC2", "Output",
    ]  # fmt: skip
    assert tuple(layer.name for layer in lenet.prunable_layers(model)) == NAMES
    assert [kernel.shape for kernel in lenet.kernels(model)] == SHAPES
    assert [kernel.size for kernel in lenet.kernels(model)] == [150, 2400, 48_000, 10_080, 840]
    assert sum(kernel.size for kernel in lenet.kernels(model)) == 61_470
    assert model.count_params() == 61_706
    assert model.input_shape == (None, 28, 28, 1)
    assert model.output_shape == (None, 10)
    assert [model.get_layer(name).activation.__name__ for name in NAMES] == ["sigmoid"] * 4 + ["softmax"]
    assert [model.get_layer(name).padding for name in ("Conv1", "Conv2")] == ["same", "valid"]


def test_the_recipe(model):
    assert float(model.optimizer.learning_rate) == pytest.approx(0.1)
    assert float(model.optimizer.momentum) == 0
    assert model.loss == "sparse_categorical_crossentropy"
    assert lenet.EPOCHS["mnist"] == 50


def test_the_network_without_keras_is_the_same():
    baseline = lenet.load_baseline("standin")
    assert from_keras(baseline).total_layers == load_network("standin").total_layers == 8
    for one, two in zip(from_keras(baseline).layers, load_network("standin").layers, strict=True):
        assert one.name == two.name
        assert one.position == two.position
        np.testing.assert_array_equal(one.kernel, two.kernel)
        np.testing.assert_array_equal(one.bias, two.bias)
    assert load_network("standin").prunable_weights == 61_470


def accuracy(model, split) -> float:
    return float(model.evaluate(split.images, split.labels, batch_size=1000, verbose=0)[1])


def test_the_shipped_weights_read_the_standin(standin):
    assert accuracy(lenet.load_baseline("standin"), standin.test) >= 0.96


@pytest.mark.parametrize("network", [0, 1, 2])
def test_the_shipped_weights_reach_the_published_accuracy_on_mnist(mnist, network):
    assert accuracy(lenet.load_baseline("mnist", network), mnist.test) == pytest.approx(0.972, abs=0.005)


def test_weights_that_do_not_ship_are_refused():
    for data, network in (("mnist", 9), ("standin", 1), ("cifar", 0)):
        with pytest.raises(LessonkitError, match=rf"'{data}', network {network}: there are .*mnist-0"):
            lenet.load_baseline(data, network)


# --- training and files ---


@pytest.fixture
def few(standin, monkeypatch):
    data = dataclasses.replace(
        standin, train=standin.train.head(300), validation=standin.validation.head(50), test=standin.test.head(50)
    )
    monkeypatch.setattr(train_command, "load_mnist", lambda source: data)
    return data


def test_the_command_trains_and_writes_loadable_weights(few, tmp_path, capsys, model):
    path = tmp_path / "new" / "weights.npz"
    assert main(["train", "--epochs", "1", "--output", str(path), "--quiet"]) == 0
    printed = capsys.readouterr()
    assert few.source in printed.out
    assert "test accuracy" in printed.out
    assert str(path) in printed.out
    trained = lenet.load_weights(path, lenet.build_lenet())
    again = lenet.train(lenet.build_lenet(), few, epochs=1, seed=0)
    for one, two in zip(trained.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)  # the seed decides
    lenet.initialise(model, 0)
    assert any((one != two).any() for one, two in zip(lenet.kernels(trained), lenet.kernels(model), strict=True))
    assert [file.name for file in path.parent.iterdir()] == ["weights.npz"]


def test_training_leaves_numpys_and_pythons_own_generators_alone(few, model):
    import random

    before = random.getstate(), str(np.random.get_state())  # noqa: NPY002
    told = []
    lenet.train(model, few, epochs=1, seed=4321, callback=lambda epoch, logs: told.append((epoch, sorted(logs))))
    assert (random.getstate(), str(np.random.get_state())) == before  # noqa: NPY002
    assert told == [(1, ["accuracy", "loss", "val_accuracy", "val_loss"])]


def test_the_command_makes_the_shipped_mlpnet_again(mnist, tmp_path, capsys):
    path = tmp_path / "mlpnet.npz"
    assert main(["train", "--network", "mlpnet", "--output", str(path), "--quiet"]) == 0
    assert "test accuracy 94.0" in capsys.readouterr().out
    again, shipped = read_weights(path), read_weights(ASSETS / "mlpnet-mnist.npz")
    assert again.keys() == shipped.keys()
    for name, array in shipped.items():  # other processors add up in another order
        np.testing.assert_allclose(again[name], array, atol=1e-3)


@pytest.mark.parametrize(("flag", "message"), [("weights.txt", "ends in .npz"), ("", "give a name that ends in .npz")])
def test_a_bad_output_is_refused_before_training(few, tmp_path, capsys, flag, message):
    assert main(["train", "--output", str(tmp_path / flag)]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert message in printed.err


def test_weights_survive_a_file(model, tmp_path):
    path = tmp_path / "weights.npz"
    lenet.initialise(model, 5)
    lenet.save_weights(path, model)
    other = lenet.load_weights(path, lenet.build_lenet())
    for one, two in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    with np.load(path, allow_pickle=False) as plain:
        assert sorted(plain) == sorted(f"{name}/{part}" for name in NAMES for part in ("kernel", "bias"))


def test_weights_of_something_else_are_refused(model, tmp_path):
    path = tmp_path / "weights.npz"
    with np.load(shipped_weights("standin"), allow_pickle=False) as shipped:
        arrays = dict(shipped)
    np.savez(path, **{**arrays, "FC1/kernel": np.zeros((3, 3), np.float32)})
    with pytest.raises(
        LessonkitError, match=r"weights\.npz: FC1/kernel should have shape \(400, 120\), found \(3, 3\)"
    ):
        lenet.load_weights(path, model)
    np.savez(path, **{key: value for key, value in arrays.items() if key != "Output/bias"})
    with pytest.raises(LessonkitError, match=r"Output/bias should have shape \(10,\), found nothing"):
        lenet.load_weights(path, model)
    path.write_bytes(shipped_weights("standin").read_bytes()[:5000])
    with pytest.raises(LessonkitError, match=r"weights\.npz: cannot be read as weights"):
        lenet.load_weights(path, model)
    with pytest.raises(LessonkitError, match=r"missing\.npz"):
        lenet.load_weights(tmp_path / "missing.npz", model)


def test_the_seed_makes_the_first_weights(model):
    kernels = []
    for seed in (1, 1, 2):
        lenet.initialise(model, seed)
        kernels.append(lenet.kernels(model))
    for one, two, other in zip(*kernels, strict=True):
        np.testing.assert_array_equal(one, two)
        assert (one != other).any()
        limit = np.sqrt(6 / (np.prod(one.shape[:-2]) * (one.shape[-2] + one.shape[-1])))  # Glorot & Bengio 2010
        assert np.abs(one).max() <= limit
