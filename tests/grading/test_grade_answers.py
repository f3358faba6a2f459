"""The grader finds what the checker finds, over the wire: the same verdicts, the same messages."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path

import pytest
import right_answers
from submissions import (
    CHECK_COOLING,
    CHECK_RATE,
    COOLING,
    IMPORTS,
    RATE,
    SHORT,
    WRONG_RATE,
    answering,
    graded,
    lesson,
    notebook,
    submission,
    with_cell,
)

from lessonkit.checker.judge import FOREIGN
from lessonkit.exercises import find, judge, registry
from lessonkit.exercises.course_code import MARK, source_of
from lessonkit.lessons.registry import LESSONS

pytestmark = pytest.mark.slow  # minutes in all; run with --slow

LESSON_NUMBERS = list(enumerate(LESSONS, start=1))


def ids(name: str) -> list[str]:
    return [each for each, exercise in registry().items() if exercise.lesson == name]


def in_one(name: str, head: str, answers: dict[str, list[str]]) -> tuple[bytes, list[tuple[str, int]]]:
    """A notebook that checks many answers of a lesson, and the keys of their verdicts."""
    cells, keys = [IMPORTS, head], []
    for exercise_id in ids(name):
        for number, answer in enumerate(answers[exercise_id], start=1):
            cells.append(f'check("{exercise_id}", {answer})')
            keys.append((exercise_id, number))
    return notebook(*cells), keys


# --- the course's own notebooks -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("number", "name"), LESSON_NUMBERS)
def test_the_solutions_are_right(number, name):
    rows = graded(lesson(number))
    assert {name_: row.status for name_, row in rows.items()} == {find(each).name: "right" for each in ids(name)}


@pytest.mark.parametrize(("number", "name"), LESSON_NUMBERS)
def test_the_blanks_are_not_attempted(number, name):
    rows = graded(lesson(number, "notebooks"))
    assert {row.status for row in rows.values()} == {"not attempted"}
    assert len(rows) == len(ids(name))


def test_a_notebook_whose_cells_are_unknown_runs_whole():
    assert {row.status for row in graded(lesson(2), whole=True).values()} == {"right"}


# --- the same as the checker ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LESSONS)
def test_right_answers_in_another_style_are_right(name):
    source = Path(right_answers.__file__).read_text(encoding="utf-8")
    answers = {each: [f'RIGHT["{each}"][{at}]' for at in range(len(right_answers.RIGHT[each]))] for each in ids(name)}
    content, keys = in_one(name, source, answers)
    found = submission(content, ids(name))
    assert {key: found.known[key].status for key in keys} == dict.fromkeys(keys, "right"), found.known


# A masked array loses its mask on the wire, and a model is looked at from outside: wrong, but in other words.
OTHER_WORDS = {("baseline.apply_mask", 12), *(("baseline.count_prunable_weights", place) for place in (5, 6, 10, 11))}


@pytest.mark.parametrize("name", LESSONS)
def test_every_misconception_gets_its_own_message(name):
    head = """
import types
from lessonkit.exercises import registry
def students(function):
    code = function.__code__.replace(co_filename="<student>")
    return types.FunctionType(code, function.__globals__, "f", function.__defaults__, function.__closure__)
"""
    answers, expected = {}, {}
    for each in ids(name):
        answers[each] = []
        for place, misconception in enumerate(registry()[each].misconceptions):
            codes = ["code", *(f"variants[{at}]" for at in range(len(misconception.variants)))]
            for code in codes:
                answers[each].append(f'students(registry()["{each}"].misconceptions[{place}].{code})')
                expected[each, len(answers[each])] = ("wrong", misconception.message)
    content, keys = in_one(name, head, answers)
    found = submission(content, ids(name))
    assert {key: found.known[key].status for key in keys} == dict.fromkeys(keys, "wrong")
    other = {key for key in keys if found.known[key].message != expected[key][1]}
    assert other <= OTHER_WORDS


BODIES = {
    "blank": "pass",
    "blank by error": "raise NotImplementedError",
    "blank within": "result = ...\nreturn 2 * result",
    "crash": "first = 1\nreturn first / 0",
    "a library's not implemented": "import io\nreturn io.IOBase().seek(0)",
    "an error elsewhere": "import math\nreturn math.sqrt('x')",
    "a library's error": "import json\nreturn json.loads('{')",
    "of its own type": "class Odd(Exception):\n    def __str__(self):\n        return 'odd'\nraise Odd",
    "a key": "return {}['a']",
    "exit": "import sys\nsys.exit(3)",
    "text": "return 'text'",
    "nothing now and then": "return None if step else initial",
    "an array": "import numpy as np\nreturn np.ones((2, 3))",
    "a list": "return [1, [2, 3]]",
    "an object": "class Odd:\n    pass\nreturn Odd()",
    "a fraction": "import fractions\nreturn fractions.Fraction(1, 3)",
    "prints": "print('a')\nprint('b')\nreturn 1.0",
    "a generator": "yield 1",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_message_is_the_checkers_own(body):
    row = graded(answering(body))["logarithmic_cooling"]
    source = f"def logarithmic_cooling(initial, step):\n{textwrap.indent(body, '    ')}"
    names: dict = {}
    exec(compile(source, "<cell 2>", "exec"), names)
    verdict = judge("annealing.logarithmic_cooling", names["logarithmic_cooling"])
    lines = source.splitlines()
    expected = verdict.message
    for number, line in enumerate(lines, start=1):  # there is no cell whose lines this process could show
        expected = expected.replace(f", in line {number}.", f", in line {number}, `{line.strip()}`.")
    assert (row.status, row.message) == (verdict.status, expected)


@pytest.mark.parametrize("answer", ["None", "...", "3", "'text'", "lambda: 1", "math", "max"])
def test_what_is_no_such_function_gets_the_checkers_message(answer):
    row = graded(notebook(IMPORTS, f'check("annealing.logarithmic_cooling", {answer})'))["logarithmic_cooling"]
    verdict = judge("annealing.logarithmic_cooling", eval(answer, {"math": __import__("math")}))
    assert (row.status, row.message) == (verdict.status, verdict.message)


def test_an_error_in_the_first_line_is_shown():
    content = notebook(IMPORTS, "def logarithmic_cooling(initial, step): return 1 / 0", CHECK_COOLING)
    message = graded(content)["logarithmic_cooling"].message
    assert "in line 1, `def logarithmic_cooling(initial, step): return 1 / 0`." in message


def test_changed_arguments_and_shared_memory_are_seen():
    def told(body):
        name, arguments = "apply_mask", "weights, mask"
        cells = f"def {name}({arguments}):\n{textwrap.indent(body, '    ')}", f'check("baseline.{name}", {name})'
        found = submission(notebook(IMPORTS, *cells), ["baseline.apply_mask"])
        return found.last["baseline.apply_mask"]

    assert told("return np.where(mask, weights, 0)").status == "right"
    assert "changed its argument `mask`" in told("mask[0] = not mask[0]\nreturn np.where(mask, weights, 0)").message
    assert "overwritten" in told("weights[~mask] = 0\nreturn weights").message
    view = "return weights[:] if mask.all() else np.where(mask, weights, 0)"
    assert told(view).status == "right"  # as `filled` of a masked array gives it
    assert "returns its argument `weights`" in told(view.replace("[:]", "")).message


OVER_THE_WIRE = {
    "one buffer": (
        "baseline.apply_mask",
        "BUFFERS = {}\ndef apply_mask(weights, mask):\n"
        "    out = BUFFERS.setdefault(weights.shape, np.empty(weights.shape))\n"
        "    out[...] = np.where(mask, weights, 0)\n    return out",
        "an array that an earlier call has returned",
    ),
    "one array twice": (
        "genetic.single_point_crossover",
        "def single_point_crossover(a, b, point):\n"
        "    if (a == b).all():\n        return (a.copy(),) * 2\n"
        "    x, y = a.ravel(), b.ravel()\n"
        "    pair = np.r_[x[:point], y[point:]], np.r_[y[:point], x[point:]]\n"
        "    return pair[0].reshape(a.shape), pair[1].reshape(a.shape)",
        "share memory with each other",
    ),
    "a view": (
        "genetic.mutate",
        "def mutate(mask, rate, rng):\n    return mask ^ (rng.random(mask.shape) < rate) if rate else mask[:]",
        "returns its argument `mask` or a view of it",
    ),
    "spawned": (
        "genetic.mutate",
        "def mutate(mask, rate, rng):\n    return mask ^ (rng.spawn(1)[0].random(mask.shape) < rate)",
        "",
    ),
    "foreign": (
        "genetic.mutate",
        "def mutate(mask, rate, rng):\n    return mask ^ (np.random.default_rng(0).random(mask.shape) < rate)",
        FOREIGN,
    ),
    "global": (
        "genetic.mutate",
        "def mutate(mask, rate, rng):\n    return mask ^ (np.random.random(mask.shape) < rate)",
        FOREIGN,
    ),
    "keywords": (
        "cost.pruning_cost",
        "def pruning_cost(loss, baseline, sparsity, limit, *, penalty=1e8, epsilon=1e-8):\n"
        "    return (penalty if loss >= limit else (loss - baseline) ** 2) + 1 / (sparsity + epsilon)",
        "",
    ),
    "overflow": (
        "annealing.acceptance_probability",
        "def acceptance_probability(delta, temperature):\n    return min(1.0, np.exp(-delta / temperature))",
        "verflow",
    ),
}


@pytest.mark.parametrize(("exercise_id", "source", "words"), OVER_THE_WIRE.values(), ids=OVER_THE_WIRE)
def test_what_the_checker_looks_at_in_each_call_comes_over_the_wire(exercise_id, source, words):
    name = exercise_id.partition(".")[2]
    row = graded(notebook(IMPORTS, source, f'check("{exercise_id}", {name})'))[name]
    assert row.status == ("wrong" if words else "right"), row.message
    assert words in row.message


@pytest.mark.parametrize(
    "deed", ["model.set_weights([0 * each for each in model.get_weights()])", "model.layers[0].trainable = False"]
)
def test_a_model_that_is_changed_is_seen(deed):
    source = (
        "def count_prunable_weights(model):\n"
        "    count = sum(layer.kernel.numpy().size for layer in model.layers if hasattr(layer, 'kernel'))\n"
        f"    {deed}\n    return count"
    )
    check = 'check("baseline.count_prunable_weights", count_prunable_weights)'
    row = graded(notebook(IMPORTS, source, check))["count_prunable_weights"]
    assert (row.status, "changed its argument `model`" in row.message) == ("wrong", True), row.message


def test_a_list_that_is_changed_is_seen():
    body = "population.append(1)\nreturn population"
    cells = (
        f"def next_generation(population, costs, elite, make_child):\n{textwrap.indent(body, '    ')}",
        'check("genetic.next_generation", next_generation)',
    )
    row = graded(notebook(IMPORTS, *cells))["next_generation"]
    assert row.status == "wrong"
    assert "changed its argument `population`" in row.message


# --- which code runs ------------------------------------------------------------------------------------------------


def test_helpers_constants_and_imports_work_wherever_they_stand():
    cells = (
        IMPORTS,
        "from math import log",
        "TABLE = {}\nONE = 0",
        "for key in ('one',):\n    TABLE[key] = 1",
        "ONE += TABLE['one']\nif ONE:\n    def helper(x):\n        return log(ONE + x)",
        "import functools\n@functools.cache\ndef outer(x):\n    return helper(x)",
        "def logarithmic_cooling(initial, step):\n    return initial / (1 + outer(step))",
        CHECK_COOLING,
    )
    assert graded(notebook(*cells))["logarithmic_cooling"].status == "right"


def test_of_the_courses_own_cells_only_what_is_needed_runs():
    from submissions import course

    from lessonkit.grading.cells import Cell, select
    from lessonkit.grading.notebook import read

    content = read(lesson(3), course())
    assert all(cell.own for cell in content.cells)
    prepared = select(content.cells, [find(each).name for each in ids("annealing")])
    run = "\n".join(ast.unparse(statement) for one in prepared for statement in one.statements)
    assert "def anneal(" in run
    assert "import math" in run
    for expensive in ("load_mnist", "figures", "Evaluator", "prune_layerwise"):
        assert expensive not in run
    changed = [Cell(cell.number, cell.source + "\n") for cell in content.cells]
    assert sum(len(one.statements) for one in select(changed, [])) > 60


def test_the_last_check_counts_and_a_second_run_of_one_is_none():
    again = notebook(IMPORTS, WRONG_RATE, CHECK_RATE, RATE, CHECK_RATE)
    assert graded(again)["adaptive_mutation_rate"].status == "right"
    twice = notebook(IMPORTS, WRONG_RATE, CHECK_RATE, CHECK_RATE)
    assert graded(twice)["adaptive_mutation_rate"].status == "wrong"


def test_the_function_is_the_one_at_the_time_of_its_check():
    later = notebook(IMPORTS, WRONG_RATE, CHECK_RATE, RATE)
    assert graded(later)["adaptive_mutation_rate"].status == "wrong"


IMPORTED = "from lessonkit.objective import adaptive_mutation_rate"


@pytest.mark.parametrize(
    "route",
    [
        IMPORTED,
        "import functools\nfrom lessonkit import objective\n"
        "adaptive_mutation_rate = functools.partial(objective.adaptive_mutation_rate)",
        "from lessonkit import objective\nadaptive_mutation_rate = lambda *a: objective.adaptive_mutation_rate(*a)",
        "from lessonkit.objective import adaptive_mutation_rate as f\n"
        "def adaptive_mutation_rate(rate, step, total):\n    return f(rate, step, total)",
        RATE.replace("    return", "    # the course's code\n    return"),
        "from lessonkit.exercises import solution\nsolution('annealing.adaptive_mutation_rate')\n"
        + source_of(find("annealing.adaptive_mutation_rate")).replace(MARK, ""),
    ],
)
def test_the_courses_own_function_is_reported_as_that(route):
    row = graded(notebook(IMPORTS, route, CHECK_RATE, COOLING, CHECK_COOLING))["adaptive_mutation_rate"]
    assert row.status == "the course's code"
    assert "the course's own function was handed in" in row.message


def test_the_courses_own_function_leaves_an_earlier_verdict():
    for cell, status in ((RATE, "right"), (WRONG_RATE, "wrong")):
        rows = graded(notebook(IMPORTS, cell, CHECK_RATE, IMPORTED, CHECK_RATE))
        assert rows["adaptive_mutation_rate"].status == status
    rows = graded(notebook(IMPORTS, IMPORTED, CHECK_RATE, RATE, CHECK_RATE))
    assert rows["adaptive_mutation_rate"].status == "right"


def test_without_its_check_the_function_of_the_end_counts():
    assert graded(notebook(IMPORTS, WRONG_RATE, RATE, COOLING))["adaptive_mutation_rate"].status == "right"
    course = notebook(IMPORTS, "from lessonkit.objective import adaptive_mutation_rate", COOLING, CHECK_COOLING)
    assert graded(course)["adaptive_mutation_rate"].status == "missing"


def test_a_wrong_function_is_replaced_for_those_that_use_it():
    uses = "def logarithmic_cooling(initial, step):\n    assert adaptive_mutation_rate(1, 1, 4) == 0.75\n"
    uses += "    return initial / (1 + math.log(1 + step))"
    rows = graded(notebook(IMPORTS, WRONG_RATE, CHECK_RATE, uses, CHECK_COOLING))
    assert rows["adaptive_mutation_rate"].status == "wrong"
    assert rows["logarithmic_cooling"].status == "right"


def test_what_jupyter_alone_understands_is_taken_as_jupyter_does():
    magics = "%matplotlib inline\n!ls\nfiles = !ls\n?check\ndisplay(1)\nget_ipython().run_line_magic('x', '')"
    cells = (magics, f"%%time\n{IMPORTS}", "%%bash\nls -l", 'text = """\n%no magic\n"""', *SHORT[1:])
    rows = graded(notebook(*cells))
    assert "notebook" not in rows
    assert rows["logarithmic_cooling"].status == rows["adaptive_mutation_rate"].status == "right"


def test_a_cell_that_fails_stops_neither_the_next_nor_the_grading():
    rows = graded(with_cell("x = 1\ny = 1 / 0"))
    assert rows["notebook"].status == "cell failed"
    assert rows["notebook"].message == "cell 2: ZeroDivisionError: division by zero (line 2)"
    assert rows["logarithmic_cooling"].status == rows["adaptive_mutation_rate"].status == "right"
    rows = graded(notebook(IMPORTS, COOLING.replace("):", ")"), CHECK_COOLING, RATE, CHECK_RATE))
    assert rows["logarithmic_cooling"].status == "error"
    assert rows["logarithmic_cooling"].message.startswith("cell 2, which should define it, failed: SyntaxError")
    assert rows["adaptive_mutation_rate"].status == "right"


def test_deleted_cells_are_told():
    rows = graded(notebook(IMPORTS, COOLING, CHECK_COOLING, CHECK_RATE))
    assert rows["logarithmic_cooling"].status == "right"
    assert (rows["adaptive_mutation_rate"].status, rows["anneal"].status) == ("missing", "missing")
    assert rows["adaptive_mutation_rate"].message == "no cell defines adaptive_mutation_rate"
    assert rows["anneal"].message == "no cell defines anneal, and none checks it"


def test_the_stand_in_shows_what_the_checker_asks_of_a_function():
    """The checker looks at nothing of an answer that the stand-in does not have."""
    from lessonkit.grading.standin import StandIn

    exercise = find("cost.pruning_cost")
    told = {"parameters": [["a", 1, None], ["b", 1, "10.0"]], "stub": True, "file": "<cell 3>"}
    standin = StandIn(exercise, told, None, 1, lambda: None, {"<cell 3>": "def f(): ..."})
    assert str(inspect.signature(standin)) == "(a, b=10.0)"
    assert standin.__code__.co_filename == "<cell 3>"
