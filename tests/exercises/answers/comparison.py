# ruff: noqa
# fmt: off

# %% comparison.trade_off_score | right |
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    return sparsity * (accuracy / baseline_accuracy)

# %% comparison.trade_off_score | right |
def trade_off_score(s, a, a0):
    return float(np.prod([s, a, 1 / a0]))

# %% comparison.trade_off_score | right |
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    kept = accuracy / baseline_accuracy
    score = sparsity
    score *= kept
    return np.float32(score)

# %% comparison.trade_off_score | right |
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    lost = 1 - accuracy / baseline_accuracy
    return sparsity - sparsity * lost

# %% comparison.trade_off_score | right |
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    if baseline_accuracy == 0:
        return 0.0
    return sparsity * accuracy / baseline_accuracy

# %% comparison.trade_off_score | wrong | accuracy itself
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    return sparsity * accuracy

# %% comparison.trade_off_score | wrong | upside down
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    return sparsity * baseline_accuracy / accuracy

# %% comparison.trade_off_score | wrong | added
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    return sparsity + accuracy / baseline_accuracy

# %% comparison.trade_off_score | wrong | rounded
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    return round(sparsity * accuracy / baseline_accuracy, 4)

# %% comparison.trade_off_score | wrong | rounded
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    return round(sparsity * accuracy / baseline_accuracy, 6)

# %% comparison.trade_off_score | wrong | should be
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    return sparsity * (accuracy - baseline_accuracy)

# %% comparison.trade_off_score | wrong | should be
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    return sparsity * accuracy // baseline_accuracy

# %% comparison.trade_off_score | right |
def trade_off_score(accuracy, sparsity, baseline_accuracy):
    return sparsity * accuracy / baseline_accuracy

# %% comparison.trade_off_score | wrong | yours is
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    return f"{sparsity * accuracy / baseline_accuracy:.4f}"

# %% comparison.trade_off_score | error | NameError
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    return sparsity * accuracy / baseline

# %% comparison.trade_off_score | not attempted | return
def trade_off_score(sparsity, accuracy, baseline_accuracy):
    score = sparsity * accuracy / baseline_accuracy

# %% comparison.evaluations_of_annealing | right |
def evaluations_of_annealing(iterations, layers):
    return layers * (iterations + 1)

# %% comparison.evaluations_of_annealing | right |
def evaluations_of_annealing(iterations, layers):
    n = 0
    for layer in range(layers):
        n += 1
        for step in range(iterations):
            n += 1
    return n

# %% comparison.evaluations_of_annealing | right |
def evaluations_of_annealing(iterations, layers):
    return int(np.sum(np.full(layers, iterations + 1)))

# %% comparison.evaluations_of_annealing | right |
def evaluations_of_annealing(iterations, layers):
    return layers + layers * iterations

# %% comparison.evaluations_of_annealing | right |
def evaluations_of_annealing(iterations, layers):
    return len(list(itertools.product(range(layers), range(iterations + 1))))

# %% comparison.evaluations_of_annealing | wrong | starts are missing
def evaluations_of_annealing(iterations, layers):
    return layers * iterations

# %% comparison.evaluations_of_annealing | wrong | one start
def evaluations_of_annealing(iterations, layers):
    return layers * iterations + 1

# %% comparison.evaluations_of_annealing | wrong | one layer
def evaluations_of_annealing(iterations, layers):
    return iterations + 1

# %% comparison.evaluations_of_annealing | wrong | whole number
def evaluations_of_annealing(iterations, layers):
    return float(layers * (iterations + 1))

# %% comparison.evaluations_of_annealing | wrong | should be 2, yours is 1005
def evaluations_of_annealing(iterations, layers):
    return 1005

# %% comparison.evaluations_of_annealing | wrong | counts 5 layers
def evaluations_of_annealing(iterations, layers):
    return 5 * (iterations + 1)

# %% comparison.evaluations_of_annealing | wrong | Two calls
def evaluations_of_annealing(iterations, layers):
    return layers * (2 * iterations + 1)

# %% comparison.evaluations_of_annealing | wrong | should be 3
def evaluations_of_annealing(iterations, layers):
    return (layers + 1) * iterations

# %% comparison.evaluations_of_annealing | wrong | should be
def evaluations_of_annealing(iterations, layers):
    return layers * (iterations - 1)

# %% comparison.evaluations_of_annealing | wrong | another order
def evaluations_of_annealing(layers, iterations):
    return layers * (iterations + 1)

# %% comparison.evaluations_of_annealing | error | TypeError
def evaluations_of_annealing(iterations, layers):
    return sum(iterations + 1 for _ in layers)

# %% comparison.evaluations_of_annealing | not attempted | return
def evaluations_of_annealing(iterations, layers):
    layers * (iterations + 1)

# %% comparison.evaluations_of_genetic | right |
def evaluations_of_genetic(generations, population, elite, layers):
    return layers * (population + generations * (population - elite))

# %% comparison.evaluations_of_genetic | right |
def evaluations_of_genetic(generations, population, elite, layers):
    total = 0
    for _ in range(layers):
        total += population
        for _ in range(generations):
            total += population - elite
    return total

# %% comparison.evaluations_of_genetic | right |
def evaluations_of_genetic(g, p, e, n):
    return n * (p * (g + 1) - e * g)

# %% comparison.evaluations_of_genetic | right |
def evaluations_of_genetic(generations, population, elite, layers):
    new = population - elite
    return sum(population + sum(new for _ in range(generations)) for _ in range(layers))

# %% comparison.evaluations_of_genetic | wrong | initial populations are missing
def evaluations_of_genetic(generations, population, elite, layers):
    return layers * generations * (population - elite)

# %% comparison.evaluations_of_genetic | wrong | in every generation
def evaluations_of_genetic(generations, population, elite, layers):
    return layers * population * (generations + 1)

# %% comparison.evaluations_of_genetic | wrong | one initial population
def evaluations_of_genetic(generations, population, elite, layers):
    return population + layers * generations * (population - elite)

# %% comparison.evaluations_of_genetic | wrong | every individual counts
def evaluations_of_genetic(generations, population, elite, layers):
    return layers * (generations + 1) * (population - elite)

# %% comparison.evaluations_of_genetic | wrong | one layer
def evaluations_of_genetic(generations, population, elite, layers):
    return population + generations * (population - elite)

# %% comparison.evaluations_of_genetic | wrong | generations times population
def evaluations_of_genetic(generations, population, elite, layers):
    return layers * generations * population

# %% comparison.evaluations_of_genetic | wrong | yours is None
def evaluations_of_genetic(generations, population, elite, layers):
    if elite < population:
        return layers * (population + generations * (population - elite))

# %% comparison.evaluations_of_genetic | wrong | whole number
def evaluations_of_genetic(generations, population, elite, layers):
    return layers * (population + generations * population * (1 - elite / population))

# %% comparison.evaluations_of_genetic | wrong | should be
def evaluations_of_genetic(generations, population, elite, layers):
    return layers * (population + (generations - 1) * (population - elite))

# %% comparison.evaluations_of_genetic | wrong | should be
def evaluations_of_genetic(generations, population, elite, layers):
    return layers * (population - elite + generations * population)

# %% comparison.evaluations_of_genetic | error | NameError
def evaluations_of_genetic(generations, population, elite, layers):
    return layers * (population + generations * children)

# %% comparison.evaluations_of_genetic | not attempted | return
def evaluations_of_genetic(generations, population, elite, layers):
    children = generations * (population - elite)

# %% comparison.bootstrap_interval | right |
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    values = np.asarray(values)
    means = [rng.choice(values, size=len(values), replace=True).mean() for _ in range(resamples)]
    tail = (1 - level) / 2
    return np.quantile(means, [tail, 1 - tail])

# %% comparison.bootstrap_interval | right |
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    means = values[rng.integers(0, len(values), size=(resamples, len(values)))].mean(axis=1)
    return tuple(np.quantile(means, [(1 - level) / 2, (1 + level) / 2]))

# %% comparison.bootstrap_interval | right |
def bootstrap_interval(values, rng, *, level=0.95, resamples=2000):
    n = len(values)
    means = []
    for i in range(resamples):
        total = 0.0
        for j in range(n):
            total += values[int(rng.integers(n))]
        means.append(total / n)
    low = np.percentile(means, 100 * (1 - level) / 2)
    high = np.percentile(means, 100 - 100 * (1 - level) / 2)
    return low, high

# %% comparison.bootstrap_interval | right |
def bootstrap_interval(values, rng, **kw):
    level, resamples = kw.get("level", 0.95), kw.get("resamples", 2000)
    draws = rng.choice(np.array(values, dtype=float), size=(resamples, len(values)))
    return np.quantile(draws.mean(axis=1), (0.5 - level / 2, 0.5 + level / 2)).tolist()

# %% comparison.bootstrap_interval | right |
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    r = random.Random(int(rng.integers(2**60)))
    values = list(values)
    means = sorted(sum(r.choices(values, k=len(values))) / len(values) for _ in range(resamples))
    k = int((1 - level) / 2 * resamples)
    return means[k], means[-k - 1]

# %% comparison.bootstrap_interval | right |
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    import scipy.stats
    w = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), size=resamples)
    means = w @ np.asarray(values) / len(values)
    a = (1 - level) / 2
    return np.quantile(means, a, method="lower"), np.quantile(means, 1 - a, method="higher")

# %% comparison.bootstrap_interval | right |
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    child, = rng.spawn(1)
    means = np.mean(child.choice(values, (len(values), resamples)), axis=0)
    return np.quantile(means, (1 - level) / 2), np.quantile(means, 1 - (1 - level) / 2)

# %% comparison.bootstrap_interval | right |
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    from scipy.stats import bootstrap
    means = bootstrap((np.asarray(values),), np.mean, n_resamples=resamples, method="percentile", rng=rng, confidence_level=level).confidence_interval
    return float(means.low), float(means.high)

# %% comparison.bootstrap_interval | wrong | of single values
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    return np.quantile(values, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | only shuffled
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    means = [rng.choice(values, len(values), replace=False).mean() for _ in range(resamples)]
    return np.quantile(means, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | `axis`
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    means = rng.choice(values, (resamples, len(values))).mean(axis=0)
    return np.quantile(means, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | half on each
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    means = rng.choice(values, (resamples, len(values))).mean(axis=1)
    return np.quantile(means, [1 - level, level])

# %% comparison.bootstrap_interval | wrong | normal
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    from scipy.stats import norm
    z = norm.ppf((1 + level) / 2)
    s = np.std(values) / np.sqrt(len(values))
    return np.mean(values) - z * s, np.mean(values) + z * s

# %% comparison.bootstrap_interval | wrong | standard deviation
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    from scipy.stats import norm
    z = norm.ppf((1 + level) / 2)
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return m.mean() - z * m.std(), m.mean() + z * m.std()

# %% comparison.bootstrap_interval | wrong | as many values
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, max(1, len(values) - 1))).mean(1)
    return np.quantile(m, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | changed its argument
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    values.sort()
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return np.quantile(m, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | `rng`
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    rng = np.random.default_rng(0)
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return np.quantile(m, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | `rng`
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = np.random.choice(values, (resamples, len(values))).mean(1)
    return np.quantile(m, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | `rng`
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = [np.mean(random.choices(list(values), k=len(values))) for _ in range(resamples)]
    return np.quantile(m, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | always 0.95
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return np.quantile(m, [0.025, 0.975])

# %% comparison.bootstrap_interval | wrong | look at the default values
def bootstrap_interval(values, rng, level=0.9, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return np.quantile(m, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | `resamples`
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (1000, len(values))).mean(1)
    return np.quantile(m, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | median
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = np.median(rng.choice(values, (resamples, len(values))), axis=1)
    return np.quantile(m, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | low
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return np.quantile(m, [(1 + level) / 2, (1 - level) / 2])

# %% comparison.bootstrap_interval | wrong | smallest and the largest
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return m.min(), m.max()

# %% comparison.bootstrap_interval | wrong | should be 2 values
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return np.quantile(m, (1 - level) / 2)

# %% comparison.bootstrap_interval | wrong | rounded
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return np.round(np.quantile(m, [(1 - level) / 2, (1 + level) / 2]), 4)

# %% comparison.bootstrap_interval | wrong | rounded
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    a, b = np.quantile(m, [(1 - level) / 2, (1 + level) / 2])
    return round(a, 6), round(b, 6)

# %% comparison.bootstrap_interval | wrong | 2 values
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    a, b = np.quantile(m, [(1 - level) / 2, (1 + level) / 2])
    return np.mean(values), a, b

# %% comparison.bootstrap_interval | wrong | basic
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    a, b = np.quantile(m, [(1 - level) / 2, (1 + level) / 2])
    return 2 * np.mean(values) - b, 2 * np.mean(values) - a

# %% comparison.bootstrap_interval | wrong | nan
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    from scipy.stats import bootstrap
    ci = bootstrap((np.asarray(values),), np.mean, n_resamples=resamples, rng=rng, confidence_level=level).confidence_interval
    return ci.low, ci.high

# %% comparison.bootstrap_interval | wrong | `rng`
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    from scipy.stats import bootstrap
    ci = bootstrap((np.asarray(values),), np.mean, n_resamples=resamples, confidence_level=level, method="percentile").confidence_interval
    return ci.low, ci.high

# %% comparison.bootstrap_interval | error |
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return np.quantile(m, [100 * (1 - level) / 2, 100 * (1 + level) / 2])

# %% comparison.bootstrap_interval | wrong | from 0 to 100
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return np.percentile(m, [(1 - level) / 2, (1 + level) / 2])

# %% comparison.bootstrap_interval | error | IndexError
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, resamples, len(values), axis=3)
    return np.quantile(m, [(1 - level) / 2, (1 + level) / 2]) + None

# %% comparison.bootstrap_interval | wrong | one side
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)
    return np.quantile(m, [0, level])

# %% comparison.bootstrap_interval | not attempted | return
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    m = rng.choice(values, (resamples, len(values))).mean(1)

# %% comparison.magnitude_mask | right |
def magnitude_mask(weights, sparsity):
    weights = np.asarray(weights)
    order = np.argsort(np.abs(weights), axis=None)
    mask = np.ones(weights.size, dtype=bool)
    mask[order[: round(sparsity * weights.size)]] = False
    return mask.reshape(weights.shape)

# %% comparison.magnitude_mask | right |
def magnitude_mask(weights, sparsity):
    k = round(sparsity * weights.size)
    ranks = np.abs(weights).ravel().argsort().argsort()
    return (ranks >= k).reshape(weights.shape)

# %% comparison.magnitude_mask | right |
def magnitude_mask(weights, sparsity):
    k = int(round(sparsity * weights.size))
    mask = np.ones_like(weights, dtype=bool)
    places = np.unravel_index(np.argsort(np.abs(weights), axis=None)[:k], weights.shape)
    mask[places] = False
    return mask

# %% comparison.magnitude_mask | right |
def magnitude_mask(weights, sparsity):
    flat = np.abs(weights.flatten())
    keep = weights.size - round(sparsity * weights.size)
    mask = np.zeros(weights.size, dtype=np.bool_)
    for i in np.argsort(-flat)[:keep]:
        mask[i] = True
    return mask.reshape(weights.shape)

# %% comparison.magnitude_mask | right |
def magnitude_mask(weights, sparsity):
    import heapq
    a = [abs(float(w)) for w in weights.ravel()]
    gone = set(heapq.nsmallest(round(sparsity * len(a)), range(len(a)), key=a.__getitem__))
    return np.array([i not in gone for i in range(len(a))]).reshape(weights.shape)

# %% comparison.magnitude_mask | right |
def magnitude_mask(weights, sparsity):
    from scipy.stats import rankdata
    return rankdata(np.abs(weights), method="ordinal").reshape(weights.shape) > round(sparsity * weights.size)

# %% comparison.magnitude_mask | right |
def magnitude_mask(weights, sparsity):
    w = np.square(weights.astype(float))
    k = np.round(sparsity * w.size).astype(int)
    m = np.full(w.shape, True)
    if k > 0:
        m.flat[np.argpartition(w, k - 1, axis=None)[:k]] = False
    return m

# %% comparison.magnitude_mask | wrong | threshold
def magnitude_mask(weights, sparsity):
    k = round(sparsity * weights.size)
    if k == 0:
        return np.ones(weights.shape, bool)
    return np.abs(weights) > np.sort(np.abs(weights), axis=None)[k - 1]

# %% comparison.magnitude_mask | wrong | quantile
def magnitude_mask(weights, sparsity):
    return np.abs(weights) > np.quantile(np.abs(weights), sparsity)

# %% comparison.magnitude_mask | wrong | with their signs
def magnitude_mask(weights, sparsity):
    m = np.ones(weights.size, bool)
    m[np.argsort(weights, axis=None)[: round(sparsity * weights.size)]] = False
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | wrong way round
def magnitude_mask(weights, sparsity):
    m = np.zeros(weights.size, bool)
    m[np.argsort(np.abs(weights), axis=None)[: round(sparsity * weights.size)]] = True
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | largest
def magnitude_mask(weights, sparsity):
    m = np.ones(weights.size, bool)
    m[np.argsort(-np.abs(weights), axis=None)[: round(sparsity * weights.size)]] = False
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | round
def magnitude_mask(weights, sparsity):
    m = np.ones(weights.size, bool)
    m[np.argsort(np.abs(weights), axis=None)[: int(sparsity * weights.size)]] = False
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | nothing to prune
def magnitude_mask(weights, sparsity):
    k = round(sparsity * weights.size)
    m = np.zeros(weights.size, bool)
    m[np.argsort(-np.abs(weights), axis=None)[:-k]] = True
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | that are 0
def magnitude_mask(weights, sparsity):
    k = round(sparsity * weights.size)
    m = (weights != 0).ravel()
    m[np.argsort(np.abs(weights), axis=None)[:k]] = False
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | True and False
def magnitude_mask(weights, sparsity):
    k = round(sparsity * weights.size)
    w = weights.copy().ravel()
    w[np.argsort(np.abs(w))[:k]] = 0
    return w.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | numpy array
def magnitude_mask(weights, sparsity):
    m = np.ones(weights.size, bool)
    m[np.argsort(np.abs(weights), axis=None)[: round(sparsity * weights.size)]] = False
    return m.reshape(weights.shape).tolist()

# %% comparison.magnitude_mask | wrong | shape
def magnitude_mask(weights, sparsity):
    m = np.ones(weights.size, bool)
    m[np.argsort(np.abs(weights), axis=None)[: round(sparsity * weights.size)]] = False
    return m

# %% comparison.magnitude_mask | wrong | changed its argument
def magnitude_mask(weights, sparsity):
    np.abs(weights, out=weights)
    m = np.ones(weights.size, bool)
    m[np.argsort(weights, axis=None)[: round(sparsity * weights.size)]] = False
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | changed its argument
def magnitude_mask(weights, sparsity):
    m = np.ones(weights.size, bool)
    i = np.argsort(np.abs(weights), axis=None)[: round(sparsity * weights.size)]
    m[i] = False
    weights.ravel()[i] = 0
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | share of each row
def magnitude_mask(weights, sparsity):
    m = np.ones(weights.shape, bool)
    rows = m.reshape(-1, m.shape[-1])
    w = np.abs(weights).reshape(rows.shape)
    for r, v in zip(rows, w):
        r[np.argsort(v)[: round(sparsity * len(v))]] = False
    return m

# %% comparison.magnitude_mask | wrong | should be
def magnitude_mask(weights, sparsity):
    m = np.ones(weights.size, bool)
    m[np.random.default_rng(0).permutation(weights.size)[: round(sparsity * weights.size)]] = False
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | should be
def magnitude_mask(weights, sparsity):
    k = round(sparsity * weights.size)
    m = np.ones(weights.size, bool)
    m[np.argsort(np.abs(weights), axis=None)[: k + 1]] = False
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | error | IndexError
def magnitude_mask(weights, sparsity):
    m = np.ones(weights.shape, bool)
    m[np.argsort(np.abs(weights), axis=None)[: round(sparsity * weights.size)]] = False
    return m

# %% comparison.magnitude_mask | error | TypeError
def magnitude_mask(weights, sparsity):
    m = np.ones(weights.size, bool)
    m[np.argsort(np.abs(weights), axis=None)[: sparsity * weights.size]] = False
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | keeps that share
def magnitude_mask(weights, sparsity):
    k = round((1 - sparsity) * weights.size)
    m = np.ones(weights.size, bool)
    m[np.argsort(np.abs(weights), axis=None)[:k]] = False
    return m.reshape(weights.shape)

# %% comparison.magnitude_mask | not attempted | return
def magnitude_mask(weights, sparsity):
    m = np.ones(weights.shape, bool)

# %% comparison.pareto_front | right |
def pareto_front(points):
    points = [tuple(p) for p in points]
    def dominates(a, b):
        return a[0] <= b[0] and a[1] >= b[1] and a != b
    return [i for i, p in enumerate(points) if not any(dominates(q, p) for q in points)]

# %% comparison.pareto_front | right |
def pareto_front(points):
    front = []
    for i in range(len(points)):
        ok = True
        for j in range(len(points)):
            if points[j][0] <= points[i][0] and points[j][1] >= points[i][1] and (points[j][0] < points[i][0] or points[j][1] > points[i][1]):
                ok = False
        if ok:
            front.append(i)
    return front

# %% comparison.pareto_front | right |
def pareto_front(points):
    loss, sparsity = points[:, 0], points[:, 1]
    return [i for i in range(len(points))
            if not ((loss <= loss[i]) & (sparsity >= sparsity[i]) & ((loss < loss[i]) | (sparsity > sparsity[i]))).any()]

# %% comparison.pareto_front | right |
def pareto_front(points):
    p = np.asarray(points)
    a = (p[:, None, 0] <= p[None, :, 0]) & (p[:, None, 1] >= p[None, :, 1])
    b = (p[:, None, 0] < p[None, :, 0]) | (p[:, None, 1] > p[None, :, 1])
    return np.flatnonzero(~(a & b).any(axis=0))

# %% comparison.pareto_front | right |
def pareto_front(points):
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    best, last, keep = -math.inf, None, []
    for i in order:
        p = tuple(points[i])
        if p[1] > best or p == last:
            keep.append(i)
            best, last = p[1], p
    return sorted(keep)

# %% comparison.pareto_front | right |
def pareto_front(points):
    q = np.array([[l, -s] for l, s in points])
    return [int(i) for i, c in enumerate(q) if not np.any(np.all(q <= c, axis=1) & np.any(q < c, axis=1))]

# %% comparison.pareto_front | right |
def pareto_front(points):
    from lessonkit.measures import pareto_front as theirs
    return tuple(theirs(points))

# %% comparison.pareto_front | right |
def pareto_front(points):
    keep = np.ones(len(points), bool)
    for i, (l, s) in enumerate(points):
        for j, (m, t) in enumerate(points):
            if i != j and m <= l and t >= s and not (m == l and t == s):
                keep[i] = False
                break
    return np.where(keep)[0]

# %% comparison.pareto_front | wrong | low sparsity
def pareto_front(points):
    q = np.asarray(points)
    return [i for i, c in enumerate(q) if not np.any(np.all(q <= c, axis=1) & np.any(q < c, axis=1))]

# %% comparison.pareto_front | wrong | high loss
def pareto_front(points):
    q = np.asarray(points)
    return [i for i, c in enumerate(q) if not np.any(np.all(q >= c, axis=1) & np.any(q > c, axis=1))]

# %% comparison.pareto_front | wrong | better in both
def pareto_front(points):
    return [i for i, p in enumerate(points) if not any(q[0] < p[0] and q[1] > p[1] for q in points)]

# %% comparison.pareto_front | wrong | Equal rows
def pareto_front(points):
    return [i for i, p in enumerate(points) if not any(q[0] <= p[0] and q[1] >= p[1] for j, q in enumerate(points) if i != j)]

# %% comparison.pareto_front | wrong | itself
def pareto_front(points):
    return [i for i, p in enumerate(points) if not any(q[0] <= p[0] and q[1] >= p[1] for q in points)]

# %% comparison.pareto_front | wrong | Only the first of equal rows
def pareto_front(points):
    front, seen = [], set()
    pts = [tuple(p) for p in points]
    for i, p in enumerate(pts):
        if p not in seen and not any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in pts):
            front.append(i)
            seen.add(p)
    return front

# %% comparison.pareto_front | wrong | best of each column
def pareto_front(points):
    p = np.asarray(points)
    return sorted({int(p[:, 0].argmin()), int(p[:, 1].argmax())})

# %% comparison.pareto_front | wrong | ascending
def pareto_front(points):
    order = sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1]))
    best, last, keep = -math.inf, None, []
    for i in order:
        p = tuple(points[i])
        if p[1] > best or p == last:
            keep.append(i)
            best, last = p[1], p
    return keep

# %% comparison.pareto_front | wrong | are dominated
def pareto_front(points):
    pts = [tuple(p) for p in points]
    return [i for i, p in enumerate(pts) if any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in pts)]

# %% comparison.pareto_front | wrong | nearly equal
def pareto_front(points):
    p = np.asarray(points, float).round(3)
    pts = [tuple(x) for x in p]
    return [i for i, a in enumerate(pts) if not any(q[0] <= a[0] and q[1] >= a[1] and q != a for q in pts)]

# %% comparison.pareto_front | wrong | whole numbers
def pareto_front(points):
    pts = [tuple(p) for p in points]
    return [not any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in pts) for p in pts]

# %% comparison.pareto_front | wrong | count from 0
def pareto_front(points):
    pts = [tuple(p) for p in points]
    return [i for i, p in enumerate(pts, 1) if not any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in pts)]

# %% comparison.pareto_front | wrong | columns
def pareto_front(points):
    pts = [(l, s) for s, l in points]
    return [i for i, p in enumerate(pts) if not any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in pts)]

# %% comparison.pareto_front | wrong | flat list
def pareto_front(points):
    q = np.array([[l, -s] for l, s in points])
    return np.argwhere([not np.any(np.all(q <= c, axis=1) & np.any(q < c, axis=1)) for c in q])

# %% comparison.pareto_front | wrong | should
def pareto_front(points):
    pts = [tuple(p) for p in points]
    return {i for i, p in enumerate(pts) if not any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in pts)}

# %% comparison.pareto_front | wrong | the one above
def pareto_front(points):
    return [i for i in range(len(points)) if i == 0 or not (points[i-1][0] <= points[i][0] and points[i-1][1] >= points[i][1] and tuple(points[i-1]) != tuple(points[i]))]

# %% comparison.pareto_front | wrong | the rows before it
def pareto_front(points):
    front = []
    for i, p in enumerate(points):
        if not any(points[j][0] <= p[0] and points[j][1] >= p[1] and tuple(points[j]) != tuple(p) for j in range(i)):
            front.append(i)
    return front

# %% comparison.pareto_front | wrong | changed its argument
def pareto_front(points):
    points[:, 1] *= -1
    q = points
    return [i for i, c in enumerate(q) if not np.any(np.all(q <= c, axis=1) & np.any(q < c, axis=1))]

# %% comparison.pareto_front | error | AttributeError
def pareto_front(points):
    return points.tolist().argmin()

# %% comparison.pareto_front | error | ValueError
def pareto_front(points):
    return [i for i, p in enumerate(points) if not any((q <= p and q != p) for q in points)]

# %% comparison.pareto_front | not attempted | return
def pareto_front(points):
    front = []
    for i, p in enumerate(points):
        front.append(i)

# %% comparison.trade_off_score | wrong | The score is a product
first = []

def trade_off_score(sparsity, accuracy, baseline_accuracy):
    first.append(baseline_accuracy)
    return sparsity * accuracy / first[0]

# %% comparison.evaluations_of_genetic | wrong | an earlier call with other arguments
known = {}

def evaluations_of_genetic(generations, population, elite, layers):
    new = layers * (population + generations * (population - elite))
    return known.setdefault((generations, population), new)

# %% comparison.magnitude_mask | wrong | The smallest magnitudes are pruned
def magnitude_mask(weights, sparsity):
    mask = np.ones(weights.size, dtype=bool)
    order = np.argsort(np.round(np.abs(weights), 2).ravel(), kind="stable")
    mask[order[: round(sparsity * weights.size)]] = False
    return mask.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | The smallest magnitudes are pruned
def magnitude_mask(weights, sparsity):
    size = np.abs(weights).ravel() + np.random.default_rng(0).uniform(0, 1e-6, weights.size)
    mask = np.ones(weights.size, dtype=bool)
    mask[np.argsort(size)[: round(sparsity * weights.size)]] = False
    return mask.reshape(weights.shape)

# %% comparison.magnitude_mask | wrong | threshold is a quantile of the magnitudes
def magnitude_mask(weights, sparsity):
    size = np.abs(weights)
    return size > np.quantile(size, sparsity)

# %% comparison.pareto_front | wrong | A row stays unless
def pareto_front(points):
    rows = [(str(loss), str(sparsity)) for loss, sparsity in points]
    return [
        i for i, p in enumerate(rows) if not any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in rows)
    ]

# %% comparison.pareto_front | wrong | an earlier call with other arguments
known = {}

def pareto_front(points):
    front = [
        i for i, p in enumerate(points)
        if not any(q[0] <= p[0] and q[1] >= p[1] and (q[0] < p[0] or q[1] > p[1]) for q in points)
    ]
    return list(known.setdefault(id(points), (front, points))[0])

# %% comparison.bootstrap_interval | wrong | with the default level and resamples
def bootstrap_interval(values, rng, level=0.95, resamples=2000):
    index = rng.integers(0, max(1, len(values) - 1), (resamples, len(values)))
    ends = np.quantile(values[index].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return tuple(ends)

# %% comparison.pareto_front | wrong | indices, not rows
def pareto_front(points):
    front = []
    for p in points:
        if not any(q[0] <= p[0] and q[1] >= p[1] and (q[0] < p[0] or q[1] > p[1]) for q in points):
            front.append(p)
    return np.array(front)

# %% comparison.pareto_front | wrong | indices, not rows
def pareto_front(points):
    rows = [tuple(p) for p in points]
    return [p for p in rows if not any(q[0] <= p[0] and q[1] >= p[1] and q != p for q in rows)]
