"""A linked firmware as a value: read from its ELF, kept as image.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tinyml.backends.base import Image, Section
from tinyml.board import Board
from tinyml.elf import Elf, ElfSection, read_elf
from tinyml.errors import BuildError
from tinyml.files import write_atomic

FORMAT = 1


def image_of(
    elf_path: Path, segments: tuple[tuple[int, Path], ...], board: Board, toolchain: str
) -> Image:
    """What is in an ELF that a toolchain linked for a board; ``segments`` are what is flashed."""
    elf = read_elf(elf_path)
    sections, flash_bytes, ram_bytes = _memory(elf, board)
    return Image(
        elf=elf_path,
        segments=segments,
        sections=sections,
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        symbols=_symbols(elf),
        toolchain=toolchain,
        static_functions=_static_functions(elf),
    )


def save_image(image: Image, path: Path) -> None:
    """Writes an image's description; its files are named relative to it."""
    here = path.parent
    document = {
        "format": FORMAT,
        "elf": _relative(image.elf, here),
        "segments": [[address, _relative(file, here)] for address, file in image.segments],
        "sections": [[item.name, item.region, item.nbytes] for item in image.sections],
        "flash_bytes": image.flash_bytes,
        "ram_bytes": image.ram_bytes,
        "symbols": [list(item) for item in image.symbols],
        "toolchain": image.toolchain,
        "static_functions": [list(item) for item in image.static_functions],
    }
    write_atomic(path, json.dumps(document, indent=1) + "\n")


def load_image(path: Path) -> Image:
    """The image that save_image wrote; raises BuildError when it is not one."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if document.get("format") != FORMAT:
            raise BuildError(
                f"format {document.get('format')}, this version reads {FORMAT}",
                hint="build again",
                where=str(path),
            )
        here = path.parent
        return Image(
            elf=here / document["elf"],
            segments=tuple((address, here / file) for address, file in document["segments"]),
            sections=tuple(Section(*item) for item in document["sections"]),
            flash_bytes=document["flash_bytes"],
            ram_bytes=document["ram_bytes"],
            symbols=tuple((name, address, size) for name, address, size in document["symbols"]),
            toolchain=document["toolchain"],
            static_functions=tuple(
                (file, name, size) for file, name, size in document["static_functions"]
            ),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BuildError(
            f"not an image description: {error}", hint="build again", where=str(path)
        ) from error


def _memory(elf: Elf, board: Board) -> tuple[tuple[Section, ...], int, int]:
    """Sections by region, flash bytes, RAM bytes including the reserved stack."""
    sections: list[Section] = []
    flash_bytes = ram_bytes = 0
    has_stack = False
    for item in elf.sections:
        region, kind = _region_of(item, board)
        sections.append(Section(item.name, region, item.nbytes))
        has_stack |= "stack" in item.name
        if kind == "ram":
            ram_bytes += item.nbytes
        if item.is_loaded:
            load_region, load_kind = _region(item.load_address, board)
            flash_bytes += item.nbytes if load_kind == "flash" else 0
            if load_region != region:
                sections.append(Section(f"{item.name} (initial values)", load_region, item.nbytes))
    if not has_stack:
        ram_bytes += board.stack_bytes
    return tuple(sections), flash_bytes, ram_bytes


def _region_of(section: ElfSection, board: Board) -> tuple[str, str]:
    """Name and kind of the region that a section takes; nothing in flash is only reserved there."""
    for budget in board.ram:
        if budget.section and section.name == budget.section:
            return budget.region, "ram"
    name, kind = _region(section.address, board)
    return (name, kind) if kind != "flash" or section.is_loaded else ("none", "")


def _region(address: int, board: Board) -> tuple[str, str]:
    for region in board.chip.regions:
        if region.holds(address):
            return region.name, region.kind
    return "none", ""


def _symbols(elf: Elf) -> tuple[tuple[str, int, int], ...]:
    """Functions and objects with a size, by address; Thumb bits cleared."""
    found = {
        (item.name, item.address & ~1 if item.kind == "function" else item.address, item.nbytes)
        for item in elf.symbols
        if item.kind in ("function", "object") and item.nbytes
    }
    return tuple(sorted(found, key=lambda item: (item[1], item[0])))


def _static_functions(elf: Elf) -> tuple[tuple[str, str, int], ...]:
    """Functions that only one C file sees; in the symbol table they follow that file's name."""
    found: set[tuple[str, str, int]] = set()
    file = ""
    for item in elf.symbols:
        if item.kind == "file":
            file = item.name
        elif item.kind == "function" and item.nbytes and not item.is_global:
            found.add((file, item.name, item.nbytes))
    return tuple(sorted(found))


def _relative(path: Path, folder: Path) -> str:
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return str(path)
