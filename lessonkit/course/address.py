"""Where the course is published: ``owner/name`` on GitHub and a tag; or nowhere, as long as nobody named a place.

``solutions/published.json`` is the one place that says it. `publish` writes the file, the build reads it and fills in
the badges and the set-up cells. Without it no notebook holds an address: installing from one that nobody here owns
would be a hole.
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
    """A repository on GitHub and the tag that holds the course; only a well-formed one can be made.

    Raises
    ------
    LessonkitError
        When `repository` is not "owner/name" by GitHub's rules, or `ref` not a tag by git's.
    """

    repository: str
    ref: str

    def __post_init__(self) -> None:
        owner, _, name = str(self.repository).partition("/")
        if not _OWNER.fullmatch(owner) or len(owner) > 39:
            raise LessonkitError(f"{self.repository!r}: give --repository as owner/name, as GitHub writes them")
        if not _NAME.fullmatch(name) or name in (".", "..") or name.lower().endswith((".git", ".wiki")):
            raise LessonkitError(f"{self.repository!r}: {name!r} is no name of a repository: give owner/name alone")
        if reason := _not_a_tag(str(self.ref)):
            raise LessonkitError(f"{self.ref!r}: {reason}: give --ref a tag, such as v1.0")

    @property
    def install(self) -> str:
        """What pip installs."""
        return f"git+{GITHUB}/{self.repository}@{self.ref}"

    def colab(self, notebook: str) -> str:
        """The page that opens a notebook of the course in Colab, for instance ``notebooks/01_lenet_baseline.ipynb``."""
        return f"{COLAB}/github/{self.repository}/blob/{self.ref}/{notebook}"

    def __str__(self) -> str:
        return f"{self.repository} at {self.ref}"


def _not_a_tag(ref: str) -> str:
    """Why this is no tag, by the rules of git check-ref-format and a few of ours; nothing where it is one."""
    if not _REF.fullmatch(ref):
        return "letters, digits and . _ / - are allowed, 100 at most"
    if ref.startswith("-") or ref == "HEAD":
        return "git does not take this for a tag"
    if any(part.startswith(".") or part.endswith((".lock", ".")) or not part for part in ref.split("/")) or ".." in ref:
        return "git does not allow this name"
    if re.fullmatch("[0-9a-f]{40}", ref):
        return "a commit cannot be named in itself"
    return ""


def address_file(root: Path) -> Path:
    """Where the address of the course in `root` is written down."""
    return root / "solutions" / "published.json"


def read_address(root: Path) -> Address | None:
    """The address of the course in `root`, or None for one that is published nowhere.

    Raises
    ------
    LessonkitError
        When the file is there and does not hold a well-formed address.
    """
    file = address_file(root)
    if not file.is_file():
        return None
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return Address(content["repository"], content["ref"])
    except (ValueError, KeyError, TypeError) as error:
        raise LessonkitError(f"{file}: is not what publish writes: run publish again, or delete the file") from error
    except LessonkitError as error:
        raise LessonkitError(f"{file}: {error}") from error


def address_text(address: Address) -> str:
    """What the file of an address holds."""
    return json.dumps(asdict(address), indent=2) + "\n"
