"""The tests in parts, for several machines: whole files, whose tests share what they build."""

from __future__ import annotations

import re
import zlib


def shard_of(text: str) -> tuple[int, int]:
    """Which part of how many is meant by "2/3"; raises ValueError for what is none."""
    match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    number, parts = (int(match[1]), int(match[2])) if match else (1, 0)
    if number > parts:
        raise ValueError(f"'{text}' is no part of the tests: '2/3' is the second of three")
    return number, parts


def part_of(file: str, parts: int) -> int:
    """The part, from 1, that a test file belongs to, by its path with slashes."""
    return zlib.crc32(file.encode()) % parts + 1
