"""GATHER_ND: parts of a tensor, each found by a row of numbers that may be computed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import FLOAT32, INT8, INT32
from tinyml.ir.fixedpoint import wrap_int32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct
from tinyml.ops.common import operand_count
from tinyml.ops.extents import Extent, Fields, dense
from tinyml.ops.forms import Form, Like, as_constraint, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.moves import strides_of
from tinyml.ops.operands import input_argument, move_instructions, no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import MovesOnly, Scales, WholeNumbers

MAX_DEPTH = 5  # numbers per part, as in TFLM


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The numbers' shape but for the last axis, then what of the input is behind a place."""
    shape, numbers = (graph.tensors[i].shape for i in op.inputs)
    if not numbers or not shape or numbers[-1] > min(len(shape), MAX_DEPTH):
        raise ModelError(f"numbers of shape {list(numbers)} into {list(shape)}")
    return ((*numbers[:-1], *shape[numbers[-1] :]),)


@as_constraint
def numbers_fit(op: Op, graph: Graph) -> None:
    """There must be at most 5 numbers per place, and no more than the input has dimensions."""
    infer(op, graph)


def _steps(op: Op, graph: Graph) -> tuple[tuple[int, ...], int]:
    """Elements from one index to the next, per number, and those of a part."""
    shape, numbers = (graph.tensors[i].shape for i in op.inputs)
    depth = numbers[-1]
    return strides_of(shape)[:depth], math.prod(shape[depth:])


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The parts; places outside mean the first or last one, where TFLM stops with an error."""
    data, numbers = inputs
    assert data is not None
    assert numbers is not None
    steps, run = _steps(op, graph)
    unit = data.itemsize
    rows = numbers.reshape(-1, len(steps)).astype(np.int64)
    at = wrap_int32((rows * (np.array(steps, np.int64) * unit)).sum(axis=1))
    first = np.clip(at, 0, (data.size - run) * unit)
    flat = data.reshape(-1)
    # A place between two elements cannot be: steps are whole elements, and so is the end.
    found = flat[(first // unit)[:, None] + np.arange(run)]
    return (found.reshape(infer(op, graph)[0]),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_gather_nd_s8``, which moves bytes whatever they are."""
    tensor, numbers = (graph.tensors[i] for i in op.inputs)
    (data, arrays), (index, more) = (input_argument(op, graph, k) for k in (0, 1))
    steps, elements = _steps(op, graph)
    unit, depth = tensor.dtype.nbytes(1), len(steps)
    count, run = numbers.elements // depth, elements * unit
    fields = (
        ("count", count),
        ("depth", depth),
        ("step", (*(step * unit for step in steps), *(0,) * (MAX_DEPTH - depth))),
        ("run", run),
        ("input_bytes", tensor.nbytes),
    )
    each = move_instructions((run,), is_aligned=run % 4 == 0) + 8 + 4 * depth
    return KernelCall(
        function="tml_gather_nd_s8",
        header="kernels/gather_nd/s8.h",
        params=Struct("tml_gather_nd_params", fields),
        arguments=(
            Arg(data.kind, data.index, data.constant, dtype=INT8),
            index,
            Arg("output", dtype=INT8),
        ),
        constants=(*arrays, *more),
        cost=Cost(10 + count * each),
    )


def _extent(f: Fields) -> Extent:
    return dense(f["input_bytes"], 4 * f["count"] * f["depth"], made=f["count"] * f["run"])


EXTENTS = {"tml_gather_nd_params": _extent}

OPS = (
    OpSpec(
        kind="GATHER_ND",
        title="parts of a tensor, each found by several numbers",
        traits=(MovesOnly("pick"), Scales("same"), WholeNumbers()),
        table=no_options("GatherNdOptions"),
        inputs=("input", "numbers"),
        constraints=(operand_count(2, 2), numbers_fit),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(input=frozenset((INT8, FLOAT32)), numbers=INT32, output=Like("input")),
                reference,
                lower,
            ),
        ),
    ),
)
