"""What decides a result, as a digest: the package's code, a function of one's own, a network, images.

Code counts by what it does: a comment, a docstring or an empty line changes no digest.
"""

from __future__ import annotations

import ast
import dataclasses
import dis
import functools
import hashlib
import importlib
import inspect
import platform
import sys
import types
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import lessonkit
from lessonkit.errors import LessonkitError
from lessonkit.networks.mnist import Split
from lessonkit.networks.network import Network
from lessonkit.networks.weights import ASSETS

PACKAGE = Path(lessonkit.__file__).parent
MOST_OBJECTS = 20_000  # that a function may use, before it counts as beyond comparison


# --- the package's code ---------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def code_digest(module: str) -> str:
    """Digest of a module of the package, of all modules that it imports, directly or not, and of the weights.

    Python's and numpy's versions and the kind of processor count too.
    """
    digest = hashlib.sha256(f"{np.__version__} {sys.version_info[:2]} {platform.machine()}".encode())
    for name, tree in sorted(_modules_below(module).items()):
        digest.update(f"\n{name}\n{ast.unparse(_without_docstrings(tree))}".encode())
    for file in sorted(ASSETS.glob("*.npz")):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def _modules_below(start: str) -> dict[str, ast.Module]:
    found: dict[str, ast.Module] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        file = _file_of(name)
        if name in found or file is None:
            continue
        found[name] = ast.parse(file.read_text(encoding="utf-8"))
        waiting.extend(_imported(found[name]))
    return found


def _file_of(module: str) -> Path | None:
    first, *parts = module.split(".")
    place = PACKAGE.joinpath(*parts)
    files = (place.with_suffix(".py"), place / "__init__.py")
    return next((file for file in files if first == PACKAGE.name and file.is_file()), None)


def _imported(tree: ast.Module) -> Iterator[str]:
    """Names of modules, and of what may be one: ``from package import module`` imports ``package.module``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body[0] = ast.Pass()
    return tree


# --- a network, images, settings ------------------------------------------------------------------------------------


def network_digest(network: Network) -> str:
    """SHA-256 over everything that a network computes with."""
    digest = hashlib.sha256(repr((network.input_shape, network.total_layers)).encode())
    for layer in network.layers:
        digest.update(repr((layer.name, layer.activation, layer.padding, layer.pool, layer.pooling)).encode())
        digest.update(repr((layer.position, layer.kernel.shape)).encode())
        for array in (layer.kernel, layer.bias):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def images_digest(split: Split) -> str:
    """SHA-256 over images and labels."""
    digest = hashlib.sha256(np.ascontiguousarray(split.images).data)
    digest.update(np.ascontiguousarray(split.labels).data)
    return digest.hexdigest()


def values_digest(*values: Any) -> str:
    """Digest of numbers, texts, arrays, and lists and dictionaries of them."""
    return _Reader().of(values)


# --- a function of one's own ----------------------------------------------------------------------------------------


class UnknownContentError(Exception):
    """Something that a function uses has no digest: an open file, an object of another library."""


def function_digest(function: Any) -> str | None:
    """Digest of a function and of whatever it uses, or None if something in it cannot be compared with later.

    Counted are its code, its defaults, the values that it closes over, and the functions, classes and values of its
    module or notebook that it names, theirs too. Of an installed package the version counts, of this package the code.
    """
    try:
        return _Reader().of(function)
    except (UnknownContentError, RecursionError):
        return None


def method_name(method: Any, known: Collection[str]) -> str:
    """What a method is called in tables: its own name, which must be `known`, or that of a function."""
    if not isinstance(method, str):
        function = getattr(method, "func", method)  # a functools.partial is called after what it wraps
        return str(getattr(function, "__name__", type(function).__name__))
    if method not in known:
        raise LessonkitError(f"no method is called {method!r}: choose {', '.join(known)}")
    return method


class _Reader:
    """Reads one function; what was met before is known by the order in which it was met."""

    def __init__(self) -> None:
        self.met: dict[int, tuple[int, Any]] = {}

    def of(self, value: Any) -> str:
        return hashlib.sha256(repr(self.plain(value)).encode()).hexdigest()

    def plain(self, value: Any) -> Any:
        """`value` as nested tuples of numbers and texts, equal for equal content."""
        if value is None or value is Ellipsis or isinstance(value, bool | int | float | complex | str | bytes | range):
            return (type(value).__name__, repr(value))
        if isinstance(value, tuple):
            return (type(value).__name__, [self.plain(each) for each in value])
        if isinstance(value, np.ndarray | np.generic) and not np.asarray(value).dtype.hasobject:
            array = np.ascontiguousarray(value)
            return ("array", array.shape, array.dtype.str, hashlib.sha256(array.tobytes()).hexdigest())
        if id(value) in self.met:
            return ("met", self.met[id(value)][0])
        self.met[id(value)] = (len(self.met), value)  # held, so that its id belongs to nothing else
        if len(self.met) > MOST_OBJECTS:
            raise UnknownContentError("too much")
        if isinstance(value, types.ModuleType):
            return ("module", value.__name__, str(getattr(value, "__version__", "")))
        if isinstance(value, types.CodeType):
            return self.code(value)
        if isinstance(value, set | frozenset):
            return (type(value).__name__, sorted(_Reader().of(each) for each in value))
        if isinstance(value, Mapping):
            return (type(value).__name__, [(self.plain(key), self.plain(each)) for key, each in value.items()])
        if isinstance(value, Sequence):
            return (type(value).__name__, [self.plain(each) for each in value])
        if isinstance(value, functools.partial):
            return ("partial", self.plain(value.func), self.plain(value.args), self.plain(value.keywords))
        if isinstance(value, types.MethodType):
            return ("method", self.plain(value.__func__), self.plain(value.__self__))
        if isinstance(value, property | staticmethod | classmethod):
            return (type(value).__name__, [self.plain(each) for each in _functions_in(value)])
        if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType | np.ufunc):
            return self.defined(value)
        if isinstance(value, np.random.Generator):
            return ("generator", self.plain(value.bit_generator.state))
        if dataclasses.is_dataclass(value) or isinstance(getattr(value, "__dict__", None), dict):
            return ("object", self.plain(type(value)), self.plain(vars(value)))
        raise UnknownContentError(type(value).__name__)

    def defined(self, value: Any) -> Any:
        """A function or a class."""
        name = str(getattr(value, "__qualname__", getattr(value, "__name__", "")))
        module = str(getattr(value, "__module__", None) or "")
        if module.split(".")[0] == PACKAGE.name:
            return ("lessonkit", name, code_digest(module))
        if not isinstance(value, types.FunctionType | type) or _is_installed(module):
            top = sys.modules.get(module.split(".")[0])
            return ("installed", module, name, str(getattr(top, "__version__", "")))
        if isinstance(value, type):
            skipped = ("__dict__", "__weakref__", "__doc__", "__module__", "__firstlineno__", "__static_attributes__")
            own = {key: each for key, each in vars(value).items() if key not in skipped and not _is_slot(each)}
            return (
                "class",
                name,
                [self.plain(base) for base in value.__bases__ if base is not object],
                self.plain(own),
            )
        cells = value.__closure__ or ()
        return (
            "function",
            self.code(value.__code__, value.__doc__),
            self.plain(value.__defaults__),
            self.plain(value.__kwdefaults__),
            [self.plain(cell.cell_contents) for cell in cells if _is_filled(cell)],
            [(key, self.plain(each)) for key, each in self.named(value)],
            self.plain(getattr(value, "__wrapped__", None)),
        )

    def code(self, code: types.CodeType, doc: str | None = None) -> Any:
        constants = [each for at, each in enumerate(code.co_consts) if at or doc is None or each != doc]
        return (
            hashlib.sha256(code.co_code).hexdigest(),
            code.co_names,
            code.co_varnames,
            code.co_freevars,
            code.co_flags,
            [
                self.code(each, _doc_of(each)) if isinstance(each, types.CodeType) else self.plain(each)
                for each in constants
            ],
        )

    def named(self, function: types.FunctionType) -> Iterator[tuple[str, Any]]:
        """What a function finds by name outside itself: globals, parts of its own modules, modules it imports."""
        names = sorted({name for code in _codes(function.__code__) for name in code.co_names})
        known = {name: function.__globals__[name] for name in names if name in function.__globals__}
        for code in _codes(function.__code__):
            for step in dis.get_instructions(code):
                if step.opname == "IMPORT_NAME" and not _is_installed(str(step.argval)):
                    try:
                        known[f"import {step.argval}"] = importlib.import_module(str(step.argval))
                    except ImportError:
                        continue
        for name, value in sorted(known.items()):
            yield name, value
            if isinstance(value, types.ModuleType) and not _is_installed(value.__name__):
                yield from ((f"{name}.{part}", vars(value)[part]) for part in names if part in vars(value))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for each in code.co_consts:
        if isinstance(each, types.CodeType):
            yield from _codes(each)


def _doc_of(code: types.CodeType) -> str | None:
    """The docstring of an inner function: its first constant, where that is a text that nothing loads."""
    first = code.co_consts[0] if code.co_consts else None
    loaded = {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_CONST"}
    return first if isinstance(first, str) and first not in loaded else None


def _functions_in(value: Any) -> list[Any]:
    if isinstance(value, property):
        return [value.fget, value.fset, value.fdel]
    return [value.__func__]


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:
        return False


def _is_slot(value: Any) -> bool:
    return inspect.isgetsetdescriptor(value) or inspect.ismemberdescriptor(value)


def _is_installed(module: str) -> bool:
    """Whether a module comes with Python or from a package, and not from its user."""
    top = module.split(".")[0]
    if top == "__main__":
        return False
    if top in sys.stdlib_module_names or top in sys.builtin_module_names:
        return True
    file = getattr(sys.modules.get(top), "__file__", None)
    return file is not None and bool({"site-packages", "dist-packages"} & set(Path(file).parts))
