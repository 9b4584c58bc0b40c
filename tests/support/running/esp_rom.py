"""Stand-in for the loader in the ROM of an Espressif chip, and for esptool's stub.

Source: docs.espressif.com/projects/esptool, serial protocol.
"""

from __future__ import annotations

import hashlib
import struct
import zlib

from tests.support.running.ptys import Device

SECTOR = 4096
SPI_BASE = 0x6000_2000
READ_ID = 0x9F
FLASH_ID = {"4MB": 0x1640EF, "8MB": 0x1740EF}
END, ESCAPE, ESCAPED_END, ESCAPED_ESCAPE = b"\xc0", b"\xdb", b"\xdb\xdc", b"\xdb\xdd"


class EspRom(Device):
    """Flash with an old firmware; counts the commands that it gets."""

    def __init__(self, chip_id: int, flash_size: str, efuse_mac: int) -> None:
        super().__init__()
        self.chip_id = chip_id
        self.flash_size = flash_size
        self.flash = bytearray(b"\x5a" * (int(flash_size[0]) << 20))
        self.registers = {efuse_mac: 0x2803_0201, efuse_mac + 4: 0x246F}
        self.seen: dict[int, int] = {}
        self.is_stub = False
        self.drops_writes = False  # a flash chip that is worn out

    def serve(self) -> None:
        packet = bytearray()
        while True:
            byte = self.wire.read(1)
            if byte != END:
                packet += byte
            elif packet:
                data = bytes(packet).replace(ESCAPED_END, END).replace(ESCAPED_ESCAPE, ESCAPE)
                packet.clear()
                if len(data) >= 8 and data[0] == 0:
                    self._command(data[1], data[8:], struct.unpack_from("<I", data, 4)[0])

    def _send(self, data: bytes) -> None:
        escaped = data.replace(ESCAPE, ESCAPED_ESCAPE).replace(END, ESCAPED_END)
        self.wire.write(END + escaped + END)

    def _reply(self, code: int, value: int = 0, data: bytes = b"", error: int = 0) -> None:
        status = bytes([error != 0, error]) + (b"" if self.is_stub else b"\0\0")
        self._send(struct.pack("<BBHI", 1, code, len(data + status), value) + data + status)

    def _command(self, code: int, data: bytes, check: int) -> None:
        self.seen[code] = self.seen.get(code, 0) + 1
        words = struct.unpack_from(f"<{min(len(data) // 4, 5)}I", data)
        if code == 0x08:  # SYNC; a value of 0 would mean that a stub runs
            for _ in range(8):
                self._reply(code, 0x2012_0707)
        elif code == 0x14:
            self._reply(code, data=struct.pack("<IB7BII", 0, 0, *[0] * 7, self.chip_id, 0))
        elif code == 0x0A:
            self._reply(code, self.registers.get(words[0], 0))
        elif code == 0x09:
            self._write_register(*words[:3])
            self._reply(code)
        elif code in (0x02, 0x10):
            self._begin(words, is_packed=code == 0x10)
            self._reply(code)
        elif code in (0x03, 0x11):
            self._reply(code, error=self._store(data[16 : 16 + words[0]], words[1], check, code))
        elif code == 0x13:
            found = hashlib.md5(self.flash[words[0] : words[0] + words[1]])
            self._reply(code, data=found.digest() if self.is_stub else found.hexdigest().encode())
        elif code == 0x06:
            self._reply(code)
            self._send(b"OHAI")
            self.is_stub = True
        elif code in (0x04, 0x05, 0x07, 0x0B, 0x0D, 0x0F, 0x12):
            self._reply(code)
        else:
            self._reply(code, error=5)

    def _write_register(self, address: int, value: int, mask: int) -> None:
        self.registers[address] = (self.registers.get(address, 0) & ~mask) | (value & mask)
        if address == SPI_BASE and value & (1 << 18):  # a command for the serial flash
            command = self.registers.get(SPI_BASE + 0x20, 0) & 0xFF
            self.registers[SPI_BASE] = 0
            answer = FLASH_ID[self.flash_size] if command == READ_ID else 0
            self.registers[SPI_BASE + 0x58] = answer

    def _begin(self, words: tuple[int, ...], *, is_packed: bool) -> None:
        nbytes, _, self._block_bytes, self._at = words[:4]
        self._unpack = zlib.decompressobj() if is_packed else None
        end = -(-(self._at + nbytes) // SECTOR) * SECTOR
        self.flash[self._at : end] = b"\xff" * (end - self._at)

    def _store(self, block: bytes, number: int, check: int, code: int) -> int:
        expected = 0xEF
        for byte in block:
            expected ^= byte
        if expected != check & 0xFF:
            return 7
        if self._unpack is not None:
            block = self._unpack.decompress(block)
            at = self._at
            self._at += len(block)
        else:
            at = self._at + number * self._block_bytes
        if not self.drops_writes:
            old = self.flash[at : at + len(block)]
            self.flash[at : at + len(block)] = bytes(a & b for a, b in zip(old, block, strict=True))
        return 0
