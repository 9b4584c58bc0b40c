"""Simulators: a firmware's own image on an emulated core, on QEMU, or built for this machine."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from tinyml.base import process, resources
from tinyml.base.elf import read_elf
from tinyml.base.errors import SimulationFault, ToolError
from tinyml.base.process import Command
from tinyml.device.agent import AgentClient
from tinyml.device.application import application_lines
from tinyml.device.link import PipeLink, SerialLink
from tinyml.ir.graph import Array
from tinyml.simulate.gdb import Stub
from tinyml.simulate.invoke import Core
from tinyml.simulate.link import MemoryLink
from tinyml.target.board import Board
from tinyml.values.image import Image
from tinyml.values.run import LayerTime, Run

VECTORS = "tml_vectors"  # the table, where it is not at the start of its region
Samples = tuple[tuple[Array, ...], ...]

QEMU_START_S = 10.0
INSTRUCTION_SETS = ("dsp", "mve")  # folders of kernels that other machines cannot compile
WATCHED_CYCLES = 40_000_000  # longest inference whose every access is watched: some five seconds


class Unicorn:
    """The very image that would be flashed, on an emulated core with exact instruction counts."""

    name = "unicorn"
    requires: tuple[str, ...] = ()

    @contextmanager
    def stopped(self, image: Image, board: Board) -> Iterator[Core]:
        """The image on an emulated core, at its reset vector; nothing in it waits for memory."""
        from tinyml.simulate.machine import Machine

        machine = Machine(read_elf(image.elf), board)
        machine.counter.ignore_memory()  # several times as fast, and nobody asks for cycles
        yield machine

    def run(self, image: Image, board: Board, inputs: Samples, *, in_sequence: bool = False) -> Run:
        """Boots the image, feeds every sample, times the first one once it has run."""
        from tinyml.device.profile import load, profile
        from tinyml.simulate.machine import Machine

        machine = Machine(read_elf(image.elf), board)
        client = AgentClient(MemoryLink(machine))
        run = profile(
            client,
            board.name,
            inputs,
            is_estimate=True,
            warmup=1,  # as in a loop: caches hold what the inference before has left
            in_sequence=in_sequence,
            timed=machine.counter.ignore_memory,
        )
        _check_stack(image, run)
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
                "timing_model": board.chip.core.name,
                "is_alignment_checked": is_short,
            },
        )

    def application(self, image: Image, board: Board, count: int) -> tuple[str, ...]:
        """The first lines that the image's application prints."""
        from tinyml.simulate.machine import Machine

        machine = Machine(read_elf(image.elf), board)
        machine.counter.ignore_memory()
        return application_lines(AgentClient(MemoryLink(machine)), count)


def _check_stack(image: Image, run: Run) -> None:
    """Raises SimulationFault when the stack got deeper than the image's code was thought to take.

    There are no interrupts on the emulated core.
    """
    used, bound = run.stack_bytes, image.stack_bytes
    if used is not None and bound is not None and used > bound:
        raise SimulationFault(
            f"the stack took {used:,} bytes, and by the image's code it takes {bound:,} at most",
            hint="report this: the bound of the stack is wrong",
            where=run.board,
        )


class Qemu:
    """The image on QEMU, through its UART.

    QEMU counts instructions, not cycles. Where the board file sets ``qemu_icount_shift`` each takes
    ``2**shift`` ns of the machine's time, so a firmware's timer tells how many there were; else
    times mean nothing (the cycle counter DWT reads 0).
    """

    name = "qemu"
    requires = ("qemu-system-arm",)

    def command(self, image: Image, board: Board, *, is_stopped: bool = False) -> Command:
        """How QEMU is started; ``is_stopped``: it waits for a debugger on its standard input.

        Raises ToolError when it has no machine like the board.
        """
        options = board.options.get("simulator", {})
        machine = options.get("qemu_machine")
        if machine is None:
            raise ToolError(
                f"no machine of QEMU is known to be like '{board.name}'",
                hint="use --simulator unicorn, or set qemu_machine in the board file's [simulator]",
            )
        shift = options.get("qemu_icount_shift")
        counting = () if shift is None else ("-icount", f"shift={shift}")
        argv = ("qemu-system-arm", "-M", str(machine), "-kernel", str(image.elf))
        quiet = ("-display", "none", "-monitor", "none")
        if is_stopped:
            return Command((*argv, *quiet, "-serial", "null", "-S", "-gdb", "stdio"))
        return Command((*argv, *counting, *quiet, "-serial", "pty"))

    @contextmanager
    def stopped(self, image: Image, board: Board) -> Iterator[Core]:
        """The image on QEMU, at its reset vector. Raises ToolError when QEMU is missing."""
        process.require(self.requires[0])
        vectors = read_elf(image.elf).symbol(VECTORS)
        base = board.chip.region(board.chip.boot_region).base
        with process.running(self.command(image, board, is_stopped=True)) as (stdin, stdout):
            link = PipeLink(self.name, stdin, stdout)
            yield Stub(link, vectors.address if vectors else base, board.name)

    def run(self, image: Image, board: Board, inputs: Samples, *, in_sequence: bool = False) -> Run:
        """Boots the image, feeds every sample."""
        from tinyml.device.profile import profile

        with self._booted(image, board) as client:
            run = profile(client, board.name, inputs, is_estimate=True, in_sequence=in_sequence)
        return replace(_counted(run, board), target=self.name)

    def application(self, image: Image, board: Board, count: int) -> tuple[str, ...]:
        """The first lines that the image's application prints."""
        with self._booted(image, board) as client:
            return application_lines(client, count)

    @contextmanager
    def _booted(self, image: Image, board: Board) -> Iterator[AgentClient]:
        with process.running(self.command(image, board)) as (stdin, stdout):
            link = SerialLink(_pty_path(PipeLink(self.name, stdin, stdout)), board.baud)
            try:
                yield AgentClient(link)
            finally:
                link.close()


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

    def run(self, image: Image, board: Board, inputs: Samples, *, in_sequence: bool = False) -> Run:
        """Compiles and starts the program, feeds every sample; its times are this machine's."""
        from tinyml.device.profile import profile

        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "firmware"
            try:
                process.run(self.command(image, program))
            except ToolError as error:
                kernels = image.elf.parent / "project" / "firmware" / "kernels"
                own = [name for name in INSTRUCTION_SETS if (kernels / name).is_dir()]
                reason = f"its {own[0]} kernels are for the board's core" if own else error.message
                raise ToolError(
                    f"cannot compile the firmware for '{board.name}' here: {reason}",
                    hint="use --simulator unicorn",
                ) from error
            with process.running(Command((str(program),))) as (stdin, stdout):
                client = AgentClient(PipeLink(self.name, stdin, stdout))
                return profile(client, board.name, inputs, in_sequence=in_sequence)


def _counted(run: Run, board: Board) -> Run:
    """The run with instructions, made from what a timer at the core's clock counted."""
    shift = board.options.get("simulator", {}).get("qemu_icount_shift")
    if shift is None:
        return run
    per_instruction = run.clock_hz * (1 << int(shift)) / 1e9

    def counted(time: LayerTime) -> LayerTime:
        instructions = round(time.cycles / per_instruction)
        return LayerTime(instructions, instructions)

    return replace(
        run,
        layers=tuple(map(counted, run.layers)),
        total=counted(run.total),
        details={**run.details, "timing_model": "instructions, one cycle each"},
    )


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
