"""``python -m lessonkit build``: the notebooks from their sources, or whether they are still as built."""

from __future__ import annotations

import argparse
import time

from lessonkit.course import build as course
from lessonkit.errors import LessonkitError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of the command."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="lessons, such as 01 (default: all)")
    parser.add_argument("--check", action="store_true", help="change nothing; say what is not as it would be built")


def main(options: argparse.Namespace) -> int:
    """Build, or check; 1 where the check found something."""
    root = course.find_root()
    if options.check:
        findings = course.check(root, options.names)
        for finding in findings:
            print(finding)
        if not findings:
            print(f"lessons checked: {len(course.lessons(root, options.names))}, all as built")
        return 1 if findings else 0
    chosen = course.lessons(root, options.names)
    if not chosen:
        raise LessonkitError(f"{root / 'solutions'}: no lesson there (NN_name.py)")
    for lesson in chosen:
        start = time.perf_counter()
        changed = course.build(lesson)
        said = ", ".join(f"{path.parent.name}/{path.name}" for path in changed) or "nothing changed"
        print(f"{lesson.stem}: {said} ({time.perf_counter() - start:.0f} s)", flush=True)
    return 0
