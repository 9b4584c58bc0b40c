"""Constants folded, identities and dead ops removed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tinyml import ops
from tinyml.base.errors import PlanError
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ops.slice import can_be_copied
from tinyml.ops.traits import FromShape, MovesOnly, Pads
from tinyml.passes.fold import folded
from tinyml.passes.rewrite import all_bytes, maker, table_of, without_identities

_MAX_FOLDED_BYTES = 1 << 20  # larger results stay computed: flash would grow more than RAM shrinks
_SMALL_BYTES, _MOST_TIMES = 4096, 4  # so do those of operators that repeat what they are given


def fold_constants(graph: Graph) -> Graph:
    """Computes ops that read constants, or only shapes, with the ops' own integer reference."""
    return folded(graph, _by_reference)


def _by_reference(op: Op, graph: Graph) -> tuple[Array, ...] | None:
    if not _is_foldable(op, graph):
        return None
    values = tuple(None if t is None else t.data for t in graph.op_inputs(op))
    return tuple(ops.form_of(op, graph).reference(op, graph, values))


def _is_foldable(op: Op, graph: Graph) -> bool:
    given = [tensor for tensor in graph.op_inputs(op) if tensor is not None]
    is_known = ops.trait_of(op.kind, FromShape) is not None or all(t.is_constant for t in given)
    if not is_known:
        return False
    if set(op.outputs) & set(graph.results):
        return _lacks_memory(op, graph) and all(map(can_be_copied, graph.op_outputs(op)))
    return _is_small(op, graph) or _lacks_memory(op, graph)


def _is_small(op: Op, graph: Graph) -> bool:
    given = [tensor for tensor in graph.op_inputs(op) if tensor is not None]
    held = sum(tensor.nbytes for tensor in given if tensor.is_constant)
    made = sum(tensor.nbytes for tensor in graph.op_outputs(op))
    return made <= min(_MAX_FOLDED_BYTES, max(_SMALL_BYTES, _MOST_TIMES * held))


def _lacks_memory(op: Op, graph: Graph) -> bool:
    """Whether the op's kernel wants in memory what is a constant: it reads it as an input."""
    try:
        call = ops.plain_call(op, graph)
    except PlanError:
        return False  # others stand for it
    read = [arg.index for arg in call.arguments if arg.kind == "input"] if call else [0]
    tensors = graph.op_inputs(op)
    return any(i < len(tensors) and _is_constant(tensors[i]) for i in read)


def _is_constant(tensor: Tensor | None) -> bool:
    return tensor is not None and tensor.is_constant


def drop_identities(graph: Graph) -> Graph:
    """Removes ops that hand on their input unchanged, and pairs that undo each other."""
    return without_identities(graph, _identity_source)


def _identity_source(graph: Graph, op: Op) -> int | None:
    """The tensor that the op's output equals, if it equals one."""
    if len(op.outputs) != 1 or not op.inputs or op.inputs[0] < 0:
        return None
    made = graph.tensors[op.outputs[0]]
    given = graph.tensors[op.inputs[0]]
    if _is_same(given, made) and _moves_nothing(graph, op):
        return op.inputs[0]
    if _is_same(given, made) and _passes_bytes(graph, (op,)):
        return op.inputs[0]
    before = maker(graph, op.inputs[0])
    if before is None or len(before.inputs) != 1:
        return None
    if _is_same(graph.tensors[before.inputs[0]], made) and _passes_bytes(graph, (before, op)):
        return before.inputs[0]
    return None


def _moves_nothing(graph: Graph, op: Op) -> bool:
    """Whether an op whose shape stays hands on the same bytes in the same places."""
    if ops.trait_of(op.kind, Pads) is not None:
        return True  # nothing was added
    is_move = ops.trait_of(op.kind, MovesOnly) is not None and ops.spec_of(op.kind).expand is None
    return is_move and ops.plain_call(op, graph) is None


def _is_same(a: Tensor, b: Tensor) -> bool:
    return (a.dtype, a.shape, a.quant) == (b.dtype, b.shape, b.quant)


def _passes_bytes(graph: Graph, chain: tuple[Op, ...]) -> bool:
    table = table_of(chain, graph)
    dtype = graph.tensors[chain[0].inputs[0]].dtype
    return table is not None and np.array_equal(table, all_bytes(dtype))


def drop_dead(graph: Graph) -> Graph:
    """Removes ops of whose results none is read, directly or indirectly, for a model output."""
    needed = set(graph.results)
    kept = []
    for op in reversed(graph.ops):
        if needed.isdisjoint(op.outputs):
            continue
        needed.update(op.inputs)
        kept.append(op)
    return replace(graph, ops=tuple(reversed(kept)))
