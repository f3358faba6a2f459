"""Exercises that check their own answers.

In a notebook::

    from lessonkit.exercises import check, hint, solution, progress

    flip = check("annealing.flip_neighbour", flip)

For tools, ``judge(id, answer)`` returns a `Verdict` with ``status`` and ``message``, and ``whose(id)`` says, for a
caption, whose code ran. `judge` looks only at what a function does. `check` first looks at whose function it is: the
course's own code, which `check` returns for a wrong answer, never counts as an answer.

A new exercise in five steps
----------------------------
1. Open the lesson's file (`lessons/annealing/exercises.py`, say) and add an `Exercise` to its EXERCISES: id, title,
   minutes, objective, one sentence on why it matters, the stub, and the reference. `solution` prints the reference's
   body below the stub's header, so the body must be written out in that file, with the stub's names for the arguments.
2. Choose the reader of the result from `checker/answers.py`, and write the properties. `Examples` yields arguments,
   the smallest first, on which the answer must agree with the reference; use arguments like those in the notebook, and
   none that are already sorted if the answer must sort. `Law` is for answers with many right results: a function that
   calls the answer through a `Trial`. `trial.draws(n)` says how many calls there is time for; `unlikely` and
   `Trial.fail` judge them. An exercise with `rng` needs `draw`. What all exercises require is tested without a line of
   yours: no changed argument, new memory in each call, all digits, no other source of chance, nothing kept from an
   earlier call. If the result may contain arrays from the arguments, set `may_share=True`; if some values of the
   arguments are not valid together, set `possible`.
3. Write at least three misconceptions: the wrong code, and the message that names the mistake without giving the
   answer. One that cannot be recognised by its values on the examples needs a `sign`.
4. Write two or more hints, each of which reveals a little more, but none of them the answer.
5. Add two right answers in other styles to tests/right_answers.py and run
   ``pytest tests/exercises/test_exercises.py``, which tests every registered exercise.
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
