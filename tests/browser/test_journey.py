"""A student's first hour and second day with lesson 3, in a real browser, by keyboard and mouse.

In JupyterLab and in notebook 6.5.7 with ipywidgets 7.7.1. The notebook is the one that ships.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import nbformat
import pytest
from front_ends import KNOWN, ROOT, Classic, Front, Lab

from lessonkit.course.markers import BEGIN, END
from lessonkit.display.widget import ASLEEP

STEM = "03_simulated_annealing"
NAME, ID = "acceptance_probability", "annealing.acceptance_probability"
WRONG = f"def {NAME}(delta, temperature):\n    return 42"
RIGHT = re.compile(rf"{ID}\W+right\b(?! yet)|\bright\W+{ID}", re.IGNORECASE)
BROKEN = re.compile(r"Error (displaying|rendering|creating) widget|could not be (displayed|found)|Loading widget")


def source_of(folder: str, beginning: str) -> str:
    cells = nbformat.read(ROOT / folder / f"{STEM}.ipynb", as_version=4).cells
    return next(cell.source for cell in cells if cell.source.startswith(beginning))


ANSWER = "\n".join(
    line for line in source_of("solutions", f"def {NAME}").splitlines() if line.strip() not in (BEGIN, END)
)


def place(path: Path, beginning: str) -> int:
    """The number of the cell that begins so."""
    cells = nbformat.read(path, as_version=4).cells
    return next(number for number, cell in enumerate(cells) if cell.source.startswith(beginning))


def with_pictures(path: Path) -> list[int]:
    """The cells whose outputs in the file hold a picture."""
    cells = nbformat.read(path, as_version=4).cells
    return [
        number
        for number, cell in enumerate(cells)
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", ()))
    ]


def edited(path: Path, text: str) -> None:
    """As a plain editor of .ipynb leaves it: the answer has another text, and the script beside it seems newer.

    For scripts of any other age see test_saved_work.py.
    """
    notebook = json.loads(path.read_text())
    cell = notebook["cells"][place(path, f"def {NAME}")]
    cell["source"] = text.splitlines(keepends=True)
    path.write_text(json.dumps(notebook))
    changed = path.stat().st_mtime
    os.utime(path.with_suffix(".py"), (changed, changed + 3600))


def all_seen(front: Front, path: Path, answer: str, screenshot: Path) -> None:
    """The answer, its verdict, every picture, and each lab as a picture with its words; nothing broken."""
    check, lab = place(path, f"{NAME} = check("), place(path, "from lessonkit.labs import TemperatureLab")
    front.cell(lab).locator("img:visible").first.wait_for()
    front.page.wait_for_timeout(1000)  # time enough to draw the rest, and for a front end to complain
    assert front.source(place(path, f"def {NAME}")) == answer
    assert RIGHT.search(front.shown(check))
    assert {number: front.pictures(number) for number in with_pictures(path) if not front.pictures(number)} == {}
    assert ASLEEP in front.shown(lab)
    assert not BROKEN.search("\n".join(front.shown(number) for number in with_pictures(path)))
    front.cell(lab).scroll_into_view_if_needed()
    front.page.screenshot(path=screenshot)


@pytest.mark.parametrize("front_end", [Lab, Classic], ids=["JupyterLab", "notebook 6"])
def test_an_answer_its_verdict_and_the_pictures_are_there_the_next_day(chromium, screenshots, tmp_path, front_end):
    if front_end is Lab:
        pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
    elif not Path(front_end.python).is_file():
        pytest.skip("LESSONKIT_COLAB names no environment: python -m lessonkit colab --environment DIR makes one")
    folder, home = tmp_path / "notebooks", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    path = folder / f"{STEM}.ipynb"
    for suffix in (".ipynb", ".py"):
        shutil.copy(ROOT / "notebooks" / f"{STEM}{suffix}", folder)
    stub, check, lab = (
        place(path, beginning) for beginning in (f"def {NAME}", f"{NAME} = check(", "from lessonkit.labs")
    )

    # the first hour
    with front_end.serve(folder, home) as address:
        front = front_end(chromium, address, path.name)
        front.run_all()
        assert front.red_cells() == []
        front.run(stub, WRONG)
        for _ in range(2):
            said = front.run(check)
            assert ID in said
            assert not RIGHT.search(said), said
        front.insert_below(check)
        lab += 1
        assert re.search("hint", front.run(check + 1, f'hint("{ID}", 1)'), re.IGNORECASE)
        assert front.red_cells() == []
        front.run(stub, ANSWER)
        assert RIGHT.search(front.run(check))

        words = front.cell(lab).locator(".lessonkit-lab [role=status]")
        before = words.inner_text()
        front.cell(lab).locator(".noUi-handle, .ui-slider-handle").first.focus()
        for _ in range(3):
            front.page.keyboard.press("ArrowRight")
        front.page.wait_for_timeout(3000)
        moved = words.inner_text().splitlines()[0]
        assert moved != before.splitlines()[0]
        assert ASLEEP not in front.shown(lab), "a live lab needs no waking"
        front.save()
        assert [error for error in front.errors if not KNOWN.search(error)] == []
        front.close()

    # the next day: another kernel, which has run nothing
    outputs = nbformat.read(path, as_version=4).cells[lab].outputs
    assert moved in outputs[0].data["text/plain"], "the picture is that of the lab as it was left"
    with front_end.serve(folder, home) as address:
        front = front_end(chromium, address, path.name)
        all_seen(front, path, ANSWER, screenshots / f"reopened-{front_end.__name__}.png")
        front.close()

    # the day after: edited in between by another program, and all of it once more
    answer = f"{ANSWER}  # changed elsewhere"
    edited(path, answer)
    with front_end.serve(folder, home) as address:
        front = front_end(chromium, address, path.name)
        all_seen(front, path, answer, screenshots / f"edited-{front_end.__name__}.png")
        front.cell(0).click()
        front.save()
        assert front.source(stub) == answer
        assert path.read_text().count("changed elsewhere") == 1
        front.run_all()
        assert front.red_cells() == []
        assert RIGHT.search(front.shown(check))
        front.cell(lab).locator(".lessonkit-lab img").wait_for()
        said = front.shown(place(path, "progress()"))
        assert re.search(r"\b1 of \d+ right", said), said
        assert ASLEEP not in front.shown(lab)
        front.close()
