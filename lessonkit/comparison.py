"""An honest comparison: equal counted budgets, several seeds, the controls in every table, the test images once."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lessonkit.baselines import magnitude_global, magnitude_per_layer, random_masks
from lessonkit.data import Dataset, load_mnist
from lessonkit.errors import LessonkitError
from lessonkit.evaluator import Evaluation, Evaluator
from lessonkit.layerwise import prune_layerwise
from lessonkit.masks import Masks, global_sparsity, layer_sparsities, mean_layer_sparsity
from lessonkit.network import Network, load_network
from lessonkit.objective import trade_off_score
from lessonkit.presets import COURSE, SEARCHES, Preset
from lessonkit.search import Callback, Search, Step

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
    executor : runs the searches elsewhere, any `concurrent.futures.Executor`; the results are the same.

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
    rows: list[Row] = []

    def collect(row: Row) -> None:
        for each in (row, *controls(row, network, test, baseline)):
            rows.append(each)
            if finished is not None:
                finished(each)

    interrupted = False
    try:
        if executor is not None:
            for future in [executor.submit(run_search, *job, preset, data, network) for job in jobs]:
                collect(future.result())
        else:
            search_on = search_evaluator(preset, data, network, test)
            for method, seed in jobs:
                told = _for(callback, method_name(method), seed)
                row = run_search(method, seed, preset, data, network, search_on, test, told)
                collect(row)
                if row.message == "interrupted":
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
    return Comparison(tuple(rows), baseline, network.names, data, settings, interrupted)


def search_evaluator(preset: Preset, data: Dataset, network: Network, test: Evaluator | None = None) -> Evaluator:
    """The evaluator that a search of `preset` is scored by."""
    split = getattr(data, preset.search_split)
    if preset.search_split == "test" and preset.search_images is None and test is not None:
        return test
    split = split.head(preset.search_images) if preset.search_images is not None else split
    return Evaluator(network, split.images, split.labels)


def run_search(
    method: Method,
    seed: int,
    preset: Preset,
    data: Dataset,
    network: Network,
    search_on: Evaluator | None = None,
    test: Evaluator | None = None,
    callback: Callback | None = None,
) -> Row:
    """One search with one seed, then its only look at the test images."""
    search_on = search_on if search_on is not None else search_evaluator(preset, data, network)
    test = test if test is not None else Evaluator(network, data.test.images, data.test.labels)
    # rounded up: the schedules fit the largest part of the budget, and every search spends all of it
    share = None if preset.evaluations is None else -(-preset.evaluations // len(network.layers))
    search = preset.search(method, share) if isinstance(method, str) else method
    began = time.perf_counter()
    result = prune_layerwise(
        search,
        search_on,
        evaluations=preset.evaluations,
        loss_to_warmup=preset.loss_to_warmup,
        count_all_layers=preset.count_all_layers,
        rng=np.random.default_rng(seed),
        callback=callback,
    )
    seconds = time.perf_counter() - began
    reached = test.evaluate(result.masks)
    baseline = test.evaluate(network.keep_all())
    score = trade_off_score(mean_layer_sparsity(result.masks), reached.accuracy, baseline.accuracy)
    search_loss = result.evaluation.loss if result.evaluation is not None else float("nan")
    history = tuple(result.history)
    return Row(
        method_name(method),
        seed,
        reached,
        search_loss,
        result.masks,
        result.evaluations,
        seconds,
        score,
        result.message,
        history,
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
