"""The labs in JupyterLab, in a real browser: by key, by mouse, by Play; nothing in the page's console, nothing cut.

Needs chromium (Debian's), playwright and JupyterLab; skipped where one is missing. Screenshots of every lab go to the
folder in LESSONKIT_SCREENSHOTS, or to pytest's temporary folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("playwright", reason="playwright is not installed")
pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
from playwright.sync_api import Page, sync_playwright

import lessonkit
from lessonkit.labs import __all__ as LABS  # noqa: N812

ROOT = Path(lessonkit.__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium: apt-get install chromium"),
]

PATIENCE = 120_000  # milliseconds; a machine may be busy with other things
SETTINGS = {
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
KNOWN = re.compile(r"favicon|ResizeObserver|Failed to load resource.*404")
RUN_ALL = """() => {
  window.ranAll = false;
  window.jupyterapp.commands.execute('notebook:run-all-cells').then(() => { window.ranAll = true; });
}"""
RED_CELLS = """() => [...window.jupyterapp.shell.currentWidget.model.cells]
  .filter(cell => cell.type === 'code')
  .flatMap(cell => cell.sharedModel.getOutputs())
  .filter(output => output.output_type === 'error')
  .map(output => output.evalue)"""
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
    """JupyterLab on loopback, its settings and state in a temporary folder."""
    home = tmp_path_factory.mktemp("jupyter")
    overrides = home / "lab" / "settings"
    overrides.mkdir(parents=True)
    (overrides / "overrides.json").write_text(json.dumps(SETTINGS))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "user"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
    }
    settings = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True",
        f"--LabApp.app_settings_dir={overrides}",
    ]
    log = (home / "server.log").open("w")
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *settings], env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        deadline = time.monotonic() + PATIENCE / 1000
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail((home / "server.log").read_text())
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory):
    named = os.environ.get("LESSONKIT_SCREENSHOTS")
    place = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    place.mkdir(parents=True, exist_ok=True)
    return place


class Notebook:
    """A notebook in the page, run from top to bottom, with one lab in it."""

    def __init__(self, page: Page, address: str, name: str, lab: str) -> None:
        self.page, self.errors = page, []
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda told: self.errors.append(told.text) if told.type == "error" else None)
        page.goto(f"{address}/lab/tree/{name}?reset", timeout=PATIENCE)
        page.wait_for_function(
            "() => window.jupyterapp?.shell?.currentWidget?.context?.sessionContext?.session?.kernel"
            "?.connectionStatus === 'connected'"
        )
        page.evaluate(RUN_ALL)
        self.lab = page.locator(".jp-OutputArea-output .lessonkit-lab").filter(has_text=lab).first
        self.lab.wait_for(timeout=4 * PATIENCE)
        self.lab.locator("img").wait_for()
        self.lab.locator("[role=status]").wait_for()
        page.wait_for_timeout(500)

    def red_cells(self) -> list[str]:
        """What the errors say that stand below cells, once all cells have run."""
        self.page.wait_for_function("() => window.ranAll", timeout=4 * PATIENCE)
        return list(self.page.evaluate(RED_CELLS))

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
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    notebook = Notebook(page, server, name, lab)
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
    page.close()


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
