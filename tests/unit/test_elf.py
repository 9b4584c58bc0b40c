from __future__ import annotations

from pathlib import Path

import pytest

from tinyml.base.elf import Segment, flat_image, intel_hex, read_elf
from tinyml.base.errors import BuildError


def test_flat_image_fills_gaps_and_leaves_bss_out() -> None:
    segments = (
        Segment(0x20000000, 0x08000008, b"\x01\x02", 2),
        Segment(0x08000000, 0x08000000, b"abcd", 4),
        Segment(0x20000100, 0x20000100, b"", 64),
    )
    assert flat_image(segments) == (0x08000000, b"abcd\xff\xff\xff\xff\x01\x02")
    with pytest.raises(BuildError, match="no content"):
        flat_image(())


def test_intel_hex_crosses_64_kib() -> None:
    assert intel_hex(0x0800FFFE, b"\x01\x02\x03\x04") == (
        ":020000040800F2\n:02FFFE000102FE\n:020000040801F1\n:020000000304F7\n:00000001FF\n"
    )


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.elf"
    path.write_bytes(b"\x7fELF\x02\x01" + bytes(58))
    with pytest.raises(BuildError, match="not a 32-bit little-endian ELF file"):
        read_elf(path)
    path.write_bytes(b"\x7fELF\x01\x01" + b"\xff" * 46)
    with pytest.raises(BuildError, match="damaged ELF file"):
        read_elf(path)
