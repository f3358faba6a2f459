"""The benchmark: compare the evaluator with Keras, and with the limit that the machine's arithmetic sets."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import threadpoolctl

from lessonkit.commands.options import add_data_flag, at_least
from lessonkit.commands.terminal import say
from lessonkit.engine.evaluator import Evaluator
from lessonkit.engine.threads import processors
from lessonkit.errors import LessonkitError
from lessonkit.experiments.report import versions
from lessonkit.files import write_text
from lessonkit.masks import Mask, flip
from lessonkit.networks.mnist import load_mnist
from lessonkit.networks.network import Network
from lessonkit.networks.weights import load_network
from lessonkit.problem import Evaluation

IMAGES = 10_000  # images that a candidate is scored on, for the speed-ups
CANDIDATES = 200  # candidates per layer, for the speed-ups
SHORT = 1_000  # images for the milliseconds per layer
BATCH = 10  # candidates in a batch, like the children of a generation
PRUNED = 0.1  # the share of the searched layer's weights that a candidate prunes
REPEATS = 30  # of measurements that take milliseconds
Result = TypeVar("Result")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--json", metavar="FILE", help="write all figures to FILE (default: no file)")
    parser.add_argument(
        "--keras-candidates",
        type=at_least(1),
        default=2,
        metavar="N",
        help="candidates per layer that Keras evaluates too, about two seconds each",
    )
    parser.add_argument("--labs", action="store_true", help="measure the labs instead: slider change to new picture")
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="seed of the candidates")
    add_data_flag(parser)


def main(arguments: argparse.Namespace) -> int:
    """Measure, print the table, and write the JSON file."""
    if arguments.json:
        _must_be_writable(Path(arguments.json))
    say("Measuring takes about a minute; other work on this machine makes the results less exact.")
    if arguments.labs:
        result = run_labs(arguments.data)
        say(labs_report(result))
    else:
        result = run_bench(arguments.data, keras_candidates=arguments.keras_candidates, seed=arguments.seed)
        say(report(result), indent=2)
    if arguments.json:
        write_text(arguments.json, json.dumps(result, indent=2) + "\n")
    return 0


def run_labs(data: str | None = None) -> dict[str, Any]:
    """Measure each lab's median time in the kernel from a slider's change to the new picture, in milliseconds."""
    from lessonkit.commands import lab_timing as labs_bench

    dataset = load_mnist(data)
    figures = labs_bench.measure(dataset, load_network(dataset.name))
    return {"labs_milliseconds": figures, "data": dataset.name, "processors": processors(), "versions": versions()}


def labs_report(result: dict[str, Any]) -> str:
    """The results of `run_labs` as text, one line per lab."""
    lines = [f"{name:15} {milliseconds:7.1f} ms" for name, milliseconds in result["labs_milliseconds"].items()]
    return "\n".join(["slider change to new picture, median, in the kernel", *lines])


def run_bench(data: str | None = None, *, keras_candidates: int = 2, seed: int = 0) -> dict[str, Any]:
    """Measure the evaluator and `keras.Model.evaluate` in turn, on the same candidates and images.

    Keras needs about the same time for every candidate, so it is measured on a few of each layer. What 200 candidates
    of each layer take is their median times 200, plus, for the evaluator, its preparation for each layer.

    Returns
    -------
    dict
        Plain values for a json file; times in seconds or, where the name says so, milliseconds.
    """
    if keras_candidates < 1:
        raise LessonkitError(f"--keras-candidates {keras_candidates}: Keras must evaluate at least one per layer")
    from lessonkit.networks import lenet  # here, because it loads TensorFlow

    dataset = load_mnist(data)
    network = load_network(dataset.name)
    model = lenet.load_baseline(dataset.name)
    searched = dataset.validation.head(min(IMAGES, len(dataset.validation)))
    rng = np.random.default_rng(seed)
    keep = network.keep_all()
    many = Evaluator(network, searched.images, searched.labels)
    short = searched.head(min(SHORT, len(searched)))
    few = Evaluator(network, short.images, short.labels)

    def in_keras(index: int, mask: Mask, **options: Any) -> Evaluation:
        kernel = lenet.prunable_layers(model)[index].kernel
        kernel.assign(np.where(mask, network.kernels[index], 0))
        loss, accuracy = model.evaluate(searched.images, searched.labels, verbose=0, **options)
        kernel.assign(network.kernels[index])
        return Evaluation(float(loss), float(accuracy), len(searched))

    in_keras(0, keep[0])  # the first call of each kind builds a graph
    in_keras(0, keep[0], batch_size=1000)

    plain: list[float] = []
    batched: list[float] = []
    own: dict[str, float] = {}
    generation: dict[str, float] = {}
    milliseconds: dict[str, float] = {}
    in_batches: dict[str, float] = {}
    preparation = loss_difference = 0.0
    count_difference = 0
    rate = [_multiply_adds_a_second()]
    for index, name in enumerate(network.names):
        candidates = [flip(keep[index], PRUNED, rng) for _ in range(max(BATCH, keras_candidates))]
        seconds, layer = _timed(partial(many.layer, index, keep))
        preparation += seconds
        ours: list[float] = []
        for candidate in candidates[:keras_candidates]:
            seconds, theirs = _timed(partial(in_keras, index, candidate))
            plain.append(seconds)
            seconds, _ = _timed(partial(in_keras, index, candidate, batch_size=1000))
            batched.append(seconds)
            layer.evaluate([candidate])  # until TensorFlow's threads are idle
            for _ in range(3):
                seconds, (found,) = _timed(partial(layer.evaluate, [candidate]))
                ours.append(seconds)
            loss_difference = max(loss_difference, abs(found.loss - theirs.loss))
            count_difference = max(count_difference, abs(found.correct - theirs.correct))
        own[name] = statistics.median(ours)
        batch = candidates[:BATCH]
        generation[name] = _median(partial(layer.evaluate, batch), 3) / BATCH
        small = few.layer(index, keep)
        one = _median(partial(small.evaluate, candidates[:1]), REPEATS)
        milliseconds[name] = 1000 * one * 1000 / len(short)
        ten = _median(partial(small.evaluate, batch), 5) / BATCH
        in_batches[name] = 1000 * ten * 1000 / len(short)
        rate.append(_multiply_adds_a_second())

    work = len(own) * CANDIDATES
    keras_seconds, keras_batched = statistics.median(plain) * work, statistics.median(batched) * work
    one_by_one = preparation + CANDIDATES * sum(own.values())
    ten_by_ten = preparation + CANDIDATES * sum(generation.values())
    multiply_adds = dict(zip(network.names, multiply_adds_behind(network), strict=True))
    floor = {name: 1e6 * count / statistics.median(rate) for name, count in multiply_adds.items()}  # ms, 1,000 images
    return {
        "speedup_same_work": keras_seconds / one_by_one,
        "speedup_over_batched_evaluate": keras_batched / one_by_one,
        "speedup_batches_of_10": keras_seconds / ten_by_ten,
        "milliseconds_per_1000_images": milliseconds,
        "milliseconds_per_1000_images_in_batches_of_10": in_batches,
        "share_of_floor": {name: floor[name] / milliseconds[name] for name in floor},
        "floor_milliseconds_per_1000_images": floor,
        "multiply_adds_an_image": multiply_adds,
        "multiply_adds_a_second": statistics.median(rate),
        "seconds_a_candidate": {
            "keras": statistics.median(plain),
            "keras_batch_size_1000": statistics.median(batched),
            "evaluator": own,
            "evaluator_batches_of_10": generation,
        },
        "seconds_same_work": {
            "keras": keras_seconds,
            "keras_batch_size_1000": keras_batched,
            "evaluator": one_by_one,
            "evaluator_batches_of_10": ten_by_ten,
            "preparation_within": preparation,
        },
        "largest_difference": {"loss": loss_difference, "correct_images": count_difference},
        "settings": {
            "images": len(searched),
            "candidates_a_layer": CANDIDATES,
            "keras_candidates_a_layer": keras_candidates,
            "extrapolated": f"from the medians over {keras_candidates} candidates a layer",
            "images_for_milliseconds": len(short),
            "pruned_share": PRUNED,
            "seed": seed,
        },
        "data": dataset.source,
        "processors": processors(),
        "versions": versions(),
        "blas": [f"{each['internal_api']} {each['version']}" for each in threadpoolctl.threadpool_info()],
    }


def multiply_adds_behind(network: Network) -> list[int]:
    """For each layer, the multiplications that one of its candidates needs per image: in this layer and later ones.

    A convolution is counted by its formula, every position of the output times every weight.
    """
    counts: list[int] = []
    height, width = (*network.input_shape, 1)[:2]
    for layer in network.layers:
        if layer.is_convolution:
            if layer.padding == "valid":
                height, width = height - layer.kernel.shape[0] + 1, width - layer.kernel.shape[1] + 1
            counts.append(height * width * layer.kernel.size)
            height, width = height // layer.pool, width // layer.pool
        else:
            counts.append(layer.kernel.size)
    return [sum(counts[index:]) for index in range(len(counts))]


def report(result: dict[str, Any]) -> str:
    """The results as text for the terminal."""
    settings, seconds = result["settings"], result["seconds_same_work"]
    work = settings["candidates_a_layer"] * len(result["share_of_floor"])
    lines = [
        result["data"],
        f"{result['processors']} processors, {result['multiply_adds_a_second'] / 1e9:.0f} billion "
        "multiply-adds per second in a large matrix product",
        "",
        f"{'1,000 images of a candidate':29}{'alone':>10}{'in tens':>10}{'floor':>10}{'share of floor':>16}",
    ]
    for name, alone in result["milliseconds_per_1000_images"].items():
        tens = result["milliseconds_per_1000_images_in_batches_of_10"][name]
        floor, share = result["floor_milliseconds_per_1000_images"][name], result["share_of_floor"][name]
        lines.append(f"{name:29}{alone:7.2f} ms{tens:7.2f} ms{floor:7.2f} ms{share:15.0%}")
    lines += [
        "",
        f"{work:,} candidates, {settings['candidates_a_layer']} per layer, on {settings['images']:,} images "
        f"(extrapolated {settings['extrapolated']}):",
        f"  Keras, model.evaluate                 {seconds['keras']:8.1f} s",
        f"  Keras, batch_size=1000                {seconds['keras_batch_size_1000']:8.1f} s",
        f"  lessonkit, one after the other        {seconds['evaluator']:8.1f} s   "
        f"{result['speedup_same_work']:.1f} and {result['speedup_over_batched_evaluate']:.1f} times as fast",
        f"  lessonkit, in batches of {BATCH}           {seconds['evaluator_batches_of_10']:8.1f} s   "
        f"{result['speedup_batches_of_10']:.1f} times as fast",
        "",
        f"Largest difference from Keras: {result['largest_difference']['loss']:.1e} in loss, "
        f"{result['largest_difference']['correct_images']} in the number of correct images.",
    ]
    return "\n".join(lines)


def _must_be_writable(path: Path) -> None:
    """Make sure before the measurement that the file can be written."""
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}."):
            pass
    except OSError as error:
        raise LessonkitError(f"--json {path}: cannot be written ({error.strerror}); choose another file") from error


def _multiply_adds_a_second() -> float:
    """The multiply-adds per second of a large single-precision matrix product on all processors."""
    size = 1536
    matrix = np.full((size, size), 1 / size, np.float32)
    out = np.empty_like(matrix)
    rate = size**3 / _median(lambda: np.matmul(matrix, matrix, out=out), 5)
    time.sleep(0.2)  # a BLAS's idle threads keep spinning for a while
    return rate


def _timed(action: Callable[[], Result]) -> tuple[float, Result]:
    began = time.perf_counter()
    result = action()
    return time.perf_counter() - began, result


def _median(action: Callable[[], Any], repeats: int) -> float:
    action()
    return statistics.median(_timed(action)[0] for _ in range(repeats))
