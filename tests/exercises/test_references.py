"""The course's answers, which `solution` prints, do what the engine does."""

from __future__ import annotations

import numpy as np
import pytest

from lessonkit import controls as baselines
from lessonkit import masks, objective
from lessonkit import measures as statistics
from lessonkit.exercises import Examples, find


def ising_energy(couplings, fields, s):
    return -s @ couplings @ s / 2 - fields @ s


ENGINE = {
    "baseline.count_prunable_weights": lambda model: sum(  # Keras's own names: a Conv1D has a kernel too
        int(np.prod(weight.shape)) for weight in model.weights if weight.name == "kernel"
    ),
    "cost.mean_layer_sparsity": masks.mean_layer_sparsity,
    "cost.global_sparsity": masks.global_sparsity,
    "cost.pruning_cost": objective.pruning_cost,
    "cost.one_sided_cost": objective.one_sided_cost,
    "cost.warmup_max_loss": objective.warmup_max_loss,
    "comparison.trade_off_score": objective.trade_off_score,
    "comparison.evaluations_of_annealing": statistics.evaluations_of_annealing,
    "comparison.evaluations_of_genetic": statistics.evaluations_of_genetic,
    "comparison.magnitude_mask": baselines.magnitude_mask,
    "comparison.pareto_front": statistics.pareto_front,
    "frontier.flip_energy": lambda couplings, fields, s, index: (
        ising_energy(couplings, fields, np.where(np.arange(len(s)) == index, -s, s))
        - ising_energy(couplings, fields, s)
    ),
}


@pytest.mark.parametrize("exercise_id", ENGINE)
def test_a_reference_does_what_the_engine_does(exercise_id):
    exercise, compared = find(exercise_id), 0
    for examples in exercise.properties:
        if isinstance(examples, Examples):
            for arguments in examples.arguments(np.random.default_rng(1)):
                np.testing.assert_allclose(exercise.reference(*arguments), ENGINE[exercise_id](*arguments), rtol=1e-12)
                compared += 1
    assert compared > 3


def test_the_bootstrap_draws_what_the_engine_draws():
    values = np.array([0.5, 0.25, 0.75, 1.0])
    mine, engine = (
        interval(values, np.random.default_rng(1), 0.9, 200)
        for interval in (find("comparison.bootstrap_interval").reference, statistics.bootstrap_interval)
    )
    assert mine == engine
