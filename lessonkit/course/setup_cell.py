"""The two cells that are the same in every notebook: the set-up cell, and the badge of a published course.

The build stamps both texts, so a lesson's source holds them but nobody edits them there. Until `publish` was told an
address, there is no badge, and the set-up cell holds no address. The set-up cell may be run again at any time. Its code
is folded away, in JupyterLab and in Colab, since no lesson is about it.

The cell does only what must happen before the package can be imported: it appends to the path whatever holds the
package (a folder above the notebook; a wheel or zip beside it, from which Python imports as well), and else installs
from the published address or says what to do. `start` does the rest. The cell's text is the body of a class, so that
its imports and variables do not become names of the notebook.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import re
import sys
import tempfile
import zipfile
import zipimport
import zlib
from pathlib import Path

from lessonkit.course.address import COLAB, Address
from lessonkit.errors import LessonkitError

BADGE_TAGS = ["badge"]
SETUP_METADATA = {
    "cellView": "form",  # Colab's way to fold code
    "jupyter": {"source_hidden": True},  # JupyterLab's
    "tags": ["setup", "nbval-ignore-output"],  # what it prints holds versions
}

# Twelve lines at most, in the form that ruff gives it. An archive's entry of the path is the archive and the folder in
# it that holds the package; 21 characters are "lessonkit/__init__.py". With --no-deps TensorFlow, numpy and ipywidgets
# stay as they are.
_SETUP = """\
# @title Set-up, the same in every notebook: run this cell first
class _SetUp:
    import glob, importlib.util, pathlib, subprocess, sys, zipfile

    archives = sorted([*glob.glob("lessonkit*.[wz][hi][lp]"), *glob.glob("../lessonkit*.[wz][hi][lp]")], reverse=True)
    zips = map(zipfile.ZipFile, filter(zipfile.is_zipfile, archives))
    sys.path += [str(p) for p in pathlib.Path("_").absolute().parents if (p / "lessonkit" / "__init__.py").is_file()]
    sys.path += [f"{z.filename}/{n[:-21]}" for z in zips for n in z.namelist() if n.endswith("lessonkit/__init__.py")]
    if not getattr(importlib.util.find_spec("lessonkit"), "origin", None):
"""
_MISSING = """\
        looked = ", ".join([str(pathlib.Path.cwd()), *archives])
        raise ImportError(f"no whole lessonkit in {looked}: put its zip, wheel or folder beside this notebook (again)")
"""
_INSTALL = """\
        address = "%s"
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", address], check=True)
"""
_START = """\
    importlib.import_module("lessonkit.course.setup_cell").start()
"""


def setup_source(address: Address | None = None) -> str:
    """The text of the set-up cell; pip installs from `address` where nothing nearer is found."""
    otherwise = _INSTALL % address.install if address else _MISSING
    text = _SETUP if address else _SETUP.replace("subprocess, ", "")
    return (text + otherwise + _START).rstrip("\n")


def badge_source(notebook: str, address: Address) -> str:
    """The text of the badge cell of a notebook, for instance ``notebooks/01_lenet_baseline.ipynb``."""
    return f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({address.colab(notebook)})"


def start() -> None:
    """What the set-up cell does once the package can be imported: make it whole, and say what is in use.

    The data files of the package must be files: imported from an archive, it is unpacked into a new folder, and
    imported again from there.

    Raises
    ------
    LessonkitError
        When the archive is damaged.
    """
    if __spec__ is not None and isinstance(loader := __spec__.loader, zipimport.zipimporter):
        sys.path.insert(0, _unpacked(Path(loader.archive), loader.prefix.replace(os.sep, "/")))
        for name in [each for each in sys.modules if each.partition(".")[0] == "lessonkit"]:
            del sys.modules[name]
        importlib.import_module(__name__).start()
        return
    sys.path[:] = [entry for entry in dict.fromkeys(sys.path) if not re.search(r"lessonkit[^/\\]*\.(whl|zip)/", entry)]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    print(in_use())


def _unpacked(archive: Path, prefix: str) -> str:
    """A new folder with the package of a wheel or zip, in which this file lies in the folder `prefix`."""
    folder, above = tempfile.mkdtemp(prefix="lessonkit-"), prefix.removesuffix("lessonkit/course/")
    try:
        with zipfile.ZipFile(archive) as packed:
            names = [name for name in packed.namelist() if name.startswith(f"{above}lessonkit/")]
            packed.extractall(folder, names)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise LessonkitError(f"{archive.name} is damaged or only half uploaded: put it here once more.") from error
    return str(Path(folder, above))


def in_use() -> str:
    """One line: the versions and the data in use. TensorFlow is not imported for it."""
    from lessonkit import __version__
    from lessonkit.networks.mnist import load_mnist

    versions = [f"lessonkit {__version__}", f"Python {platform.python_version()}"]
    for name in ("tensorflow", "keras", "numpy"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return f"{', '.join(versions)}; {load_mnist().source}"
