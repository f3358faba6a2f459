"""Searches that are kept in a folder: a finished one is not done again, one that was cut short goes on."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonkit.errors import LessonkitError
from lessonkit.experiments.checkpoint import read_archive, recorded_evaluations, versions, write_archive
from lessonkit.experiments.layerwise import ALL_DONE
from lessonkit.masks import Masks
from lessonkit.problem import Evaluation, SearchResult, Step

FORMAT = "lessonkit search 1"
STEP_TYPES: Mapping[str, Any] = {"str": str, "bool": bool, "int": np.int64, "float": np.float64}


class Kept:
    """The file of one search, and the checkpoint beside it.

    Both names end in a digest of all `settings`: a search with others has other files, and never meets these.

    Parameters
    ----------
    folder : must exist.
    title : begins the names, for people.
    settings : plain values that decide the result, the data and the code included.
    names : of the layers.
    """

    def __init__(self, folder: Path, title: str, settings: Mapping[str, Any], names: Sequence[str]) -> None:
        self.settings = json.loads(json.dumps(settings))
        self.names = tuple(names)
        digest = hashlib.sha256(json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:12]
        stem = f"{re.sub(r'[^A-Za-z0-9]+', '-', title)}-{digest}"
        self.file, self.checkpoint = folder / f"{stem}.npz", folder / f"{stem}.checkpoint.npz"

    @property
    def evaluations(self) -> int:
        """How many evaluations the checkpoint holds."""
        return recorded_evaluations(self.checkpoint)

    def forget(self) -> None:
        """Remove both files."""
        for path in (self.file, self.checkpoint):
            path.unlink(missing_ok=True)

    def save(self, result: SearchResult[Masks]) -> None:
        """Keep the result of a search that ended by itself; a full disk is no reason to stop computing."""
        if result.message != ALL_DONE:
            return
        arrays: dict[str, NDArray[Any]] = {
            f"mask/{name}": mask for name, mask in zip(self.names, result.masks, strict=True)
        }
        for field in dataclasses.fields(Step):
            column = [getattr(step, field.name) for step in result.history]
            arrays[f"history/{field.name}"] = np.array(column, STEP_TYPES[str(field.type)])
        about = {
            "format": FORMAT,
            "settings": self.settings,
            "cost": result.cost,
            "evaluation": dataclasses.asdict(result.evaluation) if result.evaluation is not None else None,
            "evaluations": result.evaluations,
            "seconds": result.seconds,
            "message": result.message,
            "versions": versions(),
        }
        try:
            write_archive(self.file, about, arrays)
            self.checkpoint.unlink(missing_ok=True)
        except OSError as error:
            warnings.warn(f"{self.file}: cannot be written ({error.strerror or error}); going on", stacklevel=2)

    def result(self) -> SearchResult[Masks] | None:
        """What `save` wrote, or None where there is nothing.

        Raises
        ------
        LessonkitError
            When a file of that name is damaged.
        """
        if not self.file.exists():
            return None
        about, arrays = read_archive(self.file, FORMAT, "kept search")
        try:
            if about["settings"] != self.settings:
                raise ValueError("it was made with other settings than its name says")
            masks = tuple(arrays[f"mask/{name}"] for name in self.names)
            columns = [arrays[f"history/{field.name}"].tolist() for field in dataclasses.fields(Step)]
            history = [Step(*values) for values in zip(*columns, strict=True)]
            found = about["evaluation"]
            evaluation = Evaluation(**found) if found is not None else None
            result = SearchResult(
                masks,
                about["cost"],
                evaluation,
                about["evaluations"],
                about["seconds"],
                history,
                about["message"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise LessonkitError(f"{self.file}: damaged, or no kept search ({error}). Delete it.") from error
        with contextlib.suppress(OSError):  # left where a process was killed between the two files
            os.unlink(self.checkpoint)
        return result
