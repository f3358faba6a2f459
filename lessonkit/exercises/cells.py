"""Notice a cell that should define an answer but failed, so that `check` says so instead of judging an old answer."""

from __future__ import annotations

import re
import sys
from typing import Any

from lessonkit.lessons.registry import registry


class Undefined:
    """The value of a function's name after its cell failed; `check` shows the message."""

    def __init__(self, name: str, message: str) -> None:
        self.name, self.message = name, message

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Raise a NameError with the message."""
        raise NameError(self.message)

    def __repr__(self) -> str:
        return f"<{self.name} is not defined: {self.message}>"


def watch_cells() -> None:
    """In a notebook, inspect each cell after it has run; elsewhere do nothing."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or getattr(shell, "_lessonkit_cells", None) is not None:
        return
    shell._lessonkit_cells = _Cells(shell)


class _Cells:
    def __init__(self, shell: Any) -> None:
        self.shell, self.before = shell, dict[str, Any]()
        shell.events.register("pre_run_cell", self.started)
        shell.events.register("post_run_cell", self.ended)

    def started(self, info: Any = None) -> None:
        """Remember the answers defined so far, to know which of them the cell defines anew."""
        names = self.shell.user_ns
        self.before = {each.name: names[each.name] for each in registry().values() if each.name in names}

    def ended(self, result: Any = None) -> None:
        """If the cell failed, put a message where its function should be."""
        try:
            error = result.error_before_exec or result.error_in_exec
            source = result.info.raw_cell
            for exercise in registry().values() if error is not None else ():
                name = exercise.name
                found = re.search(rf"^[ \t]*(?:async[ \t]+)?def[ \t]+{name}\b", source, re.MULTILINE)
                if found and self.shell.user_ns.get(name) is self.before.get(name):
                    text = f"The cell that defines {name} failed{_place(result)}: {_told(error, source)}."
                    self.shell.user_ns[name] = Undefined(name, f"{text} Fix that cell and run it, then this one.")
        except Exception:  # inspecting a cell must never break the notebook
            return


def _place(result: Any) -> str:
    number = getattr(result, "execution_count", None)
    return f" (cell [{number}])" if number else ""


def _told(error: BaseException, source: str) -> str:
    text = f"{type(error).__name__}: {error.msg if isinstance(error, SyntaxError) else error}"
    line = error.lineno if isinstance(error, SyntaxError) else None
    if line is None:
        return text[:300]
    lines = source.splitlines()
    shown = f", `{lines[line - 1].strip()[:100]}`" if 0 < line <= len(lines) and lines[line - 1].strip() else ""
    return f"{text[:300]} in line {line}{shown}"
