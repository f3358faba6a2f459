"""Judges one submission after the other, in a process that runs no student's code.

For each submission a worker is forked, shut in, and driven over a wire; if it ends, hangs or talks nonsense, another
one takes over the notebook, with the cell or exercise at fault left out, so that the rest is still judged.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lessonkit
from lessonkit.checker.judge import SECONDS
from lessonkit.exercises import Verdict, find, judge
from lessonkit.grading import fork_server, sandbox
from lessonkit.grading.notebook import Notebook, UnreadableError, defines, exercises_of, read
from lessonkit.grading.rows import (
    COURSE,
    EXERCISE_STATUSES,
    NOTEBOOK,
    NOTEBOOK_STATUSES,
    Row,
    notebook_row,
    one_line,
)
from lessonkit.grading.sandbox import Limits
from lessonkit.grading.standin import INTERRUPT_SECONDS, Failure, StandIn, UnansweredError
from lessonkit.grading.wire import BrokenWireError, LateError, Wire

MOST_WORKERS = 12  # for one submission
START_SECONDS = 60.0
REAP_SECONDS = 10.0
GRACE_SECONDS = 0.5  # for its watcher to see how a worker ended
KERAS = "baseline.count_prunable_weights"  # the exercise whose argument is a Keras model
KERAS_MEMORY = 6 << 30  # TensorFlow reserves much more address space than it uses
ONE_THREAD = (
    *(f"{library}_NUM_THREADS" for library in ("OMP", "OPENBLAS", "MKL")),
    "VECLIB_MAXIMUM_THREADS",
    *(f"TF_NUM_{kind}_THREADS" for kind in ("INTRAOP", "INTEROP")),
)

_WHY = {
    "memory": ("out of memory", "used more memory than is allowed"),
    "processes": ("processes", "started more processes than are allowed"),
    "disk": ("disk full", "wrote more than is allowed"),
}
_SIGNALS = {-signal.SIGXCPU: "used up its processor time", -signal.SIGXFSZ: "wrote more than is allowed"}


class Examiner:
    """Holds the processes that fork workers, with and without Keras, and grades notebooks.

    Parameters
    ----------
    data : MNIST's file, or None for the stand-in.
    protected : in a sandbox, as `sandbox.require` demands it.
    """

    def __init__(self, data: str | None = None, protected: bool = True) -> None:
        self.data, self.protected = data, protected
        self._servers: dict[bool, tuple[subprocess.Popen[bytes], socket.socket]] = {}

    def grade(self, content: bytes, course: frozenset[str], seconds: float) -> list[Row]:
        """The rows of one notebook, which has `seconds` in all."""
        try:
            notebook = read(content, course)
        except UnreadableError as error:
            return [Row(NOTEBOOK, "not a notebook", one_line(f"the file {error}"))]
        wanted = exercises_of(notebook)
        if not wanted:
            return [Row(NOTEBOOK, "unknown lesson", "it contains no exercise of the course")]
        if KERAS in wanted:  # neither TensorFlow's start nor ours is the notebook's time
            judge(KERAS, find(KERAS).reference)
        self._server(KERAS in wanted)
        return _Submission(self, notebook, wanted, seconds).rows()

    def start(self, limits: Limits, keras: bool) -> tuple[Wire, socket.socket]:
        """A new worker: its wire, and the line to the process that watches it."""
        ours, theirs = socket.socketpair()
        control, watchers = socket.socketpair()
        socket.send_fds(self._server(keras), [fork_server.request(limits)], [theirs.fileno(), watchers.fileno()])
        theirs.close()
        watchers.close()
        return Wire(ours), control

    def discard(self, keras: bool) -> None:
        """End a sandbox, with whatever is still in it; the next worker gets another one."""
        if keras in self._servers:
            process, line = self._servers.pop(keras)
            line.close()
            process.kill()
            process.wait()

    def _server(self, keras: bool) -> socket.socket:
        if keras not in self._servers:
            ours, theirs = socket.socketpair()
            python = [sys.executable, "-P", "-m", fork_server.__name__, str(theirs.fileno()), "keras" if keras else ""]
            command = [*sandbox.command(self.protected, [self.data] if self.data else []), *python]
            nothing = subprocess.DEVNULL
            process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                env=environment(),
                stdin=nothing,
                stdout=nothing,
                stderr=nothing,
                start_new_session=True,  # unprotected, it must outlive the examiner, to end its worker
            )
            theirs.close()
            self._servers[keras] = process, ours
            ours.settimeout(START_SECONDS)
            if ours.recv(1) != b"!":
                self.discard(keras)
                raise BrokenWireError("the process that starts workers does not start")
        return self._servers[keras][1]


class _Submission:
    """One notebook on its way to its rows."""

    def __init__(self, examiner: Examiner, notebook: Notebook, wanted: Sequence[str], seconds: float) -> None:
        self.examiner, self.notebook, self.wanted, self.seconds = examiner, notebook, wanted, seconds
        self.deadline = time.monotonic() + seconds
        self.each = seconds / 4  # for one cell
        self.for_exercise = min(2 * SECONDS, seconds / 4)  # the wire and a busy machine take their share
        self.keras = KERAS in wanted
        cores = os.cpu_count() or 1
        plain = Limits(seconds)
        self.limits = Limits(seconds, KERAS_MEMORY, processes=256 + 16 * cores) if self.keras else plain
        self.files = {cell.file: cell.source for cell in notebook.cells}
        self.known: dict[tuple[str, int], Verdict] = {}  # by exercise and number of the check
        self.last: dict[str, Verdict] = {}
        self.notes: dict[str, list[str]] = {}
        self.failed: dict[int, str] = {}  # cells
        self.skipped: set[int] = set()

    def rows(self) -> list[Row]:
        """Run the notebook, with as many workers as it takes, and report on it."""
        finished = False
        for _ in range(MOST_WORKERS):
            if finished or time.monotonic() > self.deadline or 0 in self.skipped:
                break
            finished = self._with_worker()
        found = [self._row(each, finished) for each in self.wanted]
        if not finished and time.monotonic() > self.deadline:
            self._note("timeout", f"its time, {self.seconds:g} seconds, was used up")
        about = notebook_row(self.notes)
        return [*([about] if about else []), *found]

    # --- one worker -----------------------------------------------------------------------------------------------

    def _with_worker(self) -> bool:
        """Let a new worker run the notebook; return whether it reached the end."""
        began = time.monotonic()
        wire, self.control = self.examiner.start(self.limits, self.keras)
        self.deadline += time.monotonic() - began  # the making of a new sandbox is not the notebook's time
        self.cell, self.checking = 0, ("", 0)
        try:
            finished = self._converse(wire)
        finally:
            wire.close()
            told = self._reap(wait=not finished)
            if told.get("clean") is not True:
                self.examiner.discard(self.keras)
        if not finished:
            self._blame(told)
        return finished

    def _converse(self, wire: Wire) -> bool:
        try:
            cells = [[cell.number, cell.source, cell.own] for cell in self.notebook.cells]
            start = {"cells": cells, "skip": sorted(self.skipped), "exercises": list(self.wanted)}
            wire.send({**start, "data": self.examiner.data or "standin"}, b"", self.deadline)
            while True:
                message, _ = self._next(wire)
                self._take_notes(message.get("notes"))
                if "end" in message:
                    return True
                if "check" in message:
                    if not self._judge(message, wire):
                        return False
                elif "failed" in message:
                    self._take_failure(message)
                elif isinstance(message.get("cell"), int):
                    self.cell = message["cell"]
        except LateError:
            self._note("timeout", f"{self._place()} did not end in time")
            self.failed.setdefault(self.cell, "it did not end in time")
            self.skipped.add(self.cell)
        except (BrokenWireError, KeyError, TypeError, ValueError):
            pass  # its watcher knows why
        return False

    def _next(self, wire: Wire) -> tuple[dict[str, Any], bytes]:
        """The next message; a cell that takes too long is interrupted, and the notebook continues with the next one."""
        try:
            return wire.receive(min(time.monotonic() + self.each, self.deadline))
        except LateError:
            if time.monotonic() > self.deadline:
                raise
            self._interrupt()
            message, data = wire.receive(time.monotonic() + INTERRUPT_SECONDS)
            if "failed" in message:
                line = f" (line {message['line']})" if isinstance(message.get("line"), int) else ""
                self._note("timeout", f"{self._place()} did not end in time{line}")
                self.failed[self.cell] = f"it did not end in time{line}"
                message = {"cell": self.cell, "notes": message.get("notes")}
            return message, data

    def _judge(self, message: Mapping[str, Any], wire: Wire) -> bool:
        """Judge an answer that the worker hands in; return whether the worker can continue."""
        exercise_id, number = str(message["check"]), int(message["number"])
        if exercise_id in self.wanted:
            self.checking = (exercise_id, number)
            verdict = self.known.get(self.checking)
            usable = True
            if verdict is None:
                verdict, usable = self._verdict(exercise_id, message, wire)
                if verdict is not None:
                    self.known[self.checking] = verdict
            if verdict is not None:
                self.last[exercise_id] = verdict
            if not usable or verdict is None:
                return False
            self.checking = ("", 0)
            status = verdict.status
        else:
            status = "unknown"
        wire.send({"verdict": status}, b"", self.deadline + 1)
        return True

    def _verdict(self, exercise_id: str, told: Mapping[str, Any], wire: Wire) -> tuple[Verdict | None, bool]:
        exercise = find(exercise_id)
        if told.get("course"):
            return Verdict(COURSE, EXERCISE_STATUSES[COURSE]), True
        if told.get("blank"):
            return judge(exercise_id, None), True
        if not told.get("callable"):
            kind = str(told.get("type", "object"))
            return judge(exercise_id, type(kind if kind.isidentifier() else "object", (), {})()), True
        seconds = max(min(self.for_exercise, self.deadline - time.monotonic()), 0.1)
        standin = StandIn(exercise, told, wire, seconds, self._interrupt, self.files)
        verdict = judge(exercise_id, standin, seconds=3 * seconds + 4 * INTERRUPT_SECONDS)
        self.deadline += standin.prepared  # building Keras models is not the student's time
        failure: Failure | None = standin.failure
        if failure is None:
            if verdict.status == "right" and told.get("calls_the_course"):
                verdict = Verdict(COURSE, f"the function only calls the course's: {EXERCISE_STATUSES[COURSE]}")
            return verdict, True
        if f"raised {UnansweredError.__name__}" not in verdict.message:
            return verdict, failure.usable  # it was reached before, and then a misconception was looked for
        if failure.status == "crashed":
            return None, False  # its watcher knows how it ended
        return Verdict(failure.status, failure.text), failure.usable

    # --- how it ended ---------------------------------------------------------------------------------------------

    def _reap(self, wait: bool) -> Mapping[str, Any]:
        """End the worker and all that it started; return its watcher's report, which no student's code can forge."""
        if wait:
            select.select([self.control], [], [], GRACE_SECONDS)
        with contextlib.suppress(OSError):
            self.control.shutdown(socket.SHUT_WR)
        told = b""
        self.control.settimeout(REAP_SECONDS)
        with contextlib.suppress(OSError):
            while part := self.control.recv(1 << 12):
                told += part
        self.control.close()
        try:
            found = json.loads(told)
        except ValueError:
            found = {}
        return found if isinstance(found, dict) else {}

    def _blame(self, told: Mapping[str, Any]) -> None:
        """Leave out, for the next worker, what ended this one, and note it."""
        status, reason = told.get("status"), told.get("reason")
        kind, text = "crashed", "stopped talking to the grader"
        if reason in _WHY:
            kind, text = _WHY[str(reason)]
        elif isinstance(status, int):
            text = _SIGNALS.get(status, f"ended its process (exit code {status})" if status >= 0 else "")
            text = text or f"ended its process ({signal.Signals(-status).name})"
        exercise_id, _ = self.checking
        judged = self.known.get(self.checking)
        if exercise_id and (judged is None or (judged.status == "timeout" and reason in _WHY)):
            call = f"{find(exercise_id).name} {text}"
            self.known[self.checking] = self.last[exercise_id] = Verdict("crashed", f"{call}.")
            if kind != "crashed":
                self._note(kind, call)
        elif not exercise_id and (self.cell not in self.skipped or reason in _WHY):
            self._note(kind, f"{self._place()} {text}")
            self.failed.setdefault(self.cell, f"it {text}")
            self.skipped.add(self.cell)

    def _interrupt(self) -> None:
        with contextlib.suppress(OSError):
            self.control.send(b"i")

    # --- what is reported -----------------------------------------------------------------------------------------

    def _row(self, exercise_id: str, finished: bool) -> Row:
        verdict = self.last.get(exercise_id)
        if verdict is not None:
            return Row(exercise_id, verdict.status, one_line(verdict.message))
        name = find(exercise_id).name
        places = [cell.number for cell in self.notebook.cells if defines(cell.source, name)]
        broken = next((number for number in places if number in self.failed), None)
        if broken is not None:
            text = f"cell {broken}, which should define it, failed: {self.failed[broken]}"
            return Row(exercise_id, "error", one_line(text))
        if not places:
            checked = f'"{exercise_id}"' in self.notebook.text
            return Row(exercise_id, "missing", f"no cell defines {name}" + ("" if checked else ", and none checks it"))
        if not finished:
            if time.monotonic() > self.deadline:
                return Row(exercise_id, "timeout", f"the notebook's {self.seconds:g} seconds had been used up before")
            return Row(exercise_id, "crashed", "the notebook's process had been ended before")
        return Row(exercise_id, "missing", f"{name} has no value after the notebook has run")

    def _take_failure(self, message: Mapping[str, Any]) -> None:
        number = message["failed"]
        if number not in {cell.number for cell in self.notebook.cells}:
            raise BrokenWireError("a cell that is not there")
        text = one_line(f"{message.get('type')}: {message.get('text')}", 200).removesuffix(": None")
        line = message.get("line")
        if isinstance(line, int):
            text += f" (line {line})"
        self.failed.setdefault(number, text)
        self._note("cell failed", f"cell {number}: {text}")

    def _take_notes(self, notes: Any) -> None:
        if isinstance(notes, dict):
            for kind, text in list(notes.items())[: len(NOTEBOOK_STATUSES)]:
                if kind in NOTEBOOK_STATUSES:
                    self._note(str(kind), one_line(str(text), 200))

    def _note(self, kind: str, text: str) -> None:
        texts = self.notes.setdefault(kind, [])
        if text not in texts and len(texts) < 5:
            texts.append(text)

    def _place(self) -> str:
        return f"cell {self.cell}" if self.cell else "the notebook"


def environment() -> dict[str, str]:
    """The variables of this process and of those that start workers: what Python needs, nothing of the teacher's."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH") if name in os.environ
    }
    package = str(Path(lessonkit.__file__).absolute().parents[1])
    further = [os.path.abspath(each) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each]
    path = os.pathsep.join(dict.fromkeys([package, *further]))
    one = dict.fromkeys(ONE_THREAD, "1")
    fixed = {"TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg", "COLUMNS": "80"}
    return {**kept, **one, **fixed, "PYTHONPATH": path}
