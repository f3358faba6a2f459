# ruff: noqa
# fmt: off

# %% genetic.tournament_select | right | 
def tournament_select(costs, size, rng):
    e = rng.permutation(len(costs))[:size]
    return min(e, key=lambda i: costs[i])

# %% genetic.tournament_select | right | 
def tournament_select(costs, size, rng):
    order = list(range(len(costs)))
    rng.shuffle(order)
    return sorted(order[:size], key=costs.__getitem__)[0]

# %% genetic.tournament_select | right | 
def tournament_select(costs, size, rng):
    return min((costs[i], i) for i in rng.choice(len(costs), size, replace=False))[1]

# %% genetic.tournament_select | right | 
def tournament_select(costs, size, rng):
    e = set()
    while len(e) < size:
        e.add(int(rng.integers(len(costs))))
    return min(e, key=lambda i: costs[i])

# %% genetic.tournament_select | right | 
def tournament_select(costs, size, rng):
    e = rng.spawn(1)[0].choice(len(costs), size, replace=False)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | place among the entrants
def tournament_select(costs, size, rng):
    return np.argmin(costs[rng.choice(len(costs), size, replace=False)])

# %% genetic.tournament_select | wrong | most expensive
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return e[np.argmax(costs[e])]

# %% genetic.tournament_select | wrong | without replacement
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | without replacement
def tournament_select(costs, size, rng):
    e = rng.integers(0, len(costs), size)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | every time
def tournament_select(costs, size, rng):
    return np.argmin(costs)

# %% genetic.tournament_select | wrong | every time
def tournament_select(costs, size, rng):
    rng.random()
    return int(np.argsort(costs)[0])

# %% genetic.tournament_select | wrong | `rng`
def tournament_select(costs, size, rng):
    e = np.random.choice(len(costs), size, replace=False)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | `rng`
def tournament_select(costs, size, rng):
    e = random.sample(range(len(costs)), size)
    return min(e, key=lambda i: costs[i])

# %% genetic.tournament_select | wrong | `rng`
def tournament_select(costs, size, rng):
    e = np.random.default_rng().choice(len(costs), size, replace=False)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | `rng`
def tournament_select(costs, size, rng):
    e = np.random.default_rng(0).choice(len(costs), size, replace=False)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | `rng`
def tournament_select(costs, size, rng):
    rng = np.random.default_rng(1)
    e = rng.choice(len(costs), size, replace=False)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | number of entrants is always the same
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), min(2, len(costs)), replace=False)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | number of entrants is always the same
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), min(3, len(costs)), replace=False)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | number of entrants is always the same
def tournament_select(costs, size, rng):
    return rng.integers(len(costs))

# %% genetic.tournament_select | wrong | yours is -
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return e[np.argmin(costs[e])] - len(costs)

# %% genetic.tournament_select | wrong | 
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return e[np.argmin(costs[e])] + 1

# %% genetic.tournament_select | wrong | 
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return costs[e].min()

# %% genetic.tournament_select | wrong | 
def tournament_select(costs, size, rng):
    e = rng.choice(costs, size, replace=False)
    return e.min()

# %% genetic.tournament_select | wrong | 
def tournament_select(costs, size, rng):
    e = rng.choice(size, size, replace=False)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | 
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs) - 1, min(size, len(costs) - 1), replace=False) if len(costs) > 1 else np.array([0])
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | 
def tournament_select(costs, size, rng):
    n = len(costs)
    e = (rng.integers(n) + np.arange(size)) % n
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | 
def tournament_select(costs, size, rng):
    n = len(costs)
    w = np.where(np.arange(n) % 2 == 0, 0.6, 0.4)
    e = rng.choice(n, size, replace=False, p=w / w.sum())
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | 
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return e[np.argmin(costs[e])] if rng.random() < 0.9 else rng.choice(e)

# %% genetic.tournament_select | wrong | cheapest of all
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return min(e, key=lambda i: str(costs[i]))

# %% genetic.tournament_select | wrong | cheapest of all
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return min(e, key=lambda i: int(costs[i]))

# %% genetic.tournament_select | wrong | cheapest of all
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return min(e, key=lambda i: round(costs[i], 6))

# %% genetic.tournament_select | wrong | cheapest of all
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return min(e, key=lambda i: abs(costs[i]))

# %% genetic.tournament_select | wrong | cheapest of all
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    best = e[0]
    for i in e:
        if costs[i] < costs[best] - 1e-6:
            best = i
    return best

# %% genetic.tournament_select | wrong | `costs`
def tournament_select(costs, size, rng):
    costs.sort()
    return min(rng.choice(len(costs), size, replace=False))

# %% genetic.tournament_select | wrong | 
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), max(size - 1, 1), replace=False)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | 
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), min(size + 1, len(costs)), replace=False)
    return e[np.argmin(costs[e])]

# %% genetic.tournament_select | wrong | whole number
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return float(e[np.argmin(costs[e])])

# %% genetic.tournament_select | wrong | whole number
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return e

# %% genetic.tournament_select | wrong | whole number
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return e[np.argmin(costs[e])], costs[e].min()

# %% genetic.tournament_select | error | 
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return costs.index(min(costs[e]))

# %% genetic.tournament_select | error | 
def tournament_select(costs, size, rng):
    e = rng.sample(range(len(costs)), size)
    return min(e, key=lambda i: costs[i])

# %% genetic.tournament_select | wrong | whole number
def tournament_select(costs, size, rng):
    return costs[size]

# %% genetic.tournament_select | not attempted | 
def tournament_select(costs, size, rng):
    pass

# %% genetic.tournament_select | not attempted | 
def tournament_select(costs, size, rng):
    entrants = ...
    return ...

# %% genetic.tournament_select | wrong | 
def tournament_select(costs, size, rng):
    e = rng.choice(len(costs), size, replace=False)
    return list(costs).index(np.median(costs[e])) if size % 2 else e[0]

# %% genetic.single_point_crossover | right | 
def single_point_crossover(a, b, point):
    x, y = a.ravel(), b.ravel()
    return np.concatenate([x[:point], y[point:]]).reshape(a.shape), np.concatenate([y[:point], x[point:]]).reshape(a.shape)

# %% genetic.single_point_crossover | right | 
def single_point_crossover(a, b, point):
    x, y = a.copy(), b.copy()
    x.flat[point:] = b.flat[point:]
    y.flat[point:] = a.flat[point:]
    return x, y

# %% genetic.single_point_crossover | right | 
def single_point_crossover(a, b, point):
    h = (np.arange(a.size) < point).reshape(a.shape)
    return np.where(h, a, b), np.where(h, b, a)

# %% genetic.single_point_crossover | right | 
def single_point_crossover(a, b, point):
    x, y = a.flatten(), b.flatten()
    for i in range(point, a.size):
        x[i], y[i] = y[i], x[i]
    return x.reshape(a.shape), y.reshape(b.shape)

# %% genetic.single_point_crossover | right | 
def single_point_crossover(a, b, point):
    h = np.zeros(a.size, bool)
    h[:point] = True
    h = h.reshape(a.shape)
    return (a & h) | (b & ~h), (b & h) | (a & ~h)

# %% genetic.single_point_crossover | right | 
def single_point_crossover(a, b, point):
    x, y = a.ravel().tolist(), b.ravel().tolist()
    return [np.array(x[:point] + y[point:]).reshape(a.shape), np.array(y[:point] + x[point:]).reshape(a.shape)]

# %% genetic.single_point_crossover | right | 
def single_point_crossover(a, b, point):
    x, y = np.hstack([a.ravel()[:point], b.ravel()[point:]]), np.hstack([b.ravel()[:point], a.ravel()[point:]])
    x.shape = y.shape = a.shape
    return x, y

# %% genetic.single_point_crossover | right | 
def single_point_crossover(a, b, point):
    p = np.stack([a.ravel(), b.ravel()])
    p[:, point:] = p[::-1, point:].copy()
    return p.reshape(2, *a.shape)

# %% genetic.single_point_crossover | wrong | wrong order
def single_point_crossover(a, b, point):
    x, y = a.ravel(), b.ravel()
    return np.concatenate([y[:point], x[point:]]).reshape(a.shape), np.concatenate([x[:point], y[point:]]).reshape(a.shape)

# %% genetic.single_point_crossover | wrong | counts rows
def single_point_crossover(a, b, point):
    return np.concatenate([a[:point], b[point:]]), np.concatenate([b[:point], a[point:]])

# %% genetic.single_point_crossover | wrong | counts rows
def single_point_crossover(a, b, point):
    x, y = a.copy(), b.copy()
    x[point:], y[point:] = b[point:], a[point:]
    return x, y

# %% genetic.single_point_crossover | wrong | shape
def single_point_crossover(a, b, point):
    x, y = a.ravel(), b.ravel()
    return np.concatenate([x[:point], y[point:]]), np.concatenate([y[:point], x[point:]])

# %% genetic.single_point_crossover | wrong | same tail
def single_point_crossover(a, b, point):
    x, y = a.copy(), b.copy()
    x.reshape(-1)[point:] = y.reshape(-1)[point:]
    y.reshape(-1)[point:] = x.reshape(-1)[point:]
    return x, y

# %% genetic.single_point_crossover | wrong | parents
def single_point_crossover(a, b, point):
    x, y = a.reshape(-1), b.reshape(-1)
    x[point:], y[point:] = y[point:].copy(), x[point:].copy()
    return a, b

# %% genetic.single_point_crossover | wrong | too late
def single_point_crossover(a, b, point):
    h = (np.arange(a.size) <= point).reshape(a.shape)
    return np.where(h, a, b), np.where(h, b, a)

# %% genetic.single_point_crossover | wrong | too early
def single_point_crossover(a, b, point):
    h = (np.arange(a.size) < point - 1).reshape(a.shape)
    return np.where(h, a, b), np.where(h, b, a)

# %% genetic.single_point_crossover | wrong | Both children are the same
def single_point_crossover(a, b, point):
    h = (np.arange(a.size) < point).reshape(a.shape)
    c = np.where(h, a, b)
    return c, c.copy()

# %% genetic.single_point_crossover | wrong | Both children are the same
def single_point_crossover(a, b, point):
    h = (np.arange(a.size) < point).reshape(a.shape)
    c = np.where(h, a, b)
    return c, c

# %% genetic.single_point_crossover | wrong | new array
def single_point_crossover(a, b, point):
    if (a == b).all():
        return a, b
    h = (np.arange(a.size) < point).reshape(a.shape)
    return np.where(h, a, b), np.where(h, b, a)

# %% genetic.single_point_crossover | wrong | new array
def single_point_crossover(a, b, point):
    if point == 0:
        return b, a
    h = (np.arange(a.size) < point).reshape(a.shape)
    return np.where(h, a, b), np.where(h, b, a)

# %% genetic.single_point_crossover | wrong | new array
def single_point_crossover(a, b, point):
    if point >= a.size:
        return a, b
    h = (np.arange(a.size) < point).reshape(a.shape)
    return np.where(h, a, b), np.where(h, b, a)

# %% genetic.single_point_crossover | wrong | earlier call
B = {}
def single_point_crossover(a, b, point):
    x, y = B.setdefault(a.shape, (np.empty(a.shape, bool), np.empty(a.shape, bool)))
    h = (np.arange(a.size) < point).reshape(a.shape)
    x[...] = np.where(h, a, b)
    y[...] = np.where(h, b, a)
    return x, y

# %% genetic.single_point_crossover | wrong | shape
def single_point_crossover(a, b, point):
    x, y = a.ravel().tolist(), b.ravel().tolist()
    return [x[:point] + y[point:], y[:point] + x[point:]]

# %% genetic.single_point_crossover | wrong | numpy array
def single_point_crossover(a, b, point):
    h = (np.arange(a.size) < point).reshape(a.shape)
    return np.where(h, a, b).tolist(), np.where(h, b, a).tolist()

# %% genetic.single_point_crossover | wrong | 2 values
def single_point_crossover(a, b, point):
    h = (np.arange(a.size) < point).reshape(a.shape)
    return np.where(h, a, b)

# %% genetic.single_point_crossover | wrong | should
def single_point_crossover(a, b, point):
    x, y = a.ravel(), b.ravel()
    if point == 0:
        return a.copy(), b.copy()
    return np.concatenate([x[:point], y[point:]]).reshape(a.shape), np.concatenate([y[:point], x[point:]]).reshape(a.shape)

# %% genetic.single_point_crossover | wrong | should
def single_point_crossover(a, b, point):
    h = (np.arange(a.size) < point).reshape(a.shape, order='F')
    return np.where(h, a, b), np.where(h, b, a)

# %% genetic.single_point_crossover | wrong | should
def single_point_crossover(a, b, point):
    h = (np.arange(a.size) < a.size // 2).reshape(a.shape)
    return np.where(h, a, b), np.where(h, b, a)

# %% genetic.single_point_crossover | wrong | should
def single_point_crossover(a, b, point):
    k = max(a.size - point, 0)
    x, y = a.flatten(), b.flatten()
    x[-k:], y[-k:] = b.flatten()[-k:], a.flatten()[-k:]
    return x.reshape(a.shape), y.reshape(a.shape)

# %% genetic.single_point_crossover | wrong | should
def single_point_crossover(a, b, point):
    return a.copy(), b.copy()

# %% genetic.single_point_crossover | wrong | True and False
def single_point_crossover(a, b, point):
    h = (np.arange(a.size) < point).reshape(a.shape)
    return np.where(h, a, b) * 1, np.where(h, b, a) * 1

# %% genetic.single_point_crossover | wrong | should
def single_point_crossover(a, b, point):
    x, y = a.copy(), b.copy()
    x[..., point:], y[..., point:] = b[..., point:], a[..., point:]
    return x, y

# %% genetic.single_point_crossover | wrong | shape
def single_point_crossover(a, b, point):
    return a[:point] + b[point:], b[:point] + a[point:]

# %% genetic.single_point_crossover | not attempted | 
def single_point_crossover(a, b, point):
    ...

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape) < 0.5, a, b)

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    m = rng.integers(0, 2, a.shape).astype(bool)
    return (a & m) | (b & ~m)

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    c = a.copy()
    m = rng.random(a.shape) > 0.5
    c[m] = b[m]
    return c

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    return np.where(rng.choice([True, False], size=a.shape), a, b)

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    return a ^ ((a ^ b) & (rng.random(a.shape) < 0.5))

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    return np.array([x if rng.random() < 0.5 else y for x, y in zip(a.flat, b.flat)]).reshape(a.shape)

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    return np.array([rng.choice([x, y]) for x, y in zip(a.ravel(), b.ravel())]).reshape(a.shape)

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    return np.where(rng.standard_normal(a.shape) < 0, b, a)

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    return np.where(rng.spawn(1)[0].random(a.shape) < 0.5, a, b)

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    bits = np.frombuffer(rng.bytes(a.size), np.uint8) & 1
    return np.where(bits.reshape(a.shape), a, b)

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    return np.where(rng.permuted(np.stack([a, b]), axis=0)[0], True, False)

# %% genetic.uniform_crossover | right | 
def uniform_crossover(a, b, rng):
    c = a.copy()
    for i in np.ndindex(a.shape):
        if a[i] != b[i] and rng.random() < 0.5:
            c[i] = b[i]
    return c

# %% genetic.uniform_crossover | wrong | one random number
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape[-1]) < 0.5, a, b)

# %% genetic.uniform_crossover | wrong | one random number
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape[:1] + (1,) * (a.ndim - 1)) < 0.5, a, b)

# %% genetic.uniform_crossover | wrong | one random number
def uniform_crossover(a, b, rng):
    return np.array([x if rng.random() < 0.5 else y for x, y in zip(a, b)])

# %% genetic.uniform_crossover | wrong | one random number
def uniform_crossover(a, b, rng):
    n = a.size
    m = np.repeat(rng.random(n // 2 + 1) < 0.5, 2)[:n].reshape(a.shape)
    return np.where(m, a, b)

# %% genetic.uniform_crossover | wrong | alike
def uniform_crossover(a, b, rng):
    n = a.size
    u = rng.random(n // 2 + 1)
    m = np.concatenate([u, 1 - u])[:n].reshape(a.shape) < 0.5
    return np.where(m, a, b)

# %% genetic.uniform_crossover | wrong | same parent
def uniform_crossover(a, b, rng):
    m = np.arange(a.size).reshape(a.shape) % 2 == rng.integers(2)
    return np.where(m, a, b)

# %% genetic.uniform_crossover | wrong | copy of one parent
def uniform_crossover(a, b, rng):
    return (a if rng.random() < 0.5 else b).copy()

# %% genetic.uniform_crossover | wrong | 
def uniform_crossover(a, b, rng):
    return a if rng.random() < 0.5 else b

# %% genetic.uniform_crossover | wrong | nothing is left to chance
def uniform_crossover(a, b, rng):
    return a | b

# %% genetic.uniform_crossover | wrong | 
def uniform_crossover(a, b, rng):
    return a & b

# %% genetic.uniform_crossover | wrong | even where both parents agree
def uniform_crossover(a, b, rng):
    return rng.random(a.shape) < 0.5

# %% genetic.uniform_crossover | wrong | one cut
def uniform_crossover(a, b, rng):
    k = int(rng.integers(0, a.size + 1))
    return np.concatenate([a.ravel()[:k], b.ravel()[k:]]).reshape(a.shape)

# %% genetic.uniform_crossover | wrong | of the bits
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape) < 0.48, a, b)

# %% genetic.uniform_crossover | wrong | of the bits
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape) < 0.52, a, b)

# %% genetic.uniform_crossover | wrong | of the bits
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape) < 0.6, a, b)

# %% genetic.uniform_crossover | wrong | of the bits
def uniform_crossover(a, b, rng):
    return np.where(rng.integers(0, 3, a.shape) < 1, a, b)

# %% genetic.uniform_crossover | wrong | of the bits
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape).round(1) < 0.5, a, b)

# %% genetic.uniform_crossover | wrong | 
def uniform_crossover(a, b, rng):
    c = b.copy()
    c.flat[rng.choice(a.size, a.size // 2, replace=False)] = a.flat[0]
    return c

# %% genetic.uniform_crossover | wrong | 
def uniform_crossover(a, b, rng):
    c = b.copy()
    k = rng.choice(a.size, a.size // 2, replace=False)
    c.flat[k] = a.flat[k]
    return c

# %% genetic.uniform_crossover | wrong | 
def uniform_crossover(a, b, rng):
    c = b.copy()
    for i in range(len(c.reshape(-1, c.shape[-1]))):
        k = rng.choice(c.shape[-1], c.shape[-1] // 2, replace=False)
        c.reshape(-1, c.shape[-1])[i, k] = a.reshape(-1, c.shape[-1])[i, k]
    return c

# %% genetic.uniform_crossover | wrong | 
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape) < np.where(a, 0.55, 0.45), a, b)

# %% genetic.uniform_crossover | wrong | `rng`
def uniform_crossover(a, b, rng):
    return np.where(np.random.random(a.shape) < 0.5, a, b)

# %% genetic.uniform_crossover | wrong | `rng`
def uniform_crossover(a, b, rng):
    return np.where(np.random.default_rng(0).random(a.shape) < 0.5, a, b)

# %% genetic.uniform_crossover | wrong | `rng`
def uniform_crossover(a, b, rng):
    return np.array([x if random.random() < 0.5 else y for x, y in zip(a.flat, b.flat)]).reshape(a.shape)

# %% genetic.uniform_crossover | wrong | `rng`
def uniform_crossover(a, b, rng):
    return np.array([random.choice(p) for p in zip(a.flat, b.flat)]).reshape(a.shape)

# %% genetic.uniform_crossover | wrong | new array
def uniform_crossover(a, b, rng):
    if (a == b).all():
        return a
    return np.where(rng.random(a.shape) < 0.5, a, b)

# %% genetic.uniform_crossover | wrong | earlier call
B = {}
def uniform_crossover(a, b, rng):
    out = B.setdefault(a.shape, np.empty(a.shape, bool))
    out[...] = np.where(rng.random(a.shape) < 0.5, a, b)
    return out

# %% genetic.uniform_crossover | wrong | `a`
def uniform_crossover(a, b, rng):
    m = rng.random(a.shape) < 0.5
    a[m] = b[m]
    return a

# %% genetic.uniform_crossover | wrong | numpy array
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape) < 0.5, a, b).tolist()

# %% genetic.uniform_crossover | wrong | shape
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.size) < 0.5, a.ravel(), b.ravel())

# %% genetic.uniform_crossover | wrong | True and False
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape) < 0.5, a, b).astype(float)

# %% genetic.uniform_crossover | wrong | True and False
def uniform_crossover(a, b, rng):
    m = rng.random(a.shape) < 0.5
    return m * a + ~m * b * 1

# %% genetic.uniform_crossover | error | 
def uniform_crossover(a, b, rng):
    return rng.choice(a, b)

# %% genetic.uniform_crossover | error | 
def uniform_crossover(a, b, rng):
    return np.where(rng.random(len(a)) < 0.5, a, b)

# %% genetic.uniform_crossover | not attempted | 
def uniform_crossover(a, b, rng):
    coins = ...
    return ...

# %% genetic.uniform_crossover | wrong | 
def uniform_crossover(a, b, rng):
    m = rng.random(a.shape) < 0.5
    return np.where(m, a, b), np.where(m, b, a)

# %% genetic.uniform_crossover | wrong | 
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape) < rng.random(), a, b)

# %% genetic.mutate | right | 
def mutate(mask, rate, rng):
    return mask ^ (rng.random(mask.shape) < rate)

# %% genetic.mutate | right | 
def mutate(mask, rate, rng):
    child = mask.copy()
    for i in np.ndindex(mask.shape):
        if rng.random() < rate:
            child[i] = not child[i]
    return child

# %% genetic.mutate | right | 
def mutate(mask, rate, rng):
    return mask ^ rng.choice([True, False], p=[rate, 1 - rate], size=mask.shape)

# %% genetic.mutate | wrong | one random number
def mutate(mask, rate, rng):
    return mask ^ (rng.random(mask.shape[-1]) < rate)

# %% genetic.mutate | wrong | one random number
def mutate(mask, rate, rng):
    return mask ^ (rng.random(mask.shape[:1] + (1,) * (mask.ndim - 1)) < rate)

# %% genetic.mutate | wrong | the whole mask
def mutate(mask, rate, rng):
    return ~mask if rng.random() < rate else mask.copy()

# %% genetic.mutate | wrong | same number of bits flips each time
def mutate(mask, rate, rng):
    c = mask.copy()
    c.flat[rng.integers(mask.size)] ^= True
    return c

# %% genetic.mutate | wrong | 
def mutate(mask, rate, rng):
    c = mask.copy()
    if rng.random() < rate:
        c.flat[rng.integers(mask.size)] ^= True
    return c

# %% genetic.mutate | wrong | rate / 2
def mutate(mask, rate, rng):
    return np.where(rng.random(mask.shape) < rate, rng.random(mask.shape) < 0.5, mask)

# %% genetic.mutate | wrong | rate / 2
def mutate(mask, rate, rng):
    return np.where(rng.random(mask.shape) < rate, rng.integers(0, 2, mask.shape).astype(bool), mask)

# %% genetic.mutate | wrong | prunes
def mutate(mask, rate, rng):
    return mask & (rng.random(mask.shape) >= rate)

# %% genetic.mutate | wrong | rate
def mutate(mask, rate, rng):
    return mask ^ (rng.random(mask.shape) < min(rate * 1.1, 1))

# %% genetic.mutate | wrong | `mask`
def mutate(mask, rate, rng):
    if rate == 0: return mask
    return mask ^ (rng.random(mask.shape) < rate)

# %% genetic.mutate | wrong | `mask`
def mutate(mask, rate, rng):
    k = rng.random(mask.shape) < rate
    return mask ^ k if k.any() else mask

# %% genetic.mutate | wrong | `rng`
def mutate(mask, rate, rng):
    return mask ^ (np.random.rand(*mask.shape) < rate)

# %% genetic.mutate | wrong | 
def mutate(mask, rate, rng):
    return mask ^ (rng.random(mask.shape) < 0.05)

# %% genetic.mutate | wrong | 
def mutate(mask, rate, rng):
    return mask.copy()

# %% genetic.mutate | not attempted | 
def mutate(mask, rate, rng):
    return mask ^ ...

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    o = np.argsort(costs)
    return [population[i] for i in o[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    o = sorted(range(len(costs)), key=lambda i: costs[i])
    new = [population[i] for i in o[:elite]]
    while len(new) < len(population):
        new.append(make_child())
    return new

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    r = sorted(zip(costs, range(len(costs))))
    return [population[i].copy() for _, i in r[:elite]] + [make_child() for _ in population[elite:]]

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    r = sorted(zip(costs, population), key=lambda p: p[0])
    return [m for _, m in r][:elite] + list(map(lambda _: make_child(), range(len(population) - elite)))

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    kids = (make_child() for _ in itertools.count())
    return [population[i] for i in np.argsort(costs)[:elite]] + list(itertools.islice(kids, len(population) - elite))

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    import heapq
    best = heapq.nsmallest(elite, range(len(costs)), key=costs.__getitem__)
    return [population[i] for i in best] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    new = []
    for i in np.argsort(costs)[:elite]:
        new.append(population[i])
    for _ in range(elite, len(population)):
        new += [make_child()]
    return new

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    left = list(range(len(costs)))
    new = []
    for _ in range(elite):
        b = min(left, key=lambda i: costs[i])
        left.remove(b)
        new.append(population[b])
    return new + [make_child() for _ in left]

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    o = np.argsort(costs, kind='stable')[:elite]
    return tuple(population[i] for i in o) + tuple(make_child() for _ in range(len(population) - elite))

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    new = list(population)
    o = np.argsort(costs)
    for k in range(len(new)):
        new[k] = population[o[k]] if k < elite else make_child()
    return new

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    o = np.argpartition(costs, elite - 1)[:elite] if elite else []
    o = sorted(o, key=lambda i: costs[i])
    return [population[i] for i in o] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    children = list(itertools.starmap(make_child, [()] * (len(population) - elite)))
    return [population[i] for i in np.argsort(costs)[:elite]] + children

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    o = np.argsort(costs)
    return list(np.array(population)[o[:elite]]) + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | right | 
def next_generation(population, costs, elite, make_child):
    o = np.argsort(costs)[:elite]
    return np.array([population[i] for i in o] + [make_child() for _ in range(len(population) - elite)])

# %% genetic.next_generation | wrong | cheapest first
def next_generation(population, costs, elite, make_child):
    keep = set(np.argsort(costs)[:elite].tolist())
    return [p for i, p in enumerate(population) if i in keep] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | cheapest first
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in np.argsort(costs)[:elite][::-1]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | masks cannot be sorted
def next_generation(population, costs, elite, make_child):
    return [m for c, m in sorted(zip(costs, population))[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | masks cannot be sorted
def next_generation(population, costs, elite, make_child):
    r = list(zip(costs, population))
    r.sort()
    return [p for _, p in r[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | survives twice
def next_generation(population, costs, elite, make_child):
    c = list(costs)
    return [population[c.index(x)] for x in sorted(c)[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | survives twice
def next_generation(population, costs, elite, make_child):
    return [population[np.where(costs == x)[0][0]] for x in np.sort(costs)[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | text
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in sorted(range(len(costs)), key=lambda i: str(costs[i]))[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in sorted(range(len(costs)), key=lambda i: int(costs[i]))[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in np.argsort(np.round(costs, 4), kind='stable')[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in np.argsort(np.abs(costs))[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | most expensive
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in np.argsort(costs)[::-1][:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | most expensive
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in np.argsort(-costs)[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    o = np.argsort(costs)
    return [population[i] for i in o[-elite:]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | first individuals
def next_generation(population, costs, elite, make_child):
    return population[:elite] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | grows
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in np.argsort(costs)[:elite]] + [make_child() for _ in population]

# %% genetic.next_generation | wrong | same child
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in np.argsort(costs)[:elite]] + [make_child()] * (len(population) - elite)

# %% genetic.next_generation | wrong | children come before
def next_generation(population, costs, elite, make_child):
    return [make_child() for _ in range(len(population) - elite)] + [population[i] for i in np.argsort(costs)[:elite]]

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in np.argsort(costs)[:elite]] + [make_child() for _ in range(len(population) - elite - 1)]

# %% genetic.next_generation | wrong | calls make_child()
def next_generation(population, costs, elite, make_child):
    kids = [make_child() for _ in population]
    return [population[i] for i in np.argsort(costs)[:elite]] + kids[:len(population) - elite]

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    kids = [make_child() for _ in population]
    return ([population[i] for i in np.argsort(costs)[:elite]] + kids)[-len(population):]

# %% genetic.next_generation | wrong | calls make_child()
def next_generation(population, costs, elite, make_child):
    g = (make_child() for _ in itertools.count())
    kids = [k for k, _ in zip(g, range(len(population) - elite))]
    return [population[i] for i in np.argsort(costs)[:elite]] + kids

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    population.sort(key=lambda p: p.sum())
    return population[:elite] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | `costs`
def next_generation(population, costs, elite, make_child):
    o = np.argsort(costs)
    costs.sort()
    return [population[i] for i in o[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | `population`
def next_generation(population, costs, elite, make_child):
    o = np.argsort(costs)
    keep = [population[i] for i in o[:elite]]
    population[:] = keep + [make_child() for _ in range(len(population) - elite)]
    return population

# %% genetic.next_generation | not attempted | 
def next_generation(population, costs, elite, make_child):
    ...

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in np.argsort(costs)[:elite]] + [make_child for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in np.argsort(costs)[:elite]] + [[make_child() for _ in range(len(population) - elite)]]

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    return np.argsort(costs)[:elite].tolist() + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    return ([population[i] for i in np.argsort(costs)[:elite]] + [make_child() for _ in range(len(population) - elite)] for _ in [0])

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    return np.vstack([population[i] for i in np.argsort(costs)[:elite]] + [make_child() for _ in range(len(population) - elite)])

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    return [population[i].tolist() for i in np.argsort(costs)[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | error | TypeError
def next_generation(population, costs, elite, make_child):
    return population[np.argsort(costs)[:elite]] + [make_child() for _ in range(len(population) - elite)]

# %% genetic.next_generation | error | 
def next_generation(population, costs, elite, make_child):
    return [population[i] for i in np.argsort(costs)[:elite]] + [make_child(i) for i in range(len(population) - elite)]

# %% genetic.next_generation | error | 
def next_generation(population, costs, elite, make_child):
    best = [p for _, p in sorted(zip(costs, population), key=lambda x: x[0])[:elite]]
    rest = [p for p in population if p not in best]
    return best + [make_child() for _ in rest]

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    o = np.argsort(costs)
    return [population[i] for i in o[:max(elite, 1)]] + [make_child() for _ in range(len(population) - max(elite, 1))]

# %% genetic.next_generation | wrong | 
def next_generation(population, costs, elite, make_child):
    o = np.argsort(costs)
    return [population[i] for i in o[:elite]] + [population[i] for i in o[elite:]]

# %% genetic.tournament_select | wrong | an index, a whole number (an int) the float
def tournament_select(costs, size, rng):
    return min(costs[rng.choice(len(costs), size, replace=False)])

# %% genetic.uniform_crossover | wrong | something is kept from an earlier call
kept = {}

def uniform_crossover(a, b, rng):
    now = rng.random(a.shape) < 0.5
    coins = kept.get(a.shape, now)
    kept[a.shape] = now
    return np.where(coins, a, b)

# %% genetic.uniform_crossover | wrong | takes 0.000 of the kept bits from `a`
def uniform_crossover(a, b, rng):
    return a & b

# %% genetic.uniform_crossover | wrong | takes 1.000 of the bits from `a`
def uniform_crossover(a, b, rng):
    return a.copy()

# %% genetic.uniform_crossover | wrong | should keep the bits in which both parents agree
def uniform_crossover(a, b, rng):
    return np.where(rng.random(a.shape) < 0.5, a, ~b)

# %% genetic.next_generation | wrong | 1.0000003
def next_generation(population, costs, elite, make_child):
    order = np.argsort(np.round(costs, 3), kind="stable")
    return [population[at] for at in order[:elite]] + [make_child() for _ in range(len(costs) - elite)]

# %% genetic.next_generation | wrong | cheapest
known = {}

def next_generation(population, costs, elite, make_child):
    order, _ = known.setdefault(id(costs), (np.argsort(costs), costs))
    return [population[at] for at in order[:elite]] + [make_child() for _ in range(len(costs) - elite)]

# %% genetic.next_generation | right |
def next_generation(population, costs, elite, make_child):
    people = [population[i] for i in sorted(range(len(costs)), key=lambda i: costs[i])][:elite]
    while len(people) < len(population):
        people.append(make_child())
    return people

# %% genetic.next_generation | wrong | call it once for each child
def next_generation(population, costs, elite, make_child):
    people = [population[i] for i in np.argsort(costs)[:elite]]
    while len(people) < len(population):
        child = make_child()
        if not any(np.array_equal(child, person) for person in people):
            people.append(child)
    return people

# %% genetic.next_generation | wrong | call it once for each child
def next_generation(population, costs, elite, make_child):
    people = [population[i] for i in np.argsort(costs)[:elite]]
    seen = set()
    while len(people) < len(population):
        child = make_child()
        tries = 0
        while child.tobytes() in seen and tries < 10:
            child = make_child()
            tries += 1
        seen.add(child.tobytes())
        people.append(child)
    return people

# %% genetic.next_generation | wrong | call it once for each child
def next_generation(population, costs, elite, make_child):
    people = [population[i] for i in np.argsort(costs)[:elite]]
    known = {person.tobytes() for person in population}
    while len(people) < len(population):
        child = make_child()
        if child.tobytes() not in known:
            people.append(child)
    return people

# %% genetic.single_point_crossover | right |
def single_point_crossover(a, b, point):
    both = np.stack([a.ravel(), b.ravel()])
    both[:, point:] = both[::-1, point:].copy()
    first, second = both.reshape(2, *a.shape)
    return first, second

# %% genetic.single_point_crossover | wrong | share memory with each other
def single_point_crossover(a, b, point):
    if np.array_equal(a, b):
        child = a.copy()
        return child, child
    x, y = a.ravel(), b.ravel()
    first, second = np.r_[x[:point], y[point:]], np.r_[y[:point], x[point:]]
    return first.reshape(a.shape), second.reshape(a.shape)

# %% genetic.single_point_crossover | wrong | share memory with each other
def single_point_crossover(a, b, point):
    x, y = a.ravel(), b.ravel()
    first, second = np.r_[x[:point], y[point:]], np.r_[y[:point], x[point:]]
    if (first == second).all():
        second = first.view()
    return first.reshape(a.shape), second.reshape(a.shape)

# %% genetic.mutate | wrong | set to True
def mutate(mask, rate, rng):
    child = mask.copy()
    child[rng.random(mask.shape) < rate] = True
    return child

# %% genetic.mutate | wrong | set to True
def mutate(mask, rate, rng):
    child = mask.copy()
    for i in np.flatnonzero(~mask):
        if rng.random() < rate:
            child.flat[i] = True
    return child

# %% genetic.mutate | wrong | only prunes
def mutate(mask, rate, rng):
    child = mask.copy()
    child[rng.random(mask.shape) < rate] = False
    return child
