"""PAD and PADV2: a border around a tensor.

Dimensions without a border are merged into the one outside them: the kernel moves long runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, row_overlap
from tinyml.ops.common import (
    has_same_quantisation,
    operand,
    operand_count,
    quant_of,
    result,
)
from tinyml.ops.extents import Extent, Fields, dense
from tinyml.ops.forms import Constraint, Form, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.operands import have_one_scale, input_argument, move_instructions, no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, Homogeneous, Pads, Scales, WholeNumbers

PAD = "PAD"  # its key, for those who build one

MAX_RANK = 4
_MAX_OVERLAP_ROWS = 4096  # beyond, a proof of overlap is not worth its size


def paddings(op: Op, graph: Graph) -> tuple[tuple[int, int], ...]:
    """Elements before and after, per dimension.

    Raises ModelError when they are not constant or do not fit the input.
    """
    given, widths = graph.tensors[op.inputs[0]], operand(op, graph, 1)
    if widths is None or widths.data is None:
        raise ModelError("they are computed at run time")
    rank = len(given.shape)
    if widths.dtype != INT32 or widths.shape != (rank, 2):
        raise ModelError(f"{widths.dtype}{list(widths.shape)} for an input {list(given.shape)}")
    if widths.data.min(initial=0) < 0:
        raise ModelError(f"{widths.data.tolist()}")
    return tuple((int(before), int(after)) for before, after in widths.data)


def paddings_are_constant(op: Op, graph: Graph) -> str | None:
    """Paddings must be a constant int32 pair, not negative, for each dimension of the input."""
    try:
        paddings(op, graph)
    except ModelError as error:
        return error.message
    return None


def has_at_most_four_dimensions(op: Op, graph: Graph) -> str | None:
    """The input must have at most four dimensions."""
    given = operand(op, graph, 0)
    if given is None or len(given.shape) <= MAX_RANK:
        return None
    return f"shape {list(given.shape)}"


def fill_is_constant(op: Op, graph: Graph) -> str | None:
    """The value to pad with must be one int8 constant, quantised as the output."""
    fill, made = operand(op, graph, 2), result(op, graph)
    if fill is None:
        return None
    if fill.data is None or fill.dtype != INT8 or fill.elements != 1:
        constant = "constant" if fill.is_constant else "computed"
        return f"'{fill.name}' is {constant} {fill.dtype}{list(fill.shape)}"
    given, wanted = quant_of(fill), quant_of(made)
    if (given.scale, given.zero_point) == (wanted.scale, wanted.zero_point):
        return None
    return f"'{fill.name}' has {given.scale:g} and {given.zero_point}"


def fill_value(op: Op, graph: Graph) -> int:
    """What is around the input: the given value, or the output's zero."""
    fill = operand(op, graph, 2)
    if fill is None or fill.data is None:
        return quant_of(result(op, graph)).zero_point
    return int(fill.data.reshape(-1)[0])


def infer_pad(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """Every dimension with its paddings."""
    shape = graph.tensors[op.inputs[0]].shape
    widths = paddings(op, graph)
    return (tuple(size + sum(width) for size, width in zip(shape, widths, strict=True)),)


def pad_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The input with a border."""
    assert inputs[0] is not None
    return (np.pad(inputs[0], paddings(op, graph), constant_values=fill_value(op, graph)),)


@dataclass(frozen=True, slots=True)
class _Border:
    """A padding in the fewest dimensions, outermost first, always ``MAX_RANK`` of them."""

    counts: tuple[int, ...]  # input elements; the last one is a run of bytes
    before: tuple[int, ...]  # bytes of padding in front of each dimension
    after: tuple[int, ...]


def _border(op: Op, graph: Graph) -> _Border:
    dims: list[tuple[int, int, int]] = []  # size, elements before and after
    widths = paddings(op, graph)
    for size, (before, after) in zip(graph.tensors[op.inputs[0]].shape, widths, strict=True):
        if dims and (before, after) == (0, 0):
            dims[-1] = (dims[-1][0] * size, dims[-1][1] * size, dims[-1][2] * size)
        else:
            dims.append((size, before, after))
    dims = [(1, 0, 0)] * (MAX_RANK - len(dims)) + dims
    unit = 1  # output bytes per step of the dimension
    sizes: list[tuple[int, int, int]] = []
    for size, before, after in reversed(dims):
        sizes.append((size, before * unit, after * unit))
        unit *= size + before + after
    counts, leading, trailing = zip(*reversed(sizes), strict=True)
    return _Border(counts, leading, trailing)


def _pad_overlap(border: _Border) -> tuple[Overlap, ...]:
    """Output bytes written after each run that is copied, and what is still needed then."""
    outer = math.prod(border.counts[:-1])
    run = border.counts[-1]
    if outer > _MAX_OVERLAP_ROWS:
        return ()
    index = np.arange(1, outer + 1)
    written = index * (border.before[3] + run + border.after[3])
    steps = 1
    for i in (2, 1, 0):
        # A dimension is closed after its last run, and opened before the next one begins.
        steps *= border.counts[i]
        written += index // steps * border.after[i]
        written += ((index - 1) // steps + 1) * border.before[i]
    rows = tuple(zip(written.tolist(), (index * run).tolist(), strict=True))
    return (row_overlap(0, rows),)


def _instructions(border: _Border) -> int:
    """Runs that are moved, and the calls and words that fill the border."""
    opened = (1, *np.cumprod(border.counts[:-1]).tolist())  # times that each border is written
    widths = [
        (times, width)
        for times, before, after in zip(opened, border.before, border.after, strict=True)
        for width in (before, after)
        if width
    ]
    fills = sum(times * (20 if width > 16 else 1) + times * width // 3 for times, width in widths)
    run = border.counts[-1]
    is_aligned = all(width % 4 == 0 for width in (run, *border.before, *border.after))
    return int(fills + opened[-1] * move_instructions((run,), is_aligned=is_aligned))


def lower_pad(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_pad_s8``."""
    border = _border(op, graph)
    given, constants = input_argument(op, graph, 0)
    fields = (
        ("count", border.counts),
        ("before", border.before),
        ("after", border.after),
        ("value", fill_value(op, graph)),
    )
    return KernelCall(
        function="tml_pad_s8",
        header="kernels/pad/s8.h",
        params=Struct("tml_pad_params", fields),
        arguments=(given, Arg("output")),
        constants=constants,
        overlaps=_pad_overlap(border) if given.kind == "input" else (),
        cost=Cost(_instructions(border)),
    )


def _spec(kind: str, title: str, inputs: int, *constraints: Constraint) -> OpSpec:
    return OpSpec(
        kind=kind,
        title=title,
        traits=(
            Pads(1, 2 if inputs > 2 else None),
            *(() if inputs > 2 else (Homogeneous(),)),
            Axes("per_axis", (1,)),
            Scales("same", (8, 16)),
            WholeNumbers(),
        ),
        table=no_options("PadV2Options" if inputs > 2 else "PadOptions"),
        inputs=("input", "paddings", "fill")[:inputs],
        constraints=(
            operand_count(inputs, inputs),
            have_one_scale,
            has_same_quantisation,
            has_at_most_four_dimensions,
            paddings_are_constant,
            *constraints,
        ),
        infer=infer_pad,
        macs=no_macs,
        forms=(
            Form(
                "s8",
                typed(input=INT8, paddings=INT32, fill=INT8, output=INT8),
                pad_reference,
                lower_pad,
            ),
        ),
    )


def _extent(f: Fields) -> Extent:
    made = 1
    for i in reversed(range(len(f["count"]))):
        made = f["before"][i] + f["count"][i] * made + f["after"][i]
    return dense(math.prod(f["count"]), made=made)


EXTENTS = {"tml_pad_params": _extent}

OPS = (
    _spec(PAD, "a border of zeros", 2),
    _spec("PADV2", "a border of a given value", 3, fill_is_constant),
)
