"""Blocks of random ONNX graphs for values of any rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.nets.onnx_random import Block, Growing, Value


def act(g: Growing, value: Value) -> Value:
    """An activation, written out or not."""
    kinds: dict[str, dict[str, Any]] = {
        **{k: {} for k in ("Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "Erf", "Abs")},
        **{k: {} for k in ("Neg", "Sin", "Selu", "Elu")},
        "LeakyRelu": {"alpha": 0.2},
        "HardSigmoid": {"alpha": 0.3, "beta": 0.4},
    }
    if g.opset >= 14:
        kinds["HardSwish"] = {}
    if g.opset >= 18:
        kinds["Mish"] = {}
    if g.opset >= 20:
        kinds["Gelu"] = {}
    how = g.pick("named", "named", "clip", "swish", "prelu", "softmax")
    if how == "clip":
        low, high = sorted(float(v) for v in g.rng.normal(0, 1, 2))
        low, high = g.pick((0.0, 6.0), (low, high + 0.5), (0.0, abs(high) + 0.1))
        bounds = [g.held(np.float32(low)), g.held(np.float32(high))]
        return g.node("Clip", [value[0], *bounds], value[1])
    if how == "swish":
        gate = g.node("Sigmoid", [value[0]], value[1])
        return g.node("Mul", [value[0], gate[0]], value[1])
    if how == "prelu":
        slope = g.pick((1,) * len(value[1]), (value[1][1], *(1,) * (len(value[1]) - 2)))
        return g.node("PRelu", [value[0], g.floats(*slope, spread=0.3)], value[1])
    if how == "softmax":
        return g.node("Softmax", [value[0]], value[1], axis=g.number(1, len(value[1]) - 1))
    kind = g.pick(*kinds)
    return g.node(kind, [value[0]], value[1], **kinds[kind])


def with_constant(g: Growing, value: Value) -> Value:
    """A sum or product with numbers per element, per channel, or one."""
    rank = len(value[1])
    shape = g.pick(
        (), value[1], (1, value[1][1], *(1,) * (rank - 2)), value[1][1:], (value[1][-1],)
    )
    kind = g.pick("Add", "Sub", "Mul", "Max", "Min")
    reads = [value[0], g.floats(*shape)]
    return g.node(kind, reads if g.chance(0.6) else reads[::-1], value[1])


def with_another(g: Growing, value: Value) -> Value:
    """A sum or product with a value from before, or with what an activation makes of it."""
    same = [other for other in g.values if other[1] == value[1] and other[0] != value[0]]
    other = g.pick(*same) if same else act(g, value)
    kind = g.pick("Add", "Add", "Sub", "Mul", "Max", "Min", "Concat", "Where")
    if kind == "Concat":
        axis = g.number(1, len(value[1]) - 1)
        shape = list(value[1])
        shape[axis] *= 2
        return g.node("Concat", [value[0], other[0]], tuple(shape), axis=axis)
    if kind == "Where":
        # Both are 0 where the decision changes: rounding may turn it.
        other = g.node("Mul", [value[0], g.floats()], value[1])
        decision = g.node("Greater", [value[0], g.held(np.float32(0))], value[1])
        g.values.remove(decision)  # no number
        return g.node("Where", [decision[0], value[0], other[0]], value[1])
    return g.node(kind, [value[0], other[0]], value[1])


def split(g: Growing, value: Value) -> Value:
    """Parts of a value, each changed or not, and joined again."""
    axis = g.number(1, len(value[1]) - 1)
    size = value[1][axis]
    if size < 2:
        return act(g, value)
    first = g.number(1, size - 1)
    parts = g.parts(value, (first, size - first), axis)
    changed = [act(g, part) if g.chance(0.6) else part for part in parts]
    if g.chance(0.2):
        return changed[0] if changed[0] is not parts[0] else act(g, parts[0])
    g.rng.shuffle(changed)  # type: ignore[arg-type]
    return g.node("Concat", [name for name, _ in changed], value[1], axis=axis)


def sliced(g: Growing, value: Value) -> Value:
    """A part of a value, forwards or backwards."""
    axis = g.number(1, len(value[1]) - 1)
    size = value[1][axis]
    if size < 3:
        return with_constant(g, value)
    if g.chance(0.3):
        bounds, count = (-1, -size - 1, -1), size
    else:
        low, step = g.number(0, size - 2), g.number(1, 2)
        high = g.number(low + 1, size)
        bounds, count = (low, high, step), -(-(high - low) // step)
    shape = (*value[1][:axis], count, *value[1][axis + 1 :])
    reads = [value[0], *(g.ints(n) for n in (*bounds[:2], axis, bounds[2]))]
    return g.node("Slice", reads, shape)


ANY: tuple[Block, ...] = (act, act, with_constant, with_another, with_another, split, sliced)
