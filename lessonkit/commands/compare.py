"""``python -m lessonkit compare``: both searches and their controls, one table, files on the disk."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from lessonkit import report
from lessonkit.commands.options import above_zero, add_data_flag, add_worker_flags, at_least
from lessonkit.comparison import Comparison, Row, compare
from lessonkit.data import load_mnist
from lessonkit.errors import LessonkitError
from lessonkit.network import load_network
from lessonkit.presets import PRESETS, SEARCHES
from lessonkit.problem import Step
from lessonkit.scheduler import workers

SEARCHES_FOLDER = "searches"  # in --output: what is kept of each search, see `lessonkit.kept`


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("--preset", choices=sorted(PRESETS), default="course", help="settings (default: course)")
    parser.add_argument("--seeds", type=at_least(1), default=1, metavar="N", help="run seeds 0 to N-1 (default: 1)")
    parser.add_argument("--evaluations", type=at_least(5), metavar="N", help="budget of each search (default: 1000)")
    parser.add_argument("--loss-to-warmup", type=above_zero, metavar="L", help="threshold of the last layer's loss")
    parser.add_argument("--search-images", type=at_least(1), metavar="N", help="images a candidate is scored on")
    parser.add_argument("--methods", default=",".join(SEARCHES), metavar="A,B", help="searches (default: %(default)s)")
    parser.add_argument("--output", default="runs/compare", metavar="DIR", help="folder for files (%(default)s)")
    parser.add_argument("--fresh", action="store_true", help="do again what --output already holds of these searches")
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no remarks, only the table")
    add_worker_flags(parser)
    add_data_flag(parser)


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
        print(data.source)
        print(preset.label)
    network = load_network(data.name)
    saved = _Saver(folder, network.names)
    bar_of = functools.partial(tqdm, disable=options.quiet, dynamic_ncols=True, leave=False)
    searches = {"unit": " searches", "total": len(methods) * options.seeds}
    with (
        workers(options.scheduler, options.jobs) as executor,
        bar_of(**searches) if executor is not None else bar_of(unit=" evaluations") as bar,
        _warnings_in_one_line(),
    ):
        bars = _Progress(bar)

        def finished(row: Row) -> None:
            saved.row(row)
            if executor is not None and not row.is_control:
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
            folder=folder / SEARCHES_FOLDER,
            fresh=options.fresh,
            remark=None if options.quiet else _remark,
        )
    print(report.text_table(comparison))
    if preset.name == "reference":
        print("\n" + report.published_table())
    return _save(folder, comparison, options.quiet)


def _remark(text: str) -> None:
    tqdm.write(f"{text}; --fresh starts over")


@contextlib.contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    """Of a full disk, say: people read them, not programs."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        print(f"lessonkit compare: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


class _Progress:
    """One bar for each search, with the newest cost, loss and sparsity; or one for all, where they run elsewhere."""

    def __init__(self, bar: tqdm[NoReturn]) -> None:
        self.bar = bar
        self.running: tuple[str, int] | None = None
        self.done = 0

    def step(self, method: str, seed: int, step: Step) -> None:
        """A callback for `compare`."""
        if self.running != (method, seed):
            self.running, self.done = (method, seed), 0
            self.bar.set_description(f"{method}, seed {seed}")
        self.bar.update(step.evaluations - self.done)
        self.done = step.evaluations
        figures = f"{step.layer} cost {step.best_cost:.3f} loss {step.loss:.3f} sparsity {step.sparsity:.3f}"
        self.bar.set_postfix_str(figures, refresh=False)

    def row(self, row: Row) -> None:
        """A search that ran elsewhere is done."""
        self.bar.set_postfix_str(f"{row.method}, seed {row.seed}: {100 * row.evaluation.accuracy:.2f} %", refresh=False)
        self.bar.update()


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


def _save(folder: Path, comparison: Comparison, quiet: bool) -> int:
    failed = 0
    try:
        report.save(folder, comparison)
    except OSError as error:
        print(f"lessonkit compare: {folder}: {error.strerror or error}", file=sys.stderr)
        folder, failed = Path(tempfile.mkdtemp(prefix="lessonkit-")), 1
        report.save(folder, comparison)
    if not quiet or failed:
        print(f"\nsaved in {folder}: comparison.csv, comparison.json, history.csv, comparison.png, masks-*.npz")
    return 130 if comparison.interrupted else failed
