"""``python -m lessonkit frontier``: searches at fixed sparsities beside the rules of the literature."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from lessonkit.commands.options import add_data_flag, add_worker_flags, at_least
from lessonkit.commands.terminal import Bar, columns, say
from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments.plots import frontier_plot
from lessonkit.experiments.published import MLPNET
from lessonkit.experiments.report import aligned, output_folder, versions
from lessonkit.experiments.workers import workers
from lessonkit.files import write_text, writing
from lessonkit.frontier.methods import EVALUATIONS, METHODS, SEARCH_IMAGES
from lessonkit.frontier.nsga2 import nsga2_front
from lessonkit.frontier.table import KINDS, SEEDS, SPARSITIES, YARDSTICK_SPARSITIES, Row, cells, frontier, network_of
from lessonkit.networks.mnist import load_mnist
from lessonkit.networks.weights import NETWORKS

FRONT_IMAGES = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    shares = ",".join(map(str, SPARSITIES))
    parser.add_argument(
        "--sparsities", metavar="A,B", help=f"global, from 0 to below 1 (default: {shares}; controls: 0 to 0.98)"
    )
    parser.add_argument(
        "--networks",
        type=at_least(1),
        metavar="N",
        help=f"trained networks (default: {NETWORKS}; 1 of the stand-in and of mlpnet)",
    )
    parser.add_argument("--seeds", type=at_least(1), default=SEEDS, metavar="N", help="run seeds 0 to N-1")
    parser.add_argument("--methods", default=",".join(METHODS), metavar="A,B", help="searches and rules")
    parser.add_argument(
        "--network", choices=KINDS, default="lenet5", help="mlpnet: the benchmark network of Yu et al. (2022)"
    )
    parser.add_argument(
        "--evaluations", type=at_least(50), default=EVALUATIONS, metavar="N", help="budget of each search"
    )
    parser.add_argument(
        "--search-images", type=at_least(10), default=SEARCH_IMAGES, metavar="N", help="training images that it may use"
    )
    parser.add_argument("--pareto", action="store_true", help="NSGA-II's front, too (needs lessonkit[pareto])")
    parser.add_argument("--output", default="runs/frontier", metavar="DIR", help="folder for files")
    parser.add_argument("--fresh", action="store_true", help="compute again what --output already holds")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, only the table")
    add_worker_flags(parser)
    add_data_flag(parser)


def main(options: argparse.Namespace) -> int:
    """Compute what is missing, print, save; 130 after Ctrl-C, with what was computed saved all the same."""
    yardstick = options.network == "mlpnet"
    shares = _shares(options.sparsities) if options.sparsities else YARDSTICK_SPARSITIES if yardstick else None
    methods = [name.strip() for name in options.methods.split(",") if name.strip()]
    unknown = [name for name in methods if name not in METHODS]
    if unknown or not methods:
        raise LessonkitError(f"--methods {options.methods}: choose among {', '.join(METHODS)}, separated by commas")
    folder, data = output_folder(options.output), load_mnist(options.data)
    networks = options.networks or (1 if yardstick or data.name != "mnist" else NETWORKS)
    for number in range(networks):  # refuse a network that is not there before any work is done
        network_of(options.network, number, data.name)
    if not options.quiet:
        say(data.source)
    total = len(cells(methods, shares, networks, options.seeds))
    with (
        workers(options.scheduler, options.jobs) as executor,
        Bar(total, "cells", quiet=options.quiet, smoothing=0.3) as bar,
    ):

        def told(row: Row) -> None:
            network = f" network {row.network} seed {row.seed}" if bar.is_wide else ""
            bar.reach(int(bar.n) + 1, f"{row.method} {100 * row.sparsity:g}%{network}: {100 * row.accuracy:.2f}%")

        found = frontier(
            methods,
            sparsities=shares,
            networks=networks,
            seeds=options.seeds,
            folder=folder,
            source=options.data,
            kind=options.network,
            evaluations=options.evaluations,
            search_images=options.search_images,
            finished=told,
            executor=executor,
            fresh=options.fresh,
            remark=None if options.quiet else lambda text: bar.write_above(f"{text}; --fresh starts over"),
        )
    front: list[dict[str, float]] = []
    if options.pareto and not found.interrupted:
        network = network_of(options.network, 0, data.name)
        points, _ = nsga2_front(network, data.train.head(FRONT_IMAGES), evaluations=options.evaluations)
        test = Evaluator(network, data.test.images, data.test.labels)
        for point in points:
            reached = test.evaluate(point.masks)
            front.append({"global_sparsity": point.sparsity, "accuracy": reached.accuracy, "loss": reached.loss})
    summary = found.summary()
    if yardstick:
        for name, known in MLPNET.items():
            summary.loc[f"{name} (Yu et al. 2022)"] = [
                f"{known[share]:.2f}" if share in known else "-"
                for share in sorted({row.sparsity for row in found.rows})
            ]
    _save(folder, found.rows, front, summary.to_csv())  # first: nobody may be there to read the table
    lines = [[str(cell) for cell in line] for line in summary.reset_index().to_numpy()]
    print(aligned(["accuracy %", *summary.columns], lines, columns()))
    if not options.quiet:
        print()
        say(f"saved in {folder}: frontier.json, frontier.csv, summary.csv, frontier.png, cells/")
    return 130 if found.interrupted else 0


def _shares(text: str) -> tuple[float, ...]:
    try:
        shares = tuple(sorted({float(part) for part in text.split(",") if part.strip()}))
    except ValueError:
        shares = ()
    if not shares or not all(0 <= share < 1 for share in shares):
        raise LessonkitError(f"--sparsities {text}: give numbers from 0 to below 1, separated by commas, like 0.9,0.95")
    return shares


def _save(folder: Path, rows: Sequence[Row], front: Sequence[dict[str, float]], summary: str) -> None:
    import pandas

    records = [asdict(row) for row in rows]
    content = {"rows": records, "nsga2": list(front), "published": {"mlpnet": dict(MLPNET)}, "versions": versions()}
    write_text(folder / "frontier.json", json.dumps(content, indent=1) + "\n")
    write_text(folder / "frontier.csv", pandas.DataFrame(records).to_csv(index=False))
    write_text(folder / "summary.csv", summary)
    with writing(folder / "frontier.png") as file:
        file.write(frontier_plot(rows, front).png())
