"""DensityLab: the student shares out the weights that are left among five layers, and plays against the annealer."""

from __future__ import annotations

import functools
import html
import json
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import ArrayLike, NDArray

from lessonkit.annealing import anneal, linear_cooling
from lessonkit.controls import magnitude_global
from lessonkit.display.plot import look
from lessonkit.display.widget import (
    Lab,
    Picture,
    accuracy_words,
    button,
    checkbox,
    choice,
    engine,
    float_slider,
    lab_figure,
    percent,
    small,
)
from lessonkit.engine.bias_correction import correct_biases, mean_inputs
from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.masks import Masks, global_sparsity
from lessonkit.networks.mnist import Dataset
from lessonkit.networks.network import Network
from lessonkit.networks.weights import ASSETS
from lessonkit.problem import Evaluation, Problem, Scored, SearchResult

Densities = NDArray[np.float64]  # the share of weights kept, one per layer

RECORDED = ASSETS / "densities.json"
TOTALS = (0.80, 0.85, 0.90, 0.95)  # global sparsities to play at
MEAN_IMAGES = 300  # training images from which the bias correction takes the mean inputs
LIVE = 60  # evaluations of the annealer's run from the student's densities
WHO = ("you", "magnitude", "annealer")
HATCHES = ("", "//", "..")


# --- densities ---


def spread(densities: ArrayLike, weights: ArrayLike, kept: float, fixed: int | None = None) -> Densities:
    """Scale densities so that all layers together keep `kept` weights: none above 1, layer `fixed` kept if possible.

    `densities` and `weights` (the size of each layer) have shape (layers,); `kept` is a number of weights.
    """
    wanted, sizes = np.clip(np.asarray(densities, float), 0.0, 1.0), np.asarray(weights, float)
    free = np.ones(len(sizes), bool)
    if fixed is not None:
        free[fixed] = False
        low, high = kept - sizes[free].sum(), kept  # what the other layers can leave to it
        wanted[fixed] = np.clip(wanted[fixed] * sizes[fixed], max(low, 0.0), max(min(high, sizes[fixed]), 0.0))
        wanted[fixed] /= sizes[fixed]
        kept = kept - wanted[fixed] * sizes[fixed]
    if not np.any(wanted[free] > 0):
        wanted[free] = 1.0
    while free.any():  # scale, fix the layers that are full, scale the rest again
        factor = kept / max(float((wanted * sizes)[free].sum()), 1e-12)
        full = free & (wanted * factor >= 1.0)
        if not full.any() or factor <= 1.0:
            wanted[free] *= factor
            break
        wanted[full], free = 1.0, free & ~full
        kept -= sizes[full].sum()
        if free.any() and not np.any(wanted[free] > 0):
            wanted[free] = 1e-9  # a layer that was empty fills up once all others are full
    clipped: Densities = np.clip(wanted, 0.0, 1.0)
    return clipped


class Densest:
    """Masks and evaluations for densities: each layer keeps its largest magnitudes; biases can be corrected."""

    def __init__(self, evaluator: Evaluator, means: tuple[NDArray[np.float32], ...]) -> None:
        self.evaluator, self.means = evaluator, means
        self.network = evaluator.network
        self.sizes = np.array([kernel.size for kernel in self.network.kernels])
        self._ranks = [_ranks(np.abs(kernel)) for kernel in self.network.kernels]

    def masks(self, densities: ArrayLike) -> Masks:
        """As `magnitude_per_layer` with sparsities 1 - densities, but the weights are already sorted."""
        pruned = np.round((1.0 - np.asarray(densities, float)) * self.sizes).astype(int)
        return tuple(ranks >= count for ranks, count in zip(self._ranks, pruned, strict=True))

    def evaluate(self, masks: Masks, corrected: bool) -> Evaluation:
        """The loss and accuracy of the pruned network, with corrected biases or with its own."""
        if not corrected:
            return self.evaluator.evaluate(masks)
        return self.evaluator.with_network(correct_biases(self.network, masks, self.means)).evaluate(masks)

    def anneal(
        self, start: ArrayLike, total: float, corrected: bool, evaluations: int, rng: np.random.Generator
    ) -> SearchResult[Densities]:
        """Search the densities with the fewest errors at the global sparsity `total`, by the course's `anneal`."""
        kept = (1.0 - total) * self.sizes.sum()

        def score(candidates: Any) -> list[Scored[Any]]:
            reached = [self.evaluate(self.masks(candidate), corrected) for candidate in candidates]
            return [Scored(1.0 - each.accuracy, each) for each in reached]

        def move(densities: Densities, rate: float, rng: np.random.Generator) -> Densities:
            return spread(
                np.maximum(densities, 1e-4) * np.exp(rng.normal(0.0, rate, len(self.sizes))), self.sizes, kept
            )

        begin = spread(np.asarray(start, float), self.sizes, kept)
        settings = {"temperature": 0.005, "schedule": linear_cooling, "mutation_rate": 0.5}
        return anneal(Problem(score), begin, iterations=evaluations - 1, move=move, rng=rng, **settings)  # type: ignore[arg-type]


def _ranks(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    ranks = np.empty(scores.size, np.int64)
    ranks[np.argsort(scores, axis=None, kind="stable")] = np.arange(scores.size)
    return ranks.reshape(scores.shape)


# --- the recorded opponent ---


def players(data: Dataset, network: Network) -> Densest:
    """What searches and the lab evaluate densities with, on the first validation images."""
    evaluator = engine(data, network)[2]
    return Densest(evaluator, mean_inputs(network, data.train.head(MEAN_IMAGES).images))


def record(data: Dataset, network: Network, evaluations: int = 400, seed: int = 0) -> dict[str, Any]:
    """Anneal the densities for every total, with and without bias correction, from those of global magnitude."""
    densest = players(data, network)
    runs = []
    for total in TOTALS:
        start = [mask.mean() for mask in magnitude_global(network.kernels, total)]
        for corrected in (False, True):
            result = densest.anneal(start, total, corrected, evaluations, np.random.default_rng(seed))
            densities = [round(float(share), 6) for share in result.best]
            runs.append({"total": total, "corrected": corrected, "densities": densities})
    return {"made_by": "python -m lessonkit record", "data": data.name, "evaluations": evaluations, "runs": runs}


@functools.lru_cache(maxsize=1)
def recorded() -> dict[str, Any]:
    """The recording that ships with the package.

    Raises
    ------
    LessonkitError
        When the file cannot be read.
    """
    try:
        return dict(json.loads(RECORDED.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise LessonkitError(f"{RECORDED.name}: cannot be read; make it with python -m lessonkit record") from error


# --- the lab ---


class DensityLab(Lab):
    """Choose five densities, and compare your accuracy with global magnitude and with the annealer."""

    task = "Divide the weights that are kept among the layers. Beat global magnitude first, then the annealer."

    def __init__(self, data: Dataset | None = None, network: Network | None = None) -> None:
        data, self.network, self.evaluator = engine(data, network)
        self.densest = Densest(self.evaluator, mean_inputs(self.network, data.train.head(MEAN_IMAGES).images))
        self.sizes = self.densest.sizes
        self.names = self.network.names
        recorded_for = recorded()
        runs = recorded_for["runs"] if recorded_for["data"] == data.name else []  # densities suit one network alone
        self.best = {(run["total"], run["corrected"]): np.array(run["densities"]) for run in runs}
        self.rivals: dict[Any, Evaluation] = {}
        self.magnitudes: dict[Any, tuple[Masks, Evaluation]] = {}
        self.high_score: dict[tuple[float, bool], float] = {}
        self.densities = spread(np.ones(len(self.sizes)), self.sizes, 0.1 * self.sizes.sum())
        shares = {}
        for name, size in zip(self.names, self.sizes, strict=True):
            step = 0.1 if size > 5_000 else 0.5 if size > 500 else 1.0  # at least a weight or two
            tip = f"Share of {name}'s {size:,} weights"
            shares[name] = float_slider(f"{name} kept, %", tip, 10.0, 0.0, 100.0, step, ".1f")
        controls = {
            **shares,
            "total": choice("Total sparsity", "Of all weights", [(f"{100 * t:.0f}%", t) for t in TOTALS], 0.90),
            "locked": checkbox("Lock the total", "The other layers change so that the total stays the same", True),
            "corrected": checkbox(
                "Bias correction", "Add to each bias what its pruned weights contributed on average", False
            ),
        }
        self.live = button(
            f"Anneal from here ({LIVE} evaluations)", "The annealer starts from your densities", self._anneal
        )
        self.said = widgets.HTML()
        row = widgets.HBox([self.live, self.said], layout=widgets.Layout(align_items="center", margin="2px 0"))
        super().__init__(controls, self._draw(), rows=[*controls.values(), row])

    def _draw(self) -> Picture:
        figure = lab_figure(3.9)
        left, right = figure.subplots(1, 2, width_ratios=(1.7, 1))
        small(left, ylabel="weights kept, %", ylim=(0, 105), title="Density of each layer (in figures: yours)")
        left.set_xticks(range(len(self.names)), [" \n "] * len(self.names))  # room for the texts below
        below = {"transform": left.get_xaxis_transform(), "ha": "center", "va": "top", "fontsize": 8}
        self.shares = [left.text(number, -0.03, "", **below) for number in range(len(self.names))]
        small(right, ylabel="accuracy, %", ylim=(0, 112), title="Accuracy at this total")
        right.set_xticks(range(3), WHO)
        self.bars, self.scores, self.labels = {}, [], []
        for number, (who, hatch) in enumerate(zip(WHO, HATCHES, strict=True)):
            shape = {"color": look(who).colour, "hatch": hatch, "edgecolor": "white"}
            places = np.arange(len(self.names)) + 0.27 * (number - 1)
            self.bars[who] = list(left.bar(places, np.zeros(len(self.names)), 0.25, label=who, **shape))
            (bar,) = right.bar([number], [0], 0.7, **shape)
            self.scores.append(bar)
            self.labels.append(right.text(number, 0, "", ha="center", va="bottom", fontsize=9))
        for axis in (left, right):
            axis.grid(alpha=0.3, axis="y")
        key = left.legend(fontsize=8, loc="upper right")
        moving = [bar for bars in self.bars.values() for bar in bars]
        return Picture(figure, [*moving, *self.shares, key, *self.scores, *self.labels])

    # --- the three players ---

    def _yours(self, cause: str | None) -> None:
        """Take the sliders' densities, change the others if the total is locked, and show the result."""
        moved = np.array([abs(self.controls[name].value - self._shown(name)) > 1e-6 for name in self.names])
        wanted = np.array([self.controls[name].value / 100 for name in self.names])
        self.densities = np.where(moved, wanted, self.densities)
        if self.controls["locked"].value or cause == "total":  # a newly chosen total counts, locked or not
            kept = (1.0 - self.controls["total"].value) * self.sizes.sum()
            fixed = self.names.index(cause) if cause in self.names else None
            self.densities = spread(self.densities, self.sizes, kept, fixed)
        self.set_values({name: self._shown(name) for name in self.names})

    def _shown(self, name: str) -> float:
        """The density in %, rounded to the slider's step: else the page would round it, and report that as a change."""
        step = self.controls[name].step
        return round(float(step * round(100 * self.densities[self.names.index(name)] / step)), 1)

    def _magnitude(self, sparsity: float, corrected: bool) -> tuple[Masks, Evaluation]:
        pruned = round(sparsity * int(self.sizes.sum()))
        if (pruned, corrected) not in self.magnitudes:
            masks = magnitude_global(self.network.kernels, sparsity)
            if len(self.magnitudes) > 200:
                self.magnitudes.clear()
            self.magnitudes[pruned, corrected] = masks, self.densest.evaluate(masks, corrected)
        return self.magnitudes[pruned, corrected]

    def _annealer(self, total: float, corrected: bool) -> tuple[Densities, Evaluation]:
        if (total, corrected) not in self.best:
            start = [mask.mean() for mask in magnitude_global(self.network.kernels, total)]
            self.best[total, corrected] = self.densest.anneal(
                start, total, corrected, LIVE, np.random.default_rng(0)
            ).best
        densities = self.best[total, corrected]
        if (total, corrected) not in self.rivals:
            self.rivals[total, corrected] = self.densest.evaluate(self.densest.masks(densities), corrected)
        return densities, self.rivals[total, corrected]

    def _anneal(self, _: Any = None) -> None:
        """Run the annealer from the student's densities, and keep what it finds if that is the best so far."""
        total, corrected = self.controls["total"].value, self.controls["corrected"].value
        result = self.densest.anneal(self.densities, total, corrected, LIVE, np.random.default_rng())
        assert result.evaluation is not None
        before = self._annealer(total, corrected)[1]
        if result.evaluation.accuracy > before.accuracy:
            self.best[total, corrected], self.rivals[total, corrected] = result.best, result.evaluation
        self.said.value = html.escape(
            f"From your densities it reached {percent(result.evaluation.accuracy)}; its best so far: "
            f"{percent(self.rivals[total, corrected].accuracy)}."
        )
        self.redraw("anneal")

    def update(self, cause: str | None) -> tuple[str, dict[str, str]]:
        """Evaluate the student's densities and both opponents."""
        self._yours(cause)
        total, locked, corrected = (self.controls[name].value for name in ("total", "locked", "corrected"))
        masks = self.densest.masks(self.densities)
        pruned = global_sparsity(masks)
        yours = self.densest.evaluate(masks, corrected)
        magnitude_masks, magnitude = self._magnitude(pruned, corrected)
        densities, rival = self._annealer(total, corrected)
        shown: dict[str, Any] = {
            "you": self.densities,
            "magnitude": [mask.mean() for mask in magnitude_masks],
            "annealer": densities if locked else np.zeros(len(self.sizes)),
        }
        for who, bars in self.bars.items():
            for bar, share in zip(bars, shown[who], strict=True):
                bar.set_height(100 * share)
        for text, name, share in zip(self.shares, self.names, self.densities, strict=True):
            text.set_text(f"{name}\n{percent(share)}")
        reached = (yours, magnitude, rival if locked else None)
        for bar, label, each in zip(self.scores, self.labels, reached, strict=True):
            height = 100 * each.accuracy if each else 0.0
            bar.set_height(height)
            label.set_y(height + 1)
            label.set_text(f"{height:.1f}" if each else "lock the\ntotal")
        against = yours.correct - magnitude.correct
        facts = {
            "Your accuracy": percent(yours.accuracy),
            "Your loss": f"{yours.loss:.4f}",
            "Magnitude, global": percent(magnitude.accuracy),
            "Global sparsity": percent(pruned),
            **{f"{name} keeps": f"{int(mask.sum()):,}" for name, mask in zip(self.names, masks, strict=True)},
            "All layers keep": f"{sum(int(mask.sum()) for mask in masks):,}",
            "Against magnitude": f"{against:+d} images",
        }
        sentence = (
            f"At {percent(pruned)} global sparsity{' with bias correction' if corrected else ''} you reach "
            f"{accuracy_words(yours)}, global magnitude {percent(magnitude.accuracy)}"
        )
        if not locked:
            return sentence + ". Lock the total to play against the annealer.", facts
        behind = yours.correct - rival.correct
        self.high_score[total, corrected] = max(self.high_score.get((total, corrected), 0.0), yours.accuracy)
        facts["Annealer"] = percent(rival.accuracy)
        facts["Against the annealer"] = f"{behind:+d} images"
        facts["Your best here"] = percent(self.high_score[total, corrected])
        verdict = "you beat it" if behind > 0 else "a draw" if behind == 0 else "it is ahead"
        return f"{sentence}, the annealer {percent(rival.accuracy)}: {verdict}.", facts
