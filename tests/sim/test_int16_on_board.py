"""A network of int16 values from plan to board: every goal, profile and verify, a broken kernel."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.support.models.small_graphs import GraphBuilder
from tests.support.running.served import patched, served
from tinyml import api
from tinyml.base.elf import read_elf
from tinyml.base.errors import MismatchError
from tinyml.evaluate.verification import verify
from tinyml.ir.dtype import INT16
from tinyml.ir.graph import Graph, Quant, check
from tinyml.measure import onboard
from tinyml.model.writer import write
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.pool_2d import Pool2dAttrs

pytestmark = pytest.mark.sim

BOARD = "nucleo_l4r5zi"
KERNELS = ("conv_2d", "depthwise_conv_2d", "pointwise", "add", "fully_connected")


class _Network(GraphBuilder):
    """Layers of int16 values whose outputs use about their range."""

    def image(self, name: str, shape: tuple[int, ...], scale: float) -> int:
        return self.value(name, shape, (scale, 0), INT16)

    def wide_bias(self, name: str, channels: int, scale: float) -> int:
        data = self.rng.integers(-(1 << 20), 1 << 20, channels)
        return self.constant(name, data, Quant((scale,), (0,)))

    def matrix(self, name: str, shape: tuple[int, ...], scale: float) -> int:
        data = self.rng.integers(-127, 128, shape).astype("int8")
        return self.constant(name, data, Quant((scale,), (0,)))


def network() -> Graph:
    """A convolution, a separable one with a residual, an average, a classifier."""
    net = _Network()
    attrs = DepthwiseConv2dAttrs("SAME", 1, 1, activation="RELU")
    given = net.image("x", (1, 12, 10, 1), 0.0002)
    first = net.image("first", (1, 6, 5, 16), 0.0006)
    weights = (net.weights("w0", (16, 5, 4, 1), 0, 16), net.wide_bias("b0", 16, 1e-6))
    net.op("CONV_2D", (given, *weights), first, Conv2dAttrs("SAME", 2, 2, activation="RELU"))
    deep = net.image("deep", (1, 6, 5, 16), 0.001)
    weights = (net.weights("w1", (1, 3, 3, 16), 3, 16), net.wide_bias("b1", 16, 1e-6))
    net.op("DEPTHWISE_CONV_2D", (first, *weights), deep, attrs)
    point = net.image("point", (1, 6, 5, 16), 0.002)
    weights = (net.weights("w2", (16, 1, 1, 16), 0, 16), net.wide_bias("b2", 16, 1e-6))
    net.op("CONV_2D", (deep, *weights), point, Conv2dAttrs("VALID"))
    total = net.image("total", (1, 6, 5, 16), 0.0022)
    net.op("ADD", (first, point), total, BinaryAttrs())
    mean = net.image("mean", (1, 1, 1, 16), 0.0022)
    net.op("AVERAGE_POOL_2D", (total,), mean, Pool2dAttrs("VALID", 1, 1, 6, 5))
    made = net.image("y", (1, 7), 0.003)
    weights = (net.matrix("w3", (7, 16), 0.01), net.wide_bias("b3", 7, 0.0022 * 0.01))
    net.op("FULLY_CONNECTED", (mean, *weights), made, FullyConnectedAttrs())
    return check(net.graph((given,), (made,)))


def built(folder: Path, optimize: str) -> api.Built:
    """From a file, as users have it."""
    model = folder / "small.tflite"
    model.write_bytes(write(network()))
    settings = api.Settings(optimize, directory=folder / optimize)
    return api.build(model, api.load_board(BOARD), settings)


@pytest.mark.parametrize("optimize", ["balanced", "speed", "size", "ram"])
def test_every_goal_equals_the_reference(optimize: str, tmp_path: Path) -> None:
    made = built(tmp_path, optimize)
    kernels = {
        kernel.function for step in made.plan.steps if step.call for kernel in step.call.kernels()
    }
    if optimize == "speed":
        assert {f"tml_dsp_{name}_s16" for name in KERNELS} <= kernels
    samples = api.samples_of(made.plan.graph, None, 3)
    run = api.simulate(made, samples.inputs)
    verify(made.plan.reference_graph, samples.inputs, run.outputs)


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows")
def test_profile_verify_and_a_broken_layer(tmp_path: Path) -> None:
    made = built(tmp_path, "speed")
    feed = api.samples_of(made.plan.graph, None, 3)
    elf = read_elf(made.linked().elf)
    with served(elf, made.board) as port:
        client = onboard.connect_build(made, port)
        measured = onboard.profile_build(made, client, feed, runs=3, warmup=1)
        assert onboard.verify_build(made, client, feed).samples == 3
        client.close()
    assert measured.report.run is not None
    assert measured.report.run["equal_to_reference"] == 3
    places = {name: address for name, address, _ in made.linked().symbols}
    address = next(where for name, where in places.items() if name.startswith("small_l2_"))
    with served(patched(elf, address + 12, 64), made.board) as port:
        client = onboard.connect_build(made, port)
        with pytest.raises(MismatchError) as caught:
            onboard.verify_build(made, client, feed)
        client.close()
    assert "the first layer that differs is layer 2, CONV_2D" in str(caught.value)
