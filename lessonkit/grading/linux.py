"""The Linux calls of the sandbox that Python 3.11 has no function for. Every one may be refused: `OSError` then."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct

NEW_MOUNTS, NEW_NAMES, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NETWORK = (
    0x00020000,
    0x04000000,
    0x08000000,
    0x10000000,
    0x20000000,
    0x40000000,
)
READ_ONLY, NO_SETUID, NO_DEVICES, REMOUNT, BIND, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18

_MOUNT_SETATTR, _CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 442, 444, 445, 446  # the same on every architecture
_SET_DUMPABLE, _CAPBSET_DROP, _SET_SECUREBITS, _SET_NO_NEW_PRIVILEGES = 4, 24, 28, 38
_HERE, _EMPTY_PATH_RECURSIVE = -100, 0x8000

# Landlock's rights, from include/uapi/linux/landlock.h
EXECUTE, WRITE_FILE, READ_FILE, READ_FOLDER = 1 << 0, 1 << 1, 1 << 2, 1 << 3
READ = EXECUTE | READ_FILE | READ_FOLDER
FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15  # what a rule for a single file may hold
_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}  # by version, REFER, TRUNCATE, IOCTL
_TCP, _SCOPES = 0b11, 0b11  # bind and connect; abstract sockets and signals


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> int:
    result = getattr(_libc(), name)(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), name)
    return int(result)


def _syscall(number: int, *arguments: object) -> int:
    return _call("syscall", ctypes.c_long(number), *arguments)


def unshare(flags: int) -> None:
    """Put this process (for `NEW_PIDS`: its children) into namespaces of its own."""
    _call("unshare", ctypes.c_int(flags))


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    """mount(2)."""
    parts = (os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _call("mount", *parts)


def make_read_only(target: str) -> None:
    """Let nothing be written below this mount, no device be opened, no other user's rights be taken."""
    attributes = struct.pack("QQQQ", READ_ONLY | NO_SETUID | NO_DEVICES, 0, 0, 0)
    flags = ctypes.c_uint(_EMPTY_PATH_RECURSIVE)
    path = ctypes.c_char_p(os.fsencode(target))
    _syscall(_MOUNT_SETATTR, ctypes.c_int(_HERE), path, flags, attributes, ctypes.c_size_t(len(attributes)))


def drop_privileges() -> None:
    """No capability, none to be gained by running another program."""
    for capability in range(64):
        try:
            _call("prctl", _CAPBSET_DROP, ctypes.c_ulong(capability), 0, 0, 0)
        except OSError:
            break
    with contextlib.suppress(OSError):  # without a capability in the first place
        _call("prctl", _SET_SECUREBITS, ctypes.c_ulong(0b11), 0, 0, 0)  # uid 0 is nobody special, for good
    header, nothing = struct.pack("Ii", 0x20080522, 0), bytes(24)
    _call("capset", header, nothing)
    forbid_new_privileges()


def forbid_new_privileges() -> None:
    """No program that is run gains rights."""
    _call("prctl", _SET_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), 0, 0, 0)


def not_inspectable() -> None:
    """No other process of the same user may look into this one."""
    _call("prctl", _SET_DUMPABLE, ctypes.c_ulong(0), 0, 0, 0)


def landlock(readable: list[str], writable: list[str]) -> int:
    """Allow this process to read only below `readable`, to write only below `writable`; the version of Landlock.

    From version 4 on no TCP connection either, from version 6 on no signal to a process outside.
    """
    version = _syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(1))
    rights = _RIGHTS[max(known for known in _RIGHTS if known <= version)]
    rules = struct.pack("QQQ", rights, _TCP, _SCOPES)[: 24 if version >= 6 else 16 if version >= 4 else 8]
    ruleset = _syscall(_CREATE_RULESET, rules, ctypes.c_size_t(len(rules)), ctypes.c_uint(0))
    try:
        for paths, allowed in ((readable, READ), (writable, rights)):
            for path in paths:
                _allow(ruleset, path, allowed & rights)
        forbid_new_privileges()
        _syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint(0))
    finally:
        os.close(ruleset)
    return version


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # what is not there need not be allowed
        return
    try:
        rule = struct.pack("=Qi", rights if os.path.isdir(path) else rights & FILE_RIGHTS, handle)
        _syscall(_ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint(0))
    finally:
        os.close(handle)
