"""Simulators: a firmware's own image on an emulated core, on QEMU, or built for this machine."""

from __future__ import annotations

import re
import tempfile
import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from tinyml import process, resources
from tinyml.backends.base import Command, Image, LayerTime, Run
from tinyml.board import Board
from tinyml.device.agent import AgentClient
from tinyml.device.link import MemoryLink, PipeLink, SerialLink
from tinyml.elf import read_elf
from tinyml.errors import ToolError
from tinyml.ir.graph import Array

Samples = tuple[tuple[Array, ...], ...]

QEMU_START_S = 10.0
WATCHED_CYCLES = 40_000_000  # longest inference whose every access is watched: some five seconds


class Unicorn:
    """The very image that would be flashed, on an emulated core with exact instruction counts."""

    name = "unicorn"
    requires: tuple[str, ...] = ()

    def run(self, image: Image, board: Board, inputs: Samples) -> Run:
        """Boots the image, feeds every sample, times the first one in cycles and instructions."""
        from tinyml.profile import load, profile
        from tinyml.simulate.machine import Machine

        machine = Machine(read_elf(image.elf), board)
        client = AgentClient(MemoryLink(machine))
        run = profile(client, board.name, inputs, is_estimate=True)
        machine.shown = "instructions"
        load(client, inputs[0])
        is_short = run.total.cycles <= WATCHED_CYCLES
        with machine.checked_alignment() if is_short else nullcontext():
            client.infer()
        instructions = client.layer_cycles()
        total = client.total_cycles()
        return replace(
            run,
            layers=tuple(
                LayerTime(layer.cycles, count)
                for layer, count in zip(run.layers, instructions, strict=True)
            ),
            total=LayerTime(run.total.cycles, total),
            details={
                **run.details,
                "timing_model": board.chip.core,
                "is_alignment_checked": is_short,
            },
        )


class Qemu:
    """The image on QEMU, through its UART; QEMU counts no cycles, so times read 0."""

    name = "qemu"
    requires = ("qemu-system-arm",)

    def command(self, image: Image, board: Board) -> Command:
        """How QEMU is started. Raises ToolError when it has no machine like the board."""
        machine = board.options.get("simulator", {}).get("qemu_machine")
        if machine is None:
            raise ToolError(
                f"no machine of QEMU is known to be like '{board.name}'",
                hint="use --simulator unicorn, or set qemu_machine in the board file's [simulator]",
            )
        argv = ("qemu-system-arm", "-M", str(machine), "-kernel", str(image.elf))
        return Command((*argv, "-display", "none", "-monitor", "none", "-serial", "pty"))

    def run(self, image: Image, board: Board, inputs: Samples) -> Run:
        """Boots the image, feeds every sample."""
        from tinyml.profile import profile

        with process.running(self.command(image, board)) as (stdin, stdout):
            link = SerialLink(_pty_path(PipeLink(self.name, stdin, stdout)), board.baud)
            try:
                run = profile(AgentClient(link), board.name, inputs, is_estimate=True)
            finally:
                link.close()
        return replace(run, target=self.name)


class Host:
    """The project's C compiled for this machine; its serial port is standard input and output.

    Kernels in plain C only: those for an instruction set do not compile here.
    """

    name = "host"
    requires: tuple[str, ...] = ()

    def command(self, image: Image, program: Path) -> Command:
        """How the project beside an image is compiled, with the port for PCs."""
        from tinyml.backends.toolchains import host_compiler

        project = image.elf.parent / "project"
        model = (path for path in (project / "model").glob("*.c") if "_tflite" not in path.name)
        sources = sorted((project / "main.c", *model, *(project / "firmware/agent").glob("*.c")))
        folders = (project, *(project / name for name in ("model", "firmware", "firmware/include")))
        return Command(
            (
                *host_compiler(),
                *("-std=c11", "-O2", "-fno-strict-aliasing", "-DTML_AGENT=1", "-DTML_PROFILE=1"),
                *(f"-I{folder}" for folder in folders),
                *map(str, sources),
                str(resources.path("firmware") / "port" / "host" / "host.c"),
                *("-o", str(program)),
            ),
            message="compiling the firmware for this machine",
        )

    def run(self, image: Image, board: Board, inputs: Samples) -> Run:
        """Compiles and starts the program, feeds every sample; its times are this machine's."""
        from tinyml.profile import profile

        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "firmware"
            try:
                process.run(self.command(image, program))
            except ToolError as error:
                raise ToolError(
                    f"cannot compile the firmware for '{board.name}' here:\n{error.message}",
                    hint="kernels for the board's instruction set need --simulator unicorn",
                ) from error
            with process.running(Command((str(program),))) as (stdin, stdout):
                return profile(AgentClient(PipeLink(self.name, stdin, stdout)), board.name, inputs)


def _pty_path(link: PipeLink) -> str:
    """The pty that QEMU names in its first line."""
    text = b""
    end = time.monotonic() + QEMU_START_S
    while time.monotonic() < end:
        text += link.read(0.5)
        match = re.search(rb"(/dev/\S+)", text)
        if match and b"\n" in text:
            return match.group(1).decode()
    raise ToolError(f"QEMU did not open a serial port:\n{text.decode(errors='replace')}")
