"""The frontier: all methods, sparsities, networks and seeds; each finished cell on the disk, none done twice."""

from __future__ import annotations

import functools
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments.fingerprint import code_digest, function_digest, images_digest, network_digest
from lessonkit.experiments.workers import Packed, gather, require_version, shared
from lessonkit.files import load_masks, save_masks, write_text
from lessonkit.frontier.methods import EVALUATIONS, METHODS, SEARCH_IMAGES, SEARCHES, STOCHASTIC, Method, Task, found_by
from lessonkit.masks import Masks, global_sparsity, mean_layer_sparsity
from lessonkit.networks.mlpnet import load_mlpnet
from lessonkit.networks.mnist import Dataset, load_mnist
from lessonkit.networks.network import Network
from lessonkit.networks.weights import NETWORKS, load_network

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


class Searched(NamedTuple):
    """What a search gives back, wherever it ran."""

    masks: Masks
    evaluations: int
    weights_changed: int
    seconds: float
    message: str


def search_cell(cell: Cell, train: Packed, data: str, method: Method | None, version: str | None = None) -> Searched:
    """The search of one cell: a job for any executor, which finds nothing on its machine but the package.

    Parameters
    ----------
    train : the training images; the cell's own generator chooses among them.
    data : their name, for the network.
    method : the function, if its name is none of `METHODS`; importable if the job runs in another process.
    version : the `code_digest` of this module in the process that gave out the job.
    """
    if version is not None:
        require_version(__name__, version)
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
    return Searched(found.masks, found.evaluations, changed, seconds, found.message)


def _keep(cell: Cell, folder: Path, data: Dataset, found: Searched, digest: str | None) -> Row:
    """Write a cell, in the process that gave out the work: the folder need not be there for others.

    The masks are written first, then read again and scored on the test images with a network fresh from its file.
    The row's own file comes last, so that a cell is there whole or not at all.
    """
    row_file, mask_file = _files(folder, cell)
    row_file.parent.mkdir(parents=True, exist_ok=True)
    network_of.cache_clear()
    fresh = network_of(cell.kind, cell.network, data.name)
    save_masks(mask_file, found.masks, fresh.names)
    masks = load_masks(mask_file, fresh.names)
    reached = Evaluator(fresh, data.test.images, data.test.labels).evaluate(masks)
    row = Row(
        cell.method,
        cell.kind,
        cell.network,
        cell.seed,
        cell.sparsity,
        global_sparsity(masks),
        mean_layer_sparsity(masks),
        reached.accuracy,
        reached.loss,
        found.evaluations,
        found.weights_changed,
        found.seconds,
        cell.search_images,
        data.name,
        found.message,
    )
    write_text(row_file, json.dumps({"digest": digest, "cell": asdict(cell), "row": asdict(row)}, indent=1) + "\n")
    return row


def _files(folder: Path, cell: Cell) -> tuple[Path, Path]:
    """The row's and the masks'."""
    return folder / "cells" / f"{cell.name}.json", folder / "cells" / f"{cell.name}.npz"


def _digests(jobs: Sequence[Cell], data: Dataset, own: Mapping[str, Method]) -> dict[Cell, str | None]:
    """By cell, the digest of everything that decides its row; None where a function of one's own has none."""
    common = [code_digest(__name__), data.name, images_digest(data.train), images_digest(data.test)]
    methods = {name: function_digest(method) for name, method in own.items()}
    networks = {
        place: network_digest(network_of(*place, data.name)) for place in {(at.kind, at.network) for at in jobs}
    }
    found: dict[Cell, str | None] = {}
    for cell in jobs:
        decides = [*common, networks[cell.kind, cell.network], methods.get(cell.method, ""), asdict(cell)]
        whole = hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()
        found[cell] = None if methods.get(cell.method, "") is None else whole
    return found


def _finished(folder: Path, cell: Cell, digest: str | None) -> Row | None:
    file, _ = _files(folder, cell)
    try:
        saved = json.loads(file.read_text(encoding="utf-8"))
        return Row(**saved["row"]) if digest is not None and saved["digest"] == digest else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


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


def _name_of(method: Method) -> str:
    function = getattr(method, "func", method)  # a functools.partial is called after what it wraps
    return str(getattr(function, "__name__", type(function).__name__))


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
) -> Frontier:
    """Compute all cells that `folder` does not hold yet.

    Parameters
    ----------
    methods : names of `METHODS`, or functions of a `Task` that return masks, a `Found` or a `SearchResult`: a search
        of your own enters the table by one call, ``frontier(["annealing", mine])``.
    sparsities : global ones; by default `SPARSITIES` for searches, and the whole `CURVE` for controls.
    networks, seeds : how many of each.
    folder : keeps the cells; started again, none is computed twice. A cell counts as the same with the same settings,
        seed, images, network and code; one of your own method, with all that it uses (see
        `lessonkit.experiments.fingerprint.function_digest`).
    finished : called with each row as soon as it is there.
    executor : searches elsewhere, any `concurrent.futures.Executor`; the rows are the same. The masks come back and the
        cells are written and scored here, so `folder` and the data need to be on this machine alone.
    fresh : compute all cells, whatever `folder` holds.
    """
    methods = list(methods)
    names = [method if isinstance(method, str) else _name_of(method) for method in methods]
    own = {name: method for name, method in zip(names, methods, strict=True) if not isinstance(method, str)}
    for name in names:
        if names.count(name) > 1:
            raise LessonkitError(f"two of the methods are called {name!r}: give one another name")
        if name not in METHODS and name not in own:
            raise LessonkitError(f"no method is called {name!r}: choose {', '.join(METHODS)}")
        if name in METHODS and name in own:
            raise LessonkitError(f"your method is called {name!r} as one of the course is: give it another name")
    jobs = cells(names, sparsities, networks, seeds, kind=kind, evaluations=evaluations, search_images=search_images)
    rows: dict[Cell, Row] = {}

    def collect(cell: Cell, row: Row) -> None:
        rows[cell] = row
        if finished is not None:
            finished(row)

    interrupted = False
    try:
        data = load_mnist(source)
        digests = _digests(jobs, data, own)
        done = {} if fresh else {cell: _finished(Path(folder), cell, digest) for cell, digest in digests.items()}
        for cell, known in done.items():
            if known is not None:
                collect(cell, known)
        left = [cell for cell in jobs if cell not in rows]

        def keep(cell: Cell, found: Searched) -> None:
            collect(cell, _keep(cell, Path(folder), data, found, digests[cell]))

        if executor is None:
            train = Packed(data.train.images, data.train.labels)
            for cell in left:
                keep(cell, search_cell(cell, train, data.name, own.get(cell.method)))
        elif left:
            sent = shared(executor, Packed.of(data.train))
            version = code_digest(__name__)
            orders = {cell: (cell, sent, data.name, own.get(cell.method), version) for cell in left}
            gather(executor, search_cell, orders, keep)
    except KeyboardInterrupt:
        interrupted = True
    return Frontier(tuple(rows[cell] for cell in jobs if cell in rows), interrupted)
