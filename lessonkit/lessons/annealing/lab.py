"""TemperatureLab: which moves the temperature accepts, for real proposals in the run of lesson 3."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import ipywidgets as widgets
import numpy as np
from numpy.typing import NDArray

from lessonkit.annealing import SCHEDULES, acceptance_probability, anneal
from lessonkit.display.plot import COLOURS
from lessonkit.display.widget import (
    Lab,
    Picture,
    button,
    choice,
    engine,
    float_slider,
    int_slider,
    lab_figure,
    log_slider,
    percent,
    small,
)
from lessonkit.experiments.layerwise import layer_problem
from lessonkit.networks.mnist import Dataset
from lessonkit.networks.network import Network
from lessonkit.problem import SearchResult

ITERATIONS = 200
RATE = 0.15
DELTAS = np.logspace(-5, 1, 121)
BINS = np.logspace(-5, 1, 25)
FLOOR, CEILING = 7.5, 14  # of the plot of the run; a higher cost, usually the penalty, is drawn at the ceiling


def deltas(result: SearchResult[Any], start_cost: float) -> NDArray[np.float64]:
    """The cost of each proposal minus that of the current mask at its step, shape (steps,)."""
    changes, current = [], start_cost
    for step in result.history:
        changes.append(step.cost - current)
        current = step.cost if step.accepted else current
    return np.array(changes)


class TemperatureLab(Lab):
    """Acceptance probability over real deltas, the schedule, and lesson 3's run of the Output layer step by step."""

    task = "Choose a temperature, then step through the run: which bad moves are accepted, and when does that end?"

    def __init__(self, data: Dataset | None = None, network: Network | None = None) -> None:
        self.data, self.network, self.evaluator = engine(data, network)
        self.start = self.network.keep_all()
        self.baseline = self.evaluator.evaluate(self.start)
        self.problem = layer_problem(self.evaluator, len(self.start) - 1, self.start, self.baseline.loss)
        self.start_cost = float(self.problem.cost([self.start[-1]])[0])
        self.record = lru_cache(maxsize=64)(self._record)
        controls = {
            "temperature": log_slider("Initial temperature", "In units of the cost", 0.1, -4, 1),
            "schedule": choice("Schedule", "How the temperature falls", tuple(SCHEDULES)),
            "rate": float_slider("Mutation rate", "Share of bits flipped at step 0", RATE, 0.02, 0.5, 0.005, ".3f"),
            "step": int_slider("Step", "Arrow keys go forwards and back", ITERATIONS // 2, 0, ITERATIONS - 1),
        }
        self.play = widgets.Play(value=ITERATIONS // 2, min=0, max=ITERATIONS - 1, interval=250, description="Play")
        self.linked = widgets.link((self.play, "value"), (controls["step"], "value"))
        back = button("Step back", "One step back", lambda _: self._go(-1))
        forward = button("Step forward", "One step forward", lambda _: self._go(1))
        run = widgets.HBox(
            [widgets.HTML("Play the run:"), self.play, back, forward],
            layout=widgets.Layout(align_items="center", margin="2px 0"),
        )
        super().__init__(controls, self._draw(), rows=[*controls.values(), run])

    def _go(self, by: int) -> None:
        slider = self.controls["step"]
        slider.value = min(max(slider.value + by, slider.min), slider.max)

    def _record(self, temperature: float, schedule: str, rate: float) -> SearchResult[Any]:
        return anneal(
            self.problem,
            self.start[-1],
            iterations=ITERATIONS,
            temperature=temperature,
            schedule=SCHEDULES[schedule],
            mutation_rate=rate,
            rng=np.random.default_rng(0),
        )

    def _draw(self) -> Picture:
        figure = lab_figure(4.9)
        grid = figure.add_gridspec(2, 2)
        odds, cooling = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
        run = figure.add_subplot(grid[1, :])
        small(odds, xlabel="delta of a bad move (log scale)", xscale="log", xlim=(1e-5, 10), ylim=(0, 1.02))
        small(odds, ylabel="probability", title="Accepting a bad move")
        small(cooling, xlabel="step", ylabel="temperature", yscale="log", ylim=(5e-8, 20), xlim=(0, ITERATIONS))
        cooling.title.set_text("Schedule")
        cooling.title.set_fontsize(10)
        small(
            run,
            xlabel="step",
            ylabel=f"cost (top edge: {CEILING} or more)",
            xlim=(-2, ITERATIONS + 1),
            ylim=(FLOOR, CEILING),
        )
        small(run, title="The run: proposals of the Output layer up to this step")
        for axis in (odds, cooling, run):
            axis.grid(alpha=0.3)
        height = np.zeros(len(BINS) - 1)
        bars = odds.bar(BINS[:-1], height, np.diff(BINS), align="edge", color=COLOURS[4], edgecolor="white")
        self.bars = list(bars)
        self.bars[0].set_label("bad proposals (share)")
        (self.curve,) = odds.plot(
            DELTAS, np.ones(len(DELTAS)), color=COLOURS[0], linewidth=2, label="chance to be accepted"
        )
        (self.line,) = cooling.plot([], [], color=COLOURS[0])
        (self.now,) = cooling.plot([], [], color=COLOURS[1], marker="o", markersize=8, linestyle="none")
        marks: dict[str, Any] = {"linestyle": "none", "markersize": 5}
        (self.taken,) = run.plot([], [], marker="o", color=COLOURS[0], label="accepted", **marks)
        (self.refused,) = run.plot([], [], marker="x", color=COLOURS[1], label="refused", **marks)
        (self.best,) = run.plot([], [], color="black", linewidth=1.5, label="best so far")
        key = odds.legend(fontsize=7, loc="upper right", framealpha=0.9)
        run_key = run.legend(fontsize=8, loc="upper right", ncols=3)
        points = [self.taken, self.refused, self.best]
        return Picture(figure, [*self.bars, self.curve, key, self.line, self.now, *points, run_key])

    def update(self, cause: str | None) -> tuple[str, dict[str, str]]:
        """Run the search with these settings, unless that was done before, and show it up to the chosen step."""
        initial, schedule, rate, at = (
            self.controls[name].value for name in ("temperature", "schedule", "rate", "step")
        )
        result = self.record(initial, schedule, rate)
        history = result.history[: at + 1]
        changes = deltas(result, self.start_cost)
        bad = changes > 0
        heat = history[at].temperature
        counts, _ = np.histogram(np.clip(changes[bad], BINS[0], BINS[-1]), BINS)
        for bar, count in zip(self.bars, counts, strict=True):
            bar.set_height(count / max(1, bad.sum()))
        self.curve.set_ydata([acceptance_probability(delta, heat) for delta in DELTAS])
        self.line.set_data(range(ITERATIONS), [step.temperature for step in result.history])
        self.now.set_data([at], [heat])
        for line, accepted in ((self.taken, True), (self.refused, False)):
            shown = [step for step in history if step.accepted is accepted]
            line.set_data([step.step for step in shown], [min(step.cost, CEILING) for step in shown])
        self.best.set_data([step.step for step in history], [min(step.best_cost, CEILING) for step in history])
        passed = sum(step.accepted for step, worse in zip(history, bad, strict=False) if worse)
        worse_so_far = int(bad[: at + 1].sum())
        share = passed / worse_so_far if worse_so_far else 0.0
        taken = sum(step.accepted for step in history)
        last = history[at]
        sentence = (
            f"Step {at} of a {schedule} schedule from temperature {initial:.3g}: temperature {heat:.3g}; so far "
            f"{passed} of {worse_so_far} bad moves accepted ({percent(share)}). The proposal of this step, cost "
            f"{_cost(last.cost)}, was {'accepted' if last.accepted else 'refused'}."
        )
        facts = {
            "Best cost so far": f"{last.best_cost:.4f}",
            "Best cost of the run": f"{result.cost:.4f}",
            "Temperature": f"{heat:.3g}",
            "Delta of this proposal": _cost(changes[at]),
            "Its chance": percent(acceptance_probability(float(changes[at]), heat)),
            "Mutation rate now": f"{last.rate:.4f}",
            "Moves accepted": f"{taken} of {at + 1}",
            "Bad moves accepted": f"{passed} of {worse_so_far}",
        }
        return sentence, facts


def _cost(value: float) -> str:
    return f"{value:.4f}" if abs(value) < 1e6 else f"{value:.3g} (penalty)"
