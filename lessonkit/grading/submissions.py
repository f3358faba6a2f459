"""Find what was handed in: every notebook below a folder, whatever its name, and what is there in place of one."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from lessonkit.errors import LessonkitError
from lessonkit.grading.notebook import LARGEST
from lessonkit.grading.rows import NOTEBOOK, Row

SKIPPED = {".ipynb_checkpoints", "__MACOSX", "__pycache__"}


@dataclass(frozen=True)
class Submission:
    """One notebook to grade, or, if it cannot be read, the row that says so."""

    name: str  # below the folder, printable
    path: Path
    digest: str = ""
    row: Row | None = None


def find_submissions(folder: Path, output: Path) -> list[Path]:
    """The notebooks below `folder`, and the folders in it that have none; sorted.

    Hidden files and folders and `output` are left out, links are not followed.

    Raises
    ------
    LessonkitError
        When there is no such folder, or no notebook in it.
    """
    if not folder.is_dir():
        raise LessonkitError(f"{folder}: no such folder: give the folder with the notebooks that were handed in")
    found = set[Path]()
    locked = set[Path]()
    for place, folders, files in os.walk(folder, onerror=lambda error: locked.add(Path(error.filename))):
        here = Path(place)
        folders[:] = [each for each in folders if _counts(here / each, output)]
        found |= {here / each for each in (*files, *folders) if _is_notebook(each)}
        found |= {here / each for each in folders if (here / each).is_symlink()}
    if folder in locked:
        raise LessonkitError(f"{folder}: cannot be read: is it yours?")
    if not any(_is_notebook(each.name) for each in found):
        raise LessonkitError(f"{folder}: no notebook in it: give the folder with the notebooks that were handed in")
    found |= locked
    empty = {
        each
        for each in folder.iterdir()
        if each.is_dir() and _counts(each, output) and not any(each == one or each in one.parents for one in found)
    }
    return sorted(found | empty)


def read_submission(folder: Path, path: Path) -> Submission:
    """Look at one file, or say why it cannot be graded."""
    name = printable(path.relative_to(folder))

    def refused(status: str, text: str) -> Submission:
        return Submission(name, path, row=Row(NOTEBOOK, status, text))

    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            return refused("not a notebook", "a link, which is not followed: hand in the file itself")
        if stat.S_ISDIR(found.st_mode):
            os.listdir(path)
            return refused("no notebook", "a folder without a notebook")
        if not stat.S_ISREG(found.st_mode):
            return refused("not a notebook", "not a regular file")
        if found.st_size > LARGEST:
            return refused("too large", f"{found.st_size / 1e6:,.0f} MB; the limit is {LARGEST / 1e6:.0f} MB")
        return Submission(name, path, digest_of(content_of(path)))
    except OSError as error:
        return refused("not a notebook", f"cannot be read ({error.strerror})")


def content_of(path: Path) -> bytes:
    """The bytes of a file; a link or a device that has taken its place is not opened, or not waited for."""
    with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
        return file.read(LARGEST + 1)


def digest_of(content: bytes) -> str:
    """The digest by which a content is recognised."""
    return hashlib.sha256(content).hexdigest()


def printable(path: Path) -> str:
    """A path as text that any file can hold: characters that cannot be printed become escapes."""
    text = path.as_posix().encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def _is_notebook(name: str) -> bool:
    return name.lower().endswith(".ipynb") and not name.startswith(".")


def _counts(folder: Path, output: Path) -> bool:
    hidden = folder.name.startswith(".") or folder.name in SKIPPED
    return not hidden and folder.absolute() != output.absolute()
