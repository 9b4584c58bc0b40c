"""Which tensors lie in the memory of variables, and whose values an op looks at."""

from __future__ import annotations

from tinyml.ir.graph import Graph, Op
from tinyml.ops import trait_of
from tinyml.ops.traits import Variable


def variables_of(graph: Graph) -> dict[int, int]:
    """The variable in whose memory a tensor lies, for all that lie in one's."""
    found = {i: i for i in graph.variables}
    for op in graph.ops:
        trait = trait_of(op.kind, Variable)
        if trait is None:
            continue
        if trait.is_written or op.attrs.in_place:
            found[op.outputs[0]] = found[op.inputs[0]]
        if trait.is_written and op.attrs.in_place:
            found[op.inputs[1]] = found[op.inputs[0]]
    return found


def read_by(op: Op) -> tuple[int, ...]:
    """The operands whose values an op looks at: not that of a variable that it overwrites."""
    trait = trait_of(op.kind, Variable)
    return op.inputs[1:] if trait is not None and trait.is_written else op.inputs
