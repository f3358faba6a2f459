# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: jupytext,kernelspec,-jupytext.text_representation.jupytext_version
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 05 Comparing two searches honestly
#
# The published experiment (notebook 01) has a table: simulated annealing keeps 87.44% accuracy, the genetic algorithm
# 89.02%, at a mean layer sparsity of about two fifths. Which search is better? In this notebook you find out what such
# a table would need before anybody could say, and then you make one that has it.
#
# All numbers in the text were measured with MNIST. With the stand-in digits yours differ, and two methods may change
# places.
#
# **Objectives.** After this notebook you can
#
# - count what a search really spends, and give two searches the same budget;
# - explain why images that chose a mask must not judge it;
# - put an interval around the mean of a few seeds, and say how often such an interval is right;
# - name the controls that belong in the table, and read a Pareto front.
#
# **Minutes.** Reading 35; exercises 3 + 3 + 5 + 12 + 10 + 12 = 45; about 80 in all.
#
# **Prerequisites.** Notebooks 02 (cost, two sparsities), 03 (annealing) and 04 (genetic algorithm).

# %% cellView="form" jupyter={"source_hidden": true} tags=["setup", "nbval-ignore-output"]
# @title Set-up, the same in every notebook: run this cell first
class _SetUp:
    import glob, importlib.util, pathlib, sys, zipfile

    archives = sorted([*glob.glob("lessonkit*.[wz][hi][lp]"), *glob.glob("../lessonkit*.[wz][hi][lp]")], reverse=True)
    zips = map(zipfile.ZipFile, filter(zipfile.is_zipfile, archives))
    sys.path += [str(p) for p in pathlib.Path("_").absolute().parents if (p / "lessonkit" / "__init__.py").is_file()]
    sys.path += [f"{z.filename}/{n[:-21]}" for z in zips for n in z.namelist() if n.endswith("lessonkit/__init__.py")]
    if not getattr(importlib.util.find_spec("lessonkit"), "origin", None):
        looked = ", ".join([str(pathlib.Path.cwd()), *archives])
        raise ImportError(f"no whole lessonkit in {looked}: put its zip, wheel or folder beside this notebook (again)")
    importlib.import_module("lessonkit.course.setup_cell").start()


# %%
import dataclasses

import numpy as np
from scipy import stats

from lessonkit import Evaluator, load_mnist, load_network, measures as statistics
from lessonkit.experiments import presets
from lessonkit.experiments.comparison import compare
from lessonkit.exercises import check, hint, progress, solution
from lessonkit.lessons.comparison import figures
from lessonkit.experiments.layerwise import prune_layerwise
from lessonkit.masks import flip, global_sparsity
from lessonkit.experiments.published import PUBLISHED, TRAINED_ACCURACY
from lessonkit.experiments.report import published_table

# %%
print(published_table())

# %% [markdown]
# (`mean sp.` is the mean layer sparsity, over the five layers; one run of each search.)
#
# **Write down, before you read on:**
#
# 1. Which search is better, and how sure are you, in percent?
# 2. Somebody sorts the weights by size and throws away the smallest, as many as annealing did. No search at all. What
#    accuracy is left?
# 3. Four runs of the same search with four seeds: how far apart are the best and the worst accuracy?
#
# ## One number out of two
#
# The published ranking uses a trade-off score: the sparsity times the share of the accuracy that is left.

# %% [markdown]
# ### Exercise: the trade-off score
#
# **Objective:** put sparsity and accuracy into one number, and recompute a published one. **3 minutes.**
#
# Return $s \cdot a / a_0$ for sparsity $s$, accuracy $a$ and the unpruned network's accuracy $a_0$.
#
# *Stuck?* `hint("comparison.trade_off_score", 1)`


# %%
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    """Return the sparsity times the share of the baseline's accuracy that is left."""
    ### BEGIN SOLUTION
    return sparsity * accuracy / baseline_accuracy
    ### END SOLUTION


# %%
trade_off_score = check("comparison.trade_off_score", trade_off_score)

# %%
PUBLISHED_SCORES = {"annealing": 0.3951, "genetic": 0.3784}
UNPRUNED = TRAINED_ACCURACY
for name, published in PUBLISHED.items():
    score = trade_off_score(published["mean_layer_sparsity"], published["accuracy"], UNPRUNED)
    print(f"{name:10} recomputed {score:.4f}   published {PUBLISHED_SCORES[name]:.4f}")

# %% [markdown]
# **What do you notice?** One of the two does not match. Which accuracy would give the published score?

# %%
final = PUBLISHED["annealing"]
needed = PUBLISHED_SCORES["annealing"] * UNPRUNED / final["mean_layer_sparsity"]
print(f"accuracy behind the published score: about {needed:.4f}; published final accuracy: {final['accuracy']:.4f}")

# %% [markdown]
# <details><summary>Answer</summary>
#
# The score of annealing was computed with an accuracy of about 0.8763, which is not the final one. With the final
# accuracy, 0.8744, it is 0.3943. The error is small and changes no rank. But nobody could have seen it in a table that
# gives the score alone: publish the parts, and recompute the scores of others.
#
# </details>

# %% [markdown]
# ## Equal budgets
#
# "200 iterations per layer" and "20 generations of 10 children per layer": for five layers both come to 1,000. Count
# again, and include every call of the cost. The start of an annealing run must be evaluated, and so must every first
# population.

# %% [markdown]
# ### Exercise: what annealing spends
#
# **Objective:** count every evaluation of annealing, layer by layer. **3 minutes.**
#
# Return how often the cost is called when each of `layers` layers is annealed for `iterations` steps.
#
# *Stuck?* `hint("comparison.evaluations_of_annealing", 1)`


# %%
def evaluations_of_annealing(iterations, layers):
    """Return how often the cost is called when each layer is annealed for `iterations` steps from its own start."""
    ### BEGIN SOLUTION
    return layers * (iterations + 1)
    ### END SOLUTION


# %%
evaluations_of_annealing = check("comparison.evaluations_of_annealing", evaluations_of_annealing)

# %% [markdown]
# ### Exercise: what a genetic algorithm spends
#
# **Objective:** count every evaluation of a genetic algorithm, including the initial populations. **5 minutes.**
#
# Return how often the cost is called. The elite keeps its costs and is not evaluated again.
#
# *Stuck?* `hint("comparison.evaluations_of_genetic", 1)`


# %%
def evaluations_of_genetic(generations, population, elite, layers):
    """Return how often the cost is called. An elite keeps its costs and is not evaluated again.

    Each layer starts with a population of its own, and then breeds `generations` times.
    """
    ### BEGIN SOLUTION
    children = generations * (population - elite)
    return layers * (population + children)
    ### END SOLUTION


# %%
evaluations_of_genetic = check("comparison.evaluations_of_genetic", evaluations_of_genetic)

# %% [markdown]
# Now compare with the engine's own counter. We run both searches with the published settings, which the package calls
# the REFERENCE preset, and count. Only the counts interest us here, so 20 validation images are enough.

# %% tags=["mnist"]
data = load_mnist()
network = load_network(data.name)
tiny = data.validation.head(20)
counter = Evaluator(network, tiny.images, tiny.labels)
roomy = max(1.0, 10 * counter.evaluate(network.keep_all()).loss)  # the first threshold must lie above this loss
settings = presets.REFERENCE.genetic
expected = {
    "annealing": evaluations_of_annealing(presets.REFERENCE.annealing["iterations"], 5),
    "genetic": evaluations_of_genetic(settings["generations"], settings["population"], settings["elite"], 5),
}
for name in ("annealing", "genetic"):
    search = presets.REFERENCE.search(name)
    found = prune_layerwise(search, counter, loss_to_warmup=roomy, rng=np.random.default_rng(0))
    print(f"{name:10} your count {expected[name]:,}, the engine's counter {found.evaluations:,}")

# %% [markdown]
# If the counter of the genetic algorithm shows more than the formula, the extra evaluations are *redraws*: as long as a
# whole first population gets the penalty, the published algorithm draws another one. Those are evaluations too. From
# here on a search gets a budget of evaluations, whatever it does with it: `compare(..., evaluations=200)`.

# %% [markdown]
# ## The images that choose must not judge
#
# The published search scored its candidates on the test images and reported its result on the same test images. Does
# that matter? Draw 300 masks for the last layer, each pruning about a fifth of it blindly (`flip` flips each bit of a
# full mask with probability 0.2). Score all on the same 50 images, take the winner, and look at it again on 2,000 fresh
# images.

# %% tags=["mnist"]
masks = network.keep_all()
LAST = len(masks) - 1
rng = np.random.default_rng(5)
candidates = [flip(masks[LAST], 0.2, rng) for _ in range(300)]
images, labels = data.validation.images, data.validation.labels
few_images = Evaluator(network, images[:50], labels[:50]).layer(LAST, masks)
fresh_images = Evaluator(network, images[50:2050], labels[50:2050]).layer(LAST, masks)
seen_loss = np.array([evaluation.loss for evaluation in few_images.evaluate(candidates)])
fresh_loss = np.array([evaluation.loss for evaluation in fresh_images.evaluate(candidates)])
winner = int(np.argmin(seen_loss))
print(f"mean of all masks:  loss {seen_loss.mean():.3f} on the few images, {fresh_loss.mean():.3f} on fresh ones")
print(f"the winner:         loss {seen_loss[winner]:.3f} on the few images, {fresh_loss[winner]:.3f} on fresh ones")
print(f"rank of the winner on fresh images: {np.sum(fresh_loss < fresh_loss[winner]) + 1} of 300")

# %% tags=["mnist"]
figures.winner_plot(seen_loss, fresh_loss)

# %% [markdown]
# **What do you notice?** How much worse is the average mask on the fresh images? And how much worse is the winner?
#
# <details><summary>Answer</summary>
#
# The winner was chosen *because* its loss on these images is low: partly it is good, partly it is lucky with them. On
# fresh images the luck is gone, so its loss rises more than that of the average mask. Every search does this a thousand
# times in a row. With 10,000 test images the effect is smaller than with 50, and a single winner may even do better on
# fresh images; but on average the images that chose it flatter it, and the more candidates were tried, the more. So:
# search on validation images, and use the test images once.
#
# </details>

# %% [markdown]
# ## Several seeds, and the controls
#
# Now our own table. Both searches run with the course's settings: four seeds each, 200 counted evaluations per run, 300
# validation images. The numbers are small so that it takes seconds. (`python -m lessonkit compare` runs the full size.)
# Each result is judged once, on 2,000 test images. Beside each search are the *controls*, made without any search at
# the sparsity that it reached: random masks, and magnitude pruning, layer by layer and over the whole network.
#
# The course's settings (the COURSE preset) differ from the published ones. A move really flips bits, so a pruned weight
# can come back. Both searches begin each layer far from the full mask; annealing begins with about 60% of the layer
# pruned. If everything that they drew gets the penalty, they draw again, closer to the full mask. Every redraw is
# counted. All runs prune the same network and see the same images; a seed changes only what the search draws.

# %% tags=["mnist"]
quick = dataclasses.replace(data, test=data.test.head(2000))
comparison = compare(["annealing", "genetic"], seeds=range(4), evaluations=200, search_images=300, data=quick)
rows = comparison.rows
for row in rows:
    if not row.is_control:
        print(
            f"{row.method:10} seed {row.seed}: {row.evaluation.correct:4} of 2000 right, "
            f"loss {row.evaluation.loss:.3f}, global sparsity {global_sparsity(row.masks):.3f}, "
            f"{row.evaluations} evaluations"
        )
print(f"unpruned: {comparison.baseline.correct} of 2000 right")

# %% [markdown]
# Compare with your third prediction. One seed of each search: that is what the published table shows.
#
# How certain is a mean of four runs? The *bootstrap* answers without a formula for the distribution: draw four values
# from your four, with replacement, take their mean, repeat 2,000 times, and cut off 2.5% of the means at either end.

# %% [markdown]
# ### Exercise: a bootstrap interval
#
# **Objective:** put an interval around the mean of a few runs, without assuming a distribution. **12 minutes.**
#
# Return `(low, high)`, the quantiles of the resampled means that leave the share `level` between them.
#
# *Stuck?* `hint("comparison.bootstrap_interval", 1)`


# %%
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    """Return (low, high), the percentile bootstrap interval of the mean of `values`, an array of shape (n,).

    Between the ends lies the share `level` of the means of `resamples` resamples, as much of the rest on each side.
    """
    ### BEGIN SOLUTION
    values = np.asarray(values)
    means = [rng.choice(values, size=len(values), replace=True).mean() for _ in range(resamples)]
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return low, high
    ### END SOLUTION


# %%
bootstrap_interval = check("comparison.bootstrap_interval", bootstrap_interval)

# %% tags=["mnist"]
rng = np.random.default_rng(0)
accuracies = {}
for row in rows:
    accuracies.setdefault(row.method, []).append(row.evaluation.accuracy)
intervals = {name: bootstrap_interval(np.array(values), rng) for name, values in accuracies.items()}
for name in ("annealing", "genetic"):
    print(
        f"{name:10} mean accuracy {np.mean(accuracies[name]):.3f}, "
        f"bootstrap interval {intervals[name][0]:.3f} to {intervals[name][1]:.3f}"
    )

# %% [markdown]
# Is it a 95% interval, as its `level` says? You can test that: draw $n$ values from a normal distribution whose mean,
# 0, we know, compute the interval, and count how often it covers that mean. `statistics.bootstrap_interval` is the
# engine's version of your exercise, quick enough to do it 2,000 times. Beside it is Student's $t$ interval, the
# textbook formula $\bar x \pm t \, s / \sqrt n$, which assumes a normal distribution.

# %%
rng = np.random.default_rng(0)
coverage = {}
for n in (4, 10, 20):
    samples = rng.normal(0, 1, (2000, n))
    ends = np.array([statistics.bootstrap_interval(sample, rng, resamples=500) for sample in samples])
    reach = stats.t.ppf(0.975, n - 1) * samples.std(axis=1, ddof=1) / np.sqrt(n)
    coverage[n] = np.mean((ends[:, 0] < 0) & (ends[:, 1] > 0))
    print(
        f"{n:2} values: the bootstrap interval covers the mean in {coverage[n]:.0%} of the trials, "
        f"the t interval in {np.mean(np.abs(samples.mean(axis=1)) < reach):.0%}"
    )

# %% [markdown]
# With four values the bootstrap interval is far too narrow: it can only repeat what it has seen. Say so wherever you
# show one, or run more seeds.
#
# And is annealing better than the genetic algorithm? It is tempting to subtract seed by seed. But two different
# searches share nothing under one seed: each draws different numbers for a different purpose, and which run of one is
# matched with which run of the other is arbitrary. They are two independent samples. Welch's $t$ interval is made for
# their difference.

# %% tags=["mnist"]
welch = stats.ttest_ind(accuracies["annealing"], accuracies["genetic"], equal_var=False).confidence_interval()
difference = np.mean(accuracies["annealing"]) - np.mean(accuracies["genetic"])
print(f"annealing - genetic: {difference:+.3f}, 95% interval {welch.low:+.3f} to {welch.high:+.3f}")
for name in ("annealing", "genetic"):
    pruned = [global_sparsity(row.masks) for row in rows if row.method == name]
    print(f"{name:10} mean global sparsity {np.mean(pruned):.3f}, between {min(pruned):.3f} and {max(pruned):.3f}")

# %% [markdown]
# An interval that contains 0 means: these runs cannot tell the two apart. One that does not would speak about *this*
# budget, *these* settings, one network and one set of images. And the two searches ended at different sparsities. A
# search that prunes more may lose more accuracy, so the difference of the accuracies alone does not rank them, however
# narrow its interval. A fair comparison fixes the sparsity (notebook 06) or shows both goals (below).
#
# ## What was missing from the table
#
# So far two searches were compared with each other. Nobody has asked whether a search is needed.

# %% [markdown]
# ### Exercise: the rule: prune the smallest
#
# **Objective:** write the simplest competitor of every search, with the exact number of weights. **10 minutes.**
#
# Return a mask that prunes exactly `round(sparsity * size)` weights, those of smallest magnitude, ties or not.
#
# *Stuck?* `hint("comparison.magnitude_mask", 1)`


# %%
def magnitude_mask(weights, sparsity):
    """Return a mask that prunes exactly round(sparsity * size) weights, those of smallest magnitude.

    Where magnitudes are equal, any of them may go, but the number is exact.
    """
    ### BEGIN SOLUTION
    weights = np.asarray(weights)
    order = np.argsort(np.abs(weights), axis=None)
    mask = np.ones(weights.size, dtype=bool)
    mask[order[: round(sparsity * weights.size)]] = False
    return mask.reshape(weights.shape)
    ### END SOLUTION


# %%
magnitude_mask = check("comparison.magnitude_mask", magnitude_mask)

# %% tags=["mnist"]
searched = next(row for row in rows if row.method == "annealing")
yours = tuple(
    magnitude_mask(kernel, 1 - mask.mean()) for kernel, mask in zip(network.kernels, searched.masks, strict=True)
)
judged = Evaluator(network, quick.test.images, quick.test.labels).evaluate(yours)
print(
    f"annealing, seed 0:                {searched.evaluation.correct} of 2000 right, {searched.evaluations} evaluations"
)
print(f"magnitude, same layer sparsities: {judged.correct} of 2000 right, 0 evaluations")

# %% tags=["mnist"]
figures.intervals_plot(accuracies, intervals, coverage[4])

# %% [markdown]
# **What do you notice?** Look at your second prediction. What would the published table have had to contain, so that
# its readers could see this?
#
# <details><summary>Answer</summary>
#
# Sorting the weights once, with no evaluation at all, keeps far more accuracy at the same sparsity than either search.
# No interval is needed to see that: the worst control by magnitude is far above the best search. The published table
# has one seed, no interval, and no control, neither random nor magnitude. Random masks are the control that says "the
# search does something"; magnitude is the one that says "but not enough". A comparison of two methods is worth little
# as long as a third, simpler one beats both.
#
# </details>
#
# One more question. Here is the trade-off score of the same rows, once with each of the two sparsities:

# %% tags=["mnist"]
by_method = {}
for row in rows:
    plain = trade_off_score(global_sparsity(row.masks), row.evaluation.accuracy, comparison.baseline.accuracy)
    by_method.setdefault(row.method, []).append((row.trade_off, plain))
for name, scores in by_method.items():
    published_kind, plain_kind = np.mean(scores, axis=0)
    print(f"{name:34} with mean layer sparsity {published_kind:.3f}   with global sparsity {plain_kind:.3f}")

# %% [markdown]
# **What do you notice?** Why does global magnitude rank behind the searches in one column and at the top in the other?
#
# <details><summary>Answer</summary>
#
# Global magnitude takes almost everything from FC1, where most weights are, and leaves the small layers whole. In the
# plain mean over layers FC1 is one of five, so the score hardly sees what was saved. Each control has as many zeros as
# its search. A score that ranks a network with more accuracy and equally many zeros far lower measures the wrong thing;
# notebook 02 met the same two sparsities.
#
# </details>

# %% [markdown]
# ## Two goals, no weights: the Pareto front
#
# A score combines two goals with weights that somebody chose. Without weights one can still say: mask A *dominates*
# mask B when its loss is no higher, its sparsity is no lower, and one of the two is better. The masks that no other
# mask dominates form the *Pareto front*.

# %% [markdown]
# ### Exercise: the Pareto front
#
# **Objective:** find the results of a comparison that no other result beats. **12 minutes.**
#
# Return the ascending indices of the non-dominated rows of `points`, columns loss (low is good) and sparsity (high is
# good). Equal rows do not dominate each other.
#
# *Stuck?* `hint("comparison.pareto_front", 1)`


# %%
def pareto_front(points):
    """Return the ascending indices of the non-dominated rows of `points`, an array of shape (n, 2): loss, sparsity.

    A low loss is good, a high sparsity is good. A row is dominated by another one that is at least as good in both
    and better in one; equal rows do not dominate each other.
    """
    ### BEGIN SOLUTION
    points = [tuple(point) for point in points]

    def dominates(a, b):
        return a[0] <= b[0] and a[1] >= b[1] and a != b

    return [index for index, point in enumerate(points) if not any(dominates(other, point) for other in points)]
    ### END SOLUTION


# %%
pareto_front = check("comparison.pareto_front", pareto_front)

# %% [markdown]
# The next cell collects every step of the first run of each search (a proposal of annealing, the best of a generation),
# layer after layer. To these it adds magnitude pruning in every layer at twenty sparsities, all on the same 300 images.
# Starts and redraws are not steps, so annealing has fewer points than evaluations. The sparsity here is the mean layer
# sparsity: it is what the cost asked both searches for, so the rule meets them on their own ground.

# %% tags=["mnist"]
search_images = data.validation.head(300)
evaluator = Evaluator(network, search_images.images, search_images.labels)
clouds = {}
for name in ("annealing", "genetic"):
    history = next(row for row in rows if row.method == name).history
    clouds[name] = [(step.loss, step.sparsity) for step in history]
clouds["magnitude per layer"] = []
for sparsity in np.linspace(0, 0.95, 20):
    pruned = [magnitude_mask(kernel, sparsity) for kernel in network.kernels]
    clouds["magnitude per layer"].append(
        (evaluator.evaluate(pruned).loss, np.mean([1 - mask.mean() for mask in pruned]))
    )
everything = np.array([point for cloud in clouds.values() for point in cloud])
owners = [name for name, cloud in clouds.items() for _ in cloud]
front = pareto_front(everything)
for name, cloud in clouds.items():
    print(f"{name:20} {len(cloud):3} masks, {sum(owners[index] == name for index in front):2} of them on the front")

# %% tags=["mnist"]
figures.front_plot(clouds, everything[list(front)])

# %% [markdown]
# ## Try it: the race
#
# The lab replays recorded runs of 1,000 evaluations with their controls, up to the evaluation that you choose. (A
# search with a smaller budget would share it out among the layers; these runs have only reached the first layers by
# then.) Show one seed: at which points is GA ahead of SA? Does that hold with three seeds? Then switch the metric from
# the trade-off score to accuracy: which line is on top now, and why was it so low before?

# %% tags=["mnist"]
from lessonkit.labs import RaceLab

RaceLab()

# %% [markdown]
# ## Recap
#
# - A budget is counted in evaluations, every one of them: starts, first populations, redraws.
# - Images that chose a mask flatter it. Search on validation images; the test images are used once.
# - One seed is an anecdote. Give several, and an interval whose coverage you know: a bootstrap of four
#   values covers the mean in 79% of the cases, not in 95%.
# - Compare accuracies at equal sparsity, and pair runs only if they share something.
# - Controls belong in every table: random says whether the search does anything, magnitude whether it is needed.
# - Report both goals. A front needs no weights; a score needs its formula, its sparsity and its parts.
#
# ## Check yourself
#
# 1. A colleague gives both searches the same *seconds* instead of the same evaluations. When is that fairer, and what
#    does it make worse?
#
# <details><summary>Answer</summary>
#
# It is fairer when evaluations differ in cost (batches, another number of images) or when a search computes a lot
# between them. But seconds depend on the machine, the load and the programmer, so nobody can repeat the comparison
# exactly.
#
# </details>
#
# 2. You run 20 seeds of A and report the best; your rival reports the mean of 20 seeds of B. What is wrong?
#
# <details><summary>Answer</summary>
#
# The best of 20 used 20 budgets and was chosen by its result: winner's curse. Compare means with means, or best of 20
# with best of 20, and judge the chosen ones on fresh images.
#
# </details>
#
# 3. Two masks have loss 0.20 at sparsity 0.50, a third has loss 0.20 at 0.40. Which are on the front?
#
# <details><summary>Answer</summary>
#
# The first two: they are equal, so neither dominates the other. Both dominate the third.
#
# </details>
#
# ## Where to read on
#
# - Bradley Efron and Robert Tibshirani, 1993, *An Introduction to the Bootstrap*.
# - Song Han, Jeff Pool, John Tran and William Dally, 2015, "Learning both weights and connections for efficient neural
#   networks": magnitude pruning.
# - Davis Blalock, Jose Javier Gonzalez Ortiz, Jonathan Frankle and John Guttag, 2020, "What is the state of neural
#   network pruning?": 81 papers, and how few of them can be compared.

# %%
progress()
