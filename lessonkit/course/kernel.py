"""The environment in which notebooks are built and tested: nothing of the caller's that would show in an output."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

CELL_SECONDS = 300  # far more than a cell needs, so that an endless one is found


def kernel_environment(root: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of a kernel that runs the notebooks of the course in `root` with the package that lies there."""
    chosen = dict(environment)
    chosen.pop("MPLBACKEND", None)  # Agg would keep every figure out of the notebook
    chosen |= {"COLUMNS": "80", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"}
    paths = [str(root), *filter(None, chosen.get("PYTHONPATH", "").split(os.pathsep))]
    chosen["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    return chosen
