"""Runs searches, here or elsewhere: what a store holds is taken from it, what is new goes into it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from lessonkit.errors import LessonkitError
from lessonkit.experiments.fingerprint import code_digest
from lessonkit.experiments.store import Found, Log, Store, digest_of
from lessonkit.experiments.workers import gather, require_version

FILE = "searches.sqlite"


def method_name(method: Any, known: Collection[str]) -> str:
    """What a method is called in tables: its own name, which must be `known`, or that of a function."""
    if not isinstance(method, str):
        function = getattr(method, "func", method)  # a functools.partial is called after what it wraps
        return str(getattr(function, "__name__", type(function).__name__))
    if method not in known:
        raise LessonkitError(f"no method is called {method!r}: choose {', '.join(known)}")
    return method


class Job(NamedTuple):
    """A search; `decides` holds plain values that decide its result, or None if nobody knows: it is not kept then."""

    title: str
    decides: Any
    arguments: tuple[Any, ...]

    @property
    def key(self) -> str | None:
        """By which a store knows it."""
        return digest_of(self.decides) if self.decides is not None else None


def run_jobs(
    search: Callable[..., Found],
    jobs: Sequence[Job],
    images: Callable[[], Any],
    collect: Callable[[int, Found], Any],
    *,
    kind: type[Found],
    module: str,
    complete: Callable[[int, Found], Found | None],
    executor: Executor | None = None,
    folder: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    remark: Callable[[str], Any] | None = None,
) -> bool:
    """Call ``search(images(), *job.arguments)`` for every job, and ``collect(number, result)`` as soon as it is done.

    Parameters
    ----------
    search : of the `module`; `images` is called only if there is something to search.
    kind : of the results.
    complete : gives a new result as it is to be kept, or None if it was cut short and is not.
    executor : runs the searches elsewhere, which need no folder there. Processes of this machine write to it.
    folder : holds the store. A finished search is taken from it; one that was cut short is resumed. The results are
        the same, bit for bit.
    fresh : forget what the store holds of these searches.
    remark : called with one line about what was found there.

    Returns
    -------
    bool
        Whether Ctrl-C ended it early.
    """
    store = None
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        store = Store(Path(folder) / FILE)
    keys = [job.key if store is not None else None for job in jobs]
    done: dict[int, Found] = {}
    if store is not None:
        done = _found_in(store, jobs, keys, kind, fresh, remark)

    def keep(number: int, result: Found) -> None:
        key, whole = keys[number], complete(number, result)
        if store is not None and key is not None and whole is not None:
            store.save(key, jobs[number].title, whole)
        collect(number, whole or result)

    try:
        for number, result in done.items():
            collect(number, result)
        left = [number for number in range(len(jobs)) if number not in done]
        if left and executor is not None:
            here = isinstance(executor, ThreadPoolExecutor | ProcessPoolExecutor)  # others may not see this folder
            sent, version, path = images(), code_digest(module), store.path if store is not None and here else None
            orders = {n: (search, module, version, path, keys[n], sent, jobs[n].arguments) for n in left}
            gather(executor, _search_elsewhere, orders, keep)
        elif left:
            given = images()
            with _ctrl_c() as pressed:
                for number in left:
                    result = _search(search, store, keys[number], pressed, (given, *jobs[number].arguments))
                    keep(number, result)
                    if result.message == "interrupted":
                        return True
    except KeyboardInterrupt:
        return True
    return False


def _found_in(
    store: Store,
    jobs: Sequence[Job],
    keys: Sequence[str | None],
    kind: type[Found],
    fresh: bool,
    remark: Callable[[str], Any] | None,
) -> dict[int, Found]:
    """What is finished, by the number of its job; with a line about it and about what was begun."""
    if fresh:
        store.forget([key for key in keys if key is not None])
    done: dict[int, Found] = {}
    begun = []
    for number, key in enumerate(keys):
        if key is None:
            continue
        if (result := store.result(key, kind)) is not None:
            done[number] = result
        elif count := store.evaluations(key):
            begun.append(f"{jobs[number].title} after {count} evaluations")
    if remark is not None and (done or begun):
        remark(f"resuming: {', '.join([f'{len(done)} of {len(jobs)} searches are finished'] * bool(done) + begun)}")
    return done


def _search(
    search: Callable[..., Found], store: Store | None, key: str | None, pressed: list[Any], arguments: tuple[Any, ...]
) -> Found:
    if store is None or key is None:
        result = search(*arguments)
    else:
        with Log(store, key, pressed) as log:
            result = search(*arguments)
        result = dataclasses.replace(result, seconds=result.seconds + log.credit)
    return dataclasses.replace(result, message="interrupted") if pressed else result


def _search_elsewhere(
    search: Callable[..., Found],
    module: str,
    version: str,
    path: Path | None,
    key: str | None,
    images: Any,
    arguments: tuple[Any, ...],
) -> Found:
    require_version(module, version)
    return _search(search, Store(path) if path is not None else None, key, [], (images, *arguments))


@contextlib.contextmanager
def _ctrl_c() -> Iterator[list[Any]]:
    """A list that is not empty once Ctrl-C was pressed, whatever the search does with the exception."""
    pressed: list[Any] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield pressed
        return

    def note(number: int, frame: Any) -> None:
        pressed.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)
