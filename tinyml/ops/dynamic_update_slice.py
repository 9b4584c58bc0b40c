"""DYNAMIC_UPDATE_SLICE: a block of a tensor replaced by another one, at a computed place."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyml.ir.dtype import FLOAT32, INT8, INT16, INT32, INT64
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct
from tinyml.ops.common import operand_count
from tinyml.ops.extents import Extent, Fields, Rule, dense
from tinyml.ops.forms import Form, Like, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.moves import strides_of
from tinyml.ops.operands import input_argument, move_instructions, no_macs, same_shape
from tinyml.ops.spec import OpSpec

MAX_RANK = 6  # as in TFLM
_REASON = "the input is moved first, by memmove, and never read again"


def block_fits(op: Op, graph: Graph) -> str | None:
    """The block must fit into the input, of at most 6 dimensions, with one start for each."""
    given, block, start = (graph.tensors[i].shape for i in op.inputs)
    if (
        len(given) == len(block)
        and start == (len(given),)
        and 1 <= len(given) <= MAX_RANK
        and all(small <= large for small, large in zip(block, given, strict=True))
    ):
        return None
    return f"a block {list(block)} for {list(given)}, starts {list(start)}"


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The input with the block in it."""
    given, block, start = inputs
    assert given is not None
    assert block is not None
    assert start is not None
    room = np.array(given.shape) - block.shape
    first = np.clip(start.astype(np.int64), 0, room)
    made = given.copy()
    made[tuple(slice(int(k), int(k) + n) for k, n in zip(first, block.shape, strict=True))] = block
    return (made,)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_dynamic_update_slice_s8``, or of that for starts of 64 bits."""
    tensor, block, starts = (graph.tensors[i] for i in op.inputs)
    given = [input_argument(op, graph, k) for k in range(3)]
    unit, unused = tensor.dtype.nbytes(1), MAX_RANK - len(tensor.shape)
    pairs = tuple(zip(tensor.shape, block.shape, strict=True))
    is_wide = starts.dtype == INT64
    fields = (
        ("count", (*(1,) * unused, *block.shape)),
        ("step", (*(0,) * unused, *(step * unit for step in strides_of(tensor.shape)))),
        ("room", (*(0,) * unused, *(large - small for large, small in pairs))),
        ("unused", unused),
        ("bytes", tensor.nbytes),
    )
    run = block.shape[-1] * unit
    moved = move_instructions((run,), is_aligned=False) * (block.nbytes // run)
    whole = move_instructions((tensor.nbytes,), is_aligned=True)
    return KernelCall(
        function="tml_dynamic_update_slice_" + ("from_s64" if is_wide else "s8"),
        header="kernels/dynamic_update_slice/s8.h",
        params=Struct("tml_dynamic_update_slice_params" + ("_s64" if is_wide else ""), fields),
        arguments=(
            *(Arg(arg.kind, arg.index, arg.constant, dtype=INT8) for arg, _ in given[:2]),
            given[2][0],
            Arg("output", dtype=INT8),
        ),
        constants=tuple(item for _, constants in given for item in constants),
        overlaps=(Overlap(0, 0, reason=_REASON),) if given[0][0].kind == "input" else (),
        cost=Cost(60 + moved + whole),
    )


def _extent(start_bytes: int) -> Rule:
    def rule(f: Fields) -> Extent:
        block = math.prod(f["count"]) * f["step"][-1]
        return dense(f["bytes"], block, start_bytes * (MAX_RANK - f["unused"]), made=f["bytes"])

    return rule


EXTENTS = {
    "tml_dynamic_update_slice_params": _extent(4),
    "tml_dynamic_update_slice_params_s64": _extent(8),
}

OPS = (
    OpSpec(
        kind="DYNAMIC_UPDATE_SLICE",
        title="a block of a tensor replaced by another one, at a computed place",
        traits=(),
        table=no_options("DynamicUpdateSliceOptions"),
        inputs=("input", "block", "start"),
        constraints=(operand_count(3, 3), block_fits),
        infer=same_shape,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(
                    input=frozenset((INT8, INT16, INT32, FLOAT32)),
                    block=Like("input"),
                    start=frozenset((INT32, INT64)),
                    output=Like("input"),
                ),
                reference,
                lower,
            ),
        ),
    ),
)
