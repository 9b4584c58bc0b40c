"""Simulates a model's own functions, where a board's whole firmware cannot be booted here.

On boards whose firmware is a vendor's framework (ROM, boot loader, FreeRTOS, drivers) the emulated
core runs what is ours: the functions of the model, in the ELF file that the framework's build has
made, or, where there is none, linked alone. Instructions are exact, outputs are compared.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from tinyml.bare.run import ENGINES, Counted, run_bare, shared_record, with_halves
from tinyml.base.elf import Elf, read_elf
from tinyml.base.errors import ToolError, ToolMissing
from tinyml.codegen.calls import second_half
from tinyml.evaluate.samples import Samples
from tinyml.ir.graph import Array
from tinyml.plan.values import Plan
from tinyml.project.selftest import symbols_of
from tinyml.simulate.invoke import Invoked
from tinyml.simulate.lx7.functions import Functions, Mark
from tinyml.target.board import Board
from tinyml.values.image import Image
from tinyml.values.run import LayerTime, Run

XTENSA = 94  # of an ELF file
LAYER_DONE = "tml_layer_done"
MOST_CYCLES = 1 << 40  # of an inference

Vectors = tuple[tuple[Array, ...], ...]


class CoreSimulator:
    """The model's functions on the emulated core of the board."""

    name = "core"
    requires: tuple[str, ...] = ()

    def run(self, image: Image, board: Board, inputs: Vectors, *, in_sequence: bool = False) -> Run:
        """Nothing runs without the plan; see ``run_model``."""
        raise ToolError("the simulator 'core' runs models, and is told nothing of this one")

    # Five values that a run depends on.
    def run_model(
        self, plan: Plan, image: Image | None, board: Board, inputs: Vectors, *, in_sequence: bool
    ) -> Run:
        """Every sample on the emulated core; times are of the last one, with what it finds in the
        caches when it runs twice.

        Raises ToolMissing when nothing here links programs for the core, SimulationFault when the
        code does what the chip would not allow.
        """
        if board.chip.core.bare not in ENGINES:
            raise ToolError(
                f"the simulator 'core' is for firmware of a vendor's framework, and has no "
                f"'{board.chip.core.name}'",
                hint=f"use --simulator {board.backends['simulator']}",
                where=board.name,
            )
        if plan.runtime != "aot":
            raise ToolError(
                f"the simulator 'core' runs the C of the runtime aot, not of '{plan.runtime}'",
                hint="leave out --runtime, or run the firmware on the board: tinyml verify",
                where=board.name,
            )
        elf = read_elf(image.elf) if image is not None else None
        if elf is not None and elf.machine == XTENSA:
            return _in_image(elf, plan, board, inputs, in_sequence=in_sequence)
        return _alone(plan, board, inputs, in_sequence=in_sequence)


def _alone(plan: Plan, board: Board, inputs: Vectors, *, in_sequence: bool) -> Run:
    """The generated C linked without a framework."""
    engine = ENGINES[board.chip.core.bare]
    try:
        with tempfile.TemporaryDirectory() as folder:
            place, samples = Path(folder), Samples(inputs)
            found = run_bare(plan, board, samples, place, in_sequence=in_sequence)
    except ToolMissing as error:
        raise ToolMissing(
            f"there is no image to simulate, and nothing here links one: {error.message}",
            hint=f"install ESP-IDF, whose build is simulated; or {engine.install}",
        ) from error
    return _run(board, found.outputs, found, {"linked": "without a framework"})


def _watched(plan: Plan) -> tuple[str, ...]:
    """The functions whose calls tell times: second halves of layers, and ends of layers."""
    found: list[str] = []
    for number, step in enumerate(plan.steps):
        if step.call is not None and step.call.halves:
            found.append(second_half(number))
        found.append(LAYER_DONE)
    return tuple(found)


def _layers(
    marks: Sequence[Mark], names: Sequence[str], start: tuple[int, int]
) -> tuple[list[LayerTime], list[LayerTime]]:
    """What each layer took, from the end of one report of the firmware's to the next.

    And what its second half took, where there is one.
    """
    layers, seconds, second = [], [], LayerTime(0, 0)
    for name, mark in zip(names, marks, strict=True):
        if name != LAYER_DONE:
            second = _time(mark.before, mark.after)
            continue
        layers.append(_time(start, mark.before))
        seconds.append(second)
        start, second = mark.after, LayerTime(0, 0)
    return layers, seconds


def _time(start: tuple[int, int], end: tuple[int, int]) -> LayerTime:
    instructions, cycles = (end[i] - start[i] for i in range(2))
    return LayerTime(cycles, instructions)


def _run(board: Board, outputs: Vectors, found: Counted, details: dict[str, object]) -> Run:
    model = ENGINES[board.chip.core.bare].timing_model
    if found.halves:
        details = {**details, "two_cores": shared_record(found.halves, board.chip)}
    return Run(
        board=board.name,
        target=CoreSimulator.name,
        is_estimate=True,
        clock_hz=board.chip.clock_hz,
        outputs=outputs,
        layers=found.layers,
        total=found.total,
        stack_bytes=found.stack_bytes,
        details={"timing_model": model or "instructions, one cycle each", **details},
    )


def _in_image(elf: Elf, plan: Plan, board: Board, inputs: Vectors, *, in_sequence: bool) -> Run:
    """The model's functions in the ELF file of a framework's build."""
    names = _watched(plan)
    core = Functions(elf, board, watched=names)
    running = Invoked(core, elf, plan.graph, symbols_of(plan.graph), entry="")
    outputs: list[tuple[Array, ...]] = []
    for sample in (*inputs, inputs[-1]):
        if not in_sequence:
            running.reset()
        core.marks.clear()
        start = core.counters
        outputs.append(running.outputs(sample, MOST_CYCLES))
    outputs.pop()
    if len(core.marks) != len(names):
        ended = len(core.marks) - sum(name != LAYER_DONE for name in names[: len(core.marks)])
        raise ToolError(
            f"the image says when {ended} layers end, and the plan has {len(plan.steps)}",
            hint="build with the agent (without --no-agent), and again after the model has changed",
        )
    times = with_halves(plan, board.chip, *_layers(core.marks, names, start))
    found = (times.layers, times.total, core.stack_bytes, 0, 0, times.halves)
    counted = Counted(tuple(outputs), *found)
    return _run(board, counted.outputs, counted, {"linked": "by the framework's build"})
