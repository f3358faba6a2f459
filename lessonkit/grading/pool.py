"""Several examiners side by side, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

import threadpoolctl

from lessonkit.grading.examiner import Examiner, environment
from lessonkit.grading.rows import NOTEBOOK, Row
from lessonkit.grading.wire import BrokenWireError

TRIES = 2
_FAILED = "the grader's own process failed ({}): run the command again"

_examiner: Examiner  # of this process
_course: frozenset[str]


def grade_all(
    notebooks: Sequence[Callable[[], bytes]],
    course: frozenset[str],
    seconds: float,
    jobs: int,
    data: str | None,
    protected: bool = True,
) -> Iterator[tuple[int, list[Row]]]:
    """Grade notebooks; yield each one's place in the list and its rows, as soon as it is done.

    Parameters
    ----------
    notebooks : each reads one file when its turn comes; an `OSError` is reported for that notebook alone.
    """
    left = dict(enumerate(notebooks))
    for _ in range(TRIES):
        workers = max(min(jobs, len(left)), 1)
        context, given = multiprocessing.get_context("spawn"), (course, data, protected)
        executor = ProcessPoolExecutor(workers, context, initializer=_begin, initargs=given)
        try:
            waiting = {executor.submit(_grade, notebook, seconds): place for place, notebook in left.items()}
            for future in as_completed(waiting):
                if not isinstance(future.exception(), BrokenProcessPool):
                    del left[waiting[future]]
                    yield waiting[future], future.result()
        finally:
            for process in list((executor._processes or {}).values()):
                process.kill()  # the sandboxes end with it, also after Ctrl-C
            executor.shutdown(cancel_futures=True)
        if not left:
            return
    for place in left:
        yield place, [Row(NOTEBOOK, "not graded", _FAILED.format("it ended"))]


def _begin(course: frozenset[str], data: str | None, protected: bool) -> None:
    """Make this process an examiner: silent, with one thread, out of reach of Ctrl-C, and ended with the command."""
    global _examiner, _course
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    os.environ.update(environment())
    threadpoolctl.threadpool_limits(1)
    threading.Thread(target=_end_with_the_command, daemon=True).start()
    _examiner, _course = Examiner(data, protected), course


def _end_with_the_command() -> None:
    command = multiprocessing.parent_process()
    if command is not None:
        command.join()
        os._exit(1)


def _grade(notebook: Callable[[], bytes], seconds: float) -> list[Row]:
    for _ in range(TRIES):
        try:
            content = notebook()
        except OSError as error:
            return [Row(NOTEBOOK, "not graded", f"the file can no longer be read ({error.strerror})")]
        try:
            return _examiner.grade(content, _course, seconds)
        except (BrokenWireError, OSError) as error:
            why = f"{type(error).__name__}: {error}"
    return [Row(NOTEBOOK, "not graded", _FAILED.format(why))]
