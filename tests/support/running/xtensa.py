"""The ESP-IDF project for an ESP32-S3 as a program for the emulated core, and for QEMU's.

tinyml/bare/xtensa.py says how.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.running.esp_idf import STAND_INS, write_sdkconfig_header
from tinyml.bare.xtensa import RAM, link, objects_of
from tinyml.base import resources
from tinyml.base.elf import read_elf
from tinyml.base.process import Command
from tinyml.simulate.lx7.core import Stop
from tinyml.simulate.lx7.program import loaded, why
from tinyml.values.project import Project

_READ, _WRITE, _SELECT = 3, 4, 29  # SIMCALLs
ICOUNT_SHIFT = 10  # an instruction takes 2^10 ns
SUPPORT = Path(__file__).parents[1] / "stand_ins" / "xtensa"


def emulate(program: Path) -> Command:
    """QEMU with a program; its standard input and output are the program's.

    QEMU's de233_fpu has the LX7's base instructions but for MULSH and MULUH, which start.s makes
    up for; it knows no vector instructions.
    """
    machine = ("qemu-system-xtensa", "-M", "sim", "-cpu", "de233_fpu", "-semihosting")
    quiet = ("-display", "none", "-monitor", "none", "-serial", "none")
    return Command((*machine, *quiet, "-icount", f"shift={ICOUNT_SHIFT}", "-kernel", str(program)))


class ProgramLink:
    """The serial line of a program on the emulated core: what it asks its host to read and write.

    The core runs only while somebody reads, until the program waits for more.
    """

    name = "core"

    def __init__(self, program: Path) -> None:
        self._core = loaded(read_elf(program), RAM)
        self._received, self._sent = bytearray(), bytearray()

    def write(self, data: bytes) -> None:
        """Queues bytes for the program."""
        self._received += data

    def read(self, timeout_s: float) -> bytes:
        """What the program has sent until it waits; it may take so long at 240 MHz."""
        end = self._core.state.cycles + int(timeout_s * 240e6)
        while self._core.state.cycles < end:
            stop = self._core.run(cycles=end - self._core.state.cycles)
            if stop is Stop.LIMIT or (stop is Stop.CALL and self._answer()):
                break
            assert stop is Stop.CALL, why(self._core, stop)
        data = bytes(self._sent)
        self._sent.clear()
        return data

    def close(self) -> None:
        """Nothing to give back."""

    def _answer(self) -> bool:
        """Does what the program asks for; whether it waits."""
        core = self._core
        number, place, nbytes = core.a(2), core.a(4), core.a(5)
        assert number in (_READ, _WRITE, _SELECT), f"the program ended ({number})"
        if number == _WRITE:
            self._sent += core.read(place, nbytes)
        elif number == _READ:
            nbytes = min(nbytes, len(self._received))
            core.write(place, bytes(self._received[:nbytes]))
            del self._received[:nbytes]
        is_waiting = number == _SELECT and not self._received
        core.set_a(2, 0 if is_waiting else 1 if number == _SELECT else nbytes)
        return is_waiting


def project_flags(project: Project, folder: Path) -> list[str]:
    """Defines and include folders as the component's CMakeLists.txt has them."""
    write_sdkconfig_header(project.directory, folder)
    firmware = resources.path("firmware")
    folders = [*(project.directory / name for name in project.include_dirs)]
    folders += [STAND_INS, folder, firmware / "libc"]
    defines = (*project.defines, ("TML_PAUSE", "1"))
    return [
        *(f"-D{name}={value}" for name, value in defines),
        *(f"-I{item}" for item in folders),
    ]


def build_project(project: Project, folder: Path, libraries: Sequence[Path] = ()) -> Path:
    """The project over the stand-in of ESP-IDF; its serial line is standard input and output.

    ``libraries`` are C files that stand for vendors' components, their headers beside them.
    """
    flags = ["-ffreestanding", *project_flags(project, folder)]
    flags += [f"-I{item.parent}" for item in libraries]
    sources = [project.directory / name for name in ("main/main.c", *project.sources)]
    sources += [SUPPORT / "esp_idf.c", resources.path("firmware") / "libc" / "string.c", *libraries]
    return link(objects_of(sources, flags, folder, "-O2"), folder)
