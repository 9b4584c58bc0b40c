"""What replies must hold, and how it is read. Pure."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Sequence
from itertools import pairwise

from tinyml import DISTRIBUTION
from tinyml.base.errors import DeviceError
from tinyml.device import frames
from tinyml.device.frames import DamagedReply
from tinyml.device.values import BootTime, Identity, MemoryUse, TensorInfo
from tinyml.ir.dtype import BY_LETTER

PROTOCOL = 3  # of our own commands
OLDEST = 2  # has no sessions: its timestamps carry no checksum
LARGEST = 2**32 - 1  # what the firmware counts in 32 bits
LONGEST = 2**64 - 1
MAX_DIGITS = 20
FINGERPRINT = re.compile("[0-9a-f]{12}")


def check_protocol(where: str, field: str) -> int:
    """The protocol of a firmware that says ``protocol=3``.

    Raises DeviceError unless it is one that we speak, and says which side is older.
    """
    name, _, number = field.partition("=")
    is_number = number.isascii() and number.isdecimal() and len(number) <= MAX_DIGITS
    found = int(number) if name == "protocol" and is_number else 0
    if found < OLDEST:
        raise DeviceError(
            f"{where}: the firmware on the board is older than this tinyml: it speaks protocol "
            f"{found}, at least {OLDEST} is needed",
            hint="build it again and flash it: 'tinyml build', then 'tinyml flash'",
        )
    if found > PROTOCOL:
        raise DeviceError(
            f"{where}: the firmware on the board is newer than this tinyml: it speaks protocol "
            f"{found}, this version {PROTOCOL}",
            hint=f"update tinyml (pip install -U {DISTRIBUTION}), or build and flash the firmware "
            "again",
        )
    return found


def need(lines: Sequence[str], *wanted: str) -> None:
    """Raises DamagedReply unless each of these lines came."""
    for line in wanted:
        if line not in lines:
            raise DamagedReply(f"no line '{line}' came")


def number(text: str, least: int = 0, most: int = LARGEST) -> int:
    """A decimal number in a range; DamagedReply for anything else."""
    digits = text[1:] if least < 0 and text.startswith("-") else text
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > MAX_DIGITS:
        raise DamagedReply(f"'{text[:40]}' is not a number")
    value = int(text)
    if not least <= value <= most:
        raise DamagedReply(f"{value} is not between {least} and {most}")
    return value


def laps(lines: Sequence[str], count: int) -> tuple[int, ...]:
    """The timestamps of a reply, which must be so many and in order."""
    laps = frames.lap_times_us(lines)
    if len(laps) != count:
        raise DamagedReply(f"{len(laps)} of {count} lines 'm-lap-us-…' came")
    if any(later < earlier for earlier, later in pairwise(laps)):
        raise DamagedReply(f"its clock ran backwards: {', '.join(map(str, laps))} us")
    if any(lap > LONGEST for lap in laps):
        raise DamagedReply(f"{laps[-1]} us is no time")
    return laps


def bracket(lines: Sequence[str], start: str) -> str:
    """What is between the brackets of the line that begins so."""
    for line in lines:
        if line.startswith(start + "[") and line.endswith("]"):
            return line[len(start) + 1 : -1]
    raise DamagedReply(f"no line '{start}[…]' came")


def identity(lines: Sequence[str]) -> tuple[str, Identity]:
    """What ``id`` says: the protocol as it is written, and the model."""
    values = frames.only_field(lines, "id", 9)
    abi, inputs, outputs, layers, clock_hz, arena_bytes = map(number, values[3:])
    if not (inputs and outputs and clock_hz):
        raise DamagedReply(f"no model has {inputs} inputs, {outputs} outputs, {clock_hz} Hz")
    model, sha256 = values[1:3]
    sizes = (abi, inputs, outputs, layers, clock_hz, arena_bytes)
    return values[0], Identity(model, sha256, *sizes, fingerprint=_fingerprint(lines))


def _fingerprint(lines: Sequence[str]) -> str:
    """Of the build; "" where the firmware is of a version that knew none."""
    if not frames.fields(lines, "fingerprint"):
        return ""
    (found,) = frames.only_field(lines, "fingerprint", 1)
    if not FINGERPRINT.fullmatch(found):
        raise DamagedReply(f"'{found[:40]}' is no fingerprint")
    return found


def tensor(lines: Sequence[str], kind: str, index: int) -> TensorInfo:
    """What ``tensor`` says of the tensor that was asked for."""
    values = frames.only_field(lines, "tensor", 6)
    if values[:2] != (kind, str(index)) or values[2] not in BY_LETTER:
        raise DamagedReply(f"not the answer to 'tensor {kind} {index}': {values}")
    try:
        scale = struct.unpack(">f", bytes.fromhex(values[4]))[0]
    except (ValueError, struct.error) as error:
        raise DamagedReply(f"'{values[4]}' is no scale") from error
    if not 0 <= scale < math.inf:
        raise DamagedReply(f"{scale} is no scale")
    dtype, nbytes = BY_LETTER[values[2]], number(values[3])
    if nbytes % dtype.numpy.itemsize:
        raise DamagedReply(f"no tensor of {dtype} has {nbytes} bytes")
    return TensorInfo(dtype, nbytes, scale, number(values[5], -(2**31), 2**31 - 1))


def memory(lines: Sequence[str]) -> MemoryUse:
    """What ``mem`` says."""
    arena, reserved, used = (number(value) for value in frames.only_field(lines, "mem", 3))
    if used > reserved:
        raise DamagedReply(f"{used} bytes of a stack of {reserved} cannot be in use")
    return MemoryUse(arena, reserved, used)


def boot_time(lines: Sequence[str]) -> BootTime:
    """What ``boot`` says."""
    ready_us, first_cycles = frames.only_field(lines, "boot", 2)
    return BootTime(number(ready_us), number(first_cycles, most=LONGEST))


def layer_cycles(lines: Sequence[str], count: int) -> tuple[int, ...]:
    """What ``layers`` says of so many layers."""
    found = [field.values for field in frames.fields(lines, "layer")]
    indices = [values[0] for values in found]
    if len(found) != count or indices != [str(index) for index in range(count)]:
        raise DamagedReply(f"{len(found)} of {count} lines 'm-layer-[…]' came")
    return tuple(number(values[-1]) for values in found)


def total_cycles(lines: Sequence[str]) -> int:
    """What ``cycles`` says."""
    return number(frames.only_field(lines, "cycles", 1)[0], most=LONGEST)


def results(lines: Sequence[str], in_session: bool) -> tuple[float, ...]:
    """The values of ``results``: lines with a checksum each in a session, else one line."""
    if in_session:
        texts = [text for field in frames.fields(lines, "results") for text in field.values]
    else:
        texts = bracket(lines, "m-results-").split(",")
    try:
        return tuple(float(text) for text in texts)
    except ValueError as error:
        raise DamagedReply(str(error)) from error
