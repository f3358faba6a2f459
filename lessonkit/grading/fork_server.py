"""The process that starts workers: Python, numpy and the package are loaded once, and each worker is a fork of it.

It runs inside the sandbox, as its process 1: no signal from a worker reaches it there, and when it ends, whatever
is in the sandbox ends with it. It runs no student's code and has one worker at a time: it watches the worker, ends it
with all that it started when the examiner says so or is gone, and removes the files that it left.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import psutil

from lessonkit.grading import sandbox
from lessonkit.grading.sandbox import Limits

PRELOADED = ("numpy", "lessonkit.exercises", "lessonkit.lessons.baseline.figures", "lessonkit.experiments.layerwise")
TICK = 0.05  # seconds between two looks at a worker
END_SECONDS = 5.0
SMALLEST = 4096  # bytes of disk that a file counts for at least, so that there is a limit for empty ones too
_END_WITH_PARENT, _DUMPABLE, _SUBREAPER = 1, 4, 36  # of prctl(2)


def request(limits: Limits) -> bytes:
    """What an examiner sends, beside two sockets: the worker's and its own to this process."""
    return json.dumps(asdict(limits)).encode()


def main(number: int, keras: bool) -> None:
    """Serve requests on the socket with this number until it is closed, or until the sandbox can no longer be used."""
    listener = socket.socket(fileno=number)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    from lessonkit.exercises import registry
    from lessonkit.grading import worker

    for name in (*PRELOADED, *(("keras",) if keras else ())):
        importlib.import_module(name)
    registry()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a handler would let a worker's signal through to process 1
    _prctl(_SUBREAPER, 1)  # processes that a worker leaves behind become our children
    _prctl(_DUMPABLE, 0)  # no worker may look into this process
    shut_in = os.getpid() == 1
    kept = set(_files(sandbox.WRITABLE)) if shut_in else set()
    listener.sendall(b"!")
    while True:
        text, handles, _, _ = socket.recv_fds(listener, 1 << 16, 2)
        if not text or len(handles) != 2:
            return
        channel, control = (socket.socket(fileno=handle) for handle in handles)
        folders = sandbox.WRITABLE if shut_in else (tempfile.mkdtemp(prefix="lessonkit-grade-"),)
        limits = Limits(**json.loads(text))
        base = _private(psutil.Process())
        pid = os.fork()
        if pid == 0:
            listener.close()
            control.close()
            _be_worker(limits, channel, folders[0], worker.main)
        channel.close()
        status, reason = _watch(pid, limits, folders, control, base)
        clean = _end() and _clean(folders, kept)
        if not shut_in:
            with contextlib.suppress(OSError):
                os.rmdir(folders[0])
        with contextlib.suppress(OSError):
            control.sendall(json.dumps({"status": status, "reason": reason, "clean": clean}).encode())
        control.close()
        if not clean:
            return


def _be_worker(limits: Limits, channel: socket.socket, home: str, work: Any) -> None:
    try:
        os.setsid()
        os.nice(5)
        _prctl(_DUMPABLE, 1)
        _prctl(_END_WITH_PARENT, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.chdir(home)
        sandbox.limit(limits)
        work(channel, home)
    finally:
        os._exit(1 if sys.exc_info()[0] else 0)


def _watch(
    pid: int, limits: Limits, folders: Sequence[str], control: socket.socket, base: int
) -> tuple[int | None, str]:
    """Wait until the worker ends or should be ended: its exit code, negative for a signal, and the limit it broke."""
    reason = ""
    while not reason:
        ready, _, _ = select.select([control], [], [], TICK)
        word = b"i"
        if ready:
            try:
                word = control.recv(1)
            except OSError:
                word = b""
            if word == b"i":
                os.kill(pid, signal.SIGINT)
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status), ""
        reason = _broken(limits, folders, base)  # also before we end it: a broken limit may be why it is late
        if word != b"i":  # told to end it, or the examiner is gone
            break
    return None, reason


def _broken(limits: Limits, folders: Sequence[str], base: int) -> str:
    """The limit that is broken now, or an empty text."""
    processes = psutil.Process().children(recursive=True)
    if len(processes) > 2 * limits.processes:  # the kernel refuses half as many to all users but root
        return "processes"
    # A process shares with the others what it got from this one; only what it adds is its own.
    added = sum(max(_private(process) - base, 0) for process in processes)
    if added > min(limits.memory, psutil.virtual_memory().total // 2):
        return "memory"
    used = 0
    for path in _files(folders):
        with contextlib.suppress(OSError):
            used += max(os.lstat(path).st_blocks * 512, SMALLEST)
        if used > limits.disk:
            return "disk"
    return ""


def _private(process: psutil.Process) -> int:
    """The memory that a process shares with no other, in bytes."""
    with contextlib.suppress(psutil.Error):
        memory = process.memory_info()
        return int(memory.rss - getattr(memory, "shared", 0))
    return 0


def _end() -> bool:
    """End the worker and whatever it started; return whether nothing is left."""
    until = time.monotonic() + END_SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(ProcessLookupError):
            if os.getpid() == 1:
                os.kill(-1, signal.SIGKILL)  # all others in the sandbox, at once
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                process.kill()
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return True
        time.sleep(0.005)
    return False


def _files(folders: Sequence[str]) -> Iterator[str]:
    """Everything in the folders, the innermost last, except what is mounted there."""
    for folder in folders:
        device = os.lstat(folder).st_dev
        for place, inner, files in os.walk(folder):
            paths = {name: os.path.join(place, name) for name in (*inner, *files)}
            own = set()
            for name, path in paths.items():
                with contextlib.suppress(OSError):
                    if os.lstat(path).st_dev == device:
                        own.add(name)
                        yield path
            inner[:] = [name for name in inner if name in own]


def _clean(folders: Sequence[str], kept: set[str]) -> bool:
    """Remove all files but `kept`; return whether nothing else is left."""
    for path in _files(folders):
        with contextlib.suppress(OSError):
            if os.path.isdir(path) and not os.path.islink(path):
                os.chmod(path, 0o700)  # before it is walked
    for path in reversed(list(_files(folders))):
        with contextlib.suppress(OSError):
            if path not in kept:
                (os.unlink if os.path.islink(path) or not os.path.isdir(path) else os.rmdir)(path)
    return set(_files(folders)) == kept


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "keras")
