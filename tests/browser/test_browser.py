"""The labs in JupyterLab, in a real browser: by key, by mouse, by Play; nothing in the page's console, nothing cut.

Needs chromium (Debian's), playwright and JupyterLab; skipped where one is missing. Screenshots of every lab go to the
folder in LESSONKIT_SCREENSHOTS, or to pytest's temporary folder.
"""

from __future__ import annotations

import shutil
import statistics
from pathlib import Path
from typing import Any

import nbformat
import pytest
from front_ends import KNOWN, PATIENCE, ROOT, Lab

from lessonkit.labs import __all__ as LABS  # noqa: N812

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")

READ = """() => {
  const output = document.querySelector('.jp-OutputArea-output .lessonkit-lab');
  const text = output.querySelector('[role=status], [role=alert]');
  return [output.querySelector('img').src, text ? text.innerText : ''];
}"""


def _course_notebooks() -> list[tuple[str, Path]]:
    """The student notebooks that hold a lab; none in a checkout without notebooks."""
    found = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        source = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code")
        found += [(lab, path) for lab in LABS if f"{lab}(" in source]
    return found


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """One small notebook a lab, and a copy of the course's own."""
    folder = tmp_path_factory.mktemp("labs")
    for name in LABS:
        cell = nbformat.v4.new_code_cell(f"from lessonkit.labs import {name}\n{name}()")
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=kernel), folder / f"{name}.ipynb")
    for _, path in _course_notebooks():
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="session")
def server(folder, tmp_path_factory):
    with Lab.serve(folder, tmp_path_factory.mktemp("jupyter")) as address:
        yield address


class Notebook(Lab):
    """A notebook in the page, run from top to bottom, with one lab in it."""

    def __init__(self, browser: Any, address: str, name: str, lab: str) -> None:
        super().__init__(browser, address, name)
        self.run_all()
        self.lab = self.page.locator(".jp-OutputArea-output .lessonkit-lab").filter(has_text=lab).first
        self.lab.locator("img").wait_for()
        self.lab.locator("[role=status]").wait_for()
        self.page.wait_for_timeout(500)

    def read(self) -> list[str]:
        return list(self.page.evaluate(READ))

    def changed(self, before: list[str], which: int = 0) -> float:
        """Milliseconds until the picture (0) or the text (1) differs from `before`, seen by the page itself."""
        script = f"""([before, which]) => new Promise((done, fail) => {{
          const read = {READ}, began = performance.now();
          const look = () => {{
            if (read()[which] !== before[which]) done(performance.now() - began);
            else if (performance.now() - began > {PATIENCE}) fail(new Error('no change'));
            else setTimeout(look, 4);
          }};
          look();
        }})"""
        return float(self.page.evaluate(script, [before, which]))

    def settle(self) -> list[str]:
        """Wait until nothing changes for a while."""
        now = self.read()
        while True:
            self.page.wait_for_timeout(400)
            then, now = now, self.read()
            if then == now:
                return now

    def close(self) -> None:
        self.page.evaluate("() => window.jupyterapp.serviceManager.sessions.shutdownAll()")  # a kernel fills half a GB
        super().close()


MEASURE = f"""(number) => new Promise((done, fail) => {{
  const read = {READ}, before = read()[0];
  const handle = document.querySelectorAll('.jp-OutputArea-output .lessonkit-lab .noUi-handle')[number];
  const began = performance.now();
  const most = handle.getAttribute('aria-valuenow') === handle.getAttribute('aria-valuemax');
  const key = most ? 'ArrowLeft' : 'ArrowRight';
  handle.dispatchEvent(new KeyboardEvent('keydown', {{key, bubbles: true}}));
  const look = () => {{
    const image = document.querySelector('.jp-OutputArea-output .lessonkit-lab img');
    if (read()[0] !== before) image.decode().then(() => done(performance.now() - began));
    else if (performance.now() - began > {PATIENCE}) fail(new Error('no new picture of slider ' + number));
    else setTimeout(look, 2);
  }};
  look();
}})"""


def _cases() -> list:
    made = [pytest.param(lab, f"{lab}.ipynb", id=lab) for lab in LABS]
    return made + [pytest.param(lab, path.name, id=f"{path.stem}-{lab}") for lab, path in _course_notebooks()]


@pytest.mark.parametrize(("lab", "name"), _cases())
def test_a_lab_by_key_by_mouse_and_by_play(chromium, server, screenshots, capsys, lab, name):
    notebook = Notebook(chromium, server, name, lab)
    page = notebook.page
    assert notebook.red_cells() == []
    notebook.lab.scroll_into_view_if_needed()
    notebook.lab.screenshot(path=screenshots / f"{Path(name).stem}-{lab}.png")
    _nothing_cut(notebook)

    if lab == "DensityLab":  # with a locked total a layer can be full, and its slider then rightly does nothing
        notebook.lab.get_by_label("Lock the total").focus()
        page.keyboard.press("Space")
    sliders = notebook.lab.locator(".noUi-handle")
    assert sliders.count() > 0
    times = []
    for number in range(sliders.count()):
        handle = sliders.nth(number)
        # by key, with the keyboard's focus on it; at the upper end the way back
        before = notebook.settle()
        handle.focus()
        most = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
        page.keyboard.press("ArrowLeft" if most else "ArrowRight")
        notebook.changed(before, 1)
        # by mouse, dragged to a quarter of the way from the left
        before = notebook.settle()
        rail = handle.locator("xpath=ancestor::*[contains(@class, 'noUi-base')]").bounding_box()
        box = handle.bounding_box()
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(rail["x"] + rail["width"] * 0.25, box["y"] + box["height"] / 2, steps=8)
        page.mouse.up()
        notebook.changed(before, 1)
        for _ in range(3):
            before = notebook.settle()
            times.append(page.evaluate(MEASURE, number))
    choices = notebook.lab.locator(".widget-toggle-buttons")
    for number in range(choices.count()):
        before = notebook.settle()
        choices.nth(number).locator("button:not(.mod-active)").last.focus()
        page.keyboard.press("Space")
        notebook.changed(before, 1)
    boxes = notebook.lab.locator("input[type=checkbox]")
    for number in range(boxes.count() - 1, -1, -1):
        before = notebook.settle()
        boxes.nth(number).focus()
        page.keyboard.press("Space")
        notebook.changed(before, 1)
    if lab == "TemperatureLab":
        before = notebook.settle()
        play = notebook.lab.locator(".widget-play button, .jupyter-widget-play button").first
        play.focus()
        page.keyboard.press("Enter")
        notebook.changed(before, 0)
        after = notebook.read()
        notebook.changed(after, 1)
        page.keyboard.press("Enter")
        before = notebook.settle()
        notebook.lab.get_by_text("Step back").click()
        notebook.changed(before, 1)
    picture, text = notebook.settle()
    assert picture
    assert text
    assert notebook.lab.locator("[role=alert]").count() == 0
    notebook.lab.screenshot(path=screenshots / f"{Path(name).stem}-{lab}-after.png")
    assert [error for error in notebook.errors if not KNOWN.search(error)] == []
    with capsys.disabled():
        print(f"\n{lab}: slider to picture in the browser, median {statistics.median(times):.0f} ms of {len(times)}")
    notebook.close()


def _nothing_cut(notebook: Notebook) -> None:
    """No label is shortened, nothing sticks out of the lab on the right."""
    cut = notebook.lab.evaluate(
        """lab => [...lab.querySelectorAll('.widget-label, label, button')]
            .filter(each => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
            .map(each => each.innerText)"""
    )
    assert cut == []
    wide = notebook.lab.evaluate(
        """lab => [...lab.querySelectorAll('img, table, td, [role=status], button')]
            .filter(each => each.getBoundingClientRect().right > lab.getBoundingClientRect().right + 1).length"""
    )
    assert wide == 0
