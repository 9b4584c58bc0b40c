"""What quantisation asks of each operator: which operands share a scale, which have a fixed one.

The answers are traits of the operators (``tinyml.ops.traits``). They follow the integer kernels of
TensorFlow Lite Micro, which check these things when they load a model.
"""

from __future__ import annotations

from collections.abc import Mapping

from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph, Op, Quant
from tinyml.ops import trait_of
from tinyml.ops.hard_swish import HARD_SWISH
from tinyml.ops.maximum import MAXIMUM, MINIMUM
from tinyml.ops.prelu import PRELU
from tinyml.ops.traits import Scales, Steps, Weights


def has_weights(op: Op) -> bool:
    """Whether the op multiplies a value with constant weights."""
    return trait_of(op.kind, Weights) is not None


def weights_of(op: Op) -> Weights:
    """Where an op with weights has its operands."""
    found = trait_of(op.kind, Weights)
    assert found is not None, op.kind
    return found


def moves_values(kind: str) -> bool:
    """Whether the operator moves or chooses values: all of them have one scale."""
    return _how(kind) == "same"


def computes(kind: str) -> bool:
    """Whether every operand and result has a scale of its own."""
    return _how(kind) == "own"


def decides(kind: str) -> bool:
    """Whether the results are no quantised values."""
    return _how(kind) == "none"


def fixed_scales(kind: str) -> Mapping[int, Quant] | None:
    """The scales, by width in bits, that the kernels demand of results between known bounds."""
    found = trait_of(kind, Scales)
    return found.fixed if found is not None and found.how == "fixed" else None


def is_recurrent(kind: str) -> bool:
    """Whether the operator works step by step, with a cell that has a scale of its own."""
    return trait_of(kind, Steps) is not None


def is_supported(kind: str) -> bool:
    """Whether there are integer kernels for the operator."""
    return trait_of(kind, Scales) is not None or is_recurrent(kind)


def has_16_bits(kind: str) -> bool:
    """Whether there are integer kernels with 16-bit values that the converter makes use of."""
    found = trait_of(kind, Scales)
    return found is not None and 16 in found.widths


def _how(kind: str) -> str:
    found = trait_of(kind, Scales)
    return found.how if found is not None else ""


# Float operators that the converter itself takes apart when they must be 16 bits wide.
EXPANDED = frozenset({HARD_SWISH, PRELU})


def carries_range(kind: str) -> bool:
    """Whether a result has the range of its operand, so that widening one widens the other."""
    found = trait_of(kind, Scales)
    return found is not None and (found.how == "same" or found.carries_range)


def is_clamp(op: Op, graph: Graph) -> bool:
    """Whether an op only bounds a value by a number at which a scale can end.

    In eight bits the scale of the result ends there, and no other value shares it; then what
    saturates is clamped.
    """
    return op.kind in (MAXIMUM, MINIMUM) and clamped_value(op, graph) is not None


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
        return value if (limit <= 0 if op.kind == MAXIMUM else limit >= 0) else None
    return None


def bound_of(op: Op, graph: Graph) -> float:
    """The number at which a clamp ends."""
    numbers = (graph.tensors[i].data for i in op.inputs)
    return next(float(number.ravel()[0]) for number in numbers if number is not None)
