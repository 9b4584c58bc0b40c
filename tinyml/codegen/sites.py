"""The places in a model's C where kernels are called: one per step, and those in its graphs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tinyml.codegen.layers import Operand, moved, operand_of, operands, params_text
from tinyml.codegen.literals import c_value, shape_text, wrap_comment
from tinyml.codegen.memory import address_text
from tinyml.codegen.names import tensor_names
from tinyml.codegen.streams import StreamView, Symbols, stream_params, stream_view
from tinyml.codegen.weights import Weights
from tinyml.ir.dtype import dtype_of
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Inner, KernelCall, Routine
from tinyml.plan.values import Plan, Step


@dataclass(frozen=True, slots=True)
class Site:
    """A call, with what its operands and params are in C."""

    label: str  # "3", or "3_0_5": call 5 of graph 0 of layer 3; its params are layer_3_0_5
    comment: tuple[str, ...]  # lines
    call: KernelCall | None  # None: there is nothing to do
    params: str
    operands: tuple[Operand, ...]
    ends: tuple[tuple[str, ...], tuple[str, ...]]  # where the op's inputs and outputs lie
    scratch: str  # C expression
    stream: StreamView | None = None
    routines: tuple[tuple[Site, ...], ...] = ()  # the calls of each graph that it runs
    halves: tuple[Site, ...] = ()  # the calls of two cores that this one stands for

    def walk(self) -> Iterator[Site]:
        """This one, its halves and all in its graphs."""
        yield self
        yield from self.halves
        for inner in (site for routine in self.routines for site in routine):
            yield from inner.walk()


@dataclass(frozen=True, slots=True)
class Places:
    """What is where in the C of a model."""

    tensors: Mapping[int, str]
    scratch: Mapping[int, str]  # of each step that has some
    weights: Weights


def step_site(plan: Plan, index: int, places: Places, title: str, comment: tuple[str, ...]) -> Site:
    """The call of a step; its constants, called ``title`` there, are added to the weights."""
    step, graph = plan.steps[index], plan.graph
    label, room = str(index), places.scratch.get(index, "NULL")
    call = step.call
    if call is None:
        return Site(label, comment, None, "", (), ((), ()), room)
    symbols = places.weights.layer(index, step, title)
    found = operands(step, graph, tensors=places.tensors, symbols=symbols, scratch=room)
    if call.stream is not None:
        texts = Symbols(places.weights.names, places.tensors, symbols, room)
        view = stream_view(index, call.stream, graph, texts)
        params = stream_params(index, call.stream)
        return Site(label, comment, call, params, found, ((), ()), room, view)
    if call.control is None:
        params = params_text(call, symbols)
        halves = tuple(_halves(label, call, found, symbols))
        return Site(label, comment, call, params, found, ((), ()), room, halves=halves)
    ends = _ends(graph.ops[step.ops[0]], places.tensors)
    routines = _routines(label, call, symbols, room)
    return Site(label, comment, call, "", found, ends, room, None, routines)


def _halves(
    label: str, call: KernelCall, found: Sequence[Operand], symbols: Mapping[str, str]
) -> Iterator[Site]:
    """The calls of each core."""
    for number, half in enumerate(call.halves):
        own = replace(call, params=half.params, halves=())
        places = tuple(map(moved, found, half.offsets))
        params = params_text(own, symbols)
        yield Site(f"{label}_{number}", (_HALVES[number],), own, params, places, ((), ()), "")


_HALVES = ("The first half, on the core that runs the model.", "The second half.")


def _ends(op: Op, places: Mapping[int, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return tuple(places[i] for i in op.inputs), tuple(places[i] for i in op.outputs)


def _routines(
    label: str, call: KernelCall, constants: Mapping[str, str], scratch: str
) -> tuple[tuple[Site, ...], ...]:
    assert call.control is not None
    return tuple(
        tuple(
            _inner_site(f"{label}_{number}_{index}", inner, routine, (constants, scratch))
            for index, inner in enumerate(routine.calls)
        )
        for number, routine in enumerate(call.control.routines)
    )


def _inner_site(
    label: str, inner: Inner, routine: Routine, known: tuple[Mapping[str, str], str]
) -> Site:
    constants, scratch = known
    graph, call = routine.graph, inner.call
    op = graph.ops[inner.op]
    places = routine_symbols(label.rsplit("_", 1)[0], routine)
    room = f"((void *)((int8_t *){scratch} + {inner.scratch_offset}))"
    made = shape_text(graph.tensors[op.outputs[0]].shape)
    comment = wrap_comment(
        f'{op.kind} "{op.name}" -> {made}' + (f"; {call.note}" * bool(call.note))
    )
    found = _operands(inner, graph, (places, constants), room)
    if call.control is None:
        params = c_value(call.params, constants)
        return Site(label, comment, call, params, found, ((), ()), room)
    routines = _routines(label, call, constants, room)
    return Site(label, comment, call, "", found, _ends(op, places), room, None, routines)


def routine_symbols(label: str, routine: Routine) -> dict[int, str]:
    """The C symbols of the tensors of a graph that lie in memory."""
    names = tensor_names(routine.graph)
    used = (i for i, offset in enumerate(routine.offsets) if offset >= 0)
    return {i: f"L{label}_{names[i].upper()}" for i in used}


def routine_addresses(label: str, routine: Routine, scratch: str) -> Iterator[tuple[str, str, str]]:
    """Symbol, address and comment of each tensor of a graph that lies in memory."""
    for index, symbol in routine_symbols(label, routine).items():
        tensor = routine.graph.tensors[index]
        base = f"((int8_t *){scratch} + {routine.offsets[index]})"
        yield symbol, address_text(base, tensor.dtype), f"{tensor.dtype} {shape_text(tensor.shape)}"


def _operands(
    inner: Inner, graph: Graph, names: tuple[Mapping[int, str], Mapping[str, str]], room: str
) -> tuple[Operand, ...]:
    places, constants = names
    op, call = graph.ops[inner.op], inner.call
    dtypes = {item.name: dtype_of(item.data.dtype) for item in call.constants}

    def resolve(arg: Arg) -> Operand:
        match arg.kind:
            case "constant":
                return operand_of(arg, dtypes[arg.constant], constants[arg.constant])
            case "scratch":
                return operand_of(arg, None, room)
            case _:
                tensor = (op.outputs if arg.kind == "output" else op.inputs)[arg.index]
                if tensor < 0:
                    return Operand(arg.kind, arg.dtype, "NULL")
                return operand_of(arg, graph.tensors[tensor].dtype, places[tensor])

    return tuple(resolve(arg) for arg in call.arguments)


def copied_constants(step: Step, graph: Graph) -> set[int]:
    """Constant tensors that are copied into a step's graphs."""
    if step.call is None or step.call.control is None:
        return set()
    op: Op = graph.ops[step.ops[0]]
    return {i for i in op.inputs if i >= 0 and graph.tensors[i].is_constant}


def all_sites(sites: Sequence[Site]) -> Iterator[Site]:
    """All calls, of steps and of their graphs."""
    for site in sites:
        yield from site.walk()
