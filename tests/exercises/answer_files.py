"""Answers as students write them, one file for each lesson in `answers/`, and what the checker must say to each.

A file is Python in cells. The line above an answer gives exercise, verdict, and words that the message must hold::

    # %% baseline.accuracy | wrong | `axis`
    def accuracy(logits, labels):
        return np.mean(np.argmax(logits) == labels)
"""

from __future__ import annotations

import dataclasses
import itertools
import linecache
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lessonkit.exercises import judge

FOLDER = Path(__file__).parent / "answers"


@dataclass(frozen=True)
class Answer:
    """One answer, where it is, and what the checker must say to it."""

    exercise: str
    status: str
    words: str
    code: str
    file: str
    line: int

    def function(self):
        """The function that the code defines, in a fresh module with numpy and what the first cells import."""
        place = f"<{self.file}:{self.line}>"
        linecache.cache[place] = (len(self.code), None, self.code.splitlines(keepends=True), place)
        names = {"np": np, "math": math, "random": random, "itertools": itertools, "__name__": "__main__"}
        exec(compile(self.code, place, "exec"), names)
        return names[self.exercise.partition(".")[2]]

    def complaint(self, seed: int = 0) -> str:
        """What the checker says otherwise than it must; "" when it is right."""
        verdict = judge(self.exercise, self.function(), seed=seed)
        text = " ".join(" ".join(str(part) for part in dataclasses.astuple(verdict)).split())
        if verdict.status == self.status and self.words in text:
            return ""
        return f"{self.file}:{self.line}, seed {seed}, should be: {self.status} | {self.words}\nand is: {text}"


def answers(lesson: str) -> Iterator[Answer]:
    """The answers of one lesson's file."""
    path = FOLDER / f"{lesson}.py"
    head, code, start = None, [], 0
    for number, line in enumerate([*path.read_text().splitlines(), "# %%"], start=1):
        if not line.startswith("# %%"):
            code.append(line)
            continue
        if head:
            yield Answer(*head, "\n".join(code), path.name, start)
        head, code, start = [part.strip() for part in line[4:].split("|")] if "|" in line else None, [], number


def each_answer(lesson: str):
    """Parametrise a test over a lesson's answers."""
    found = list(answers(lesson))
    return pytest.mark.parametrize("answer", found, ids=[f"{item.exercise}-{item.line}" for item in found])
