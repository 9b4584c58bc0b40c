"""The page of a build with its live part, opened in Chromium: what tests ask it."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.running.chromium import Page
from tests.support.values.reports import report_of
from tests.support.values.small_boards import small_board
from tinyml import api
from tinyml.ir.graph import Array, Graph
from tinyml.ops.reference import outputs, run
from tinyml.passes import run_passes
from tinyml.project.live import complete_live, live_of
from tinyml.report.around import Around
from tinyml.report.page import render, write_page
from tinyml.report.report import read_report

DIGITS = Path(__file__).parents[3] / "examples" / "digits"
READY = "live.ready.then(() => document.getElementById('live-equal').textContent)"
LAST = """(() => {
  const text = (bytes) => btoa(String.fromCharCode(...bytes));
  const { inputs, outputs, layers } = live.last();
  return [inputs, outputs, layers].map((items) => items.map(text));
})()"""


def report_page(build: Path) -> Path:
    """The page of a build with its live part."""
    report = read_report(build)
    complete_live(report, build)
    return write_page(report, build)


def page_of(graph: Graph, folder: Path) -> Path:
    """The page of a graph that is in no file, with its live part."""
    board = small_board(sram=1 << 22)
    report = report_of(graph, board)
    folder.mkdir(exist_ok=True)
    live = live_of(graph, board, report)
    path = folder / "report.html"
    path.write_text(render(report, Around(live=live)), encoding="utf-8")
    return path


def digits_with_page(folder: Path) -> api.Built:
    """The digits example in a build directory, with samples compiled in and a live part."""
    settings = api.Settings(compiled_inputs=DIGITS / "test.npz", directory=folder)
    built = api.build(DIGITS / "digits.tflite", api.load_board("nucleo_l4r5zi"), settings)
    report_page(folder)
    return built


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
