"""The loops of annealing and of the genetic algorithm are written once, in the textbook; lessons and labs call them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("lessonkit/lessons", "lessonkit/labs", "lessonkit/exercises", "lessonkit/checker")
FILES = [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]
LESSONS = sorted((ROOT / "solutions").glob("[0-9]*.py"))

# A reference is what `solution` prints: a whole function in the student's own terms (a cost, no Problem), which names
# nothing of the package. Wrong answers are variants of it, each with one line changed that `anneal` has no argument
# for.
# Lesson 3 holds the exercise's solution between its markers.
ALLOWED = {
    ("annealing/exercises.py", "anneal", "annealing"),
    ("annealing/exercises.py", "_variant", "annealing"),
    ("solutions/03_simulated_annealing.py", "anneal", "annealing"),
}


def calls(
    node: ast.AST, functions: dict[str, ast.FunctionDef], seen: frozenset[str] = frozenset()
) -> Iterator[ast.Call]:
    """The calls in a piece of code, and those in the functions of the same file that it calls."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            yield each
            name = called(each)
            if name in functions and name not in seen:
                yield from calls(functions[name], functions, seen | {name})


def called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def by_chance(node: ast.AST) -> bool:
    """Whether a value or a condition asks chance, or the Metropolis rule."""
    inside = [each for each in ast.walk(node) if isinstance(each, ast.Call)]
    draws = any(called(each) == "random" and not each.args and not each.keywords for each in inside)
    return draws or any(called(each) in ("acceptance_probability", "accept") for each in inside)


def anneals(loop: ast.For | ast.While) -> bool:
    """A loop that makes a proposal the current candidate by chance: ``if random() < chance: current = proposal``."""
    decided = {
        name.id
        for each in ast.walk(loop)
        if isinstance(each, ast.Assign) and by_chance(each.value)
        for target in each.targets
        for name in ast.walk(target)
        if isinstance(name, ast.Name)
    }
    read = {each.id for each in ast.walk(loop) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)}
    for each in ast.walk(loop):
        if not isinstance(each, ast.If | ast.IfExp):
            continue
        tested = {name.id for name in ast.walk(each.test) if isinstance(name, ast.Name)}
        if not by_chance(each.test) and not (tested & decided):
            continue
        if isinstance(each, ast.IfExp):
            return True
        stored = [name for line in each.body for name in ast.walk(line) if isinstance(name, ast.Name)]
        if {name.id for name in stored if isinstance(name.ctx, ast.Store)} & read:
            return True
    return False


def breeds(loop: ast.For | ast.While, functions: dict[str, ast.FunctionDef]) -> bool:
    """A loop that selects parents and makes children of them, or calls for the next generation."""
    names = {called(each) for each in calls(loop, functions)}
    names |= {each.id for call in calls(loop, functions) for each in ast.walk(call) if isinstance(each, ast.Name)}
    makes = any("cross" in name or name in ("breed", "mutate") for name in names)
    return "next_generation" in names or (any("tournament_select" in name for name in names) and makes)


def loops_in(file: Path) -> set[tuple[str, str]]:
    """The outermost function and the kind of each loop of a search in a file."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = {each.name: each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)}
    found = set()
    for place in tree.body:
        for loop in (each for each in ast.walk(place) if isinstance(each, ast.For | ast.While)):
            name = getattr(place, "name", "")
            found |= {(name, "annealing")} if anneals(loop) else set()
            found |= {(name, "genetic")} if breeds(loop, functions) else set()
    return found


@pytest.mark.parametrize("file", [*FILES, *LESSONS], ids=lambda file: file.relative_to(ROOT).as_posix())
def test_no_lesson_lab_or_exercise_has_its_own_loop_of_a_search(file):
    place = "/".join(file.parts[-2:])
    allowed = {(name, kind) for where, name, kind in ALLOWED if where == place}
    assert loops_in(file) == allowed


def test_the_loops_of_the_textbook_are_recognised():
    assert loops_in(ROOT / "lessonkit" / "annealing.py") == {("anneal", "annealing")}
    assert loops_in(ROOT / "lessonkit" / "genetic.py") == {("evolve", "genetic")}
