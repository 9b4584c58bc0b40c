"""Trains the digits model: 8x8 handwritten digits of scikit-learn, a small CNN, int8 TFLite.

Needs ``pip install tensorflow scikit-learn``; writes digits.tflite and test.npz beside itself.
The model and the test digits are checked in, so nobody needs to run this to use the example.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

HERE = Path(__file__).parent
SEED = 7


def network(batch_size: int | None = None) -> tf.keras.Model:
    """A depthwise-separable CNN, float32 [1, 8, 8, 1] in [0, 1] to 10 probabilities."""
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            layers.Input((8, 8, 1), batch_size=batch_size, name="pixels"),
            layers.Conv2D(16, 3, padding="same", activation="relu", name="stem"),
            layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise_1"),
            layers.Conv2D(32, 1, activation="relu", name="pointwise_1"),
            layers.DepthwiseConv2D(
                3, strides=2, padding="same", activation="relu", name="depthwise_2"
            ),
            layers.Conv2D(48, 1, activation="relu", name="pointwise_2"),
            layers.AveragePooling2D(2, name="pool"),
            layers.Flatten(name="flatten"),
            layers.Dense(10, name="logits"),
            layers.Softmax(name="probabilities"),
        ]
    )


def quantise(model: tf.keras.Model, samples: np.ndarray) -> bytes:
    """Full-integer int8 flatbuffer, calibrated on ``samples`` float32 [n, 8, 8, 1]."""

    fixed = network(batch_size=1)  # a fixed batch keeps shape arithmetic out of the flatbuffer
    fixed.set_weights(model.get_weights())
    converter = tf.lite.TFLiteConverter.from_keras_model(fixed)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([sample[None]] for sample in samples)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.int8
    converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def main() -> None:
    """Trains, converts, writes the model and the held-out digits."""
    tf.keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    digits = load_digits()
    pixels = (digits.images / 16.0).astype(np.float32)[..., None]
    x_train, x_test, y_train, y_test = train_test_split(
        pixels, digits.target, test_size=0.2, random_state=SEED, stratify=digits.target
    )
    model = network()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=80, batch_size=32, verbose=0)
    accuracy = model.evaluate(x_test, y_test, verbose=0)[1]
    print(f"float accuracy on {len(x_test)} held-out digits: {accuracy:.4f}")
    data = quantise(model, x_train[:200])
    (HERE / "digits.tflite").write_bytes(data)
    np.savez_compressed(HERE / "test.npz", pixels=x_test, labels=y_test.astype(np.int32))
    print(f"digits.tflite: {len(data)} bytes; test.npz: {len(x_test)} digits")


if __name__ == "__main__":
    main()
