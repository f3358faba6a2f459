"""An honest comparison: equal counted budgets, several seeds, the controls in every table, the test images once."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lessonkit.controls import magnitude_global, magnitude_per_layer, random_masks
from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments.fingerprint import code_digest, function_digest, images_digest, network_digest
from lessonkit.experiments.kept import Kept
from lessonkit.experiments.layerwise import prune_layerwise
from lessonkit.experiments.presets import COURSE, SEARCHES, Preset
from lessonkit.experiments.workers import Packed, gather, require_version, shared
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
    folder : keeps every search: a finished one is not done again by a second call, one that was cut short goes on, and
        the rows are the same, bit for bit. A search counts as the same with the same settings, seed, images, network
        and code; one of your own, with all that it uses (see `lessonkit.experiments.fingerprint.function_digest`).
    fresh : forget what the folder holds of these searches.
    remark : told in one line what was found there.

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
    names = [method_name(method) for method in methods]  # an unknown one is refused before anything is computed
    test = Evaluator(network, data.test.images, data.test.labels)
    baseline = test.evaluate(network.keep_all())
    jobs = [(method, seed) for seed in seeds for method in methods]
    kept = _kept(Path(folder), jobs, methods, preset, data, network) if folder is not None else [None] * len(jobs)
    done = _take_up(kept, names * len(seeds), [seed for _, seed in jobs], fresh, remark)
    rows: dict[int, list[Row]] = {}

    def collect(number: int, result: SearchResult[Masks]) -> None:
        method, seed = jobs[number]
        keep = kept[number]
        if keep is not None and number not in done:
            keep.save(result)
        row = _row(method_name(method), seed, result, test, baseline)
        rows[number] = [row, *controls(row, network, test, baseline)]
        for each in rows[number]:
            if finished is not None:
                finished(each)

    interrupted = False
    try:
        if executor is not None:
            for number, result in done.items():
                collect(number, result)
            _search_elsewhere(
                executor, [job for job in enumerate(jobs) if job[0] not in done], kept, collect, preset, data, network
            )
        else:
            search_on = search_evaluator(preset, data, network, test)
            for number, (method, seed) in enumerate(jobs):
                if number in done:
                    collect(number, done[number])
                    continue
                told, keep = _for(callback, method_name(method), seed), kept[number]
                result = run_search(
                    method, seed, preset, search_on, told, keep.checkpoint if keep is not None else None
                )
                collect(number, result)
                if result.message == "interrupted":
                    raise KeyboardInterrupt
    except KeyboardInterrupt:
        interrupted = True
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
    method: Method,
    seed: int,
    preset: Preset,
    search_on: Evaluator,
    callback: Callback | None = None,
    checkpoint: Path | None = None,
) -> SearchResult[Masks]:
    """One search with one seed."""
    # rounded up: the schedules fit the largest part of the budget, and every search spends all of it
    share = None if preset.evaluations is None else -(-preset.evaluations // len(search_on.network.layers))
    return prune_layerwise(
        preset.search(method, share) if isinstance(method, str) else method,
        search_on,
        evaluations=preset.evaluations,
        loss_to_warmup=preset.loss_to_warmup,
        count_all_layers=preset.count_all_layers,
        rng=np.random.default_rng(seed),
        callback=callback,
        checkpoint=checkpoint,
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


def method_name(method: Method) -> str:
    """How a method is called in tables: its own name, or that of a function."""
    if isinstance(method, str):
        if method not in SEARCHES:
            raise LessonkitError(f"no search is called {method!r}: choose {', '.join(SEARCHES)}")
        return method
    function = getattr(method, "func", method)  # a functools.partial is called after what it wraps
    return str(getattr(function, "__name__", type(function).__name__))


def _for(callback: Callable[[str, int, Step], Any] | None, method: str, seed: int) -> Callback | None:
    if callback is None:
        return None
    return lambda step: callback(method, seed, step)


# --- searches elsewhere, and searches that were kept ----------------------------------------------------------------


def _search_elsewhere(
    executor: Executor,
    jobs: Sequence[tuple[int, tuple[Method, int]]],
    kept: Sequence[Kept | None],
    collect: Callable[[int, SearchResult[Masks]], None],
    preset: Preset,
    data: Dataset,
    network: Network,
) -> None:
    if not jobs:
        return
    images = shared(executor, Packed.of(_search_split(preset, data)))
    here = isinstance(executor, ThreadPoolExecutor | ProcessPoolExecutor)  # others may not see this machine's folders
    orders = {}
    for number, (method, seed) in jobs:
        keep = kept[number]
        checkpoint = keep.checkpoint if keep is not None and here else None
        orders[number] = (method, seed, preset, images, network, checkpoint, code_digest(__name__))
    gather(executor, _search_here, orders, collect)


def _search_here(
    method: Method,
    seed: int,
    preset: Preset,
    images: Packed,
    network: Network,
    checkpoint: Path | None,
    version: str,
) -> SearchResult[Masks]:
    """`run_search` as a job that finds nothing on its machine but the package."""
    require_version(__name__, version)
    split = images.split()
    evaluator = Evaluator(network, split.images, split.labels)
    return run_search(method, seed, preset, evaluator, checkpoint=checkpoint)


def _kept(
    folder: Path,
    jobs: Sequence[tuple[Method, int]],
    methods: Sequence[Method],
    preset: Preset,
    data: Dataset,
    network: Network,
) -> list[Kept | None]:
    """Where each search is kept: by everything that decides its result."""
    folder.mkdir(parents=True, exist_ok=True)
    split = _search_split(preset, data)
    common = {
        "preset": preset.name,
        "evaluations": preset.evaluations,
        "search_split": preset.search_split,
        "search_images": len(split),
        "loss_to_warmup": preset.loss_to_warmup,
        "count_all_layers": preset.count_all_layers,
        "data": data.name,
        "images": images_digest(split),
        "network": network_digest(network),
        "code": code_digest(__name__),
    }
    digests = [None if isinstance(method, str) else function_digest(method) for method in methods]
    found: list[Kept | None] = []
    for method, seed in jobs:
        name = method_name(method)
        its = dict(getattr(preset, name)) if isinstance(method, str) else digests[methods.index(method)]
        settings = {**common, "method": name, "seed": seed, "method_settings": its}
        found.append(Kept(folder, f"{name}-seed{seed}", settings, network.names) if its is not None else None)
    return found


def _take_up(
    kept: Sequence[Kept | None],
    names: Sequence[str],
    seeds: Sequence[int],
    fresh: bool,
    remark: Callable[[str], Any] | None,
) -> dict[int, SearchResult[Masks]]:
    """What is finished already, by the number of its job; and one line about it and about what was begun."""
    done: dict[int, SearchResult[Masks]] = {}
    begun = []
    for number, keep in enumerate(kept):
        if keep is None:
            continue
        if fresh:
            keep.forget()
        result = keep.result()
        if result is not None:
            done[number] = result
        elif keep.evaluations:
            begun.append(f"{names[number]} seed {seeds[number]} after {keep.evaluations} evaluations")
    if remark is not None and (done or begun):
        parts = [f"{len(done)} of {len(kept)} searches are finished"] * bool(done) + begun
        remark(f"going on: {', '.join(parts)}")
    return done
