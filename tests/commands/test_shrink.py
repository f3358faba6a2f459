"""The command shrink: what it writes, what it refuses, what is left when it is cut short. No time is tested."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from lessonkit.__main__ import main
from lessonkit.commands import shrink as command
from lessonkit.networks import lenet
from lessonkit.shrink import chain as chains
from lessonkit.shrink import measure

layers = keras.layers
QUICK = ("--data", "standin", "--evaluations", "8", "--quiet")


@pytest.fixture
def unmeasured(monkeypatch):
    """Saves the seconds that measuring takes; the files are real."""
    monkeypatch.setattr(measure, "SECONDS", 0.01)
    monkeypatch.setattr(measure, "resident_megabytes", lambda path, shape: 100.0)


@pytest.mark.usefixtures("unmeasured")
def test_the_network_loads_in_plain_keras_and_is_what_the_table_says(standin, tmp_path, capsys):
    folder = tmp_path / "new"
    assert main(["shrink", *QUICK, "--output", str(folder)]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert all(len(line) <= 80 for line in printed.out.splitlines()[1:-1])
    assert {path.name for path in folder.iterdir()} == {"lenet-small.keras", "lenet-small.tflite", "shrink.json"}
    figures = json.loads((folder / "shrink.json").read_text(), parse_constant=pytest.fail)
    code = (
        "import sys, numpy, keras; model = keras.saving.load_model(sys.argv[1]); "
        "model.compile(loss='sparse_categorical_crossentropy', metrics=['accuracy']); data = numpy.load(sys.argv[2]); "
        "print(*model.evaluate(data['x'], data['y'], verbose=0), model.count_params(), 'lessonkit' in sys.modules)"
    )
    np.savez(tmp_path / "test.npz", x=standin.test.images, y=standin.test.labels)
    run = subprocess.run(
        [sys.executable, "-c", code, str(folder / "lenet-small.keras"), str(tmp_path / "test.npz")],
        capture_output=True, text=True, check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": ""},
    )  # fmt: skip
    loss, accuracy, count, package = run.stdout.split()[-4:]
    assert package == "False"
    assert float(loss) == pytest.approx(figures["loss"][1], abs=1e-5)
    assert float(accuracy) == pytest.approx(figures["accuracy"][1], abs=1e-6)
    assert int(count) == figures["parameters"][1]
    assert figures["multiply-adds"][1] <= 0.1 * figures["multiply-adds"][0] == 41_652
    assert figures[".keras bytes"][1] == (folder / "lenet-small.keras").stat().st_size
    assert f"{figures['accuracy'][1]:.2%}" in printed.out
    assert f"{figures['multiply-adds'][1]:,}" in printed.out

    import tensorflow as tf

    reader = tf.lite.Interpreter(str(folder / "lenet-small.tflite"))
    entrance, end = reader.get_input_details()[0]["index"], reader.get_output_details()[0]["index"]
    reader.resize_tensor_input(entrance, (20, 28, 28, 1))
    reader.allocate_tensors()
    reader.set_tensor(entrance, standin.test.images[:20])
    reader.invoke()
    small = keras.saving.load_model(folder / "lenet-small.keras")
    np.testing.assert_allclose(reader.get_tensor(end), small(standin.test.images[:20]), atol=1e-5)


@pytest.mark.usefixtures("unmeasured")
def test_without_a_converter_there_is_no_tflite_and_all_else_is_there(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(measure, "litert_bytes", lambda model: None)
    assert main(["shrink", *QUICK, "--parameters", "0.05", "--output", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"lenet-small.keras", "shrink.json"}
    assert json.loads((tmp_path / "shrink.json").read_text())["parameters"][1] <= 61_706 / 20
    assert "LiteRT" not in capsys.readouterr().out


@pytest.mark.usefixtures("unmeasured")
def test_the_same_seed_gives_the_same_network_another_seed_another(tmp_path):
    kept = []
    for run, seed in enumerate(("3", "3", "4")):
        assert main(["shrink", *QUICK, "--seed", seed, "--output", str(tmp_path / str(run))]) == 0
        kept.append(json.loads((tmp_path / str(run) / "shrink.json").read_text())["kept"])
    assert kept[0] == kept[1] != kept[2]


@pytest.mark.usefixtures("unmeasured")
@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28), (784,)])
def test_a_model_of_ones_own(shape, standin, tmp_path):
    parts = [layers.Conv2D(6, 3, strides=2, activation="relu"), layers.MaxPooling2D(2)] if len(shape) == 3 else []
    parts += [layers.Flatten()] if len(shape) > 1 else []
    model = keras.Sequential(
        [keras.Input(shape), *parts, layers.Dense(30, "tanh"), layers.Dropout(0.2), layers.Dense(10, "softmax")]
    )
    lenet.compile_for_training(model)
    model.fit(standin.train.images.reshape(-1, *shape), standin.train.labels, epochs=5, verbose=0)
    model.save(tmp_path / "mine.keras")
    given = ["--model", str(tmp_path / "mine.keras"), "--multiply-adds", "0.4", "--output", str(tmp_path / "out")]
    assert main(["shrink", *QUICK, *given]) == 0
    small = keras.saving.load_model(tmp_path / "out" / "mine-small.keras")
    assert chains.multiply_adds(chains.from_keras(small)) <= 0.4 * chains.multiply_adds(chains.from_keras(model))


@pytest.mark.usefixtures("unmeasured")
def test_the_least_multiply_adds_at_an_accuracy(tmp_path):
    given = ["--accuracy", "0.8", "--evaluations", "60", "--output", str(tmp_path)]
    assert main(["shrink", *QUICK[:2], "--quiet", *given]) == 0
    figures = json.loads((tmp_path / "shrink.json").read_text())
    assert figures["multiply-adds"][1] < 0.5 * figures["multiply-adds"][0]
    assert figures["judged"]["accuracy"] >= 0.8


# --- what it refuses ---


@pytest.mark.parametrize(
    "flags",
    [
        ["--multiply-adds", "0"],
        ["--multiply-adds", "1.5"],
        ["--parameters", "nan"],
        ["--parameters", "0.1", "--multiply-adds", "0.1"],
        ["--evaluations", "3"],
        ["--network", "3"],
        ["--seed", "-1"],
    ],
    ids=" ".join,
)
def test_a_bad_flag_is_one_line_and_exit_2(flags, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["shrink", *flags])
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1


def refused(capsys, folder, *flags) -> str:
    assert main(["shrink", *QUICK, "--output", str(folder), *flags]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert not list(folder.iterdir()) if folder.is_dir() else True
    return printed.err


def test_bad_input_is_one_line_and_nothing_is_written(tmp_path, capsys):
    out, mine = tmp_path / "out", tmp_path / "mine.keras"
    assert "cannot be reached" in refused(capsys, out, "--multiply-adds", "0.01")
    assert "no such file" in refused(capsys, out, "--model", str(mine))
    mine.write_bytes(b"PK and then nothing")
    assert "Keras cannot load it" in refused(capsys, out, "--model", str(mine))
    keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(3), layers.Dense(10)]).save(mine)
    assert "the network wants input of shape (8, 8, 1)" in refused(capsys, out, "--model", str(mine))
    keras.Sequential([keras.Input((784,)), layers.Dense(3), layers.Dense(7)]).save(mine)
    assert "7 outputs, the images have 10 classes" in refused(capsys, out, "--model", str(mine))
    keras.Sequential([keras.Input((784,)), layers.BatchNormalization(name="norm"), layers.Dense(10)]).save(mine)
    assert "layer norm: a BatchNormalization cannot be cut" in refused(capsys, out, "--model", str(mine))
    assert "the full network itself reaches" in refused(capsys, out, "--accuracy", "0.9999")
    assert "no trained weights ship for 'standin', network 2" in refused(capsys, out, "--network", "2")
    (tmp_path / "file").write_text("here")
    assert main(["shrink", *QUICK, "--output", str(tmp_path / "file")]) == 1
    assert "cannot be written to" in capsys.readouterr().err


def test_ctrl_c_in_the_search_writes_nothing(tmp_path, monkeypatch, capsys):
    calls = []

    def interrupt(bar, position, figures):
        calls.append(position)
        if position == 5:
            raise KeyboardInterrupt

    monkeypatch.setattr(command.Bar, "reach", interrupt)
    assert main(["shrink", *QUICK, "--output", str(tmp_path)]) == 130
    assert calls[-1] == 5
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err == "lessonkit shrink: interrupted\n"
