"""Compilers for firmware: the ziglang wheel's clang and lld, or arm-none-eabi-gcc.

A toolchain builds command lines; ``tinyml.project.build`` runs them. No C library is linked: the
project brings firmware/libc, and the compiler's own run-time library supplies the rest.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

from tinyml.base import process, programs, resources
from tinyml.base.errors import ToolError, ToolMissing
from tinyml.base.process import Command
from tinyml.target.cores import Core, require_compiler
from tinyml.values.project import Project

OPTIMIZE = {"speed": "-O3", "balanced": "-O3", "ram": "-O3", "size": "-Os"}

# What both compilers get. Arena bytes are read as several types, therefore no strict aliasing.
COMMON_FLAGS = (
    "-std=c11",
    "-g",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-fno-math-errno",
    "-fno-strict-aliasing",
    "-Wall",
    "-Wextra",
)

SMALL = ("/firmware/agent/", "/firmware/port/")  # never in a model's way: optimised for size


def project_flags(project: Project, source: str) -> tuple[str, ...]:
    """Defines, include folders and optimisation of one of a project's C files."""
    return (
        "-Os" if any(part in f"/{source}" for part in SMALL) else OPTIMIZE[project.optimize],
        *(f"-D{name}={value}" for name, value in project.defines),
        *(f"-I{folder}" for folder in project.include_dirs),
        f"-fdebug-prefix-map={project.directory}=.",  # the same image from any folder
    )


@dataclass(frozen=True, slots=True)
class Zig:
    """The ziglang wheel: clang and lld for every Cortex-M and RISC-V core."""

    program: Path  # the zig binary
    library: Path  # its lib folder
    version: str
    cache: Path  # for the compiler's run-time library, built once per core
    name: str = "zig"
    requires: tuple[str, ...] = ("zig",)

    def prepare(self, core: Core) -> tuple[tuple[Path, Command], ...]:
        """The compiler's run-time library, about five seconds per core, kept for good."""
        target = require_compiler(core, self.name)
        made = self.runtime_library(target)
        work = str(made.with_suffix(".work"))
        command = Command(
            (
                str(self.program),
                "build-lib",
                str(self.library / "compiler_rt.zig"),
                "-target",
                target.zig_target,
                f"-mcpu={target.zig_cpu}",
                "-O",
                "ReleaseSmall",
                "-fstrip",
                "-ffunction-sections",
                "-fdata-sections",
                f"-femit-bin={made}",
                "--cache-dir",
                work,
                "--global-cache-dir",
                work,
            ),
            message=f"building the run-time library for {target.name} (once)",
        )
        return ((made, command),)

    def compile(self, project: Project, source: str, output: Path) -> Command:
        """One C file to an object; clang knows memcpy, so small copies become loads."""
        core = require_compiler(project.board.chip.core, self.name)
        return Command(
            (
                str(self.program),
                "clang",
                "--no-default-config",
                *core.clang,
                "-nostdinc",
                *COMMON_FLAGS,
                *project_flags(project, source),
                f"-fdebug-prefix-map={self.library}=zig",
                "-isystem",
                str(self.library / "include"),
                "-c",
                source,
                "-o",
                str(output),
            ),
            cwd=project.directory,
            message=f"compiling {source}",
        )

    def link(self, project: Project, objects: tuple[Path, ...], build_dir: Path) -> Command:
        """Objects to firmware.elf and firmware.map."""
        core = require_compiler(project.board.chip.core, self.name)
        return Command(
            (
                str(self.program),
                "ld.lld",
                "-T",
                project.linker_script,
                "--gc-sections",
                f"-Map={build_dir / 'firmware.map'}",
                "--print-memory-usage",
                *(str(item) for item in objects),
                str(self.runtime_library(core)),
                "-o",
                str(build_dir / "firmware.elf"),
            ),
            cwd=project.directory,
            message="linking",
        )

    def runtime_library(self, core: Core) -> Path:
        """What ``prepare`` makes: arithmetic that the core has no instructions for."""
        return self.cache / "compiler-rt" / f"{self.version}-{core.name}.a"


@dataclass(frozen=True, slots=True)
class ArmGcc:
    """arm-none-eabi-gcc; needs no newlib."""

    program: Path
    version: str
    name: str = "arm_gcc"
    requires: tuple[str, ...] = ("arm-none-eabi-gcc",)

    def prepare(self, core: Core) -> tuple[tuple[Path, Command], ...]:
        """Nothing: libgcc comes with the compiler."""
        return ()

    def compile(self, project: Project, source: str, output: Path) -> Command:
        """One C file to an object; -fbuiltin lets small memcpy calls become loads."""
        core = require_compiler(project.board.chip.core, self.name)
        return Command(
            (
                str(self.program),
                *core.gcc,
                "-ffreestanding",
                "-fbuiltin",
                *COMMON_FLAGS,
                *project_flags(project, source),
                "-c",
                source,
                "-o",
                str(output),
            ),
            cwd=project.directory,
            message=f"compiling {source}",
        )

    def link(self, project: Project, objects: tuple[Path, ...], build_dir: Path) -> Command:
        """Objects to firmware.elf and firmware.map."""
        core = require_compiler(project.board.chip.core, self.name)
        return Command(
            (
                str(self.program),
                *core.gcc,
                "-nostdlib",
                "-nostartfiles",
                "-T",
                project.linker_script,
                "-Wl,--gc-sections",
                f"-Wl,-Map={build_dir / 'firmware.map'}",
                "-Wl,--print-memory-usage",
                *(str(item) for item in objects),
                "-lgcc",
                "-o",
                str(build_dir / "firmware.elf"),
            ),
            cwd=project.directory,
            message="linking",
        )


def zig() -> Zig:
    """The ziglang wheel of this Python; raises ToolError when it is not installed."""
    spec = importlib.util.find_spec("ziglang")
    folders = [Path(item) for item in spec.submodule_search_locations or ()] if spec else []
    for folder in folders:
        for name in ("zig", "zig.exe"):
            if (folder / name).is_file():
                version = importlib.metadata.version("ziglang")
                return Zig(folder / name, folder / "lib", version, resources.cache_dir())
    raise ToolMissing(
        "the Python package 'ziglang' (clang and lld) is not installed",
        hint=f"{programs.HOW_TO_GET['zig']}; or use --toolchain arm_gcc",
    )


def arm_gcc() -> ArmGcc:
    """arm-none-eabi-gcc on PATH; raises ToolError when it is not there."""
    program = process.require("arm-none-eabi-gcc")
    version = process.run(Command((program, "-dumpfullversion"))).strip()
    return ArmGcc(Path(program), version)


def default() -> Zig | ArmGcc:
    """zig, or arm-none-eabi-gcc where there is no zig."""
    try:
        return zig()
    except ToolError:
        if shutil.which("arm-none-eabi-gcc"):
            return arm_gcc()
        raise


def host_compiler() -> tuple[str, ...]:
    """The start of a command line that compiles C for this machine: cc, or zig's."""
    for name in ("cc", "gcc", "clang"):
        found = shutil.which(name)
        if found:
            return (found,)
    return (str(zig().program), "cc")


def host_library(
    compiler: tuple[str, ...],
    sources: tuple[Path, ...],
    include_dirs: tuple[Path, ...],
    output: Path,
    *,
    flags: tuple[str, ...] = ("-O2",),
) -> Command:
    """Sources to a shared library for this machine, which Python can load."""
    return Command(
        (
            *compiler,
            "-shared",
            "-fPIC",
            "-std=c11",
            "-fno-strict-aliasing",
            *flags,
            *(f"-I{folder}" for folder in include_dirs),
            *(str(item) for item in sources),
            "-o",
            str(output),
        ),
        message="compiling for this machine",
    )
