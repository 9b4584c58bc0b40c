"""The live part of a report: the model's C as WebAssembly, and what the reference computes.

Each operator is a layer of its own here, so that every output can be seen; where the firmware
computes several in one, row by row, these values are the same. Kernels for an instruction set are
C with its instructions, which no browser has: plain ones take their place, and those that any
compiler takes stay.
"""

from __future__ import annotations

import base64
import hashlib
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from tinyml import __version__
from tinyml.backends import wasm
from tinyml.backends.toolchains import zig
from tinyml.base import process, resources
from tinyml.base.errors import TinymlError, ToolMissing
from tinyml.codegen.generate import generate
from tinyml.evaluate.samples import Samples, check_samples
from tinyml.ir.graph import Array, Graph, Tensor
from tinyml.model.file import read_model
from tinyml.ops import layer_of
from tinyml.ops.outside import firmware_folders
from tinyml.ops.reference import expected, run, runs
from tinyml.passes import run_passes
from tinyml.plan.code_size import shareable
from tinyml.plan.planner import RUNTIME, plan_steps
from tinyml.plan.singles import singles_of
from tinyml.plan.values import Plan
from tinyml.plan.verify import verify
from tinyml.project.everywhere import known_board
from tinyml.project.samples import SAMPLES_FILE, few_of, kept_samples
from tinyml.project.selftest import samples_for
from tinyml.report.beside import TITLES
from tinyml.report.live import (
    Live,
    LiveLayer,
    LiveSample,
    LiveTensor,
    read_live,
    write_live,
)
from tinyml.report.report import Report
from tinyml.runtimes import runtime_of
from tinyml.target.board import Board
from tinyml.target.chip import Region
from tinyml.target.cores import families
from tinyml.target.memory import Budget
from tinyml.values.goal import Goal

PAGE = "port/wasm/page.c"  # of firmware/
MEMORY_BYTES = 256 << 20  # of the browser's, as if it were a board's
MOST_BYTES = 3 << 20  # of a module that a page takes


def complete_live(report: Report, directory: Path, samples: Samples | None = None) -> None:
    """Makes the live part of a build's page, unless that was done of this very build.

    ``samples`` are some that its page offers instead of those of the build. What cannot be made is
    said on the page. Raises TinymlError when the model beside the report is another one.
    """
    held, key = read_live(report, directory), _key(report, directory)
    if samples is not None or held is None or held.missing or held.key != key:
        made = make_live(report, directory, samples)
        if made is not None:
            write_live(replace(made, key=key), directory)


def make_live(report: Report, directory: Path, samples: Samples | None = None) -> Live | None:
    """The live part of a build's page; None without its model there. Raises as above."""
    path = directory / report.model["file"]
    board = known_board(report, directory)
    if not path.is_file() or board is None:
        return None
    model = read_model(path)
    if model.sha256 != report.model["sha256"]:
        raise TinymlError("is not the model of the report", hint="build again", where=str(path))
    if report.runtime != RUNTIME:
        title = TITLES.get(report.runtime, report.runtime)
        why = f"it is run by {title}; a build with --runtime {RUNTIME} has a live page"
        return replace(_empty(report, board), missing=why)
    try:
        graph = runtime_of(RUNTIME).load(model)
        return live_of(graph, board, report, samples or _compiled_in(graph, directory))
    except TinymlError as error:
        hint = f" ({error.hint})" if isinstance(error, ToolMissing) else ""
        why = f"{error.message.splitlines()[0]}{hint}"
        return replace(_empty(report, board), missing=why)


def _compiled_in(graph: Graph, directory: Path) -> Samples | None:
    """The samples that the firmware has."""
    kept = kept_samples(directory, graph)
    return kept and replace(kept, file_name="compiled into the firmware")


def _empty(report: Report, board: Board) -> Live:
    """The live part that has no model."""
    return Live(report.model["sha256"], report.board["name"], __version__, baud=board.baud)


def _key(report: Report, directory: Path) -> str:
    """A hash of the build and its samples."""
    samples = directory / SAMPLES_FILE
    held = samples.read_bytes() if samples.is_file() else b""
    return hashlib.sha256(report.fingerprint.encode() + held).hexdigest()[:12]


def live_of(graph: Graph, board: Board, report: Report, samples: Samples | None = None) -> Live:
    """The live part of a model, with some of the samples, or random ones.

    Raises TinymlError when it cannot be made here.
    """
    plan = live_plan(graph, board)
    module = wasm_module(plan)
    if len(module) > MOST_BYTES:
        raise TinymlError(
            f"as WebAssembly the model takes {len(module) / 1024:,.0f} KB, a page has room for "
            f"{MOST_BYTES >> 10:,} KB"
        )
    made_up = samples_for(plan)
    chosen = Samples(made_up) if samples is None else few_of(samples, len(made_up))
    check_samples(graph, chosen)
    return replace(
        _empty(report, board),
        module=base64.b64encode(module).decode(),
        inputs=tuple(_tensor(graph.tensors[i]) for i in graph.inputs),
        outputs=tuple(_tensor(graph.tensors[i]) for i in graph.outputs),
        layers=tuple(_layers(plan, report)),
        samples=_samples(graph, plan.graph, chosen),
        samples_from=chosen.file_name or "made at random",
        is_streaming=graph.is_streaming,
    )


def live_plan(graph: Graph, board: Board) -> Plan:
    """The model for a browser: one operator a layer, each on its fastest kernel that is plain C."""
    simple, place = run_passes(graph), _in_browser(board)
    layers = tuple(layer_of(op, simple) for op in simple.ops)
    core = place.chip.core
    steps = tuple(ways[0] for ways in singles_of(simple, layers, place.chip.isa, core))
    made, _ = plan_steps(simple, steps, place, Goal("size", agent=False))
    verify(made, place)
    calls = [step.call for step in made.steps if step.call]
    return replace(made, as_read=graph, shared=shareable(calls, core))


def wasm_module(plan: Plan) -> bytes:
    """The C of a plan as a WebAssembly module; raises ToolError without its compiler."""
    chain, sources = zig(), generate(plan, None)
    firmware = resources.path("firmware")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in sources.files:
            (folder / file).write_text(text, encoding="utf-8")
        folders = (folder, firmware / "include", firmware / "libc", *firmware_folders())
        defines = (("TML_PROFILE", "1"), ("TML_MODEL", f"{sources.name}_model"))
        files = [*(folder / file for file in sources.compiled)]
        files += [firmware / PAGE, firmware / "libc" / "string.c"]
        objects = [folder / f"{number}.o" for number in range(len(files))]
        process.run_all(
            [
                wasm.compile_command(chain, file, item, folders=folders, defines=defines)
                for file, item in zip(files, objects, strict=True)
            ]
        )
        process.run(wasm.link_command(chain, objects, folder / "model.wasm"))
        return (folder / "model.wasm").read_bytes()


def _in_browser(board: Board) -> Board:
    """The board with memory for anything, and of its instruction sets those that are any C."""
    portable = {family.name for family in families()}
    flash = Region("flash", "flash", 0, MEMORY_BYTES)
    memory = Region("memory", "ram", MEMORY_BYTES, MEMORY_BYTES)
    chip = replace(
        board.chip,
        isa=tuple(name for name in board.chip.isa if name in portable),
        regions=(flash, memory),
        boot_region=flash.name,
    )
    return replace(
        board,
        chip=chip,
        ram=(Budget(memory.name, MEMORY_BYTES),),
        flash=Budget(flash.name, MEMORY_BYTES),
        libraries=(),
        cores=1,
    )


def _samples(graph: Graph, simple: Graph, samples: Samples) -> tuple[LiveSample, ...]:
    """What the model as it was read gives, and each operator of the one that was compiled."""
    inputs = samples.inputs
    values = runs(simple, inputs) if graph.is_streaming else (run(simple, each) for each in inputs)
    labels = samples.labels or (None,) * len(inputs)
    rows = zip(inputs, labels, expected(graph, inputs), values, strict=True)
    return tuple(
        LiveSample(
            tuple(map(_base64, sample)),
            tuple(map(_base64, outputs)),
            tuple(checksum(held[op.outputs[0]]) for op in simple.ops),
            label,
        )
        for sample, label, outputs, held in rows
    )


def checksum(values: Array | None) -> int:
    """CRC-32 of a tensor's bytes; zeros of either sign, and all that is no number, are the same."""
    assert values is not None
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.float32(np.nan), values + np.float32(0))
    return zlib.crc32(np.ascontiguousarray(values).tobytes())


def _base64(values: Array) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _tensor(tensor: Tensor) -> LiveTensor:
    quant = tensor.quant if tensor.dtype.is_quantised else None
    scale, zero_point = (float(quant.scale), quant.zero_point) if quant else (0.0, 0)
    return LiveTensor(tensor.name, tensor.shape, tensor.dtype.name, scale, zero_point)


def _layers(plan: Plan, report: Report) -> Iterator[LiveLayer]:
    """The operators in order, each with the layer of the report that computes it."""
    place = 0
    for step in plan.steps:
        op = plan.graph.ops[step.ops[-1]]
        kernel = step.call.function if step.call else ""
        tensor = _tensor(plan.graph.tensors[op.outputs[0]])
        yield LiveLayer(place, op.kind, kernel, tensor)
        is_last = op.name == report.layers[place].name  # of those that the layer computes
        place = min(place + is_last, len(report.layers) - 1)
