"""``python -m lessonkit record``: run the searches that RaceLab and DensityLab show, and save them with the weights."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from lessonkit.commands.options import add_data_flag, at_least
from lessonkit.commands.terminal import Bar, say
from lessonkit.experiments.presets import COURSE, SEARCHES
from lessonkit.experiments.report import output_folder
from lessonkit.files import write_text
from lessonkit.lessons.comparison import lab as race
from lessonkit.lessons.frontier import lab as density
from lessonkit.networks.mnist import load_mnist
from lessonkit.networks.weights import ASSETS, load_network
from lessonkit.problem import Step


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--seeds", type=at_least(1), default=5, metavar="N", help="number of seeds of the race: 0 to N-1"
    )
    parser.add_argument(
        "--evaluations", type=at_least(50), default=1000, metavar="N", help="budget of each search in the race"
    )
    parser.add_argument(
        "--search-images",
        type=at_least(1),
        metavar="N",
        help=f"images that the race is scored on (default: {COURSE.search_images})",
    )
    parser.add_argument(
        "--density-evaluations", type=at_least(2), default=400, metavar="N", help="budget of each search for densities"
    )
    parser.add_argument("--only", choices=("race", "densities"), help="record one of the two files (default: both)")
    parser.add_argument(
        "--output", default=str(ASSETS), metavar="DIR", help="folder for both (default: the package's assets)"
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    add_data_flag(parser)


def main(options: argparse.Namespace) -> int:
    """Run the searches, and write race.json and densities.json."""
    folder = output_folder(Path(options.output))
    data = load_mnist(options.data)
    network = load_network(data.name)
    say(data.source)
    if options.only != "densities":
        total = len(SEARCHES) * options.seeds * options.evaluations
        with Bar(total, "evaluations", quiet=options.quiet) as bar:

            def told(method: str, seed: int, step: Step) -> None:
                bar.set_description(f"{method}, seed {seed}", refresh=False)
                before = (seed * len(SEARCHES) + list(SEARCHES).index(method)) * options.evaluations
                bar.reach(before + step.evaluations, step.layer)

            given = (range(options.seeds), options.evaluations, options.search_images)
            found = race.record(data, network, *given, told)
        _write(folder / race.RECORDED.name, found)
    if options.only != "race":
        _write(folder / density.RECORDED.name, density.record(data, network, options.density_evaluations))
    return 0


def _write(path: Path, content: object) -> None:
    write_text(path, json.dumps(content, separators=(",", ":")) + "\n")
    say(f"saved in {path}")
