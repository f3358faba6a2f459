"""The outer loop that all searches share: layer by layer, each with its loss threshold and part of the budget."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments.fingerprint import code_digest, network_digest, values_digest
from lessonkit.experiments.store import Log, Store, logged
from lessonkit.masks import Mask, Masks, mean_layer_sparsity, replace_layer
from lessonkit.objective import pruning_cost, warmup_max_loss
from lessonkit.problem import Callback, Evaluation, Problem, Scored, Search, SearchResult, Step, says_stop

Cost = Callable[[float, float, float, float], float]  # (loss, baseline_loss, sparsity, max_loss) -> cost
Sparsity = Callable[[Sequence[Mask]], float]
ALL_DONE = "all layers done"  # the message of a result that was neither interrupted nor stopped


def layer_problem(
    evaluator: Evaluator,
    index: int,
    masks: Sequence[Mask],
    baseline_loss: float,
    *,
    loss_to_warmup: float = 1.0,
    count_all_layers: bool = True,
    cost: Cost = pruning_cost,
    sparsity: Sparsity = mean_layer_sparsity,
    budget: int | None = None,
) -> Problem[Mask]:
    """The problem of one layer: candidates for its mask, all other layers as in `masks`.

    A candidate's sparsity is that of all layers together, the searched one and those not yet searched included.
    """
    evaluate = logged(evaluator.layer(index, masks).evaluate, index, *masks[:index], *masks[index + 1 :])
    limit = max_loss(evaluator, index, loss_to_warmup, count_all_layers)

    def score(candidates: Sequence[Mask]) -> list[Scored[Mask]]:
        scored: list[Scored[Mask]] = []
        for candidate, evaluation in zip(candidates, evaluate(candidates), strict=True):
            pruned = sparsity(replace_layer(masks, index, candidate))
            scored.append(Scored(cost(evaluation.loss, baseline_loss, pruned, limit), evaluation, pruned))
        return scored

    return Problem(score, budget)


def max_loss(evaluator: Evaluator, index: int, loss_to_warmup: float, count_all_layers: bool = True) -> float:
    """The loss from which a candidate of layer `index` gets the penalty.

    The experiment counts pooling and flattening as layers, so its thresholds rise in uneven steps; without them they
    are 1/5, 2/5, ... of `loss_to_warmup`.
    """
    return warmup_max_loss(*_place(evaluator, index, count_all_layers), loss_to_warmup)


def _place(evaluator: Evaluator, index: int, count_all_layers: bool) -> tuple[int, int]:
    network = evaluator.network
    return (network.layers[index].position, network.total_layers) if count_all_layers else (index, len(network.layers))


def prune_layerwise(
    search: Search,
    evaluator: Evaluator,
    *,
    evaluations: int | None = None,
    loss_to_warmup: float = 1.0,
    count_all_layers: bool = True,
    cost: Cost = pruning_cost,
    sparsity: Sparsity = mean_layer_sparsity,
    rng: np.random.Generator,
    callback: Callback | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
) -> SearchResult[Masks]:
    """Search the mask of the first layer, keep the best, continue with the next layer.

    Parameters
    ----------
    search : `anneal`, `evolve`, or any function called as ``search(problem, start, rng=, callback=)`` that returns a
        `SearchResult` or a pair (best mask, its cost).
    evaluator : of the unpruned network on the search images.
    evaluations : the budget over all layers, in equal parts; None leaves it to the search's own settings. The one
        evaluation of the unpruned network, the same for every search, is not counted.
    loss_to_warmup : the last layer's threshold; the earlier ones' are smaller, see `max_loss`.
    count_all_layers : whether the thresholds count layers without weights, as the experiment does.
    checkpoint : an SQLite file in which evaluations are noted every two seconds. After Ctrl-C, a kill or a power
        cut the same call finds them there and continues where it stopped; the result is the same, bit for bit, and
        `callback` is called with the steps so far again. Any number of searches can share the file, see
        `lessonkit.experiments.store`.

    Returns
    -------
    SearchResult
        With the masks of all layers; on Ctrl-C or a callback that returns True, the best so far.

    Raises
    ------
    LessonkitError
        When the first threshold lies below the unpruned network's own loss. Every candidate would bear the penalty
        then, the sparsity alone would decide, and the search would destroy the network. When `checkpoint` is damaged or
        something else.
    """
    began = time.perf_counter()
    network = evaluator.network
    masks = network.keep_all()
    unpruned = evaluation = evaluator.evaluate(masks)
    _refuse_threshold_below_loss(evaluator, unpruned, loss_to_warmup, count_all_layers)
    layers = len(masks)
    budgets = [None] * layers if evaluations is None else _equal_parts(evaluations, layers)
    log = None
    if checkpoint is not None:
        inputs = (code_digest(__name__), network_digest(network), evaluator.images_digest)
        settings = (evaluations, loss_to_warmup, count_all_layers, rng.bit_generator.state)
        log = Log(Store(checkpoint), values_digest(*inputs, *settings))
    history: list[Step] = []
    spent, best_cost, message = 0, math.inf, ALL_DONE
    with log if log is not None else contextlib.nullcontext():
        for index, name in enumerate(network.names):
            told = _Telling(callback, name, spent, history)
            problem = None
            try:
                problem = layer_problem(
                    evaluator,
                    index,
                    masks,
                    unpruned.loss,
                    loss_to_warmup=loss_to_warmup,
                    count_all_layers=count_all_layers,
                    cost=cost,
                    sparsity=sparsity,
                    budget=budgets[index],
                )
                result = _as_result(search(problem, masks[index], rng=rng, callback=told), masks[index])
            except KeyboardInterrupt:  # outside the search's own loop, which keeps its best by itself
                spent += problem.evaluations if problem is not None else 0
                message = "interrupted"
                break
            if len(history) == told.before:  # a search that does not use its callback has its own history, or none
                for step in result.history:
                    history.append(dataclasses.replace(step, layer=name, evaluations=spent + step.evaluations))
            masks, best_cost = replace_layer(masks, index, result.best), result.cost
            evaluation = result.evaluation or evaluator.evaluate(masks)
            spent += problem.evaluations
            if result.message in ("interrupted", "stopped by the callback"):
                message = result.message
                break
    seconds = time.perf_counter() - began + (log.credit if log is not None else 0.0)
    return SearchResult(masks, best_cost, evaluation, spent, seconds, history, message)


class _Telling:
    """A callback that adds the layer's name and the evaluations of earlier layers to a step before it passes it on."""

    def __init__(self, callback: Callback | None, layer: str, spent: int, history: list[Step]) -> None:
        self.callback, self.layer, self.spent, self.history = callback, layer, spent, history
        self.before = len(history)

    def __call__(self, step: Step) -> bool:
        step = dataclasses.replace(step, layer=self.layer, evaluations=self.spent + step.evaluations)
        self.history.append(step)
        return says_stop(self.callback, step)


def _as_result(found: Any, start: Mask) -> SearchResult[Mask]:
    if not isinstance(found, SearchResult):
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise LessonkitError(
                f"a search must return a SearchResult or a pair (best mask, best cost), not {type(found).__name__}"
            )
        mask, cost = found
        try:
            found = SearchResult(mask, float(cost), None, 0, 0.0, [], "done")
        except (TypeError, ValueError):
            raise LessonkitError(
                "a search must return a pair (best mask, best cost): its second part is of type "
                f"{type(cost).__name__}, not a number"
            ) from None
    best = np.asarray(found.best)
    if best.shape != start.shape or best.dtype != bool:
        raise LessonkitError(
            f"the search's best mask has shape {best.shape} and type {best.dtype}: it should be {start.shape}, bool"
        )
    return dataclasses.replace(found, best=best)


def _equal_parts(evaluations: int, layers: int) -> list[int | None]:
    if evaluations < layers:
        raise LessonkitError(f"{evaluations} evaluations are too few for {layers} layers: give at least {layers}")
    share, over = divmod(evaluations, layers)
    return [share + (index < over) for index in range(layers)]


def _refuse_threshold_below_loss(
    evaluator: Evaluator, unpruned: Evaluation, loss_to_warmup: float, count_all_layers: bool
) -> None:
    limit = max_loss(evaluator, 0, loss_to_warmup, count_all_layers)
    if unpruned.loss < limit:
        return
    position, total = _place(evaluator, 0, count_all_layers)
    smallest = math.floor(unpruned.loss * total / (position + 1) * 1e4 + 1) / 1e4  # rounded up, above the loss itself
    raise LessonkitError(
        f"the loss threshold of {evaluator.network.names[0]}, {limit:.4f}, is not above the unpruned network's "
        f"own loss, {unpruned.loss:.4f}: every candidate would get the penalty. "
        f"Set loss_to_warmup to {smallest:.4f} or more."
    )
