"""Operators that hand on what they read, and pairs that undo each other, removed."""

from __future__ import annotations

from tinyml.convert.fixups.edit import integers
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.cast import CAST
from tinyml.ops.repeat import BROADCAST_TO
from tinyml.ops.select import SELECT_V2
from tinyml.ops.traits import Converts, Pads
from tinyml.passes.rewrite import converts, maker, moves, without_identities


def drop_identities(graph: Graph) -> Graph:
    """Removes what changes neither values nor shape, alone or as a pair."""
    return without_identities(graph, _source)


def _source(graph: Graph, op: Op) -> int | None:
    """The tensor that the op's result equals, where there is one."""
    if len(op.outputs) != 1 or not op.inputs or op.inputs[0] < 0:
        return None
    if _changes_nothing(graph, op):
        return op.inputs[0]
    if op.kind == SELECT_V2:
        return _chosen(graph, op)
    before = maker(graph, op.inputs[0])
    if before is None or not before.inputs or before.inputs[0] < 0:
        return None
    source = before.inputs[0]
    given, made = graph.tensors[source], graph.tensors[op.outputs[0]]
    if (given.dtype, given.shape, given.quant) != (made.dtype, made.shape, made.quant):
        return None
    if moves(op, "view") and moves(before, "view"):
        return source
    if moves(op, "transpose") and moves(before, "transpose"):
        first, second = _permutation(graph, before), _permutation(graph, op)
        if first is not None and second is not None:
            return source if tuple(first[i] for i in second) == tuple(range(len(second))) else None
    if op.kind == CAST and before.kind == CAST and given.dtype == INT32:
        return source  # there and back; numbers of classes and rows are exact in floats
    if converts(before, "floats") and converts(op, "integers"):
        return source  # the same scale on both sides: every integer comes back
    return None


def _changes_nothing(graph: Graph, op: Op) -> bool:
    given, made = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    if (given.dtype, given.shape, given.quant) != (made.dtype, made.shape, made.quant):
        return False
    adds = moves(op, "view") or trait_of(op.kind, Pads) is not None or op.kind == BROADCAST_TO
    if adds or trait_of(op.kind, Converts) is not None or op.kind == CAST:
        return True  # equal shapes: nothing was added; equal types: nothing was rounded
    if moves(op, "transpose"):
        permutation = _permutation(graph, op)
        return permutation is not None and permutation == tuple(range(len(permutation)))
    if moves(op, "join"):
        return len(op.inputs) == 1 and op.attrs.get("FusedActivationFunction") == 0
    if moves(op, "cut"):
        # The whole of it in the same order: with steps of 1, equal shapes leave no other choice.
        strides = integers(graph.tensors[op.inputs[3]]) if len(op.inputs) > 3 else (1,)
        return strides is not None and set(strides) == {1}
    return False


def _chosen(graph: Graph, op: Op) -> int | None:
    """The operand of which a constant choice takes every element."""
    held = graph.tensors[op.inputs[0]].data
    if held is None or not (held.all() or not held.any()):
        return None
    taken, made = op.inputs[1 if held.all() else 2], graph.tensors[op.outputs[0]]
    given = graph.tensors[taken]
    is_whole = (given.dtype, given.shape, given.quant) == (made.dtype, made.shape, made.quant)
    return taken if is_whole and not given.is_constant else None


def _permutation(graph: Graph, op: Op) -> tuple[int, ...] | None:
    """The axes of a TRANSPOSE; a move of axes of size 1 counts as none."""
    axes = integers(graph.tensors[op.inputs[1]])
    if axes is None:
        return None
    shape = graph.tensors[op.inputs[0]].shape
    long = [axis for axis in axes if shape[axis] != 1]
    if long == sorted(long) and graph.tensors[op.outputs[0]].shape == shape:
        return tuple(range(len(axes)))
    return axes
