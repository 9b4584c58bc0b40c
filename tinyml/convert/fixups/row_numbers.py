"""Numbers of rows that may count from the end: an embedding never gets such a one.

Frameworks write ``where(number < 0, number + rows, number)`` in front of a GATHER, also where the
numbers are words or tokens. That is the only rewrite here that trusts its input: a number below 0
would mean the first row afterwards.
"""

from __future__ import annotations

from tinyml.convert.fixups.edit import integers
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.equal import LESS
from tinyml.ops.others import SELECT
from tinyml.ops.select import SELECT_V2
from tinyml.ops.traits import Arithmetic
from tinyml.passes.rewrite import bypassed, maker, moves


def take_rows_from_the_front(graph: Graph) -> Graph:
    """Lets a GATHER read the numbers as they are, if nobody else reads what wraps them."""
    for op in tuple(op for op in graph.ops if op.kind in (SELECT, SELECT_V2)):
        numbers = _wrapped(graph, op)
        readers = [other for other in graph.ops if op.outputs[0] in other.inputs]
        if numbers is None or any(not moves(reader, "pick") for reader in readers):
            continue
        graph = bypassed(graph, op, numbers) or graph
    return graph


def _wrapped(graph: Graph, op: Op) -> int | None:
    """The numbers that a SELECT wraps when they are below 0."""
    condition, other, numbers = op.inputs
    is_below, moved = maker(graph, condition), maker(graph, other)
    if is_below is None or moved is None or graph.tensors[numbers].dtype != INT32:
        return None
    if is_below.kind != LESS or not _adds(moved) or moved.inputs[0] != numbers:
        return None
    zero = integers(graph.tensors[is_below.inputs[1]])
    rows = integers(graph.tensors[moved.inputs[1]])
    return numbers if is_below.inputs[0] == numbers and zero == (0,) and rows else None


def _adds(op: Op) -> bool:
    trait = trait_of(op.kind, Arithmetic)
    return trait is not None and trait.sign == "+"
