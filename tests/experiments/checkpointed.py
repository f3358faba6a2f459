"""Run as a program of its own, which a test kills: one search with a checkpoint, its result written when it ends.

``python checkpointed.py SEARCH RUN.npz RESULT.npz [KILL_AT]``: before its evaluation KILL_AT it kills itself, as a
power cut would.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys

import numpy as np

from lessonkit.engine.evaluator import Evaluator, LayerEvaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments import checkpoint
from lessonkit.experiments.layerwise import prune_layerwise
from lessonkit.experiments.presets import anneal_near
from lessonkit.files import write_arrays
from lessonkit.genetic import evolve
from lessonkit.masks import flip
from lessonkit.networks.network import Network, PrunableLayer
from lessonkit.problem import SearchResult

SHAPES = [(6, 5), (5, 4), (4, 3)]


def hill_climb(problem, start, *, rng, callback=None):
    """A student's own search, which knows nothing of checkpoints."""
    best, best_cost = start, problem.cost([start])[0]
    while problem.remaining >= 2:
        pair = [flip(best, 0.2, rng) for _ in range(2)]
        costs = problem.cost(pair)
        if costs.min() < best_cost:
            best, best_cost = pair[int(costs.argmin())], costs.min()
    return best, best_cost


SEARCHES = {
    "annealing": functools.partial(anneal_near, iterations=29, initial_rate=0.3, redraw_factor=0.85, move=flip),
    "genetic": functools.partial(evolve, generations=6, population=6),
    "own": hill_climb,
}


def tiny(seed: int = 0) -> Evaluator:
    """Three dense layers on 40 random points."""
    rng = np.random.default_rng(seed)
    layers = tuple(
        PrunableLayer(
            f"D{index}",
            rng.normal(size=shape).astype(np.float32),
            rng.normal(size=shape[1]).astype(np.float32),
            "softmax" if index == 2 else "sigmoid",
            position=index,
        )
        for index, shape in enumerate(SHAPES)
    )
    points = rng.normal(size=(40, 6)).astype(np.float32)
    return Evaluator(Network((6,), layers, total_layers=3), points, rng.integers(0, 3, 40))


def run(search, path=None, *, seed: int = 4, evaluator: Evaluator | None = None, **settings):
    """The result, and the random generator as the search left it."""
    rng = np.random.default_rng(seed)
    given = {"evaluations": 90, "loss_to_warmup": 50.0, **settings}
    search = SEARCHES[search] if isinstance(search, str) else search
    return prune_layerwise(search, evaluator or tiny(), rng=rng, checkpoint=path, **given), rng


def everything(result: SearchResult, rng: np.random.Generator) -> str:
    """All that must be the same bit for bit, as one text."""
    evaluation = result.evaluation
    found = [result.cost.hex(), evaluation.loss.hex(), evaluation.accuracy.hex(), result.evaluations, result.message]
    return json.dumps([*found, [mask.tolist() for mask in result.masks], str(result.history), checkpoint.state_of(rng)])


def kill_at(number: int) -> None:
    """Kill this process before its evaluation `number`, also in the middle of writing a file (negative)."""
    seen = [0]
    evaluate, write = LayerEvaluator.evaluate, checkpoint.write_archive

    def counted(self, candidates):
        seen[0] += len(candidates)
        if 0 <= number < seen[0]:
            os.kill(os.getpid(), signal.SIGKILL)
        return evaluate(self, candidates)

    def half(path, about, arrays):
        if number < 0 and about["evaluations"] >= -number:
            scratch = path.with_name(f".{path.name}.killed.part")
            write_arrays(scratch, {"half": np.zeros(3)})
            os.kill(os.getpid(), signal.SIGKILL)
        write(path, about, arrays)

    LayerEvaluator.evaluate, checkpoint.write_archive = counted, half


if __name__ == "__main__":
    checkpoint.SECONDS, checkpoint.SHARE = 0.0, float("inf")  # write after every evaluation
    name, path, target, *rest = sys.argv[1:]
    if rest:
        kill_at(int(rest[0]))
    try:
        text = everything(*run(name, path))
    except LessonkitError as error:
        sys.exit(str(error))
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)
