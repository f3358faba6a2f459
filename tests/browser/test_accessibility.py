"""Every notebook as a page, made by ``jupyter nbconvert --to html``, before axe in Debian's chromium."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from front_ends import ROOT

NOTEBOOKS = sorted((*ROOT.glob("notebooks/*.ipynb"), *ROOT.glob("solutions/*.ipynb")))

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe scans the pages")


@pytest.fixture(scope="module")
def page(chromium):
    page = chromium.new_page()
    yield page
    page.close()


def converted(notebook: Path, folder: Path) -> Path:
    options = ["--to", "html", "--config", "lessonkit/course/nbconvert_config.py", "--output-dir", str(folder)]
    command = [sys.executable, "-m", "nbconvert", *options, str(notebook)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=120)
    return folder / f"{notebook.stem}.html"


def serious(page, file: Path) -> list[str]:
    page.route("http*://**", lambda route: route.abort())  # MathJax and the like come from outside
    page.goto(file.as_uri(), wait_until="domcontentloaded")
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{violation['impact']}: {violation['id']}: {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_notebook_has_no_serious_finding_and_alt_text(notebook, page, tmp_path):
    file = converted(notebook, tmp_path)
    assert serious(page, file) == []
    alts = page.eval_on_selector_all("img", "images => images.map(image => image.alt)")
    assert all(alt and not alt.startswith("No description") for alt in alts), alts


def test_the_scan_can_fail(page, tmp_path):
    file = tmp_path / "bad.html"
    file.write_text('<html lang="en"><title>t</title><main><h1>t</h1><img src="data:,"></main></html>')
    assert any("image-alt" in finding for finding in serious(page, file))
