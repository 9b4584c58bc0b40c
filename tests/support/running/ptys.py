"""A stand-in for a board at the other end of a pseudo-terminal, in a thread of its own."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

import pytest

pty = pytest.importorskip("pty")
tty = pytest.importorskip("tty")


class Wire:
    """The board's end of a pseudo-terminal; ``path`` is the computer's."""

    def __init__(self) -> None:
        self._board, self._computer = pty.openpty()
        tty.setraw(self._computer)
        self.path: str = os.ttyname(self._computer)
        self._stop_read, self._stop_write = os.pipe()
        self._open = [self._board, self._computer, self._stop_read, self._stop_write]
        self._buffer = bytearray()
        self.is_silent = False  # a line that is cut: nothing gets through any more
        self.received_bytes = 0
        self.dies_after: int | None = None  # received bytes

    def read(self, nbytes: int) -> bytes:
        """Exactly so many bytes; raises EOFError at the end."""
        import select

        while len(self._buffer) < nbytes:
            ready, _, _ = select.select([self._board, self._stop_read], [], [])
            if self._stop_read in ready:
                raise EOFError
            data = os.read(self._board, 65536)
            self.received_bytes += len(data)
            if self.dies_after is not None and self.received_bytes >= self.dies_after:
                self.is_silent = True
            self._buffer += data
        data = bytes(self._buffer[:nbytes])
        del self._buffer[:nbytes]
        return data

    def read_some(self, timeout_s: float) -> bytes:
        """What has come until then; raises EOFError at the end."""
        import select

        ready, _, _ = select.select([self._board, self._stop_read], [], [], timeout_s)
        if self._stop_read in ready:
            raise EOFError
        held, self._buffer = bytes(self._buffer), bytearray()
        return held + (os.read(self._board, 65536) if ready else b"")

    def write(self, data: bytes) -> None:
        if not self.is_silent:
            os.write(self._board, data)

    def stop(self) -> None:
        os.write(self._stop_write, b"x")

    def hang_up(self) -> None:
        """Pulls the plug."""
        os.close(self._board)
        os.close(self._computer)
        self._open = [self._stop_read, self._stop_write]

    def close(self) -> None:
        for handle in self._open:
            os.close(handle)


class Device:
    """What a stand-in is made of: serve() talks until EOFError."""

    def __init__(self) -> None:
        self.wire = Wire()

    def serve(self) -> None:
        raise NotImplementedError


@contextlib.contextmanager
def serving(device: Device) -> Iterator[Device]:
    """Runs a stand-in while the test talks to it."""

    def loop() -> None:
        with contextlib.suppress(EOFError, OSError):
            device.serve()

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield device
    finally:
        device.wire.stop()
        thread.join(5.0)
        device.wire.close()
