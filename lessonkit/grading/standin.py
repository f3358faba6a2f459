"""What the checker judges in place of a student's function: each call is made by the worker, and its values come back.

The checker sees what it would see of the function itself: signature, blank body, result, exception with the student's
line, changed arguments, memory shared with them, printed lines, the generator's state. All of it is data.
"""

from __future__ import annotations

import builtins
import inspect
import linecache
import sys
import time
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from lessonkit.checker.exercise import Exercise
from lessonkit.checker.guarded_call import is_model
from lessonkit.checker.judge import SLOW_CALLS
from lessonkit.grading.wire import BrokenWireError, LateError, Wire, decode, encode, thing

INTERRUPT_SECONDS = 2.0  # for a worker to come back from a function that was interrupted
PREPARE_SECONDS = 10.0  # to load one Keras model; this is not the student's time
MOST_PRINTED = 1_000_000  # lines
FLOATING = {"divide by zero", "overflow", "underflow", "invalid value"}  # numpy's words
MOST_SPAWNED = 10_000
MOST_CALLED_WITH = 64_000_000  # bytes, in all calls of the checker's functions together


class UnansweredError(Exception):
    """The worker no longer answers; the examiner knows why."""


@dataclass
class Failure:
    """Why a stand-in stopped answering."""

    status: str  # "timeout" or "crashed"
    text: str
    usable: bool = False  # whether the worker can continue


class StandIn:
    """Callable; behaves towards the checker as the student's function would.

    Parameters
    ----------
    told : what the worker reports about the function.
    seconds : for all its calls together.
    interrupt : asks the worker to stop what it is doing.
    files : the sources of the cells, by the name under which they are compiled.
    """

    def __init__(
        self,
        exercise: Exercise,
        told: Mapping[str, Any],
        wire: Wire,
        seconds: float,
        interrupt: Callable[[], None],
        files: Mapping[str, str],
    ) -> None:
        self.exercise, self.wire, self.seconds, self.interrupt = exercise, wire, seconds, interrupt
        self.failure: Failure | None = None
        self.called_with, self.prepared, self.calls = 0, 0.0, 0
        self.makes_generator, self.repeats, self.overlaps = told.get("makes_generator") is True, False, False
        self.models: list[Any] = []
        self.functions: list[Callable[..., Any]] = []
        self.file = str(told.get("file")) if told.get("file") in files else "<elsewhere>"
        source = files.get(self.file, "")
        linecache.cache[self.file] = (len(source), None, source.splitlines(keepends=True), self.file)
        self.__name__ = exercise.name
        self.__code__ = _code(exercise, bool(told.get("stub")), self.file)
        signature = _signature(told.get("parameters"))
        if signature is not None:
            self.__signature__ = signature

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """One call of the student's function."""
        if self.failure is not None:
            raise UnansweredError(self.failure.text)
        arguments = (*arguments, *named.values())
        self.calls += 1
        try:
            value, raised = self._call(arguments, list(named))
        except LateError:
            self._give_up(arguments)
        except BrokenWireError as error:
            self.failure = Failure("crashed", f"{self.exercise.call_text(arguments)} broke the process ({error})")
        else:
            if raised is None:
                return value
            self._raise(raised)
        raise UnansweredError(self.failure.text if self.failure else "")

    # --- one call -------------------------------------------------------------------------------------------------

    def _call(self, arguments: tuple[Any, ...], named: list[str]) -> tuple[Any, dict[str, Any] | None]:
        """What the function returned, or the message of what it raised."""
        self._introduce(arguments)
        trees, blob = [], b""
        for argument in arguments:
            tree, content = encode(argument, self._special)
            trees.append([tree, len(blob), len(blob) + len(content)])
            blob += content
        self.wire.send({"call": trees, "named": named}, blob, time.monotonic() + self.seconds)
        while True:
            message, data = self._receive()
            if "callback" not in message:
                break
            self._answer(message, data)
        try:
            return self._read(message, data, arguments)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError) as error:
            raise BrokenWireError(f"an answer that cannot be read ({type(error).__name__})") from error

    def _receive(self) -> tuple[dict[str, Any], bytes]:
        began = time.monotonic()
        try:
            return self.wire.receive(began + self.seconds)
        finally:
            self.seconds = max(self.seconds - (time.monotonic() - began), 0.0)

    def _answer(self, message: dict[str, Any], data: bytes) -> None:
        """The worker calls a function that it was given, such as the cost."""
        number = message["callback"]
        if not isinstance(number, int) or not 0 <= number < len(self.functions):
            raise BrokenWireError("a function that was never passed")
        self.called_with += len(data)
        if self.called_with > MOST_CALLED_WITH:
            raise BrokenWireError("too much data for a function of the checker")
        given = decode(message.get("arguments"), data)
        try:
            if message.get("named"):
                raise TypeError(f"{self.functions[number].__name__}() takes no keyword arguments")  # type: ignore[attr-defined]
            tree, blob = encode(self.functions[number](*(given if isinstance(given, list) else [given])))
            reply = {"value": tree}
        except Exception as error:  # it is raised at the student's line that called, as it would be without a wire
            reply, blob = {"error": type(error).__name__, "text": str(error)[:500]}, b""
        self.wire.send(reply, blob, time.monotonic() + max(self.seconds, 1.0))

    def _read(
        self, message: dict[str, Any], data: bytes, arguments: tuple[Any, ...]
    ) -> tuple[Any, dict[str, Any] | None]:
        printed = message.get("printed", 0)
        if isinstance(printed, int) and printed > 0:
            sys.stdout.write("\n" * min(printed, MOST_PRINTED))  # the checker counts the lines and holds them back
        for place, state in message.get("generators", {}).items():
            _set_state(arguments[int(place)], state)
        for kind in FLOATING.intersection(message.get("floating", [])):
            noted: Any = np.geterrcall()
            if noted is not None:
                noted(kind, 0)
        for place, tree, start, end in message.get("changed", []):
            if is_model(arguments[int(place)]):
                arguments[int(place)].set_weights([each + 1 for each in arguments[int(place)].get_weights()])
                continue
            _change(arguments[int(place)], decode(tree, data[int(start) : int(end)]))
        if "raised" in message:
            return None, {**message, "error": _exception(message["raised"])}
        if "absurd" in message:
            return thing("object"), None
        self.repeats, self.overlaps = message.get("again") is True, message.get("overlaps") is True
        value = decode(message["result"], data[: int(message.get("after", len(data)))])
        return _aliased(value, message.get("aliases", []), arguments), None

    def _raise(self, message: dict[str, Any]) -> None:
        error, line = message["error"], message.get("line")
        if not isinstance(line, int) or not 0 < line < 100_000:
            raise error

        # A frame in the student's file, at the student's line, so that the message can show it.
        template = _raise_here if message.get("there") is True else _raise_elsewhere
        code = template.__code__.replace(co_filename=self.file, co_firstlineno=line - 1)
        types.FunctionType(code, globals())(error)

    def _give_up(self, arguments: tuple[Any, ...]) -> None:
        """Out of time: interrupt the worker, and note where it was; if it does not react, it must be ended."""
        self.interrupt()
        where, usable = "", False
        until = time.monotonic() + INTERRUPT_SECONDS
        try:
            while True:
                message, _ = self.wire.receive(until)
                if "callback" not in message:
                    break
                self.wire.send({"error": "KeyboardInterrupt", "text": ""}, b"", until)
            line, usable = message.get("line"), True
            if isinstance(line, int) and 0 < line < 100_000:
                text = linecache.getline(self.file, line).strip()
                where = f"; it was at line {line}" + (f", `{text[:100]}`" if text else "")
        except (LateError, BrokenWireError):
            pass
        call = self.exercise.call_text(arguments)
        text = f"{call} did not end in time{where}. Is there a loop that never ends?"
        if self.calls > SLOW_CALLS:
            text = f"{call} did not end in the time for all calls together, of which it was number {self.calls}{where}."
        self.failure = Failure("timeout", text, usable)

    # --- arguments ------------------------------------------------------------------------------------------------

    def _special(self, value: Any) -> dict[str, Any] | None:
        if isinstance(value, np.random.Generator):
            seed: Any = value.bit_generator.seed_seq
            return {
                "k": "rng",
                "v": self._place,
                "e": seed.entropy,
                "p": list(seed.spawn_key),
                "c": seed.n_children_spawned,
                "state": value.bit_generator.state,
            }
        if is_model(value):
            return {"k": "model", "v": self.models.index(value)}
        if callable(value) and not isinstance(value, type):
            self.functions.append(value)
            return {"k": "function", "v": len(self.functions) - 1, "n": getattr(value, "__name__", "function")}
        return None

    def _introduce(self, arguments: tuple[Any, ...]) -> None:
        """Send models ahead of the call that uses them; forget the functions of the last call."""
        self.functions = []
        self._place = next((at for at, each in enumerate(arguments) if isinstance(each, np.random.Generator)), 0)
        fresh = [each for each in arguments if is_model(each) and not any(each is known for known in self.models)]
        for model in fresh:
            import keras

            self.models.append(model)
            weights, blob = encode(model.get_weights())
            config = keras.saving.serialize_keras_object(model)
            told = [{"v": len(self.models) - 1, "config": config, "weights": weights}]
            began = time.monotonic()
            self.wire.send({"call": [], "prepare": told}, blob, began + PREPARE_SECONDS)
            message, _ = self.wire.receive(began + PREPARE_SECONDS)
            if "prepared" not in message:
                raise BrokenWireError("it did not load a model")
            self.prepared += time.monotonic() - began


def _raise_here(error: BaseException) -> None:
    raise error


def _raise_elsewhere(error: BaseException) -> None:
    _raise_here(error)


def _exception(told: Mapping[str, Any]) -> BaseException:
    """An exception with the same type name and text; if the type is one of Python's own, of that very type."""
    name, text = str(told["type"])[:80], told.get("text")
    kind = getattr(builtins, name, None)
    arguments = told.get("arguments")
    if isinstance(kind, type) and issubclass(kind, BaseException) and isinstance(arguments, list):
        plain = [each for each in arguments if each is None or isinstance(each, str | int | float)]
        try:
            made: BaseException = kind(*plain)
            return made
        except Exception:
            pass
    base = NotImplementedError if name == "NotImplementedError" else Exception
    body = {"__str__": lambda self: str(text) if text is not None else ""}
    other: BaseException = type(name if name.isidentifier() else "Exception", (base,), body)()
    return other


def _code(exercise: Exercise, stub: bool, file: str) -> types.CodeType:
    """A body for the checker to look at: the stub's, if the worker says that the answer is still the stub."""
    text = exercise.stub if stub else "def answer():\n    return 'judged by its values'\n"
    module = compile(text, file, "exec")
    return next(item for item in module.co_consts if isinstance(item, types.CodeType))


class _Default:
    """A default value, by its text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _signature(told: Any) -> inspect.Signature | None:
    try:
        parameters = []
        for name, kind, default in told[:50]:
            value = inspect.Parameter.empty if default is None else _Default(str(default)[:40])
            parameters.append(inspect.Parameter(str(name)[:80], list(inspect._ParameterKind)[kind], default=value))
        return inspect.Signature(parameters)
    except (TypeError, ValueError, IndexError, KeyError):
        return None


def _set_state(rng: Any, state: Any) -> None:
    """Set our generator to a state that the worker sent: integers only, in the right ranges."""
    if not isinstance(rng, np.random.Generator) or state["bit_generator"] != "PCG64":
        raise BrokenWireError("not a generator's state")
    inner = state["state"]
    rng.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": int(inner["state"]) % 2**128, "inc": int(inner["inc"]) % 2**128},
        "has_uint32": int(state["has_uint32"]) % 2,
        "uinteger": int(state["uinteger"]) % 2**32,
    }
    sequence: Any = rng.bit_generator.seed_seq
    sequence.spawn(max(min(int(state["spawned"]), MOST_SPAWNED) - sequence.n_children_spawned, 0))


def _change(argument: Any, new: Any) -> None:
    """Make our copy of an argument look as the student's function left it."""
    if isinstance(argument, np.ndarray) and isinstance(new, np.ndarray):
        if argument.shape == new.shape and argument.dtype == new.dtype:
            argument[...] = new
        else:
            argument.resize(tuple(size + 1 for size in argument.shape), refcheck=False)  # any change will do
    elif isinstance(argument, list) and isinstance(new, list | tuple):
        argument[:] = new
    elif isinstance(argument, tuple) and isinstance(new, tuple | list):
        for one, other in zip(argument, new, strict=False):
            _change(one, other)


def _aliased(value: Any, aliases: Any, arguments: tuple[Any, ...]) -> Any:
    """The result, its views of an argument replaced by views of our copy of that argument."""
    for part, place, first, strides in aliases[:100]:
        item, argument = value if part == -1 else value[part], arguments[place]
        seen = argument
        if first is not None:
            seen = np.ndarray(item.shape, item.dtype, argument, int(first), tuple(int(step) for step in strides))
            if seen.tobytes() != item.tobytes():
                continue
        if part == -1:
            return seen
        items = list(value)
        items[part] = seen
        value = tuple(items) if isinstance(value, tuple) else items
    return value
