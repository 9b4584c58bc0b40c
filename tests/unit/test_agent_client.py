"""The agent's client against a device in memory, over a good line."""

from __future__ import annotations

import re

import numpy as np
import pytest

from tests.support.running.agent_sessions import (
    DATA,
    GOOD,
    PLUS_ONE,
    UNMARKED,
    client_of,
    client_that_ran,
    session_of,
)
from tests.support.running.fake_agent import FakeAgent
from tinyml.base.errors import DeviceError
from tinyml.device import frames, replies
from tinyml.device.profile import measure, profile, spread
from tinyml.device.values import BootTime, TensorInfo, Timing
from tinyml.ir.dtype import INT8


def test_every_command():
    client = client_of(FakeAgent())
    assert session_of(client) == GOOD
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
    assert session_of(client_of(link)) == UNMARKED


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
    client_of(link).load_input(0, bytes(1000))
    assert max(len(text) for text in link.commands) <= 80


def test_firmware_without_sessions_is_understood():
    """It has no checksum of its times: they come from its cycles, which have one."""
    link = FakeAgent(protocol=2, up=lambda data: data.replace(b"us-350", b"us-98823"))
    client = client_of(link)
    assert session_of(client) == UNMARKED
    client.load_input(0, DATA)
    assert client.infer() == Timing(1, 25, was_input_fresh=True)
    assert client.timestamp_us() == 5
    assert client.results() == (0.5, -1.0)
    assert not client.is_checked
    assert not any(text.startswith("[") for text in link.commands)


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
            run(client_of(link), "some_board", [(np.zeros(8, np.int8),)])
        assert "cycle counter" in (caught.value.hint or "")


@pytest.mark.parametrize(("number", "older"), [("1", "older"), ("4", "newer")])
def test_firmware_of_another_time(number, older):
    def other(data: bytes) -> bytes:
        payload = "protocol=3,plus,0123456789ab,1,1,1,2,80000000,64"
        changed = payload.replace("=3", f"={number}")
        new = f"{changed}]-{frames.crc16(changed):04X}"
        return data.replace(f"{payload}]-{frames.crc16(payload):04X}".encode(), new.encode())

    with pytest.raises(DeviceError, match=f"is {older} than this tinyml") as caught:
        client_of(FakeAgent(up=other)).identify()
    assert "build" in (caught.value.hint or "")


def test_spread_gives_values_that_were_measured():
    assert spread([5]) == {"min": 5, "median": 5, "p95": 5, "max": 5}
    cycles = list(range(100, 0, -1))
    assert spread(cycles) == {"min": 1, "median": 50, "p95": 95, "max": 100}


def test_restart():
    link = FakeAgent()
    client = client_of(link)
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
        client_of(FakeAgent(skip=1000)).identify()
    assert "baud rate" in (caught.value.hint or "")


def test_board_that_wakes_up_late_is_found():
    assert client_of(FakeAgent(skip=3)).identify().model == "plus"


def test_what_the_board_complains_about_is_in_the_error():
    with pytest.raises(DeviceError, match="Unknown command: out 1"):
        client_that_ran(FakeAgent()).output(1)


def test_crash_report_of_the_firmware_is_passed_on():
    crash = b"e-[fault 3 at 080012A4 from 08000F31]\r\n"
    client = client_that_ran(FakeAgent(up=lambda data: crash if b"layer-" in data else data))
    with pytest.raises(DeviceError, match="080012A4"):
        client.layer_cycles()


def test_profile_runs_every_sample():
    link = FakeAgent()
    samples = [(np.full(8, value, np.int8),) for value in (1, 5, 9)]
    run = profile(client_of(link), "some_board", samples)
    assert [output[0].tolist() for output in run.outputs] == [[v + 1] * 8 for v in (1, 5, 9)]
    assert [layer.cycles for layer in run.layers] == [1000, 1001]
    assert (run.total.cycles, run.stack_bytes, run.clock_hz) == (2001, 300, 80_000_000)
    assert link.inferences == 3


def test_profile_refuses_samples_of_another_model():
    for sample in ((np.zeros(9, np.int8),), (np.zeros(8, np.uint8),), ()):
        with pytest.raises(DeviceError, match="plus"):
            profile(client_of(FakeAgent()), "some_board", [sample])


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
    client = client_of(_LargeAgent(protocol=protocol))
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
        client = client_of(_OtherAgent(seed, protocol))
        try:
            measure(client, "some_board", sample, runs=2)
            session_of(client)
            client.results()
        except DeviceError:
            errors += 1
    assert errors > 30
