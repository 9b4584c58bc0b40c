"""Faster serial lines: the fastest that works is taken, and a board is never lost on the way."""

from __future__ import annotations

import pytest

from tests.support.running.fake_agent import FakeAgent
from tinyml.device import baud, exchange
from tinyml.device.agent import AgentClient
from tinyml.device.baud import Speed

OWN = 115_200


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Line(FakeAgent):
    """A serial line and a board that understand one another at some rates only."""

    def __init__(self, clock: Clock, *, refused: tuple[int, ...], broken: tuple[int, ...]) -> None:
        super().__init__()
        self.clock, self.refused, self.broken = clock, refused, broken
        self.host = self.device = OWN
        self.heard = 0.0
        self.patience = baud.TRIAL_S

    def set_baud(self, rate: int) -> None:
        self.host = rate

    def write(self, data: bytes) -> None:
        if self.device != OWN and self.clock.now - self.heard > self.patience:
            self.device = OWN
        if self.host != self.device or self.host in self.broken:
            return
        self.heard = self.clock.now
        self.patience = baud.HOLD_S
        super().write(data)
        if self.baud:
            self.device, self.baud = self.baud, 0
            self.patience = baud.TRIAL_S

    def _answer(self, words: list[str], is_checked: bool) -> list[str]:
        if words[0] == "baud" and int(words[1]) in self.refused:
            return ["e-[This port cannot be set to that baud rate]"]
        return super()._answer(words, is_checked)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(baud, "time", made)
    monkeypatch.setattr(exchange, "time", made)
    return made


def tuned(line: Line) -> tuple[AgentClient, int]:
    client = AgentClient(line, reply_timeout_s=0, work_timeout_s=0)
    return client, client.tune(Speed(line, OWN))


def test_the_fastest_rate_that_works_is_taken(clock: Clock) -> None:
    line = Line(clock, refused=(2_000_000,), broken=(1_000_000,))
    client, rate = tuned(line)
    assert rate == line.device == line.host == 921_600
    assert client.memory().arena_bytes == 64
    client.close()
    assert line.device == OWN


def test_a_line_without_faster_rates_stays_as_it_is(clock: Clock) -> None:
    line = Line(clock, refused=baud.RATES, broken=())
    client, rate = tuned(line)
    assert rate == OWN
    assert clock.now == 0
    assert client.memory().arena_bytes == 64


def test_a_long_pause_of_the_host_is_made_good(clock: Clock) -> None:
    line = Line(clock, refused=(), broken=())
    client, rate = tuned(line)
    assert rate == 2_000_000
    clock.sleep(60)
    assert client.memory().arena_bytes == 64
    assert line.device == 2_000_000


def test_a_rate_that_stops_working_is_left(clock: Clock) -> None:
    line = Line(clock, refused=(), broken=())
    client, _ = tuned(line)
    line.broken = (2_000_000,)
    assert client.memory().arena_bytes == 64
    assert line.device == OWN
