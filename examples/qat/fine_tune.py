"""Quantisation-aware fine-tuning of a Keras model, in plain Keras.

    python ../quantization/make.py
    python fine_tune.py ../quantization/outlier.keras ../quantization/calib.npz tuned
    tinyml convert tuned --calibration ../quantization/calib.npz --evaluate ../quantization/test.npz

Every layer is wrapped: its weights are rounded to 8 bits per output channel and its result to 8
bits, with the gradient passing through. Ranges start from the calibration data and are trained. The
SavedModel carries them as fake quantisation, and ``tinyml convert`` uses these scales in place of
those it would measure. Fold batch normalisation into the layers before: it must not lie between
weights and their rounding.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import keras
import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits

MOVES = ("Flatten", "Reshape", "MaxPooling2D", "Dropout", "InputLayer", "ZeroPadding2D")
CHANNEL_AXIS = {"DepthwiseConv2D": (0, 1)}  # axes of the kernel that one scale spans
TRAIN = 1200  # images of the digits that may be trained on; the rest is test.npz


class FakeQuantised(keras.layers.Layer):
    """A layer with weights and result rounded as 8-bit integers would be."""

    def __init__(self, layer: keras.layers.Layer, span: tuple[float, float]) -> None:
        super().__init__(name=f"{layer.name}_q")
        self.layer, self.span = layer, span

    def build(self, *shapes: object) -> None:
        """Makes the range of the result trainable."""
        for name, value in zip(("low", "high"), self.span, strict=True):
            start = keras.initializers.Constant(value)
            setattr(self, name, self.add_weight(name=name, shape=(), initializer=start))

    def call(self, given: tf.Tensor) -> tf.Tensor:
        """The layer's result, rounded."""
        kernel = getattr(self.layer, "kernel", None)
        if kernel is None:
            result = self.layer(given)
        else:
            with keras.StatelessScope(state_mapping=[(kernel, self._rounded(kernel))]):
                result = self.layer(given)
        # The layer before may clamp at 0; a range always contains it.
        low, high = tf.minimum(self.low, 0.0), tf.maximum(self.high, 1e-3)
        return tf.quantization.fake_quant_with_min_max_vars(result, low, high)

    def _rounded(self, kernel: keras.Variable) -> tf.Tensor:
        value = tf.convert_to_tensor(kernel)
        axes = CHANNEL_AXIS.get(type(self.layer).__name__, tuple(range(len(kernel.shape) - 1)))
        peaks = tf.stop_gradient(tf.reduce_max(tf.abs(value), axis=axes))
        if len(axes) == len(kernel.shape) - 1:
            return tf.quantization.fake_quant_with_min_max_vars_per_channel(
                value, -peaks, peaks, narrow_range=True
            )
        flat = tf.reshape(value, (-1, int(np.prod(kernel.shape[2:]))))
        peaks = tf.reshape(peaks, (-1,))
        rounded = tf.quantization.fake_quant_with_min_max_vars_per_channel(
            flat, -peaks, peaks, narrow_range=True
        )
        return tf.reshape(rounded, kernel.shape)


def spans(model: keras.Model, images: np.ndarray) -> dict[str, tuple[float, float]]:
    """The range of each layer's result, without the rarest values of any channel."""
    names = [layer.name for layer in model.layers if type(layer).__name__ not in MOVES]
    watch = keras.Model(model.inputs, [model.get_layer(name).output for name in names])
    found = {}
    for name, value in zip(names, watch.predict(images, verbose=0), strict=True):
        rows = np.asarray(value).reshape(-1, value.shape[-1])
        # The median channel decides: one that is far larger than all others may clip.
        low = 4 * float(np.median(rows.min(axis=0)))
        high = 4 * float(np.median(rows.max(axis=0)))
        found[name] = (max(low, float(rows.min())), min(high, float(rows.max())))
    return found


def fake_quantised(model: keras.Model, images: np.ndarray) -> keras.Model:
    """A copy of the model that computes as its integer version will."""
    ranges = spans(model, images)

    def wrapped(layer: keras.layers.Layer) -> keras.layers.Layer:
        if type(layer).__name__ in MOVES:
            return layer.__class__.from_config(layer.get_config())
        return FakeQuantised(layer, ranges[layer.name])

    plain = keras.Model(model.inputs, model.outputs)
    body = keras.models.clone_model(plain, clone_function=wrapped)
    image = keras.Input(model.input_shape[1:], name="image")
    span = (float(images.min()), float(images.max()))
    first = FakeQuantised(keras.layers.Identity(name="input"), span)
    return keras.Model(image, body(first(image)))


def main(source: str, calibration: str, target: str) -> None:
    """Wraps, fine-tunes for a few seconds and exports."""
    keras.utils.set_random_seed(1)
    model = keras.models.load_model(source, compile=False)
    images = next(iter(np.load(calibration).values()))
    tuned = fake_quantised(model, images)
    pixels, classes = load_digits(return_X_y=True)
    train = (pixels[:TRAIN] / 16).astype(np.float32).reshape(-1, 8, 8, 1)
    tuned.compile(
        keras.optimizers.Adam(1e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    )
    tuned.fit(train, classes[:TRAIN], batch_size=32, epochs=15, verbose=0)
    tuned.export(target, verbose=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
