"""The labs without a browser: extremes, the right numbers in the text, errors, leaks, newest value, strict nbval."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import itertools
import json
import os
import re
import subprocess
import sys
import warnings
from io import BytesIO
from pathlib import Path

import matplotlib.image
import nbformat
import numpy as np
import pytest
from matplotlib.artist import Artist
from matplotlib.figure import Figure

import lessonkit
import lessonkit.labs
from lessonkit.annealing import acceptance_probability, anneal, geometric_cooling
from lessonkit.commands import lab_timing as bench
from lessonkit.controls import magnitude_global, magnitude_per_layer, random_masks
from lessonkit.display import widget as base
from lessonkit.display.plot import new_figure
from lessonkit.engine import bias_correction as correction
from lessonkit.engine.evaluator import Evaluator
from lessonkit.errors import LessonkitError
from lessonkit.experiments import published
from lessonkit.experiments.layerwise import layer_problem
from lessonkit.genetic import single_point_crossover, tournament_select, uniform_crossover
from lessonkit.lessons.comparison import lab as race
from lessonkit.lessons.frontier import lab as density
from lessonkit.lessons.genetic.lab import selection_chances
from lessonkit.masks import flip, global_sparsity, mean_layer_sparsity, replace_layer
from lessonkit.networks.mnist import load_mnist
from lessonkit.networks.weights import load_network
from lessonkit.objective import pruning_cost

LABS = lessonkit.labs.__all__
PNG = b"\x89PNG"
IMAGES = 150


@pytest.fixture(scope="module")
def data():
    """Few validation images: the labs take what there is, and the tests make hundreds of pictures."""
    whole = load_mnist("standin")
    return dataclasses.replace(whole, validation=whole.validation.head(IMAGES))


@pytest.fixture(scope="module")
def network():
    return load_network("standin")


@pytest.fixture(scope="module")
def evaluator(data, network):
    split = data.validation
    return Evaluator(network, split.images, split.labels)


@pytest.fixture(scope="module")
def recording(data, network):
    return race.record(data, network, seeds=(0, 1), evaluations=200, images=IMAGES)


@pytest.fixture(scope="module")
def make(data, network):
    return lambda name: getattr(lessonkit.labs, name)(data, network)


def extremes(control) -> tuple:
    """The smallest and the largest value of a slider, the first and the last of a list, off and on."""
    if hasattr(control, "options"):
        return control._options_values[0], control._options_values[-1]
    if hasattr(control, "base"):
        return control.base**control.min, control.base**control.max
    return (control.min, control.max) if hasattr(control, "min") else (False, True)


def words(lab) -> str:
    return re.sub("<[^>]*>", " ", lab.text.value)


def assert_sound(lab) -> None:
    assert bytes(lab.image.value).startswith(PNG)
    assert 'role="status"' in lab.text.value
    assert "nan" not in words(lab)
    for fact in lab.facts.values():
        assert fact in words(lab)


# --- every lab ---


@pytest.mark.parametrize("name", LABS)
def test_every_control_at_its_extremes_alone_and_in_pairs(make, name):
    lab = make(name)
    assert_sound(lab)
    first = {key: control.value for key, control in lab.controls.items()}
    for control in lab.controls.values():
        for value in extremes(control):
            control.value = value
            assert_sound(lab)
        lab.set_values(first)
    for (_, one), (_, other) in itertools.combinations(lab.controls.items(), 2):
        for value, another in itertools.product(extremes(one), extremes(other)):
            one.value, other.value = value, another
            assert_sound(lab)
        lab.set_values(first)
    lab.redraw()
    assert_sound(lab)


@pytest.mark.parametrize("name", LABS)
def test_a_change_gives_another_picture_and_another_text(make, name):
    lab = make(name)
    for control in lab.controls.values():
        lab.redraw()
        before, picture = control.value, bytes(lab.image.value)
        text = lab.text.value
        control.value = next(value for value in extremes(control) if value != before)
        if name != "DensityLab" or control is not lab.controls["locked"]:  # locking what is there already is no change
            assert (lab.text.value, bytes(lab.image.value)) != (text, picture), control.description
        control.value = before


@pytest.mark.parametrize("name", LABS)
def test_every_control_has_a_label_and_a_tooltip_and_the_repr_is_constant(make, name):
    lab = make(name)
    for control in lab.controls.values():
        assert control.description
        assert getattr(control, "tooltip", None) or control.description_tooltip
    assert repr(lab) == f"{name}()"


@pytest.mark.parametrize("name", LABS)
def test_the_picture_is_what_a_full_drawing_gives(make, name):
    lab = make(name)
    slider = next(iter(lab.controls.values()))
    for value in (*extremes(slider), slider.value):
        slider.value = value
    quick = matplotlib.image.imread(BytesIO(lab.image.value))
    lab.picture.forget()
    assert np.array_equal(quick, matplotlib.image.imread(BytesIO(lab.picture.png())))


@pytest.mark.parametrize("name", LABS)
def test_no_figure_and_no_artist_is_left_behind(make, name):
    lab = make(name)
    slider = next(iter(lab.controls.values()))
    low, high = extremes(slider)

    def drawn() -> tuple[int, int]:
        gc.collect()
        things = gc.get_objects()
        return sum(isinstance(each, Figure) for each in things), sum(isinstance(each, Artist) for each in things)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            slider.value, slider.value = low, high
        before = drawn()
        for _ in range(10):
            slider.value, slider.value = low, high
        assert drawn() == before


@pytest.mark.parametrize("name", LABS)
def test_the_static_output_is_a_picture_with_alt_text_and_a_sentence(make, name):
    lab = make(name)
    bundle, metadata = lab.still()
    assert bundle["text/plain"] == metadata["image/png"]["alt"] == f"{name}: {lab.sentence}"
    assert set(bundle) == {"text/plain", "image/png"}  # text/html is compared byte for byte by nbval
    lab.redraw()
    assert_sound(lab)


def test_labs_are_found_by_name_and_nothing_else_is():
    assert set(LABS) <= set(dir(lessonkit.labs))
    with pytest.raises(AttributeError, match="NoLab"):
        lessonkit.labs.NoLab  # noqa: B018


def test_labs_need_neither_tensorflow_nor_pyplot():
    code = (
        "import sys; from lessonkit.labs import *; PruningLab(); TemperatureLab();"
        "assert not {'tensorflow', 'keras', 'matplotlib.pyplot'} & set(sys.modules)"
    )
    environment = {**os.environ, "LESSONKIT_DATA": "standin", "PYTHONPATH": str(Path(lessonkit.__file__).parents[1])}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


# --- a tiny lab: the base class ---


class TinyLab(base.Lab):
    task = "Move it."

    def __init__(self) -> None:
        figure = new_figure(1, 1)
        (self.point,) = figure.subplots().plot([0], [0], "o")
        self.broken = False
        controls = {"x": base.int_slider("X", "A number", 0, 0, 2000), "y": base.int_slider("Y", "A number", 0, 0, 9)}
        super().__init__(controls, base.Picture(figure, [self.point]))

    def update(self, cause):
        if self.broken:
            raise ValueError("no <such> number")
        x = self.controls["x"].value
        self.point.set_xdata([x])
        return f"x is {x}.", {"x": str(x)}


def test_a_number_that_comes_back_with_rounding_noise_is_no_change(make):
    lab = make("DensityLab")
    lab.controls["FC1"].value = 9.6
    draws, others = lab.draws, lab.controls["FC2"].value
    lab.controls["FC1"].value = 9.600000000000001
    assert lab.draws == draws
    lab.controls["Conv1"].value = 90.0
    assert lab.controls["FC2"].value <= others


def test_sliders_hold_values_that_a_page_would_not_round(make):
    lab = make("DensityLab")
    for share in (3.3, 7.7, 12.1):
        lab.controls["FC1"].value = share
        for name in ("Conv1", "Conv2", "FC1", "FC2", "Output"):
            steps = lab.controls[name].value / lab.controls[name].step
            assert steps == pytest.approx(round(steps), abs=1e-6)


def test_a_thousand_changes_leave_no_figure():
    lab = TinyLab()
    gc.collect()
    before = len(gc.get_objects())
    for x in range(1, 1001):
        lab.controls["x"].value = x
    gc.collect()
    assert lab.draws == 1001
    assert len(gc.get_objects()) < before + 500
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()


def test_an_error_in_a_cell_is_raised_and_shown_and_the_lab_goes_on():
    lab = TinyLab()
    lab.broken = True
    with pytest.raises(ValueError, match="such"):
        lab.controls["x"].value = 3
    assert 'role="alert"' in lab.text.value
    assert "no &lt;such&gt; number" in lab.text.value
    lab.broken = False
    lab.controls["x"].value = 4
    assert lab.sentence == "x is 4."
    assert 'role="alert"' not in lab.text.value


def test_changes_from_the_page_are_drawn_once_with_the_newest_value(monkeypatch):
    monkeypatch.setattr(base, "_loop_of_page", asyncio.get_running_loop)

    async def drag() -> None:
        lab = TinyLab()
        lab.broken = True
        lab.controls["x"].value = 1
        await asyncio.sleep(0.1)
        assert 'role="alert"' in lab.text.value  # shown, not raised: there is no cell to raise it in
        lab.broken = False
        for x in range(2, 60):
            lab.controls["x"].value = x
        assert lab.draws == 1
        await asyncio.sleep(0.1)
        assert lab.draws == 2
        assert lab.sentence == "x is 59."
        lab.controls["x"].value = 7
        await asyncio.sleep(0.1)
        assert lab.sentence == "x is 7."

    asyncio.run(drag())


def test_a_lab_displays_a_picture_how_to_wake_it_and_its_view(monkeypatch):
    shown = []
    monkeypatch.setattr(base, "display", lambda data, **settings: shown.append((data, settings)))
    lab = TinyLab()
    lab._ipython_display_()
    (picture, settings), (line, _), (view, _) = shown
    assert picture == lab.still()[0]
    assert settings["display_id"] == lab.model_id
    assert line["text/plain"] in line["text/html"]
    # A picture in the same output as the view is never shown once the kernel is gone.
    assert set(view) == {base.VIEW}
    assert view[base.VIEW]["model_id"] == lab.model_id


def test_the_picture_in_the_notebook_is_renewed_once_the_page_has_settled(monkeypatch):
    stored = []
    monkeypatch.setattr(base, "update_display", lambda data, **settings: stored.append((data["text/plain"], settings)))
    lab = TinyLab()
    lab.controls["x"].value = 3
    assert stored == [], "a cell's own output is not rewritten by code"
    monkeypatch.setattr(base, "_loop_of_page", asyncio.get_running_loop)
    monkeypatch.setattr(base, "SETTLED", 0.2)

    async def drag() -> None:
        for x in (4, 5, 6):
            lab.controls["x"].value = x
            await asyncio.sleep(0.05)
        assert stored == []
        await asyncio.sleep(0.6)

    asyncio.run(drag())
    ((text, settings),) = stored
    assert text == "TinyLab: x is 6."
    assert settings["display_id"] == lab.model_id


# --- the numbers, held against the engine ---


@pytest.mark.parametrize("method", ["magnitude", "random"])
@pytest.mark.parametrize("layer", ["all layers", "FC1"])
def test_pruning_lab_says_what_the_evaluator_says(make, evaluator, network, method, layer):
    lab = make("PruningLab")
    lab.set_values({"sparsity": 63, "method": method, "layer": layer})
    lab.redraw()
    shapes = [kernel.shape for kernel in network.kernels]
    if layer == "FC1":
        kernel = network.kernels[2]
        mask = {
            "magnitude": lambda: magnitude_per_layer([kernel], 0.63)[0],
            "random": lambda: random_masks([kernel.shape], 0.63, np.random.default_rng(0))[0],
        }[method]()
        masks = replace_layer(network.keep_all(), 2, mask)
    elif method == "magnitude":
        masks = magnitude_global(network.kernels, 0.63)
    else:
        masks = random_masks(shapes, 0.63, np.random.default_rng(0))
    now, before = evaluator.evaluate(masks), evaluator.evaluate(network.keep_all())
    assert lab.facts["Accuracy"] == f"{100 * now.accuracy:.1f}%"
    assert lab.facts["Loss"] == f"{now.loss:.4f}"
    assert lab.facts["Loss, unpruned"] == f"{before.loss:.4f}"
    assert lab.facts["Global sparsity"] == f"{100 * global_sparsity(masks):.1f}%"
    assert lab.facts["Mean over layers"] == f"{100 * mean_layer_sparsity(masks):.1f}%"
    assert f"({now.correct:,} of 150)" in words(lab)


def test_cost_lab_says_what_the_objective_says(make):
    lab = make("CostLab")
    lab.set_values({"max_loss": 0.95, "penalty": 100.0, "epsilon": 0.01, "sparsity": "global"})
    lab.redraw()
    last = published.PATHS["genetic"][-1]
    sparsity = published.global_from_mean([point.mean_layer_sparsity for point in published.PATHS["genetic"]])[-1]
    cost = pruning_cost(last.loss, published.TRAINED_LOSS, sparsity, 0.95, 100.0, 0.01)
    assert lab.facts["GA: final cost"] == f"{cost:.6g}"
    assert lab.facts["GA: final sparsity"] == f"{sparsity:.4f}"
    assert lab.facts["Points with the penalty"] == "1 of 10"  # the last of SA alone has a loss above 0.95
    assert "GA run the better one" in words(lab)
    lab.set_values({"max_loss": 0.9, "penalty": 1e8})
    lab.redraw()
    assert "gives both published runs the penalty" in words(lab)


def test_cost_lab_starts_with_the_costs_that_the_lesson_prints(make):
    lab = make("CostLab")
    for method, name in (("annealing", "SA"), ("genetic", "GA")):
        last = published.PATHS[method][-1]
        assert lab.facts[f"{name}: final cost"] == f"{pruning_cost(last.loss, 0.0895, last[2], 1.0):.6g}"


def test_the_published_mean_of_annealing_is_about_48_percent_of_all_weights():
    means = [point.mean_layer_sparsity for point in published.PATHS["annealing"]]
    own = np.diff([0.0, *means]) * 5
    by_hand = sum(share * size for share, size in zip(own, published.WEIGHTS, strict=True)) / 61_470
    assert published.global_from_mean(means)[-1] == pytest.approx(by_hand)
    assert by_hand == pytest.approx(0.483, abs=5e-4)


def test_temperature_lab_shows_a_real_run(make, data, network):
    lab = make("TemperatureLab")
    assert lab.sentence.startswith("Step 100 of a logarithmic schedule from temperature 0.1:")
    assert lab.controls["rate"].value == 0.15  # the run that lesson 3 has just read
    lab.set_values({"temperature": 0.05, "schedule": "geometric", "rate": 0.1, "step": 30})
    lab.redraw()
    split = data.validation
    engine = Evaluator(network, split.images, split.labels)
    start = network.keep_all()
    problem = layer_problem(engine, 4, start, engine.evaluate(network.keep_all()).loss)
    current = float(problem.cost([start[4]])[0])
    settings = {"temperature": 0.05, "schedule": geometric_cooling, "mutation_rate": 0.1}
    result = anneal(problem, start[4], iterations=200, rng=np.random.default_rng(0), **settings)
    bad = passed = 0
    for step in result.history[:31]:
        change = step.cost - current
        bad += change > 0
        passed += change > 0 and step.accepted
        current = step.cost if step.accepted else current
    last = result.history[30]
    assert lab.facts["Bad moves accepted"] == f"{passed} of {bad}"
    assert lab.facts["Best cost so far"] == f"{last.best_cost:.4f}"
    assert lab.facts["Best cost of the run"] == f"{result.cost:.4f}"
    assert lab.facts["Temperature"] == f"{last.temperature:.3g}"
    assert lab.facts["Its chance"] == f"{100 * acceptance_probability(change, last.temperature):.1f}%"


def test_temperature_lab_steps_by_play_and_buttons_forwards_and_back(make):
    lab = make("TemperatureLab")
    lab.play.value = 150
    assert lab.controls["step"].value == 150
    assert "Step 150 of" in lab.sentence
    row = lab.children[1].children[-1]
    back, forward = row.children[2:]
    back.click()
    assert "Step 149 of" in lab.sentence
    assert lab.play.value == 149
    forward.click()
    assert "Step 150 of" in lab.sentence
    lab.controls["step"].value = 199
    forward.click()
    assert "Step 199 of" in lab.sentence


@pytest.mark.parametrize("kind", ["single-point", "uniform"])
def test_mutation_lab_breeds_with_the_algorithms_own_operators(make, data, network, kind):
    lab = make("MutationLab")
    lab.set_values({"rate": 0.2, "generation": 5, "crossover": kind, "point": 300, "tournament": 3, "draw": 7})
    lab.redraw()
    entrants = np.random.default_rng([7, 1])
    mother, father = (lab.people[tournament_select(lab.costs, 3, entrants)] for _ in range(2))
    rng = np.random.default_rng([7, 2])
    rng.random()  # `breed` asks chance whether to cross; the lab always does
    crossed = single_point_crossover(mother, father, 300)[0] if kind == "single-point" else None
    crossed = uniform_crossover(mother, father, rng) if crossed is None else crossed
    child = flip(crossed, 0.15, rng)
    (scored,) = lab.problem.score([child])
    assert lab.facts["Rate now"] == "0.150"
    assert lab.facts["Bits flipped"] == f"{np.count_nonzero(crossed != child)} of 840"
    assert lab.facts["Child's cost"] == f"{scored.cost:.4f}"
    assert lab.facts["Child's loss"] == f"{scored.evaluation.loss:.4f}"
    assert lab.facts["Child's accuracy"] == f"{100 * scored.evaluation.accuracy:.1f}%"


def test_mutation_lab_calls_no_copy_of_a_parent_better(make):
    lab = make("MutationLab")
    for draw in range(20):  # a tournament of all draws the cheapest twice, and nothing is flipped
        lab.set_values({"rate": 0.0, "tournament": 12, "draw": draw})
        lab.redraw()
        assert lab.facts["Bits flipped"] == "0 of 840"
        assert lab.sentence.endswith("exactly as good as its better parent.")


@pytest.mark.parametrize("size", [1, 2, 5, 12])
def test_selection_chances_are_those_of_many_tournaments(size):
    rng = np.random.default_rng(0)
    won = np.bincount([tournament_select(np.arange(12), size, rng) for _ in range(4000)], minlength=12) / 4000
    assert selection_chances(12, size) == pytest.approx(won, abs=0.03)
    assert selection_chances(12, size).sum() == pytest.approx(1)


def test_race_lab_says_what_was_recorded(recording):
    lab = lessonkit.labs.RaceLab(recording=recording)
    lab.set_values({"budget": 100, "seeds": 2, "metric": "accuracy", "beside": "genetic"})
    lab.redraw()
    at = recording["evaluations"].index(100)
    values = [run["accuracy"][at] for run in recording["methods"]["annealing"]]
    assert lab.facts["SA"] == f"{np.mean(values):.4f} ({min(values):.3f}–{max(values):.3f})"
    stop = recording["control_evaluations"].index(100)
    values = [run["accuracy"][stop] for run in recording["controls"]["genetic"]["magnitude global"]]
    assert lab.facts["magnitude global"] == f"{np.mean(values):.4f} ({min(values):.3f}–{max(values):.3f})"


def test_race_lab_compares_at_budgets_where_controls_are_recorded_and_like_with_like():
    lab = lessonkit.labs.RaceLab()
    slider, stops = lab.controls["budget"], lab.recording["control_evaluations"]
    assert list(range(slider.min, slider.max + 1, slider.step)) == stops
    for beside, label, other in (("annealing", "SA", "GA"), ("genetic", "GA", "SA")):
        lab.set_values({"beside": beside, "metric": "trade_off"})
        for budget in stops:
            lab.controls["budget"].value = budget
            lab.redraw()
            values = {name: float(fact.split()[0]) for name, fact in lab.facts.items() if name != other}
            leader = lab.sentence.partition(f"Of {label} and the controls, ")[2].partition(" leads")[0]
            assert values[leader] == max(values.values())


def test_the_recording_ends_where_the_search_ended(recording, data, network):
    from lessonkit.experiments.comparison import compare

    row = next(
        row for row in compare(("annealing",), evaluations=200, search_images=IMAGES, data=data, network=network).rows
    )
    end = recording["methods"]["annealing"][0]
    assert end["sparsity"][-1] == pytest.approx(mean_layer_sparsity(row.masks), abs=1e-4)
    assert end["loss"][-1] == pytest.approx(row.search_loss, abs=1e-4)
    assert recording["test_accuracy"]["annealing"][0] == pytest.approx(row.evaluation.accuracy, abs=1e-4)


def test_the_shipped_recordings_are_small_and_whole():
    for file in (race.RECORDED, density.RECORDED):
        assert file.stat().st_size < 1_000_000
        assert json.loads(file.read_text())["data"] == "mnist"


@pytest.mark.parametrize("module", [race, density])
def test_a_broken_recording_is_named(module, monkeypatch, tmp_path):
    (tmp_path / "broken.json").write_text("{")
    monkeypatch.setattr(module, "RECORDED", tmp_path / "broken.json")
    module.recorded.cache_clear()
    with pytest.raises(LessonkitError, match=r"broken\.json.*lessonkit record"):
        module.recorded()
    module.recorded.cache_clear()


def test_the_command_record_writes_both_files(tmp_path, capsys):
    from lessonkit.__main__ import main

    given = ["record", "--data", "standin", "--seeds", "1", "--evaluations", "100", "--density-evaluations", "2"]
    given += ["--search-images", "100"]
    assert main([*given, "--quiet", "--output", str(tmp_path)]) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"race.json", "densities.json"}
    recorded = json.loads((tmp_path / "race.json").read_text())
    lessonkit.labs.RaceLab(recording=recorded)


# --- densities and bias correction ---


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("fixed", [None, 0, 2])
def test_spread_keeps_the_total_and_the_fixed_one(seed, fixed):
    rng = np.random.default_rng(seed)
    sizes = np.array(published.WEIGHTS)
    wanted = rng.random(5) * (rng.random(5) < 0.8)
    kept = rng.uniform(0.01, 0.99) * sizes.sum()
    found = density.spread(wanted, sizes, kept, fixed)
    assert (found >= 0).all()
    assert (found <= 1).all()
    assert found @ sizes == pytest.approx(kept, rel=1e-6)
    others = sizes.sum() - sizes[fixed] if fixed is not None else 0
    if fixed is not None and kept - others <= wanted[fixed] * sizes[fixed] <= kept:
        assert found[fixed] == pytest.approx(wanted[fixed])


def test_density_masks_are_magnitude_per_layer(evaluator, network):
    densest = density.Densest(evaluator, ())
    shares = np.array([0.9, 0.5, 0.031, 0.2, 0.7])
    for mask, expected in zip(densest.masks(shares), magnitude_per_layer(network.kernels, 1 - shares), strict=True):
        assert np.array_equal(mask, expected)


@pytest.mark.parametrize("corrected", [False, True])
def test_density_lab_says_what_the_evaluator_says(make, data, network, evaluator, corrected):
    lab = make("DensityLab")
    lab.set_values({"locked": False, "corrected": corrected})
    for name, share in zip(network.names, (90, 60, 5, 20, 70), strict=True):
        lab.controls[name].value = share
    masks = magnitude_per_layer(network.kernels, [0.1, 0.4, 0.95, 0.8, 0.3])
    other = magnitude_global(network.kernels, global_sparsity(masks))
    engine = [evaluator, evaluator]
    if corrected:
        split = data.validation
        means = correction.mean_inputs(network, data.train.head(density.MEAN_IMAGES).images)
        engine = [
            Evaluator(correction.correct_biases(network, each, means), split.images, split.labels)
            for each in (masks, other)
        ]
    yours, magnitude = engine[0].evaluate(masks), engine[1].evaluate(other)
    assert lab.facts["Your accuracy"] == f"{100 * yours.accuracy:.1f}%"
    assert lab.facts["Your loss"] == f"{yours.loss:.4f}"
    assert lab.facts["Magnitude, global"] == f"{100 * magnitude.accuracy:.1f}%"
    assert lab.facts["Against magnitude"] == f"{yours.correct - magnitude.correct:+d} images"


def test_a_locked_total_stays_and_the_annealer_plays(make):
    lab = make("DensityLab")
    for name, share in (("FC1", 3.0), ("Conv1", 100.0), ("FC1", 100.0), ("FC2", 0.0)):
        lab.controls[name].value = share
        assert lab.facts["Global sparsity"] == "90.0%"
    lab.controls["total"].value = 0.95
    assert lab.facts["Global sparsity"] == "95.0%"
    lab.live.click()
    assert "it reached" in lab.said.value
    assert "Annealer" in lab.facts


@pytest.mark.parametrize("corrected", [False, True])
def test_the_annealer_is_no_worse_than_the_rule_on_data_without_a_recording(make, corrected):
    lab = make("DensityLab")  # the recording was made on MNIST, the data are the stand-in
    lab.controls["corrected"].value = corrected
    rule, annealer = (float(lab.facts[name].rstrip("%")) for name in ("Magnitude, global", "Annealer"))
    assert annealer >= rule - 0.7  # its start is the rule's mask but for rounding, an image or so of 150


def test_a_free_total_is_taken_when_it_is_chosen_and_left_when_a_layer_moves(make):
    lab = make("DensityLab")
    lab.controls["locked"].value = False
    lab.controls["total"].value = 0.95
    assert lab.facts["Global sparsity"] == "95.0%"
    lab.controls["FC1"].value = 50.0
    assert float(lab.facts["Global sparsity"].rstrip("%")) < 61


def test_mean_inputs_and_the_correction_keep_every_mean_pre_activation(data, network):
    images = data.train.head(40).images
    means = correction.mean_inputs(network, images)
    assert [mean.shape for mean in means] == [kernel.shape[:-1] for kernel in network.kernels]
    masks = magnitude_per_layer(network.kernels, [0.6, 0, 0, 0, 0])
    corrected = correction.correct_biases(network, masks, means).masked(masks)
    padded = np.pad(images[..., 0], ((0, 0), (2, 2), (2, 2)))
    patches = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(1, 2))

    def mean_sum(layer):
        return np.tensordot(patches, layer.kernel[:, :, 0], 2).mean(axis=(0, 1, 2)) + layer.bias

    assert mean_sum(corrected.layers[0]) == pytest.approx(mean_sum(network.layers[0]), abs=1e-4)
    assert abs(mean_sum(network.masked(masks).layers[0]) - mean_sum(network.layers[0])).max() > 1e-2
    dense = correction.correct_biases(network, magnitude_per_layer(network.kernels, [0, 0, 0.9, 0, 0]), means)
    lost = (network.kernels[2] * ~magnitude_per_layer([network.kernels[2]], 0.9)[0]).T @ means[2]
    assert dense.layers[2].bias == pytest.approx(network.layers[2].bias + lost, abs=1e-4)


def test_the_forward_pass_behind_the_means_is_the_evaluators(data, network):
    split = data.validation.head(50)
    means = correction.mean_inputs(network, split.images)
    last = network.layers[-1]
    ours = means[-1] @ last.kernel + last.bias
    logits = Evaluator(network, split.images, split.labels)  # a linear output: the mean of logits is that of the inputs
    plain = np.concatenate([_logits(logits, number) for number in range(len(logits._entrance))], axis=-1)
    assert ours == pytest.approx(plain.mean(axis=1), abs=1e-4)


def _logits(evaluator, number):
    weights = evaluator._weights(evaluator.network.keep_all())
    return evaluator._through(0, len(weights), evaluator._entrance[number], weights)[0].copy()


def test_an_evaluator_takes_another_network_of_the_same_shape(data, network, evaluator):
    split = data.validation
    masks = magnitude_per_layer(network.kernels, 0.5)
    means = correction.mean_inputs(network, data.train.head(50).images)
    other = correction.correct_biases(network, masks, means)
    before = evaluator.evaluate(masks)
    found = evaluator.with_network(other).evaluate(masks)
    assert found == Evaluator(other, split.images, split.labels).evaluate(masks)
    assert found != before
    assert evaluator.evaluate(masks) == before


# --- measuring ---


def test_bench_measures_every_lab(data, network, monkeypatch):
    monkeypatch.setattr(bench, "CHANGES", 2)
    found = bench.measure(data, network)
    assert set(found) == set(LABS)
    assert all(value > 0 for value in found.values())


# --- a real kernel ---

CELL = "from lessonkit.labs import {name}\nfrom lessonkit import load_mnist, load_network\n{name}()"


def _notebook(path: Path, name: str, sentence: str, extra: str = "") -> Path:
    pixel = "iVBORw0KGgo="
    output = nbformat.v4.new_output(
        "display_data", data={"text/plain": f"{name}: {sentence}", "image/png": pixel}, metadata={}
    )
    line = nbformat.v4.new_output("display_data", data={"text/plain": base.ASLEEP, "text/html": base.LINE}, metadata={})
    cells = [nbformat.v4.new_code_cell(CELL.format(name=name), execution_count=1, outputs=[output, line])]
    if extra:
        cells.append(nbformat.v4.new_code_cell(extra, execution_count=2))
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
    return path


def _sentence(name: str) -> str:
    return getattr(lessonkit.labs, name)(load_mnist("standin"), load_network("standin")).sentence


def _nbval(*paths: Path) -> subprocess.CompletedProcess:
    environment = {**os.environ, "LESSONKIT_DATA": "standin", "PYTHONPATH": str(Path(lessonkit.__file__).parents[1])}
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-q", "-p", "no:cacheprovider"]
    folder = paths[0].parent
    return subprocess.run([*command, *map(str, paths)], env=environment, cwd=folder, capture_output=True, text=True)


def test_strict_nbval_passes_with_every_lab(tmp_path):
    pytest.importorskip("nbval")
    made = _nbval(*[_notebook(tmp_path / f"{name}.ipynb", name, _sentence(name)) for name in LABS])
    assert made.returncode == 0, made.stdout
    assert "6 passed" in made.stdout


def test_strict_nbval_sees_another_state_and_an_error_in_a_callback(tmp_path):
    pytest.importorskip("nbval")
    other = _nbval(_notebook(tmp_path / "other.ipynb", "CostLab", "Something else."))
    assert other.returncode == 1, other.stdout
    cell = "lab = CostLab()\nlab.update = lambda cause: 1 / 0\nlab.controls['max_loss'].value = 0.5"
    broken = _nbval(_notebook(tmp_path / "broken.ipynb", "CostLab", _sentence("CostLab"), cell))
    assert "1 failed, 1 passed" in broken.stdout


def test_messages_of_a_page_do_not_queue_in_a_kernel():
    from jupyter_client.manager import start_new_kernel

    environment = {**os.environ, "PYTHONPATH": str(Path(lessonkit.__file__).parents[1])}
    manager, client = start_new_kernel(kernel_name="python3", env=environment)
    try:
        seen: list[str] = []

        def run(code: str) -> str:
            seen.clear()
            reply = client.execute_interactive(
                code, timeout=60, output_hook=lambda message: seen.append(message["content"].get("text", ""))
            )
            assert reply["content"]["status"] == "ok", reply["content"]
            return "".join(seen).strip()

        slow = (
            "import time\nfrom lessonkit.labs import CostLab\nlab = CostLab()\nplain = lab.update\n"
            "lab.update = lambda cause: (time.sleep(0.2), plain(cause))[1]\n"
            "print(lab.controls['max_loss'].comm.comm_id)"
        )
        slider = run(slow)
        for number in range(1, 26):
            state = {"method": "update", "state": {"value": number / 20}, "buffer_paths": []}
            client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": slider, "data": state}))
        deadline = 40
        while deadline and not run("print(lab.sentence)").startswith("Maximum loss 1.25"):
            deadline -= 1
            run("import asyncio; await asyncio.sleep(0.2)")
        assert deadline
        assert int(run("print(lab.draws)")) < 20  # 26 had they queued
        run("lab.update = lambda cause: 1 / 0")
        state = {"method": "update", "state": {"value": 0.5}, "buffer_paths": []}
        client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": slider, "data": state}))
        run("import asyncio; await asyncio.sleep(0.5)")
        assert "ZeroDivisionError" in run("print(lab.text.value)")
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
