"""``python -m lessonkit preflight``: check, the evening before class, that everything works."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import textwrap
import time
from pathlib import Path

from lessonkit.commands.terminal import coloured, columns, say
from lessonkit.course import build
from lessonkit.course.preflight import NOTE, OK, RED, Line, Run, preflight
from lessonkit.errors import LessonkitError
from lessonkit.files import write_text

_WORDS = {OK: "ok", NOTE: "note", RED: "RED"}
_COLOURS = {OK: "32", NOTE: "33", RED: "31"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("--fast", action="store_true", help="run no notebooks; takes seconds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the findings to FILE (default: no file)")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="the course's folder (default: the working folder or one above it)"
    )


def main(options: argparse.Namespace) -> int:
    """Print one line per check; return 0 if none is red, else 1."""
    root, start = build.find_root(options.folder), time.perf_counter()
    if options.folder is not None and root != options.folder.resolve():
        raise LessonkitError(f"{options.folder}: contains no folder solutions/: give the course's folder")
    if options.json is not None and (options.json.is_dir() or not options.json.parent.is_dir()):
        raise LessonkitError(f"{options.json}: cannot be written: choose another file")
    lines: list[Line] = []
    runs: list[Run] = []
    for line in preflight(root, fast=options.fast, finished=runs.append):
        lines.append(line)
        print(_row(line), flush=True)
    for line in lines:
        if len(line.details) > 1:
            print(f"\n{line.check}, all {len(line.details)}:")
            say("\n".join(f"  {detail}" for detail in line.details), indent=4)
    red = [line.check for line in lines if line.state == RED]
    seconds = time.perf_counter() - start
    say(f"\n{'not ready: ' + ', '.join(red) if red else 'ready for class'} ({seconds:.0f} s)")
    if options.json is not None:
        content = {
            "ready": not red,
            "fast": options.fast,
            "seconds": round(seconds, 1),
            "checks": [dataclasses.asdict(line) for line in lines],
            "notebooks": [dataclasses.asdict(run) for run in runs],
        }
        write_text(options.json, json.dumps(content, indent=2) + "\n")
    return 1 if red else 0


def _row(line: Line) -> str:
    word = f"{_WORDS[line.state]:4}"
    text = f"{word}  {line.check:18}  {line.said}" + (f" -> {line.way_out}" if line.way_out else "")
    if sys.stdout.isatty():
        text = textwrap.fill(text, columns(), subsequent_indent=" " * 26, break_on_hyphens=False)
    return coloured(word, _COLOURS[line.state]) + text.removeprefix(word)
