"""Arduino: arduino-cli compiles the example sketch of a library.

Facts: arduino-cli command reference (compile: --fqbn, --library, --output-dir); build process: the
results are named after the sketch.
"""

from __future__ import annotations

from tinyml.base.errors import BuildError
from tinyml.base.process import Command
from tinyml.values.image import Image, image_of
from tinyml.values.project import Project

BUILD = "build"


class ArduinoCli:
    """``arduino-cli compile``; the board's file has its fully qualified name."""

    name = "arduino_cli"
    title = "arduino-cli"
    requires = ("arduino-cli",)
    container = ""

    def commands(self, project: Project) -> tuple[Command, ...]:
        """One command; the core must be installed: arduino-cli says how."""
        options = project.board.options.get("template", {}).get(project.template, {})
        where = ("--fqbn", options.get("fqbn", ""), "--library", ".", "--output-dir", BUILD)
        sketch = f"examples/{project.name}"
        return (
            Command(
                ("arduino-cli", "compile", *where, sketch), project.directory, "arduino-cli compile"
            ),
        )

    def image(self, project: Project) -> Image:
        """The sketch's binary, which the boot loader expects at the start of the board's flash."""
        folder = project.directory / BUILD
        elf, binary = (folder / f"{project.name}.ino.{kind}" for kind in ("elf", "bin"))
        for path in (elf, binary):
            if not path.is_file():
                raise BuildError(
                    f"arduino-cli did not leave {path.name}",
                    hint=f"delete its folder '{BUILD}' and build again",
                    where=str(project.directory),
                )
        start = project.board.region(project.board.flash.region).base
        return image_of(elf, ((start, binary),), project.board, self.name)
