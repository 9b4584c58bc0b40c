"""Time that is predicted against time that the emulated core takes, where weights exceed the cache.

A prediction that left out what such weights are waited for was ten times too low, and plans were
chosen by it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from benchmarks.accuracy import accuracy_of
from tests.support.models.small_graphs import GraphBuilder
from tinyml import api
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs

WITHIN_PERCENT = 30  # what every board's printed error allows for, about


def convolution(channels: tuple[int, int], size: int, taps: int) -> Graph:
    given, made = channels
    b = GraphBuilder()
    x, y = b.value("x", (1, size, size, given)), b.value("y", (1, size, size, made))
    operands = (x, b.weights("w", (made, taps, taps, given), 0, made), b.bias("b", made))
    return b.graph((x,), (b.op("CONV_2D", operands, y, Conv2dAttrs("SAME", 1, 1)),))


def dense(*widths: int) -> Graph:
    b = GraphBuilder()
    x = first = b.value("x", (1, widths[0]))
    for number, (given, made) in enumerate(pairwise(widths)):
        y = b.value(f"y{number}", (1, made))
        operands = (x, b.weights(f"w{number}", (made, given), 0, 1), b.bias(f"b{number}", made))
        x = b.op("FULLY_CONNECTED", operands, y, FullyConnectedAttrs())
    return b.graph((first,), (x,))


def depthwise(channels: int, size: int, taps: int) -> Graph:
    b = GraphBuilder()
    x, y = (b.value(name, (1, size, size, channels)) for name in "xy")
    operands = (x, b.weights("w", (1, taps, taps, channels), 3, channels), b.bias("b", channels))
    attrs = DepthwiseConv2dAttrs(padding="SAME")
    return b.graph((x,), (b.op("DEPTHWISE_CONV_2D", operands, y, attrs),))


LAYERS: dict[str, Callable[[], Graph]] = {
    "3x3": lambda: convolution((96, 128), 6, 3),
    "1x1": lambda: convolution((256, 256), 5, 1),
    "dense": lambda: dense(512, 256, 256, 10),
    "depthwise": lambda: depthwise(192, 10, 5),
}


@pytest.mark.sim
@pytest.mark.parametrize(
    "board",
    ["nucleo_l4r5zi", "rpi_pico", "esp32c3", pytest.param("esp32s3", marks=pytest.mark.xtensa)],
)
@pytest.mark.parametrize("layer", LAYERS)
def test_weights_beyond_the_cache(layer: str, board: str) -> None:
    found = accuracy_of(LAYERS[layer](), api.load_board(board), "ram")  # which copies no weights
    assert abs(found.errors["time"]) <= WITHIN_PERCENT, found.errors


@pytest.mark.parametrize("name", ["nucleo_g0b1re", "rpi_pico", "esp32c3", "nucleo_l4r5zi"])
def test_floats_in_software_are_predicted(name: str) -> None:
    """They were predicted as on a core with floating-point instructions: fifteen times too low."""
    b = GraphBuilder()
    x, y = (b.value(n, (1, 9, 9, c), None, FLOAT32) for n, c in (("x", 3), ("y", 8)))
    rng = np.random.default_rng(1)
    weights = b.constant("w", rng.normal(size=(8, 3, 3, 3)).astype(np.float32))
    bias = b.constant("b", np.zeros(8, np.float32))
    op = b.op("CONV_2D", (x, weights, bias), y, Conv2dAttrs("SAME", 1, 1))
    found = accuracy_of(b.graph((x,), (op,)), api.load_board(name), "balanced").errors
    assert abs(found["instructions"]) <= WITHIN_PERCENT, found
