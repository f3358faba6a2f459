"""One SQLite file of searches: the results of finished ones, and every evaluation of those that are still running.

A search is decided by its random generator and by the evaluations that it is given. Started again with the same seed
it proposes the same masks, finds their answers here, and continues where it stopped as if it never had. No search
needs to know about it.

A connection lasts for one operation, about once per second, so threads, processes and a removed file do no harm. The
rollback journal is SQLite's default; a write-ahead log needs shared memory, which network folders do not have.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import os
import sqlite3
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar, Token
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lessonkit.engine.evaluator import METER
from lessonkit.errors import LessonkitError
from lessonkit.masks import Mask, Masks
from lessonkit.problem import Evaluation, SearchResult, Step

FORMAT = 1
SCHEMA = (
    "CREATE TABLE IF NOT EXISTS finished (search TEXT PRIMARY KEY, title TEXT, result BLOB)",
    "CREATE TABLE IF NOT EXISTS evaluations (search TEXT, masks BLOB, time INTEGER, count INTEGER, seconds REAL, "
    "answers BLOB, PRIMARY KEY (search, masks, time)) WITHOUT ROWID",
    f"PRAGMA user_version = {FORMAT}",
)
PAUSE = 1.0  # seconds between two writes of a search, and more where writing is slow:
SHARE = 0.01  # of the time goes into writing, at most
PATIENCE = 30.0  # seconds that a process waits for another one's write

Evaluate = Callable[[Sequence[Mask]], list[Evaluation]]
Found = TypeVar("Found", bound=SearchResult[Masks])
Answers = tuple[bytes, int, int, float, bytes]  # digest of the masks, how often asked before, count, seconds, answers


def digest_of(decides: Any) -> str:
    """Digest of plain values that decide a search's result."""
    return hashlib.sha256(json.dumps(decides, sort_keys=True, default=np.ndarray.tolist).encode()).hexdigest()[:32]


class Store:
    """The file; it is made if it is not there.

    Where it cannot be written (a full disk, a write-protected file), a warning says so and work continues.

    Raises
    ------
    LessonkitError
        When the file is damaged, is something else than a store, or is in a folder that does not exist.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        with self._reading() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            self._filled = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0
            if self._filled and (version != FORMAT or db.execute("PRAGMA quick_check").fetchone()[0] != "ok"):
                raise sqlite3.DatabaseError("damaged, or another program's")
        self._write(())

    def result(self, search: str, kind: type[Found]) -> Found | None:
        """What `save` saved of a search, if it has."""
        for (packed,) in self._rows("SELECT result FROM finished WHERE search = ?", search):
            with self._reading():
                found = json.loads(zlib.decompress(packed))
            found["best"] = tuple(
                np.unpackbits(np.frombuffer(bytes.fromhex(bits), np.uint8), count=int(np.prod(shape)))
                .astype(bool)
                .reshape(shape)
                for shape, bits in found["best"]
            )
            found["evaluation"] = Evaluation(**found["evaluation"]) if found["evaluation"] else None
            found["history"] = [Step(*step) for step in found["history"]]
            return kind(**found)
        return None

    def save(self, search: str, title: str, result: SearchResult[Masks]) -> None:
        """Keep a result, in place of the search's evaluations."""
        found = {field.name: getattr(result, field.name) for field in dataclasses.fields(result)}
        found["best"] = [[mask.shape, np.packbits(mask).tobytes().hex()] for mask in result.best]
        found["history"] = [dataclasses.astuple(step) for step in result.history]
        packed = zlib.compress(json.dumps(found, default=_plain).encode())
        self._write([("INSERT OR REPLACE INTO finished VALUES (?, ?, ?)", [(search, title, packed)])], forget=[search])

    def answers(self, search: str) -> list[Answers]:
        """The evaluations of a search that has not finished."""
        rows = self._rows("SELECT masks, time, count, seconds, answers FROM evaluations WHERE search = ?", search)
        with self._reading():  # whose checksums are zlib's
            return [(*row, zlib.decompress(packed)) for *row, packed in rows]

    def evaluations(self, search: str) -> int:
        """How many there are."""
        return sum(count for _, _, count, _, _ in self.answers(search))

    def add(self, search: str, answers: Sequence[Answers]) -> bool:
        """Add evaluations; whether they are on the disk now."""
        rows = [(search, *each) for each in answers]
        return self._write([("INSERT OR REPLACE INTO evaluations VALUES (?, ?, ?, ?, ?, ?)", rows)])

    def forget(self, searches: Sequence[str]) -> None:
        """Remove results and evaluations."""
        rows = [(search,) for search in searches]
        self._write([("DELETE FROM finished WHERE search = ?", rows)], forget=searches)

    # --- the file ---

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        db = sqlite3.connect(self.path, timeout=PATIENCE, isolation_level=None)
        try:
            yield db
        finally:
            db.close()  # rolls back what is not committed

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._open() as db:
                yield db
        except (sqlite3.Error, ValueError, zlib.error) as error:
            raise LessonkitError(
                f"{self.path}: cannot be read as a store of searches ({error}). Delete it to start over, or name "
                "another place."
            ) from error

    def _rows(self, query: str, search: str) -> list[Any]:
        if not self._filled:
            return []
        with self._reading() as db:
            return db.execute(query, (search,)).fetchall()

    def _write(self, changes: Iterable[tuple[str, Sequence[tuple[Any, ...]]]], forget: Sequence[str] = ()) -> bool:
        try:
            with self._open() as db:
                db.execute("BEGIN IMMEDIATE")
                for line in SCHEMA:  # again and again: somebody may have removed the file
                    db.execute(line)
                for line, rows in changes:
                    db.executemany(line, rows)
                db.executemany("DELETE FROM evaluations WHERE search = ?", [(search,) for search in forget])
                db.execute("COMMIT")
        except sqlite3.Error as error:
            warnings.warn(f"{self.path}: cannot be written ({error}); going on without", stacklevel=2)
            return False
        self._filled = True
        return True


class Log:
    """Used as ``with Log(store, search, pressed):``; evaluations inside, if `logged`, are added to the store.

    Parameters
    ----------
    pressed : not empty once Ctrl-C was pressed: a search may have swallowed it, and gets no more evaluations then.
    """

    def __init__(self, store: Store, search: str, pressed: Sequence[Any] = ()) -> None:
        self.store, self.search, self.pressed = store, search, pressed
        rows = store.answers(search)
        self._known = {(masks, before): answers for masks, before, _, _, answers in rows}
        self._earlier = max((seconds for _, _, _, seconds, _ in rows), default=0.0)
        self._asked: Counter[bytes] = Counter()
        self._new: list[Answers] = []
        self._began = self._saved = time.perf_counter()
        self._resumed: float | None = None  # when all that is known had been answered
        self._pause = PAUSE
        self._token: Token[Log | None] | None = None

    def __enter__(self) -> Log:
        self._token = LOG.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        LOG.reset(self._token)
        self._flush()

    @property
    def credit(self) -> float:
        """Seconds to add to what a search measured: those of earlier processes, less the time of finding them here."""
        resumed = self._resumed if self._resumed is not None else time.perf_counter()
        return self._earlier - (resumed - self._began) if self._known else 0.0

    def answer(self, evaluate: Evaluate, place: bytes, candidates: Sequence[Mask]) -> list[Evaluation]:
        """`evaluate(candidates)`, or what it gave when an earlier process asked for the same for the same time."""
        if self.pressed:
            raise KeyboardInterrupt
        masks = _digest(place, candidates)
        before = self._asked[masks]
        packed = self._known.get((masks, before))
        if packed is not None:
            found = [Evaluation(*each) for each in json.loads(packed)]
            if (meter := METER.get()) is not None:
                meter.masks += len(found)
        else:
            if self._resumed is None:
                self._resumed = time.perf_counter()
            found = evaluate(candidates)
            seconds = self._earlier + time.perf_counter() - self._resumed
            packed = zlib.compress(json.dumps([dataclasses.astuple(each) for each in found], default=_plain).encode())
            self._new.append((masks, before, len(found), seconds, packed))
        self._asked[masks] += 1
        if self._new and time.perf_counter() - self._saved > self._pause:
            self._flush()
        return found

    def _flush(self) -> None:
        began = time.perf_counter()
        if self._new and self.store.add(self.search, self._new):
            self._new.clear()
        self._saved = time.perf_counter()
        self._pause = max(PAUSE, (self._saved - began) / SHARE)


LOG: ContextVar[Log | None] = ContextVar("log", default=None)


def logged(evaluate: Evaluate, *place: Any) -> Evaluate:
    """`evaluate` with its answers logged, inside a `Log`; `place` is what decides them beside the candidates."""
    log = LOG.get()
    return evaluate if log is None else functools.partial(log.answer, evaluate, _digest(b"", place))


def _digest(place: bytes, values: Iterable[Any]) -> bytes:
    digest = hashlib.sha256(place)
    for value in values:
        array = np.asarray(value)
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update((np.packbits(array) if array.dtype == bool else array).tobytes())
    return digest.digest()[:16]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else dataclasses.asdict(value)
