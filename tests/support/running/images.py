"""Images for flashers, made of nothing."""

from __future__ import annotations

import hashlib
import random
import struct
from functools import reduce
from operator import xor
from pathlib import Path

from tinyml.values.image import Image, save_image


def blob(nbytes: int, seed: int = 1) -> bytes:
    """Bytes that compress a little, always the same."""
    return bytes(random.Random(seed).choices(range(3, 256, 4), k=nbytes))


def esp_image(chip_id: int, nbytes: int, seed: int = 1) -> bytes:
    """An Espressif image of one segment, with what is left over behind its checksum."""
    head = bytes([0xE9, 1, 2, 0x3F]) + bytes(8) + chip_id.to_bytes(2, "little") + bytes(10)
    end = nbytes // 16 * 16
    data = blob(end - len(head) - 9, seed)
    checksum = reduce(xor, data, 0xEF)
    segment = bytes(4) + len(data).to_bytes(4, "little") + data
    return head + segment + bytes([checksum]) + blob(nbytes - end)


def esp_partitions(*lines: tuple[str, int, int, int], nbytes: int = 3072) -> bytes:
    """A partition table: name, type, offset and size of each."""
    entries = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", kind, 0, offset, size, name.encode(), 0)
        for name, kind, offset, size in lines
    )
    hashed = entries + b"\xeb\xeb" + b"\xff" * 14 + hashlib.md5(entries).digest()
    return hashed.ljust(nbytes, b"\xff")


def make_image(folder: Path, parts: dict[int, bytes]) -> Image:
    """An image with these parts at these addresses, as a build leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    segments = []
    for index, (address, data) in enumerate(parts.items()):
        file = folder / ("firmware.bin" if index == 0 else f"part{index}.bin")
        file.write_bytes(data)
        segments.append((address, file))
    (folder / "firmware.elf").write_bytes(b"\x7fELF")
    (folder / "firmware.hex").write_text(":00000001FF\n")
    image = Image(
        elf=folder / "firmware.elf",
        segments=tuple(segments),
        sections=(),
        flash_bytes=sum(map(len, parts.values())),
        ram_bytes=0,
    )
    save_image(image, folder / "image.json")
    return image
