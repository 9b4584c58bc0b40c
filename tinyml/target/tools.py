"""The programs and packages that backends use: how to ask for a version, which versions work.

A backend needs one tool out of each of its groups; the first of a group is the usual one.
"""

from __future__ import annotations

from dataclasses import dataclass

Version = tuple[int, ...]
Groups = tuple[tuple[str, ...], ...]  # one tool of each group is enough


@dataclass(frozen=True, slots=True)
class Tool:
    """Something to install: a program, or a package of this Python."""

    name: str  # of the program or package; key of programs.HOW_TO_GET
    minimum: Version = ()  # the first version that works; (): any
    below: Version = ()  # the first version that is not known to work; (): none
    is_package: bool = False
    version_argv: tuple[str, ...] = ("--version",)  # makes the program print its version


TOOLS: dict[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("STM32_Programmer_CLI", (2, 10)),
        Tool("arduino-cli", (0, 32), version_argv=("version",)),
        Tool("arm-none-eabi-g++", (10,), version_argv=("-dumpfullversion",)),  # C++17 of TFLM
        Tool("arm-none-eabi-gcc", (7, 2), version_argv=("-dumpfullversion",)),
        Tool("bossac", version_argv=("--help",)),
        Tool("cmake", (3, 21)),  # presets of version 3
        Tool("dfu-util", (0, 9)),
        Tool(
            "docker", version_argv=("version", "--format", "{{.Server.Version}}")
        ),  # asks the daemon
        Tool("esptool", (5, 6), (6,), is_package=True),
        Tool("idf.py", (5, 1), (7,)),
        Tool("ninja", (1, 10)),
        Tool("openocd", (0, 11)),
        Tool("openocd-esp32", (0, 11)),
        Tool("pio", (6, 1)),
        Tool("probe-rs", (0, 20)),
        Tool("pyocd", (0, 34)),
        Tool("qemu-system-arm", (7, 2)),
        Tool("unicorn", (2, 1, 2), (3,), is_package=True),
        Tool("west", (1, 0)),
        Tool("ziglang", (0, 17, 1), (0, 18), is_package=True),
    )
}

# What a backend needs, by kind and name. One that is not here needs nothing.
NEEDS: dict[tuple[str, str], Groups] = {
    ("toolchain", "zig"): (("ziglang", "arm-none-eabi-gcc"),),
    ("toolchain", "arm_gcc"): (("arm-none-eabi-gcc",),),
    ("toolchain", "arduino_cli"): (("arduino-cli",),),
    ("toolchain", "cmake"): (("cmake",), ("ninja",), ("arm-none-eabi-g++",)),
    ("toolchain", "esp_idf"): (("idf.py", "docker"),),
    ("toolchain", "platformio"): (("pio",),),
    ("toolchain", "zephyr"): (("west",), ("cmake",), ("ninja",)),
    ("template", "cmake"): (("cmake",), ("ninja",), ("arm-none-eabi-gcc",)),
    ("template", "cubemx"): (("cmake",), ("ninja",), ("arm-none-eabi-gcc",)),
    ("flasher", "bossac"): (("bossac",),),
    ("flasher", "dfu"): (("dfu-util",),),
    ("flasher", "esptool"): (("esptool",),),
    ("flasher", "swd"): (
        ("STM32_Programmer_CLI", "probe-rs", "openocd", "openocd-esp32", "pyocd"),
    ),
    ("simulator", "qemu"): (("qemu-system-arm",),),
    ("simulator", "unicorn"): (("unicorn",),),
}


def range_text(tool: Tool) -> str:
    """Which versions work, for people."""
    parts = [f"{_text(tool.minimum)} or newer"] if tool.minimum else []
    parts += [f"below {_text(tool.below)}"] if tool.below else []
    return ", ".join(parts) or "any"


def _text(version: Version) -> str:
    return ".".join(map(str, version))
