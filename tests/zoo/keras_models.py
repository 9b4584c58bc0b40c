"""Keras models that are no chain of layers, and what makes chains."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers

IMAGE = (12, 12, 3)
STEPS = (6, 4)

Made = Callable[[], keras.Model]


def chain(*made: Callable[[], layers.Layer], shape: tuple[int | None, ...] = IMAGE) -> Made:
    """A chain of layers, each made when it is needed."""
    return lambda: keras.Sequential([keras.Input(shape), *(layer() for layer in made)])


def conv(count: int = 6, size: int = 3, **options: object) -> Callable[[], layers.Layer]:
    """A convolution that keeps the size."""
    return lambda: layers.Conv2D(count, size, **{"padding": "same", **options})


def dense(count: int = 4, activation: str | None = None) -> Callable[[], layers.Layer]:
    """A dense layer."""
    return lambda: layers.Dense(count, activation=activation)


def merged(name: str, **options: object) -> Made:
    """Two branches and a layer that merges them."""

    def make() -> keras.Model:
        x = keras.Input(IMAGE)
        a, b = layers.Conv2D(4, 3, activation="relu")(x), layers.Conv2D(4, 3)(x)
        joined = getattr(layers, name)(**options)([a, b])
        return keras.Model(x, layers.Conv2D(2, 1)(joined))

    return make


def dotted() -> keras.Model:
    """Dot of two sequences."""
    a, b = keras.Input((6, 4), name="a"), keras.Input((6, 4), name="b")
    found = layers.Dot(axes=2)([layers.Dense(5)(a), layers.Dense(5)(b)])
    return keras.Model([a, b], layers.Dense(3)(found))


def dictionaries() -> keras.Model:
    """Inputs and outputs by name, neither in alphabetical order."""
    zeta, alpha = keras.Input(IMAGE, name="zeta"), keras.Input((5,), name="alpha")
    image = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3, activation="relu")(zeta))
    joined = layers.Concatenate()([image, alpha])
    given = {"wide": layers.Dense(4)(joined), "narrow": layers.Dense(2, "sigmoid")(image)}
    return keras.Model({"zeta": zeta, "alpha": alpha}, given)


def nested() -> keras.Model:
    """A model inside a model inside a model, used twice."""
    inner = keras.Sequential(
        [
            keras.Input((5, 5, 4)),
            layers.Conv2D(4, 3, padding="same"),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    )
    x = keras.Input(IMAGE)
    small = layers.Conv2D(4, 3, strides=2, activation="relu")(x)
    y = inner(inner(small))
    outer = keras.Model(x, layers.Add()([y, small]))
    top = keras.Input(IMAGE)
    return keras.Model(top, layers.Dense(3)(layers.Flatten()(outer(top))))


def attention() -> keras.Model:
    """MultiHeadAttention of a sequence on itself, with a residual and normalisation."""
    x = keras.Input((6, 8))
    found = layers.MultiHeadAttention(2, 4)(x, x)
    return keras.Model(x, layers.Dense(3)(layers.LayerNormalization()(x + found)))


def residual() -> keras.Model:
    """A MobileNetV2 block."""
    x = keras.Input(IMAGE)
    y = start = layers.Conv2D(6, 3, 2, "same", use_bias=False)(x)
    for layer in (
        layers.Conv2D(12, 1, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.DepthwiseConv2D(3, padding="same", use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(6.0),
        layers.Conv2D(6, 1, use_bias=False),
        layers.BatchNormalization(),
    ):
        y = layer(y)
    y = layers.GlobalAveragePooling2D()(layers.Add()([start, y]))
    return keras.Model(x, layers.Dense(3, "softmax")(y))


def halved() -> keras.Model:
    """mixed_float16."""
    policy = keras.DTypePolicy("mixed_float16")
    return keras.Sequential(
        [
            keras.Input(IMAGE),
            layers.Conv2D(4, 3, activation="relu", dtype=policy),
            layers.Flatten(dtype=policy),
            layers.Dense(3, dtype="float32"),
        ]
    )


def stateful(kind: str, steps: int = STEPS[0]) -> Made:
    """A layer that keeps its state from one call to the next."""
    return lambda: keras.Sequential(
        [
            keras.Input(batch_shape=(1, steps, STEPS[1])),
            getattr(layers, kind)(5, stateful=True),
            layers.Dense(3),
        ]
    )


def stateful_stack() -> keras.Model:
    """Cells on top of each other with states of several sizes, behind a layer without."""
    cells = [layers.GRUCell(4), layers.LSTMCell(5)]
    return keras.Sequential(
        [
            keras.Input(batch_shape=(1, *STEPS)),
            layers.LSTM(5, return_sequences=True),
            layers.RNN(cells, stateful=True),
            layers.Dense(3),
        ]
    )


def stateful_both() -> keras.Model:
    """Both directions keep theirs."""
    x = keras.Input(batch_shape=(1, *STEPS))
    y = layers.Bidirectional(layers.GRU(5, stateful=True))(x)
    return keras.Model(x, layers.Dense(3)(y))


def stateful_images() -> keras.Model:
    """States with the shape of images."""
    x = keras.Input(batch_shape=(1, 3, 6, 6, 2))
    y = layers.ConvLSTM2D(3, 3, stateful=True)(x)
    return keras.Model(x, layers.Dense(3)(layers.Flatten()(y)))


def both(kind: str) -> Made:
    """A layer in both directions."""
    return chain(lambda: layers.Bidirectional(getattr(layers, kind)(5)), dense(3), shape=STEPS)


def words() -> keras.Model:
    """An embedding under a convolution."""
    x = keras.Input((8,), dtype="int32")
    y = layers.Conv1D(6, 3, activation="relu")(layers.Embedding(20, 5)(x))
    return keras.Model(x, layers.Dense(3)(layers.GlobalMaxPooling1D()(y)))


def categories() -> keras.Model:
    """Numbers of classes, and values by the interval in which they lie."""
    kinds, values = keras.Input((3,), dtype="int32"), keras.Input((4,))
    ones = layers.CategoryEncoding(5, output_mode="one_hot")(kinds)
    places = layers.Discretization([-0.5, 0.0, 0.5], output_mode="int")(values)
    joined = [layers.Flatten()(ones), layers.Flatten()(layers.Embedding(4, 3)(places))]
    return keras.Model([kinds, values], layers.Dense(3)(layers.Concatenate()(joined)))


def _padded_words(count: int = 4) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Words by number, of which 0 is none."""
    x = keras.Input((count,), dtype="int32")
    return x, layers.Embedding(20, 8, mask_zero=True)(x)


def masked_words() -> keras.Model:
    """Both directions leave out what is none."""
    x, words = _padded_words()
    return keras.Model(x, layers.Dense(3)(layers.Bidirectional(layers.LSTM(4))(words)))


def masked_average() -> keras.Model:
    """The average of those that are some: more words, so that random ones are not all none."""
    x, words = _padded_words(12)
    return keras.Model(x, layers.Dense(3)(layers.GlobalAveragePooling1D()(words)))


def masked_attention() -> keras.Model:
    """Attention that does not see what is none."""
    x, words = _padded_words()
    found = layers.MultiHeadAttention(2, 4)(words, words)
    return keras.Model(x, layers.Dense(3)(layers.Flatten()(words + found)))


def causal_attention() -> keras.Model:
    """Attention that does not see what comes later."""
    x = keras.Input((6, 8))
    found = layers.MultiHeadAttention(2, 4)(x, x, use_causal_mask=True)
    return keras.Model(x, layers.Dense(3)(x + found))


def states_in_and_out() -> keras.Model:
    """An LSTM whose states the application keeps."""
    x, hidden, cell = keras.Input(STEPS), keras.Input((5,)), keras.Input((5,))
    y, *states = layers.LSTM(5, return_state=True)(x, initial_state=[hidden, cell])
    return keras.Model([x, hidden, cell], [layers.Dense(3)(y), *states])


def of_ops() -> keras.Model:
    """Functions of keras.ops between layers."""
    x = keras.Input(IMAGE)
    y = layers.Conv2D(6, 3)(x)
    a, b = keras.ops.split(y, 2, axis=-1)
    y = keras.ops.concatenate([keras.ops.maximum(a, b), keras.ops.square(a)], axis=-1)
    y = keras.ops.clip(keras.ops.mean(y, axis=(1, 2)), -0.5, 0.7)
    return keras.Model(x, layers.Dense(3)(y))
