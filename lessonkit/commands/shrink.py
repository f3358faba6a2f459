"""``python -m lessonkit shrink``: a smaller network to take home, and a table of what it is worth."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

from lessonkit.commands.options import add_data_flag, at_least
from lessonkit.commands.terminal import Bar, say
from lessonkit.errors import LessonkitError
from lessonkit.experiments.report import output_folder, versions
from lessonkit.files import write_text, writing
from lessonkit.networks.mnist import Dataset, Split, load_mnist
from lessonkit.networks.weights import NETWORKS, load_network
from lessonkit.problem import SearchResult, Step
from lessonkit.shrink import chain as chains
from lessonkit.shrink.chain import Chain
from lessonkit.shrink.cut import Kept, Repair
from lessonkit.shrink.layout import in_blocks
from lessonkit.shrink.search import Judge, Price, search

FITTED, JUDGED, REFITTED = 1_500, 6_000, 6_000  # images: repairs in the search, candidates, the last repair
EVALUATIONS = 600
BISECTIONS = 6  # searches that --accuracy makes


def share(text: str) -> float:
    """An argparse type: a number above 0 and below 1."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number between 0 and 1")
    return number


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    limit = parser.add_mutually_exclusive_group()
    limit.add_argument(
        "--multiply-adds", type=share, metavar="SHARE", help="of the full network's, at most (default: 0.1)"
    )
    limit.add_argument(
        "--parameters", type=share, metavar="SHARE", help="of the full network's, at most (default: no limit)"
    )
    limit.add_argument(
        "--accuracy",
        type=share,
        metavar="A",
        help="reach at least A on validation images, with few multiply-adds (default: no bound)",
    )
    parser.add_argument(
        "--model", metavar="FILE", help="a .keras file of your own, for these images (default: the course's LeNet-5)"
    )
    parser.add_argument(
        "--network", type=int, choices=range(NETWORKS), default=0, help="which of the course's three trainings"
    )
    parser.add_argument(
        "--evaluations", type=at_least(4), default=EVALUATIONS, metavar="N", help="candidates that are judged"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="of the images and the search")
    parser.add_argument("--output", default="runs/shrink", metavar="FOLDER", help="for the smaller network")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_data_flag(parser)


@dataclass(frozen=True)
class Images:
    """Three sets that share no image."""

    fit: Split  # training images; the search repairs on the first `FITTED` of them
    judge: Split  # validation images
    test: Split


def main(options: argparse.Namespace) -> int:
    """Search, repair, measure, write."""
    data = load_mnist(options.data)
    name, full = _network(options, data)
    images = _images(data, full, options.seed)
    price = None if options.accuracy else _price(options, full)
    folder = output_folder(options.output)
    say(data.source)
    repair = Repair(full, images.fit.images[:FITTED])
    one_thread = threadpoolctl.threadpool_limits(1, "blas")  # chunks of images are what the processors share
    with one_thread, Bar(options.evaluations, "evaluations", quiet=options.quiet) as bar:
        if price is not None:
            found = _search(repair, images, price, options.evaluations, options.seed, bar)
        else:
            found, price = _least(repair, images, options, bar)
    if not options.quiet:
        say("Repairing it once more with more images, and measuring; that takes about 20 seconds.")
    small = Repair(full, images.fit.images)(found.best)
    files, figures = _measure(name, full, small, images.test)
    for way in ("biases", "nothing"):
        less = chains.evaluate(repair(found.best, way), images.test.images, images.test.labels)
        figures[f"accuracy, {way} repaired"] = less.accuracy
    figures |= {
        "price": price.of,
        "limit": price.limit,
        "kept": dict(zip([layer.name for layer in full.layers], map(list, found.best), strict=False)),
        "judged": {
            "loss": found.cost,
            "accuracy": found.evaluation.accuracy if found.evaluation else None,
            "evaluations": options.evaluations,
            "images": len(images.judge),
        },
        "seed": options.seed,
        "data": data.source,
        "versions": versions(),
    }
    for file, content in files.items():
        with writing(folder / file) as target:
            target.write(content)
    write_text(folder / "shrink.json", json.dumps(figures, indent=2) + "\n")
    say(report(name, full, small, figures))
    say(f"saved in {folder}: {', '.join([*files, 'shrink.json'])}")
    return 0


def _network(options: argparse.Namespace, data: Dataset) -> tuple[str, Chain]:
    if options.model is None:
        return "lenet", chains.from_network(load_network(data.name, options.network))
    path = Path(options.model)
    if not path.is_file():
        raise LessonkitError(f"--model {path}: no such file")

    try:
        model = chains.quiet_keras().saving.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever its parts raise
        reason = str(error).strip().partition("\n")[0]
        raise LessonkitError(f"--model {path}: Keras cannot load it ({reason})") from error
    return path.stem, chains.from_keras(model)


def _images(data: Dataset, full: Chain, seed: int) -> Images:
    shape, classes = full.input_shape, full.layers[-1].units
    if np.prod(shape) != data.test.images[0].size:
        raise LessonkitError(f"the network wants input of shape {shape}, the images are {data.test.images.shape[1:]}")
    if classes <= data.test.labels.max():
        raise LessonkitError(f"the network has {classes} outputs, the images have {data.test.labels.max() + 1} classes")
    rng = np.random.default_rng([seed, 0])

    def some(split: Split, count: int) -> Split:
        chosen = rng.permutation(len(split))[:count]
        return Split(split.images[chosen].reshape(-1, *shape), split.labels[chosen])

    test = Split(data.test.images.reshape(-1, *shape), data.test.labels)
    return Images(some(data.train, REFITTED), some(data.validation, JUDGED), test)


def _price(options: argparse.Namespace, full: Chain) -> Price:
    if options.parameters:
        return Price(full, "parameters", options.parameters)
    return Price(full, "multiply-adds", options.multiply_adds or 0.1)


def _search(
    repair: Repair, images: Images, price: Price, evaluations: int, seed: int, bar: Bar, before: int = 0
) -> SearchResult[Kept]:
    judge = Judge(repair, images.judge.images, images.judge.labels, price)

    def told(step: Step) -> None:
        bar.reach(before + step.evaluations, f"loss {step.best_cost:.4f}")

    found = search(judge, evaluations, np.random.default_rng([seed, 1]), callback=told)
    if found.message == "interrupted":
        raise KeyboardInterrupt
    return found


def _least(repair: Repair, images: Images, options: argparse.Namespace, bar: Bar) -> tuple[SearchResult[Kept], Price]:
    """The smallest share of multiply-adds that reaches the accuracy on the judging images, by bisection."""
    full = repair.chain
    reached = chains.evaluate(full, images.judge.images, images.judge.labels).accuracy
    if reached < options.accuracy:
        raise LessonkitError(f"--accuracy {options.accuracy:g}: the full network itself reaches {reached:.4f}")
    whole = Price(full, share=1.0)
    low, high = whole([1] * len(full.counts)) / whole.whole, 1.0
    best: tuple[SearchResult[Kept], Price] | None = None
    evaluations = max(options.evaluations // BISECTIONS, 1)
    for number in range(BISECTIONS):
        price = Price(full, share=float(np.sqrt(low * high)))
        found = _search(repair, images, price, evaluations, options.seed, bar, number * evaluations)
        if found.evaluation is not None and found.evaluation.accuracy >= options.accuracy:
            best, high = (found, price), price.limit / price.whole
        else:
            low = price.limit / price.whole
    if best is None:
        raise LessonkitError(
            f"--accuracy {options.accuracy:g}: no smaller network found that reaches it; the full one has {reached:.4f}"
        )
    return best


# --- measuring and showing ------------------------------------------------------------------------------------------


def _measure(name: str, full: Chain, small: Chain, test: Split) -> tuple[dict[str, bytes], dict[str, Any]]:
    """The files to write, and all figures; pairs are of the full and of the smaller network."""
    from lessonkit.shrink import measure  # TensorFlow: only now

    both = (full, small)
    models = [chains.to_keras(each, title) for each, title in zip(both, (name, f"{name}-small"), strict=True)]
    blocks = [in_blocks(each) for each in both]
    figures: dict[str, Any] = {}
    scores = [chains.evaluate(each, test.images, test.labels) for each in both]
    figures["accuracy"], figures["loss"] = [each.accuracy for each in scores], [each.loss for each in scores]
    figures["parameters"] = [chains.parameters(each) for each in both]
    figures["multiply-adds"] = [chains.multiply_adds(each) for each in both]
    kept = [measure.keras_bytes(model) for model in models]
    figures[".keras bytes"] = [len(file) for file in kept]
    files = {f"{name}-small.keras": kept[1]}
    arranged = list(models)
    if blocks[0] is not full:
        arranged = [chains.to_keras(each, f"{model.name}-blocks") for each, model in zip(blocks, models, strict=True)]
    lite = [measure.litert_bytes(model) for model in arranged]
    if lite[0] is not None and lite[1] is not None:
        figures[".tflite bytes"] = [len(lite[0]), len(lite[1])]
        files[f"{name}-small.tflite"] = lite[1]
    figures["milliseconds"] = measure.milliseconds(both, models, test.images)
    if blocks[0] is not full:
        inside = measure.milliseconds(blocks, arranged, test.images)
        figures["milliseconds"] |= {f"{way} in blocks": times for way, times in inside.items() if way != "numpy"}
    figures["array MB"] = [measure.array_megabytes(each, test.images[:1000]) for each in both]
    scratch = Path(tempfile.mkdtemp())
    try:
        paths = [scratch / "full.keras", scratch / "small.keras"]
        for path, file in zip(paths, kept, strict=True):
            path.write_bytes(file)
        with ThreadPoolExecutor() as pool:
            shape = (1000, *full.input_shape)
            figures["resident MB"] = list(pool.map(lambda path: measure.resident_megabytes(path, shape), paths))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return files, figures


def report(name: str, full: Chain, small: Chain, figures: dict[str, Any]) -> str:
    """The table for people, at most 80 columns."""
    lines = [f"{name[:37]:38}{'full':>12}{'small':>18}{'ratio':>9}"]

    def row(label: str, pair: list[float], form: str = ",.0f", ratio: bool = True) -> None:
        if None not in pair:
            by = f"{pair[0] / pair[1]:8.2f}x" if ratio else ""
            lines.append(f"{label:38}{pair[0]:>12{form}}{pair[1]:>18{form}}{by}")

    counts = [" ".join(map(str, each.counts)) for each in (full, small)]
    lines.append(f"{'units of each layer':35}{counts[0]:>15}{counts[1]:>18}")
    row("accuracy on test images", figures["accuracy"], ".2%", ratio=False)
    for way, label in (("biases", "  only the biases corrected"), ("nothing", "  only cut, nothing repaired")):
        lines.append(f"{label:38}{'':12}{figures[f'accuracy, {way} repaired']:>18.2%}")
    row("loss on test images", figures["loss"], ".4f", ratio=False)
    row("parameters", figures["parameters"])
    row("multiply-adds of an image", figures["multiply-adds"])
    row("bytes, .keras file", figures[".keras bytes"])
    if ".tflite bytes" in figures:
        row("bytes, LiteRT file", figures[".tflite bytes"])
    for way, times in figures["milliseconds"].items():
        for batch, pair in zip(("1 image", "1,000 images"), times, strict=True):
            row(f"ms, {way}, {batch}", pair, ".3f")
    row("MB, numpy's arrays, 1,000 images", figures["array MB"], ".1f")
    row("MB, a new process, Keras, 1,000 images", figures["resident MB"], ".0f")
    return "\n".join(lines)
