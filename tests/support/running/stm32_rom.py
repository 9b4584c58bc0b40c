"""Stand-in for the boot loader in the ROM of an STM32 (AN3155), with things that go wrong."""

from __future__ import annotations

import struct
from functools import reduce
from operator import xor

from tests.support.running.ptys import Device

ACK, NACK = b"\x79", b"\x1f"
COMMANDS = bytes((0x00, 0x01, 0x02, 0x11, 0x21, 0x31, 0x44, 0x63, 0x73, 0x82, 0x92))


class Stm32Rom(Device):
    """Flash that must be erased before it is written, page by page."""

    def __init__(self, pages: list[int], device_id: int = 0x470, base: int = 0x0800_0000) -> None:
        super().__init__()
        self.pages = pages  # bytes of each
        self.device_id = device_id
        self.base = base
        self.flash = bytearray(b"\x5a" * sum(pages))  # an old firmware
        self.erased: list[int] = []
        self.started_at: int | None = None
        self.nacks = 0  # so many good steps are refused first
        self.protected: set[int] = set()  # pages that ignore erasing and writing
        self.is_read_protected = False
        self.has_old_erase = False
        self.noise = b""  # what a running firmware says instead

    def serve(self) -> None:
        while True:
            first = self.wire.read(1)[0]
            if self.noise:
                self.wire.write(self.noise)
            elif first == 0x7F:
                self.wire.write(ACK)
            elif self.wire.read(1)[0] != first ^ 0xFF or self._refuses():
                self.wire.write(NACK)
            else:
                self._command(first)

    def _refuses(self) -> bool:
        self.nacks -= self.nacks > 0
        return self.nacks > 0

    def _command(self, code: int) -> None:
        commands = COMMANDS.replace(b"\x44", b"\x43") if self.has_old_erase else COMMANDS
        if code not in commands or (code in (0x11, 0x31) and self.is_read_protected):
            self.wire.write(NACK)
            return
        self.wire.write(ACK)
        if code == 0x00:
            self.wire.write(bytes([len(commands), 0x31]) + commands + ACK)
        elif code == 0x02:
            self.wire.write(b"\x01" + struct.pack(">H", self.device_id) + ACK)
        elif code == 0x11:
            self._read()
        elif code == 0x21:
            self._go()
        elif code == 0x31:
            self._write()
        elif code in (0x43, 0x44):
            self._erase(width=code - 0x42)

    def _go(self) -> None:
        self.started_at = self._heard_address()  # before the answer: the test looks after it
        self.wire.write(NACK if self.started_at is None else ACK)

    def _address(self) -> int | None:
        address = self._heard_address()
        self.wire.write(NACK if address is None else ACK)
        return address

    def _heard_address(self) -> int | None:
        data = self.wire.read(5)
        return int.from_bytes(data[:4], "big") if reduce(xor, data) == 0 else None

    def _read(self) -> None:
        address = self._address()
        if address is None:
            return
        count, check = self.wire.read(2)
        if count ^ check != 0xFF or self._refuses():
            self.wire.write(NACK)
            return
        at = address - self.base
        self.wire.write(ACK + bytes(self.flash[at : at + count + 1]))

    def _write(self) -> None:
        address = self._address()
        if address is None:
            return
        head = self.wire.read(1)
        data = self.wire.read(head[0] + 2)
        if reduce(xor, head + data) or (head[0] + 1) % 4 or self._refuses():
            self.wire.write(NACK)
            return
        at = address - self.base
        for offset, byte in enumerate(data[:-1]):
            if self._page_at(at + offset) not in self.protected:
                self.flash[at + offset] &= byte  # bits only ever go to 0
        self.wire.write(ACK)

    def _erase(self, width: int) -> None:
        count = self.wire.read(width)
        pages = self.wire.read((int.from_bytes(count, "big") + 1) * width)
        if reduce(xor, count + pages) != self.wire.read(1)[0] or self._refuses():
            self.wire.write(NACK)
            return
        for at in range(0, len(pages), width):
            number = int.from_bytes(pages[at : at + width], "big")
            self.erased.append(number)
            start = sum(self.pages[:number])
            if number not in self.protected:
                self.flash[start : start + self.pages[number]] = b"\xff" * self.pages[number]
        self.wire.write(ACK)

    def _page_at(self, offset: int) -> int:
        number = 0
        while offset >= self.pages[number]:
            offset -= self.pages[number]
            number += 1
        return number
