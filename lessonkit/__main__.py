"""The command line: ``python -m lessonkit COMMAND``. Each command's own module is loaded when it is called."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence

import lessonkit
from lessonkit.errors import LessonkitError

COMMANDS = {
    "compare": ("lessonkit.commands.compare", "prune by annealing and by the genetic algorithm, beside the controls"),
    "frontier": ("lessonkit.commands.frontier", "search masks at fixed sparsities, beside the rules of the literature"),
    "train": ("lessonkit.commands.train", "train LeNet-5 by the published recipe"),
    "build": ("lessonkit.commands.build", "make the notebooks from solutions/*.py, or check that they are as made"),
    "preflight": ("lessonkit.commands.preflight", "everything to know the evening before class, green or red"),
    "publish": ("lessonkit.commands.publish", "stamp the notebooks with their address, or make one zip of the course"),
    "grade": ("lessonkit.commands.grade", "judge every notebook in a folder by what its functions return"),
    "record": ("lessonkit.commands.record", "run again what the labs on races and densities show"),
    "colab": ("lessonkit.commands.colab", "run the notebooks with Google Colab's versions"),
    "bench": ("lessonkit.bench", "measure the evaluator against Keras and against the arithmetic floor"),
}


class _Parser(argparse.ArgumentParser):
    """One clear line for a bad flag, and where to look."""

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it did its work, 1 for bad input, 2 for bad flags, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    parser = _Parser(prog="lessonkit", description="Prune LeNet-5 by searching for its mask.")
    parser.add_argument("--version", action="version", version=f"lessonkit {lessonkit.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name in given[:1]:  # only the command that was asked for pays for its imports
            importlib.import_module(module).add_arguments(command)
    options = parser.parse_args(given)
    try:
        return int(importlib.import_module(COMMANDS[options.command][0]).main(options))
    except LessonkitError as error:
        print(f"lessonkit {options.command}: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"lessonkit {options.command}: {place}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"lessonkit {options.command}: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
