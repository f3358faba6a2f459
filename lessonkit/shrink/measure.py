"""What a smaller network saves, measured beside the full one: time, file, memory. Nothing here is estimated."""

from __future__ import annotations

import contextlib
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lessonkit.files import no_native_log
from lessonkit.shrink.chain import Array, Chain, logits

if TYPE_CHECKING:
    import keras

BATCHES = (1, 1000)  # images that are predicted together
SECONDS = 0.6  # that each way and each network is measured for, about

_RESIDENT = """
import resource, sys
import numpy as np
path, shape = sys.argv[1], tuple(map(int, sys.argv[2:]))
if path.endswith(".keras"):
    import keras
    keras.saving.load_model(path, compile=False).predict_on_batch(np.zeros(shape, np.float32))
else:
    import tensorflow as tf
    reader = tf.lite.Interpreter(path)
    reader.resize_tensor_input(reader.get_input_details()[0]["index"], shape)
    reader.allocate_tensors()
    reader.invoke()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def keras_bytes(model: keras.Model) -> bytes:
    """The .keras file of a model."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def litert_bytes(model: keras.Model) -> bytes | None:
    """The LiteRT (TensorFlow Lite) file of a model; None where this TensorFlow cannot convert it."""
    import tensorflow as tf

    try:
        with no_native_log(), contextlib.redirect_stdout(io.StringIO()):
            return bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    except Exception:  # the converter raises whatever its parts raise
        return None


def milliseconds(chains: Sequence[Chain], models: Sequence[keras.Model], images: Array) -> dict[str, list[list[float]]]:
    """Median milliseconds of a prediction: for each way to compute, for each of `BATCHES`, one figure per network.

    The networks take turns, so that whatever else the machine does disturbs all of them alike.
    """
    with no_native_log(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        files = [litert_bytes(model) for model in models]
        found: dict[str, list[list[float]]] = {}
        for batch in BATCHES:
            part = np.resize(images, (batch, *images.shape[1:]))
            ways: dict[str, list[Callable[[], Any]]] = {
                "Keras": [partial(model.predict_on_batch, part) for model in models],
                "numpy": [partial(logits, chain, part) for chain in chains],
            }
            if all(file is not None for file in files):
                ways["LiteRT"] = [_litert(file, part) for file in files if file is not None]
            for way in sorted(ways):
                found.setdefault(way, []).append(_alternating(ways[way]))
    return found


def resident_megabytes(path: Path, shape: Sequence[int]) -> float | None:
    """Most memory that a new process held while it loaded the file and predicted zeros of this shape."""
    command = [sys.executable, "-c", _RESIDENT, str(path), *map(str, shape)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    return float(run.stdout.split()[-1]) if run.returncode == 0 else None


def array_megabytes(chain: Chain, images: Array) -> float:
    """Most memory that numpy's arrays took while the network computed these images, its own weights included."""
    tracemalloc.start()
    try:
        logits(chain, images)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return (peak + sum(layer.kernel.nbytes + layer.bias.nbytes for layer in chain.layers)) / 1e6


def _alternating(actions: Sequence[Callable[[], Any]]) -> list[float]:
    taken: list[list[float]] = [[] for _ in actions]
    for action in actions:
        action()
        action()
    ends = time.perf_counter() + SECONDS * len(actions)
    while time.perf_counter() < ends or len(taken[0]) < 5:
        for action, own in zip(actions, taken, strict=True):
            began = time.perf_counter()
            action()
            own.append(1000 * (time.perf_counter() - began))
    return [statistics.median(own) for own in taken]


def _litert(file: bytes, images: Array) -> Callable[[], Any]:
    import tensorflow as tf

    with no_native_log(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tf.lite moves to a package of its own
        reader = tf.lite.Interpreter(model_content=file, num_threads=os.cpu_count())
        entrance, exit_ = reader.get_input_details()[0]["index"], reader.get_output_details()[0]["index"]
        reader.resize_tensor_input(entrance, images.shape)
        reader.allocate_tensors()

    def predict() -> Any:
        reader.set_tensor(entrance, images)
        reader.invoke()
        return reader.get_tensor(exit_)

    return predict
