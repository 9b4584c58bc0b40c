"""Which memory is needed when: tensors gathered into buffers, buffers with live ranges.

Time counts in steps. A model input is written before the first step (-1), a model output is read
after the last one (``len(steps)``), a variable that kernels keep lives all the time; both ends of
a range are inclusive.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.base.errors import PlanError
from tinyml.ir.graph import Graph
from tinyml.ops.memory_of_variables import read_by, variables_of
from tinyml.plan.states import grown
from tinyml.plan.values import Step


@dataclass(frozen=True, slots=True)
class Buffer:
    """Bytes that one tensor, or several that are views of one another, live in."""

    tensors: tuple[int, ...]
    nbytes: int
    first_use: int
    last_use: int
    variable: int = -1  # the tensor of the variable that they lie in


def reads_of(graph: Graph, step: Step) -> tuple[int, ...]:
    """The tensors computed at run time that a step reads, in operand order."""
    inside = {i for number in step.ops for i in graph.ops[number].outputs}
    operands = (i for number in step.ops for i in read_by(graph.ops[number]))
    return tuple(
        dict.fromkeys(
            i for i in operands if i >= 0 and i not in inside and not graph.tensors[i].is_constant
        )
    )


def writes_of(graph: Graph, step: Step) -> tuple[int, ...]:
    """The tensors that a step leaves behind; what is only passed on inside of it is left out."""
    made = [i for number in step.ops for i in graph.ops[number].outputs]
    if len(step.ops) == 1:
        return tuple(made)
    outside = set(graph.results)
    for number, op in enumerate(graph.ops):
        if number not in step.ops:
            outside.update(op.inputs)
    return tuple(i for i in made if i in outside)


def live_ranges(graph: Graph, steps: Sequence[Step]) -> dict[int, tuple[int, int]]:
    """First and last use of each tensor that needs memory.

    The first value of a variable that is assigned ends with its last use, the last one stays.
    """
    ranges = {i: (-1, -1) for i in (*graph.inputs, *graph.variables)}
    for number, step in enumerate(steps):
        for i in reads_of(graph, step):
            ranges[i] = (ranges[i][0], number)
        for i in writes_of(graph, step):
            ranges[i] = (number, number)
    for i in graph.results:
        if i in ranges:
            ranges[i] = (ranges[i][0], len(steps))
    assigned = {item.first for item in graph.carried}
    return ranges | {i: (-1, len(steps)) for i in graph.variables if i not in assigned}


def buffers_of(graph: Graph, steps: Sequence[Step]) -> tuple[Buffer, ...]:
    """The buffers of a program, in order of first use.

    A step without a kernel (RESHAPE) makes its output a view of its input.
    """
    ranges = live_ranges(graph, steps)
    variables = variables_of(graph)
    variables |= grown(graph, steps, ranges, variables)
    owner = {i: variables.get(i, i) for i in ranges}
    for step in steps:
        if step.call is not None:
            continue
        read, written = reads_of(graph, step), writes_of(graph, step)
        if len(read) != 1 or len(written) != 1:
            op = graph.ops[step.ops[0]]
            raise PlanError(
                f"'{op.name}' ({op.kind}) hands on a constant, which has no place in memory",
                hint="run the passes (tinyml.passes.run_passes) before planning; a model output "
                "must depend on a model input.",
            )
        owner[written[0]] = owner[read[0]]
    members: dict[int, list[int]] = {}
    for i in ranges:
        members.setdefault(owner[i], []).append(i)
    buffers = [
        Buffer(
            tuple(tensors),
            max(graph.tensors[i].nbytes for i in tensors),
            min(ranges[i][0] for i in tensors),
            max(ranges[i][1] for i in tensors),
            first if first in variables else -1,
        )
        for first, tensors in members.items()
    ]
    return tuple(sorted(buffers, key=lambda buffer: (buffer.first_use, buffer.tensors)))
