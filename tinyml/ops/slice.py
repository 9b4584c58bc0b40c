"""SLICE and STRIDED_SLICE: a part of a tensor, here described by an index range per dimension."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.kernel import KernelCall
from tinyml.ops.common import operand, operand_count
from tinyml.ops.forms import Constraint, Form, Like, typed
from tinyml.ops.layout import RESHAPE, ReshapeAttrs
from tinyml.ops.lookup import NoAttrs, no_options
from tinyml.ops.moves import ANY_MOVED, WHOLE, Walk, lower_walk, strides_of, whole_numbers
from tinyml.ops.operands import no_macs
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import Field, Table
from tinyml.ops.traits import Axes, MovesOnly, Scales, WholeNumbers

SLICE, STRIDED_SLICE = "SLICE", "STRIDED_SLICE"  # their keys, for those who build one

MAX_SLICE_RANK = 5  # as in TFLM
MAX_STRIDED_RANK = 4


@dataclass(frozen=True, slots=True)
class StridedSliceAttrs:
    """Options of STRIDED_SLICE: bit i stands for dimension i of the input."""

    begin_mask: int = 0  # from the first element on (the last one, going backwards)
    end_mask: int = 0  # up to the last element
    shrink_axis_mask: int = 0  # one index; the output lacks the dimension
    ellipsis_mask: int = 0  # not supported
    new_axis_mask: int = 0  # not supported
    offset: bool = False  # ends count from the beginnings; not supported


STRIDED_TABLE = Table(
    "StridedSliceOptions",
    StridedSliceAttrs,
    (
        Field("begin_mask", "BeginMask"),
        Field("end_mask", "EndMask"),
        Field("shrink_axis_mask", "ShrinkAxisMask"),
        Field("ellipsis_mask", "EllipsisMask"),
        Field("new_axis_mask", "NewAxisMask"),
        Field("offset", "Offset", bool),
    ),
)


@dataclass(frozen=True, slots=True)
class Part:
    """The indices start, start + step ... of one dimension."""

    start: int
    step: int
    count: int
    is_kept: bool = True  # as a dimension of the output


Parts = Callable[[Op, Graph], tuple[Part, ...]]


def slice_parts(op: Op, graph: Graph) -> tuple[Part, ...]:
    """The part of each dimension that a SLICE takes; raises ModelError when that makes no sense."""
    shape = graph.tensors[op.inputs[0]].shape
    begins = whole_numbers(operand(op, graph, 1), "beginnings are")
    sizes = whole_numbers(operand(op, graph, 2), "sizes are")
    if len(begins) != len(shape) or len(sizes) != len(shape):
        raise ModelError(f"{len(begins)} and {len(sizes)} numbers for an input {list(shape)}")
    parts = []
    for axis, (extent, begin, size) in enumerate(zip(shape, begins, sizes, strict=True)):
        count = extent - begin if size == -1 else size
        if not 0 <= begin < begin + count <= extent:
            raise ModelError(f"{count} from {begin} on, of {extent} in dimension {axis}")
        parts.append(Part(begin, 1, count))
    return tuple(parts)


def strided_parts(op: Op, graph: Graph) -> tuple[Part, ...]:
    """The part of each dimension that a STRIDED_SLICE takes; raises ModelError as above.

    Source: TensorFlow Lite, strided_slice_logic.h (StartForAxis, StopForAxis).
    """
    shape = graph.tensors[op.inputs[0]].shape
    numbers = [
        whole_numbers(operand(op, graph, index), f"{what} are")
        for index, what in ((1, "beginnings"), (2, "ends"), (3, "steps"))
    ]
    if any(len(item) != len(shape) for item in numbers):
        raise ModelError(f"{', '.join(str(len(n)) for n in numbers)} numbers for {list(shape)}")
    triples = zip(*numbers, strict=True)
    return tuple(
        _strided_part(op.attrs, axis, extent, triple)
        for axis, (extent, triple) in enumerate(zip(shape, triples, strict=True))
    )


def _strided_part(attrs: StridedSliceAttrs, axis: int, extent: int, given: tuple[int, ...]) -> Part:
    begin, end, step = given
    is_kept = not attrs.shrink_axis_mask >> axis & 1
    if step == 0 or (step < 0 and not is_kept):
        raise ModelError(f"steps of {step} in dimension {axis}")
    lowest, highest = (0, extent) if step > 0 else (-1, extent - 1)

    def placed(index: int) -> int:
        return min(max(index + extent * (index < 0), lowest), highest)

    first, past = (0, extent) if step > 0 else (extent - 1, -1)
    start = first if attrs.begin_mask >> axis & 1 else placed(begin)
    stop = past if attrs.end_mask >> axis & 1 else placed(end)
    if not is_kept:
        stop = start + 1
    count = -(-(stop - start) // step)
    if count <= 0 or not 0 <= start < extent:
        raise ModelError(f"nothing from {begin} to {end} of {extent} in dimension {axis}")
    return Part(start, step, count, is_kept)


def part_shape(parts: Sequence[Part]) -> tuple[int, ...]:
    """The shape of a slice."""
    return tuple(part.count for part in parts if part.is_kept)


def _taken(values: Array, parts: Sequence[Part]) -> Array:
    for axis, part in enumerate(parts):
        indices = [part.start + i * part.step for i in range(part.count)]
        values = values.take(indices, axis)
    return values.reshape(part_shape(parts))


def start_of(shape: Sequence[int], parts: Sequence[Part]) -> int:
    """The first element of a slice, counted through the tensor of that shape."""
    pairs = zip(parts, strides_of(shape), strict=True)
    return sum(part.start * stride for part, stride in pairs)


def _walk(op: Op, graph: Graph, parts: Sequence[Part]) -> Walk:
    shape = graph.tensors[op.inputs[0]].shape
    strides = strides_of(shape)
    return Walk(
        start_of(shape, parts),
        tuple(part.count for part in parts),
        tuple(part.step * stride for part, stride in zip(parts, strides, strict=True)),
    )


def no_masks_but_three(op: Op, graph: Graph) -> str | None:
    """There must be no ellipsis, no new dimension and no ends relative to the beginnings."""
    given = {
        "an ellipsis": op.attrs.ellipsis_mask,
        "a new dimension": op.attrs.new_axis_mask,
        "relative ends": op.attrs.offset,
    }
    return " and ".join(name for name, is_set in given.items() if is_set) or None


def has_at_most(rank: int) -> Constraint:
    """A constraint on the number of dimensions of the input."""

    def has_few_dimensions(op: Op, graph: Graph) -> str | None:
        given = operand(op, graph, 0)
        if given is None or len(given.shape) <= rank:
            return None
        return f"shape {list(given.shape)}"

    has_few_dimensions.__doc__ = f"The input must have at most {rank} dimensions."
    return has_few_dimensions


def _spec(kind: str, title: str, parts: Parts, constraints: tuple[Constraint, ...]) -> OpSpec:
    strided = kind == STRIDED_SLICE

    def part_exists(op: Op, graph: Graph) -> str | None:
        """Which part to take must be constant, inside of the input and not empty."""
        try:
            parts(op, graph)
        except ModelError as error:
            return error.message
        return None

    def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
        return (part_shape(parts(op, graph)),)

    def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
        assert inputs[0] is not None
        return (_taken(inputs[0], parts(op, graph)),)

    def lower(op: Op, graph: Graph) -> KernelCall | None:
        return lower_walk(op, graph, _walk(op, graph, parts(op, graph)))

    places = ("begin", "end", "strides") if strided else ("begin", "size")
    types = typed(input=ANY_MOVED, **dict.fromkeys(places, WHOLE), output=Like("input"))
    inputs = 1 + len(places)
    return OpSpec(
        kind=kind,
        title=title,
        traits=(
            MovesOnly("cut", strided_parts if strided else slice_parts),
            Axes("per_axis", (1, 2, 3) if strided else (1, 2), has_masks=strided),
            Scales("same", (8, 16)),
            WholeNumbers(),
        ),
        table=STRIDED_TABLE if strided else no_options("SliceOptions"),
        inputs=("input", *places),
        constraints=(operand_count(inputs, inputs), *constraints, part_exists),
        infer=infer,
        macs=no_macs,
        forms=(Form("bytes", types, reference, lower),),
    )


def can_be_copied(tensor: Tensor) -> bool:
    """Whether a SLICE can write such a value."""
    return tensor.dtype in ANY_MOVED


def copy_of(held: Tensor, result: int, tensors: list[Tensor]) -> tuple[Op, ...]:
    """Ops that write a constant to a result of the graph, which cannot be one itself.

    It is seen as a row of elements, since a SLICE takes neither a scalar nor six dimensions.
    """
    assert held.data is not None
    row, (value, begin, size, made) = (held.elements,), range(len(tensors), len(tensors) + 4)
    tensors += [
        replace(held, name=f"{held.name}/value", shape=row, data=held.data.reshape(row)),
        _numbers(f"{held.name}/begin", 0),
        _numbers(f"{held.name}/size", held.elements),
        replace(held, name=f"{held.name}/row", shape=row, data=None),
    ]
    return (
        Op(SLICE, f"{held.name}/row", (value, begin, size), (made,), NoAttrs()),
        Op(RESHAPE, held.name, (made,), (result,), ReshapeAttrs(held.shape)),
    )


def run_of(parts: Sequence[Part], shape: Sequence[int]) -> tuple[int, int] | None:
    """Start and number of the elements of a slice, where they lie one behind the other."""
    count = 1
    for part, stride in reversed(list(zip(parts, strides_of(shape), strict=True))):
        if part.count > 1:
            if part.step * stride != count:
                return None
            count *= part.count
    return start_of(shape, parts), count


def rows_of(held: int, start: int, result: int, tensors: list[Tensor]) -> tuple[Op, ...]:
    """Ops that write rows of a tensor of two dimensions, from ``start`` on, in any shape."""
    given, made = tensors[held], tensors[result]
    shape = (made.elements // given.shape[1], given.shape[1])
    begin, size, rows = range(len(tensors), len(tensors) + 3)
    tensors += [
        _numbers(f"{made.name}/begin", start, 0),
        _numbers(f"{made.name}/size", *shape),
        replace(made, name=f"{made.name}/rows", shape=shape),
    ]
    return (
        Op(SLICE, f"{made.name}/rows", (held, begin, size), (rows,), NoAttrs()),
        Op(RESHAPE, made.name, (rows,), (result,), ReshapeAttrs(made.shape)),
    )


def _numbers(name: str, *numbers: int) -> Tensor:
    data = np.array(numbers, np.int32)
    data.flags.writeable = False
    return Tensor(name, INT32, (len(numbers),), None, data)


OPS = (
    _spec(SLICE, "a part of a tensor", slice_parts, (has_at_most(MAX_SLICE_RANK),)),
    _spec(
        "STRIDED_SLICE",
        "every n-th element of a part of a tensor, also backwards",
        strided_parts,
        (has_at_most(MAX_STRIDED_RANK), no_masks_but_three),
    ),
)
