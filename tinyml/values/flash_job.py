"""What is to be written to a board, as a value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tinyml.target.board import Board
from tinyml.values.image import Image

Progress = Callable[[str, int, int], None]  # what is going on, bytes done, of how many


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of an image on its way to a board."""

    address: int  # in the memory map; in the serial flash where the flasher counts from its start
    data: bytes
    file: Path


@dataclass(frozen=True, slots=True)
class FlashJob:
    """What is to be written, and where to."""

    image: Image
    board: Board
    parts: tuple[Part, ...]  # by address
    port: str | None = None  # serial port, or the folder of a drive
    only_changed: bool = False  # leave alone what is there already
