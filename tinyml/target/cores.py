"""The processor cores as data: how each compiler is told about them."""

from __future__ import annotations

from dataclasses import dataclass

from tinyml.base.errors import ToolError, did_you_mean


@dataclass(frozen=True, slots=True)
class Core:
    """One core; an empty field means that the toolchain cannot build for it."""

    name: str  # as in the chip file
    clang: tuple[str, ...]
    gcc: tuple[str, ...]  # of arm-none-eabi-gcc
    zig_target: str  # to build the compiler's run-time library
    zig_cpu: str


def _arm(name: str, triple: str, *, zig_cpu: str, gcc_fpu: str = "") -> Core:
    abi = "hard" if gcc_fpu else "soft"
    fpu = (f"-mfpu={gcc_fpu}",) if gcc_fpu else ()
    clang_fpu = fpu if gcc_fpu != "auto" else ()  # there the cpu name says it all
    eabi = "eabihf" if gcc_fpu else "eabi"
    return Core(
        name=name,
        clang=(f"--target={triple}-none-{eabi}", f"-mcpu={name}", *clang_fpu, f"-mfloat-abi={abi}"),
        gcc=(f"-mcpu={name}", "-mthumb", *fpu, f"-mfloat-abi={abi}"),
        zig_target=f"thumb-freestanding-{eabi}",
        zig_cpu=zig_cpu,
    )


# The M7 and M33 are told of single precision only: every such chip runs it, emulators included.
CORES: dict[str, Core] = {
    core.name: core
    for core in (
        _arm("cortex-m0plus", "thumbv6m", zig_cpu="cortex_m0plus"),
        _arm("cortex-m3", "thumbv7m", zig_cpu="cortex_m3"),
        _arm("cortex-m4", "thumbv7em", gcc_fpu="fpv4-sp-d16", zig_cpu="cortex_m4+vfp4d16sp"),
        _arm("cortex-m7", "thumbv7em", gcc_fpu="fpv5-sp-d16", zig_cpu="cortex_m7-fp64"),
        _arm("cortex-m33", "thumbv8m.main", gcc_fpu="fpv5-sp-d16", zig_cpu="cortex_m33"),
        _arm("cortex-m55", "thumbv8.1m.main", gcc_fpu="auto", zig_cpu="cortex_m55"),
        Core(
            name="rv32imc",
            clang=("--target=riscv32-none-elf", "-march=rv32imc_zicsr", "-mabi=ilp32"),
            gcc=(),
            zig_target="riscv32-freestanding-none",
            zig_cpu="generic_rv32+m+c",
        ),
    )
}


def core_of(name: str, toolchain: str) -> Core:
    """The core of that name; raises ToolError when the toolchain cannot build for it."""
    core = CORES.get(name)
    if core is None or not (core.gcc if toolchain == "arm_gcc" else core.clang):
        known = [item.name for item in CORES.values() if toolchain != "arm_gcc" or item.gcc]
        raise ToolError(
            f"toolchain '{toolchain}' cannot build for the core '{name}'",
            hint=did_you_mean(name, known),
        )
    return core
