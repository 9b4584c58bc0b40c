"""Zephyr: ``west build`` in an environment where it works.

Facts: Zephyr documentation, Building, Flashing and Debugging; results lie in ``build/zephyr``.
"""

from __future__ import annotations

from tinyml.base.errors import BuildError
from tinyml.base.process import Command
from tinyml.values.image import Image, image_of
from tinyml.values.project import Project

BUILD = "build"


class Zephyr:
    """``west build``; the board's file has the board target."""

    name = "zephyr"
    title = "Zephyr 3.5 or later with west"
    requires = ("west",)
    container = ""

    def commands(self, project: Project) -> tuple[Command, ...]:
        """One command; it configures at first and when the board changes."""
        options = project.board.options.get("template", {}).get(project.template, {})
        argv = ("west", "build", "-b", str(options.get("board", "")), "-d", BUILD, "app")
        return (Command(argv, project.directory, "west build"),)

    def image(self, project: Project) -> Image:
        """The binary, at the start of the board's flash; esptool counts from there."""
        folder = project.directory / BUILD / "zephyr"
        elf, binary = folder / "zephyr.elf", folder / "zephyr.bin"
        if not elf.is_file() or not binary.is_file():
            raise BuildError(
                "west did not leave zephyr.elf and zephyr.bin",
                hint=f"delete its folder '{BUILD}' and build again",
                where=str(project.directory),
            )
        board = project.board
        is_serial_flash = "esptool" in board.options.get("flasher", {})
        start = 0 if is_serial_flash else board.region(board.flash.region).base
        return image_of(elf, ((start, binary),), board, self.name)
