"""Programs for a RISC-V core, rv32imc: clang of the wheel ziglang, the emulator unicorn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinyml.backends.toolchains import zig
from tinyml.base import process, resources
from tinyml.base.elf import Elf, read_elf
from tinyml.base.process import Command
from tinyml.project.build import prepare
from tinyml.simulate.counter import attach
from tinyml.simulate.protocols import Engine
from tinyml.simulate.timing import BlockCost
from tinyml.target.chip import Chip
from tinyml.target.cores import core_named

FLAGS = ("-std=c11", "-O3", "-fno-strict-aliasing", "-nostdinc", "-ffunction-sections")
CODE, DATA, ROOM = 0x4200_0000, 0x3FC8_0000, 0x10_0000  # as in link.ld
SLICE = 50_000_000  # instructions
ALL = 7  # what may be done with memory: read, write, execute
EXIT, READ, WRITE = 1, 3, 4  # main.c; any other call asks for the counter


class Rv32:
    """rv32imc on unicorn; the program asks it through ECALL."""

    install = "the Python packages ziglang and unicorn"
    timing_model = "rv32imc: an instruction a cycle, misses of the cache"

    def build(self, sources: Sequence[Path], flags: Sequence[str], folder: Path) -> Path:
        """Compiles and links a program."""
        chain, core = zig(), core_named("rv32imc")
        prepare(chain, core)
        wanted = (*core.clang, *FLAGS, *flags)
        include = ("-isystem", str(chain.library / "include"))
        objects = []
        for source in (*sources, _support() / "host.c"):
            objects.append(str(folder / f"{source.stem}.o"))
            argv = (str(chain.program), "clang", *wanted, *include, "-c", str(source))
            process.run(Command((*argv, "-o", objects[-1])))
        program = folder / "program.elf"
        link = (str(chain.program), "ld.lld", "-T", str(_support() / "link.ld"), "--gc-sections")
        objects.append(str(chain.runtime_library(core)))
        process.run(Command((*link, *objects, "-o", str(program))))
        return program

    def run(self, program: Path, given: bytes, timed_on: Chip | None = None) -> bytes:
        """What a program wrote that got ``given`` to read; timed by instructions and misses."""
        import unicorn
        from unicorn import riscv_const as reg

        elf = read_elf(program)
        core = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
        _load(core, elf)

        def cost(address: int, nbytes: int) -> BlockCost:
            instructions = _count(bytes(core.mem_read(address, nbytes)))
            return BlockCost(instructions, instructions, 0)

        counter, answer, rest = attach(core, cost, timed_on), bytearray(), given
        is_ended = False

        def on_call(_core: object, _number: int, _data: object) -> None:
            nonlocal rest, is_ended
            call, at, nbytes = (core.reg_read(reg.UC_RISCV_REG_A0 + i) for i in (0, 2, 3))
            result = counter.instructions if timed_on is None else counter.cycles
            if call == READ:
                core.mem_write(at, rest[:nbytes])
                result, rest = len(rest[:nbytes]), rest[nbytes:]
            elif call == WRITE:
                answer.extend(core.mem_read(at, nbytes))
            elif call == EXIT:
                is_ended = True
                core.emu_stop()
            core.reg_write(reg.UC_RISCV_REG_A0, result & 0xFFFF_FFFF)

        core.hook_add(unicorn.UC_HOOK_INTR, on_call)
        core.reg_write(reg.UC_RISCV_REG_SP, DATA + ROOM)
        at = elf.entry
        while not is_ended:  # in slices, so that Ctrl-C is heard
            counter.stop_at(counter.cycles + SLICE)
            core.emu_start(at, CODE + 8 * ROOM)
            at = core.reg_read(reg.UC_RISCV_REG_PC)
        return bytes(answer)


def _load(core: Engine, elf: Elf) -> None:
    """Memory as link.ld has it, and the program in it."""
    core.mem_map(CODE, 8 * ROOM, ALL)
    core.mem_map(DATA, ROOM, ALL)
    for segment in elf.segments:
        core.mem_write(segment.address, segment.data)


def _support() -> Path:
    return resources.path("firmware") / "port" / "bare" / "riscv"


def _count(code: bytes) -> int:
    """Instructions of a basic block: those whose lowest two bits are set take four bytes."""
    found = at = 0
    while at < len(code):
        at += 4 if code[at] & 3 == 3 else 2
        found += 1
    return found
