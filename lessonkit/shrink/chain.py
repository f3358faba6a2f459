"""A trained Keras `Sequential` as plain arrays: layers with weights, and between them steps that mix no two units.

That is what makes cutting possible. A unit of one layer (a filter, a neuron) is one channel until the next layer with
weights reads it: activations and pooling treat every channel apart, flattening only gives it several places.

Images are in the last axis: a signal has shape (channels, height, width, n) or (features, n).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lessonkit.engine.evaluator import score
from lessonkit.engine.threads import parallel
from lessonkit.errors import LessonkitError
from lessonkit.networks.network import Network
from lessonkit.problem import Evaluation

if TYPE_CHECKING:
    import keras

Array = NDArray[np.float32]
Result = TypeVar("Result")
CHUNK = 250  # images that are computed at a time: what a layer reads of them fits the processor's cache


@dataclass(frozen=True)
class Activation:
    """A function of each value: "linear", "relu", "sigmoid" or "tanh"; at the end of the network also "softmax"."""

    name: str


@dataclass(frozen=True)
class Pooling:
    """Maximum or average over windows; an average leaves the margin that "same" padding adds out, as Keras does."""

    kind: str  # "max" or "average"
    size: tuple[int, int]
    strides: tuple[int, int]
    padding: str


@dataclass(frozen=True)
class Flatten:
    """(channels, height, width) to one axis, in Keras's order: row by row, all channels of a position together."""


@dataclass(frozen=True)
class Dropout:
    """Nothing at all once the network is trained; kept for whoever trains the smaller one further."""

    rate: float


@dataclass(frozen=True)
class Padding:
    """Zeros around the image."""

    rows: tuple[int, int]
    columns: tuple[int, int]


Step = Activation | Pooling | Flatten | Dropout | Padding


@dataclass(frozen=True)
class Layer:
    """A convolution or a dense layer, and the steps between it and the next one.

    Attributes
    ----------
    kernel : float32, shape (height, width, channels, filters) or (inputs, outputs).
    bias : float32, shape (filters,) or (outputs,); zeros where the Keras layer has none.
    strides, padding : of a convolution.
    """

    name: str
    kernel: Array
    bias: Array
    strides: tuple[int, int] = (1, 1)
    padding: str = "valid"
    steps: tuple[Step, ...] = ()

    @property
    def units(self) -> int:
        """How many filters or neurons it has."""
        return int(self.kernel.shape[-1])

    @property
    def matrix(self) -> Array:
        """The kernel as one matrix, shape (inputs of one position, units)."""
        return self.kernel.reshape(-1, self.units)


@dataclass(frozen=True)
class Chain:
    """Layers with weights, in order; `steps` are those in front of the first."""

    input_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    steps: tuple[Step, ...] = ()

    @property
    def counts(self) -> tuple[int, ...]:
        """How many units each layer has, but for the last, whose units are the classes."""
        return tuple(layer.units for layer in self.layers[:-1])


# --- computing ------------------------------------------------------------------------------------------------------


def as_signal(images: Array) -> Array:
    """Images of shape (n, height, width, channels), (n, height, width) or (n, features) as a signal."""
    if images.ndim == 3:
        images = images[..., np.newaxis]
    return np.ascontiguousarray(images.transpose(3, 1, 2, 0) if images.ndim == 4 else images.T)


def in_chunks(function: Callable[[Array, slice], Result], signal: Array) -> list[Result]:
    """What the function gives for each `CHUNK` images of the signal and their place, on all processors."""
    places = [slice(start, start + CHUNK) for start in range(0, signal.shape[-1], CHUNK)]
    return parallel(lambda place: function(signal[..., place], place), places)


def columns(layer: Layer, signal: Array) -> Array:
    """What the layer's weights see, shape (inputs of one position, positions * n).

    For a convolution, column p holds the window around position p, in the order of the kernel: row, column, channel.
    """
    if layer.kernel.ndim == 2:
        return signal
    size = layer.kernel.shape[:2]
    padded, rows, columns_ = _window_places(signal, size, layer.strides, layer.padding, 0.0)
    out = np.empty((*size, len(signal), rows, columns_, signal.shape[-1]), np.float32)
    for (i, j), view in _shifted(padded, size, layer.strides, rows, columns_):
        out[i, j] = view
    return out.reshape(layer.matrix.shape[0], -1)


def behind(layer: Layer, signal: Array, seen: Array) -> Array:
    """The signal behind the layer and its steps, from the layer's `columns` of `signal`."""
    z = layer.matrix.T @ seen
    z += layer.bias[:, np.newaxis]
    if layer.kernel.ndim == 4:
        z = z.reshape(layer.units, *output_size(layer, signal.shape), signal.shape[-1])
    return after(layer.steps, z)


def output_size(layer: Layer, shape: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of a convolution's output for a signal of this shape."""
    sizes = zip(shape[1:3], layer.kernel.shape[:2], layer.strides, strict=True)
    rows, columns_ = (_places(have, size, stride, layer.padding)[0] for have, size, stride in sizes)
    return rows, columns_


def after(steps: Sequence[Step], signal: Array) -> Array:
    """The signal behind these steps. A softmax is left out: what leaves the network are its logits."""
    for step in steps:
        if isinstance(step, Activation):
            signal = _activate(step.name, signal)
        elif isinstance(step, Pooling):
            signal = _pool(step, signal)
        elif isinstance(step, Flatten) and signal.ndim == 4:
            signal = signal.transpose(1, 2, 0, 3).reshape(-1, signal.shape[-1])
        elif isinstance(step, Padding):
            signal = np.pad(signal, ((0, 0), step.rows, step.columns, (0, 0)))
    return signal


def through(chain: Chain, signal: Array, start: int = 0) -> Array:
    """Logits, shape (classes, n), of a signal in front of layer `start`."""

    def one_chunk(part: Array, _: slice) -> Array:
        for layer in chain.layers[start:]:
            part = behind(layer, part, columns(layer, part))
        return part

    return np.concatenate(in_chunks(one_chunk, signal), axis=-1)


def logits(chain: Chain, images: Array) -> Array:
    """Logits of images, shape (n, classes)."""
    return through(chain, after(chain.steps, as_signal(images))).T


def evaluate(chain: Chain, images: Array, labels: NDArray[np.int64]) -> Evaluation:
    """Loss and accuracy on images."""
    return judged(logits(chain, images).T, labels)


def judged(values: Array, labels: NDArray[np.int64]) -> Evaluation:
    """Loss and accuracy of logits of shape (classes, n)."""
    (loss,), (hits,) = score(values[np.newaxis], labels)
    return Evaluation(float(loss) / len(labels), int(hits) / len(labels), len(labels))


def _activate(name: str, signal: Array) -> Array:
    if name == "sigmoid":  # by numpy's tanh, which runs at vector speed
        signal = np.tanh(signal * np.float32(0.5))
        signal *= np.float32(0.5)
        signal += np.float32(0.5)
        return signal
    if name == "tanh":
        return np.tanh(signal)
    return np.maximum(signal, 0) if name == "relu" else signal


def _pool(step: Pooling, signal: Array) -> Array:
    is_max = step.kind == "max"
    padded, rows, columns_ = _window_places(signal, step.size, step.strides, step.padding, -np.inf if is_max else 0.0)
    out: Array | None = None
    for _, view in _shifted(padded, step.size, step.strides, rows, columns_):
        if out is None:
            out = view.copy()
        elif is_max:
            np.maximum(out, view, out=out)
        else:
            out += view
    assert out is not None
    if is_max:
        return out
    inside = np.ones((1, *signal.shape[1:3], 1), np.float32)
    padded, rows, columns_ = _window_places(inside, step.size, step.strides, step.padding, 0.0)
    out /= sum(view for _, view in _shifted(padded, step.size, step.strides, rows, columns_))
    return out


def _places(have: int, size: int, stride: int, padding: str) -> tuple[int, int, int]:
    """How many windows fit along an axis, and the margins before and behind it (TensorFlow's rule for "same")."""
    if padding == "valid":
        return (have - size) // stride + 1, 0, 0
    places = -(-have // stride)
    margin = max((places - 1) * stride + size - have, 0)
    return places, margin // 2, margin - margin // 2


def _window_places(
    signal: Array, size: Sequence[int], strides: Sequence[int], padding: str, fill: float
) -> tuple[Array, int, int]:
    (rows, *top), (columns_, *left) = (
        _places(have, each, stride, padding)
        for have, each, stride in zip(signal.shape[1:3], size, strides, strict=True)
    )
    if any(top) or any(left):
        signal = np.pad(signal, ((0, 0), (top[0], top[1]), (left[0], left[1]), (0, 0)), constant_values=fill)
    return signal, rows, columns_


def _shifted(
    padded: Array, size: Sequence[int], strides: Sequence[int], rows: int, columns_: int
) -> Iterator[tuple[tuple[int, int], Array]]:
    """For each place in a window, the values that all windows have there: shape (channels, rows, columns, n)."""
    down, right = strides
    for i in range(size[0]):
        for j in range(size[1]):
            yield (i, j), padded[:, i : i + (rows - 1) * down + 1 : down, j : j + (columns_ - 1) * right + 1 : right]


# --- counting -------------------------------------------------------------------------------------------------------


def positions(chain: Chain) -> list[int]:
    """At how many positions of an image each layer's weights are used: rows times columns, 1 for a dense layer."""
    found, signal = [], after(chain.steps, as_signal(np.zeros((1, *chain.input_shape), np.float32)))
    for layer in chain.layers:
        rows, right = output_size(layer, signal.shape) if layer.kernel.ndim == 4 else (1, 1)
        found.append(rows * right)
        signal = behind(layer, signal, columns(layer, signal))
    return found


def multiply_adds(chain: Chain) -> int:
    """Multiplications of weights for one image, by the formula: positions times weights, margins included."""
    return sum(at * layer.kernel.size for at, layer in zip(positions(chain), chain.layers, strict=True))


def parameters(chain: Chain) -> int:
    """All weights and biases."""
    return sum(layer.kernel.size + layer.bias.size for layer in chain.layers)


# --- from and to the course's network and Keras ---------------------------------------------------------------------


def from_network(network: Network) -> Chain:
    """The chain of one of the course's networks."""
    layers: list[Layer] = []
    first: tuple[Step, ...] = ()
    for index, old in enumerate(network.layers):
        if not old.is_convolution and (index == 0 or network.layers[index - 1].is_convolution):
            if layers:
                layers[-1] = dataclasses.replace(layers[-1], steps=(*layers[-1].steps, Flatten()))
            elif len(network.input_shape) > 1:
                first = (Flatten(),)
        steps: tuple[Step, ...] = (Activation(old.activation),)
        if old.pool > 1:
            steps += (Pooling(old.pooling, (old.pool, old.pool), (old.pool, old.pool), "valid"),)
        layers.append(Layer(old.name, old.kernel, old.bias, padding=old.padding or "valid", steps=steps))
    return Chain(network.input_shape, tuple(layers), first)


ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh", "softmax")


def from_keras(model: keras.Model) -> Chain:
    """Read a trained `keras.Sequential` of Conv2D, Dense, pooling, Flatten, Dropout and activations.

    Raises
    ------
    LessonkitError
        Naming the first layer whose units cannot be cut, and why.
    """
    if type(model).__name__ != "Sequential":
        raise LessonkitError(f"{model.name}: is no keras.Sequential; only a plain chain of layers can be cut")
    layers: list[Layer] = []
    steps: list[Step] = []
    first: tuple[Step, ...] = ()
    for layer in model.layers:
        kind, config = type(layer).__name__, layer.get_config()
        if kind in ("Conv2D", "Dense"):
            if layers:
                layers[-1] = dataclasses.replace(layers[-1], steps=tuple(steps))
            else:
                first = tuple(steps)
            layers.append(_layer(layer, config))
            steps = [Activation(_known(config["activation"], layer.name))]
        elif kind != "InputLayer":
            steps.append(_step(kind, config, layer.name))
    if not layers or layers[-1].kernel.ndim == 4:
        raise LessonkitError(f"{model.name}: the last layer with weights must be dense, one output per class")
    layers[-1] = dataclasses.replace(layers[-1], steps=tuple(steps))
    for index, cut in enumerate(layers):
        names = [step.name for step in cut.steps if isinstance(step, Activation)]
        if index < len(layers) - 1 and "softmax" in names:
            raise LessonkitError(f"layer {cut.name}: a softmax mixes its units; it is supported at the end alone")
        if index == len(layers) - 1 and set(names) - {"softmax", "linear"}:
            raise LessonkitError(f"layer {cut.name}: the last layer must give probabilities (softmax) or logits")
    return Chain(tuple(model.input_shape[1:]), tuple(layers), first)


def _layer(layer: Any, config: Mapping[str, Any]) -> Layer:
    kernel = np.array(layer.kernel, np.float32)
    bias = np.array(layer.bias, np.float32) if config["use_bias"] else np.zeros(kernel.shape[-1], np.float32)
    if kernel.ndim == 2:
        if len(layer.input.shape) != 2:
            raise LessonkitError(f"layer {layer.name}: a dense layer needs flat input, put a Flatten in front of it")
        return Layer(layer.name, kernel, bias)
    if set(config["dilation_rate"]) != {1} or config["groups"] != 1 or config["data_format"] == "channels_first":
        raise LessonkitError(f"layer {layer.name}: only convolutions without dilation, groups or channels first")
    return Layer(layer.name, kernel, bias, tuple(config["strides"]), config["padding"])


def _step(kind: str, config: Mapping[str, Any], name: str) -> Step:
    if kind in ("MaxPooling2D", "AveragePooling2D"):
        size = tuple(config["pool_size"])
        strides = tuple(config["strides"] or size)
        if config["data_format"] == "channels_first":
            raise LessonkitError(f"layer {name}: channels first is not supported")
        return Pooling("max" if kind == "MaxPooling2D" else "average", size, strides, config["padding"])
    if kind == "ReLU" and (config["max_value"] is not None or config["negative_slope"] or config["threshold"]):
        raise LessonkitError(f"layer {name}: only the plain ReLU is supported, max(z, 0)")
    if kind in ("Activation", "ReLU", "Softmax"):
        return Activation(_known(config["activation"] if kind == "Activation" else kind.lower(), name))
    if kind == "Flatten":
        return Flatten()
    if kind == "ZeroPadding2D" and config["data_format"] != "channels_first":
        rows, columns_ = config["padding"]
        return Padding(tuple(rows), tuple(columns_))
    if kind == "Dropout":
        return Dropout(float(config["rate"]))
    raise LessonkitError(f"layer {name}: a {kind} cannot be cut; take it out, or fold it into its neighbours, first")


def _known(activation: object, name: str) -> str:
    if activation not in ACTIVATIONS:
        raise LessonkitError(f"layer {name}: activation {activation!r} is not one of {', '.join(ACTIVATIONS)}")
    return str(activation)


def quiet_keras() -> Any:
    """Keras, loaded without the lines that TensorFlow writes as it starts."""
    from lessonkit.networks import lenet

    return lenet.keras  # type: ignore[attr-defined]


def to_keras(chain: Chain, name: str = "small") -> keras.Model:
    """The same network in plain Keras: it is saved and loaded without this package."""
    keras = quiet_keras()

    made = [keras.Input(chain.input_shape), *(_keras_step(step) for step in chain.steps)]
    for layer in chain.layers:
        steps = list(layer.steps)
        first = "linear"
        if steps and isinstance(steps[0], Activation):
            first, steps = steps[0].name, steps[1:]
        if layer.kernel.ndim == 4:
            size, plan = layer.kernel.shape[:2], {"strides": layer.strides, "padding": layer.padding}
            made.append(keras.layers.Conv2D(layer.units, size, activation=first, name=layer.name, **plan))
        else:
            made.append(keras.layers.Dense(layer.units, activation=first, name=layer.name))
        made += [_keras_step(step) for step in steps]
    model = keras.Sequential(made, name=name)
    for layer in chain.layers:
        model.get_layer(layer.name).set_weights([layer.kernel, layer.bias])
    return model


def _keras_step(step: Step) -> Any:
    keras = quiet_keras()
    if isinstance(step, Activation):
        return keras.layers.Activation(step.name)
    if isinstance(step, Pooling):
        kind = keras.layers.MaxPooling2D if step.kind == "max" else keras.layers.AveragePooling2D
        return kind(step.size, strides=step.strides, padding=step.padding)
    if isinstance(step, Padding):
        return keras.layers.ZeroPadding2D((step.rows, step.columns))
    return keras.layers.Flatten() if isinstance(step, Flatten) else keras.layers.Dropout(step.rate)
