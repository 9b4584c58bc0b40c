"""CAST: numbers of one type as those of another; scales do not count."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.ir.dtype import BOOL, FLOAT32, INT8, INT16, INT32, DType
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, Enumerator, KernelCall, Overlap, Struct
from tinyml.ops.common import operand_count, result
from tinyml.ops.extents import Extent, Fields, dense
from tinyml.ops.forms import Form, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.operands import input_argument, no_macs, same_shape
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, Casts, WholeNumbers

CAST = "CAST"  # its key, for those who build one

_NAMES = {BOOL: "BOOL", INT8: "S8", INT16: "S16", INT32: "S32", FLOAT32: "F32"}
_FORMS = {BOOL: "bool", INT8: "s8", INT16: "s16", INT32: "s32", FLOAT32: "f32"}
_BYTES = {f"TML_CAST_{name}": dtype.nbytes(1) for dtype, name in _NAMES.items()}
_INSTRUCTIONS = 9  # per element, counted on Armv7-M; floats take some more


def cast(values: Array, made: DType) -> Array:
    """Values in another type: integers keep their low bits, floats lose their fraction.

    What is beyond the integers of the type (TFLM leaves it undefined) becomes the nearest one, NaN
    becomes 0.
    """
    if values.dtype.kind != "f" or made in (FLOAT32, BOOL):
        return values.astype(made.numpy)
    low, high = made.limits
    whole = np.trunc(np.nan_to_num(values.astype(np.float64), nan=0.0))
    return np.clip(whole, low, high).astype(made.numpy)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The values in the output's type."""
    assert inputs[0] is not None
    return (cast(inputs[0], result(op, graph).dtype),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_cast_s8``, which takes bytes and is told what they are."""
    given, made = graph.tensors[op.inputs[0]], result(op, graph)
    argument, constants = input_argument(op, graph, 0)
    fields = (
        ("count", made.elements),
        ("from", Enumerator(f"TML_CAST_{_NAMES[given.dtype]}")),
        ("to", Enumerator(f"TML_CAST_{_NAMES[made.dtype]}")),
    )
    is_no_larger = made.nbytes <= given.nbytes
    return KernelCall(
        function="tml_cast_s8",
        header="kernels/cast/s8.h",
        params=Struct("tml_cast_params", fields),
        arguments=(
            Arg(argument.kind, argument.index, argument.constant, dtype=INT8),
            Arg("output", dtype=INT8),
        ),
        constants=constants,
        overlaps=(Overlap(0, 0),) if argument.kind == "input" and is_no_larger else (),
        cost=Cost(_INSTRUCTIONS * made.elements + 10),
    )


def _extent(f: Fields) -> Extent:
    read, made = (_BYTES[f[name].name] for name in ("from", "to"))
    return dense(f["count"] * read, made=f["count"] * made)


EXTENTS = {"tml_cast_params": _extent}

OPS = (
    OpSpec(
        kind=CAST,
        title="numbers of one type as those of another, without scales",
        traits=(Casts(), Axes("each"), WholeNumbers()),
        table=no_options("CastOptions"),
        inputs=("input",),
        constraints=(operand_count(1, 1),),
        infer=same_shape,
        macs=no_macs,
        forms=tuple(
            Form(name, typed(input=dtype, output=frozenset(_NAMES)), reference, lower)
            for dtype, name in _FORMS.items()
        ),
    ),
)
