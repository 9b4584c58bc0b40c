"""Float networks for scikit-learn's digits, made in a second without a framework.

Convolutions keep their random filters; only the last layer is fitted, by ridge regression on what
they give. That is enough for more than 90 %, and the graph is known to the last number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from tests.support.float_graphs import FloatBuilder
from tinyml.convert import flatfile
from tinyml.convert.runners import float_tensor
from tinyml.convert.values import Evaluation
from tinyml.ir.graph import Array, Graph

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
    bias = np.array(0.1 - centre @ weights, np.float32)
    last = b.ops[-1].inputs[2]
    b.tensors[last] = replace(b.tensors[last], data=bias)
    return b.graph((image,), (dense,))


def data_of(graph: Graph) -> bytes:
    """The graph as a float .tflite."""
    return flatfile.write(graph)
