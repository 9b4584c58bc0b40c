"""IF and WHILE as ordinary ops: the graphs that they call are put in their place.

Of a choice that is known only the graph that runs is left; else both are computed and each result
is one of the two. A loop is written out, round by round, as far as its condition is known; what the
rounds only count is computed here. A loop that goes on as long as its data say so stays a loop.
Source: TensorFlow Lite Micro, if.cc and while.cc: values are copied in and out, whatever runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tinyml import ops
from tinyml.base.errors import ModelError
from tinyml.ir.dtype import BOOL
from tinyml.ir.graph import Array, Graph, Op, Tensor
from tinyml.ir.module import Module
from tinyml.model.calls import changed, with_variables
from tinyml.model.support import CONFUSIONS, unmet
from tinyml.ops.control import branches_of, called_once_by, chosen_op, loop_of, same_op
from tinyml.ops.traits import Arithmetic, State, Variable
from tinyml.ops.while_loop import WhileAttrs, while_op

MOST_OPS = 2_000  # of all rounds of a loop
MOST_DEPTH = 16  # of calls in calls
_MOST_BYTES = 1 << 20  # of a value that is computed here

_UNROLL = (
    "give the loop a number of rounds that is known when the model is converted, or let the "
    "application call the body as often as it likes."
)
_STATELESS = "assign variables outside of IF and WHILE, of a value that is chosen there."


def inlined(module: Module, depth: int = 0) -> Graph:
    """The main graph without calls of other graphs, but for CALL_ONCE; raises ModelError.

    ``depth``: of calls above it.
    """
    main = module.main
    if not any(branches_of(op) or loop_of(op) for op in main.ops):
        return main
    work = _Inlining(module, list(main.tensors))
    numbers = {i: i for i in range(len(main.tensors))}
    work.add(main, numbers, depth)
    return replace(main, tensors=tuple(work.tensors), ops=tuple(work.ops))


@dataclass(slots=True)
class _Inlining:
    """The main graph as it grows."""

    module: Module
    tensors: list[Tensor]
    ops: list[Op] = field(default_factory=list)

    def add(self, graph: Graph, numbers: dict[int, int], depth: int) -> None:
        """Adds the ops of a graph, whose tensors have the given numbers here."""
        if depth > MOST_DEPTH:
            raise ModelError(f"graphs call one another more than {MOST_DEPTH} deep")
        for op in graph.ops:
            inputs = tuple(numbers[i] if i >= 0 else -1 for i in op.inputs)
            here = replace(op, inputs=inputs, outputs=tuple(numbers[i] for i in op.outputs))
            if (branches_of(op) or loop_of(op)) and (not inputs or -1 in inputs):
                raise ModelError(
                    f"{_title(op)} lacks operands",
                    hint="the file is damaged; copy or convert it again.",
                )
            if branches_of(op) is not None:
                self._choose(here, depth)
            elif loop_of(op) is not None:
                self._loop(here, depth)
            else:
                if depth:
                    _refuse_state(op)
                self._emit(here)

    def _emit(self, op: Op) -> None:
        """Adds an op, or its results where they are known."""
        results = self._known_results(op)
        sizes = [self.tensors[i].elements for i in op.outputs]
        if results is None or [result.size for result in results] != sizes:
            self.ops.append(op)
            if len(self.ops) > len(self.module.main.ops) + MOST_OPS:
                raise ModelError(f"a loop becomes more than {MOST_OPS} ops", hint=_UNROLL)
            return
        for i, result in zip(op.outputs, results, strict=True):
            held = np.ascontiguousarray(result, self.tensors[i].dtype.numpy)
            held = held.reshape(self.tensors[i].shape)
            held.flags.writeable = False
            self.tensors[i] = replace(self.tensors[i], data=held)

    def _known_results(self, op: Op) -> tuple[Array, ...] | None:
        made = set(op.outputs)
        values = [self.tensors[i].data if i >= 0 else None for i in op.inputs]
        is_known = all(v is not None for v, i in zip(values, op.inputs, strict=True) if i >= 0)
        size = sum(self.tensors[i].nbytes for i in made)
        if not op.inputs or not is_known or made & set(self.module.main.outputs):
            return None
        if op.kind not in ops.all_ops() or op.attrs is None or size > _MOST_BYTES:
            return None
        counted = _counted(op, values)
        if counted is not None:
            return counted
        graph = replace(self.module.main, tensors=tuple(self.tensors), ops=(op,))
        try:
            if any(unmet(op, graph)):
                return None
            return ops.form_of(op, graph).reference(op, graph, values)
        except (*CONFUSIONS, ModelError):
            return None  # the loader will say what is wrong with it

    def _call(self, number: int, given: Sequence[int], op: Op, depth: int) -> tuple[int, ...]:
        """Adds the graph that an op calls with tensors of here; its outputs."""
        graphs = self.module.graphs
        if not 0 < number < len(graphs):
            raise ModelError(f"{_title(op)} calls graph {number} of {len(graphs)}")
        graph = graphs[number]
        if len(graph.inputs) != len(given):
            raise ModelError(
                f"{_title(op)} gives {len(given)} values to graph {number}, which takes "
                f"{len(graph.inputs)}"
            )
        numbers = {}
        for i, tensor in enumerate(graph.tensors):
            numbers[i] = len(self.tensors)
            self.tensors.append(tensor)
        for i, outer in zip(graph.inputs, given, strict=True):
            _check_alike(self.tensors[outer], graph.tensors[i], op)
            numbers[i] = outer
        self.add(graph, numbers, depth + 1)
        return tuple(numbers[i] for i in graph.outputs)

    def _choose(self, op: Op, depth: int) -> None:
        """Adds one branch, or both and a choice between their results."""
        condition, *given = op.inputs
        branches = branches_of(op)
        assert branches is not None
        held = self.tensors[condition]
        if held.dtype != BOOL or held.elements != 1:
            raise ModelError(f"{_title(op)} chooses by {held.dtype}{list(held.shape)}")
        known = held.data
        if known is not None:
            self._hand_on(op, self._call(branches[not known.reshape(-1)[0]], given, op, depth))
            return
        first, second = (self._call(branch, given, op, depth) for branch in branches)
        if not len(first) == len(second) == len(op.outputs):
            raise ModelError(
                f"{_title(op)}: its graphs have {len(first)} and {len(second)} results"
            )
        scalar = self._scalar(condition)
        for one, other, made in zip(first, second, op.outputs, strict=True):
            for tensor in (one, other):
                _check_alike(self.tensors[tensor], self.tensors[made], op)
            name = self.tensors[made].name
            if one == other:
                self._emit(same_op(name, one, made, self.tensors[made].shape))
            else:
                self._emit(chosen_op(name, (scalar, one, other), made))

    def _scalar(self, condition: int) -> int:
        """The condition with a shape that goes with any other."""
        held = self.tensors[condition]
        if held.shape == ():
            return condition
        self.tensors.append(replace(held, name=f"{held.name}/scalar", shape=()))
        self._emit(same_op(held.name, condition, len(self.tensors) - 1, ()))
        return len(self.tensors) - 1

    def _loop(self, op: Op, depth: int) -> None:
        """Adds the rounds of a loop."""
        begun = len(self.tensors), len(self.ops)
        now = self._rounds(op, depth)
        if now is not None:
            self._hand_on(op, now)
            return
        del self.tensors[begun[0] :], self.ops[begun[1] :]
        self._go_on(op, depth)

    def _rounds(self, op: Op, depth: int) -> Sequence[int] | None:
        """Adds rounds one by one; the values after the last. None: their number is not known."""
        graphs = loop_of(op)
        assert graphs is not None
        now: Sequence[int] = op.inputs
        while True:
            size = len(self.ops)
            (condition, *_) = self._call(graphs[0], now, op, depth) or (-1,)
            known = self.tensors[condition].data if condition >= 0 else None
            if known is None or known.dtype != BOOL.numpy or known.size != 1:
                return None
            del self.ops[size:]  # what the condition does not depend on
            if not known.reshape(-1)[0]:
                return now
            now = self._call(graphs[1], now, op, depth)

    def _go_on(self, op: Op, depth: int) -> None:
        """Adds a loop that goes on as long as its data say so."""
        graphs = loop_of(op)
        assert graphs is not None
        if depth >= MOST_DEPTH:
            raise ModelError(f"graphs call one another more than {MOST_DEPTH} deep")
        condition, body = (self._called(number, op, depth) for number in graphs)
        if len(body.outputs) != len(op.inputs) or len(op.outputs) != len(op.inputs):
            raise ModelError(f"{_title(op)} has {len(op.outputs)} results, its body another number")
        for k, made in enumerate(op.outputs):
            _check_alike(body.tensors[body.outputs[k]], self.tensors[op.inputs[k]], op)
            _check_alike(self.tensors[op.inputs[k]], self.tensors[made], op)
        results = changed(body)
        for k in set(range(len(op.outputs))) - set(results):
            held = self.tensors[op.outputs[k]]
            self._emit(same_op(held.name, op.inputs[k], op.outputs[k], held.shape))
        attrs = WhileAttrs(
            with_variables(condition, is_body=False), with_variables(body, is_body=True), results
        )
        if results:
            outputs = tuple(op.outputs[k] for k in results)
            self.ops.append(while_op(op.name, attrs, op.inputs, outputs))

    def _called(self, number: int, op: Op, depth: int) -> Graph:
        """A graph that an op calls, with what that one calls in its place."""
        graphs = self.module.graphs
        if not 0 < number < len(graphs):
            raise ModelError(f"{_title(op)} calls graph {number} of {len(graphs)}")
        graph = graphs[number]
        if len(graph.inputs) != len(op.inputs):
            raise ModelError(
                f"{_title(op)} gives {len(op.inputs)} values to graph {number}, which takes "
                f"{len(graph.inputs)}"
            )
        for i, outer in zip(graph.inputs, op.inputs, strict=True):
            _check_alike(self.tensors[outer], graph.tensors[i], op)
        for inner in graph.ops:
            _refuse_state(inner)
        return inlined(replace(self.module, graphs=(graph, *graphs[1:])), depth + 1)

    def _hand_on(self, op: Op, values: Sequence[int]) -> None:
        if len(values) != len(op.outputs):
            raise ModelError(f"{_title(op)} has {len(op.outputs)} results, its graph {len(values)}")
        for value, made in zip(values, op.outputs, strict=True):
            _check_alike(self.tensors[value], self.tensors[made], op)
            held = self.tensors[made]
            self._emit(same_op(held.name, value, made, held.shape))


def _counted(op: Op, values: Sequence[Array | None]) -> tuple[Array, ...] | None:
    """The result of arithmetic with whole numbers, as rounds are counted; None for all else."""
    arithmetic = ops.trait_of(op.kind, Arithmetic)
    operands = [value for value in values if value is not None]
    if len({value.shape for value in operands}) != 1:
        return None
    is_whole = all(value.dtype in (np.int32, np.int64) for value in operands)
    if arithmetic is None or arithmetic.sign == "/" or len(operands) != 2 or not is_whole:
        return None
    return (np.asarray(arithmetic.compute(*operands)),)


def _check_alike(given: Tensor, wanted: Tensor, op: Op) -> None:
    """Bytes are copied: they must mean the same on both sides."""
    if (given.dtype, given.shape) != (wanted.dtype, wanted.shape):
        raise ModelError(
            f"{_title(op)} copies '{given.name}' of {given.dtype}{list(given.shape)} to "
            f"'{wanted.name}' of {wanted.dtype}{list(wanted.shape)}"
        )
    if given.dtype.is_quantised and given.quant != wanted.quant:
        raise ModelError(
            f"{_title(op)} copies '{given.name}' to '{wanted.name}', which has another quantisation"
        )


def _refuse_state(op: Op) -> None:
    trait = ops.trait_of(op.kind, Variable)
    is_written = trait is not None and trait.is_written
    is_kept = ops.trait_of(op.kind, State) is not None
    if is_written or is_kept or called_once_by(op) is not None:
        raise ModelError(
            f"{_title(op)} keeps state inside of a graph that is called", hint=_STATELESS
        )


def _title(op: Op) -> str:
    return f"{op.kind} '{op.name}'"
