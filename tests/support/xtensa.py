"""C for the core of an ESP32-S3, without its toolchain: LLVM, GNU ld and QEMU from apt.

clang's own driver knows no Xtensa core and its integrated way to object files fails on loops, so
each file goes through three programs: clang to LLVM's text, llc to assembler, llvm-mc to an object.
QEMU's de233_fpu has the LX7's base instructions; the vector instructions of the S3 it has not.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.esp_idf import STAND_INS, write_sdkconfig_header
from tinyml import process, resources
from tinyml.backends.base import Command, Project

SUPPORT = Path(__file__).with_name("xtensa")
FLAGS = ("-std=gnu17", "-ffreestanding", "-fno-strict-aliasing", "-Wall", "-Wextra", "-Werror")
LLC = ("llc-22", "-mtriple=xtensa", "-mcpu=esp32", "-mattr=-mul32high", "-O2")
MC = ("llvm-mc-22", "-triple", "xtensa", "-mcpu=esp32", "-filetype=obj")


def compile_c(source: Path, output: Path, flags: Sequence[str], optimize: str = "-O2") -> Path:
    """One C file to an object."""
    text, assembler = output.with_suffix(".ll"), output.with_suffix(".s")
    clang = ("clang-22", "--target=xtensa", *FLAGS, optimize, *flags)
    run(*clang, "-S", "-emit-llvm", str(source), "-o", str(text))
    run(*LLC, str(text), "-o", str(assembler))
    run(*MC, str(assembler), "-o", str(output))
    return output


def project_flags(project: Project, folder: Path) -> list[str]:
    """Defines and include folders as the component's CMakeLists.txt has them."""
    write_sdkconfig_header(project.directory, folder)
    firmware = resources.path("firmware")
    folders = [*(project.directory / name for name in project.include_dirs)]
    folders += [STAND_INS, folder, firmware / "libc"]
    defines = (*project.defines, ("TML_PAUSE", "1"))
    return [
        *(f"-D{name}={value}" for name, value in defines),
        *(f"-I{item}" for item in folders),
    ]


def build_project(project: Project, folder: Path, libraries: Sequence[Path] = ()) -> Path:
    """The whole ESP-IDF project over the stand-in of ESP-IDF, as a program for QEMU.

    ``libraries`` are C files that stand for vendors' components, their headers beside them.
    """
    flags = [*project_flags(project, folder), *(f"-I{item.parent}" for item in libraries)]
    sources = [project.directory / name for name in ("main/main.c", *project.sources)]
    sources += [SUPPORT / "esp_idf.c", SUPPORT / "runtime.c"]
    sources += [resources.path("firmware") / "libc" / "string.c", *libraries]
    objects = [folder / "start.o"]
    run(*MC, str(SUPPORT / "start.s"), "-o", str(objects[0]))
    for number, source in enumerate(sources):
        objects.append(compile_c(source, folder / f"{number}_{source.stem}.o", flags))
    program = folder / "program.elf"
    link = ("xtensa-lx106-elf-ld", "-T", str(SUPPORT / "link.ld"), "--gc-sections")
    run(*link, *map(str, objects), "-o", str(program))
    return program


def emulate(program: Path) -> Command:
    """QEMU with the program; its standard input and output are the serial line."""
    machine = ("qemu-system-xtensa", "-M", "sim", "-cpu", "de233_fpu", "-semihosting")
    quiet = ("-display", "none", "-monitor", "none", "-serial", "none", "-icount", "shift=10")
    return Command((*machine, *quiet, "-kernel", str(program)))


def run(*argv: str) -> None:
    """Runs one of the programs."""
    process.run(Command(argv))
