# ruff: noqa
# fmt: off

# %% cost.mean_layer_sparsity | right |
def mean_layer_sparsity(masks):
    return np.mean([1 - m.mean() for m in masks])

# %% cost.mean_layer_sparsity | right |
def mean_layer_sparsity(masks):
    return sum(np.count_nonzero(~m) / m.size for m in masks) / len(masks)

# %% cost.mean_layer_sparsity | right |
def mean_layer_sparsity(masks):
    total = 0
    for mask in masks:
        total = total + (mask == False).sum() / np.prod(mask.shape)
    return float(total / len(masks))

# %% cost.mean_layer_sparsity | right |
def mean_layer_sparsity(masks):
    return 1 - np.mean(list(map(np.mean, masks)))

# %% cost.mean_layer_sparsity | right |
def mean_layer_sparsity(masks):
    s = np.zeros(len(masks))
    for i in range(len(masks)):
        s[i] = (masks[i].size - np.sum(masks[i])) / masks[i].size
    return s.mean()

# %% cost.mean_layer_sparsity | right |
def mean_layer_sparsity(masks):
    import statistics
    return statistics.fmean(float(np.logical_not(m).mean()) for m in masks)

# %% cost.mean_layer_sparsity | right |
def mean_layer_sparsity(masks):
    return np.float32(np.mean([np.mean(~np.asarray(m)) for m in masks]))

# %% cost.mean_layer_sparsity | right |
def mean_layer_sparsity(masks, layers=None):
    def layer(m):
        return 1 - m.astype(float).sum() / m.size
    return sum(map(layer, masks)) / len(masks)

# %% cost.mean_layer_sparsity | wrong | over all weights together
def mean_layer_sparsity(masks):
    return 1 - sum(m.sum() for m in masks) / sum(m.size for m in masks)

# %% cost.mean_layer_sparsity | wrong | are kept
def mean_layer_sparsity(masks):
    return np.mean([m.mean() for m in masks])

# %% cost.mean_layer_sparsity | wrong | added up
def mean_layer_sparsity(masks):
    return sum(1 - m.mean() for m in masks)

# %% cost.mean_layer_sparsity | wrong | divides by 5
def mean_layer_sparsity(masks):
    return sum(1 - m.mean() for m in masks) / 5

# %% cost.mean_layer_sparsity | wrong | rounded
def mean_layer_sparsity(masks):
    return round(float(np.mean([1 - m.mean() for m in masks])), 4)

# %% cost.mean_layer_sparsity | wrong | rounded
def mean_layer_sparsity(masks):
    return round(float(np.mean([1 - m.mean() for m in masks])), 6)

# %% cost.mean_layer_sparsity | wrong | percent
def mean_layer_sparsity(masks):
    return 100 * np.mean([1 - m.mean() for m in masks])

# %% cost.mean_layer_sparsity | wrong | only one layer
def mean_layer_sparsity(masks):
    for m in masks:
        return 1 - m.mean()

# %% cost.mean_layer_sparsity | wrong | yours is a list
def mean_layer_sparsity(masks):
    return [1 - m.mean() for m in masks]

# %% cost.mean_layer_sparsity | wrong | should be
def mean_layer_sparsity(masks):
    return np.mean([np.count_nonzero(~m) for m in masks])

# %% cost.mean_layer_sparsity | wrong | should be
def mean_layer_sparsity(masks):
    return np.median([1 - m.mean() for m in masks])

# %% cost.mean_layer_sparsity | wrong | changed its argument
def mean_layer_sparsity(masks):
    for m in masks:
        np.logical_not(m, out=m)
    return np.mean([m.mean() for m in masks])

# %% cost.mean_layer_sparsity | wrong | changed its argument
def mean_layer_sparsity(masks):
    r = np.mean([1 - m.mean() for m in masks])
    masks[0][...] = True
    return r

# %% cost.mean_layer_sparsity | wrong | should be a number, yours is a Fraction
def mean_layer_sparsity(masks):
    from fractions import Fraction
    return sum(Fraction(int((~m).sum()), m.size) for m in masks) / len(masks)

# %% cost.mean_layer_sparsity | error | ValueError
def mean_layer_sparsity(masks):
    return 1 - np.mean(masks)

# %% cost.mean_layer_sparsity | error | TypeError
def mean_layer_sparsity(masks):
    return np.mean([1 - m.mean for m in masks])

# %% cost.mean_layer_sparsity | error | AttributeError
def mean_layer_sparsity(masks):
    return 1 - masks.mean()

# %% cost.mean_layer_sparsity | error | bool
def mean_layer_sparsity(masks):
    return np.mean([-m for m in masks])

# %% cost.mean_layer_sparsity | not attempted | return
def mean_layer_sparsity(masks):
    for m in masks:
        1 - m.mean()

# %% cost.global_sparsity | right |
def global_sparsity(masks):
    return 1 - sum(m.sum() for m in masks) / sum(m.size for m in masks)

# %% cost.global_sparsity | right |
def global_sparsity(masks):
    z = sum(np.count_nonzero(~m) for m in masks)
    n = sum(m.size for m in masks)
    return z / n

# %% cost.global_sparsity | right |
def global_sparsity(masks):
    return 1 - np.concatenate([m.ravel() for m in masks]).mean()

# %% cost.global_sparsity | right |
def global_sparsity(masks):
    pruned = n = 0
    for m in masks:
        pruned += np.sum(m == 0)
        n += m.size
    return float(pruned) / float(n)

# %% cost.global_sparsity | right |
def global_sparsity(masks):
    return np.average([1 - m.mean() for m in masks], weights=[m.size for m in masks])

# %% cost.global_sparsity | right |
def global_sparsity(masks):
    flat = np.hstack([m.flatten() for m in masks])
    return np.bincount(flat.astype(int), minlength=2)[0] / len(flat)

# %% cost.global_sparsity | right |
def global_sparsity(masks):
    from collections import Counter
    c = Counter(b for m in masks for b in m.ravel().tolist())
    return c[False] / (c[False] + c[True])

# %% cost.global_sparsity | wrong | mean of the layers
def global_sparsity(masks):
    return np.mean([1 - m.mean() for m in masks])

# %% cost.global_sparsity | wrong | are kept
def global_sparsity(masks):
    return sum(m.sum() for m in masks) / sum(m.size for m in masks)

# %% cost.global_sparsity | wrong | number of pruned weights
def global_sparsity(masks):
    return sum(np.count_nonzero(~m) for m in masks)

# %% cost.global_sparsity | wrong | rounded
def global_sparsity(masks):
    return round(1 - sum(m.sum() for m in masks) / sum(m.size for m in masks), 4)

# %% cost.global_sparsity | wrong | rounded
def global_sparsity(masks):
    return np.round(1 - sum(m.sum() for m in masks) / sum(m.size for m in masks), 6)

# %% cost.global_sparsity | wrong | percent
def global_sparsity(masks):
    return 100 * (1 - sum(m.sum() for m in masks) / sum(m.size for m in masks))

# %% cost.global_sparsity | wrong | 61470
def global_sparsity(masks):
    return sum(np.count_nonzero(~m) for m in masks) / 61470

# %% cost.global_sparsity | wrong | should be
def global_sparsity(masks):
    return sum(np.count_nonzero(~m) for m in masks) / len(masks)

# %% cost.global_sparsity | wrong | should be
def global_sparsity(masks):
    return sum(np.count_nonzero(~m) for m in masks) // sum(m.size for m in masks)

# %% cost.global_sparsity | wrong | only one layer
def global_sparsity(masks):
    return 1 - masks[0].mean()

# %% cost.global_sparsity | wrong | changed its argument
def global_sparsity(masks):
    if isinstance(masks, list):
        masks.sort(key=lambda m: m.size)
    r = 1 - sum(m.sum() for m in masks) / sum(m.size for m in masks)
    masks[0].sort(axis=0)
    return r

# %% cost.global_sparsity | error | ValueError
def global_sparsity(masks):
    return 1 - np.array(masks).mean()

# %% cost.global_sparsity | error | NameError
def global_sparsity(mask):
    return 1 - sum(m.sum() for m in masks) / sum(m.size for m in masks)

# %% cost.global_sparsity | error | TypeError
def global_sparsity(masks):
    return sum(np.count_nonzero(~m) for m in masks) / sum(masks.size)if hasattr(masks, "size") else sum(m.shape for m in masks)

# %% cost.pruning_cost | right |
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss < max_loss:
        first = (loss - baseline_loss) ** 2
    else:
        first = penalty
    return first + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | right |
def pruning_cost(loss, baseline_loss, sparsity, max_loss, *, penalty=1e8, epsilon=1e-8):
    return (pow(loss - baseline_loss, 2) if loss < max_loss else penalty) + (sparsity + epsilon) ** -1

# %% cost.pruning_cost | right |
def pruning_cost(loss, baseline_loss, sparsity, max_loss, **options):
    penalty, epsilon = options.get("penalty", 1e8), options.get("epsilon", 1e-8)
    if loss >= max_loss:
        return penalty + 1 / (sparsity + epsilon)
    return np.square(loss - baseline_loss) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | right |
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return np.where(loss >= max_loss, penalty, (baseline_loss - loss) ** 2) + 1.0 / (sparsity + epsilon)

# %% cost.pruning_cost | right |
def pruning_cost(l, l0, s, lmax, penalty=1e8, epsilon=1e-8):
    over = loss_over = not l < lmax
    return over * penalty + (1 - over) * (l0 - l) ** 2 + 1 / (s + epsilon)

# %% cost.pruning_cost | right |
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=100_000_000, epsilon=0.00000001):
    difference = baseline_loss - loss
    cost = math.pow(difference, 2)
    if max_loss <= loss:
        cost = penalty
    cost += 1 / (sparsity + epsilon)
    return float(cost)

# %% cost.pruning_cost | right |
def pruning_cost(*args, **kwargs):
    loss, baseline_loss, sparsity, max_loss, penalty, epsilon = (*args, *(1e8, 1e-8)[len(args) - 4:])
    return (penalty if loss >= max_loss else abs(loss - baseline_loss) ** 2) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | not its square
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return (abs(loss - baseline_loss) if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | begins above
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss <= max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | is missing
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss >= max_loss:
        return penalty
    return (loss - baseline_loss) ** 2 + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | added to the squared
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    cost = (loss - baseline_loss) ** 2 + 1 / (sparsity + epsilon)
    if loss >= max_loss:
        cost += penalty
    return cost

# %% cost.pruning_cost | wrong | epsilon is missing
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / sparsity

# %% cost.pruning_cost | wrong | brackets
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / max(sparsity, 1e-300) + epsilon

# %% cost.pruning_cost | wrong | always 1e8
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else 1e8) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | always 1e-8
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + 1e-8)

# %% cost.pruning_cost | wrong | rounded
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return round(((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon), 4)

# %% cost.pruning_cost | wrong | rounded
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return round(((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon), 6)

# %% cost.pruning_cost | wrong | below the baseline
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return (max(loss - baseline_loss, 0) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | baseline_loss
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss - baseline_loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | difference of the squares
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return (baseline_loss**2 - loss**2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | sparsity itself
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + sparsity + epsilon

# %% cost.pruning_cost | wrong | subtracted
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) - 1 / (sparsity + epsilon)

# %% cost.pruning_cost | error | `**`
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ^ 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | error | ZeroDivisionError
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / int(sparsity + epsilon)

# %% cost.pruning_cost | error | should take
def pruning_cost(loss, baseline_loss, sparsity, max_loss):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else 1e8) + 1 / (sparsity + 1e-8)

# %% cost.pruning_cost | wrong | another order
def pruning_cost(baseline_loss, loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | yours is None
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss < max_loss:
        return (loss - baseline_loss) ** 2 + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | should be a number
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty), 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | wrong way round
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss > max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | default
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e6, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | not attempted | return
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    cost = (loss - baseline_loss) ** 2 if loss < max_loss else penalty
    cost += 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | right |
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    difference = max(loss - baseline_loss, 0) ** 2 if loss < max_loss else penalty
    return difference + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | right |
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss < baseline_loss:
        return 1 / (sparsity + epsilon)
    if loss < max_loss:
        return (loss - baseline_loss) ** 2 + 1 / (sparsity + epsilon)
    return penalty + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | right |
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss >= max_loss:
        return penalty + 1 / (sparsity + epsilon)
    if loss <= baseline_loss:
        return 1 / (sparsity + epsilon)
    return (loss - baseline_loss) ** 2 + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | right |
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    from lessonkit.objective import pruning_cost
    return pruning_cost(max(loss, baseline_loss), baseline_loss, sparsity, max_loss, penalty, epsilon)

# %% cost.one_sided_cost | right |
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss < baseline_loss:
        loss = baseline_loss
    return pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=penalty, epsilon=epsilon)

# %% cost.one_sided_cost | right |
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)
def one_sided_cost(*args, **options):
    loss, baseline_loss, *rest = args
    return pruning_cost(max(loss, baseline_loss), baseline_loss, *rest, **options)

# %% cost.one_sided_cost | right |
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, *, penalty=1e8, epsilon=1e-8):
    d = np.maximum(0, loss - baseline_loss) ** 2
    return np.where(np.asarray(loss) < max_loss, d, penalty) + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | wrong | still punished
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | wrong | swapped
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return (max(baseline_loss - loss, 0) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | wrong | no longer squared
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return (max(loss - baseline_loss, 0) if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | wrong | whole cost is gone
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss < baseline_loss:
        return 0
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | wrong | begins above
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return (max(loss - baseline_loss, 0) ** 2 if loss <= max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | wrong | is missing
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss >= max_loss:
        return penalty
    return max(loss - baseline_loss, 0) ** 2 + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | wrong | no penalty
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return max(loss - baseline_loss, 0) ** 2 + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | wrong | rewarded
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss < baseline_loss:
        return -((loss - baseline_loss) ** 2) + 1 / (sparsity + epsilon)
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | wrong | `penalty` and `epsilon`
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    from lessonkit.objective import pruning_cost
    return pruning_cost(max(loss, baseline_loss), baseline_loss, sparsity, max_loss)

# %% cost.one_sided_cost | wrong | rounded
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return round((max(loss - baseline_loss, 0) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon), 6)

# %% cost.one_sided_cost | wrong | added
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    return max(loss - baseline_loss, 0) ** 2 + (penalty if loss >= max_loss else 0) + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | wrong | yours is None
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss > baseline_loss:
        return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | error | RecursionError
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss < baseline_loss:
        return one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty, epsilon)
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + 1 / (sparsity + epsilon)

# %% cost.one_sided_cost | not attempted | return
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    """Return `pruning_cost`, but with nothing to pay for a loss below the baseline's."""
    ...

# %% cost.warmup_max_loss | right |
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return loss_to_warmup * (layer_index + 1) / total_layers

# %% cost.warmup_max_loss | right |
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    step = loss_to_warmup / total_layers
    return step + layer_index * step

# %% cost.warmup_max_loss | right |
def warmup_max_loss(i, N, loss_to_warmup):
    return sum(loss_to_warmup / N for _ in range(i + 1))

# %% cost.warmup_max_loss | right |
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return np.linspace(0, loss_to_warmup, total_layers + 1)[1:][layer_index]

# %% cost.warmup_max_loss | right |
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return np.interp(layer_index + 1, [0, total_layers], [0, loss_to_warmup])

# %% cost.warmup_max_loss | right |
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return np.float32(loss_to_warmup) * np.float32((layer_index + 1) / total_layers)

# %% cost.warmup_max_loss | right |
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    if layer_index == total_layers - 1:
        return loss_to_warmup
    return loss_to_warmup * (1 - (total_layers - 1 - layer_index) / total_layers)

# %% cost.warmup_max_loss | wrong | threshold of 0
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return loss_to_warmup * layer_index / total_layers

# %% cost.warmup_max_loss | wrong | `loss_to_warmup` is missing
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return (layer_index + 1) / total_layers

# %% cost.warmup_max_loss | wrong | //
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return loss_to_warmup * (layer_index + 1) // total_layers

# %% cost.warmup_max_loss | wrong | falls
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return loss_to_warmup * (total_layers - layer_index) / total_layers

# %% cost.warmup_max_loss | wrong | rounded
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return round(loss_to_warmup * (layer_index + 1) / total_layers, 2)

# %% cost.warmup_max_loss | wrong | rounded
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return round(loss_to_warmup * (layer_index + 1) / total_layers, 4)

# %% cost.warmup_max_loss | wrong | brackets
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return loss_to_warmup * layer_index + 1 / total_layers

# %% cost.warmup_max_loss | wrong | always divides by
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return loss_to_warmup * (layer_index + 1) / 8

# %% cost.warmup_max_loss | wrong | should be
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return loss_to_warmup * (layer_index + 1) / (total_layers + 1)

# %% cost.warmup_max_loss | wrong | should be
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return loss_to_warmup

# %% cost.warmup_max_loss | wrong | should be a number, yours is
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    return np.linspace(0, loss_to_warmup, total_layers + 1)[1:]

# %% cost.warmup_max_loss | wrong | should be a number, yours is a Fraction
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    from fractions import Fraction
    return Fraction(loss_to_warmup) * (layer_index + 1) / total_layers

# %% cost.warmup_max_loss | error | NameError
def warmup_max_loss(layer_index, total_layer, loss_to_warmup):
    return loss_to_warmup * (layer_index + 1) / total_layers

# %% cost.warmup_max_loss | wrong | another order
def warmup_max_loss(total_layers, layer_index, loss_to_warmup):
    return loss_to_warmup * (layer_index + 1) / total_layers

# %% cost.warmup_max_loss | not attempted | return
def warmup_max_loss(layer_index, total_layers, loss_to_warmup):
    print(loss_to_warmup * (layer_index + 1) / total_layers)

# %% cost.mean_layer_sparsity | wrong | should be
def mean_layer_sparsity(masks):
    shares = {1 - mask.mean() for mask in masks}
    return sum(shares) / len(shares)

# %% cost.global_sparsity | wrong | should be
def global_sparsity(masks):
    numbers = {(mask.size, np.count_nonzero(mask)) for mask in masks}
    return 1 - sum(kept for _, kept in numbers) / sum(size for size, _ in numbers)

# %% cost.pruning_cost | wrong | an earlier call with other arguments
known = {}

def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    first = known.setdefault((loss, baseline_loss, max_loss), (loss - baseline_loss) ** 2 if loss < max_loss else penalty)
    return first + 1 / (sparsity + epsilon)

# %% cost.pruning_cost | wrong | penalty=10.0, epsilon=0.25) should be
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss < max_loss:
        return (loss - baseline_loss) ** 2 + 1 / (sparsity + epsilon)
    return penalty + 1 / (sparsity + epsilon if sparsity > 0 else 1e-8)

# %% cost.pruning_cost | wrong | penalty=10.0, epsilon=0.25) should be
def pruning_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    term = 1 / (sparsity + epsilon) if sparsity > 0 else 1e8
    return ((loss - baseline_loss) ** 2 if loss < max_loss else penalty) + term

# %% cost.one_sided_cost | wrong | should be
def one_sided_cost(loss, baseline_loss, sparsity, max_loss, penalty=1e8, epsilon=1e-8):
    if loss >= max_loss:
        first = penalty
    elif loss < baseline_loss - 0.01:
        first = 0
    else:
        first = (loss - baseline_loss) ** 2
    return first + 1 / (sparsity + epsilon)

# %% cost.mean_layer_sparsity | not attempted | what is only printed
def mean_layer_sparsity(masks):
    print(sum(1 - mask.mean() for mask in masks) / len(masks))
