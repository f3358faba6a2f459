"""RaceLab: both searches and the controls, plotted against evaluations spent, from recorded real runs."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonkit.controls import magnitude_global, magnitude_per_layer, random_masks
from lessonkit.display.plot import look
from lessonkit.display.widget import Lab, Picture, choice, int_slider, lab_figure, small
from lessonkit.errors import LessonkitError
from lessonkit.experiments.comparison import CONTROLS, Row, compare, search_evaluator
from lessonkit.experiments.presets import COURSE, SEARCHES
from lessonkit.masks import global_sparsity, mean_layer_sparsity
from lessonkit.networks.mnist import Dataset
from lessonkit.networks.network import Network
from lessonkit.networks.weights import ASSETS
from lessonkit.objective import trade_off_score
from lessonkit.problem import Evaluation, Step

RECORDED = ASSETS / "race.json"
EVERY, CONTROL_EVERY = 10, 50  # evaluations between two recorded points: of a search, of a control
METRICS = (
    ("trade-off score", "trade_off"),
    ("accuracy", "accuracy"),
    ("loss", "loss"),
    ("sparsity, mean over layers", "sparsity"),
)
LABELS = {"annealing": "SA", "genetic": "GA"}


# --- the recording ---


def record(
    data: Dataset,
    network: Network,
    seeds: Sequence[int],
    evaluations: int = 1_000,
    images: int | None = None,
    told: Callable[[str, int, Step], Any] | None = None,
) -> dict[str, Any]:
    """Run both searches of the COURSE preset with every seed, and the controls at the sparsities they pass through.

    All metrics are measured on the images that candidates were scored on; the test images are used once, at the end.
    """
    preset = COURSE if images is None else dataclasses.replace(COURSE, search_images=images)
    comparison = compare(
        tuple(SEARCHES),
        preset=preset,
        seeds=seeds,
        evaluations=evaluations,
        data=data,
        network=network,
        callback=told,
    )
    evaluator = search_evaluator(preset, data, network)
    baseline = evaluator.evaluate(network.keep_all())
    grid = list(range(EVERY, evaluations + 1, EVERY))
    stops = [at for at in grid if at % CONTROL_EVERY == 0]

    def point(reached: Evaluation, sparsity: float) -> dict[str, float]:
        score = trade_off_score(sparsity, reached.accuracy, baseline.accuracy)
        found = {"accuracy": reached.accuracy, "loss": reached.loss, "sparsity": sparsity, "trade_off": score}
        return {name: round(float(value), 5) for name, value in found.items()}

    unpruned = Evaluation(baseline.loss, baseline.accuracy, baseline.images)
    methods: dict[str, list[Any]] = {}
    beside: dict[str, dict[str, list[Any]]] = {}
    test: dict[str, list[float]] = {}
    for row in comparison.rows:
        if row.is_control:
            continue
        track = _track(row, network, grid)
        lines = [point(step or unpruned, share) for step, share, _ in track]  # type: ignore[arg-type]
        methods.setdefault(row.method, []).append(_columns(lines))
        test.setdefault(row.method, []).append(round(row.evaluation.accuracy, 4))
        by_name = beside.setdefault(row.method, {name: [] for name in CONTROLS})
        for name in CONTROLS:
            reached = []
            for at in stops:
                shares = track[grid.index(at)][2]
                masks = _control(name, network, shares, row.seed)
                reached.append(point(evaluator.evaluate(masks), mean_layer_sparsity(masks)))
            by_name[name].append(_columns(reached))
    return {
        "made_by": f"python -m lessonkit record --seeds {len(seeds)}",
        "data": data.name,
        "preset": preset.label,
        "images": evaluator.images,
        "seeds": list(seeds),
        "evaluations": grid,
        "control_evaluations": stops,
        "methods": methods,
        "controls": beside,
        "test_accuracy": test,
    }


def _track(row: Row, network: Network, grid: Sequence[int]) -> list[tuple[Step | None, float, NDArray[np.float64]]]:
    """The best candidate so far at each point of `grid`: its step, mean sparsity and layers' sparsities."""
    sizes = np.array([kernel.size for kernel in network.kernels])
    shares, best, done = np.zeros(len(sizes)), None, iter(row.history)
    found, step = [], next(done, None)
    for at in grid:
        while step is not None and step.evaluations <= at:
            if step.cost <= step.best_cost:
                best, index = step, network.names.index(step.layer)
                others = shares.sum() - shares[index]
                own = np.clip(step.sparsity * len(sizes) - others, 0.0, 1.0)
                shares = shares.copy()
                shares[index] = round(own * sizes[index]) / sizes[index]
            step = next(done, None)
        found.append((best, float(shares.mean()), shares))
    return found


def _control(name: str, network: Network, shares: NDArray[np.float64], seed: int) -> Any:
    per_layer = magnitude_per_layer(network.kernels, shares)
    if name == "random":
        return random_masks([kernel.shape for kernel in network.kernels], shares, np.random.default_rng([seed, 1]))
    return per_layer if name == "magnitude per layer" else magnitude_global(network.kernels, global_sparsity(per_layer))


def _columns(points: Sequence[dict[str, float]]) -> dict[str, list[float]]:
    return {name: [point[name] for point in points] for name in points[0]}


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


class RaceLab(Lab):
    """SA, GA and the controls against evaluations spent: the mean and the range over the seeds of recorded runs."""

    task = (
        "Follow both searches through their budget. Who leads, by how much, and does one of them beat a control that "
        "spends nothing?"
    )

    def __init__(
        self, data: Dataset | None = None, network: Network | None = None, recording: dict[str, Any] | None = None
    ) -> None:
        # the runs are recorded: neither data nor network is needed; the arguments are those of every lab
        self.recording = recording if recording is not None else recorded()
        self.grid = np.array(self.recording["evaluations"])
        self.stops = np.array(self.recording["control_evaluations"])
        first, most = int(self.stops[0]), int(self.stops[-1])  # where searches and controls are both recorded
        seeds = len(self.recording["seeds"])
        controls = {
            "budget": int_slider(
                "Evaluations", f"How far to follow the runs of {self.grid[-1]:,} evaluations", most, first, most, first
            ),
            "seeds": int_slider("Seeds shown", "How many runs the mean and the band include", seeds, 1, seeds),
            "metric": choice("Metric", "On the images that candidates were scored on", METRICS),
            "beside": choice(
                "Controls like",
                "A control prunes as much as this search at the same point",
                [(LABELS[name], name) for name in self.recording["methods"]],
            ),
        }
        super().__init__(controls, self._draw())

    def curves(self, metric: str, seeds: int, beside: str) -> dict[str, NDArray[np.float64]]:
        """A metric over the evaluations, shape (seeds, points), for every search and control by name."""
        found = {
            LABELS[name]: np.array([run[metric] for run in runs[:seeds]])
            for name, runs in self.recording["methods"].items()
        }
        for name, runs in self.recording["controls"][beside].items():
            found[name] = np.array([run[metric] for run in runs[:seeds]])
        return found

    def _draw(self) -> Picture:
        figure = lab_figure(4.2)
        self.axis = figure.subplots()
        small(self.axis, xlabel="evaluations spent by a search", ylabel="metric", xlim=(0, int(self.grid[-1]) * 1.02))
        self.axis.grid(alpha=0.3)
        self.lines, self.bands = {}, {}
        names = [*(LABELS[name] for name in self.recording["methods"]), *CONTROLS]
        for name in names:
            self.bands[name] = self.axis.fill_between([], [], color=look(name).colour, alpha=0.18, linewidth=0)
            (self.lines[name],) = self.axis.plot([], [], markersize=5, markevery=0.12, label=name, **look(name).line)
        self.end = self.axis.axvline(0, color="black", linewidth=1, linestyle=":", label="the budget")
        figure.legend(loc="outside upper center", ncols=6, fontsize=8, frameon=False)
        return Picture(figure, [*self.bands.values(), *self.lines.values(), self.end])

    def update(self, cause: str | None) -> tuple[str, dict[str, str]]:
        """Show the chosen metric up to the chosen budget, and which method leads there.

        Only the search whose sparsity the controls copy is compared with them.
        """
        budget, seeds, metric, beside = (control.value for control in self.controls.values())
        label = next(text for text, name in METRICS if name == metric)
        curves = self.curves(metric, seeds, beside)
        if cause in (None, "metric", "beside"):
            everything = np.concatenate([each.ravel() for each in self.curves(metric, 10**6, beside).values()])
            low, high = float(everything.min()), float(everything.max())
            margin = 0.05 * (high - low or 1.0)
            self.axis.set(ylim=(low - margin, high + margin), ylabel=label)
            self.picture.forget()
        facts = {}
        means = {}
        for name, values in curves.items():
            at = self.grid if values.shape[1] == len(self.grid) else self.stops
            shown = at <= budget
            mean, low, high = (every(values, axis=0)[shown] for every in (np.mean, np.min, np.max))
            self.lines[name].set_data(at[shown], mean)
            corners = np.column_stack([np.r_[at[shown], at[shown][::-1]], np.r_[low, high[::-1]]])
            self.bands[name].set_verts([corners])
            means[name] = float(mean[-1])
            facts[name] = f"{mean[-1]:.4f} ({low[-1]:.3f}–{high[-1]:.3f})"
        self.end.set_xdata([budget, budget])
        best = (min if metric == "loss" else max)((LABELS[beside], *CONTROLS), key=lambda name: means[name])
        over = f"the mean of {seeds} runs" if seeds > 1 else "one run"
        sentence = (
            f"After {budget:,} of {self.grid[-1]:,} evaluations, {label}, {over}: SA {means['SA']:.4f}, "
            f"GA {means['GA']:.4f}. Of {LABELS[beside]} and the controls, {best} "
            f"{'is lowest' if metric == 'loss' else 'leads'}. The band spans all runs. A control spends no evaluation: "
            f"it prunes as much as {LABELS[beside]} at this point, layer by layer; magnitude global, of all weights. "
            f"Recorded on {self.recording['data'].upper()}, {self.recording['images']:,} validation images."
        )
        return sentence, facts
