"""The agent's client against a device in memory, over good and bad lines."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import replace

import numpy as np
import pytest

from tests.support.running.fake_agent import FakeAgent
from tinyml.base.errors import DeviceError
from tinyml.device import frames, replies
from tinyml.device.agent import AgentClient
from tinyml.device.profile import measure, profile, spread
from tinyml.device.values import BootTime, Identity, MemoryUse, TensorInfo, Timing
from tinyml.ir.dtype import INT8

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


IDENTITY = Identity("plus", "0123456789ab", 1, 1, 1, 2, 80_000_000, 64, "0f1e2d3c4b5a")
GOOD = (
    IDENTITY,
    (1000, 1001),
    PLUS_ONE,
    MemoryUse(64, 1024, 300),
    DATA,
)
UNMARKED = (replace(IDENTITY, fingerprint=""), *GOOD[1:])  # firmware that knows no fingerprint


def test_every_command():
    client = _client(FakeAgent())
    assert _session(client) == GOOD
    assert client.tensor("out", 0) == TensorInfo(INT8, 8, 0.5, -128)
    assert client.infer() == Timing(1, 250, was_input_fresh=False)
    client.load_input(0, DATA)
    assert client.infer() == Timing(1, 250, was_input_fresh=True)
    assert client.total_cycles() == 2001
    assert client.layer_output(1) == DATA
    assert (client.name(), client.model(), client.timestamp_us()) == ("fake", "plus", 5)
    assert client.results() == (0.5, -1.0)


def test_firmware_of_a_version_without_fingerprints():
    link = FakeAgent()
    link.fingerprint = ""
    assert _session(_client(link)) == UNMARKED


def test_a_fingerprint_that_is_damaged_is_asked_for_again():
    """Taken as it comes, one wrong digit would make the right build another one."""
    lines = [frames.checked_line("id", "protocol=3", *("plus", "0123456789ab", 1, 1, 1, 2, 80, 64))]
    for mark in ("0f1e2d3c4b5", "0f1e2d3c4b5g", "0F1E2D3C4B5A", "", "a,b"):
        with pytest.raises(replies.DamagedReply, match="fingerprint"):
            replies.identity([*lines, frames.checked_line("fingerprint", mark)])
    twice = [frames.checked_line("fingerprint", "0f1e2d3c4b5a")] * 2
    with pytest.raises(replies.DamagedReply, match="fingerprint"):
        replies.identity([*lines, *twice])


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


FAULTS = ("drop", "repeat", "flip", "truncate", "insert", "log")
TIMEOUTS = 10  # reads in vain that one fault may cost: two per try
BOOT = b"\r\nrst:0x1 (POWERON),boot:0x8\r\nm-init-done\r\nm-ready\r\n"


def _length(direction: str) -> int:
    counter = _Fault("none", -1)
    _session(_client(FakeAgent(**{direction: counter})))
    return counter.seen


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS)
def test_one_fault_anywhere_in_the_replies_is_made_good(kind):
    for position in range(_length("up")):
        fault = _Fault(kind, position)
        fault.agent = FakeAgent(up=fault)
        assert _session(_client(fault.agent)) == GOOD, f"{kind} of reply byte {position}"
        assert fault.agent.silences <= TIMEOUTS, f"{kind} of reply byte {position}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", FAULTS[:5])
def test_one_fault_anywhere_in_the_commands_is_made_good(kind):
    for position in range(_length("down")):
        link = FakeAgent(down=_Fault(kind, position))
        assert _session(_client(link)) == GOOD, f"{kind} of command byte {position}"
        assert link.silences <= TIMEOUTS, f"{kind} of command byte {position}"


@pytest.mark.slow
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


RESET = "the board was reset in the middle of the session"


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [2, 3])
def test_a_reset_in_the_middle_is_an_error(protocol):
    """After a reset that nobody noticed, a figure of the stack was reported that was another's."""
    counter = _Fault("none", -1)
    good = _session(_client(FakeAgent(up=counter, protocol=protocol)))
    errors = []
    for position in range(counter.seen):
        fault = _Fault("reset", position)
        fault.agent = FakeAgent(up=fault, protocol=protocol)
        try:
            assert _session(_client(fault.agent)) == good, f"reset at reply byte {position}"
        except DeviceError as error:
            errors.append(error.message)
    assert all(RESET in message for message in errors)
    assert len(errors) > counter.seen * 0.7  # the rest is before the session began


def test_a_reset_whose_banner_is_lost_is_noticed():
    link = FakeAgent()
    client = _ran(link)
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
        measure(_client(link), "some_board", [(np.zeros(8, np.int8),)], runs=5, show=show)


def test_another_program_on_the_line_is_noticed():
    link = FakeAgent()
    client = _ran(link)
    _client(link).identify()
    with pytest.raises(DeviceError, match=RESET) as caught:
        client.layer_cycles()
    assert "another program" in (caught.value.hint or "")


def _replaced(old: str, new: str):
    """What comes back with a text replaced, and no checksum made right."""
    return lambda data: data.replace(old.encode(), new.encode())


def test_a_damaged_time_is_no_figure():
    """Times had no checksum: an inference of -98,473 us was reported."""
    for damage in (("us-350", "us-50"), ("us-350", "us-351"), ("us-100", "us-10")):
        client = _client(FakeAgent(up=_replaced(*damage)))
        client.load_input(0, DATA)
        with pytest.raises(DeviceError, match="does not agree with its checksum"):
            client.infer()


def test_firmware_without_sessions_is_understood():
    """It has no checksum of its times: they come from its cycles, which have one."""
    link = FakeAgent(protocol=2, up=_replaced("us-350", "us-98823"))
    client = _client(link)
    assert _session(client) == UNMARKED
    client.load_input(0, DATA)
    assert client.infer() == Timing(1, 25, was_input_fresh=True)
    assert client.timestamp_us() == 5
    assert client.results() == (0.5, -1.0)
    assert not client.is_checked
    assert not any(text.startswith("[") for text in link.commands)


def test_a_reset_of_firmware_without_sessions_is_seen_in_its_stack():
    link = FakeAgent(protocol=2)
    client = _ran(link)
    link.reset()
    with pytest.raises(DeviceError, match=RESET):
        client.memory()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("mem", 64, 1024, 1025), "1025 bytes of a stack of 1024 cannot be in use"),
        (("mem", 64, 1024, -1), "'-1' is not a number"),
        (("mem", 2**32, 1024, 0), "4294967296 is not between 0 and 4294967295"),
        (("cycles", "²"), "is not a number"),
        (("cycles", "9" * 5000), "is not a number"),
        (("cycles", 2**64), "is not between"),
        (("id", "protocol=3", "plus", "0123", 1, 1, 1, 2, 0, 64), "0 Hz"),
        (("tensor", "out", 0, "b", 8, "7F800000", 0), "inf is no scale"),
        (("tensor", "out", 0, "b", 8, "3F00000", 0), "no scale"),
        (("tensor", "out", 0, "b", 8, "3F000000", 2**31), "is not between"),
        (("tensor", "out", 0, "i", 6, "3F000000", 0), "no tensor of int32 has 6 bytes"),
    ],
)
def test_values_out_of_range_are_errors(line, message):
    reads = {
        "mem": replies.memory,
        "cycles": replies.total_cycles,
        "id": replies.identity,
        "tensor": lambda lines: replies.tensor(lines, "out", 0),
    }
    with pytest.raises(frames.DamagedReply, match=re.escape(message)):
        reads[line[0]]([frames.checked_line(*line)])


def test_a_clock_that_runs_backwards_is_an_error():
    with pytest.raises(frames.DamagedReply, match="ran backwards: 350, 100 us"):
        replies.laps(["m-lap-us-350", "m-lap-us-100"], 2)


def test_an_inference_shorter_than_its_layers_is_an_error():
    """A counter that wraps in the middle of an inference gave a time that was too short."""
    link = FakeAgent()
    link.cycles = 250 * 80 + 1000  # 80 MHz; the fake says that it takes 250 us
    for run in (profile, measure):
        with pytest.raises(DeviceError, match=r"took 250 us and its layers 262 us") as caught:
            run(_client(link), "some_board", [(np.zeros(8, np.int8),)])
        assert "cycle counter" in (caught.value.hint or "")


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
        client = _client(link)
        with contextlib.suppress(DeviceError):
            assert _session(client) == (GOOD if protocol == 3 else UNMARKED)
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
    assert time.monotonic() - start < 5
    assert "What came last" in (caught.value.hint or "")


@pytest.mark.parametrize(("number", "older"), [("1", "older"), ("4", "newer")])
def test_firmware_of_another_time(number, older):
    def other(data: bytes) -> bytes:
        payload = "protocol=3,plus,0123456789ab,1,1,1,2,80000000,64"
        changed = payload.replace("=3", f"={number}")
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
    client.load_input(0, DATA)
    client.infer()
    assert client.output(0) == PLUS_ONE


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


class _LargeAgent(FakeAgent):
    """Its output is longer than everything that used to count as noise."""

    data = bytes(range(250)) * 1600

    def _answer(self, words: list[str], is_checked: bool) -> list[str]:
        line = frames.checked_line
        if words == ["tensor", "out", "0"]:
            return [line("tensor", "out", 0, "b", len(self.data), "3F000000", -128)]
        if words == ["out", "0"]:
            starts = range(0, len(self.data), 32)
            return [line("data", at, self.data[at : at + 32].hex().upper()) for at in starts]
        lines = super()._answer(words, is_checked)
        long = "m-results-[" + ",".join(["-100.000"] * len(self.data)) + "]"
        return [long if text.startswith("m-results-[0.500]") else text for text in lines]


@pytest.mark.parametrize("protocol", [2, 3])
def test_outputs_of_any_length_arrive(protocol):
    """A line of more than 65,536 characters, and a reply of more than a million, was noise."""
    client = _client(_LargeAgent(protocol=protocol))
    client.load_input(0, DATA)
    client.infer()
    assert client.output(0) == _LargeAgent.data


class _OtherAgent(FakeAgent):
    """Says nonsense, with checksums that are right: no line is to blame."""

    PIECES = (
        "",
        "-1",
        "²",
        "9" * 5000,
        "nan",
        "inf",
        "4294967295",
        "18446744073709551616",
        "zz",
        "i",
    )

    def __init__(self, seed: int, protocol: int) -> None:
        super().__init__(protocol=protocol)
        self.random = np.random.default_rng(seed)

    def _answer(self, words: list[str], is_checked: bool) -> list[str]:
        lines = super()._answer(words, is_checked)
        return [self._changed(line) if self.random.random() < 0.1 else line for line in lines]

    def _changed(self, line: str) -> str:
        piece = self.PIECES[self.random.integers(len(self.PIECES))]
        field = re.fullmatch(r"m-([a-z]+)-\[(.*)\]-[0-9A-F]{4}", line)
        if field is None:
            return re.sub(r"\d+", piece, line, count=1)
        values = field[2].split(",")
        values[self.random.integers(len(values))] = piece
        return frames.checked_line(field[1], *values)


@pytest.mark.slow
@pytest.mark.parametrize("protocol", [2, 3])
def test_nonsense_with_right_checksums_is_a_device_error(protocol):
    """A number of thousands of digits ended in a traceback."""
    sample = [(np.zeros(8, np.int8),)]
    errors = 0
    for seed in range(300):
        client = _client(_OtherAgent(seed, protocol))
        try:
            measure(client, "some_board", sample, runs=2)
            _session(client)
            client.results()
        except DeviceError:
            errors += 1
    assert errors > 30
