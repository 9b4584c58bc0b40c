"""Programs of a plan for a core whose boards have no simulator.

``firmware/port/bare/main.c`` feeds the model and counts: nothing of a vendor. What is particular to
a core is a ``BareCore``: a compiler, a linker script, an emulator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from tinyml.bare.riscv import Rv32
from tinyml.bare.xtensa import Lx7
from tinyml.base import resources
from tinyml.base.elf import ElfSection, read_elf
from tinyml.base.errors import InternalError, ToolError
from tinyml.codegen.generate import generate
from tinyml.evaluate.samples import Samples
from tinyml.ir.graph import Array, Tensor
from tinyml.ops.outside import firmware_folders
from tinyml.plan.values import Plan
from tinyml.target.board import Board
from tinyml.target.chip import Chip
from tinyml.values.run import Halves, LayerTime


class BareCore(Protocol):
    """How programs for a core are made and run."""

    def build(self, sources: Sequence[Path], flags: Sequence[str], folder: Path) -> Path:
        """Compiles and links a program; raises ToolError when a tool is missing or fails."""

    install: str
    """What brings its programs, for people."""
    timing_model: str
    """What cycles are made from; "" when each instruction counts as one."""

    def run(self, program: Path, given: bytes, timed_on: Chip | None = None) -> bytes:
        """What a program wrote that got ``given`` to read.

        Its counter counts instructions, or cycles of a chip, which has this core.
        """


ENGINES: dict[str, BareCore] = {"riscv": Rv32(), "xtensa": Lx7()}  # by a core's key 'bare'


@dataclass(frozen=True, slots=True)
class Timed:
    """The times of a run."""

    layers: tuple[LayerTime, ...]
    total: LayerTime
    halves: tuple[Halves, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """What a run tells that is measured."""

    outputs: tuple[tuple[Array, ...], ...]  # of every sample
    layers: tuple[LayerTime, ...]
    total: LayerTime
    stack_bytes: int
    ram_bytes: int  # variables, the arena among them
    flash_bytes: int
    halves: tuple[Halves, ...] = ()  # of layers that two cores share; they ran in turn


def _engine_of(board: Board) -> BareCore:
    core = ENGINES.get(board.chip.core.bare)
    if core is None:
        raise ToolError(f"nothing here runs programs of the core '{board.chip.core.name}'")
    return core


def run_bare(
    plan: Plan, board: Board, samples: Samples, folder: Path, *, in_sequence: bool = True
) -> Counted:
    """A plan's C built for the board's core and run there; sizes are those of all that is linked.

    Raises ToolError. Where the core has no model of its pipeline each instruction is one cycle.
    """
    core = _engine_of(board)
    program = program_of(core, plan, board, folder, in_sequence=in_sequence)
    sections = [item for item in read_elf(program).sections if item.name != ".host"]
    _check_places(sections, board.chip)
    given = b"".join(array.tobytes() for sample in samples.inputs for array in sample)
    answer = core.run(program, given)
    # Twice the last sample: what the first run leaves in the caches is there for the second.
    again = 2 * b"".join(array.tobytes() for array in samples.inputs[-1])
    timed = core.run(program, again, board.chip) if core.timing_model else answer
    made = [plan.graph.tensors[i] for i in plan.graph.outputs]
    wanted = len(samples.inputs) * sum(tensor.nbytes for tensor in made) + 4 + 8 * len(plan.steps)
    if len(answer) != wanted:
        raise ToolError(f"the program ended after {len(answer)} of {wanted} bytes of results")
    outputs, at = _outputs(answer, made, samples)
    (stack_bytes,) = np.frombuffer(answer, np.uint32, 1, at).tolist()
    (steps, second_steps), (cycles, second_cycles) = (
        np.frombuffer(words, np.uint32, offset=len(words) - 8 * len(plan.steps))
        .reshape(2, -1)
        .tolist()
        for words in (answer, timed)
    )
    seconds = tuple(map(LayerTime, second_cycles, second_steps))
    found = with_halves(plan, board.chip, tuple(map(LayerTime, cycles, steps)), seconds)
    return Counted(
        outputs,
        found.layers,
        found.total,
        stack_bytes,
        sum(item.nbytes for item in sections if item.is_writable),
        sum(item.nbytes for item in sections if item.is_loaded),
        found.halves,
    )


def shared_record(halves: Sequence[Halves], chip: Chip) -> dict[str, object]:
    """What a run's details say of layers that two cores share."""
    handover = chip.second_core.handover_cycles if chip.second_core is not None else 0
    return {"handover_cycles": handover, "layers": [asdict(item) for item in halves]}


def with_halves(
    plan: Plan, chip: Chip, in_turn: Sequence[LayerTime], seconds: Sequence[LayerTime]
) -> Timed:
    """Times of layers of which halves ran in turn, as two cores take them.

    ``seconds``: of each layer's second half.
    """
    layers, halves = list(in_turn), []
    for number, step in enumerate(plan.steps):
        if step.call is None or not step.call.halves or chip.second_core is None:
            continue
        whole, second = in_turn[number], seconds[number]
        done = ((whole.instructions or 0), (second.instructions or 0))
        first = LayerTime(whole.cycles - second.cycles, done[0] - done[1])
        halves.append(Halves(number, first, second))
        layers[number] = halves[-1].at_once(chip.second_core.handover_cycles)
    cycles = sum(layer.cycles for layer in layers)
    total = LayerTime(cycles, sum(layer.instructions or 0 for layer in layers))
    return Timed(tuple(layers), total, tuple(halves))


def program_of(
    core: BareCore, plan: Plan, board: Board, folder: Path, *, in_sequence: bool
) -> Path:
    """The plan's C and what feeds it, linked."""
    sources = generate(plan, board)
    for name, text in sources.files:
        (folder / name).write_text(text, encoding="utf-8")
    firmware = resources.path("firmware")
    folders = (folder, *firmware_folders(), firmware / "include", firmware / "libc")
    order = f"TML_IN_SEQUENCE={int(in_sequence)}"
    defines = ("TML_PROFILE=1", f"TML_MODEL={sources.name}_model", order)
    flags = [*(f"-D{item}" for item in defines), *(f"-I{i}" for i in folders)]
    main = firmware / "port" / "bare" / "main.c"
    files = (*sorted(folder.glob("*.c")), main, firmware / "libc" / "string.c")
    return core.build(files, flags, folder)


def _check_places(sections: Sequence[ElfSection], chip: Chip) -> None:
    """Raises InternalError where variables lie in flash: accesses would be timed like its own."""
    for region in (item for item in chip.regions if item.kind == "flash"):
        for item in sections:
            if item.is_writable and region.holds(item.address):
                raise InternalError(
                    f"{item.name} of the linked program lies at 0x{item.address:08X}, in "
                    f"'{region.name}' of {chip.name}"
                )


def _outputs(
    answer: bytes, tensors: Sequence[Tensor], samples: Samples
) -> tuple[tuple[tuple[Array, ...], ...], int]:
    """The outputs of each sample, and where they end."""
    outputs, at = [], 0
    for _ in samples.inputs:
        arrays = []
        for tensor in tensors:
            flat = np.frombuffer(answer, tensor.dtype.numpy, tensor.elements, at)
            arrays.append(flat.reshape(tensor.shape))
            at += tensor.nbytes
        outputs.append(tuple(arrays))
    return tuple(outputs), at
