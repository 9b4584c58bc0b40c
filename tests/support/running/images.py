"""Images for flashers, made of nothing."""

from __future__ import annotations

import random
from pathlib import Path

from tinyml.values.image import Image, save_image


def blob(nbytes: int, seed: int = 1) -> bytes:
    """Bytes that compress a little, always the same."""
    return bytes(random.Random(seed).choices(range(3, 256, 4), k=nbytes))


def esp_image(chip_id: int, nbytes: int, seed: int = 1) -> bytes:
    """The header of an Espressif image, then anything."""
    head = bytes([0xE9, 1, 2, 0x3F]) + bytes(8) + chip_id.to_bytes(2, "little") + bytes(10)
    return head + blob(nbytes - len(head), seed)


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
