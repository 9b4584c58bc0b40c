"""Report: plan, image and run as one JSON document, the truth about one build."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tinyml import __version__
from tinyml.backends.base import Image, LayerTime, Run
from tinyml.board import Board
from tinyml.ops import spec_of
from tinyml.plan.fit import Fit
from tinyml.plan.values import Plan

FORMAT = 1  # of report.json; raised when a key changes its meaning


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of the compiled model, as the report shows it."""

    index: int
    op: str
    name: str
    shape: tuple[int, ...]  # of the output
    macs: int
    kernel: str  # C function, "" when nothing runs
    note: str
    weights_bytes: int
    scratch_bytes: int
    predicted_instructions: int
    alternatives: tuple[tuple[str, int], ...]
    rejected: tuple[tuple[str, str], ...]
    cycles: int | None = None
    instructions: int | None = None
    time_us: float | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """One region: predicted before compiling, linked afterwards."""

    region: str
    kind: str
    budget_bytes: int
    uses: dict[str, int]  # purpose → predicted bytes
    predicted_bytes: int
    linked_bytes: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is known about one model on one board."""

    format: int
    tinyml: str
    model: dict[str, Any]
    board: dict[str, Any]
    optimize: str
    layers: tuple[Layer, ...]
    memory: tuple[Memory, ...]
    arena: dict[str, Any]
    fits: bool
    problems: tuple[str, ...]
    toolchain: str | None = None
    run: dict[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """The report as plain data."""
        return asdict(self)


def report(
    plan: Plan, board: Board, verdict: Fit, image: Image | None = None, run: Run | None = None
) -> Report:
    """Puts together what is known at this stage; ``image`` and ``run`` may be missing."""
    graph = plan.graph
    return Report(
        format=FORMAT,
        tinyml=__version__,
        model={
            "name": graph.name,
            "file": graph.source.file_name,
            "sha256": graph.source.sha256,
            "bytes": graph.source.nbytes,
            "macs": sum(layer.macs for layer in _layers(plan, board, None)),
        },
        board={
            "name": board.name,
            "title": board.title,
            "core": board.chip.core,
            "clock_hz": board.chip.clock_hz,
        },
        optimize=plan.optimize,
        layers=_layers(plan, board, run),
        memory=_memory(verdict, image),
        arena={
            "regions": dict(plan.arena_bytes),
            "activation_bytes": plan.activation_bytes,
            "lower_bound_bytes": plan.lower_bound_bytes,
        },
        fits=verdict.is_ok,
        problems=verdict.advice,
        toolchain=image.toolchain if image else None,
        run=_run(run) if run else None,
    )


def _layers(plan: Plan, board: Board, run: Run | None) -> tuple[Layer, ...]:
    layers = []
    for index, step in enumerate(plan.steps):
        op = plan.graph.ops[step.ops[-1]]
        call = step.call
        time: LayerTime | None = run.layers[index] if run and index < len(run.layers) else None
        layers.append(
            Layer(
                index=index,
                op="+".join(plan.graph.ops[i].kind for i in step.ops),
                name=op.name,
                shape=plan.graph.tensors[op.outputs[0]].shape,
                macs=sum(
                    spec_of(plan.graph.ops[i].kind).macs(plan.graph.ops[i], plan.graph)
                    for i in step.ops
                ),
                kernel=call.function if call else "",
                note=call.note if call else "no code: the output is the input's memory",
                weights_bytes=call.constant_bytes() if call else 0,
                scratch_bytes=call.scratch_bytes if call else 0,
                predicted_instructions=call.cost.instructions if call else 0,
                alternatives=step.alternatives,
                rejected=step.rejected,
                cycles=time.cycles if time else None,
                instructions=time.instructions if time else None,
                time_us=time.cycles * 1e6 / run.clock_hz if time and run else None,
            )
        )
    return tuple(layers)


def _memory(verdict: Fit, image: Image | None) -> tuple[Memory, ...]:
    linked: dict[str, int] = {}
    if image is not None:
        for section in image.sections:
            linked[section.region] = linked.get(section.region, 0) + section.nbytes
    return tuple(
        Memory(
            region=item.region,
            kind=item.kind,
            budget_bytes=item.budget_bytes,
            uses=dict(item.uses),
            predicted_bytes=item.needed_bytes,
            linked_bytes=linked.get(item.region, 0) if image is not None else None,
        )
        for item in verdict.regions
    )


def _run(run: Run) -> dict[str, Any]:
    return {
        "target": run.target,
        "is_estimate": run.is_estimate,
        "clock_hz": run.clock_hz,
        "samples": len(run.outputs),
        "total": asdict(run.total),
        "time_us": run.total.cycles * 1e6 / run.clock_hz,
        "stack_bytes": run.stack_bytes,
        **run.details,
    }
