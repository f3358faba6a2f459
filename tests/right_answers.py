"""Two right answers for each exercise, each in another style than the course's own: loops, lists, float32, one line.

A new exercise needs two more here, under its id.
"""

from __future__ import annotations

import itertools
import math
import random
import statistics

import numpy as np

# --- baseline -------------------------------------------------------------------------------------------------------


def count_by_keras(model):
    import keras

    total = 0
    for layer in model.layers:
        if isinstance(layer, (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Dense)):
            total += layer.get_weights()[0].size
    return total


def count_by_name(model):
    return np.sum([np.prod(weight.shape) for weight in model.weights if weight.name == "kernel"])


def split_by_lists(images, labels, fraction, rng):
    pairs = list(zip(images, labels, strict=True))
    order = list(range(len(pairs)))
    for place in range(len(order) - 1, 0, -1):  # Fisher and Yates
        other = int(rng.integers(place + 1))
        order[place], order[other] = order[other], order[place]
    count = round(fraction * len(pairs))
    cut = len(pairs) - count
    train, held = [pairs[at] for at in order[:cut]], [pairs[at] for at in order[cut:]]

    def part(items, which):
        return np.array([item[which] for item in items]).reshape(len(items), *np.shape(pairs[0][which]))

    return [part(train, 0), part(train, 1), part(held, 0), part(held, 1)]


def split_by_choice(images, labels, fraction, rng):
    held = np.zeros(len(images), bool)
    held[rng.choice(len(images), size=int(np.round(fraction * len(images))), replace=False)] = True
    return images[~held], labels[~held].astype(np.int32), images[held].astype(np.float64), labels[held]


def apply_by_copy(weights, mask):
    pruned = weights.copy()
    pruned[np.logical_not(mask)] = 0
    return pruned


def apply_by_lists(weights, mask):
    kept = [weight if keep else 0.0 for weight, keep in zip(weights.flat, mask.flat, strict=True)]
    return np.array(kept).reshape(weights.shape)


def accuracy_by_loop(logits, labels):
    right = 0
    for row, label in zip(logits, labels, strict=True):
        right += list(row).index(max(row)) == label
    return right / len(labels)


def accuracy_float32(logits, labels):
    return (logits.argmax(-1) == labels).mean(dtype=np.float32)


# --- cost -----------------------------------------------------------------------------------------------------------


def mean_sparsity_by_loop(masks):
    shares = []
    for mask in masks:
        flat = mask.flatten().tolist()
        shares.append(flat.count(False) / len(flat))
    return sum(shares) / len(shares)


def mean_sparsity_float32(masks):
    return np.float32(1) - np.mean([mask.mean(dtype=np.float32) for mask in masks], dtype=np.float32)


def global_sparsity_joined(masks):
    return np.mean(~np.concatenate([mask.ravel() for mask in masks]))


def global_sparsity_by_loop(masks):
    pruned = total = 0
    for mask in masks:
        for keep in mask.flat:
            total += 1
            pruned += not keep
    return pruned / total


def cost_by_branches(loss, baseline, sparsity, limit, penalty=1e8, epsilon=1e-8):
    cost = 1 / (sparsity + epsilon)
    if loss >= limit:
        return cost + penalty
    return cost + math.pow(loss - baseline, 2)


def cost_float32(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    loss, baseline_loss, sparsity, max_loss = map(np.float32, (loss, baseline_loss, sparsity, max_loss))
    return np.where(loss < max_loss, np.square(baseline_loss - loss), np.float32(penalty)) + 1 / (
        sparsity + np.float32(epsilon)
    )


def one_sided_by_branches(loss, baseline, sparsity, limit, penalty=1e8, epsilon=1e-8):
    if loss >= limit:
        first = penalty
    elif loss <= baseline:
        first = 0
    else:
        first = (loss - baseline) * (loss - baseline)
    return first + 1 / (sparsity + epsilon)


def one_sided_clipped(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    difference = np.clip(loss - baseline_loss, 0, None) ** 2
    return np.array(difference if loss < max_loss else penalty) + np.reciprocal(np.float64(sparsity + epsilon))


# --- annealing ------------------------------------------------------------------------------------------------------


def acceptance_clipped(delta, temperature):
    return np.exp(np.minimum(0.0, -delta / temperature))


def acceptance_conditional(delta, temperature):
    return delta <= 0 or math.exp(-delta / temperature)


def flip_by_loop(mask, rate, rng):
    new = mask.copy()
    for place in np.ndindex(*mask.shape):
        if rng.random() < rate:
            new[place] = not new[place]
    return new


def flip_by_lists(mask, rate, rng):
    return np.array([bool(bit) != (rng.uniform() < rate) for bit in mask.flat]).reshape(mask.shape)


def flip_by_coins(mask, rate, rng):
    coins = [rng.choice([True, False], p=[rate, 1 - rate]) for _ in range(mask.size)]
    return np.where(np.reshape(coins, mask.shape), ~mask, mask)


def flip_by_child_generator(mask, rate, rng):
    return np.logical_xor(mask, rng.spawn(1)[0].random(mask.shape, dtype=np.float32) < rate)


def flip_binomial(mask, rate, rng):
    return np.logical_xor(mask, rng.binomial(1, rate, size=mask.shape).astype(bool))


def flip_by_count(mask, rate, rng):
    flat = mask.reshape(-1).copy()
    chosen = rng.permutation(mask.size)[: rng.binomial(mask.size, rate)]
    flat[chosen] = np.invert(flat[chosen])
    return flat.reshape(mask.shape)


def anneal_by_loops(cost, start, temperature, rate, iterations, rng):
    now = [bool(bit) for bit in start.flat]
    now_cost = cost(np.array(now).reshape(start.shape))
    best, best_cost = list(now), now_cost
    for step in range(1, iterations + 1):
        flip_rate = rate * (1 - (step - 1) / iterations)
        number = rng.random()  # drawn before the flips
        trial = [bit ^ bool(rng.choice([True, False], p=[flip_rate, 1 - flip_rate])) for bit in now]
        trial_cost = cost(np.array(trial).reshape(start.shape))
        if trial_cost <= now_cost or number <= math.exp((now_cost - trial_cost) * (1 + math.log(step)) / temperature):
            now, now_cost = trial, trial_cost
            if now_cost <= best_cost:
                best, best_cost = list(now), now_cost
    return np.array(best).reshape(start.shape), best_cost


def anneal_with_all_numbers_first(cost, start, temperature, rate, iterations, rng):
    numbers, flips = rng.random(iterations), rng.random((iterations, *start.shape))
    current, value = start.copy(), float(cost(start.copy()))
    best = value, current.copy()
    for t in range(iterations):
        proposal = np.where(flips[t] < rate - rate * t / iterations, ~current, current)
        new = float(cost(proposal))
        heat = temperature / (1 + math.log1p(t))
        if new - value <= -heat * math.log(1 - numbers[t]):
            current, value = proposal, new
        best = min(best, (new, proposal.copy()), key=lambda pair: pair[0])
    return [best[1], best[0]]


def anneal_recorded(cost, start, temperature, rate, iterations, rng):
    seen = [(cost(start), start)]
    value, mask = seen[0]
    for step in range(iterations):
        new = mask ^ (rng.random(mask.shape) < rate * (1 - step / iterations))
        seen.append((cost(new), new))
        heat = temperature / (1 + np.log1p(step))
        if rng.random() < np.exp(np.minimum(0, (value - seen[-1][0]) / heat)):
            value, mask = seen[-1]
    best = min(seen, key=lambda pair: pair[0])
    return best[1], np.float32(best[0])


# --- genetic --------------------------------------------------------------------------------------------------------


def tournament_by_sample(costs, size, rng):
    entrants = random.Random(int(rng.integers(2**32))).sample(range(len(costs)), size)
    return min(entrants, key=lambda entrant: costs[entrant])


def tournament_by_shuffle(costs, size, rng):
    order = np.arange(len(costs))
    rng.shuffle(order)
    winner = order[0]
    for entrant in order[1:size]:
        if costs[entrant] < costs[winner]:
            winner = entrant
    return winner


def single_point_by_lists(a, b, point):
    one, two = a.flatten().tolist(), b.flatten().tolist()
    first, second = one[:point] + two[point:], two[:point] + one[point:]
    return [np.array(first).reshape(a.shape), np.array(second).reshape(a.shape)]


def single_point_by_where(a, b, point):
    head = np.arange(a.size).reshape(a.shape) < point
    return np.array([np.where(head, a, b), np.where(head, b, a)])  # both children in one array


def uniform_by_loop(a, b, rng):
    child = np.empty_like(a)
    for place in np.ndindex(*a.shape):
        child[place] = (a, b)[rng.integers(2)][place]
    return child


def uniform_by_choose(a, b, rng):
    return np.choose(rng.integers(0, 2, size=a.shape), [a, b])


def next_by_sorting(population, costs, elite, make_child):
    ranked = sorted(zip(costs, range(len(costs)), strict=True))
    new = []
    for _, place in ranked[:elite]:
        new.append(population[place].copy())
    while len(new) < len(population):
        new.append(make_child())
    return new


def next_as_array(population, costs, elite, make_child):
    children = [make_child() for _ in range(len(population) - elite)]
    best = np.lexsort((-np.arange(len(costs)), costs))[:elite]  # among equals, the last ones
    return np.array([population[place] for place in best] + children)


def next_by_iterators(population, costs, elite, make_child):
    kept = [mask for _, mask in sorted(zip(costs, population, strict=True), key=lambda pair: pair[0])][:elite]
    children = itertools.starmap(make_child, itertools.repeat((), len(population) - elite))
    return list(itertools.chain(kept, children))


# --- comparison -----------------------------------------------------------------------------------------------------


def winner_by_sorting(seen, fresh):
    pairs = sorted(zip(seen, fresh, strict=True), key=lambda pair: pair[0])
    rises = [after - before for before, after in pairs]
    return [pairs[0][1], rises[0] - statistics.fmean(rises)]


def winner_float32(seen, fresh):
    seen, fresh = np.asarray(seen, np.float32), np.asarray(fresh, np.float32)
    rise = fresh - seen
    (best,) = np.flatnonzero(seen == seen.min())
    return np.array([fresh[best], rise[best] - rise.mean()])


def bootstrap_by_loop(values, rng, level=0.95, resamples=2000):
    values = list(values)
    means = []
    for _ in range(resamples):
        means.append(statistics.fmean(values[place] for place in rng.integers(len(values), size=len(values))))
    means.sort()
    tail = (1 - level) / 2
    return [means[int(tail * resamples)], means[min(int((1 - tail) * resamples), resamples - 1)]]


def bootstrap_float32(values, rng, level=0.95, resamples=2000):
    values = np.asarray(values, np.float32)
    means = values[rng.integers(0, values.size, (values.size, resamples))].mean(0)
    return np.percentile(means, [50 * (1 - level), 50 * (1 + level)])


def magnitude_by_sorting(weights, sparsity):
    flat = weights.flatten()
    places = sorted(range(flat.size), key=lambda place: -abs(flat[place]))  # among equals, the last ones go
    mask = [True] * flat.size
    for place in places[flat.size - round(sparsity * flat.size) :]:
        mask[place] = False
    return np.array(mask).reshape(weights.shape)


def magnitude_by_partition(weights, sparsity):
    count = int(np.rint(sparsity * weights.size))
    mask = np.ones_like(weights, dtype=bool)
    if count:
        mask.reshape(-1)[np.argpartition(np.abs(weights).ravel(), count - 1)[:count]] = False
    return mask


def pareto_by_loops(points):
    front = []
    for place, (loss, sparsity) in enumerate(points):
        for other_loss, other_sparsity in points:
            no_worse = other_loss <= loss and other_sparsity >= sparsity
            if no_worse and (other_loss != loss or other_sparsity != sparsity):
                break
        else:
            front.append(place)
    return front


def pareto_by_sweep(points):
    front, best = [], -np.inf
    order = np.lexsort((-points[:, 1], points[:, 0]))
    for _, same_loss in itertools.groupby(order, key=lambda place: points[place, 0]):
        places = list(same_loss)
        top = points[places[0], 1]
        if top > best:
            front += [place for place in places if points[place, 1] == top]
            best = top
    return np.sort(np.array(front))


# --- frontier -------------------------------------------------------------------------------------------------------


def swap_by_shuffling(mask, k, rng):
    flat = [bool(bit) for bit in mask.flat]
    kept = [place for place, bit in enumerate(flat) if bit]
    pruned = [place for place, bit in enumerate(flat) if not bit]
    rng.shuffle(kept)
    rng.shuffle(pruned)
    for one, other in list(zip(kept, pruned, strict=False))[:k]:
        flat[one], flat[other] = False, True
    return np.array(flat).reshape(mask.shape)


def swap_by_noise(mask, k, rng):
    k = min(k, mask.sum(), (~mask).sum())
    noise = rng.random(mask.size)
    flips = np.zeros(mask.size, bool)
    for group in (mask.ravel(), ~mask.ravel()):
        flips[np.argsort(np.where(group, noise, 2))[:k]] = True
    return mask ^ flips.reshape(mask.shape)


def energy_by_difference(couplings, fields, spins, index):
    def energy(s):
        return -0.5 * s @ couplings @ s - fields @ s

    flipped = spins.copy()
    flipped[index] = -flipped[index]
    return energy(flipped) - energy(spins)


def energy_by_loop(couplings, fields, spins, index):
    local = fields[index]
    for other in range(len(spins)):
        local += couplings[other][index] * spins[other]
    return np.float32(2 * spins[index] * local)


RIGHT = {
    "baseline.count_prunable_weights": (count_by_keras, count_by_name),
    "baseline.split_validation": (split_by_lists, split_by_choice),
    "baseline.apply_mask": (apply_by_copy, apply_by_lists, lambda weights, mask: weights * mask),
    "baseline.accuracy": (accuracy_by_loop, accuracy_float32),
    "cost.mean_layer_sparsity": (mean_sparsity_by_loop, mean_sparsity_float32),
    "cost.global_sparsity": (global_sparsity_joined, global_sparsity_by_loop),
    "cost.pruning_cost": (cost_by_branches, cost_float32),
    "cost.warmup_max_loss": (
        lambda layer, total, loss: np.linspace(0, loss, total + 1)[layer + 1],
        lambda layer, total, loss: np.float32(loss) / total * (1 + layer),
    ),
    "cost.one_sided_cost": (one_sided_by_branches, one_sided_clipped),
    "annealing.acceptance_probability": (acceptance_clipped, acceptance_conditional),
    "annealing.logarithmic_cooling": (
        lambda initial, step: np.divide(initial, 1 + np.log1p(step)),
        lambda initial, step: np.float32(initial * math.pow(1 + math.log(step + 1), -1)),
    ),
    "annealing.adaptive_mutation_rate": (
        lambda rate, step, total: rate - rate * step / total,
        lambda rate, step, total: np.float32(rate) * (total - step) / np.float32(total),
    ),
    "annealing.flip_neighbour": (flip_by_loop, flip_by_lists, flip_by_count, flip_by_coins, flip_by_child_generator),
    "annealing.anneal": (anneal_by_loops, anneal_recorded, anneal_with_all_numbers_first),
    "genetic.tournament_select": (tournament_by_sample, tournament_by_shuffle),
    "genetic.single_point_crossover": (single_point_by_lists, single_point_by_where),
    "genetic.uniform_crossover": (uniform_by_loop, uniform_by_choose),
    "genetic.mutate": (flip_binomial, flip_by_lists, flip_by_loop),
    "genetic.next_generation": (next_by_sorting, next_as_array, next_by_iterators),
    "comparison.trade_off_score": (
        lambda sparsity, accuracy, baseline: accuracy / baseline * np.float32(sparsity),
        lambda sparsity, accuracy, baseline: np.array(sparsity) / (baseline / accuracy),
    ),
    "comparison.evaluations_of_annealing": (
        lambda iterations, layers: sum(1 + iterations for _ in range(layers)),
        lambda iterations, layers: np.int64(layers) + np.int64(layers) * iterations,
    ),
    "comparison.evaluations_of_genetic": (
        lambda generations, population, elite, layers: (population * (generations + 1) - elite * generations) * layers,
        lambda generations, population, elite, layers: np.sum(
            np.full(layers, population) + generations * (population - elite)
        ),
    ),
    "comparison.judge_winner": (winner_by_sorting, winner_float32),
    "comparison.bootstrap_interval": (bootstrap_by_loop, bootstrap_float32),
    "comparison.magnitude_mask": (magnitude_by_sorting, magnitude_by_partition),
    "comparison.pareto_front": (pareto_by_loops, pareto_by_sweep),
    "frontier.swap_neighbour": (swap_by_shuffling, swap_by_noise),
    "frontier.flip_energy": (energy_by_difference, energy_by_loop),
}
