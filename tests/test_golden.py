"""Generated files, whole, as text; and that a compiler takes them without a word."""

from __future__ import annotations

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.support.values.plans import MODEL_BYTES, sine_graph, sine_plan
from tests.support.values.small_boards import board_of
from tinyml import api
from tinyml.backends.toolchains import host_compiler, host_library
from tinyml.base import process, resources
from tinyml.codegen.generate import Sources, generate
from tinyml.target.boards import load_board

WARNINGS = [
    *("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wmissing-prototypes"),
    *("-Wvla", "-Wdouble-promotion", "-Werror"),
]
DIGITS = Path(__file__).parent.parent / "examples" / "digits" / "digits.tflite"
PROGRAM = Path(__file__).parent / "support" / "stand_ins" / "two_models.cpp"


def sine(optimize: str = "speed") -> Sources:
    return generate(sine_plan(optimize=optimize), board_of(), model_bytes=MODEL_BYTES)


def written(sources: Sources, folder: Path) -> tuple[Path, ...]:
    for name, text in sources.files:
        (folder / name).write_text(text, encoding="utf-8")
    return tuple(folder / name for name in sources.compiled)


def include_dirs(folder: Path) -> tuple[Path, ...]:
    firmware = resources.path("firmware")
    return (folder, firmware, firmware / "include")


def test_generated_files(golden: Callable[[str, str], None]) -> None:
    for name, text in sine().files:
        golden(f"sine-testboard/{name}", text)


def test_optimize_size_shares_kernels(golden: Callable[[str, str], None]) -> None:
    golden("sine-testboard-size/sine.c", sine("size").text("sine.c"))


def test_a_convolution_a_stream_and_a_dsp_layer(golden: Callable[[str, str], None]) -> None:
    """What a real model becomes: to be read, and reviewed when a kernel or the planner changes."""
    planned = api.plan(DIGITS, load_board("nucleo_l4r5zi"), api.Settings("ram"))
    text = generate(planned.plan, planned.target.board).text("digits.c")
    assert "tml_dsp_pointwise" in text or "tml_dsp_conv_2d" in text
    assert "tml_stream" in text
    golden("digits-nucleo_l4r5zi-ram/digits.c", text)


def test_generation_is_deterministic() -> None:
    assert sine() == sine()


@pytest.mark.host_cc
@pytest.mark.parametrize("optimize", ["speed", "size"])
def test_generated_c_computes_the_reference(tmp_path: Path, optimize: str) -> None:
    from tinyml.ops.reference import run

    flags = ("-O1", "-g", *WARNINGS)
    process.run(
        host_library(
            host_compiler(),
            written(sine(optimize), tmp_path),
            include_dirs(tmp_path),
            tmp_path / "sine.so",
            flags=flags,
        )
    )
    library = ctypes.CDLL(str(tmp_path / "sine.so"))
    library.sine_input.restype = library.sine_output.restype = ctypes.POINTER(ctypes.c_int8)
    assert library.sine_init() == 0
    graph = sine_graph()
    for value in range(-128, 128, 5):
        library.sine_input()[0] = value
        library.sine_invoke()
        wanted = run(graph, [np.array([[value]], np.int8)])[graph.outputs[0]]
        assert library.sine_output()[0] == int(wanted[0, 0])


@pytest.mark.host_cc
def test_headers_are_cpp_and_two_models_live_together(tmp_path: Path) -> None:
    compiler = host_compiler()
    two = sine()
    for name, text in two.files:
        (tmp_path / name).write_text(text)
        (tmp_path / name.replace("sine", "other")).write_text(
            text.replace("sine", "other").replace("SINE", "OTHER")
        )
    folders = [f"-I{folder}" for folder in include_dirs(tmp_path)]
    common = [*folders, *(w for w in WARNINGS if w != "-Wmissing-prototypes")]
    objects = []
    for source in ("sine.c", "sine_weights.c", "other.c", "other_weights.c", "sine_tflite.c"):
        objects.append(str(tmp_path / f"{source}.o"))
        subprocess.run(
            [*compiler, "-std=c11", *common, "-c", str(tmp_path / source), "-o", objects[-1]],
            check=True,
        )
    cpp = ["-x", "c++", "-std=c++17", *common, "-c", str(PROGRAM)]
    subprocess.run([*compiler, *cpp, "-o", str(tmp_path / "main.o")], check=True)
    program = str(tmp_path / "two")
    subprocess.run([*compiler, str(tmp_path / "main.o"), *objects, "-o", program], check=True)
    assert subprocess.run([program], check=False).returncode == 0
