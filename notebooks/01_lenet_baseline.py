# ---
# jupyter:
#   jupytext:
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
# # 01 The baseline: LeNet-5, its weights, and a first mask
#
# A trained network holds tens of thousands of weights. Many of them can be set to zero and the network hardly notices;
# others must not be touched. A **mask** says which stay. This course searches for good masks. Before any search you
# need four things that you can trust: the network, a count of its weights, images held back, and a way to apply a mask.
#
# **Objectives.** After this notebook you can
#
# - explain the shape of every layer of LeNet-5 and count its weights without running it;
# - split data so that no image is in both parts, and say why a search must not see the test images;
# - mask a layer without touching the network it came from;
# - measure accuracy, and say how far to trust a number measured on few images.
#
# **Minutes.** Reading 25; exercises 8 + 10 + 5 + 5; about 55 in all.
#
# **Prerequisites.** Python, numpy arrays, a little Keras.

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
import numpy as np

from lessonkit import Evaluator, load_baseline, load_mnist, load_network
from lessonkit.controls import lowest_pruned, magnitude_global, random_masks
from lessonkit.exercises import check, hint, progress, solution
from lessonkit.lessons.baseline import figures
from lessonkit.experiments.presets import REFERENCE
from lessonkit.experiments.published import PATHS

# %% [markdown]
# The cell above imports what the course provides. Each name is explained where it is first used. Four of them belong to
# the exercises: `check` judges your answer, `hint` and `solution` help, `progress` lists what you have solved.
#
# **Write down, before you read on:**
#
# 1. Set 40% of the network's weights to zero, chosen at random. What accuracy is left? (The whole network has about 97%
#    on MNIST, a little less on the stand-in data that the next section explains.)
# 2. And if you set the 40% with the smallest absolute values to zero?
#
# Nothing is trained afterwards. You will come back to your two numbers below.
#
# ## The images
#
# MNIST holds handwritten digits of 28 x 28 pixels, scaled to $[0, 1]$. If MNIST is not available, the course uses a
# **stand-in**: smaller digits that come with scikit-learn, enlarged. The set-up cell says which of the two you have.
# Where the text quotes a measured number, it is the one measured with MNIST.

# %%
data = load_mnist()
figures.digits_plot(data.train)

# %% tags=["mnist"]
print(f"{len(data.train):,} training, {len(data.validation):,} validation, {len(data.test):,} test images")

# %% [markdown]
# Three parts, three jobs:
#
# - **training** images fit the weights (this has been done for you: 50 epochs of plain SGD);
# - **validation** images decide between masks: these are the images that a search looks at;
# - **test** images are looked at once, at the very end, to say how good the decision was.
#
# ## LeNet-5, layer by layer
#
# A convolution with kernel side $k$, padding $p$ on each side and stride 1 turns a side of $n$ pixels into
#
# $$n' = n + 2p - k + 1.$$
#
# "Same" padding takes $p = (k-1)/2$ and keeps the side; "valid" takes $p = 0$. Pooling over 2 x 2 windows halves the
# side. So the image shrinks like this: $28 \to 28 \to 14 \to 10 \to 5$, and $5 \cdot 5 \cdot 16 = 400$ numbers go into
# the dense layers.

# %%
model = load_baseline()
print(f"{'layer':10}{'output':>14}{'kernel':>18}{'weights':>9}{'biases':>8}")
for layer in model.layers:
    output = " x ".join(str(size) for size in layer.output.shape[1:])
    shapes = [tuple(weights.shape) for weights in layer.weights]
    kernel = " x ".join(str(size) for size in shapes[0]) if shapes else ""
    counts = [f"{np.prod(shape):,}" for shape in shapes] or ["", ""]
    print(f"{layer.name:10}{output:>14}{kernel:>18}{counts[0]:>9}{counts[1]:>8}")
print(f"all parameters: {model.count_params():,}")

# %% [markdown]
# A convolution of $f$ filters over $c$ channels has $k \cdot k \cdot c \cdot f$ weights, a dense layer from $a$ to $b$
# units has $a \cdot b$. Check two rows of the table by hand: Conv2 is $5 \cdot 5 \cdot 6 \cdot 16$, FC1 is
# $400 \cdot 120$. In addition, each filter and each unit has one bias.
#
# A mask covers **weights only, never biases**: a weight is a connection that can be cut. A bias is not.
#
# ### Exercise: count the weights that can be pruned
#
# **Objective:** find the kernels of a Keras model and count their weights. **8 minutes.**
#
# Return an `int`: the total number of weights in the kernels of all convolutions and dense layers of `model`. Biases do
# not count, and neither do other kinds of layers.
#
# *Stuck?* `hint("baseline.count_prunable_weights", 1)`


# %%
def count_prunable_weights(model):
    """Return how many weights the convolutions (any kind) and dense layers of `model` have: an `int`, no biases."""
    ...


# %%
count_prunable_weights = check("baseline.count_prunable_weights", count_prunable_weights)

# %%
total = count_prunable_weights(model)
print(f"{total:,} prunable weights of {model.count_params():,} parameters; {model.count_params() - total} biases")

# %% [markdown]
# So a mask of LeNet-5 is a string of 61,470 bits, and there are $2^{61470}$ of them. Nobody will try them all.
#
# From here on the course uses the same network without Keras: `load_network()` gives the trained weights as numpy
# arrays, and an `Evaluator` measures masks on given images. It is much faster, and further down you will check that it
# agrees with Keras.

# %%
network = load_network(data.name)
figures.weights_plot(network.names, [kernel.size for kernel in network.kernels])

# %% [markdown]
# **What do you notice?** Which layer would you prune to make the network small? Which layer could you prune away
# completely without a visible change in the total? You will need this picture in the next notebook.
#
# ## Hold images back
#
# The training images above and the validation images were one set before somebody split it. Splitting sounds trivial,
# but it is where many experiments go wrong: an image in both parts, labels that no longer belong to their images, a
# sorted data set cut in the middle.
#
# ### Exercise: hold out validation images
#
# **Objective:** split images and labels at random so that no image is in both parts. **10 minutes.**
#
# `images` has the shape `(n, 28, 28, 1)`, or any other shape whose first axis counts the $n$ examples; `labels` has the
# shape `(n,)`. Return four numpy arrays: training images, training labels, validation images, validation labels.
# Exactly `round(fraction * n)` of the examples go to validation, chosen by the generator `rng`; every image keeps its
# label. Only the first axis gets shorter: an empty part, too, has images of the shape `(0, 28, 28, 1)`.
#
# *Stuck?* `hint("baseline.split_validation", 1)`


# %%
def split_validation(images, labels, fraction, rng):
    """Return (train_images, train_labels, validation_images, validation_labels), four arrays.

    `images` has shape (n, height, width, 1), `labels` (n,). round(fraction * n) of the images, chosen by `rng`, are
    for validation, all others for training; each image keeps its own label.
    """
    ...


# %%
split_validation = check("baseline.split_validation", split_validation)

# %%
some = data.train.head(2000)
parts = split_validation(some.images, some.labels, 0.2, np.random.default_rng(1))
print("training:  ", parts[0].shape, parts[1].shape)
print("validation:", parts[2].shape, parts[3].shape)

# %% [markdown]
# ## Apply a mask
#
# A mask $m$ has the shape of the weights $w$; `True` keeps a weight, `False` prunes it:
#
# $$\tilde w_i = \begin{cases} w_i & \text{if } m_i \\ 0 & \text{otherwise.} \end{cases}$$
#
# The share of zeros is the **sparsity**.
#
# ### Exercise: apply a mask
#
# **Objective:** prune a layer without touching the network it came from. **5 minutes.**
#
# Return a **new** numpy array of the weights' shape: the weights where `mask` is `True`, zero elsewhere. `weights` and
# `mask` stay as they are.
#
# *Stuck?* `hint("baseline.apply_mask", 1)`


# %%
def apply_mask(weights, mask):
    """Return a new array: the weights where `mask` is True, zero where it is False."""
    ...


# %%
apply_mask = check("baseline.apply_mask", apply_mask)

# %% [markdown]
# Conv1 is small enough to look at. Its six filters, with 40% of the weights pruned at random:

# %%
conv1 = network.kernels[0]
mask = np.random.default_rng(3).random(conv1.shape) >= 0.4
print(f"{np.count_nonzero(mask)} of {mask.size} weights stay: sparsity {1 - mask.mean():.3f}")
figures.filters_plot(apply_mask(conv1, mask), mask)

# %% [markdown]
# ## Measure
#
# The network gives ten numbers for an image, one per class; the largest is its answer. Before the softmax they are
# called **logits**, after it they are probabilities. With logits $z \in \mathbb{R}^{n \times 10}$ and labels $y$,
#
# $$\text{accuracy} = \frac{1}{n} \left| \left\{ i : \arg\max_j z_{ij} = y_i \right\} \right|.$$
#
# ### Exercise: measure accuracy
#
# **Objective:** turn a network's outputs into the share of images it gets right. **5 minutes.**
#
# Return a `float` between 0 and 1. It makes no difference whether you get logits or probabilities. Why? The answer is
# below the check.
#
# *Stuck?* `hint("baseline.accuracy", 1)`


# %%
def accuracy(logits, labels):
    """Return the share of rows of `logits`, shape (n, classes), whose largest value is at the row's label."""
    ...


# %%
accuracy = check("baseline.accuracy", accuracy)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The softmax divides $e^{z_{ij}}$ by the same sum for all classes $j$ of an image, and the exponential function rises
# everywhere. So the largest logit becomes the largest probability, and $\arg\max$ does not change.
#
# </details>
#
# Now the promised check. The same masked network is measured twice on 1,000 validation images: through Keras, with
# your `apply_mask` and your `accuracy`, and through the `Evaluator`. `network.keep_all()` gives the masks that prune
# nothing.

# %% tags=["mnist"]
held = data.validation.head(1000)
evaluator = Evaluator(network, held.images, held.labels)
unpruned = evaluator.evaluate(network.keep_all())
fast = evaluator.evaluate((mask, *network.keep_all()[1:]))

model.get_layer("Conv1").kernel.assign(apply_mask(conv1, mask))
slow = accuracy(model.predict(held.images, verbose=0), held.labels)
model.get_layer("Conv1").kernel.assign(conv1)

print(f"unpruned:                 {unpruned.correct} of {unpruned.images} right")
print(f"Conv1 masked, Keras:      {slow * len(held):.0f} of {len(held)} right")
print(f"Conv1 masked, Evaluator:  {fast.correct} of {fast.images} right, loss {fast.loss:.4f}")

# %% [markdown]
# `loss` is the mean **cross-entropy**: $-\ln$ of the probability that the network gives to the right class, averaged
# over the images. 0 is perfect; a network that gives all ten classes the same probability has $\ln 10 \approx 2.30$;
# one that is confident and wrong has a higher loss. The searches use the loss because it also changes when every answer
# stays the same.
#
# ## By chance, or by size?
#
# The simplest rule of pruning is to cut the weakest connections. Sort all 61,470 weights by $|w|$ and prune the
# smallest (`magnitude_global`). Compare it with masks drawn at random (`random_masks`). Nothing is trained again.

# %% tags=["mnist"]
sparsities = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
shapes = [kernel.shape for kernel in network.kernels]
chance = [evaluator.evaluate(random_masks(shapes, s, np.random.default_rng(0))).accuracy for s in sparsities]
by_size = [evaluator.evaluate(magnitude_global(network.kernels, s)).accuracy for s in sparsities]
print("sparsity  by chance  by size")
for s, first, second in zip(sparsities, chance, by_size, strict=True):
    print(f"{s:8.1f}  {first:9.3f}  {second:7.3f}")

# %% tags=["mnist"]
figures.pruning_curve(sparsities, {"by chance": chance, "by size (magnitude)": by_size}, unpruned.accuracy)

# %% [markdown]
# **Back to what you wrote down.** Read both curves at 0.4. How far off were you, and for which of the two?
#
# The rule costs no search at all. Every search in this course will be measured against it, and you will see how hard it
# is to beat.
#
# ### Try it: the pruning lab
#
# Prune single layers, too: which of them can lose the largest share of its weights before the accuracy falls? (A lab
# needs a running kernel; without one you see its first state.)

# %% tags=["mnist"]
from lessonkit.labs import PruningLab

PruningLab()

# %% [markdown]
# ## Which images may choose?
#
# One question is left, and it decides whether you can trust any number in this course. Take 400 random masks of the
# Output layer, each pruning 30% of its 840 weights. (`lowest_pruned` takes one number per weight and prunes the weights
# with the lowest; here the numbers are random.) Measure all masks on 200 images and **choose the best**.

# %% tags=["mnist"]
rng = np.random.default_rng(1)
last = len(network.layers) - 1
masks = [lowest_pruned(rng.random(network.kernels[last].shape), 0.3) for _ in range(400)]


def accuracies(images, labels):
    """The accuracy of each of the 400 masks on these images, and the unpruned network's."""
    judge = Evaluator(network, images, labels)
    whole = judge.evaluate(network.keep_all()).accuracy
    return np.array([found.accuracy for found in judge.layer(last, network.keep_all()).evaluate(masks)]), whole


chosen_on, whole_there = accuracies(data.validation.images[:200], data.validation.labels[:200])
best = int(np.argmax(chosen_on))
print(f"best of 400 masks: {chosen_on[best]:.3f} on 200 images")
print(f"unpruned network:  {whole_there:.3f} on the same images; difference {chosen_on[best] - whole_there:+.3f}")

# %% [markdown]
# **What do you notice?** A random mask that is better than the network it was cut from? Write down what you expect from
# the same mask on 1,000 other images, then run the next cell. Its picture shows all 400 masks, each compared with the
# unpruned network on the same images.

# %% tags=["mnist"]
fresh, whole_here = accuracies(data.validation.images[200:1200], data.validation.labels[200:1200])
print(f"the same mask:     {fresh[best]:.3f} on 1,000 other images")
print(f"unpruned network:  {whole_here:.3f} on the same images; difference {fresh[best] - whole_here:+.3f}")
figures.selection_plot(chosen_on - whole_there, fresh - whole_here)

# %% [markdown]
# <details><summary>Answer</summary>
#
# The best of 400 is partly good and partly lucky: on 200 images the accuracy of a mask varies by about a percentage
# point by chance, and choosing the maximum chooses the luck as well. On images that had no part in the choice its lead
# shrinks or disappears. The more candidates you compare, and the fewer images you compare them on, the larger the gap.
# This is called *selection bias*. It has nothing to do with training: nothing was trained here.
#
# Why the differences, and not the accuracies themselves? Some images are easier than others. With MNIST the unpruned
# network has 0.970 on the first 200 images and 0.962 on the 1,000 others, so all masks look a little worse on the
# others, the chosen one and the rest. That is not selection bias, and the comparison with the unpruned network on the
# same images removes most of it.
#
# </details>
#
# ## The published experiment
#
# This course takes one experiment apart: LeNet-5 on MNIST, its masks searched by simulated annealing and by a genetic
# algorithm, one run each, on Colab Pro with TensorFlow 2.17. All that the course has is a report with its formulas,
# settings and results. No author, title or public address of it is known to us, so we cannot cite it more precisely.
# `PATHS` holds its results after each layer, `REFERENCE` its settings:

# %%
for name, path in PATHS.items():
    print(f"{name:10} {path[-1].accuracy:.2%} accuracy, as published")
scored = len(PATHS["annealing"]) * REFERENCE.annealing["iterations"]
print(f"annealing scores {scored:,} candidates, all of them on {REFERENCE.search_split} images")

# %% [markdown]
# **What do you notice?** On which images is the published accuracy reported, and what is wrong with it?
#
# <details><summary>Answer</summary>
#
# The search scores its 1,000 candidates on the *test* images, and its result is reported on the same test images. The
# number may be too good, and there is no way to find out afterwards by how much, because no untouched image is left.
#
# In this course a search looks at validation images; in notebook 06, where some searches need more of them, also at
# training images. No search looks at test images, with one exception: the reproduction of the published numbers, which
# says so each time.
#
# </details>
#
# ## Recap
#
# - LeNet-5 has 61,470 prunable weights; FC1 holds more than three quarters of them, Conv1 only 150.
# - A mask is a boolean array of the weights' shape, `True` keeps; biases are never masked.
# - Validation images choose, test images judge once. Whatever is chosen as the best of many looks better than it is.
# - Pruning by size is a strong rule that costs nothing. Every search that follows is compared with it.
#
# ## Check yourself
#
# 1. A convolution with 3 x 3 kernels, "valid" padding and 8 filters gets an input of 14 x 14 x 6. What shape does it
#    give, and how many weights and biases does it have?
#
# <details><summary>Answer</summary>
#
# $14 - 3 + 1 = 12$, so 12 x 12 x 8; $3 \cdot 3 \cdot 6 \cdot 8 = 432$ weights and 8 biases.
#
# </details>
#
# 2. Why does `apply_mask` return a new array instead of writing zeros into the old one?
#
# <details><summary>Answer</summary>
#
# A search tries many masks on the same weights. Once a weight is overwritten with zero, no later mask can bring it
# back.
#
# </details>
#
# 3. You try 1,000 masks on the validation images and report the best one's validation accuracy. You never touched the
#    test images. Is the number honest?
#
# <details><summary>Answer</summary>
#
# No. The validation images chose the mask, so its score on them is too good on average. Measure the chosen mask once
# on the test images and report that.
#
# </details>
#
# ## Where to read on
#
# - LeCun, Bottou, Bengio, Haffner (1998), *Gradient-based learning applied to document recognition*: LeNet-5.
# - Zhang, Lipton, Li, Smola (2023), *Dive into Deep Learning*: the form of LeNet-5 used here.
# - LeCun, Denker, Solla (1990), *Optimal brain damage*: which weights can go, an early answer.
# - Han, Pool, Tran, Dally (2015), *Learning both weights and connections for efficient neural networks*: pruning by
#   size.

# %%
progress()
