"""The two cells that are the same in every notebook: the set-up cell, and the badge of a published course.

The build stamps both texts, so a lesson's source holds them but nobody edits them there. Until `publish` was told an
address, there is no badge, and the set-up cell holds no address. The set-up cell leaves no name behind: it may be run
again at any time. Its code is folded away, in JupyterLab and in Colab, since no lesson is about it.
"""

from __future__ import annotations

import importlib.metadata
import platform

from lessonkit.course.address import COLAB, Address

BADGE_TAGS = ["badge"]
SETUP_METADATA = {
    "cellView": "form",  # Colab's way to fold code
    "jupyter": {"source_hidden": True},  # JupyterLab's
    "tags": ["setup", "nbval-ignore-output"],  # what it prints holds versions
}

_SETUP = '''\
# @title Set-up, the same in every notebook: run this cell first
def _set_up(published="{address}"):
    """Find the course's package, and say what is in use."""
    import importlib.util
    import os
    import subprocess
    import sys
    import tempfile
    import zipfile
    from pathlib import Path

    def package_in(archive):
        """The unpacked folder that holds the package of a wheel, of a zip, or of a wheel within a zip; or None."""
        unpacked = Path(tempfile.mkdtemp(prefix="lessonkit-"))
        try:
            with zipfile.ZipFile(archive) as packed:
                packed.extractall(unpacked)
        except zipfile.BadZipFile:
            raise ImportError(f"{{archive.name}} is damaged or only half uploaded: put it here once more.") from None
        for package in unpacked.rglob("lessonkit/__init__.py"):
            return package.parent.parent
        for wheel in unpacked.rglob("lessonkit*.whl"):
            return package_in(wheel)
        return None

    def find_lessonkit():
        """Installed; in this folder or one above; in a wheel or zip beside the notebook or one above; or published."""
        found = importlib.util.find_spec("lessonkit")
        if found is not None and found.origin is not None:
            return
        here = Path.cwd()
        for folder in (here, *here.parents):
            if (folder / "lessonkit" / "__init__.py").is_file():
                sys.path.insert(0, str(folder))
                return
        for folder in (here, here.parent):
            for archive in sorted((*folder.glob("lessonkit*.whl"), *folder.glob("lessonkit*.zip")), reverse=True):
                if package := package_in(archive):
                    sys.path.insert(0, str(package))
                    return
        if published:  # --no-deps: TensorFlow, numpy and ipywidgets stay as they are
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", published], check=True)
            return
        raise ModuleNotFoundError(
            "the package 'lessonkit' is not here. Put the course's folder, its zip, or its wheel (lessonkit-*.whl)\\n"
            f"into {{here}}, beside this notebook (in Colab: Files, Upload), and run this cell again."
        )

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    find_lessonkit()
    importlib.invalidate_caches()
    from lessonkit.course.setup_cell import in_use

    print(in_use())


_set_up()
del _set_up
'''


def setup_source(address: Address | None = None) -> str:
    """The text of the set-up cell; pip installs from `address` where nothing nearer is found."""
    return _SETUP.format(address=address.install if address else "").rstrip("\n")


def badge_source(notebook: str, address: Address) -> str:
    """The text of the badge cell of a notebook, for instance ``notebooks/01_lenet_baseline.ipynb``."""
    return f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({address.colab(notebook)})"


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
