"""``python -m lessonkit publish``: write the course's address into badges and set-up cells, or zip the course."""

from __future__ import annotations

import argparse
from pathlib import Path

from lessonkit import __version__
from lessonkit.course import build, bundle, publish
from lessonkit.course.address import Address, read_address
from lessonkit.errors import LessonkitError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument(
        "--repository", metavar="OWNER/NAME", help="GitHub repository that will hold the course (default: none)"
    )
    parser.add_argument("--ref", metavar="TAG", help="the tag that will hold the stamped notebooks (default: none)")
    parser.add_argument("--undo", action="store_true", help="remove the address from every notebook")
    name = f"lessonkit-course-{__version__}.zip"
    parser.add_argument(
        "--bundle",
        nargs="?",
        type=Path,
        const=Path(name),
        metavar="FILE",
        help=f"write the notebooks and the package into one zip (default: {name})",
    )
    parser.add_argument("--with-solutions", action="store_true", help="include the solutions in the zip")


def main(options: argparse.Namespace) -> int:
    """Stamp the course, or remove the stamp, and write the zip; nothing is committed or pushed."""
    stamping = options.repository is not None or options.ref is not None
    if stamping and options.undo:
        raise LessonkitError("--undo takes the address out: give no --repository and no --ref with it")
    if stamping and (options.repository is None or options.ref is None):
        raise LessonkitError("--repository and --ref go together: give both, owner/name and a tag such as v1.0")
    if not stamping and not options.undo and options.bundle is None:
        raise LessonkitError("nothing to publish: give --repository owner/name and --ref TAG, or --undo, or --bundle")
    if options.with_solutions and options.bundle is None:
        raise LessonkitError("--with-solutions is about the zip: give --bundle too")
    if options.bundle is not None and not options.bundle.match("lessonkit*.zip"):
        raise LessonkitError(
            f"{options.bundle}: give a name lessonkit*.zip, which the notebooks' set-up cell looks for"
        )
    root = build.find_root()
    if stamping or options.undo:
        _stamp(root, Address(options.repository, options.ref) if stamping else None)
    if options.bundle is not None:
        bundle.write_bundle(root, options.bundle, with_solutions=options.with_solutions)
        size = options.bundle.stat().st_size / 1e6
        print(f"{options.bundle}: {size:.1f} MB, {'with' if options.with_solutions else 'without'} the solutions")
    return 0


def _stamp(root: Path, address: Address | None) -> None:
    if address is None and read_address(root) is None:
        print("no notebook contains an address")
        return
    publish.refuse_unready(root, address)
    changed = publish.stamp_course(root, address)
    said = f"the address {address}" if address else "no address"
    print(f"{len(build.lessons(root))} lessons have {said}; files changed: {len(changed)}")
    print("Nothing was committed or pushed. Now run, in this order:")
    for step in publish.next_steps(root, address):
        print(f"  {step}")
