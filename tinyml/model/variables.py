"""A module whose graphs share variables as one graph that owns them, and back.

VAR_HANDLE gives a number to each pair of names; READ_VARIABLE and ASSIGN_VARIABLE copy from and to
the memory with that number; CALL_ONCE runs another graph in the first inference. All of that is
known when the model is read: handles become tensors, and what the graph of a CALL_ONCE assigns
becomes what the variables are after a reset.
Source: TensorFlow Lite Micro, micro_resource_variable.cc, assign_variable.cc, call_once.cc.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from tinyml import ops
from tinyml.base.errors import ModelError
from tinyml.ir.dtype import RESOURCE
from tinyml.ir.graph import Array, Carried, Graph, Op, Tensor
from tinyml.ir.module import Module
from tinyml.model.support import CONFUSIONS
from tinyml.ops.control import called_once_by, named_by
from tinyml.ops.reference import reset_value
from tinyml.ops.traits import Variable

_HINT = "export the model again, with variables that its main function reads and assigns."


@dataclass(frozen=True, slots=True)
class _Kept:
    """A variable of a module: the tensor of the first value that a file's order assigns to it."""

    name: str
    value: Tensor

    @property
    def default(self) -> Array:
        """The variable before anything is assigned."""
        return default_of(self.value)


def default_of(value: Tensor) -> Array:
    """What a variable is before a value is assigned for the first time: its zero point.

    It is in every byte, as an int8, whatever the type. Source: MicroResourceVariables::Allocate.
    """
    quant = value.quant
    byte = np.array(quant.zero_points[0] if quant is not None else 0).astype(np.int8)
    held = np.full(value.nbytes, byte, np.int8).view(value.dtype.numpy)
    return held.reshape(value.shape)


def resolve(module: Module) -> Graph:
    """The main graph, with variables in the place of handles.

    Raises ModelError where a model does what cannot be known before it runs.
    """
    main = module.main
    if not any(named_by(op) is not None or called_once_by(op) is not None for op in main.ops):
        return main
    known = _Variables(module)
    states = _first_values(module, known)
    return _Resolving(main, known, states).graph()


class _Variables:
    """The variables of all graphs by the tensors that are their handles."""

    def __init__(self, module: Module) -> None:
        self._names: list[tuple[str, str]] = []
        self._handles: list[dict[int, int]] = []
        self.kept: dict[int, _Kept] = {}
        for graph in module.graphs:
            self._handles.append({})
            for op in graph.ops:
                self._read(graph, op)

    def handle(self, variable: int) -> int:
        """The first tensor of the main graph that is a handle of a variable."""
        return next(i for i, number in self._handles[0].items() if number == variable)

    def number(self, graph: int, tensor: int) -> int | None:
        """The variable that a tensor of a graph is a handle of; None where it is none."""
        return self._handles[graph].get(tensor)

    def _read(self, graph: Graph, op: Op) -> None:
        _check_operands(op)
        names = named_by(op)
        if names is not None:
            self._handles[-1][op.outputs[0]] = self._numbered((names.container, names.shared_name))
        if _is_written(op):
            number = self._handles[-1].get(op.inputs[0])
            if number is not None and number not in self.kept:
                name = self._names[number][1]
                self.kept[number] = _Kept(name, replace(graph.tensors[op.inputs[1]], data=None))

    def _numbered(self, names: tuple[str, str]) -> int:
        """As FindId does: some files leave out containers, which then is any."""
        for number, known in enumerate(self._names):
            if known[1] == names[1] and names[0] in ("", known[0]):
                return number
        self._names.append(names)
        return len(self._names) - 1


def _check_operands(op: Op) -> None:
    """Raises ModelError unless ops of variables have as many operands as they must."""
    wanted = None
    if named_by(op) is not None:
        wanted = (0, 1)
    elif called_once_by(op) is not None:
        wanted = (0, 0)
    elif _touches(op):
        wanted = (2, 0) if _is_written(op) else (1, 1)
    if wanted is not None and (wanted != (len(op.inputs), len(op.outputs)) or -1 in op.inputs):
        raise ModelError(
            f"{op.kind} '{op.name}' has {len(op.inputs)} inputs and {len(op.outputs)} outputs; "
            f"{wanted[0]} and {wanted[1]} are needed",
            hint="the file is damaged; copy or convert it again.",
        )


def _is_written(op: Op) -> bool:
    trait = ops.trait_of(op.kind, Variable)
    return trait is not None and trait.is_written


def _touches(op: Op) -> bool:
    return ops.trait_of(op.kind, Variable) is not None


def _first_values(module: Module, known: _Variables) -> dict[int, Array]:
    """What variables are when the main graph reads or assigns one for the first time."""
    states: dict[int, Array] = {}
    has_begun = False
    for op in module.main.ops:
        called = called_once_by(op)
        if called is None:
            has_begun = has_begun or _touches(op)
            continue
        if has_begun:
            raise ModelError(f"{op.kind} comes after ops that read or assign variables", hint=_HINT)
        if not 0 < called < len(module.graphs):
            raise ModelError(f"{op.kind} calls graph {called} of {len(module.graphs)}", hint=_HINT)
        _run_once(module.graphs[called], called, known, states)
    return states


def _run_once(graph: Graph, number: int, known: _Variables, states: dict[int, Array]) -> None:
    """What a graph without inputs assigns to variables, computed here."""
    values: list[Array | None] = [tensor.data for tensor in graph.tensors]
    for op in graph.ops:
        if named_by(op) is not None:
            continue
        if called_once_by(op) is not None or op.kind not in ops.all_ops():
            raise ModelError(
                f"the graph that runs once has {op.kind} '{op.name}', which cannot be computed "
                "before the model runs",
                hint=_HINT,
            )
        variable = known.number(number, op.inputs[0]) if _touches(op) else None
        if _touches(op) and (variable is None or variable not in known.kept):
            raise ModelError(f"{op.kind} '{op.name}' is of no variable that is known", hint=_HINT)
        if _is_written(op):
            assert variable is not None
            states[variable] = _fitting(values[op.inputs[1]], known.kept[variable], op)
            continue
        if variable is not None:
            value = states.get(variable, known.kept[variable].default)
            made = _Kept(op.name, graph.tensors[op.outputs[0]])
            values[op.outputs[0]] = _fitting(value, made, op)
            continue
        operands = [values[i] if i >= 0 else None for i in op.inputs]
        for i, result in zip(op.outputs, _computed(op, graph, operands), strict=True):
            values[i] = result


def _computed(op: Op, graph: Graph, operands: list[Array | None]) -> tuple[Array, ...]:
    """The results of an op of the graph that runs once; raises ModelError."""
    try:
        results = ops.form_of(op, graph).reference(op, graph, operands)
    except (*CONFUSIONS, AssertionError) as error:
        raise ModelError(f"{op.kind} '{op.name}' cannot be computed ({error})") from error
    if len(results) != len(op.outputs):
        raise ModelError(f"{op.kind} '{op.name}' has {len(op.outputs)} outputs")
    return results


def _fitting(value: Array | None, kept: _Kept, op: Op) -> Array:
    wanted = kept.value
    if value is None or (value.dtype, value.size) != (wanted.dtype.numpy, wanted.elements):
        found = "nothing" if value is None else f"{value.dtype}{list(value.shape)}"
        raise ModelError(
            f"'{op.name}' assigns {found} to the variable '{kept.name}' of "
            f"{wanted.dtype}{list(wanted.shape)}",
            hint=_HINT,
        )
    return value.reshape(wanted.shape)


@dataclass(slots=True)
class _Resolving:
    """The main graph under change."""

    main: Graph
    known: _Variables
    states: dict[int, Array]
    tensors: list[Tensor] = field(init=False)
    current: dict[int, int] = field(default_factory=dict)  # tensor of each variable's value
    first: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.tensors = list(self.main.tensors)

    def graph(self) -> Graph:
        made = tuple(op for old in self.main.ops for op in self._replaced(old))
        carried = tuple(
            Carried(first, self.current[number])
            for number, first in self.first.items()
            if self.current[number] != first
        )
        return replace(self.main, tensors=tuple(self.tensors), ops=made, carried=carried)

    def _replaced(self, op: Op) -> Iterator[Op]:
        if named_by(op) is not None or called_once_by(op) is not None:
            return
        if not _touches(op):
            self._refuse_handles(op)
            yield op
            return
        number = self.known.number(0, op.inputs[0])
        if number is None or number not in self.known.kept:
            raise ModelError(
                f"{op.kind} '{op.name}' is of a variable that nothing assigns", hint=_HINT
            )
        before = self._value_of(number)
        inputs = (before, *op.inputs[1:])
        if not _is_written(op):
            if self._is_fixed(number) and op.outputs[0] not in self.main.outputs:
                self._fold(op, number)
            else:
                yield replace(op, inputs=inputs, attrs=ops.spec_of(op.kind).attrs())
            return
        kept = self.tensors[before]
        self.current[number] = len(self.tensors)
        self.tensors.append(replace(kept, is_variable=False, initial=None))
        name = self.known.kept[number].name
        outputs = (self.current[number],)
        yield replace(op, name=name, inputs=inputs, outputs=outputs)

    def _refuse_handles(self, op: Op) -> None:
        for i in op.inputs:
            if i >= 0 and self.main.tensors[i].dtype == RESOURCE:
                raise ModelError(
                    f"{op.kind} '{op.name}' takes the variable '{self.main.tensors[i].name}', "
                    "which only reading and assigning ops can",
                    hint=_HINT,
                )

    def _value_of(self, number: int) -> int:
        if number not in self.current:
            kept = self.known.kept[number]
            value = self.states.get(number, kept.default)
            tensor = replace(kept.value, name=kept.name, is_variable=True)
            if value.tobytes() != reset_value(tensor).tobytes():
                held = np.ascontiguousarray(value)
                held.flags.writeable = False
                tensor = replace(tensor, initial=held)
            index = self.known.handle(number)  # nothing else is left of it
            self.first[number] = self.current[number] = index
            self.tensors[index] = tensor
        return self.current[number]

    def _is_fixed(self, number: int) -> bool:
        """Whether the main graph never assigns a variable: then it is a constant."""
        return not any(
            _is_written(op) and self.known.number(0, op.inputs[0]) == number for op in self.main.ops
        )

    def _fold(self, op: Op, number: int) -> None:
        kept, made = self.known.kept[number], self.tensors[op.outputs[0]]
        value = _fitting(self.states.get(number, kept.default), _Kept(kept.name, replace(made)), op)
        held = np.ascontiguousarray(value).reshape(made.shape)
        held.flags.writeable = False
        self.tensors[op.outputs[0]] = replace(made, data=held)
