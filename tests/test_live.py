"""The live part of a report in headless Chromium: equal to the reference, quiet, from a file."""

from __future__ import annotations

import base64
import io
import json
import math
import shutil
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tests.support.models.cases import FOLDER, load_batch
from tests.support.models.small_graphs import GraphBuilder, small_network
from tests.support.running.chromium import Page, chromium
from tests.support.running.live_page import (
    DIGITS,
    LAST,
    READY,
    check_inference,
    digits_with_page,
    inference,
    page_of,
    report_page,
)
from tinyml import api
from tinyml.base.errors import ToolMissing
from tinyml.cli import cli
from tinyml.ir.graph import Array, Graph
from tinyml.model.file import read_model
from tinyml.model.reader import load
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.ops.reference import outputs, sequence
from tinyml.project import live as making
from tinyml.project.live import live_plan, wasm_module
from tinyml.report.around import Around
from tinyml.report.live import FILE_NAME, input_kind, read_live, write_live
from tinyml.report.page import render
from tinyml.report.report import read_report

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "tests" / "models"
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


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> api.Built:
    return digits_with_page(tmp_path_factory.mktemp("live") / "build")


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


@pytest.mark.browser
@pytest.mark.sim
class TestDigits:
    """The digits example."""

    def test_samples_equal_the_reference(self, opened: Page, digits: api.Built) -> None:
        said = opened.ask(READY)
        assert said == (
            "Equal to the reference here: every element of all outputs and 9 layers, on 4 samples "
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
        found = opened.ask("""(async () => {
          document.getElementById("live-layers").open = true;
          await new Promise((done) => setTimeout(done, 50)); // the event comes later
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
        pillow = pytest.importorskip("PIL.Image", reason="pillow is missing")
        grey = np.zeros((8, 8), np.uint8)
        grey[2:6, 3] = 255
        content = io.BytesIO()
        pillow.fromarray(np.kron(grey, np.ones((28, 28), np.uint8))).save(content, "PNG")
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


def sound_network(samples: int) -> Graph:
    """A row of samples -> three scores."""
    b = GraphBuilder()
    sound = b.value("sound", (1, samples), (1 / 100, 5))
    dense = b.value("dense", (1, 3), (0.5, 0))
    operands = (sound, b.weights("w", (3, samples), 0, 3), b.bias("bias", 3))
    b.op("FULLY_CONNECTED", operands, dense, FullyConnectedAttrs())
    return b.graph((sound,), (dense,))


@pytest.mark.browser
@pytest.mark.slow
def test_a_model_of_sounds_takes_wav_and_microphone(page: Page, tmp_path: Path) -> None:
    graph = sound_network(4000)
    page.complaints.clear()
    page.open(page_of(graph, tmp_path))
    assert page.ask(READY).startswith("Equal to the reference here")
    wave_form = (np.sin(np.arange(3000) / 20) * 20000).astype(np.int16)
    said = drop(page, "tone.wav", "audio/wav", wav(wave_form, 16000))
    assert said == "tone.wav: 0.19 s; the first 0.25 s were taken"
    inputs, _, _ = inference(page, graph)
    right = np.zeros(4000)
    right[:3000] = wave_form / 32768
    quant = graph.tensors[graph.inputs[0]].quant
    assert quant is not None
    real = (inputs[0].ravel().astype(int) - quant.zero_point) * quant.scale
    low, high = (quant.scale * (end - quant.zero_point) for end in (-128, 127))
    # -1 and +1 are the ends of the input's range.
    assert real == pytest.approx(low + (right + 1) / 2 * (high - low), abs=quant.scale)
    check_inference(page, graph)
    assert "is no picture" in drop(page, "a.png", "image/png", b"")
    page.ask("""new Promise((resolve) => {
      const before = live.last();
      document.querySelector("[data-do=microphone]").click();
      const look = () => live.last() === before ? setTimeout(look, 50) : resolve();
      look();
    })""")
    page.ask("document.querySelector('[data-do=microphone]').click()")
    check_inference(page, graph)
    assert page.complaints == []


OPERATORS = (
    *("assign_variable", "cast", "conv_2d", "div", "exp", "resize_bilinear", "softmax", "svdf"),
    "unidirectional_sequence_lstm",
)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_equal_the_reference(operator: str, page: Page, tmp_path: Path) -> None:
    """Integers, floats, 64 bits, state: all rows of an operator as one model."""
    page.complaints.clear()
    page.open(page_of(load_batch([FOLDER / f"{operator}.toml"]).graph, tmp_path))
    assert page.ask(READY).startswith("Equal to the reference here")
    assert page.complaints == []


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("operator", ["read_variable", "svdf"])
def test_state_goes_on_in_streaming_models_alone(operator: str, page: Page, tmp_path: Path) -> None:
    graph = load_batch([FOLDER / f"{operator}.toml"]).graph
    assert graph.variables
    page.open(page_of(graph, tmp_path))
    page.ask(READY)
    again = """(() => { const field = document.getElementById("live-sample");
      field.value = "1"; field.dispatchEvent(new Event("change")); })()"""
    found, inputs = [], []
    for _ in range(2):
        page.ask(again)
        arrays, outs, _ = inference(page, graph)
        inputs.append(arrays)
        found.append(outs)
    if graph.is_streaming:
        page.ask("document.querySelector('[data-do=reset]').click()")
        found.append(inference(page, graph)[1])
        # Before the two the page showed the first sample.
        shown = page.ask("live.held.samples[0].inputs")
        tensors = [graph.tensors[i] for i in graph.inputs]
        first = [
            np.frombuffer(base64.b64decode(text), tensor.dtype.numpy).reshape(tensor.shape)
            for text, tensor in zip(shown, tensors, strict=True)
        ]
        right = [*sequence(graph, [first, *inputs])[1:], *sequence(graph, inputs[:1])]
        assert found[0] != found[2]
    else:
        right = [outputs(graph, inputs[0])] * 2
    assert found == [[value.tobytes() for value in values] for values in right]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("model", sorted(MODELS.glob("*.tflite")), ids=lambda path: path.stem)
def test_real_models_equal_the_reference(model: Path, page: Page, tmp_path: Path) -> None:
    page.complaints.clear()
    graph = load(read_model(model))
    page.open(page_of(graph, tmp_path))
    assert page.ask(READY).startswith("Equal to the reference here")
    check_inference(page, graph)
    assert page.complaints == []


@pytest.mark.browser
@pytest.mark.sim
def test_a_wrong_layer_is_named(page: Page, digits: api.Built, tmp_path: Path) -> None:
    report = read_report(digits.directory)
    live = read_live(report, digits.directory)
    assert live is not None
    first, second, *rest = live.samples
    layers = tuple(sum_ + (number == 4) for number, sum_ in enumerate(second.layers))
    wrong = replace(live, samples=(first, replace(second, layers=layers), *rest))
    path = tmp_path / "report.html"
    path.write_text(render(report, Around(live=wrong)), encoding="utf-8")
    page.open(path)
    said = page.ask(READY)
    assert said.startswith("Sample 1 differs from the reference, first in layer 4.")


@pytest.mark.browser
@pytest.mark.sim
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_sticks_out_and_paper_has_no_controls(
    width: int, page: Page, digits: api.Built
) -> None:
    page.open(digits.directory / "report.html", width=width)
    page.ask(READY)
    question = """(() => {
      const right = (e) => e.getBoundingClientRect().right;
      const inside = [...document.querySelectorAll("#live *")].filter((e) => !e.closest(".scroll"));
      return { content: document.documentElement.scrollWidth,
        out: inside.filter((e) => right(e) > innerWidth + 1).map((e) => e.outerHTML.slice(0, 80)) };
    })()"""
    assert page.ask(question) == {"content": width, "out": []}
    page.call("Emulation.setEmulatedMedia", media="print")
    height = page.ask("document.getElementById('live').offsetHeight")
    page.call("Emulation.setEmulatedMedia", media="")
    assert height == 0


@pytest.mark.browser
def test_what_is_no_script_of_the_page_does_not_run(page: Page, tmp_path: Path) -> None:
    """A script in the text of a page is blocked, and so is whatever would be fetched."""
    html = page_of(small_network(), tmp_path).read_text(encoding="utf-8")
    added = "<script>globalThis.evil = 1</script><img src='https://example.invalid/a.png'>"
    path = tmp_path / "changed.html"
    path.write_text(html.replace("<main>", f"<main>{added}"), encoding="utf-8")
    page.open(path)
    page.ask(READY)
    assert page.ask("typeof evil") == "undefined"
    blocked = [json.loads(text)["entry"]["text"] for text in page.complaints if "entry" in text]
    assert len(blocked) == 2
    assert all("Content Security Policy" in text for text in blocked)
    page.complaints.clear()


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((1, 28, 28, 1), "image"),
        ((1, 28, 28), "image"),
        ((96, 96, 3), "image"),
        ((1, 16000), "sound"),
        ((1, 1, 16000, 1), "sound"),
        ((1, 49, 10, 1), "values"),
        ((1, 96, 320, 3), "values"),
        ((1, 120, 320, 3), "image"),
        ((1, 4, 4, 1), "values"),
        ((1, 640), "values"),
        ((1, 32, 32, 16), "values"),
        ((1,), "values"),
        ((), "values"),
    ],
)
def test_what_an_input_is_fed_with(shape: tuple[int, ...], kind: str) -> None:
    assert input_kind(shape) == kind


@pytest.mark.sim
def test_a_page_without_it(digits: api.Built, tmp_path: Path) -> None:
    build = tmp_path / "build"
    shutil.copytree(digits.directory, build)
    page = build / "report.html"
    command = ["report", str(build)]
    assert CliRunner().invoke(cli, [*command, "--no-live"]).exit_code == 0
    without = page.read_text(encoding="utf-8")
    assert "wasm-unsafe-eval" not in without
    assert 'id="live"' not in without
    assert not (build / FILE_NAME).exists()
    refused = CliRunner().invoke(cli, [*command, "--no-live", "--inputs", "a.npz"])
    assert "--inputs are samples of the live part" in refused.output
    given = [*command, "--inputs", str(DIGITS / "test.npz")]
    assert CliRunner().invoke(cli, given).exit_code == 0
    text = page.read_text(encoding="utf-8")
    assert "wasm-unsafe-eval" in text
    live = read_live(read_report(build), build)
    assert live is not None
    assert live.samples_from == "test.npz"
    assert len({sample.label for sample in live.samples}) == 8  # the first of each class
    assert CliRunner().invoke(cli, command).exit_code == 0
    assert read_live(read_report(build), build) == live  # of the same build: it stays
    grown = len(text) - len(without)
    assert abs(grown - live.page_bytes()) < 12_000  # besides data and script there are its tags
    assert f"Live part: {round(live.page_bytes() / 1024)} KB." in text


@pytest.mark.sim
def test_a_damaged_file_is_made_again(digits: api.Built, tmp_path: Path) -> None:
    report = read_report(digits.directory)
    live = read_live(report, digits.directory)
    assert live is not None
    write_live(live, tmp_path)
    assert read_live(report, tmp_path) == live
    text = (tmp_path / FILE_NAME).read_text(encoding="utf-8")
    for damaged in (text[:100], text.replace("AGFzbQ", "AGFzbR"), "[]", ""):
        (tmp_path / FILE_NAME).write_text(damaged, encoding="utf-8")
        assert read_live(report, tmp_path) is None
    other = replace(live, board="another")
    write_live(other, tmp_path)
    assert read_live(report, tmp_path) is None


@pytest.mark.sim
def test_a_large_model_is_left_out(
    digits: api.Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = tmp_path / "build"
    shutil.copytree(digits.directory, build)
    (build / FILE_NAME).unlink()
    monkeypatch.setattr(making, "MOST_BYTES", 10 << 10)
    page = report_page(build).read_text(encoding="utf-8")
    assert "as WebAssembly the model takes 13 KB, a page has room for 10 KB." in page


@pytest.mark.sim
def test_what_is_missing_is_said(
    digits: api.Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the compiler the page says what to install; a board can be measured all the same."""

    def missing() -> None:
        raise ToolMissing(
            "the Python package 'ziglang' is not installed", hint="pip install ziglang"
        )

    build = tmp_path / "build"
    shutil.copytree(digits.directory, build)
    (build / FILE_NAME).unlink()
    monkeypatch.setattr(making, "zig", missing)
    page = report_page(build).read_text(encoding="utf-8")
    assert (
        "The model cannot be tried on this page: the Python package &#39;ziglang&#39; is not "
        "installed (pip install ziglang)."
    ) in page
    assert 'id="board"' in page
    assert "wasm-unsafe-eval" not in page
    monkeypatch.undo()
    assert "wasm-unsafe-eval" in report_page(build).read_text(encoding="utf-8")


def test_the_same_model_gives_the_same_module() -> None:
    graph = load(read_model(DIGITS / "digits.tflite"))
    board = api.load_board("esp32c3")
    made = live_plan(graph, board)
    assert wasm_module(made) == wasm_module(live_plan(graph, board))
    kernels = {step.call.function for step in made.steps if step.call}
    assert "tml_softmax_s8" in kernels
