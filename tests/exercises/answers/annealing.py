# ruff: noqa
# fmt: off

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    return 1.0 if delta <= 0 else math.exp(-delta / temperature)

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    return math.exp(min(0.0, -delta / temperature))

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    return math.exp(-max(delta, 0) / temperature)

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    return np.exp(-np.maximum(delta, 0) / temperature)

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    if delta > 0:
        return np.exp(-delta / temperature)
    return 1

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    if delta < 0:
        return 1
    return math.e ** (-delta / temperature)

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    return np.exp(np.clip(-delta / temperature, -700, 0))

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    return min(1.0, np.exp(min(-delta / temperature, 0)))

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    try:
        return min(1.0, math.exp(-delta / temperature))
    except OverflowError:
        return 1.0

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, *, temperature):
    return 1.0 if delta <= 0 else math.exp(-delta / temperature)

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    return np.where(delta <= 0, 1.0, np.exp(-abs(delta) / temperature))

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    return np.float32(1.0 if delta <= 0 else math.exp(-delta / temperature))

# %% annealing.acceptance_probability | right | 
def acceptance_probability(delta, temperature):
    with np.errstate(over='ignore'):
        return min(1.0, np.exp(-np.float64(delta) / temperature))

# %% annealing.acceptance_probability | wrong | overflow
def acceptance_probability(delta, temperature):
    return min(1, np.exp(-delta / temperature))

# %% annealing.acceptance_probability | wrong | overflow
def acceptance_probability(delta, temperature):
    return min(1, math.exp(-delta / temperature))

# %% annealing.acceptance_probability | wrong | overflow
def acceptance_probability(delta, temperature):
    return np.minimum(1.0, np.exp(-delta / temperature))

# %% annealing.acceptance_probability | wrong | overflow
def acceptance_probability(delta, temperature):
    return np.where(delta <= 0, 1.0, np.exp(-delta / temperature))

# %% annealing.acceptance_probability | wrong | overflow
def acceptance_probability(delta, temperature):
    return np.clip(np.exp(-delta / temperature), 0, 1)

# %% annealing.acceptance_probability | wrong | sign
def acceptance_probability(delta, temperature):
    return 1.0 if delta <= 0 else np.exp(delta / temperature)

# %% annealing.acceptance_probability | wrong | should be
def acceptance_probability(delta, temperature):
    return round(1.0 if delta <= 0 else math.exp(-delta / temperature), 6)

# %% annealing.acceptance_probability | wrong | should be
def acceptance_probability(delta, temperature):
    return 1.0 if delta < 0 else 0.99999 * math.exp(-delta / temperature)

# %% annealing.acceptance_probability | wrong | descent
def acceptance_probability(delta, temperature):
    return 1.0 if delta <= 0 else 0.0

# %% annealing.acceptance_probability | wrong | descent
def acceptance_probability(delta, temperature):
    return float(delta <= 0)

# %% annealing.acceptance_probability | wrong | denominator
def acceptance_probability(delta, temperature):
    return 1.0 if delta <= 0 else math.exp(-delta * temperature)

# %% annealing.acceptance_probability | wrong | not a probability
def acceptance_probability(delta, temperature):
    return math.exp(-delta / temperature)

# %% annealing.acceptance_probability | wrong | not a probability
def acceptance_probability(delta, temperature):
    return np.exp(-delta / temperature)

# %% annealing.acceptance_probability | wrong | should be
def acceptance_probability(delta, temperature):
    return 0.0 if delta <= 0 else math.exp(-delta / temperature)

# %% annealing.acceptance_probability | wrong | should be
def acceptance_probability(delta, temperature):
    return 1.0 if delta <= 0 else 2 ** (-delta / temperature)

# %% annealing.acceptance_probability | wrong | None
def acceptance_probability(delta, temperature):
    if delta <= 0:
        return 1.0

# %% annealing.acceptance_probability | not attempted | return
def acceptance_probability(delta, temperature):
    print(1.0 if delta <= 0 else math.exp(-delta / temperature))
    if delta > 1e308:
        return 1

# %% annealing.acceptance_probability | error | should take
def acceptance_probability(delta):
    return 1.0

# %% annealing.acceptance_probability | error | ZeroDivisionError
def acceptance_probability(delta, temperature):
    return 1 / 0

# %% annealing.acceptance_probability | error | NameError
def acceptance_probability(delta, temperature):
    return 1.0 if delta <= 0 else exp(-delta / temperature)

# %% annealing.acceptance_probability | not attempted | 
def acceptance_probability(delta, temperature):
    ...

# %% annealing.acceptance_probability | not attempted | 
def acceptance_probability(delta, temperature):
    return None

# %% annealing.acceptance_probability | wrong | yours is
def acceptance_probability(delta, temperature):
    return '1.0'

# %% annealing.acceptance_probability | wrong | yours is
def acceptance_probability(delta, temperature):
    return [1.0 if delta <= 0 else math.exp(-delta / temperature)]

# %% annealing.logarithmic_cooling | right | 
def logarithmic_cooling(initial, step):
    return initial / (1 + math.log(1 + step))

# %% annealing.logarithmic_cooling | right | 
def logarithmic_cooling(initial, step):
    return initial / (1 + np.log(step + 1))

# %% annealing.logarithmic_cooling | right | 
def logarithmic_cooling(initial, step):
    return initial / (1.0 + np.log1p(step))

# %% annealing.logarithmic_cooling | right | 
def logarithmic_cooling(initial, step):
    return initial * (1 + math.log1p(step)) ** -1

# %% annealing.logarithmic_cooling | right | 
def logarithmic_cooling(initial, step):
    return initial / math.log(math.e * (1 + step))

# %% annealing.logarithmic_cooling | right | 
def logarithmic_cooling(initial, step):
    return initial / (1 + math.log(1 + step, math.e))

# %% annealing.logarithmic_cooling | right | 
def logarithmic_cooling(initial, step, total=0):
    return initial / (1 + math.log(1 + step))

# %% annealing.logarithmic_cooling | wrong | base
def logarithmic_cooling(initial, step):
    return initial / (1 + np.log10(1 + step))

# %% annealing.logarithmic_cooling | wrong | base
def logarithmic_cooling(initial, step):
    return initial / (1 + np.log2(1 + step))

# %% annealing.logarithmic_cooling | wrong | denominator
def logarithmic_cooling(initial, step):
    return initial / math.log(1 + step)

# %% annealing.logarithmic_cooling | wrong | logarithm
def logarithmic_cooling(initial, step):
    return initial / (1 + math.log(step))

# %% annealing.logarithmic_cooling | wrong | logarithm
def logarithmic_cooling(initial, step):
    return initial / (1 + math.log(step)) if step > 0 else initial

# %% annealing.logarithmic_cooling | wrong | numerator
def logarithmic_cooling(initial, step):
    return initial * (1 + math.log(1 + step))

# %% annealing.logarithmic_cooling | wrong | brackets
def logarithmic_cooling(initial, step):
    return initial / 1 + math.log(1 + step)

# %% annealing.logarithmic_cooling | wrong | step 0
def logarithmic_cooling(initial, step):
    return initial / (1 + math.log(2 + step))

# %% annealing.logarithmic_cooling | wrong | should be
def logarithmic_cooling(initial, step):
    return initial / (1 + step)

# %% annealing.logarithmic_cooling | wrong | should be
def logarithmic_cooling(initial, step):
    return round(initial / (1 + math.log(1 + step)), 5)

# %% annealing.logarithmic_cooling | wrong | should be
def logarithmic_cooling(initial, step):
    return initial // (1 + math.log(1 + step))

# %% annealing.logarithmic_cooling | wrong | should be
def logarithmic_cooling(initial, step):
    return max(initial / (1 + math.log(1 + step)), 1e-3)

# %% annealing.logarithmic_cooling | wrong | should be
def logarithmic_cooling(initial, step):
    return initial / (1 + sum(1 / n for n in range(1, step + 1)))

# %% annealing.logarithmic_cooling | wrong | another order
def logarithmic_cooling(step, initial):
    return initial / (1 + math.log(1 + step))

# %% annealing.adaptive_mutation_rate | right | 
def adaptive_mutation_rate(rate, step, total):
    return rate * (1 - step / total)

# %% annealing.adaptive_mutation_rate | right | 
def adaptive_mutation_rate(rate, step, total):
    return rate * (total - step) / total

# %% annealing.adaptive_mutation_rate | right | 
def adaptive_mutation_rate(rate, step, total):
    return rate - rate * step / total

# %% annealing.adaptive_mutation_rate | right | 
def adaptive_mutation_rate(rate, step, total):
    return max(0.0, rate * (1 - step / total))

# %% annealing.adaptive_mutation_rate | right | 
def adaptive_mutation_rate(rate, step, total):
    return np.linspace(rate, 0, total + 1)[step]

# %% annealing.adaptive_mutation_rate | right | 
def adaptive_mutation_rate(rate, step, total):
    return np.interp(step, [0, total], [rate, 0])

# %% annealing.adaptive_mutation_rate | wrong | printed
def adaptive_mutation_rate(rate, step, total):
    return rate - step / total

# %% annealing.adaptive_mutation_rate | wrong | //
def adaptive_mutation_rate(rate, step, total):
    return rate * (1 - step // total)

# %% annealing.adaptive_mutation_rate | wrong | rises
def adaptive_mutation_rate(rate, step, total):
    return rate * step / total

# %% annealing.adaptive_mutation_rate | wrong | brackets
def adaptive_mutation_rate(rate, step, total):
    return 1 - rate * step / total

# %% annealing.adaptive_mutation_rate | wrong | printed
def adaptive_mutation_rate(rate, step, total):
    return rate * 1 - step / total

# %% annealing.adaptive_mutation_rate | wrong | should be
def adaptive_mutation_rate(rate, step, total):
    return rate * (1 - (step + 1) / total)

# %% annealing.adaptive_mutation_rate | wrong | should be
def adaptive_mutation_rate(rate, step, total):
    return rate * (1 - step / (total + 1))

# %% annealing.adaptive_mutation_rate | wrong | should be
def adaptive_mutation_rate(rate, step, total):
    return rate

# %% annealing.adaptive_mutation_rate | wrong | should be
def adaptive_mutation_rate(rate, step, total):
    return round(rate * (1 - step / total), 6)

# %% annealing.adaptive_mutation_rate | wrong | should be
def adaptive_mutation_rate(rate, step, total):
    return max(rate * (1 - step / total), 0.001)

# %% annealing.flip_neighbour | right | 
def flip_neighbour(mask, rate, rng):
    return np.logical_xor(mask, rng.uniform(size=mask.shape) < rate)

# %% annealing.flip_neighbour | right | 
def flip_neighbour(mask, rate, rng):
    new = mask.copy()
    f = rng.random(mask.shape) <= rate
    new[f] = ~new[f]
    return new

# %% annealing.flip_neighbour | right | 
def flip_neighbour(mask, rate, rng):
    return mask != (rng.random(mask.shape) < rate)

# %% annealing.flip_neighbour | right | 
def flip_neighbour(mask, rate, rng):
    return np.array([bool(b) ^ bool(rng.random() < rate) for b in mask.ravel()]).reshape(mask.shape)

# %% annealing.flip_neighbour | right | 
def flip_neighbour(mask, rate, rng):
    r = np.random.default_rng(rng.integers(2**63))
    return mask ^ (r.random(mask.shape) < rate)

# %% annealing.flip_neighbour | right | 
def flip_neighbour(mask, rate, rng):
    k = rng.binomial(mask.size, rate)
    new = mask.copy()
    new.flat[rng.choice(mask.size, k, replace=False)] ^= True
    return new

# %% annealing.flip_neighbour | right | 
def flip_neighbour(mask, rate, rng):
    u = rng.random(mask.size)[::-1].reshape(mask.shape)
    return mask ^ (1 - u < rate)

# %% annealing.flip_neighbour | wrong | one random number
def flip_neighbour(mask, rate, rng):
    return mask ^ (rng.random(mask.shape[-1]) < rate)

# %% annealing.flip_neighbour | wrong | one random number
def flip_neighbour(mask, rate, rng):
    return mask ^ (rng.random(mask.shape[:1] + (1,) * (mask.ndim - 1)) < rate)

# %% annealing.flip_neighbour | wrong | one random number
def flip_neighbour(mask, rate, rng):
    return mask ^ np.resize(rng.random(mask.size // 2 + 1) < rate, mask.shape)

# %% annealing.flip_neighbour | wrong | one random number
def flip_neighbour(mask, rate, rng):
    n = mask.size
    return mask ^ np.repeat(rng.random(n // 2 + 1) < rate, 2)[:n].reshape(mask.shape)

# %% annealing.flip_neighbour | wrong | alike
def flip_neighbour(mask, rate, rng):
    n = mask.size
    u = rng.random(n // 2 + 1)
    return mask ^ (np.concatenate([u, 1 - u])[:n].reshape(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | alike
def flip_neighbour(mask, rate, rng):
    n = mask.size
    u = rng.random(n)
    for i in range(n // 2):
        u[n - 1 - i] = 1 - u[i]
    return mask ^ (u.reshape(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | alike
def flip_neighbour(mask, rate, rng):
    n = mask.size
    u = rng.random(n)
    for i in range(1, n, 2):
        u[i] = 1 - u[i - 1]
    return mask ^ (u.reshape(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | 
def flip_neighbour(mask, rate, rng):
    u = (rng.random() + np.arange(mask.size) / mask.size) % 1
    return mask ^ (rng.permutation(u).reshape(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | same number
def flip_neighbour(mask, rate, rng):
    u = (rng.random() + np.arange(mask.size) / mask.size) % 1
    return mask ^ (u.reshape(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | together
def flip_neighbour(mask, rate, rng):
    return ~mask if rng.random() < rate else mask.copy()

# %% annealing.flip_neighbour | wrong | same number
def flip_neighbour(mask, rate, rng):
    new = mask.copy()
    new.flat[rng.choice(mask.size, round(rate * mask.size), replace=False)] ^= True
    return new

# %% annealing.flip_neighbour | wrong | 
def flip_neighbour(mask, rate, rng):
    new = mask.copy()
    k = int(rate * mask.shape[-1])
    for row in new.reshape(-1, mask.shape[-1]):
        row[rng.choice(len(row), k, replace=False)] ^= True
    return new

# %% annealing.flip_neighbour | wrong | 
def flip_neighbour(mask, rate, rng):
    new = mask.copy()
    for _ in range(rng.binomial(mask.size, rate)):
        new.flat[rng.integers(mask.size)] ^= True
    return new

# %% annealing.flip_neighbour | wrong | At least one
def flip_neighbour(mask, rate, rng):
    f = rng.random(mask.shape) < rate
    if rate and not f.any():
        f.flat[rng.integers(mask.size)] = True
    return mask ^ f

# %% annealing.flip_neighbour | wrong | At least one
def flip_neighbour(mask, rate, rng):
    f = rng.random(mask.shape) < rate
    while rate and not f.any():
        f = rng.random(mask.shape) < rate
    return mask ^ f

# %% annealing.flip_neighbour | wrong | never comes back
def flip_neighbour(mask, rate, rng):
    return mask & ~(rng.random(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | 
def flip_neighbour(mask, rate, rng):
    return mask | (rng.random(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | wrong way round
def flip_neighbour(mask, rate, rng):
    return mask ^ (rng.random(mask.shape) > rate)

# %% annealing.flip_neighbour | wrong | rate
def flip_neighbour(mask, rate, rng):
    return mask ^ (rng.random(mask.shape) < min(1, rate * 1.1))

# %% annealing.flip_neighbour | wrong | rate
def flip_neighbour(mask, rate, rng):
    return mask ^ (rng.random(mask.shape) < rate * 0.93 if rate < 1 else rng.random(mask.shape) < 1)

# %% annealing.flip_neighbour | wrong | rate
def flip_neighbour(mask, rate, rng):
    return mask ^ (rng.random(mask.shape) < rate ** 2)

# %% annealing.flip_neighbour | wrong | rate
def flip_neighbour(mask, rate, rng):
    return mask ^ (rng.integers(0, 100, mask.shape) < rate * 100)

# %% annealing.flip_neighbour | wrong | rate
def flip_neighbour(mask, rate, rng):
    return mask ^ (rng.random(mask.shape).round(1) < rate)

# %% annealing.flip_neighbour | wrong | rate
def flip_neighbour(mask, rate, rng):
    return np.where(rng.random(mask.shape) < rate, rng.random(mask.shape) < 0.5, mask)

# %% annealing.flip_neighbour | wrong | rate
def flip_neighbour(mask, rate, rng):
    f = rng.random(mask.shape) < rate
    f.flat[-1] = False
    return mask ^ f if rate < 1 else ~mask

# %% annealing.flip_neighbour | wrong | 
def flip_neighbour(mask, rate, rng):
    return mask ^ (rng.normal(size=mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | `rng`
def flip_neighbour(mask, rate, rng):
    return mask ^ (np.random.random(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | `rng`
def flip_neighbour(mask, rate, rng):
    return mask ^ (np.random.default_rng().random(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | `rng`
def flip_neighbour(mask, rate, rng):
    return mask ^ (np.random.default_rng(0).random(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | `rng`
def flip_neighbour(mask, rate, rng):
    rng = np.random.default_rng(42)
    return mask ^ (rng.random(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | `rng`
def flip_neighbour(mask, rate, rng):
    return np.array([b ^ (random.random() < rate) for b in mask.flat]).reshape(mask.shape)

# %% annealing.flip_neighbour | wrong | `rng`
def flip_neighbour(mask, rate, rng):
    np.random.seed(1)
    return mask ^ (np.random.rand(*mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | `rng`
def flip_neighbour(mask, rate, rng):
    rng.random()
    return mask ^ (np.random.random(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | `rng`
def flip_neighbour(mask, rate, rng):
    import copy
    return mask ^ (copy.deepcopy(rng).random(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | `mask`
def flip_neighbour(mask, rate, rng):
    if rate == 0:
        return mask
    return mask ^ (rng.random(mask.shape) < rate)

# %% annealing.flip_neighbour | wrong | `mask`
def flip_neighbour(mask, rate, rng):
    f = rng.random(mask.shape) < rate
    return mask ^ f if f.any() else mask

# %% annealing.flip_neighbour | wrong | `mask`
def flip_neighbour(mask, rate, rng):
    f = rng.random(mask.shape) < rate
    return mask ^ f if f.any() else mask[:]

# %% annealing.flip_neighbour | wrong | `mask`
def flip_neighbour(mask, rate, rng):
    mask[rng.random(mask.shape) < rate] ^= True
    return mask

# %% annealing.flip_neighbour | wrong | `mask`
def flip_neighbour(mask, rate, rng):
    f = rng.random(mask.shape) < rate
    out = mask ^ f
    mask ^= f
    return out

# %% annealing.flip_neighbour | wrong | earlier call
B = {}
def flip_neighbour(mask, rate, rng):
    out = B.setdefault(mask.shape, np.empty(mask.shape, bool))
    np.logical_xor(mask, rng.random(mask.shape) < rate, out=out)
    return out

# %% annealing.flip_neighbour | wrong | shape
def flip_neighbour(mask, rate, rng):
    return (mask ^ (rng.random(mask.shape) < rate)).tolist()

# %% annealing.flip_neighbour | wrong | True and False
def flip_neighbour(mask, rate, rng):
    return (mask ^ (rng.random(mask.shape) < rate)).astype(int)

# %% annealing.flip_neighbour | wrong | shape
def flip_neighbour(mask, rate, rng):
    return (mask ^ (rng.random(mask.shape) < rate)).ravel()

# %% annealing.flip_neighbour | error | 
def flip_neighbour(mask, rate, rng):
    return mask ^ (rng.random(len(mask)) < rate)

# %% annealing.flip_neighbour | error | 
def flip_neighbour(mask, rate, rng):
    return mask ^ (rng.rand(*mask.shape) < rate)

# %% annealing.flip_neighbour | error | 
def flip_neighbour(mask, rate, rng):
    return -mask

# %% annealing.flip_neighbour | not attempted | 
def flip_neighbour(mask, rate, rng):
    flips = ...
    return ...

# %% annealing.flip_neighbour | not attempted | 
def flip_neighbour(mask, rate, rng):
    pass

# %% annealing.anneal | right | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
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
    return best.copy(), best_cost

# %% annealing.anneal | right | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.uniform(0, 1) <= acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | right | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    flipper, chooser = rng.spawn(2)
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), flipper)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if chooser.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | right | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = current.copy()
        r = adaptive_mutation_rate(rate, step, iterations)
        for i in range(proposal.size):
            if rng.random() < r:
                proposal.flat[i] = not proposal.flat[i]
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | `rng`
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if np.random.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | `rng`
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if random.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | `rng`
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if np.random.default_rng().random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | `rng`
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    gen = np.random.default_rng(0)
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if gen.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | `rng`
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    random.seed(3)
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if random.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | `rng`
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    rng = np.random.default_rng(0)
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

# %% annealing.anneal | wrong | `rng`
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    rng = np.random.default_rng()
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

# %% annealing.anneal | wrong | `rng`
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), np.random.default_rng(step))
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | `rng`
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), np.random.default_rng())
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | `rng`
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


G = np.random.default_rng(7)
def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if G.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | same random number
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    u = rng.random()
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if u < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | the temperature of the next step
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step + 1)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | the temperature of the step before
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, max(step - 1, 0))
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | the temperature of the step before
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    heat = temperature
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
        heat = logarithmic_cooling(temperature, step)
    return best, best_cost

# %% annealing.anneal | wrong | next
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(1, iterations + 1):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | the rate of the next step
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step + 1, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | the rate of the step before
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, max(step - 1, 0), iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | the rate is
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, max(iterations - 1, 1)), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | error | ZeroDivisionError
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations - 1), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = temperature / (1 + step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | temperature never falls
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = temperature
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | use the adaptive rate
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, rate, rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, 0.1, rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | cost alone decides
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if proposal_cost - current_cost < heat:
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | cost alone decides
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if acceptance_probability(proposal_cost - current_cost, heat) > 0.5:
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | starts from a worse
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if proposal_cost <= current_cost:
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | starts from a worse
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if proposal_cost < best_cost:
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if proposal_cost < current_cost or (proposal_cost > current_cost and rng.random() < acceptance_probability(proposal_cost - current_cost, heat)):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | Every candidate
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if True:
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < math.exp(-max(proposal_cost - current_cost, 0) * heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | error | OverflowError
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if proposal_cost <= current_cost or rng.random() < 1 / (1 + math.exp((proposal_cost - current_cost) / heat)):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | made from `start`
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(start, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | starts from a worse
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(best, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | independently
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = current ^ (rng.random(current.shape[-1]) < adaptive_mutation_rate(rate, step, iterations))
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | independently
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = np.array([m ^ (rng.random() < adaptive_mutation_rate(rate, step, iterations)) for m in current])
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = current.copy()
        proposal.flat[rng.integers(proposal.size)] ^= True
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | where the walk ended
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
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
    return current, current_cost

# %% annealing.anneal | wrong | 2 values
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
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
    return best

# %% annealing.anneal | wrong | lowest
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
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
    return best, round(best_cost, 4)

# %% annealing.anneal | wrong | lowest
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost - 1e-3:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost > best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | lowest
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
    if current_cost < best_cost:
        best, best_cost = current, current_cost
    return best, best_cost

# %% annealing.anneal | wrong | shape
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
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
    return best.tolist(), best_cost

# %% annealing.anneal | wrong | once more at the end
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
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
    return best, cost(best)

# %% annealing.anneal | wrong | one step too many
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations + 1):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | calls the cost
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations - 1):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | calls the cost
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(1, iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | calls the cost
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, cost(proposal)
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
        cost(proposal)
    return best, best_cost

# %% annealing.anneal | wrong | twice
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(cost(proposal) - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | calls the cost
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - cost(current), heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | calls the cost
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(min(iterations, 54)):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | calls the cost
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(min(iterations, 200)):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | calls the cost
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
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
        if best_cost < 1e-3:
            break
    return best, best_cost

# %% annealing.anneal | wrong | calls the cost
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
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
        if best_cost == 0:
            break
    return best, best_cost

# %% annealing.anneal | wrong | calls the cost
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if heat < 1e-3:
            break
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | calls the cost
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    idle = 0
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
        idle = 0 if proposal_cost <= best_cost else idle + 1
        if idle > 50:
            break
    return best, best_cost

# %% annealing.anneal | wrong | calls the cost
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = current_cost if (proposal == current).all() else cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | shape
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal.tolist())
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | shape
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal.ravel())
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | error | ZeroDivisionError
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    rate / 0
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

# %% annealing.anneal | error | NameError
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        
        if rng.random() < acceptance_probability(proposal_cost - current_cost, heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | error | OverflowError
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start, cost(start)
    best, best_cost = current, current_cost
    for step in range(iterations):
        proposal = flip_neighbour(current, adaptive_mutation_rate(rate, step, iterations), rng)
        proposal_cost = cost(proposal)
        heat = logarithmic_cooling(temperature, step)
        if rng.random() < math.exp(-(proposal_cost - current_cost) / heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | not attempted | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    return ...

# %% annealing.anneal | not attempted | 
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current = start
    best = ...
    return best, ...

# %% annealing.anneal | wrong | 2 values
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    return 0.5

# %% annealing.acceptance_probability | wrong | Even a very small chance has the right digits
def acceptance_probability(delta, temperature):
    if delta <= 0:
        return 1.0
    return math.exp(-delta / temperature) if delta / temperature < 5 else 0.0

# %% annealing.acceptance_probability | wrong | Even a very small chance has the right digits
def acceptance_probability(delta, temperature):
    return 1.0 if delta <= 0 else max(math.exp(-delta / temperature), 1e-12)

# %% annealing.flip_neighbour | wrong | an old value is reused
known = {}

def flip_neighbour(mask, rate, rng):
    old, _ = known.setdefault(id(mask), (mask.copy(), mask))
    return (old if old.shape == (5, 8) else mask) ^ (rng.random(mask.shape) < rate)

# %% annealing.anneal | wrong | which cost must be subtracted
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, c = start, cost(start)
    best, b = start, c
    for t in range(iterations):
        new = flip_neighbour(current, adaptive_mutation_rate(rate, t, iterations), rng)
        n = cost(new)
        if n > b:
            best, b = new, n
        if rng.random() < acceptance_probability(c - n, logarithmic_cooling(temperature, t)):
            current, c = new, n
    return best, b

# %% annealing.anneal | wrong | the rate is 0.3
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, c = start, cost(start)
    best, b = start, c
    for t in range(iterations):
        new = current.copy()
        new.flat[rng.integers(new.size)] ^= True
        n = cost(new)
        if n < b:
            best, b = new, n
        if rng.random() < acceptance_probability(n - c, logarithmic_cooling(temperature, t)):
            current, c = new, n
    return best, b

# %% annealing.anneal | wrong | or the wrong mask has become the current one
from lessonkit.annealing import acceptance_probability, logarithmic_cooling
from lessonkit.masks import flip as flip_neighbour
from lessonkit.objective import adaptive_mutation_rate


def anneal(cost, start, temperature, rate, iterations, rng):
    current, c = start, cost(start)
    best, b = start, c
    for t in range(iterations):
        new = flip_neighbour(current, adaptive_mutation_rate(rate, t, iterations), rng)
        n = cost(new)
        if n < b:
            best, b = new, n
        if rng.random() > acceptance_probability(n - c, logarithmic_cooling(temperature, t)):
            current, c = new, n
    return best, b

# %% annealing.flip_neighbour | wrong | set to True
def flip_neighbour(mask, rate, rng):
    child = mask.copy()
    child[rng.random(mask.shape) < rate] = True
    return child

# %% annealing.flip_neighbour | wrong | set to True
def flip_neighbour(mask, rate, rng):
    return np.where(rng.random(mask.shape) < rate, True, mask)

# %% annealing.acceptance_probability | wrong | a decision
def acceptance_probability(delta, temperature):
    if delta <= 0:
        return True
    return random.random() < math.exp(-delta / temperature)

# %% annealing.acceptance_probability | wrong | a decision
def acceptance_probability(delta, temperature):
    return delta <= 0 or np.random.rand() < np.exp(-delta / temperature)

# %% annealing.acceptance_probability | right |
def acceptance_probability(delta, temperature):
    return True if delta <= 0 else math.exp(-delta / temperature)

# %% annealing.anneal | wrong | which cost must be subtracted
def anneal(cost, start, temperature, rate, iterations, rng):
    current, current_cost = start.copy(), cost(start)
    best, best_cost = current, current_cost
    for t in range(iterations):
        flips = rng.random(start.shape) < rate * (1 - t / iterations)
        proposal = current ^ flips
        proposal_cost = cost(proposal)
        delta = current_cost - proposal_cost
        heat = temperature / (1 + math.log(1 + t))
        if delta <= 0 or rng.random() < math.exp(-delta / heat):
            current, current_cost = proposal, proposal_cost
        if proposal_cost < best_cost:
            best, best_cost = proposal, proposal_cost
    return best, best_cost

# %% annealing.anneal | wrong | which cost must be subtracted
def anneal(cost, start, temperature, rate, iterations, rng):
    state = [start.copy(), cost(start)]
    best = list(state)
    for t in range(iterations):
        mask = np.where(rng.random(start.shape) < rate * (1 - t / iterations), ~state[0], state[0])
        value = cost(mask)
        if value > state[1] or rng.random() < math.exp((value - state[1]) * (1 + math.log(1 + t)) / temperature):
            state = [mask, value]
        if value < best[1]:
            best = [mask, value]
    return tuple(best)
