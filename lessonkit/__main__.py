"""The command line: ``python -m lessonkit COMMAND``. Each command's own module is loaded when it is called."""

from __future__ import annotations

import argparse
import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import lessonkit
from lessonkit.errors import LessonkitError

COMMANDS = {
    "compare": ("lessonkit.commands.compare", "prune by annealing and by the genetic algorithm, beside the controls"),
    "frontier": ("lessonkit.commands.frontier", "search masks at fixed sparsities, beside the rules of the literature"),
    "shrink": ("lessonkit.commands.shrink", "make a smaller network: cut units out, repair the rest, measure it"),
    "train": ("lessonkit.commands.train", "train LeNet-5 by the published recipe"),
    "build": ("lessonkit.commands.build", "make the notebooks from solutions/*.py, or check that they are as made"),
    "preflight": ("lessonkit.commands.preflight", "everything to know the evening before class, green or red"),
    "publish": ("lessonkit.commands.publish", "stamp the notebooks with their address, or make one zip of the course"),
    "grade": ("lessonkit.commands.grade", "judge every notebook in a folder by what its functions return"),
    "record": ("lessonkit.commands.record", "run again what the labs on races and densities show"),
    "colab": ("lessonkit.commands.colab", "run the notebooks with Google Colab's versions"),
    "bench": ("lessonkit.commands.bench", "measure the evaluator against Keras and against the arithmetic floor"),
}
PIPE_CLOSED = 141  # as a shell reports a command that SIGPIPE ended


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Every default that means something: a switch is off, and what has no value says itself what happens then."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if "default" in (action.help or "") or action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)


class _Parser(argparse.ArgumentParser):
    """One clear line for a bad flag, and where to look. A flag must be written in full."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False, formatter_class=_Help)

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def refuse(self, unknown: Sequence[str]) -> None:
        """Say which flag is meant, if one is spelt alike."""
        flags = [flag for action in self._actions for flag in action.option_strings]
        alike = difflib.get_close_matches(unknown[0].split("=")[0], flags, 1) if unknown[0].startswith("-") else []
        meant = f"; did you mean {alike[0]}?" if alike else ""
        self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it did its work, 1 for bad input, 2 for bad flags, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given[0] if given and given[0] in COMMANDS else ""
    said = f"lessonkit {name}".strip()
    try:
        ended = _run(given)
        sys.stdout.flush()
    except LessonkitError as error:
        print(f"{said}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # `| head` has read enough
        _let_go_of_the_pipe()
        return PIPE_CLOSED
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        print(f"{said}: {place}{error.strerror or error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{said}: interrupted", file=sys.stderr)
        return 130
    return ended


def _run(given: list[str]) -> int:
    parser = _Parser(prog="lessonkit", description="Prune LeNet-5 by searching for its mask.")
    parser.add_argument("--version", action="version", version=f"lessonkit {lessonkit.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)
    for name, (module, summary) in COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
        if name in given[:1]:  # only the command that was asked for pays for its imports
            importlib.import_module(module).add_arguments(command)
    options, unknown = parser.parse_known_args(given)
    if unknown:
        commands.choices[options.command].refuse(unknown)
    return int(importlib.import_module(COMMANDS[options.command][0]).main(options))


def _let_go_of_the_pipe() -> None:
    """Python flushes both streams once more at its end, and would complain there."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
