"""A search that outlives its process: a journal of what it was told, which answers when the search is run again.

A search is decided by its random generator and by the evaluations that it was given, so the journal keeps nothing else.
Run again from its start, the search proposes the same candidates, is answered from the file in a moment, and goes on
where the file ends as if it had never stopped. No search needs to know of it, a student's own neither.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import platform
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import lessonkit
from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments.fingerprint import network_digest
from lessonkit.files import read_arrays, write_arrays
from lessonkit.masks import Mask
from lessonkit.problem import Evaluation

FORMAT = "lessonkit checkpoint 1"
SECONDS = 5.0  # between two writes, and more where a write is slow:
SHARE = 0.01  # of the time goes into writing, at most
FULL = (errno.ENOSPC, errno.EDQUOT)
WAY_OUT = "Delete it to start over, or name another file."
Evaluate = Callable[[Sequence[Mask]], list[Evaluation]]


class Journal:
    """The evaluations of one search over all layers, in a file that is whole at any moment.

    Parameters
    ----------
    path : an npz of plain arrays, one of them the json text `about`; made if it is not there, else gone on with.
    evaluator, unpruned : what scores the candidates, and what it says of the unpruned network.
    settings : plain values, for a clear word when the file belongs to another run.
    rng : the search's generator, in the state in which the search begins.

    Raises
    ------
    LessonkitError
        When the file cannot be read or written, or belongs to another run. It is left as it was.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        evaluator: Evaluator,
        unpruned: Evaluation,
        settings: Mapping[str, Any],
        rng: np.random.Generator,
    ) -> None:
        self.path, self.rng = Path(path), rng
        self._images = evaluator.images
        self._about = {
            "format": FORMAT,
            "settings": json.loads(json.dumps(settings)),
            "rng_at_start": state_of(rng),
            "images": evaluator.images_digest,
            "network": network_digest(evaluator.network),
            "unpruned": [unpruned.loss, unpruned.correct],
            "versions": versions(),
        }
        self._batches: list[_Batch] = []
        self._recorded = self._answered = 0  # batches of an earlier process, and how many of them were asked for again
        self._safe: tuple[int, Any] = (0, state_of(rng))  # batches that belong together with a state of the generator
        self._earlier, self._since = 0.0, time.perf_counter()
        self._failure: LessonkitError | None = None
        for scratch in self.path.parent.glob(f".{glob.escape(self.path.name)}.*.part"):  # of a killed process
            scratch.unlink(missing_ok=True)
        if self.path.exists():
            self._read()
        else:
            try:
                self._write()
            except OSError as error:
                if error.errno not in FULL:  # a wrong place is refused before hours are spent
                    raise LessonkitError(f"{self.path}: cannot be written ({error.strerror or error})") from error
                self._warn(error)
        self._written, self._pause = time.perf_counter(), SECONDS

    @property
    def seconds(self) -> float:
        """How long the search has run, earlier processes included."""
        return self._earlier + (0.0 if self._answered < self._recorded else time.perf_counter() - self._since)

    def around(self, evaluate: Evaluate, index: int, masks: Sequence[Mask]) -> Evaluate:
        """`evaluate` for candidates of layer `index`, the other layers as in `masks`, answered by the file first."""
        place = hashlib.sha256(str(index).encode())
        for other in (*masks[:index], *masks[index + 1 :]):
            _add(place, other)

        def answered(candidates: Sequence[Mask]) -> list[Evaluation]:
            digest = place.copy()
            for candidate in candidates:
                _add(digest, candidate)
            asked, state = digest.digest()[:16], state_of(self.rng)
            if self._answered < self._recorded:
                return self._replay(asked, state)
            found = evaluate(candidates)
            self._batches.append(_Batch(asked, tuple(found)))
            self._safe = (len(self._batches), state)
            if time.perf_counter() - self._written > self._pause:
                self.save()
            return found

        return answered

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        """Whatever ends a search, what it was told is kept."""
        self.save()

    def save(self) -> None:
        """Write what is new; a full disk is no reason to stop computing."""
        began = time.perf_counter()
        try:
            self._write()
        except OSError as error:
            self._warn(error)
        self._written = time.perf_counter()
        self._pause = max(SECONDS, (self._written - began) / SHARE)

    def finish(self, ended: bool) -> None:
        """See to it that the search was the file's, and used it up if it has `ended` by itself."""
        if self._failure is not None:  # the search may have caught it
            raise self._failure
        if ended and self._answered < self._recorded:
            raise self._other_search("ends", self._answered)

    # --- the file ---

    def _warn(self, error: OSError) -> None:
        reason = error.strerror or error
        warnings.warn(f"{self.path}: the checkpoint cannot be written ({reason}); going on", stacklevel=3)

    def _write(self) -> None:
        count, state = self._safe
        if count <= self._recorded and self.path.exists():  # nothing new
            return
        batches = self._batches[:count]
        found = [evaluation for batch in batches for evaluation in batch.evaluations]
        about = {**self._about, "evaluations": len(found), "rng": state, "seconds": self.seconds}
        arrays: dict[str, NDArray[Any]] = {
            "batch": np.array([len(batch.evaluations) for batch in batches], np.int64),
            "candidates": np.frombuffer(b"".join(batch.digest for batch in batches), np.uint8),
            "loss": np.array([evaluation.loss for evaluation in found], np.float64),
            "correct": np.array([evaluation.correct for evaluation in found], np.int64),
        }
        write_archive(self.path, about, arrays)

    def _read(self) -> None:
        about, arrays = read_archive(self.path, FORMAT, "checkpoint")
        self._refuse_another_run(about)
        try:
            sizes, digests = arrays["batch"], arrays["candidates"].reshape(-1, 16)
            loss, correct = arrays["loss"].tolist(), arrays["correct"].tolist()
            if not len(sizes) == len(digests) or not sizes.sum() == len(loss) == len(correct) == about["evaluations"]:
                raise ValueError("its parts do not fit together")
            at = 0
            for size, digest in zip(sizes.tolist(), digests, strict=True):
                pairs = zip(loss[at : at + size], correct[at : at + size], strict=True)
                found = tuple(Evaluation(float(a), int(b) / self._images, self._images) for a, b in pairs)
                self._batches.append(_Batch(digest.tobytes(), found))
                at += size
            self._earlier, self._safe = float(about["seconds"]), (len(self._batches), about["rng"])
        except (KeyError, ValueError, TypeError) as error:
            raise LessonkitError(f"{self.path}: damaged, or no checkpoint ({error}). {WAY_OUT}") from error
        self._recorded = len(self._batches)

    def _refuse_another_run(self, about: Mapping[str, Any]) -> None:
        there, here = about.get("settings", {}), self._about["settings"]
        different = [f"{key} {there.get(key)} there, {here[key]} here" for key in here if there.get(key) != here[key]]
        inputs = {"rng_at_start": "another seed or generator", "images": "other images", "network": "another network"}
        different += [words for key, words in inputs.items() if about.get(key) != self._about[key]]
        if not different and about.get("unpruned") != self._about["unpruned"]:
            different = ["the same network loses otherwise on this machine or with these versions"]
        if different:
            raise LessonkitError(f"{self.path}: a checkpoint of another run ({'; '.join(different)}). {WAY_OUT}")

    def _replay(self, asked: bytes, state: Any) -> list[Evaluation]:
        batch = self._batches[self._answered]
        if batch.digest != asked:
            raise self._other_search("proposes other candidates", self._answered)
        self._answered += 1
        if self._answered == self._recorded:
            if state != self._safe[1]:
                raise self._other_search("leaves its random generator in another state", self._answered)
            self._since = self._written = time.perf_counter()
        return list(batch.evaluations)

    def _other_search(self, what: str, batches: int) -> LessonkitError:
        spent = sum(len(batch.evaluations) for batch in self._batches[:batches])
        self._failure = LessonkitError(
            f"{self.path}: after {spent} evaluations the search {what}, unlike when this was written: it is another "
            f"search, or its code, its settings or numpy's version has changed. {WAY_OUT}"
        )
        return self._failure


class _Batch(NamedTuple):
    digest: bytes  # of the candidates, the layer, and the masks of the other layers
    evaluations: tuple[Evaluation, ...]


def recorded_evaluations(path: str | os.PathLike[str]) -> int:
    """How many evaluations a checkpoint holds; 0 where there is none."""
    if not Path(path).exists():
        return 0
    return int(read_archive(path, FORMAT, "checkpoint")[0].get("evaluations", 0))


# --- files of plain arrays and a json text --------------------------------------------------------------------------


def write_archive(path: str | os.PathLike[str], about: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays and, as one more of them, the json text `about`: one file, so both are always of one moment."""
    write_arrays(path, {"about": np.array(json.dumps(about)), **arrays})


def read_archive(path: str | os.PathLike[str], form: str, what: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what `write_archive` wrote, if its format is `form`; whatever else lies there is one clear line."""
    try:
        arrays = read_arrays(path, f"a {what}")
        about = json.loads(str(arrays.pop("about")))
        found = about["format"]
    except LessonkitError as error:
        raise LessonkitError(f"{error}. {WAY_OUT}") from error
    except Exception as error:  # a damaged container can raise almost anything
        raise LessonkitError(f"{path}: cannot be read as a {what}, truncated or foreign. {WAY_OUT}") from error
    if found != form:
        raise LessonkitError(f"{path}: has the format {found!r}, not {form!r}. {WAY_OUT}")
    return about, arrays


# --- what a run is made of ------------------------------------------------------------------------------------------


def state_of(rng: np.random.Generator) -> Any:
    """The state of a generator, as json holds it."""
    return _plain(rng.bit_generator.state)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    return value


def versions() -> dict[str, str]:
    """Noted in every file; they help to explain why a run cannot be gone on with."""
    return {"lessonkit": lessonkit.__version__, "numpy": np.__version__, "python": platform.python_version()}


def _add(digest: Any, candidate: Any) -> None:
    array = np.asarray(candidate)
    if array.dtype.hasobject:
        raise LessonkitError(f"a candidate of type {type(candidate).__name__} cannot be kept in a checkpoint")
    digest.update(repr((array.shape, array.dtype.str)).encode())
    digest.update((np.packbits(array) if array.dtype == bool else np.ascontiguousarray(array)).data)
