"""Lesson 2: two sparsities, the cost, its threshold, and a correction of one of its flaws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from lessonkit.checker.answers import number
from lessonkit.checker.exercise import Examples, Exercise, Misconception, Trial
from lessonkit.checker.slips import rounded

# --- the two sparsities ---------------------------------------------------------------------------------------------


def mean_layer_sparsity(masks: Any) -> float:
    """The mean of each layer's share of False."""
    shares = [1 - np.mean(mask) for mask in masks]
    return float(np.mean(shares))


def global_sparsity(masks: Any) -> float:
    """One minus the share of kept weights among all weights."""
    kept = sum(np.count_nonzero(mask) for mask in masks)
    total = sum(np.size(mask) for mask in masks)
    return float(1 - kept / total)


def _masks(rng: np.random.Generator) -> Iterator[tuple[Any]]:
    yield ((np.array([True, False, False, False]),),)
    yield ([np.array([False, False, True]), np.array([True, True, True, False])],)  # a list will do, too
    yield ((np.array([True, False]), np.array([True, True, True, True, True, False])),)
    yield ((np.ones(3, bool), np.zeros((2, 2), bool)),)
    yield (tuple(np.ones(size, bool) for size in (2, 5)),)
    yield ((np.array([True, False]), np.array([False, True]), np.array([True, True, True, False])),)  # two alike
    same = np.array([True, False, False])
    yield ((same, np.ones(2, bool), same.copy(), same.copy()),)
    yield (
        tuple(rng.random(shape) < share for shape, share in (((5, 5, 1, 6), 0.9), ((40, 12), 0.5), ((12, 10), 0.2))),
    )


def _each(layers: Any) -> list[float]:
    return [1 - float(np.mean(layer)) for layer in layers]


def _all(layers: Any) -> Any:
    return np.concatenate([np.ravel(layer) for layer in layers])


ONE_LAYER = Misconception(
    "one layer",
    "This is the sparsity of only one layer. Is there a `return` inside the loop, or a value that each pass "
    "overwrites?",
    lambda layers: _each(layers)[0],
    variants=(lambda layers: _each(layers)[-1],),
)


def _percentage(reference: Callable[[Any], float]) -> Misconception:
    message = "This is a percentage; the exercise asks for a share, between 0 and 1."
    return Misconception("a percentage", message, lambda layers: 100 * reference(layers))


MEAN_SPARSITY = Exercise(
    id="cost.mean_layer_sparsity",
    title="The mean of the layers' sparsities",
    minutes=5,
    objective="compute one sparsity for a network in which every layer counts the same",
    why="The published 0.4384 is this number: in it the 150 weights of Conv1 count as much as the 48,000 of FC1.",
    stub='''def mean_layer_sparsity(masks):
    """Return the plain mean, over the layers, of each layer's pruned share. True keeps a weight."""
    ...
''',
    reference=mean_layer_sparsity,
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
        Misconception(
            "divided by 5",
            "This always divides by 5. LeNet-5 has five prunable layers; the function is also given other lists.",
            lambda layers: sum(_each(layers)) / 5,
        ),
        ONE_LAYER,
        _percentage(mean_layer_sparsity),
        rounded(mean_layer_sparsity),
    ),
    hints=(
        "Start with one layer: which share of its mask is False?",
        "The mean of a mask is the share of True. You need one such number for each layer, and then their mean.",
    ),
)

GLOBAL_SPARSITY = Exercise(
    id="cost.global_sparsity",
    title="The sparsity of the whole network",
    minutes=5,
    objective="compute one sparsity for a network in which every weight counts the same",
    why="It says how much smaller the network gets; the mean of the layers does not.",
    stub='''def global_sparsity(masks):
    """Return the pruned weights of all layers over all weights of all layers. True keeps a weight."""
    ...
''',
    reference=global_sparsity,
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
            "This is the number of pruned weights. Sparsity is a share: divide by the number of all weights.",
            lambda layers: np.sum(~_all(layers)),
        ),
        Misconception(
            "divided by 61470",
            "This always divides by 61470, the weights of LeNet-5; the function is also given other masks.",
            lambda layers: np.sum(~_all(layers)) / 61470,
        ),
        ONE_LAYER,
        _percentage(global_sparsity),
        rounded(global_sparsity),
    ),
    hints=(
        "You need two totals over all layers: the number of pruned weights, and the number of weights.",
        "Each mask has a `size`, and `np.count_nonzero` counts its True entries.",
    ),
)

# --- the cost -------------------------------------------------------------------------------------------------------


def pruning_cost(
    loss: float,
    baseline_loss: float,
    sparsity: float,
    max_loss: float,
    penalty: float = 1e8,
    epsilon: float = 1e-8,
) -> float:
    """The squared difference, or the penalty from `max_loss` on, and the sparsity's term."""
    difference = (loss - baseline_loss) ** 2 if loss < max_loss else penalty
    return difference + 1 / (sparsity + epsilon)


def _costs(rng: np.random.Generator) -> Iterator[tuple[float, ...]]:
    yield 0.5, 0.0, 0.5, 1.0
    yield 0.5, 0.0, 0.5, 1.0, 10.0, 0.25
    yield 2.0, 0.5, 0.5, 1.0, 10.0, 0.25  # above the threshold
    yield 1.0, 0.5, 0.5, 1.0, 10.0, 0.25  # at the threshold
    yield 0.25, 1.5, 0.5, 2.0, 10.0, 0.25  # better than the baseline
    yield 0.295, 0.3, 0.9, 1.0, 5.0, 90.0  # a little better
    yield 1.5, 0.5, 0.5, 1.0
    yield 0.5, 0.25, 0.0, 1.0  # nothing pruned
    yield 0.5, 0.25, 0.0, 1.0, 10.0, 0.25
    yield 1.75, 0.25, 0.0, 1.25, 10.0, 0.25  # nothing pruned, and above the threshold
    yield 0.31, 0.3, 0.9, 1.0, 5.0, 90.0  # a small cost, in which rounding shows
    for _ in range(20):
        loss, baseline, sparsity, threshold = (float(value) for value in rng.uniform(0.05, 1.0, size=4))
        yield loss, baseline, sparsity, threshold, 7.0, 0.125


def _one_sided_costs(rng: np.random.Generator) -> Iterator[tuple[float, ...]]:
    """The same with thresholds above the baseline's loss, as in every search.

    For a loss below the baseline's and above the threshold, the exercise does not say which of the two counts.
    """
    for loss, baseline, sparsity, threshold, *settings in _costs(rng):
        yield loss, baseline, sparsity, max(threshold, baseline + 0.1), *settings


def _with(first: Callable[..., float], rest: Callable[[float, float], float] | None = None) -> Callable[..., float]:
    """A cost whose terms are computed by these functions: the first, and the sparsity's."""

    def cost(
        loss: float,
        baseline_loss: float,
        sparsity: float,
        max_loss: float,
        penalty: float = 1e8,
        epsilon: float = 1e-8,
    ) -> float:
        second = 1 / (sparsity + epsilon) if rest is None else rest(sparsity, epsilon)
        return first(loss, baseline_loss, max_loss, penalty) + second

    return cost


def _first(loss: float, baseline: float, limit: float, penalty: float) -> float:
    return (loss - baseline) ** 2 if loss < limit else penalty


def _one_sided_first(loss: float, baseline: float, limit: float, penalty: float) -> float:
    return max(loss - baseline, 0) ** 2 if loss < limit else penalty


def _alone(first: Callable[..., float]) -> Callable[..., float]:
    """A cost that is the penalty alone from `max_loss` on."""

    def cost(
        loss: float,
        baseline_loss: float,
        sparsity: float,
        max_loss: float,
        penalty: float = 1e8,
        epsilon: float = 1e-8,
    ) -> float:
        return penalty if loss >= max_loss else _with(first)(loss, baseline_loss, sparsity, max_loss, penalty, epsilon)

    return cost


def _condition_cut(
    loss: float, baseline_loss: float, sparsity: float, max_loss: float, penalty: float = 1e8, epsilon: float = 1e-8
) -> float:
    """`a if b else c + d` is read as `a if b else (c + d)`."""
    return (loss - baseline_loss) ** 2 if loss < max_loss else penalty + 1 / (sparsity + epsilon)


def _all_free(
    loss: float, baseline_loss: float, sparsity: float, max_loss: float, penalty: float = 1e8, epsilon: float = 1e-8
) -> float:
    if loss < baseline_loss:
        return 0.0
    return pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty, epsilon)


def _defaults_only(function: Callable[..., float]) -> Callable[..., float]:
    def cost(
        loss: float, baseline_loss: float, sparsity: float, max_loss: float, penalty: float = 1e8, epsilon: float = 1e-8
    ) -> float:
        return function(loss, baseline_loss, sparsity, max_loss)

    return cost


def _other_defaults(trial: Trial) -> bool:
    """Whether the result is right if both settings are given, but wrong by default."""
    given = [(loss, 0.25, sparsity, 1.0, 10.0, 0.25) for loss in (0.5, 1.5) for sparsity in (0.0, 0.5)]
    defaults = 1.5, 0.5, 0.0, 1.0
    right = [abs(trial.result(*case) - trial.exercise.reference(*case)) < 1e-3 for case in (*given, defaults)]
    return all(right[:-1]) and not right[-1]


LATE = "At loss == max_loss the penalty already applies; yours begins above it."
ALONE = "Where the penalty applies, the sparsity's term is missing: the penalty replaces the first term, not both."
ON_TOP = "The penalty is added to the squared difference; it should take its place."
DEFAULTS = Misconception(
    "wrong defaults",
    "The result is right when `penalty` and `epsilon` are given, and wrong when they are not: their default values "
    "should be 1e8 and 1e-8.",
    lambda loss, baseline_loss, sparsity, max_loss, penalty=1e6, epsilon=1e-6: pruning_cost(
        loss, baseline_loss, sparsity, max_loss, penalty, epsilon
    ),
    sign=_other_defaults,
)


PRUNING_COST = Exercise(
    id="cost.pruning_cost",
    title="The cost of the published experiment",
    minutes=10,
    objective="write the objective of a search, with its penalty, as one function",
    why="A search finds what its cost asks for and nothing else, so each term of the cost is a decision.",
    stub='''def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    """Return the squared difference of the losses, plus 1 / (sparsity + epsilon).

    From `max_loss` on (at it, too) the penalty takes the place of the squared difference.
    """
    ...
''',
    reference=pruning_cost,
    read=number,
    properties=(Examples("Two terms: the squared difference or the penalty, and the sparsity's", _costs),),
    misconceptions=(
        Misconception(
            "not squared",
            "The difference of the losses is taken, but not its square: small differences would weigh too much.",
            _with(lambda loss, baseline, limit, penalty: abs(loss - baseline) if loss < limit else penalty),
            variants=(
                _with(lambda loss, baseline, limit, penalty: loss - baseline if loss < limit else penalty),
                _with(lambda loss, baseline, limit, penalty: baseline - loss if loss < limit else penalty),
            ),
        ),
        Misconception(
            "difference of the squares",
            "This is the difference of the squares, not the square of the difference: check the brackets.",
            _with(lambda loss, baseline, limit, penalty: loss**2 - baseline**2 if loss < limit else penalty),
            variants=(
                _with(lambda loss, baseline, limit, penalty: baseline**2 - loss**2 if loss < limit else penalty),
                _with(lambda loss, baseline, limit, penalty: loss - baseline**2 if loss < limit else penalty),
                _with(lambda loss, baseline, limit, penalty: baseline - loss**2 if loss < limit else penalty),
            ),
        ),
        Misconception(
            "penalty too late",
            LATE,
            _with(lambda loss, baseline, limit, penalty: (loss - baseline) ** 2 if loss <= limit else penalty),
        ),
        Misconception(
            "condition reversed",
            "The condition is the wrong way round: yours takes the penalty where the loss is below `max_loss`.",
            _with(lambda loss, baseline, limit, penalty: (loss - baseline) ** 2 if loss > limit else penalty),
            variants=(
                _with(lambda loss, baseline, limit, penalty: penalty if loss < limit else (loss - baseline) ** 2),
            ),
        ),
        Misconception(
            "condition on the difference",
            "The loss itself is compared with `max_loss`, not its difference from `baseline_loss`.",
            _with(lambda loss, baseline, limit, penalty: _first(loss, baseline, limit + baseline, penalty)),
            variants=(
                _with(
                    lambda loss, baseline, limit, penalty: (
                        (loss - baseline) ** 2 if abs(loss - baseline) < limit else penalty
                    )
                ),
            ),
        ),
        Misconception("penalty alone", ALONE, _alone(_first)),
        Misconception(
            "condition without brackets",
            "Below `max_loss` the sparsity's term is missing. Python reads `a if b else c + d` as "
            "`a if b else (c + d)`: put brackets around the condition with its two values.",
            _condition_cut,
        ),
        Misconception(
            "penalty on top",
            ON_TOP,
            _with(lambda loss, baseline, limit, penalty: (loss - baseline) ** 2 + (0 if loss < limit else penalty)),
        ),
        Misconception(
            "no penalty",
            "There is no penalty: from `max_loss` on it should take the place of the squared difference.",
            _with(lambda loss, baseline, limit, penalty: (loss - baseline) ** 2),
        ),
        Misconception(
            "a fixed penalty",
            "The penalty is always 1e8: use the argument `penalty`.",
            _with(lambda loss, baseline, limit, penalty: _first(loss, baseline, limit, 1e8)),
        ),
        Misconception(
            "no epsilon",
            "The epsilon is missing: for a mask that prunes nothing, this divides by zero.",
            _with(_first, lambda sparsity, epsilon: 1 / sparsity),
            variants=(_with(_first, lambda sparsity, epsilon: np.divide(1, sparsity)),),
        ),
        Misconception(
            "a fixed epsilon",
            "The epsilon is always 1e-8: use the argument `epsilon`.",
            _with(_first, lambda sparsity, epsilon: 1 / (sparsity + 1e-8)),
        ),
        Misconception(
            "epsilon outside",
            "The epsilon is added after the division, not to the sparsity: put brackets around the denominator.",
            _with(_first, lambda sparsity, epsilon: 1 / sparsity + epsilon),
            variants=(
                _with(_first, lambda sparsity, epsilon: np.divide(1, sparsity) + epsilon),
                _with(_first, lambda sparsity, epsilon: 1 / max(sparsity, 1e-300) + epsilon),
            ),
        ),
        Misconception(
            "no division",
            "The sparsity itself is added, so a network that is pruned more would cost more: divide 1 by it.",
            _with(_first, lambda sparsity, epsilon: sparsity + epsilon),
            variants=(_with(_first, lambda sparsity, epsilon: sparsity),),
        ),
        Misconception(
            "subtracted",
            "The sparsity's term is subtracted, so a network that is pruned more would cost more: add it.",
            _with(_first, lambda sparsity, epsilon: -1 / (sparsity + epsilon)),
        ),
        Misconception(
            "one-sided",
            "A loss below the baseline's costs nothing here. That correction comes later; the published cost counts a "
            "difference in this direction too.",
            _with(_one_sided_first),
        ),
        DEFAULTS,
        rounded(pruning_cost),
    ),
    hints=(
        "The cost is a sum of two terms. Only the first one depends on the losses.",
        "First compare `loss` with `max_loss` to decide what the first term is, then add the second. With which "
        "comparison does the penalty apply when the two are equal?",
    ),
)


def one_sided_cost(
    loss: float,
    baseline_loss: float,
    sparsity: float,
    max_loss: float,
    penalty: float = 1e8,
    epsilon: float = 1e-8,
) -> float:
    """As `pruning_cost`, with the difference cut off at 0."""
    difference = max(loss - baseline_loss, 0) ** 2 if loss < max_loss else penalty
    return difference + 1 / (sparsity + epsilon)


ONE_SIDED = Exercise(
    id="cost.one_sided_cost",
    title="A cost that does not punish improvement",
    minutes=8,
    objective="correct an objective in one place without changing it elsewhere",
    why="The published cost calls a mask worse if it makes the loss better; a search would move away from such masks.",
    stub='''def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    """Return `pruning_cost`, but where the loss is below the baseline's, the squared difference counts as 0.

    `max_loss` is above `baseline_loss`.
    """
    ...
''',
    reference=one_sided_cost,
    read=number,
    properties=(Examples("The difference of the losses costs something only above the baseline's", _one_sided_costs),),
    possible=lambda loss, baseline_loss, sparsity, max_loss, *settings: max_loss > baseline_loss,
    misconceptions=(
        Misconception(
            "still two-sided",
            "This is the old cost: a loss below the baseline's is still punished.",
            pruning_cost,
        ),
        Misconception(
            "the wrong side",
            "The sides are swapped: now an improvement costs something, and damage costs nothing.",
            _with(lambda loss, baseline, limit, penalty: max(baseline - loss, 0) ** 2 if loss < limit else penalty),
        ),
        Misconception(
            "not squared",
            "The cost is one-sided now, but the difference is no longer squared.",
            _with(lambda loss, baseline, limit, penalty: max(loss - baseline, 0) if loss < limit else penalty),
        ),
        Misconception(
            "everything free",
            "For a better loss the whole cost is gone. Only the squared difference should vanish; the sparsity's term "
            "stays.",
            _all_free,
        ),
        Misconception(
            "rewarded",
            "A better loss is rewarded here: its squared difference is subtracted. It should only cost nothing.",
            _with(
                lambda loss, baseline, limit, penalty: (
                    (loss - baseline) * abs(loss - baseline) if loss < limit else penalty
                )
            ),
        ),
        Misconception(
            "penalty too late",
            LATE,
            _with(lambda loss, baseline, limit, penalty: max(loss - baseline, 0) ** 2 if loss <= limit else penalty),
        ),
        Misconception("penalty alone", ALONE, _alone(_one_sided_first)),
        Misconception(
            "penalty on top",
            ON_TOP,
            _with(
                lambda loss, baseline, limit, penalty: max(loss - baseline, 0) ** 2 + (0 if loss < limit else penalty)
            ),
        ),
        Misconception(
            "no penalty",
            "There is no penalty any more: from `max_loss` on it should take the place of the squared difference, as "
            "before.",
            _with(lambda loss, baseline, limit, penalty: max(loss - baseline, 0) ** 2),
        ),
        Misconception(
            "settings forgotten",
            "`penalty` and `epsilon` have no effect: if you call `pruning_cost`, pass them on.",
            _defaults_only(one_sided_cost),
        ),
        DEFAULTS,
        rounded(one_sided_cost),
    ),
    hints=(
        "Which sign does loss - baseline_loss have for a mask that improves the network?",
        "Cut that difference off at 0 before anything else happens to it. The penalty's condition stays as it is.",
    ),
)

# --- the threshold --------------------------------------------------------------------------------------------------


def warmup_max_loss(layer_index: int, total_layers: int, loss_to_warmup: float) -> float:
    """Equal steps up to `loss_to_warmup`."""
    return loss_to_warmup * (layer_index + 1) / total_layers


def _thresholds(rng: np.random.Generator) -> Iterator[tuple[int, int, float]]:
    yield 0, 2, 1.0
    yield 1, 2, 1.0
    yield 0, 1, 0.5
    for layer in (0, 2, 5, 6, 7):
        yield layer, 8, 1.0
    yield 3, 5, 2.5
    yield 4, 13, 0.7  # no short decimal


WARMUP = Exercise(
    id="cost.warmup_max_loss",
    title="The warm-up threshold",
    minutes=4,
    objective="turn a formula with an index into code, and check it at both ends",
    why="Without it the first layers could use up all the loss that is allowed, and leave nothing for the last.",
    stub='''def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    """Return the loss from which the penalty applies: equal steps, up to `loss_to_warmup` in the last layer.

    `layer_index` counts from 0.
    """
    ...
''',
    reference=warmup_max_loss,
    read=number,
    properties=(Examples("The threshold rises in equal steps and ends at `loss_to_warmup`", _thresholds),),
    possible=lambda layer_index, total_layers, loss_to_warmup: layer_index < total_layers,
    misconceptions=(
        Misconception(
            "off by one",
            "The first layer gets a threshold of 0, and no loss is below that: `layer_index` counts from 0.",
            lambda layer, total, loss: loss * layer / total,
            variants=(
                lambda layer, total, loss: loss * layer / (total - 1),
                lambda layer, total, loss: loss * layer / (total - 1) if total > 1 else loss,
            ),
        ),
        Misconception(
            "no brackets",
            "Multiplication and division come before addition: put brackets around layer_index + 1.",
            lambda layer, total, loss: loss * layer + 1 / total,
            variants=(lambda layer, total, loss: layer + 1 / total * loss,),
        ),
        Misconception(
            "always the same number of layers",
            "This always divides by the same number: divide by `total_layers`.",
            lambda layer, total, loss: loss * (layer + 1) / 8,
            variants=(lambda layer, total, loss: loss * (layer + 1) / 5,),
        ),
        Misconception(
            "loss_to_warmup forgotten",
            "The last layer's threshold is always 1 here: `loss_to_warmup` is missing.",
            lambda layer, total, loss: (layer + 1) / total,
        ),
        Misconception(
            "integer division",
            "The division drops the digits after the decimal point, so the steps are not equal: use / and not //.",
            lambda layer, total, loss: loss * ((layer + 1) // total),
            variants=(
                lambda layer, total, loss: loss * (layer + 1) // total,
                lambda layer, total, loss: loss // total * (layer + 1),
            ),
        ),
        Misconception(
            "falling",
            "The threshold falls from layer to layer; it should rise.",
            lambda layer, total, loss: loss * (total - layer) / total,
        ),
        rounded(warmup_max_loss),
    ),
    hints=(
        "What should come out for the last layer, whose index is total_layers - 1?",
        "Which number runs from 1 to total_layers while `layer_index` runs from 0? Which share of total_layers is it?",
    ),
)

EXERCISES = (MEAN_SPARSITY, GLOBAL_SPARSITY, PRUNING_COST, WARMUP, ONE_SIDED)
