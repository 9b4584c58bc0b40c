"""The finished strings that the templates place: a plan as a C program. Templates only loop."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TypeAlias

import tinyml
from tinyml.codegen.abi import abi_version
from tinyml.codegen.about import AboutView, about_view
from tinyml.codegen.interface import IoView, descriptor, io_views
from tinyml.codegen.layers import (
    ConstantView,
    Operand,
    call_text,
    forwarded_texts,
    operands,
    parameter_texts,
    params_text,
    step_inputs,
)
from tinyml.codegen.literals import (
    c_comment,
    c_string,
    shape_text,
    wrap_comment,
)
from tinyml.codegen.memory import (
    ArenaView,
    StateView,
    TensorView,
    arena_views,
    layer_table,
    peak_text,
    state_memory_view,
    state_views,
    tensor_views,
)
from tinyml.codegen.names import tensor_names
from tinyml.codegen.streams import StreamView, Symbols, stream_params, stream_view
from tinyml.codegen.weights import Weights
from tinyml.ir.graph import Graph, Op
from tinyml.ops import macs_of
from tinyml.plan.values import Plan, Step
from tinyml.target.board import Board


@dataclass(frozen=True, slots=True)
class LayerView:
    """One step: a comment, params, one call."""

    index: int
    comment: tuple[str, ...]
    params_type: str  # "" when the step does nothing
    params: str
    call: str
    descriptor: str  # initialiser of the tml_tensor of its output
    stream: StreamView | None = None  # set when it runs row by row


@dataclass(frozen=True, slots=True)
class WrapperView:
    """A kernel instance that several layers share.

    Layers with the same params do, which the instance then knows as constants; where the plan says
    that all layers of a kind do, each passes its params.
    """

    name: str
    prototype: str
    call: str


@dataclass(frozen=True, slots=True)
class ModelView:
    """Everything that the templates of one model place."""

    name: str
    macro: str  # the name in upper case
    tool: str  # "tinyml 0.1.0"
    source: str  # file name of the model
    sha: str  # first 12 digits of its SHA-256
    target: str  # " for <board>", or ""
    command: str  # what makes these files again
    name_string: str
    sha_string: str
    headers: tuple[str, ...]
    macs: int
    weight_bytes: int
    table: tuple[str, ...]  # lines
    peak: str
    arenas: tuple[ArenaView, ...]
    memories: tuple[ArenaView, ...]  # the arenas and the memory of variables
    tensors: tuple[TensorView, ...]
    is_stateful: bool
    states: tuple[StateView, ...]
    inputs: tuple[IoView, ...]
    outputs: tuple[IoView, ...]
    layers: tuple[LayerView, ...]
    wrappers: tuple[WrapperView, ...]
    constants: tuple[ConstantView, ...]
    about: AboutView
    abi: int


def model_view(plan: Plan, board: Board | None) -> ModelView:
    """The view of a plan; without a board everything lies in one arena in ordinary RAM."""
    graph = plan.graph
    names = tensor_names(graph)
    arenas = arena_views(plan, board)
    state = state_memory_view(plan, board)
    memories = (*arenas, *((state,) if state else ()))
    tensors, scratch = tensor_views(plan, names, memories)
    places = {item.index: item.symbol for item in tensors}
    weights = Weights(graph, names)
    places |= {i: weights.tensor(i) for i in _used_constants(plan)}
    calls = _calls(plan, places, scratch, weights)
    return ModelView(
        name=graph.name,
        macro=graph.name.upper(),
        tool=f"tinyml {tinyml.__version__}",
        source=c_comment(graph.source.file_name),
        sha=graph.source.sha256[:12],
        target=c_comment(f" for {plan.board}") if plan.board else "",
        command=c_comment(_command(plan, board)),
        name_string=c_string(graph.name),
        sha_string=c_string(graph.source.sha256[:12]),
        headers=_headers(plan),
        macs=sum(_macs(plan)),
        weight_bytes=weights.nbytes,
        table=layer_table(plan, names, _macs(plan)),
        peak=peak_text(plan),
        arenas=arenas,
        tensors=tensors,
        is_stateful=bool(graph.variables),
        states=state_views(plan, places, weights.first_values()),
        memories=memories,
        inputs=io_views(graph, graph.inputs, "input", places),
        outputs=io_views(graph, graph.outputs, "output", places),
        layers=_layer_views(plan, calls, places),
        wrappers=tuple(item for item in calls.wrappers.values() if item.name in calls.shared),
        constants=tuple(weights.views),
        about=about_view(graph),
        abi=abi_version(),
    )


def _macs(plan: Plan) -> tuple[int, ...]:
    each = [macs_of(op, plan.graph) for op in plan.graph.ops]
    return tuple(sum(each[i] for i in step.ops) for step in plan.steps)


def _headers(plan: Plan) -> tuple[str, ...]:
    calls = (step.call for step in plan.steps if step.call)
    return tuple(sorted({kernel.header for call in calls for kernel in call.kernels()}))


def _command(plan: Plan, board: Board | None) -> str:
    """What makes these files again."""
    words = ["tinyml", "build", shlex.quote(plan.graph.source.file_name)]
    words += ["--board", plan.board] if plan.board else []
    words += board.options_given if board else ()
    words += [] if plan.optimize == "balanced" else ["--optimize", plan.optimize]
    return " ".join(words)


_Signature: TypeAlias = tuple[str, tuple[str, ...], str]  # C function, parameters, fixed params


@dataclass(frozen=True, slots=True)
class _Calls:
    """Per step its params text and arguments; wrappers by signature, and which are shared."""

    params: tuple[str, ...]
    operands: tuple[tuple[Operand, ...], ...]
    functions: tuple[str, ...]
    wrappers: dict[_Signature, WrapperView]
    shared: frozenset[str]
    streams: dict[int, StreamView]


def _calls(plan: Plan, places: dict[int, str], scratch: dict[int, str], weights: Weights) -> _Calls:
    params: list[str] = []
    arguments: list[tuple[Operand, ...]] = []
    keys: list[_Signature] = []
    wrappers: dict[_Signature, WrapperView] = {}
    streams: dict[int, StreamView] = {}
    for index, step in enumerate(plan.steps):
        call = step.call
        if call is None:
            params.append("")
            arguments.append(())
            keys.append(("", (), ""))
            continue
        title = f"layer {index}, {_kinds(step, plan.graph)}"
        symbols, room = weights.layer(index, step, title), scratch.get(index, "NULL")
        if call.stream is not None:
            texts = Symbols(weights.names, places, symbols, room)
            streams[index] = stream_view(index, call.stream, plan.graph, texts)
            params.append(stream_params(index, call.stream))
        else:
            params.append(params_text(call, symbols))
        found = operands(step, plan.graph, tensors=places, symbols=symbols, scratch=room)
        arguments.append(found)
        is_fixed = call.function not in plan.shared
        key = (
            call.function,
            parameter_texts(found, call.params.type)[is_fixed:],
            params[-1] if is_fixed else "",
        )
        keys.append(key)
        if key not in wrappers:
            same = sum(1 for function, *_ in wrappers if function == call.function)
            own = f"&layer_{index}" if is_fixed else ""
            wrappers[key] = _wrapper(call.function, key[1], forwarded_texts(found), same, own)
    shared = frozenset(wrapper.name for key, wrapper in wrappers.items() if keys.count(key) > 1)
    functions = tuple(
        wrappers[key].name if key in wrappers and wrappers[key].name in shared else key[0]
        for key in keys
    )
    return _Calls(tuple(params), tuple(arguments), functions, wrappers, shared, streams)


def _wrapper(
    function: str, parameters: tuple[str, ...], forwarded: tuple[str, ...], same: int, own: str
) -> WrapperView:
    """A function around a kernel that several layers call.

    ``same``: how many there are of this kernel; ``own``: params that are no parameter, or "".
    """
    name = f"run_{function.removeprefix('tml_')}" + (f"_{same + 1}" if same else "")
    head = f"static TML_NOINLINE void {name}"
    arguments = (own, *forwarded[1:]) if own else forwarded
    return WrapperView(
        name=name,
        prototype=call_text(head, parameters, indent=0, suffix=")"),
        call=call_text(function, arguments, indent=4, suffix=");"),
    )


def _layer_views(plan: Plan, calls: _Calls, places: dict[int, str]) -> tuple[LayerView, ...]:
    graph = plan.graph
    views: list[LayerView] = []
    known: set[str] = set()  # shared instances that have their params
    for index, step in enumerate(plan.steps):
        output = graph.ops[step.ops[-1]].outputs[0]
        head = f"TML_LAYER({index}, "
        function = calls.functions[index]
        has_params = step.call is not None and function not in known
        if step.call is None:
            call = f"{head}(void)0);"
        else:
            texts = tuple(item.text for item in calls.operands[index])
            if step.call.function in plan.shared or function not in calls.shared:
                texts = (f"&layer_{index}", *texts)
            else:
                known.add(function)
            call = head + call_text(function, texts, indent=4 + len(head), suffix="));")
        views.append(
            LayerView(
                index=index,
                comment=_layer_comment(index, step, graph),
                params_type=step.call.params.type if step.call and has_params else "",
                params=calls.params[index],
                call=call,
                descriptor=descriptor(graph.tensors[output], places[output]),
                stream=calls.streams.get(index),
            )
        )
    return tuple(views)


def _layer_comment(index: int, step: Step, graph: Graph) -> tuple[str, ...]:
    first, last = graph.ops[step.ops[0]], graph.ops[step.ops[-1]]
    shapes = [
        shape_text(graph.tensors[i].shape)
        for i in first.inputs
        if i >= 0 and not graph.tensors[i].is_constant
    ]
    output = graph.tensors[last.outputs[0]]
    text = (
        f'layer {index}: {_kinds(step, graph)} "{last.name}", '
        f"{' and '.join(shapes) or 'constants'} -> {shape_text(output.shape)}"
    )
    if step.call is None:
        text += "; the bytes stay where they are"
    elif step.call.note:
        text += f"; {step.call.note}"
    return wrap_comment(text)


def _kinds(step: Step, graph: Graph) -> str:
    """The ops of a step with their fused activations: "CONV_2D + RELU6"."""
    return " + ".join(word for op in step.ops for word in _kind(graph.ops[op]))


def _kind(op: Op) -> tuple[str, ...]:
    activation = getattr(op.attrs, "activation", "NONE")
    return (op.kind,) if activation == "NONE" else (op.kind, str(activation))


def _used_constants(plan: Plan) -> tuple[int, ...]:
    """Constant tensors that a kernel reads as an ordinary input, or that are model outputs."""
    graph = plan.graph
    used = set(graph.outputs)
    for step in plan.steps:
        if step.call:
            tensors = step_inputs(step, graph)
            used |= {tensors[a.index] for a in step.call.arguments if a.kind == "input"}
    return tuple(sorted(i for i in used if i >= 0 and graph.tensors[i].is_constant))
