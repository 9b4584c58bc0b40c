"""What a serial flash of Espressif must hold to boot: images that are whole, where the chip looks.

The boot loader in ROM reads an image at an offset of the chip, the second one reads the partition
table and starts an application from its partition. What they would refuse is refused here, before
anything is erased.
Sources: ESP-IDF, esp_app_format.h (esp_image_header_t), gen_esp32part.py; esptool, image checksum.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.base.errors import BoardError, BuildError
from tinyml.values.flash_job import Part

_MAGIC = 0xE9
_HEADER = struct.Struct("<BBBBI B3s H B H H 4s B")  # up to the flag of an appended hash
_CHIP_ID, _HAS_HASH = 7, 12  # of its fields
_SEGMENT = struct.Struct("<II")  # where it is loaded, and its bytes
_MOST_SEGMENTS = 16
_SEED = 0xEF  # of the checksum
_ENTRY = struct.Struct("<2sBBII16sI")  # magic, type, subtype, offset, size, name, flags
_TABLE = b"\xaa\x50"
_TABLE_HASH = b"\xeb\xeb" + b"\xff" * 14
_APPLICATION = 0  # type
_LOADERS = {  # offsets that are not 0: esptool's BOOTLOADER_FLASH_OFFSET
    **dict.fromkeys(("esp32", "esp32s2"), 0x1000),
    **dict.fromkeys(("esp32c5", "esp32h4", "esp32p4", "esp32s31"), 0x2000),
}
_AGAIN = "build it again: the file is not what the build wrote"


@dataclass(frozen=True, slots=True)
class Partition:
    """A line of the partition table."""

    name: str
    kind: int
    offset: int
    nbytes: int


def check_parts(parts: Sequence[Part], chip: tuple[str, int], loader_offset: int) -> None:
    """Raises BuildError or BoardError for parts that the chip would not start.

    ``chip`` is its name and the id that images for it carry; ``loader_offset`` is where its ROM
    looks for a boot loader. Without a partition table among the parts, only images are looked at.
    """
    table = next((part for part in parts if part.data[:2] == _TABLE), None)
    partitions = () if table is None else partitions_of(table)
    for part in parts:
        if part.data[:1] == bytes([_MAGIC]):
            check_image(part, chip)
        if table is None or part is table:
            continue
        home = next((p for p in partitions if p.offset == part.address), None)
        if part.address < table.address:
            _check_loader(part, loader_offset, chip[0])
        elif home is None:
            listed = ", ".join(f"{p.name} at 0x{p.offset:X}" for p in partitions)
            raise BuildError(
                f"{part.file.name} begins at 0x{part.address:X}, where the partition table has "
                f"nothing: {listed}",
                hint="build again: the table and the offsets are of two builds",
            )
        else:
            _check_home(part, home)


def check_homes(parts: Sequence[Part]) -> None:
    """Raises BuildError for a part that is larger than its partition; without a table for none."""
    table = next((part for part in parts if part.data[:2] == _TABLE), None)
    for part in parts if table is not None else ():
        assert table is not None
        home = next((p for p in partitions_of(table) if p.offset == part.address), None)
        if home is not None:
            _check_home(part, home)


def loader_at(chip: str) -> int:
    """Where a chip's ROM looks for a boot loader."""
    return _LOADERS.get(chip, 0)


def _check_loader(part: Part, offset: int, chip: str) -> None:
    if part.address != offset:
        raise BuildError(
            f"{part.file.name} begins at 0x{part.address:X}; the boot loader of {chip} is at "
            f"0x{offset:X}",
            hint="was it built for another chip? idf.py set-target sets the offset",
        )
    _check_magic(part, "a boot loader")


def _check_home(part: Part, home: Partition) -> None:
    if len(part.data) > home.nbytes:
        raise BuildError(
            f"{part.file.name} has {len(part.data):,} bytes, its partition '{home.name}' "
            f"{home.nbytes:,}",
            hint="make the partition larger in partitions.csv, and build again",
        )
    if home.kind == _APPLICATION:
        _check_magic(part, "an application")


def _check_magic(part: Part, what: str) -> None:
    if part.data[:1] != bytes([_MAGIC]):
        found = part.data[:1].hex().upper() or "nothing"
        raise BuildError(
            f"{part.file.name} is no image of {what}: it begins with 0x{found}, not 0x{_MAGIC:X}",
            hint=_AGAIN,
        )


def check_image(part: Part, chip: tuple[str, int]) -> None:
    """Raises BoardError for another chip's image, BuildError for one that is cut or changed."""
    name, data = part.file.name, part.data
    if len(data) < _HEADER.size:
        raise BuildError(f"{name} is cut off: {len(data)} bytes", hint=_AGAIN)
    header = _HEADER.unpack_from(data)
    if header[_CHIP_ID] != chip[1]:
        raise BoardError(
            f"{name} is an image for chip id {header[_CHIP_ID]}, {chip[0]} has {chip[1]}",
            hint="build again for this board, or choose the other board with --board",
        )
    end = _HEADER.size
    checksum = _SEED
    if not 0 < header[1] <= _MOST_SEGMENTS:
        raise BuildError(f"{name} is damaged: {header[1]} segments", hint=_AGAIN)
    for number in range(header[1]):
        begin = end + _SEGMENT.size
        end = begin + (_SEGMENT.unpack_from(data, end)[1] if begin <= len(data) else len(data))
        if end > len(data):
            raise BuildError(
                f"{name} is cut off: segment {number} of {header[1]} ends at {end:,} of "
                f"{len(data):,} bytes",
                hint=_AGAIN,
            )
        held = np.frombuffer(data, np.uint8, end - begin, begin)
        checksum ^= int(np.bitwise_xor.reduce(held))
    end = end // 16 * 16 + 16  # the checksum is the last byte of sixteen
    if data[end - 1 : end] != bytes([checksum]):
        found = data[end - 1 : end].hex().upper() or "nothing"
        raise BuildError(
            f"{name} is damaged: its checksum is 0x{checksum:02X}, the file says 0x{found}",
            hint=_AGAIN,
        )
    if header[_HAS_HASH] == 1 and data[end : end + 32] != hashlib.sha256(data[:end]).digest():
        raise BuildError(f"{name} is damaged: its SHA-256 is another", hint=_AGAIN)


def partitions_of(table: Part) -> tuple[Partition, ...]:
    """The lines of a partition table; raises BuildError for a damaged one."""
    found = []
    for at in range(0, len(table.data) - _ENTRY.size + 1, _ENTRY.size):
        entry = table.data[at : at + _ENTRY.size]
        if entry[:16] == _TABLE_HASH:
            if hashlib.md5(table.data[:at]).digest() != entry[16:]:
                raise BuildError(f"{table.file.name} is damaged: its MD5 is another", hint=_AGAIN)
            break
        magic, kind, _, offset, nbytes, name, _ = _ENTRY.unpack(entry)
        if magic != _TABLE:
            break
        found.append(Partition(name.rstrip(b"\0").decode("utf-8", "replace"), kind, offset, nbytes))
    return tuple(found)
