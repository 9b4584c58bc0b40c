"""``python -m benchmarks.riscv``: instructions of the kernels on an emulated RISC-V core (rv32imc).

No board with such a core has a simulator, so this runs the generated C alone: no start-up code, no
port. Counts are exact; outputs are compared with the reference.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
import ziglang

from benchmarks.__main__ import DIGITS, ROOT
from benchmarks.models import write_models
from benchmarks.tables import markdown
from tinyml import api, process, resources
from tinyml.backends.base import Command
from tinyml.backends.cores import core_of
from tinyml.codegen.generate import generate
from tinyml.elf import read_elf
from tinyml.inputs import random_samples
from tinyml.plan.values import Plan

BOARD = "esp32c3"
_CODE, _DATA, _ROOM = 0x4200_0000, 0x3FC8_0000, 0x10_0000
_MAIN = """
#include "{name}.h"
int done;
void run(void) {{ {name}_invoke(); *(volatile int *)&done = 1; for (;;) {{ }} }}
"""
_LINK = f"""
ENTRY(run)
SECTIONS
{{
    . = {_CODE:#x};
    .text : {{ *(.text*) *(.rodata*) *(.srodata*) }}
    . = {_DATA:#x};
    .data : {{ *(.data*) *(.sdata*) *(.bss*) *(.sbss*) *(COMMON) }}
}}
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """One model's instructions with the plain kernels and with those that are picked."""

    model: str
    plain: int
    picked: int


def count(path: Path) -> Counted:
    """Runs a model twice; raises MismatchError when an output is not exact."""
    board = api.load_board(BOARD)
    plain = replace(board, chip=replace(board.chip, isa=()))
    graph = api.load(path)
    counts = [
        instructions(api.plan(graph, item, optimize="speed"), item.chip.core)
        for item in (plain, board)
    ]
    return Counted(path.stem, *counts)


def instructions(plan: Plan, core: str) -> int:
    """Executed instructions of an inference on random inputs."""
    sample = random_samples(plan.graph, 1).inputs[0]
    with tempfile.TemporaryDirectory(prefix="tinyml-riscv-") as folder:
        outputs, executed = _emulate(_build(plan, core, Path(folder)), plan, sample)
    api.verify(plan.graph, [sample], [outputs])
    return executed


def _build(plan: Plan, core: str, folder: Path) -> Path:
    sources = generate(plan, None)
    texts = [*sources.files, ("main.c", _MAIN.format(name=sources.name)), ("link.ld", _LINK)]
    for name, text in texts:
        (folder / name).write_text(text, encoding="utf-8")
    firmware, zig = resources.path("firmware"), Path(ziglang.__file__).parent
    folders = (folder, firmware, firmware / "include", firmware / "libc")
    flags = (
        *core_of(core, "zig").clang,
        *("-std=c11", "-O3", "-fno-strict-aliasing", "-nostdinc", "-ffunction-sections"),
        *("-isystem", str(zig / "lib" / "include")),
        *(f"-I{item}" for item in folders),
    )
    objects = []
    for source in (*sorted(folder.glob("*.c")), firmware / "libc" / "string.c"):
        objects.append(str(folder / f"{source.stem}.o"))
        argv = (str(zig / "zig"), "clang", *flags, "-c", str(source), "-o", objects[-1])
        process.run(Command(argv))
    elf = folder / "model.elf"
    link = (str(zig / "zig"), "ld.lld", "-T", str(folder / "link.ld"), "--gc-sections")
    process.run(Command((*link, *objects, "-o", str(elf))))
    return elf


def _emulate(
    elf: Path, plan: Plan, sample: tuple[np.ndarray, ...]
) -> tuple[tuple[np.ndarray, ...], int]:
    import unicorn
    from unicorn import riscv_const

    image = read_elf(elf)
    core = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
    core.mem_map(_CODE, 8 * _ROOM)
    core.mem_map(_DATA, _ROOM)
    for segment in image.segments:
        core.mem_write(segment.address, segment.data)
    at = {symbol.name: symbol.address for symbol in image.symbols}

    def place(tensor: int) -> int:
        placed = plan.tensors[tensor]
        assert placed is not None
        return int(at["arena"]) + placed.offset

    for tensor, values in zip(plan.graph.inputs, sample, strict=True):
        core.mem_write(place(tensor), values.tobytes())
    lengths: dict[int, int] = {}
    runs: Counter[int] = Counter()

    def on_block(_core: object, address: int, nbytes: int, _data: object) -> None:
        if address not in lengths:
            lengths[address] = _count(bytes(core.mem_read(address, nbytes)))
        runs[address] += 1

    core.hook_add(unicorn.UC_HOOK_BLOCK, on_block)
    core.hook_add(
        unicorn.UC_HOOK_MEM_WRITE,
        lambda *_: core.emu_stop(),
        begin=at["done"],
        end=at["done"] + 3,
    )
    core.reg_write(riscv_const.UC_RISCV_REG_SP, _DATA + _ROOM)
    core.emu_start(at["run"], _CODE + 8 * _ROOM)
    outputs = []
    for tensor in plan.graph.outputs:
        made = plan.graph.tensors[tensor]
        data = bytes(core.mem_read(place(tensor), made.nbytes))
        outputs.append(np.frombuffer(data, made.dtype).reshape(made.shape))
    return tuple(outputs), sum(lengths[address] * times for address, times in runs.items())


def _count(code: bytes) -> int:
    """Instructions of a basic block: those whose lowest two bits are set take four bytes."""
    found = at = 0
    while at < len(code):
        at += 4 if code[at] & 3 == 3 else 2
        found += 1
    return found


@click.command()
@click.option(
    "--models", type=click.Path(path_type=Path), default=ROOT.parent / "shared" / "models"
)
def main(models: Path) -> None:
    """Prints a table of all models."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="tinyml-models-") as folder:
        for path in (DIGITS, *write_models(Path(folder)), *sorted(models.glob("*.tflite"))):
            item = count(path)
            ratio = f"{item.plain / item.picked:.2f}x fewer"
            rows.append((item.model, "rv32imc", f"{item.plain:,}", f"{item.picked:,}", ratio))
    click.echo(markdown(("model", "core", "plain C", "picked", ""), rows, left=2))


if __name__ == "__main__":
    main()
