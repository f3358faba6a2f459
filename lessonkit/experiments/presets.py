"""The two ways the course runs its searches: as published, and as it should be done."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from lessonkit.annealing import SCHEDULES, anneal
from lessonkit.errors import LessonkitError
from lessonkit.genetic import evolve, single_point, uniform_crossover
from lessonkit.masks import Mask, flip, prune_only
from lessonkit.problem import Problem, Run, Search, SearchResult


def anneal_near(
    problem: Problem[Mask], start: Mask, *, initial_rate: float, redraw_factor: float, iterations: int, **settings: Any
) -> SearchResult[Mask]:
    """`anneal` from a mask drawn near `start` (see `Run.draw`); each draw counts, and leaves one iteration less."""
    spent = problem.evaluations
    drawing = Run(problem)
    (drawn,) = drawing.draw(
        start, 1, initial_rate, redraw_factor, settings["move"], settings["rng"], limit=iterations + 1
    )
    return anneal(problem, drawn, iterations=iterations + 1 - (problem.evaluations - spent), **settings)


SEARCHES: Mapping[str, Callable[..., Any]] = MappingProxyType({"annealing": anneal, "genetic": evolve})
NAMED: Mapping[str, Mapping[str, Any]] = MappingProxyType(  # functions by their names in the settings
    {
        "move": {"flip": flip, "prune_only": prune_only},
        "schedule": SCHEDULES,
        "crossover": {"single-point": single_point, "uniform": uniform_crossover},
    }
)


@dataclass(frozen=True)
class Preset:
    """Settings of both searches and of what they are scored on; plain values, so that they can be written to a file.

    Attributes
    ----------
    search_split : the images that candidates are scored on, "validation" or "test".
    search_images : how many of them; None for all.
    evaluations : the budget of a search over all layers; None leaves it to the searches' own settings.
    count_all_layers : whether the loss thresholds count layers without weights, as the experiment does.
    """

    name: str
    label: str
    search_split: str
    search_images: int | None
    evaluations: int | None
    loss_to_warmup: float
    standin_loss_to_warmup: float
    count_all_layers: bool
    annealing: Mapping[str, Any] = field(default_factory=dict)
    genetic: Mapping[str, Any] = field(default_factory=dict)

    def for_data(self, name: str) -> Preset:
        """Return the preset for the data called `name`: the stand-in's unpruned network has a higher loss."""
        limit = self.standin_loss_to_warmup if name == "standin" else self.loss_to_warmup
        return dataclasses.replace(self, loss_to_warmup=limit)

    def search(self, method: str, evaluations_a_layer: int | None = None) -> Search:
        """The search called `method` with this preset's settings, its schedules stretched over the budget."""
        if method not in SEARCHES:
            raise LessonkitError(f"no search is called {method!r}: choose {', '.join(SEARCHES)}")
        settings = {
            name: NAMED[name][value] if name in NAMED else value for name, value in getattr(self, method).items()
        }
        if evaluations_a_layer is not None:
            if method == "annealing":
                settings["iterations"] = max(1, evaluations_a_layer - 1)
            else:
                children = settings["population"] - settings["elite"]
                settings["generations"] = max(1, -(-(evaluations_a_layer - settings["population"]) // children))
        search = anneal_near if method == "annealing" and "initial_rate" in settings else SEARCHES[method]
        return functools.partial(search, **settings)


REFERENCE = Preset(
    name="reference",
    label="REFERENCE: the published experiment, its flaws included; candidates are scored on the TEST images",
    search_split="test",
    search_images=None,
    evaluations=None,
    loss_to_warmup=1.0,
    standin_loss_to_warmup=1.0,
    count_all_layers=True,
    annealing=MappingProxyType(
        {
            "iterations": 200,
            "temperature": 1.0,
            "schedule": "logarithmic",
            "mutation_rate": 0.15,
            "move": "prune_only",
        }
    ),
    genetic=MappingProxyType(
        {
            "generations": 20,
            "population": 12,
            "elite": 2,
            "tournament": 5,
            "crossover": "single-point",
            "crossover_probability": 0.9,
            "mutation_rate": 0.15,
            "initial_rate": 0.15,
            "redraw_factor": 0.15,
            "move": "prune_only",
        }
    ),
)

# Chosen on validation images that the searches do not see; what each choice does is the subject of lessons 3 and 4.
COURSE = Preset(
    name="course",
    label="COURSE: real flips, candidates scored on validation images, the test images touched once at the end",
    search_split="validation",
    search_images=2000,
    evaluations=1000,
    loss_to_warmup=1.05,
    standin_loss_to_warmup=1.5,
    count_all_layers=True,
    annealing=MappingProxyType(
        {
            "iterations": 199,
            "temperature": 0.02,
            "schedule": "logarithmic",
            "mutation_rate": 0.03,
            "initial_rate": 0.6,
            "redraw_factor": 0.85,
            "move": "flip",
        }
    ),
    genetic=MappingProxyType(
        {
            "generations": 39,
            "population": 6,
            "elite": 1,
            "tournament": 5,
            "crossover": "single-point",
            "crossover_probability": 0.9,
            "mutation_rate": 0.035,
            "initial_rate": (0.3, 0.6),
            "redraw_factor": 0.7,
            "move": "flip",
        }
    ),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in (REFERENCE, COURSE)})
