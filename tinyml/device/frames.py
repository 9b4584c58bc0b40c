"""Text of the serial protocol: commands out, reply lines in. Pure.

The form is the one of MLPerf Tiny: ASCII commands ended by ``%``, lines ended by CR LF, ``m-ready``
after each command. Lines of our own commands carry a CRC of their payload. In a session, a command
carries a CRC as well, and its reply ends with one of all its lines. See docs/serial-protocol.md.
"""

from __future__ import annotations

import binascii
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

MAX_COMMAND = 80  # characters, without the %
CHUNK_BYTES = 31  # of input data per command, as the MLPerf Tiny runner sends
READY = "m-ready"
CANCEL = b"\x18"  # stops inferences, forgets what has come of a command

_CHECKED = re.compile(r"m-([a-z]+)-\[([^\]]*)\]-([0-9A-F]{4})")
_ERROR = re.compile(r"e-\[(.*)\]?")
_DONE = re.compile(r"m-done-\[(([0-9A-F]{4}),([0-9A-F]{2}),([0-9A-F]{8}))\]-([0-9A-F]{4})")
_LAP = re.compile(r"m-lap-us-([0-9]{1,20})")  # 64 bits


class DamagedReply(Exception):
    """A reply did not arrive whole."""


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a reply in a session."""

    session: int  # that the board is in; 0 after a reset
    number: int  # of the command
    crc: int  # CRC-32 of the lines before, with their ends


@dataclass(frozen=True, slots=True)
class Field:
    """A line with a checked payload."""

    name: str  # "layer" of m-layer-[3,1200]-ABCD
    values: tuple[str, ...]  # the payload, split at commas


def command(*words: object) -> bytes:
    """The words as a command."""
    text = " ".join(str(word) for word in words)
    assert len(text) <= MAX_COMMAND, text
    return text.encode("ascii") + b"%"


def in_session(session: int, number: int, sent: bytes) -> bytes:
    """A command as it is sent in a session: "[SSSS NN command]-XXXX%"."""
    payload = f"{session:04X} {number:02X} {sent.decode('ascii').removesuffix('%')}"
    text = f"[{payload}]-{crc16(payload):04X}"
    assert len(text) <= MAX_COMMAND, text
    return text.encode("ascii") + b"%"


def done(line: str) -> Done | None:
    """What a line "m-done-[session,number,crc]-XXXX" says; None for others and damaged ones."""
    match = _DONE.fullmatch(line)
    if match is None or int(match[5], 16) != crc16(match[1]):
        return None
    return Done(*(int(match[place], 16) for place in (2, 3, 4)))


def lines_crc(lines: Iterable[str]) -> int:
    """The CRC-32 of lines with their ends, as the firmware sent them."""
    return zlib.crc32("".join(f"{line}\r\n" for line in lines).encode("latin-1"))


def load_commands(data: bytes) -> Iterator[bytes]:
    """The commands that send input data, in hexadecimal, a chunk each."""
    for start in range(0, len(data), CHUNK_BYTES):
        yield command("db", data[start : start + CHUNK_BYTES].hex().upper())


def crc16(text: str) -> int:
    """CRC-16/CCITT-FALSE (polynomial 1021, start FFFF) of ASCII text."""
    return binascii.crc_hqx(text.encode("latin-1"), 0xFFFF)


def checked_line(name: str, *values: object) -> str:
    """A reply line as the firmware writes it, without its line end."""
    payload = ",".join(str(value) for value in values)
    return f"m-{name}-[{payload}]-{crc16(payload):04X}"


def fields(lines: Iterable[str], name: str) -> tuple[Field, ...]:
    """The checked lines of that name, in order; other lines are left out.

    Raises DamagedReply if a line looks like a checked one, but its CRC is wrong.
    """
    found = []
    for line in lines:
        match = _CHECKED.fullmatch(line)
        if match is None:
            continue
        kind, payload, crc = match.groups()
        if int(crc, 16) != crc16(payload):
            raise DamagedReply(f"the line '{line}' does not agree with its checksum")
        if kind == name:
            found.append(Field(kind, tuple(payload.split(","))))
    return tuple(found)


def only_field(lines: Iterable[str], name: str, count: int) -> tuple[str, ...]:
    """The values of the one checked line of that name, which must have so many."""
    found = fields(lines, name)
    if len(found) != 1 or len(found[0].values) != count:
        raise DamagedReply(f"no line 'm-{name}-[…]' with {count} values in the reply")
    return found[0].values


def error_text(lines: Iterable[str]) -> str | None:
    """What the first line ``e-[…]`` says, if there is one."""
    for line in lines:
        match = _ERROR.match(line)
        if match:
            return match.group(1).removesuffix("]")
    return None


def lap_times_us(lines: Iterable[str]) -> tuple[int, ...]:
    """The timestamps of the lines ``m-lap-us-N``."""
    return tuple(int(match.group(1)) for match in map(_LAP.fullmatch, lines) if match)


def data_bytes(lines: Iterable[str], nbytes: int) -> bytes:
    """The bytes of ``m-data-[offset,HEX]`` lines, which must cover 0 … nbytes without a gap."""
    data = bytearray()
    for field in fields(lines, "data"):
        try:
            offset, chunk = int(field.values[0]), bytes.fromhex(field.values[1])
        except (ValueError, IndexError) as error:
            raise DamagedReply(f"no offset and hex digits in {field.values}") from error
        if offset != len(data):
            raise DamagedReply(f"data from byte {len(data)} on is missing")
        data += chunk
    if len(data) != nbytes:
        raise DamagedReply(f"{len(data)} bytes came instead of {nbytes}")
    return bytes(data)
