"""``python -m lessonkit colab``: run notebooks with Google Colab's versions, each alone with the package's wheel."""

from __future__ import annotations

import argparse
from pathlib import Path

from lessonkit.course import build, colab
from lessonkit.errors import LessonkitError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's flags."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="lessons, such as 01 (default: all)")
    default = Path.home() / ".cache" / "lessonkit" / "colab"
    parser.add_argument("--environment", type=Path, default=default, metavar="DIR", help="virtual environment")


def main(options: argparse.Namespace) -> int:
    """Make the environment if it does not exist, and run the students' notebooks and the solutions in it."""
    root = build.find_root()
    chosen = build.lessons(root, options.names)
    notebooks = [lesson.file(folder, ".ipynb") for lesson in chosen for folder in ("notebooks", "solutions")]
    missing = [str(notebook) for notebook in notebooks if not notebook.is_file()]
    if missing:
        raise LessonkitError(f"{', '.join(missing)}: missing: run python -m lessonkit build")
    colab.check(root, notebooks, options.environment.resolve())
    return 0
