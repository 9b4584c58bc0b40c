"""An input of the model sent to the board, and the number of a session."""

from __future__ import annotations

import secrets
import zlib

from tinyml.device import frames
from tinyml.device.exchange import Exchange
from tinyml.device.frames import DamagedReply
from tinyml.device.replies import need


def load(line: Exchange, index: int, data: bytes) -> None:
    """Fills an input; raises DamagedReply when the board has received something else."""
    line.ask(frames.command("db", "select", index))
    lines = line.ask(frames.command("db", "load", len(data)))
    need(lines, f"m-[Expecting {len(data)} bytes]")
    for chunk in frames.load_commands(data):
        lines = line.ask(chunk)
    need(lines, "m-load-done")
    values = frames.only_field(line.ask(frames.command("db", "crc")), "crc", 3)
    if values != (str(index), str(len(data)), f"{zlib.crc32(data):08X}"):
        raise DamagedReply(f"the board holds {values[1]} bytes with the CRC-32 {values[2]}")


def new_session() -> int:
    """A number that no session before is likely to have had."""
    return secrets.randbelow(0xFFFF) + 1
