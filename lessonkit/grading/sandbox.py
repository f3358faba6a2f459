"""Where a student's code runs: what it can see, write and use up.

`bwrap <https://github.com/containers/bubblewrap>`_ gives it a root folder of its own that shows Python and the package
read-only and nothing else of the machine, three small folders in memory, no network, no other process, no capability.
The limits on memory, processor time, processes and files hold with and without it.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import site
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

import lessonkit
from lessonkit.errors import LessonkitError

HOME = "/scratch"  # the student's folder inside
WRITABLE = (HOME, "/tmp", "/dev/shm")
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt/conda", "/nix/store", "/gnu/store")
SETTINGS = ("ld.so.cache", "ld.so.conf", "localtime", "passwd", "group", "nsswitch.conf", "mime.types", "fonts")
ALONE = ("--unshare-user-try", *(f"--unshare-{each}" for each in ("ipc", "pid", "net", "uts", "cgroup-try")))
ENDING = ("--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL")  # nobody inside can end process 1
REMEDY = (
    "install bubblewrap (Debian, Ubuntu: apt-get install bubblewrap) on a Linux that allows it, "
    "or give --unprotected: then what is handed in can read and change your files"
)


@dataclass(frozen=True)
class Limits:
    """What a submission may use up."""

    seconds: float
    memory: int = 3 << 30  # bytes of address space beyond what is there at the start; making the stand-in takes 1.5
    disk: int = 64 << 20
    processes: int = 64  # threads count
    files: int = 256


def require() -> None:
    """Raise a `LessonkitError` that says what to do where `bwrap` is not installed or may not do its work."""
    if shutil.which("bwrap") is None:
        raise LessonkitError(f"bwrap, which isolates what is handed in, is not installed: {REMEDY}")
    command = ["bwrap", *ALONE, *ENDING, "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", sys.executable]
    done = subprocess.run([*command, "-c", ""], capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LessonkitError(f"bwrap, which isolates what is handed in, does not work here ({said}): {REMEDY}")


def isolation(protected: bool) -> str:
    """What is in force, in words."""
    held = f"limits on {'memory, ' if sys.platform == 'linux' else ''}processor, files, processes"
    if not protected:
        return f"none (--unprotected); {held}"
    return f"bwrap: its own processes, network and files, read-only but for a scratch folder in memory; {held}"


def command(protected: bool, data: Sequence[str] = ()) -> list[str]:
    """The words to put before a command so that it runs isolated.

    Parameters
    ----------
    data : further files that may be read.
    """
    if not protected:
        return []
    words = ["bwrap", *ALONE, *ENDING, "--proc", "/proc", "--dev", "/dev"]
    for folder in WRITABLE:
        words += ["--tmpfs", folder]
    for path in readable_paths(data):
        real = os.path.realpath(path)
        words += ["--ro-bind", path, path] if path == real else ["--symlink", real, path]
    return [*words, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]


def readable_paths(data: Sequence[str] = ()) -> list[str]:
    """What Python needs to run, and the course: nothing of the teacher's. None is below another, links included."""
    package = Path(lessonkit.__file__).absolute().parent
    prefixes = [sys.prefix, sys.base_prefix, sys.exec_prefix, *site.getsitepackages()]
    paths = [*SYSTEM, *prefixes, str(package), *_links_to(sys.executable)]
    private = [package.parent, package.resolve().parent, Path.cwd(), Path.home()]
    for entry in filter(os.path.isabs, sys.path):
        teachers = _within(entry, package.parent) or any(_within(each, entry) for each in private)
        if Path(entry, "numpy").is_dir() or not teachers:
            paths.append(entry)
    paths += [f"/etc/{name}" for name in SETTINGS]
    paths += [os.path.realpath(path) for path in (*paths, *data)]
    found: list[str] = []
    for path in sorted({path for path in paths if os.path.exists(path)}):
        if not any(_within(path, outer) for outer in found):
            found.append(path)
    return found


def _within(path: str | Path, outer: str | Path) -> bool:
    return Path(path).is_relative_to(outer)


def _links_to(path: str) -> list[str]:
    """The links that lead to a file, one after the other."""
    found: list[str] = []
    while os.path.islink(path) and len(found) < 10:
        found.append(path)
        path = os.path.normpath(os.path.join(os.path.dirname(path), os.readlink(path)))
    return found


def limit(limits: Limits) -> None:
    """Set the limits of this process and of its children; each holds as far as the system knows it."""
    bounds = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": limits.disk // 2,
        "RLIMIT_NOFILE": limits.files,
        "RLIMIT_CPU": int(2 * limits.seconds) + 10,
        "RLIMIT_NPROC": _threads_of_the_user() + limits.processes,
    }
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        bounds["RLIMIT_AS"] = pages * resource.getpagesize() + limits.memory
    for name, bound in bounds.items():
        with contextlib.suppress(OSError, ValueError, AttributeError):
            kind = getattr(resource, name)
            ceiling = resource.getrlimit(kind)[1]
            least = bound if ceiling == resource.RLIM_INFINITY else min(bound, ceiling)
            resource.setrlimit(kind, (least, least))


def _threads_of_the_user() -> int:
    count = 0
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            count += process.num_threads() if process.uids().real == os.getuid() else 0
    return count
