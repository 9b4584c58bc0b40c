"""Float networks for scikit-learn's digits, made in a second without a framework.

Convolutions keep their random filters; only the last layer is fitted, by ridge regression on what
they give. That is enough for more than 90 %, and the graph is known to the last number.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tests.support.nets.float_graphs import FloatBuilder
from tinyml.convert import flatfile
from tinyml.convert.runners import float_tensor
from tinyml.convert.values import Evaluation
from tinyml.ir.graph import Array, Graph
from tinyml.model.options import options

_TRAIN, _TEST = 900, 300
_RIDGE = 30.0  # keeps the weights of channels that hardly speak small
RELU = 1  # ActivationFunctionType


@dataclass(frozen=True)
class Digits:
    """Images [1, 8, 8, 1] in 0..1 with their classes."""

    images: tuple[tuple[Array, ...], ...]
    labels: tuple[int, ...]

    def evaluation(self) -> Evaluation:
        return Evaluation(self.images, self.labels)


@lru_cache(maxsize=1)
def digits() -> tuple[Digits, Digits]:
    """Training and test images."""
    from sklearn.datasets import load_digits

    pixels, classes = load_digits(return_X_y=True)
    images = (pixels / 16).astype(np.float32).reshape(-1, 1, 8, 8, 1)
    first, last = slice(0, _TRAIN), slice(_TRAIN, _TRAIN + _TEST)
    return tuple(
        Digits(tuple((image,) for image in images[part]), tuple(map(int, classes[part])))
        for part in (first, last)
    )  # type: ignore[return-value]


@lru_cache(maxsize=4)
def plain_cnn(outlier: float = 1.0) -> Graph:
    """Two convolutions and a dense layer.

    With ``outlier``, channel 5 of the first layer is that many times too large and the second layer
    divides it again: the same function, and hopeless in 8 bits.
    """
    b = FloatBuilder(7)
    image = b.value("image", (1, 8, 8, 1))
    first = b.rng.normal(0, 0.5, (12, 3, 3, 1))
    second = b.rng.normal(0, 0.2, (24, 3, 3, 12))
    first[5] *= outlier
    second[..., 5] /= outlier
    one = b.conv("first", image, first, (1, 8, 8, 12), FusedActivationFunction=RELU)
    two = b.conv(
        "second", one, second, (1, 4, 4, 24), StrideH=2, StrideW=2, FusedActivationFunction=RELU
    )
    return fitted(b, image, two)


def fitted(b: FloatBuilder, image: int, features: int) -> Graph:
    """The graph with a dense layer on ``features``, fitted to the training images by ridge
    regression."""
    train, _ = digits()
    graph = b.graph((image,), (features,))
    rows = np.stack(float_tensor(graph, features, train.images)).reshape(_TRAIN, -1)
    scale = rows.std()
    centre = rows.mean(axis=0)
    x = (rows - centre) / scale
    goal = np.eye(10)[list(train.labels)] - 0.1
    weights = np.linalg.solve(x.T @ x + _RIDGE * np.eye(x.shape[1]), x.T @ goal) / scale
    shape = b.constant("flat/shape", [1, rows.shape[1]])
    flat = b.op("RESHAPE", (features, shape), b.value("flat", (1, rows.shape[1])))
    dense = b.dense("dense", flat, weights.T)
    b.give("dense/b", 0.1 - centre @ weights)
    return b.graph((image,), (dense,))


def data_of(graph: Graph) -> bytes:
    """The graph as a float .tflite."""
    return flatfile.write(graph)


@lru_cache(maxsize=4)
def mobilenet_v3(outlier: float = 0.0) -> Graph:
    """A stem and one block of MobileNetV3: hard-swish, depthwise, squeeze and excite.

    With ``outlier``, channel 5 of the stem carries a large constant that the next layer subtracts
    again. A hard-swish lies between, so no factor can move.
    """
    b = FloatBuilder(11)
    image = b.value("image", (1, 8, 8, 1))
    stem = b.conv("stem", image, b.rng.normal(0, 0.6, (12, 3, 3, 1)), (1, 8, 8, 12))
    shift = np.zeros(12)
    shift[5] = outlier
    b.give("stem/b", shift)
    active = b.op("HARD_SWISH", (stem,), b.value("stem_swish", (1, 8, 8, 12)))
    widen = b.rng.normal(0, 0.35, (24, 1, 1, 12))
    wide = b.conv("expand", active, widen, (1, 8, 8, 24))
    b.give("expand/b", -widen[:, 0, 0, 5] * outlier)
    wide = b.op("HARD_SWISH", (wide,), b.value("expand_swish", (1, 8, 8, 24)))
    deep = b.depthwise("depthwise", wide, b.rng.normal(0, 0.3, (1, 3, 3, 24)), (1, 4, 4, 24), 2)
    deep = b.op("HARD_SWISH", (deep,), b.value("depthwise_swish", (1, 4, 4, 24)))
    scaled = squeeze_and_excite(b, deep, 24)
    last = b.conv("project", scaled, b.rng.normal(0, 0.2, (24, 1, 1, 24)), (1, 4, 4, 24))
    return fitted(b, image, last)


def squeeze_and_excite(b: FloatBuilder, value: int, channels: int) -> int:
    """The value times a gate per channel, from the mean over the image."""
    axes = b.constant("se/axes", [1, 2])
    mean = b.value("se/mean", (1, 1, 1, channels))
    b.op("MEAN", (value, axes), mean, options("ReducerOptions", KeepDims=True))
    less = b.rng.normal(0, 0.5, (8, 1, 1, channels))
    few = b.conv("se/reduce", mean, less, (1, 1, 1, 8), FusedActivationFunction=RELU)
    gate = b.conv("se/gate", few, b.rng.normal(0, 0.5, (channels, 1, 1, 8)), (1, 1, 1, channels))
    three, sixth = b.constant("se/three", np.array(3.0)), b.constant("se/sixth", np.array(1 / 6))
    plus = b.value("se/plus", (1, 1, 1, channels))
    b.op("ADD", (gate, three), plus, options("AddOptions", FusedActivationFunction=3))
    open_ = b.op(
        "MUL", (plus, sixth), b.value("se/open", (1, 1, 1, channels)), options("MulOptions")
    )
    return b.op("MUL", (value, open_), b.value("se", b.tensors[value].shape), options("MulOptions"))
