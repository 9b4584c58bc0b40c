"""The process of a framework: it does several tasks, and ends with the block or by itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.nets.float_graphs import single_op
from tinyml.base.errors import ToolError
from tinyml.convert import flatfile
from tinyml.convert.child import next_task, written
from tinyml.convert.environment import child_of
from tinyml.convert.importers.values import ImportOptions, Source
from tinyml.convert.runners import float_runner


@pytest.fixture(autouse=True)
def nothing_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another run has kept would need no process."""
    monkeypatch.setenv("TINYML_CACHE_DIR", str(tmp_path / "cache"))


def test_one_process_imports_and_runs(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert (tinyml[quantize]) is missing")
    data = flatfile.write(single_op("RELU"))
    source = Source(tmp_path / "m.tflite")
    source.path.write_bytes(data)
    shape = single_op("RELU").tensors[0].shape
    sample = (np.arange(-9, np.prod(shape) - 9, dtype=np.float32).reshape(shape),)
    with child_of("tflite") as child:
        imported = child.import_model(source, ImportOptions())
        running = child.running
        found = child.outputs(source, ImportOptions(), [sample, sample])
        assert child.running is running
        assert running is not None
        assert not running.done()
    assert running.done()
    assert not child.folder.exists()
    for (value,) in (*found, float_runner(imported.data).outputs(sample)):
        np.testing.assert_array_equal(value, np.maximum(sample[0], 0))


@pytest.mark.skipif(sys.platform == "win32", reason="scripts are no programs there")
def test_a_process_that_ends_between_two_tasks_is_reported(tmp_path: Path) -> None:
    program = tmp_path / "python"
    answer = {"kind": "ModelError", "error": "no", "hint": "", "where": ""}
    code = "import pathlib, sys\n"
    code += f"(pathlib.Path(sys.argv[2]).parent / 'result.json').write_text({json.dumps(answer)!r})"
    program.write_text(f"#!{sys.executable}\n{code}\n")
    program.chmod(0o755)
    options = ImportOptions(python=program)
    with child_of("tflite") as child:
        with pytest.raises(Exception, match="no"):
            child.import_model(Source(tmp_path / "m"), options)
        with pytest.raises(ToolError, match="ended without a result"):
            child.outputs(Source(tmp_path / "m"), options, [])


def test_a_process_does_not_wait_for_a_parent_that_is_gone(tmp_path: Path) -> None:
    assert next_task(tmp_path / "gone" / "task1.json") is None
    written(tmp_path / "task1.json", None)
    assert next_task(tmp_path / "task1.json") is None
    written(tmp_path / "task1.json", {"importer": "keras"})
    assert next_task(tmp_path / "task1.json") == {"importer": "keras"}
