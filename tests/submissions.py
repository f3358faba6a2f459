"""Notebooks as students might hand them in: good ones, odd ones, hostile ones."""

from __future__ import annotations

import json
from pathlib import Path

ROOT = Path(__file__).parents[1]

IMPORTS = "import math\nimport numpy as np\nfrom lessonkit.exercises import check, progress, whose"
COOLING = "def logarithmic_cooling(initial, step):\n    return initial / (1 + math.log(1 + step))"
RATE = "def adaptive_mutation_rate(rate, step, total):\n    return rate * (1 - step / total)"
WRONG_RATE = "def adaptive_mutation_rate(rate, step, total):\n    return rate - step / total"
CHECK_COOLING = 'logarithmic_cooling = check("annealing.logarithmic_cooling", logarithmic_cooling)'
CHECK_RATE = 'adaptive_mutation_rate = check("annealing.adaptive_mutation_rate", adaptive_mutation_rate)'
SHORT = (IMPORTS, COOLING, CHECK_COOLING, RATE, CHECK_RATE)  # two right answers


def notebook(*sources: str) -> bytes:
    """The file of a notebook with these code cells."""
    cells = [
        {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}
        for source in sources
    ]
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def lesson(number: int, folder: str = "solutions") -> bytes:
    """The course's own notebook."""
    (path,) = (ROOT / folder).glob(f"{number:02}_*.ipynb")
    return path.read_bytes()


def with_cell(source: str, at: int = 1) -> bytes:
    """The short notebook with one more cell."""
    return notebook(*SHORT[:at], source, *SHORT[at:])


def answering(body: str) -> bytes:
    """The short notebook with this body of one function; the other one is right."""
    lines = "\n".join("    " + line for line in body.splitlines())
    return notebook(IMPORTS, f"def logarithmic_cooling(initial, step):\n{lines}", CHECK_COOLING, RATE, CHECK_RATE)
