"""The ESP-IDF project with esp-tflite-micro: as text, its manifest, its C++ against a stand-in."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.projects.test_cmake_tflm import ARM, WARNINGS, needs_arm
from tests.support.running.esp_idf import known_settings, read_sdkconfig
from tests.support.running.tflm_tree import API, tflm_project
from tests.support.values.projects import golden_text, listing
from tinyml.base.errors import PlanError
from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Op, Quant, Source, Tensor
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.target.boards import load_board
from tinyml.target.template import load_template
from tinyml.tflm import esp
from tinyml.tflm.graphs import Outline
from tinyml.tflm.layer import Layer
from tinyml.tflm.planner import kernels_for, plan

TEMPLATE = "esp_idf_tflm"
BOARDS = ("esp32s3", "esp32c3")
# (depthwise, height, width, channels, kernel_h, kernel_w, stride, is_same, outputs) → bytes, as
# the functions esp_nn_get_…_scratch_size of ESP-NN 1.2.3 say.
SCRATCH = {
    (False, 25, 5, 64, 1, 1, 1, True, 64): 5184,
    (False, 3, 2, 12, 1, 1, 1, True, 8): 288,
    (False, 96, 96, 3, 3, 3, 2, True, 8): 416,
    (False, 32, 32, 16, 3, 3, 1, True, 16): 41728,
    (False, 8, 8, 20, 3, 3, 2, False, 4): 2000,
    (False, 9, 7, 2, 2, 2, 1, True, 3): 524,
    (True, 25, 5, 64, 3, 3, 1, True, 64): 12688,
    (True, 48, 48, 16, 3, 3, 2, True, 16): 40160,
    (True, 96, 96, 16, 3, 3, 1, True, 16): 4864,
    (True, 10, 10, 24, 3, 3, 1, True, 24): 9824,
    (True, 10, 10, 8, 3, 3, 1, True, 8): 1776,
    (True, 10, 10, 8, 5, 5, 1, True, 8): 2032,
    (True, 60, 60, 8, 5, 5, 1, True, 8): 5232,
    (True, 9, 7, 10, 3, 3, 1, False, 10): 3072,
    (True, 9, 7, 3, 3, 3, 1, True, 12): 626,
    (True, 9, 7, 3, 3, 3, 1, True, 3): 32,
    (True, 12, 12, 16, 3, 3, 1, False, 16): 160,
}


def layer_of(shape: tuple[Any, ...]) -> Layer:
    is_depthwise, height, width, channels, kernel_h, kernel_w, stride, is_same, outputs = shape
    sizes = [
        -(-size // stride) if is_same else (size - kernel) // stride + 1
        for size, kernel in ((height, kernel_h), (width, kernel_w))
    ]
    padding, multiplier = "SAME" if is_same else "VALID", outputs // channels
    filters = (1 if is_depthwise else outputs, kernel_h, kernel_w)
    shapes = (
        (1, height, width, channels),
        (*filters, outputs if is_depthwise else channels),
        (1, *sizes, outputs),
    )
    tensors = tuple(Tensor("t", INT8, item, Quant((0.1,), (3,))) for item in shapes)
    attrs: Any = Conv2dAttrs(padding, stride, stride)
    if is_depthwise:
        attrs = DepthwiseConv2dAttrs(padding, stride, stride, multiplier)
    kind = "DEPTHWISE_CONV_2D" if is_depthwise else "CONV_2D"
    op = Op(kind, "layer", (0, 1), (2,), attrs)
    graph = Graph("m", Source("m.tflite", "0" * 64, 0), tensors, (op,), (0,), (2,))
    return Layer(Outline(graph, ({"DepthMultiplier": multiplier},), frozenset(), b""), 0)


@pytest.mark.parametrize("shape", SCRATCH, ids=str)
def test_scratch_is_what_esp_nn_asks_for(shape: tuple[Any, ...]) -> None:
    size = esp.depthwise if shape[0] else esp.convolution
    assert size(layer_of(shape)) == SCRATCH[shape]


def test_layers_that_esp_nn_computes_wrong_are_refused() -> None:
    """Stride 2 with more padding behind than before: esp-nn issue 31."""
    model = layer_of((False, 10, 10, 16, 5, 5, 2, True, 4)).outline
    with pytest.raises(PlanError, match=r"known to compute 1 layer\(s\) wrong") as caught:
        plan(model, load_board("esp32s3"), optimize="balanced")
    assert "CONV_2D 'layer' (op 0)" in str(caught.value)
    assert caught.value.hint == "--runtime aot computes them with kernels of ours"


def test_kernels_of_the_chips() -> None:
    assert kernels_for(load_board("esp32s3")).isa == "pie"
    assert kernels_for(load_board("esp32c3")).isa == ""


def test_project_as_text(tmp_path: Path, golden: Callable[[str, str], None]) -> None:
    project = tflm_project(tmp_path, board="esp32s3", template=TEMPLATE)
    golden(f"projects/{TEMPLATE}/files.txt", listing(tmp_path))
    for _, name in load_template(TEMPLATE).named("sine").files:
        golden(f"projects/{TEMPLATE}/{name}", golden_text(project, name))


@pytest.mark.parametrize("board", BOARDS)
def test_manifest_and_settings(tmp_path: Path, board: str) -> None:
    tflm_project(tmp_path, board=board, template=TEMPLATE)
    component = tmp_path / "components" / "sine_model"
    manifest = yaml.safe_load((component / "idf_component.yml").read_text(encoding="utf-8"))
    assert manifest["dependencies"] == {
        "idf": ">=5.1",
        "espressif/esp-tflite-micro": "~1.4.0",
        "espressif/esp-nn": f"=={esp.VERSION}",
    }
    settings = read_sdkconfig((tmp_path / "sdkconfig.defaults").read_text(encoding="utf-8"))
    assert settings["IDF_TARGET"] == board
    assert settings.keys() <= known_settings().keys()


def test_the_component_lists_every_file_it_has(tmp_path: Path) -> None:
    tflm_project(tmp_path, board="esp32s3", template=TEMPLATE)
    component = tmp_path / "components" / "sine_model"
    text = (component / "CMakeLists.txt").read_text(encoding="utf-8")
    files = {path for path in component.rglob("*") if path.suffix in (".c", ".cpp")}
    assert {"sine.cpp", "sine_tflite.c"} <= {path.name for path in files}
    for path in files:
        assert f"        {path.relative_to(component).as_posix()}\n" in text
    assert not list(component.rglob("tml_tflm_log.cpp")), "the component brings its own DebugLog"


@needs_arm
@pytest.mark.parametrize("agent", [True, False])
def test_the_glue_compiles_for_32_bits(tmp_path: Path, agent: bool) -> None:
    project = tflm_project(tmp_path, board="esp32s3", template=TEMPLATE, agent=agent)
    component = tmp_path / "components" / "sine_model"
    folders = (API, component, component / "firmware", component / "firmware" / "include")
    command = ["arm-none-eabi-g++", *ARM, *WARNINGS, "-fno-short-enums", "-DTML_PAUSE=1"]
    command += [f"-D{name}={value}" for name, value in project.defines]
    command += [f"-I{folder}" for folder in folders]
    command += ["-fsyntax-only", str(component / "sine.cpp")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("idf.py") is None, reason="idf.py is not on PATH")
def test_idf_builds_it(tmp_path: Path) -> None:
    project = tflm_project(tmp_path, board="esp32s3", template=TEMPLATE)
    subprocess.run(["idf.py", "build"], cwd=project.directory, check=True)
