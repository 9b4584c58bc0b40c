"""CMake with presets: a project that finds or fetches its libraries, built by arm-none-eabi-gcc."""

from __future__ import annotations

from tinyml.base import process
from tinyml.base.elf import read_elf
from tinyml.base.errors import BuildError
from tinyml.base.process import Command
from tinyml.values.image import Image, image_of
from tinyml.values.project import Project

PRESET = "Release"
ELF = "firmware.elf"


class CMake:
    """``cmake --preset Release`` and the build; what it fetches stays in the build folder."""

    name = "cmake"
    title = "CMake 3.21, Ninja and arm-none-eabi-gcc with libstdc++"
    requires = ("cmake", "ninja", "arm-none-eabi-g++")
    container = ""

    def commands(self, project: Project) -> tuple[Command, ...]:
        """Two commands: configure, build."""
        return (
            Command(("cmake", "--preset", PRESET), project.directory, "cmake: configuring"),
            Command(("cmake", "--build", "--preset", PRESET), project.directory, "cmake: building"),
        )

    def image(self, project: Project) -> Image:
        """The ELF and its flat binary, which lies where the board's flash starts."""
        folder = project.directory / "build" / PRESET
        elf, binary = folder / ELF, folder / "firmware.bin"
        for path in (elf, binary):
            if not path.is_file():
                raise BuildError(
                    f"cmake did not leave {path.name}",
                    hint="delete its folder 'build' and build again",
                    where=str(project.directory),
                )
        version = process.run(Command(("arm-none-eabi-g++", "-dumpfullversion"))).strip()
        start = min(segment.load_address for segment in read_elf(elf).segments)
        return image_of(elf, ((start, binary),), project.board, f"{self.name} {version}")
