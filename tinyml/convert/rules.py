"""What quantisation asks of each operator: which operands share a scale, which have a fixed one.

One table for the whole converter. It follows the integer kernels of TensorFlow Lite Micro, which
check these things when they load a model.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op, Quant


def kinds_of(names: str) -> frozenset[str]:
    """Kinds of operators, from a line of them."""
    return frozenset(names.split())


# Results between known bounds have the scale that the kernels demand, by width in bits.
_UNIT = {8: Quant((1 / 256,), (-128,)), 16: Quant((1 / 32768,), (0,))}  # 0..1
_SIGNED_UNIT = {8: Quant((1 / 128,), (0,)), 16: Quant((1 / 32768,), (0,))}  # -1..1
FIXED: dict[str, dict[int, Quant]] = {
    "SOFTMAX": _UNIT,
    "LOGISTIC": _UNIT,
    "TANH": _SIGNED_UNIT,
    "L2_NORMALIZATION": _SIGNED_UNIT,
    "LOG_SOFTMAX": {8: Quant((16 / 256,), (127,))},
}


@dataclass(frozen=True, slots=True)
class Weighted:
    """Where an operator with constant weights has its operands."""

    value: int
    weights: int
    bias: int
    axis: int  # of the weights, along output channels


WEIGHTED = {
    "CONV_2D": Weighted(0, 1, 2, 0),
    "DEPTHWISE_CONV_2D": Weighted(0, 1, 2, 3),
    "FULLY_CONNECTED": Weighted(0, 1, 2, 0),
    "TRANSPOSE_CONV": Weighted(2, 1, 3, 0),
}

# Move or choose values: all of them have one scale.
MOVES = kinds_of(
    "AVERAGE_POOL_2D BATCH_TO_SPACE_ND BROADCAST_TO CONCATENATION DEPTH_TO_SPACE EXPAND_DIMS "
    "GATHER GATHER_ND MAXIMUM MAX_POOL_2D MINIMUM MIRROR_PAD PACK PAD PADV2 REDUCE_MAX REDUCE_MIN "
    "RELU6 RESHAPE RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR REVERSE_V2 SELECT_V2 SLICE "
    "SPACE_TO_BATCH_ND SPACE_TO_DEPTH SPLIT SPLIT_V SQUEEZE STRIDED_SLICE TRANSPOSE UNPACK"
)

# Compute: every operand and result has a scale of its own.
COMPUTES = kinds_of(
    "ABS ADD BATCH_MATMUL ELU HARD_SWISH LEAKY_RELU MEAN MUL PRELU RELU RSQRT "
    "SQUARED_DIFFERENCE SUB SUM"
)

# Results that are no quantised values.
DECIDES = kinds_of("ARG_MAX ARG_MIN EQUAL GREATER GREATER_EQUAL LESS LESS_EQUAL NOT_EQUAL SHAPE")

LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"

SUPPORTED = frozenset(WEIGHTED) | MOVES | COMPUTES | DECIDES | frozenset(FIXED) | {LSTM}

# Integer kernels with 16-bit values exist for these.
IN_16_BITS = kinds_of(
    "ABS ADD AVERAGE_POOL_2D BATCH_MATMUL CONCATENATION CONV_2D DEPTHWISE_CONV_2D EXPAND_DIMS "
    "FULLY_CONNECTED LEAKY_RELU LOGISTIC MAXIMUM MAX_POOL_2D MEAN MINIMUM MUL PACK PAD PADV2 RELU "
    "RELU6 RESHAPE RESIZE_NEAREST_NEIGHBOR REVERSE_V2 SLICE SOFTMAX SPLIT SPLIT_V SQUEEZE "
    "STRIDED_SLICE SUB SUM TANH TRANSPOSE TRANSPOSE_CONV UNPACK"
)

# Float operators that the converter itself takes apart when they must be 16 bits wide.
EXPANDED = frozenset({"HARD_SWISH"})


def carries_range(kind: str) -> bool:
    """Whether a result has the range of its operand, so that widening one widens the other."""
    return kind in MOVES or kind in ("RELU", "LEAKY_RELU", "PRELU")


def is_clamp(op: Op, graph: Graph) -> bool:
    """Whether an op only bounds a value by a number at which a scale can end.

    In eight bits the scale of the result ends there, and no other value shares it; then what
    saturates is clamped.
    """
    return op.kind in ("MAXIMUM", "MINIMUM") and clamped_value(op, graph) is not None


def clamped_value(op: Op, graph: Graph) -> int | None:
    """The value that a MAXIMUM or MINIMUM bounds by a number; None where it is none."""
    for value, bound in (op.inputs, op.inputs[::-1]):
        given, number = graph.tensors[value], graph.tensors[bound].data
        if number is None or number.size != 1 or given.is_constant or given.dtype != FLOAT32:
            continue
        made = graph.tensors[op.outputs[0]]
        if given.shape != made.shape or made.quant is not None:
            continue  # a trained scale may end elsewhere
        limit = float(number.ravel()[0])
        return value if (limit <= 0 if op.kind == "MAXIMUM" else limit >= 0) else None
    return None


def bound_of(op: Op, graph: Graph) -> float:
    """The number at which a clamp ends."""
    numbers = (graph.tensors[i].data for i in op.inputs)
    return next(float(number.ravel()[0]) for number in numbers if number is not None)
