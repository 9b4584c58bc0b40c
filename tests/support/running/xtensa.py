"""The ESP-IDF project for an ESP32-S3 as a program for QEMU; tinyml/bare/xtensa.py says how."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.support.running.esp_idf import STAND_INS, write_sdkconfig_header
from tinyml.bare.xtensa import compile_c, link
from tinyml.base import resources
from tinyml.values.project import Project

SUPPORT = Path(__file__).parents[1] / "stand_ins" / "xtensa"


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
    objects = [
        compile_c(source, folder / f"{number}_{source.stem}.o", flags, "-O2")
        for number, source in enumerate(sources)
    ]
    return link(objects, folder)
