"""``python -m lessonkit compare``: both searches and their controls, one table, files on the disk."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import sys
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path

from lessonkit.commands.options import above_zero, add_data_flag, add_worker_flags, at_least
from lessonkit.commands.terminal import Bar, columns, say
from lessonkit.errors import LessonkitError
from lessonkit.experiments import report
from lessonkit.experiments.comparison import Comparison, Row, compare
from lessonkit.experiments.presets import PRESETS, SEARCHES, Preset
from lessonkit.experiments.workers import workers
from lessonkit.measures import evaluations_of_annealing, evaluations_of_genetic
from lessonkit.networks.mnist import load_mnist
from lessonkit.networks.weights import load_network
from lessonkit.problem import Step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    limits = "; ".join(
        f"{each.name} {each.loss_to_warmup:g}, on the stand-in {each.standin_loss_to_warmup:g}"
        for each in PRESETS.values()
    )
    parser.add_argument("--preset", choices=sorted(PRESETS), default="course", help="settings")
    parser.add_argument("--seeds", type=at_least(1), default=1, metavar="N", help="run seeds 0 to N-1")
    parser.add_argument(
        "--evaluations",
        type=at_least(5),
        metavar="N",
        help=f"budget of each search (default: {_of('evaluations', 'as published')})",
    )
    parser.add_argument(
        "--loss-to-warmup", type=above_zero, metavar="L", help=f"threshold of the last layer's loss (default: {limits})"
    )
    parser.add_argument(
        "--search-images",
        type=at_least(1),
        metavar="N",
        help=f"images a candidate is scored on (default: {_of('search_images', 'all')})",
    )
    parser.add_argument("--methods", default=",".join(SEARCHES), metavar="A,B", help="searches")
    parser.add_argument("--output", default="runs/compare", metavar="DIR", help="folder for files")
    parser.add_argument("--fresh", action="store_true", help="do again what --output already holds of these searches")
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no remarks, only the table")
    add_worker_flags(parser)
    add_data_flag(parser)


def _of(setting: str, without: str) -> str:
    """What the presets have, for the help."""
    values = {name: getattr(preset, setting) for name, preset in PRESETS.items()}
    return ", ".join(f"{name} {without if value is None else value}" for name, value in values.items())


def main(options: argparse.Namespace) -> int:
    """Run, print, save; 130 after Ctrl-C, with what was computed printed and saved all the same."""
    methods = [name.strip() for name in options.methods.split(",") if name.strip()]
    unknown = [name for name in methods if name not in SEARCHES]
    if unknown or not methods:
        raise LessonkitError(f"--methods {options.methods}: choose among {', '.join(SEARCHES)}, separated by commas")
    preset = PRESETS[options.preset]
    if options.loss_to_warmup is not None:
        limit = options.loss_to_warmup
        preset = dataclasses.replace(preset, loss_to_warmup=limit, standin_loss_to_warmup=limit)
    folder = report.output_folder(options.output)
    data = load_mnist(options.data)
    split = getattr(data, preset.search_split)
    if options.search_images is not None and options.search_images > len(split):
        raise LessonkitError(
            f"--search-images {options.search_images}: there are {len(split)} {preset.search_split} images"
        )
    if not options.quiet:
        say(data.source)
        say(preset.label)
    network = load_network(data.name)
    saved = _Saver(folder, network.names)
    planned = {name: _planned(preset, name, options.evaluations, len(network.layers)) for name in methods}
    with (
        workers(options.scheduler, options.jobs) as executor,
        Bar(len(methods) * options.seeds, "searches", quiet=options.quiet)
        if executor is not None
        else Bar(sum(planned.values()) * options.seeds, "evaluations", quiet=options.quiet) as bar,
        _warnings_in_one_line(),
    ):
        bars = _Progress(bar, planned if executor is None else {})

        def finished(row: Row) -> None:
            saved.row(row)
            if not row.is_control:
                bars.row(row)

        comparison = compare(
            methods,
            preset=preset,
            seeds=range(options.seeds),
            evaluations=options.evaluations,
            search_images=options.search_images,
            data=data,
            network=network,
            callback=bars.step,
            finished=finished,
            executor=executor,
            folder=folder,
            fresh=options.fresh,
            remark=None if options.quiet else lambda text: bar.write_above(f"{text}; --fresh starts over"),
        )
    failed, where = _save(folder, comparison)  # first: nobody may be there to read the table
    print(report.text_table(comparison, columns()))
    if preset.name == "reference":
        print("\n" + report.published_table(columns()))
    if not options.quiet or failed:
        print()
        say(f"saved in {where}: comparison.csv, comparison.json, history.csv, comparison.png, masks-*.npz")
    return 130 if comparison.interrupted else failed


def _planned(preset: Preset, method: str, evaluations: int | None, layers: int) -> int:
    """How many evaluations a search will spend; draws that are drawn again come on top where there is no budget."""
    budget = evaluations if evaluations is not None else preset.evaluations
    if budget is not None:
        return budget
    its = getattr(preset, method)
    if method == "annealing":
        return evaluations_of_annealing(its["iterations"], layers)
    return evaluations_of_genetic(its["generations"], its["population"], its["elite"], layers)


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Of a full disk, say: people read them, not programs."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        print(f"lessonkit compare: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


class _Progress:
    """One bar for all searches, in evaluations; or in searches, where they run elsewhere and nothing is `planned`."""

    def __init__(self, bar: Bar, planned: Mapping[str, int]) -> None:
        self.bar = bar
        self.planned = planned
        self.running: tuple[str, int] | None = None
        self.done = 0  # evaluations of the searches before

    def step(self, method: str, seed: int, step: Step) -> None:
        """A callback for `compare`."""
        if self.running != (method, seed):
            self.running = (method, seed)
            self.bar.set_description(f"{method}, seed {seed}", refresh=False)
        figures = f"{step.layer} loss {step.loss:.3f}"
        if self.bar.is_wide:
            figures += f" sparsity {step.sparsity:.3f} best cost {step.best_cost:.4g}"
        self.bar.reach(self.done + min(step.evaluations, self.planned[method]), figures)

    def row(self, row: Row) -> None:
        """A search is done."""
        figures = f"{row.method}, seed {row.seed}: {100 * row.evaluation.accuracy:.2f}%"
        if not self.planned:
            self.bar.reach(int(self.bar.n) + 1, figures)
        elif self.running == (row.method, row.seed):
            self.done += self.planned[row.method]
            self.bar.reach(self.done, figures)
        else:  # it was there already
            self.bar.total = (self.bar.total or 0) - self.planned[row.method]


class _Saver:
    """Writes each row's masks when it is finished; a full disk is no reason to stop computing."""

    def __init__(self, folder: Path, names: tuple[str, ...]) -> None:
        self.folder = folder
        self.names = names

    def row(self, row: Row) -> None:
        """A `finished` callback for `compare`."""
        try:
            report.save_row(self.folder, row, self.names)
        except OSError as error:
            print(f"lessonkit compare: {self.folder}: {error.strerror or error}; going on", file=sys.stderr)


def _save(folder: Path, comparison: Comparison) -> tuple[int, Path]:
    """The exit status, and where the files are: elsewhere, if `folder` cannot take them."""
    try:
        report.save(folder, comparison)
    except OSError as error:
        print(f"lessonkit compare: {folder}: {error.strerror or error}", file=sys.stderr)
        folder = Path(tempfile.mkdtemp(prefix="lessonkit-"))
        report.save(folder, comparison)
        return 1, folder
    return 0, folder
