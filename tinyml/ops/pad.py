"""PAD and PADV2: a border around a tensor.

Dimensions without a border are merged into the one outside them: the kernel moves long runs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT8, INT32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Overlap, Struct, Value, row_overlap
from tinyml.ops.common import (
    operand,
    operand_count,
    quant_of,
    result,
)
from tinyml.ops.extents import Extent, Fields, dense
from tinyml.ops.forms import Constraint, Form, Like, as_constraint, typed
from tinyml.ops.lookup import no_options
from tinyml.ops.moves import MOVED
from tinyml.ops.operands import input_argument, move_instructions, no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.traits import Axes, Homogeneous, Pads, Scales, WholeNumbers

PAD = "PAD"  # its key, for those who build one

MAX_RANK = 5  # as in TFLM
_LOOPS = {"s8": 4, "wide": MAX_RANK}  # of the kernels
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


@as_constraint
def paddings_are_constant(op: Op, graph: Graph) -> None:
    """Paddings must be a constant int32 pair, not negative, for each dimension of the input."""
    paddings(op, graph)


def has_at_most_five_dimensions(op: Op, graph: Graph) -> str | None:
    """The input must have at most five dimensions."""
    given = operand(op, graph, 0)
    if given is None or len(given.shape) <= MAX_RANK:
        return None
    return f"shape {list(given.shape)}"


def fill_is_constant(op: Op, graph: Graph) -> str | None:
    """The value to pad with must be one constant, of int8 quantised as the output."""
    fill, made = operand(op, graph, 2), result(op, graph)
    if fill is None:
        return None
    if fill.data is None or fill.elements != 1:
        constant = "constant" if fill.is_constant else "computed"
        return f"'{fill.name}' is {constant} {fill.dtype}{list(fill.shape)}"
    if fill.dtype != INT8 or (fill.quant is None and made.quant is None):
        return None
    given, wanted = quant_of(fill), quant_of(made)
    if (given.scale, given.zero_point) == (wanted.scale, wanted.zero_point):
        return None
    return f"'{fill.name}' has {given.scale:g} and {given.zero_point}"


def fill_value(op: Op, graph: Graph) -> Array:
    """What is around the input: the given value, or int8's zero point; other types have zeros."""
    fill, made = operand(op, graph, 2), result(op, graph)
    if fill is not None and fill.data is not None:
        return fill.data.reshape(-1)[:1]
    is_moved = made.dtype == INT8 and made.quant is not None
    return np.array([quant_of(made).zero_point if is_moved else 0], made.dtype.numpy)


def infer_pad(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """Every dimension with its paddings."""
    shape = graph.tensors[op.inputs[0]].shape
    widths = paddings(op, graph)
    return (tuple(size + sum(width) for size, width in zip(shape, widths, strict=True)),)


def pad_reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The input with a border."""
    assert inputs[0] is not None
    return (np.pad(inputs[0], paddings(op, graph), constant_values=fill_value(op, graph)[0]),)


@dataclass(frozen=True, slots=True)
class _Border:
    """A padding in the fewest dimensions, outermost first, as many as a kernel has loops."""

    kernel: str  # "s8", or "wide" where that has too few loops, or fills no elements like these
    counts: tuple[int, ...]  # input elements; the last one is a run of bytes
    before: tuple[int, ...]  # bytes of padding in front of each dimension
    after: tuple[int, ...]


def _border(op: Op, graph: Graph) -> _Border:
    dims: list[tuple[int, int, int]] = []  # size, elements before and after
    given, widths = graph.tensors[op.inputs[0]], paddings(op, graph)
    for size, (before, after) in zip(given.shape, widths, strict=True):
        if dims and (before, after) == (0, 0):
            dims[-1] = (dims[-1][0] * size, dims[-1][1] * size, dims[-1][2] * size)
        else:
            dims.append((size, before, after))
    is_alike = len(set(fill_value(op, graph).tobytes())) == 1
    kernel = "s8" if is_alike and len(dims) <= _LOOPS["s8"] else "wide"
    dims = [(1, 0, 0)] * (_LOOPS[kernel] - len(dims)) + dims
    unit = given.dtype.nbytes(1)  # output bytes per step of the dimension
    sizes: list[tuple[int, int, int]] = []
    for size, before, after in reversed(dims):
        sizes.append((size, before * unit, after * unit))
        unit *= size + before + after
    counts, leading, trailing = zip(*reversed(sizes), strict=True)
    return _Border(kernel, (*counts[:-1], given.dtype.nbytes(counts[-1])), leading, trailing)


def _pad_overlap(border: _Border) -> tuple[Overlap, ...]:
    """Output bytes written after each run that is copied, and what is still needed then."""
    outer = math.prod(border.counts[:-1])
    run = border.counts[-1]
    if outer > _MAX_OVERLAP_ROWS:
        return ()
    index = np.arange(1, outer + 1)
    written = index * (border.before[-1] + run + border.after[-1])
    steps = 1
    for i in reversed(range(len(border.counts) - 1)):
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
    """A call of ``tml_pad_s8`` or ``tml_pad_wide``, which move bytes whatever they are."""
    border, fill = _border(op, graph), fill_value(op, graph)
    given, constants = input_argument(op, graph, 0)
    element = np.frombuffer(fill.tobytes().ljust(4, b"\0"), "<i4")
    value: tuple[tuple[str, Value], ...] = (("value", int(fill.view(np.int8)[0])),)
    if border.kernel == "wide":
        value = (("value", int(element[0])), ("element_bytes", fill.itemsize))
    as_bytes = None if fill.dtype == np.int8 else INT8
    fields = (("count", border.counts), ("before", border.before), ("after", border.after))
    return KernelCall(
        function=f"tml_pad_{border.kernel}",
        header=f"kernels/pad/{border.kernel}.h",
        params=Struct(f"tml_pad{'_wide' * (border.kernel == 'wide')}_params", (*fields, *value)),
        arguments=(replace(given, dtype=as_bytes), Arg("output", dtype=as_bytes)),
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
            has_at_most_five_dimensions,
            paddings_are_constant,
            *constraints,
        ),
        infer=infer_pad,
        macs=no_macs,
        forms=tuple(
            Form(
                name,
                typed(input=types, paddings=INT32, fill=Like("input"), output=Like("input")),
                pad_reference,
                lower_pad,
            )
            for name, types in (("s8", frozenset((INT8,))), ("bytes", MOVED - {INT8}))
        ),
    )


def _extent(f: Fields) -> Extent:
    made = 1
    for i in reversed(range(len(f["count"]))):
        made = f["before"][i] + f["count"][i] * made + f["after"][i]
    return dense(math.prod(f["count"]), made=made)


EXTENTS = {"tml_pad_params": _extent, "tml_pad_wide_params": _extent}

OPS = (
    _spec(PAD, "a border of zeros", 2),
    _spec("PADV2", "a border of a given value", 3, fill_is_constant),
)
