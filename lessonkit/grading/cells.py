"""Which statements of a notebook run, and how a cell becomes plain Python.

A cell that a student wrote or changed runs whole. Of a cell that is the course's own, word for word, only those
statements run whose names something else needs: the exercises, or a student's cell. So helper functions, constants and
imports work wherever they are, and the course's searches and figures, which take minutes, are left out.
"""

from __future__ import annotations

import ast
import builtins
import re
import symtable
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

PYTHON_MAGICS = {"time", "timeit", "capture", "prun"}  # cell magics whose cell is Python all the same

_MAGIC_LINE = re.compile(r"^(\s*)(?:[%!].*|\?.*|[\w.]+\?{1,2}\s*)$")
_ASSIGNED = re.compile(r"^(\s*)([\w, ]+?)\s*=\s*[%!].*$")


@dataclass(frozen=True)
class Cell:
    """One code cell: its number in the notebook, from 1, its text, and whether it is the course's own."""

    number: int
    source: str
    own: bool = False

    @property
    def file(self) -> str:
        """The name under which it is compiled."""
        return f"<cell {self.number}>"


@dataclass
class Prepared:
    """A cell with the statements that run, or with what keeps it from running."""

    cell: Cell
    statements: list[ast.stmt] = field(default_factory=list)
    error: BaseException | None = None


@dataclass
class _Statement:
    node: ast.stmt
    binds: set[str]
    uses: set[str]
    wanted: bool


def plain(source: str) -> str:
    """The cell without magics, shell lines and questions; each line keeps its number."""
    lines = source.split("\n")
    first = next((at for at, line in enumerate(lines) if line.strip()), 0)
    magic = re.match(r"%%(\w+)", lines[first].strip()) if lines else None
    if magic is not None:
        if magic[1] not in PYTHON_MAGICS:
            return ""
        lines[first] = ""
    try:
        ast.parse("\n".join(lines))
    except SyntaxError:  # only if it is not Python already: a string may contain lines that look like magics
        lines = [_ASSIGNED.sub(r"\1\2 = None", _MAGIC_LINE.sub(r"\1pass", line)) for line in lines]
    except (ValueError, RecursionError, MemoryError):
        pass  # it is found again, and reported, when the cell is prepared
    return "\n".join(lines)


def select(cells: Sequence[Cell], exercises: Sequence[str]) -> list[Prepared]:
    """Which statements of each cell run, in the notebook's order.

    Parameters
    ----------
    exercises : the names of the functions that are judged.
    """
    prepared, statements = [], []
    for cell in cells:
        one = Prepared(cell)
        mine: list[_Statement] = []
        try:
            for node in ast.parse(plain(cell.source), cell.file).body:
                mine.append(_analysed(node, wanted=not cell.own or _checks(node)))
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            one.error = error
        prepared.append(one)
        statements.append(mine)
    every = [statement for mine in statements for statement in mine]
    imported = {name for each in every if isinstance(each.node, ast.Import | ast.ImportFrom) for name in each.binds}
    for each in every:
        each.binds |= {name for name in _changed(each.node) if name not in imported}
    _want(every, set(exercises))
    for one, mine in zip(prepared, statements, strict=True):
        one.statements = [statement.node for statement in mine if statement.wanted]
    return prepared


def _want(statements: list[_Statement], names: set[str]) -> None:
    """Mark whatever binds a name that is needed by what is wanted already."""
    open_ = [statement for statement in statements if not statement.wanted]
    for statement in statements:
        if statement.wanted:
            names |= statement.uses
    while True:
        more = [statement for statement in open_ if statement.binds & names]
        if not more:
            return
        for statement in more:
            statement.wanted = True
            names |= statement.uses
        open_ = [statement for statement in open_ if not statement.wanted]


def _analysed(node: ast.stmt, wanted: bool) -> _Statement:
    binds, uses = set[str](), set[str]()
    tables = [symtable.symtable(ast.unparse(node), "<cell>", "exec")]
    for top in tables:
        for symbol in top.get_symbols():
            if symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace():
                binds.add(symbol.get_name())
            if symbol.is_referenced():
                uses.add(symbol.get_name())
    inner = list(tables[0].get_children())
    while inner:
        table = inner.pop()
        inner += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_global():
                uses.add(symbol.get_name())
                if symbol.is_assigned():
                    binds.add(symbol.get_name())
    return _Statement(node, binds, uses, wanted)


def _checks(node: ast.stmt) -> bool:
    """Whether the statement hands something to the checker."""
    return any(
        isinstance(call, ast.Call)
        and (getattr(call.func, "id", None) or getattr(call.func, "attr", None)) == "check"
        and bool(call.args)
        for call in ast.walk(node)
    )


def _changed(node: ast.stmt) -> Iterator[str]:
    """Names whose objects the statement changes in place: ``table[0] = 1``, ``names.append(2)``."""
    waiting: list[ast.AST] = [node]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        target: ast.AST | None = None
        if isinstance(one, ast.Attribute | ast.Subscript) and isinstance(one.ctx, ast.Store | ast.Del):
            target = one
        elif isinstance(one, ast.Expr) and isinstance(one.value, ast.Call):
            target = one.value.func
        while isinstance(target, ast.Attribute | ast.Subscript | ast.Call):
            target = target.func if isinstance(target, ast.Call) else target.value
        if isinstance(target, ast.Name) and not hasattr(builtins, target.id):
            yield target.id
        waiting += ast.iter_child_nodes(one)
