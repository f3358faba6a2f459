"""Where a student's code runs: what it can see, write and use up. In force is whatever the system allows.

On Linux, with or without being root: namespaces of its own for user, files, processes, network and messages; a root
folder in memory, of bounded size, that shows Python and the package read-only and nothing else of the machine; no
capability; and Landlock, which alone still bounds reading and writing where namespaces are forbidden. Everywhere:
limits on address space, processor time, file size, open files and processes.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import resource
import site
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy

import lessonkit
from lessonkit.grading import linux

HOME = "/scratch"  # the student's folder where the root is our own
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt/conda", "/nix/store", "/gnu/store")
SETTINGS = ("ld.so.cache", "ld.so.conf", "localtime", "passwd", "group", "nsswitch.conf", "mime.types", "fonts")
DEVICES = ("null", "zero", "full", "random", "urandom")
PIDS_PER_NAMESPACE = (6, 14)  # from this Linux on a pid namespace has its own pid_max


@dataclass(frozen=True)
class Limits:
    """What a submission may use up."""

    seconds: float
    memory: int = 3 << 30  # bytes of address space beyond what is there at the start; making the stand-in takes 1.5
    disk: int = 64 << 20
    processes: int = 64  # threads count
    files: int = 256

    @property
    def most_pids(self) -> int:
        """The bound within a pid namespace; the system takes none below 301."""
        return max(400, self.processes)


def separate() -> list[str]:
    """Put this process's children into namespaces of their own; what was possible."""
    if sys.platform != "linux":
        return []
    uid, gid = os.getuid(), os.getgid()
    spaces = linux.NEW_PIDS | linux.NEW_NETWORK | linux.NEW_IPC | linux.NEW_NAMES
    try:
        linux.unshare(linux.NEW_USER | spaces)
    except OSError:
        try:
            linux.unshare(spaces)  # root may, where user namespaces are forbidden
        except OSError:
            return []
        return ["processes", "network"]
    for file, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with contextlib.suppress(OSError):
            Path("/proc/self", file).write_text(text)
    return ["user", "processes", "network"]


def enclose(scratch: str, spaces: Sequence[str], limits: Limits, data: Sequence[str] = ()) -> tuple[str, list[str]]:
    """Shut this process in for good; the folder where it may write, and what is in force, in words.

    Parameters
    ----------
    scratch : an empty folder on the real disk.
    spaces : what `separate` gave.
    data : further files that may be read.
    """
    force = [f"its own {', '.join(spaces)}"] if spaces else []
    readable = readable_paths(data)
    home = scratch
    if "processes" in spaces and _new_root(scratch, readable, limits, own_user="user" in spaces):
        home = HOME
        force.append("files: its own, read-only but for a scratch folder in memory")
    os.chdir(home)
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            linux.drop_privileges()
        devices = [f"/dev/{name}" for name in DEVICES]
        writable = [home, "/dev/null", *(("/tmp", "/dev/shm") if home == HOME else ())]
        with contextlib.suppress(OSError):
            force.append(f"Landlock {linux.landlock(['/proc', *readable, *devices], writable)}")
    force.append(_limit(limits, own_user="user" in spaces))
    return home, force


def readable_paths(data: Sequence[str] = ()) -> list[str]:
    """What Python needs to run, and the course: nothing of the teacher's."""
    package = Path(lessonkit.__file__).absolute().parent
    paths = [*SYSTEM, sys.prefix, sys.base_prefix, sys.exec_prefix, str(package)]
    paths += [entry for entry in [*sys.path, *site.getsitepackages()] if os.path.isabs(entry)]
    paths += [os.path.realpath(path) for path in paths]
    home = {str(package.parent), str(package.resolve().parent), os.getcwd(), os.path.expanduser("~"), "/"}
    kept = [path for path in paths if path not in home or Path(path, "numpy").is_dir()]
    kept += [f"/etc/{name}" for name in SETTINGS] + [os.path.realpath(file) for file in data]
    found: list[str] = []
    for path in sorted({path for path in kept if os.path.exists(path)}):
        if not any(path.startswith(outer + "/") for outer in found if not os.path.islink(outer)):
            found.append(path)
    return found


def _new_root(root: str, readable: Sequence[str], limits: Limits, own_user: bool) -> bool:
    """A root folder in memory at `root`, with `readable` shown read-only at their own places; go there."""
    try:
        linux.unshare(linux.NEW_MOUNTS)
        linux.mount("none", "/", "", linux.RECURSIVE | linux.PRIVATE)
        options = f"size={limits.disk},nr_inodes=8192,mode=755"
        linux.mount("tmpfs", root, "tmpfs", linux.NO_SETUID | linux.NO_DEVICES, options)
        for path in readable:
            with contextlib.suppress(OSError):  # what matters of them is looked for below
                _show(path, root + path)
        if not all(os.path.isfile(root + needed) for needed in (os.__file__, __file__, numpy.__file__)):
            return False
        for name in DEVICES:
            _show(f"/dev/{name}", f"{root}/dev/{name}", read_only=False)
        for name in ("proc", "tmp", "dev/shm", HOME.strip("/")):
            os.makedirs(f"{root}/{name}", exist_ok=True)
        os.symlink("/proc/self/fd", f"{root}/dev/fd")
    except OSError:
        return False
    with contextlib.suppress(OSError):  # refused where parts of the outer /proc are hidden
        linux.mount("proc", f"{root}/proc", "proc", linux.NO_SETUID | linux.NO_DEVICES)
        _bound_processes(f"{root}/proc", limits, own_user)
        linux.mount("proc", f"{root}/proc", "proc", linux.REMOUNT | linux.READ_ONLY | linux.NO_SETUID)
    os.chroot(root)
    return True


def _show(path: str, target: str, read_only: bool = True) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(path):
        if not os.path.lexists(target):
            os.symlink(os.readlink(path), target)
        return
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o600))
    linux.mount(path, target, "", linux.BIND | linux.RECURSIVE)
    if read_only:
        linux.make_read_only(target)


def _bound_processes(proc: str, limits: Limits, own_user: bool) -> None:
    """The kernel's own bounds; written only where they hold for these namespaces and not for the whole machine."""
    version = re.match(r"(\d+)\.(\d+)", platform.release())
    if version and (int(version[1]), int(version[2])) >= PIDS_PER_NAMESPACE:
        with contextlib.suppress(OSError):
            Path(proc, "sys/kernel/pid_max").write_text(str(limits.most_pids))
    if own_user:
        with contextlib.suppress(OSError):
            Path(proc, "sys/user/max_user_namespaces").write_text("0")


def _limit(limits: Limits, own_user: bool) -> str:
    """Set the limits of this process and its children; what is in force."""
    bounds = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": limits.disk // 2,
        "RLIMIT_NOFILE": limits.files,
        "RLIMIT_CPU": int(2 * limits.seconds) + 10,
    }
    others = 0 if own_user else _processes_of_the_user()
    if others is not None:
        bounds["RLIMIT_NPROC"] = others + limits.processes
    if sys.platform == "linux":
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            bounds["RLIMIT_AS"] = pages * resource.getpagesize() + limits.memory
    held = []
    for name, bound in bounds.items():
        with contextlib.suppress(OSError, ValueError, AttributeError):
            kind = getattr(resource, name)
            ceiling = resource.getrlimit(kind)[1]
            least = bound if ceiling == resource.RLIM_INFINITY else min(bound, ceiling)
            resource.setrlimit(kind, (least, least))
            held.append(name)
    words = {"RLIMIT_AS": "memory", "RLIMIT_CPU": "processor", "RLIMIT_FSIZE": "files", "RLIMIT_NPROC": "processes"}
    return "limits on " + ", ".join(word for name, word in words.items() if name in held)


def _processes_of_the_user() -> int | None:
    """How many processes (on Linux: threads) the user has: where there is no user namespace the limit counts them."""
    threads = ["-L"] if sys.platform == "linux" else []
    command = ["ps", "-U", str(os.getuid()), "-o", "pid=", *threads]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    return len(found.splitlines())
