"""A step of a growing random graph: a variable is made, read or assigned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tinyml.ir.graph import Carried, Op, Tensor
from tinyml.ops.variables import VariableAttrs

if TYPE_CHECKING:
    from tests.support.models.graphs import Growing


def remember(g: Growing, given: int) -> None:
    """Reads a variable of the form of ``given``, assigns it, or both in some order."""
    wanted = g.tensors[given]
    known = [v for v in g.now if _is_like(g.tensors[v], wanted)]
    is_known = bool(known) and g.one_of(True, False)
    variable = g.one_of(*known) if is_known else _made(g, wanted)
    for action in g.one_of(("read",), ("assign", "read"), ("read", "assign")):
        if action == "read":
            _add(g, "READ_VARIABLE", (g.now[variable],), wanted)
        else:
            made = _add(g, "ASSIGN_VARIABLE", (g.now[variable], given), wanted)
            g.now[variable] = made
            g.hidden.add(made)


def carried(g: Growing, number: dict[int, int]) -> tuple[Carried, ...]:
    """The variables that are assigned, with new numbers of tensors."""
    return tuple(
        Carried(number[first], number[last]) for first, last in g.now.items() if first != last
    )


def _is_like(kept: Tensor, wanted: Tensor) -> bool:
    return (kept.dtype, kept.shape, kept.quant) == (wanted.dtype, wanted.shape, wanted.quant)


def _made(g: Growing, wanted: Tensor) -> int:
    initial = g.bytes(wanted.shape) if g.one_of(True, False) else None
    if initial is not None:
        initial.setflags(write=False)
    name = f"v{len(g.tensors)}"
    variable = g.add(replace(wanted, name=name, data=None, is_variable=True, initial=initial))
    g.now[variable] = variable
    g.hidden.add(variable)
    return variable


def _add(g: Growing, kind: str, inputs: tuple[int, ...], wanted: Tensor) -> int:
    made = g.add(replace(wanted, name=f"t{len(g.tensors)}"))
    g.ops.append(Op(kind, f"{kind.lower()}_{len(g.ops)}", inputs, (made,), VariableAttrs()))
    return made
