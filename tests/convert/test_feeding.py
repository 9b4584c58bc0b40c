"""Firmware runs on whatever data a conversion takes: the same samples in every form."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.models.small_graphs import small_network
from tests.support.running.cli import run_tinyml
from tinyml import api
from tinyml.base.errors import TinymlError
from tinyml.convert.data.values import DataOptions
from tinyml.evaluate.samples import Samples
from tinyml.ir.graph import Graph

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
COUNT = 12


@pytest.fixture(scope="module")
def graph() -> Graph:
    return api.load(DIGITS / "digits.tflite")


@pytest.fixture(scope="module")
def expected(graph: Graph) -> Samples:
    return api.samples_of(graph, DIGITS / "test.npz", COUNT)


@pytest.fixture
def pixels() -> tuple[np.ndarray, np.ndarray]:
    with np.load(DIGITS / "test.npz") as held:
        return held["pixels"][:COUNT], held["labels"][:COUNT]


def assert_same(found: Samples, expected: Samples, steps: int = 0) -> None:
    """In any order; pixels of 8 bits may move raw values by a step."""
    assert len(found.inputs) == COUNT
    assert sorted(found.labels) == sorted(expected.labels)
    for mine, label in zip(found.inputs, found.labels, strict=True):
        assert any(
            label == other and np.abs(mine[0].astype(int) - theirs[0]).max() <= steps
            for theirs, other in zip(expected.inputs, expected.labels, strict=True)
        )


def test_a_table(tmp_path: Path, graph: Graph, expected: Samples, pixels) -> None:
    x, y = pixels
    names = ",".join(f"p{number}" for number in range(64))
    rows = np.c_[x.reshape(COUNT, -1), y]
    np.savetxt(tmp_path / "d.csv", rows, delimiter=",", header=f"{names},label", comments="")
    assert_same(api.samples_of(graph, tmp_path / "d.csv"), expected)


def test_a_folder_of_images_with_a_folder_per_class(
    tmp_path: Path, graph: Graph, expected: Samples, pixels
) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is missing")
    for number, (x, y) in enumerate(zip(*pixels, strict=True)):
        folder = tmp_path / "photos" / str(y)
        folder.mkdir(parents=True, exist_ok=True)
        grey = np.round(x.reshape(8, 8) * 255).astype(np.uint8)
        image.fromarray(grey).save(folder / f"{number}.png")
    for label in range(10):
        (tmp_path / "photos" / str(label)).mkdir(exist_ok=True)
    options = DataOptions(labels=tuple(map(str, range(10))))
    found = api.samples_of(graph, tmp_path / "photos", None, options)
    assert_same(found, expected, 1)
    assert found.notes == ("pixels were divided by 255; --normalize mean,std says otherwise",)


def test_a_function(
    tmp_path: Path, graph: Graph, expected: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("feeder.py").write_text(
        f"import numpy\ndef rows():\n    with numpy.load({str(DIGITS / 'test.npz')!r}) as held:\n"
        "        yield from zip(held['pixels'], held['labels'])\n"
    )
    assert_same(api.samples_of(graph, "feeder:rows", COUNT), expected)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.csv", None, "none.csv: no such file or folder"),
        ("a.csv", "a,b\n1,2\n", "needs [samples, 8, 8, 1]"),
        ("a.mp3", "x", "neither .npz, .npy, .csv nor a folder"),
        ("feeder:rows", None, "feeder"),
    ],
)
def test_what_is_no_data_says_what_would_be(
    name: str, text: str | None, message: str, graph: Graph, tmp_path: Path
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    source = name if ":" in name else str(path)
    with pytest.raises(TinymlError) as caught:
        api.samples_of(graph, source)
    assert message in str(caught.value)
    assert caught.value.hint
    assert "--calibration" not in str(caught.value)


def test_labels_that_are_arrays_are_refused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("pairs.py").write_text(
        "import numpy\ndef rows():\n    for n in range(3):\n"
        "        yield numpy.ones((6, 6, 3), 'f4') * n, numpy.full(4, n / 3 + 0.1, 'f4')\n"
    )
    with pytest.raises(TinymlError, match="the labels are arrays, not classes"):
        api.samples_of(small_network(), "pairs:rows")


@pytest.mark.sim
def test_the_command_takes_them(tmp_path: Path, pixels) -> None:
    x, y = pixels
    rows = np.c_[x.reshape(COUNT, -1), y]
    names = ",".join(f"p{number}" for number in range(64))
    np.savetxt(tmp_path / "d.csv", rows, delimiter=",", header=f"{names},label", comments="")
    command = ("simulate", str(DIGITS / "digits.tflite"), "--board", "nucleo_l4r5zi")
    done = run_tinyml(*command, "--inputs", "d.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"outputs equal to the reference on all {COUNT} samples" in done.stdout
    assert "accuracy 0." in done.stdout
