"""Running a build on an emulated core, and judging what came out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from tinyml.bare.run import shared_record, with_halves
from tinyml.base.errors import ToolError
from tinyml.base.files import near, refuse_own
from tinyml.base.lock import locked
from tinyml.base.registry import NO_SIMULATOR
from tinyml.evaluate.samples import (
    Samples,
    check_inputs,
    check_samples,
    write_samples,
)
from tinyml.evaluate.verification import reference_of, score_details, verify
from tinyml.ir.graph import Array
from tinyml.plan.halves import uses_two_cores
from tinyml.plan.timing import check_countable
from tinyml.plan.values import Plan
from tinyml.project.built import Built
from tinyml.report.assemble import report
from tinyml.report.origin import simulate_command, tool_versions
from tinyml.report.page import write_report
from tinyml.target.board import Board
from tinyml.target.chip import Chip
from tinyml.values.image import Image, check_files
from tinyml.values.run import LayerTime, Run


@runtime_checkable
class ModelSimulator(Protocol):
    """A simulator that runs a model's functions, and can do without an image."""

    # Five values that a run depends on.
    def run_model(
        self,
        plan: Plan,
        image: Image | None,
        board: Board,
        inputs: tuple[tuple[Array, ...], ...],
        *,
        in_sequence: bool,
    ) -> Run:
        """Feeds every sample to the model."""


RANDOM_SAMPLES = 5  # when the user gives no inputs


def simulate(
    built: Built,
    inputs: Sequence[tuple[Array, ...]],
    *,
    simulator: str | None = None,
    in_sequence: bool | None = None,
) -> Run:
    """Boots the built image on an emulated core and feeds it every sample.

    ``in_sequence``: each goes on with the state that the one before has left; None: so it is for
    streaming models, for others each begins after a reset.

    Raises TinymlError when a sample is not what the model takes, BuildError when the build's files
    are not those that were built, DeviceError when a layer takes longer than the board counts.
    """
    check_countable(built.plan)
    check_inputs(built.plan.graph, inputs)
    is_sequence = built.plan.reference_graph.is_streaming if in_sequence is None else in_sequence
    run = _run(built, tuple(inputs), simulator or built.board.backends["simulator"], is_sequence)
    shapes = [built.plan.graph.tensors[index].shape for index in built.plan.graph.outputs]
    shaped = tuple(
        tuple(array.reshape(shape) for array, shape in zip(result, shapes, strict=True))
        for result in run.outputs
    )
    return on_two_cores(replace(run, outputs=shaped), built.plan, built.board.chip)


def on_two_cores(run: Run, plan: Plan, chip: Chip) -> Run:
    """The run with times as two cores take them, where an emulator with one ran halves in turn.

    A layer's instructions are apportioned to its halves as the plan has it; what it waited for
    memory is all of the first one's, since both would wait for the same.
    """
    if not uses_two_cores(plan) or not run.is_estimate or "two_cores" in run.details:
        return run
    core, seconds = chip.core.estimation, []
    each = core.cycles_per_instruction if core is not None else 1.0
    for step, layer in zip(plan.steps, run.layers, strict=True):
        halves = step.call.halves if step.call is not None else ()
        share = halves[1].instructions / step.call.instructions if halves and step.call else 0.0
        done = layer.instructions or 0
        work = min(layer.cycles, done * each)
        seconds.append(LayerTime(round(work * share), round(done * share)))
    times = with_halves(plan, chip, run.layers, seconds)
    details = {**run.details, "two_cores": shared_record(times.halves, chip)}
    details.pop("spread", None)  # of the halves in turn
    besides = run.total.cycles - sum(layer.cycles for layer in run.layers)
    total = LayerTime(times.total.cycles + besides, run.total.instructions)
    return replace(run, layers=times.layers, total=total, details=details)


def _run(
    built: Built, inputs: tuple[tuple[Array, ...], ...], simulator: str, in_sequence: bool
) -> Run:
    """One of the simulators on the samples."""
    from tinyml.backends import simulator_of

    chosen, board = simulator_of(simulator), built.board
    if isinstance(chosen, ModelSimulator):
        if built.image is not None:
            check_files(built.image)
        return chosen.run_model(built.plan, built.image, board, inputs, in_sequence=in_sequence)
    own = board.backends["simulator"]
    is_spare = own not in (simulator, NO_SIMULATOR)
    if built.missing is not None and is_spare and isinstance(simulator_of(own), ModelSimulator):
        raise ToolError(
            f"the simulator '{simulator}' runs linked images, and there is none: "
            f"{built.missing.message}",
            hint="leave out --simulator: then the model's own functions are simulated without one",
            where=board.name,
        )
    image = built.linked()
    check_files(image)
    if in_sequence:
        return chosen.run(image, board, inputs, in_sequence=True)
    return chosen.run(image, board, inputs)  # those of other packages need not know of sequences


def simulate_build(
    built: Built,
    samples: Samples,
    *,
    simulator: str | None = None,
    save: Path | None = None,
) -> Built:
    """Simulates a build on samples, verifies the outputs, completes the report.

    Raises MismatchError when an output differs from the integer reference, TinymlError when a
    label is no class of the model.
    """
    check_samples(built.plan.graph, samples)
    refuse_own(save, (), built.directory)
    with locked(built.directory):  # no other build puts its image there meanwhile
        return _simulated(built, samples, simulator, save)


def _simulated(built: Built, samples: Samples, simulator: str | None, save: Path | None) -> Built:
    graph = built.plan.graph
    board = built.board
    run = simulate(built, samples.inputs, simulator=simulator)
    details = dict(run.details)
    reference = reference_of(built.plan)
    if reference is not None:
        verify(reference, samples.inputs, run.outputs)
        details["equal_to_reference"] = len(samples.inputs)
    details |= score_details(graph, run.outputs, samples.labels)
    run = replace(run, details=details)
    command = simulate_command(built.plan, board, built.image, run, samples.file_name)
    tools = tool_versions(built.image, run)
    document = report(built.planned, built.image, run, command=command, tools=tools)
    files = [near(write_report(document, built.directory))]
    if save:
        write_samples(save, [graph.tensors[index] for index in graph.outputs], run.outputs)
        files.append(save)
    return replace(built, report=document, files=tuple(files))


def serve(built: Built, announce: Callable[[str], None]) -> None:
    """Serves the emulated board on a pseudo-terminal until interrupted."""
    from tinyml.backends import simulator_of
    from tinyml.simulate.pty import serve as serve_pty

    if isinstance(simulator_of(built.board.backends["simulator"]), ModelSimulator):
        raise ToolError(
            "here the model's functions are simulated, without the firmware around them: there is "
            "no serial line to serve",
            hint="leave out --serial",
            where=built.board.name,
        )
    serve_pty(built.linked(), built.board, announce)
