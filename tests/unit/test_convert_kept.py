"""A framework is not started for what it has read or computed before; anything else is new."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyml.base.errors import ModelError
from tinyml.convert import kept
from tinyml.convert.environment import Child
from tinyml.convert.importers.values import ImportOptions, Source

OPTIONS = ImportOptions()


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the process was asked for; it answers with numbers that tell the times apart."""
    calls: list[str] = []
    monkeypatch.setenv("TINYML_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(kept, "_versions", lambda importer: {"framework": "1.0"})

    def answer(child: Child, task: dict[str, Any], options: ImportOptions) -> dict[str, Any]:
        calls.append("run" if "samples" in task else "import")
        if (path := Path(task["path"])).is_file() and path.read_bytes() == b"damaged":
            return {"kind": "ModelError", "error": "no model", "hint": "", "where": ""}
        np.savez(child.folder / "outputs.npz", **{"0_0": np.array(len(calls))})
        (child.folder / "model.tflite").write_bytes(b"%d" % len(calls))
        return {"outputs": 1, "call": len(calls)}

    monkeypatch.setattr(Child, "_asked", answer)
    monkeypatch.setattr(
        "tinyml.convert.environment.imported_from_json", lambda result, data: (result, data)
    )
    return calls


@pytest.fixture
def imported(tmp_path: Path, asked: list[str]) -> Callable[..., bytes]:
    (tmp_path / "m.keras").write_bytes(b"model")

    def call(path: Path = tmp_path / "m.keras", entry: str = "", **given: Any) -> bytes:
        folder = tmp_path / f"child{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        child, options = Child("keras", folder), replace(OPTIONS, **given)
        result: Any = child.import_model(Source(path, entry), options)
        data: bytes = result[1]
        return data

    return call


def test_the_same_model_is_read_once(imported: Callable[..., bytes], tmp_path: Path) -> None:
    assert imported() == imported() == b"1"
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "m.keras").write_bytes(b"model")
    assert imported(tmp_path / "copy" / "m.keras") == b"1"


def test_another_content_option_version_or_code_is_read_anew(
    imported: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert imported() == b"1"
    assert imported(input_shapes=((1, 8),)) == b"2"
    assert imported(is_trusted=True) == b"3"
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"a")
    assert imported(weights=weights) == b"4"
    weights.write_bytes(b"b")
    assert imported(weights=weights) == b"5"
    (tmp_path / "m.keras").write_bytes(b"Model")
    assert imported() == b"6"
    monkeypatch.setattr(kept, "_versions", lambda importer: {"framework": "1.1"})
    assert imported() == b"7"
    monkeypatch.setattr(kept, "_code", lambda: "another importer")
    assert imported() == b"8"
    assert imported() == b"8"


def test_a_folder_is_all_of_its_files(imported: Callable[..., bytes], tmp_path: Path) -> None:
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "variables" / "data").write_bytes(b"1")
    assert imported(folder) == b"1"
    assert imported(folder) == b"1"
    (folder / "variables" / "data").write_bytes(b"2")
    assert imported(folder) == b"2"
    (folder / "variables" / "data").rename(folder / "data")
    assert imported(folder) == b"3"


def test_python_files_and_other_environments_are_always_asked(
    imported: Callable[..., bytes], tmp_path: Path
) -> None:
    (tmp_path / "net.py").write_text("import mine")
    assert imported(tmp_path / "net.py", "build") == b"1"
    assert imported(tmp_path / "net.py", "build") == b"2"
    assert imported(python=Path("python3")) == b"3"
    assert imported(python=Path("python3")) == b"4"


def test_outputs_belong_to_their_samples(tmp_path: Path, asked: list[str]) -> None:
    source = Source(tmp_path / "m.keras", "")
    source.path.write_bytes(b"model")

    def run(value: float) -> int:
        folder = tmp_path / f"child{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        samples = [(np.full((1, 4), value, np.float32),)]
        ((found,),) = Child("keras", folder).outputs(source, OPTIONS, samples)
        return int(found)

    assert [run(0.5), run(0.5), run(0.25), run(0.5)] == [1, 1, 2, 1]
    assert asked == ["run", "run"]


def test_an_error_is_never_kept(
    imported: Callable[..., bytes], tmp_path: Path, asked: list[str]
) -> None:
    (tmp_path / "m.keras").write_bytes(b"damaged")
    for _ in range(2):
        with pytest.raises(ModelError, match="no model"):
            imported()
    assert len(asked) == 2


def test_what_is_damaged_in_the_cache_is_made_anew(
    imported: Callable[..., bytes], tmp_path: Path
) -> None:
    assert imported() == b"1"
    (entry,) = (tmp_path / "cache" / "imports").iterdir()
    (entry / kept.RESULT).write_text("{")
    assert imported() == b"2"
    assert imported() == b"2"
    (entry / kept.MADE).write_bytes(b"7")  # a wrong model would be converted in silence
    assert imported() == b"3"
    (entry / kept.RESULT).write_text('{"made": "model.tflite", "result": [], "sha256": ""}')
    assert imported() == b"4"
    (entry / kept.MADE).unlink()
    assert imported() == b"5"


def test_few_results_are_kept(
    imported: Callable[..., bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "KEPT", 3)
    for number in range(6):
        (tmp_path / "m.keras").write_bytes(b"%d" % number)
        imported()
    assert len(list((tmp_path / "cache" / "imports").iterdir())) == 3
    assert json.loads(next((tmp_path / "cache" / "imports").glob("*/result.json")).read_text())
