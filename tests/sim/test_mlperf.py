"""The agent of --agent mlperf, driven as the benchmark's runner does it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import serial

from tests.support.models.small_graphs import GraphBuilder
from tests.support.running.served import served
from tinyml import api
from tinyml.base.elf import read_elf
from tinyml.base.errors import DeviceError, TinymlError
from tinyml.device.connect import connect
from tinyml.evaluate.samples import read_samples
from tinyml.ir.graph import Graph
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.reference import outputs
from tinyml.project.pipeline import build_plan
from tinyml.target.boards import load_board

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
    return api.build(DIGITS / "digits.tflite", load_board(BOARD), settings)


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


def test_pixels_of_the_image_tasks_become_the_input(tmp_path: Path) -> None:
    """Their data files hold 0 to 255, the models want -128 to 127."""
    settings = api.Settings(directory=tmp_path, benchmark=True, model_id="vww01")
    made = api.build(DIGITS / "digits.tflite", load_board(BOARD), settings)
    assert made.image is not None
    graph = made.plan.graph
    (sample,) = read_samples(DIGITS / "test.npz", graph, 1).inputs[0]
    pixels = (sample.astype(np.int16) + 128).astype(np.uint8)
    with served(read_elf(made.image.elf), load_board(BOARD)) as path:
        runner = Runner(path)
        runner.load(pixels.tobytes())
        printed = runner.send("db print")[0]
        found = runner.find(r"m-results-\[(.*)\]", runner.send("infer 2 1"))
        runner.port.close()
    assert printed == "m-buffer-" + pixels.tobytes()[:8].hex("-").upper()
    assert [float(value) for value in found.split(",")] == _real(graph, sample)


def test_floats_of_the_anomaly_task_are_quantised_and_compared(tmp_path: Path) -> None:
    """Its data files hold floats; its result is how far the output is from them."""
    grow = GraphBuilder()
    entry = grow.value("x", (1, 40), (0.05, 3))
    result = grow.op("RELU", (entry,), grow.value("y", (1, 40), (0.04, -20)), NoAttrs())
    graph = grow.graph((entry,), (result,))
    board = load_board(BOARD)
    settings = api.Settings(directory=tmp_path, benchmark=True, model_id="ad01")
    made = build_plan(api.plan(graph, board).plan, board, settings)
    assert made.image is not None
    values = np.linspace(-9, 9, 40).astype(np.float32)  # both ends saturate
    steps = values / np.float32(0.05)
    rounded = np.trunc(steps + np.copysign(np.float32(0.5), steps)).astype(np.int32) + 3
    sample = np.clip(rounded, -128, 127).astype(np.int8).reshape(1, 40)
    distance = np.mean((np.array(_real(graph, sample, 9)) - values) ** 2)
    with served(read_elf(made.image.elf), board) as path:
        runner = Runner(path)
        assert runner.send("db load 161") == ["e-[Input has 160 bytes]", "m-ready"]
        runner.load(values.tobytes())
        found = runner.find(r"m-results-\[(.*)\]", runner.send("infer 2 1"))
        runner.port.close()
    assert float(found) == pytest.approx(distance, abs=0.001)


def _real(graph: Graph, sample: np.ndarray, digits: int = 3) -> list[float]:
    """What the reference says, dequantised."""
    tensor = graph.tensors[graph.outputs[0]]
    assert tensor.quant is not None
    steps = outputs(graph, (sample,))[0].astype(np.int32) - tensor.quant.zero_points[0]
    return [round(float(value) * tensor.quant.scales[0], digits) for value in np.ravel(steps)]


@pytest.mark.parametrize(
    ("model_id", "message"),
    [
        (
            "ad01",
            "ad01 .anomaly detection. compares the output with the input, but the model has 64",
        ),
        ("sww01", "streams audio to the board"),
    ],
)
def test_a_model_that_cannot_be_the_task(tmp_path: Path, model_id: str, message: str) -> None:
    folder = tmp_path / "made"
    settings = api.Settings(directory=folder, benchmark=True, model_id=model_id)
    with pytest.raises(TinymlError, match=message) as caught:
        api.build(DIGITS / "digits.tflite", load_board(BOARD), settings)
    assert "--model-id" in (caught.value.hint or "")
    assert not folder.exists()


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
        api.build(DIGITS / "digits.tflite", load_board(BOARD), settings)
