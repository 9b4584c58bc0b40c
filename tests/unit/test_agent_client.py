"""The agent's client against a device in memory, over good and bad lines."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from tests.support.fake_agent import FakeAgent
from tinyml.device.agent import AgentClient, Identity, MemoryUse, TensorInfo, Timing
from tinyml.errors import DeviceError
from tinyml.profile import profile

DATA = bytes([0, 1, 2, 3, 250, 251, 254, 255])
PLUS_ONE = bytes(value + 1 & 0xFF for value in DATA)


def _client(link: FakeAgent) -> AgentClient:
    return AgentClient(link, reply_timeout_s=0, work_timeout_s=0)


def _session(client: AgentClient) -> tuple[object, ...]:
    client.load_input(0, DATA)
    client.infer(2, 1)
    return client.identify(), client.layer_cycles(), client.output(0), client.memory()


GOOD = (
    Identity("plus", "0123456789ab", 1, 1, 1, 2, 80_000_000, 64),
    (1000, 1001),
    PLUS_ONE,
    MemoryUse(64, 1024, 300),
)


def test_every_command():
    client = _client(FakeAgent())
    assert _session(client) == GOOD
    assert client.tensor("out", 0) == TensorInfo("int8", 8, 0.5, -128)
    assert client.infer() == Timing(1, 250, was_input_fresh=False)
    client.load_input(0, DATA)
    assert client.infer() == Timing(1, 250, was_input_fresh=True)
    assert client.total_cycles() == 2001
    assert client.layer_output(1) == bytes(8)
    assert (client.name(), client.model(), client.timestamp_us()) == ("fake", "plus", 5)
    assert client.results() == (0.5, -1.0)


def test_long_inputs_are_sent_in_short_commands():
    link = FakeAgent()
    _client(link).load_input(0, bytes(1000))
    assert max(len(text) for text in link.commands) <= 80


class _Fault:
    """Spoils one byte of a stream, at a position counted from its start."""

    def __init__(self, kind: str, position: int) -> None:
        self.kind, self.position = kind, position
        self.seen = 0

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
        return data[:at] + b"\x00\xff\r\ngarbage\r\n" + data[at:]


FAULTS = ("drop", "repeat", "flip", "truncate", "insert")


def _length(direction: str) -> int:
    counter = _Fault("none", -1)
    _session(_client(FakeAgent(**{direction: counter})))
    return counter.seen


@pytest.mark.parametrize("kind", FAULTS)
def test_one_fault_anywhere_in_the_replies_is_made_good(kind):
    for position in range(_length("up")):
        client = _client(FakeAgent(up=_Fault(kind, position)))
        assert _session(client) == GOOD, f"{kind} of reply byte {position}"


@pytest.mark.parametrize("kind", FAULTS)
def test_one_fault_anywhere_in_the_commands_is_made_good(kind):
    for position in range(_length("down")):
        client = _client(FakeAgent(down=_Fault(kind, position)))
        assert _session(client) == GOOD, f"{kind} of command byte {position}"


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


@pytest.mark.parametrize("rate", [0.001, 0.01, 0.2])
def test_noise_gives_the_right_result_or_a_device_error(rate):
    for seed in range(40):
        client = _client(FakeAgent(_Noise(seed, rate), _Noise(seed + 1000, rate)))
        with contextlib.suppress(DeviceError):
            assert _session(client) == GOOD


def test_silent_board_is_a_device_error_with_a_next_step():
    with pytest.raises(DeviceError, match="does not answer 'id'") as caught:
        _client(FakeAgent(skip=1000)).identify()
    assert "baud rate" in (caught.value.hint or "")


def test_board_that_wakes_up_late_is_found():
    assert _client(FakeAgent(skip=3)).identify().model == "plus"


def test_what_the_board_complains_about_is_in_the_error():
    with pytest.raises(DeviceError, match="Unknown command: out 1"):
        _client(FakeAgent()).output(1)


def test_crash_report_of_the_firmware_is_passed_on():
    crash = b"e-[fault 3 at 080012A4 from 08000F31]\r\n"
    client = _client(FakeAgent(up=lambda data: crash if b"layer-" in data else data))
    with pytest.raises(DeviceError, match="080012A4"):
        client.layer_cycles()


def test_profile_runs_every_sample():
    link = FakeAgent()
    samples = [(np.full(8, value, np.int8),) for value in (1, 5, 9)]
    run = profile(_client(link), "some_board", samples)
    assert [output[0].tolist() for output in run.outputs] == [[v + 1] * 8 for v in (1, 5, 9)]
    assert [layer.cycles for layer in run.layers] == [1000, 1001]
    assert (run.total.cycles, run.stack_bytes, run.clock_hz) == (2001, 300, 80_000_000)
    assert link.inferences == 3


def test_profile_refuses_samples_of_another_model():
    for sample in ((np.zeros(9, np.int8),), (np.zeros(8, np.uint8),), ()):
        with pytest.raises(DeviceError, match="plus"):
            profile(_client(FakeAgent()), "some_board", [sample])
