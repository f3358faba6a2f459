"""A student's notebook opens with what was saved in it last, by JupyterLab's own way of reading and writing it."""

from __future__ import annotations

import http.cookiejar
import json
import os
import subprocess
import urllib.request
from pathlib import Path

import pytest
from front_ends import ROOT, Lab

pytest.importorskip("jupyterlab", reason="JupyterLab is not installed")
pytest.importorskip("jupytext", reason="jupytext is not installed")

STEM = "03_simulated_annealing"
STUB, ANSWER = "    ...\n", "    return 1.0 if delta <= 0 else math.exp(-delta / temperature)  # mine\n"
HOUR = 3600.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    with Lab.serve(folder, tmp_path_factory.mktemp("jupyter")) as address:
        yield folder, address


def request(address: str, name: str, model: dict | None = None) -> dict:
    """The contents API, as the page uses it: read a notebook, or save one."""
    cookies = http.cookiejar.CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(cookies))
    opener.open(f"{address}/lab", timeout=60).close()
    key = next(cookie.value for cookie in cookies if cookie.name == "_xsrf")
    data, method = (None, "GET") if model is None else (json.dumps(model).encode(), "PUT")
    headers = {"X-XSRFToken": key, "Content-Type": "application/json"}
    with opener.open(urllib.request.Request(f"{address}/api/contents/{name}", data, headers, method=method)) as answer:
        return json.load(answer)


def answered(path: Path) -> None:
    """Fill in the first exercise, as a program does that knows nothing of jupytext."""
    notebook = json.loads(path.read_text())
    cell = next(cell for cell in notebook["cells"] if "".join(cell["source"]).startswith("def acceptance_probability"))
    assert cell["source"][-1] == STUB.rstrip("\n")
    cell["source"][-1] = ANSWER
    path.write_text(json.dumps(notebook, indent=1))


def of_the_same_age(notebook: Path, script: Path) -> None:
    """As after a clone or an unzip."""
    os.utime(notebook, (1e9, 1e9))
    os.utime(script, (1e9, 1e9))


def newer(seconds: float):
    def change(notebook: Path, script: Path) -> None:
        os.utime(notebook, (1e9, 1e9 + seconds))
        os.utime(script, (1e9, 1e9))

    return change


def conflict(notebook: Path, script: Path) -> None:
    script.write_text(script.read_text().replace("# %%\n", "<<<<<<< HEAD\n# %%\n=======\n# %%\n>>>>>>> other\n", 1))


def alone(notebook: Path, script: Path) -> None:
    """As from the zip of the course."""
    script.unlink()


def synchronised(notebook: Path, script: Path) -> None:
    """A student who has read of jupytext tries it."""
    for file in (notebook, script):
        subprocess.run(["jupytext", "--sync", file], capture_output=True, timeout=60, check=False)


@pytest.mark.parametrize(
    "change",
    [of_the_same_age, newer(0.5), newer(HOUR), newer(-0.5), newer(-HOUR), conflict, alone, synchronised],
    ids=["same age", "newer", "an hour newer", "older", "an hour older", "conflict", "no script", "sync"],
)
def test_an_answer_is_there_after_opening_and_after_saving(server, change):
    folder, address = server
    notebook, script = folder / f"{STEM}.ipynb", folder / f"{STEM}.py"
    for path in (notebook, script):
        path.write_bytes((ROOT / "notebooks" / path.name).read_bytes())
    answered(notebook)
    change(notebook, script)
    before = script.read_bytes() if script.exists() else None
    opened = request(address, f"{notebook.name}?type=notebook")
    assert ANSWER.strip() in json.dumps(opened["content"])
    request(address, notebook.name, {key: opened[key] for key in ("type", "format", "content")})
    assert ANSWER.strip() in notebook.read_text()
    assert (script.read_bytes() if script.exists() else None) == before, "the script beside it is none of its business"


def test_the_pair_of_who_builds_opens_with_the_scripts_text(server):
    folder, address = server
    (folder / "solutions").mkdir()
    for suffix in (".ipynb", ".py"):
        path = folder / "solutions" / f"{STEM}{suffix}"
        path.write_bytes((ROOT / "solutions" / path.name).read_bytes())
    path.write_text(path.read_text().replace("# # 03 Simulated", "# # 03 Edited in the script: simulated"))
    opened = request(address, f"solutions/{STEM}.ipynb?type=notebook")
    assert "Edited in the script" in json.dumps(opened["content"])
