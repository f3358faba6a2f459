"""Once a notebook has run, every cell of it can be run again, in any order, and shows the same."""

from __future__ import annotations

import ast
import copy
import symtable
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jupytext
import pytest

from lessonkit.course import build
from lessonkit.course.leaks import CHECK, EXPECTED

ROOT = Path(__file__).parents[2]
LESSONS = build.lessons(ROOT) if (ROOT / "solutions").is_dir() else []
AT_ONCE = {"listcomp", "setcomp", "dictcomp", "genexpr", "lambda"}  # run with their cell, and only with it

each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


# --- by reading -----------------------------------------------------------------------------------------------------


def imports(source: str) -> dict[str, str]:
    """The names that a cell imports, each with its import: the same import in two cells binds the same thing."""
    found = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = f"{getattr(node, 'module', '')}.{alias.name}"
    return found


def loop_variables(source: str) -> set[str]:
    """The names that only a comprehension binds; from Python 3.12 on `symtable` lists them with the cell's own."""
    tree = ast.parse(source)
    loops = [node.target for node in ast.walk(tree) if isinstance(node, ast.comprehension)]
    inner = [node for target in loops for node in ast.walk(target) if isinstance(node, ast.Name)]
    stored = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
    return {node.id for node in inner} - {node.id for node in stored if node not in inner}


def rebound(source: str) -> set[str]:
    """The names of other cells that a cell reads to bind them anew, as in ``a = f(a)``."""
    found, own = set(), set()
    for statement in ast.parse(source).body:
        names = [node for node in ast.walk(statement) if isinstance(node, ast.Name)]
        stored = {node.id for node in names if isinstance(node.ctx, ast.Store)} - loop_variables(ast.unparse(statement))
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            found |= ({node.id for node in names if isinstance(node.ctx, ast.Load)} & stored) - own
        elif isinstance(statement, ast.AugAssign):
            found |= stored - own
        own |= stored
    return found


def read_later(table: symtable.SymbolTable, within_function: bool = False) -> Iterator[str]:
    """The global names that the functions of a cell read, whenever they are called."""
    for child in table.get_children():
        within = within_function or child.get_name() not in AT_ONCE
        if within:
            yield from (symbol.get_name() for symbol in child.get_symbols() if symbol.is_global())
        yield from read_later(child, within)


def read_now(table: symtable.SymbolTable) -> Iterator[str]:
    """The global names that a cell reads while it runs."""
    for symbol in table.get_symbols():
        if symbol.is_global() or (symbol.is_referenced() and table.get_type() == "module"):
            yield symbol.get_name()
    for child in table.get_children():
        if child.get_name() in AT_ONCE:
            yield from read_now(child)


def overwritten(sources: list[str]) -> dict[str, list[str]]:
    """The names that one cell reads and several others bind, with the first lines of those that bind them."""
    bound: dict[str, dict[str, str]] = defaultdict(dict)  # name: what it is bound to, and the cell's first line
    reads: list[set[str]] = []
    for number, source in enumerate(sources):
        table = symtable.symtable(source, "cell", "exec")
        own = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
        reads.append((set(read_now(table)) - (own - rebound(source))) | set(read_later(table)))
        checked = {name for name, _, _ in CHECK.findall(source)}  # a check gives back what the cell above it defined
        for name in own - checked - loop_variables(source):
            bound[name].setdefault(imports(source).get(name, f"cell {number}"), source.partition("\n")[0])
    read = set().union(*reads)
    return {name: list(cells.values()) for name, cells in bound.items() if name in read and len(cells) > 1}


@each_lesson
def test_no_cell_overwrites_a_name_that_another_cell_reads(lesson):
    notebook = jupytext.reads(build.plain_solution(lesson), fmt="py:percent")
    assert overwritten([cell.source for cell in code_cells(notebook)]) == {}


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["a = 1", "print(a)"], []),
        (["a = 1", "a = 2", "b = 1\nprint(b)"], []),
        (["for a in range(3):\n    print(a)", "a = 2\nprint(a)"], []),
        (["a = 1", "print(a)", "a = [2]"], ["a"]),
        (["a = 1", "print([a + b for b in range(3)])", "a = 2"], ["a"]),
        (["a = 1", "a = a + 1"], ["a"]),
        (["a = 1", "a += 1"], ["a"]),
        (["a = 1", "a = 2\na = a + 1"], []),
        (["a = 1\ndef f():\n    return a", "a = 2"], ["a"]),  # a call of f gives what the last cell bound
        (["a = 1\ndef f(a):\n    return a", "a = 2"], []),
        (["a = 1", "[a for a in range(3)]", "a = 2"], []),
        (["a = 1", "b = [a for a in range(3)]", "print(a)"], []),
        (["import os", "import os", "os.getcwd()"], []),
        (["import os", "from posix import path as os", "os"], ["os"]),
        (["def f(): ...", 'f = check("x.f", f)', "f()"], []),
        (["def f(): ...", "f = 1", "f"], ["f"]),
    ],
)
def test_an_overwritten_name_is_found(sources, names):
    assert list(overwritten(sources)) == names


# --- by running -----------------------------------------------------------------------------------------------------


def shown(cell: Any) -> list[str]:
    """What a cell put out, as strict nbval compares it."""
    return [str(output.get("text") or output.get("data", {}).get("text/plain", "")) for output in cell.outputs]


@pytest.mark.slow
@pytest.mark.parametrize("folder", list(EXPECTED))
@each_lesson
def test_every_cell_shows_the_same_when_it_is_run_again(lesson, folder):
    solution = build.plain_solution(lesson)
    script = solution if folder == "solutions" else build.student_script(lesson, solution)
    notebook = build.notebook_of(lesson, folder, script)
    first = code_cells(notebook)
    copies = [copy.deepcopy(cell) for cell in (*first, *reversed(first))]
    for number, cell in enumerate(copies):
        cell.id = f"again-{number}"
    notebook.cells += copies
    build.execute(notebook, lesson, folder)  # an error in any cell ends the test
    for before, again in zip((*first, *reversed(first)), copies, strict=True):
        tags = before.metadata.get("tags", [])
        if not (CHECK.search(before.source) or "progress()" in before.source or "nbval-ignore-output" in tags):
            assert shown(again) == shown(before), before.source
