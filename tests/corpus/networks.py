"""Small networks in the shape of public ones: their blocks, in the order in which they come."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.support.models.small_graphs import GraphBuilder, f32
from tinyml.ir.graph import Graph, Quant
from tinyml.ir.shapes import window
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.layout import ConcatenationAttrs, ReshapeAttrs
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.mean import MeanAttrs
from tinyml.ops.pool_2d import Pool2dAttrs
from tinyml.ops.resize_nearest_neighbor import ResizeAttrs
from tinyml.ops.softmax import SoftmaxAttrs


class Net(GraphBuilder):
    """A network under construction; a method adds a layer behind a tensor and returns its own."""

    def __init__(
        self, seed: int, channels: int = 3, *, is_even: bool = False, times: int = 1
    ) -> None:
        super().__init__(seed)
        rows = times * (self.pick(8, 12) if is_even else self.pick(8, 9, 12))
        columns = rows if is_even else self.pick(rows, rows + 1)
        self.image = self.value("image", (1, rows, columns, channels), self.quant())

    def pick(self, *items: int) -> int:
        return int(self.rng.choice(items))

    def quant(self, around: float = 0.05) -> tuple[float, int]:
        scale = around * float(2.0 ** self.rng.uniform(-1, 1))
        return f32(scale), self.pick(-128, -128, 0, 5, 127)

    def shape(self, x: int) -> tuple[int, ...]:
        return self.tensors[x].shape

    def same(self, x: int, shape: tuple[int, ...]) -> int:
        """A value with the quantisation of another."""
        quant = self.tensors[x].quant
        assert quant is not None
        return self.value(f"v{len(self.tensors)}", shape, (quant.scale, quant.zero_point))

    def conv(
        self, x: int, filters: int, kernel: int = 1, stride: int = 1, act: str = "RELU"
    ) -> int:
        attrs = Conv2dAttrs("SAME", stride, stride, activation=act)
        channels, name = self.shape(x)[3], f"c{len(self.tensors)}"
        weights = self.weights(f"{name}/w", (filters, kernel, kernel, channels), 0, filters)
        made = self.value(name, self._made(x, kernel, stride, filters), self.quant())
        return self.op("CONV_2D", (x, weights, self.bias(f"{name}/b", filters)), made, attrs)

    def depthwise(self, x: int, kernel: int = 3, stride: int = 1, times: int = 1) -> int:
        filters, name = self.shape(x)[3] * times, f"d{len(self.tensors)}"
        attrs = DepthwiseConv2dAttrs("SAME", stride, stride, times, activation="RELU6")
        weights = self.weights(f"{name}/w", (1, kernel, kernel, filters), 3, filters)
        made = self.value(name, self._made(x, kernel, stride, filters), self.quant())
        operands = (x, weights, self.bias(f"{name}/b", filters))
        return self.op("DEPTHWISE_CONV_2D", operands, made, attrs)

    def pool(self, x: int, kind: str = "MAX_POOL_2D", size: int = 2, stride: int = 2) -> int:
        made = self.same(x, self._made(x, size, stride, self.shape(x)[3]))
        return self.op(kind, (x,), made, Pool2dAttrs("SAME", stride, stride, size, size))

    def add(self, x: int, y: int) -> int:
        made = self.value(f"a{len(self.tensors)}", self.shape(x), self.quant(0.08))
        return self.op("ADD", (x, y), made, BinaryAttrs(str(self.rng.choice(("NONE", "RELU")))))

    def mul(self, x: int, y: int) -> int:
        made = self.value(f"m{len(self.tensors)}", self.shape(x), self.quant())
        return self.op("MUL", (x, y), made, BinaryAttrs())

    def concat(self, parts: tuple[int, ...]) -> int:
        rest = (
            self.op("QUANTIZE", (part,), self.same(parts[0], self.shape(part)), NoAttrs())
            for part in parts[1:]
        )
        parts = (parts[0], *rest)
        depth = sum(self.shape(part)[3] for part in parts)
        made = self.same(parts[0], (*self.shape(parts[0])[:3], depth))
        return self.op("CONCATENATION", parts, made, ConcatenationAttrs(3))

    def mean(self, x: int, *, keep: bool) -> int:
        axes = self.constant(f"axes{len(self.tensors)}", np.array([1, 2], np.int32))
        shape = (1, 1, 1, self.shape(x)[3]) if keep else (1, self.shape(x)[3])
        return self.op("MEAN", (x, axes), self.same(x, shape), MeanAttrs(keep))

    def map(self, kind: str, x: int, quant: tuple[float, int]) -> int:
        made = self.value(f"n{len(self.tensors)}", self.shape(x), quant)
        return self.op(kind, (x,), made, NoAttrs())

    def pad_channels(self, x: int, more: int) -> int:
        widths = np.array([(0, 0), (0, 0), (0, 0), (0, more)], np.int32)
        pads = self.constant(f"pads{len(self.tensors)}", widths)
        made = self.same(x, (*self.shape(x)[:3], self.shape(x)[3] + more))
        return self.op("PAD", (x, pads), made, NoAttrs())

    def upsample(self, x: int, like: int) -> int:
        rows, columns = self.shape(like)[1:3]
        sizes = self.constant(f"sizes{len(self.tensors)}", np.array([rows, columns], np.int32))
        made = self.same(x, (1, rows, columns, self.shape(x)[3]))
        return self.op("RESIZE_NEAREST_NEIGHBOR", (x, sizes), made, ResizeAttrs())

    def flat(self, x: int) -> int:
        elements = self.tensors[x].elements
        shape = self.constant(f"shape{len(self.tensors)}", np.array([1, elements], np.int32))
        made = self.same(x, (1, elements))
        return self.op("RESHAPE", (x, shape), made, ReshapeAttrs((1, elements)))

    def dense(self, x: int, outputs: int, act: str = "NONE") -> int:
        name = f"f{len(self.tensors)}"
        data = self.rng.integers(-127, 128, (outputs, self.shape(x)[1])).astype(np.int8)
        weights = self.constant(f"{name}/w", data, Quant((f32(0.004),), (0,)))
        made = self.value(name, (1, outputs), self.quant(0.1))
        operands = (x, weights, self.bias(f"{name}/b", outputs))
        return self.op("FULLY_CONNECTED", operands, made, FullyConnectedAttrs(act))

    def classes(self, x: int) -> int:
        y = self.dense(x, self.pick(2, 5, 10))
        made = self.value("y", self.shape(y), (1 / 256, -128))
        return self.op("SOFTMAX", (y,), made, SoftmaxAttrs(1.0))

    def excite(self, x: int) -> int:
        """Squeeze and excite: a gate per channel, from the mean over the image."""
        gate = self.conv(self.mean(x, keep=True), self.pick(2, 3))
        gate = self.conv(gate, self.shape(x)[3], act="NONE")
        return self.mul(x, self.map("LOGISTIC", gate, (1 / 256, -128)))

    def _made(self, x: int, kernel: int, stride: int, channels: int) -> tuple[int, ...]:
        rows, columns = (
            window("SAME", self.shape(x)[axis], kernel, stride).out_size for axis in (1, 2)
        )
        return 1, rows, columns, channels


def mobilenet_v1(net: Net) -> int:
    x = net.conv(net.image, net.pick(4, 8), 3, 2)
    for stride in (1, 2, 1):
        x = net.conv(net.depthwise(x, 3, stride), net.pick(4, 6, 8, 12))
    return net.classes(net.mean(x, keep=False))


def mobilenet_v1_depthwise_first(net: Net) -> int:
    """Person detection of TensorFlow Lite Micro begins with a depthwise layer on the image."""
    x = net.depthwise(net.image, 3, 2, times=net.pick(1, 3, 8))
    for stride in (1, 2):
        x = net.conv(net.depthwise(net.conv(x, net.pick(4, 8)), 3, stride), net.pick(4, 8))
    pooled = net.pool(x, "AVERAGE_POOL_2D", net.shape(x)[1], net.shape(x)[1])
    return net.classes(net.flat(net.conv(pooled, 3, act="NONE")))


def mobilenet_v2(net: Net) -> int:
    x = net.conv(net.image, 8, 3, 2)
    for stride in (1, 2, 1, 1):
        wide = net.conv(x, net.pick(12, 16), act="RELU6")
        narrow = net.conv(net.depthwise(wide, net.pick(3, 5), stride), 8, act="NONE")
        x = net.add(x, narrow) if stride == 1 else narrow
    return net.classes(net.mean(x, keep=False))


def mobilenet_v3(net: Net) -> int:
    x = net.map("HARD_SWISH", net.conv(net.image, 8, 3, 2, "NONE"), net.quant())
    for stride in (1, 2, 1):
        wide = net.depthwise(net.conv(x, net.pick(9, 12)), net.pick(3, 5), stride)
        narrow = net.conv(net.excite(wide), 8, act="NONE")
        x = net.add(x, narrow) if stride == 1 else narrow
    return net.classes(net.flat(net.conv(net.mean(x, keep=True), 12)))


def mcunet(net: Net) -> int:
    x = net.conv(net.depthwise(net.conv(net.image, 6, 3, 2)), 4, act="NONE")
    for kernel, stride in ((7, 1), (5, 2), (7, 1), (3, 1)):
        wide = net.conv(x, net.pick(8, 12), act="RELU6")
        narrow = net.conv(net.depthwise(wide, kernel, stride), 4, act="NONE")
        x = net.add(x, narrow) if stride == 1 else narrow
    return net.classes(net.flat(net.pool(x, "AVERAGE_POOL_2D", 3, 3)))


def resnet(net: Net) -> int:
    x = net.conv(net.image, 8, 3)
    for stride in (1, 2, 2):
        filters = net.shape(x)[3] * (1 if stride == 1 else 2)
        inner = net.conv(net.conv(x, filters, 3, stride), filters, 3, act="NONE")
        x = net.add(x if stride == 1 else net.conv(x, filters, 1, stride, "NONE"), inner)
    return net.classes(net.flat(net.pool(x, "AVERAGE_POOL_2D", 2, 2)))


def squeezenet(net: Net) -> int:
    x = net.pool(net.conv(net.image, 8, 3), "MAX_POOL_2D", 3, 2)
    for _ in range(2):
        squeezed = net.conv(x, net.pick(2, 3, 4))
        x = net.concat((net.conv(squeezed, net.pick(4, 5)), net.conv(squeezed, 4, 3)))
        x = net.pool(x)
    return net.classes(net.mean(net.conv(x, 6), keep=False))


def unet(net: Net) -> int:
    first = net.conv(net.image, 4, 3)
    second = net.conv(net.pool(first), 6, 3)
    bottom = net.conv(net.pool(second), 8, 3)
    x = net.conv(net.concat((net.conv(net.upsample(bottom, second), 6), second)), 6, 3)
    x = net.conv(net.concat((net.conv(net.upsample(x, first), 4), first)), 4, 3)
    return net.map("LOGISTIC", net.conv(x, 1, act="NONE"), (1 / 256, -128))


def blazeface(net: Net) -> tuple[int, int]:
    """Blocks whose short way is padded with channels that are always zero; two heads."""
    x = net.conv(net.image, 6, 5, 2)
    for more, stride in ((0, 1), (3, 1), (3, 2), (0, 1)):
        made = net.conv(
            net.depthwise(x, net.pick(3, 5), stride), net.shape(x)[3] + more, act="NONE"
        )
        short = net.pool(x) if stride == 2 else x
        x = net.add(net.pad_channels(short, more) if more else short, made)
    scores = net.map("LOGISTIC", net.conv(x, 2, act="NONE"), (1 / 256, -128))
    return net.conv(x, 8, act="NONE"), scores


NETWORKS: tuple[Callable[[Net], int | tuple[int, ...]], ...] = (
    *(blazeface, mcunet, mobilenet_v1, mobilenet_v1_depthwise_first, mobilenet_v2),
    *(mobilenet_v3, resnet, squeezenet, unet),
)


def network(number: int, seed: int, *, times: int = 1) -> Graph:
    """One of the networks, with other sizes and weights for each seed.

    Images are small for tests, or ``times`` as wide and high.
    """
    build = NETWORKS[number % len(NETWORKS)]
    net = Net(seed, channels=1 + seed % 4, is_even=build is unet, times=times)
    made = build(net)
    return net.graph((net.image,), made if isinstance(made, tuple) else (made,))
