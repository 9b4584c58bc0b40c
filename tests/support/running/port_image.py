"""Firmware images without a model: an application on a board's port, built in the test's folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.running.host_c import WARNINGS
from tinyml.backends.toolchains import ArmGcc, Zig
from tinyml.base import resources
from tinyml.base.elf import Elf, read_elf
from tinyml.base.process import Command
from tinyml.codegen.render import environment, render
from tinyml.target.board import Board, config_macros, port_sources
from tinyml.values.project import Project

AGENT = Path(__file__).parents[1] / "stand_ins" / "agent"
FAKE_MODEL = (AGENT / "fake_model.c", AGENT / "target.c")


def build_image(
    board: Board, toolchain: Zig | ArmGcc, application: tuple[Path, ...], folder: Path
) -> Elf:
    """The application with port and agent; any warning is an error."""
    firmware, template = resources.path("firmware"), resources.path("templates") / "common"
    config = {
        **config_macros(board),
        "TML_AGENT_OUTPUT_BYTES": 24,
        "TML_AGENT_LAYERS": 3,
        "TML_AGENT_INPUTS": 2,
    }
    values = {
        "board": board,
        "tool_version": "0",
        "config": tuple((name, f"0x{value:X}u") for name, value in config.items()),
    }
    for name in ("tml_config.h", "linker.ld"):
        text = render(environment(template), f"{name}.j2", values)
        (folder / name).write_text(text, encoding="utf-8")
    sources = [
        *(firmware / name for name in port_sources(board)),
        *sorted((firmware / "agent").glob("*.c")),
        firmware / "libc" / "string.c",
        *application,
    ]
    include_dirs = (folder, AGENT, firmware, firmware / "include", firmware / "libc")
    project = Project(
        directory=folder,
        name="fake",
        board=board,
        template="baremetal",
        sources=tuple(str(source) for source in sources),
        include_dirs=tuple(str(item) for item in include_dirs),
        defines=(("TML_PROFILE", "1"),),
        linker_script="linker.ld",
        optimize="size",
    )
    objects = tuple(folder / f"{source.stem}-{i}.o" for i, source in enumerate(sources))
    for made, command in toolchain.prepare(project.board.chip.core):
        if not made.exists():
            made.parent.mkdir(parents=True, exist_ok=True)
            run(command)
    for source, made in zip(project.sources, objects, strict=True):
        command = toolchain.compile(project, source, made)
        run(Command((*command.argv, *WARNINGS), command.cwd))
    run(toolchain.link(project, objects, folder))
    return read_elf(folder / "firmware.elf")


def run(command: Command) -> None:
    done = subprocess.run(command.argv, cwd=command.cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
