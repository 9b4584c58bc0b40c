"""``inspect`` told nothing of a model that cannot be compiled but the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.models.small_graphs import GraphBuilder
from tinyml import api
from tinyml.base.errors import ModelError
from tinyml.cli import cli
from tinyml.convert import flatfile
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.options import Options
from tinyml.model.writer import write
from tinyml.ops.lookup import NoAttrs


def refused() -> Graph:
    """A LOGISTIC whose output has a zero point that TFLM refuses."""
    b = GraphBuilder()
    given = b.value("x", (1, 4))
    b.op("LOGISTIC", (given,), b.value("y", (1, 4), (0.25, 1)), NoAttrs())
    return b.graph((given,), (1,))


def test_a_model_that_is_refused_is_shown_and_the_reason_told(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(write(refused()))
    shown = CliRunner().invoke(cli, ["inspect", str(path)])
    assert shown.exit_code == 0, shown.output
    assert "LOGISTIC" in shown.output
    assert "cannot be compiled: m.tflite: 1 unsupported thing(s)" in shown.output
    graph, error = api.inspect(path)
    assert [op.kind for op in graph.ops] == ["LOGISTIC"]
    assert error is not None


def test_what_is_no_model_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "m.tflite"
    path.write_bytes(b"no model at all")
    with pytest.raises(ModelError, match="is not a"):
        api.inspect(path)


@pytest.mark.parametrize(
    ("name", "said"), [("ethos-u", "Ethos-U"), ("edgetpu-custom-op", "Edge TPU")]
)
def test_a_model_that_is_compiled_for_an_accelerator_is_called_so(name: str, said: str) -> None:
    b = GraphBuilder()
    given = b.value("x", (1, 4))
    b.op(f"CUSTOM {name}", (given,), b.value("y", (1, 4)), Options())
    data = flatfile.write(b.graph((given,), (1,)))
    with pytest.raises(ModelError, match=f"compiled for .*{said}"):
        api.load(model_file("m.tflite", data))
