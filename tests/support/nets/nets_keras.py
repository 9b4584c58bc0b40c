"""Keras networks of the kinds that run on microcontrollers, trained for seconds.

``python nets_keras.py FOLDER NAME...`` writes NAME.keras, NAME.tflite (float), NAME_calib.npz and
NAME_test.npz; for the network "cnn" also cnn.h5, the SavedModel cnn_saved/, and what
Keras predicts of the tests, cnn_float.npy (probabilities). Two models that cannot be converted,
batch_32.keras and loop_saved/, are there too.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[3]))

from tests.support.nets.nets_data import digits, waves


def _conv(x: Any, channels: int, size: int = 3, stride: int = 1, relu: bool = True) -> Any:
    from keras import layers

    x = layers.Conv2D(channels, size, stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU()(x) if relu else x


def _depthwise(x: Any, stride: int = 1, six: float | None = None) -> Any:
    from keras import layers

    x = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=0.9)(x)
    return layers.ReLU(six)(x)


def _classes(x: Any, count: int) -> Any:
    from keras import layers

    return layers.Dense(count, activation="softmax", name="probabilities")(x)


def cnn() -> Any:
    import keras
    from keras import layers

    x = first = keras.Input((8, 8, 1), name="pixels")
    x = layers.MaxPooling2D()(_conv(x, 16))
    x = layers.Flatten()(_conv(x, 24))
    return keras.Model(first, _classes(x, 10))


def mobilenet_v2() -> Any:
    import keras
    from keras import layers

    x = first = keras.Input((8, 8, 1), name="pixels")
    x = _conv(x, 8)
    for channels, stride, factor in ((8, 1, 3), (16, 2, 3), (16, 1, 3)):
        short, width = x, x.shape[-1]
        x = _conv(x, width * factor, 1)
        x = _depthwise(x, stride, 6.0)
        x = _conv(x, channels, 1, relu=False)
        if stride == 1 and width == channels:
            x = layers.Add()([short, x])
    x = layers.GlobalAveragePooling2D()(_conv(x, 48, 1))
    return keras.Model(first, _classes(x, 10))


def ds_cnn() -> Any:
    import keras
    from keras import layers

    x = first = keras.Input((8, 8, 1), name="pixels")
    x = _conv(x, 16)
    for stride in (2, 1):
        x = _conv(_depthwise(x, stride), 32, 1)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(first, _classes(x, 10))


def resnet8() -> Any:
    import keras
    from keras import layers

    x = first = keras.Input((8, 8, 1), name="pixels")
    x = _conv(x, 8)
    for channels, stride in ((8, 1), (16, 2), (32, 2)):
        short = x if stride == 1 else layers.Conv2D(channels, 1, stride)(x)
        x = _conv(_conv(x, channels, 3, stride), channels, relu=False)
        x = layers.ReLU()(layers.Add()([x, short]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(first, _classes(x, 10))


def autoencoder() -> Any:
    import keras
    from keras import layers

    x = first = keras.Input((64,), name="pixels")
    for width in (48, 12, 48):
        x = layers.Dense(width, activation="relu")(x)
    return keras.Model(first, layers.Dense(64, name="image")(x))


def lstm() -> Any:
    import keras
    from keras import layers

    first = keras.Input((8, 8), name="rows")
    return keras.Model(first, _classes(layers.LSTM(24)(first), 10))


def gru() -> Any:
    import keras
    from keras import layers

    first = keras.Input((8, 8), name="rows")
    return keras.Model(first, _classes(layers.GRU(24)(first), 10))


def both_ways() -> Any:
    """A layer around two others, which hides their inputs."""
    import keras
    from keras import layers

    first = keras.Input((8, 8), name="rows")
    return keras.Model(first, _classes(layers.Bidirectional(layers.LSTM(12))(first), 10))


def conv_1d() -> Any:
    import keras
    from keras import layers

    x = first = keras.Input((64, 1), name="wave")
    for channels in (8, 16):
        x = layers.Conv1D(channels, 5, padding="same", activation="relu")(x)
        x = layers.MaxPooling1D()(x)
    return keras.Model(first, _classes(layers.Flatten()(x), 3))


NETS = (cnn, mobilenet_v2, ds_cnn, resnet8, autoencoder, lstm, gru, both_ways, conv_1d)


def data_of(model: Any) -> tuple[Any, Any]:
    """Training and test data in the shape of the network's input."""
    shape = tuple(model.input.shape[1:])
    splits = waves() if shape == (64, 1) else digits()
    is_coder = model.output.shape[1:] == (64,)
    return tuple((x.reshape(-1, *shape), x.reshape(-1, 64) if is_coder else y) for x, y in splits)


def train(make: Any, folder: Path) -> None:
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(3)
    model, name = make(), make.__name__
    (x, y), (test_x, test_y) = data_of(model)
    loss = "mse" if name == "autoencoder" else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.Adam(1e-2), loss)
    model.fit(x, y, batch_size=64, epochs=8, verbose=0)
    model.save(folder / f"{name}.keras")
    if name == "cnn":
        np.save(folder / "cnn_float.npy", model.predict(test_x, verbose=0))
        model.save(folder / "cnn.h5")
        model.export(folder / "cnn_saved", verbose=False)
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if name not in ("lstm", "gru", "both_ways"):  # those become loops there
        (folder / f"{name}.tflite").write_bytes(converter.convert())
    np.savez(folder / f"{name}_calib.npz", **{model.input.name: x[:200]})
    np.savez(folder / f"{name}_test.npz", **{model.input.name: test_x, "labels": test_y})


def save_unsuitable(folder: Path) -> None:
    """Models that cannot be converted: a batch of 32, and a loop whose length depends on values."""
    import keras
    import tensorflow as tf

    first = keras.Input((5,), batch_size=32)
    keras.Model(first, keras.layers.Dense(2)(first)).save(folder / "batch_32.keras")
    module = tf.Module()

    def halve(x: Any) -> Any:
        return tf.while_loop(lambda v: tf.reduce_sum(v) > 1.0, lambda v: (v / 2.0,), (x,))[0]

    module.halve = tf.function(halve, input_signature=[tf.TensorSpec([1, 5], name="x")])
    tf.saved_model.save(module, str(folder / "loop_saved"), signatures=module.halve)


if __name__ == "__main__":
    import tensorflow

    # Networks this small lose by threads that wait for each other.
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    names = sys.argv[2:]
    for net in NETS:
        if not names or net.__name__ in names:
            train(net, Path(sys.argv[1]))
    save_unsuitable(Path(sys.argv[1]))
