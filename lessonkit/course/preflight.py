"""Check everything that can be known the evening before class: one line per check, and what to do about each failure.

A check is a function that takes the course's folder and returns a `Line`. Its state is "ok"; "note" for something that
is not a fault but good to know, such as the stand-in in place of MNIST; or "red" for what would go wrong in class.
"""

from __future__ import annotations

import functools
import importlib.metadata
import platform
import re
import shutil
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
import psutil
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from lessonkit.course import build, colab, leaks, publish
from lessonkit.course.address import read_address
from lessonkit.course.build import Lesson
from lessonkit.course.setup_cell import badge_source, setup_source
from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.networks.mlpnet import mlpnet
from lessonkit.networks.mnist import Split, load_mnist
from lessonkit.networks.weights import ASSETS, lenet5, read_weights

OK, NOTE, RED = "ok", "note", "red"

NOTEBOOK_SECONDS = 45  # a whole notebook should not take longer, since students wait for it
AT_ONCE = 2  # notebooks that run side by side
DISK = 1_000_000_000  # bytes that must be free for a class: saved notebooks, runs, MNIST
MEMORY = 2_500_000_000  # bytes for two notebooks side by side; the largest kernel measured took 1.1 GB
# Accuracy of the shipped weights on the test images of their data; one image of MNIST is 0.0001.
SCORES = {"mnist-0": 0.9731, "mnist-1": 0.9733, "mnist-2": 0.9736, "standin-0": 0.9690, "mlpnet-mnist": 0.9401}
SLACK = 0.001

_BUILD = "edit solutions/*.py, the only files to edit, then run python -m lessonkit build"


@dataclass(frozen=True)
class Line:
    """What a check found.

    Attributes
    ----------
    check : the name of the check.
    state : "ok", "note" or "red".
    said : the finding in one line.
    way_out : what to do about it; never empty if the state is "red".
    details : all findings, if there are several; `said` has only the first.
    seconds : how long the check took.
    """

    check: str
    state: str
    said: str
    way_out: str = ""
    details: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class Run:
    """One notebook run from top to bottom: its name, the time it took, and what went wrong ("" if nothing did)."""

    label: str
    seconds: float
    problem: str


def _judged(check: str, findings: list[str], good: str, way_out: str) -> Line:
    """A line that is "ok" without findings, else "red" with the first of them."""
    if not findings:
        return Line(check, OK, good)
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return Line(check, RED, findings[0] + more, way_out, tuple(findings))


# --- what is installed ---


def requirements(root: Path, extra: str = "") -> tuple[SpecifierSet, list[Requirement]]:
    """The versions of Python and of packages that the course supports; "class" adds Jupyter and the other tools.

    They come from the folder's pyproject.toml, or from the installed package.
    """
    file = root / "pyproject.toml"
    project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {}) if file.is_file() else {}
    if project.get("name") == "lessonkit":
        named = [*project["dependencies"], *project["optional-dependencies"].get(extra, ())]
        return SpecifierSet(project["requires-python"]), [Requirement(text) for text in named]
    metadata = importlib.metadata.metadata("lessonkit")
    everything = [Requirement(text) for text in importlib.metadata.requires("lessonkit") or ()]
    wanted = [each for each in everything if each.marker is None or each.marker.evaluate({"extra": extra})]
    return SpecifierSet(metadata["Requires-Python"]), wanted


def versions(root: Path) -> Line:
    """Check that Python and every package are in the supported range."""
    pythons, wanted = requirements(root, "class")
    here = platform.python_version()
    findings = [] if pythons.contains(here, prereleases=True) else [f"Python {here} is not {pythons}"]
    for each in wanted:
        found = _installed(each.name)
        if found is None:
            findings.append(f"{each.name} is not installed")
        elif not each.specifier.contains(found, prereleases=True):
            findings.append(f"{each.name} {found} is not {each.specifier}")
    good = f"Python {here} and {len({each.name for each in wanted})} packages are in the supported range"
    return _judged("versions", findings, good, "pip install -r requirements.txt in the course's folder")


def colab_versions(root: Path) -> Line:
    """Check that Colab's versions are in the supported range, and list what differs here."""
    pythons, wanted = requirements(root)
    theirs = {
        each.name: next(iter(each.specifier)).version for each in map(Requirement, colab.VERSIONS) if each.specifier
    }
    findings = [] if pythons.contains(colab.PYTHONS[0]) else [f"Colab's Python {colab.PYTHONS[0]} is not {pythons}"]
    findings += [
        f"Colab's {each.name} {theirs[each.name]} is not {each.specifier}"
        for each in wanted
        if each.name in theirs and not each.specifier.contains(theirs[each.name])
    ]
    line = _judged("Colab's versions", findings, "this machine has them", "lower the floor in pyproject.toml")
    ours = {name: _installed(name) or "none" for name in theirs}
    other = [f"{name} {ours[name]} (Colab {theirs[name]})" for name in theirs if ours[name] != theirs[name]]
    if line.state == RED or not other:
        return line
    said = f"nothing would be replaced in Colab; different here: {', '.join(other[:3])}"
    said += f" and {len(other) - 3} more" if len(other) > 3 else ""
    return replace(line, state=NOTE, said=said, way_out="python -m lessonkit colab runs the notebooks with Colab's")


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


# --- what the course contains ---


def data(root: Path) -> Line:
    """Check whether MNIST is here and verified, or the stand-in is used."""
    found = load_mnist()
    if found.name == "mnist":
        return Line("data", OK, f"{found.source.removeprefix('data: ')}, verified by their digest")
    way_out = "to use MNIST, copy Keras's mnist.npz to this machine and set LESSONKIT_DATA to its path"
    return Line("data", NOTE, found.source.removeprefix("data: "), way_out)


def weights(root: Path) -> Line:
    """Check that every trained network loads and reaches its accuracy."""
    folder = root / "lessonkit" / "assets" if (root / "lessonkit").is_dir() else ASSETS
    in_use = load_mnist()
    tests = {"standin": load_mnist("standin").test, in_use.name: in_use.test}
    findings, scored = [], []
    for name, expected in SCORES.items():
        try:
            reached = _accuracy(folder / f"{name}.npz", tests)
        except LessonkitError as error:
            findings.append(str(error))
            continue
        if reached is None:
            continue
        scored.append(f"{name} {100 * reached:.2f}%")
        if abs(reached - expected) > SLACK:
            findings.append(f"{name}.npz reaches {100 * reached:.2f}% of the test images, not {100 * expected:.2f}%")
    good = f"{len(SCORES)} networks load; {', '.join(scored)} of the test images"
    return _judged("weights", findings, good, "git restore lessonkit/assets, or install the package again")


def _accuracy(file: Path, tests: dict[str, Split]) -> float | None:
    """The accuracy of the weights in a file on the test images of their data; None if the data are not here."""
    arrays = read_weights(file)
    try:
        network = (mlpnet if file.stem.startswith("mlpnet") else lenet5)(arrays)
        test = tests.get("standin" if file.stem.startswith("standin") else "mnist")
        if test is None:
            return None
        return Evaluator(network, test.images, test.labels).evaluate(network.keep_all()).accuracy
    except (KeyError, ValueError) as error:
        raise LessonkitError(f"{file.name}: does not hold the weights of its network ({error})") from error


def pairs(root: Path) -> Line:
    """Check that every notebook and script is what the build makes from its source."""
    good = f"{len(build.lessons(root))} lessons, every notebook and script as built from its source"
    return _judged("pairs in step", build.check(root), good, _BUILD)


def badges(root: Path) -> Line:
    """Check that every badge opens its notebook at the published address, and every set-up cell installs from there."""
    address = read_address(root)
    findings = []
    for lesson in build.lessons(root):
        badge = [badge_source(lesson.label("notebooks", ".ipynb"), address)] if address else []
        for folder in ("notebooks", "solutions"):
            cells = nbformat.read(lesson.file(folder, ".ipynb"), as_version=4).cells
            for tag, what, wanted in (("badge", "badge", badge), ("setup", "set-up cell", [setup_source(address)])):
                found = [cell.source for cell in cells if tag in cell.metadata.get("tags", ())]
                if found != wanted:
                    links = re.findall(r"https?://[^\s\")]+", "".join(found))
                    said = f"leads to {links[-1]}" if links else "is missing" if not found else "differs"
                    findings.append(f"{lesson.label(folder, '.ipynb')}: its {what} {said}")
    good = f"every one leads to {address}" if address else "not published, so no notebook holds an address"
    line = _judged("badge addresses", findings, good, "python -m lessonkit build --stamp")
    if address and not findings and (missing := publish.missing_from_tag(root, address)):
        line = replace(
            line, state=NOTE, said=f"every one leads to {address}: {missing}", way_out="publish prints the steps"
        )
    return line


def leaked(root: Path) -> Line:
    """Check that no student's notebook contains a solution."""
    findings = [finding for lesson in build.lessons(root) for finding in leaks.find_leaks(lesson)]
    way_out = f"put each solution between '### BEGIN SOLUTION' and '### END SOLUTION': {_BUILD}"
    return _judged("leaks", findings, "no student's notebook contains a solution", way_out)


def exercises(root: Path) -> Line:
    """Check the stored outputs: exercises are not attempted in the students' notebooks, and right in the solutions."""
    findings, names = [], set()
    for lesson in build.lessons(root):
        for folder in leaks.EXPECTED:
            notebook = nbformat.read(lesson.file(folder, ".ipynb"), as_version=4)
            names |= {name for name, _ in leaks.verdicts(notebook)}
            findings += [f"{lesson.label(folder, '.ipynb')}: {text}" for text in leaks.misjudged(notebook, folder)]
    return _judged("exercises", findings, f"{len(names)}, blank for students and right in the solutions", _BUILD)


# --- what the machine has ---


def room(root: Path) -> Line:
    """Check that there is enough free disk space and memory."""
    free = {place: shutil.disk_usage(place).free for place in (root, Path(tempfile.gettempdir()))}
    memory = int(psutil.virtual_memory().available)
    findings = [f"{place} has {_gb(left)} free, not {_gb(DISK)}" for place, left in free.items() if left < DISK]
    if memory < MEMORY:
        findings.append(f"{_gb(memory)} of memory is free, not {_gb(MEMORY)}")
    good = f"{_gb(min(free.values()))} of disk and {_gb(memory)} of memory are free"
    return _judged("disk and memory", findings, good, "delete files, close programs, or take a larger machine")


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"


# --- whether the notebooks run ---


def run_notebooks(root: Path, finished: Callable[[Run], None] = lambda run: None) -> dict[str, list[Run]]:
    """Run all notebooks, the students' and the solutions, `AT_ONCE` side by side, in memory: no file is changed.

    `finished` is called with each `Run`; the result holds the runs of each folder.
    """
    jobs = [(folder, lesson) for folder in leaks.EXPECTED for lesson in build.lessons(root)]
    runs: dict[str, list[Run]] = {folder: [] for folder in leaks.EXPECTED}
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        for (folder, _), run in zip(jobs, pool.map(lambda job: run_notebook(*job), jobs), strict=True):
            runs[folder].append(run)
            finished(run)
    except BaseException:
        for child in psutil.Process().children():
            if "ipykernel_launcher" in child.cmdline():  # else Ctrl-C would wait for the running notebooks
                child.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)
    return runs


def run_notebook(folder: str, lesson: Lesson) -> Run:
    """Run one notebook as it is in its folder, and check how its exercises are judged."""
    label, start = lesson.label(folder, ".ipynb"), time.perf_counter()
    try:
        notebook = nbformat.read(lesson.file(folder, ".ipynb"), as_version=4)
        found = leaks.misjudged(build.execute(notebook, lesson, folder), folder)
        problem = f"{label}: {found[0]}" if found else ""
    except Exception as error:  # whatever is wrong with one notebook, the others must still run
        problem = str(error) if isinstance(error, LessonkitError) else f"{label}: {type(error).__name__}: {error}"
    return Run(label, round(time.perf_counter() - start, 1), problem)


def ran(runs: dict[str, list[Run]]) -> list[Line]:
    """The lines about the notebooks that were run."""
    lines = []
    for folder, check, good in (
        ("notebooks", "student notebooks", "run from top to bottom with every exercise blank"),
        ("solutions", "solutions", "run from top to bottom with every exercise right"),
    ):
        problems = [_one_line(run.problem) for run in runs[folder] if run.problem]
        way_out = f"open it, run it, and read the red cell; then {_BUILD}"
        line = _judged(check, problems, f"{len(runs[folder])} {good}", way_out)
        lines.append(replace(line, seconds=round(sum(run.seconds for run in runs[folder]), 1)))
    everything = [run for each in runs.values() for run in each]
    slow = [f"{run.label} took {run.seconds:.0f} s" for run in everything if run.seconds > NOTEBOOK_SECONDS]
    slowest = max(everything, key=lambda run: run.seconds, default=Run("none", 0.0, ""))
    good = f"at most {slowest.seconds:.0f} of {NOTEBOOK_SECONDS} s, {AT_ONCE} side by side ({slowest.label})"
    way_out = "close other programs and try again; else use a faster machine, or fewer evaluations in the lesson"
    lines.append(_judged("notebook times", slow, good, way_out))
    return lines


def _one_line(text: str) -> str:
    """The first and the last line of a message; the traceback between them can be seen in the notebook."""
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return lines[0] if len(lines) < 2 else f"{lines[0]} {lines[-1]}"


QUICK: tuple[Callable[[Path], Line], ...] = (
    versions, colab_versions, data, weights, pairs, badges, leaked, exercises, room,
)  # fmt: skip


def preflight(root: Path, *, fast: bool = False, finished: Callable[[Run], None] = lambda run: None) -> Iterator[Line]:
    """Yield every line as soon as it is known; with `fast`, run no notebooks.

    `finished` is called with the `Run` of each notebook.

    Raises
    ------
    LessonkitError
        When there are no lessons in `root`.
    """
    if not build.lessons(root):
        raise LessonkitError(f"{root / 'solutions'}: no lesson there (NN_name.py)")
    for check in QUICK:
        yield _timed(functools.partial(check, root), check.__name__.replace("_", " "))
    if fast:
        yield Line("notebooks", NOTE, "not run", "leave out --fast to run every notebook")
    else:
        yield from ran(run_notebooks(root, finished))


def _timed(check: Callable[[], Line], name: str) -> Line:
    start = time.perf_counter()
    try:
        line = check()
    except Exception as error:  # a check that fails with an error is red, and the next one is made
        said = str(error) if isinstance(error, LessonkitError) else f"{type(error).__name__}: {error}"
        line = Line(name, RED, _one_line(said), "fix this first; git restore brings back a file that is gone")
    return replace(line, seconds=round(time.perf_counter() - start, 1))
