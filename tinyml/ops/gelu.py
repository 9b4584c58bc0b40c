"""GELU: x times the normal distribution up to x, by a table computed here.

TensorFlow Lite Micro has no such operator. The table is TensorFlow Lite's: computed in floats, then
rounded with halves away from zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import INT8_MAX, INT8_MIN, operand_count, quant_of, result
from tinyml.ops.forms import Form
from tinyml.ops.lookup import BYTE_MAP, input_values, look_up, lookup_call
from tinyml.ops.operands import have_one_scale, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import Axes, ByteMap, Rows

GELU = "GELU"  # its key, for those who build one


@dataclass(frozen=True, slots=True)
class GeluAttrs:
    """Options of GELU."""

    is_approximate: bool = False  # by tanh


def gelu(x: NDArray[np.float64], *, is_approximate: bool) -> NDArray[np.float64]:
    """The function of real numbers."""
    if is_approximate:
        inner = np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))
    else:
        inner = np.array([math.erf(value / math.sqrt(2.0)) for value in x.tolist()])
    return np.asarray(0.5 * x * (1.0 + inner))


def gelu_table(op: Op, graph: Graph) -> Array:
    """The result for each input byte."""
    given, out = quant_of(graph.tensors[op.inputs[0]]), quant_of(result(op, graph))
    centred = (input_values(INT8) - given.zero_point).astype(np.float64)
    real = centred * float(np.float32(given.scale))
    made = gelu(real, is_approximate=bool(op.attrs.is_approximate)) / float(np.float32(out.scale))
    rounded = np.copysign(np.floor(np.abs(made) + 0.5), made) + out.zero_point
    return np.asarray(np.clip(rounded, INT8_MIN, INT8_MAX), np.int8)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """What the table has."""
    assert inputs[0] is not None
    return (look_up(gelu_table(op, graph), inputs[0]),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_lookup_s8``."""
    return lookup_call(op, graph, gelu_table(op, graph), what="GELU")


OPS = (
    OpSpec(
        kind=GELU,
        title="x times the normal distribution up to x; not in TensorFlow Lite Micro",
        traits=(ByteMap(), Rows(), Axes("each")),
        table=Table("GeluOptions", GeluAttrs, (Field("is_approximate", "Approximate", bool),)),
        inputs=("input",),
        constraints=(operand_count(1, 1), have_one_scale),
        infer=same_shape,
        macs=no_macs,
        forms=(Form("s8", BYTE_MAP, reference, lower),),
    ),
)
