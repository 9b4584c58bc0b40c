"""The finished strings that the templates place: a plan as a C program. Templates only loop."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import tinyml
from tinyml.codegen.abi import abi_version
from tinyml.codegen.about import AboutView, about_view
from tinyml.codegen.calls import Calls, WrapperView, calls_of, half_function
from tinyml.codegen.controls import ControlView, control_views
from tinyml.codegen.interface import IoView, descriptor, io_views
from tinyml.codegen.layers import ConstantView, kinds_of, layer_comment, step_inputs
from tinyml.codegen.literals import (
    c_comment,
    c_string,
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
from tinyml.codegen.sites import Places, Site, copied_constants, step_site
from tinyml.codegen.streams import StreamView
from tinyml.codegen.weights import Weights
from tinyml.ir.graph import Graph
from tinyml.ir.parts import models_of, parts_of_ops
from tinyml.ops import macs_of
from tinyml.plan.values import Plan
from tinyml.target.board import Board


@dataclass(frozen=True, slots=True)
class ParamsView:
    """The params of one kernel call."""

    comment: tuple[str, ...]  # what it computes; () where the layer says so
    type: str
    label: str
    params: str  # "" where it runs with those of another
    user: str  # the label of that


@dataclass(frozen=True, slots=True)
class HalfView:
    """What one of two cores does of a layer, as a function."""

    function: str
    call: str


@dataclass(frozen=True, slots=True)
class LayerView:
    """One step: a comment, params, one call."""

    index: int
    comment: tuple[str, ...]
    params: tuple[ParamsView, ...]  # of its kernel, or of those of its graphs
    call: str
    descriptor: str  # initialiser of the tml_tensor of its output
    stream: StreamView | None = None  # set when it runs row by row
    controls: tuple[ControlView, ...] = ()  # set when it runs graphs
    halves: tuple[HalfView, ...] = ()  # set when two cores run it


@dataclass(frozen=True, slots=True)
class PartView:
    """One model of those in a program; the only one, as a rule."""

    name: str  # C prefix
    inputs: tuple[IoView, ...]
    outputs: tuple[IoView, ...]
    about: AboutView
    is_stateful: bool
    states: tuple[StateView, ...] = ()
    layers: tuple[LayerView, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelView:
    """Everything that the templates of a program place."""

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
    parts: tuple[PartView, ...]
    layers: tuple[LayerView, ...]
    wrappers: tuple[WrapperView, ...]
    constants: tuple[ConstantView, ...]
    abi: int
    is_shared: bool  # two cores compute it

    @property
    def inputs(self) -> tuple[IoView, ...]:
        """Those of all parts."""
        return tuple(io for part in self.parts for io in part.inputs)

    @property
    def outputs(self) -> tuple[IoView, ...]:
        """Those of all parts."""
        return tuple(io for part in self.parts for io in part.outputs)

    @property
    def several(self) -> bool:
        """Whether it holds more than one model."""
        return len(self.parts) > 1


def _symbols(plan: Plan, tensors: Sequence[TensorView], weights: Weights) -> dict[int, str]:
    """What the C calls each tensor that lies in memory or is a constant."""
    constants = {i: weights.tensor(i) for i in _used_constants(plan)}
    return {item.index: item.symbol for item in tensors} | constants


def model_view(plan: Plan, board: Board | None) -> ModelView:
    """The view of a plan; without a board everything lies in one arena in ordinary RAM."""
    graph = plan.graph
    names = tensor_names(graph)
    arenas = arena_views(plan, board)
    memories = (*arenas, *filter(None, (state_memory_view(plan, board),)))
    tensors, scratch = tensor_views(plan, names, memories)
    weights = Weights(plan, names)
    places = _symbols(plan, tensors, weights)
    sites = _sites(plan, Places(places, scratch, weights))
    calls = calls_of(sites, plan.shared)
    layers = _layer_views(plan, sites, calls, places)
    parts = _part_views(plan, places, weights, layers)
    return ModelView(
        name=graph.name,
        macro=graph.name.upper(),
        tool=f"tinyml {tinyml.__version__}",
        source=c_comment(" and ".join(graph.file_names)),
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
        parts=parts,
        memories=memories,
        layers=layers,
        wrappers=tuple(calls.wrappers.values()),
        constants=tuple(weights.views),
        abi=abi_version(),
        is_shared=any(site.halves for site in sites),
    )


def _part_views(
    plan: Plan, places: Mapping[int, str], weights: Weights, layers: Sequence[LayerView]
) -> tuple[PartView, ...]:
    owners = parts_of_ops(plan.graph) if plan.graph.parts else (0,) * len(plan.graph.ops)
    numbers = [owners[step.ops[0]] for step in plan.steps]
    firsts = weights.first_values()
    return tuple(
        replace(
            part_view(graph, places),
            states=state_views(graph, places, firsts),
            layers=tuple(
                layer for layer, owner in zip(layers, numbers, strict=True) if owner == number
            ),
        )
        for number, graph in enumerate(models_of(plan.graph))
    )


def part_view(graph: Graph, places: Mapping[int, str]) -> PartView:
    """One model as the header has it; ``places`` are the C symbols of its tensors."""
    return PartView(
        name=graph.name,
        inputs=io_views(graph, graph.inputs, "input", places),
        outputs=io_views(graph, graph.outputs, "output", places),
        about=about_view(graph),
        is_stateful=bool(graph.variables),
    )


def _macs(plan: Plan) -> tuple[int, ...]:
    each = [macs_of(op, plan.graph) for op in plan.graph.ops]
    return tuple(sum(each[i] for i in step.ops) for step in plan.steps)


def _headers(plan: Plan) -> tuple[str, ...]:
    calls = (step.call for step in plan.steps if step.call)
    return tuple(sorted({kernel.header for call in calls for kernel in call.kernels()}))


def _command(plan: Plan, board: Board | None) -> str:
    """What makes these files again."""
    words = ["tinyml", "build", *map(shlex.quote, plan.graph.file_names)]
    words += ["--board", plan.board] if plan.board else []
    words += board.options_given if board else ()
    words += [] if plan.optimize == "balanced" else ["--optimize", plan.optimize]
    return " ".join(words)


def _sites(plan: Plan, places: Places) -> tuple[Site, ...]:
    return tuple(
        step_site(
            plan,
            index,
            places,
            f"layer {index}, {kinds_of(step, plan.graph)}",
            layer_comment(index, step, plan.graph),
        )
        for index, step in enumerate(plan.steps)
    )


def _layer_views(
    plan: Plan, sites: Sequence[Site], calls: Calls, places: Mapping[int, str]
) -> tuple[LayerView, ...]:
    graph = plan.graph
    views: list[LayerView] = []
    for index, (step, site) in enumerate(zip(plan.steps, sites, strict=True)):
        output = graph.ops[step.ops[-1]].outputs[0]
        head = f"TML_LAYER({index}, "
        views.append(
            LayerView(
                index=index,
                comment=site.comment,
                params=tuple(_params_views(site, calls)),
                call=head + calls.text(site, 4 + len(head), ");"),
                descriptor=descriptor(graph.tensors[output], places[output]),
                stream=site.stream,
                controls=tuple(control_views(site, calls.text)),
                halves=tuple(
                    HalfView(half_function(item.label), calls.text(item, 4)) for item in site.halves
                ),
            )
        )
    return tuple(views)


def _params_views(site: Site, calls: Calls) -> Iterator[ParamsView]:
    """The params of a layer, and of the kernels that its graphs call."""
    for item in site.walk():
        user = calls.params_of(item)
        if item.call is not None and user:
            comment = () if item is site else item.comment
            params = item.params if user == item.label else ""
            yield ParamsView(comment, item.call.params.type, item.label, params, user)


def _used_constants(plan: Plan) -> tuple[int, ...]:
    """Constant tensors that a kernel reads as an ordinary input, or that are model outputs."""
    graph = plan.graph
    used = set(graph.outputs)
    for step in plan.steps:
        if step.call:
            tensors = step_inputs(step, graph)
            used |= {tensors[a.index] for a in step.call.arguments if a.kind == "input"}
            used |= copied_constants(step, graph)
    return tuple(sorted(i for i in used if i >= 0 and graph.tensors[i].is_constant))
