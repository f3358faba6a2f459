"""The whole course in one zip: the notebooks, and the package with the trained weights.

The same files and tools always give the same bytes.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from packaging.version import Version

from lessonkit.course import build
from lessonkit.course.colab import build_wheel
from lessonkit.errors import LessonkitError
from lessonkit.files import writing

FOLDER = "lessonkit-course"  # the folder inside the zip; the set-up cell looks for lessonkit*.zip
SETUPTOOLS = Version("77")  # pyproject's licence line needs it

_README = """\
The lessons are in notebooks/; the package that they use is in lessonkit/, and worth reading: annealing.py, genetic.py.

At home (Python 3.11 or newer), in this folder:

    python3 -m venv .venv
    . .venv/bin/activate
    pip install ".[class]"
    jupyter lab notebooks

In Google Colab (nothing is installed there):

    File, Upload notebook: one of notebooks/*.ipynb.
    Files, Upload: the zip that this folder came in, as it is.
    Then run the notebook from its first cell. Colab deletes the files with the session; then upload them again.

MNIST is downloaded through Keras if possible; otherwise a stand-in that ships with the package is used.
"""


def write_bundle(root: Path, target: Path, *, with_solutions: bool = False) -> None:
    """Write the zip of the course in `root` to `target`, completely or not at all.

    Raises
    ------
    LessonkitError
        When the notebooks are not as built, the package is not in `root`, or no wheel can be made.
    """
    if not (root / "lessonkit" / "__init__.py").is_file() or not (root / "pyproject.toml").is_file():
        raise LessonkitError(f"{root}: contains no package to make a wheel from: a bundle needs the whole course")
    if findings := build.check(root):
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        raise LessonkitError(f"{findings[0]}{more}")
    lessons = build.lessons(root)
    with tempfile.TemporaryDirectory(prefix="lessonkit-bundle-") as scratch:
        wheel = build_wheel(root, Path(sys.executable), Path(scratch), isolated=_setuptools_is_old())
        with zipfile.ZipFile(wheel) as packed:  # what a wheel holds is what students get
            files = {name: packed.read(name) for name in packed.namelist() if name.startswith("lessonkit/")}
    files |= {name: (root / name).read_bytes() for name in ("pyproject.toml", "README.md", "LICENSE")}
    files["README.txt"] = _README.encode()
    for folder in ("notebooks", "solutions") if with_solutions else ("notebooks",):
        for lesson in lessons:  # each notebook is handed out alone, so none may be paired
            notebook = json.loads(lesson.file(folder, ".ipynb").read_text(encoding="utf-8"))
            text = json.dumps(build.unpaired(notebook), indent=1, ensure_ascii=False) + "\n"
            files[lesson.label(folder, ".ipynb")] = text.encode()
    with writing(target) as file:
        file.write(_zipped({f"{FOLDER}/{name}": content for name, content in files.items()}))


def _setuptools_is_old() -> bool:
    try:
        return Version(importlib.metadata.version("setuptools")) < SETUPTOOLS
    except importlib.metadata.PackageNotFoundError:
        return True


def _zipped(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for name, content in sorted(files.items()):
            info = zipfile.ZipInfo(name)  # 1 January 1980
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
            packed.writestr(info, content)
    return buffer.getvalue()
