"""The answers of students to lesson 4 get their verdict and a true message; the references do what the engine does."""

import itertools

import numpy as np
from answer_files import each_answer

from lessonkit import genetic as engine
from lessonkit.exercises import find


@each_answer("genetic")
def test_the_verdict_and_the_message_are_right(answer):
    assert not answer.complaint()


def test_the_references_are_the_engines():
    rng = np.random.default_rng(0)
    a, b = (rng.random((3, 4, 5)) < 0.5 for _ in range(2))
    costs = rng.permutation(12) / 4
    for name, arguments in (
        ("tournament_select", (costs, 5)),
        ("uniform_crossover", (a, b)),
        ("mutate", (a, 0.2)),
    ):
        mine, theirs = find(f"genetic.{name}").reference, getattr(engine, name)
        for seed in range(5):
            found = mine(*arguments, np.random.default_rng(seed))
            assert np.array_equal(found, theirs(*arguments, np.random.default_rng(seed))), name
    for point in (0, 1, 17, 60):
        children = find("genetic.single_point_crossover").reference(a, b, point)
        assert np.array_equal(children, engine.single_point_crossover(a, b, point))
    people = list(range(12))
    for elite in (0, 3, 12):
        pair = [
            function(people, np.round(costs), elite, itertools.count(100).__next__)
            for function in (find("genetic.next_generation").reference, engine.next_generation)
        ]
        assert pair[0] == pair[1]
