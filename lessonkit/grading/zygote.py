"""The process that starts workers: Python, numpy and the package are loaded once, and each worker is a fork of it.

It never runs a student's code and knows nothing of any submission. For each request it forks a keeper; the keeper
forks the worker, shuts it in, watches it, and ends it with all that it started when the examiner says so or is gone.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import select
import shutil
import signal
import socket
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lessonkit.grading import linux, sandbox
from lessonkit.grading.sandbox import Limits

PRELOADED = ("numpy", "lessonkit.exercises", "lessonkit.lessons.baseline.figures", "lessonkit.experiments.layerwise")
TICK = 0.05  # seconds between two looks at a worker
_MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")  # bytes of memory
_SUBREAPER, _END_WITH_PARENT = 36, 1  # prctl: take in processes whose parent has ended; end when the keeper does


def request(limits: Limits, scratch: str, data: list[str]) -> bytes:
    """What an examiner sends, beside the two sockets: the worker's and the keeper's."""
    return json.dumps({"limits": asdict(limits), "scratch": scratch, "data": data}).encode()


def main(number: int, keras: bool) -> None:
    """Serve requests on the socket with this number until it is closed."""
    listener = socket.socket(fileno=number)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    from lessonkit.exercises import registry
    from lessonkit.grading import worker

    for name in (*PRELOADED, *(("keras",) if keras else ())):
        importlib.import_module(name)
    registry()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the keepers
    listener.sendall(b"!")
    while True:
        text, handles, _, _ = socket.recv_fds(listener, 1 << 16, 2)
        if not text or len(handles) != 2:
            return
        if os.fork() == 0:
            listener.close()
            os.setsid()  # whoever ends the examiner's group must leave this one time to end its worker
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            code = 1
            try:
                asked = json.loads(text)
                channel, control = (socket.socket(fileno=handle) for handle in handles)
                keeper = _Keeper(Limits(**asked["limits"]), asked["scratch"], asked["data"])
                keeper.start(channel, control, worker.main)
                code = 0
            finally:
                os._exit(code)
        for handle in handles:
            os.close(handle)


class _Keeper:
    """Watches one worker from outside its namespaces."""

    def __init__(self, limits: Limits, scratch: str, data: list[str]) -> None:
        self.limits, self.scratch, self.data = limits, scratch, data
        self.reason, self.most, self.own_memory = "", 1, 0

    def start(self, channel: socket.socket, control: socket.socket, work: Any) -> None:
        _prctl(_SUBREAPER, 1)
        spaces = sandbox.separate()
        self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                control.close()
                with contextlib.suppress(OSError):
                    os.setsid()
                os.nice(5)
                home, force = sandbox.enclose(self.scratch, spaces, self.limits, self.data)
                _prctl(_END_WITH_PARENT, signal.SIGKILL)
                work(channel, home, force)
                code = 0
            finally:
                os._exit(code)
        channel.close()
        with contextlib.suppress(OSError, AttributeError):
            linux.not_inspectable()
        self.own_space = "processes" in spaces
        status = self._watch(control)
        if status is None and not self.reason:
            self._look()  # it may be late because of what we have not seen yet
        self._end()
        told = {"status": status, "reason": self.reason, "most": self.most}
        with contextlib.suppress(OSError):
            control.sendall(json.dumps(told).encode())

    def _watch(self, control: socket.socket) -> int | None:
        """Until the worker ends, of its own or by us; its exit code, negative for a signal."""
        while True:
            ready, _, _ = select.select([control], [], [], TICK)
            if ready:
                try:
                    word = control.recv(1)
                except OSError:
                    word = b""
                if word != b"i":  # told to end, or the examiner is gone
                    ended, status = os.waitpid(self.pid, os.WNOHANG)
                    return os.waitstatus_to_exitcode(status) if ended else None
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGINT)
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            if ended:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            self._look()
            if self.reason:
                return None

    def _look(self) -> None:
        processes = _descendants(os.getpid())
        self.most = max(self.most, len(processes))
        if len(processes) > self.limits.processes:
            self.reason = "processes"
        # What a process has from the zygote it shares with the others; only what it adds is its own.
        self.own_memory = self.own_memory or max(map(_resident, processes), default=0)
        added = sum(max(_resident(process) - self.own_memory, 0) for process in processes)
        if not self.reason and added > min(self.limits.memory, _MACHINE // 2):
            self.reason = "memory"
        if not self.reason and not self.own_space and _size(self.scratch) > self.limits.disk:
            self.reason = "disk"

    def _end(self) -> None:
        """End the worker and whatever it started."""
        if self.pid:
            for kill, number in ((os.kill, self.pid), (os.killpg, self.pid)):
                with contextlib.suppress(OSError):
                    kill(number, signal.SIGKILL)  # in a namespace of its own all others end with it
        until = time.monotonic() + 5
        while time.monotonic() < until:
            for process in _descendants(os.getpid()):
                with contextlib.suppress(OSError):
                    os.kill(process, signal.SIGKILL)
            try:
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            except ChildProcessError:
                return
            time.sleep(0.005)


def _prctl(option: int, value: int) -> None:
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _descendants(process: int) -> list[int]:
    """The processes below this one, as far as the system tells."""
    found: list[int] = []
    waiting = [process]
    while waiting and len(found) < 10_000:
        one = waiting.pop()
        with contextlib.suppress(OSError, ValueError):
            for task in os.listdir(f"/proc/{one}/task"):
                children = [int(word) for word in Path(f"/proc/{one}/task/{task}/children").read_text().split()]
                found += children
                waiting += children
    return found


def _resident(process: int) -> int:
    """The memory of its own that a process has, in bytes."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        _, resident, shared = map(int, Path(f"/proc/{process}/statm").read_text().split()[:3])
        return (resident - shared) * os.sysconf("SC_PAGE_SIZE")
    return 0


def _size(folder: str) -> int:
    total = 0
    for place, _, files in os.walk(folder):
        for file in files:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(place, file)).st_blocks * 512
    return total


def remove(folder: str) -> None:
    """A scratch folder with all that is in it, however its rights were set."""
    for place, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            os.chmod(place, 0o700)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2] == "keras")
