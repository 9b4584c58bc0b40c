"""A step of a growing random graph: a variable is made, read or assigned."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tinyml.ir.dtype import INT8, INT16
from tinyml.ir.graph import Carried, Op, Quant, Tensor
from tinyml.ops import spec_of
from tinyml.ops.variables import VariableAttrs

if TYPE_CHECKING:
    from tests.support.models.growing import Growing


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


def filtered(g: Growing, given: int) -> None:
    """An SVDF, which keeps what it saw in a variable of its own."""
    tensor = g.tensors[given]
    if len(tensor.shape) != 2:
        return
    batches, features = tensor.shape
    units, rank, memory = g.between(1, 4), g.between(1, 2), g.between(2, 5)
    wide = g.one_of(True, False)
    first = g.weights((units * rank, features), 0, per_channel=False)
    shape, kept = (units * rank, memory), (batches, memory * units * rank)
    held, around = Quant((g.scale(0.1),), (0,)), 0.01
    if wide:
        held, around = Quant((g.scale(0.005),), (0,)), 0.00003
        data = g.rng.integers(-32767, 32768, shape).astype(np.int16)
    else:
        data = g.bytes(shape, -127)
    second = g.constant(data, Quant((g.scale(around),), (0,)))
    numbers = g.rng.integers(-3000, 3000, units).astype(np.int32)
    scales = [item.quant.scale for item in (g.tensors[second],) if item.quant is not None]
    bias = g.constant(numbers, Quant((float(np.float32(scales[0] * held.scale)),), (0,)))
    state = g.add(
        Tensor(f"v{len(g.tensors)}", INT16 if wide else INT8, kept, held, None, is_variable=True)
    )
    g.hidden.add(state)
    attrs = spec_of("SVDF").attrs(rank=rank)
    g.finish("SVDF", (given, first, second, bias, state), attrs, g.quant(held.scale * 20))
