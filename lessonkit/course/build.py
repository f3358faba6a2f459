"""Build a lesson's four files from ``solutions/NN_name.py``, the only one that people edit.

A lesson's source is a jupytext percent script. From it, ``python -m lessonkit build [NAME ...]`` makes

    solutions/NN_name.ipynb     paired with the source by jupytext, executed
    notebooks/NN_name.py        the student's: solutions blanked
    notebooks/NN_name.ipynb     the same, executed; not paired

writes the source itself in its plain form, and renews the tables of the teacher's guide, ``solutions/README.md``. NAME
is a lesson's stem or the start of it: ``01``, ``01_lenet_baseline``. ``build --check`` changes nothing and lists what
differs from a build; ``build --stamp`` renews only the badges, the set-up cells and the guide, and runs nothing.

Pairing helps the authors: JupyterLab opens the notebook with the text of the script. For a student it would do harm:
where the two differ, jupytext shows the newer file or refuses to open either, and after a clone or an unzip both have
the same age. So an answer written in Colab or VS Code could be replaced by the empty stub. Therefore a student's
notebook is not paired: it always opens with what was saved in it last.

How to write a lesson
---------------------
- ``# %% tags=["setup"]``: the set-up cell. Leave it empty, because the build fills it in, and put it before the first
  use of the package. In a published course the build also puts a badge above all other cells.
- Write a solution inside its stub between ``### BEGIN SOLUTION`` and ``### END SOLUTION``, both indented like the code;
  students see ``...`` instead. The next cell is ``f = check("lesson.f", f)``.
- Tag ``solution-only``: the cell is left out of the student's notebook.
- Tag ``mnist``: the cell's output depends on the data, and is compared only if the real MNIST is in use.
- Tag ``raises-exception``: the cell is meant to end in an error; an error in any other cell stops the build.
- A cell must not write to stderr (it would look red) nor print a time or a memory address: the tests run each notebook
  again and compare. Without MNIST, all cells except those tagged `mnist` must print the same.
- A figure must be a `lessonkit.display.plot.Plot` and the last expression of its cell, so that it has its alt text.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from lessonkit.course.address import Address, read_address
from lessonkit.course.guide import filled
from lessonkit.course.kernel import CELL_SECONDS, kernel_environment
from lessonkit.course.markers import blank_solutions
from lessonkit.course.setup_cell import BADGE_TAGS, SETUP_METADATA, badge_source, setup_source
from lessonkit.errors import LessonkitError
from lessonkit.files import write_text

LARGEST = 1_000_000  # bytes of one notebook
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"

_KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
_PAIR = {"formats": "ipynb,py:percent"}
# Without jupytext's version, so that another version does not change every file.
_FILTER = {"notebook_metadata_filter": "jupytext,kernelspec,-jupytext.text_representation.jupytext_version"}
# What the kernel would report, without Python's version.
_LANGUAGE = {
    "codemirror_mode": {"name": "ipython", "version": 3},
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "nbconvert_exporter": "python",
    "pygments_lexer": "ipython3",
}
_PRODUCTS = (("solutions", ".ipynb"), ("notebooks", ".py"), ("notebooks", ".ipynb"))  # made from solutions/*.py
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Lesson:
    """One lesson: its source, and where the files made from it belong."""

    root: Path
    stem: str

    def file(self, folder: str, suffix: str) -> Path:
        """One of the four files: folder "solutions" or "notebooks", suffix ".py" or ".ipynb"."""
        return self.root / folder / (self.stem + suffix)

    @property
    def files(self) -> list[Path]:
        """All four files, the source first."""
        return [self.file(folder, suffix) for folder, suffix in (("solutions", ".py"), *_PRODUCTS)]

    def label(self, folder: str, suffix: str) -> str:
        """The file's name for a message, such as "notebooks/01_lenet_baseline.ipynb"."""
        return f"{folder}/{self.stem}{suffix}"


def find_root(start: Path | None = None) -> Path:
    """The course's folder: the working folder or the nearest one above it that contains ``solutions/``.

    Raises
    ------
    LessonkitError
        When there is none.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "solutions").is_dir():
            return folder
    raise LessonkitError(f"{here}: no folder solutions/ here or above: run this in the course's folder")


def lessons(root: Path, names: list[str] | None = None) -> list[Lesson]:
    """The lessons of the course in order, or those whose stem begins with one of `names`.

    Raises
    ------
    LessonkitError
        When a name fits no lesson.
    """
    stems = sorted(path.stem for path in (root / "solutions").glob("[0-9]*.py"))
    if not names:
        return [Lesson(root, stem) for stem in stems]
    chosen = set()
    for name in names:
        found = [stem for stem in stems if stem.startswith(Path(name).stem)]
        if not found:
            raise LessonkitError(f"{name}: no such lesson; there are {', '.join(stems) or 'none'}")
        chosen.update(found)
    return [Lesson(root, stem) for stem in sorted(chosen)]


def plain_solution(lesson: Lesson) -> str:
    """The source in its plain form: with the badge and the set-up cell filled in, and the pairing in its header."""
    return _script(_stamped(_read(lesson.file("solutions", ".py")), lesson, read_address(lesson.root)), "solutions")


def student_script(lesson: Lesson, solution: str) -> str:
    """The student's script, made from the text of the solution script."""
    notebook = jupytext.reads(blank_solutions(solution, lesson.label("solutions", ".py")), fmt="py:percent")
    notebook.cells = [cell for cell in notebook.cells if "solution-only" not in cell.metadata.get("tags", [])]
    return _script(notebook, "notebooks")


def build(lesson: Lesson) -> list[Path]:
    """Make a lesson's four files, and write them if both notebooks ran to the end; return the files that changed.

    Raises
    ------
    LessonkitError
        When a notebook fails, or would be too large.
    """
    solution = plain_solution(lesson)
    student = student_script(lesson, solution)
    texts = {lesson.file("solutions", ".py"): solution, lesson.file("notebooks", ".py"): student}
    lesson.file("notebooks", ".py").parent.mkdir(exist_ok=True)
    for folder, script in (("solutions", solution), ("notebooks", student)):
        texts[lesson.file(folder, ".ipynb")] = _dump(execute(notebook_of(lesson, folder, script), lesson, folder))
    for path, text in texts.items():
        if len(text.encode()) > LARGEST:
            raise LessonkitError(f"{path}: would have {len(text) / 1e6:.1f} MB: draw fewer or smaller pictures")
    changed = [path for path, text in texts.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    for path in changed:
        write_text(path, texts[path])
    return changed


def guide(root: Path) -> dict[Path, str]:
    """The path and the text of the teacher's guide, its generated parts renewed; empty if the course has no guide."""
    path = root / "solutions" / "README.md"
    sources = [lesson.file("solutions", ".py") for lesson in lessons(root)]
    return {path: filled(path.read_text(encoding="utf-8"), sources)} if path.is_file() else {}


def stamp(lesson: Lesson, address: Address | None) -> dict[Path, str]:
    """The texts of all four files, with the badge and the set-up cell for this address; nothing is run or written.

    Raises
    ------
    LessonkitError
        When a file differs from a build in anything but its badge and its set-up cell.
    """
    source = lesson.file("solutions", ".py")
    texts = {source: restamped(lesson, source, source.read_text(encoding="utf-8"), address)}
    expected = {"solutions": texts[source], "notebooks": student_script(lesson, texts[source])}
    for folder, suffix in _PRODUCTS:
        path, label = lesson.file(folder, suffix), lesson.label(folder, suffix)
        first = f"run python -m lessonkit build {lesson.stem} first"
        if not path.is_file():
            raise LessonkitError(f"{label}: missing: {first}")
        texts[path] = restamped(lesson, path, path.read_text(encoding="utf-8"), address)
        if difference := _difference(_parse(texts[path], path), jupytext.reads(expected[folder], fmt="py:percent")):
            raise LessonkitError(f"{label}: {difference}: {first}")
    return texts


def restamped(lesson: Lesson, path: Path, text: str, address: Address | None) -> str:
    """The text of one of the four files with its badge and its set-up cell for this address."""
    notebook = _stamped(_parse(text, path), lesson, address)
    try:
        if path.suffix == ".py":
            return _script(notebook, path.parent.name)
        return _dump(_identified(notebook, lesson, path.parent.name))
    except nbformat.ValidationError as error:
        raise LessonkitError(f"{path}: is not a notebook ({error.message})") from error


def notebook_of(lesson: Lesson, folder: str, script: str) -> Any:
    """The unexecuted notebook of a script, with stable cell ids."""
    notebook = jupytext.reads(script, fmt="py:percent")
    notebook.metadata = _metadata(folder)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        kept = {name: cell.metadata[name] for name in ("tags", *SETUP_METADATA) if cell.metadata.get(name)}
        cell.metadata = nbformat.from_dict(kept)
    return _identified(notebook, lesson, folder)


def _metadata(folder: str) -> Any:
    """The metadata of a notebook in "solutions" or "notebooks"."""
    pair = {"jupytext": {**_PAIR, **_FILTER}} if folder == "solutions" else {}
    return nbformat.from_dict({**pair, "kernelspec": _KERNEL, "language_info": _LANGUAGE})


def _identified(notebook: Any, lesson: Lesson, folder: str) -> Any:
    """The notebook with cell ids that depend only on the position; a badge does not change the ids of other cells."""
    badges = sum("badge" in cell.metadata.get("tags", ()) for cell in notebook.cells)
    for position, cell in enumerate(notebook.cells, start=-badges):
        cell.id = hashlib.sha256(f"{lesson.label(folder, '.ipynb')}:{position}".encode()).hexdigest()[:12]
    return notebook


def unpaired(notebook: dict[str, Any]) -> dict[str, Any]:
    """A copy of a notebook that is not paired, to be handed out alone."""
    metadata = {name: value for name, value in notebook["metadata"].items() if name != "jupytext"}
    return {**notebook, "metadata": metadata}


def execute(notebook: Any, lesson: Lesson, folder: str) -> Any:
    """Run a notebook in its folder with a new kernel of this Python, and clean its outputs.

    Raises
    ------
    LessonkitError
        At the first cell that ends in an error or writes to stderr; the message names notebook, cell and error.
    """
    from jupyter_client.kernelspec import NATIVE_KERNEL_NAME
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    label = lesson.label(folder, ".ipynb")
    client = NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        startup_timeout=CELL_SECONDS,
        kernel_name=NATIVE_KERNEL_NAME,
        record_timing=False,
        extra_arguments=["--log-level=ERROR"],
        coalesce_streams=True,
        resources={"metadata": {"path": str(lesson.root / folder)}},
    )
    manager = client.create_kernel_manager()
    manager.kernel_spec.argv[0] = sys.executable  # an installed kernel of this name may be another Python
    environment = kernel_environment(lesson.root)
    environment.setdefault("PYTEST_CURRENT_TEST", "build")  # keeps ipykernel from capturing TensorFlow's C++ log
    with tempfile.TemporaryFile("w+") as log:  # what the kernel writes outside the notebook
        try:
            client.execute(env=environment, stderr=log)
        except (CellExecutionError, CellTimeoutError) as error:
            raise LessonkitError(f"{label}: stopped. {_COLOURS.sub('', str(error)).strip()}") from error
        except (DeadKernelError, RuntimeError) as error:
            log.seek(0)
            said = f"{error} {log.read()[-2000:]}".strip()
            raise LessonkitError(f"{label}: stopped, its kernel died. {said}") from error
    return _cleaned(notebook, label, folder)


def _cleaned(notebook: Any, label: str, folder: str) -> Any:
    """The notebook without anything that changes from run to run, or that only a live kernel can show."""
    notebook.metadata = _metadata(folder)
    for number, cell in enumerate(notebook.cells):
        cell.metadata.pop("execution", None)
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            if output.output_type == "stream" and output.name == "stderr":
                place = f"{label}: cell {number} ({_first_line(cell)})"
                raise LessonkitError(f"{place} writes to stderr, which shows in red: {output.text.strip()}")
            if "data" in output:
                output.data.pop(WIDGET_VIEW, None)
        cell.outputs = [output for output in cell.outputs if output.get("data", True)]
    return notebook


def check(root: Path, names: list[str] | None = None) -> list[str]:
    """All differences from what a build would make, one line each, with what to do; empty if there are none."""
    findings = []
    for lesson in lessons(root, names):
        findings += _check_lesson(lesson)
    if not names:
        stems = {lesson.stem for lesson in lessons(root)}
        for path in [*sorted((root / "notebooks").glob("*.*")), *sorted((root / "solutions").glob("*.ipynb"))]:
            if path.suffix in (".py", ".ipynb") and path.stem not in stems:
                label = f"{path.parent.name}/{path.name}"
                findings.append(f"{label}: there is no solutions/{path.stem}.py that it is made from: delete it")
        findings += [f"solutions/{path.name}: differs from the lessons: run python -m lessonkit build --stamp"
                     for path, text in guide(root).items() if path.read_text(encoding="utf-8") != text]  # fmt: skip
    return findings


def _check_lesson(lesson: Lesson) -> list[str]:
    source = lesson.label("solutions", ".py")
    again = f"python -m lessonkit build {lesson.stem}"
    solution = plain_solution(lesson)
    findings = []
    if _signature(jupytext.reads(solution, fmt="py:percent")) != _signature(_read(lesson.file("solutions", ".py"))):
        findings.append(f"{source}: the badge or the set-up cell is not the course's: run {again}")
    expected = {"solutions": solution, "notebooks": student_script(lesson, solution)}
    for folder, suffix in _PRODUCTS:
        path, label = lesson.file(folder, suffix), lesson.label(folder, suffix)
        if not path.is_file():
            findings.append(f"{label}: missing: run {again}")
            continue
        notebook, wanted = _read(path), jupytext.reads(expected[folder], fmt="py:percent")
        difference = _difference(notebook, wanted)
        if _partner(notebook) != _partner(wanted):
            findings.append(f"{label}: is {'not ' if _partner(wanted) else ''}paired by jupytext: run {again}")
        if difference:
            findings.append(f"{label}: {difference}; edit {source} (the only file to edit), then run {again}")
        elif suffix == ".ipynb":
            findings += [f"{label}: {found}: run {again}" for found in _faults(notebook, lesson, folder)]
    return findings


def _faults(notebook: Any, lesson: Lesson, folder: str) -> list[str]:
    """Faults that a built notebook never has, such as a cell that was not executed."""
    faults = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        place = f"cell {number} ({_first_line(cell)})"
        if cell.execution_count is None:
            faults.append(f"{place} was not executed")
        failed = any(output.output_type == "error" for output in cell.outputs)
        if failed and "raises-exception" not in cell.metadata.get("tags", []):
            faults.append(f"{place} ended in an error")
    ids = [cell.get("id") for cell in notebook.cells]
    if ids != [cell.id for cell in _identified(notebook, lesson, folder).cells]:
        faults.append("its cell ids are not those of a build")
    if "widgets" in notebook.metadata:
        faults.append("it contains the state of widgets")
    return faults


def _partner(notebook: Any) -> str:
    """The formats that jupytext keeps in step; nothing for a notebook that is not paired."""
    return str(notebook.metadata.get("jupytext", {}).get("formats", ""))


def _signature(notebook: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    """What makes two notebooks the same lesson: type, source and tags of each cell."""
    return [(cell.cell_type, cell.source.rstrip(), tuple(cell.metadata.get("tags", ()))) for cell in notebook.cells]


def _difference(found: Any, expected: Any) -> str:
    """The first difference between two notebooks, in words, or nothing."""
    left, right = _signature(found), _signature(expected)
    for number, (mine, theirs) in enumerate(zip(left, right, strict=False)):
        if mine == theirs:
            continue
        if mine[0] != theirs[0] or mine[2] != theirs[2]:
            return f"cell {number} is {mine[0]} with tags {list(mine[2])}, not {theirs[0]} with {list(theirs[2])}"
        lines = difflib.ndiff(theirs[1].splitlines(), mine[1].splitlines())
        changes = [line for line in lines if line[:2] in ("- ", "+ ")]
        return f"cell {number} differs from its source, first at {changes[0]!r}"
    return "" if len(left) == len(right) else f"{len(left)} cells, not {len(right)}"


def _stamped(notebook: Any, lesson: Lesson, address: Address | None) -> Any:
    """The notebook with the text of the set-up cell, and with a badge if there is an address."""
    notebook.cells = [cell for cell in notebook.cells if "badge" not in cell.metadata.get("tags", ())]
    for cell in notebook.cells:
        if "setup" in cell.metadata.get("tags", ()) and cell.cell_type == "code":
            cell.source, cell.metadata = setup_source(address), nbformat.from_dict(SETUP_METADATA)
    if address is not None:
        badge = badge_source(lesson.label("notebooks", ".ipynb"), address)
        notebook.cells.insert(0, nbformat.v4.new_markdown_cell(badge, metadata={"tags": BADGE_TAGS}))
    return notebook


def _script(notebook: Any, folder: str) -> str:
    """The notebook as a percent script, in the form that jupytext gives it."""
    notebook = nbformat.from_dict(notebook)
    pair = _PAIR if folder == "solutions" else {}
    notebook.metadata = nbformat.from_dict({"jupytext": {**pair, **_FILTER}, "kernelspec": _KERNEL})
    text: str = jupytext.writes(notebook, fmt="py:percent")
    return text


def _read(path: Path) -> Any:
    return _parse(path.read_text(encoding="utf-8"), path)


def _parse(text: str, path: Path) -> Any:
    """The notebook in the text of `path`, a script or a notebook file."""
    if path.suffix == ".py":
        return jupytext.reads(text, fmt="py:percent")
    try:
        return nbformat.reads(text, as_version=4)
    except (ValueError, nbformat.reader.NotJSONError) as error:
        raise LessonkitError(f"{path}: is not a notebook ({error})") from error


def _dump(notebook: Any) -> str:
    nbformat.validate(notebook)
    return str(nbformat.writes(notebook)) + "\n"


def _first_line(cell: Any) -> str:
    return str(cell.source).strip().partition("\n")[0][:60]
