"""Serves an emulated board on a pseudo-terminal, so that any serial program can connect to it."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import TYPE_CHECKING

from tinyml.base.elf import read_elf
from tinyml.base.errors import DeviceError
from tinyml.simulate.machine import Machine, Stop

if TYPE_CHECKING:
    from tinyml.target.board import Board
    from tinyml.values.image import Image

SLICE_CYCLES = 10_000_000  # that the firmware may run before the terminal is looked at again
WAIT_S = 0.2


class PtyServer:
    """An emulated board whose serial port is a pseudo-terminal at ``path``."""

    def __init__(self, machine: Machine) -> None:
        try:
            import pty
            import tty
        except ImportError as error:
            raise DeviceError(
                "this system has no pseudo-terminals", hint="run 'tinyml simulate' without --serial"
            ) from error
        if machine.uart is None:
            raise DeviceError("the board has no serial port to serve", where=machine.board.name)
        self._machine = machine
        self._uart = machine.uart
        # the client's side stays open here as well: clients come and go
        self._host, self._client = pty.openpty()
        tty.setraw(self._client)
        os.set_blocking(self._host, False)
        self.path = os.ttyname(self._client)
        self._is_idle = False

    def step(self) -> None:
        """Moves bytes both ways and lets the firmware run for a while."""
        pending = self._uart.sent
        wait_s = WAIT_S if self._is_idle and not pending else 0.0
        writes = [self._host] if pending else []
        readable, writable, _ = select.select([self._host], writes, [], wait_s)
        if readable:
            self._uart.received.extend(os.read(self._host, 4096))
            self._is_idle = False
        if writable:
            del pending[: os.write(self._host, pending)]
        if not pending and not self._is_idle:
            self._is_idle = self._machine.run(SLICE_CYCLES) is Stop.IDLE

    def close(self) -> None:
        """Takes the terminal away."""
        os.close(self._host)
        os.close(self._client)


def serve(image: Image, board: Board, announce: Callable[[str], None]) -> None:
    """Boots an image and serves its serial port until interrupted; announces the path."""
    server = PtyServer(Machine(read_elf(image.elf), board))
    announce(server.path)
    try:
        while True:
            server.step()
    finally:
        server.close()
