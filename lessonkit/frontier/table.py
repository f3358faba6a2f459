"""The frontier: all methods, sparsities, networks and seeds; each finished cell is kept, none is done twice."""

from __future__ import annotations

import functools
import hashlib
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments.fingerprint import (
    code_digest,
    function_digest,
    images_digest,
    method_name,
    network_digest,
    values_digest,
)
from lessonkit.experiments.harness import Job, run_jobs
from lessonkit.experiments.workers import Packed, shared
from lessonkit.files import load_masks, save_masks
from lessonkit.frontier.methods import EVALUATIONS, METHODS, SEARCH_IMAGES, SEARCHES, STOCHASTIC, Method, Task, found_by
from lessonkit.masks import Masks, global_sparsity, mean_layer_sparsity
from lessonkit.networks.mlpnet import load_mlpnet
from lessonkit.networks.mnist import Dataset, load_mnist
from lessonkit.networks.network import Network
from lessonkit.networks.weights import NETWORKS, load_network
from lessonkit.problem import SearchResult

if TYPE_CHECKING:
    import pandas

SPARSITIES = (0.5, 0.7, 0.8, 0.9, 0.95, 0.98)
CURVE = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.925, 0.95, 0.98)  # of the controls, which cost nothing
YARDSTICK_SPARSITIES = (0.8, 0.9, 0.95, 0.98)
SEEDS = 3
KINDS = ("lenet5", "mlpnet")


@dataclass(frozen=True)
class Cell:
    """One entry of the table, before it is computed."""

    method: str
    sparsity: float
    network: int
    seed: int
    kind: str = "lenet5"
    evaluations: int = EVALUATIONS
    search_images: int = SEARCH_IMAGES

    @property
    def name(self) -> str:
        """The stem of its files."""
        method = re.sub(r"[^A-Za-z0-9]+", "-", self.method)
        return f"{self.kind}-{self.network}-{method}-{self.sparsity:g}-seed{self.seed}"


@dataclass(frozen=True)
class Row:
    """One entry of the table; the accuracy and loss are those of the test images, looked at once."""

    method: str
    kind: str
    network: int
    seed: int
    sparsity: float  # asked for
    global_sparsity: float  # reached
    mean_layer_sparsity: float
    accuracy: float
    loss: float
    evaluations: int
    weights_changed: int
    seconds: float
    search_images: int
    data: str
    message: str = ""


@functools.lru_cache(maxsize=4)
def network_of(kind: str, number: int, data: str) -> Network:
    """A trained network, read from its file."""
    if kind == "mlpnet":
        if number or data != "mnist":
            raise LessonkitError("mlpnet: one training ships, network 0 for MNIST")
        return load_mlpnet()
    if kind != "lenet5":
        raise LessonkitError(f"no kind of network is called {kind!r}: choose {' or '.join(KINDS)}")
    return load_network(data, number)


@dataclass(frozen=True)
class Searched(SearchResult[Masks]):
    """What a search gives back, wherever it ran; its `evaluation` is that of the test images, once it is there."""

    weights_changed: int


def search_cell(train: Packed, cell: Cell, data: str, method: Method | None) -> Searched:
    """The search of one cell: a job for any executor, which finds nothing on its machine but the package.

    Parameters
    ----------
    train : the training images; the cell's own generator chooses among them.
    data : their name, for the network.
    method : the function, if its name is none of `METHODS`; importable if the job runs in another process.
    """
    network = network_of(cell.kind, cell.network, data)
    rng = np.random.default_rng([cell.seed, cell.network, *hashlib.sha256(cell.method.encode()).digest()[:4]])
    chosen = rng.choice(len(train), min(cell.search_images, len(train)), replace=False)
    task = Task(network, train.split(chosen), cell.sparsity, cell.evaluations, rng)
    began = time.perf_counter()
    found = found_by(method if method is not None else METHODS[cell.method], task)
    seconds = time.perf_counter() - began
    if cell.method in SEARCHES and found.evaluations > cell.evaluations:
        raise LessonkitError(f"{cell.name}: {found.evaluations} evaluations spent of {cell.evaluations}")
    network_of.cache_clear()
    fresh = network_of(cell.kind, cell.network, data)
    changed = sum(int(np.count_nonzero(a != b)) for a, b in zip(fresh.kernels, network.kernels, strict=True))
    return Searched(found.masks, float("nan"), None, found.evaluations, seconds, [], found.message, changed)


def _tested(cell: Cell, data: Dataset, found: Searched) -> Searched:
    """With the accuracy on the test images, which are looked at once, by a network fresh from its file."""
    network_of.cache_clear()
    network = network_of(cell.kind, cell.network, data.name)
    test = Evaluator(network, data.test.images, data.test.labels)
    return replace(found, evaluation=test.evaluate(found.masks))


def _row(cell: Cell, folder: Path, data: Dataset, found: Searched) -> Row:
    """The cell's row; its masks are written to a file if they are not there."""
    assert found.evaluation is not None
    names = network_of(cell.kind, cell.network, data.name).names
    file = folder / "cells" / f"{cell.name}.npz"
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        there = all(np.array_equal(a, b) for a, b in zip(load_masks(file, names), found.masks, strict=True))
    except LessonkitError:
        there = False
    if not there:
        save_masks(file, found.masks, names)
    return Row(
        cell.method,
        cell.kind,
        cell.network,
        cell.seed,
        cell.sparsity,
        global_sparsity(found.masks),
        mean_layer_sparsity(found.masks),
        found.evaluation.accuracy,
        found.evaluation.loss,
        found.evaluations,
        found.weights_changed,
        found.seconds,
        cell.search_images,
        data.name,
        found.message,
    )


def _keys(places: Sequence[Cell], data: Dataset, own: Mapping[str, Method]) -> dict[Cell, str | None]:
    """By cell, the digest of all that decides its row; None where a function of one's own has none."""
    common = [code_digest(__name__), data.name, images_digest(data.train), images_digest(data.test)]
    methods = {name: function_digest(method) for name, method in own.items()}
    kinds = {(cell.kind, cell.network) for cell in places}
    networks = {kind: network_digest(network_of(*kind, data.name)) for kind in kinds}
    found: dict[Cell, str | None] = {}
    for cell in places:
        its, network = methods.get(cell.method, ""), networks[cell.kind, cell.network]
        found[cell] = None if its is None else values_digest(*common, network, its, asdict(cell))
    return found


@dataclass(frozen=True)
class Frontier:
    """All rows of a frontier."""

    rows: tuple[Row, ...]
    interrupted: bool = False

    def table(self) -> pandas.DataFrame:
        """One row a cell."""
        import pandas

        return pandas.DataFrame([asdict(row) for row in self.rows])

    def summary(self) -> pandas.DataFrame:
        """Mean and standard deviation of the test accuracy in %, a method a line, a sparsity a column."""
        import pandas

        groups: dict[str, dict[float, list[float]]] = {}
        for row in self.rows:
            groups.setdefault(row.method, {}).setdefault(row.sparsity, []).append(100 * row.accuracy)
        shares = sorted({row.sparsity for row in self.rows})
        lines = {name: [_spread(found.get(share, [])) for share in shares] for name, found in groups.items()}
        return pandas.DataFrame.from_dict(lines, orient="index", columns=[f"{100 * share:g} %" for share in shares])


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "-"
    return f"{np.mean(values):.2f}" + (f" ± {np.std(values, ddof=1):.2f}" if len(values) > 1 else "")


def cells(
    methods: Sequence[str],
    sparsities: Sequence[float] | None = None,
    networks: int = NETWORKS,
    seeds: int = SEEDS,
    **more: Any,
) -> list[Cell]:
    """All cells; a method without chance runs with seed 0 alone, and without `sparsities` a control at its `CURVE`."""
    shares = {
        name: sparsities or (CURVE if name in METHODS and name not in SEARCHES else SPARSITIES) for name in methods
    }
    return [
        Cell(method, share, network, seed, **more)
        for share in sorted(set().union(*shares.values()))
        for network in range(networks)
        for seed in range(seeds)
        for method in methods
        if share in shares[method] and (seed == 0 or method in STOCHASTIC or method not in METHODS)
    ]


def frontier(
    methods: Iterable[str | Method] = ("annealing", "genetic", "magnitude"),
    *,
    sparsities: Sequence[float] | None = None,
    networks: int = NETWORKS,
    seeds: int = SEEDS,
    folder: str | Path = "runs/frontier",
    source: str | None = None,
    kind: str = "lenet5",
    evaluations: int = EVALUATIONS,
    search_images: int = SEARCH_IMAGES,
    finished: Callable[[Row], Any] | None = None,
    executor: Executor | None = None,
    fresh: bool = False,
    remark: Callable[[str], Any] | None = None,
) -> Frontier:
    """Compute all cells that `folder` does not hold yet.

    Parameters
    ----------
    methods : names of `METHODS`, or functions of a `Task` that return masks, a `Found` or a `SearchResult`: a search
        of your own enters the table by one call, ``frontier(["annealing", mine])``.
    sparsities : global ones; by default `SPARSITIES` for searches, and the whole `CURVE` for controls.
    networks, seeds : how many of each.
    folder : keeps the cells in an SQLite file; started again, none is computed twice, and one that was cut short is
        resumed. A cell counts as the same with the same settings, seed, images, network and code; one of your own
        method, with all that it uses (see `lessonkit.experiments.fingerprint.function_digest`).
    finished : called with each row as soon as it is there.
    executor : searches elsewhere, any `concurrent.futures.Executor`; the rows are the same. The masks come back and the
        cells are written and scored here, so `folder` and the data need to be on this machine alone.
    fresh : forget what `folder` holds of these cells.
    remark : called with one line about what was found there.
    """
    methods = list(methods)
    names = [method_name(method, METHODS) for method in methods]
    own = {name: method for name, method in zip(names, methods, strict=True) if not isinstance(method, str)}
    for name in names:
        if names.count(name) > 1:
            raise LessonkitError(f"two of the methods are called {name!r}: give one another name")
        if name in METHODS and name in own:
            raise LessonkitError(f"your method is called {name!r} as one of the course is: give it another name")
    places = cells(names, sparsities, networks, seeds, kind=kind, evaluations=evaluations, search_images=search_images)
    rows: dict[Cell, Row] = {}
    data = load_mnist(source)
    keys = _keys(places, data, own)
    jobs = [Job(cell.name, keys[cell], (cell, data.name, own.get(cell.method))) for cell in places]

    def collect(number: int, found: Searched) -> Searched | None:
        if found.message == "interrupted":
            return None
        cell = places[number]
        found = found if found.evaluation is not None else _tested(cell, data, found)
        row = rows[cell] = _row(cell, Path(folder), data, found)
        if finished is not None:
            finished(row)
        return found

    interrupted = run_jobs(
        search_cell,
        jobs,
        lambda: (
            Packed(data.train.images, data.train.labels)
            if executor is None
            else shared(executor, Packed.of(data.train))
        ),
        collect,
        kind=Searched,
        executor=executor,
        folder=folder,
        fresh=fresh,
        remark=remark,
    )
    return Frontier(tuple(rows[cell] for cell in places if cell in rows), interrupted)
