"""Plan, image and run put together into a Report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from tinyml import __version__
from tinyml.base.errors import TinymlError
from tinyml.ir.graph import Tensor
from tinyml.ops import macs_of
from tinyml.plan.estimate import LEFT_OUT
from tinyml.plan.fit import Fit
from tinyml.plan.planned import Planned
from tinyml.plan.values import Plan
from tinyml.report.arena import arena_of
from tinyml.report.flash import flash_by_layer, flash_of
from tinyml.report.models import model_records
from tinyml.report.predicted import predicted_record
from tinyml.report.report import FORMAT, Layer, Memory, Report, Spread, read_report
from tinyml.target.board import Board
from tinyml.values.image import Image, SelfTest
from tinyml.values.run import LayerTime, Run

NO_CODE = "no code: the output is the input's memory"


def report(
    planned: Planned,
    image: Image | None = None,
    run: Run | None = None,
    *,
    command: str = "",
    tools: dict[str, str] | None = None,
) -> Report:
    """Puts together what is known at this stage; ``image`` and ``run`` may be missing.

    ``run.details["spread"]``, when there, holds ``total`` and ``layers``: how the cycles varied.
    """
    plan, board = planned.plan, planned.target.board
    layers = _layers(plan, image, run)
    memory = _memory(planned.verdict, image)
    return Report(
        format=FORMAT,
        tinyml=__version__,
        model=_model_record(plan, layers),
        board=_board_record(board),
        runtime=plan.runtime,
        optimize=plan.optimize,
        layers=layers,
        memory=memory,
        arena=arena_of(plan),
        fits=_fits(planned.verdict, memory),
        problems=planned.verdict.advice,
        command=command,
        tools={"tinyml": __version__, **(tools or {})},
        toolchain=image.toolchain if image else None,
        sections=image.sections if image else (),
        flash=flash_of(image, plan.graph.name) if image else None,
        run=_run(run, board) if run else None,
        self_test=self_test_record(image.self_test) if image else None,
        stack_bound_bytes=image.stack_bytes if image else None,
        copied=asdict(planned.verdict.copied) if planned.verdict.copied else None,
        two_cores=asdict(planned.verdict.shared) if planned.verdict.shared else None,
        predicted=predicted_record(planned.verdict.estimate),
        fingerprint=planned.fingerprint,
    )


def _model_record(plan: Plan, layers: Sequence[Layer]) -> dict[str, object]:
    graph, source = plan.graph, plan.graph.source
    models = model_records(plan)
    return {
        "name": graph.name,
        "file": source.file_name,
        "sha256": source.sha256,
        "bytes": source.nbytes,
        "macs": sum(layer.macs for layer in layers),
        "calibrated": source.metadata.is_calibrated,
        "producer": source.metadata.producer,
        "inputs": [_tensor_record(graph.tensors[index]) for index in graph.inputs],
        "outputs": [_tensor_record(graph.tensors[index]) for index in graph.outputs],
        "labels": source.metadata.labels,
        **({"models": models} if models else {}),
    }


def _tensor_record(tensor: Tensor) -> dict[str, object]:
    return {"name": tensor.name, "shape": tensor.shape, "dtype": tensor.dtype.name}


def _board_record(board: Board) -> dict[str, object]:
    return {
        "name": board.name,
        "title": board.title,
        "chip": board.chip.title,
        "core": board.chip.core.name,
        "isa": board.chip.isa,
        "clock_hz": board.chip.clock_hz,
        "stack_bytes": board.stack_bytes,
        "source": board.source,
        "power_mw": board.power.active_mw if board.power else None,
        "power_source": board.power.source if board.power else "",
    }


def self_test_record(tested: SelfTest | None) -> dict[str, object] | None:
    """What was held against the model as it was read, and where it ran."""
    return {"target": tested.target, "samples": tested.samples} if tested else None


def with_run_of(document: Report, directory: Path) -> Report:
    """The report with what was measured in the report there, which is of the very same image.

    As it is when nothing was, or when that report is of other layers.
    """
    try:
        old = read_report(directory)
    except TinymlError:
        return document
    pairs = tuple(zip(document.layers, old.layers, strict=False))
    alike = [new.kernel == was.kernel for new, was in pairs]
    if old.run is None or not all(alike) or len(document.layers) != len(old.layers):
        return document
    measured = ("cycles", "instructions", "time_us", "spread")
    return replace(
        document,
        layers=tuple(
            replace(new, **{name: getattr(was, name) for name in measured}) for new, was in pairs
        ),
        run=old.run,
        command=old.command,
        tools={**old.tools, **document.tools},
    )


def _layers(plan: Plan, image: Image | None, run: Run | None) -> tuple[Layer, ...]:
    count = len(plan.steps)
    linked = flash_by_layer(image, plan.graph.name, count) if image else None
    read = _read(plan)
    spreads = run.details.get("spread", {}).get("layers", ()) if run else ()
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
                shape=plan.graph.tensors[op.outputs[0]].shape if op.outputs else (),
                macs=sum(macs_of(plan.graph.ops[i], plan.graph) for i in step.ops),
                kernel=call.function if call else "",
                note=_note(plan, index),
                weights_bytes=call.constant_bytes() if call else 0,
                scratch_bytes=call.scratch_bytes if call else 0,
                predicted_instructions=call.instructions if call else 0,
                alternatives=step.alternatives,
                rejected=step.rejected,
                stages=tuple(k.function for k in call.kernels())[1:] if call else (),
                form=call.form if call else "",
                constant_bytes=linked[index].constant_bytes if linked else None,
                params_bytes=linked[index].params_bytes if linked else None,
                cycles=time.cycles if time else None,
                instructions=time.instructions if time else None,
                time_us=time.cycles * 1e6 / run.clock_hz if time and run else None,
                spread=Spread(**spreads[index]) if index < len(spreads) else None,
                inputs=read[index],
            )
        )
    return tuple(layers)


def _read(plan: Plan) -> list[tuple[int, ...]]:
    """For each step those whose results it reads; -1 - n stands for input n of the model."""
    graph = plan.graph
    made = {tensor: -1 - number for number, tensor in enumerate(graph.inputs)}
    read: list[tuple[int, ...]] = []
    for index, step in enumerate(plan.steps):
        wanted = (i for op in step.ops for i in graph.ops[op].inputs)
        own = {i for op in step.ops for i in graph.ops[op].outputs}
        read.append(tuple(dict.fromkeys(made[i] for i in wanted if i in made and i not in own)))
        made |= {tensor: index for tensor in own}
    return read


def _note(plan: Plan, index: int) -> str:
    call = plan.steps[index].call
    if call is None:
        return NO_CODE
    in_ram = "constants in RAM" * (index in plan.copied_steps)
    return "; ".join(filter(None, (call.note, in_ram, "on two cores" * bool(call.halves))))


def _fits(verdict: Fit, memory: Sequence[Memory]) -> bool:
    """By what was linked; before that, by what is predicted."""
    linked = [item for item in memory if item.linked_bytes is not None]
    if len(linked) < len(memory):
        return verdict.is_ok
    return all((item.linked_bytes or 0) <= item.budget_bytes for item in linked)


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


def _run(run: Run, board: Board) -> dict[str, object]:
    details = dict(run.details)
    spread = details.pop("spread", None)
    estimation = board.chip.core.estimation
    error = {
        "error_percent": estimation.error_percent if estimation else None,
        "left_out": LEFT_OUT,
    }
    return {
        **(error if run.is_estimate else {}),
        "target": run.target,
        "is_estimate": run.is_estimate,
        "clock_hz": run.clock_hz,
        "samples": len(run.outputs),
        "total": asdict(run.total),
        "time_us": run.total.cycles * 1e6 / run.clock_hz,
        "spread": spread["total"] if spread else None,
        "stack_bytes": run.stack_bytes,
        **details,
    }
