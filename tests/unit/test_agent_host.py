"""The serial agent in C, compiled for this machine: every command and every error as text."""

from __future__ import annotations

import binascii
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.host_c import SANITIZERS, WARNINGS
from tinyml import resources
from tinyml.backends.toolchains import host_compiler

pytestmark = pytest.mark.host_cc

FAKE = Path(__file__).parents[1] / "support" / "agent"
Ask = Callable[..., list[list[str]]]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Sends commands to a fresh agent; gives the reply lines of each, without m-ready."""
    firmware = resources.path("firmware")
    program = tmp_path_factory.mktemp("agent") / "agent"
    command = [
        *(*host_compiler(), "-std=c11", "-g", *WARNINGS, "-DTML_PROFILE=1"),
        *(SANITIZERS if shutil.which("gcc") else ()),
        *(f"-I{folder}" for folder in (FAKE, FAKE / "host", firmware, firmware / "include")),
        *(str(path) for path in sorted((firmware / "agent").glob("*.c"))),
        *(str(FAKE / "fake_model.c"), str(FAKE / "host.c"), "-o", str(program)),
    ]
    subprocess.run(command, check=True)

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


LOAD = ("db load 40%", "db " + "01" * 31 + "%", "db " + "7F" * 9 + "%")


def test_mlperf_session(ask: Ask) -> None:
    replies = ask("name%", "profile%", "timestamp%", *LOAD, "db print%", "infer 2 1%", "results%")
    results = "m-results-[0.504,0.504,0.504,0.504,0.504,0.504,0.100,-300.000,1.500,-inf]"
    assert replies == [
        ["m-name-dut-[tinyml]"],
        ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[fake]"],
        ["m-lap-us-0"],
        ["m-[Expecting 40 bytes]"],
        [],
        ["m-load-done"],
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
        "m-id-[protocol=2,fake,0123456789ab,1,2,3,3,3000000,40]",
        f"m-tensor-[in,0,b,40,{half},-128]",
        "m-tensor-[in,1,B,4,00000000,0]",
        f"m-tensor-[out,1,h,4,{tenth},0]",
        "m-tensor-[layer,2,b,6,3B800000,-128]",
        "m-mem-[40,4096,321]",
    ]


def test_layer_cycles_leave_the_agents_own_time_out(ask: Ask) -> None:
    _, _, _, _, layers, cycles = ask(*LOAD, "infer 1 0%", "layers%", "cycles%")
    assert [checked(line) for line in layers] == [
        "m-layer-[0,1000]",
        "m-layer-[1,0]",
        "m-layer-[2,500]",
    ]
    assert checked(cycles[0]) == "m-cycles-[1500]"


def test_second_input_and_checksums(ask: Ask) -> None:
    replies = ask("db select 1%", "db load 4%", "db 00010203%", "db crc%", "db select 0%", *LOAD)
    assert replies[0] == []
    assert checked(replies[3][0]) == f"m-crc-[1,4,{binascii.crc32(bytes(range(4))):08X}]"
    whole = bytes([1] * 31 + [0x7F] * 9)
    assert checked(ask(*LOAD, "db crc%")[-1][0]) == f"m-crc-[0,40,{binascii.crc32(whole):08X}]"
    assert checked(ask("db crc%")[0][0]) == "m-crc-[0,0,00000000]"


def test_outputs_of_the_first_inference_are_kept(ask: Ask) -> None:
    replies = ask(*LOAD, "infer 3 3%", "out 0%", "out 1%", "out 2%")
    assert [checked(reply[0]) for reply in replies[4:]] == [
        "m-data-[0,010101010101]",
        "m-data-[0,010048F4]",
        "m-data-[0,0000C03FCAF249F1]",
    ]


def test_inference_without_a_load_warns(ask: Ask) -> None:
    replies = ask(*LOAD, "infer 1 0%", "infer 1 0%", "layer 0%")
    warning = "m-warning-[input was overwritten by the last inference]"
    assert replies[3][0] == "m-warmup-start-0"
    assert checked(replies[4][0]) == warning
    assert checked(replies[5][0]) == warning
    assert replies[4][-1] == replies[3][-1]  # results are those of the first inference


def test_layer_output(ask: Ask) -> None:
    replies = ask(*LOAD, "layer 0%")
    assert [checked(line) for line in replies[3]] == [
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
    reply = ask(*LOAD, "layer 1%")[3]
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
