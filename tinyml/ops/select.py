"""SELECT_V2: elements of one tensor or of another, by a condition, with broadcasting."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import BOOL, FLOAT32, INT8, INT16
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, Value
from tinyml.ops.common import operand_count, result
from tinyml.ops.extents import Extent, Fields, walked
from tinyml.ops.forms import Form, Like, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.moves import strides_of
from tinyml.ops.operands import input_argument, no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, Scales

SELECT_V2 = "SELECT_V2"  # its key, for those who build one

MAX_RANK = 5  # loops that the kernel has
_INSTRUCTIONS = 11  # per element, counted on Armv7-M


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """The broadcast of all three shapes; raises ModelError when there is none."""
    shapes = [graph.tensors[i].shape for i in op.inputs]
    try:
        return (np.broadcast_shapes(*shapes),)
    except ValueError as error:
        texts = " and ".join(str(list(shape)) for shape in shapes)
        raise ModelError(f"shapes {texts} cannot be combined") from error


def has_few_dimensions(op: Op, graph: Graph) -> str | None:
    """Shapes must broadcast to at most five dimensions."""
    try:
        (shape,) = infer(op, graph)
    except ModelError as error:
        return error.message
    return None if len(shape) <= MAX_RANK else f"{len(shape)} dimensions"


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """Elements of the first where the condition holds, of the second elsewhere."""
    condition, first, second = inputs
    assert condition is not None
    assert first is not None
    assert second is not None
    return (np.where(condition, first, second),)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_select_s8``, which moves bytes whatever they are."""
    operands, out = [graph.tensors[i] for i in op.inputs], result(op, graph)
    given = [input_argument(op, graph, i) for i in range(3)]
    counts, steps = _loops([tensor.shape for tensor in operands])
    unit = out.dtype.nbytes(1)
    fields: tuple[tuple[str, Value], ...] = (
        ("count", counts),
        ("step0", steps[0]),
        ("step1", tuple(step * unit for step in steps[1])),
        ("step2", tuple(step * unit for step in steps[2])),
        ("element_bytes", unit),
    )
    return KernelCall(
        function="tml_select_s8",
        header="kernels/select/s8.h",
        params=Struct("tml_select_params", fields),
        arguments=(
            *(Arg(arg.kind, arg.index, arg.constant, dtype=INT8) for arg, _ in given),
            Arg("output", dtype=INT8),
        ),
        constants=tuple(item for _, constants in given for item in constants),
        overlaps=tuple(
            Overlap(k, 0)
            for k, tensor in enumerate(operands)
            if not tensor.is_constant and tensor.nbytes == out.nbytes
        ),
        cost=Cost(_INSTRUCTIONS * out.elements + 40 * math.prod(counts[:-1]) + 20),
    )


def _loops(
    shapes: Sequence[tuple[int, ...]],
) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Counts of the loops over the broadcast, and for each shape the steps, in elements.

    Axes that all operands step through alike are one loop.
    """
    shape = np.broadcast_shapes(*shapes)
    strides = []
    for held in shapes:
        full = (1,) * (len(shape) - len(held)) + held
        pairs = zip(full, strides_of(full), strict=True)
        strides.append([step if size != 1 else 0 for size, step in pairs])
    merged: list[tuple[int, tuple[int, ...]]] = []  # innermost first
    for count, steps in reversed(list(zip(shape, zip(*strides, strict=True), strict=True))):
        if count == 1:
            continue
        if merged and all(
            s == merged[-1][0] * inner for s, inner in zip(steps, merged[-1][1], strict=True)
        ):
            merged[-1] = (merged[-1][0] * count, merged[-1][1])
        else:
            merged.append((count, steps))
    spare = MAX_RANK - len(merged)
    loops = [(1, (0, 0, 0))] * spare + merged[::-1]
    counts = tuple(count for count, _ in loops)
    return counts, tuple(tuple(steps[k] for _, steps in loops) for k in range(3))


def _extent(f: Fields) -> Extent:
    unit, made = f["element_bytes"], f["element_bytes"] * math.prod(f["count"])
    runs = (("step0", 1), ("step1", unit), ("step2", unit))
    read = tuple(walked(f["count"], f[name], run) for name, run in runs)
    return Extent(read, (0, made), made)


EXTENTS = {"tml_select_params": _extent}

# As in TensorFlow Lite Micro, the scales of what is chosen from do not count.
OPS = (
    OpSpec(
        kind=SELECT_V2,
        title="elements of one tensor or of another, by a condition, with broadcasting",
        traits=(Axes("broadcast"), Scales("same", (8, 16))),
        table=no_options("SelectV2Options"),
        inputs=("condition", "left", "right"),
        constraints=(operand_count(3, 3), has_few_dimensions),
        infer=infer,
        macs=no_macs,
        forms=(
            Form(
                "bytes",
                typed(
                    condition=BOOL,
                    left=frozenset((INT8, INT16, FLOAT32)),
                    right=Like("left"),
                    output=Like("left"),
                ),
                reference,
                lower,
            ),
        ),
    ),
)
