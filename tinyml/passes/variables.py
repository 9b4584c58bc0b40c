"""Variables without copies: read where they lie, assigned early, written where they lie.

A file has a copy for each value that is read and for each that is assigned. The kernels can work on
the variable's own memory as long as nobody reads a value that has been overwritten.
"""

from __future__ import annotations

from dataclasses import replace

from tinyml import ops
from tinyml.ir.graph import Graph, Op
from tinyml.ops.memory_of_variables import variables_of
from tinyml.ops.traits import MovesOnly, Variable
from tinyml.passes.rewrite import makers, reader_counts, with_ops

_NEVER = 1 << 30  # the number of an op that does not exist
_OUTPUT = _NEVER - 1  # an output may lie in a variable that nobody overwrites


def read_in_place(graph: Graph) -> Graph:
    """Lets readers of a variable's value read the variable, where none comes too late."""
    for op in graph.ops:
        trait = ops.trait_of(op.kind, Variable)
        if trait is None or trait.is_written or op.attrs.in_place:
            continue
        end = _overwritten_by(graph, op.inputs[0])
        if _last_read(graph, op.outputs[0]) < end:
            graph = _in_place(graph, op)
    return graph


def assign_in_time(graph: Graph) -> Graph:
    """Moves assignments, with the move that makes the value, to where all else is done.

    What such a move reads, a ring buffer with its new rows, is read by nobody later and may be
    overwritten, and it is not kept until the end of the inference either.
    """
    for op in graph.ops:
        trait = ops.trait_of(op.kind, Variable)
        if trait is not None and trait.is_written:
            graph = _moved(graph, op)
    return graph


def write_in_place(graph: Graph) -> Graph:
    """Lets the op that makes a value write it into the variable, where the old one is read."""
    for op in graph.ops:
        trait = ops.trait_of(op.kind, Variable)
        if trait is None or not trait.is_written or op.attrs.in_place:
            continue
        if _can_write(graph, op):
            graph = _in_place(graph, op)
    return graph


def _in_place(graph: Graph, op: Op) -> Graph:
    return with_ops(graph, {id(op): replace(op, attrs=replace(op.attrs, in_place=True))})


def _overwritten_by(graph: Graph, value: int) -> int:
    """The number of the op that puts another value in the place of a variable's."""
    for number, op in enumerate(graph.ops):
        trait = ops.trait_of(op.kind, Variable)
        if trait is not None and trait.is_written and op.inputs[0] == value:
            return number
    return _NEVER


def _last_read(graph: Graph, tensor: int, but: Op | None = None) -> int:
    """The number of the last op that reads a tensor, or what is the same bytes; not of ``but``."""
    if tensor in graph.outputs:
        return _OUTPUT
    last = -1
    for number, op in enumerate(graph.ops):
        if tensor not in op.inputs or op is but:
            continue
        last = max(last, number)
        if len(op.outputs) == 1 and _hands_on(graph, op):
            last = max(last, _last_read(graph, op.outputs[0]))
    return last


def _hands_on(graph: Graph, op: Op) -> bool:
    """Whether an op's output is its input's memory."""
    trait = ops.trait_of(op.kind, Variable)
    if trait is not None:
        return bool(op.attrs.in_place) and not trait.is_written
    if not op.inputs or op.inputs[0] < 0:
        return False
    given, made = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    return given.nbytes == made.nbytes and ops.plain_call(op, graph) is None


def _old_value_until(graph: Graph, assignment: Op, *, reads_in_place: bool = False) -> int:
    """The number of the last op that reads the value which an assignment overwrites; -1: none.

    ``reads_in_place``: as if nothing that reads a variable were a copy, but for outputs.
    """
    before = assignment.inputs[0]
    last = -1
    for number, op in enumerate(graph.ops):
        if before in op.outputs:  # made by an assignment before this one
            last = max(last, number)
        if before not in op.inputs or op is assignment:
            continue
        last = max(last, number)
        until = _last_read(graph, op.outputs[0])
        if _hands_on(graph, op) or (reads_in_place and until < _OUTPUT):
            last = max(last, until)
    return last


def _moved(graph: Graph, assignment: Op) -> Graph:
    value, made = assignment.inputs[1], assignment.outputs[0]
    maker = makers(graph).get(value)
    moved = [assignment]
    if maker is not None and reader_counts(graph)[value] == 1:
        op = graph.ops[maker]
        moved = [op, assignment] if ops.trait_of(op.kind, MovesOnly) is not None else moved
    read = {i for i in moved[0].inputs if i >= 0 and not graph.tensors[i].is_constant}
    rest = [op for op in graph.ops if all(op is not item for item in moved)]
    made_by = makers(graph)
    ends = [made_by.get(i, -1) for i in read]
    ends += [end for i in read if (end := _last_read(graph, i, but=moved[0])) < _OUTPUT]
    ends.append(_old_value_until(graph, assignment, reads_in_place=True))
    held = {id(graph.ops[end]) for end in ends if end >= 0}
    place = max((n for n, op in enumerate(rest) if id(op) in held), default=-1) + 1
    # Whoever reads the new value comes later, as do the assignments after this one.
    later = next((n for n, op in enumerate(rest) if made in op.inputs), len(rest))
    place = min(place, later)
    return replace(graph, ops=(*rest[:place], *moved, *rest[place:]))


def _can_write(graph: Graph, assignment: Op) -> bool:
    value, made = assignment.inputs[1], assignment.outputs[0]
    maker = makers(graph).get(value)
    if maker is None or value in variables_of(graph) or value in graph.outputs:
        return False
    op = graph.ops[maker]
    if len(op.outputs) != 1 or _hands_on(graph, op):
        return False
    if _old_value_until(graph, assignment) >= maker:
        return False
    return _last_read(graph, value) < _overwritten_by(graph, made)
