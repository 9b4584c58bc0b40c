"""Programs and devices behind four protocols: toolchains, builders, simulators, flashers."""

from __future__ import annotations

from typing import cast

from tinyml.backends.protocols import Builder, Flasher, Simulator, Toolchain
from tinyml.base.errors import ToolError
from tinyml.base.registry import NO_SIMULATOR, make


def toolchain_of(name: str | None) -> Toolchain:
    """The toolchain of that name; None means zig, or arm_gcc where there is no zig."""
    if name is None:
        from tinyml.backends.toolchains import default

        return default()
    return cast("Toolchain", make("toolchains", name))


def builder_of(name: str) -> Builder:
    """The builder of that name."""
    return cast("Builder", make("builders", name))


def simulator_of(name: str) -> Simulator:
    """The simulator of that name; ToolError when there is none."""
    if name == NO_SIMULATOR:
        raise ToolError(
            "there is no emulator of this board",
            hint="build and flash it: 'tinyml verify' compares every output on the board itself",
        )
    return cast("Simulator", make("simulators", name))


def flasher_of(name: str) -> Flasher:
    """The flasher of that name."""
    return cast("Flasher", make("flashers", name))
