"""Call a student's function so that nothing it does breaks the notebook.

The work runs in a separate thread and is watched from outside, so that the time limit works on every system and
wherever the checker is called from. Only an endless loop inside C code, such as ``sum(itertools.count())``, cannot be
stopped.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
import itertools
import linecache
import os
import random
import sys
import threading
import time
import traceback
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

PATIENCE = 1.5  # by this factor a thread may exceed its limit on the wall clock: it may sleep, or the machine be busy
BUSY = 10.0  # the same for work in many short pieces, which can take that long only on a busy machine
LOOK = 0.05  # seconds between two looks at the thread's clock
IMPORTS = 60.0  # up to this many seconds of imports do not count
MOST_ITEMS = 50  # up to this many items of a result are compared with each other
STOP_TRIES = 200  # attempts to stop a thread; a bare `except` may swallow some of them
STOP_WAIT = 0.005  # seconds between two attempts


class OutOfTime(SystemExit):
    """Raised inside the watched thread. It is a SystemExit, because that is the only one that ends a thread silently.

    Where a bare ``except`` swallows it, it is raised again at the next line: the instance is made in the thread itself,
    and so it can set up the thread's tracing.
    """

    def __init__(self) -> None:
        super().__init__()
        frame: types.FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename not in _OWN_FILES:
                frame.f_trace = _insist
            frame = frame.f_back
        sys.settrace(_insist)


_OWN_FILES = {__file__, threading.__file__}  # they must finish, or the thread is never marked as ended


def _insist(frame: types.FrameType, event: str, _: Any) -> Any:
    if frame.f_code.co_filename in _OWN_FILES:
        return None
    if event == "line":
        raise OutOfTime
    return _insist


@dataclass(frozen=True)
class Outcome:
    """One call of a function.

    Parameters
    ----------
    given : the arguments that it was called with, usually copies.
    value : what it returned.
    error : what it raised.
    changed : the position of the first argument that the call has changed.
    floating : numpy's floating-point errors in the call, such as "overflow" or "divide by zero".
    """

    given: tuple[Any, ...]
    value: Any = None
    error: BaseException | None = None
    changed: int | None = None
    floating: tuple[str, ...] = ()


def ask(function: Callable[..., Any], arguments: tuple[Any, ...], given: tuple[Any, ...] | None = None) -> Outcome:
    """Call `function` on copies of `arguments`, or on `given`, which must equal them.

    Whatever the function raises is in the outcome; only `OutOfTime` passes through.
    """
    given = tuple(copied(argument) for argument in arguments) if given is None else given
    models = {at: ModelState(argument) for at, argument in enumerate(arguments) if is_model(argument)}
    floating: list[str] = []
    try:
        with np.errstate(all="call", call=lambda kind, flag: floating.append(kind)):
            value = function(*given)
    except OutOfTime:
        raise
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: the answer itself raised them
        _restored(models)
        return Outcome(given, error=error, floating=tuple(floating))
    changed = [at for at, (old, new) in enumerate(zip(arguments, given, strict=True)) if not _same(old, new)]
    changed += _restored(models)
    return Outcome(given, value, None, min(changed, default=None), tuple(floating))


def copied(value: Any) -> Any:
    """A deep copy of arrays, lists and tuples; anything else, such as a generator or a model, is returned as it is."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return type(value)([copied(item) for item in value])
    return value


def is_model(value: Any) -> bool:
    """Whether `value` is a Keras model."""
    return hasattr(value, "layers") and hasattr(value, "get_weights")


def parts_of(value: Any) -> list[Any]:
    """The arrays and non-empty lists in a result: the result itself, and those inside it at any depth."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, list | tuple):
        own = [value] if isinstance(value, list) and value else []
        return own + [part for item in value for part in parts_of(item)]
    return []


def shares_memory(value: Any, others: Iterable[Any]) -> bool:
    """Whether an array or list in `value` is also in `others`, or an array shares memory with one there."""
    mine, theirs = parts_of(value), [part for other in others for part in parts_of(other)]
    return any(
        one is other or (_both_arrays(one, other) and np.shares_memory(one, other)) for one in mine for other in theirs
    )


def overlap(value: Any) -> bool:
    """Whether two arrays in a result share memory: the same array twice, or views that overlap."""
    items = [item for item in value if isinstance(item, np.ndarray)] if isinstance(value, tuple | list) else []
    return len(items) <= MOST_ITEMS and any(np.shares_memory(*pair) for pair in itertools.combinations(items, 2))


def draws_of(rng: np.random.Generator) -> str:
    """The state of a generator as text, including the number of children it has spawned."""
    return f"{rng.bit_generator.state} {rng.bit_generator.seed_seq.n_children_spawned}"  # type: ignore[attr-defined]


def makes_generator(answer: Any) -> bool:
    """Whether the answer's code names a function that makes or seeds a generator."""
    if isinstance(told := getattr(answer, "makes_generator", None), bool):  # the grader's stand-in, which has no code
        return told
    return not _GENERATORS.isdisjoint(_names(code_of(answer)))


_GENERATORS = {"default_rng", "RandomState", "Random", "SystemRandom", "PCG64", "MT19937", "Philox", "SFC64", "seed"}


def _names(code: types.CodeType | None) -> set[str]:
    if code is None:
        return set()
    inner = [_names(each) for each in code.co_consts if isinstance(each, types.CodeType)]
    return set(code.co_names).union(*inner)


@dataclass
class Watched:
    """How a watched piece of work ended."""

    result: Any = None
    error: BaseException | None = None
    stopped_at: str | None = None  # the student's line that ran when time was up or the user interrupted
    interrupted: bool = False
    printed: int = 0  # lines
    seconds: float = 0.0  # on the wall clock, without imports


def watched(work: Callable[[], Any], seconds: float, answer: Any, late: Callable[[], bool] = lambda: True) -> Watched:
    """Run `work` in a thread for at most `seconds` of processor time; hold back what it prints, undo what it changes.

    By the wall clock it may take `PATIENCE` times as long where the work itself is `late`, and `BUSY` times as long
    where the machine is busy. Importing a large library, such as TensorFlow, does not count.
    """
    outcome, done = Watched(), threading.Event()  # an event, because an interrupted Thread.join loses its thread

    clocks: list[int] = []

    def body() -> None:
        try:
            with suppress(AttributeError, OSError):  # not every system has a clock for each thread
                clocks.append(time.pthread_getcpuclockid(threading.get_ident()))
            outcome.result = work()
        except BaseException as error:
            outcome.error = error
        finally:
            done.set()

    thread = threading.Thread(target=body, daemon=True)
    with _as_it_was(), _held_back(thread, done, outcome):
        thread.start()
        began = time.monotonic()
        passed = used = imports = imports_used = 0.0
        try:
            while not done.wait(min(LOOK, seconds)):
                before, passed = passed, time.monotonic() - began
                used_before, used = used, _used(clocks, passed)
                if imports < IMPORTS and _imports(thread):
                    imports += passed - before
                    imports_used += used - used_before
                outcome.seconds = passed - imports
                patience = PATIENCE if late() else BUSY
                if outcome.seconds >= patience * seconds or used - imports_used >= seconds:
                    break
        except KeyboardInterrupt:
            outcome.interrupted = True
        if not done.is_set():
            frame = sys._current_frames().get(thread.ident or 0)
            outcome.stopped_at = own_line(answer, reversed(list(traceback.walk_stack(frame)))) if frame else ""
            _stop(thread, done)
    return outcome


def _imports(thread: threading.Thread) -> bool:
    """Whether the thread is importing something at this moment."""
    frame = sys._current_frames().get(thread.ident or 0)
    frames = traceback.walk_stack(frame) if frame is not None else ()
    return any(each.f_code.co_filename.startswith("<frozen importlib") for each, _ in frames)


def _used(clocks: Sequence[int], passed: float) -> float:
    """The processor time that a thread has used, in seconds; on systems that cannot report it, the time `passed`."""
    try:
        return time.clock_gettime(clocks[0])
    except (IndexError, OSError):
        return passed


def own_line(answer: Any, frames: Iterable[tuple[types.FrameType, int]]) -> str:
    """The innermost line of the student's own code among `frames` (outermost first), as text; "" if there is none."""
    code = code_of(answer)
    here = [number for frame, number in frames if code is not None and frame.f_code.co_filename == code.co_filename]
    if not here or code is None:
        return ""
    text = linecache.getline(code.co_filename, here[-1]).strip()
    return f"line {here[-1]}" + (f", `{text[:100]}`" if text else "")


def code_of(answer: Any) -> types.CodeType | None:
    """The compiled body of a function, a partial, a decorated function or a callable object; None if there is none."""
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
    for _ in range(STOP_TRIES):  # wait for its end, or what it still prints would not be held back
        if not thread.is_alive():
            return
        time.sleep(STOP_WAIT / 10)


class _Filter:
    """A text stream that swallows what one thread writes, passes on everything else, and cannot be closed."""

    def __init__(self, stream: Any, thread: threading.Thread, outcome: Watched) -> None:
        self._stream, self._thread, self._outcome = stream, thread, outcome

    def write(self, text: str) -> int:
        if threading.get_ident() != self._thread.ident:
            return int(self._stream.write(text) or 0)
        self._outcome.printed += str(text).count("\n")
        return len(str(text))

    def close(self) -> None:
        pass

    detach = reconfigure = close

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextmanager
def _held_back(thread: threading.Thread, done: threading.Event, outcome: Watched) -> Iterator[None]:
    names = ("stdout", "stderr", "stdin")  # stdin, because Python's own exit() closes it
    streams = [getattr(sys, name) for name in names]
    filters = [_Filter(stream, thread, outcome) if stream is not None else None for stream in streams]
    hook = sys.unraisablehook

    def quiet(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not OutOfTime:  # it may be raised inside a finalizer, where it stops nothing
            hook(unraisable)

    for name, mine in zip(names, filters, strict=True):
        setattr(sys, name, mine)
    sys.unraisablehook = quiet
    try:
        yield
    finally:
        sys.unraisablehook = hook
        # A thread that could not be stopped must not print into the cells below, so its filter stays in place.
        ended = done.is_set() or not thread.is_alive()
        for name, mine, old in zip(names, filters, streams, strict=True):
            setattr(sys, name, old if ended else mine)


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Restore what an answer may change in the process, such as the folder, and keep exit() from ending the kernel."""
    path, environment = list(sys.path), dict(os.environ)
    folder = os.getcwd() if os.path.exists(".") else os.path.expanduser("~")
    limit, printing = sys.getrecursionlimit(), np.get_printoptions()
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        with warnings.catch_warnings(), _kernel_stays():
            warnings.simplefilter("ignore")
            yield
    finally:
        with suppress(OSError):
            os.chdir(folder)
        sys.path[:] = path
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        sys.setrecursionlimit(limit)
        np.set_printoptions(**printing)
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def _exits(*_: Any) -> None:
    raise SystemExit("exit() and quit() end the kernel; to end a function, use `return`")


@contextmanager
def _kernel_stays() -> Iterator[None]:
    """Keep IPython's exit and quit from ending the shell, which they would do at the end of the cell."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        yield
        return
    shell.ask_exit = _exits
    try:
        yield
    finally:
        with suppress(AttributeError):
            del shell.ask_exit


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, np.ndarray):
        same = before.dtype == after.dtype and before.shape == after.shape and before.tobytes() == after.tobytes()
        return bool(same)
    if isinstance(before, list | tuple):
        return len(before) == len(after) and all(_same(*pair) for pair in zip(before, after, strict=True))
    return before is after or not isinstance(before, int | float | str) or bool(before == after)


class ModelState:
    """A Keras model's state: its layers, their weights, and the settings in their configurations."""

    def __init__(self, model: Any) -> None:
        self.model, self.layers, self.weights = model, list(model.layers), model.get_weights()
        self.settings = [(layer, _settings(layer)) for layer in (model, *self.layers)]

    def restore(self) -> bool:
        """Restore the model as far as possible; return whether anything had changed."""
        changed = False
        for layer, before in self.settings:
            now = _settings(layer)
            for name in (name for name in before if before[name] != now.get(name)):
                changed = True
                with suppress(Exception):
                    setattr(layer, name, before[name])
        if [id(layer) for layer in self.model.layers] != [id(layer) for layer in self.layers]:
            return True
        if not _same(self.weights, self.model.get_weights()):
            changed = True
            self.model.set_weights(self.weights)
        return changed


def _settings(layer: Any) -> dict[str, Any]:
    """A layer's settings that are plain values, such as `trainable`, by name."""
    found = {name: getattr(layer, name, None) for name in ("trainable", *layer.get_config())}
    return {name: value for name, value in found.items() if isinstance(value, bool | int | float | str)}


def _restored(models: Mapping[int, ModelState]) -> list[int]:
    """Restore the models; return the positions of those that had changed."""
    return [at for at, state in models.items() if state.restore()]


def _both_arrays(one: Any, other: Any) -> bool:
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
