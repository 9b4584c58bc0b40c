"""The agent's client against a device in memory, over bad lines and through resets."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import pytest

from tests.support.running.agent_sessions import (
    DATA,
    GOOD,
    UNMARKED,
    client_of,
    client_that_ran,
    session_of,
)
from tests.support.running.fake_agent import FakeAgent
from tinyml.base.errors import DeviceError
from tinyml.device.agent import AgentClient
from tinyml.device.profile import measure


class _Fault:
    """Spoils one byte of a stream, at a position counted from its start."""

    def __init__(self, kind: str, position: int) -> None:
        self.kind, self.position = kind, position
        self.seen = 0
        self.agent: FakeAgent | None = None  # that a reset reaches

    def __call__(self, data: bytes) -> bytes:
        at = self.position - self.seen
        self.seen += len(data)
        if not 0 <= at < len(data):
            return data
        match self.kind:
            case "drop":
                return data[:at] + data[at + 1 :]
            case "repeat":
                return data[: at + 1] + data[at:]
            case "flip":
                return data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
            case "truncate":
                return data[:at]
            case "log":
                return data[:at] + b"I (2817) main: hello\r\n" + data[at:]
            case "reset":
                assert self.agent is not None
                self.agent.reset()
                return data[:at] + BOOT
        return data[:at] + b"\x00\xff\r\ngarbage\r\n" + data[at:]


FAULTS = ("drop", "repeat", "flip", "truncate", "insert", "log")
TIMEOUTS = 10  # reads in vain that one fault may cost: two per try
BOOT = b"\r\nrst:0x1 (POWERON),boot:0x8\r\nm-init-done\r\nm-ready\r\n"


def _length(direction: str) -> int:
    counter = _Fault("none", -1)
    session_of(client_of(FakeAgent(**{direction: counter})))
    return counter.seen


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS)
def test_one_fault_anywhere_in_the_replies_is_made_good(kind):
    for position in range(_length("up")):
        fault = _Fault(kind, position)
        fault.agent = FakeAgent(up=fault)
        assert session_of(client_of(fault.agent)) == GOOD, f"{kind} of reply byte {position}"
        assert fault.agent.silences <= TIMEOUTS, f"{kind} of reply byte {position}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS[:5])
def test_one_fault_anywhere_in_the_commands_is_made_good(kind):
    for position in range(_length("down")):
        link = FakeAgent(down=_Fault(kind, position))
        assert session_of(client_of(link)) == GOOD, f"{kind} of command byte {position}"
        assert link.silences <= TIMEOUTS, f"{kind} of command byte {position}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS)
def test_one_fault_anywhere_while_measuring_is_made_good(kind):
    def session(link: FakeAgent) -> tuple[object, ...]:
        samples = [(np.full(8, value, np.int8),) for value in (1, 5)]
        run = measure(client_of(link), "some_board", samples, runs=3, warmup=1)
        outputs = [output[0].tolist() for output in run.outputs]
        return outputs, run.total.cycles, run.details["spread"], run.details["fresh_runs"]

    counter = _Fault("none", -1)
    good = session(FakeAgent(up=counter))
    assert good[0] == [[2] * 8, [6] * 8]
    for position in range(0, counter.seen, 3):
        fault = _Fault(kind, position)
        fault.agent = FakeAgent(up=fault)
        assert session(fault.agent) == good, f"{kind} of reply byte {position}"


RESET = "the board was reset in the middle of the session"


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [2, 3])
def test_a_reset_in_the_middle_is_an_error(protocol):
    """After a reset that nobody noticed, a figure of the stack was reported that was another's."""
    counter = _Fault("none", -1)
    good = session_of(client_of(FakeAgent(up=counter, protocol=protocol)))
    errors = []
    for position in range(counter.seen):
        fault = _Fault("reset", position)
        fault.agent = FakeAgent(up=fault, protocol=protocol)
        try:
            assert session_of(client_of(fault.agent)) == good, f"reset at reply byte {position}"
        except DeviceError as error:
            errors.append(error.message)
    assert all(RESET in message for message in errors)
    assert len(errors) > counter.seen * 0.7  # the rest is before the session began


def test_a_reset_whose_banner_is_lost_is_noticed():
    link = FakeAgent()
    client = client_that_ran(link)
    link.reset()
    with pytest.raises(DeviceError, match=RESET) as caught:
        client.memory()
    assert "power supply" in (caught.value.hint or "")


def test_a_reset_between_two_measured_runs_is_an_error():
    link = FakeAgent()

    def show(what: str, done: int, total: int) -> None:
        if done == 2:
            link.reset()

    with pytest.raises(DeviceError, match=RESET):
        measure(client_of(link), "some_board", [(np.zeros(8, np.int8),)], runs=5, show=show)


def test_another_program_on_the_line_is_noticed():
    link = FakeAgent()
    client = client_that_ran(link)
    client_of(link).identify()
    with pytest.raises(DeviceError, match=RESET) as caught:
        client.layer_cycles()
    assert "another program" in (caught.value.hint or "")


def _replaced(old: str, new: str):
    """What comes back with a text replaced, and no checksum made right."""
    return lambda data: data.replace(old.encode(), new.encode())


def test_a_damaged_time_is_no_figure():
    """Times had no checksum: an inference of -98,473 us was reported."""
    for damage in (("us-350", "us-50"), ("us-350", "us-351"), ("us-100", "us-10")):
        client = client_of(FakeAgent(up=_replaced(*damage)))
        client.load_input(0, DATA)
        with pytest.raises(DeviceError, match="does not agree with its checksum"):
            client.infer()


def test_a_reset_of_firmware_without_sessions_is_seen_in_its_stack():
    link = FakeAgent(protocol=2)
    client = client_that_ran(link)
    link.reset()
    with pytest.raises(DeviceError, match=RESET):
        client.memory()


class _Noise:
    """Spoils bytes at random, for ever."""

    def __init__(self, seed: int, rate: float) -> None:
        self.random, self.rate = np.random.default_rng(seed), rate

    def __call__(self, data: bytes) -> bytes:
        kept = bytearray()
        for value in data:
            dice = self.random.random() / self.rate
            if dice < 0.3:
                continue
            kept.append(value ^ int(self.random.integers(1, 256)) if dice < 1 else value)
        return bytes(kept)


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("rate", [0.001, 0.01, 0.2])
def test_noise_gives_the_right_result_or_a_device_error(rate, protocol):
    for seed in range(40):
        link = FakeAgent(_Noise(seed, rate), _Noise(seed + 1000, rate), protocol=protocol)
        client = client_of(link)
        with contextlib.suppress(DeviceError):
            assert session_of(client) == (GOOD if protocol == 3 else UNMARKED)
            client.load_input(0, DATA)
            assert client.infer().time_us == (250 if protocol == 3 else 25)


class _Chatter:
    """A board that says something all the time and is never done."""

    name = "chatter"

    def __init__(self, text: bytes) -> None:
        self.text = text

    def write(self, data: bytes) -> None:
        pass

    def read(self, timeout_s: float) -> bytes:
        return self.text

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"I (310) wifi: connected\r\n", "does not stop talking: '.*I \\(310\\) wifi"),
        (b"\x80\xfe\x00", "does not"),
        (b"m-lap-us-1\r\n", "does not stop talking"),
    ],
)
def test_other_output_without_end_is_a_device_error_in_time(text, message):
    client = AgentClient(_Chatter(text), reply_timeout_s=0.05, retries=1)
    start = time.monotonic()
    with pytest.raises(DeviceError, match=message) as caught:
        client.identify()
    assert time.monotonic() - start < 30  # it would never end
    assert "What came last" in (caught.value.hint or "")
