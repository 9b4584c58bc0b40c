"""The live part of a report in headless Chromium: equal to the reference, quiet, from a file."""

from __future__ import annotations

import base64
import io
import json
import math
import wave
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from tests.support.running.chromium import Page, chromium
from tests.support.running.web_serial import plug
from tests.support.values.small_boards import small_board
from tinyml import api
from tinyml.base.elf import read_elf
from tinyml.base.errors import ToolMissing
from tinyml.cli import main
from tinyml.device.agent import AgentClient
from tinyml.evaluate.samples import Samples
from tinyml.ir.graph import Array
from tinyml.measure.onboard import profile_build
from tinyml.model.file import read_model
from tinyml.model.reader import load
from tinyml.ops.reference import outputs, run
from tinyml.passes import run_passes
from tinyml.project import live as making
from tinyml.project.live import complete_live, live_plan, wasm_module
from tinyml.report.live import FILE_NAME, Live, input_kind, read_live, write_live
from tinyml.report.page import write_page
from tinyml.report.report import read_report
from tinyml.simulate.link import MemoryLink
from tinyml.simulate.machine import Machine

ROOT = Path(__file__).parents[1]
DIGITS = ROOT / "examples" / "digits"
MODELS = ROOT / "tests" / "models"
READY = "live.ready.then(() => document.getElementById('live-equal').textContent)"
LAST = """(() => {
  const text = (bytes) => btoa(String.fromCharCode(...bytes));
  const { inputs, outputs, layers } = live.last();
  return [inputs, outputs, layers].map((items) => items.map(text));
})()"""

# Strokes on a square whose sides are 1, digits as people wrote those that the network has learnt.
STROKES: dict[int, list[list[tuple[float, float]]]] = {
    0: [
        [
            (
                0.47 + 0.2 * math.sin(turn * math.tau / 16),
                0.5 - 0.41 * math.cos(turn * math.tau / 16),
            )
            for turn in range(17)
        ]
    ],
    1: [[(0.36, 0.38), (0.52, 0.2), (0.52, 0.06), (0.54, 0.93)], [(0.4, 0.93), (0.7, 0.93)]],
    4: [[(0.45, 0.06), (0.25, 0.6), (0.72, 0.6)], [(0.6, 0.35), (0.55, 0.93)]],
    7: [[(0.3, 0.08), (0.72, 0.08), (0.45, 0.93)], [(0.3, 0.55), (0.75, 0.52)]],
}


def report_page(build: Path) -> Path:
    """The page of a build with its live part."""
    report = read_report(build)
    complete_live(report, build)
    return write_page(report, build)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> api.Built:
    folder = tmp_path_factory.mktemp("live") / "build"
    settings = api.Settings(compiled_inputs=DIGITS / "test.npz", directory=folder)
    built = api.build(DIGITS / "digits.tflite", api.load_board("nucleo_l4r5zi"), settings)
    report_page(folder)
    return built


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    fake = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    with chromium(tmp_path_factory.mktemp("chromium"), *fake) as found:
        yield found


@pytest.fixture
def opened(page: Page, digits: api.Built) -> Iterator[Page]:
    """The page of the digits example; it must have been quiet in the end."""
    page.complaints.clear()
    page.fetched.clear()
    path = digits.directory / "report.html"
    page.open(path, height=1400)
    page.ask(READY)
    yield page
    assert page.complaints == []
    assert page.fetched == [path.as_uri()]


def inference(page: Page, graph: Any) -> tuple[list[Array], list[bytes], list[bytes]]:
    """The last inference: inputs as arrays, outputs and layers as bytes."""
    inputs, outs, layers = ([base64.b64decode(text) for text in items] for items in page.ask(LAST))
    tensors = [graph.tensors[i] for i in graph.inputs]
    arrays = [
        np.frombuffer(data, tensor.dtype.numpy).reshape(tensor.shape)
        for data, tensor in zip(inputs, tensors, strict=True)
    ]
    return arrays, outs, layers


def check_inference(page: Page, graph: Any) -> tuple[Array, ...]:
    """Holds outputs and every layer of the last inference against the reference."""
    inputs, found, layers = inference(page, graph)
    right = outputs(graph, inputs)
    assert found == [value.tobytes() for value in right]
    simple = run_passes(graph)
    held = run(simple, inputs)
    wanted = [held[op.outputs[0]] for op in simple.ops]
    assert layers == [np.asarray(value).tobytes() for value in wanted]
    return right


@pytest.mark.browser
@pytest.mark.sim
class TestDigits:
    """The digits example."""

    def test_samples_equal_the_reference(self, opened: Page, digits: api.Built) -> None:
        said = opened.ask(READY)
        assert said == (
            "Equal to the reference here: every output and all 9 layers of 4 samples "
            "(compiled into the firmware)."
        )
        assert opened.ask("document.getElementById('live-equal').dataset.equal") == "4"
        check_inference(opened, digits.plan.reference_graph)

    @pytest.mark.parametrize("digit", STROKES)
    def test_drawn_digits_are_classified_as_by_the_reference(
        self, digit: int, opened: Page, digits: api.Built
    ) -> None:
        box = "document.querySelector('canvas.draw').getBoundingClientRect()"
        opened.ask("document.querySelector('canvas.draw').scrollIntoView()")
        left, top, size = opened.ask(f"(({{ x, y, width }}) => [x, y, width])({box})")
        for stroke in STROKES[digit]:
            opened.drag([(left + x * size, top + y * size) for x, y in stroke])
        (right,) = check_inference(opened, digits.plan.reference_graph)
        best = opened.ask("document.querySelector('.scores .best th').textContent")
        assert int(best) == int(np.argmax(right)) == digit

    def test_heat_maps_show_the_layers_values(self, opened: Page) -> None:
        """The readout of an element is its real value, and a map is drawn of each layer."""
        found = opened.ask("""(() => {
          const figures = [...document.querySelectorAll("#live-layers figure")];
          const canvas = figures.at(-1).querySelector("canvas");
          const press = (key) => canvas.dispatchEvent(new KeyboardEvent("keydown", { key }));
          for (let i = 0; i < 3; i++) press("ArrowRight");
          return { drawn: figures.filter((f) => f.querySelector("canvas").width > 1).length,
            said: figures.at(-1).querySelector(".range").textContent };
        })()""")
        held = opened.ask("[...values.real(live.held.outputs[0], live.last().outputs[0])]")
        assert found["drawn"] == 9
        element, _, value = found["said"].partition(": ")
        assert element == "element 3"
        assert float(value) == pytest.approx(held[3], rel=1e-3)

    @pytest.mark.parametrize("number", [1, 3])
    def test_a_sample_of_the_build_is_shown(
        self, number: int, opened: Page, digits: api.Built
    ) -> None:
        opened.ask(f"""(() => {{ const field = document.getElementById("live-sample");
          field.value = "{number}"; field.dispatchEvent(new Event("change")); }})()""")
        inputs, _, _ = inference(opened, digits.plan.reference_graph)
        live = read_live(read_report(digits.directory), digits.directory)
        assert live is not None
        assert inputs[0].tobytes() == base64.b64decode(live.samples[number].inputs[0])
        check_inference(opened, digits.plan.reference_graph)


def drop(page: Page, name: str, kind: str, content: bytes) -> str:
    """What the page says once a file was dropped on its first input."""
    data = base64.b64encode(content).decode()
    said: str = page.ask(f"""new Promise((resolve) => {{
      const bytes = values.fromBase64("{data}");
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], "{name}", {{ type: "{kind}" }}));
      const said = document.getElementById("live-said");
      said.textContent = "";
      new MutationObserver(() => resolve(said.textContent)).observe(said, {{ childList: true }});
      document.querySelector("[data-input]").dispatchEvent(
        new DragEvent("drop", {{ dataTransfer: transfer, bubbles: true, cancelable: true }}));
    }})""")
    return said


@pytest.mark.browser
@pytest.mark.sim
class TestInputs:
    """Files, camera and microphone."""

    def test_numbers_are_quantised_as_by_the_firmware(
        self, opened: Page, digits: api.Built
    ) -> None:
        graph = digits.plan.reference_graph
        reals = np.linspace(0, 1, 64).astype(np.float32)
        text = ",".join(f"{value:.9g}" for value in reals)
        assert drop(opened, "row.csv", "text/csv", text.encode()) == "row.csv"
        inputs, _, _ = inference(opened, graph)
        quant = graph.tensors[graph.inputs[0]].quant
        assert quant is not None
        steps = np.floor(np.abs(reals / np.float32(quant.scale)) + 0.5)
        assert np.array_equal(inputs[0].ravel(), np.clip(steps + quant.zero_point, -128, 127))
        check_inference(opened, graph)

    def test_a_picture_is_shrunk_to_the_input(self, opened: Page, digits: api.Built) -> None:
        Image = pytest.importorskip("PIL.Image", reason="pillow is missing")
        grey = np.zeros((8, 8), np.uint8)
        grey[2:6, 3] = 255
        content = io.BytesIO()
        Image.fromarray(np.kron(grey, np.ones((28, 28), np.uint8))).save(content, "PNG")
        assert drop(opened, "one.png", "image/png", content.getvalue()) == "one.png"
        inputs, _, _ = inference(opened, digits.plan.reference_graph)
        assert np.array_equal(inputs[0].reshape(8, 8), grey.astype(np.int16) - 128)

    @pytest.mark.parametrize(
        ("name", "kind", "content", "wanted"),
        [
            ("a.csv", "text/csv", b"1,2,3", "the file has 3 numbers, the input takes 64"),
            ("a.csv", "text/csv", b"1,two,3", "'two' is no number"),
            ("a.wav", "audio/wav", b"RIFF", "is no row of samples"),
        ],
    )
    def test_what_the_input_does_not_take_is_said(
        self, name: str, kind: str, content: bytes, wanted: str, opened: Page
    ) -> None:
        before = opened.ask(LAST)
        assert wanted in drop(opened, name, kind, content)
        assert opened.ask(LAST) == before

    def test_the_camera_feeds_the_model(self, opened: Page, digits: api.Built) -> None:
        opened.ask("""new Promise((resolve) => {
          const before = live.last();
          document.querySelector("[data-do=camera]").click();
          const look = () => live.last() === before ? setTimeout(look, 50) : resolve();
          look();
        })""")
        opened.ask("document.querySelector('[data-do=camera]').click()")
        inputs, _, _ = inference(opened, digits.plan.reference_graph)
        assert np.ptp(inputs[0].astype(int)) > 20  # the browser's own test picture
        check_inference(opened, digits.plan.reference_graph)


def wav(samples: Array, rate: int) -> bytes:
    content = io.BytesIO()
    with wave.open(content, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()
