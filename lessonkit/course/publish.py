"""Stamp a course with the address where it is published, remove the stamp, and say what is left to do.

Nothing is committed or pushed here. The stamp is ``solutions/published.json`` and two cells of each notebook; the
notebooks are not run again. Either all files are written or none.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from lessonkit.course import build
from lessonkit.course.address import GITHUB, Address, address_file, address_text
from lessonkit.course.build import Lesson
from lessonkit.errors import LessonkitError
from lessonkit.files import write_text

_OTHER = "this tag exists already, without this stamp: choose another --ref"


def stamp_course(root: Path, address: Address | None) -> list[Path]:
    """Write the address into every lesson, or remove it if None; return the changed files.

    Raises
    ------
    LessonkitError
        When there are no lessons, or one is not as built.
    """
    lessons = build.lessons(root)
    if not lessons:
        raise LessonkitError(f"{root / 'solutions'}: no lesson there (NN_name.py)")
    return stamp_lessons(lessons, address, {address_file(root): address_text(address) if address else None})


def stamp_lessons(
    lessons: Sequence[Lesson], address: Address | None, others: Mapping[Path, str | None] | None = None
) -> list[Path]:
    """Renew the badge and the set-up cell of these lessons, and write `others` with them; return the changed files."""
    texts: dict[Path, str | None] = {}
    for lesson in lessons:
        texts |= build.stamp(lesson, address)
    texts |= others or {}
    changed = {path: text for path, text in texts.items() if _text_of(path) != text}
    _write_together(changed)
    return list(changed)


def _text_of(path: Path) -> str | None:
    return path.read_bytes().decode("utf-8") if path.is_file() else None


def _write_together(texts: Mapping[Path, str | None]) -> None:
    """Write every text into its file, or delete the file if the text is None; after an error, restore them all."""
    before = {path: _text_of(path) for path in texts}
    try:
        _write(texts)
    except BaseException:
        _write({path: text for path, text in before.items() if _text_of(path) != text})
        raise


def _write(texts: Mapping[Path, str | None]) -> None:
    for path, text in texts.items():
        if text is None:
            path.unlink(missing_ok=True)
        else:
            write_text(path, text)


def refuse_unready(root: Path, address: Address | None) -> None:
    """Make sure that the stamp can become a separate commit in a repository that pip can install from.

    Raises
    ------
    LessonkitError
        When `root` is not the top of a git repository or has no pyproject.toml, when anything but a stamp is
        uncommitted, or when the tag exists without this stamp.
    """
    top = _git(root, "rev-parse", "--show-toplevel", otherwise=f"{root}: not a git repository: nothing can be pushed")
    if Path(top.strip()).resolve() != root.resolve():
        raise LessonkitError(
            f"{root}: is not the top folder of its repository {top.strip()}, where pip looks for the package"
        )
    if address and not (root / "pyproject.toml").is_file():
        raise LessonkitError(f"{root}: no pyproject.toml, so pip cannot install from here: publish the whole course")
    if dirty := uncommitted(root):
        more = f" and {len(dirty) - 1} more" if len(dirty) > 1 else ""
        raise LessonkitError(
            f"{dirty[0]}{more}: not committed: commit or stash it first, so that the stamp gets its own commit"
        )
    if address and is_tagged(root, address):
        committed = _git(root, "show", f"{address.ref}:{_name(root)}", otherwise=f"{address.ref}: {_OTHER}")
        if committed != address_text(address):
            raise LessonkitError(f"{address.ref}: {_OTHER}")


def is_tagged(root: Path, address: Address) -> bool:
    """Whether the tag exists already."""
    return bool(_git(root, "tag", "--list", address.ref).strip())


def missing_from_tag(root: Path, address: Address) -> str:
    """What is not in the tag yet, in words; "" if nothing is missing, or if git cannot tell."""
    try:
        if not is_tagged(root, address):
            return "this tag does not exist here yet"
        changed = _git(root, "diff", "--name-only", address.ref, "--", "lessonkit", "notebooks").split()
    except LessonkitError:
        return ""
    return f"{changed[0]} has changed since the tag" if changed else ""


def _name(root: Path) -> str:
    return address_file(root).relative_to(root).as_posix()


def uncommitted(root: Path) -> list[str]:
    """The files that differ from the last commit by more than a stamp."""
    files = {
        path.relative_to(root).as_posix(): (lesson, path) for lesson in build.lessons(root) for path in lesson.files
    }
    status = _git(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all")
    names = [entry[3:] for entry in status.split("\0") if entry]
    stamps = {name for name in names if name in files and _only_stamped(root, name, *files[name])} | {_name(root)}
    return [name for name in names if name not in stamps]


def _only_stamped(root: Path, name: str, lesson: Lesson, path: Path) -> bool:
    committed = subprocess.run(["git", "-C", str(root), "show", f"HEAD:{name}"], capture_output=True, check=False)
    if committed.returncode or not path.is_file():
        return False
    texts = (committed.stdout.decode("utf-8"), path.read_text(encoding="utf-8"))
    one, other = (build.restamped(lesson, path, text, None) for text in texts)
    return one == other


def next_steps(root: Path, address: Address | None) -> list[str]:
    """The git commands that are left to do, in order."""
    message = f"Publish as {address}" if address else "Take the address out"
    commit = [f"git add {address_file(root).parent.name} notebooks", f"git commit -m {shlex.quote(message)}"]
    if address is None:
        return [*commit, "git push"]
    branch = _git(root, "branch", "--show-current").strip() or "HEAD:refs/heads/main"
    push = f"git push {GITHUB}/{address.repository}.git {shlex.quote(branch)} tag {address.ref}"
    return [push] if is_tagged(root, address) else [*commit, f"git tag {address.ref}", push]


def _git(root: Path, *arguments: str, otherwise: str = "") -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise LessonkitError("git is not installed: publishing needs it") from error
    if done.returncode:
        raise LessonkitError(otherwise or f"git {arguments[0]}: {' '.join(done.stderr.split())}")
    return done.stdout
