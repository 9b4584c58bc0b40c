"""What replies must hold, and how it is read. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from tinyml.device import frames
from tinyml.device.frames import DamagedReply
from tinyml.errors import DeviceError

PROTOCOL = 2  # of our own commands


def check_protocol(where: str, field: str) -> None:
    """Raises DeviceError unless a firmware says ``protocol=2``, and says which side is older."""
    name, _, number = field.partition("=")
    found = int(number) if name == "protocol" and number.isdecimal() else 0
    if found < PROTOCOL:
        raise DeviceError(
            f"{where}: the firmware on the board is older than this tinyml: it speaks protocol "
            f"{found}, {PROTOCOL} is needed",
            hint="build it again and flash it: 'tinyml build', then 'tinyml flash'",
        )
    if found > PROTOCOL:
        raise DeviceError(
            f"{where}: the firmware on the board is newer than this tinyml: it speaks protocol "
            f"{found}, this version {PROTOCOL}",
            hint="update tinyml (pip install -U tinyml), or build and flash the firmware again",
        )


def need(lines: Sequence[str], *wanted: str) -> None:
    """Raises DamagedReply unless each of these lines came."""
    for line in wanted:
        if line not in lines:
            raise DamagedReply(f"no line '{line}' came")


def number(text: str) -> int:
    """An unsigned decimal number."""
    if not text.isdecimal():
        raise DamagedReply(f"'{text}' is not a number")
    return int(text)


def laps(lines: Sequence[str], count: int) -> tuple[int, ...]:
    """The timestamps of a reply, which must be so many."""
    laps = frames.lap_times_us(lines)
    if len(laps) != count:
        raise DamagedReply(f"{len(laps)} of {count} lines 'm-lap-us-…' came")
    return laps


def bracket(lines: Sequence[str], start: str) -> str:
    """What is between the brackets of the line that begins so."""
    for line in lines:
        if line.startswith(start + "[") and line.endswith("]"):
            return line[len(start) + 1 : -1]
    raise DamagedReply(f"no line '{start}[…]' came")
