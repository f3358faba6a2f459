"""What every test and notebook runs with: the data, and strict nbval that cannot pass without having compared.

A bare ``pytest`` runs the unit tests, ``pytest --nbval`` the notebooks too. Data: $LESSONKIT_DATA, or Keras's cache, or
else the built-in stand-in; never a download.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from lessonkit.course.kernel import CELL_SECONDS, kernel_environment

ROOT = Path(__file__).parent
KERAS = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
CACHED = KERAS / "datasets" / "mnist.npz"
os.environ.setdefault("LESSONKIT_DATA", str(CACHED) if CACHED.is_file() else "standin")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow too")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # started in the background; some tests press Ctrl-C
        signal.signal(signal.SIGINT, signal.default_int_handler)
    option = config.option
    if not getattr(option, "nbval", False):
        return
    option.nbval_current_env = True
    option.nbval_cell_timeout = min(option.nbval_cell_timeout, CELL_SECONDS)
    if getattr(option, "dist", "no") == "load":  # plain -n 2 would split the cells of one notebook
        option.dist = "loadfile"
    os.environ.pop("MPLBACKEND", None)
    os.environ.update(kernel_environment(ROOT))  # kernels inherit it


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not config.option.slow:
            item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))
        if not hasattr(item, "cell"):
            continue
        if "stderr" not in item.parent.skip_compare:
            item.parent.skip_compare += ("stderr",)  # TensorFlow logs there as it likes; the build refuses the rest
        item.output_timeout = 60  # seconds for an answer of a kernel on a busy machine
        if "mnist" in item.cell.metadata.get("tags", []) and os.environ["LESSONKIT_DATA"] == "standin":
            item.options["check"] = False


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Fail what nbval would pass without a comparison."""
    if not hasattr(item, "cell") or item.options["skip"]:
        return
    if item.cell.execution_count is None:
        item.raise_cell_error("This cell was never executed, so there is nothing to compare: build the notebook")
    if item.options["check_exception"] and not any(output.output_type == "error" for output in item.cell.outputs):
        item.raise_cell_error("This cell should end in an error and holds none: build the notebook")
