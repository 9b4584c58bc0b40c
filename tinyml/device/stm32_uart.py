"""Client of the boot loader in the ROM of STM32 chips, over a serial line.

The chip starts it when BOOT0 is high at reset. Every command is a byte and its complement; every
step is answered with ACK or NACK. A refused step is tried again, since a NACK may also mean that
a byte was damaged on the way; a step that gets no answer is an error, because nobody can tell how
much of it the chip has seen.

Source: ST AN3155 (protocol), AN2606 (which pins, which chips).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import reduce
from operator import xor
from typing import Any, TypeVar

from tinyml.base.errors import DeviceError

ACK, NACK = 0x79, 0x1F
SYNC = 0x7F
GET, GET_ID, READ, GO, WRITE, ERASE, EXTENDED_ERASE = 0x00, 0x02, 0x11, 0x21, 0x31, 0x43, 0x44
BLOCK_BYTES = 256  # of one read or write
SYNC_TRIES = 6
TRIES = 3
ANSWER_S = 1.0
SLICE_S = 0.05  # of one read: setting another timeout takes a while over RFC 2217
ERASE_S_PER_KIB = 0.0625  # 8 s for 128 KiB: twice what the slowest data sheet allows

T = TypeVar("T")


class RefusedError(DeviceError):
    """The boot loader answered NACK."""


class Stm32BootLoader:
    """A boot loader at the other end of an open serial port (8 bits, even parity)."""

    def __init__(self, port: Any, name: str) -> None:
        self._port = port
        self._port.timeout = SLICE_S
        self._name = name
        self.commands: tuple[int, ...] = ()
        self.version = 0

    def connect(self) -> None:
        """Lets the boot loader measure the baud rate, and asks what it can do."""
        noise = bytearray()
        for _ in range(SYNC_TRIES):
            self._send(bytes([SYNC]))
            answer = self._port_read(1, 0.5)
            if answer and answer[0] in (ACK, NACK):  # NACK: it had been talking to somebody already
                self._drain()
                self.version, self.commands = self._again(self._get)
                return
            noise += answer + self._drain()
        if len(noise) > 4:
            raise DeviceError(
                f"something else than the STM32 boot loader answers on '{self._name}': "
                f"{bytes(noise[:40])!r}",
                hint=f"a firmware is running, or the baud rate is wrong; {ENTER}",
            )
        raise DeviceError(f"no STM32 boot loader answers on '{self._name}'", hint=ENTER)

    def device_id(self) -> int:
        """The product id of the chip, as listed in AN2606."""
        return self._again(self._get_id)

    def read(self, address: int, nbytes: int) -> bytes:
        """Up to 256 bytes of memory."""
        return self._again(lambda: self._read(address, nbytes))

    def write(self, address: int, data: bytes) -> None:
        """Writes up to 256 bytes, a multiple of 4, to erased flash."""
        self._again(lambda: self._write(address, data))

    def erase(self, pages: Sequence[int], nbytes: int) -> None:
        """Erases pages by number; ``nbytes`` is what they hold together, for the timeout."""
        self._again(lambda: self._erase(pages, nbytes))

    def go(self, address: int) -> None:
        """Starts the firmware whose vector table lies there."""
        self._command(GO, "start the firmware")
        self._address(address)

    def _get(self) -> tuple[int, tuple[int, ...]]:
        self._command(GET, "list its commands")
        count = self._exactly(1)[0]
        version, *commands = self._exactly(count + 1)
        self._expect_ack("list its commands")
        return version, tuple(commands)

    def _get_id(self) -> int:
        self._command(GET_ID, "tell its device id")
        count = self._exactly(1)[0]
        number = int.from_bytes(self._exactly(count + 1), "big")
        self._expect_ack("tell its device id")
        return number

    def _read(self, address: int, nbytes: int) -> bytes:
        self._command(READ, "read memory (is the chip read-protected?)")
        self._address(address)
        self._send(bytes([nbytes - 1, (nbytes - 1) ^ 0xFF]))
        self._expect_ack(f"read {nbytes} bytes at 0x{address:08X}")
        return self._exactly(nbytes)

    def _write(self, address: int, data: bytes) -> None:
        self._command(WRITE, "write memory (is the chip read-protected?)")
        self._address(address)
        body = bytes([len(data) - 1]) + data
        self._send(body + bytes([reduce(xor, body)]))
        self._expect_ack(f"write {len(data)} bytes at 0x{address:08X} (is it write-protected?)")

    def _erase(self, pages: Sequence[int], nbytes: int) -> None:
        what = f"erase pages {pages[0]} to {pages[-1]} (are they write-protected?)"
        if EXTENDED_ERASE in self.commands:
            self._command(EXTENDED_ERASE, what)
            body = b"".join(item.to_bytes(2, "big") for item in (len(pages) - 1, *pages))
        else:
            self._command(ERASE, what)
            body = bytes([len(pages) - 1, *pages])
        self._send(body + bytes([reduce(xor, body)]))
        self._expect_ack(what, ANSWER_S + ERASE_S_PER_KIB * nbytes / 1024 + 0.1 * len(pages))

    def _command(self, code: int, what: str) -> None:
        self._send(bytes([code, code ^ 0xFF]))
        self._expect_ack(what)

    def _address(self, address: int) -> None:
        body = address.to_bytes(4, "big")
        self._send(body + bytes([reduce(xor, body)]))
        self._expect_ack(f"accept the address 0x{address:08X}")

    def _expect_ack(self, what: str, timeout_s: float = ANSWER_S) -> None:
        answer = self._port_read(1, timeout_s)
        if not answer:
            asked = what.partition(" (")[0]  # without a guess why it may refuse
            raise DeviceError(
                f"the boot loader on '{self._name}' stopped answering; asked to {asked}"
            )
        if answer[0] == NACK:
            raise RefusedError(f"the boot loader refused to {what}")
        if answer[0] != ACK:
            raise DeviceError(
                f"the boot loader on '{self._name}' answered 0x{answer[0]:02X}, which is neither "
                f"ACK nor NACK; asked to {what}"
            )

    def _exactly(self, nbytes: int) -> bytes:
        data = self._port_read(nbytes, ANSWER_S)
        if len(data) != nbytes:
            raise DeviceError(
                f"the boot loader on '{self._name}' stopped in the middle of an answer: "
                f"{len(data)} of {nbytes} bytes"
            )
        return data

    def _again(self, step: Callable[[], T]) -> T:
        for _ in range(TRIES - 1):
            try:
                return step()
            except RefusedError:
                self._drain()
        return step()

    def _send(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError as error:
            raise self._gone(error) from error

    def _port_read(self, nbytes: int, timeout_s: float) -> bytes:
        data = bytearray()
        end = time.monotonic() + timeout_s
        try:
            while len(data) < nbytes and time.monotonic() < end:
                data += self._port.read(nbytes - len(data))
        except OSError as error:
            raise self._gone(error) from error
        return bytes(data)

    def _drain(self) -> bytes:
        return self._port_read(4096, 0.05)

    def _gone(self, error: OSError) -> DeviceError:
        return DeviceError(f"the connection to '{self._name}' broke: {error}")


ENTER = (
    "set BOOT0 high (jumper or button), press RESET, try again; the port must be wired to a UART "
    "that AN2606 lists for the chip, TX to RX"
)
