"""The environment in which notebooks are built and tested, without variables that would change their outputs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

CELL_SECONDS = 300  # far more than a cell needs; stops an endless one


def kernel_environment(root: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment variables of a kernel that runs the course's notebooks in `root` with the package there."""
    chosen = dict(environment)
    chosen.pop("MPLBACKEND", None)  # Agg would keep every figure out of the notebook
    chosen |= {"COLUMNS": "80", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONHASHSEED": "0"}
    paths = [str(root), *filter(None, chosen.get("PYTHONPATH", "").split(os.pathsep))]
    chosen["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    return chosen
