"""The methods of the frontier by name: each gives masks at exactly one sparsity, for a counted budget."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from lessonkit.annealing import anneal, geometric_cooling, linear_cooling
from lessonkit.controls import magnitude_global, magnitude_per_layer, masks_by_scores, random_masks
from lessonkit.engine.evaluator import metered
from lessonkit.engine.gradient import COST
from lessonkit.errors import LessonkitError
from lessonkit.frontier.densities import Densities, densities_of, density_masks, density_move
from lessonkit.frontier.mask_problem import MaskProblem, join, kept_at, split
from lessonkit.frontier.rules import damage_scores, lamp_scores, learned_masks, magnitude_scores, taylor_scores
from lessonkit.frontier.score_walk import ScoreWalk
from lessonkit.frontier.spins import spin_masks
from lessonkit.genetic import evolve
from lessonkit.masks import Mask, Masks
from lessonkit.networks.mnist import Split
from lessonkit.networks.network import Network
from lessonkit.problem import Problem, SearchResult

EVALUATIONS = 1000
SEARCH_IMAGES = 24_000
EARLY_IMAGES = 4000  # that an evaluation looks at while convolutions change
EARLY_SHARE = 0.25  # of the budget, for the search of all layers
POPULATION, ELITE = 4, 1  # few: a mask must walk far, and each walks on its own
DENSITY_IMAGES = 1000
SCORE_IMAGES = 1000  # on which curvatures and slopes of the controls are taken


@dataclass(frozen=True)
class Task:
    """What a method is asked: prune `network` to `sparsity`, looking at `images` alone."""

    network: Network
    images: Split
    sparsity: float
    evaluations: int
    rng: np.random.Generator

    def some(self, count: int) -> Split:
        """`count` of the images, drawn at random."""
        chosen = self.rng.choice(len(self.images), min(count, len(self.images)), replace=False)
        return Split(self.images.images[chosen], self.images.labels[chosen])


@dataclass(frozen=True)
class Found:
    """Masks, what they cost in counted evaluations, and a remark."""

    masks: Masks
    evaluations: int = 0
    message: str = ""


Method = Callable[[Task], Any]  # gives a Found, a SearchResult, or masks


# --- the searches ---------------------------------------------------------------------------------------------------


def density_problem(task: Task, evaluations: int) -> tuple[Problem[Densities], Callable[[Densities], Mask]]:
    """Loss as a function of layer densities alone, magnitude deciding inside each layer."""
    mask = density_masks(magnitude_scores(task.network.kernels), kept_at(task.network, task.sparsity))
    masked = MaskProblem(task.network, task.some(DENSITY_IMAGES), None)
    return Problem(lambda candidates: masked.score([mask(each) for each in candidates]), evaluations), mask


def start_densities(task: Task) -> Densities:
    """Those of global magnitude: where every search of densities begins."""
    return densities_of(magnitude_global(task.network.kernels, task.sparsity))


def annealed_densities(task: Task, evaluations: int | None = None) -> Found:
    """Simulated annealing over one number per layer; `evaluations` are the task's if none are given."""
    evaluations = evaluations or task.evaluations
    problem, mask = density_problem(task, evaluations)
    result = anneal(
        problem,
        start_densities(task),
        iterations=evaluations - 1,
        temperature=0.05,
        schedule=geometric_cooling,
        mutation_rate=1.5,
        move=density_move,
        rng=task.rng,
    )
    return Found(split(mask(result.best), task.network), result.evaluations, result.message)


@dataclass(frozen=True)
class Stage:
    """A search over masks by a walk of scores: of all layers at first, then of the dense ones alone."""

    problem: MaskProblem
    walk: ScoreWalk
    start: Mask


def _first_stage(task: Task, start: Mask, budget: int) -> Stage:
    """All layers. Convolutions make an evaluation expensive, so it looks at fewer images."""
    few = task.images.head(min(EARLY_IMAGES, len(task.images))) if _convolutions(task) else task.images
    problem = MaskProblem(task.network, few, kept_at(task.network, task.sparsity), budget)
    return Stage(problem, ScoreWalk(problem, task.images, steps=12, reserve=POPULATION), start)


def _second_stage(task: Task, before: Stage, best: Mask, budget: int) -> Stage:
    """The dense layers, on all the search images: what the convolutions make of them is computed once."""
    problem = MaskProblem(task.network, task.images, before.problem.kept, budget)
    walk = ScoreWalk(problem, steps=16, batch=500, pace=0.1, tail=True, reserve=POPULATION)
    walk.goes_on(before.walk, best)
    problem.tail(best)
    return Stage(problem, walk, best)


def annealing(task: Task) -> Found:
    """Simulated annealing whose proposals follow the scores of a walk (see `score_walk`), in two stages.

    Both are warm at first and accept nearly every proposal, since the noise of mini-batches must not end the walk; as
    it cools, the steps shorten too.
    """
    convolutions = _convolutions(task)
    start = join(magnitude_global(task.network.kernels, task.sparsity))
    first = _first_stage(task, start, round(EARLY_SHARE * task.evaluations) if convolutions else task.evaluations)
    found = _annealed(task, first, 40 if convolutions else 300, 0.5)
    spent = first.problem.evaluations
    if convolutions and task.evaluations > spent:
        second = _second_stage(task, first, found.best, task.evaluations - spent)
        found = _annealed(task, second, 200, 0.1 * found.cost)
        spent += second.problem.evaluations
    return Found(split(found.best, task.network), spent, found.message)


def _convolutions(task: Task) -> bool:
    return any(layer.is_convolution for layer in task.network.layers)


def _annealed(task: Task, stage: Stage, proposals: int, temperature: float) -> SearchResult[Mask]:
    price = 1 + stage.walk.price
    return anneal(
        stage.problem,
        stage.start,
        iterations=max(1, min(proposals, int((stage.problem.remaining - 1) / price))),
        temperature=temperature,
        schedule=linear_cooling,
        mutation_rate=1.0,
        move=stage.walk,
        rng=task.rng,
    )


def genetic(task: Task) -> Found:
    """The genetic algorithm with the same two stages: mutation is a walk, crossover mixes the scores of the parents."""
    convolutions = _convolutions(task)
    start = join(magnitude_global(task.network.kernels, task.sparsity))
    first = _first_stage(task, start, round(EARLY_SHARE * task.evaluations) if convolutions else task.evaluations)
    found = _evolved(task, first, 20 if convolutions else 100)
    spent = first.problem.evaluations
    if convolutions and task.evaluations > spent:
        second = _second_stage(task, first, found.best, task.evaluations - spent)
        found = _evolved(task, second, 70)
        spent += second.problem.evaluations
    return Found(split(found.best, task.network), spent, found.message)


def _evolved(task: Task, stage: Stage, generations: int) -> SearchResult[Mask]:
    price = (POPULATION - ELITE) * (1 + stage.walk.price)
    return evolve(
        stage.problem,
        stage.start,
        generations=max(1, min(generations, int(stage.problem.remaining / price) - 2)),
        population=POPULATION,
        elite=ELITE,
        tournament=2,
        crossover=stage.walk.crossover,
        crossover_probability=0.5,
        mutation_rate=1.0,
        initial_rate=1.0,
        move=stage.walk,
        rng=task.rng,
    )


# --- the controls ---------------------------------------------------------------------------------------------------


def random_pruning(task: Task) -> Found:
    """Random masks, the same share of each layer."""
    shapes = [kernel.shape for kernel in task.network.kernels]
    return Found(_exact(task, random_masks(shapes, task.sparsity, task.rng)))


def per_layer(task: Task) -> Found:
    """Magnitude inside each layer (Han et al. 2015), the same share of each."""
    return Found(_exact(task, magnitude_per_layer(task.network.kernels, task.sparsity)))


def _exact(task: Task, masks: Masks) -> Masks:
    """Rounding layer by layer may miss the count by a few: the largest layer makes up for it."""
    wanted = kept_at(task.network, task.sparsity)
    largest = int(np.argmax([mask.size for mask in masks]))
    over = sum(int(mask.sum()) for mask in masks) - wanted
    flat, size = masks[largest].ravel().copy(), np.abs(task.network.kernels[largest]).ravel()
    members = np.flatnonzero(flat if over > 0 else ~flat)
    flat[members[np.argsort(size[members] * np.sign(over), kind="stable")[: abs(over)]]] = over < 0
    return (*masks[:largest], flat.reshape(masks[largest].shape), *masks[largest + 1 :])


def magnitude(task: Task) -> Found:
    """The smallest magnitudes of the whole network."""
    return Found(magnitude_global(task.network.kernels, task.sparsity))


def lamp(task: Task) -> Found:
    """Layer-adaptive magnitude (Lee et al. 2021)."""
    return Found(masks_by_scores(lamp_scores(task.network.kernels), task.sparsity))


def damage(task: Task) -> Found:
    """Optimal Brain Damage (LeCun et al. 1990), its diagonal from the Fisher information: two gradients."""
    scores = damage_scores(task.network, task.some(SCORE_IMAGES), task.rng)
    return Found(masks_by_scores(scores, task.sparsity), 5)


def taylor(task: Task) -> Found:
    """First-order Taylor (Molchanov et al. 2017), SNIP's score (Lee et al. 2019): one gradient."""
    return Found(masks_by_scores(taylor_scores(task.network, task.some(SCORE_IMAGES)), task.sparsity), 3)


def learned(task: Task) -> Found:
    """A mask learned by gradient descent (Ramanujan et al. 2020); counted in evaluations of the search images."""
    masks, seen = learned_masks(task.network, task.images, task.sparsity, task.rng, epochs=96_000 / len(task.images))
    return Found(masks, 3 * -(-seen // len(task.images)))


def spins(task: Task) -> Found:
    """The annealed quadratic model (see `lessonkit.frontier.spins`): two gradients, millions of flips."""
    masks, tried = spin_masks(task.network, task.some(SCORE_IMAGES), task.sparsity, task.rng)
    return Found(masks, 5, f"{tried:,} flips")


METHODS: dict[str, Method] = {
    "annealing": annealing,
    "genetic": genetic,
    "densities": annealed_densities,
    "random": random_pruning,
    "magnitude-layer": per_layer,
    "magnitude": magnitude,
    "lamp": lamp,
    "obd": damage,
    "taylor": taylor,
    "learned": learned,
    "spins": spins,
}
SEARCHES = ("annealing", "genetic", "densities")  # the rest are controls
STOCHASTIC = (*SEARCHES, "random", "learned")  # the rest runs with one seed alone


def found_by(method: Method, task: Task) -> Found:
    """Run a method, and check its masks and its evaluations against the task.

    A method that is not the course's own is charged what it really evaluated, if it reports less: one for each mask,
    and for gradients `COST` times the share of the search images that they looked at.

    Raises
    ------
    LessonkitError
        When it gives no masks, or masks of another shape or sparsity, or spent more than there was.
    """
    name = getattr(method, "__name__", type(method).__name__)
    with metered() as meter:
        given = method(task)
    if given is None:
        raise LessonkitError(f"{name} returned nothing: end it with `return Found(masks, evaluations)`")
    if isinstance(given, SearchResult):
        given = Found(given.best, given.evaluations, given.message)
    if not isinstance(given, Found):
        given = Found(given)
    masks = split(given.masks, task.network) if isinstance(given.masks, np.ndarray) else tuple(given.masks)
    task.network.masked(masks)  # refuses other shapes
    kept, wanted = sum(int(np.count_nonzero(mask)) for mask in masks), kept_at(task.network, task.sparsity)
    if kept != wanted or any(np.asarray(mask).dtype != bool for mask in masks):
        raise LessonkitError(f"the method's masks must be boolean and keep {wanted} weights; they keep {kept}")
    evaluations = given.evaluations
    if method not in METHODS.values():
        evaluations = max(evaluations, meter.masks + math.ceil(COST * meter.gradient_images / len(task.images)))
        if evaluations > task.evaluations:
            raise LessonkitError(f"{name} spent {evaluations} evaluations, and had {task.evaluations}")
    return Found(masks, evaluations, given.message)
