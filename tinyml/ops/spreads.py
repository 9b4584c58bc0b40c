"""Image axes of a transposed convolution: which outputs an input reaches."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Struct
from tinyml.ops.common import operand
from tinyml.ops.moves import whole_numbers

SHAPE, WEIGHTS, INPUT = 0, 1, 2  # operands


@dataclass(frozen=True, slots=True)
class Spread:
    """One image axis: output element o hears input i through tap o + pad - i * stride."""

    in_size: int
    out_size: int
    kernel: int
    stride: int
    pad: int

    def taps(self) -> int:
        """How many taps reach output elements, over all inputs; without a walk over either."""
        found = 0
        for tap in range(self.kernel):
            first = max(0, -(-(self.pad - tap) // self.stride))
            last = min(self.in_size - 1, (self.out_size - 1 + self.pad - tap) // self.stride)
            found += max(0, last - first + 1)
        return found


def spreads(op: Op, graph: Graph) -> tuple[Spread, Spread]:
    """Rows and columns.

    The padding is that of the convolution which leads from the output back to the input.
    Source: TensorFlow Lite Micro, CalculateOpData (micro/kernels/transpose_conv.cc).
    Raises ModelError when input, filter and output do not belong together.
    """
    given, weights = operand(op, graph, INPUT), operand(op, graph, WEIGHTS)
    if given is None or weights is None or len(given.shape) != 4 or len(weights.shape) != 4:
        raise ModelError("input and weights must have four dimensions")
    shape = whole_numbers(operand(op, graph, SHAPE), "the shape of the output is")
    if shape[:1] + shape[3:] != (given.shape[0], weights.shape[0]) or min(shape) < 1:
        raise ModelError(f"output {list(shape)} of input {list(given.shape)}")
    if weights.shape[3] != given.shape[3]:
        raise ModelError(f"filters of depth {weights.shape[3]} for {given.shape[3]} channels")
    strides = (op.attrs.stride_h, op.attrs.stride_w)
    is_same = op.attrs.padding == "SAME"
    made = []
    for axis, stride in enumerate(strides, 1):
        in_size, out_size, kernel = given.shape[axis], shape[axis], weights.shape[axis]
        if stride < 1:
            raise ModelError(f"stride {stride}")
        back = -(-out_size // stride)
        pad = max((back - 1) * stride + kernel - out_size, 0) // 2 if is_same else 0
        made.append(Spread(in_size, out_size, kernel, stride, pad))
    return made[0], made[1]


def spread_struct(axis: Spread) -> Struct:
    """A ``tml_spread``."""
    return Struct(
        "tml_spread",
        (
            ("in", axis.in_size),
            ("out", axis.out_size),
            ("kernel", axis.kernel),
            ("stride", axis.stride),
            ("pad", axis.pad),
        ),
    )
