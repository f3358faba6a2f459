"""``python -m lessonkit grade``: judge every notebook in a folder, each shut in, by what its functions return."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tqdm import tqdm

from lessonkit.commands.options import above_zero, at_least
from lessonkit.course.grading import find_course
from lessonkit.course.grading.notebook import course_cells
from lessonkit.course.grading.pool import grade_all
from lessonkit.course.grading.records import Results, checker_version, summary, write_tables
from lessonkit.course.grading.rows import Row
from lessonkit.course.grading.submissions import find_submissions, read_submission
from lessonkit.errors import LessonkitError
from lessonkit.report import output_folder

SECONDS = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="notebooks, also in folders below, one a student")
    parser.add_argument("--output", default="runs/grade", metavar="DIR", help="folder for files (%(default)s)")
    help_ = "seconds for one notebook; a cell or an exercise has a quarter of it (%(default)g)"
    parser.add_argument("--timeout", type=above_zero, default=SECONDS, metavar="SECONDS", help=help_)
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    help_ = "notebooks at a time (default: processors, %(default)s)"
    parser.add_argument("--jobs", type=at_least(1), default=processors, metavar="N", help=help_)
    parser.add_argument("--quiet", action="store_true", help="no progress bar, only the summary")


def main(options: argparse.Namespace) -> int:
    """Grade what is not known from an earlier run; 0 whatever the grades are."""
    if not hasattr(os, "fork"):
        raise LessonkitError("grading needs a system that can fork: Linux, macOS, or Windows' WSL")
    paths = find_submissions(options.folder)
    folder = output_folder(options.output)
    submissions = [read_submission(options.folder, path) for path in paths]
    course = course_cells(find_course())
    data = os.environ.get("LESSONKIT_DATA", "")
    data_file = os.path.realpath(data) if os.path.isfile(data) else None
    settings = {
        "checker": checker_version(),
        "timeout": options.timeout,
        "data": "mnist" if data_file else "standin",
        "course_cells": len(course),
    }
    results = Results(folder / "results", settings)
    known: dict[bytes, list[Row]] = {}
    for submission in submissions:
        if submission.row is None and (rows := results.get(submission.content)) is not None:
            known[submission.content] = rows
    fresh = list(dict.fromkeys(each.content for each in submissions if each.row is None and each.content not in known))
    if not options.quiet:
        resumed = sum(each.row is None and each.content in known for each in submissions)
        print(f"{len(submissions)} submissions" + (f", {resumed} of them graded before" if resumed else ""))
        if not course:
            print("The course's folder is not here or above: every cell of a notebook runs whole, which takes longer.")
    isolation = ""
    bar = tqdm(total=len(fresh), unit=" notebooks", disable=options.quiet, dynamic_ncols=True, leave=False)
    with bar:
        for place, rows, found in grade_all(fresh, course, options.timeout, options.jobs, data_file):
            known[fresh[place]] = rows
            results.put(fresh[place], rows)
            isolation = found or isolation
            bar.update()
    graded = [(each.name, [each.row] if each.row is not None else known[each.content]) for each in submissions]
    write_tables(folder, graded, settings, isolation or "none was needed: no notebook was run")
    print(summary(graded))
    if not options.quiet:
        if isolation:
            print(f"\nisolation: {isolation}")
            if "processes" not in isolation.partition(";")[0]:
                print("This system allows no namespaces: grade what you do not trust on another one.", file=sys.stderr)
        print(f"\nsaved in {folder}: grades.csv, grades.json, results/")
    return 0
