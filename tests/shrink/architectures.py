"""Random trained-looking Keras models: convolutions of any stride and padding, poolings, dense layers."""

from __future__ import annotations

import keras
import numpy as np
from hypothesis import strategies as st

layers = keras.layers
ACTIVATIONS = ("relu", "tanh", "sigmoid", "linear")


@st.composite
def models(draw, convolutional: bool | None = None) -> keras.Model:
    """Input 12x11 with 1 to 2 channels, or flat; up to two convolutions and two hidden dense layers, never none."""
    convolutions = draw(st.integers(1, 2)) if convolutional or draw(st.booleans()) else 0
    parts: list = [keras.Input((12, 11, draw(st.integers(1, 2))))]
    for _ in range(convolutions):
        size = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
        plan = {"strides": draw(st.integers(1, 2)), "padding": draw(st.sampled_from(["same", "valid"]))}
        inside = draw(st.booleans())
        activation = draw(st.sampled_from(ACTIVATIONS))
        bias = draw(st.booleans())
        filters = draw(st.integers(1, 4))
        parts.append(layers.Conv2D(filters, size, activation=activation if inside else None, use_bias=bias, **plan))
        if not inside:
            parts.append(layers.Activation(activation))
        if draw(st.booleans()):
            kind = draw(st.sampled_from([layers.MaxPooling2D, layers.AveragePooling2D]))
            parts.append(
                kind(2, strides=draw(st.sampled_from([None, 1])), padding=draw(st.sampled_from(["same", "valid"])))
            )
        if draw(st.booleans()):
            parts.append(layers.ZeroPadding2D(((0, 1), (1, 0))))
    parts.append(layers.Flatten())
    for _ in range(draw(st.integers(0 if convolutions else 1, 2))):
        parts += [layers.Dense(draw(st.integers(1, 6)), activation=draw(st.sampled_from(ACTIVATIONS)))]
        parts += [layers.Dropout(0.5)] if draw(st.booleans()) else []
    parts.append(layers.Dense(3, activation=draw(st.sampled_from(["softmax", None]))))
    model = keras.Sequential(parts)
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    model.set_weights([rng.normal(0, 0.5, weight.shape).astype(np.float32) for weight in model.get_weights()])
    return model


@st.composite
def kept_of(draw, counts):
    """Some units of each layer, at least one."""
    return tuple(
        tuple(sorted(draw(st.sets(st.integers(0, count - 1), min_size=1, max_size=count)))) for count in counts
    )


def some_images(model: keras.Model, count: int = 9) -> np.ndarray:
    return np.random.default_rng(7).random((count, *model.input_shape[1:]), np.float32)


def outputs(model: keras.Model, images: np.ndarray) -> np.ndarray:
    return np.array(model(images, training=False))


def as_outputs(model: keras.Model, logits: np.ndarray) -> np.ndarray:
    """What the model gives for these logits."""
    if model.layers[-1].get_config()["activation"] != "softmax":
        return logits
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
