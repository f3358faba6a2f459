"""Call somebody else's function so that nothing it does breaks the notebook.

The work runs in a thread of its own and is watched from outside, so a time limit holds wherever the checker is called
from, on every system. The one thing that no thread can be stopped in is an endless loop inside C, such as
``sum(itertools.count())``.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import linecache
import sys
import threading
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

STOP_TRIES = 200  # a bare `except` may swallow some of the attempts to stop a thread
STOP_WAIT = 0.005  # seconds between two of them


class OutOfTime(SystemExit):
    """Raised inside the watched thread; threading ends a thread silently for a SystemExit alone.

    Where a bare ``except`` swallows it, it comes again at the next line: the thread makes the instance itself, and so
    sets up its own tracing.
    """

    def __init__(self) -> None:
        super().__init__()
        frame: types.FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename not in _OWN_FILES:
                frame.f_trace = _insist
            frame = frame.f_back
        sys.settrace(_insist)


_OWN_FILES = {__file__, threading.__file__}  # they must run to their end, or the thread is never told to be over


def _insist(frame: types.FrameType, event: str, _: Any) -> Any:
    if frame.f_code.co_filename in _OWN_FILES:
        return None
    if event == "line":
        raise OutOfTime
    return _insist


@dataclass(frozen=True)
class Outcome:
    """One call: what the function was given (copies), what it returned or raised, which argument it changed."""

    given: tuple[Any, ...]
    value: Any = None
    error: BaseException | None = None
    changed: int | None = None


def ask(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Outcome:
    """Call `function` on copies of `arguments`; only the time limit passes through."""
    given = tuple(copied(argument) for argument in arguments)
    try:
        value = function(*given)
    except OutOfTime:
        raise
    except BaseException as error:  # sys.exit, KeyboardInterrupt and the rest are the answer's own
        return Outcome(given, error=error)
    pairs = enumerate(zip(arguments, given, strict=True))
    return Outcome(given, value, None, next((at for at, (old, new) in pairs if not _same(old, new)), None))


def copied(value: Any) -> Any:
    """A deep copy of arrays, lists and tuples; generators, functions and models are passed as they are."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return type(value)([copied(item) for item in value])
    return value


def shares_memory(value: Any, arguments: Iterable[Any]) -> bool:
    """Whether `value` is, or looks into, an array among `arguments`."""
    return any(value is item or (_both_arrays(value, item) and np.shares_memory(value, item)) for item in arguments)


@dataclass
class Watched:
    """How a watched piece of work ended."""

    result: Any = None
    error: BaseException | None = None
    stopped_at: str | None = None  # the student's line, when the time ran out or the reader interrupted
    interrupted: bool = False
    printed: int = 0  # lines


def watched(work: Callable[[], Any], seconds: float, answer: Any) -> Watched:
    """Run `work` in a thread for at most `seconds`, three times that on a busy machine; hold back what it prints."""
    outcome, done = Watched(), threading.Event()  # an event, because an interrupted Thread.join forgets its thread

    def body() -> None:
        try:
            with np.errstate(all="ignore"):
                outcome.result = work()
        except BaseException as error:
            outcome.error = error
        finally:
            done.set()

    thread = threading.Thread(target=body, daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _held_back(thread, done, outcome):
            thread.start()
            try:
                began = time.process_time()
                if not done.wait(seconds) and time.process_time() - began < seconds / 2:
                    done.wait(2 * seconds)  # the machine is busy with other things: that is not the answer's fault
            except KeyboardInterrupt:
                outcome.interrupted = True
            if not done.is_set():
                frame = sys._current_frames().get(thread.ident or 0)
                outcome.stopped_at = own_line(answer, reversed(list(traceback.walk_stack(frame)))) if frame else ""
                _stop(thread, done)
    return outcome


def own_line(answer: Any, frames: Iterable[tuple[types.FrameType, int]]) -> str:
    """The innermost line of the student's own code among `frames` (outermost first), as text; "" when there is none."""
    code = code_of(answer)
    here = [number for frame, number in frames if code is not None and frame.f_code.co_filename == code.co_filename]
    if not here or code is None:
        return ""
    text = linecache.getline(code.co_filename, here[-1]).strip()
    return f"line {here[-1]}" + (f", `{text[:100]}`" if text else "")


def code_of(answer: Any) -> types.CodeType | None:
    """The compiled body of a function, a partial, a decorated function or a callable object."""
    try:
        while isinstance(answer, functools.partial):
            answer = answer.func
        answer = inspect.unwrap(answer)
        found = getattr(answer, "__code__", None) or getattr(type(answer).__call__, "__code__", None)
    except Exception:
        return None
    return found if isinstance(found, types.CodeType) else None


def _stop(thread: threading.Thread, done: threading.Event) -> None:
    for _ in range(STOP_TRIES):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident or 0), ctypes.py_object(OutOfTime))
        if done.wait(STOP_WAIT) or not thread.is_alive():
            break
    for _ in range(STOP_TRIES):  # what is still under way must not surface outside the thread's own streams
        if not thread.is_alive():
            return
        time.sleep(STOP_WAIT / 10)


class _Filter:
    """A text stream that swallows what one thread writes and passes on the rest."""

    def __init__(self, stream: Any, thread: threading.Thread, outcome: Watched) -> None:
        self._stream, self._thread, self._outcome = stream, thread, outcome

    def write(self, text: str) -> int:
        if threading.get_ident() != self._thread.ident:
            return int(self._stream.write(text) or 0)
        self._outcome.printed += str(text).count("\n")
        return len(str(text))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _held_back(thread: threading.Thread, done: threading.Event, outcome: Watched) -> Iterator[None]:
    streams = sys.stdout, sys.stderr
    filters = tuple(_Filter(stream, thread, outcome) for stream in streams)
    hook = sys.unraisablehook

    def quiet(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not OutOfTime:  # it may strike inside a finalizer, where it goes nowhere
            hook(unraisable)

    sys.stdout, sys.stderr = filters  # type: ignore[assignment]
    sys.unraisablehook = quiet
    try:
        yield
    finally:
        if sys.unraisablehook is quiet:
            sys.unraisablehook = hook
        # A thread that could not be stopped must not print into the cells below: its filter stays.
        if done.is_set() or not thread.is_alive():
            for name, mine, old in zip(("stdout", "stderr"), filters, streams, strict=True):
                if getattr(sys, name) is mine:
                    setattr(sys, name, old)


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, np.ndarray):
        same = before.dtype == after.dtype and before.shape == after.shape and before.tobytes() == after.tobytes()
        return bool(same)
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(_same(*pair) for pair in zip(before, after, strict=True))
    return before is after or not isinstance(before, int | float | str) or bool(before == after)


def _both_arrays(one: Any, other: Any) -> bool:
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
