"""``python -m lessonkit grade``: grade all notebooks in a folder by what their functions return, each in a sandbox."""

from __future__ import annotations

import argparse
import errno
import importlib.util
import os
from functools import partial
from pathlib import Path

import lessonkit
from lessonkit.commands.options import above_zero, at_least
from lessonkit.commands.terminal import Bar, columns, say
from lessonkit.engine.threads import processors
from lessonkit.errors import LessonkitError
from lessonkit.experiments.report import output_folder

SECONDS = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "folder", type=Path, metavar="FOLDER", help="folder with one notebook per student; subfolders are searched too"
    )
    parser.add_argument("--output", default="runs/grade", metavar="DIR", help="folder for the results")
    help_ = "seconds for one notebook; each cell and each exercise gets a quarter of that (default: %(default)g)"
    parser.add_argument("--timeout", type=above_zero, default=SECONDS, metavar="SECONDS", help=help_)
    help_ = "notebooks at a time (default: the number of processors, %(default)s)"
    parser.add_argument("--jobs", type=at_least(1), default=processors(), metavar="N", help=help_)
    help_ = "without bwrap, in this user's own name: for code that you trust as your own"
    parser.add_argument("--unprotected", action="store_true", help=help_)
    parser.add_argument("--quiet", action="store_true", help="no progress bar, only the summary")


def main(options: argparse.Namespace) -> int:
    """Grade the notebooks that no earlier run has graded; return 0, whatever the grades."""
    if not hasattr(os, "fork"):
        raise LessonkitError("grading needs a system that can fork: Linux, macOS, or Windows' WSL")
    for needed in ("lessonkit.grading", "psutil"):
        if importlib.util.find_spec(needed) is None:
            raise LessonkitError(
                f"{needed} is not installed: the grader is the teacher's, in the course's own folder and in no wheel: "
                "run pip install -e '.[grading]' there"
            )
    # Only now: the first is in no wheel, and the last need what Windows does not have.
    from lessonkit.grading import sandbox
    from lessonkit.grading.notebook import course_cells
    from lessonkit.grading.pool import grade_all
    from lessonkit.grading.records import Results, checker_version, summary, write_tables
    from lessonkit.grading.submissions import find_submissions, read_submission

    if not options.unprotected:
        sandbox.require()
    output = Path(options.output)
    paths = find_submissions(options.folder, output)
    folder = output_folder(output)
    submissions = [read_submission(options.folder, path) for path in paths]
    course, data = course_cells(_course()), _data()
    settings = {
        "checker": checker_version(),
        "timeout": options.timeout,
        "data": "mnist" if data else "standin",
        "course_cells": len(course),
        "isolation": sandbox.isolation(not options.unprotected),
    }
    results = Results(folder / "results", settings)
    files = {each.digest: each.path for each in submissions if each.row is None}
    known = {digest: found for digest in files if (found := results.get(digest)) is not None}
    fresh = [digest for digest in files if digest not in known]
    if not options.quiet:
        resumed = sum(each.row is None and each.digest in known for each in submissions)
        print(f"{len(submissions)} submissions" + (f", {resumed} of them graded before" if resumed else ""))
        if not course:
            say("The course's folder is not here or above, so all code of every cell must run, which takes longer.")
    readers = [partial(_content, files[digest], digest) for digest in fresh]
    with Bar(len(fresh), "notebooks", quiet=options.quiet) as bar:
        jobs = grade_all(readers, course, options.timeout, options.jobs, data, not options.unprotected)
        for place, rows in jobs:
            known[fresh[place]] = rows
            results.put(fresh[place], rows)
            bar.update()
    graded = [(each.name, [each.row] if each.row is not None else known[each.digest]) for each in submissions]
    write_tables(folder, graded, settings)
    print(summary(graded, columns()))
    if not options.quiet:
        say(f"\nisolation: {settings['isolation']}")
        say(f"\nsaved in {folder}: grades.csv, grades.json, results/")
    return 0


def _data() -> str | None:
    """The MNIST file if the teacher has one, for cells that load it; no verdict depends on it."""
    named = Path(os.environ.get("LESSONKIT_DATA", ""))
    file = named / "mnist.npz" if named.is_dir() else named
    return os.path.realpath(file) if file.is_file() else None


def _course() -> Path | None:
    """The course's folder: the working folder or one above it, or the one that the package is in."""
    for start in (Path.cwd(), Path(lessonkit.__file__).absolute().parent):
        for folder in (start, *start.parents):
            if (folder / "solutions").is_dir():
                return folder
    return None


def _content(path: Path, digest: str) -> bytes:
    from lessonkit.grading.submissions import content_of, digest_of

    content = content_of(path)
    if digest_of(content) != digest:
        raise OSError(errno.ESTALE, "it was changed during grading")
    return content
