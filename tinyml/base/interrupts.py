"""Ctrl-C, SIGTERM, a closed terminal: one message, all cleaned up, 128 + the signal's number.

Until the commands are imported nothing is open, and a signal ends the process on the spot: as an
exception in the middle of an import it would surface as anything. From then on it is an exception,
so that files, folders and programs are left as ``with`` and ``finally`` leave them. Imports nothing
that takes time.
"""

from __future__ import annotations

import os
import signal
import time
from types import FrameType

WORDS = {"SIGINT": "interrupted", "SIGTERM": "terminated", "SIGHUP": "the terminal was closed"}
PATIENCE_S = 2.0  # after a signal, for cleaning up: others are not heard


class Stopped(KeyboardInterrupt):
    """A signal, wherever the program was; ``main`` turns it into a message and an exit code."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


class Interrupts:
    """What signals do from now on."""

    def __init__(self) -> None:
        self.received: int | None = None  # the last signal
        self._heard_at = -PATIENCE_S
        self._numbers = tuple(
            number
            for name in WORDS
            if (number := getattr(signal, name, None)) is not None
            and signal.getsignal(number) != signal.SIG_IGN  # nohup, or a shell's background job
        )

    def end_at_once(self) -> None:
        """A signal ends the process: for times when there is nothing to clean up."""
        for number in self._numbers:
            signal.signal(number, _end)

    def raise_stopped(self) -> None:
        """A signal raises Stopped in the main thread."""
        for number in self._numbers:
            signal.signal(number, self._raise)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if now - self._heard_at < PATIENCE_S:
            return
        self._heard_at, self.received = now, number
        raise Stopped(number)


def word_of(number: int) -> str:
    """What to say of a signal."""
    return WORDS.get(signal.Signals(number).name, "interrupted")


def exit_code_of(number: int) -> int:
    """As shells have it."""
    return 128 + number


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, f"{word_of(number)}\n".encode())
    os._exit(exit_code_of(number))
