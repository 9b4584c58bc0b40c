"""Layers on ESP-NN, run on this machine: over a stand-in, or over a checkout of the library.

``TINYML_ESP_NN=/path/to/esp-nn`` adds to the tests the library's portable kernels, and its C for
the ESP32-S3 over portable bodies for what it has in assembler.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.models.cases import Vector
from tests.support.running.host_c import compile_plan, compiler, run_program
from tests.support.values.plans import sharing
from tinyml.base import process, resources
from tinyml.base.process import Command
from tinyml.conformance.targets import host_board
from tinyml.ir.graph import Graph
from tinyml.plan.planner import plan
from tinyml.plan.values import Plan
from tinyml.plan.verify import verify

STAND_IN = Path(__file__).parents[1] / "stand_ins" / "esp_nn"
CHECKOUT = os.environ.get("TINYML_ESP_NN")
LIBRARIES = ("stand-in", "portable", "esp32s3")
S3_SOURCES = (
    "convolution/esp_nn_conv_esp32s3.c",
    "convolution/esp_nn_depthwise_conv_s8_esp32s3.c",
    "convolution/esp_nn_depthwise_conv_opt.c",
    "fully_connected/esp_nn_fully_connected_esp32s3.c",
)
S3_NAMES = ("add_elementwise", "mul_elementwise", "avg_pool", "max_pool")  # all in assembler
needs_checkout = pytest.mark.skipif(not CHECKOUT, reason="TINYML_ESP_NN names no checkout")


def esp_nn_plan(graph: Graph, *, optimize: str = "speed") -> Plan:
    """The plan of a graph for a board of this machine with ESP-NN; kernels are shared for size."""
    board = host_board()
    board = replace(board, chip=replace(board.chip, isa=("esp_nn",)))
    made = plan(graph, board, optimize="speed")
    verify(made, board)
    return sharing(replace(made, optimize=optimize)) if optimize == "size" else made


def run_on_esp_nn(
    made: Plan, vectors: Sequence[Vector], folder: Path, library: str
) -> list[Vector]:
    """The outputs of a plan's C over one of LIBRARIES."""
    build = {"stand-in": _stand_in, "portable": _portable, "esp32s3": _esp32s3}[library]
    return run_program(compile_plan(made, folder, *build(folder)), made.graph, vectors)


def _stand_in(folder: Path) -> tuple[str, ...]:
    include = resources.path("firmware") / "include"
    return _compiled(folder, [STAND_IN / "esp_nn.c"], STAND_IN, include, "-Wall", "-Wextra")


def _portable(folder: Path) -> tuple[str, ...]:
    root = Path(str(CHECKOUT))
    sources = sorted((root / "src").rglob("*_ansi.c"))
    return _compiled(folder, sources, root / "include", root / "src" / "common", "-w")


def _esp32s3(folder: Path) -> tuple[str, ...]:
    """The library's C for that chip; names that it has in assembler only are the portable ones."""
    root = Path(str(CHECKOUT))
    sources = [*sorted((root / "src").rglob("*_ansi.c")), STAND_IN / "assembler.c"]
    sources += [root / "src" / name for name in S3_SOURCES]
    include = resources.path("firmware") / "include"
    words = _compiled(folder, sources, root / "include", root / "src" / "common", include, "-w")
    same = (f"-Desp_nn_{name}_s8_esp32s3=esp_nn_{name}_s8_ansi" for name in S3_NAMES)
    return (*words, "-DCONFIG_NN_OPTIMIZED", "-DCONFIG_IDF_TARGET_ESP32S3", *same)


def _compiled(folder: Path, sources: Sequence[Path], *words: Path | str) -> tuple[str, ...]:
    """Objects of the library, and where its headers are."""
    flags = [f"-I{word}" if isinstance(word, Path) else word for word in words]
    objects = []
    for source in sources:
        objects.append(str(folder / f"{source.stem}.o"))
        command = (*compiler("speed"), *flags, "-c", str(source), "-o", objects[-1])
        process.run(Command(command))
    return (*objects, "-lm", *(flag for flag in flags if flag.startswith("-I")))
