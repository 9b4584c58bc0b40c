"""ESP-NN from a folder, linked to a plan's program for the emulated core, for comparison alone.

Nothing of it is part of tinyml: https://github.com/espressif/esp-nn, the version that
``boards/chips/esp32s3.toml`` names or a later one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.esp_nn.assembler import assemble
from tinyml.bare.run import ENGINES
from tinyml.bare.xtensa import LAYOUT, Lx7, link, objects_of
from tinyml.base import resources
from tinyml.base.errors import ToolError
from tinyml.target.board import Board

STAND_INS = Path(__file__).parent / "stand_ins"  # for parts of a C library
LEFT_OUT = ("esp32p4", "logistic", "hard_swish")  # another chip; what calls for more of libc
PORTABLE = "_ansi.c"
CHIP = ("-DCONFIG_NN_OPTIMIZED", "-DCONFIG_IDF_TARGET_ESP32S3")


@dataclass(frozen=True, slots=True)
class EspNn:
    """The library, in one of its two forms."""

    folder: Path
    is_portable: bool = False  # its C for any chip, instead of what is written for this one

    @property
    def flags(self) -> tuple[str, ...]:
        """What compiles the library, and calls of it."""
        libc = resources.path("firmware") / "libc"
        folders = (self.folder / "include", self.folder / "src" / "common", STAND_INS, libc)
        chip = ("-DCONFIG_NN_ANSI_C",) if self.is_portable else CHIP
        return (*(f"-I{folder}" for folder in folders), *chip, "-w")

    def sources(self, end: str) -> list[Path]:
        """Its files whose names end so."""
        found = sorted((self.folder / "src").rglob(f"*{end}"))
        return [path for path in found if not any(word in path.name for word in LEFT_OUT)]

    def objects(self, folder: Path) -> list[Path]:
        """All of it, compiled."""
        files = self.sources(PORTABLE if self.is_portable else ".c")
        made = objects_of((*files, STAND_INS / "abort.c"), self.flags, folder)
        if self.is_portable:
            return made
        return [*made, assemble(self.sources("esp32s3.S"), folder / "esp_nn_esp32s3.o")]

    def version(self) -> str:
        """As its component file has it; raises ToolError for a folder that is not ESP-NN's."""
        path = self.folder / "idf_component.yml"
        found = re.search(r'version:\s*"?([\w.]+)', path.read_text()) if path.is_file() else None
        if found is None:
            raise ToolError(
                f"{self.folder} is not a checkout of ESP-NN",
                hint="git clone https://github.com/espressif/esp-nn and give its folder",
            )
        return found[1]


class _WithLibrary(Lx7):
    def __init__(self, library: EspNn) -> None:
        self._library = library

    def build(self, sources: Sequence[Path], flags: Sequence[str], folder: Path) -> Path:
        objects = objects_of(sources, (*flags, *self._library.flags), folder)
        return link((*objects, *self._library.objects(folder)), folder, LAYOUT)


def linked_with(library: EspNn, board: Board) -> Board:
    """The board with a core whose programs have the library, and whose plans may call it alone."""
    name = f"esp_nn_{'portable' if library.is_portable else 'esp32s3'}"
    ENGINES[name] = _WithLibrary(library)
    core = replace(board.chip.core, bare=name)
    return replace(board, chip=replace(board.chip, core=core, isa=("esp_nn",)))
