"""Run the notebooks as Google Colab would: with its versions, each notebook alone, the package as an uploaded wheel.

Colab itself cannot be used from here. Instead, a second virtual environment has Colab's versions, and there is a folder
``google/colab`` for `import google.colab`. Each notebook is put into a folder with nothing but the wheel, and runs
there under strict nbval. Afterwards the environment must contain the same packages as before.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from lessonkit.course import nbval_rules
from lessonkit.errors import LessonkitError

# Exactly pinned: with ranges, pip took a quarter of an hour to choose.
VERSIONS = (
    "tensorflow==2.20.0",
    "keras==3.13.2",
    "numpy==2.1.3",
    "matplotlib==3.10.0",
    "ipywidgets==7.7.1",
    "ipykernel==6.17.1",
    "ipython==7.34.0",
    "notebook==6.5.7",
    "pandas==2.2.3",  # Colab has 2.2.2, for which no wheel for Python 3.13 exists
    "scikit-learn==1.6.1",
    "scipy",
    "threadpoolctl",
    "tqdm",
)
TOOLS = ("setuptools", "pytest", "nbval")
PYTHONS = ("3.13", "3.12", "3.11")  # Colab's first


def check(root: Path, notebooks: Sequence[Path], folder: Path, say: Callable[[str], None] = print) -> None:
    """Run `notebooks` with Colab's versions; the environment stays in `folder` and is used again next time.

    Raises
    ------
    LessonkitError
        When a notebook fails (with the last lines of its output), or has changed an installed package.
    """
    python = environment(folder, say)
    before = _freeze(python)
    with tempfile.TemporaryDirectory(prefix="lessonkit-colab-") as scratch:
        content = Path(scratch)
        (content / "google" / "colab").mkdir(parents=True)  # no google/__init__.py, as a namespace package has none
        (content / "google" / "colab" / "__init__.py").write_text("")
        wheel = build_wheel(root, python, content)
        say(f"built {wheel.name}")
        for notebook in notebooks:
            start = time.perf_counter()
            run_alone(python, notebook, wheel, content)
            seconds = time.perf_counter() - start
            say(f"{notebook.parent.name}/{notebook.name}: passes alone with its wheel ({seconds:.0f} s)")
    changed = sorted(set(before) ^ set(_freeze(python)))
    if changed:
        raise LessonkitError(f"the notebooks changed the installed packages: {', '.join(changed)}")
    say("nothing was installed or replaced")


def environment(folder: Path, say: Callable[[str], None] = print) -> Path:
    """The Python of a virtual environment with Colab's versions in `folder`, which is made if it does not exist."""
    python, done = folder / "bin" / "python", folder / "lessonkit-ready"
    wanted = "\n".join((*VERSIONS, *TOOLS))
    if not done.is_file() or done.read_text(encoding="utf-8") != wanted:
        base, start = _base_python(), time.perf_counter()
        _run([base, "-m", "venv", "--clear", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--prefer-binary", *VERSIONS, *TOOLS])
        done.write_text(wanted, encoding="utf-8")
        say(f"made {folder} ({time.perf_counter() - start:.0f} s)")
    say(_run([str(python), "-c", _VERSIONS_IN_USE]).strip())
    return python


_VERSIONS_IN_USE = (
    "import platform, importlib.metadata as m; print(f'Python {platform.python_version()}', *(f'{n} {m.version(n)}' "
    "for n in ('tensorflow', 'keras', 'numpy', 'matplotlib', 'ipywidgets', 'ipykernel', 'ipython')), sep=', ')"
)


def build_wheel(root: Path, python: Path, target: Path, *, isolated: bool = False) -> Path:
    """Build the package of the checkout `root` as a wheel in `target`, without changing the checkout.

    With `isolated`, pip fetches setuptools from the registry; else the one of `python` must be new enough.
    """
    with tempfile.TemporaryDirectory(prefix="lessonkit-wheel-") as scratch:
        copy = Path(scratch)
        shutil.copytree(root / "lessonkit", copy / "lessonkit", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "LICENSE", "README.md"):
            shutil.copy(root / name, copy)
        options = ["--quiet", "--no-deps", *([] if isolated else ["--no-build-isolation"]), "--wheel-dir", str(target)]
        _run([str(python), "-m", "pip", "wheel", *options, str(copy)])
    return next(target.glob("lessonkit-*.whl"))


def run_alone(python: Path, notebook: Path, archive: Path, content: Path) -> None:
    """Run a notebook in a folder with only the package's wheel or zip; `content` is on the path, as in Colab.

    Raises
    ------
    LessonkitError
        When a cell fails or its output differs; with the last lines of what was printed.
    """
    folder = Path(tempfile.mkdtemp(dir=content))
    shutil.copy(notebook, folder)
    shutil.copy(archive, folder)
    shutil.copy(nbval_rules.__file__, folder / "conftest.py")
    keep = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV", "MPLBACKEND")
    }
    variables = {**keep, "PYTHONPATH": str(content), "COLUMNS": "80", "TMPDIR": str(content)}
    variables.setdefault("LESSONKIT_DATA", "standin")
    command = [str(python), "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "."]
    _run(command, cwd=folder, env=variables, what=f"{notebook.parent.name}/{notebook.name} with Colab's versions")


def _base_python() -> str:
    """A Python to make the environment with: Colab's version if it is installed, else the nearest."""
    versions = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    for version in PYTHONS:
        found = shutil.which(f"python{version}")
        for candidate in (found, *sorted(map(str, versions.glob(f"{version}.*/bin/python3")), reverse=True)):
            if (
                candidate
                and subprocess.run([candidate, "-c", "import ensurepip"], capture_output=True, check=False).returncode
                == 0
            ):
                return candidate
    return sys.executable


def _freeze(python: Path) -> list[str]:
    return _run([str(python), "-m", "pip", "freeze", "--all"]).split("\n")


def _run(command: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None, what: str = "") -> str:
    """Run a command and return what it printed; if it fails, raise an error with its last lines."""
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired as error:
        raise LessonkitError(f"{what or ' '.join(command[:5])}: not finished after half an hour") from error
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-60:])
        raise LessonkitError(f"{what or ' '.join(command[:5])}: failed\n{tail}")
    return done.stdout
