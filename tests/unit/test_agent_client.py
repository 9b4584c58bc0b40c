"""The agent's client against a device in memory, over good and bad lines."""

from __future__ import annotations

import contextlib
import time

import numpy as np
import pytest

from tests.support.fake_agent import FakeAgent
from tinyml.device import frames
from tinyml.device.agent import AgentClient
from tinyml.device.values import BootTime, Identity, MemoryUse, TensorInfo, Timing
from tinyml.errors import DeviceError
from tinyml.profile import measure, profile, spread

DATA = bytes([0, 1, 2, 3, 250, 251, 254, 255])
PLUS_ONE = bytes(value + 1 & 0xFF for value in DATA)


def _client(link: FakeAgent) -> AgentClient:
    return AgentClient(link, reply_timeout_s=0, work_timeout_s=0)


def _ran(link: FakeAgent) -> AgentClient:
    client = _client(link)
    client.load_input(0, DATA)
    client.infer()
    return client


def _session(client: AgentClient) -> tuple[object, ...]:
    client.load_input(0, DATA)
    client.infer(2, 1)
    results = client.identify(), client.layer_cycles(), client.output(0), client.memory()
    client.load_input(0, DATA)
    return *results, client.layer_output(0)


GOOD = (
    Identity("plus", "0123456789ab", 1, 1, 1, 2, 80_000_000, 64),
    (1000, 1001),
    PLUS_ONE,
    MemoryUse(64, 1024, 300),
    DATA,
)


def test_every_command():
    client = _client(FakeAgent())
    assert _session(client) == GOOD
    assert client.tensor("out", 0) == TensorInfo("int8", 8, 0.5, -128)
    assert client.infer() == Timing(1, 250, was_input_fresh=False)
    client.load_input(0, DATA)
    assert client.infer() == Timing(1, 250, was_input_fresh=True)
    assert client.total_cycles() == 2001
    assert client.layer_output(1) == DATA
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


FAULTS = ("drop", "repeat", "flip", "truncate", "insert", "log", "reset")
TIMEOUTS = 10  # reads in vain that one fault may cost: two per try
BOOT = b"\r\nrst:0x1 (POWERON),boot:0x8\r\nm-init-done\r\nm-ready\r\n"


def _length(direction: str) -> int:
    counter = _Fault("none", -1)
    _session(_client(FakeAgent(**{direction: counter})))
    return counter.seen


@pytest.mark.parametrize("kind", FAULTS)
def test_one_fault_anywhere_in_the_replies_is_made_good(kind):
    for position in range(_length("up")):
        fault = _Fault(kind, position)
        fault.agent = FakeAgent(up=fault)
        assert _session(_client(fault.agent)) == GOOD, f"{kind} of reply byte {position}"
        assert fault.agent.silences <= TIMEOUTS, f"{kind} of reply byte {position}"


@pytest.mark.parametrize("kind", FAULTS[:5])
def test_one_fault_anywhere_in_the_commands_is_made_good(kind):
    for position in range(_length("down")):
        link = FakeAgent(down=_Fault(kind, position))
        assert _session(_client(link)) == GOOD, f"{kind} of command byte {position}"
        assert link.silences <= TIMEOUTS, f"{kind} of command byte {position}"


@pytest.mark.parametrize("kind", FAULTS)
def test_one_fault_anywhere_while_measuring_is_made_good(kind):
    def session(link: FakeAgent) -> tuple[object, ...]:
        samples = [(np.full(8, value, np.int8),) for value in (1, 5)]
        run = measure(_client(link), "some_board", samples, runs=3, warmup=1)
        outputs = [output[0].tolist() for output in run.outputs]
        return outputs, run.total.cycles, run.details["spread"], run.details["fresh_runs"]

    counter = _Fault("none", -1)
    good = session(FakeAgent(up=counter))
    assert good[0] == [[2] * 8, [6] * 8]
    for position in range(0, counter.seen, 3):
        fault = _Fault(kind, position)
        fault.agent = FakeAgent(up=fault)
        assert session(fault.agent) == good, f"{kind} of reply byte {position}"


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
    assert time.monotonic() - start < 5
    assert "What came last" in (caught.value.hint or "")


@pytest.mark.parametrize(("number", "older"), [("1", "older"), ("3", "newer")])
def test_firmware_of_another_time(number, older):
    def other(data: bytes) -> bytes:
        payload = "protocol=2,plus,0123456789ab,1,1,1,2,80000000,64"
        changed = payload.replace("=2", f"={number}")
        new = f"{changed}]-{frames.crc16(changed):04X}"
        return data.replace(f"{payload}]-{frames.crc16(payload):04X}".encode(), new.encode())

    with pytest.raises(DeviceError, match=f"is {older} than this tinyml") as caught:
        _client(FakeAgent(up=other)).identify()
    assert "build" in (caught.value.hint or "")


def test_spread_gives_values_that_were_measured():
    assert spread([5]) == {"min": 5, "median": 5, "p95": 5, "max": 5}
    cycles = list(range(100, 0, -1))
    assert spread(cycles) == {"min": 1, "median": 50, "p95": 95, "max": 100}


def test_restart():
    link = FakeAgent()
    client = _client(link)
    client.load_input(0, DATA)
    client.infer()
    assert client.boot_time() == BootTime(1500, 2100)
    client.restart()
    assert client.boot_time() == BootTime(1500, 0)
    with pytest.raises(DeviceError, match="No inference since reset"):
        client.output(0)


def test_silent_board_is_a_device_error_with_a_next_step():
    with pytest.raises(DeviceError, match="does not answer 'id'") as caught:
        _client(FakeAgent(skip=1000)).identify()
    assert "baud rate" in (caught.value.hint or "")


def test_board_that_wakes_up_late_is_found():
    assert _client(FakeAgent(skip=3)).identify().model == "plus"


def test_what_the_board_complains_about_is_in_the_error():
    with pytest.raises(DeviceError, match="Unknown command: out 1"):
        _ran(FakeAgent()).output(1)


def test_crash_report_of_the_firmware_is_passed_on():
    crash = b"e-[fault 3 at 080012A4 from 08000F31]\r\n"
    client = _ran(FakeAgent(up=lambda data: crash if b"layer-" in data else data))
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
