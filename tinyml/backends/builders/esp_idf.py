"""ESP-IDF: idf.py, here or in Espressif's container.

Facts: ESP-IDF Build System (``project_description.json``), tools/cmake/project.cmake and
components/esptool_py (``flasher_args.json``: offsets in the serial flash and files).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from tinyml.backends.flashers.esp_image import check_homes
from tinyml.base.errors import BuildError
from tinyml.base.process import Command
from tinyml.values.flash_job import Part
from tinyml.values.image import Image, image_of
from tinyml.values.project import Project

BUILD = "build"  # idf.py's own default, in the project


class EspIdf:
    """``idf.py build``; sdkconfig.defaults names the chip."""

    name = "esp_idf"
    title = "ESP-IDF 5.1 or later"
    requires = ("idf.py",)
    container = "espressif/idf:v5.5"

    def commands(self, project: Project) -> tuple[Command, ...]:
        """One command; it configures, fetches components, compiles and links."""
        return (Command(("idf.py", "build"), project.directory, "idf.py build"),)

    def image(self, project: Project) -> Image:
        """Boot loader, partition table and application at their offsets in the serial flash."""
        folder = project.directory / BUILD
        description = _read(project, "project_description.json")
        files = _read(project, "flasher_args.json").get("flash_files", {})
        try:
            elf = folder / description["app_elf"]
            parts = tuple(sorted((int(start, 0), folder / file) for start, file in files.items()))
            app = folder / description["app_bin"]
            version = str(description.get("git_revision", "")).removeprefix("v")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise _unexpected(project, str(error)) from error
        check_homes([_part(project, *part) for part in parts])
        image = image_of(elf, parts, project.board, f"{self.name} {version}".strip())
        # What is loaded into RAM lies in the flash as well, but only the binary knows where.
        return replace(image, flash_bytes=_size(project, app))


def _read(project: Project, name: str) -> dict[str, Any]:
    path = project.directory / BUILD / name
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unexpected(project, f"{name}: {error}") from error
    if not isinstance(document, dict):
        raise _unexpected(project, f"{name} is not an object")
    return document


def _part(project: Project, address: int, path: Path) -> Part:
    try:
        return Part(address, path.read_bytes(), path)
    except OSError as error:
        raise _unexpected(project, f"{path.name}: {error.strerror}") from error


def _size(project: Project, path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unexpected(project, f"{path.name}: {error.strerror}") from error


def _unexpected(project: Project, what: str) -> BuildError:
    return BuildError(
        f"idf.py did not leave what was expected: {what}",
        hint="delete its folder 'build' and build again",
        where=str(project.directory),
    )
