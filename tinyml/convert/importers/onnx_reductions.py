"""ONNX reductions: means, sums, extremes and norms along axes."""

from __future__ import annotations

from collections.abc import Sequence

from tinyml.convert.importers.onnx_axes import cut
from tinyml.convert.importers.onnx_elementwise import two
from tinyml.convert.importers.onnx_protos import Attributes, Node, Unknown
from tinyml.convert.importers.onnx_values import Handler, Reader

_MOST_FACTORS = 16  # each rounds once more


def global_pool(kind: str) -> Handler:
    """A handler that reduces all dimensions of the image."""

    def handler(reader: Reader, node: Node, attrs: Attributes) -> int:
        value = reader.value(node.input[0])
        axes = range(2, len(reader.new.shape(value)))
        return reduced(reader, kind, (value, tuple(axes), True), node.output[0])

    return handler


def reduction(kind: str) -> Handler:
    """A handler for ReduceMean and its kin."""

    def handler(reader: Reader, node: Node, attrs: Attributes) -> int:
        return _of(reader, node, attrs, (kind, reader.value(node.input[0])))

    return handler


def norm(degree: int) -> Handler:
    """A handler for ReduceL1 and ReduceL2: sums of magnitudes, roots of sums of squares."""

    def handler(reader: Reader, node: Node, attrs: Attributes) -> int:
        value, name = reader.value(node.input[0]), node.output[0]
        if degree == 1:
            value = reader.new.op("ABS", (value,), reader.new.shape(value), f"{name}/magnitudes")
            return _of(reader, node, attrs, ("SUM", value))
        total = sum_of_squares(reader, node, attrs)
        return reader.new.op("SQRT", (total,), reader.new.shape(total), f"{name}/root")

    return handler


def sum_of_squares(reader: Reader, node: Node, attrs: Attributes) -> int:
    """ReduceSumSquare."""
    value = reader.value(node.input[0])
    square = two(reader, "MUL", (value, value), f"{node.output[0]}/squares")
    return _of(reader, node, attrs, ("SUM", square))


def log_of_sum(reader: Reader, node: Node, attrs: Attributes) -> int:
    """ReduceLogSum and ReduceLogSumExp."""
    value, name = reader.value(node.input[0]), node.output[0]
    if node.op_type == "ReduceLogSumExp":
        value = reader.new.op("EXP", (value,), reader.new.shape(value), f"{name}/exp")
    total = _of(reader, node, attrs, ("SUM", value))
    return reader.new.op("LOG", (total,), reader.new.shape(total), f"{name}/log")


def product(reader: Reader, node: Node, attrs: Attributes) -> int:
    """ReduceProd along one axis: a product of its slices."""
    value, name = reader.value(node.input[0]), node.output[0]
    shape = reader.new.shape(value)
    axes = _axes(reader, node, attrs, len(shape))
    if len(axes) != 1 or shape[axes[0]] > _MOST_FACTORS:
        raise Unknown(f"several axes, or more than {_MOST_FACTORS} factors")
    (axis,) = axes
    parts = [cut(reader, value, (axis, k, 1), f"{name}/{k}") for k in range(shape[axis])]
    made = parts[0]
    for k, part in enumerate(parts[1:]):
        made = two(reader, "MUL", (made, part), f"{name}/product_{k}")
    if attrs.integer("keepdims", 1):
        return made
    return reader.new.reshape(made, [n for i, n in enumerate(shape) if i != axis])


def _of(reader: Reader, node: Node, attrs: Attributes, what: tuple[str, int]) -> int:
    """The reduction ``what`` = (kind, value) along the axes of a node."""
    kind, value = what
    axes = _axes(reader, node, attrs, len(reader.new.shape(value)))
    keeps = bool(attrs.integer("keepdims", 1))
    return reduced(reader, kind, (value, axes, keeps), node.output[0]) if axes else value


def _axes(reader: Reader, node: Node, attrs: Attributes, rank: int) -> tuple[int, ...]:
    given: Sequence[int] | None = attrs.integers("axes")
    if given is None:
        held = reader.constant(node, 1, "the list of axes")
        given = [] if held is None else held.tolist()
    if not given and attrs.integer("noop_with_empty_axes", 0):
        return ()
    return tuple(axis % rank for axis in given) or tuple(range(rank))


def reduced(reader: Reader, kind: str, what: tuple[int, tuple[int, ...], bool], name: str) -> int:
    """``what`` = (value, axes, whether they stay with one element)."""
    value, axes, keeps = what
    old = reader.new.shape(value)
    shape = [1 if i in axes else n for i, n in enumerate(old) if keeps or i not in axes]
    constant = reader.new.integers(f"{name}/axes", axes)
    return reader.new.op(kind, (value, constant), shape, name, KeepDims=keeps)


HANDLERS: dict[str, Handler] = {
    "GlobalAveragePool": global_pool("MEAN"),
    "GlobalMaxPool": global_pool("REDUCE_MAX"),
    "ReduceL1": norm(1),
    "ReduceL2": norm(2),
    "ReduceLogSum": log_of_sum,
    "ReduceLogSumExp": log_of_sum,
    "ReduceMax": reduction("REDUCE_MAX"),
    "ReduceMean": reduction("MEAN"),
    "ReduceMin": reduction("REDUCE_MIN"),
    "ReduceProd": product,
    "ReduceSum": reduction("SUM"),
    "ReduceSumSquare": sum_of_squares,
}
