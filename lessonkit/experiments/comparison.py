"""An honest comparison: equal counted budgets, several seeds, the controls in every table, the test images once."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lessonkit.controls import magnitude_global, magnitude_per_layer, random_masks
from lessonkit.engine.evaluator import Evaluator
from lessonkit.experiments.fingerprint import (
    code_digest,
    function_digest,
    images_digest,
    method_name,
    network_digest,
    values_digest,
)
from lessonkit.experiments.harness import Job, run_jobs
from lessonkit.experiments.layerwise import ALL_DONE, prune_layerwise
from lessonkit.experiments.presets import COURSE, SEARCHES, Preset
from lessonkit.experiments.workers import Packed, shared
from lessonkit.masks import Masks, global_sparsity, layer_sparsities, mean_layer_sparsity
from lessonkit.networks.mnist import Dataset, Split, load_mnist
from lessonkit.networks.network import Network
from lessonkit.networks.weights import load_network
from lessonkit.objective import trade_off_score
from lessonkit.problem import Callback, Evaluation, Search, SearchResult, Step

if TYPE_CHECKING:
    import pandas

CONTROLS = ("random", "magnitude per layer", "magnitude global")
Method = str | Search


@dataclass(frozen=True)
class Row:
    """One method, one seed: what it reached on the test images, and what it cost."""

    method: str
    seed: int
    evaluation: Evaluation  # on the test images
    search_loss: float  # on the images the search was scored on; nan for a control
    masks: Masks
    evaluations: int
    seconds: float
    trade_off: float
    message: str = ""
    history: tuple[Step, ...] = ()

    @property
    def is_control(self) -> bool:
        """Whether the masks needed no search."""
        return self.evaluations == 0


@dataclass(frozen=True)
class Comparison:
    """All rows of a comparison, with what they were made from."""

    rows: tuple[Row, ...]
    baseline: Evaluation  # the unpruned network on the test images
    names: tuple[str, ...]  # of the layers
    data: Dataset
    settings: dict[str, Any]
    interrupted: bool = False

    def table(self) -> pandas.DataFrame:
        """One row a method and seed, as it is written to comparison.csv."""
        import pandas

        return pandas.DataFrame([self._record(row) for row in self.rows])

    def _record(self, row: Row) -> dict[str, Any]:
        layers = zip(self.names, layer_sparsities(row.masks), strict=True)
        return {
            "method": row.method,
            "seed": row.seed,
            "accuracy_before": self.baseline.accuracy,
            "accuracy": row.evaluation.accuracy,
            "loss_before": self.baseline.loss,
            "loss": row.evaluation.loss,
            "mean_layer_sparsity": mean_layer_sparsity(row.masks),
            "global_sparsity": global_sparsity(row.masks),
            **{f"sparsity_{name}": float(share) for name, share in layers},
            "trade_off_score": row.trade_off,
            "search_loss": row.search_loss,
            "evaluations": row.evaluations,
            "seconds": row.seconds,
            "evaluations_a_second": row.evaluations / row.seconds if row.evaluations else float("nan"),
        }

    def histories(self) -> pandas.DataFrame:
        """Every step of every search."""
        import pandas

        steps = [
            {"method": row.method, "seed": row.seed, **dataclasses.asdict(step)}
            for row in self.rows
            for step in row.history
        ]
        return pandas.DataFrame(steps)


def compare(
    methods: Iterable[Method] = ("annealing", "genetic"),
    *,
    preset: Preset = COURSE,
    seeds: Sequence[int] = (0,),
    evaluations: int | None = None,
    search_images: int | None = None,
    data: Dataset | None = None,
    network: Network | None = None,
    callback: Callable[[str, int, Step], Any] | None = None,
    finished: Callable[[Row], Any] | None = None,
    executor: Executor | None = None,
    folder: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    remark: Callable[[str], Any] | None = None,
) -> Comparison:
    """Run every search with every seed, and beside each result the controls at the sparsity that it reached.

    Parameters
    ----------
    methods : names of `SEARCHES`, or searches of your own (see `prune_layerwise`).
    seeds : each search runs once with each; a seed makes one `numpy.random.Generator`, the only randomness there is.
    evaluations, search_images : instead of the preset's.
    data, network : instead of those that `load_mnist` and `load_network` find.
    callback : called as (method, seed, step) while a search runs in this process; returning True ends that search.
    finished : called with each row as soon as it is there, so that nothing computed needs to be lost.
    executor : runs the searches elsewhere, any `concurrent.futures.Executor`; the results are the same. A job is sent
        the images that it searches on and the network, nothing else; the test images are looked at here.
    folder : keeps every search in an SQLite file: a finished one is not done again by a second call, one that was cut
        short is resumed, and the rows are the same, bit for bit. A search counts as the same with the same settings,
        seed, images, network and code; one of your own, with all that it uses (see
        `lessonkit.experiments.fingerprint.function_digest`).
    fresh : forget what the folder holds of these searches.
    remark : called with one line about what was found there.

    Returns
    -------
    Comparison
        Ctrl-C ends it early, with what was computed so far.
    """
    data = data if data is not None else load_mnist()
    network = network if network is not None else load_network(data.name)
    preset = dataclasses.replace(
        preset.for_data(data.name),
        evaluations=evaluations if evaluations is not None else preset.evaluations,
        search_images=search_images if search_images is not None else preset.search_images,
        annealing=dict(preset.annealing),  # plain dictionaries travel to another process, read-only views do not
        genetic=dict(preset.genetic),
    )
    methods = list(methods)
    names = [method_name(method, SEARCHES) for method in methods]  # refuses unknown ones before anything is computed
    test = Evaluator(network, data.test.images, data.test.labels)
    baseline = test.evaluate(network.keep_all())
    rows: dict[int, list[Row]] = {}
    digests = _digests(methods, preset, data, network)
    jobs: list[Job] = []
    for seed in seeds:
        for name, method, digest in zip(names, methods, digests, strict=True):
            given = (method, seed, preset, network, _for(callback, name, seed) if executor is None else None)
            jobs.append(Job(f"{name} seed {seed}", digest and values_digest(digest, seed), given))

    def collect(number: int, result: SearchResult[Masks]) -> SearchResult[Masks] | None:
        method, seed = jobs[number].arguments[:2]
        row = _row(method_name(method, SEARCHES), seed, result, test, baseline)
        rows[number] = [row, *controls(row, network, test, baseline)]
        for each in rows[number]:
            if finished is not None:
                finished(each)
        return result if result.message == ALL_DONE else None

    def images() -> Any:
        if executor is None:
            return search_evaluator(preset, data, network, test)
        return shared(executor, Packed.of(_search_split(preset, data)))

    interrupted = run_jobs(
        run_search,
        jobs,
        images,
        collect,
        kind=SearchResult,
        executor=executor,
        folder=folder,
        fresh=fresh,
        remark=remark,
    )
    settings = {
        "preset": preset.name,
        "label": preset.label,
        "methods": names,
        "seeds": list(seeds),
        "evaluations": preset.evaluations,
        "search_split": preset.search_split,
        "search_images": preset.search_images or len(getattr(data, preset.search_split)),
        "loss_to_warmup": preset.loss_to_warmup,
        "count_all_layers": preset.count_all_layers,
        "annealing": dict(preset.annealing),
        "genetic": dict(preset.genetic),
        "data": data.name,
    }
    table = tuple(row for number in sorted(rows) for row in rows[number])
    return Comparison(table, baseline, network.names, data, settings, interrupted)


def search_evaluator(preset: Preset, data: Dataset, network: Network, test: Evaluator | None = None) -> Evaluator:
    """The evaluator that a search of `preset` is scored by."""
    if preset.search_split == "test" and preset.search_images is None and test is not None:
        return test
    split = _search_split(preset, data)
    return Evaluator(network, split.images, split.labels)


def _search_split(preset: Preset, data: Dataset) -> Split:
    split: Split = getattr(data, preset.search_split)
    return split.head(preset.search_images) if preset.search_images is not None else split


def run_search(
    images: Evaluator | Packed,
    method: Method,
    seed: int,
    preset: Preset,
    network: Network,
    callback: Callback | None = None,
) -> SearchResult[Masks]:
    """One search with one seed: a job that finds nothing on its machine but the package."""
    if isinstance(images, Packed):
        split = images.split()
        images = Evaluator(network, split.images, split.labels)
    # rounded up: the schedules fit the largest part of the budget, and every search spends all of it
    share = None if preset.evaluations is None else -(-preset.evaluations // len(network.layers))
    return prune_layerwise(
        preset.search(method, share) if isinstance(method, str) else method,
        images,
        evaluations=preset.evaluations,
        loss_to_warmup=preset.loss_to_warmup,
        count_all_layers=preset.count_all_layers,
        rng=np.random.default_rng(seed),
        callback=callback,
    )


def _row(method: str, seed: int, result: SearchResult[Masks], test: Evaluator, baseline: Evaluation) -> Row:
    """A search's only look at the test images."""
    reached = test.evaluate(result.masks)
    return Row(
        method,
        seed,
        reached,
        result.evaluation.loss if result.evaluation is not None else float("nan"),
        result.masks,
        result.evaluations,
        result.seconds,
        trade_off_score(mean_layer_sparsity(result.masks), reached.accuracy, baseline.accuracy),
        result.message,
        tuple(result.history),
    )


def controls(row: Row, network: Network, test: Evaluator, baseline: Evaluation) -> list[Row]:
    """Random masks, magnitude per layer and magnitude global, each at the sparsity that `row` reached."""
    shares, share = layer_sparsities(row.masks), global_sparsity(row.masks)
    shapes = [kernel.shape for kernel in network.kernels]
    made = {}
    for name in CONTROLS:
        began = time.perf_counter()
        if name == "random":
            masks = random_masks(shapes, shares, np.random.default_rng([row.seed, 1]))
        elif name == "magnitude per layer":
            masks = magnitude_per_layer(network.kernels, shares)
        else:
            masks = magnitude_global(network.kernels, share)
        made[name] = (masks, time.perf_counter() - began)
    rows = []
    for name, (masks, seconds) in made.items():
        reached = test.evaluate(masks)
        score = trade_off_score(mean_layer_sparsity(masks), reached.accuracy, baseline.accuracy)
        rows.append(Row(f"{name}, as {row.method}", row.seed, reached, float("nan"), masks, 0, seconds, score))
    return rows


def _for(callback: Callable[[str, int, Step], Any] | None, method: str, seed: int) -> Callback | None:
    if callback is None:
        return None
    return lambda step: callback(method, seed, step)


def _digests(methods: Sequence[Method], preset: Preset, data: Dataset, network: Network) -> list[str | None]:
    """By method, the digest of all but the seed that decides a result; None where a function of one's own has none."""
    split = _search_split(preset, data)
    settings = (preset.evaluations, preset.loss_to_warmup, preset.count_all_layers)
    inputs = (images_digest(split), network_digest(network), code_digest(__name__))
    found: list[str | None] = []
    for method in methods:
        its = [method, dict(getattr(preset, method))] if isinstance(method, str) else function_digest(method)
        found.append(None if its is None else values_digest(*settings, *inputs, its))
    return found
