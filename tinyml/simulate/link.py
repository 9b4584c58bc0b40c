"""The byte link to an emulated board in memory."""

from __future__ import annotations

from tinyml.base.errors import BoardError
from tinyml.simulate.machine import Machine


class MemoryLink:
    """The serial port of an emulated board; its timeouts are in the board's own time.

    The emulator runs only while somebody reads, and returns early when the firmware has nothing
    more to say.
    """

    name = "unicorn"

    def __init__(self, machine: Machine) -> None:
        if machine.uart is None:
            raise BoardError("the board has no serial port to talk to", where=machine.board.name)
        self.machine = machine
        self._uart = machine.uart

    def write(self, data: bytes) -> None:
        """Queues bytes for the firmware."""
        self._uart.received.extend(data)

    def read(self, timeout_s: float) -> bytes:
        """Runs the firmware until it waits for input; what it has sent by then."""
        if not self._uart.sent:
            self.machine.run(int(timeout_s * self.machine.board.chip.clock_hz))
        data = bytes(self._uart.sent)
        self._uart.sent.clear()
        return data

    def close(self) -> None:
        """Nothing to give back."""
