"""A method has one colour and marker in the whole course; the figures of both commands say what their tables say."""

from __future__ import annotations

import ast
import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.container import Container
from matplotlib.figure import Figure

import lessonkit.labs
from lessonkit.display.plot import LOOKS, OTHER_NAMES, look
from lessonkit.experiments import plots as experiment_plots
from lessonkit.experiments.comparison import compare
from lessonkit.experiments.published import LAYERS, PATHS, PUBLISHED
from lessonkit.frontier.methods import METHODS
from lessonkit.frontier.table import Row, _spread
from lessonkit.lessons.baseline import figures as lesson01
from lessonkit.lessons.comparison import figures as lesson05
from lessonkit.lessons.cost import figures as lesson02
from lessonkit.lessons.frontier import figures as lesson06
from lessonkit.masks import global_sparsity, mean_layer_sparsity
from lessonkit.networks.weights import load_network
from lessonkit.objective import pruning_cost

ROOT = Path(__file__).parents[2]
CONTROLS = ("random", "magnitude per layer", "magnitude global")
COMPARED = [
    name
    for search in ("annealing", "genetic")
    for name in (search, *(f"{control}, as {search}" for control in CONTROLS))
]
LINE = [(0.1, 0.2), (0.4, 0.3)]


@pytest.fixture(scope="module")
def comparison(standin):
    few = dataclasses.replace(standin, validation=standin.validation.head(60), test=standin.test.head(80))
    return compare(data=few, network=load_network("standin"), evaluations=30, search_images=50, seeds=(0, 1))


def frontier_rows(methods=tuple(METHODS)) -> list[Row]:
    return [
        Row(method, "lenet5", network, 0, share, share, share, 0.9 - share / 2 + network / 50, 0.1, 9, 0, 1.0, 9, "")
        for method in methods
        for share in (0.5, 0.9)
        for network in range(3)
    ]


def figures_of_methods(comparison) -> dict[str, Figure]:
    """Every figure and lab that draws methods by name."""
    paths = {name: [(loss, sparsity) for _, loss, sparsity in path] for name, path in PATHS.items()}
    drawn = {
        "comparison": experiment_plots.comparison_plot(comparison),
        "frontier": experiment_plots.frontier_plot(frontier_rows(), [{"global_sparsity": 0.5, "accuracy": 0.9}]),
        "pruning curve": lesson01.pruning_curve(
            [0.1, 0.5], {"by chance": [0.9, 0.5], "by size (magnitude)": [1, 1]}, 1
        ),
        "surface": lesson02.surface_plot(pruning_cost, 0.09, 1.0, paths),
        "thresholds": lesson02.thresholds_plot(
            LAYERS, [0.1] * 5, {name: [loss for loss, _ in path] for name, path in paths.items()}
        ),
        "cost front": lesson05.front_plot(dict.fromkeys(("annealing", "genetic", "magnitude per layer"), LINE), LINE),
        "race of spaces": lesson06.race_plot(
            {"swaps over 61,470 bits": [2, 1], "five densities": [2, 1]}, 1.5, "the rule"
        ),
        "densities": lesson06.densities_plot(LAYERS, {"the rule": [0.1] * 5, "found by annealing": [0.2] * 5}),
        "front": lesson06.front_plot({"the rule": LINE, "five densities": LINE, "densities, then swaps": LINE}, LINE),
    }
    found = {name: plot.figure for name, plot in drawn.items()}
    small = dataclasses.replace(
        comparison.data, train=comparison.data.train.head(300), validation=comparison.data.validation.head(50)
    )
    for name in ("CostLab", "PruningLab", "DensityLab", "RaceLab"):
        lab = getattr(lessonkit.labs, name)
        given = () if name in ("CostLab", "RaceLab") else (small, load_network("standin"))
        found[name] = lab(*given).picture.figure
    return found


def drawn_methods(figure: Figure) -> list[tuple[str, str, str | None]]:
    """Name, colour and marker of every artist whose label names a method."""
    found = []
    for axis in figure.axes:
        for artist, label in zip(*axis.get_legend_handles_labels(), strict=True):
            name = label.split(", as ")[0].split(", published")[0].lower()
            if name not in LOOKS and name not in OTHER_NAMES and label not in LOOKS:
                continue
            while isinstance(artist, Container | tuple):
                artist = artist[0]
            colour = artist.get_facecolor() if hasattr(artist, "get_facecolor") else artist.get_color()
            marker = artist.get_marker() if hasattr(artist, "get_marker") else None
            found.append((label, to_hex(colour).upper(), None if marker in ("None", None) else marker))
    return found


def test_every_method_has_a_look_of_its_own():
    assert set(METHODS) <= LOOKS.keys() | OTHER_NAMES.keys()
    looks = {name: look(name) for name in METHODS}
    assert len({each.colour for each in LOOKS.values()}) == len(LOOKS)
    assert len({each.marker for each in LOOKS.values()}) == len(LOOKS)
    assert len({each.colour for each in looks.values()}) == len(METHODS) == 11
    assert look("my_search") == look("my_search") not in LOOKS.values()


def test_colours_differ_for_colour_blind_readers_too():
    """Vienot, Brettel & Mollon 1999: what remains of a colour without the red or the green cones, as linear RGB."""
    common = ("annealing", "genetic", "random", "magnitude per layer", "magnitude global", "lamp", "densities")
    rgb = {name: np.array([int(LOOKS[name].colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255 for name in common}
    kinds = {
        "all": np.eye(3),
        "protan": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
        "deutan": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
    }
    for kind, seen in kinds.items():
        for one, other in itertools.combinations(common, 2):
            distance = np.linalg.norm(seen @ (rgb[one] ** 2.2) - seen @ (rgb[other] ** 2.2))
            assert distance > 0.05, (kind, one, other)


def test_a_method_never_has_two_colours_or_markers(comparison):
    named = 0
    for figure_name, figure in figures_of_methods(comparison).items():
        methods = drawn_methods(figure)
        assert len(methods) >= 2, figure_name
        for name, colour, marker in methods:
            if name == "the rule" and figure_name == "race of spaces":
                continue  # a level, no method's line
            named += 1
            assert colour == look(name).colour, (figure_name, name)
            assert marker in (None, look(name).marker), (figure_name, name)
    assert named > 40


def test_a_row_of_intervals_has_its_method_s_look():
    figure = lesson05.intervals_plot(
        {name: [0.9, 0.8] for name in COMPARED}, dict.fromkeys(COMPARED, (0.7, 0.95)), 0.9
    ).figure
    (axis,) = figure.axes
    for place, name in enumerate(COMPARED):
        own = [line for line in axis.lines if line.get_ydata()[0] == place and line.get_marker() != "|"]
        assert {to_hex(line.get_color()).upper() for line in own} == {look(name).colour}
        assert {line.get_marker() for line in own} == {"None", look(name).marker}


def test_names_that_the_lessons_give_to_methods_are_known():
    """A method called otherwise in a lesson would be drawn as one of the student's own."""
    by_method = {"pruning_curve", "race_plot", "densities_plot", "front_plot", "surface_plot", "thresholds_plot"}
    seen = 0
    for file in sorted((ROOT / "solutions").glob("0*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in by_method:
                keys = [key for given in node.args if isinstance(given, ast.Dict) for key in given.keys]
                for key in keys:
                    assert isinstance(key, ast.Constant)
                    assert str(key.value).lower() in LOOKS.keys() | OTHER_NAMES.keys(), f"{file.name}:{key.lineno}"
                    seen += 1
    assert seen >= 6


# --- what the two commands draw ---


def test_the_comparison_shows_searches_controls_and_the_published_points_at_both_sparsities(comparison):
    plot = experiment_plots.comparison_plot(comparison)
    left, right = plot.figure.axes
    assert "mean over layers" in left.get_xlabel()
    assert "global" in right.get_xlabel()
    for axis, sparsity in ((left, mean_layer_sparsity), (right, global_sparsity)):
        points = {(round(x, 6), round(y, 4)) for line in axis.lines for x, y in zip(*line.get_data(), strict=True)}
        for row in comparison.rows:
            assert (round(float(sparsity(row.masks)), 6), round(100 * row.evaluation.accuracy, 4)) in points
    shown = {(x, round(y, 2)) for line in left.lines for x, y in zip(*line.get_data(), strict=True)}
    for known in PUBLISHED.values():
        assert (known["mean_layer_sparsity"], round(100 * known["accuracy"], 2)) in shown
    for word in (*COMPARED, "published annealing 87.4%", "published genetic 89.0%", "Unpruned"):
        assert word in plot.alt


@pytest.mark.parametrize("rows", ["all", "none"])
def test_the_key_of_the_comparison_lies_over_no_data(comparison, rows):
    if rows == "none":  # after Ctrl-C
        comparison = dataclasses.replace(comparison, rows=())
    figure = experiment_plots.comparison_plot(comparison).figure
    figure.canvas.draw()
    (key,) = figure.legends
    box = key.get_window_extent()
    for axis in figure.axes:
        assert not box.overlaps(axis.get_tightbbox())
    assert figure.bbox.contains(box.x0, box.y0)
    assert figure.bbox.contains(box.x1, box.y1)


def test_bars_of_the_frontier_are_the_table_s_deviation():
    rows = frontier_rows(("annealing",))
    figure = experiment_plots.frontier_plot(rows).figure
    (container,) = figure.axes[0].containers
    (bars,) = container[2]
    for share, segment in zip((0.5, 0.9), bars.get_segments(), strict=True):
        accuracies = [100 * row.accuracy for row in rows if row.sparsity == share]
        half = (segment[1][1] - segment[0][1]) / 2
        assert half == pytest.approx(np.std(accuracies, ddof=1))
        assert f"± {half:.2f}" in _spread(accuracies)
