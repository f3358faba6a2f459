"""The answers of students to lesson 3 get their verdict and a true message; the references do what the engine does."""

import numpy as np
from answer_files import each_answer

from lessonkit import annealing as engine
from lessonkit import masks, objective
from lessonkit.exercises import find
from lessonkit.problem import Problem


@each_answer("annealing")
def test_the_verdict_and_the_message_are_right(answer):
    assert not answer.complaint()


def test_the_formulas_are_the_engines():
    accept, cool, rate = (
        find(f"annealing.{name}").reference
        for name in ("acceptance_probability", "logarithmic_cooling", "adaptive_mutation_rate")
    )
    for delta in (-1e8, -1.0, 0.0, 0.3, 1e8):
        assert accept(delta, 0.1) == engine.acceptance_probability(delta, 0.1)
    for step in (0, 1, 199):
        assert cool(0.1, step) == engine.logarithmic_cooling(0.1, step)
        assert rate(0.15, step, 200) == objective.adaptive_mutation_rate(0.15, step, 200)


def test_a_neighbour_is_the_engines():
    mask = np.arange(60).reshape(3, 4, 5) % 3 > 0
    found = find("annealing.flip_neighbour").reference(mask, 0.2, np.random.default_rng(3))
    assert np.array_equal(found, masks.flip(mask, 0.2, np.random.default_rng(3)))


def test_a_walk_is_the_engines():
    weights, start = np.random.default_rng(1).normal(size=(6, 7)), np.ones((6, 7), bool)

    def cost(mask):
        return float(abs(weights[mask].sum()) + 1 / (1.01 - mask.mean()))

    for seed in range(5):
        mask, value = find("annealing.anneal").reference(cost, start, 0.5, 0.15, 60, np.random.default_rng(seed))
        theirs = engine.anneal(
            Problem(lambda batch: [cost(each) for each in batch]),
            start,
            iterations=60,
            temperature=0.5,
            mutation_rate=0.15,
            rng=np.random.default_rng(seed),
        )
        assert value == theirs.cost
        assert np.array_equal(mask, theirs.best)
