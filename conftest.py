"""What every test and notebook runs with: the data, and strict nbval (see `lessonkit.course.nbval_rules`).

A bare ``pytest`` runs the unit tests, ``pytest --nbval`` the notebooks too. Data: $LESSONKIT_DATA, or Keras's cache, or
else the built-in stand-in; never a download.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from lessonkit.course.kernel import CELL_SECONDS, kernel_environment

pytest_plugins = ["lessonkit.course.nbval_rules"]
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
    option.nbval_cell_timeout = min(option.nbval_cell_timeout, CELL_SECONDS)
    os.environ.update(kernel_environment(ROOT))  # kernels inherit it


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("slow") and not config.option.slow:
            item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))
