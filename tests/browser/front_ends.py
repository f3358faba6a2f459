"""Two front ends for notebooks: a server of a folder, and a page in a real browser that acts as a student does.

`Lab` is JupyterLab 4. `Classic` is notebook 6.5.7 with ipywidgets 7.7.1, the nearest to Google Colab that can be had
here; it has an environment of its own, the one that ``python -m lessonkit colab --environment DIR`` makes. The variable
LESSONKIT_COLAB names DIR.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lessonkit

ROOT = Path(lessonkit.__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 120_000  # milliseconds; a machine may be busy with other things
KNOWN = re.compile(r"favicon|ResizeObserver|Failed to load resource.*(404|ERR_)|Access to font")  # fonts: a CDN's


class Front:
    """A front end: how its server is started, and one notebook open in its page."""

    python = sys.executable
    settings: tuple[str, ...] = ()
    outputs = ""  # the selector of a cell's outputs

    def __init__(self, browser: Any, address: str, name: str) -> None:
        self.errors: list[str] = []
        self.page = page = browser.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda told: self.errors.append(told.text) if told.type == "error" else None)
        page.on("dialog", lambda dialog: dialog.accept())  # leaving a page that is not saved
        self.open(address, name)

    @classmethod
    @contextlib.contextmanager
    def serve(cls, folder: Path, home: Path) -> Iterator[str]:
        """A server of `folder` on loopback, its settings and state in `home`; its address."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_RUNTIME_DIR": str(home / "runtime")}
        for what in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR"):
            environment[what] = str(home / what.lower())
        environment.pop("VIRTUAL_ENV", None)
        values = {"port": port, "folder": folder, "overrides": cls.overrides(home)}
        command = [cls.python, *(setting.format(**values) for setting in cls.settings)]
        with (home / "server.log").open("a") as log:
            server = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder)
        try:
            deadline = time.monotonic() + PATIENCE / 1000
            while not _answers(port):
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail((home / "server.log").read_text())
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGTERM)  # the kernels end with it
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()

    @staticmethod
    def overrides(home: Path) -> Path:
        return home

    def open(self, address: str, name: str) -> None:
        """Open a notebook and wait for its kernel."""
        raise NotImplementedError

    def run_all(self) -> None:
        """Run all cells and wait for the last."""
        raise NotImplementedError

    def red_cells(self) -> list[str]:
        """What the errors say that are shown below cells."""
        raise NotImplementedError

    def cell(self, number: int) -> Any:
        """A cell of the notebook in the page."""
        raise NotImplementedError

    def run(self, number: int, text: str | None = None) -> str:
        """Put the text into a code cell, run it with Shift+Enter, wait, and return what is shown below it."""
        raise NotImplementedError

    def insert_below(self, number: int) -> None:
        """Add a code cell below a cell."""
        raise NotImplementedError

    def source(self, number: int) -> str:
        """The text of a cell, as the page has it."""
        raise NotImplementedError

    def save(self) -> None:
        """Save with Ctrl+S and wait until all is written."""
        raise NotImplementedError

    def shown(self, number: int) -> str:
        """The text below a cell, as it is shown."""
        return "\n".join(self.cell(number).locator(f"{self.outputs}:visible").all_inner_texts())

    def pictures(self, number: int) -> int:
        """The number of pictures that are shown below a cell."""
        images = self.cell(number).locator(f"{self.outputs} img")
        return sum(
            images.nth(each).is_visible() and images.nth(each).evaluate("image => image.naturalWidth > 0")
            for each in range(images.count())
        )

    def close(self) -> None:
        self.page.close()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Lab(Front):
    """JupyterLab 4."""

    settings = (
        "-m",
        "jupyterlab",
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
        "--ServerApp.root_dir={folder}",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.app_settings_dir={overrides}",
    )
    outputs = ".jp-OutputArea-output"

    @staticmethod
    def overrides(home: Path) -> Path:
        """No news, and every cell in the page, also those out of sight."""
        settings = {
            "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
            "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        }
        (home / "lab" / "settings").mkdir(parents=True, exist_ok=True)
        (home / "lab" / "settings" / "overrides.json").write_text(json.dumps(settings))
        return home / "lab" / "settings"

    def open(self, address: str, name: str) -> None:
        self.page.goto(f"{address}/lab/tree/{name}?reset", timeout=PATIENCE)
        self.page.wait_for_function(
            "() => window.jupyterapp?.shell?.currentWidget?.context?.sessionContext?.session?.kernel"
            "?.connectionStatus === 'connected'"
        )

    def _command(self, name: str) -> None:
        self.page.evaluate(
            """name => { window.done = false;
              window.jupyterapp.commands.execute(name).then(() => { window.done = true; }); }""",
            name,
        )
        self.page.wait_for_function("() => window.done", timeout=4 * PATIENCE)

    def run_all(self) -> None:
        self._command("notebook:run-all-cells")

    def red_cells(self) -> list[str]:
        return list(
            self.page.evaluate("""() => [...window.jupyterapp.shell.currentWidget.model.cells]
              .filter(cell => cell.type === 'code').flatMap(cell => cell.sharedModel.getOutputs())
              .filter(output => output.output_type === 'error').map(output => output.evalue)""")
        )

    def cell(self, number: int) -> Any:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(number)

    def run(self, number: int, text: str | None = None) -> str:
        cell = self.cell(number)
        cell.scroll_into_view_if_needed()
        cell.locator(".cm-content").click()
        if text is not None:
            self.page.keyboard.press("Control+a")
            self.page.keyboard.insert_text(text)
        self._command("notebook:run-cell")
        return self.shown(number)

    def insert_below(self, number: int) -> None:
        self.page.evaluate(
            "number => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = number }", number
        )
        self._command("notebook:insert-cell-below")

    def source(self, number: int) -> str:
        script = "number => window.jupyterapp.shell.currentWidget.model.cells.get(number).sharedModel.getSource()"
        return str(self.page.evaluate(script, number))

    def save(self) -> None:
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function("() => !window.jupyterapp.shell.currentWidget.context.model.dirty")


class Classic(Front):
    """Notebook 6.5.7 with ipywidgets 7.7.1, in the environment with Google Colab's versions."""

    python = str(Path(os.environ.get("LESSONKIT_COLAB", "no-such-folder")) / "bin" / "python")
    settings = (
        "-m",
        "notebook",
        "--no-browser",
        "--allow-root",
        "--NotebookApp.ip=127.0.0.1",
        "--NotebookApp.port={port}",
        "--NotebookApp.port_retries=0",
        "--NotebookApp.token=",
        "--NotebookApp.notebook_dir={folder}",
    )
    outputs = ".output_subarea"

    def open(self, address: str, name: str) -> None:
        self.page.goto(f"{address}/notebooks/{name}", timeout=PATIENCE)
        self.page.wait_for_function("() => window.Jupyter?.notebook?.kernel?.is_connected()")
        self.page.wait_for_function("() => window.Jupyter.notebook.kernel.widget_manager")
        self.page.wait_for_timeout(2000)  # the manager asks the kernel for its widgets, without a sign of the end
        self.idle()

    def idle(self) -> None:
        self.page.wait_for_function(
            """() => !window.Jupyter.notebook.kernel_busy && window.Jupyter.notebook.get_cells()
              .every(cell => cell.input_prompt_number !== '*')""",
            timeout=4 * PATIENCE,
        )

    def run_all(self) -> None:
        self.page.evaluate("() => window.Jupyter.notebook.execute_all_cells()")
        self.idle()

    def red_cells(self) -> list[str]:
        return list(
            self.page.evaluate("""() => window.Jupyter.notebook.get_cells()
              .filter(cell => cell.cell_type === 'code').flatMap(cell => cell.output_area.outputs)
              .filter(output => output.output_type === 'error').map(output => output.evalue)""")
        )

    def cell(self, number: int) -> Any:
        return self.page.locator("#notebook .cell").nth(number)

    def run(self, number: int, text: str | None = None) -> str:
        cell = self.cell(number)
        cell.scroll_into_view_if_needed()
        cell.locator(".CodeMirror-lines").click()
        if text is not None:
            self.page.keyboard.press("Control+a")
            self.page.keyboard.insert_text(text)
        self.page.keyboard.press("Control+Enter")
        self.idle()
        return self.shown(number)

    def insert_below(self, number: int) -> None:
        self.page.evaluate("number => { window.Jupyter.notebook.insert_cell_below('code', number) }", number)

    def source(self, number: int) -> str:
        return str(self.page.evaluate("number => window.Jupyter.notebook.get_cell(number).get_text()", number))

    def save(self) -> None:
        self.page.keyboard.press("Control+s")
        self.page.wait_for_function("() => !window.Jupyter.notebook.dirty")
