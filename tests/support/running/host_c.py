"""The generated C of a graph, compiled for this machine and run as a process.

Kernels shared by all layers (``optimize="size"``) are compiled with sanitizers and nothing taken
away, kernels specialised for each layer ("speed") with optimisation: sanitizers take minutes on
what inlines that much. Undefined behaviour ends in a trap: the calls that would describe it are two
fifths of the compiler's work. A program that traps is compiled again with them.
Inputs go in and outputs come out as raw bytes (firmware/port/bare/records.c).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tests.support.models.cases import Vector
from tests.support.running.laid_out import first_layout
from tests.support.values.plans import sharing
from tinyml.base import resources
from tinyml.codegen.generate import generate
from tinyml.conformance.targets import SANITIZERS, host_board
from tinyml.ir.graph import Array, Graph
from tinyml.ops.outside import firmware_folders
from tinyml.passes.expand import expand_ops
from tinyml.plan.planner import plan
from tinyml.plan.values import Plan
from tinyml.plan.verify import verify

WARNINGS = (
    *("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wmissing-prototypes"),
    *("-Wvla", "-Wdouble-promotion", "-Werror"),
)
TRAP = "-fsanitize-undefined-trap-on-error"  # the same checks, without words


def compiler(optimize: str) -> tuple[str, ...]:
    """A C compiler for this machine with flags: gcc or clang, else zig, which has no sanitizers."""
    for program in ("gcc", "clang"):
        path = shutil.which(program)
        if path:
            return (path, "-O2") if optimize == "speed" else (path, "-O0", "-g1", *SANITIZERS)
    return (sys.executable, "-m", "ziglang", "cc", "-O2")


def compile_graph(
    graph: Graph,
    folder: Path,
    *,
    optimize: str = "size",
    isa: tuple[str, ...] = (),
    singly: bool = False,
) -> Path:
    """Plans and generates a graph in ``folder`` and compiles it to a program."""
    board = host_board(isa)
    with first_layout(singly=singly, optimize=optimize):
        made = plan(expand_ops(graph), board, optimize=optimize)
    verify(made, board)
    return compile_plan(sharing(made) if optimize == "size" else made, folder)


def compile_plan(made: Plan, folder: Path, *extra: str) -> Path:
    """Generates a plan for ``host_board`` in ``folder`` and compiles it to a program.

    ``extra`` are more arguments of the compiler: objects, include folders.
    """
    sources = generate(made, None)
    for name, text in sources.files:
        (folder / name).write_text(text, encoding="utf-8")
    firmware = resources.path("firmware")
    program = folder / "program"
    words = compiler(made.optimize)
    command = [
        *words,
        *((TRAP,) if SANITIZERS[0] in words else ()),
        *("-std=c11", "-DTML_DEBUG"),
        *WARNINGS,
        *(f"-I{path}" for path in (folder, firmware / "include", *firmware_folders())),
        *("-o", str(program)),
        f"-DTML_MODEL={sources.name}_model",
        *(str(folder / name) for name in sources.compiled),
        str(firmware / "port" / "bare" / "records.c"),
        *extra,
    ]
    _run(command, b"")
    _argv_of(program).write_text(json.dumps(command), encoding="utf-8")
    return program


def run_program(program: Path, graph: Graph, vectors: Sequence[Vector]) -> list[Vector]:
    """Feeds the vectors to a compiled graph."""
    data = b"".join(np.ascontiguousarray(value).tobytes() for v in vectors for value in v)
    answer = _answer(program, data)
    offset, found = 0, []
    for _ in vectors:
        results: list[Array] = []
        for i in graph.outputs:
            tensor = graph.tensors[i]
            flat = np.frombuffer(answer, tensor.dtype.numpy, tensor.elements, offset)
            results.append(flat.reshape(tensor.shape))
            offset += tensor.nbytes
        found.append(tuple(results))
    assert offset == len(answer)
    return found


def run_on_host(
    graph: Graph,
    vectors: Sequence[Vector],
    folder: Path,
    *,
    optimize: str = "size",
    isa: tuple[str, ...] = (),
    singly: bool = False,
) -> list[Vector]:
    """The outputs of the generated C. ``isa`` offers kernels that any C compiler takes.

    ``singly``: the graph is layers that have nothing to do with each other.
    """
    program = compile_graph(graph, folder, optimize=optimize, isa=isa, singly=singly)
    return run_program(program, graph, vectors)


def _argv_of(program: Path) -> Path:
    return program.with_suffix(".json")


def _answer(program: Path, data: bytes) -> bytes:
    """What a program prints; where it traps, the failure has the sanitizer's words."""
    done = subprocess.run([str(program)], input=data, capture_output=True, check=False)
    if done.returncode < 0:  # a signal
        command = json.loads(_argv_of(program).read_text(encoding="utf-8"))
        _run([word for word in command if word != TRAP], b"")
        _run([str(program)], data)
    assert done.returncode == 0, _failed([str(program)], done)
    return done.stdout


def _run(command: Sequence[str], data: bytes) -> None:
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, _failed(command, done)


def _failed(command: Sequence[str], done: subprocess.CompletedProcess[bytes]) -> str:
    return f"{command[0]} failed with {done.returncode}:\n{done.stderr.decode()[-4000:]}"
