"""A linked firmware as a value: read from its ELF, kept as image.json."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tinyml.base.elf import Elf, ElfSection, read_elf
from tinyml.base.errors import BuildError
from tinyml.base.files import refuse_special, sha256_of, write_atomic
from tinyml.base.records import checksum_of
from tinyml.target.board import Board

FORMAT = 2
IMAGE_FILE = "image.json"
VECTORS = (".vectors", ".isr_vector")  # sections with the vector table of a Cortex-M


@dataclass(frozen=True, slots=True)
class Section:
    """An ELF section that takes memory on the target."""

    name: str
    region: str
    nbytes: int


@dataclass(frozen=True, slots=True)
class SelfTest:
    """Outputs that were held against the model as it was read, all elements equal."""

    target: str  # "unicorn" or "qemu": the image ran; "reference": only the simplified graph did
    samples: int
    key: str  # a hash of the image and of how it is tested


@dataclass(frozen=True, slots=True)
class Image:
    """A linked firmware."""

    elf: Path
    segments: tuple[tuple[int, Path], ...]  # (address, raw binary) to flash
    sections: tuple[Section, ...]
    flash_bytes: int  # code, constants and initial values of .data
    ram_bytes: int  # .data + .bss + reserved stack
    symbols: tuple[
        tuple[str, int, int], ...
    ] = ()  # (name, address, bytes) of functions and objects
    toolchain: str = ""  # name and version that made it
    static_functions: tuple[tuple[str, str, int], ...] = ()  # (C file, name, bytes): the kernels
    hashes: tuple[tuple[Path, str], ...] = ()  # (file, sha256) of those that were built
    self_test: SelfTest | None = None  # None: it was not tested
    stack_bytes: int | None = None  # the most that the stack takes, by its code; None: not known


def image_of(
    elf_path: Path, segments: tuple[tuple[int, Path], ...], board: Board, toolchain: str
) -> Image:
    """What is in an ELF that a toolchain linked for a board; ``segments`` are what is flashed.

    Raises BuildError when a Cortex-M could not start it.
    """
    elf = read_elf(elf_path)
    _check_vectors(elf, board, elf_path)
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
    """Writes an image's description with the hashes of its files, named relative to it."""
    here = path.parent
    files = (image.elf, *(file for _, file in image.segments))
    document = {
        "format": FORMAT,
        "elf": _relative(image.elf, here),
        "segments": [[address, _relative(file, here)] for address, file in image.segments],
        "sections": [[item.name, item.region, item.nbytes] for item in image.sections],
        "flash_bytes": image.flash_bytes,
        "ram_bytes": image.ram_bytes,
        "symbols": [list(item) for item in image.symbols],
        "stack_bytes": image.stack_bytes,
        "toolchain": image.toolchain,
        "static_functions": [list(item) for item in image.static_functions],
        "self_test": asdict(image.self_test) if image.self_test else None,
        "sha256": {_relative(file, here): sha256_of(file) for file in files},
    }
    document["checksum"] = checksum_of(document)
    write_atomic(path, json.dumps(document, indent=1) + "\n")


def load_image(path: Path) -> Image:
    """The image that save_image wrote; raises BuildError when it is not one."""
    try:
        document: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
        if document.get("format") != FORMAT:
            raise BuildError(
                f"format {document.get('format')}, this version reads {FORMAT}",
                hint="build again",
                where=str(path),
            )
        # Descriptions of versions before have no checksum.
        if document.pop("checksum", None) not in (None, checksum_of(document)):
            raise ValueError("its text was changed")
        return _image(document, path.parent)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BuildError(
            f"not an image description: {error}", hint="build again", where=str(path)
        ) from error


def _image(document: dict[str, Any], here: Path) -> Image:
    """The image of a description; raises ValueError, KeyError or TypeError when it is not one."""
    hashes = {str(name): str(value) for name, value in document["sha256"].items()}
    image = Image(
        elf=here / document["elf"],
        segments=tuple((_u32(address), here / file) for address, file in document["segments"]),
        sections=tuple(
            Section(str(name), str(region), _u32(size))
            for name, region, size in document["sections"]
        ),
        flash_bytes=_u32(document["flash_bytes"]),
        ram_bytes=_u32(document["ram_bytes"]),
        symbols=tuple(
            (str(name), _u32(address), _u32(size)) for name, address, size in document["symbols"]
        ),
        toolchain=str(document["toolchain"]),
        static_functions=tuple(
            (str(file), str(name), _u32(size)) for file, name, size in document["static_functions"]
        ),
        hashes=tuple((here / name, value) for name, value in hashes.items()),
        self_test=_self_test(document.get("self_test")),
        stack_bytes=_optional_u32(document.get("stack_bytes")),
    )
    for file in (image.elf, *(file for _, file in image.segments)):
        if file not in dict(image.hashes):
            raise ValueError(f"no hash of {file.name}")
    return image


def _self_test(item: Mapping[str, object] | None) -> SelfTest | None:
    """None also in images of versions that tested none."""
    return SelfTest(str(item["target"]), _u32(item["samples"]), str(item["key"])) if item else None


def _optional_u32(value: Any) -> int | None:
    return None if value is None else _u32(value)


def _u32(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 32:
        raise ValueError(f"{value!r} is no address or size")
    return value


def check_files(image: Image) -> None:
    """Returns when the image's files are those that were built; raises BuildError else."""
    for file, _ in image.hashes:
        read_file(image, file)


def read_file(image: Image, file: Path) -> bytes:
    """The content of one of an image's files; raises BuildError unless it is what was built."""
    try:
        refuse_special(file)
        data = file.read_bytes()
    except OSError as error:
        raise BuildError(
            f"a file of the image is missing: {error.strerror}", hint="build again", where=str(file)
        ) from error
    wanted = dict(image.hashes).get(file)
    if wanted is not None and hashlib.sha256(data).hexdigest() != wanted:
        raise BuildError(
            "is not the file that was built: it was changed or cut short since",
            hint="build again with 'tinyml build'",
            where=str(file),
        )
    return data


def _check_vectors(elf: Elf, board: Board, path: Path) -> None:
    """Raises BuildError unless a Cortex-M's vector table leads into RAM and code.

    Source: Armv7-M Architecture Reference Manual, B1.5.3: the first word is the stack pointer, the
    second the reset handler, whose bit 0 is the Thumb state. Tables under other names are left out.
    """
    table = next((item for item in elf.sections if item.name in VECTORS), None)
    if table is None or board.chip.core.architecture != "arm":
        return
    loaded = {item.load_address: item.data for item in elf.segments}
    data = next(
        (
            data[table.load_address - start :][:8]
            for start, data in loaded.items()
            if start <= table.load_address < start + len(data)
        ),
        b"",
    )
    words = struct.unpack("<2I", data) if len(data) == 8 else (0, 0)
    stack, reset = words
    in_code = any(s.is_code and s.address <= reset < s.address + s.nbytes for s in elf.sections)
    if _region(stack - 1, board)[1] != "ram" or stack % 4 or not reset & 1 or not in_code:
        raise BuildError(
            f"the vector table cannot start the core: stack pointer 0x{stack:08X}, which must be "
            f"in RAM, reset handler 0x{reset:08X}, which must be an odd address in code",
            hint="look at the linker script and the start-up code of the project",
            where=str(path),
        )


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
