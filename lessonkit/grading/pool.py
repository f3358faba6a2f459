"""Several examiners side by side, each a process of its own; one that dies or hangs is replaced."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lessonkit.grading import examiner
from lessonkit.grading.rows import NOTEBOOK, Row
from lessonkit.grading.wire import BrokenWireError, LateError, Wire

TRIES = 2
SPARE_SECONDS = 180.0  # beyond a notebook's own time: starting TensorFlow, and ending what does not end


def grade_all(
    notebooks: Sequence[Callable[[], bytes]],
    course: frozenset[str],
    seconds: float,
    jobs: int,
    data: str | None,
    protected: bool = True,
) -> Iterator[tuple[int, list[Row]]]:
    """Grade notebooks; as each is done: its place in the list, and its rows.

    Parameters
    ----------
    notebooks : each reads one file when its turn comes; an `OSError` is told of that notebook alone.
    """
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    done: queue.SimpleQueue[tuple[int, list[Row]]] = queue.SimpleQueue()
    for place in range(len(notebooks)):
        waiting.put(place)
    with tempfile.TemporaryDirectory(prefix="lessonkit-grading-", ignore_cleanup_errors=True) as folder:
        desks = [_Desk(course, data, protected, folder) for _ in range(min(jobs, len(notebooks)))]

        def serve(desk: _Desk) -> None:
            with contextlib.suppress(queue.Empty):
                while True:
                    place = waiting.get_nowait()
                    done.put((place, desk.grade(notebooks[place], seconds)))

        try:
            for desk in desks:
                threading.Thread(target=serve, args=(desk,), daemon=True).start()
            for _ in notebooks:
                yield done.get()
        finally:
            while not waiting.empty():
                with contextlib.suppress(queue.Empty):
                    waiting.get_nowait()
            for desk in desks:
                desk.close()


class _Desk:
    """One examiner's process, started when it is first needed."""

    def __init__(self, course: frozenset[str], data: str | None, protected: bool, folder: str) -> None:
        self.course, self.data, self.protected, self.folder = sorted(course), data, protected, folder
        self.process: subprocess.Popen[bytes] | None = None
        self.wire: Wire | None = None
        self.closed = False

    def grade(self, notebook: Callable[[], bytes], seconds: float) -> list[Row]:
        """The rows of one notebook, whatever becomes of the process."""
        try:
            content = notebook()
        except OSError as error:
            return [Row(NOTEBOOK, "not graded", f"the file cannot be read any more ({error.strerror})")]
        why = "interrupted"
        for _ in range(TRIES):
            if self.closed:
                break
            try:
                wire = self.wire or self._start()
                deadline = time.monotonic() + seconds + SPARE_SECONDS
                wire.send({"seconds": seconds}, content, deadline)
                message, _ = wire.receive(deadline)
                return [Row(**row) for row in message["rows"]]
            except (BrokenWireError, LateError, OSError) as error:
                why = f"{type(error).__name__}: {error}"
                self._stop()
        return [Row(NOTEBOOK, "not graded", f"the grader's own process failed ({why}): run the command again")]

    def close(self) -> None:
        """End the process, for good."""
        self.closed = True
        self._stop()

    def _start(self) -> Wire:
        ours, theirs = socket.socketpair()
        environment = {**examiner.environment(), "TMPDIR": self.folder}
        command: list[Any] = [sys.executable, "-P", "-m", examiner.__name__, str(theirs.fileno())]
        nothing = subprocess.DEVNULL
        self.process = subprocess.Popen(
            command,
            pass_fds=[theirs.fileno()],
            env=environment,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            start_new_session=True,  # Ctrl-C is for the command, which ends its examiners itself
            cwd=Path(self.folder),
        )
        theirs.close()
        self.wire = Wire(ours)
        self.wire.send({"data": self.data, "protected": self.protected, "course": self.course})
        return self.wire

    def _stop(self) -> None:
        if self.wire is not None:
            self.wire.close()
            self.wire = None
        if self.process is not None:
            with contextlib.suppress(OSError):
                os.killpg(self.process.pid, signal.SIGKILL)  # its sandboxes end with it
            self.process.wait()
            self.process = None
