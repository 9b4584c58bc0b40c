"""``python odd_keras.py FOLDER``: small Keras models of kinds that are easily read wrongly."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from tinyml.ir.dtype import FLOAT32


def _dictionaries() -> keras.Model:
    """Two inputs and two outputs by name, neither in alphabetical order, of equal shapes."""
    zeta, alpha = (keras.Input((6,), name=name) for name in ("zeta", "alpha"))
    joined = layers.Concatenate()([layers.Dense(5)(zeta), alpha])
    given = {"wide": layers.Dense(4, name="a")(joined), "narrow": layers.Dense(4, name="b")(zeta)}
    return keras.Model({"zeta": zeta, "alpha": alpha}, given)


def _masked(layer: layers.Layer) -> keras.Model:
    steps = [keras.Input((5, 3), name="x"), layers.Masking(name="hole"), layer, layers.Dense(2)]
    return keras.Sequential(steps)


def _stateful() -> keras.Model:
    layer = layers.LSTM(4, stateful=True, name="memory")
    return keras.Sequential([keras.Input(batch_shape=(1, 2, 3)), layer, layers.Dense(2)])


def _halved() -> keras.Model:
    policy = keras.DTypePolicy("mixed_float16")
    return keras.Sequential(
        [
            keras.Input((6, 6, 3)),
            layers.Conv2D(4, 3, activation="relu", dtype=policy),
            layers.Flatten(dtype=policy),
            layers.Dense(3, dtype=FLOAT32),
        ]
    )


def _looped() -> bytes:
    """A model as TensorFlow's converter writes tf.while_loop: as many rounds as an input says."""
    module = tf.Module()
    specs = [tf.TensorSpec((1, 6), tf.float32), tf.TensorSpec((), tf.int32)]

    @tf.function(input_signature=specs)
    def run(x: tf.Tensor, rounds: tf.Tensor) -> tf.Tensor:
        start = (tf.constant(0), x)
        return tf.while_loop(lambda i, _: i < rounds, lambda i, x: (i + 1, x * 0.5 + 1.0), start)[1]

    functions = [run.get_concrete_function()]
    converter = tf.lite.TFLiteConverter.from_concrete_functions(functions, module)
    return bytes(converter.convert())


def _free() -> bytes:
    """A dilated convolution of images of any size, whose borders the model computes."""
    module = tf.Module()
    module.filters = tf.Variable(np.random.default_rng(3).normal(size=(3, 3, 3, 4)).astype("f"))

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)])
    def run(x: tf.Tensor) -> tf.Tensor:
        return tf.nn.relu(tf.nn.conv2d(x, module.filters, 1, "SAME", dilations=2))

    functions = [run.get_concrete_function()]
    converter = tf.lite.TFLiteConverter.from_concrete_functions(functions, module)
    return bytes(converter.convert())


def main(folder: Path) -> None:
    (folder / "looped.tflite").write_bytes(_looped())
    (folder / "free.tflite").write_bytes(_free())
    keras.utils.set_random_seed(1)
    made = {
        "dictionaries": _dictionaries(),
        "masked_lstm": _masked(layers.LSTM(4, name="memory")),
        "masked_gru": _masked(layers.GRU(4, name="memory")),
        "stateful": _stateful(),
        "free": keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(4, 3)]),
        "halved": _halved(),
    }
    for name, model in made.items():
        model.save(folder / f"{name}.keras")
    generator = np.random.default_rng(2)
    images = generator.normal(size=(120, 9, 7, 3)).astype(np.float32)
    np.save(folder / "images.npy", images)
    padded = generator.normal(size=(120, 5, 3)).astype(np.float32)
    for number, sample in enumerate(padded):
        sample[: number * 3 % 5] = 0
    np.savez(folder / "padded.npz", x=padded)
    fed = {name: generator.normal(size=(120, 6)).astype(np.float32) for name in ("zeta", "alpha")}
    np.savez(folder / "dictionaries.npz", **fed)
    given = made["dictionaries"].predict(fed, verbose=0)
    np.savez(folder / "dictionaries_out.npz", **given)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
