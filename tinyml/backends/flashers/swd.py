"""Debug probes: pyOCD, OpenOCD, probe-rs or STM32CubeProgrammer, whichever is installed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tinyml.backends.flashers import check_region, lines, options, run_programs
from tinyml.base.datafile import Table
from tinyml.base.errors import ToolError
from tinyml.base.process import Command
from tinyml.target.board import Board
from tinyml.values.flash_job import FlashJob, Progress

MESSAGE = "writing through the debug probe"


def stm32_programmer(elf: Path, table: Table) -> tuple[Command, ...]:
    """Command lines of STM32CubeProgrammer; the option names the interface."""
    port = table.text("stm32_programmer")
    argv = ("STM32_Programmer_CLI", "-c", f"port={port}", "mode=UR", "-w", str(elf), "-v", "-rst")
    return (Command(argv, message=MESSAGE),)


def openocd(elf: Path, table: Table) -> tuple[Command, ...]:
    """Command lines of OpenOCD; the option names the file in target/."""
    target = table.text("openocd")
    interface = table.text("openocd_interface", "stlink")
    script = f"program {{{elf.as_posix()}}} verify reset exit"
    files = ("-f", f"interface/{interface}.cfg", "-f", f"target/{target}.cfg")
    return (Command(("openocd", *files, "-c", script), message=MESSAGE),)


def openocd_of_pip(elf: Path, table: Table) -> tuple[Command, ...]:
    """The same with Espressif's OpenOCD, which pip installs and which knows other chips too."""
    (command,) = openocd(elf, table)
    return (replace(command, argv=("openocd-esp32", *command.argv[1:])),)


def probe_rs(elf: Path, table: Table) -> tuple[Command, ...]:
    """Command lines of probe-rs; the option names the chip."""
    chip = table.text("probe_rs")
    return (
        Command(("probe-rs", "download", "--chip", chip, "--verify", str(elf)), message=MESSAGE),
        Command(("probe-rs", "reset", "--chip", chip), message="resetting"),
    )


def pyocd(elf: Path, table: Table) -> tuple[Command, ...]:
    """Command lines of pyOCD; the option names the target. It resets by itself.

    Without ``--no-wait`` it would wait for a probe for ever.
    """
    argv = ("pyocd", "flash", "--no-wait", "--target", table.text("pyocd"), str(elf))
    return (Command(argv, message=MESSAGE),)


Lines = Callable[[Path, Table], tuple[Command, ...]]

TOOLS: dict[str, tuple[str, Lines]] = {  # program: option, command lines; best first
    "STM32_Programmer_CLI": ("stm32_programmer", stm32_programmer),
    "probe-rs": ("probe_rs", probe_rs),
    "openocd": ("openocd", openocd),
    "openocd-esp32": ("openocd", openocd_of_pip),
    "pyocd": ("pyocd", pyocd),
}


class Swd:
    """Writes the ELF file through a debug probe with one of the programs that are there."""

    name = "swd"
    can_skip = False

    def __init__(self, installed: frozenset[str]) -> None:
        self._installed = installed  # programs of TOOLS

    def ports(self, board: Board) -> None:
        """A probe is found by the program."""

    def check_options(self, board: Board) -> None:
        """What the programs call the chip."""
        table = _options(board)
        for option, commands in TOOLS.values():
            if table.has(option):
                commands(Path("firmware.elf"), table)

    def check(self, job: FlashJob) -> None:
        """The image lies in flash."""
        check_region(job)

    def problem(self, job: FlashJob) -> str | None:
        """None of the programs that know the chip is installed."""
        if self._tool(job.board):
            return None
        table = _options(job.board)
        known = [program for program, (option, _) in TOOLS.items() if table.has(option)]
        return f"none of {', '.join(known)} is on PATH" if known else "no probe knows this chip"

    def erases(self, job: FlashJob) -> str:
        """What every such program does."""
        return "the sectors of flash below the image"

    def commands(self, job: FlashJob) -> tuple[Command, ...]:
        """Of the best program."""
        tool = self._tool(job.board)
        if tool is None:
            raise ToolError(f"cannot flash {job.board.name}: {self.problem(job)}")
        return TOOLS[tool][1](job.image.elf, _options(job.board))

    def steps(self, job: FlashJob) -> tuple[str, ...]:
        """The command lines; of the best program there could be when none is."""
        if self._tool(job.board) is None:
            return lines(Swd(frozenset(TOOLS)).commands(job))
        return lines(self.commands(job))

    def write(self, job: FlashJob, progress: Progress) -> str:
        """Runs the program."""
        commands = self.commands(job)
        progress(commands[0].message, 0, 1)
        run_programs(commands)
        progress(commands[0].message, 1, 1)
        return f"written with {commands[0].argv[0]} and reset"

    def _tool(self, board: Board) -> str | None:
        table = _options(board)
        for program, (option, _) in TOOLS.items():
            if program in self._installed and table.has(option):
                return program
        return None


def swd() -> Swd:
    """With the programs that are on PATH."""
    return Swd(frozenset(filter(shutil.which, TOOLS)))


def _options(board: Board) -> Table:
    table = options(board, Swd.name)
    for key in (*(option for option, _ in TOOLS.values()), "openocd_interface"):
        table.has(key)
    table.close()
    return table
