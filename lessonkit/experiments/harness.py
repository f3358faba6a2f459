"""Runs searches, here or elsewhere: what a store holds is taken from it, what is new goes into it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from lessonkit.experiments.fingerprint import code_digest
from lessonkit.experiments.store import RESULT, Found, Log, Store, result_in
from lessonkit.experiments.workers import gather, require_version

NOWHERE = Store(":memory:")  # for searches without a key, and for machines that may not see the folder


class Job(NamedTuple):
    """A search; `key` is the digest of all that decides its result, or None if nobody knows: it is not kept then."""

    title: str
    key: str | None
    arguments: tuple[Any, ...]


def run_jobs(
    search: Callable[..., Found],
    jobs: Sequence[Job],
    images: Callable[[], Any],
    collect: Callable[[int, Found], Found | None],
    *,
    kind: type[Found],
    executor: Executor | None = None,
    folder: str | os.PathLike[str] | None = None,
    fresh: bool = False,
    remark: Callable[[str], Any] | None = None,
) -> bool:
    """Call ``search(images(), *job.arguments)`` for every job, and ``collect(number, result)`` as soon as it is done.

    `search` is a function of a module, `kind` the class of its results. `collect` gives what is to be kept, or None of
    a search that was cut short. The other parameters are those of `lessonkit.experiments.comparison.compare`.
    Returns whether Ctrl-C ended it early.
    """
    store = NOWHERE
    if folder is not None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        store = Store(Path(folder) / "searches.sqlite")
    done: dict[int, Found] = {}
    begun = []
    for number, (title, key, _) in enumerate(jobs):
        if fresh and key is not None:
            store.add(key, {}, instead=True)
        parts = store.parts(key) if key is not None else {}
        if (found := result_in(parts, kind)) is not None:
            done[number] = found
        elif parts:
            begun.append(f"{title} after {sum(len(answers) for _, answers in parts.values())} evaluations")
    if remark is not None and (done or begun):
        remark(f"resuming: {', '.join([f'{len(done)} of {len(jobs)} searches are finished'] * bool(done) + begun)}")

    def keep(number: int, result: Found) -> None:
        key, whole = jobs[number].key, collect(number, result)
        if key is not None and whole is not None:
            store.add(key, {RESULT: vars(whole)}, instead=True)

    try:
        for number, found in done.items():
            collect(number, found)
        if left := [number for number in range(len(jobs)) if number not in done]:
            there = store if isinstance(executor, ThreadPoolExecutor | ProcessPoolExecutor | None) else NOWHERE
            given, version = images(), code_digest(search.__module__)
            orders = {n: (search, version, there, jobs[n].key, given, *jobs[n].arguments) for n in left}
            if executor is not None:
                gather(executor, _search, orders, keep)
                return False
            for number, order in orders.items():
                found = _search(*order)
                keep(number, found)
                if found.message == "interrupted":
                    return True
    except KeyboardInterrupt:
        return True
    return False


def _search(search: Callable[..., Found], version: str, store: Store, key: str | None, *arguments: Any) -> Found:
    """One search, in this process or in another; `version` is the code's in the process that gave it out."""
    require_version(search.__module__, version)
    with Log(store if key is not None else NOWHERE, key or "") as log:
        result = search(*arguments)
    message = "interrupted" if log.interrupted else result.message
    return dataclasses.replace(result, seconds=result.seconds + log.credit, message=message)
