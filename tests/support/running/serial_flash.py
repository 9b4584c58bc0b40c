"""A W25Q16JV serial flash, and the interface of an RP2040 in front of it, clock by clock.

Both refuse what their data sheets do not allow: bits over the wrong number of wires, reads over
four wires before QE is set, a command where an address is awaited. Sources: W25Q16JV data sheet,
instructions and status registers; RP2040 data sheet 4.10 (SSI).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

WRITE_ENABLE_VOLATILE, WRITE_STATUS_2, READ_STATUS_2 = 0x50, 0x31, 0x35
READ, READ_QUAD = 0x03, 0xEB
QE = 0x02
MODE_BITS_CONTINUOUS = 0x20  # M5 and M4 are 1 and 0

Bits = list[tuple[int, int]]  # (wires, value of as many bits) of each clock


class Flash:
    """The chip: what it answers to the clocks while it is selected."""

    def __init__(self, content: bytes, status_2: int) -> None:
        self.content = content
        self.status_2 = status_2
        self.is_continuous = False
        self._may_write = False

    def selected(self, sent: Bits, waited: int, wanted: int, wires: int) -> int:
        """``sent`` clock by clock, ``waited`` clocks, then ``wanted`` bits that it gives back.

        ``wires``: on how many they are read.
        """
        sent = list(sent)
        command = READ_QUAD if self.is_continuous else _taken(sent, 8, 1)
        if command == READ_STATUS_2:
            assert (waited, wires) == (0, 1)
            return self.status_2
        if command == WRITE_ENABLE_VOLATILE:
            assert not sent
            self._may_write = True
            return 0
        if command == WRITE_STATUS_2:
            assert self._may_write, "status was not enabled for writing"
            self.status_2, self._may_write = _taken(sent, 8, 1), False
            return 0
        if command == READ:
            address = _taken(sent, 24, 1)
            assert (waited, wires) == (0, 1)
        else:
            assert command == READ_QUAD, f"unknown command {command:#x}"
            assert self.status_2 & QE, "four wires before QE is set"
            address, mode = _taken(sent, 24, 4), _taken(sent, 8, 4)
            assert (waited, wires) == (4, 4)
            self.is_continuous = mode & 0x30 == MODE_BITS_CONTINUOUS
        assert not sent
        found = self.content[address : address + wanted // 8]
        return int.from_bytes(found, "big")


def _taken(sent: Bits, bits: int, wires: int) -> int:
    value = 0
    for _ in range(bits // wires):
        assert sent, "the transfer ends in the middle of a word"
        lines, part = sent.pop(0)
        assert lines == wires, f"{lines} wires where the chip listens to {wires}"
        value = value << wires | part
    return value


def _clocked(value: int, bits: int, wires: int) -> Bits:
    mask = (1 << wires) - 1
    return [(wires, value >> at & mask) for at in range(bits - wires, -1, -wires)]


@dataclass
class Ssi:
    """The interface, by the offsets of its registers."""

    flash: Flash
    registers: dict[int, int] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)  # words to send
    received: list[int] = field(default_factory=list)

    def write(self, offset: int, value: int) -> None:
        if offset == 0x60:
            assert self.registers.get(0x08) == 1, "a word for an interface that is off"
            self.waiting.append(value)
            return
        if offset != 0x08:
            assert self.registers.get(0x08) != 1, "a setting is changed while the interface is on"
        else:
            self.received.clear()
        self.registers[offset] = value

    def read(self, offset: int) -> int:
        if offset == 0x60:
            return self.received.pop(0)
        assert offset == 0x28, f"nobody needs register {offset:#x}"
        self._transfer()
        return 0x4  # all is sent, and nothing runs

    def _transfer(self) -> None:
        words, self.waiting = self.waiting, []
        if not words:
            return
        control = self.registers[0x00]
        bits = (control >> 16 & 0x1F) + 1
        if control >> 8 & 3 == 0:  # in while it sends
            assert (bits, control >> 21 & 3) == (8, 0)
            sent = [item for word in words for item in _clocked(word, 8, 1)]
            answer = self.flash.selected(sent, 0, 8, 1)
            self.received += [*(0xFF for _ in words[1:]), answer]
            return
        command, address = words
        self.received.append(self._read(command, address))

    def _read(self, command: int | None, address: int) -> int:
        """A word: a command where there is one, an address, what is read then."""
        control, serial = self.registers[0x00], self.registers[0xF4]
        assert control >> 8 & 3 == 3
        assert self.registers[0x04] == 0
        wires = (1, 2, 4)[control >> 21 & 3]
        first = 1 if serial & 3 < 2 else wires  # TRANS_TYPE: of the command
        then = 1 if serial & 3 == 0 else wires  # and of the address
        length = (0, 4, 8, 16)[serial >> 8 & 3]
        assert bool(length) == (command is not None)
        sent = _clocked(command, length, first) if command is not None else []
        sent += _clocked(address, 4 * (serial >> 2 & 0xF), then)
        return self.flash.selected(sent, serial >> 11 & 0x1F, (control >> 16 & 0x1F) + 1, wires)

    def executed_in_place(self, address: int) -> bytes:
        """The word that the processor reads at an offset in flash."""
        assert self.registers[0x08] == 1
        serial = self.registers[0xF4]
        extra = serial >> 24
        if serial >> 8 & 3:
            return self._read(extra, address).to_bytes(4, "big")
        return self._read(None, address << 8 | extra).to_bytes(4, "big")


def code_of(words: Sequence[int]) -> bytes:
    """Words as they lie in memory."""
    return b"".join(word.to_bytes(4, "little") for word in words)
