"""Plan → Sources for TFLM: the same C header, C++ around the interpreter, the model file."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import tinyml
from tinyml.codegen.abi import abi_version
from tinyml.codegen.generate import Sources
from tinyml.codegen.interface import IoView, descriptor
from tinyml.codegen.literals import c_array, c_comment, c_string
from tinyml.codegen.memory import ArenaView, arena_views, layer_table
from tinyml.codegen.names import tensor_names
from tinyml.codegen.render import environment, render
from tinyml.codegen.view import PartView, part_view
from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op, Tensor
from tinyml.ops import macs_of
from tinyml.plan.values import Plan
from tinyml.target.board import Board
from tinyml.tflm.calls import variables_of
from tinyml.tflm.graphs import Outline
from tinyml.tflm.planner import Prepared, kernels_for, prepare
from tinyml.tflm.table import sources

KERNELS = "tensorflow/lite/micro/kernels"
_NOWHERE = "nullptr"  # the place of what is not in the arena


@dataclass(frozen=True, slots=True)
class OpView:
    """One registration."""

    method: str  # of the resolver, without "Add"
    registration: str  # C++ expression; "" for the method's default


@dataclass(frozen=True, slots=True)
class TflmView:
    """Everything that the templates of a model on TFLM place."""

    name: str
    macro: str
    tool: str
    source: str
    sha: str
    target: str
    command: str
    name_string: str
    sha_string: str
    macs: int
    weight_bytes: int  # of the model file
    table: tuple[str, ...]
    memory: tuple[str, ...]  # sentences about the arena
    kernel_headers: tuple[str, ...]
    ops: tuple[OpView, ...]
    arenas: tuple[ArenaView, ...]
    memories: tuple[ArenaView, ...]
    inputs: tuple[IoView, ...]
    outputs: tuple[IoView, ...]
    parts: tuple[PartView, ...]  # one
    layers: tuple[str, ...]  # initialisers of the tml_tensor of each layer's output
    is_stateful: bool
    variables: int  # that VAR_HANDLE makes handles of
    abi: int
    is_interpreted: bool = True
    several: bool = False


def generate(outline: Outline, plan: Plan, board: Board, *, offline: bool = True) -> Sources:
    """The files of a model that TFLM runs."""
    made = prepare(outline, board, offline=offline)
    view = _view(outline, plan, board, made, offline)
    env = environment(Path(__file__).parent)
    name = plan.graph.name
    array = {
        "m": view,
        "nbytes": len(made.data),
        "array": f"{name}_tflite[{view.macro}_TFLITE_BYTES]",
        "initialiser": c_array(np.frombuffer(made.data, np.uint8)),
    }
    files = (
        (f"{name}.h", render(env, "model.h.j2", {"m": view})),
        (f"{name}.cpp", render(env, "tflm_model.cpp.j2", {"m": view})),
        (f"{name}_tflite.h", render(env, "tflite.h.j2", array)),
        (f"{name}_tflite.c", render(env, "tflite.c.j2", array)),
    )
    return Sources(
        name=name,
        files=files,
        compiled=(f"{name}.cpp", f"{name}_tflite.c"),
        headers=("tflm/tml_tflm.h",),
        command=view.command,
        facts={"tflm": build_facts(outline, board)},
    )


def build_facts(outline: Outline, board: Board) -> dict[str, object]:
    """What a build system compiles: files of tflite-micro, folders of CMSIS-NN; versions."""
    name = kernels_for(board).name
    facts = [item.facts(i) for item, i in _all_ops(outline)]
    files, folders = set(), set()
    for item in facts:
        is_optimised = name == "cmsis_nn" and name in item.states
        first, *rest = item.files
        files.add(f"{KERNELS}/cmsis_nn/{first}" if is_optimised else f"{KERNELS}/{first}")
        files |= {f"{KERNELS}/{file}" for file in rest}
        if is_optimised:
            folders |= {*item.folders, sources()["cmsis_nn"]}
    pins = (item for item in sources()["pins"] if folders or item["name"] != "CMSIS_NN")
    return {
        "core": tuple(sources()["core"]),
        "kernels": tuple(sorted(files)),
        "cmsis_nn": tuple(sorted(folders)),
        "pins": tuple(_pin(item) for item in pins),
    }


def _pin(item: Mapping[str, str]) -> dict[str, str]:
    """A source by repository and commit, whose id is the hash of its content."""
    repository, commit = item["url"].removesuffix(".tar.gz").split("/archive/")
    return {**item, "repository": f"{repository}.git", "commit": commit}


def _view(outline: Outline, plan: Plan, board: Board, made: Prepared, is_offline: bool) -> TflmView:
    graph = plan.graph
    names = tensor_names(graph)
    macs = tuple(macs_of(op, graph) for op in graph.ops)
    arenas = tuple(_as_bytes(item) for item in arena_views(plan, board))
    places = dict.fromkeys(range(len(graph.tensors)), _NOWHERE)
    for i, place in enumerate(plan.tensors):
        if place is not None:
            places[i] = f"{arenas[0].symbol} + {place.offset}"
    target = _options(plan, board, is_offline)
    is_stateful = bool(graph.variables) or bool(variables_of(outline))
    part = replace(part_view(graph, places), is_stateful=is_stateful)
    return TflmView(
        name=graph.name,
        macro=graph.name.upper(),
        tool=f"tinyml {tinyml.__version__}",
        source=c_comment(graph.source.file_name),
        sha=graph.source.sha256[:12],
        target=f" for {plan.board}",
        command=c_comment(f"tinyml build {shlex.quote(graph.source.file_name)}{target}"),
        name_string=c_string(graph.name),
        sha_string=c_string(graph.source.sha256[:12]),
        macs=sum(macs),
        weight_bytes=len(made.data),
        table=layer_table(plan, names, macs),
        memory=_memory(made),
        kernel_headers=tuple(sorted(set(_headers(outline)))),
        ops=_registrations(outline),
        arenas=arenas,
        memories=arenas,
        inputs=part.inputs,
        outputs=part.outputs,
        parts=(part,),
        is_stateful=is_stateful,
        variables=len(variables_of(outline)),
        abi=abi_version(),
        layers=tuple(_layer(graph, op, places) for op in graph.ops),
    )


def _layer(graph: Graph, op: Op, places: Mapping[int, str]) -> str:
    """The initialiser for what a layer makes; nothing where that is a handle or in a variable."""
    made = next((i for i in op.outputs if places[i] != _NOWHERE), None)
    if made is None:
        return descriptor(Tensor("", INT8, (0,)), _NOWHERE)
    return descriptor(graph.tensors[made], places[made])


def _options(plan: Plan, board: Board, is_offline: bool) -> str:
    """Those of the command that made the firmware."""
    goal = "" if plan.optimize == "balanced" else f" --optimize {plan.optimize}"
    own = "".join(f" {word}" for word in board.options_given)
    plan_option = "" if is_offline else " --no-offline-plan"
    return f" --board {plan.board}{own} --runtime tflm{goal}{plan_option}"


def _as_bytes(arena: ArenaView) -> ArenaView:
    return replace(arena, declaration=arena.declaration.replace("int8_t", "uint8_t", 1))


def _memory(made: Prepared) -> tuple[str, ...]:
    arena = made.arena
    lines = [
        f"Arena: {arena.needed_bytes} bytes, {arena.head_bytes} for tensors and scratch, "
        f"{arena.tail_bytes} for the interpreter.",
    ]
    if arena.needed_bytes > arena.used_bytes + 15:
        lines.append(
            f"{arena.used_bytes} are in use once it runs; setting the model up takes the rest."
        )
    if made.saved_bytes > 0:
        lines.append(
            "The memory plan in the model file (OfflineMemoryAllocation) saves "
            f"{made.saved_bytes} bytes."
        )
    return tuple(lines)


def _all_ops(outline: Outline) -> tuple[tuple[Outline, int], ...]:
    """The ops of all graphs: the graph's outline, the op's number in it."""
    return tuple((item, i) for item in outline.graphs for i in range(len(item.graph.ops)))


def _registrations(outline: Outline) -> tuple[OpView, ...]:
    """One registration per kind; of the int8 kernel alone where all layers are int8."""
    found: dict[str, OpView] = {}
    for item, number in _all_ops(outline):
        kind, facts = item.graph.ops[number].kind, item.facts(number)
        registration = f"tflite::{facts.int8}()" if _is_int8(outline, kind) else ""
        found[kind] = OpView(facts.method, registration)
    return tuple(found[kind] for kind in sorted(found))


def _is_int8(outline: Outline, kind: str) -> bool:
    """Whether the int8 kernel alone will do for all layers of a kind."""
    layers = [(item, i) for item, i in _all_ops(outline) if item.graph.ops[i].kind == kind]
    first, number = layers[0]
    if not first.facts(number).int8:
        return False
    dtypes = {
        item.graph.tensors[i].dtype
        for item, number in layers
        for i in (item.graph.ops[number].inputs[0], item.graph.ops[number].outputs[0])
    }
    return dtypes == {INT8}


def _headers(outline: Outline) -> list[str]:
    """The headers that declare those registrations: named like the kernels' files."""
    return [
        f"{item.facts(number).files[0].removesuffix('.cc')}.h"
        for item, number in _all_ops(outline)
        if _is_int8(outline, item.graph.ops[number].kind)
    ]
