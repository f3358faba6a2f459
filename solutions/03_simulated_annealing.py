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
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["badge"]
# <!-- The badge's place; `publish` fills it in. -->

# %% [markdown]
# # 03 Simulated annealing, from nothing
#
# Hot metal that cools slowly finds an order that cold hammering never finds: while it is hot, atoms also move the wrong
# way. Simulated annealing does the same with any cost. In this notebook you write it, let it prune a real layer, read
# its trace, and then find out what a published experiment of this name really did.
#
# **Objectives.** After this notebook you can
#
# - write simulated annealing from nothing: acceptance, cooling, moves, and the loop around them;
# - run it on a layer of a trained network, count what it spends, and read its trace;
# - tell from a trace whether the temperature had a say;
# - hand your own search to the course's layer-wise pruning.
#
# **Minutes.** Reading 30; exercises 6 + 4 + 4 + 8 + 20; about 75 in all.
#
# **Prerequisites.** Notebooks 01 and 02: masks, sparsity, the cost with its threshold.

# %% tags=["setup", "nbval-ignore-output"]
# Set-up, the same in every notebook: find the course's package, and say what is in use.
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PUBLISHED = ""
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


def package_in(archive):
    """The unpacked folder that holds the package of a wheel, of a zip, or of a wheel within a zip; or None."""
    unpacked = Path(tempfile.mkdtemp(prefix="lessonkit-"))
    try:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(unpacked)
    except zipfile.BadZipFile:
        raise ImportError(f"{archive.name} is damaged or only half uploaded: put it here once more.") from None
    for package in unpacked.rglob("lessonkit/__init__.py"):
        return package.parent.parent
    for wheel in unpacked.rglob("lessonkit*.whl"):
        return package_in(wheel)
    return None


def find_lessonkit():
    """Installed; in this folder or one above; in a wheel or zip beside the notebook or one above it; or published."""
    found = importlib.util.find_spec("lessonkit")
    if found is not None and found.origin is not None:
        return
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "lessonkit" / "__init__.py").is_file():
            sys.path.insert(0, str(folder))
            return
    for folder in (here, here.parent):
        for archive in sorted((*folder.glob("lessonkit*.whl"), *folder.glob("lessonkit*.zip")), reverse=True):
            if package := package_in(archive):
                sys.path.insert(0, str(package))
                return
    if PUBLISHED:  # --no-deps: TensorFlow, numpy and ipywidgets stay as they are
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", PUBLISHED], check=True)
        return
    raise ModuleNotFoundError(
        "the package 'lessonkit' is not here. Put the course's folder, its zip, or its wheel (lessonkit-*.whl)\n"
        f"into {here}, beside this notebook (in Colab: Files, Upload), and run this cell again."
    )


find_lessonkit()
importlib.invalidate_caches()
from lessonkit.course.setup_cell import in_use

print(in_use())

# %%
import math
from functools import partial
from itertools import pairwise

import numpy as np

from lessonkit import Evaluator, load_mnist, load_network
from lessonkit import annealing as engine
from lessonkit.baselines import magnitude_mask, magnitude_per_layer
from lessonkit.exercises import check, progress, whose
from lessonkit.figures import lesson03 as figures
from lessonkit.layerwise import layer_problem, prune_layerwise
from lessonkit.masks import global_sparsity, mean_layer_sparsity, replace_layer
from lessonkit.presets import PUBLISHED, REFERENCE

# %% [markdown]
# **Write down, before you go on:**
#
# 1. A search may flip any bit of a mask; another may only prune and never restore. Both spend 200 evaluations on a
#    layer. Which ends at the lower cost, and which at the lower loss?
# 2. The initial temperature is made 1,000 times lower. How much will that change the result of each of the two?
#
# ## Sometimes uphill
#
# A search stands on a mask with cost $C$ and looks at a neighbour with cost $C'$. Always going downhill ends in the
# first valley. The **Metropolis rule** also goes uphill, with a probability that falls with the height
# $\Delta = C' - C$ and with the cold:
#
# $$P(\Delta, T) = \begin{cases} 1 & \Delta \le 0 \\ e^{-\Delta / T} & \Delta > 0. \end{cases}$$
#
# ### Exercise: the Metropolis rule
#
# After this you can state how likely a worse candidate is accepted, and compute it safely. **6 minutes.**
#
# Return a `float`. Any finite numbers may come, $10^8$ among them: nothing may overflow.
#
# *Stuck? `hint("annealing.acceptance_probability", 1)`*


# %%
def acceptance_probability(delta, temperature):
    """Return the chance to accept a change of the cost by `delta`: 1 unless it rises, else exp(-delta / temperature).

    Any finite numbers, with temperature > 0.
    """
    ### BEGIN SOLUTION
    if delta <= 0:
        return 1.0
    return math.exp(-delta / temperature)
    ### END SOLUTION


# %%
acceptance_probability = check("annealing.acceptance_probability", acceptance_probability)

# %%
figures.acceptance_plot(acceptance_probability, [1.0, 0.3, 0.1])

# %% [markdown]
# The temperature is measured in units of the cost. "Hot" and "cold" mean nothing by themselves: what counts is
# $\Delta / T$.
#
# ## Cooling
#
# A **cooling schedule** says how the temperature falls. The experiment takes a logarithm:
#
# $$T(t) = \frac{T_0}{1 + \ln(1 + t)}.$$
#
# ### Exercise: a cooling schedule
#
# **4 minutes.** Return a `float`: the temperature at `step`, which counts from 0.
#
# *Stuck? `hint("annealing.logarithmic_cooling", 1)`*


# %%
def logarithmic_cooling(initial, step):
    """Return initial / (1 + ln(1 + step))."""
    ### BEGIN SOLUTION
    return initial / (1 + math.log(1 + step))
    ### END SOLUTION


# %%
logarithmic_cooling = check("annealing.logarithmic_cooling", logarithmic_cooling)

# %%
steps = range(200)
figures.lines_plot(
    steps,
    {
        "logarithmic": [logarithmic_cooling(1.0, step) for step in steps],
        "linear": [engine.linear_cooling(1.0, step, 200) for step in steps],
        "geometric": [engine.geometric_cooling(1.0, step, 200) for step in steps],
    },
    "temperature",
)

# %% [markdown]
# With a logarithm slow enough the walk finds the lowest cost for certain, given time without end (Geman and Geman
# 1984). In 200 steps it mostly means that the search never gets cold.
#
# ## How large a step?
#
# A proposal changes each bit of the mask with a small probability, the **mutation rate**. The experiment begins with
# 0.15 and lets the rate fall to 0: large changes first, small ones at the end. The text gives a formula with a minus
# sign, $r_t = r_0 - t / N$. The experiment's own figures follow another one, $r_t = r_0 \, (1 - t / N)$. Here are both,
# for $r_0 = 0.15$ and $N = 200$ steps:

# %%
start, count = 0.15, 200
print("step   r0 - t/N   r0 (1 - t/N)")
for step in (0, 10, 30, 31, 100, 199):
    print(f"{step:4}{start - step / count:11.3f}{start * (1 - step / count):15.3f}")

# %% [markdown]
# **What do you notice?**
#
# <details><summary>Answer</summary>
#
# A rate is a probability. The printed formula, which subtracts, is at zero after 30 of 200 steps and negative from then
# on: no bit would ever flip again. The one that multiplies falls to 0 exactly at the end. A formula is checked at its
# ends before it is used.
#
# </details>
#
# ### Exercise: a rate that falls
#
# **4 minutes.** Return a `float`: from `rate` at step 0 in a straight line to 0 at step `total`.
#
# *Stuck? `hint("annealing.adaptive_mutation_rate", 1)`*


# %%
def adaptive_mutation_rate(rate, step, total):
    """Return rate * (1 - step / total)."""
    ### BEGIN SOLUTION
    return rate * (1 - step / total)
    ### END SOLUTION


# %%
adaptive_mutation_rate = check("annealing.adaptive_mutation_rate", adaptive_mutation_rate)

# %% [markdown]
# ## A neighbour
#
# ### Exercise: a neighbour of a mask
#
# After this you can propose a random change of a mask, and say what its distribution is. **8 minutes.**
#
# Return a **new** mask in which each bit of `mask` is flipped, independently of the others, with probability `rate`.
# Take all random numbers from `rng`, so that the run can be repeated.
#
# *Stuck? `hint("annealing.flip_neighbour", 1)`*


# %%
def flip_neighbour(mask, rate, rng):
    """Return a new mask, each bit of `mask` flipped independently with probability `rate`."""
    ### BEGIN SOLUTION
    flips = rng.random(mask.shape) < rate
    return mask ^ flips
    ### END SOLUTION


# %%
flip_neighbour = check("annealing.flip_neighbour", flip_neighbour)

# %% [markdown]
# Where do flips lead when nobody judges them? Here is the mask of the Output layer (84 x 10 weights), after 0, 1, 5 and
# 50 steps at rate 0.15:

# %%
data = load_mnist()
network = load_network(data.name)
last = len(network.layers) - 1
rng = np.random.default_rng(0)
walk = [np.ones(network.kernels[last].shape, dtype=bool)]
for _ in range(50):
    walk.append(flip_neighbour(walk[-1], 0.15, rng))
figures.masks_plot({f"step {step}": walk[step] for step in (0, 1, 5, 50)})

# %% [markdown]
# A share $s$ of the bits is pruned. A flip with rate $r$ prunes $r (1 - s)$ and restores $r s$, so on average
#
# $$s' = s + r (1 - 2 s).$$
#
# The fixed point is $s = 1/2$. There are simply more masks with half of the bits pruned than of any other kind, and a
# blind walk ends where most masks are. A search that wants more than half has to climb against this drift.
#
# ## The whole search
#
# Now put the pieces together. In words:
#
# 1. Evaluate `start`. It is the current mask, and the best so far.
# 2. For each step $t = 0, \dots, N - 1$: propose a neighbour of the *current* mask at the rate of this step; evaluate
#    it; accept it with the Metropolis probability at the temperature of this step.
# 3. Whenever a proposal is cheaper than the best so far, remember it **with its own cost**, accepted or not.
#
# ### Exercise: simulated annealing
#
# After this you have written simulated annealing from nothing, and know what it spends. **20 minutes.**
#
# Return the pair `(best_mask, best_cost)`. `cost` is a function of a mask; it is slow, so it must be called exactly
# `iterations + 1` times. `temperature` and `rate` are the initial ones. Use the four functions above.
#
# *Stuck? `hint("annealing.anneal", 1)`*


# %%
def anneal(cost, start, temperature, rate, iterations, rng):
    """Return (best_mask, best_cost): the best mask seen, with its own cost.

    Each iteration flips bits of the current mask (flip_neighbour at the adaptive rate) and accepts the proposal by
    the Metropolis rule at the logarithmic temperature. `cost` is called exactly iterations + 1 times.
    """
    ### BEGIN SOLUTION
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost
    ### END SOLUTION


# %%
anneal = check("annealing.anneal", anneal)

# %% [markdown]
# ## A real layer
#
# `layer_problem` makes the problem of one layer: all other layers stay as they are, 1,000 validation images give the
# loss, and the cost is the one of notebook 02 with the layer's own threshold. It takes a list of candidates and returns
# their costs; for one mask that is `problem.cost([mask])[0]`. And it counts every evaluation.

# %% tags=["mnist"]
held = data.validation.head(1000)
evaluator = Evaluator(network, held.images, held.labels)
whole = network.keep_all()
baseline = evaluator.evaluate(whole)
problem = layer_problem(evaluator, last, whole, baseline.loss)
told = []


def cost(mask):
    """The cost of one mask of the Output layer; every answer is also noted down."""
    told.append(float(problem.cost([mask])[0]))
    return told[-1]


mask, best_cost = anneal(cost, whole[last], temperature=0.1, rate=0.15, iterations=200, rng=np.random.default_rng(0))
found = evaluator.evaluate(replace_layer(whole, last, mask))
pruned = 1 - mask.mean()
print(f"annealed by {whose('annealing.anneal')}")
print(f"unpruned: loss {baseline.loss:.4f}, {baseline.correct} of {baseline.images} right")
print(f"Output layer at sparsity {pruned:.3f}: cost {best_cost:.3f}, loss {found.loss:.4f}, {found.correct} right")
print(f"evaluations counted: {problem.evaluations}")

# %% tags=["mnist"]
figures.run_plot(told, f"One layer annealed by {whose('annealing.anneal')}")

# %% [markdown]
# Is that good? No result stands alone in this course. The rule of notebook 01, the smallest weights of the same layer,
# at the same sparsity, costs one evaluation:

# %% tags=["mnist"]
rule = magnitude_mask(network.kernels[last], pruned)
print(f"search: cost {best_cost:.3f}   rule: cost {problem.cost([rule])[0]:.3f}")
judged = evaluator.evaluate(replace_layer(whole, last, rule))
print(f"search: loss {found.loss:.4f}   rule: loss {judged.loss:.4f}, {judged.correct} of {judged.images} right")

# %% [markdown]
# The sparsity is the same, so the difference in cost is the loss alone, squared. Which of the two would you rather
# have? Notebook 05 makes such comparisons properly, and notebook 06 asks how a search must be posed to win.
#
# ## Reading a trace
#
# The engine's `anneal` is the loop you have just written, with a history. It takes the problem itself, and each row of
# its table is one proposal: its cost, the best cost so far, whether it was accepted, the temperature and the rate.


# %% tags=["mnist"]
def trace(search, layer, seed=0, **settings):
    """Run a search of the engine on one layer of the unpruned network; return its result."""
    problem = layer_problem(evaluator, layer, whole, baseline.loss)
    return search(problem, whole[layer], rng=np.random.default_rng(seed), **settings)


run = trace(engine.anneal, last, iterations=200, temperature=0.1, mutation_rate=0.15)
table = run.table()
columns = ["step", "cost", "best_cost", "accepted", "temperature", "rate", "sparsity"]
print(table.loc[[0, 1, 2, 50, 100, 150, 199], columns].to_string(index=False, float_format=lambda x: f"{x:.4f}"))

# %% tags=["mnist"]
figures.trace_plot(table)

# %% [markdown]
# Read it from left to right. The first proposals fall steeply: while the sparsity is small, nearly every pruned weight
# is a gain. Then most proposals are refused, and the best cost falls in few and small steps. At the end the rate is so
# small that a proposal changes only a few bits, and more of them are accepted again.
#
# How many of the proposals that made the cost *worse* were accepted? That is the number to look at first, because
# it says whether the temperature fits the cost.


# %% tags=["mnist"]
def uphill_accepted(table):
    """Shares of the uphill proposals that were accepted, in each quarter of a run; the start is taken from row 0."""
    current, rows = math.inf, []
    for step, cost, accepted in zip(table["step"], table["cost"], table["accepted"], strict=True):
        if cost > current:
            rows.append((step, accepted))
        if accepted:
            current = cost
    quarter = len(table) / 4
    groups = [[accepted for step, accepted in rows if step // quarter == part] for part in range(4)]
    return [f"{sum(group):3} of {len(group):3}" for group in groups]


print("uphill proposals accepted, by quarter of the run")
for heat in (1.0, 0.1, 0.01):
    result = trace(engine.anneal, last, iterations=200, temperature=heat, mutation_rate=0.15)
    print(f"T0 = {heat:<5}  {'   '.join(uphill_accepted(result.table()))}   best cost {result.cost:.3f}")

# %% [markdown]
# **What do you notice?** Is the run at $T_0 = 0.1$, which you have just read, annealing at all? And does going uphill
# pay here?
#
# <details><summary>Answer</summary>
#
# At $T_0 = 0.1$ hardly any uphill proposal is accepted: that is nearly a plain descent, and a still lower temperature
# changes little. At $T_0 = 1$, the experiment's choice, a good part of them is accepted to the very end, and the walk
# drifts towards one half like the blind one above. With 200 evaluations the descent ends lower: there is no time to
# lose. A temperature is chosen from the rises that really occur, and from the budget; it is no round number.
#
# </details>
#
# The lab draws the rises that occur, and what a temperature makes of them (it needs a running kernel):

# %% tags=["mnist"]
from lessonkit.labs import TemperatureLab

TemperatureLab()

# %% [markdown]
# ## All five layers, by your own search
#
# `prune_layerwise` goes through the network: search the first layer's mask, keep the best, go on to the next. It calls
# any search as `search(problem, start, rng=..., callback=...)`. A small wrapper brings your `anneal` into this form. To
# stay fast it has only 30 iterations a layer here; the published run has 200. `loss_to_warmup` is 2.0, twice the
# published one, because on these images the first threshold would leave Conv1 little room (notebook 02).


# %% tags=["mnist"]
def my_search(problem, start, *, rng, callback=None):
    """My own annealing, as `prune_layerwise` calls a search."""

    def cost(mask):
        return float(problem.cost([mask])[0])

    return anneal(cost, start, temperature=0.1, rate=0.15, iterations=30, rng=rng)


def report(name, masks, judge):
    """One line about the masks of all layers."""
    found = judge.evaluate(masks)
    shares = f"mean layer sparsity {mean_layer_sparsity(masks):.3f}, global {global_sparsity(masks):.3f}"
    print(f"{name:22} {shares}, loss {found.loss:.3f}, {found.correct} of {found.images} right")


mine = prune_layerwise(my_search, evaluator, loss_to_warmup=2.0, rng=np.random.default_rng(0))
print(f"searched by {whose('annealing.anneal')}, {mine.evaluations} evaluations, cost {mine.cost:.3f}")
report("the search", mine.masks, evaluator)
shares = [1 - mask.mean() for mask in mine.masks]
report("the rule, same layers", magnitude_per_layer(network.kernels, shares), evaluator)

# %% [markdown]
# Both lines prune the same share of every layer; the rule needed no evaluation.
#
# ## What did the published search do?
#
# The text of the experiment says that a proposal flips bits. `REFERENCE` holds its settings, moves included. Below, the
# engine runs with flips and with those settings, both on the Output layer and on your validation images. A count is
# kept along the *accepted* masks: how many weights were pruned from one to the next, and how many came back.


# %% tags=["mnist"]
def accepted_masks(search, layer, **settings):
    """Run a search; return its result and the masks that it stood on, one a step."""
    inner = layer_problem(evaluator, layer, whole, baseline.loss)
    seen = []

    def score(candidates):
        seen.extend(candidates)
        return inner.score(candidates)

    result = search(type(inner)(score), whole[layer], rng=np.random.default_rng(0), **settings)
    stood = [seen[0]]
    for step, proposal in zip(result.history, seen[1:], strict=True):
        stood.append(proposal if step.accepted else stood[-1])
    return result, stood


runs = {
    "flips": accepted_masks(engine.anneal, last, iterations=200, temperature=1.0, mutation_rate=0.15),
    "REFERENCE": accepted_masks(REFERENCE.search("annealing"), last),
}
print(f"{'':15}pruned on the way   restored on the way")
for name, (_, stood) in runs.items():
    pairs = list(pairwise(stood))
    pruned = sum(int(np.count_nonzero(a & ~b)) for a, b in pairs)
    restored = sum(int(np.count_nonzero(~a & b)) for a, b in pairs)
    print(f"{name:15}{pruned:17,}{restored:22,}")

# %% tags=["mnist"]
figures.walks_plot({name: [1 - mask.mean() for mask in stood] for name, (_, stood) in runs.items()})

# %% [markdown]
# And a second oddity. Both once more, with initial temperatures from 1 to 0.001:

# %% tags=["mnist"]
searches = {"flips": partial(engine.anneal, mutation_rate=0.15), "REFERENCE": REFERENCE.search("annealing")}
print(f"{'':15}{'T0':>6}{'cost':>9}{'sparsity':>10}{'loss':>8}{'right':>7}{'refused':>9}")
for heat in (1.0, 0.1, 0.01, 0.001):
    for name, search in searches.items():
        result = trace(search, last, temperature=heat)
        refused = sum(not step.accepted for step in result.history)
        reached = result.evaluation
        line = f"{result.cost:9.3f}{1 - result.best.mean():10.3f}{reached.loss:8.3f}{reached.correct:7}{refused:9}"
        print(f"{name:15}{heat:6}{line}")

# %% [markdown]
# **What do you notice?** Return to your two predictions. Explain the column *refused* of the reference, and why its
# temperature hardly matters. Then unfold.
#
# <details><summary>Answer</summary>
#
# The text says flips; the experiment's proposals only ever switch weights *off*. A pruned weight never comes back. So
# each proposal has a higher sparsity than the mask it came from, and at these sparsities $1/s$ outweighs the loss:
# nearly every proposal below the threshold is cheaper, and every proposal above it costs $10^8$ more. The Metropolis
# rule is left with two cases, "cheaper" and "hopeless". In neither has the temperature a say. It is a search that walks
# straight up to the threshold and then spends the rest of its evaluations on candidates that bear the penalty.
#
# Its *cost* is lower all the same: the cost pays for sparsity (notebook 02), and pruning only escapes the drift towards
# one half. Its *loss* is at the threshold. Flips stay near one half and keep a better network. Neither is the better
# search; they ended at different sparsities, and can only be compared at the same one.
#
# </details>
#
# One seed is an anecdote. Three are still few, but they show whether the order is luck:

# %% tags=["mnist"]
for name, search in searches.items():
    costs = [trace(search, last, seed=seed, temperature=0.1).cost for seed in (0, 1, 2)]
    print(f"{name:15} T0 = 0.1, costs of three seeds: {'  '.join(f'{value:.3f}' for value in costs)}")

# %% [markdown]
# ## The reproduction, in small
#
# At last the published experiment itself: its moves, its $T_0$, its threshold. **It is scored on TEST images, as it was
# in the publication. This is a reproduction, not a way to work** (notebook 01 shows why). To stay fast it is a small
# one: every fifth test image and 40 iterations a layer, against all test images and 200 iterations in the publication.
# Do not expect the published figures to the digit.

# %% tags=["mnist"]
print(REFERENCE.label)
test = Evaluator(network, data.test.images[::5], data.test.labels[::5])
again = prune_layerwise(REFERENCE.search("annealing", evaluations_a_layer=41), test, rng=np.random.default_rng(0))
print(f"{again.evaluations} evaluations on {test.images:,} test images")
report("unpruned", whole, test)
report("reference, in small", again.masks, test)
report("the rule, same layers", magnitude_per_layer(network.kernels, [1 - mask.mean() for mask in again.masks]), test)
print()
row = PUBLISHED["annealing"]
shares = f"mean layer sparsity {row['mean_layer_sparsity']:.3f}"
print(f"{'published, in full':22} {shares}, loss {row['loss']:.3f}, accuracy {row['accuracy']:.4f}")

# %% [markdown]
# The full reproduction is a command, `python -m lessonkit compare --preset reference`.
#
# **Recap**
#
# - Annealing is a walk that always goes downhill and sometimes uphill: with $e^{-\Delta/T}$, and less as $T$ falls.
# - The best mask seen is kept with its own cost; a run of $N$ iterations spends $N + 1$ evaluations.
# - Look at the share of accepted uphill proposals first. A temperature is hot or cold only beside real $\Delta$.
# - Moves decide what a search can find: flips drift towards one half, prune-only moves run into the threshold and leave
#   the temperature nothing to do.
# - The rule has stood beside every result of this notebook. Keep it there.
#
# ## Check yourself
#
# 1. A proposal raises the cost by 0.2. With which probability is it accepted at $T = 1$, and at $T = 0.1$?
#
# <details><summary>Answer</summary>
#
# $e^{-0.2} \approx 0.82$ and $e^{-2} \approx 0.14$.
#
# </details>
#
# 2. Somebody returns the *last* mask in place of the best one. When does it make a difference, and when hardly any?
#
# <details><summary>Answer</summary>
#
# While the walk is still hot at the end, as with the logarithmic schedule, the last mask can be much worse than the
# best. A run that has become quite cold ends on or near its best.
#
# </details>
#
# 3. You change the cost from $C$ to $10\,C$. What must you change in the search so that it does the same as before?
#
# <details><summary>Answer</summary>
#
# The initial temperature, by the same factor 10: only $\Delta / T$ matters.
#
# </details>
#
# **Where to read on**
#
# - Metropolis, Rosenbluth, Rosenbluth, Teller, Teller (1953), *Equation of state calculations by fast computing
#   machines*.
# - Kirkpatrick, Gelatt, Vecchi (1983), *Optimization by simulated annealing*.
# - Geman, Geman (1984), *Stochastic relaxation, Gibbs distributions, and the Bayesian restoration of images*: how slow
#   cooling must be.
# - Aarts, Korst (1989), *Simulated annealing and Boltzmann machines*.

# %%
progress()
