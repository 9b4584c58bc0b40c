"""PlatformIO: ``pio run`` fetches framework and compiler and builds the project.

Facts: PlatformIO Core, pio run; results lie in ``.pio/build/<environment>``, on Espressif chips
with boot loader and partition table.
"""

from __future__ import annotations

from pathlib import Path

from tinyml.base.errors import BuildError
from tinyml.base.process import Command
from tinyml.values.image import Image, image_of
from tinyml.values.project import Project

# Offsets in the serial flash of chips whose ROM looks for a boot loader at its start (S3, C3, C6);
# the table and the application lie where ESP-IDF puts them by default.
ESPRESSIF = {"bootloader.bin": 0x0, "partitions.bin": 0x8000, "firmware.bin": 0x10000}


class PlatformIo:
    """``pio run``; the board's file has the names of platform and board."""

    name = "platformio"
    title = "PlatformIO Core"
    requires = ("pio",)
    container = ""

    def commands(self, project: Project) -> tuple[Command, ...]:
        """One command, for all environments of platformio.ini."""
        return (Command(("pio", "run"), project.directory, "pio run"),)

    def image(self, project: Project) -> Image:
        """What the newest environment left."""
        made = sorted(
            (project.directory / ".pio" / "build").glob("*/firmware.elf"),
            key=lambda path: path.stat().st_mtime,
        )
        if not made or not made[-1].with_suffix(".bin").is_file():
            raise BuildError(
                "pio did not leave firmware.elf and firmware.bin",
                hint="delete its folder '.pio' and build again",
                where=str(project.directory),
            )
        return image_of(made[-1], _parts(made[-1].parent, project), project.board, self.name)


def _parts(folder: Path, project: Project) -> tuple[tuple[int, Path], ...]:
    if all((folder / name).is_file() for name in ESPRESSIF):
        return tuple((offset, folder / name) for name, offset in ESPRESSIF.items())
    start = project.board.region(project.board.flash.region).base
    return ((start, folder / "firmware.bin"),)
