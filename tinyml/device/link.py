"""Byte links to a firmware: a serial port, a running program.

A link moves bytes and knows nothing of what they say.
"""

from __future__ import annotations

import errno
import os
import select
import time
from typing import IO, Protocol

from tinyml.base.errors import DeviceError
from tinyml.device.ports import open_port

QUIRKS = (errno.EINVAL, errno.ENOTTY)  # what a pty says to parity and to modem lines


class Link(Protocol):
    """A way to a firmware and back."""

    name: str  # for people: "unicorn", "serial /dev/ttyACM0"

    def write(self, data: bytes) -> None:
        """Sends all the bytes."""

    def read(self, timeout_s: float) -> bytes:
        """Some bytes as soon as there are any, or none when the time is over."""

    def close(self) -> None:
        """Gives the port or program back."""


class SerialLink:
    """A serial port: a device, or any URL that pyserial knows (socket://, rfc2217:// …)."""

    def __init__(self, url: str, baud: int = 115_200) -> None:
        self.name = f"serial {url}"
        self._url = url
        self._port = open_port(url, baud)
        self.is_uart = not _is_without_rate(url)

    def write(self, data: bytes) -> None:
        """Sends all the bytes."""
        try:
            self._port.write(data)
            self._port.flush()
        except OSError as error:
            if error.errno not in QUIRKS:
                raise self._gone(error) from error

    def read(self, timeout_s: float) -> bytes:
        """Some bytes as soon as there are any, or none when the time is over."""
        try:
            if self._port.timeout != timeout_s:  # over RFC 2217, setting it takes a while
                self._port.timeout = timeout_s
            first: bytes = self._port.read(1)
            return first + self._port.read(self._waiting()) if first else b""
        except OSError as error:
            raise self._gone(error) from error

    def set_baud(self, baud: int) -> None:
        """From now on sends and receives at that rate."""
        try:
            self._port.baudrate = baud
        except (OSError, ValueError) as error:
            raise self._gone(OSError(str(error))) from error

    def pulse_reset(self) -> None:
        """Pulses the reset line of boards whose adapter has one (RTS), without the boot loader."""
        try:
            self._port.dtr = False
            self._port.rts = True
            time.sleep(0.1)
            self._port.rts = False
        except OSError as error:
            if error.errno not in QUIRKS:
                raise self._gone(error) from error

    def close(self) -> None:
        """Closes the port."""
        self._port.close()

    def _waiting(self) -> int:
        try:
            return int(self._port.in_waiting)
        except OSError as error:
            if error.errno in QUIRKS:
                return 0
            raise

    def _gone(self, error: OSError) -> DeviceError:
        return DeviceError(
            f"the connection to '{self._url}' broke: {error}",
            hint="was the board unplugged or reset? Plug it in and try again",
        )


class PipeLink:
    """Standard input and output of a running program, such as a firmware built for this machine."""

    def __init__(self, name: str, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.name = name
        self._in = stdin
        self._out = stdout

    def write(self, data: bytes) -> None:
        """Sends all the bytes."""
        try:
            self._in.write(data)
            self._in.flush()
        except OSError as error:
            raise DeviceError(f"the program '{self.name}' has ended: {error}") from error

    def read(self, timeout_s: float) -> bytes:
        """Some bytes as soon as there are any, or none when the time is over."""
        ready, _, _ = select.select([self._out], [], [], timeout_s)
        if not ready:
            return b""
        data = os.read(self._out.fileno(), 65536)
        if not data:
            raise DeviceError(f"the program '{self.name}' has ended unexpectedly")
        return data

    def close(self) -> None:
        """Closes its standard input, which ends a firmware."""
        self._in.close()


def _is_without_rate(url: str) -> bool:
    """Whether a port only looks like a serial line: a pseudo-terminal, a socket."""
    return url.startswith(("socket://", "loop://", "spy://")) or os.path.realpath(url).startswith(
        "/dev/pts/"
    )
