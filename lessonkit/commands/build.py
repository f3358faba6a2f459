"""``python -m lessonkit build``: make the notebooks from their sources, or check that they are up to date."""

from __future__ import annotations

import argparse
import time

from lessonkit.course import build as course
from lessonkit.course.address import read_address
from lessonkit.course.publish import stamp_lessons
from lessonkit.errors import LessonkitError
from lessonkit.files import write_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="lessons, such as 01 (default: all)")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--check", action="store_true", help="change nothing; list what differs from a build")
    how.add_argument("--stamp", action="store_true", help="renew only badges, set-up cells and the guide; run nothing")


def main(options: argparse.Namespace) -> int:
    """Build, stamp or check; return 1 if the check found something, else 0."""
    root = course.find_root()
    if options.check:
        findings = course.check(root, options.names)
        for finding in findings:
            print(finding)
        if not findings:
            print(f"lessons checked: {len(course.lessons(root, options.names))}, all up to date")
        return 1 if findings else 0
    chosen = course.lessons(root, options.names)
    if not chosen:
        raise LessonkitError(f"{root / 'solutions'}: no lesson there (NN_name.py)")
    if options.stamp:
        changed = stamp_lessons(chosen, read_address(root), course.guide(root))
        print(f"lessons stamped: {len(chosen)}, files changed: {len(changed)}")
        return 0
    for lesson in chosen:
        start = time.perf_counter()
        changed = course.build(lesson)
        said = ", ".join(f"{path.parent.name}/{path.name}" for path in changed) or "nothing changed"
        print(f"{lesson.stem}: {said} ({time.perf_counter() - start:.0f} s)", flush=True)
    for path, text in course.guide(root).items():
        if path.read_text(encoding="utf-8") != text:
            write_text(path, text)
            print(f"{path.parent.name}/{path.name}: renewed")
    return 0
