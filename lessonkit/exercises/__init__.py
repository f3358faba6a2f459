"""Exercises that answer back.

In a notebook::

    from lessonkit.exercises import check, hint, solution, progress

    flip = check("annealing.flip_neighbour", flip)

For tools, ``judge(id, answer)`` returns a `Verdict` with ``status`` and ``message``, and ``whose(id)`` tells a caption
whose code ran. `judge` looks at what a function does; `check` first looks whose it is, because the course's own code,
which `check` itself gives back for a wrong answer, never counts.

A new exercise in five steps
----------------------------
1. Open the lesson's file (`lessons/annealing/exercises.py`, say) and add an `Exercise` to its EXERCISES: id, title,
   minutes, objective, one sentence on why it matters, the stub, and the reference. `solution` prints the reference's
   body below the stub's header, so it is written out in that file, with the stub's names for the arguments.
2. Choose the reader of the result from `checker/answers.py`, and write the properties. `Examples` yields arguments,
   smallest first, on which the answer must agree with the reference; give them in no order that hides a sort, and of
   the kind that the notebook passes. `Law` is a function of a `Trial` for what has many right results:
   `trial.draws(n)` says how many calls there is time for, `unlikely` and `Trial.fail` judge them. An exercise with
   `rng` needs `draw`. What holds in every exercise needs no line: no changed argument, new memory in each call, all
   digits, no other source of chance, nothing kept from an earlier call. Where the result may hold what was given, say
   `may_share=True`; where not every value of one argument goes with the others, say `possible=`.
3. Write at least three misconceptions: the wrong code, and the message that names it without giving the answer.
   One that cannot be recognised by its values on the examples needs a `sign`.
4. Write two or more hints, each saying a little more, none the answer.
5. Add two right answers in other styles to tests/right_answers.py and run
   ``pytest tests/exercises/test_exercises.py``, which tests whatever is registered.
"""

from __future__ import annotations

from lessonkit.checker.exercise import Examples, Exercise, Law, Misconception, Trial
from lessonkit.checker.judge import Verdict
from lessonkit.exercises.by_id import judge
from lessonkit.exercises.cells import watch_cells
from lessonkit.exercises.session import check, hint, progress, solution, whose
from lessonkit.lessons.registry import LESSONS, find, registry

__all__ = [
    "LESSONS",
    "Examples",
    "Exercise",
    "Law",
    "Misconception",
    "Trial",
    "Verdict",
    "check",
    "find",
    "hint",
    "judge",
    "progress",
    "registry",
    "solution",
    "whose",
]

watch_cells()
