"""ONNX operators on integers, by onnxruntime's quantiser, as operators on floats that are rounded.

A QLinearConv is DequantizeLinear of its operands, Conv, and QuantizeLinear of the result. What only
moves integers, between such operators, moves floats and rounds them to the same integers again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tinyml.convert.importers.onnx_protos import Graph, Node, Unknown

Pair = tuple[str, str]  # names of a scale and a zero point


class _Writer:
    """Nodes in the place of one."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.made: list[Node] = []
        self.label = node.name or node.output[0]

    def add(self, op_type: str, inputs: Sequence[str], output: str = "", **attrs: Any) -> str:
        """A node, and the name of its result."""
        from onnx import helper

        name = output or f"{self.label}/{len(self.made)}"
        self.made.append(helper.make_node(op_type, list(inputs), [name], name=name, **attrs))
        return name

    def floats(self, number: int, **attrs: Any) -> str:
        """The operand at ``number``, with scale and zero point behind it, as floats."""
        return self.add("DequantizeLinear", self.node.input[number : number + 3], **attrs)

    def attributes(self, *but: str) -> dict[str, Any]:
        """The node's own attributes."""
        from onnx import helper

        return {
            item.name: helper.get_attribute_value(item)
            for item in self.node.attribute
            if item.name not in but
        }

    def given(self, value: str, scale: Pair) -> None:
        """The node's result, rounded."""
        self.add("QuantizeLinear", (value, *scale), self.node.output[0])


def _conv(w: _Writer) -> Pair:
    node = w.node
    operands = [w.floats(0), w.floats(3, axis=0)]
    if len(node.input) > 8 and node.input[8]:
        scales = w.add("Mul", (node.input[1], node.input[4]))
        operands.append(w.add("DequantizeLinear", (node.input[8], scales), axis=0))
    scale = (node.input[6], node.input[7])
    w.given(w.add("Conv", operands, **w.attributes()), scale)
    return scale


def _gemm(w: _Writer) -> Pair:
    node = w.node
    axis = 0 if w.attributes().get("transB") else 1
    operands = [w.floats(0), w.floats(3, axis=axis)]
    if node.input[6]:
        scales = w.add("Mul", (node.input[1], node.input[4]))
        operands.append(w.add("DequantizeLinear", (node.input[6], scales), axis=0))
    scale = (node.input[7], node.input[8])
    w.given(w.add("Gemm", operands, **w.attributes()), scale)
    return scale


def _of_one(op_type: str) -> Callable[[_Writer], Pair]:
    def write(w: _Writer) -> Pair:
        if w.attributes().get("channels_last"):
            raise Unknown("channels last")
        scale = (w.node.input[3], w.node.input[4])
        made = w.add(op_type, (w.floats(0),), **w.attributes("channels_last", "opset"))
        w.given(made, scale)
        return scale

    return write


def _of_two(op_type: str) -> Callable[[_Writer], Pair]:
    def write(w: _Writer) -> Pair:
        scale = (w.node.input[6], w.node.input[7])
        attrs = {"axis": 1} if op_type == "MatMul" else {}
        w.given(w.add(op_type, (w.floats(0), w.floats(3, **attrs))), scale)
        return scale

    return write


def _concat(w: _Writer) -> Pair:
    scale = (w.node.input[0], w.node.input[1])
    parts = [w.floats(number) for number in range(2, len(w.node.input), 3)]
    w.given(w.add("Concat", parts, **w.attributes()), scale)
    return scale


WRITERS: dict[str, Callable[[_Writer], Pair]] = {
    "QGemm": _gemm,
    "QLinearAdd": _of_two("Add"),
    "QLinearAveragePool": _of_one("AveragePool"),
    "QLinearConcat": _concat,
    "QLinearConv": _conv,
    "QLinearGlobalAveragePool": _of_one("GlobalAveragePool"),
    "QLinearLeakyRelu": _of_one("LeakyRelu"),
    "QLinearMatMul": _of_two("MatMul"),
    "QLinearMul": _of_two("Mul"),
    "QLinearSigmoid": _of_one("Sigmoid"),
    "QLinearSoftmax": _of_one("Softmax"),
}


def in_floats(graph: Graph) -> Iterator[tuple[Node, Node]]:
    """Each node of the model, and a node to read for it: several, where it works on integers.

    Raises Unknown from within, which concerns the node that came last.
    """
    scales: dict[str, Pair] = {}
    for node in graph.node:
        write = WRITERS.get(node.op_type)
        if node.op_type == "QuantizeLinear":
            scales[node.output[0]] = (node.input[1], node.input[2] if len(node.input) > 2 else "")
        elif write is not None:
            writer = _Writer(node)
            scales[node.output[0]] = write(writer)
            yield from ((node, each) for each in writer.made)
            continue
        elif node.op_type != "DequantizeLinear" and node.input and node.input[0] in scales:
            yield from ((node, each) for each in _moved(node, scales))
            continue
        yield node, node


def _moved(node: Node, scales: dict[str, Pair]) -> list[Node]:
    """What moves integers, on floats."""
    writer, scale = _Writer(node), scales[node.input[0]]
    floats = writer.add("DequantizeLinear", (node.input[0], *scale))
    inner: Any = type(node)()
    inner.CopyFrom(node)
    inner.input[0] = floats
    inner.output[0] = f"{writer.label}/moved"
    writer.made.append(inner)
    writer.given(inner.output[0], scale)
    scales[node.output[0]] = scale
    return writer.made
