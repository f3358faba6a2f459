"""Lesson 2: two sparsities, the cost, its threshold, and the repair of one of its flaws."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lessonkit import masks, objective
from lessonkit.exercises.exercise import Examples, Exercise, Misconception
from lessonkit.exercises.results import number

# --- the two sparsities ---------------------------------------------------------------------------------------------


def _masks(rng: np.random.Generator) -> Iterator[tuple[Any]]:
    yield ((np.array([True, False, False, False]),),)
    yield ((np.array([True, False]), np.array([True, True, True, True, True, False])),)
    yield ((np.ones(3, bool), np.zeros((2, 2), bool)),)
    yield (tuple(np.ones(size, bool) for size in (2, 5)),)
    yield (
        tuple(rng.random(shape) < share for shape, share in (((5, 5, 1, 6), 0.9), ((40, 12), 0.5), ((12, 10), 0.2))),
    )


def _each(layers: Any) -> list[float]:
    return [1 - np.mean(layer) for layer in layers]


def _all(layers: Any) -> Any:
    return np.concatenate([np.ravel(layer) for layer in layers])


MEAN_SPARSITY = Exercise(
    id="cost.mean_layer_sparsity",
    title="The mean of the layers' sparsities",
    minutes=5,
    objective="compute the sparsity that the published experiment reports",
    why="The published 0.4384 is this number: in it the 150 weights of Conv1 count as much as the 48,000 of FC1.",
    stub='''def mean_layer_sparsity(masks):
    """Return the plain mean, over the layers, of each layer's pruned share. True keeps a weight."""
    ...
''',
    reference=masks.mean_layer_sparsity,
    read=number,
    properties=(Examples("Each layer's pruned share counts the same", _masks),),
    misconceptions=(
        Misconception(
            "global",
            "This is the other sparsity, over all weights together. Here a small layer counts as much as a large one.",
            lambda layers: 1 - np.mean(_all(layers)),
        ),
        Misconception(
            "the kept share",
            "This is the share of weights that are kept. True keeps a weight, and sparsity counts the others.",
            lambda layers: np.mean([np.mean(layer) for layer in layers]),
        ),
        Misconception(
            "a sum",
            "The layers' shares are added up: with five layers this could reach 5. A mean stays between 0 and 1.",
            lambda layers: sum(_each(layers)),
        ),
    ),
    hints=(
        "Start with one layer: which share of its mask is False?",
        "The mean of a mask is the share of True. You need one such number a layer, and then their mean.",
    ),
)

GLOBAL_SPARSITY = Exercise(
    id="cost.global_sparsity",
    title="The sparsity of the whole network",
    minutes=5,
    objective="compute the sparsity that the written formula means and that saves memory",
    why="It tells how much smaller the network gets; the mean of the layers does not.",
    stub='''def global_sparsity(masks):
    """Return the pruned weights of all layers over all weights of all layers. True keeps a weight."""
    ...
''',
    reference=masks.global_sparsity,
    read=number,
    properties=(Examples("Each weight counts the same, in whichever layer it is", _masks),),
    misconceptions=(
        Misconception(
            "mean of the layers",
            "This is the other sparsity, the mean of the layers' shares: it lets a weight of a small layer count more.",
            lambda layers: np.mean(_each(layers)),
        ),
        Misconception(
            "the kept share",
            "This is the share of all weights that are kept. True keeps a weight, and sparsity counts the others.",
            lambda layers: np.mean(_all(layers)),
        ),
        Misconception(
            "a count",
            "This is how many weights are pruned. Sparsity is a share: divide by how many weights there are.",
            lambda layers: np.sum(~_all(layers)),
        ),
    ),
    hints=(
        "Two totals are needed: the pruned weights of all layers, and all weights of all layers.",
        "Each mask has a `size`, and `np.count_nonzero` counts its True entries.",
    ),
)

# --- the cost -------------------------------------------------------------------------------------------------------


def _costs(rng: np.random.Generator) -> Iterator[tuple[float, ...]]:
    yield 0.5, 0.0, 0.5, 1.0
    yield 0.5, 0.0, 0.5, 1.0, 10.0, 0.25
    yield 2.0, 0.5, 0.5, 1.0, 10.0, 0.25  # above the threshold
    yield 1.0, 0.5, 0.5, 1.0, 10.0, 0.25  # at the threshold
    yield 0.25, 1.5, 0.5, 1.0, 10.0, 0.25  # better than the baseline
    yield 0.25, 0.25, 0.5, 0.25, 10.0, 0.25  # the baseline's loss, at the threshold
    yield 1.5, 0.5, 0.5, 1.0
    yield 0.5, 0.25, 0.0, 1.0  # nothing pruned
    for _ in range(20):
        loss, baseline, sparsity, threshold = (float(value) for value in rng.uniform(0.05, 1.0, size=4))
        yield loss, baseline, sparsity, threshold, 7.0, 0.125


def _cost(difference: Any, loss: float, max_loss: float, penalty: float, sparsity: float, epsilon: float) -> Any:
    return (difference if loss < max_loss else penalty) + 1 / (sparsity + epsilon)


def _not_squared(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):  # type: ignore[no-untyped-def]
    return _cost(abs(baseline_loss - loss), loss, max_loss, penalty, sparsity, epsilon)


def _late_penalty(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):  # type: ignore[no-untyped-def]
    return ((baseline_loss - loss) ** 2 if loss <= max_loss else penalty) + 1 / (sparsity + epsilon)


def _penalty_alone(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):  # type: ignore[no-untyped-def]
    return (baseline_loss - loss) ** 2 + 1 / (sparsity + epsilon) if loss < max_loss else penalty


def _no_epsilon(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):  # type: ignore[no-untyped-def]
    return _cost((baseline_loss - loss) ** 2, loss, max_loss, penalty, sparsity, 0.0)


def _penalty_added(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):  # type: ignore[no-untyped-def]
    return (baseline_loss - loss) ** 2 + (0 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)


def _wrong_side(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):  # type: ignore[no-untyped-def]
    return _cost(max(baseline_loss - loss, 0) ** 2, loss, max_loss, penalty, sparsity, epsilon)


def _one_sided_not_squared(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):  # type: ignore[no-untyped-def]
    return _cost(max(loss - baseline_loss, 0), loss, max_loss, penalty, sparsity, epsilon)


def _all_free(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):  # type: ignore[no-untyped-def]
    if loss < baseline_loss:
        return 0.0
    return _cost((loss - baseline_loss) ** 2, loss, max_loss, penalty, sparsity, epsilon)


PRUNING_COST = Exercise(
    id="cost.pruning_cost",
    title="The cost of the published experiment",
    minutes=10,
    objective="write the objective of a search, with its penalty, as one function",
    why="A search finds what its cost asks for and nothing else, so each term of it is a decision.",
    stub='''def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    """Return the squared difference of the losses, plus 1 / (sparsity + epsilon).

    From `max_loss` on (at it, too) the penalty takes the place of the squared difference.
    """
    ...
''',
    reference=objective.pruning_cost,
    read=number,
    properties=(Examples("Two terms: the squared difference or the penalty, and the sparsity's", _costs),),
    misconceptions=(
        Misconception(
            "not squared",
            "The difference of the losses is taken, but not its square: small differences would weigh too much.",
            _not_squared,
        ),
        Misconception(
            "penalty too late",
            "At loss == max_loss the penalty applies already; yours begins above it.",
            _late_penalty,
        ),
        Misconception(
            "penalty alone",
            "Under the penalty the sparsity's term is missing: the penalty replaces the first term, not both.",
            _penalty_alone,
        ),
        Misconception(
            "penalty on top",
            "The penalty is added to the squared difference; it should take its place.",
            _penalty_added,
        ),
        Misconception(
            "no epsilon",
            "The epsilon is missing: a mask that prunes nothing divides by zero.",
            _no_epsilon,
        ),
    ),
    hints=(
        "The cost is a sum of two terms. Only the first one depends on the losses.",
        "First decide by comparing `loss` and `max_loss` what the first term is, then add the second. Which comparison "
        "puts equality on the penalty's side?",
    ),
)

ONE_SIDED = Exercise(
    id="cost.one_sided_cost",
    title="A cost that does not punish improvement",
    minutes=8,
    objective="repair an objective without changing what it says elsewhere",
    why="The published cost calls a mask worse for making the loss better; a search would walk away from it.",
    stub='''def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    """Return `pruning_cost`, but with nothing to pay for a loss below the baseline's."""
    ...
''',
    reference=objective.one_sided_cost,
    read=number,
    properties=(Examples("Only a loss above the baseline's costs something", _costs),),
    misconceptions=(
        Misconception(
            "still two-sided",
            "This is the old cost: a loss below the baseline's is still punished.",
            objective.pruning_cost,
        ),
        Misconception(
            "the wrong side",
            "The sides are exchanged: now an improvement costs something and a damage nothing.",
            _wrong_side,
        ),
        Misconception(
            "not squared",
            "One-sided it is, but the square has been lost on the way.",
            _one_sided_not_squared,
        ),
        Misconception(
            "everything free",
            "For a better loss the whole cost is gone. Only the loss's term should vanish; sparsity and penalty go on "
            "as before.",
            _all_free,
        ),
    ),
    hints=(
        "Which sign does loss - baseline_loss have for a mask that improves the network?",
        "Cut that difference off at 0 before anything else happens to it. The penalty's condition stays as it is.",
    ),
)

# --- the threshold --------------------------------------------------------------------------------------------------


def _thresholds(rng: np.random.Generator) -> Iterator[tuple[int, int, float]]:
    yield 0, 2, 1.0
    yield 1, 2, 1.0
    yield 0, 1, 0.5
    for layer in (0, 2, 5, 6, 7):
        yield layer, 8, 1.0
    yield 3, 5, 2.5


WARMUP = Exercise(
    id="cost.warmup_max_loss",
    title="The warm-up threshold",
    minutes=4,
    objective="turn a sentence about thresholds into a formula and check it at both ends",
    why="Without it the first layer could spend the whole loss that the last one needs.",
    stub='''def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    """Return the loss from which the penalty applies: equal steps, up to `loss_to_warmup` in the last layer.

    `layer_index` counts from 0.
    """
    ...
''',
    reference=objective.warmup_max_loss,
    read=number,
    properties=(Examples("The threshold rises in equal steps and ends at `loss_to_warmup`", _thresholds),),
    misconceptions=(
        Misconception(
            "off by one",
            "The first layer gets a threshold of 0, which no loss can meet: `layer_index` counts from 0.",
            lambda layer, total, loss: loss * layer / total,
        ),
        Misconception(
            "loss_to_warmup forgotten",
            "The last layer's threshold is always 1 here: `loss_to_warmup` has been forgotten.",
            lambda layer, total, loss: (layer + 1) / total,
        ),
        Misconception(
            "integer division",
            "The division drops what is behind the point, so the steps are not equal: use / and not //.",
            lambda layer, total, loss: loss * ((layer + 1) // total),
            variants=(lambda layer, total, loss: loss * (layer + 1) // total,),
        ),
        Misconception(
            "falling",
            "The threshold falls from layer to layer; it should rise.",
            lambda layer, total, loss: loss * (total - layer) / total,
        ),
    ),
    hints=(
        "What should come out for the last layer, whose index is total_layers - 1?",
        "Which number runs from 1 to total_layers while `layer_index` runs from 0? What share of the way is that?",
    ),
)

EXERCISES = (MEAN_SPARSITY, GLOBAL_SPARSITY, PRUNING_COST, WARMUP, ONE_SIDED)
