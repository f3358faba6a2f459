"""Call somebody else's function so that nothing it does breaks the notebook.

The work runs in a thread of its own and is watched from outside, so a time limit holds wherever the checker is called
from, on every system. The one thing that no thread can be stopped in is an endless loop inside C, such as
``sum(itertools.count())``.
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

PATIENCE = 1.5  # how much longer than its limit a thread may take that waits for a busy machine, or sleeps
BUSY = 10.0  # the same, for work of many short pieces, which only a busy machine makes so long
LOOK = 0.05  # seconds between two looks at its clock
IMPORTS = 60.0  # seconds of imports that do not count
MOST_ITEMS = 50  # of a result that are compared with each other
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
    """One call: what the function was given (copies), what it returned or raised, and what else could be seen.

    Parameters
    ----------
    changed : the place of the first argument that is not what it was before the call.
    floating : numpy's floating-point errors in the call, such as "overflow" or "divide by zero".
    """

    given: tuple[Any, ...]
    value: Any = None
    error: BaseException | None = None
    changed: int | None = None
    floating: tuple[str, ...] = ()


def ask(function: Callable[..., Any], arguments: tuple[Any, ...], given: tuple[Any, ...] | None = None) -> Outcome:
    """Call `function` on copies of `arguments`, or on `given`, which equal them; only the time limit passes through."""
    given = tuple(copied(argument) for argument in arguments) if given is None else given
    models = {at: ModelState(argument) for at, argument in enumerate(arguments) if is_model(argument)}
    floating: list[str] = []
    try:
        with np.errstate(all="call", call=lambda kind, flag: floating.append(kind)):
            value = function(*given)
    except OutOfTime:
        raise
    except BaseException as error:  # sys.exit, KeyboardInterrupt and the rest are the answer's own
        _restored(models)
        return Outcome(given, error=error, floating=tuple(floating))
    changed = [at for at, (old, new) in enumerate(zip(arguments, given, strict=True)) if not _same(old, new)]
    changed += _restored(models)
    return Outcome(given, value, None, min(changed, default=None), tuple(floating))


def copied(value: Any) -> Any:
    """A deep copy of arrays, lists and tuples; generators, functions and models are passed as they are."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return type(value)([copied(item) for item in value])
    return value


def is_model(value: Any) -> bool:
    """Whether this is a Keras model."""
    return hasattr(value, "layers") and hasattr(value, "get_weights")


def parts_of(value: Any) -> list[Any]:
    """The arrays and lists of a result: itself, and those it holds."""
    if isinstance(value, np.ndarray):
        return [value]
    if isinstance(value, list | tuple):
        own = [value] if isinstance(value, list) and value else []
        return own + [part for item in value for part in parts_of(item)]
    return []


def shares_memory(value: Any, others: Iterable[Any]) -> bool:
    """Whether an array or list in `value` is one in `others`, or looks into it."""
    mine, theirs = parts_of(value), [part for other in others for part in parts_of(other)]
    return any(
        one is other or (_both_arrays(one, other) and np.shares_memory(one, other)) for one in mine for other in theirs
    )


def overlap(value: Any) -> bool:
    """Whether two of the arrays that a result holds share memory: one array twice, or views that overlap."""
    items = [item for item in value if isinstance(item, np.ndarray)] if isinstance(value, tuple | list) else []
    return len(items) <= MOST_ITEMS and any(np.shares_memory(*pair) for pair in itertools.combinations(items, 2))


def draws_of(rng: np.random.Generator) -> str:
    """The state of a generator; children that were spawned count too."""
    return f"{rng.bit_generator.state} {rng.bit_generator.seed_seq.n_children_spawned}"  # type: ignore[attr-defined]


def makes_generator(answer: Any) -> bool:
    """Whether the code names something that makes or seeds a generator of its own."""
    if isinstance(told := getattr(answer, "makes_generator", None), bool):  # a stand-in, which has no such code
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
    stopped_at: str | None = None  # the student's line, when the time ran out or the reader interrupted
    interrupted: bool = False
    printed: int = 0  # lines
    seconds: float = 0.0  # when the time ran out, what the wall clock said


def watched(work: Callable[[], Any], seconds: float, answer: Any, late: Callable[[], bool] = lambda: True) -> Watched:
    """Run `work` in a thread for at most `seconds` of its own processor time; hold back what it prints and changes.

    The wall clock may show half as much again where the work is `late`, and much more where the machine is busy.
    The import of a large library, such as TensorFlow, does not count.
    """
    outcome, done = Watched(), threading.Event()  # an event, because an interrupted Thread.join forgets its thread

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
    """Whether a thread is just importing something."""
    frame = sys._current_frames().get(thread.ident or 0)
    frames = traceback.walk_stack(frame) if frame is not None else ()
    return any(each.f_code.co_filename.startswith("<frozen importlib") for each, _ in frames)


def _used(clocks: Sequence[int], passed: float) -> float:
    """The seconds of processor time that a thread has used; where the system does not say, those that have passed."""
    try:
        return time.clock_gettime(clocks[0])
    except (IndexError, OSError):
        return passed


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
    """A text stream that swallows what one thread writes and passes on the rest; nobody can close it."""

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
    names = ("stdout", "stderr", "stdin")  # Python's own exit() closes the last
    streams = [getattr(sys, name) for name in names]
    filters = [_Filter(stream, thread, outcome) if stream is not None else None for stream in streams]
    hook = sys.unraisablehook

    def quiet(unraisable: sys.UnraisableHookArgs) -> None:
        if unraisable.exc_type is not OutOfTime:  # it may strike inside a finalizer, where it goes nowhere
            hook(unraisable)

    for name, mine in zip(names, filters, strict=True):
        setattr(sys, name, mine)
    sys.unraisablehook = quiet
    try:
        yield
    finally:
        sys.unraisablehook = hook
        # A thread that could not be stopped must not print into the cells below: its filter stays.
        ended = done.is_set() or not thread.is_alive()
        for name, mine, old in zip(names, filters, streams, strict=True):
            setattr(sys, name, old if ended else mine)


@contextmanager
def _as_it_was() -> Iterator[None]:
    """Whatever of the process an answer changes is afterwards what it was; and exit() does not end the kernel."""
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
    raise SystemExit("exit() and quit() end the kernel; a function ends with `return`")


@contextmanager
def _kernel_stays() -> Iterator[None]:
    """IPython's exit and quit ask the shell to end, which it does when the cell is done."""
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
    """What a Keras model is: its layers, their weights, and the settings that their configurations name."""

    def __init__(self, model: Any) -> None:
        self.model, self.layers, self.weights = model, list(model.layers), model.get_weights()
        self.settings = [(layer, _settings(layer)) for layer in (model, *self.layers)]

    def restore(self) -> bool:
        """Give the model back what it has lost, as far as that can be done; whether it had lost anything."""
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
    """The plain values among what a layer is made with, such as `trainable`."""
    found = {name: getattr(layer, name, None) for name in ("trainable", *layer.get_config())}
    return {name: value for name, value in found.items() if isinstance(value, bool | int | float | str)}


def _restored(models: Mapping[int, ModelState]) -> list[int]:
    """Give models back what they have lost; the places of those that had lost something."""
    return [at for at, state in models.items() if state.restore()]


def _both_arrays(one: Any, other: Any) -> bool:
    return isinstance(one, np.ndarray) and isinstance(other, np.ndarray)
