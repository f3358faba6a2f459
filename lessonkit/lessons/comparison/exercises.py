"""Lesson 5: count a search's evaluations, put an interval around a mean, prune by magnitude, find a Pareto front."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lessonkit.checker import answers as results
from lessonkit.checker.answers import mask, number, rows, several
from lessonkit.checker.exercise import SIGMAS, Examples, Exercise, Law, Misconception, Trial, unlikely
from lessonkit.checker.slips import rounded
from lessonkit.experiments.published import PUBLISHED, TRAINED_ACCURACY

# --- trade_off_score ------------------------------------------------------------------------------------------------


def trade_off_score(sparsity: float, accuracy: float, baseline_accuracy: float) -> float:
    """The sparsity times the share of the baseline's accuracy that is left."""
    return sparsity * accuracy / baseline_accuracy


def _scores(rng: np.random.Generator) -> Iterator[tuple[float, float, float]]:
    yield 0.5, 0.4, 0.8
    yield 0.5, 0.5, 1.0
    yield 0.5, 0.9, 0.9
    yield 0.0, 0.9, 0.95
    yield PUBLISHED["annealing"]["mean_layer_sparsity"], PUBLISHED["annealing"]["accuracy"], TRAINED_ACCURACY
    for _ in range(5):
        sparsity, accuracy, baseline = (float(value) for value in rng.uniform(0.1, 1.0, size=3))
        yield sparsity, accuracy, baseline


TRADE_OFF = Exercise(
    id="comparison.trade_off_score",
    title="The trade-off score",
    minutes=3,
    objective="put sparsity and accuracy into one number, and recompute a published one",
    why="Recomputed with the final accuracy, the published score of annealing is 0.3943 and not 0.3951.",
    stub='''def trade_off_score(sparsity, accuracy, baseline_accuracy):
    """Return the sparsity times the share of the baseline's accuracy that is left."""
    ...
''',
    reference=trade_off_score,
    read=number,
    properties=(Examples("The score is a product: what is saved times what is left", _scores),),
    misconceptions=(
        Misconception(
            "no baseline",
            "This uses the accuracy itself. What counts is the share of the baseline's accuracy that is left.",
            lambda sparsity, accuracy, baseline: sparsity * accuracy,
        ),
        Misconception(
            "the ratio inverted",
            "The ratio is upside down: losing accuracy would raise this score.",
            lambda sparsity, accuracy, baseline: sparsity * baseline / accuracy,
        ),
        Misconception(
            "a sum",
            "The two parts are added, so a network that prunes nothing would score well; a product gives it 0.",
            lambda sparsity, accuracy, baseline: sparsity + accuracy / baseline,
        ),
        rounded(trade_off_score),
    ),
    hints=(
        "What share of the baseline's accuracy is left when both are equal? And when half of it is lost?",
        "That share is a ratio, and the sparsity is multiplied by it.",
    ),
)

# --- evaluations ----------------------------------------------------------------------------------------------------


def evaluations_of_annealing(iterations: int, layers: int) -> int:
    """One start and `iterations` proposals for each layer."""
    return layers * (iterations + 1)


def _annealing_counts(rng: np.random.Generator) -> Iterator[tuple[int, int]]:
    yield 1, 1
    yield 0, 3
    yield 3, 2
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
    reference=evaluations_of_annealing,
    read=results.count,
    properties=(Examples("Every call of the cost counts", _annealing_counts),),
    misconceptions=(
        Misconception(
            "starts forgotten",
            "The calls for the starts are missing: each layer's start is evaluated too, before the first proposal.",
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
        Misconception(
            "always 5 layers",
            "This always counts 5 layers, those of LeNet-5: multiply by `layers`.",
            lambda iterations, layers: 5 * (iterations + 1),
        ),
        Misconception(
            "two calls in each iteration",
            "Two calls are counted in each iteration. The cost of the current mask is already known: only the proposal "
            "is new.",
            lambda iterations, layers: layers * (2 * iterations + 1),
            variants=(lambda iterations, layers: layers * 2 * iterations,),
        ),
    ),
    hints=(
        "Take one layer and 1 iteration: which masks are evaluated? There are two.",
        "Write down the number for one layer; the layers share nothing.",
    ),
)


def evaluations_of_genetic(generations: int, population: int, elite: int, layers: int) -> int:
    """For each layer, a whole population first, then the new individuals of each generation."""
    new = population - elite
    return layers * (population + generations * new)


def _genetic_counts(rng: np.random.Generator) -> Iterator[tuple[int, int, int, int]]:
    yield 1, 2, 1, 1
    yield 0, 4, 1, 2
    yield 20, 12, 2, 5
    yield 3, 6, 0, 2
    yield 4, 5, 5, 3  # nobody is new
    yield int(rng.integers(2, 30)), int(rng.integers(8, 20)), int(rng.integers(1, 7)), int(rng.integers(2, 9))


EVALUATIONS_GA = Exercise(
    id="comparison.evaluations_of_genetic",
    title="What a genetic algorithm spends",
    minutes=5,
    objective="count every evaluation of a genetic algorithm, including the initial populations",
    why="The published number of 1,000 includes neither annealing's 5 starts nor the 60 initial individuals.",
    stub='''def evaluations_of_genetic(generations, population, elite, layers):
    """Return how often the cost is called. An elite keeps its costs and is not evaluated again.

    Each layer starts with a population of its own, and then breeds `generations` times.
    """
    ...
''',
    reference=evaluations_of_genetic,
    read=results.count,
    properties=(Examples("Every call of the cost counts, and none twice", _genetic_counts),),
    possible=lambda generations, population, elite, layers: elite <= population,
    misconceptions=(
        Misconception(
            "initial populations forgotten",
            "The initial populations are missing: their costs are needed before parents can be selected.",
            lambda generations, population, elite, layers: layers * generations * (population - elite),
        ),
        Misconception(
            "the elite evaluated again",
            "The elite is counted in every generation, but its costs are already known.",
            lambda generations, population, elite, layers: layers * population * (generations + 1),
        ),
        Misconception(
            "one initial population",
            "Only one initial population is counted, but each layer starts with its own.",
            lambda generations, population, elite, layers: population + layers * generations * (population - elite),
        ),
        Misconception(
            "an elite at the start",
            "In the initial population no cost is known yet, so every individual counts, the elite too.",
            lambda generations, population, elite, layers: layers * (generations + 1) * (population - elite),
        ),
        Misconception(
            "one layer",
            "This is what one layer costs; the others come on top.",
            lambda generations, population, elite, layers: population + generations * (population - elite),
        ),
        Misconception(
            "generations times population",
            "This is generations times population: it leaves out the initial populations and counts the elite again in "
            "each generation.",
            lambda generations, population, elite, layers: layers * generations * population,
        ),
    ),
    hints=(
        "Take one layer. How many costs are needed before the first generation, and how many are new in each one?",
        "Individuals of the elite are not new. Add the start and the generations, then think of all layers.",
    ),
)

# --- bootstrap_interval ---------------------------------------------------------------------------------------------

VALUES = np.array([0.7, 0.05, 4.5, 1.1, 0.4, 2.6, 0.2, 1.7])  # skewed, so that a symmetric interval shows
LOW, HIGH = 0.1234564, 0.9876543
ONE_HIGH = np.array([LOW, LOW, HIGH, LOW, LOW])
# The number of five draws that are HIGH is binomial: 0 with 0.328, at most 1 with 0.737, 2 with 0.942, 3 with 0.993. So
# these are the exact ends of the interval for each level, whatever the convention for a quantile between two values.
ENDS = {0.2: (1, 1), 0.6: (0, 2), 0.94: (0, 3)}
RESAMPLES, EXACT = 4000, 40_000
THREE = np.array([100.0, 1.0, 10.0])  # resamples of different values have different means


def bootstrap_interval(
    values: Any, rng: np.random.Generator, level: float = 0.95, resamples: int = 2000
) -> tuple[float, float]:
    """Quantiles of the means of resampled values (Efron 1979)."""
    means = rng.choice(values, size=(resamples, len(values)), replace=True).mean(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _high_share(draws: int) -> float:
    return LOW + draws / len(ONE_HIGH) * (HIGH - LOW)


def _ends(trial: Trial, level: float) -> NDArray[np.float64]:
    """The answer's interval for ONE_HIGH, as numbers of draws that are HIGH, 0 to 5."""
    if level not in trial.notes:
        ends = np.array(trial.result(ONE_HIGH, trial.generator(), level, RESAMPLES))
        trial.notes[level] = (ends - LOW) / (HIGH - LOW) * len(ONE_HIGH)
    return trial.notes[level]  # type: ignore[no-any-return]


def _as_counted(found: Any, wanted: Any) -> bool:
    return bool(np.allclose(found, wanted, rtol=0, atol=2e-6))


@functools.cache
def _exact(level: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The interval of VALUES from very many resamples, and the standard deviation of each end for one resample.

    The deviation of a quantile's estimate is sqrt(q (1 - q) / n) over the density there (David & Nagaraja 2003).
    """
    means = np.sort(np.random.default_rng(0).choice(VALUES, (EXACT, len(VALUES))).mean(axis=1))
    shares = np.array([(1 - level) / 2, (1 + level) / 2])
    width = 0.01
    slope = (np.quantile(means, shares + width) - np.quantile(means, shares - width)) / (2 * width)
    return np.quantile(means, shares), np.sqrt(shares * (1 - shares)) * slope


def _ordered(trial: Trial) -> None:
    low, high = trial.result(np.array([2.0, 2.0, 2.0]), trial.generator())
    trial.expect(abs(low - 2) < 1e-5 and abs(high - 2) < 1e-5, f"should be (2.0, 2.0), yours is ({low}, {high})")
    low, high = trial.result(VALUES, trial.generator())
    trial.expect(low < high, f"should be a low and a high end, yours is {low:.4g} and {high:.4g}")


def _percentiles(trial: Trial) -> None:
    for level, wanted in ENDS.items():
        ends = _ends(trial, level)
        right, yours = ([float(_high_share(end)) for end in pair] for pair in (wanted, ends))
        trial.expect(
            _as_counted(ends, wanted),
            f"should be ({right[0]:.7g}, {right[1]:.7g}), yours is ({yours[0]:.7g}, {yours[1]:.7g})",
        )
    calls = trial.draws(4)

    def mean_ends(*settings: Any) -> Any:
        return np.mean([trial.result(VALUES, trial.generator(), *settings) for _ in range(calls)], axis=0)

    ends, deviation = _exact(0.95)
    bound = SIGMAS * deviation * np.sqrt(1 / (calls * 2000) + 1 / EXACT)
    # Conventions for a quantile between two values differ by less than one place of the sorted means.
    bound += 1.5 * deviation / np.sqrt((1 - 0.95**2) / 4) / 2000
    found = mean_ends()
    if (np.abs(found - ends) < bound).all():
        return
    if (np.abs(mean_ends(0.95, 2000) - ends) < bound).all():
        trial.fail("is right with level=0.95 and resamples=2000 given, but not without: look at the default values")
    trial.fail(
        f"should be about ({ends[0]:.3f}, {ends[1]:.3f}) with the default level and resamples; yours is about "
        f"({found[0]:.3f}, {found[1]:.3f})"
    )


def _resampled(trial: Trial) -> None:
    draws = trial.draws(400)
    means = []
    for _ in range(draws):
        low, high = trial.result(THREE, trial.generator(), 0.5, 1)
        trial.expect(
            abs(low - high) < 1e-4, f"should have both ends alike: one resample has one mean; yours is ({low}, {high})"
        )
        means.append(round(3 * low))
    chances = Counter(round(sum(drawn)) for drawn in itertools.product(THREE, repeat=3))
    for total in sorted({*means, *chances}):
        text = f"has the mean {total / 3:.4g} in {means.count(total)} of {draws} single resamples"
        trial.expect(total in chances, f"{text}, which no resample of three of the values has")
        chance = chances[total] / 27
        trial.expect(
            not unlikely(means.count(total), draws, chance), f"{text}; it should be about {chance * draws:.0f} times"
        )


def _made_of(
    statistic: Callable[[Any], Any] = lambda drawn: drawn.mean(axis=1),
    ends: Callable[[Any, float, Any], Any] = lambda means, level, values: np.quantile(
        means, [(1 - level) / 2, (1 + level) / 2]
    ),
    size: Callable[[int, int], int] = lambda length, resamples: length,
) -> Callable[..., Any]:
    """A bootstrap with this statistic of each resample, these ends, and resamples of this size."""

    def interval(values: Any, rng: Any, level: float = 0.95, resamples: int = 2000) -> Any:
        drawn = rng.choice(values, (resamples, size(len(values), resamples)))
        return tuple(np.asarray(ends(statistic(drawn), level, values)).tolist())

    return interval


def _of_values(values: Any, rng: Any, level: float = 0.95, resamples: int = 2000) -> Any:
    return tuple(np.quantile(values, [(1 - level) / 2, (1 + level) / 2]))


def _without_replacement(values: Any, rng: Any, level: float = 0.95, resamples: int = 2000) -> Any:
    means = [rng.permutation(values).mean() for _ in range(resamples)]
    return tuple(np.quantile(means, [(1 - level) / 2, (1 + level) / 2]))


def _half(level: float) -> float:
    from scipy.special import ndtri

    return float(ndtri((1 + level) / 2))


def _normal(values: Any, rng: Any, level: float = 0.95, resamples: int = 2000) -> Any:
    half = _half(level) * np.std(values) / np.sqrt(len(values))
    return np.mean(values) - half, np.mean(values) + half


def _fixed_number(values: Any, rng: Any, level: float = 0.95, resamples: int = 2000) -> Any:
    return bootstrap_interval(values, rng, level, 1000)


def _other_size(trial: Trial) -> bool:
    """Whether the means of single resamples are those of more values, or of fewer."""
    means = [trial.result(ONE_HIGH, trial.generator(), 0.5, 1) for _ in range(40)]
    shares = (np.mean(means, axis=1) - LOW) / (HIGH - LOW)
    if np.ptp(means, axis=1).max() > 1e-6:
        return False

    def whole(size: int) -> bool:
        return bool(np.allclose(shares * size, np.round(shares * size), atol=1e-4))

    return (any(whole(size) for size in range(2, 40)) and not whole(5)) or (whole(1) and _around_the_mean(trial))


def _around_the_mean(trial: Trial) -> bool:
    """Whether both ends are near the mean of the values, but not at it."""
    found = _ends(trial, 0.94)
    return bool((np.abs(found - 1) < 0.5).all()) and not _as_counted(found, (1, 1))


def _other_axis(trial: Trial) -> bool:
    """The means of the columns, or of everything: nearly the mean of the values."""
    single = [trial.result(ONE_HIGH, trial.generator(), 0.94, 1) for _ in range(20)]
    found = _ends(trial, 0.94)
    return bool(_around_the_mean(trial) and (np.ptp(single, axis=1).max() > 0.1 or found[0] == found[1]))


def _values_alone(trial: Trial) -> bool:
    """Percentiles of values, drawn or not: a fifth of them is HIGH."""
    return _as_counted(_ends(trial, 0.2), (0, 0)) and bool(_ends(trial, 0.8)[1] > 2.9)


def _looks_normal(trial: Trial) -> bool:
    """Whether the interval is symmetric around the mean and reaches below the smallest value."""
    found = _ends(trial, 0.94)
    return bool(abs(found.mean() - 1) < 0.15 and found[0] < -0.1)


def _looks_basic(trial: Trial) -> bool:
    return all(_as_counted(_ends(trial, level), (2 - high, 2 - low)) for level, (low, high) in ENDS.items())


def _has_ends(ends: dict[float, tuple[int, int]]) -> Callable[[Trial], bool]:
    return lambda trial: all(_as_counted(_ends(trial, level), wanted) for level, wanted in ends.items())


def _looks_extreme(trial: Trial) -> bool:
    return all(_ends(trial, level)[0] < 1e-6 and _ends(trial, level)[1] > 3.9 for level in ENDS)


def _looks_median(trial: Trial) -> bool:
    """Whether single resamples give medians: that of three values is the middle one in 13 of 27 cases."""
    middle = np.array([trial.result(THREE, trial.generator(), 0.5, 1)[0] for _ in range(400)])
    known = np.isclose(middle[:, np.newaxis], THREE, rtol=1e-6).any(axis=1)
    return bool(known.all()) and not unlikely(float(np.sum(middle < 5)), 400, 7 / 27) and np.mean(middle == 10) > 0.41


def _own_number(trial: Trial) -> bool:
    low, high = trial.result(VALUES, trial.generator(), 0.9, 1)
    return low < high and _has_ends(ENDS)(trial)


def _looks_rounded(trial: Trial) -> bool:
    found = np.array([trial.result(ONE_HIGH, trial.generator(), level, RESAMPLES) for level in ENDS])
    wanted = np.array([[_high_share(end) for end in ends] for ends in ENDS.values()])
    return any(np.allclose(found, np.round(wanted, digits), rtol=0, atol=1e-9) for digits in range(1, 7))


def _one_mean_only(trial: Trial) -> bool:
    return bool(np.allclose(trial.result(VALUES, trial.generator(), 0.9, 400), VALUES.mean(), rtol=1e-6))


BOOTSTRAP = Exercise(
    id="comparison.bootstrap_interval",
    title="A bootstrap interval",
    minutes=12,
    objective="put an interval around the mean of a few runs, without assuming a distribution",
    why="Without an interval the difference of two means says nothing; with four values even this one is too narrow.",
    stub='''def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    """Return (low, high), the percentile bootstrap interval of the mean of `values`, an array of shape (n,).

    Between the ends lies the share `level` of the means of `resamples` resamples, as much of the rest on each side.
    """
    ...
''',
    reference=bootstrap_interval,
    read=several(number, number),
    draw=lambda rng: (rng.permutation(VALUES), rng, 0.8, 20),
    properties=(
        Law("The low end comes first, and for equal values both ends are the same", _ordered),
        Law("The ends are percentiles of the means of resampled values", _percentiles),
        Law("A resample draws n of the n values, each with the same chance, with replacement", _resampled),
    ),
    misconceptions=(
        Misconception(
            "without replacement",
            "Every resample has the same mean: the values are only shuffled. Draw with replacement.",
            _without_replacement,
            sign=_one_mean_only,
        ),
        Misconception(
            "a median",
            "This takes the median of each resample; the interval is about the mean.",
            _made_of(lambda drawn: np.median(drawn, axis=1)),
            sign=_looks_median,
        ),
        Misconception(
            "the spread of the values",
            "These are percentiles of single values. The interval is about their mean, which varies much less.",
            _of_values,
            variants=(_made_of(size=lambda length, resamples: 1), _made_of(lambda drawn: drawn)),
            sign=_values_alone,
        ),
        Misconception(
            "the wrong axis",
            "These are not the means of the resamples: check the `axis`. Each resample has one mean, of its own draws.",
            _made_of(lambda drawn: drawn.mean(axis=0)),
            variants=(_made_of(lambda drawn: drawn.mean()),),
            sign=_other_axis,
        ),
        Misconception(
            "resamples of the wrong size",
            "A resample should have as many values as `values`: fewer make the interval too wide, more too narrow.",
            _made_of(size=lambda length, resamples: max(1, length - 1)),
            variants=(
                _made_of(size=lambda length, resamples: 2 * length),
                _made_of(size=lambda length, resamples: resamples),
            ),
            sign=_other_size,
        ),
        Misconception(
            "the whole rest on each side",
            "The interval is too narrow: the share outside it must be split, half on each side.",
            _made_of(ends=lambda means, level, values: np.sort(np.quantile(means, [1 - level, level]))),
            sign=_has_ends({0.6: (1, 1)}),
        ),
        Misconception(
            "the whole rest on one side",
            "The whole share outside the interval is on one side. Half of it belongs on each side.",
            _made_of(ends=lambda means, level, values: np.quantile(means, [0, level])),
            sign=_has_ends({0.2: (0, 0), 0.6: (0, 1)}),
        ),
        Misconception(
            "percentages for shares",
            "Both ends are among the very smallest means: `np.percentile` takes numbers from 0 to 100, `np.quantile` "
            "from 0 to 1.",
            _made_of(ends=lambda means, level, values: np.percentile(means, [(1 - level) / 2, (1 + level) / 2])),
            sign=_has_ends({0.2: (0, 0), 0.6: (0, 0), 0.94: (0, 0)}),
        ),
        Misconception(
            "a fixed level",
            "The level is always 0.95: use the argument `level`.",
            _made_of(ends=lambda means, level, values: np.quantile(means, [0.025, 0.975])),
            sign=_has_ends({0.2: (0, 3), 0.6: (0, 3)}),
        ),
        Misconception(
            "a fixed number of resamples",
            "The number of resamples is always the same: use the argument `resamples`.",
            _fixed_number,
            sign=_own_number,
        ),
        Misconception(
            "smallest and largest",
            "These are always the smallest and the largest mean: use the argument `level`.",
            _made_of(ends=lambda means, level, values: [means.min(), means.max()]),
            sign=_looks_extreme,
        ),
        Misconception(
            "a formula for the normal distribution",
            "This interval is symmetric around the mean and uses no random numbers: it is a formula that assumes a "
            "normal distribution, not a bootstrap.",
            _normal,
            sign=lambda trial: (
                not trial.advances(VALUES, trial.generator(), 0.9, 100)
                and abs(np.mean(trial.result(VALUES, trial.generator(), 0.9, 100)) - VALUES.mean()) < 1e-6
            ),
        ),
        Misconception(
            "a standard deviation",
            "This interval is symmetric around the mean and can reach below the smallest value: it is made from the "
            "standard deviation of the means, not from their percentiles.",
            _made_of(ends=lambda means, level, values: means.mean() + np.array([-1, 1]) * _half(level) * means.std()),
            sign=_looks_normal,
        ),
        Misconception(
            "the basic interval",
            "This is the basic bootstrap interval, the percentiles mirrored at the mean. The percentile interval uses "
            "them as they are.",
            _made_of(
                ends=lambda means, level, values: (
                    2 * np.mean(values) - np.quantile(means, [(1 + level) / 2, (1 - level) / 2])
                )
            ),
            sign=_looks_basic,
        ),
        Misconception(
            "rounded",
            "The result is rounded. Return all its digits: it can be rounded when it is printed.",
            _made_of(ends=lambda means, level, values: np.quantile(means, [(1 - level) / 2, (1 + level) / 2]).round(4)),
            variants=(
                _made_of(
                    ends=lambda means, level, values: np.quantile(means, [(1 - level) / 2, (1 + level) / 2]).round(6)
                ),
            ),
            sign=_looks_rounded,
        ),
    ),
    hints=(
        "A resample has as many values as the original and is drawn from it with replacement. What is its mean?",
        "Draw many resamples and keep only their means. `rng.choice` can draw them all at once, in two dimensions.",
        "The interval holds the middle `level` of these means: which two quantiles leave the same share on each side?",
    ),
)

# --- magnitude_mask -------------------------------------------------------------------------------------------------


def magnitude_mask(weights: Any, sparsity: float) -> Any:
    """Prune the first weights in the order of their magnitudes."""
    order = np.argsort(np.abs(weights), axis=None)
    mask = np.ones(weights.size, dtype=bool)
    mask[order[: round(sparsity * weights.size)]] = False
    return mask.reshape(weights.shape)


def _layers(rng: np.random.Generator) -> Iterator[tuple[Any, float]]:
    yield np.array([3.0, -1.0]), 0.5
    yield np.array([0.5, -2.0, 1.0, -0.25, 4.0]), 0.4
    yield np.array([0.5, -2.0, 1.0, -0.25, 4.0]), 0.75  # 3.75 weights
    yield np.array([0.5, -2.0, 1.0, -0.25, 4.0]), 0.5  # 2.5 weights: `round` takes the even number
    yield np.array([0.5, -2.0, 1.0, -0.25, 4.0, 3.0, -5.0]), 0.5  # 3.5 weights
    yield np.array([1.0, -2.0, 3.0]), 0.0
    yield np.array([1.0, -2.0, 3.0]), 1.0
    for apart in (1e-3, 1e-6, 1e-10):  # nearly equal: rounding makes them equal, and noise changes their order
        yield np.array([1.0, -1.0, 1.0, -1.0, 1.0, -1.0]) * (1 + apart * np.array([3, 1, 5, 0, 4, 2])), 0.5
    yield 1e-5 * np.array([3.0, -1.0, 5.0, 0.5, -4.0, 2.0]), 0.5
    yield np.array([1e-5, 0.2, -0.03, 10.5, -9.5, 100.0]), 0.5  # as text in another order
    for shape, sparsity in (((4, 5), 0.3), ((5, 5, 1, 6), 0.8), ((7, 3), 0.05)):
        yield rng.permutation(np.arange(1.0, 1 + np.prod(shape))).reshape(shape) * rng.choice([-1, 1], shape), sparsity


TIES = (
    (np.array([1.0, -1.0, 1.0, 1.0]), 0.5),
    (np.zeros(5), 0.6),
    (np.array([[2.0, -1.0, 1.0], [1.0, 3.0, -1.0]]), 0.5),
    (np.array([0.0, 2.0, 0.0, 1.0]), 0.25),
)


def _exact_number(trial: Trial) -> None:
    for weights, sparsity in TIES:
        found = trial.result(weights, sparsity)
        trial.expect(found.shape == weights.shape, f"should have shape {weights.shape}, yours has {found.shape}")
        pruned, wanted = int(np.count_nonzero(~found)), round(sparsity * weights.size)
        trial.expect(pruned == wanted, f"should prune {wanted} weights, yours prunes {pruned}")
        size = np.abs(weights)
        trial.expect(size[~found].max() <= size[found].min(), "prunes a weight that is larger than one it keeps")


def _alike(trial: Trial, wrong: Callable[[Any, float], Any], inside: bool = False) -> bool:
    """Whether this function returns wrong masks; with `inside`, cases that prune nothing or everything are left out."""
    cases = [case for case in (*_layers(np.random.default_rng(0)), *TIES) if not inside or 0 < case[1] < 1]
    return all(np.array_equal(trial.result(*case), wrong(*case)) for case in cases)


def _looks_tied(trial: Trial) -> bool:
    """Whether the answer is right without ties, but prunes or keeps equal magnitudes always together."""
    right = [np.array_equal(trial.result(*case), magnitude_mask(*case)) for case in _layers(np.random.default_rng(0))]
    return all(right) and all(
        found[np.abs(weights) == size].all() or not found[np.abs(weights) == size].any()
        for weights, sparsity in TIES
        for found in (trial.result(weights, sparsity),)
        for size in np.abs(weights).ravel()
    )


def _number_off(trial: Trial) -> bool:
    """Whether the smallest are pruned, but not always round(sparsity * size) of them."""
    off = 0
    for weights, sparsity in _layers(np.random.default_rng(0)):
        pruned = int(np.count_nonzero(~trial.result(weights, sparsity)))
        if not np.array_equal(trial.result(weights, sparsity), magnitude_mask(weights, pruned / weights.size)):
            return False
        off = max(off, abs(pruned - sparsity * weights.size))
    exact = all(abs(np.count_nonzero(~trial.result(*case)) - case[1] * case[0].size) < 1 for case in TIES)
    return 0.5 <= off < 1 and exact


def _by_threshold(weights: Any, sparsity: float) -> Any:
    count, size = round(sparsity * weights.size), np.abs(weights)
    return size > np.sort(size, axis=None)[count - 1] if count else np.ones(weights.shape, bool)


def _above_quantile(weights: Any, sparsity: float) -> Any:
    return np.abs(weights) > np.quantile(np.abs(weights), sparsity)


def _from_quantile(weights: Any, sparsity: float) -> Any:
    return np.abs(weights) >= np.quantile(np.abs(weights), sparsity)


def _by_number(number_: Callable[[int, float], float]) -> Callable[[Any, float], Any]:
    return lambda weights, sparsity: magnitude_mask(weights, number_(weights.size, sparsity) / weights.size)


def _ordered_by(score: Callable[[Any], Any]) -> Callable[[Any, float], Any]:
    def pruned(weights: Any, sparsity: float) -> Any:
        kept = np.ones(weights.size, bool)
        kept[np.argsort(score(weights), axis=None)[: round(sparsity * weights.size)]] = False
        return kept.reshape(weights.shape)

    return pruned


def _rows(weights: Any, sparsity: float) -> Any:
    rows = weights.reshape(-1, weights.shape[-1])
    return np.array([magnitude_mask(row, sparsity) for row in rows]).reshape(weights.shape)


def _columns(weights: Any, sparsity: float) -> Any:
    rows = weights.reshape(len(weights), -1)
    return np.array([magnitude_mask(row, sparsity) for row in rows]).reshape(weights.shape)


def _up_to_minus_none(weights: Any, sparsity: float) -> Any:
    kept = np.zeros(weights.size, bool)
    kept[np.argsort(-np.abs(weights), axis=None)[: -round(sparsity * weights.size)]] = True
    return kept.reshape(weights.shape)


def _zeros_too(weights: Any, sparsity: float) -> Any:
    return magnitude_mask(weights, sparsity) & (weights != 0)


MAGNITUDE = Exercise(
    id="comparison.magnitude_mask",
    title="The rule: prune the smallest",
    minutes=10,
    objective="write the simplest competitor of every search, with the exact number of weights",
    why="It costs one sort and no evaluation, and it beats a thousand evaluations of a blind search.",
    stub='''def magnitude_mask(weights, sparsity):
    """Return a mask that prunes exactly round(sparsity * size) weights, those of smallest magnitude.

    Where magnitudes are equal, any of them may go, but the number is exact.
    """
    ...
''',
    reference=magnitude_mask,
    read=mask,
    properties=(
        Examples("The smallest magnitudes are pruned", _layers),
        Law("The number is exact, ties or not", _exact_number),
    ),
    misconceptions=(
        Misconception(
            "zeros always pruned",
            "Weights that are 0 are always pruned here: only the number of weights counts, and a weight of 0 may stay.",
            _zeros_too,
            sign=lambda trial: (
                not trial.result(np.array([0.0, 2.0, 0.0, 1.0]), 0.0)[[0, 2]].any()
                and trial.result(np.array([5.0, 2.0, 3.0, 1.0]), 0.0).all()
            ),
        ),
        Misconception(
            "a threshold",
            "Equal magnitudes are all pruned or all kept, so the number is not exact: no threshold can separate them.",
            _by_threshold,
            sign=_looks_tied,
        ),
        Misconception(
            "a quantile",
            "The threshold is a quantile of the magnitudes. There may be more or fewer than round(sparsity * size) "
            "below it: sort them, and prune exactly that many, the smallest.",
            _above_quantile,
            variants=(_from_quantile,),
            sign=lambda trial: (
                _alike(trial, _above_quantile, inside=True) or _alike(trial, _from_quantile, inside=True)
            ),
        ),
        Misconception(
            "the sign counts",
            "The weights are sorted with their signs, so large negative ones are pruned first. Use their magnitudes.",
            _ordered_by(lambda weights: weights),
        ),
        Misconception(
            "the mask inverted",
            "The mask is the wrong way round: it should be True where a weight is kept.",
            lambda weights, sparsity: ~magnitude_mask(weights, sparsity),
        ),
        Misconception(
            "the largest pruned",
            "The largest magnitudes are pruned: prune the smallest.",
            _ordered_by(lambda weights: -np.abs(weights)),
        ),
        Misconception(
            "the share that is kept",
            "`sparsity` is the share that is pruned; this keeps that share and prunes the rest.",
            lambda weights, sparsity: magnitude_mask(weights, 1 - sparsity),
        ),
        Misconception(
            "nothing to prune",
            "With nothing to prune, everything is pruned: a slice that ends at -0 is empty.",
            _up_to_minus_none,
        ),
        Misconception(
            "row by row",
            "The same share of each row is pruned. Prune the smallest magnitudes of the whole layer, in whichever row.",
            _rows,
            variants=(_columns,),
        ),
        Misconception(
            "rounded differently",
            "The number of pruned weights is not always round(sparsity * size): `int` rounds down, `np.ceil` rounds "
            "up, and only `round` turns 2.5 into 2 and 3.5 into 4.",
            _by_number(lambda size, sparsity: int(sparsity * size)),
            variants=(
                _by_number(lambda size, sparsity: int(sparsity * size + 0.5)),
                _by_number(lambda size, sparsity: np.ceil(sparsity * size)),
                _by_number(lambda size, sparsity: size - round((1 - sparsity) * size)),
            ),
            sign=_number_off,
        ),
    ),
    hints=(
        "First count: how many weights must be pruned? Then find which ones, by the order of their magnitudes.",
        "`np.argsort(..., axis=None)` gives indices in flattened order; make a flat mask and reshape it at the end.",
    ),
)

# --- pareto_front ---------------------------------------------------------------------------------------------------


def pareto_front(points: Any) -> list[int]:
    """Every row that no other row dominates."""
    front = []
    for index, (loss, sparsity) in enumerate(points):
        as_good = (points[:, 0] <= loss) & (points[:, 1] >= sparsity)
        better = (points[:, 0] < loss) | (points[:, 1] > sparsity)
        if not (as_good & better).any():
            front.append(index)
    return front


def _fronts(rng: np.random.Generator) -> Iterator[tuple[Any]]:
    yield (np.array([[0.5, 0.5]]),)
    yield (np.array([[0.1, 0.9], [0.2, 0.5]]),)
    yield (np.array([[0.2, 0.5], [0.1, 0.9]]),)
    yield (np.array([[0.1, 0.2], [0.5, 0.8], [0.6, 0.7]]),)
    yield (np.array([[0.5, 0.8], [0.3, 0.5], [0.1, 0.2]]),)  # the middle belongs to the front
    yield (np.array([[0.5, 0.5], [0.5, 0.7], [0.4, 0.5]]),)  # equal in one column
    yield (np.array([[0.2, 0.5], [0.9, 0.1], [0.2, 0.5]]),)  # two equal rows
    yield (np.array([[0.2, 0.5], [0.2 + 1e-9, 0.5], [0.3, 0.6], [0.3, 0.6 - 1e-9]]),)  # nearly equal ones
    # As text, 10.5 would come before 9.5, 1e-05 after 0.2, and -2.5 after -10.5.
    yield (np.array([[10.5, 0.5], [9.5, 0.4], [100.0, 0.7], [20.0, 0.6]]),)
    yield (np.array([[0.2, 0.1], [1e-5, 0.00001], [0.3, 1e-5], [0.1, 0.01]]),)
    yield (np.array([[-2.5, 9.0], [-10.5, 10.0], [3.0, 11.0], [0.5, 100.0]]),)
    for count in (8, 30):
        yield (rng.integers(0, 6, size=(count, 2)) / 5,)
        yield (rng.random((count, 2)),)
        yield (np.column_stack([np.sort(rng.random(count)), rng.random(count)])[::-1].copy(),)


def _front(points: Any, dominated: Any) -> list[int]:
    return [i for i, p in enumerate(points) if not any(dominated(p, q) for j, q in enumerate(points) if j != i)]


def _better(p: Any, q: Any) -> bool:
    return bool(q[0] <= p[0] and q[1] >= p[1] and (q[0] < p[0] or q[1] > p[1]))


def _nearly_better(p: Any, q: Any) -> bool:
    near = 1e-6
    no_worse = q[0] <= p[0] + near and q[1] >= p[1] - near
    return bool(no_worse and (q[0] < p[0] - near or q[1] > p[1] + near))


def _first_of_equals(points: Any) -> list[int]:
    seen = [tuple(point) for point in points]
    return [index for index in pareto_front(points) if seen.index(seen[index]) == index]


def _before(points: Any) -> list[int]:
    return [i for i, p in enumerate(points) if not any(_better(p, q) for q in points[:i])]


def _neighbours(points: Any) -> list[int]:
    return [i for i, p in enumerate(points) if i == 0 or not _better(p, points[i - 1])]


PARETO = Exercise(
    id="comparison.pareto_front",
    title="The Pareto front",
    minutes=12,
    objective="find the results of a comparison that no other result beats",
    why="Two goals can be compared without weighing one against the other: whatever is not on the front is beaten.",
    stub='''def pareto_front(points):
    """Return the ascending indices of the non-dominated rows of `points`, an array of shape (n, 2): loss, sparsity.

    A low loss is good, a high sparsity is good. A row is dominated by another one that is at least as good in both
    and better in one; equal rows do not dominate each other.
    """
    ...
''',
    reference=pareto_front,
    read=rows,
    properties=(Examples("A row stays unless another is at least as good in both and better in one", _fronts),),
    misconceptions=(
        Misconception(
            "both low",
            "This prefers a low sparsity: a low loss is good, but so is a high sparsity.",
            lambda points: _front(points, lambda p, q: q[0] <= p[0] and q[1] <= p[1] and (q[0] < p[0] or q[1] < p[1])),
        ),
        Misconception(
            "better in both",
            "A row is dropped only if another is better in both columns. Better in one, equal in the other is enough.",
            lambda points: _front(points, lambda p, q: q[0] < p[0] and q[1] > p[1]),
        ),
        Misconception(
            "equal rows drop each other",
            "Equal rows remove each other, so both are lost: to dominate, a row must be better in at least one column.",
            lambda points: _front(points, lambda p, q: q[0] <= p[0] and q[1] >= p[1]),
        ),
        Misconception(
            "the extremes only",
            "Only the best of each column is kept. Rows between them can be non-dominated too.",
            lambda points: sorted({int(np.argmin(points[:, 0])), int(np.argmax(points[:, 1]))}),
        ),
        Misconception(
            "both high",
            "This prefers a high loss: a high sparsity is good, but the loss should be low.",
            lambda points: _front(points, lambda p, q: q[0] >= p[0] and q[1] >= p[1] and (q[0] > p[0] or q[1] > p[1])),
        ),
        Misconception(
            "the columns swapped",
            "The columns are exchanged, or both directions are: the first column is the loss, which should be low, the "
            "second the sparsity, which should be high.",
            lambda points: _front(points, lambda p, q: _better(q, p)),
        ),
        Misconception(
            "a row against itself",
            "No row is left, not even the best: each one is compared with itself, and is at least as good in both.",
            lambda points: [],
        ),
        Misconception(
            "the first of equal rows",
            "Only the first of equal rows is kept. They do not dominate each other, so all of them are on the front.",
            _first_of_equals,
        ),
        Misconception(
            "the dominated ones",
            "These are the rows that are dominated; the front consists of all the others.",
            lambda points: [i for i in range(len(points)) if i not in pareto_front(points)],
        ),
        Misconception(
            "not ascending",
            "These are the right rows, but not in ascending order.",
            lambda points: sorted(pareto_front(points), key=lambda i: (points[i, 0], -points[i, 1], i)),
            variants=(
                lambda points: pareto_front(points)[::-1],
                lambda points: sorted(pareto_front(points), key=lambda i: (-points[i, 1], points[i, 0], i)),
            ),
            sign=lambda trial: all(
                sorted(trial.result(points)) == pareto_front(points) for (points,) in _fronts(np.random.default_rng(0))
            ),
        ),
        Misconception(
            "counted from 1",
            "These are the right rows, but counted from 1. Indices count from 0.",
            lambda points: [i + 1 for i in pareto_front(points)],
        ),
        Misconception(
            "nearly equal is equal",
            "Rows that are nearly equal are treated as equal: compare the numbers as they are.",
            lambda points: _front(points, _nearly_better),
            variants=(
                lambda points: pareto_front(np.round(points, 3)),
                lambda points: pareto_front(np.round(points, 6)),
            ),
        ),
        Misconception(
            "only those before",
            "A row is compared only with the rows before it: a later row can dominate it as well.",
            _before,
        ),
        Misconception(
            "only the neighbour",
            "A row is compared only with the one above it: any other row can dominate it.",
            _neighbours,
        ),
    ),
    hints=(
        "First write a test for two rows: does q dominate p? It needs three or four comparisons.",
        "A row is on the front when no other one passes that test against it. Try it on two equal rows.",
    ),
)

EXERCISES = (TRADE_OFF, EVALUATIONS_SA, EVALUATIONS_GA, BOOTSTRAP, MAGNITUDE, PARETO)
