"""Metadata in the generated header: helpers for labels and raw values, and the warning."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.small_graphs import small_network
from tests.support.running.host_c import WARNINGS, compiler
from tinyml.base import resources
from tinyml.codegen.generate import generate
from tinyml.conformance.targets import host_board
from tinyml.ir.graph import Graph
from tinyml.ir.metadata import Metadata
from tinyml.plan.planner import plan

LABELS = ("a", 'b "q" ??/', "größer", "\\")


def _with(metadata: Metadata) -> Graph:
    graph = small_network()
    return replace(graph, source=replace(graph.source, metadata=metadata))


def _header(metadata: Metadata) -> str:
    sources = generate(plan(_with(metadata), host_board()), None)
    return dict(sources.files)["small.h"]


def test_without_metadata_nothing_is_added() -> None:
    text = _header(Metadata())
    assert "label" not in text
    assert "raw" not in text
    assert "NOT CALIBRATED" not in text


def test_a_model_from_random_samples_says_so() -> None:
    assert "NOT CALIBRATED" in _header(Metadata(is_calibrated=False))


def test_what_does_not_fit_the_model_is_left_out() -> None:
    text = _header(Metadata(labels=("one", "two"), mean=(1.0, 2.0), std=(1.0, 2.0)))
    assert "label" not in text
    assert "raw" not in text
    assert "raw" not in _header(Metadata(mean=(1.0,), std=(0.0,)))


@pytest.mark.host_cc
@pytest.mark.parametrize("channels", [1, 3])
def test_helpers_do_what_they_say(channels: int, tmp_path: Path) -> None:
    mean, std = (10.0, 20.0, -5.0)[:channels], (2.0, 4.0, 0.5)[:channels]
    metadata = Metadata(labels=LABELS, mean=mean, std=std)
    (tmp_path / "small.h").write_text(_header(metadata), encoding="utf-8")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "small.h"\nint main(void)\n{\n'
        "    for (int c = 0; c < 3; ++c) {\n"
        '        printf("%d\\n", small_quantise_raw_input(12.34f, c));\n    }\n'
        '    for (int i = -1; i < 5; ++i) {\n        printf("%s\\n", small_label(i));\n    }\n}\n',
        encoding="utf-8",
    )
    firmware = resources.path("firmware")
    command = [*compiler("speed"), "-std=c11", *WARNINGS, f"-I{tmp_path}", f"-I{firmware}"]
    command += [f"-I{firmware / 'include'}", str(tmp_path / "main.c"), "-o", str(tmp_path / "main")]
    subprocess.run(command, check=True)
    done = subprocess.run([str(tmp_path / "main")], capture_output=True, check=True)
    lines = done.stdout.decode("utf-8").split("\n")
    graph = small_network()
    quant = graph.tensors[graph.inputs[0]].quant
    assert quant is not None
    for c, line in enumerate(lines[:3]):
        real = (12.34 - mean[c % channels]) / std[c % channels]
        assert int(line) == np.clip(round(real / quant.scale) + quant.zero_point, -128, 127)
    assert lines[3:] == ["", *LABELS, "", ""]
