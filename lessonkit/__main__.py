"""The command line, ``python -m lessonkit COMMAND``. A command's module is loaded only when that command is called."""

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
    "compare": ("lessonkit.commands.compare", "prune with annealing and the genetic algorithm, and with the controls"),
    "frontier": ("lessonkit.commands.frontier", "search masks at fixed sparsities, beside published pruning rules"),
    "shrink": ("lessonkit.commands.shrink", "make a smaller network: cut units out, repair the rest, measure it"),
    "train": ("lessonkit.commands.train", "train LeNet-5 or MLPNet as the shipped weights were trained"),
    "build": ("lessonkit.commands.build", "make the notebooks from solutions/*.py, or check that they are up to date"),
    "preflight": ("lessonkit.commands.preflight", "check, the evening before class, that everything works"),
    "publish": ("lessonkit.commands.publish", "write the course's address into the notebooks, or zip the course"),
    "grade": ("lessonkit.commands.grade", "grade every notebook in a folder by what its functions return"),
    "record": ("lessonkit.commands.record", "record anew the searches that the race and density labs show"),
    "colab": ("lessonkit.commands.colab", "run the notebooks with Google Colab's versions"),
    "bench": ("lessonkit.commands.bench", "measure the evaluator against Keras and against the arithmetic floor"),
}
PIPE_CLOSED = 141  # as a shell reports a command that SIGPIPE ended


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Show a flag's default, except of a switch (it is off), of None, and where the help text names it already."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if "default" in (action.help or "") or action.default is None or action.default is False:
            return action.help
        return super()._get_help_string(action)


class _Parser(argparse.ArgumentParser):
    """Report a bad flag in one line that says where to look. A flag must be written in full."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False, formatter_class=_Help)

    def error(self, message: str) -> None:  # type: ignore[override]
        self.exit(2, f"{self.prog}: {message} (see {self.prog} --help)\n")

    def refuse(self, unknown: Sequence[str]) -> None:
        """Exit with an error that names the unknown arguments, and a known flag of similar spelling if there is one."""
        flags = [flag for action in self._actions for flag in action.option_strings]
        alike = difflib.get_close_matches(unknown[0].split("=")[0], flags, 1) if unknown[0].startswith("-") else []
        meant = f"; did you mean {alike[0]}?" if alike else ""
        self.error(f"unrecognized arguments: {' '.join(unknown)}{meant}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 for success, 1 for bad input, 2 for bad flags, 130 after Ctrl-C."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    name = given[0] if given and given[0] in COMMANDS else ""
    said = f"lessonkit {name}".strip()
    try:
        ended = _run(given)
        sys.stdout.flush()
    except LessonkitError as error:
        print(f"{said}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # the reader, such as `| head`, has stopped reading
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
        if name in given[:1]:  # import the module of this command alone
            importlib.import_module(module).add_arguments(command)
    options, unknown = parser.parse_known_args(given)
    if unknown:
        commands.choices[options.command].refuse(unknown)
    return int(importlib.import_module(COMMANDS[options.command][0]).main(options))


def _let_go_of_the_pipe() -> None:
    """Point the streams to nowhere: Python flushes both once more when it ends, and would print an error then."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            os.dup2(nowhere, stream.fileno())


if __name__ == "__main__":
    sys.exit(main())
