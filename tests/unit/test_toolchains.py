from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.running.debug_lines import as_users
from tests.support.values.small_boards import board_of
from tinyml.backends import simulator_of, toolchain_of
from tinyml.backends.toolchains import ArmGcc, Zig, host_library
from tinyml.base.errors import ToolError
from tinyml.base.registry import names_of
from tinyml.project.build import commands
from tinyml.target.cores import core_named
from tinyml.values.project import Project

ZIG = Zig(Path("/zig/zig"), Path("/zig/lib"), "0.17.1", Path("/cache"))
GCC = ArmGcc(Path("/usr/bin/arm-none-eabi-gcc"), "12.2.1")


@pytest.fixture(autouse=True)
def flags_of_users() -> Iterator[None]:
    with as_users():
        yield


def project(core: str = "cortex-m4", optimize: str = "speed") -> Project:
    return Project(
        directory=Path("/p"),
        name="sine",
        board=board_of(core),
        template="baremetal",
        sources=("main.c",),
        include_dirs=(".", "model"),
        defines=(("TML_AGENT", "1"),),
        linker_script="linker.ld",
        optimize=optimize,
    )


COMMON = (
    "-std=c11 -g -ffunction-sections -fdata-sections -fno-unwind-tables "
    "-fno-asynchronous-unwind-tables -fno-math-errno -fno-strict-aliasing -Wall -Wextra"
)
REST = "-DTML_AGENT=1 -I. -Imodel -fdebug-prefix-map=/p=."


def test_zig_commands() -> None:
    found = [" ".join(item.argv) for item in commands(project(), ZIG, Path("/b"))]
    assert found == [
        "/zig/zig build-lib /zig/lib/compiler_rt.zig -target thumb-freestanding-eabihf "
        "-mcpu=cortex_m4+vfp4d16sp -O ReleaseSmall -fstrip -ffunction-sections -fdata-sections "
        "-femit-bin=/cache/compiler-rt/0.17.1-cortex-m4.a "
        "--cache-dir /cache/compiler-rt/0.17.1-cortex-m4.work "
        "--global-cache-dir /cache/compiler-rt/0.17.1-cortex-m4.work",
        "/zig/zig clang --no-default-config --target=thumbv7em-none-eabihf -mcpu=cortex-m4 "
        f"-mfpu=fpv4-sp-d16 -mfloat-abi=hard -nostdinc {COMMON} -O3 {REST} "
        "-fdebug-prefix-map=/zig/lib=zig -isystem /zig/lib/include "
        "-c main.c -o /b/objects/main.o",
        "/zig/zig ld.lld -T linker.ld --gc-sections -Map=/b/firmware.map --print-memory-usage "
        "/b/objects/main.o /cache/compiler-rt/0.17.1-cortex-m4.a -o /b/firmware.elf",
    ]


def test_arm_gcc_commands() -> None:
    found = commands(project(optimize="size"), GCC, Path("/b"))
    assert [" ".join(item.argv) for item in found] == [
        "/usr/bin/arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard "
        f"-ffreestanding -fbuiltin {COMMON} -Os {REST} -c main.c -o /b/objects/main.o",
        "/usr/bin/arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard "
        "-nostdlib -nostartfiles -T linker.ld -Wl,--gc-sections -Wl,-Map=/b/firmware.map "
        "-Wl,--print-memory-usage /b/objects/main.o -lgcc -o /b/firmware.elf",
    ]
    assert {item.cwd for item in found} == {Path("/p")}


@pytest.mark.parametrize("toolchain", [ZIG, GCC])
def test_what_is_not_the_model_is_optimised_for_size(toolchain: Zig | ArmGcc) -> None:
    sources = ("main.c", "model/sine.c", "firmware/libc/string.c", "firmware/port/port.c")
    found = [toolchain.compile(project(), name, Path("o")).argv for name in sources]
    assert ["-Os" in argv for argv in found] == [False, False, False, True]
    assert ["-O3" in argv for argv in found] == [True, True, True, False]


@pytest.mark.parametrize(
    ("core", "clang"),
    [
        ("cortex-m0plus", "--target=thumbv6m-none-eabi -mcpu=cortex-m0plus -mfloat-abi=soft"),
        ("cortex-m3", "--target=thumbv7m-none-eabi -mcpu=cortex-m3 -mfloat-abi=soft"),
        (
            "cortex-m7",
            "--target=thumbv7em-none-eabihf -mcpu=cortex-m7 -mfpu=fpv5-sp-d16 -mfloat-abi=hard",
        ),
        (
            "cortex-m33",
            "--target=thumbv8m.main-none-eabihf -mcpu=cortex-m33 -mfpu=fpv5-sp-d16 "
            "-mfloat-abi=hard",
        ),
        ("cortex-m55", "--target=thumbv8.1m.main-none-eabihf -mcpu=cortex-m55 -mfloat-abi=hard"),
        ("rv32imc", "--target=riscv32-none-elf -march=rv32imc_zicsr -mabi=ilp32"),
    ],
)
def test_clang_flags_of_cores(core: str, clang: str) -> None:
    assert " ".join(core_named(core).clang) == clang


def test_a_core_that_a_toolchain_cannot_build_for() -> None:
    with pytest.raises(ToolError) as caught:
        ZIG.compile(project("xtensa-lx7"), "main.c", Path("main.o"))
    assert caught.value.message == "toolchain 'zig' cannot build for the core 'xtensa-lx7'"
    with pytest.raises(ToolError, match="'arm_gcc' cannot build for the core 'rv32imc'"):
        GCC.compile(project("rv32imc"), "main.c", Path("main.o"))


def test_unknown_backends_list_the_near_names() -> None:
    with pytest.raises(ToolError) as caught:
        toolchain_of("zigg")
    assert "did you mean 'zig'?" in str(caught.value)
    with pytest.raises(ToolError, match="no simulator is called 'verilator'"):
        simulator_of("verilator")
    assert {"arm_gcc", "zig"} <= set(names_of("toolchains"))


def test_zig_is_the_default() -> None:
    assert toolchain_of(None).name == "zig"


def test_host_library() -> None:
    command = host_library(("cc",), (Path("a.c"),), (Path("inc"),), Path("a.so"))
    assert " ".join(command.argv) == (
        "cc -shared -fPIC -std=c11 -fno-strict-aliasing -O2 -Iinc a.c -o a.so"
    )
