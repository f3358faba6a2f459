"""Lesson 5: count what a search spends, say how sure a mean is, draw a front, and meet the rule."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonkit import baselines, objective, statistics
from lessonkit.exercises.exercise import SIGMAS, Examples, Exercise, Law, Misconception, Trial
from lessonkit.exercises.results import indices, mask, number, several

# --- trade_off_score ------------------------------------------------------------------------------------------------


def _scores(rng: np.random.Generator) -> Iterator[tuple[float, float, float]]:
    yield 0.5, 0.5, 1.0
    yield 0.5, 0.9, 0.9
    yield 0.0, 0.9, 0.95
    yield 0.4384, 0.8744, 0.9723
    for _ in range(5):
        sparsity, accuracy, baseline = (float(value) for value in rng.uniform(0.1, 1.0, size=3))
        yield sparsity, accuracy, baseline


TRADE_OFF = Exercise(
    id="comparison.trade_off_score",
    title="The trade-off score",
    minutes=3,
    objective="put sparsity and accuracy into one number, and recompute a published one",
    why="Recomputed with the final accuracy, the published score of annealing comes out at 0.3943 and not 0.3951.",
    stub='''def trade_off_score(sparsity, accuracy, baseline_accuracy):
    """Return the sparsity times the share of the baseline's accuracy that is left."""
    ...
''',
    reference=objective.trade_off_score,
    read=number,
    properties=(Examples("The score is a product: what is saved times what is left", _scores),),
    misconceptions=(
        Misconception(
            "no baseline",
            "The accuracy is taken as it is. What counts is the share of the baseline's accuracy that is left.",
            lambda sparsity, accuracy, baseline: sparsity * accuracy,
        ),
        Misconception(
            "the ratio inverted",
            "The ratio stands on its head: losing accuracy would raise this score.",
            lambda sparsity, accuracy, baseline: sparsity * baseline / accuracy,
        ),
        Misconception(
            "a sum",
            "The two parts are added. Then a network that prunes nothing would score well; a product gives it 0.",
            lambda sparsity, accuracy, baseline: sparsity + accuracy / baseline,
        ),
    ),
    hints=(
        "Which share of the baseline's accuracy is left when both are equal? When half is lost?",
        "That share is a ratio, and the sparsity is multiplied by it.",
    ),
)

# --- evaluations ----------------------------------------------------------------------------------------------------


def _annealing_counts(rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    yield 1, 1
    yield 0, 3
    yield 200, 5
    yield int(rng.integers(2, 100)), int(rng.integers(2, 10))


EVALUATIONS_SA = Exercise(
    id="comparison.evaluations_of_annealing",
    title="What annealing spends",
    minutes=3,
    objective="count every evaluation of annealing, layer by layer",
    why="Two searches are comparable only at the same budget, and a budget is counted in evaluations.",
    stub='''def evaluations_of_annealing(iterations, layers):
    """Return how often the cost is called when each layer is annealed for `iterations` steps from its own start."""
    ...
''',
    reference=statistics.evaluations_of_annealing,
    read=number,
    properties=(Examples("Every call of the cost counts", _annealing_counts),),
    misconceptions=(
        Misconception(
            "starts forgotten",
            "The calls for the starts are missing: each layer's start has a cost too, before the first proposal.",
            lambda iterations, layers: iterations * layers,
        ),
        Misconception(
            "one start for all",
            "Only one start is counted, but every layer has its own.",
            lambda iterations, layers: iterations * layers + 1,
        ),
        Misconception(
            "one layer",
            "This is what one layer costs; the others come on top.",
            lambda iterations, layers: iterations + 1,
        ),
    ),
    hints=(
        "Take one layer and 1 iteration: which masks are evaluated? There are two.",
        "Write down the number for one layer; the layers do not share anything.",
    ),
)


def _genetic_counts(rng: np.random.Generator) -> Iterator[tuple[int, int, int, int]]:
    yield 1, 2, 1, 1
    yield 0, 4, 1, 2
    yield 20, 12, 2, 5
    yield 3, 6, 0, 2
    yield int(rng.integers(2, 30)), int(rng.integers(8, 20)), int(rng.integers(1, 7)), int(rng.integers(2, 9))


EVALUATIONS_GA = Exercise(
    id="comparison.evaluations_of_genetic",
    title="What a genetic algorithm spends",
    minutes=5,
    objective="count every evaluation of a genetic algorithm, the initial populations too",
    why="The published 1,000 count neither annealing's 5 starts nor the 60 of the initial populations.",
    stub='''def evaluations_of_genetic(generations, population, elite, layers):
    """Return how often the cost is called. An elite keeps its costs and is not evaluated again.

    Each layer starts with a population of its own, and then breeds `generations` times.
    """
    ...
''',
    reference=statistics.evaluations_of_genetic,
    read=number,
    properties=(Examples("Every call of the cost counts, and none twice", _genetic_counts),),
    misconceptions=(
        Misconception(
            "initial populations forgotten",
            "The initial populations are missing: their costs have to be known before anybody is selected.",
            lambda generations, population, elite, layers: layers * generations * (population - elite),
        ),
        Misconception(
            "the elite evaluated again",
            "The elite is counted in every generation, though it keeps the costs it has.",
            lambda generations, population, elite, layers: layers * population * (generations + 1),
        ),
        Misconception(
            "one initial population",
            "Only one initial population is counted, but each layer starts with its own.",
            lambda generations, population, elite, layers: population + layers * generations * (population - elite),
        ),
        Misconception(
            "an elite at the start",
            "In the initial population nobody has a cost yet, so nobody is spared there.",
            lambda generations, population, elite, layers: layers * (generations + 1) * (population - elite),
        ),
    ),
    hints=(
        "Take one layer. How many costs are needed before the first generation, and how many are new in each one?",
        "An individual of the elite is not new. Add the start and the generations, then think of all layers.",
    ),
)

# --- bootstrap_interval ---------------------------------------------------------------------------------------------

VALUES = np.array([0.05, 0.2, 0.4, 0.7, 1.1, 1.7, 2.6, 4.5])  # skewed, so that a symmetric interval shows
REPEATS, EXACT = 12, 40_000


def _ends(trial: Trial, level: float, resamples: int) -> NDArray[np.float64]:
    """Low and high end, each the mean of REPEATS answers."""
    rng = trial.generator()
    found = [trial.result(VALUES, rng, level, resamples) for _ in range(REPEATS)]
    return np.mean(found, axis=0)  # type: ignore[no-any-return]


@functools.cache
def _exact(level: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The interval from very many resamples, and the standard deviation of one end for a single resample count of 1.

    The deviation of a quantile's estimate is sqrt(q (1 - q) / n) over the density there (David & Nagaraja 2003).
    """
    means = np.sort(np.random.default_rng(0).choice(VALUES, (EXACT, len(VALUES))).mean(axis=1))
    shares = np.array([(1 - level) / 2, (1 + level) / 2])
    width = 0.01
    slope = (np.quantile(means, shares + width) - np.quantile(means, shares - width)) / (2 * width)
    return np.quantile(means, shares), np.sqrt(shares * (1 - shares)) * slope


def _off(trial: Trial, level: float, resamples: int, repeats: int, found: Any) -> bool:
    ends, deviation = _exact(level)
    bound = SIGMAS * deviation * np.sqrt(1 / (repeats * resamples) + 1 / EXACT)
    # Conventions for a quantile between two values differ by less than one place of the sorted means.
    bound += 1.5 * deviation / np.sqrt((1 - level**2) / 4) / resamples
    return bool((np.abs(np.asarray(found) - ends) > bound).any())


def _ordered(trial: Trial) -> None:
    low, high = trial.result(np.array([2.0, 2.0, 2.0]), trial.generator())
    trial.expect(abs(low - 2) < 1e-5 and abs(high - 2) < 1e-5, f"should be (2.0, 2.0), yours is ({low}, {high})")
    low, high = trial.result(VALUES, trial.generator())
    trial.expect(low < high, f"should be a low and a high end, yours are {low:.4g} and {high:.4g}")


def _percentiles(trial: Trial) -> None:
    for level in (0.5, 0.8, 0.9):
        found = _ends(trial, level, 400)
        low, high = _exact(level)[0]
        trial.expect(
            not _off(trial, level, 400, REPEATS, found),
            f"gives about ({found[0]:.3f}, {found[1]:.3f}); the percentile interval of the mean is about "
            f"({low:.3f}, {high:.3f})",
        )
    found = trial.result(VALUES, trial.generator())
    trial.expect(not _off(trial, 0.95, 2000, 1, found), "does not use level 0.95 when none is given")


def _resampled(trial: Trial) -> None:
    low, high = trial.result(VALUES, trial.generator(), 0.95, 1)
    trial.expect(abs(low - high) < 1e-5, "should have both ends alike: one resample has one mean")
    pair = [trial.result(VALUES, np.random.default_rng(3), 0.9, 100) for _ in range(2)]
    trial.expect(pair[0] == pair[1], "gives another interval for a generator of the same seed")
    trial.expect(trial.advances(VALUES, trial.generator(), 0.9, 100), "does not use the generator `rng`")


def _of_values(values: Any, rng: Any, level: float = 0.95, resamples: int = 2000) -> Any:
    return tuple(np.quantile(values, [(1 - level) / 2, (1 + level) / 2]))


def _without_replacement(values: Any, rng: Any, level: float = 0.95, resamples: int = 2000) -> Any:
    means = [rng.permutation(values).mean() for _ in range(resamples)]
    return tuple(np.quantile(means, [(1 - level) / 2, (1 + level) / 2]))


def _whole_level(values: Any, rng: Any, level: float = 0.95, resamples: int = 2000) -> Any:
    means = rng.choice(values, (resamples, len(values))).mean(axis=1)
    return tuple(np.sort(np.quantile(means, [1 - level, level])))


def _of_resamples(values: Any, rng: Any, level: float = 0.95, resamples: int = 2000) -> Any:
    drawn = rng.choice(values, resamples)
    return tuple(np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]))


def _normal(values: Any, rng: Any, level: float = 0.95, resamples: int = 2000) -> Any:
    from scipy.special import ndtri

    half = float(ndtri((1 + level) / 2)) * np.std(values) / np.sqrt(len(values))
    return np.mean(values) - half, np.mean(values) + half


def _near(found: Any, expected: Any) -> bool:
    return bool(np.allclose(found, expected, rtol=0.2))


def _looks_whole(trial: Trial) -> bool:
    return not _off(trial, 0.6, 400, REPEATS, _ends(trial, 0.8, 400))


BOOTSTRAP = Exercise(
    id="comparison.bootstrap_interval",
    title="A bootstrap interval",
    minutes=12,
    objective="say how sure the mean of a few runs is, without assuming a distribution",
    why="Ten seeds give ten results; without an interval a difference of their means says nothing.",
    stub='''def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    """Return (low, high), the percentile bootstrap interval of the mean of `values`."""
    ...
''',
    reference=statistics.bootstrap_interval,
    read=several(number, number),
    properties=(
        Law("The low end comes first, and equal values leave no doubt", _ordered),
        Law("The ends are percentiles of the means of resampled values", _percentiles),
        Law("`resamples` and `rng` do what they say", _resampled),
    ),
    misconceptions=(
        Misconception(
            "the spread of the values",
            "These are percentiles of single values. The interval is about their mean, which varies much less.",
            _of_values,
            variants=(_of_resamples,),
            sign=lambda trial: _near(_ends(trial, 0.5, 400), np.quantile(VALUES, [0.25, 0.75])),
        ),
        Misconception(
            "without replacement",
            "Every resample has the same mean: the values are only shuffled. Draw with replacement.",
            _without_replacement,
            sign=lambda trial: _near(_ends(trial, 0.9, 400), VALUES.mean()),
        ),
        Misconception(
            "the whole rest on each side",
            "The interval is too narrow: what lies outside it is shared by two sides, half on each.",
            _whole_level,
            sign=_looks_whole,
        ),
        Misconception(
            "a formula for the normal distribution",
            "This interval lies symmetrically around the mean and uses no random numbers: a formula that trusts the "
            "normal distribution, not a bootstrap.",
            _normal,
            sign=lambda trial: (
                not trial.advances(VALUES, trial.generator(), 0.9, 100)
                and abs(_ends(trial, 0.9, 400).mean() - VALUES.mean()) < 1e-6
            ),
        ),
    ),
    hints=(
        "A resample has as many values as the original, drawn from it with replacement. What is its mean?",
        "Draw many resamples and keep only their means. `rng.choice` can draw them all at once, in two dimensions.",
        "The interval holds the middle `level` of these means: which quantiles bound it, if both sides lose the same?",
    ),
)

# --- magnitude_mask -------------------------------------------------------------------------------------------------


def _layers(rng: np.random.Generator) -> Iterator[tuple[Any, float]]:
    yield np.array([3.0, -1.0]), 0.5
    yield np.array([0.5, -2.0, 1.0, -0.25, 4.0]), 0.4
    yield np.array([0.5, -2.0, 1.0, -0.25, 4.0]), 0.75  # 3.75 weights
    yield np.array([1.0, -2.0, 3.0]), 0.0
    yield np.array([1.0, -2.0, 3.0]), 1.0
    for shape, sparsity in (((4, 5), 0.3), ((5, 5, 1, 6), 0.8), ((7, 3), 0.05)):
        yield rng.permutation(np.arange(1.0, 1 + np.prod(shape))).reshape(shape) * rng.choice([-1, 1], shape), sparsity


def _tied_counts(trial: Trial) -> list[tuple[int, int]]:
    """Pruned and wanted numbers where many magnitudes are equal."""
    layers = (np.array([1.0, -1.0, 1.0, 1.0]), np.zeros(5), np.array([[2.0, -1.0, 1.0], [1.0, 3.0, -1.0]]))
    pairs = []
    for weights, sparsity in zip(layers, (0.5, 0.6, 0.5), strict=True):
        found = trial.result(weights, sparsity)
        trial.expect(found.shape == weights.shape, f"should have shape {weights.shape}, yours has {found.shape}")
        pruned, wanted = int(np.count_nonzero(~found)), round(sparsity * weights.size)
        pairs.append((pruned, wanted))
        if "only counted" not in trial.notes:
            trial.expect(pruned == wanted, f"should prune {wanted} weights, yours prunes {pruned}")
            size = np.abs(weights)
            trial.expect(size[~found].max() <= size[found].min(), "prunes a weight that is larger than one it keeps")
    return pairs


def _exact_number(trial: Trial) -> None:
    _tied_counts(trial)


def _looks_tied(trial: Trial) -> bool:
    trial.notes["only counted"] = True
    right = [
        np.array_equal(trial.result(*arguments), baselines.magnitude_mask(*arguments))
        for arguments in list(_layers(np.random.default_rng(0)))[:2]
    ]
    return all(right) and any(pruned != wanted for pruned, wanted in _tied_counts(trial))


def _by_threshold(weights: Any, sparsity: float) -> Any:
    count, size = round(sparsity * weights.size), np.abs(weights)
    return size > np.sort(size, axis=None)[count - 1] if count else np.ones(weights.shape, bool)


def _rounded_down(weights: Any, sparsity: float) -> Any:
    kept = np.ones(weights.size, bool)
    kept[np.argsort(np.abs(weights), axis=None)[: int(sparsity * weights.size)]] = False
    return kept.reshape(weights.shape)


MAGNITUDE = Exercise(
    id="comparison.magnitude_mask",
    title="The rule: prune the smallest",
    minutes=10,
    objective="write the simplest competitor of every search, exactly",
    why="It costs one sort and no evaluation, and it beats a thousand blind ones.",
    stub='''def magnitude_mask(weights, sparsity):
    """Return a mask that prunes exactly round(sparsity * size) weights, those of smallest magnitude.

    Where magnitudes are equal, any of them may go, but the number is exact.
    """
    ...
''',
    reference=baselines.magnitude_mask,
    read=mask,
    properties=(
        Examples("The smallest magnitudes are pruned", _layers),
        Law("The number is exact, ties or not", _exact_number),
    ),
    misconceptions=(
        Misconception(
            "a threshold",
            "Equal magnitudes go or stay all together here, so the number is not exact: a threshold cannot part them.",
            _by_threshold,
            sign=_looks_tied,
        ),
        Misconception(
            "the sign counts",
            "The weights are sorted with their signs, so large negative ones go first. Their magnitude has no sign.",
            lambda weights, sparsity: baselines.lowest_pruned(weights, sparsity),
        ),
        Misconception(
            "the mask inverted",
            "The mask is the wrong way round: it should be True where a weight stays.",
            lambda weights, sparsity: ~baselines.magnitude_mask(weights, sparsity),
        ),
        Misconception(
            "the largest pruned",
            "The largest magnitudes are pruned: what matters most is gone.",
            lambda weights, sparsity: baselines.lowest_pruned(-np.abs(weights), sparsity),
        ),
        Misconception(
            "rounded down",
            "The number of pruned weights is cut off and not rounded.",
            _rounded_down,
        ),
    ),
    hints=(
        "Count first: how many weights must go? Then find which ones, by their place in the order of magnitudes.",
        "`np.argsort(..., axis=None)` gives places in flattened order; make the mask flat and reshape it at the end.",
    ),
)

# --- pareto_front ---------------------------------------------------------------------------------------------------


def _fronts(rng: np.random.Generator) -> Iterator[tuple[Any]]:
    yield (np.array([[0.5, 0.5]]),)
    yield (np.array([[0.1, 0.9], [0.2, 0.5]]),)
    yield (np.array([[0.1, 0.2], [0.5, 0.8], [0.6, 0.7]]),)
    yield (np.array([[0.1, 0.2], [0.3, 0.5], [0.5, 0.8]]),)  # the middle belongs to the front
    yield (np.array([[0.5, 0.5], [0.5, 0.7], [0.4, 0.5]]),)  # equal in one column
    yield (np.array([[0.2, 0.5], [0.2, 0.5], [0.9, 0.1]]),)  # two equal rows
    for count in (8, 30):
        yield (rng.integers(0, 6, size=(count, 2)) / 5,)
        yield (rng.random((count, 2)),)


def _front(points: Any, dominated: Any) -> list[int]:
    return [i for i, p in enumerate(points) if not any(dominated(p, q) for j, q in enumerate(points) if j != i)]


def _better(p: Any, q: Any) -> bool:
    return bool(q[0] <= p[0] and q[1] >= p[1] and (q[0] < p[0] or q[1] > p[1]))


PARETO = Exercise(
    id="comparison.pareto_front",
    title="The Pareto front",
    minutes=12,
    objective="tell which results of a comparison nothing else beats",
    why="Two goals need no weights to be compared: what is not on the front loses to something that is.",
    stub='''def pareto_front(points):
    """Return the ascending indices of the non-dominated rows of `points`, shape (n, 2): loss and sparsity.

    A low loss is good, a high sparsity is good. A row is dominated by another one that is at least as good in both
    and better in one; equal rows do not dominate each other.
    """
    ...
''',
    reference=statistics.pareto_front,
    read=indices,
    properties=(Examples("A row stays unless another is at least as good in both and better in one", _fronts),),
    misconceptions=(
        Misconception(
            "both low",
            "A low sparsity is taken for a good one: the two columns pull in different directions.",
            lambda points: _front(points, lambda p, q: q[0] <= p[0] and q[1] <= p[1] and (q[0] < p[0] or q[1] < p[1])),
        ),
        Misconception(
            "better in both",
            "A row is dropped only where another is better in both columns. Better in one and equal in one is enough.",
            lambda points: _front(points, lambda p, q: q[0] < p[0] and q[1] > p[1]),
        ),
        Misconception(
            "equal rows drop each other",
            "Equal rows drop each other out, and the result is lost: to dominate, a row must be better somewhere.",
            lambda points: _front(points, lambda p, q: q[0] <= p[0] and q[1] >= p[1]),
        ),
        Misconception(
            "the extremes only",
            "Only the best of each column is kept. What lies between them can be non-dominated too.",
            lambda points: sorted({int(np.argmin(points[:, 0])), int(np.argmax(points[:, 1]))}),
        ),
    ),
    hints=(
        "Write a test for two rows first: does q dominate p? It has three comparisons or four.",
        "A row is on the front when no other one passes that test against it. Try it on two equal rows.",
    ),
)

EXERCISES = (TRADE_OFF, EVALUATIONS_SA, EVALUATIONS_GA, BOOTSTRAP, MAGNITUDE, PARETO)
