"""A faster serial line: the fastest rate that works, and the way back when it stops working.

The board goes back to its own rate by itself when it hears no command for ``TRIAL_S`` after a
change, or ``HOLD_S`` after the last command: whatever goes wrong, one only has to wait.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Protocol

from tinyml.device import frames
from tinyml.device.exchange import Exchange
from tinyml.device.frames import DamagedReply
from tinyml.device.link import Link

RATES = (2_000_000, 1_000_000, 921_600, 460_800, 230_400)
TRIAL_S = 1.0
HOLD_S = 5.0
MARGIN_S = 0.3
PROBES = 8  # commands that must all work at a rate


class TunableLink(Link, Protocol):
    """A link whose rate can be changed."""

    def set_baud(self, baud: int) -> None:
        """From now on sends and receives at that rate."""


class Speed:
    """The rate of one line."""

    def __init__(self, link: TunableLink, own: int, rates: tuple[int, ...] = RATES) -> None:
        self._link = link
        self._own = own
        self._rates = tuple(rate for rate in rates if rate > own)
        self.baud = own
        self._used_s = time.monotonic()

    def negotiate(self, line: Exchange) -> int:
        """Tries the rates, the fastest first; returns the one that is in force afterwards."""
        for rate in self._rates:
            if self._change(line, rate):
                break
        return self.baud

    def keep(self, line: Exchange, *, has_failed: bool) -> None:
        """To be called before each command: goes back after a failure or a long silence."""
        if self.baud != self._own:
            idle_s = time.monotonic() - self._used_s
            if has_failed:
                self._rates = tuple(rate for rate in self._rates if rate < self.baud)
                self._go_back()
            elif idle_s > HOLD_S - 2 * TRIAL_S:
                self._go_back()
                line.synchronise()
                self.negotiate(line)
        self._used_s = time.monotonic()

    def end(self, line: Exchange) -> None:
        """Leaves the board at its own rate."""
        if self.baud != self._own:
            with suppress(DamagedReply):  # it goes back by itself
                line.ask(frames.command("baud", self._own))
            self.baud = self._own

    def _change(self, line: Exchange, rate: int) -> bool:
        try:
            line.ask(frames.command("baud", rate))
        except DamagedReply:
            return False  # this port cannot, or it will go back by itself
        self._link.set_baud(rate)
        self.baud = rate
        self._used_s = time.monotonic()
        try:
            line.synchronise()
            for _ in range(PROBES):
                frames.only_field(line.ask(frames.command("id")), "id", 9)
        except DamagedReply:
            self._go_back()
            return False
        self._used_s = time.monotonic()
        return True

    def _go_back(self) -> None:
        """Waits until the board is at its own rate again."""
        time.sleep(max(0.0, self._used_s + HOLD_S + MARGIN_S - time.monotonic()))
        self._link.set_baud(self._own)
        self.baud = self._own
