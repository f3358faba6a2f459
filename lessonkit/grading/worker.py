"""Runs a notebook's cells, shut in by the sandbox, and lets the examiner call the functions that they define.

Whatever this process says may be forged by the student's code that runs in it, so nothing it says is trusted. It
reports what its functions return; a verdict is reached elsewhere, from those values alone. What else it reports (notes
on files, network, processes) can only count against a submission.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import inspect
import io
import linecache
import os
import resource
import signal
import socket
import sys
import traceback
import types
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lessonkit import exercises
from lessonkit.checker import judge as judging
from lessonkit.checker.guarded_call import ModelState, code_of, is_model, makes_generator, overlap, shares_memory
from lessonkit.exercises import session
from lessonkit.exercises.course_code import is_course_code
from lessonkit.grading.cells import Cell, Prepared, plain, select
from lessonkit.grading.sandbox import HOME
from lessonkit.grading.wire import BrokenWireError, TooLargeError, Wire, decode, encode
from lessonkit.lessons.registry import find, registry

MOST_OUTPUT = 1_000_000  # characters; the rest is thrown away
NOTED = {  # audit events, and the status that they are noted under
    "os.fork": "processes",
    "os.forkpty": "processes",
    "os.posix_spawn": "processes",
    "os.system": "processes",
    "os.exec": "processes",
    "subprocess.Popen": "processes",
    "socket.connect": "network",
    "socket.bind": "network",
    "socket.getaddrinfo": "network",
    "socket.gethostbyname": "network",
    "socket.sendto": "network",
    "open": "files",
    "os.remove": "files",
    "os.rename": "files",
    "os.rmdir": "files",
    "os.mkdir": "files",
    "os.chmod": "files",
    "os.truncate": "files",
    "os.link": "files",
    "os.symlink": "files",
    "shutil.rmtree": "files",
}
_FULL = {27, 28, 122}  # EFBIG, ENOSPC, EDQUOT


def main(channel: socket.socket, home: str) -> None:
    """Serve one examiner."""
    os.environ.update(HOME=home, TMPDIR=home, MPLCONFIGDIR=home, MPLBACKEND="Agg", PWD=home)
    sys.dont_write_bytecode = True
    worker = _Worker(Wire(channel), home)
    message, _ = worker.wire.receive()
    if message.get("data"):
        os.environ["LESSONKIT_DATA"] = str(message["data"])
    worker.run(message)


class _Worker:
    def __init__(self, wire: Wire, home: str) -> None:
        self.wire, self.home, self.process = wire, home, os.getpid()
        self.own = (home, "/dev/", "/tmp/") if home == HOME else (home, "/dev/")
        self.inside = False  # whether a student's code is running
        self.place = "the notebook"
        self.notes = dict[str, str]()
        self.output = _Sink(self)
        self.right = dict[str, Any]()  # the student's functions that were right when they were last checked
        self.returned = deque[Any](maxlen=4)  # by the function that is being judged
        self.counts = dict[str, int]()
        self.models = dict[int, Any]()

    # --- the cells ------------------------------------------------------------------------------------------------

    def run(self, message: dict[str, Any]) -> None:
        """Run the cells in turn, then hand in what was defined and not checked."""
        cells = [Cell(int(number), str(source), bool(own)) for number, source, own in message["cells"]]
        skipped, wanted = set(message["skip"]), [str(each) for each in message["exercises"]]
        signal.signal(signal.SIGINT, self._interrupted)
        exercises.check = session.check = self._check
        before = _checker()
        sys.stdout = sys.stderr = self.output
        sys.addaudithook(self._audit)
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        names = vars(module)
        names.update(display=_ignore, get_ipython=lambda: _Anything())
        for cell in cells:  # where the checker looks for the text of a function
            lines = cell.source.splitlines(keepends=True)
            linecache.cache[cell.file] = (len(cell.source), None, lines, cell.file)
        with self._inside():  # the analysis of a hostile text may take long, or fail
            readable = [cell for cell in cells if cell.number not in skipped and self._reads(cell)]
            prepared = select(readable, [find(each).name for each in wanted])
        for one in prepared:
            if one.statements or one.error:
                self._run_cell(one, names)
        self.place = "the notebook"
        for exercise_id in wanted:
            answer = names.get(find(exercise_id).name)
            known = str(getattr(answer, "__module__", "") or "").startswith("lessonkit.")
            if exercise_id not in self.counts and answer is not None and not known:
                self._check(exercise_id, answer)
        after = _checker()
        changed = [name for name, found in before.items() if after.get(name) is not found]
        if changed:
            self._note("tampering", f"{', '.join(changed[:3])} {'was' if len(changed) == 1 else 'were'} replaced")
        if isinstance(names.get("check"), types.FunctionType | type | functools.partial):
            self._note("tampering", "the notebook has a `check` of its own")
        self._send({"end": True, "notes": self.notes, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss})

    def _reads(self, cell: Cell) -> bool:
        """Parse one cell alone, before all of them together, so that the examiner knows which one kills the process."""
        self._send({"cell": cell.number})
        with contextlib.suppress(Exception):
            ast.parse(plain(cell.source))
        return True

    def _run_cell(self, one: Prepared, names: dict[str, Any]) -> None:
        self.place = f"cell {one.cell.number}"
        self._send({"cell": one.cell.number, "notes": self.notes})
        try:
            with self._inside():
                if one.error is not None:
                    raise one.error
                module = ast.Module(one.statements, type_ignores=[])
                exec(compile(module, one.cell.file, "exec"), names)
        except BaseException as error:
            self._stay_alone()
            if isinstance(error, BrokenWireError):
                raise
            line = _line_in(one.cell.file, error)
            if one.error is None:
                self._seen(error)
            self._send({"failed": one.cell.number, "line": line, "notes": self.notes, **_told(error)})
        self._stay_alone()

    # --- the exercises --------------------------------------------------------------------------------------------

    def _check(self, exercise_id: str, answer: Any) -> Any:
        """The notebook's `check`: hand the answer in, and return what the cells below should use."""
        try:
            exercise = find(exercise_id)
        except Exception:
            return answer
        was_inside, self.inside = self.inside, False
        try:
            course = is_course_code(exercise, answer, exercise_id in session._shown)
            if course and exercise_id in self.counts:  # such as a check that ran twice: the earlier verdict stays
                return self.right.get(exercise_id, exercise.reference)
            number = self.counts[exercise_id] = self.counts.get(exercise_id, 0) + 1
            self.right.pop(exercise_id, None)
            self.returned.clear()
            told = {"course": course} if course else self._described(exercise, answer)
            self._send({"check": exercise_id, "number": number, **told})
            status = self._serve(answer)
        finally:
            self.inside = was_inside
        with contextlib.suppress(Exception):
            session._verdicts[exercise_id] = judging.Verdict("right" if status == "right" else "wrong", "")
        if status == "right":
            self.right[exercise_id] = answer
        return self.right.get(exercise_id, exercise.reference)

    def _described(self, exercise: Any, answer: Any) -> dict[str, Any]:
        """What the examiner needs for a stand-in that the checker takes for the answer."""
        if answer is None or answer is Ellipsis:
            return {"blank": True}
        if not callable(answer):
            return {"type": type(answer).__name__}
        told: dict[str, Any] = {"callable": True, "parameters": None, "stub": False, "file": ""}
        with contextlib.suppress(Exception):
            told["file"] = str(getattr(code_of(answer), "co_filename", ""))
        with contextlib.suppress(Exception):
            told["stub"] = judging._is_stub(exercise, answer)
        with contextlib.suppress(Exception):
            told["makes_generator"] = makes_generator(answer)
        with contextlib.suppress(Exception):
            told["calls_the_course"] = session.calls_the_course(exercise, answer)
        with contextlib.suppress(Exception):
            empty = inspect.Parameter.empty
            told["parameters"] = [
                [each.name, int(each.kind), None if each.default is empty else repr(each.default)[:40]]
                for each in inspect.signature(answer).parameters.values()
            ]
        return told

    def _serve(self, answer: Any) -> str:
        """Answer calls until the examiner has its verdict."""
        while True:
            message, data = self.wire.receive()
            if "verdict" in message:
                return str(message["verdict"])
            self._call(answer, message, data)
            self._stay_alone()

    def _call(self, answer: Any, message: dict[str, Any], data: bytes) -> None:
        if message.get("prepare"):
            self._receive_models(message["prepare"], data)
            self._send({"prepared": True})
            return
        generators: dict[int, Any] = {}
        arguments = []
        for tree, start, end in message["call"]:
            arguments.append(decode(tree, data[start:end], lambda node: self._special(node, generators)))
        lines, floating = self.output.lines, list[str]()
        models = {place: ModelState(each) for place, each in enumerate(arguments) if is_model(each)}
        named = [str(name) for name in message.get("named", [])]
        first = len(arguments) - len(named)
        try:
            with self._inside(), np.errstate(all="call", call=lambda kind, flag: floating.append(kind)):
                value = answer(*arguments[:first], **dict(zip(named, arguments[first:], strict=True)))
        except BaseException as error:
            self._stay_alone()
            if isinstance(error, BrokenWireError):
                raise
            self._seen(error)
            reply, blob = {"raised": _told(error), **_where(answer, error)}, b""
        else:
            self._stay_alone()
            try:
                tree, blob = encode(value)
                again = shares_memory(value, self.returned)
                self.returned.append(value)
                reply = {"result": tree, "aliases": _aliases(value, arguments), "again": again}
                reply["overlaps"] = overlap(value)
            except TooLargeError as error:
                reply, blob = {"absurd": f"{error}"}, b""
            except Exception as error:  # an object whose own methods fail
                reply, blob = {"absurd": f"a value that cannot be read ({type(error).__name__})"}, b""
        reply["changed"], reply["after"] = [], len(blob)
        for place, (argument, (tree, start, end)) in enumerate(zip(arguments, message["call"], strict=True)):
            if isinstance(argument, np.ndarray | list | tuple):
                with contextlib.suppress(Exception):
                    now, content = encode(argument)
                    if (now, content) != (tree, data[start:end]):
                        reply["changed"].append([place, now, len(blob), len(blob) + len(content)])
                        blob += content
        reply["changed"] += [[place, None, 0, 0] for place, before in models.items() if before.restore()]
        reply["floating"] = list(dict.fromkeys(floating))
        reply["generators"] = {str(place): _state(rng) for place, rng in generators.items()}
        reply["printed"] = self.output.lines - lines
        self._send(reply, blob)

    def _special(self, node: dict[str, Any], generators: dict[int, Any]) -> Any:
        kind, number = node.get("k"), int(node["v"])
        if kind == "function":
            return self._function(number, str(node.get("n", "function")))
        if kind == "rng":
            seed = np.random.SeedSequence(node["e"], spawn_key=tuple(node["p"]), n_children_spawned=node["c"])
            generators[number] = np.random.default_rng(seed)
            generators[number].bit_generator.state = node["state"]
            return generators[number]
        if kind == "model":
            return self.models[number]
        raise BrokenWireError(f"a value of kind {kind!r}")

    def _function(self, number: int, name: str) -> Callable[..., Any]:
        """A function of the examiner's, such as the cost that a search calls."""

        def call(*arguments: Any, **named: Any) -> Any:
            was_inside, self.inside = self.inside, False
            try:
                tree, blob = encode(list(arguments))
                self._send({"callback": number, "arguments": tree, "named": sorted(named)}, blob)
                message, data = self.wire.receive()
                if "error" in message:
                    kind = getattr(builtins, str(message["error"]), RuntimeError)
                    raise kind(message["text"])
                return decode(message["value"], data)
            finally:
                self.inside = was_inside

        call.__name__ = call.__qualname__ = name
        return call

    def _receive_models(self, models: list[dict[str, Any]], data: bytes) -> None:
        import keras

        for each in models:
            if each["v"] not in self.models:
                model = keras.saving.deserialize_keras_object(each["config"])
                model.set_weights(decode(each["weights"], data))
                self.models[each["v"]] = model

    # --- what is noted --------------------------------------------------------------------------------------------

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        kind = NOTED.get(event)
        if kind is None or not self.inside or kind in self.notes:
            return
        if kind == "processes":
            self._note(kind, "started another process")
        elif kind == "network":
            self._note(kind, "tried to reach the network")
        else:
            self._note_file(event, arguments)

    def _note_file(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and not _writes(arguments[1], arguments[2]):
            return
        for path in arguments[: 2 if event in ("os.rename", "os.link") else 1]:
            if not isinstance(path, str | bytes | os.PathLike):
                continue
            place = os.path.abspath(os.fsdecode(path))
            # the package itself may be below /tmp, where it is read-only
            own = place.startswith(self.own) and any(os.access(one, os.W_OK) for one in (place, os.path.dirname(place)))
            if not own:
                self._note("files", f"tried to change {place[:100]}")

    def _note(self, kind: str, text: str) -> None:
        self.notes.setdefault(kind, f"{self.place}: {text}")

    def _seen(self, error: BaseException) -> None:
        if isinstance(error, MemoryError):
            self._note("out of memory", "asked for more memory than is allowed")
        if isinstance(error, OSError) and error.errno in _FULL:
            self._note("disk full", "wrote more than is allowed")

    def noted_output(self) -> None:
        """More was printed than is kept."""
        self._note("too much output", f"printed more than {MOST_OUTPUT:,} characters")

    def noted_words(self, text: str) -> None:
        """The checker's own words in a text that it did not print."""
        self._note("tampering", f"printed the checker's words itself: {' '.join(text.split())[:60]!r}")

    # --- the process ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _inside(self) -> Any:
        was_inside, self.inside = self.inside, True
        try:
            yield
        finally:
            self.inside = was_inside

    def _interrupted(self, number: int, frame: Any) -> None:
        if self.inside:
            raise KeyboardInterrupt

    def _stay_alone(self) -> None:
        """A student's code may have forked; the copy must not speak for the original."""
        if os.getpid() != self.process:
            os._exit(0)

    def _send(self, message: dict[str, Any], data: bytes = b"") -> None:
        self._stay_alone()
        self.wire.send(message, data)


class _Sink(io.TextIOBase):
    """A file that counts the text printed to it and drops it."""

    def __init__(self, worker: _Worker) -> None:
        self.worker, self.lines, self.characters = worker, 0, 0

    def writable(self) -> bool:
        """As a file would say."""
        return True

    def write(self, text: str) -> int:
        """Count the text."""
        text = str(text)
        self.lines += text.count("\n")
        self.characters += len(text)
        if self.characters > MOST_OUTPUT:
            self.worker.noted_output()
        elif ": right." in text and any(each in text for each in registry()):
            self.worker.noted_words(text)
        return len(text)


class _Anything:
    """Stands in for IPython: it has every method, and none does anything."""

    def __getattr__(self, name: str) -> Any:
        return _ignore


def _ignore(*arguments: Any, **named: Any) -> None:
    return None


def _checker() -> dict[str, Any]:
    """The functions and classes of the checker, by name."""
    found = {}
    for name, module in list(sys.modules.items()):
        if name.startswith(("lessonkit.exercises", "lessonkit.checker", "lessonkit.lessons")):
            for key, value in list(vars(module).items()):
                if isinstance(value, types.FunctionType | types.MethodType | type):
                    found[f"{name}.{key}"] = value
    return found


def _told(error: BaseException) -> dict[str, Any]:
    """An exception as data: type, text, and plain arguments."""
    try:
        text = str(error)[:2000]
    except BaseException:
        text = None
    plain = [each for each in error.args if each is None or isinstance(each, str | int | float)][:4]
    told: dict[str, Any] = {"type": type(error).__name__[:80], "text": text}
    if type(error) is getattr(builtins, type(error).__name__, None) and len(plain) == len(error.args):
        told["arguments"] = [each[:2000] if isinstance(each, str) else each for each in plain]
    return told


def _where(answer: Any, error: BaseException) -> dict[str, Any]:
    """The innermost line of the student's own file, and whether the error was raised right there."""
    code = code_of(answer)
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [line for file, line in frames if code is not None and file == code.co_filename]
    return {"line": own[-1] if own else None, "there": bool(own) and frames[-1][0] == getattr(code, "co_filename", "")}


def _line_in(file: str, error: BaseException) -> int | None:
    if isinstance(error, SyntaxError):
        return error.lineno
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == file]
    return lines[-1] if lines else None


def _aliases(value: Any, arguments: Sequence[Any]) -> list[list[Any]]:
    """Which parts of a result are an argument or look into one: [part or -1, argument, offset, strides]."""
    found: list[list[Any]] = []
    parts = list(enumerate(value)) if isinstance(value, tuple | list) else []
    for part, item in [(-1, value), *parts[:50]]:
        for place, argument in enumerate(arguments):
            if item is argument and isinstance(item, np.ndarray | list | tuple):
                found.append([part, place, None, None])
            elif isinstance(item, np.ndarray) and isinstance(argument, np.ndarray):
                with contextlib.suppress(Exception):
                    if np.shares_memory(item, argument):
                        first = item.__array_interface__["data"][0] - argument.__array_interface__["data"][0]
                        found.append([part, place, first, list(item.strides)])
    return found


def _state(rng: Any) -> Any:
    return {**rng.bit_generator.state, "spawned": rng.bit_generator.seed_seq.n_children_spawned}


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
