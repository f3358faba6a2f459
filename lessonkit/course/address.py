"""The address where the course is published, ``owner/name`` on GitHub and a tag, if it is published.

It is written only in ``solutions/published.json``. `publish` writes the file; the build reads it and fills in the
badges and the set-up cells. Without the file no notebook contains an address: installing from an address that the
teacher does not own would be a security hole.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from lessonkit.errors import LessonkitError

GITHUB = "https://github.com"
COLAB = "https://colab.research.google.com"

_OWNER = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}", re.ASCII)  # up to 39, single hyphens within
_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)
# Fewer characters than git allows: none of these means anything to a shell, to pip or in a URL.
_REF = re.compile(r"[A-Za-z0-9._/-]{1,100}", re.ASCII)


@dataclass(frozen=True)
class Address:
    """A repository on GitHub, and the tag that contains the course; always well-formed.

    Raises
    ------
    LessonkitError
        When `repository` is not "owner/name" by GitHub's rules, or `ref` is not a tag by git's rules.
    """

    repository: str
    ref: str

    def __post_init__(self) -> None:
        owner, _, name = str(self.repository).partition("/")
        if not _OWNER.fullmatch(owner) or len(owner) > 39:
            raise LessonkitError(f"{self.repository!r}: give --repository as owner/name, as GitHub writes them")
        if not _NAME.fullmatch(name) or name in (".", "..") or name.lower().endswith((".git", ".wiki")):
            raise LessonkitError(f"{self.repository!r}: {name!r} is not the name of a repository: give only owner/name")
        if reason := _not_a_tag(str(self.ref)):
            raise LessonkitError(f"{self.ref!r}: {reason}: give --ref a tag, such as v1.0")

    @property
    def install(self) -> str:
        """The requirement that pip installs, ``git+https://...@TAG``."""
        return f"git+{GITHUB}/{self.repository}@{self.ref}"

    def colab(self, notebook: str) -> str:
        """The page that opens a notebook of the course in Colab, such as ``notebooks/01_lenet_baseline.ipynb``."""
        return f"{COLAB}/github/{self.repository}/blob/{self.ref}/{notebook}"

    def __str__(self) -> str:
        return f"{self.repository} at {self.ref}"


def _not_a_tag(ref: str) -> str:
    """Why this is not a tag, by the rules of git check-ref-format and a few of ours; "" if it is one."""
    if not _REF.fullmatch(ref):
        return "letters, digits and . _ / - are allowed, 100 at most"
    if ref.startswith("-") or ref == "HEAD":
        return "git does not take this for a tag"
    if any(part.startswith(".") or part.endswith((".lock", ".")) or not part for part in ref.split("/")) or ".." in ref:
        return "git does not allow this name"
    if re.fullmatch("[0-9a-f]{40}", ref):
        return "this is a commit, not a tag"
    return ""


def address_file(root: Path) -> Path:
    """The file with the address of the course in `root`."""
    return root / "solutions" / "published.json"


def read_address(root: Path) -> Address | None:
    """The address of the course in `root`, or None if it is not published.

    Raises
    ------
    LessonkitError
        When the file exists but contains no well-formed address.
    """
    file = address_file(root)
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return Address(content["repository"], content["ref"])
    except (ValueError, KeyError, TypeError) as error:
        raise LessonkitError(f"{file}: was not written by publish: run publish again, or delete the file") from error
    except LessonkitError as error:
        raise LessonkitError(f"{file}: {error}") from error


def address_text(address: Address) -> str:
    """The content of the address file, as JSON."""
    return json.dumps(asdict(address), indent=2) + "\n"
