"""Where a model runs: this machine's C compiler, a board on its emulated core, a bare core."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

from tinyml.base import process, resources
from tinyml.base.errors import BoardError, ToolError
from tinyml.base.process import Command
from tinyml.codegen.generate import generate
from tinyml.conformance.merge import joined, merged
from tinyml.conformance.values import Case, Vector
from tinyml.ir.graph import Graph
from tinyml.ops.outside import firmware_folders
from tinyml.passes import run_passes
from tinyml.plan.code_size import shareable
from tinyml.plan.fit import fit, require
from tinyml.plan.planner import plan
from tinyml.plan.values import Plan
from tinyml.plan.verify import verify
from tinyml.target.board import Board
from tinyml.target.boards import load_board
from tinyml.target.chip import Chip, Region
from tinyml.target.cores import core_named
from tinyml.target.memory import Budget

HOST = "host"
TFLM = "tflm"
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
OPTIMIZE = "-O1"  # a real network runs several times as long without
_MEMORY_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Way:
    """How to build for a target."""

    target: str
    optimize: str = "balanced"
    is_shared: bool = False  # one instance of each kernel serves all layers: quick to compile


def check_target(name: str) -> None:
    """Raises BoardError or ToolError when nothing can run there."""
    if name in (HOST, TFLM):
        return
    board = load_board(name)
    if not _has_simulator(board) and board.chip.core.bare not in _engines():
        raise BoardError(
            f"nothing here emulates the core {board.chip.core.name} of '{name}'",
            hint="give another --on",
        )


def outputs_on(way: Way, cases: Sequence[Case], folder: Path) -> tuple[Vector, ...]:
    """What a program of all the cases computes there, per vector of ``merged``.

    ``folder`` keeps objects from build to build. Raises DoesNotFit, or whatever goes wrong.
    """
    board = _board_of(way.target)
    plans = [_planned(way, case) for case in cases]
    made = joined(plans, board) if len(plans) > 1 else plans[0]
    verify(made, board)
    if way.is_shared:
        calls = [step.call for step in made.steps if step.call]
        made = replace(made, shared=shareable(calls, board.chip.core))
    folder.mkdir(parents=True, exist_ok=True)
    _, vectors = merged(cases)
    if way.target == HOST:
        return _on_host(made, vectors, folder)
    require(fit(made, board))
    if _has_simulator(board):
        return _on_board(made, board, vectors, folder)
    return _on_core(made, board, vectors, folder)


@cache  # every model of a run asks
def _board_of(target: str) -> Board:
    return host_board() if target == HOST else load_board(target)


@lru_cache(maxsize=256)  # a batch that does not fit comes again, in halves
def _planned(way: Way, case: Case) -> Plan:
    board = _board_of(way.target)
    # A folder of builds belongs to one model: all take the name of their program.
    source = replace(case.graph.source, file_name="batch.tflite")
    graph = replace(case.graph, name="model", source=source)
    return replace(plan(run_passes(graph), board, optimize=way.optimize), as_read=graph)


def _on_board(
    made: Plan, board: Board, vectors: Sequence[Vector], folder: Path
) -> tuple[Vector, ...]:
    from tinyml.project.pipeline import build_plan
    from tinyml.project.selftest import outputs_of_image
    from tinyml.project.settings import Settings

    settings = Settings(made.optimize, directory=folder, self_test=False)
    built = build_plan(made, board, settings)
    in_sequence = bool(made.graph.variables)
    found = outputs_of_image(
        *(made, board, built.linked(), vectors), in_sequence=in_sequence, is_watched=True
    )
    return tuple(found)


def _on_core(
    made: Plan, board: Board, vectors: Sequence[Vector], folder: Path
) -> tuple[Vector, ...]:
    from tinyml.bare.run import run_bare
    from tinyml.evaluate.samples import Samples

    for old in folder.iterdir():
        old.unlink()
    return run_bare(made, board, Samples(tuple(vectors)), folder).outputs


def _on_host(made: Plan, vectors: Sequence[Vector], folder: Path) -> tuple[Vector, ...]:
    """The C of the plan as a program of this machine, with sanitizers."""
    sources = generate(made, None)
    for name, text in sources.files:
        (folder / name).write_text(text, encoding="utf-8")
    firmware, program = resources.path("firmware"), folder / "program"
    records = firmware / "port" / "bare" / "records.c"
    files = (*(folder / name for name in sources.compiled), records)
    includes = (folder, firmware / "include", *firmware_folders())
    process.run(
        Command(
            (
                *_compiler(),
                *("-std=c11", OPTIMIZE, "-g1", "-fno-strict-aliasing", "-DTML_DEBUG"),
                f"-DTML_MODEL={sources.name}_model",
                *(f"-I{path}" for path in includes),
                *("-o", str(program)),
                *map(str, files),
            )
        )
    )
    data = b"".join(np.ascontiguousarray(value).tobytes() for v in vectors for value in v)
    return _cut(process.feed(Command((str(program),)), data), made.graph, len(vectors))


def _cut(answer: bytes, graph: Graph, count: int) -> tuple[Vector, ...]:
    """Raw outputs as arrays."""
    tensors = [graph.tensors[i] for i in graph.outputs]
    if len(answer) != count * sum(tensor.nbytes for tensor in tensors):
        raise ToolError(f"the program ended after {len(answer)} bytes of outputs")
    rows, at = [], 0
    for _ in range(count):
        row = []
        for tensor in tensors:
            flat = np.frombuffer(answer, tensor.dtype.numpy, tensor.elements, at)
            row.append(flat.reshape(tensor.shape))
            at += tensor.nbytes
        rows.append(tuple(row))
    return tuple(rows)


def _compiler() -> tuple[str, ...]:
    """gcc or clang with sanitizers; the compiler of the ziglang wheel where there is none."""
    from tinyml.backends.toolchains import zig

    for name in ("gcc", "clang"):
        found = shutil.which(name)
        if found:
            return (found, *SANITIZERS)
    return (str(zig().program), "cc")


def _has_simulator(board: Board) -> bool:
    """Whether whole images run here; others' models run alone."""
    return board.backends["simulator"] != "none" and not board.chip.core.bare


def _engines() -> tuple[str, ...]:
    from tinyml.bare.run import ENGINES

    return tuple(ENGINES)


def host_board(isa: tuple[str, ...] = ()) -> Board:
    """This machine as a board with plenty of memory; ``isa`` offers kernels that any C takes."""
    flash = Region("flash", "flash", 0x08000000, _MEMORY_BYTES)
    memory = Region("memory", "ram", 0x20000000, _MEMORY_BYTES)
    return made_board(HOST, flash, memory, isa=isa)


def made_board(
    name: str, *regions: Region, core: str = "cortex-m4", isa: tuple[str, ...] = ()
) -> Board:
    """A board without a file; its first region is flash, its RAM is filled to the last byte."""
    chip = Chip(
        name=name,
        title=name,
        source="no board",
        core=core_named(core),
        isa=isa,
        clock_hz=100_000_000,
        reset_clock_hz=4_000_000,
        regions=regions,
        boot_region=regions[0].name,
        port=(),
        cycle_counter="dwt",
        timer=None,
        uart=None,
        defines={},
        ready=(),
    )
    return Board(
        name=name,
        title=name,
        source="no board",
        chip=chip,
        usb=(),
        ram=tuple(Budget(region.name, region.nbytes) for region in regions[1:]),
        flash=Budget(regions[0].name, regions[0].nbytes),
        stack_bytes=0,
        backends={},
        baud=115_200,
        defines={},
        options={},
    )
