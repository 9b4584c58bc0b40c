"""Functions of one value: whatever operators compute them, a table.

There are no integer kernels of EXP, LOG and their kin, and each would round once more. But
operators element by element on one value and numbers are together a function of 256 arguments, or
of a few thousand. They become the number of a row and GATHER (of the row of a table), which every
runtime has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.convert import flatfile
from tinyml.convert.rules import is_supported
from tinyml.convert.runners import float_runner
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ops import trait_of
from tinyml.ops.others import FUNCTION
from tinyml.ops.rsqrt import RSQRT
from tinyml.ops.traits import Axes, Casts
from tinyml.passes.rewrite import makers


@dataclass(frozen=True, slots=True)
class Function:
    """Operators in order, of which the first ones read ``value`` and the last writes ``result``."""

    ops: tuple[Op, ...]
    value: int
    result: int

    @property
    def kinds(self) -> tuple[str, ...]:
        """The operators for whose sake it is a table."""
        return tuple(dict.fromkeys(op.kind for op in self.ops if _needs_table(op)))


def functions_of(graph: Graph) -> tuple[Function, ...]:
    """What must be a table: results that some operator without an integer kernel leads to."""
    roots = _roots(graph)
    made_by = makers(graph)
    inner = {
        i
        for op in graph.ops
        if op.outputs and roots.get(op.outputs[0], op.outputs[0]) != op.outputs[0]
        for i in op.inputs
        if roots.get(i) == roots[op.outputs[0]]
    }
    outer = {i for op in graph.ops if not _is_inside(op, roots) for i in op.inputs}
    found = []
    for result, root in roots.items():
        if result == root or (result in inner and result not in (*outer, *graph.outputs)):
            continue
        ops = _cone(graph, made_by, (root, result))
        if graph.tensors[result].dtype == FLOAT32 and any(map(_needs_table, ops)):
            found.append(Function(ops, root, result))
    return tuple(found)


def _is_inside(op: Op, roots: Mapping[int, int]) -> bool:
    return bool(op.outputs) and roots.get(op.outputs[0], op.outputs[0]) != op.outputs[0]


def _needs_table(op: Op) -> bool:
    # RSQRT has a kernel, which stops the program for a value that is rounded to below 0.
    return not is_supported(op.kind) or op.kind == RSQRT


def _roots(graph: Graph) -> dict[int, int]:
    """The value of which each value is a function, itself if it is none of another."""
    roots = {
        i: i
        for i, tensor in enumerate(graph.tensors)
        if tensor.dtype == FLOAT32 and not tensor.is_constant
    }
    for op in graph.ops:
        given = {roots.get(i) for i in op.inputs if i >= 0 and not graph.tensors[i].is_constant}
        (root,) = given if len(given) == 1 else (None,)
        if root is not None and len(op.outputs) == 1 and _is_elementwise(graph, op, root):
            roots[op.outputs[0]] = root
    return roots


def _is_elementwise(graph: Graph, op: Op, root: int) -> bool:
    """Whether an element of the result depends on the same element of the root, and numbers."""
    axes = trait_of(op.kind, Axes)
    if trait_of(op.kind, Casts) is None and (axes is None or axes.how not in ("each", "broadcast")):
        return False
    shape, result = graph.tensors[root].shape, graph.tensors[op.outputs[0]]
    if result.shape != shape or result.quant is not None:
        return False
    operands = [graph.tensors[i] for i in op.inputs]
    return all(_is_number(t) if t.is_constant else t.shape == shape for t in operands)


def _is_number(tensor: Tensor) -> bool:
    """Whether a constant has the same number for every element."""
    data = tensor.data
    return data is not None and data.size > 0 and bool((data == data.flat[0]).all())


def _cone(graph: Graph, made_by: Mapping[int, int], ends: tuple[int, int]) -> tuple[Op, ...]:
    """The operators between a root and a result, in order."""
    root, result = ends
    numbers: set[int] = set()
    waiting = [result]
    while waiting:
        number = made_by.get(waiting.pop(), -1)
        if number < 0 or number in numbers:
            continue
        numbers.add(number)
        waiting += [i for i in graph.ops[number].inputs if i != root]
    return tuple(graph.ops[number] for number in sorted(numbers))


def with_functions(graph: Graph, found: Sequence[Function]) -> Graph:
    """The graph in which each is one operator, and what only they needed is gone."""
    last = {id(each.ops[-1]): each for each in found}
    needed = set(graph.outputs)
    kept: list[Op] = []
    for op in reversed(graph.ops):
        function = last.get(id(op))
        if op.outputs and not needed & set(op.outputs):
            continue
        if function is not None:
            op = replace(op, kind=FUNCTION, inputs=(function.value,))
        needed |= set(op.inputs)
        kept.append(op)
    return replace(graph, ops=tuple(reversed(kept))) if found else graph


def written_out(graph: Graph, found: Sequence[Function]) -> Graph:
    """The graph with the operators of each function again."""
    by_result = {each.result: each.ops for each in found}
    ops: list[Op] = []
    held: set[int] = {i for op in graph.ops if op.kind != FUNCTION for i in op.outputs}
    for op in graph.ops:
        for part in by_result.get(op.outputs[0], ()) if op.kind == FUNCTION else (op,):
            if op.kind != FUNCTION or not set(part.outputs) & held:
                ops.append(part)
                held |= set(part.outputs) if op.kind == FUNCTION else set()
    return replace(graph, ops=tuple(ops))


def results_of(function: Function, graph: Graph, arguments: Array) -> Array:
    """The function of each argument, [N] float32, as binary64.

    Where it has no value, as the root of a number below 0, the nearest argument that has one
    counts.
    """
    count = len(arguments)
    model = flatfile.write(_of_arguments(function, graph, count))
    (found,) = float_runner(model).outputs((arguments.reshape(1, count),))
    values = found.reshape(count).astype(np.float64)
    known = np.flatnonzero(~np.isnan(values))
    if known.size:
        nearest = np.abs(np.arange(count)[:, None] - known[None]).argmin(axis=1)
        values = values[known[nearest]]
    limits = np.finfo(np.float32)
    return np.clip(np.nan_to_num(values), limits.min, limits.max)


def _of_arguments(function: Function, graph: Graph, count: int) -> Graph:
    """The function as a model of its own on [1, count] values."""
    values = {function.value, *(i for op in function.ops for i in op.outputs)}
    tensors = [
        replace(tensor, shape=(1, count)) if i in values else _as_number(tensor, count)
        for i, tensor in enumerate(graph.tensors)
    ]
    used = sorted({function.value, *(i for op in function.ops for i in (*op.inputs, *op.outputs))})
    place = {old: new for new, old in enumerate(used)}
    ops = tuple(
        replace(
            op,
            inputs=tuple(place[i] for i in op.inputs),
            outputs=tuple(place[i] for i in op.outputs),
        )
        for op in function.ops
    )
    ends = ((place[function.value],), (place[function.result],))
    return replace(
        graph, tensors=tuple(tensors[i] for i in used), ops=ops, inputs=ends[0], outputs=ends[1]
    )


def _as_number(tensor: Tensor, count: int) -> Tensor:
    """A constant beside [1, count] values; one for every element stays that."""
    if tensor.data is None or not _is_number(tensor):
        return tensor
    shape = (1,) if tensor.elements == 1 else (1, count)
    return replace(tensor, shape=shape, data=np.full(shape, tensor.data.flat[0]))
