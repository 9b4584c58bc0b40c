"""Which runs of ops can be computed row by row, and each op's part of it: a small image.

A segment is a run of ops that reads one tensor from outside and leaves one behind; all its values
are images of one batch, of int8 or int16 values. Its windowed ops become the same op over a band of
rows, without padding above and below: padding is among the rows that they are given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.graph import Graph, Op
from tinyml.ir.shapes import Window
from tinyml.ops import trait_of
from tinyml.ops.common import quant_of
from tinyml.ops.memory_of_variables import variables_of
from tinyml.ops.traits import Rows
from tinyml.ops.windows import is_padded


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive ops, what they read and what they leave behind."""

    ops: tuple[int, ...]
    given: int  # tensor
    made: int

    def readers(self, graph: Graph, tensor: int) -> tuple[int, ...]:
        """The segment's ops that read a tensor."""
        return tuple(i for i in self.ops if tensor in graph.ops[i].inputs)


def segments(graph: Graph, most_ops: int) -> tuple[Segment, ...]:
    """All segments of two to ``most_ops`` ops."""
    readers: dict[int, set[int]] = {i: {len(graph.ops)} for i in graph.outputs}
    for number, op in enumerate(graph.ops):
        for i in op.inputs:
            readers.setdefault(i, set()).add(number)
    found = []
    for first in range(len(graph.ops)):
        for last in range(first, min(first + most_ops, len(graph.ops))):
            if not can_stream(graph.ops[last], graph):
                break
            if last > first:
                segment = _segment(graph, first, last, readers)
                found += [segment] if segment is not None else []
            if is_reduced(graph.ops[last], graph):
                break
    return tuple(found)


def _segment(
    graph: Graph, first: int, last: int, readers: Mapping[int, set[int]]
) -> Segment | None:
    numbers = tuple(range(first, last + 1))
    ops = [graph.ops[i] for i in numbers]
    made = {op.outputs[0] for op in ops}
    outside = {i for op in ops for i in data_inputs(op, graph)} - made
    if outside != {ops[0].inputs[0]}:
        return None
    leaving = {i for i in made if not readers.get(i, set()) <= set(numbers)}
    is_dead = any(not readers.get(i) for i in made)
    if leaving != {ops[-1].outputs[0]} or is_dead:
        return None
    return Segment(numbers, ops[0].inputs[0], ops[-1].outputs[0])


def data_inputs(op: Op, graph: Graph) -> tuple[int, ...]:
    """The inputs of an op that are computed at run time."""
    return tuple(i for i in op.inputs if i >= 0 and not graph.tensors[i].is_constant)


def can_stream(op: Op, graph: Graph) -> bool:
    """Whether an op can be computed band by band."""
    if graph.carried and op.outputs[0] in variables_of(graph):
        return False  # the value before may be among what the other ops of a stream read
    values = [graph.tensors[i] for i in (*data_inputs(op, graph), *op.outputs)]
    if any(len(v.shape) != 4 or v.shape[0] != 1 for v in values):
        return False
    if {v.dtype for v in values} not in ({INT8}, {INT16}):
        return False
    trait = trait_of(op.kind, Rows)
    if trait is None:
        return False
    if trait.windows is None:
        is_whole = len(data_inputs(op, graph)) == len(op.inputs)
        return is_whole and (len({v.shape for v in values}) == 1 or trait.joins(op, graph))
    if values[0].dtype == INT16 and is_reduced(op, graph):
        return False  # average_rows_s8.h is for bytes
    if not is_padded(*trait.windows(op, graph)):
        return True
    # Padding that an operator leaves out cannot be made real; it is filled in byte by byte.
    return trait.fill is not None and (values[0].dtype == INT8 or fill_of(op, graph) == 0)


def is_reduced(op: Op, graph: Graph) -> bool:
    """Whether the op is an average over the whole image, which is summed up band by band."""
    trait = trait_of(op.kind, Rows)
    if trait is None or not trait.can_add_up:
        return False
    return all(axis.kernel == axis.in_size for axis in windows_of(op, graph))


def windows_of(op: Op, graph: Graph) -> tuple[Window, Window]:
    """The windows over rows and columns; of single elements for elementwise ops."""
    trait = trait_of(op.kind, Rows)
    if trait is not None and trait.windows is not None:
        return trait.windows(op, graph)
    _, height, width, _ = graph.tensors[op.outputs[0]].shape
    return Window(height, 1, 1, 1, 0, height), Window(width, 1, 1, 1, 0, width)


def fill_of(op: Op, graph: Graph) -> int:
    """The value of the padding that an op reads."""
    trait, given = trait_of(op.kind, Rows), graph.tensors[op.inputs[0]]
    if trait is not None and trait.fill == "lowest":
        return given.dtype.limits[0]
    return quant_of(given).zero_point


def banded(op: Op, graph: Graph, band: int, *, is_wide: bool) -> tuple[Op, Graph]:
    """The op over as many rows as ``band`` output rows need, in a graph of its own shapes.

    With ``is_wide`` the rows hold the padding to the left and right as well.
    """
    rows, columns = windows_of(op, graph)
    attrs, sides = op.attrs, (columns.pad, columns.pad_after)
    if hasattr(attrs, "pads"):
        attrs = replace(attrs, pads=(0, 0, 0, 0) if is_wide else (0, 0, *sides))
    in_rows = (band - 1) * rows.stride + rows.extent
    tensors = list(graph.tensors)
    for i in data_inputs(op, graph):
        _, _, width, channels = tensors[i].shape
        width += sum(sides) if is_wide else 0
        tensors[i] = replace(tensors[i], shape=(1, in_rows, width, channels))
    made = tensors[op.outputs[0]]
    tensors[op.outputs[0]] = replace(made, shape=(1, band, *made.shape[2:]))
    small = replace(op, attrs=attrs)
    return small, replace(graph, tensors=tuple(tensors))
