"""The course's own code: print it for `solution`, and tell it from a student's for `check` and the grader."""

from __future__ import annotations

import ast
import builtins
import dis
import functools
import inspect
import linecache
import textwrap
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lessonkit
from lessonkit.checker.exercise import Exercise
from lessonkit.checker.guarded_call import code_of
from lessonkit.lessons.registry import registry

PACKAGE = Path(lessonkit.__file__).parent
MARK = "# the course's code"  # a comment in what `solution` prints: a pasted copy shows where it comes from


def source_of(exercise: Exercise) -> str:
    """A complete function to paste: the imports it needs, the stub's header, the reference's body."""
    reference = exercise.reference
    lines = textwrap.dedent(inspect.getsource(reference)).splitlines()
    function = ast.parse("\n".join(lines)).body[0]
    if not isinstance(function, ast.FunctionDef):
        return "\n".join(lines)
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    body = textwrap.dedent("\n".join(lines[statements[0].lineno - 1 : function.end_lineno]))
    header = exercise.stub.rstrip().removesuffix("...").rstrip()
    imports = sorted(_imports(exercise), key=lambda line: (line.startswith("from"), line))
    return "\n".join([*imports, *([""] * 2 if imports else []), header, textwrap.indent(f"{MARK}\n{body}", "    ")])


def _imports(exercise: Exercise) -> Iterator[str]:
    """An import line per global name that the reference uses, except the lesson's exercises: those are defined."""
    known = {other.name for other in registry().values() if other.lesson == exercise.lesson}
    for name, value in _globals_used(exercise.reference):
        if name in known:
            continue
        if isinstance(value, types.ModuleType):
            yield f"import {value.__name__}" + ("" if name == value.__name__ else f" as {name}")
        else:
            yield f"from {value.__module__} import {name}"


def is_course_code(exercise: Exercise, answer: Any, shown: bool = False) -> bool:
    """Whether `answer` is a function of this package, or a copy of what `solution` prints.

    Many right answers are word for word the reference. So a copy is recognised by the comment in it, or by its code if
    `solution` was called before (`shown`).
    """
    code = code_of(answer)
    if code is None:
        return False
    if Path(code.co_filename).is_relative_to(PACKAGE):
        return True
    try:
        lines = linecache.getlines(code.co_filename)
        text = textwrap.dedent("".join(inspect.getblock(lines[code.co_firstlineno - 1 :])))
        if MARK in text and f"def {exercise.name}(" in text:
            return True
        return shown and _statements(text) == _statements(source_of(exercise))
    except Exception:  # the text is missing, or is not a function
        return False


def _statements(text: str) -> str:
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    (function,) = functions
    statements = function.body[1:] if ast.get_docstring(function) else function.body
    return "\n".join(ast.unparse(statement) for statement in statements)


def course_functions(answer: Any) -> Iterator[Callable[..., Any]]:
    """The functions of this package that a student's answer calls, however it got hold of them."""
    seen: set[int] = set()
    waiting = [answer]
    while waiting and len(seen) < 100:
        one = waiting.pop()
        if id(one) in seen or not callable(one):
            continue
        seen.add(id(one))
        code = code_of(one)
        if code is not None and Path(code.co_filename).is_relative_to(PACKAGE):
            yield one
        else:
            used = [value for _, value in _globals_used(one)]
            modules = [value for value in used if isinstance(value, types.ModuleType)]
            attributes = [getattr(module, name, None) for module in modules for name in _names_in(code)]
            waiting += [
                value for value in used + attributes if isinstance(value, types.FunctionType | functools.partial)
            ]
            waiting += _held_by(one)


def _held_by(answer: Any) -> list[Any]:
    """The values in a function's closure, defaults and attributes, and in a partial."""
    found = [cell.cell_contents for cell in getattr(answer, "__closure__", None) or () if _is_filled(cell)]
    found += [*(getattr(answer, "__defaults__", None) or ()), *(getattr(answer, "__kwdefaults__", None) or {}).values()]
    if isinstance(answer, functools.partial):
        found += [answer.func, *answer.args, *answer.keywords.values()]
    if not isinstance(answer, type):
        found += list(getattr(answer, "__dict__", {}).values())
    return found


def _is_filled(cell: types.CellType) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def _globals_used(function: Any) -> list[tuple[str, Any]]:
    """The global names that a function's code loads, with their values."""
    code, names = code_of(function), getattr(inspect.unwrap(function), "__globals__", {})
    loaded = [step.argval for each in _codes_in(code) for step in dis.get_instructions(each) if "GLOBAL" in step.opname]
    return [(name, names[name]) for name in dict.fromkeys(loaded) if name in names and not hasattr(builtins, name)]


def _names_in(code: types.CodeType | None) -> set[str]:
    return {name for each in _codes_in(code) for name in each.co_names}


def _codes_in(code: types.CodeType | None) -> list[types.CodeType]:
    """A function's code, and the code of the functions defined inside it."""
    if code is None:
        return []
    inner = [
        each for constant in code.co_consts if isinstance(constant, types.CodeType) for each in _codes_in(constant)
    ]
    return [code, *inner]
