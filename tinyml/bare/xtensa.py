"""Programs for an Xtensa core without Espressif's toolchain: LLVM and GNU ld from apt, our core.

clang's own driver knows no Xtensa core and its integrated way to object files fails on loops, so
each file goes through three programs: clang to LLVM's text, llc to assembler, llvm-mc to an object.
None of them knows the vector instructions of the ESP32-S3, which stand as text in the kernels: on
the way to llvm-mc they become bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from tinyml.base import process, resources
from tinyml.base.errors import ToolError
from tinyml.base.includes import Headers
from tinyml.base.process import Command
from tinyml.project.objects import found, keep, named, relevant, take
from tinyml.simulate.lx7.pie import encode, is_vector
from tinyml.simulate.lx7.program import run_program
from tinyml.target.chip import Chip

FLAGS = ("-std=gnu17", "-nostdlibinc", "-fno-strict-aliasing", "-Wall", "-Wextra", "-Werror")
LLC = ("llc-22", "-mtriple=xtensa", "-mcpu=esp32", "-O2", "-no-integrated-as")
MC = ("llvm-mc-22", "-triple", "xtensa", "-mcpu=esp32", "-filetype=obj")
RUNTIME = ("runtime.c", "floats.c")
RAM = ((0x0010_0000, 0x01F0_0000),)  # as in link.ld
# Where an ESP32-S3 sees code and constants in flash, and internal RAM (boards/chips/esp32s3.toml),
# of which there is more here: the planner judges whether a model fits.
FLASH_CODE, FLASH_DATA, DRAM, ROOM = 0x4200_0000, 0x3C00_0000, 0x3FC8_8000, 0x0180_0000
LAYOUT = (
    f"--defsym=_code_at={FLASH_CODE}",
    f"--defsym=_constants_at={FLASH_DATA}",
    f"--defsym=_data_at={DRAM}",
    f"--defsym=_stack_at={DRAM + ROOM}",
)
_STATEMENT = re.compile(r"[^\n;]+")
_ARGUMENTS = re.compile(r"\taddi\t(a\d+), a1, (-?)(\d+)\n\tmovsp\ta1, \1\n")
STACK_ALIGNMENT = 16  # bytes; vector stores clear the low bits of an address


class Lx7:
    """The ESP32-S3's core, emulated; the program asks it through SIMCALL."""

    install = "its parts from apt: clang-22 llvm-22 binutils-xtensa-lx106 (Debian, Ubuntu)"
    timing_model = "xtensa-lx7: stages of the pipeline, misses of the caches"

    def build(self, sources: Sequence[Path], flags: Sequence[str], folder: Path) -> Path:
        """Compiles and links a program."""
        return link(objects_of(sources, flags, folder), folder, LAYOUT)

    def run(self, program: Path, given: bytes, timed_on: Chip | None = None) -> bytes:
        """What a program wrote that got ``given`` to read; raises SimulationFault."""
        return run_program(program, given, ((DRAM, ROOM),), timed_on)


def objects_of(
    sources: Sequence[Path], flags: Sequence[str], folder: Path, optimize: str = "-O3"
) -> list[Path]:
    """Objects of C files, made or taken from a build before: most are the same for all models."""
    headers = Headers(tuple(Path(flag[2:]) for flag in flags if flag.startswith("-I")))
    made = []
    for source in sources:
        stem = f"xtensa_{source.stem}-{_key(source, headers, (*flags, optimize))}"
        path = found(stem, folder) or take(stem, folder)
        if path is None:
            path = compile_c(source, folder / f"{stem}.o", flags, optimize)
            path = path.rename(folder / named(stem, path))
            keep(path)
        made.append(path)
    return made


def _key(source: Path, headers: Headers, flags: Sequence[str]) -> str:
    """A hash of all that decides the content of an object."""
    words = (_compiler(), *(flag for flag in flags if not flag.startswith("-I")))
    digest = hashlib.sha256("\0".join(words).encode())
    for text in relevant((source, *headers.of(source))):
        digest.update(hashlib.sha256(text).digest())
    return digest.hexdigest()[:16]


@cache
def _compiler() -> str:
    return repr((process.run(Command(("clang-22", "--version"))), FLAGS, LLC, MC, STACK_ALIGNMENT))


def compile_c(source: Path, output: Path, flags: Sequence[str], optimize: str = "-O3") -> Path:
    """One C file to an object."""
    text, assembler = output.with_suffix(".ll"), output.with_suffix(".s")
    clang = ("clang-22", "--target=xtensa", *FLAGS, optimize, *flags)
    run(*clang, "-S", "-emit-llvm", str(source), "-o", str(text))
    run(*LLC, str(text), "-o", str(assembler))
    written = assembler.read_text(encoding="utf-8")
    written = _ARGUMENTS.sub(_aligned, written)
    translated = _STATEMENT.sub(lambda statement: as_bytes(statement[0]), written)
    assembler.write_text(translated, encoding="utf-8")
    run(*MC, str(assembler), "-o", str(output))
    return output


def link(objects: Sequence[Path], folder: Path, layout: Sequence[str] = ()) -> Path:
    """A program of objects, start-up code and the arithmetic that the compiler calls for.

    ``layout``: options of the linker that say where things lie; else all lies in RAM.
    """
    start = folder / "start.o"
    run(*MC, str(_support() / "start.s"), "-o", str(start))
    sources = [_support() / name for name in RUNTIME]
    runtime = objects_of(sources, ("-ffreestanding",), folder)
    program = folder / "program.elf"
    script = str(_support() / "link.ld")
    argv = ("xtensa-lx106-elf-ld", *layout, "-T", script, "--gc-sections")
    run(*argv, *map(str, (start, *objects, *runtime)), "-o", str(program))
    return program


def _aligned(move: re.Match[str]) -> str:
    """LLVM makes room for arguments on the stack by their size; the ABI has multiples of 16."""
    register, sign, text = move.groups()
    nbytes = -(-int(text) // STACK_ALIGNMENT) * STACK_ALIGNMENT
    if nbytes > 112:  # what ADDI can take back
        raise ToolError(f"a call has {text} bytes of arguments on the stack")
    return f"\taddi\t{register}, a1, {sign}{nbytes}\n\tmovsp\ta1, {register}\n"


def as_bytes(statement: str) -> str:
    """A statement for the assembler, one of the vector unit as the bytes that it stands for."""
    if not is_vector(statement.strip()):
        return statement
    return f"\t.byte {', '.join(map(str, encode(statement.strip())))}"


def _support() -> Path:
    return resources.path("firmware") / "port" / "bare" / "xtensa"


def run(*argv: str) -> None:
    """Runs one of the programs."""
    process.run(Command(argv))
