"""Loss and sparsity at once: NSGA-II (Deb et al. 2002) over layer densities, by pymoo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lessonkit.errors import LessonkitError
from lessonkit.frontier.mask_problem import MaskProblem, join, ranks
from lessonkit.frontier.rules import magnitude_scores
from lessonkit.masks import Masks, global_sparsity
from lessonkit.networks.mnist import Split
from lessonkit.networks.network import Network


@dataclass(frozen=True)
class Point:
    """A mask on the front: none that was found is better in loss and sparsity at once."""

    loss: float  # on the search images
    sparsity: float  # global
    masks: Masks


def nsga2_front(
    network: Network, images: Split, *, evaluations: int = 1000, population: int = 40, seed: int = 0
) -> tuple[list[Point], int]:
    """The non-dominated masks, the least sparse first, and the evaluations spent.

    A candidate is one number per layer: its kept share, between 1 % and all on a logarithmic scale; magnitude decides
    inside the layer.

    Raises
    ------
    LessonkitError
        Without pymoo; the message names the extra that installs it.
    """
    try:
        from pymoo.algorithms.moo.nsga2 import NSGA2
        from pymoo.core.problem import Problem as Engine
        from pymoo.optimize import minimize
    except ImportError as error:
        raise LessonkitError("NSGA-II needs pymoo: pip install 'lessonkit[pareto]'") from error
    problem, places = MaskProblem(network, images, None, evaluations), ranks(magnitude_scores(network.kernels))

    def masks_of(x: np.ndarray) -> Masks:
        shares = 10.0 ** (2 * x - 2)
        return tuple(place < max(1, round(share * place.size)) for place, share in zip(places, shares, strict=True))

    class Pruning(Engine):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(n_var=len(places), n_obj=2, xl=0.0, xu=1.0)

        def _evaluate(self, x: np.ndarray, out: dict[str, np.ndarray], *_: object, **__: object) -> None:
            found = problem.score([join(masks_of(each)) for each in x])
            out["F"] = np.array([[scored.cost, -scored.sparsity] for scored in found])

    size = max(2, min(population, evaluations))
    result = minimize(Pruning(), NSGA2(pop_size=size), ("n_eval", evaluations // size * size), seed=seed, verbose=False)
    points = [
        Point(float(f[0]), global_sparsity(masks_of(x)), masks_of(x)) for x, f in zip(result.X, result.F, strict=True)
    ]
    return sorted(points, key=lambda point: point.sparsity), problem.evaluations
