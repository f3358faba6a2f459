"""Find what was handed in: every notebook below a folder, whatever its name, and what stands where one should."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from lessonkit.course.grading.notebook import LARGEST
from lessonkit.course.grading.rows import NOTEBOOK, Row
from lessonkit.errors import LessonkitError

SKIPPED = {".ipynb_checkpoints", "__MACOSX", "__pycache__"}


@dataclass(frozen=True)
class Submission:
    """One notebook to grade, or, where it cannot be read, what is to be said of it."""

    name: str  # below the folder, printable
    content: bytes = b""
    row: Row | None = None


def find_submissions(folder: Path) -> list[Path]:
    """The notebooks below `folder`, and those of its own folders that have none; sorted.

    Hidden files and folders are left out, links to folders are not followed.

    Raises
    ------
    LessonkitError
        When there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise LessonkitError(f"{folder}: no such folder: give the folder with the notebooks that were handed in")
    found: list[Path] = []
    for place, folders, files in os.walk(folder, onerror=_refused):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in SKIPPED)
        here = Path(place)
        found += [here / file for file in files if file.lower().endswith(".ipynb") and not file.startswith(".")]
        found += [here / each for each in folders if each.lower().endswith(".ipynb") or (here / each).is_symlink()]
    for each in sorted(folder.iterdir()):
        wanted = each.is_dir() and not each.name.startswith(".") and each.name not in SKIPPED
        if wanted and not any(each == one or each in one.parents for one in found):
            found.append(each)
    if not any(each.suffix.lower() == ".ipynb" for each in found):
        raise LessonkitError(f"{folder}: no notebook in it: give the folder with the notebooks that were handed in")
    return sorted(set(found))


def read_submission(folder: Path, path: Path) -> Submission:
    """Read one file, or say why not; nothing but a plain file is ever opened."""
    name = printable(path.relative_to(folder))

    def refused(status: str, text: str) -> Submission:
        return Submission(name, row=Row(NOTEBOOK, status, text))

    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            return refused("not a notebook", "a link, which is not followed: hand in the file itself")
        if stat.S_ISDIR(found.st_mode):
            return refused("no notebook", "a folder without a notebook")
        if not stat.S_ISREG(found.st_mode):
            return refused("not a notebook", "no file")
        if found.st_size > LARGEST:
            return refused("too large", f"{found.st_size / 1e6:,.0f} MB; {LARGEST / 1e6:.0f} MB are the limit")
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return Submission(name, file.read(LARGEST + 1))
    except OSError as error:
        return refused("not a notebook", f"cannot be read ({error.strerror})")


def printable(path: Path) -> str:
    """A path as text that any file can hold: letters that cannot be shown are written as escapes."""
    text = path.as_posix().encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _refused(error: OSError) -> None:
    raise LessonkitError(f"{error.filename}: cannot be read ({error.strerror})")
