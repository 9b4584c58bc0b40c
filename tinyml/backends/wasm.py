"""Commands that make a WebAssembly module of C: clang and lld of the ziglang wheel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tinyml.backends.toolchains import Zig
from tinyml.base.process import Command

# Memory is copied and filled by instructions of WebAssembly, in every browser since 2021.
FLAGS = (
    *("--target=wasm32-freestanding", "-mbulk-memory", "-std=c11", "-O2", "-ffreestanding"),
    *("-fbuiltin", "-fno-strict-aliasing", "-fno-math-errno"),
)


def compile_command(
    zig: Zig,
    source: Path,
    output: Path,
    *,
    folders: Sequence[Path],
    defines: Sequence[tuple[str, str]],
) -> Command:
    """One C file to an object; ``folders`` are where it includes from."""
    return Command(
        (
            str(zig.program),
            *("clang", "--no-default-config", *FLAGS, "-nostdinc"),
            *(f"-D{name}={value}" for name, value in defines),
            *(f"-I{folder}" for folder in folders),
            *("-isystem", str(zig.library / "include")),
            *("-c", str(source), "-o", str(output)),
        ),
        message=f"compiling {source.name} to WebAssembly",
    )


def link_command(zig: Zig, objects: Sequence[Path], output: Path) -> Command:
    """Objects to a module with nothing but code and data; an overflown stack traps."""
    return Command(
        (
            str(zig.program),
            *("wasm-ld", "--no-entry", "--gc-sections", "--strip-all", "--stack-first"),
            *map(str, objects),
            *("-o", str(output)),
        ),
        message="linking WebAssembly",
    )
