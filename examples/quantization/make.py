"""Two networks that 8 bits break, and the data to find out why.

    python make.py [folder]    writes outlier.keras, hard_swish.keras, calib.npz and test.npz

Both are trained on scikit-learn's digits for a few seconds, then changed without changing what they
compute in float: one channel of a layer becomes far larger than the others.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
from sklearn.datasets import load_digits

HERE = Path(__file__).parent
CHANNEL, FACTOR, OFFSET = 5, 1500.0, 600.0
TRAIN = 1200  # of 1797 images


def data() -> tuple[np.ndarray, np.ndarray]:
    """Images [n, 8, 8, 1] in 0..1, and their classes."""
    pixels, classes = load_digits(return_X_y=True)
    return (pixels / 16).astype(np.float32).reshape(-1, 8, 8, 1), classes.astype(np.int64)


def plain() -> keras.Model:
    """Two convolutions with ReLU and a dense layer."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1), name="image"),
            layers.Conv2D(12, 3, padding="same", activation="relu", name="first"),
            layers.Conv2D(24, 3, strides=2, padding="same", activation="relu", name="second"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, name="dense"),
        ]
    )


def mobilenet_v3() -> keras.Model:
    """A stem and one inverted bottleneck of MobileNetV3 with squeeze and excite."""
    layers = keras.layers
    image = keras.Input((8, 8, 1), name="image")
    x = layers.Conv2D(12, 3, padding="same", name="stem")(image)
    x = layers.Activation("hard_silu", name="stem_swish")(x)
    x = layers.Conv2D(32, 1, name="expand")(x)
    x = layers.Activation("hard_silu", name="expand_swish")(x)
    x = layers.DepthwiseConv2D(3, strides=2, padding="same", name="depthwise")(x)
    x = layers.Activation("hard_silu", name="depthwise_swish")(x)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name="se_mean")(x)
    gate = layers.Conv2D(8, 1, activation="relu", name="se_reduce")(gate)
    gate = layers.Conv2D(32, 1, activation="hard_sigmoid", name="se_expand")(gate)
    x = layers.Multiply(name="se")([x, gate])
    x = layers.Conv2D(16, 1, name="project")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(image, layers.Dense(10, name="dense")(x))


def trained(model: keras.Model, epochs: int) -> keras.Model:
    """The model after a few seconds of training."""
    images, classes = data()
    model.compile(
        keras.optimizers.Adam(3e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    model.fit(images[:TRAIN], classes[:TRAIN], batch_size=32, epochs=epochs, verbose=0)
    return model


def enlarge(model: keras.Model) -> None:
    """Multiplies one channel of ``first`` and divides the weights that read it."""
    kernel, bias = model.get_layer("first").get_weights()
    kernel[..., CHANNEL] *= FACTOR
    bias[CHANNEL] *= FACTOR
    model.get_layer("first").set_weights([kernel, bias])
    kernel, bias = model.get_layer("second").get_weights()
    kernel[:, :, CHANNEL] /= FACTOR
    model.get_layer("second").set_weights([kernel, bias])


def offset(model: keras.Model) -> None:
    """Adds a constant to one channel of ``stem`` and takes it off again in ``expand``.

    Far to the right a hard-swish is the identity; near 0 this channel loses its bend, which the
    last layers learn to live with.
    """
    kernel, bias = model.get_layer("stem").get_weights()
    bias[CHANNEL] += OFFSET
    model.get_layer("stem").set_weights([kernel, bias])
    kernel, bias = model.get_layer("expand").get_weights()
    bias -= kernel[0, 0, CHANNEL] * OFFSET
    model.get_layer("expand").set_weights([kernel, bias])
    for layer in model.layers:
        layer.trainable = layer.name in ("project", "dense")


def main(folder: Path = HERE) -> None:
    """Trains, changes and writes both."""
    keras.utils.set_random_seed(1)
    model = trained(plain(), epochs=8)
    enlarge(model)
    model.save(folder / "outlier.keras")
    model = trained(mobilenet_v3(), epochs=10)
    offset(model)
    trained(model, epochs=4).save(folder / "hard_swish.keras")
    images, classes = data()
    np.savez(folder / "calib.npz", image=images[:200])
    np.savez(folder / "test.npz", image=images[TRAIN:], labels=classes[TRAIN:])


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
