# ruff: noqa
# fmt: off

# %% frontier.swap_neighbour | right |
def swap_neighbour(mask, k, rng):
    kept = np.flatnonzero(mask)
    pruned = np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    neighbour = mask.copy()
    neighbour.flat[rng.choice(kept, k, replace=False)] = False
    neighbour.flat[rng.choice(pruned, k, replace=False)] = True
    return neighbour

# %% frontier.swap_neighbour | right |
def swap_neighbour(mask, k, rng):
    new = mask.copy()
    on, off = np.argwhere(mask), np.argwhere(~mask)
    k = min(k, len(on), len(off))
    for place in rng.permutation(on)[:k]:
        new[tuple(place)] = False
    for place in rng.permutation(off)[:k]:
        new[tuple(place)] = True
    return new

# %% frontier.swap_neighbour | right |
def swap_neighbour(mask, k, rng):
    flat = mask.ravel().copy()
    kept, pruned = np.where(flat)[0], np.where(~flat)[0]
    n = min(k, kept.size, pruned.size)
    flips = np.concatenate([rng.choice(kept, n, replace=False), rng.choice(pruned, n, replace=False)]) if n else []
    for i in flips:
        flat[i] = not flat[i]
    return flat.reshape(mask.shape)

# %% frontier.swap_neighbour | right |
def swap_neighbour(mask, k, rng):
    r = random.Random(int(rng.integers(2**63)))
    flat = mask.flatten()
    kept = [i for i, b in enumerate(flat) if b]
    pruned = [i for i, b in enumerate(flat) if not b]
    n = min(k, len(kept), len(pruned))
    for i in r.sample(kept, n):
        flat[i] = False
    for i in r.sample(pruned, n):
        flat[i] = True
    return flat.reshape(mask.shape)

# %% frontier.swap_neighbour | right |
def swap_neighbour(mask, k, rng):
    a, b = rng.spawn(2)
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, kept.size, pruned.size)
    new = np.array(mask)
    new.reshape(-1)[a.permutation(kept)[:k]] = False
    new.reshape(-1)[b.permutation(pruned)[:k]] = True
    return new

# %% frontier.swap_neighbour | right |
def swap_neighbour(mask, k, rng):
    new = mask.copy()
    kept = list(map(tuple, np.argwhere(mask)))
    pruned = list(map(tuple, np.argwhere(~mask)))
    for _ in range(k):
        if not kept or not pruned:
            break
        new[kept.pop(rng.integers(len(kept)))] = False
        new[pruned.pop(rng.integers(len(pruned)))] = True
    return new

# %% frontier.swap_neighbour | right |
def swap_neighbour(mask, k, rng):
    score = rng.random(mask.shape)
    up = np.where(mask, score, -1)
    down = np.where(~mask, score, -1)
    k = min(k, mask.sum(), mask.size - mask.sum())
    out = mask.copy()
    if k:
        out.flat[np.argsort(up, axis=None)[-k:]] = False
        out.flat[np.argsort(down, axis=None)[-k:]] = True
    return out

# %% frontier.swap_neighbour | right |
def swap_neighbour(mask, k, rng):
    k = min(k, np.sum(mask), np.sum(~mask))
    new = mask.copy()
    while np.sum(mask & ~new) < k:
        i = rng.integers(mask.size)
        if mask.flat[i]:
            new.flat[i] = False
    while np.sum(~mask & new) < k:
        i = rng.integers(mask.size)
        if not mask.flat[i]:
            new.flat[i] = True
    return new

# %% frontier.swap_neighbour | wrong | sparsity drifts
def swap_neighbour(mask, k, rng):
    new = mask.copy()
    new.flat[rng.choice(mask.size, min(2 * k, mask.size), replace=False)] ^= True
    return new

# %% frontier.swap_neighbour | wrong | in the same move
def swap_neighbour(mask, k, rng):
    new = mask.copy()
    k = min(k, new.sum(), (~new).sum())
    new.flat[rng.choice(np.flatnonzero(new), k, replace=False)] = False
    new.flat[rng.choice(np.flatnonzero(~new), k, replace=False)] = True
    return new

# %% frontier.swap_neighbour | wrong | more than once
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    new = mask.copy()
    if k:
        new.flat[rng.choice(kept, k)] = False
        new.flat[rng.choice(pruned, k)] = True
    return new

# %% frontier.swap_neighbour | wrong | Weights are only pruned
def swap_neighbour(mask, k, rng):
    kept = np.flatnonzero(mask)
    new = mask.copy()
    new.flat[rng.choice(kept, min(k, len(kept)), replace=False)] = False
    return new

# %% frontier.swap_neighbour | wrong | Weights are only restored
def swap_neighbour(mask, k, rng):
    pruned = np.flatnonzero(~mask)
    new = mask.copy()
    new.flat[rng.choice(pruned, min(k, len(pruned)), replace=False)] = True
    return new

# %% frontier.swap_neighbour | wrong | exactly `k`
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    k = rng.integers(0, k + 1)
    new = mask.copy()
    new.flat[rng.choice(kept, k, replace=False)] = False
    new.flat[rng.choice(pruned, k, replace=False)] = True
    return new

# %% frontier.swap_neighbour | wrong | whole mask
def swap_neighbour(mask, k, rng):
    return rng.permutation(mask.ravel()).reshape(mask.shape)

# %% frontier.swap_neighbour | wrong | than there are
def swap_neighbour(mask, k, rng):
    new = mask.copy()
    new.flat[rng.choice(np.flatnonzero(mask), k, replace=False)] = False
    new.flat[rng.choice(np.flatnonzero(~mask), k, replace=False)] = True
    return new

# %% frontier.swap_neighbour | wrong | its own limit
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    new = mask.copy()
    new.flat[rng.choice(kept, min(k, len(kept)), replace=False)] = False
    new.flat[rng.choice(pruned, min(k, len(pruned)), replace=False)] = True
    return new

# %% frontier.swap_neighbour | wrong | every time
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    new = mask.copy()
    new.flat[kept[:k]] = False
    new.flat[pruned[:k]] = True
    return new

# %% frontier.swap_neighbour | wrong | `rng`
def swap_neighbour(mask, k, rng):
    rng = np.random.default_rng(0)
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    new = mask.copy()
    new.flat[rng.choice(kept, k, replace=False)] = False
    new.flat[rng.choice(pruned, k, replace=False)] = True
    return new

# %% frontier.swap_neighbour | wrong | `rng`
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    new = mask.copy()
    new.flat[np.random.choice(kept, k, replace=False)] = False
    new.flat[rng.choice(pruned, k, replace=False)] = True
    return new

# %% frontier.swap_neighbour | wrong | `rng`
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask).tolist(), np.flatnonzero(~mask).tolist()
    k = min(k, len(kept), len(pruned))
    new = mask.copy()
    new.flat[random.sample(kept, k)] = False
    new.flat[random.sample(pruned, k)] = True
    return new

# %% frontier.swap_neighbour | wrong | new
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    if k == 0:
        return mask
    new = mask.copy()
    new.flat[rng.choice(kept, k, replace=False)] = False
    new.flat[rng.choice(pruned, k, replace=False)] = True
    return new

# %% frontier.swap_neighbour | wrong | changed its argument
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    mask.flat[rng.choice(kept, k, replace=False)] = False
    mask.flat[rng.choice(pruned, k, replace=False)] = True
    return mask

# %% frontier.swap_neighbour | wrong | together
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    new = mask.copy()
    new.flat[np.roll(kept, -rng.integers(max(1, len(kept))))[:k]] = False
    new.flat[np.roll(pruned, -rng.integers(max(1, len(pruned))))[:k]] = True
    return new

# %% frontier.swap_neighbour | wrong | numpy array
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    new = mask.copy()
    new.flat[rng.choice(kept, k, replace=False)] = False
    new.flat[rng.choice(pruned, k, replace=False)] = True
    return new.tolist()

# %% frontier.swap_neighbour | wrong | shape
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    new = mask.ravel().copy()
    new[rng.choice(kept, k, replace=False)] = False
    new[rng.choice(pruned, k, replace=False)] = True
    return new

# %% frontier.swap_neighbour | wrong | never changes
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    new = mask.copy()
    new.flat[rng.choice(kept, k, replace=False)] = True
    new.flat[rng.choice(pruned, k, replace=False)] = False
    return new

# %% frontier.swap_neighbour | wrong | True and False
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    new = mask.astype(int)
    new.flat[rng.choice(kept, k, replace=False)] = 0
    new.flat[rng.choice(pruned, k, replace=False)] = 1
    return new

# %% frontier.swap_neighbour | error |
def swap_neighbour(mask, k, rng):
    kept = np.nonzero(mask)
    pruned = np.nonzero(~mask)
    new = mask.copy()
    new[rng.choice(kept, k, replace=False)] = False
    new[rng.choice(pruned, k, replace=False)] = True
    return new

# %% frontier.swap_neighbour | error | IndexError
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    new = mask.copy()
    new[rng.choice(kept, k, replace=False)] = False
    new[rng.choice(pruned, k, replace=False)] = True
    return new

# %% frontier.swap_neighbour | wrong | equal chance
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    new = mask.copy()
    if k:
        p = np.arange(1, len(kept) + 1) / np.arange(1, len(kept) + 1).sum()
        new.flat[rng.choice(kept, k, replace=False, p=p)] = False
        new.flat[rng.choice(pruned, k, replace=False)] = True
    return new

# %% frontier.swap_neighbour | not attempted | return
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)

# %% frontier.flip_energy | right |
def flip_energy(couplings, fields, spins, index):
    local_field = couplings[index] @ spins + fields[index]
    return 2 * spins[index] * local_field

# %% frontier.flip_energy | right |
def flip_energy(couplings, fields, spins, index):
    def e(s):
        return -0.5 * s @ couplings @ s - fields @ s
    t = spins.copy()
    t[index] *= -1
    return e(t) - e(spins)

# %% frontier.flip_energy | right |
def flip_energy(couplings, fields, spins, index):
    t = np.where(np.arange(len(spins)) == index, -spins, spins)
    d = t - spins
    return float(-d @ couplings @ spins - 0.5 * d @ couplings @ d - fields @ d)

# %% frontier.flip_energy | right |
def flip_energy(couplings, fields, spins, index):
    total = fields[index]
    for j, s in enumerate(spins):
        if j != index:
            total += couplings[index, j] * s
    return 2 * spins[index] * total

# %% frontier.flip_energy | right |
def flip_energy(couplings, fields, spins, index):
    energy = lambda s: -0.5 * np.einsum("i,ij,j", s, couplings, s) - np.dot(fields, s)
    before = energy(spins)
    after = energy(np.concatenate([spins[:index], [-spins[index]], spins[index + 1:]]))
    return after - before

# %% frontier.flip_energy | right |
def flip_energy(couplings, fields, spins, index):
    before = -0.5 * spins @ couplings @ spins - fields @ spins
    spins[index] *= -1
    after = -0.5 * spins @ couplings @ spins - fields @ spins
    spins[index] *= -1
    return after - before

# %% frontier.flip_energy | right |
def flip_energy(J, h, s, i):
    return np.float32(2 * s[i] * (np.inner(J[:, i], s) + h[i]))

# %% frontier.flip_energy | wrong | sign
def flip_energy(couplings, fields, spins, index):
    return -2 * spins[index] * (couplings[index] @ spins + fields[index])

# %% frontier.flip_energy | wrong | half of
def flip_energy(couplings, fields, spins, index):
    return spins[index] * (couplings[index] @ spins + fields[index])

# %% frontier.flip_energy | wrong | fields are missing
def flip_energy(couplings, fields, spins, index):
    return 2 * spins[index] * (couplings[index] @ spins)

# %% frontier.flip_energy | wrong | couplings are missing
def flip_energy(couplings, fields, spins, index):
    return 2 * spins[index] * fields[index]

# %% frontier.flip_energy | wrong | whole energy after
def flip_energy(couplings, fields, spins, index):
    t = spins.copy()
    t[index] = -t[index]
    return -0.5 * t @ couplings @ t - fields @ t

# %% frontier.flip_energy | wrong | whole energy before
def flip_energy(couplings, fields, spins, index):
    return -0.5 * spins @ couplings @ spins - fields @ spins

# %% frontier.flip_energy | wrong | passed in
def flip_energy(couplings, fields, spins, index):
    e = lambda s: -0.5 * s @ couplings @ s - fields @ s
    before = e(spins)
    spins[index] *= -1
    return e(spins) - before

# %% frontier.flip_energy | wrong | coupling term
def flip_energy(couplings, fields, spins, index):
    return spins[index] * (couplings[index] @ spins + 2 * fields[index])

# %% frontier.flip_energy | wrong | own sign
def flip_energy(couplings, fields, spins, index):
    return 2 * (couplings[index] @ spins + fields[index])

# %% frontier.flip_energy | wrong | sign of the fields
def flip_energy(couplings, fields, spins, index):
    return 2 * spins[index] * (couplings[index] @ spins - fields[index])

# %% frontier.flip_energy | wrong | same array
def flip_energy(couplings, fields, spins, index):
    e = lambda s: -0.5 * s @ couplings @ s - fields @ s
    t = spins.copy()
    before = e(t)
    s = t
    s[index] = -s[index]
    return e(s) - e(t)

# %% frontier.flip_energy | wrong | rounded
def flip_energy(couplings, fields, spins, index):
    return round(float(2 * spins[index] * (couplings[index] @ spins + fields[index])), 4)

# %% frontier.flip_energy | wrong | rounded
def flip_energy(couplings, fields, spins, index):
    return round(float(2 * spins[index] * (couplings[index] @ spins + fields[index])), 6)

# %% frontier.flip_energy | wrong | absolute
def flip_energy(couplings, fields, spins, index):
    return abs(2 * spins[index] * (couplings[index] @ spins + fields[index]))

# %% frontier.flip_energy | wrong | should be a number
def flip_energy(couplings, fields, spins, index):
    return 2 * spins * (couplings @ spins + fields)

# %% frontier.flip_energy | wrong | should be
def flip_energy(couplings, fields, spins, index):
    return 2 * spins[index] * (couplings[index] @ spins + fields.sum())

# %% frontier.flip_energy | wrong | should be
def flip_energy(couplings, fields, spins, index):
    return 2 * spins[index] * (couplings[index].sum() + fields[index])

# %% frontier.flip_energy | wrong | another order
def flip_energy(fields, couplings, spins, index):
    return 2 * spins[index] * (couplings[index] @ spins + fields[index])

# %% frontier.flip_energy | error |
def flip_energy(couplings, fields, spins, index):
    return 2 * spins[index] * (couplings @ spins[index] + fields[index])

# %% frontier.flip_energy | not attempted | return
def flip_energy(couplings, fields, spins, index):
    t = spins.copy()
    t[index] *= -1

# %% frontier.swap_neighbour | wrong | something is kept from an earlier call
touched = {}

def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    k = min(k, len(kept), len(pruned))
    fresh = [place for place in kept if place not in touched.get(mask.shape, ())]
    kept = fresh if len(fresh) >= k else kept
    gone = rng.choice(kept, k, replace=False)
    touched[mask.shape] = set(gone.tolist())
    swapped = mask.copy()
    swapped.flat[gone] = False
    swapped.flat[rng.choice(pruned, k, replace=False)] = True
    return swapped

# %% frontier.flip_energy | wrong | an earlier call with other arguments
known = {}

def flip_energy(couplings, fields, spins, index):
    key = couplings.tobytes(), spins.tobytes(), index
    return known.setdefault(key, 2 * spins[index] * (couplings[index] @ spins + fields[index]))

# %% frontier.flip_energy | right |
def flip_energy(couplings, fields, spins, index):
    row, s = couplings[index].astype(np.float32), spins.astype(np.float32)
    return float(2 * s[index] * (row @ s + np.float32(fields[index])))

# %% frontier.flip_energy | right |
def flip_energy(couplings, fields, spins, index):
    field = np.float32(fields[index])
    for coupling, spin in zip(couplings[index], spins):
        field = np.float32(field + np.float32(coupling) * np.float32(spin))
    return float(np.float32(2 * spins[index]) * field)

# %% frontier.flip_energy | wrong | rounded
def flip_energy(couplings, fields, spins, index):
    return round(float(2 * spins[index] * (couplings[index] @ spins + fields[index])), 5)

# %% frontier.swap_neighbour | wrong | without regard to which are kept
def swap_neighbour(mask, k, rng):
    new = mask.copy()
    places = rng.choice(mask.size, size=min(k, mask.size), replace=False)
    new.flat[places] = ~new.flat[places]
    return new

# %% frontier.swap_neighbour | wrong | without regard to which are kept
def swap_neighbour(mask, k, rng):
    new = mask.copy().ravel()
    for i in rng.permutation(mask.size)[:k]:
        new[i] = not new[i]
    return new.reshape(mask.shape)

# %% frontier.swap_neighbour | wrong | can be chosen more than once
def swap_neighbour(mask, k, rng):
    kept, pruned = np.flatnonzero(mask), np.flatnonzero(~mask)
    new = mask.copy()
    for _ in range(min(k, len(kept), len(pruned))):
        new.flat[kept[rng.integers(len(kept))]] = False
        new.flat[pruned[rng.integers(len(pruned))]] = True
    return new
