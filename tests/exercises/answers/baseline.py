# ruff: noqa
# fmt: off

# %% baseline.accuracy | right |
def accuracy(logits, labels):
    return float((logits.argmax(axis=1) == labels).mean())

# %% baseline.accuracy | right |
def accuracy(logits, labels):
    hits = 0
    for row, label in zip(logits, labels):
        if np.argmax(row) == label:
            hits += 1
    return hits / len(labels)

# %% baseline.accuracy | right |
def accuracy(logits, labels):
    return np.mean(np.argmax(logits, -1) == labels)

# %% baseline.accuracy | right |
def accuracy(logits, labels):
    predicted = np.argsort(logits, axis=1)[:, -1]
    return (predicted == labels).sum() / predicted.size

# %% baseline.accuracy | right |
def accuracy(logits, labels):
    return sum(int(max(range(len(r)), key=lambda j: r[j]) == y) for r, y in zip(logits.tolist(), labels.tolist())) / len(labels)

# %% baseline.accuracy | right |
def accuracy(logits, labels):
    from sklearn.metrics import accuracy_score
    return accuracy_score(labels, logits.argmax(axis=1))

# %% baseline.accuracy | right |
def accuracy(logits, labels):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return np.float32(np.mean(p.argmax(1) == labels))

# %% baseline.accuracy | right |
def accuracy(logits, labels):
    wrong = np.count_nonzero(np.argmax(logits, axis=1) - labels)
    return 1 - wrong / len(labels)

# %% baseline.accuracy | wrong | `axis`
def accuracy(logits, labels):
    return np.mean(np.argmax(logits) == labels)

# %% baseline.accuracy | wrong | should be
def accuracy(logits, labels):
    return np.mean(np.argmax(logits, axis=0)[: len(labels)] == labels[: logits.shape[1]])

# %% baseline.accuracy | wrong | largest value of each column
def accuracy(logits, labels):
    return np.mean(np.argmax(logits, axis=0) == labels)

# %% baseline.accuracy | wrong | number of correct rows
def accuracy(logits, labels):
    return int(np.sum(np.argmax(logits, axis=1) == labels))

# %% baseline.accuracy | wrong | percentage
def accuracy(logits, labels):
    return 100 * np.mean(np.argmax(logits, axis=1) == labels)

# %% baseline.accuracy | wrong | error rate
def accuracy(logits, labels):
    return np.mean(np.argmax(logits, axis=1) != labels)

# %% baseline.accuracy | wrong | smallest
def accuracy(logits, labels):
    return np.mean(np.argmin(logits, axis=1) == labels)

# %% baseline.accuracy | wrong | number of classes
def accuracy(logits, labels):
    return np.sum(np.argmax(logits, axis=1) == labels) / logits.shape[1]

# %% baseline.accuracy | wrong | rounded
def accuracy(logits, labels):
    return round(float(np.mean(np.argmax(logits, axis=1) == labels)), 2)

# %% baseline.accuracy | wrong | rounded
def accuracy(logits, labels):
    return round(float(np.mean(np.argmax(logits, axis=1) == labels)), 4)

# %% baseline.accuracy | wrong | should be a number, yours is a list
def accuracy(logits, labels):
    return [np.mean(np.argmax(logits, axis=1) == labels)]

# %% baseline.accuracy | wrong | should be a number, yours is an array
def accuracy(logits, labels):
    return np.argmax(logits, axis=1) == labels

# %% baseline.accuracy | wrong | should be
def accuracy(logits, labels):
    return np.mean(logits[np.arange(len(labels)), labels] > 0)

# %% baseline.accuracy | wrong | after the decimal point
def accuracy(logits, labels):
    return np.sum(np.argmax(logits, axis=1) == labels) // len(labels)

# %% baseline.accuracy | wrong | should be a number, yours is a str
def accuracy(logits, labels):
    return f"{np.mean(np.argmax(logits, axis=1) == labels):.2%}"

# %% baseline.accuracy | wrong | None
def accuracy(logits, labels):
    result = np.mean(np.argmax(logits, axis=1) == labels)
    if result > 0.99:
        return result

# %% baseline.accuracy | not attempted | return
def accuracy(logits, labels):
    np.mean(np.argmax(logits, axis=1) == labels)

# %% baseline.accuracy | error | NameError
def accuracy(logits, labels):
    return np.mean(np.argmax(logit, axis=1) == labels)

# %% baseline.accuracy | error | AttributeError
def accuracy(logits, labels):
    return np.mean(np.argmax(logits, axis=1) == labels).foo

# %% baseline.accuracy | error | should take
def accuracy(logits):
    return np.mean(np.argmax(logits, axis=1))

# %% baseline.accuracy | wrong | another order
def accuracy(labels, logits):
    return np.mean(np.argmax(logits, axis=1) == labels)

# %% baseline.apply_mask | right |
def apply_mask(weights, mask):
    return weights * mask

# %% baseline.apply_mask | right |
def apply_mask(weights, mask):
    return np.multiply(weights, mask.astype(weights.dtype))

# %% baseline.apply_mask | right |
def apply_mask(weights, mask):
    new = weights.copy()
    new[~mask] = 0
    return new

# %% baseline.apply_mask | right |
def apply_mask(weights, mask):
    new = np.zeros_like(weights)
    new[mask] = weights[mask]
    return new

# %% baseline.apply_mask | right |
def apply_mask(weights, mask):
    return np.ma.masked_array(weights, mask=~mask, copy=True).filled(0)

# %% baseline.apply_mask | right |
def apply_mask(weights, mask):
    return np.ma.masked_array(weights, mask=~mask).filled(0)

# %% baseline.apply_mask | right |
def apply_mask(weights, mask):
    new = np.empty(weights.shape)
    for i in np.ndindex(weights.shape):
        new[i] = weights[i] if mask[i] else 0.0
    return new

# %% baseline.apply_mask | right |
def apply_mask(weights, mask):
    flat = [w if m else 0.0 for w, m in zip(weights.ravel(), mask.ravel())]
    return np.array(flat).reshape(weights.shape)

# %% baseline.apply_mask | right |
def apply_mask(weights, mask):
    w = np.array(weights)
    np.putmask(w, np.logical_not(mask), 0)
    return w

# %% baseline.apply_mask | wrong | cells below
def apply_mask(weights, mask):
    return (weights * mask).tolist()

# %% baseline.apply_mask | wrong | the wrong way round
def apply_mask(weights, mask):
    return np.where(mask, 0, weights)

# %% baseline.apply_mask | wrong | overwritten
def apply_mask(weights, mask):
    weights[~mask] = 0
    return weights

# %% baseline.apply_mask | wrong | changed its argument `mask`
def apply_mask(weights, mask):
    result = weights * mask
    mask[...] = True
    return result

# %% baseline.apply_mask | wrong | pruned weights are removed
def apply_mask(weights, mask):
    return weights[mask]

# %% baseline.apply_mask | wrong | 1 for every
def apply_mask(weights, mask):
    return mask.astype(float)

# %% baseline.apply_mask | wrong | another order
def apply_mask(mask, weights):
    return np.where(mask, weights, 0)

# %% baseline.apply_mask | wrong | exactly 0
def apply_mask(weights, mask):
    return np.where(mask, weights, 1e-9)

# %% baseline.apply_mask | wrong | rounded
def apply_mask(weights, mask):
    return np.round(weights * mask, 4)

# %% baseline.apply_mask | wrong | rounded
def apply_mask(weights, mask):
    return np.round(weights * mask, 6)

# %% baseline.apply_mask | wrong | new array
def apply_mask(weights, mask):
    if mask.all():
        return weights
    return weights * mask

# %% baseline.apply_mask | wrong | earlier call
BUFFERS = {}
def apply_mask(weights, mask):
    out = BUFFERS.setdefault(weights.shape, np.empty(weights.shape))
    out[...] = weights * mask
    return out

# %% baseline.apply_mask | wrong | NaN
def apply_mask(weights, mask):
    return np.where(mask, weights, np.nan)

# %% baseline.apply_mask | wrong | should be
def apply_mask(weights, mask):
    return (weights * mask).astype(int)

# %% baseline.apply_mask | wrong | should be
def apply_mask(weights, mask):
    return np.abs(weights) * mask

# %% baseline.apply_mask | wrong | shape
def apply_mask(weights, mask):
    return (weights * mask).ravel()

# %% baseline.apply_mask | error | TypeError
def apply_mask(weights, mask):
    return weights and mask if False else weights & mask

# %% baseline.apply_mask | error | ValueError
def apply_mask(weights, mask):
    return weights if mask else 0

# %% baseline.apply_mask | wrong | yours is a str
def apply_mask(weights, mask):
    print(weights * mask)
    return "done"

# %% baseline.apply_mask | not attempted | return
def apply_mask(weights, mask):
    print(weights * mask)

# %% baseline.apply_mask | wrong | filled
def apply_mask(weights, mask):
    return np.ma.masked_array(weights, mask=~mask)

# %% baseline.count_prunable_weights | right |
def count_prunable_weights(model):
    return sum(int(np.prod(layer.kernel.shape)) for layer in model.layers if hasattr(layer, "kernel"))

# %% baseline.count_prunable_weights | wrong | `Conv1D`, is missing
def count_prunable_weights(model):
    total = 0
    for layer in model.layers:
        if layer.__class__.__name__ in ("Conv2D", "Dense"):
            total += layer.weights[0].numpy().size
    return total

# %% baseline.count_prunable_weights | right |
def count_prunable_weights(model):
    total = 0
    for layer in model.layers:
        if "conv" in type(layer).__name__.lower() or "dense" in type(layer).__name__.lower():
            w = layer.get_weights()[0]
            total += w.shape[0] * int(np.prod(w.shape[1:]))
    return total

# %% baseline.count_prunable_weights | right |
def count_prunable_weights(model):
    return sum(math.prod(w.shape) for w in model.weights if w.path.endswith("kernel"))

# %% baseline.count_prunable_weights | wrong | `Conv1D`, is missing
def count_prunable_weights(model):
    import keras
    prunable = [l for l in model.layers if isinstance(l, (keras.layers.Conv2D, keras.layers.Dense))]
    return sum(l.count_params() - (l.bias.shape[0] if l.use_bias else 0) for l in prunable)

# %% baseline.count_prunable_weights | right |
def count_prunable_weights(model):
    n = 0
    for layer in model.layers:
        try:
            kernel = layer.kernel
        except AttributeError:
            continue
        n += np.size(kernel.numpy())
    return n

# %% baseline.count_prunable_weights | right |
def count_prunable_weights(model):
    kernels = [np.asarray(l.kernel).ravel() for l in model.layers if getattr(l, "kernel", None) is not None]
    return len(np.concatenate(kernels))

# %% baseline.count_prunable_weights | right |
def count_prunable_weights(model):
    return np.sum([np.prod(l.kernel.shape) for l in model.layers if hasattr(l, "kernel")])

# %% baseline.count_prunable_weights | wrong | bias
def count_prunable_weights(model):
    return model.count_params()

# %% baseline.count_prunable_weights | wrong | batch normalization
def count_prunable_weights(model):
    return sum(l.get_weights()[0].size for l in model.layers if l.get_weights())

# %% baseline.count_prunable_weights | wrong | embedding
def count_prunable_weights(model):
    return sum(w.size for w in model.get_weights() if w.ndim > 1)

# %% baseline.count_prunable_weights | wrong | `trainable`
def count_prunable_weights(model):
    return sum(int(np.prod(l.kernel.shape)) for l in model.layers if hasattr(l, "kernel") and l.trainable)

# %% baseline.count_prunable_weights | wrong | that are 0
def count_prunable_weights(model):
    return sum(int(np.count_nonzero(l.kernel.numpy())) for l in model.layers if hasattr(l, "kernel"))

# %% baseline.count_prunable_weights | wrong | changed its argument `model`
def count_prunable_weights(model):
    n = 0
    for l in model.layers:
        if hasattr(l, "kernel"):
            n += int(np.prod(l.kernel.shape))
            l.kernel.assign(np.zeros(l.kernel.shape))
    return n

# %% baseline.count_prunable_weights | wrong | whole number
def count_prunable_weights(model):
    return float(sum(np.prod(l.kernel.shape) for l in model.layers if hasattr(l, "kernel")))

# %% baseline.count_prunable_weights | wrong | convolutions are missing
def count_prunable_weights(model):
    return sum(int(np.prod(l.kernel.shape)) for l in model.layers if type(l).__name__ == "Dense")

# %% baseline.count_prunable_weights | wrong | dense layers are missing
def count_prunable_weights(model):
    return sum(int(np.prod(l.kernel.shape)) for l in model.layers if type(l).__name__ == "Conv2D")

# %% baseline.count_prunable_weights | wrong | number of layers
def count_prunable_weights(model):
    return len([l for l in model.layers if hasattr(l, "kernel")])

# %% baseline.count_prunable_weights | wrong | should be 6, yours is 5
def count_prunable_weights(model):
    return sum(sum(l.kernel.shape) for l in model.layers if hasattr(l, "kernel"))

# %% baseline.count_prunable_weights | error | TypeError
def count_prunable_weights(model):
    return sum(len(l.kernel) for l in model.layers if hasattr(l, "kernel"))

# %% baseline.count_prunable_weights | wrong | should be 6, yours is 61470
def count_prunable_weights(model):
    return 61470

# %% baseline.count_prunable_weights | wrong | yours is a list
def count_prunable_weights(model):
    return [int(np.prod(l.kernel.shape)) for l in model.layers if hasattr(l, "kernel")]

# %% baseline.count_prunable_weights | wrong | only one layer
def count_prunable_weights(model):
    for l in model.layers:
        if hasattr(l, "kernel"):
            return int(np.prod(l.kernel.shape))

# %% baseline.count_prunable_weights | wrong | should be
def count_prunable_weights(model):
    return sum(int(np.prod(l.kernel.shape)) for l in model.layers if l.name.startswith(("conv", "dense")) and hasattr(l, "kernel"))

# %% baseline.count_prunable_weights | error | AttributeError
def count_prunable_weights(model):
    return sum(int(np.prod(l.kernel.shape)) for l in model.layers)

# %% baseline.count_prunable_weights | error | IndexError
def count_prunable_weights(model):
    return sum(l.get_weights()[0].size for l in model.layers)

# %% baseline.count_prunable_weights | not attempted | return
def count_prunable_weights(model):
    total = 0
    for l in model.layers:
        total += 1

# %% baseline.split_validation | right |
def split_validation(images, labels, fraction, rng):
    n = len(images)
    order = rng.permutation(n)
    k = round(fraction * n)
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | right |
def split_validation(images, labels, fraction, rng):
    n = images.shape[0]
    k = int(round(fraction * n))
    idx = np.arange(n)
    rng.shuffle(idx)
    images, labels = images[idx], labels[idx]
    return images[: n - k], labels[: n - k], images[n - k :], labels[n - k :]

# %% baseline.split_validation | right |
def split_validation(images, labels, fraction, rng):
    k = round(fraction * len(images))
    held = rng.choice(len(images), size=k, replace=False)
    train = np.setdiff1d(np.arange(len(images)), held)
    return images[train], labels[train], images[held], labels[held]

# %% baseline.split_validation | right |
def split_validation(images, labels, fraction, rng):
    k = round(fraction * len(images))
    held = rng.choice(len(images), size=k, replace=False)
    return np.delete(images, held, axis=0), np.delete(labels, held), images[held], labels[held]

# %% baseline.split_validation | right |
def split_validation(images, labels, fraction, rng):
    order = [int(i) for i in rng.permutation(len(images))]
    k = round(fraction * len(images))
    held, train = order[:k], order[k:]
    return (np.array([images[i] for i in train]), np.array([labels[i] for i in train]),
            np.array([images[i] for i in held]), np.array([labels[i] for i in held]))

# %% baseline.split_validation | right |
def split_validation(images, labels, fraction, rng):
    keys = rng.random(len(images))
    order = np.argsort(keys)
    a, b = np.split(order, [len(images) - round(fraction * len(images))])
    return [images[a], labels[a], images[b], labels[b]]

# %% baseline.split_validation | right |
def split_validation(images, labels, fraction, rng):
    pairs = list(zip(images, labels))
    rng.shuffle(pairs)
    k = round(fraction * len(pairs))
    part = lambda ps, j: np.array([p[j] for p in ps])
    return part(pairs[k:], 0), part(pairs[k:], 1), part(pairs[:k], 0), part(pairs[:k], 1)

# %% baseline.split_validation | right |
def split_validation(images, labels, fraction, rng):
    from sklearn.model_selection import train_test_split
    k = round(fraction * len(images))
    if k in (0, len(images)):
        a = images, labels
        b = images[:0], labels[:0]
        return (*a, *b) if k == 0 else (*b, *a)
    a, b, c, d = train_test_split(images, labels, test_size=k, random_state=int(rng.integers(2**31)))
    return a, c, b, d

# %% baseline.split_validation | wrong | shuffled differently
def split_validation(images, labels, fraction, rng):
    images, labels = rng.permutation(images), rng.permutation(labels)
    k = round(fraction * len(images))
    return images[k:], labels[k:], images[:k], labels[:k]

# %% baseline.split_validation | wrong | every time
def split_validation(images, labels, fraction, rng):
    k = round(fraction * len(images))
    n = len(images) - k
    return images[:n], labels[:n], images[n:], labels[n:]

# %% baseline.split_validation | wrong | `rng`
def split_validation(images, labels, fraction, rng):
    rng = np.random.default_rng(0)
    order = rng.permutation(len(images))
    k = round(fraction * len(images))
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | `rng`
def split_validation(images, labels, fraction, rng):
    order = np.random.permutation(len(images))
    k = round(fraction * len(images))
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | `rng`
def split_validation(images, labels, fraction, rng):
    order = list(range(len(images)))
    random.shuffle(order)
    k = round(fraction * len(images))
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | `rng`
def split_validation(images, labels, fraction, rng):
    order = np.random.default_rng().permutation(len(images))
    k = round(fraction * len(images))
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | block
def split_validation(images, labels, fraction, rng):
    n = len(images)
    order = (np.arange(n) + rng.integers(n)) % n
    k = round(fraction * n)
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | both parts
def split_validation(images, labels, fraction, rng):
    k = round(fraction * len(images))
    held = rng.choice(len(images), k, replace=False)
    return images, labels, images[held], labels[held]

# %% baseline.split_validation | wrong | more than once
def split_validation(images, labels, fraction, rng):
    k = round(fraction * len(images))
    held = rng.integers(len(images), size=k)
    train = np.setdiff1d(np.arange(len(images)), held)
    return images[train], labels[train], images[held], labels[held]

# %% baseline.split_validation | wrong | scikit-learn's order
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = round(fraction * len(images))
    return images[order[k:]], images[order[:k]], labels[order[k:]], labels[order[:k]]

# %% baseline.split_validation | wrong | parts are swapped
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = round(fraction * len(images))
    return images[order[:k]], labels[order[:k]], images[order[k:]], labels[order[k:]]

# %% baseline.split_validation | wrong | another order
def split_validation(labels, images, fraction, rng):
    order = rng.permutation(len(images))
    k = round(fraction * len(images))
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | round(
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = int(fraction * len(images))
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | round(
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = int(fraction * len(images) + 0.5)
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | round(
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = len(images) - round((1 - fraction) * len(images))
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | round(
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = math.ceil(fraction * len(images))
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | fraction 0
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = round(fraction * len(images))
    return images[order[:-k]], labels[order[:-k]], images[order[-k:]], labels[order[-k:]]

# %% baseline.split_validation | wrong | validation
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = max(1, round(fraction * len(images)))
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | pixels
def split_validation(images, labels, fraction, rng):
    images = images.astype(np.uint8)
    order = rng.permutation(len(images))
    k = round(fraction * len(images))
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | images of shape
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = round(fraction * len(images))
    images = images.reshape(len(images), -1)
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | wrong | `images`
def split_validation(images, labels, fraction, rng):
    state = rng.bit_generator.state
    rng.shuffle(images)
    rng.bit_generator.state = state
    rng.shuffle(labels)
    k = round(fraction * len(images))
    return images[k:], labels[k:], images[:k], labels[:k]

# %% baseline.split_validation | wrong | array
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = round(fraction * len(images))
    return ([images[i] for i in order[k:]], [labels[i] for i in order[k:]],
            [images[i] for i in order[:k]], [labels[i] for i in order[:k]])

# %% baseline.split_validation | wrong | should be 4 values
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = round(fraction * len(images))
    return images[order[k:]], labels[order[k:]]

# %% baseline.split_validation | wrong | with equal chances
def split_validation(images, labels, fraction, rng):
    n = len(images)
    k = round(fraction * n)
    p = np.arange(1, n + 1) / np.arange(1, n + 1).sum()
    held = rng.choice(n, k, replace=False, p=p)
    train = np.setdiff1d(np.arange(n), held)
    return images[train], labels[train], images[held], labels[held]

# %% baseline.split_validation | error |
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(images.size)
    k = round(fraction * len(images))
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.split_validation | error | TypeError
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    k = fraction * len(images)
    return images[order[k:]], labels[order[k:]], images[order[:k]], labels[order[:k]]

# %% baseline.apply_mask | wrong | an earlier call with other arguments
known = {}

def apply_mask(weights, mask):
    key = (id(weights), id(mask))
    if key not in known:
        known[key] = np.where(mask, weights, 0)
    return known[key]

# %% baseline.apply_mask | wrong | an earlier call with other arguments
known = {}

def apply_mask(weights, mask):
    key = id(mask)
    if key not in known:
        known[key] = mask.copy(), mask  # so that the id stays
    return np.where(known[key][0], weights, 0)

# %% baseline.accuracy | wrong | an earlier call with other arguments
known = {}

def accuracy(logits, labels):
    key = logits.tobytes()
    if key not in known:
        known[key] = float((logits.argmax(axis=1) == labels).mean())
    return known[key]

# %% baseline.count_prunable_weights | wrong | changed its argument `model`
def count_prunable_weights(model):
    total = 0
    for layer in model.layers:
        layer.trainable = False
        if hasattr(layer, "kernel"):
            total += math.prod(layer.kernel.shape)
    return total

# %% baseline.split_validation | wrong | does not put every image into exactly one
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    count = round(fraction * len(images))
    train, held = order[count:].copy(), order[:count]
    train[-1:] = train[:1]
    return images[train], labels[train], images[held], labels[held]

# %% baseline.split_validation | right |
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    images, labels, count = images[order], labels[order], round(fraction * len(images))
    return images[count:], labels[count:], images[:count], labels[:count]

# %% baseline.split_validation | wrong | in both parts
def split_validation(images, labels, fraction, rng):
    order = rng.permutation(len(images))
    images, labels, count = images[order], labels[order], round(fraction * len(images))
    return images[count:], labels[count:], images[:count + 1], labels[:count + 1]

# %% baseline.count_prunable_weights | right |
def count_prunable_weights(model):
    from keras import layers
    kinds = (layers.Conv1D, layers.Conv2D, layers.Conv3D, layers.Dense)
    return sum(l.count_params() - (l.bias.shape[0] if l.use_bias else 0) for l in model.layers if isinstance(l, kinds))

# %% baseline.count_prunable_weights | wrong | of the same shape are counted only once
def count_prunable_weights(model):
    return sum(math.prod(s) for s in {tuple(l.kernel.shape) for l in model.layers if hasattr(l, "kernel")})

# %% baseline.count_prunable_weights | wrong | of the same shape are counted only once
def count_prunable_weights(model):
    sizes = {l.kernel.shape: np.prod(l.kernel.shape) for l in model.layers if hasattr(l, "kernel")}
    return int(sum(sizes.values()))
