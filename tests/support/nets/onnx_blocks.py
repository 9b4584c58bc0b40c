"""Blocks of random ONNX graphs for images, sequences and rows: each gives another value."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.nets.onnx_any import act
from tests.support.nets.onnx_random import Block, Growing, Value


def _weights(g: Growing, *shape: int) -> str:
    """Weights of [outputs, ...]; some filters are dead, as training leaves them."""
    fan_in = max(1, int(np.prod(shape[1:])))
    made = g.rng.normal(0, 1.4 / fan_in**0.5, shape).astype(np.float32)
    if g.chance(0.3):
        made[g.rng.random(shape[0]) < 0.4] = 0
    return g.held(made)


def conv(g: Growing, value: Value) -> Value:
    """A convolution of any kind that fits."""
    _, channels, height, width = value[1]
    groups = g.pick(1, 1, channels, *(k for k in (2, 3) if channels % k == 0))
    made = groups * g.number(1, 3)
    kernel = (g.number(1, min(3, height)), g.number(1, min(3, width)))
    steps, spread = (g.number(1, 2), g.number(1, 2)), (1, 1)
    attrs: dict[str, Any] = {"strides": steps, "group": groups}
    if g.chance(0.3):
        attrs["auto_pad"] = g.pick("SAME_UPPER", "SAME_LOWER")
        sizes = [-(-n // s) for n, s in zip((height, width), steps, strict=True)]
    else:
        pads = [g.number(0, k - 1) for k in (*kernel, *kernel)]
        if g.chance(0.2):
            reach = [(k - 1) * 2 + 1 for k in kernel]
            if reach[0] <= height and reach[1] <= width:
                spread, pads = (2, 2), [k - 1 for k in (*kernel, *kernel)]
        attrs |= {"pads": pads, "dilations": spread}
        sizes = [
            (n + a + b - (k - 1) * d - 1) // s + 1
            for n, a, b, k, d, s in zip(
                (height, width), pads[:2], pads[2:], kernel, spread, steps, strict=True
            )
        ]
    reads = [value[0], _weights(g, made, channels // groups, *kernel)]
    if g.chance(0.7):
        reads.append(g.floats(made, spread=0.3))
    return g.node("Conv", reads, (1, made, *sizes), **attrs)


def deconv(g: Growing, value: Value) -> Value:
    """A transposed convolution."""
    _, channels, height, width = value[1]
    if height * width * channels > 300:
        return pool(g, value)
    groups = g.pick(1, 1, channels)
    made = g.number(1, 2)
    kernel, steps = (g.number(2, 4), g.number(2, 4)), (g.number(1, 2), g.number(1, 2))
    pads = [g.number(0, k // 2) for k in (*kernel, *kernel)]
    extra = [g.number(0, s - 1) for s in steps]
    sizes = [
        (n - 1) * s - a - b + k + e
        for n, s, a, b, k, e in zip(
            (height, width), steps, pads[:2], pads[2:], kernel, extra, strict=True
        )
    ]
    if min(sizes) < 1:
        return act(g, value)
    attrs = {"strides": steps, "pads": pads, "output_padding": extra, "group": groups}
    reads = [value[0], _weights(g, channels, made, *kernel)]
    if g.chance(0.5):
        reads.append(g.floats(made * groups, spread=0.3))
    return g.node("ConvTranspose", reads, (1, made * groups, *sizes), **attrs)


def pool(g: Growing, value: Value) -> Value:
    """A pool with padding, counted or not, rounded up or down."""
    _, channels, *sizes = value[1]
    if min(sizes) < 3:
        return act(g, value)
    kernel, steps = [g.number(2, 3) for _ in sizes], [g.number(1, 2) for _ in sizes]
    pads = [g.number(0, k // 2) for k in (*kernel, *kernel)]
    kind, up = g.pick("MaxPool", "AveragePool"), g.number(0, 1)
    attrs: dict[str, Any] = {"kernel_shape": kernel, "strides": steps, "pads": pads}
    attrs["ceil_mode"] = up
    if kind == "AveragePool":
        attrs["count_include_pad"] = g.number(0, 1)
    made = []
    for n, k, s, a, b in zip(sizes, kernel, steps, pads[:2], pads[2:], strict=True):
        count = (n + a + b - k + (s - 1) * up) // s + 1
        made.append(count - 1 if up and (count - 1) * s >= n + a else count)
    return g.node(kind, [value[0]], (1, channels, *made), **attrs)


def batch_norm(g: Growing, value: Value) -> Value:
    """Normalisation with statistics of training."""
    channels = value[1][1]
    spread = g.held((g.rng.random(channels) + 0.5).astype(np.float32))
    held = [g.floats(channels, spread=0.3, middle=1.0), g.floats(channels, spread=0.3)]
    return g.node(
        "BatchNormalization", [value[0], *held, g.floats(channels, spread=0.3), spread], value[1]
    )


def resize(g: Growing, value: Value) -> Value:
    """An image in another size."""
    _, channels, height, width = value[1]
    if height * width > 80:
        return pool(g, value)
    made = (g.number(height, 2 * height + 1), g.number(width, 2 * width + 1))
    if g.chance(0.4):
        made = (2 * height, 2 * width)
    mode = g.pick("nearest", "linear")
    how = g.pick("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel")
    attrs: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": how}
    if mode == "nearest":
        attrs["nearest_mode"] = g.pick("floor", "round_prefer_floor", "round_prefer_ceil", "ceil")
    none = g.held(np.zeros(0, np.float32))
    sizes = g.ints(1, channels, *made)
    return g.node("Resize", [value[0], none, none, sizes], (1, channels, *made), **attrs)


def shuffle(g: Growing, value: Value) -> Value:
    """Channels in another order, by a transposition or by numbers."""
    _, channels, height, width = value[1]
    if channels % 2 or g.chance(0.3):
        order = g.rng.integers(0, channels, g.number(1, 5))
        shape = (1, len(order), height, width)
        return g.node("Gather", [value[0], g.ints(*map(int, order))], shape, axis=1)
    found = g.shaped(value, (1, 2, channels // 2, height, width))
    return g.shaped(g.turned(found, (0, 2, 1, 3, 4)), value[1])


def blocks(g: Growing, value: Value) -> Value:
    """Pixels as channels, or channels as pixels."""
    _, channels, height, width = value[1]
    if channels % 4 == 0:
        shape = (1, channels // 4, 2 * height, 2 * width)
        return g.node("DepthToSpace", [value[0]], shape, blocksize=2, mode=g.pick("DCR", "CRD"))
    if height % 2 or width % 2:
        return conv(g, value)
    shape = (1, channels * 4, height // 2, width // 2)
    return g.node("SpaceToDepth", [value[0]], shape, blocksize=2)


def excited(g: Growing, value: Value) -> Value:
    """Squeeze and excite."""
    channels = value[1][1]
    mean = g.node("GlobalAveragePool", [value[0]], (1, channels, 1, 1))
    small = g.node("Conv", [mean[0], _weights(g, 2, channels, 1, 1)], (1, 2, 1, 1))
    small = g.node("Relu", [small[0]], small[1])
    gate = g.node("Conv", [small[0], _weights(g, channels, 2, 1, 1)], mean[1])
    gate = g.node(g.pick("Sigmoid", "HardSigmoid"), [gate[0]], gate[1])
    return g.node("Mul", g.pick([value[0], gate[0]], [gate[0], value[0]]), value[1])


def border(g: Growing, value: Value) -> Value:
    """More at the edges."""
    if min(value[1][2:]) < 3:
        return act(g, value)
    pads = [g.number(0, 2) for _ in range(4)]
    shape = (*value[1][:2], value[1][2] + pads[0] + pads[2], value[1][3] + pads[1] + pads[3])
    reads = [value[0], g.ints(0, 0, pads[0], pads[1], 0, 0, pads[2], pads[3])]
    return g.node("Pad", reads, shape, mode=g.pick("constant", "reflect", "edge"))


def normalised(g: Growing, value: Value) -> Value:
    """Normalisation by the values themselves."""
    channels = value[1][1]
    if np.prod(value[1][2:]) < 4:
        return act(g, value)
    held = [g.floats(channels, spread=0.2, middle=1.0), g.floats(channels, spread=0.2)]
    return g.node("InstanceNormalization", [value[0], *held], value[1])


def sequence(g: Growing, value: Value) -> Value:
    """An image as steps."""
    _, channels, height, width = value[1]
    found = g.shaped(value, (1, channels, height * width))
    return g.turned(found, (0, 2, 1)) if g.chance(0.6) else found


def dense(g: Growing, value: Value) -> Value:
    """A dense layer on the last axis."""
    made = g.number(2, 8)
    name = g.held(g.constants.pop(_weights(g, made, value[1][-1])).T.copy())
    found = g.node("MatMul", [value[0], name], (*value[1][:-1], made))
    return g.node("Add", g.pick([found[0], g.floats(made)], [g.floats(made), found[0]]), found[1])


def attention(g: Growing, value: Value) -> Value:
    """Attention of one head, and the value itself."""
    _, steps, width = value[1]
    if steps > 40:
        return dense(g, value)
    size = g.number(2, 5)
    query, key = (_projected(g, value, size) for _ in range(2))
    content = _projected(g, value, width)
    scores = g.node("MatMul", [query[0], g.turned(key, (0, 2, 1))[0]], (1, steps, steps))
    scores = g.node("Mul", [scores[0], g.held(np.float32(size**-0.5))], scores[1])
    scores = g.node("Softmax", [scores[0]], scores[1], axis=2 if g.opset < 13 else -1)
    found = g.node("MatMul", [scores[0], content[0]], value[1])
    return g.node("Add", [found[0], value[0]], value[1])


def _projected(g: Growing, value: Value, size: int) -> Value:
    name = g.held(g.constants.pop(_weights(g, size, value[1][-1])).T.copy())
    return g.node("MatMul", [value[0], name], (*value[1][:-1], size))


def layer_norm(g: Growing, value: Value) -> Value:
    """LayerNormalization, written out before opset 17."""
    width = value[1][-1]
    if width < 3:
        return dense(g, value)
    factor, shift = g.floats(width, spread=0.2, middle=1.0), g.floats(width, spread=0.2)
    if g.opset >= 17 and g.chance(0.5):
        return g.node("LayerNormalization", [value[0], factor, shift], value[1], axis=-1)
    last = len(value[1]) - 1
    far = g.node("Sub", [value[0], g.reduced("ReduceMean", value, [last], True)[0]], value[1])
    square = g.node("Pow", [far[0], g.held(np.float32(2))], value[1])
    spread = g.reduced("ReduceMean", square, [last], True)
    spread = g.node("Add", [spread[0], g.held(np.float32(1e-2))], spread[1])
    spread = g.node("Sqrt", [spread[0]], spread[1])
    found = g.node("Div", [far[0], spread[0]], value[1])
    found = g.node("Mul", [found[0], factor], value[1])
    return g.node("Add", [found[0], shift], value[1])


def line_conv(g: Growing, value: Value) -> Value:
    """A convolution over a line with channels first."""
    _, channels, length = value[1]
    size, step, made = g.number(1, min(3, length)), g.number(1, 2), g.number(1, 6)
    pads = [g.number(0, size - 1) for _ in range(2)]
    count = (length + sum(pads) - size) // step + 1
    reads = [value[0], _weights(g, made, channels, size), g.floats(made, spread=0.3)]
    return g.node("Conv", reads, (1, made, count), pads=pads, strides=[step])


def swapped(g: Growing, value: Value) -> Value:
    """Axes in another order."""
    return g.turned(value, (0, *map(int, g.rng.permutation(len(value[1]) - 1) + 1)))


def flattened(g: Growing, value: Value) -> Value:
    """One axis less: a mean, a maximum, or all in a row."""
    if g.chance(0.4):
        return g.node("Flatten", [value[0]], (1, int(np.prod(value[1]))))
    axis = g.number(1, len(value[1]) - 1)
    return g.reduced(g.pick("ReduceMean", "ReduceMax", "ReduceSum"), value, [axis], False)


def gemm(g: Growing, value: Value) -> Value:
    """Gemm with its options."""
    if len(value[1]) != 2:
        return flattened(g, value)
    made, turned = g.number(2, 8), g.number(0, 1)
    name = _weights(g, made, value[1][1])
    if not turned:
        g.constants[name] = g.constants[name].T.copy()
    reads = [value[0], name, *([g.floats(made)] if g.chance(0.7) else [])]
    attrs = {"transB": turned, "alpha": g.pick(1.0, 0.5), "beta": g.pick(1.0, 2.0)}
    return g.node("Gemm", reads, (1, made), **attrs)


def wider(g: Growing, value: Value) -> Value:
    """A row as steps."""
    size = value[1][-1]
    rows = next((n for n in (3, 2) if size % n == 0), 1)
    return g.shaped(value, (1, rows, size // rows))


IMAGES: tuple[Block, ...] = (
    *(conv, conv, conv, deconv, pool, pool, batch_norm, resize, shuffle, blocks, excited),
    *(border, normalised, sequence, flattened),
)
STEPS: tuple[Block, ...] = (dense, attention, layer_norm, line_conv, swapped, flattened)
FLATS: tuple[Block, ...] = (gemm, gemm, dense, layer_norm, wider)
