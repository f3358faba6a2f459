"""Every number in a lesson's prose is printed by one of its cells, is in its code, or is computed or explained here."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from lessonkit.course import build
from lessonkit.experiments.presets import COURSE
from lessonkit.experiments.published import PUBLISHED
from lessonkit.frontier.methods import SEARCH_IMAGES
from lessonkit.objective import PENALTY

ROOT = Path(__file__).parents[2]
LESSONS = build.lessons(ROOT) if (ROOT / "solutions").is_dir() else []

FRONTIER = """457 97.20 0.04 95.25 90.34 516 96.95 95.04 90.13 0.26 12 96.39 0.14 94.50 89.62 92.45 3.48 60.23 11.05
27.66 14.78 91.98 4.73 53.49 3.82 11.62 2.06"""
# For each lesson the numbers that its cells neither print nor hold: a value that the number in the prose must be, to
# its decimals; or, for what is defined and not computed, a reason. A number without a use here is an error, too.
ALLOWED: dict[str, dict[str, float | str]] = {
    "01": {
        "50": "epochs of training, as in `lessonkit train`",
        "2.30": math.log(10),  # the loss of a network that gives ten classes the same probability
        "2.17": "the version of TensorFlow that the published experiment names",
        "8": "filters that `Check yourself` makes up; and minutes",
        "12": 14 - 3 + 1,
        "432": 3 * 3 * 6 * 8,
    },
    "02": {
        "0.6665": 0.1333 * 5,
        "6": "the index of a layer",
        "8": "Keras's layers of LeNet-5; and minutes",
        "7": round(1 / 0.15),  # what destroying the network adds to the cost; and a layer's index
        "0.06": 1 - 0.9442,
        "990": "a layer that `Check yourself` makes up",
        "0.005": 5 / (10 + 990),
        "0.0625": 0.5 / 8,
        "0.0275": 0.09 - 0.5 / 8,
        "320": 48_000 / 150,
    },
    "03": {
        "1e+08": "the penalty of notebook 02",
        "1984": "a year",
        "84": 840 / 10,
        "40": 41 - 1,
    },
    "04": {
        "84": 840 / 10,
        "1e-08": "the cost's epsilon, and 1 / the penalty",
        "1e+08": PENALTY,
        "17": 20 - 3,
        "211": 212 - 1,
    },
    "05": {
        "89.02%": PUBLISHED["genetic"]["accuracy"],
        "60%": COURSE.annealing["initial_rate"],
        "2.5%": (1 - 0.95) / 2,
    },
    "06": {
        "480": 3 * 160,
        "320": 2 * 160,
        "400": "FC1's inputs",
        "120": "FC1's outputs",
        "4%": (150 + 2_400) / 61_470,
        "86%": (150 * 28 * 28 + 2_400 * 10 * 10) / (150 * 28 * 28 + 2_400 * 10 * 10 + 48_000 + 10_080 + 840),
        "24,000": SEARCH_IMAGES,
        **dict.fromkeys(FRONTIER.split(), "measured: python -m lessonkit frontier; the same table is in README.md"),
        "95.26": "measured: annealing with a temperature of 1e9 in both stages, three networks, three seeds",
        **dict.fromkeys(("48", "90.2", "90.6"), "measured: learned_masks(epochs=16) and annealing, network 0, seed 0"),
    },
}

_DIGITS = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
NUMBER = re.compile(rf"(?<![\w.])(?<!\w-)({_DIGITS})(\s?\\?%)?(?!\w)")
# What is no claim: other lessons' numbers, list markers, minutes, hints, exponents.
_LESSONS, _MARKER = r"^# \d\d |\b[Nn]otebooks? \d\d(?:(?:, \d\d)* (?:and|to) \d\d)?", r"^ *\d+\. "
_MINUTES, _HINT, _EXPONENT = r"^\*\*Minutes\.\*\*.*|\*\*\d+ minutes\.\*\*", r"^\*Stuck\?.*", r"\^\{?-?\d\}?(?!\d)"
NO_CLAIM = re.compile("|".join((_LESSONS, _MARKER, _MINUTES, _HINT, _EXPONENT)), re.MULTILINE)
POWER = re.compile(r"10\^\{?(-?\d+)\}?")


@dataclass(frozen=True)
class Number:
    """A number as it is written: 87.44% has the value 0.8744 and 4 decimals."""

    text: str
    value: float
    decimals: int

    def agrees(self, other: float) -> bool:
        """Whether `other`, rounded to these decimals, is this number; a whole number must be it exactly."""
        return abs(self.value - other) <= (0.5001 * 10.0**-self.decimals if self.decimals else 1e-9 * self.value)


def numbers(text: str) -> Iterator[Number]:
    for match in NUMBER.finditer(text):
        digits, percent = match[1].replace(",", ""), match[2]
        decimals = len(digits.partition(".")[2]) if "e" not in digits.lower() else 0
        value = float(digits) / (100 if percent else 1)
        yield Number(match[1] + ("%" if percent else ""), value, decimals + (2 if percent else 0))


def claims(notebook: Any) -> Iterator[Number]:
    """The numbers of the prose that claim something."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and "badge" not in cell.metadata.get("tags", []):
            text = cell.source.partition("## Where to read on")[0]
            text = POWER.sub(lambda power: f"{float('1e' + power[1]):g}", text.replace("{,}", ","))
            yield from numbers(NO_CLAIM.sub(" ", text))


def known(notebook: Any) -> set[float]:
    """The numbers that the cells print or have in their code; not the set-up's versions, nor counts of exercises."""
    found = set()
    for cell in notebook.cells:
        beside = "setup" in cell.metadata.get("tags", []) or cell.source.strip() == "progress()"
        if cell.cell_type == "code" and not beside:
            constants = (node.value for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Constant))
            found |= {abs(float(each)) for each in constants if isinstance(each, int | float)}
            for output in cell.outputs:
                printed = output.get("text") or output.get("data", {}).get("text/plain", "")
                found |= {number.value for number in numbers(printed)}
    return found


def unsupported(notebook: Any, allowed: dict[str, float | str]) -> list[str]:
    """The numbers of the prose that nothing supports, in their order."""
    there = known(notebook)
    found = []
    for claim in claims(notebook):
        reason = allowed.get(claim.text)
        explained = isinstance(reason, str) or (reason is not None and claim.agrees(reason))
        if not explained and not any(claim.agrees(value) for value in there):
            found.append(claim.text)
    return found


def built(lesson: build.Lesson) -> Any:
    return nbformat.read(lesson.file("solutions", ".ipynb"), as_version=4)


each_lesson = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.stem)


@each_lesson
def test_every_number_in_the_prose_is_printed_or_explained(lesson):
    assert unsupported(built(lesson), ALLOWED[lesson.stem[:2]]) == []


@each_lesson
def test_no_explanation_is_left_over(lesson):
    texts = [claim.text for claim in claims(built(lesson))]
    needed = unsupported(built(lesson), {})
    assert [number for number in ALLOWED[lesson.stem[:2]] if number not in texts or number not in needed] == []


def frontier_table(file: str) -> list[str]:
    """The rows of the table of the frontier, without the comment sign of a lesson's source."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    begin = next(at for at, line in enumerate(lines) if "| global sparsity | evaluations |" in line)
    return [line.removeprefix("# ") for line in lines[begin : begin + 7]]


@pytest.mark.skipif(not LESSONS, reason="not a checkout")
def test_readme_and_lesson_6_show_the_same_frontier():
    assert frontier_table("README.md") == frontier_table("solutions/06_beat_the_rule.py")


def notebook_of(prose: str, code: str = "", printed: str = "") -> Any:
    cell = nbformat.v4.new_code_cell(code, outputs=[nbformat.v4.new_output("stream", text=printed)])
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(prose), cell])


@pytest.mark.parametrize(
    ("prose", "code", "printed", "wrong"),
    [
        ("The loss is 0.447.", "", "loss 0.4468", []),
        ("The loss is 0.448.", "", "loss 0.4468", ["0.448"]),
        ("About 48% are pruned.", "", "global sparsity 0.4831", []),
        ("About 49% are pruned.", "", "global sparsity 0.4831", ["49%"]),
        ("About 4% are pruned.", "", "4 of 9", ["4%"]),
        ("87.44% are right.", "", "accuracy 0.8744", []),
        ("There are 61,470 weights.", "", "61,470 prunable weights", []),
        ("There are 61,471 weights.", "", "61,470 prunable weights", ["61,471"]),
        ("Whole numbers are exact: 97.", "", "96.6", ["97"]),
        ("A rate of 0.15, 200 steps.", "search(rate=0.15, iterations=200)", "", []),
        ("The penalty $10^8$ and $10^{-8}$.", "penalty = 1e8", "", ["1e-08"]),
        ("Half is $1/(5 \\cdot 150)$.", "", "5 150", ["1"]),
        ("There are $2^{61470}$ masks.", "", "61,470", ["2"]),
        ("# 07 Title\n\n1. Conv1, LeNet-5, $L_0$, $x^2$, notebook 03.\n\n## Where to read on\n\n(1953)", "", "", []),
        ("*Stuck?* `hint(\"x.y\", 7)`\n\n**Minutes.** Reading 25; about 55 in all.\n\n**8 minutes.**", "", "", []),
    ],
)  # fmt: skip
def test_an_unsupported_number_is_found(prose, code, printed, wrong):
    assert unsupported(notebook_of(prose, code, printed), {}) == wrong


def test_an_explanation_holds_for_its_own_value_only():
    notebook = notebook_of("320 times less; 0.33 of it; TensorFlow 2.17")
    assert unsupported(notebook, {"320": 48_000 / 150, "0.33": 1 / 3, "2.17": "its version"}) == []
    assert unsupported(notebook, {"320": 48_000 / 151, "0.33": 0.34, "2.18": "its version"}) == ["320", "0.33", "2.17"]
