"""Strict nbval that cannot pass without having compared: a pytest plugin, for the checkout and for Colab's versions.

The checkout's conftest loads it by name; `colab` copies this very file beside the notebook, where no package is
installed, so it imports nothing of lessonkit.
"""

from __future__ import annotations

import os
import time
from queue import Empty
from typing import Any

import pytest


@pytest.hookimpl(tryfirst=True)  # before xdist reads how to distribute
def pytest_configure(config: pytest.Config) -> None:
    """Run each notebook in one process, with this Python, and show figures in it."""
    if getattr(config.option, "nbval", False):
        if getattr(config.option, "dist", "no") in ("load", "loadgroup", "worksteal"):
            config.option.dist = "loadfile"  # the others of xdist split the cells of a notebook
        config.option.nbval_current_env = True
        os.environ.pop("MPLBACKEND", None)  # Agg would keep every figure out of the notebook


def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Compare everything but stderr; MNIST's numbers only where MNIST is."""
    for item in items:
        if not hasattr(item, "cell"):
            continue
        if "stderr" not in item.parent.skip_compare:
            item.parent.skip_compare += ("stderr",)  # TensorFlow logs there as it likes; the build refuses the rest
        item.output_timeout = 60  # seconds for an answer of a kernel on a busy machine
        if "mnist" in item.cell.metadata.get("tags", []) and os.environ.get("LESSONKIT_DATA", "standin") == "standin":
            item.options["check"] = False


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: Any) -> None:
    """Fail what nbval would pass without a comparison."""
    if not hasattr(item, "cell") or item.options["skip"]:
        return
    if item.cell.execution_count is None:
        item.raise_cell_error("This cell was never executed, so there is nothing to compare: build the notebook")
    if item.options["check_exception"] and not any(output.output_type == "error" for output in item.cell.outputs):
        item.raise_cell_error("This cell should end in an error and holds none: build the notebook")
    _watch(item)


def _watch(item: Any) -> None:
    """Ask each second whether the kernel still lives: nbval itself waits for a dead one until the cell's time is up."""
    kernel, answer = item.parent.kernel, type(item.parent.kernel).await_reply

    def await_reply(msg_id: str, timeout: float) -> None:
        end = time.monotonic() + timeout
        while True:
            try:
                answer(kernel, msg_id, timeout=1)
                return
            except Empty:
                if not kernel.is_alive():
                    item.parent.timed_out = True  # the cells below are then expected to fail
                    item.raise_cell_error("The kernel died in this cell: out of memory, or a crash in compiled code?")
                if time.monotonic() > end:
                    raise

    kernel.await_reply = await_reply
