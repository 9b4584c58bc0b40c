"""Flash and stack of the functions of a program, as the compiler of the ziglang wheel makes them.

The programs are the rows of tests/ops, all of an operator in one: once with one instance of each
kernel that all layers share (-Os), once specialised for every layer (-O3).
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.models.cases import load_cases, merge
from tinyml.backends.toolchains import COMMON_FLAGS, zig
from tinyml.base import process, resources
from tinyml.base.elf import read_elf
from tinyml.base.process import Command
from tinyml.codegen.generate import generate
from tinyml.conformance.targets import host_board
from tinyml.passes.expand import expand_ops
from tinyml.plan.code_size import shareable
from tinyml.plan.planner import plan
from tinyml.plan.values import Plan
from tinyml.target.boards import load_board

BOARDS = ("nucleo_l4r5zi", "nucleo_g0b1re", "esp32c3")  # Cortex-M4, Cortex-M0+, RV32IMC
LEVELS = {"shared": "-Os", "layers": "-O3"}
_NOT_CODE = re.compile(r"\s*\.(file|ident)\b.*")


@dataclass(frozen=True, slots=True)
class Function:
    """What a function takes."""

    code_bytes: int
    stack_bytes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One operator on one core, in one form."""

    core: str
    kernels: str  # "plain", or "own": those for the core's instructions
    operator: str
    form: str  # of LEVELS
    digest: str  # of the assembler's text: equal code has an equal one
    functions: tuple[tuple[str, Function], ...]

    @property
    def key(self) -> str:
        """Core, kernels, operator and form in one word."""
        return "/".join((self.core, self.kernels, self.operator, self.form))


def measure(path: Path) -> tuple[Measured, ...]:
    """The rows of a file of tests/ops on every core."""
    return tuple(_measure(path))


def _measure(path: Path) -> Iterator[Measured]:
    graph = expand_ops(merge(load_cases(path).cases, path.stem).graph)
    for name in BOARDS:
        chip = load_board(name).chip
        for kernels, isa in (("plain", ()), ("own", chip.isa)):
            board = host_board(isa)
            board = replace(board, chip=replace(board.chip, core=chip.core))
            for form in LEVELS:
                made = plan(graph, board, optimize="speed")
                if form == "shared":
                    calls = [step.call for step in made.steps if step.call]
                    made = replace(made, shared=shareable(calls, chip.core))
                with tempfile.TemporaryDirectory() as folder:
                    digest, functions = compiled(made, chip.core.clang, LEVELS[form], Path(folder))
                yield Measured(chip.core.name, kernels, path.stem, form, digest, functions)


def compiled(
    made: Plan, core: tuple[str, ...], level: str, folder: Path
) -> tuple[str, tuple[tuple[str, Function], ...]]:
    """Digest of a plan's code, and its functions; ``core`` are the compiler's words for it."""
    sources = generate(made, None)
    for name, text in sources.files:
        (folder / name).write_text(text, encoding="utf-8")
    firmware, chain = resources.path("firmware"), zig()
    clang = (str(chain.program), "clang", "--no-default-config", *core)
    include = (folder, firmware, firmware / "include", firmware / "libc")
    options = (
        *("-nostdinc", *COMMON_FLAGS, "-g0", level, "-fstack-usage", "-S"),
        *(f"-I{item}" for item in include),
        *("-isystem", str(chain.library / "include")),
    )
    source, text, made_object = (folder / f"{sources.name}{end}" for end in (".c", ".s", ".o"))
    process.run(Command((*clang, *options, str(source), "-o", str(text))))
    process.run(Command((*clang, "-c", str(text), "-o", str(made_object))))
    lines = [line for line in text.read_text().splitlines() if not _NOT_CODE.fullmatch(line)]
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    stacks = dict(_stacks(text.with_suffix(".su")))
    symbols = (item for item in read_elf(made_object).symbols if item.kind == "function")
    found = {item.name: Function(item.nbytes, stacks[item.name]) for item in symbols}
    own = f"{sources.name}_"  # <model>_input() and others: only the one that runs all layers counts
    kernels = {name: size for name, size in found.items() if not name.startswith(own)}
    return digest, tuple(sorted((kernels | {"invoke": found[own + "invoke"]}).items()))


def _stacks(path: Path) -> Iterator[tuple[str, int]]:
    """Function and bytes of each line "file.c:12:6:function <tab> bytes <tab> static"."""
    for line in path.read_text().splitlines():
        place, nbytes, _ = line.split("\t")
        yield place.rsplit(":", 1)[1], int(nbytes)
