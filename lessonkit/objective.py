"""The formulas of the published experiment: the cost with its warm-up threshold, the adaptive rate, the score.

`one_sided_cost` is not among them; it is the course's correction of `pruning_cost`.
"""

from __future__ import annotations

PENALTY = 1e8
EPSILON = 1e-8


def pruning_cost(
    loss: float,
    baseline_loss: float,
    sparsity: float,
    max_loss: float,
    penalty: float = PENALTY,
    epsilon: float = EPSILON,
) -> float:
    """(baseline_loss - loss)^2 + 1 / (sparsity + epsilon); from `max_loss` on, `penalty` replaces the first term.

    The square also punishes a mask whose loss is lower than the baseline's; see `one_sided_cost`. Losses are in nats.
    """
    difference = (baseline_loss - loss) ** 2 if loss < max_loss else penalty
    return difference + 1.0 / (sparsity + epsilon)


def one_sided_cost(
    loss: float,
    baseline_loss: float,
    sparsity: float,
    max_loss: float,
    penalty: float = PENALTY,
    epsilon: float = EPSILON,
) -> float:
    """As `pruning_cost`, but a loss below the baseline's adds nothing to the cost."""
    difference = max(loss - baseline_loss, 0.0) ** 2 if loss < max_loss else penalty
    return difference + 1.0 / (sparsity + epsilon)


def warmup_max_loss(layer_index: int, total_layers: int, loss_to_warmup: float) -> float:
    """The loss from which the penalty applies: it rises from layer to layer, up to `loss_to_warmup`.

    `layer_index` counts from 0. The experiment counts all 8 Keras layers, pooling and flattening included, so the
    thresholds of LeNet-5's five prunable layers are 1/8, 3/8, 6/8, 7/8 and 8/8 of `loss_to_warmup`.
    """
    return loss_to_warmup * (layer_index + 1) / total_layers


def adaptive_mutation_rate(rate: float, step: int, total: int) -> float:
    """rate * (1 - step / total), which falls from `rate` at step 0 to 0 at step `total`."""
    return rate * (1.0 - step / total)


def trade_off_score(sparsity: float, accuracy: float, baseline_accuracy: float) -> float:
    """sparsity * accuracy / baseline_accuracy: the share of weights saved, times the share of accuracy kept."""
    return sparsity * accuracy / baseline_accuracy
