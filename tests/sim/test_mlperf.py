"""The agent of --agent mlperf, driven as the benchmark's runner does it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import serial

from tests.support.served import served
from tinyml import api
from tinyml.board import load_board
from tinyml.device.connect import connect
from tinyml.elf import read_elf
from tinyml.errors import DeviceError, TinymlError
from tinyml.inputs import read_samples

pytestmark = [
    pytest.mark.sim,
    pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals on Windows"),
]

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
BOARD = "nucleo_l4r5zi"


class Runner:
    """The facts of the protocol: a command ends with %, its reply with a line m-ready."""

    def __init__(self, path: str) -> None:
        self.port = serial.Serial(path, 115_200, timeout=0.5)
        while self.port.read(100):
            pass  # what was said at boot
        self.port.timeout = 30

    def send(self, command: str) -> list[str]:
        self.port.write(f"{command}%".encode())
        lines: list[str] = []
        while not lines or "m-ready" not in lines[-1]:
            line = self.port.read_until(b"\r\n")
            assert line, f"no reply to {command}: {lines}"
            lines.append(line.decode().rstrip())
        return lines

    def find(self, pattern: str, lines: list[str]) -> str:
        found = [match for line in lines if (match := re.match(pattern, line))]
        assert found, lines
        return found[0][1]

    def load(self, data: bytes) -> None:
        assert f"m-[Expecting {len(data)} bytes]" in self.send(f"db load {len(data)}")
        for start in range(0, len(data), 31):
            lines = self.send(f"db {data[start : start + 31].hex()}")
            assert (start + 31 >= len(data)) == ("m-load-done" in lines), lines


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> api.Built:
    folder = tmp_path_factory.mktemp("mlperf")
    settings = api.Settings(directory=folder, benchmark=True, model_id="kws01")
    return api.build_model(DIGITS / "digits.tflite", load_board(BOARD), settings)


def test_a_benchmark_session(built: api.Built) -> None:
    samples = read_samples(DIGITS / "test.npz", built.plan.graph, 5)
    assert built.image is not None
    with served(read_elf(built.image.elf), load_board(BOARD)) as path:
        runner = Runner(path)
        assert runner.find(r"m-name-dut-\[(.*)\]", runner.send("name")) == "tinyml"
        profile = runner.send("profile")
        assert runner.find(r"m-profile-\[(.*)\]", profile).startswith("ULPMark for tinyML")
        assert runner.find(r"m-model-\[(.*)\]", profile) == "kws01"
        assert int(runner.find(r"m-lap-us-(\d+)", runner.send("timestamp"))) > 0
        assert runner.send("id") == ["e-[Unknown command: id]", "m-ready"]
        right = 0
        for (sample,), label in zip(samples.inputs, samples.labels, strict=True):
            runner.load(sample.tobytes())
            assert sample.tobytes().hex().upper() == "".join(
                line.removeprefix("m-buffer-").replace("-", "")
                for line in runner.send("db print")[:-1]
            )
            lines = runner.send("infer 1 0")
            results = [
                float(value) for value in runner.find(r"m-results-\[(.*)\]", lines).split(",")
            ]
            right += int(np.argmax(results)) == label
        assert right >= 4
        lines = runner.send("infer 20 5")
        laps = [int(line.removeprefix("m-lap-us-")) for line in lines if "m-lap-us-" in line]
        assert lines[0] == "m-warmup-start-5"  # and no line that the benchmark does not know
        assert 1000 < (laps[1] - laps[0]) / 20 < 2000
        runner.port.close()


def test_other_commands_say_what_is_wrong(built: api.Built) -> None:
    assert built.image is not None
    with (
        served(read_elf(built.image.elf), load_board(BOARD)) as path,
        pytest.raises(DeviceError, match="Unknown command: id") as caught,
    ):
        connect(path, load_board(BOARD))
    assert "--agent full" in (caught.value.hint or "")


def test_the_rate_is_that_of_the_benchmark_whatever_the_board_says(built: api.Built) -> None:
    config = (built.directory / "project" / "tml_config.h").read_text()
    assert "#define TML_BAUD 115200u" in config
    assert '#define TML_AGENT_MODEL_ID "kws01"' in config


def test_an_odd_model_id_is_refused(tmp_path: Path) -> None:
    settings = api.Settings(directory=tmp_path, model_id='a"]')
    with pytest.raises(TinymlError, match="cannot be a model id"):
        api.build_model(DIGITS / "digits.tflite", load_board(BOARD), settings)
