"""One SQLite file of searches: the results of finished ones, and every evaluation of those that were cut short.

A search is decided by its random generator and by the evaluations that it gets. Started again with the same seed, it
proposes the same masks, finds their evaluations here, and continues where it stopped. No search needs to know about it.

A connection lasts for one operation, so threads, processes and a removed file do no harm. The rollback journal is
SQLite's default; a write-ahead log needs shared memory, which network folders do not have.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sqlite3
import threading
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from contextvars import ContextVar
from typing import Any, TypeVar

import numpy as np

from lessonkit.engine.evaluator import METER
from lessonkit.errors import LessonkitError
from lessonkit.experiments.fingerprint import values_digest
from lessonkit.masks import Mask, Masks
from lessonkit.problem import Evaluation, SearchResult, Step

# Without a row id, a part's name and its content are one record: no damage to the file gives it another's content.
TABLE = "CREATE TABLE IF NOT EXISTS searches (search, part, content, PRIMARY KEY (search, part)) WITHOUT ROWID"
RESULT = "result"  # the only part of a finished search; others have one part for each batch of evaluations
PAUSE = 2.0  # seconds between two writes of a search: a hundred times what one takes
PATIENCE = 30.0  # seconds that a process waits for another one's write

Evaluate = Callable[[Sequence[Mask]], list[Evaluation]]
Found = TypeVar("Found", bound=SearchResult[Masks])


class Store:
    """The file, or ``":memory:"``, which forgets everything. A search has a key, and parts that have names."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = path

    def parts(self, search: str) -> dict[str, Any]:
        """A search's parts; a `LessonkitError` if the file is damaged, something else, or in a missing folder."""
        try:
            with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as db:
                if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    return {}
                rows = db.execute("SELECT part, content FROM searches WHERE search = ?", [search])
                return {part: json.loads(zlib.decompress(content)) for part, content in rows}  # checks its checksum
        except (sqlite3.Error, zlib.error) as error:
            text = f"{self.path}: cannot be read as a store of searches ({error}): delete it, or name another place"
            raise LessonkitError(text) from error

    def add(self, search: str, parts: Mapping[str, Any], *, instead: bool = False) -> bool:
        """Add parts, or put them in place of all others, in one step; a warning and False if that is impossible."""
        rows = [(search, name, zlib.compress(json.dumps(part, default=_json).encode())) for name, part in parts.items()]
        try:
            with closing(sqlite3.connect(self.path, timeout=PATIENCE)) as db, db:
                db.execute(TABLE)  # again and again: somebody may have removed the file
                if instead:
                    db.execute("DELETE FROM searches WHERE search = ?", [search])
                db.executemany("INSERT OR REPLACE INTO searches VALUES (?, ?, ?)", rows)
        except sqlite3.Error as error:
            warnings.warn(f"{self.path}: cannot be written ({error}); going on without", stacklevel=2)
            return False
        return True


def result_in(parts: Mapping[str, Any], kind: type[Found]) -> Found | None:
    """The result of a search, if these are the parts of a finished one: ``{RESULT: vars(result)}``."""
    if found := parts.get(RESULT):
        found["best"] = tuple(np.array(mask, bool) for mask in found["best"])
        found["evaluation"] = found["evaluation"] and Evaluation(**found["evaluation"])
        found["history"] = [Step(**step) for step in found["history"]]
        return kind(**found)
    return None


class Log:
    """Used as ``with Log(store, search):``; evaluations inside, if `logged`, are added to the store.

    `credit` is in seconds, to be added to what the search measured: those of earlier processes, less the time of
    repeating them. `interrupted` is set by Ctrl-C: a search may swallow that, and gets no more evaluations then.
    """

    def __init__(self, store: Store, search: str) -> None:
        self.store, self.search = store, search
        self.credit, self.interrupted = 0.0, False
        self._known, self._new = store.parts(search), dict[str, Any]()
        self._asked: Counter[str] = Counter()
        self._last = self._saved = time.perf_counter()

    def __enter__(self) -> Log:
        self._token = LOG.set(self)
        self._handler: Any = signal.getsignal(signal.SIGINT)
        if callable(self._handler) and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._ctrl_c)
        return self

    def __exit__(self, *_: object) -> None:
        LOG.reset(self._token)
        if signal.getsignal(signal.SIGINT) == self._ctrl_c:
            signal.signal(signal.SIGINT, self._handler)
        self._save()

    def _ctrl_c(self, number: int, frame: Any) -> None:
        self.interrupted = True
        self._handler(number, frame)

    def answer(self, evaluate: Evaluate, place: str, candidates: Sequence[Mask]) -> list[Evaluation]:
        """`evaluate(candidates)`, or what it gave when an earlier process asked the same for as many times."""
        if self.interrupted:
            raise KeyboardInterrupt
        masks = values_digest(place, [np.packbits(mask) for mask in candidates])
        part = f"{masks} {self._asked[masks]}"
        self._asked[masks] += 1
        if part in self._known:
            seconds, answers = self._known[part]
            found = [Evaluation(**each) for each in answers]
            if (meter := METER.get()) is not None:
                meter.masks += len(found)
            self.credit += seconds - (time.perf_counter() - self._last)
        else:
            found = evaluate(candidates)
            self._new[part] = time.perf_counter() - self._last, found
        self._last = time.perf_counter()
        if self._last - self._saved > PAUSE:
            self._save()
        return found

    def _save(self) -> None:
        if self._new and self.store.add(self.search, self._new):
            self._new.clear()
        self._saved = time.perf_counter()


LOG: ContextVar[Log | None] = ContextVar("log", default=None)


def logged(evaluate: Evaluate, *place: Any) -> Evaluate:
    """`evaluate` with its answers logged, inside a `Log`; `place` is what decides them beside the candidates."""
    log = LOG.get()
    return evaluate if log is None else functools.partial(log.answer, evaluate, values_digest(*place))


def _json(value: Any) -> Any:
    """Arrays, numpy's numbers and dataclasses as JSON has them."""
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else vars(value)
