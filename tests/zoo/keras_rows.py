"""``python keras_rows.py FOLDER NAME...``: small Keras models of kinds that are easily misread."""

from __future__ import annotations

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers

from tests.zoo.keras_models import (
    STEPS,
    Made,
    attention,
    both,
    categories,
    causal_attention,
    chain,
    conv,
    dense,
    dictionaries,
    dotted,
    halved,
    masked_attention,
    masked_average,
    masked_words,
    merged,
    nested,
    of_ops,
    residual,
    stateful,
    stateful_both,
    stateful_images,
    stateful_stack,
    states_in_and_out,
    words,
)

NETS: dict[str, Made] = {
    "add": merged("Add"),
    "subtract": merged("Subtract"),
    "multiply": merged("Multiply"),
    "average": merged("Average"),
    "maximum": merged("Maximum"),
    "minimum": merged("Minimum"),
    "concatenate": merged("Concatenate", axis=1),
    "dot": dotted,
    "dictionaries": dictionaries,
    "nested": nested,
    "attention": attention,
    "residual": residual,
    "halved": halved,
    "words": words,
    "categories": categories,
    "functions": of_ops,
    "stateful_lstm": stateful("LSTM"),
    "stateful_gru": stateful("GRU"),
    "stateful_stack": stateful_stack,
    "stateful_step": stateful("LSTM", steps=1),
    "stateful_both": stateful_both,
    "stateful_images": stateful_images,
    "lstm_both": both("LSTM"),
    "gru_both": both("GRU"),
    "lstm_masked": chain(layers.Masking, lambda: layers.LSTM(5), dense(3), shape=STEPS),
    "gru_masked": chain(
        lambda: layers.Masking(-1.0),
        lambda: layers.GRU(5, return_sequences=True),
        lambda: layers.SimpleRNN(4),
        dense(3),
        shape=STEPS,
    ),
    "words_masked": masked_words,
    "average_masked": masked_average,
    "attention_masked": masked_attention,
    "attention_causal": causal_attention,
    "lstm_states": states_in_and_out,
    "lstm_sequences": chain(
        lambda: layers.LSTM(5, return_sequences=True),
        lambda: layers.LSTM(4, go_backwards=True),
        dense(3),
        shape=STEPS,
    ),
    "rnn": chain(lambda: layers.SimpleRNN(5), dense(3), shape=STEPS),
    "conv_lstm": chain(
        lambda: layers.ConvLSTM2D(3, 3), layers.Flatten, dense(3), shape=(3, 6, 6, 2)
    ),
    "steps": chain(
        lambda: layers.TimeDistributed(layers.Conv2D(3, 3)),
        layers.Flatten,
        dense(3),
        shape=(3, 6, 6, 2),
    ),
    "augmented": chain(
        lambda: layers.RandomFlip("horizontal"),
        lambda: layers.RandomRotation(0.1),
        lambda: layers.RandomZoom(0.1),
        lambda: layers.RandomContrast(0.1),
        lambda: layers.GaussianNoise(0.1),
        conv(),
        lambda: layers.SpatialDropout2D(0.2),
        layers.GlobalMaxPooling2D,
        dense(),
    ),
    "prepared": chain(
        lambda: layers.Rescaling(1 / 127.5, -1),
        lambda: layers.CenterCrop(8, 10),
        lambda: layers.Resizing(12, 12),
        conv(),
        layers.Flatten,
        dense(3),
    ),
    "normalised": chain(
        lambda: layers.Normalization(mean=[0.1, 0.2, 0.3], variance=[1.0, 2.0, 0.5]),
        conv(),
        layers.GlobalAveragePooling2D,
        dense(),
    ),
    "layer_norm": chain(dense(8), layers.LayerNormalization, dense(4, "gelu"), shape=STEPS),
    "group_norm": chain(conv(), lambda: layers.GroupNormalization(3), conv(4, activation="silu")),
    "unit_norm": chain(dense(8, "relu"), layers.UnitNormalization, dense(3), shape=(9,)),
    "separable": chain(
        lambda: layers.SeparableConv2D(6, 3, depth_multiplier=2),
        layers.BatchNormalization,
        lambda: layers.DepthwiseConv2D(3, 2, "same"),
        lambda: layers.LeakyReLU(0.2),
        layers.Flatten,
        dense(3),
    ),
    "line": chain(
        lambda: layers.Conv1D(6, 3, padding="causal", dilation_rate=2),
        layers.BatchNormalization,
        layers.ReLU,
        lambda: layers.DepthwiseConv1D(3),
        lambda: layers.AveragePooling1D(2),
        lambda: layers.SeparableConv1D(5, 3, padding="same"),
        layers.GlobalAveragePooling1D,
        dense(3),
        shape=(20, 4),
    ),
    "dilated": chain(
        conv(dilation_rate=2),
        lambda: layers.BatchNormalization(),
        layers.ReLU,
        conv(4, dilation_rate=3),
    ),
    "groups": chain(conv(), conv(6, groups=3), layers.GlobalAveragePooling2D, dense()),
    "deconv": chain(
        conv(strides=2),
        lambda: layers.Conv2DTranspose(5, 3, 2, "same"),
        layers.BatchNormalization,
        layers.ReLU,
        lambda: layers.Conv2DTranspose(3, 2, 2),
    ),
    "deconv_line": chain(
        lambda: layers.Conv1D(4, 3, 2),
        lambda: layers.Conv1DTranspose(5, 4, 2, "same"),
        layers.ReLU,
        shape=(16, 4),
    ),
    "upsampled": chain(
        conv(strides=2),
        lambda: layers.UpSampling2D(2, interpolation="bilinear"),
        conv(4),
        lambda: layers.UpSampling2D((2, 1)),
        lambda: layers.Cropping2D(((1, 2), (0, 3))),
        lambda: layers.ZeroPadding2D(((0, 1), (2, 0))),
        conv(2),
    ),
    "prelu": chain(
        conv(),
        lambda: layers.PReLU(shared_axes=[1, 2]),
        conv(4),
        layers.PReLU,
        layers.Flatten,
        dense(3),
    ),
    "curves": chain(
        dense(8, "elu"),
        dense(8, "mish"),
        dense(8, "softplus"),
        dense(8, "selu"),
        dense(8, "softsign"),
        dense(8, "hard_silu"),
        dense(8, "hard_sigmoid"),
        dense(4, "tanh"),
        shape=(9,),
    ),
    "exponential": chain(dense(8, "exponential"), dense(3, "log_softmax"), shape=(9,)),
    "pooled": chain(
        conv(),
        lambda: layers.MaxPooling2D(3, 2, "same"),
        conv(6),
        lambda: layers.AveragePooling2D(3, 2, "same"),
        layers.Flatten,
        dense(3),
    ),
    "moved": chain(
        conv(4),
        lambda: layers.Permute((3, 1, 2)),
        lambda: layers.Reshape((4, 144)),
        dense(5),
        layers.Flatten,
        lambda: layers.RepeatVector(3),
        dense(2),
    ),
    "softmax_channels": chain(conv(), lambda: layers.Softmax(axis=1)),
    "free_sizes": chain(conv(), layers.GlobalMaxPooling2D, dense(), shape=(None, None, 3)),
    "einsum": chain(
        lambda: layers.EinsumDense("bsc,cu->bsu", (None, 5), bias_axes="u"), dense(3), shape=STEPS
    ),
}


def trained(model: keras.Model) -> keras.Model:
    """The model as if it had been trained: statistics and biases are no ones and zeros."""
    rng = np.random.default_rng(1)
    for variable in model.variables:
        if variable.path.endswith(("bias", "moving_mean", "beta")):
            variable.assign(rng.normal(0, 0.3, variable.shape))
        elif variable.path.endswith("moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif variable.path.endswith("alpha"):
            variable.assign(rng.uniform(0.05, 0.4, variable.shape))
    return model


if __name__ == "__main__":
    if len(sys.argv) == 1:
        print(*NETS)
    for wanted in sys.argv[2:]:
        keras.utils.set_random_seed(1)
        trained(NETS[wanted]()).save(Path(sys.argv[1]) / f"{wanted}.keras")
