"""The examples on quantisation do what docs/quantization.md says."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.convert.conftest import Warm

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"

NEEDED = ("tensorflow", "ai_edge_litert", "sklearn", "tflite_micro")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


def _run(*words: str, cwd: Path, python: Path = Path(sys.executable)) -> str:
    done = subprocess.run(
        [str(python), *words], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, warm: Warm) -> Path:
    folder = tmp_path_factory.mktemp("quantization")
    script = str(EXAMPLES / "quantization" / "make.py")
    _run(script, str(folder), cwd=folder, python=warm("keras"))
    return folder


def _numbers(text: str, name: str) -> list[float]:
    line = next(line for line in text.splitlines() if name in line)
    return [float(number) for number in re.findall(r"\b[01]\.\d{4}\b", line)]


def _documented(name: str) -> list[float]:
    page = (ROOT / "docs" / "quantization.md").read_text(encoding="utf-8")
    return _numbers(page, f"{name} |")


@pytest.mark.slow
def test_the_first_suggestion_restores_what_8_bits_broke(models: Path, warm: Warm) -> None:
    script = str(EXAMPLES / "quantization" / "compare.py")
    text = _run(script, str(models), cwd=models, python=warm("keras"))
    for name in ("outlier.keras", "hard_swish.keras"):
        in_float, broken, restored = _numbers(text, name)
        assert in_float > 0.88
        assert broken < in_float - 0.1
        assert restored >= in_float - 0.02
        # Training on another machine differs a little; the page must not tell another story.
        assert _documented(name)[0] == pytest.approx(in_float, abs=0.05)
        assert _documented(name)[2] == pytest.approx(restored, abs=0.05)
    assert "--equalize" in text
    assert "stem_swish" in text


@pytest.mark.slow
def test_fine_tuning_with_fake_quantisation_restores_it_too(models: Path, warm: Warm) -> None:
    script = str(EXAMPLES / "qat" / "fine_tune.py")
    _run(script, "outlier.keras", "calib.npz", "tuned", cwd=models, python=warm("keras"))
    words = ("--calibration", "calib.npz", "--evaluate", "test.npz", "--max-drop", "0.02")
    words += ("--python", str(warm("keras")))
    text = _run("-m", "tinyml", "convert", "tuned", *words, cwd=models)
    assert "read as trained scales" in text
    found = re.search(r"accuracy (0\.\d{4}), in float (0\.\d{4})", text)
    assert found is not None
    assert float(found[1]) > 0.88
