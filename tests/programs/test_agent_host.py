"""The serial agent in C, compiled for this machine: every command and every error as text."""

from __future__ import annotations

import binascii
import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.running.agent_c import compile_agent
from tinyml.device import frames

pytestmark = pytest.mark.host_cc

Ask = Callable[..., list[list[str]]]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The agent as a program."""
    return compile_agent(tmp_path_factory.mktemp("agent"))


@pytest.fixture
def clocked(program: Path) -> Callable[..., list[str]]:
    """Sends commands to an agent whose core has run for so many cycles at that rate; all lines."""

    def run(clock_hz: int, cycles: int, commands: str, work: int = 1) -> list[str]:
        clock = (str(clock_hz), str(cycles), str(work))
        done = subprocess.run(
            [program, *clock], input=commands.encode(), capture_output=True, check=True
        )
        lines = done.stdout.decode().split("\r\n")
        assert lines[:2] == ["m-init-done", "m-ready"]
        return [line for line in lines[2:] if line and line != "m-ready"]

    return run


@pytest.fixture(scope="module")
def ask(program: Path) -> Ask:
    """Sends commands to a fresh agent; gives the reply lines of each, without m-ready."""

    def run(*commands: str) -> list[list[str]]:
        sent = "".join(commands).encode("latin-1")
        done = subprocess.run([program], input=sent, capture_output=True, check=True)
        replies = done.stdout.decode().split("m-ready\r\n")
        assert replies[0] == "m-init-done\r\n"
        assert replies[-1] == ""
        return [[line for line in reply.split("\r\n") if line] for reply in replies[1:-1]]

    return run


def checked(line: str) -> str:
    """The line without its checksum, which must be right."""
    match = re.fullmatch(r"(m-[a-z]+-\[(.*)\])-([0-9A-F]{4})", line)
    assert match, line
    assert binascii.crc_hqx(match[2].encode(), 0xFFFF) == int(match[3], 16)
    return match[1]


SECOND = ("db select 1%", "db load 4%", "db 00000000%", "db select 0%")
FIRST = ("db load 40%", "db " + "01" * 31 + "%", "db " + "7F" * 9 + "%")
LOAD = (*SECOND, *FIRST)
LOADED = [[], ["m-[Expecting 4 bytes]"], ["m-load-done"], []]
LOADED += [["m-[Expecting 40 bytes]"], [], ["m-load-done"]]


def test_mlperf_session(ask: Ask) -> None:
    replies = ask("name%", "profile%", "timestamp%", *LOAD, "db print%", "infer 2 1%", "results%")
    results = "m-results-[0.504,0.504,0.504,0.504,0.504,0.504,0.100,-300.000,1.500,-inf]"
    assert replies == [
        ["m-name-dut-[tinyml]"],
        ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[fake]"],
        ["m-lap-us-0"],
        *LOADED,
        [
            *["m-buffer" + "-01" * 8] * 3,
            "m-buffer" + "-01" * 7 + "-7F",
            "m-buffer" + "-7F" * 8,
        ],
        [
            "m-warmup-start-1",
            "m-warmup-done",
            "m-infer-start-2",
            "m-lap-us-500",
            "m-lap-us-1500",
            "m-infer-done",
            results,
        ],
        [results],
    ]


def test_warm_ups_default_to_ten(ask: Ask) -> None:
    replies = ask(*LOAD, "infer 1%")
    assert replies[-1][0] == "m-warmup-start-10"


def test_identity_and_tensors(ask: Ask) -> None:
    replies = ask("id%", "tensor in 0%", "tensor in 1%", "tensor out 1%", "tensor layer 2%", "mem%")
    half, tenth = struct.pack(">f", 0.5).hex().upper(), struct.pack(">f", 0.1).hex().upper()
    assert [checked(line) for reply in replies for line in reply] == [
        "m-id-[protocol=3,fake,0123456789ab,1,2,3,3,3000000,40]",
        f"m-tensor-[in,0,b,40,{half},-128]",
        "m-tensor-[in,1,B,4,00000000,0]",
        f"m-tensor-[out,1,h,4,{tenth},0]",
        "m-tensor-[layer,2,b,6,3B800000,-128]",
        "m-mem-[40,4096,321]",
    ]


def test_a_build_with_a_fingerprint_says_it(tmp_path: Path) -> None:
    program = compile_agent(tmp_path, flags=('-DTML_AGENT_FINGERPRINT="0f1e2d3c4b5a"',))
    done = subprocess.run([program], input=b"id%", capture_output=True, check=True)
    said = [line for line in done.stdout.decode().split("\r\n") if line]
    assert said[0] == "m-init-done"
    assert [checked(line) for line in said[2:4]] == [
        "m-id-[protocol=3,fake,0123456789ab,1,2,3,3,3000000,40]",
        "m-fingerprint-[0f1e2d3c4b5a]",
    ]
    assert said[4:] == ["m-ready"]


def test_layer_cycles_leave_the_agents_own_time_out(ask: Ask) -> None:
    *_, layers, cycles = ask(*LOAD, "infer 1 0%", "layers%", "cycles%")
    assert [checked(line) for line in layers] == [
        "m-layer-[0,1000]",
        "m-layer-[1,0]",
        "m-layer-[2,500]",
    ]
    assert checked(cycles[0]) == "m-cycles-[1500]"


def test_second_input_and_checksums(ask: Ask) -> None:
    replies = ask("db select 1%", "db load 4%", "db 00010203%", "db crc%", "db select 0%", *FIRST)
    assert replies[0] == []
    assert checked(replies[3][0]) == f"m-crc-[1,4,{binascii.crc32(bytes(range(4))):08X}]"
    whole = bytes([1] * 31 + [0x7F] * 9)
    assert checked(ask(*LOAD, "db crc%")[-1][0]) == f"m-crc-[0,40,{binascii.crc32(whole):08X}]"
    assert checked(ask("db crc%")[0][0]) == "m-crc-[0,0,00000000]"


def test_outputs_of_the_first_inference_are_kept(ask: Ask) -> None:
    replies = ask(*LOAD, "infer 3 3%", "out 0%", "out 1%", "out 2%")
    assert [checked(reply[0]) for reply in replies[-3:]] == [
        "m-data-[0,010101010101]",
        "m-data-[0,010048F4]",
        "m-data-[0,0000C03FCAF249F1]",
    ]


def test_inference_without_a_load_warns(ask: Ask) -> None:
    replies = ask(*LOAD, "infer 1 0%", "infer 1 0%", "layer 0%")
    warning = "m-warning-[input was overwritten by the last inference]"
    assert replies[-3][0] == "m-warmup-start-0"
    assert checked(replies[-2][0]) == warning
    assert checked(replies[-1][0]) == warning
    assert replies[-2][-1] == replies[-3][-1]  # results are those of the first inference


def test_layer_output(ask: Ask) -> None:
    replies = ask(*LOAD, "layer 0%")
    assert [checked(line) for line in replies[-1]] == [
        "m-data-[0," + "01" * 31 + "7F]",
        "m-data-[32," + "7F" * 8 + "]",
    ]


def test_boot_and_first_inference(ask: Ask) -> None:
    replies = ask("boot%", *LOAD, "infer 5 2%", "boot%")
    assert checked(replies[0][0]) == "m-boot-[77,0]"
    assert checked(replies[-1][0]) == "m-boot-[77,1500]"


def test_new_baud_rate_begins_after_the_reply_and_ends_in_silence(ask: Ask) -> None:
    # an inference takes 0.5 ms by this clock; 1 s of trial, then 5 s
    replies = ask("baud 921600%", "infer 2100 0%", "name%", "id%")
    assert checked(replies[0][0]) == "m-baud-[921600]"
    assert replies[1][0] == "(921600 baud)"
    assert "(115200 baud)" not in [line for reply in replies for line in reply]


def test_layer_without_code_says_so(ask: Ask) -> None:
    reply = ask(*LOAD, "layer 1%")[-1]
    assert reply == ["e-[That layer takes no code: its output is its input]"]


@pytest.mark.parametrize(
    ("command", "error"),
    [
        ("nonsense%", "e-[Unknown command: nonsense]"),
        ("names%", "e-[Unknown command: names]"),
        ("%", "e-[Unknown command: ]"),
        ("db 0%", "e-[No load in progress: send db load N first]"),
        ("db load%", "e-[Expected a number of bytes]"),
        ("db load 0%", "e-[Expected a number of bytes]"),
        ("db load 4294967296%", "e-[Expected a number of bytes]"),
        ("db load 41%", "e-[Input has 40 bytes]"),
        ("db select 2%", "e-[Inputs are 0 to 1]"),
        ("infer%", "e-[Inference iterations must be >0]"),
        ("infer 0 1%", "e-[Inference iterations must be >0]"),
        ("infer 1 x%", "e-[Expected infer N W]"),
        ("infer 1 4294967296%", "e-[Expected infer N W]"),
        ("infer 1000001 0%", "e-[At most 1000000 inferences]"),
        ("infer 1 1000001%", "e-[At most 1000000 inferences]"),
        ("results%", "e-[No inference since reset]"),
        ("session%", "e-[Unknown command: session]"),
        ("[%", "e-[Damaged command]"),
        ("[0000 00 id]-0000%", "e-[Damaged command]"),
        ("tensor 1%", "e-[Expected tensor in K, tensor out K or tensor layer K]"),
        ("tensor in 2%", "e-[There are 2 inputs, counted from 0]"),
        ("tensor out x%", "e-[There are 3 outputs, counted from 0]"),
        ("out 3%", "e-[There are 3 outputs, counted from 0]"),
        ("layer 3%", "e-[There are 3 layers, counted from 0]"),
        ("layers%", "e-[No inference since reset]"),
        ("cycles%", "e-[No inference since reset]"),
        ("out 0%", "e-[No inference since reset]"),
        ("baud x%", "e-[Expected a baud rate]"),
        ("baud 2000000%", "e-[This port cannot be set to that baud rate]"),
        ("reset%", "e-[This port cannot reset itself]"),
        ("state%", "e-[Expected keep or reset]"),
        ("x" * 81 + "%", "e-[Command too long]"),
        ("x" * 500 + "%", "e-[Command too long]"),
    ],
)
def test_errors(ask: Ask, command: str, error: str) -> None:
    assert ask(command, "name%") == [[error], ["m-name-dut-[tinyml]"]]


@pytest.mark.parametrize(
    ("digits", "error"),
    [
        ("123", "e-[Insufficent number of hex digits]"),
        ("12zz", "e-[Invalid hex digit 'zz']"),
        ("0102030405", "e-[Too many bytes: 4 are missing]"),
    ],
)
def test_a_refused_line_changes_nothing(ask: Ask, digits: str, error: str) -> None:
    replies = ask("db load 4%", f"db {digits}%", "db 0a0B0C0d%", "db print%")
    assert replies[1:] == [[error], ["m-load-done"], ["m-buffer-0A-0B-0C-0D"]]


def test_line_ends_and_noise_are_ignored(ask: Ask) -> None:
    assert ask("\r\n\xff na\x00me\r\n%") == [["m-name-dut-[tinyml]"]]


def test_help_names_every_command(ask: Ask) -> None:
    text = " ".join(ask("help%")[0])
    for word in ("name", "db load", "db select", "infer", "layers", "mem", "tensor in|out|layer"):
        assert word in text


def session(*commands: str, number: int = 0xA1B2) -> tuple[str, ...]:
    """The commands as a host sends them in a session, the one that begins it first."""
    texts = [command.removesuffix("%") for command in ("session%", *commands)]
    return tuple(
        frames.in_session(number, place, text.encode()).decode() for place, text in enumerate(texts)
    )


def replies_in_session(ask: Ask, *commands: str, number: int = 0xA1B2) -> list[list[str]]:
    """Their replies without the last lines, which must agree."""
    found = []
    for place, reply in enumerate(ask(*session(*commands, number=number))):
        assert frames.done(reply[-1]) == frames.Done(number, place, frames.lines_crc(reply[:-1]))
        found.append(reply[:-1])
    return found[1:]


def test_figures_in_a_session_carry_a_checksum(ask: Ask) -> None:
    """The times of an inference came without: a disturbed line made one of -98,473 us."""
    *_, infer, lap, name = replies_in_session(ask, *LOAD, "infer 2 1%", "timestamp%", "name%")
    assert infer == [
        "m-warmup-start-1",
        "m-warmup-done",
        "m-infer-start-2",
        "m-lap-us-500",
        "m-lap-us-1500",
        "m-infer-done",
    ]
    assert lap == ["m-lap-us-1500"]
    assert name == ["m-name-dut-[tinyml]"]


def test_the_longest_load_fits_a_command_in_a_session(ask: Ask) -> None:
    assert replies_in_session(ask, *LOAD)[-2:] == [[], ["m-load-done"]]


def test_results_in_a_session_are_several_lines(ask: Ask) -> None:
    """All values in one line were more than a host takes for a line, 65,536 characters."""
    *_, results = replies_in_session(ask, *LOAD, "infer 1 0%", "results%")
    assert [checked(line) for line in results] == [
        "m-results-[0.504,0.504,0.504,0.504,0.504,0.504,0.100,-300.000]",
        "m-results-[1.500,-inf]",
    ]


def test_a_reset_ends_the_session(ask: Ask) -> None:
    """A figure of the stack was reported after a reset that nobody had noticed."""
    (reply,) = ask(session("mem%")[1])
    assert reply[0] == "e-[Another session]"
    assert frames.done(reply[1]) == frames.Done(0, 1, frames.lines_crc(reply[:1]))


def test_every_damaged_command_in_a_session_is_refused(ask: Ask) -> None:
    good = session("infer 10 1%")[1]
    damaged = [
        good[:at] + chr(ord(good[at]) ^ 1) + good[at + 1 :] for at in range(1, len(good) - 1)
    ]
    damaged += [good[:at] + good[at + 1 :] for at in range(1, len(good) - 1)]
    for command, reply in zip(damaged, ask(*damaged), strict=True):
        assert reply == ["e-[Damaged command]"], command


def test_an_inference_in_the_middle_of_a_load_is_refused(ask: Ask) -> None:
    """It ran on half of an input, and the rest of the load then went into its results."""
    refused = ["e-[Load in progress: 38 bytes are missing]"]
    replies = ask("db load 40%", "db 0101%", "infer 1 0%", "layer 0%", "db print%", "id%")
    assert replies[2:4] == [refused, refused]
    assert replies[4] == ["m-buffer-01-01"]
    replies = ask(*LOAD, "db load 40%", "db select 0%", "infer 1 0%")
    assert "overwritten" in replies[-1][0]  # what was begun and given up is no input


def test_an_input_that_is_missing_is_said(ask: Ask) -> None:
    """With one input of two loaded, the other one was what an inference had left there."""
    replies = ask(*LOAD, "infer 1 0%", *FIRST, "infer 1 0%")
    assert "overwritten" in replies[-1][0]
    assert "overwritten" in ask(*FIRST, "infer 1 0%")[-1][0]


def test_inferences_are_stopped_by_a_character(ask: Ask) -> None:
    """'infer 4000000000' held a board until somebody pressed its button."""
    # an inference takes 0.5 ms by this clock, which is looked at 16 times a second
    *_, infer, name = ask(*LOAD, "infer 1000000 0%", "\x18", "name%")
    assert infer[-1] == "e-[Stopped after 126 inferences]"
    assert name == ["m-name-dut-[tinyml]"]
    *_, infer, name = ask(*LOAD, "infer 1 1000000%", "na\x18", "name%")
    assert infer == ["m-warmup-start-1000000", "e-[Stopped after 126 inferences]"]
    assert name == ["m-name-dut-[tinyml]"]


def test_a_command_that_came_during_inferences_is_carried_out_afterwards(ask: Ask) -> None:
    *_, infer, name, label = ask(*LOAD, "infer 1000 0%", "name%", "profile%")
    assert infer[-2] == "m-infer-done"
    assert name == ["m-name-dut-[tinyml]"]
    assert len(label) == 2


def test_cancel_forgets_half_a_command(ask: Ask) -> None:
    assert ask("infer 1\x18name%") == [["m-name-dut-[tinyml]"]]


def test_times_are_right_after_months(clocked: Callable[[int, int, str], list[str]]) -> None:
    """Cycles times a million passed 2^64 after 10.7 hours at 480 MHz."""
    for hours in (1, 10, 11, 100, 10_000):
        cycles = hours * 3600 * 480_000_000 + 12_345
        assert clocked(480_000_000, cycles, "timestamp%") == [
            f"m-lap-us-{hours * 3600_000_000 + 25}"
        ]


def test_cycles_of_an_inference_go_beyond_32_bits(clocked: Callable[..., list[str]]) -> None:
    """The sum of the layers was kept in 32 bits: 9 s at 480 MHz."""
    assert checked(clocked(480_000_000, 0, "infer 1 0%cycles%", work=3_000_000)[-1]) == (
        "m-cycles-[4500000000]"
    )
