"""Run chunks of work on all processors at once; each matrix product inside uses only one of them.

The evaluator and the gradient share this pool. The caller decides how work is cut into chunks, never the number of
processors, so results do not depend on it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from threadpoolctl import LibController, ThreadpoolController

Item = TypeVar("Item")
Result = TypeVar("Result")


def processors() -> int:
    """How many processors this program may use; it uses them all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache(maxsize=1)
def _helpers(_process: int) -> tuple[ThreadPoolExecutor, list[LibController]]:
    executor = ThreadPoolExecutor(max(1, processors() - 1), thread_name_prefix="lessonkit")
    return executor, ThreadpoolController().select(user_api="blas").lib_controllers


def parallel(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """[function(item) for item in items], several at a time; this thread is one of the workers.

    Each product inside uses one processor: the idle threads of a BLAS spin, and would take time from the others.
    """
    executor, libraries = _helpers(os.getpid())
    results: dict[int, Result] = {}
    waiting = deque(enumerate(items))

    def work() -> None:
        while waiting:
            try:
                number, item = waiting.popleft()
            except IndexError:  # another thread took the last one in between
                return
            results[number] = function(item)

    threads = [library.num_threads for library in libraries]
    helpers: list[Future[None]] = []
    try:
        for library in libraries:
            library.set_num_threads(1)
        if len(items) > 1:
            helpers += [executor.submit(work) for _ in range(min(processors(), len(items)) - 1)]
        work()
    finally:
        waiting.clear()  # after an error here the helpers should stop too
        failures = [helper.exception() for helper in helpers if not helper.cancel()]
        for library, number in zip(libraries, threads, strict=True):
            library.set_num_threads(number)
    for failure in failures:
        if failure is not None:
            raise failure
    return [results[number] for number in range(len(items))]
