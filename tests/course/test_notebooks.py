"""That strict nbval, as the root conftest sets it, finds what is wrong in a notebook; tried on a course of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from lessonkit.course import build

ROOT = Path(__file__).parents[2]

SOURCE = """\
# %%
import ipywidgets

slider = ipywidgets.IntSlider(value=1)
label = ipywidgets.Label("no figure yet")


def draw(change):
    label.value = f"{1 / change.new:.3f}"


slider.observe(draw, "value")
slider.value = 2
print(label.value)

# %% tags=["mnist"]
print("this depends on the data")

# %% tags=["raises-exception"]
1 / 0
"""


@pytest.fixture(scope="module", params=["conftest.py", "lessonkit/course/nbval_rules.py"], ids=["here", "as in Colab"])
def faulty(request, tmp_path_factory):
    """Sound notebooks and faulty ones, and what one run of pytest --nbval said of each cell."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / request.param, root / "conftest.py")
    shutil.copy(ROOT / "pyproject.toml", root)
    (root / "solutions").mkdir()
    lesson = build.Lesson(root, "01_sound")
    lesson.file("solutions", ".py").write_text(SOURCE)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "LESSONKIT_DATA": "standin", "MPLBACKEND": "Agg"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        build.build(lesson)

    def variant(name, change):
        notebook = nbformat.read(lesson.file("notebooks", ".ipynb"), as_version=4)
        change([cell for cell in notebook.cells if cell.cell_type == "code"])
        nbformat.write(notebook, root / "notebooks" / f"{name}.ipynb")

    def change_number(cells):
        cells[0].outputs[0].text = "0.501\n"

    def break_callback(cells):
        cells[0].source = cells[0].source.replace("slider.value = 2", "slider.value = 0")

    def unexecute(cells):
        cells[0].execution_count, cells[0].outputs = None, []

    def lose_output(cells):
        cells[0].outputs = []

    def raise_nothing(cells):
        cells[2].source, cells[2].outputs = "1 / 1", []

    def other_data(cells):
        cells[1].outputs[0].text = "this was another's\n"

    def kill_kernel(cells):
        cells[1].source = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"

    changes = (change_number, break_callback, unexecute, lose_output, raise_nothing, other_data, kill_kernel)
    for change in changes:
        variant(change.__name__, change)
    said = subprocess.run(
        [sys.executable, "-m", "pytest", "--nbval", "-v", "-rf", "-p", "no:cacheprovider", "notebooks"],
        cwd=root,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    ).stdout
    lines = re.findall(r"notebooks/(\w+)\W+ipynb::Cell (\d) (PASSED|FAILED|ERROR|XFAIL)", said)
    return said, {(notebook, int(cell)): outcome for notebook, cell, outcome in lines}


@pytest.mark.parametrize(
    ("notebook", "cell", "why"),
    [
        ("change_number", 0, "0.501"),
        ("break_callback", 0, "ZeroDivisionError"),
        ("unexecute", 0, "never executed"),
        ("lose_output", 0, "Unexpected output fields"),
        ("raise_nothing", 2, "should end in an error"),
        ("kill_kernel", 1, "The kernel died in this cell"),
    ],
)
def test_a_fault_is_found_in_its_cell(faulty, notebook, cell, why):
    said, outcomes = faulty
    assert outcomes[notebook, cell] == "FAILED", said
    assert why in said


def test_nothing_else_fails(faulty):
    said, outcomes = faulty
    assert len(outcomes) == 8 * 3
    assert list(outcomes.values()).count("FAILED") == 6, said
    assert [name for name, outcome in outcomes.items() if outcome == "XFAIL"] == [("kill_kernel", 2)]


def test_output_that_depends_on_the_data_is_compared_only_with_mnist(faulty):
    # The run was with the stand-in, so the other text was let pass.
    assert faulty[1]["other_data", 1] == "PASSED"


@pytest.mark.parametrize("how", ["load", "worksteal", "loadgroup"])
def test_a_notebook_stays_in_one_process_however_pytest_distributes(tmp_path, how):
    shutil.copy(ROOT / "lessonkit/course/nbval_rules.py", tmp_path / "conftest.py")
    for name in ("one", "two"):
        cells = [nbformat.v4.new_code_cell("step = 1", execution_count=1)]
        cells += [nbformat.v4.new_code_cell("step = step + 1", execution_count=1) for _ in range(8)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / f"{name}.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "-n", "2", "--dist", how, "-p", "no:cacheprovider"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert "18 passed" in run.stdout, run.stdout
