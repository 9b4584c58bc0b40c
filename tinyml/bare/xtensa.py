"""Programs for an Xtensa core, without Espressif's toolchain: LLVM, GNU ld and QEMU from apt.

clang's own driver knows no Xtensa core and its integrated way to object files fails on loops, so
each file goes through three programs: clang to LLVM's text, llc to assembler, llvm-mc to an object.
QEMU's de233_fpu has the LX7's base instructions but for MULSH and MULUH, which start.s makes up
for; the vector instructions of the S3 it has not.
"""

from __future__ import annotations

import os
import select
from collections.abc import Sequence
from pathlib import Path

from tinyml.base import process, resources
from tinyml.base.errors import ToolError
from tinyml.base.process import Command

FLAGS = ("-std=gnu17", "-nostdlibinc", "-fno-strict-aliasing", "-Wall", "-Wextra", "-Werror")
LLC = ("llc-22", "-mtriple=xtensa", "-mcpu=esp32", "-O2")
MC = ("llvm-mc-22", "-triple", "xtensa", "-mcpu=esp32", "-filetype=obj")
ICOUNT_SHIFT = 10  # an instruction takes 2^10 ns
CLOCK_HZ = 40_000_000  # of QEMU's core: what CCOUNT counts
PATIENCE_S = 120  # an inference takes a few
HIGH_MULTIPLY = 103  # instructions of start.s for a MULSH


class Lx7:
    """An LX7 without vector instructions, on QEMU; the program asks it through SIMCALL."""

    def build(self, sources: Sequence[Path], flags: Sequence[str], folder: Path) -> Path:
        """Compiles and links a program."""
        objects = [
            compile_c(source, folder / f"{number}_{source.stem}.o", flags)
            for number, source in enumerate(sources)
        ]
        return link(objects, folder)

    def run(self, program: Path, given: bytes) -> bytes:
        """What a program wrote that got ``given`` to read; raises ToolError when it hangs."""
        with process.running(emulate(program)) as (stdin, stdout):
            stdin.write(given)
            stdin.close()
            answer = bytearray()
            while select.select([stdout], [], [], PATIENCE_S)[0]:
                part = os.read(stdout.fileno(), 1 << 16)
                if not part:
                    return bytes(answer)
                answer += part
        raise ToolError(f"the program on QEMU has said nothing for {PATIENCE_S} s")

    def instructions(self, steps: int, events: int) -> int:
        """Steps of CCOUNT as instructions; the events are high multiplications."""
        executed = steps * 1e9 / CLOCK_HZ / (1 << ICOUNT_SHIFT)
        return round(executed) - HIGH_MULTIPLY * events


def compile_c(source: Path, output: Path, flags: Sequence[str], optimize: str = "-O3") -> Path:
    """One C file to an object."""
    text, assembler = output.with_suffix(".ll"), output.with_suffix(".s")
    clang = ("clang-22", "--target=xtensa", *FLAGS, optimize, *flags)
    run(*clang, "-S", "-emit-llvm", str(source), "-o", str(text))
    run(*LLC, str(text), "-o", str(assembler))
    run(*MC, str(assembler), "-o", str(output))
    return output


def link(objects: Sequence[Path], folder: Path) -> Path:
    """A program of objects, start-up code and the arithmetic that the compiler calls for."""
    start = folder / "start.o"
    run(*MC, str(_support() / "start.s"), "-o", str(start))
    runtime = compile_c(_support() / "runtime.c", folder / "runtime.o", ("-ffreestanding",))
    program = folder / "program.elf"
    argv = ("xtensa-lx106-elf-ld", "-T", str(_support() / "link.ld"), "--gc-sections")
    run(*argv, *map(str, (start, *objects, runtime)), "-o", str(program))
    return program


def emulate(program: Path) -> Command:
    """QEMU with the program; its standard input and output are the program's."""
    machine = ("qemu-system-xtensa", "-M", "sim", "-cpu", "de233_fpu", "-semihosting")
    quiet = ("-display", "none", "-monitor", "none", "-serial", "none")
    return Command((*machine, *quiet, "-icount", f"shift={ICOUNT_SHIFT}", "-kernel", str(program)))


def _support() -> Path:
    return resources.path("firmware") / "port" / "bare" / "xtensa"


def run(*argv: str) -> None:
    """Runs one of the programs."""
    process.run(Command(argv))
