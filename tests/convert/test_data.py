"""Calibration and evaluation data: each kind is read, each mistake is named."""

from __future__ import annotations

import contextlib
import random
import wave
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyml.base.errors import TinymlError
from tinyml.convert.calibration import calibration_set, evaluation_set, random_calibration
from tinyml.convert.conversion import ConvertOptions, convert
from tinyml.convert.data.read import read_data
from tinyml.convert.data.values import DataOptions, RawData
from tinyml.convert.importers.values import ImportOptions
from tinyml.convert.values import CalibrationSet, ModelInput

IMAGE = ModelInput("pixels", (1, 4, 6, 3))
MOVED = ModelInput("x", (1, 4, 6, 3), permutation=(0, 2, 3, 1))
VECTOR = ModelInput("v", (1, 5))
PLAIN = DataOptions()
RNG = np.random.default_rng(5)


def fitted(raw: RawData | Any, *inputs: ModelInput, options: DataOptions = PLAIN) -> CalibrationSet:
    held = raw if isinstance(raw, RawData) else RawData({"": np.asarray(raw)}, "calib.npz")
    return calibration_set(held, inputs, options)


def noise(*shape: int) -> Any:
    return RNG.uniform(-1, 1, shape).astype(np.float32)


def save(path: Path, **arrays: Any) -> str:
    np.savez(path, **arrays)
    return str(path)


def test_npz_by_name_and_alone(tmp_path: Path) -> None:
    raw = read_data(save(tmp_path / "c.npz", whatever=noise(120, 4, 6, 3)), PLAIN)
    found = fitted(raw, IMAGE)
    assert len(found.samples) == 120
    assert found.samples[0][0].shape == (1, 4, 6, 3)
    assert found.warnings == ()
    assert found.source == "c.npz"
    two = RawData({"v": noise(3, 5), "pixels": noise(3, 4, 6, 3)}, "two.npz")
    assert [array.shape for array in fitted(two, IMAGE, VECTOR).samples[0]] == [
        (1, 4, 6, 3),
        (1, 5),
    ]


def test_npy_and_limit(tmp_path: Path) -> None:
    np.save(tmp_path / "c.npy", noise(9, 5))
    raw = read_data(str(tmp_path / "c.npy"), DataOptions(limit=4))
    assert len(fitted(raw, VECTOR).samples) == 4


def test_channels_first_samples_are_turned() -> None:
    data = noise(2, 3, 4, 6)
    found = fitted(data, MOVED)
    np.testing.assert_array_equal(found.samples[1][0][0], data[1].transpose(1, 2, 0))
    last = noise(2, 4, 6, 3)
    np.testing.assert_array_equal(fitted(last, MOVED).samples[0][0][0], last[0])


def test_missing_channel_and_flat_rows() -> None:
    grey = ModelInput("g", (1, 4, 6, 1))
    assert fitted(noise(3, 4, 6), grey).samples[0][0].shape == (1, 4, 6, 1)
    assert fitted(noise(3, 24), grey).samples[0][0].shape == (1, 4, 6, 1)
    assert len(fitted(noise(4, 6, 1), grey).samples) == 1  # one sample without a batch


def test_same_samples_same_hash() -> None:
    data = noise(3, 5)
    assert fitted(data, VECTOR).sha256 == fitted(data.copy(), VECTOR).sha256
    assert fitted(data, VECTOR).sha256 != fitted(data + 1, VECTOR).sha256


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (noise(3, 7), r"samples of shape \[3, 7\], input 'v' needs \[samples, 5\]"),
        (np.full((3, 5), np.nan, np.float32), "5 values that are NaN or infinite"),
        (np.zeros((0, 5), np.float32), "hold no sample"),
        (np.array([["a"] * 5]), "samples of type"),
    ],
)
def test_unsuitable_samples(data: Any, message: str) -> None:
    with pytest.raises(TinymlError, match=message):
        fitted(data, VECTOR)


def test_wrong_shape_names_both_layouts() -> None:
    with pytest.raises(
        TinymlError, match=r"\[samples, 3, 4, 6\] \(or, channels last, \[samples, 4"
    ):
        fitted(noise(2, 9, 9, 3), MOVED)


def test_unnamed_arrays_for_two_inputs() -> None:
    raw = RawData({"arr_0": noise(2, 5), "arr_1": noise(2, 4, 6, 3)}, "two.npz")
    with pytest.raises(TinymlError) as caught:
        fitted(raw, IMAGE, VECTOR)
    assert "no array for input 'pixels'" in caught.value.message
    assert "'v' [1, 5]" in caught.value.message
    assert "savez('calib.npz', pixels=…, v=…)" in str(caught.value.hint)


@pytest.mark.parametrize(
    ("data", "warning"),
    [
        (noise(20, 5), "only 20 samples"),
        (np.zeros((100, 5), np.float32), "100 of 100 samples are all zero"),
        (np.full((100, 5), 0.5, np.float32), "all samples are equal"),
        (noise(100, 5) * 255, "models mostly expect about -1..1"),
        (RNG.integers(0, 255, (100, 5)).astype(np.uint8), "--normalize mean,std"),
        (np.linspace(0.1, 3, 500, dtype=np.float32).reshape(100, 5), "range still grew"),
    ],
)
def test_poor_coverage_is_said(data: Any, warning: str) -> None:
    assert any(warning in text for text in fitted(data, VECTOR).warnings)


def test_integers_are_normalised() -> None:
    data = np.array([[0, 255, 51, 102, 0]], np.uint8)
    found = fitted(data, VECTOR, options=DataOptions(mean=(0.0,), std=(255.0,)))
    np.testing.assert_allclose(found.samples[0][0][0], [0, 1, 0.2, 0.4, 0], atol=1e-6)


def test_random_is_marked() -> None:
    found = random_calibration((IMAGE, VECTOR))
    assert found.is_random
    assert "not calibrated" in found.warnings[0]
    assert random_calibration((IMAGE, VECTOR)).sha256 == found.sha256


def test_csv_with_header_and_labels(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text("a,b,c,d,e,label\n1,2,3,4,5,cat\n6,7,8,9,10,dog\n")
    raw = read_data(str(path), PLAIN)
    assert raw.labels is not None
    assert raw.labels.tolist() == [0, 1]
    assert fitted(raw, VECTOR).samples[1][0].tolist() == [[6, 7, 8, 9, 10]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3\n", "c.csv:2: 1 columns, the table has 2"),
        ("1,2\n3,x\n", "c.csv:2: 'x' is not a number"),
        ("", "the table is empty"),
        ("a,b\n", "a header and no row"),
    ],
)
def test_damaged_csv(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(TinymlError, match=message):
        read_data(str(tmp_path / "c.csv"), PLAIN)


def test_images_are_scaled_to_the_model(tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is missing (tinyml-firmware[quantize])")
    for name, colour in (("cat", 255), ("dog", 0)):
        (tmp_path / name).mkdir()
        image.new("L", (12, 8), colour).save(tmp_path / name / "1.png")
    raw = read_data(str(tmp_path), PLAIN, (IMAGE,))
    assert raw.labels is not None
    assert raw.labels.tolist() == [0, 1]
    found = fitted(raw, IMAGE)
    assert found.samples[0][0].shape == (1, 4, 6, 3)
    assert found.samples[0][0].max() == 1.0
    assert "divided by 255" in found.warnings[0]
    turned = fitted(read_data(str(tmp_path), PLAIN, (MOVED,)), MOVED)
    assert turned.samples[0][0].shape == (1, 4, 6, 3)
    told = DataOptions(mean=(127.5,), std=(127.5,))
    assert fitted(read_data(str(tmp_path), told, (IMAGE,)), IMAGE).samples[1][0].min() == -1.0
    (tmp_path / "cat" / "2.png").write_bytes(b"no image")
    with pytest.raises(TinymlError, match=r"2\.png: not a readable image"):
        read_data(str(tmp_path), PLAIN, (IMAGE,))


def sound(path: Path, values: Any, rate: int = 16000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.asarray(values) * 32767).astype("<i2").tobytes())


def test_sounds_raw_and_by_function(tmp_path: Path) -> None:
    folder = tmp_path / "wavs"
    folder.mkdir()
    sound(folder / "a.wav", [0.5] * 10)
    sound(folder / "b.wav", [0.25] * 3)
    found = fitted(read_data(str(folder), PLAIN, (VECTOR,)), VECTOR)
    np.testing.assert_allclose(found.samples[0][0][0], 0.5, atol=1e-3)
    np.testing.assert_allclose(found.samples[1][0][0], [0.25] * 3 + [0, 0], atol=1e-3)
    (tmp_path / "features.py").write_text(
        "import numpy as np\n"
        "def five(sound, rate):\n    return np.full(5, rate / 1e4 + len(sound))\n"
    )
    told = DataOptions(features=f"{tmp_path / 'features.py'}:five")
    found = fitted(read_data(str(folder), told, (VECTOR,)), VECTOR)
    assert found.samples[0][0][0, 0] == pytest.approx(11.6)
    wrong = DataOptions(features=f"{tmp_path / 'features.py'}:six")
    with pytest.raises(TinymlError, match="has no function 'six'"):
        read_data(str(folder), wrong, (VECTOR,))
    (folder / "c.wav").write_bytes(b"RIFF")
    with pytest.raises(TinymlError, match=r"c\.wav: not a readable \.wav file"):
        read_data(str(folder), told, (VECTOR,))


def test_function_that_yields_samples(tmp_path: Path) -> None:
    (tmp_path / "data.py").write_text(
        "import numpy as np\n"
        "def samples():\n    yield from np.ones((3, 5))\n"
        "def pairs():\n    return ((np.ones(5), i) for i in range(2))\n"
        "def named():\n    yield {'v': np.ones(5)}\n"
        "def endless():\n    while True:\n        yield np.ones(5)\n"
        "def broken():\n    raise RuntimeError('no disk')\n"
        "def nothing():\n    return 3\n"
    )

    def read(name: str, options: DataOptions = PLAIN) -> RawData:
        return read_data(f"{tmp_path / 'data.py'}:{name}", options)

    assert len(fitted(read("samples"), VECTOR).samples) == 3
    labels = read("pairs").labels
    assert labels is not None
    assert labels.tolist() == [0, 1]
    assert len(fitted(read("named"), VECTOR).samples) == 1
    assert len(fitted(read("endless", DataOptions(limit=7)), VECTOR).samples) == 7
    with pytest.raises(TinymlError, match="no disk"):
        read("broken")
    with pytest.raises(TinymlError, match="returned a int, not samples"):
        read("nothing")


def test_what_is_no_data(tmp_path: Path) -> None:
    with pytest.raises(TinymlError, match="no such file or folder") as caught:
        read_data(str(tmp_path / "none.npz"), PLAIN)
    assert "numpy.savez" in str(caught.value.hint)
    (tmp_path / "c.npz").write_bytes(b"PK nothing")
    with pytest.raises(TinymlError, match=r"not a readable \.npz"):
        read_data(str(tmp_path / "c.npz"), PLAIN)
    (tmp_path / "empty").mkdir()
    with pytest.raises(TinymlError, match=r"neither images nor \.wav files; found: nothing"):
        read_data(str(tmp_path / "empty"), PLAIN)


def test_evaluation_labels_classes_and_arrays() -> None:
    ten, five = ModelInput("y", (1, 10)), ModelInput("y", (1, 5))

    def made(labels: Any, output: ModelInput) -> Any:
        raw = RawData({"": noise(4, 5)}, "test.npz", np.asarray(labels))
        return evaluation_set(raw, ((VECTOR,), (output,)), PLAIN)

    assert made([1, 2, 3, 9], ten).labels == (1, 2, 3, 9)
    assert made(np.eye(10)[[3, 1, 0, 2]], ten).labels == (3, 1, 0, 2)
    assert made(noise(4, 5), five).targets[0].shape == (1, 5)
    with pytest.raises(TinymlError, match="label 10 is no class: the output has 10 elements"):
        made([1, 2, 3, 10], ten)
    with pytest.raises(TinymlError, match="4 samples, but 3 labels"):
        made([1, 2, 3], ten)
    with pytest.raises(TinymlError, match=r"labels of shape \[4, 7\] fit neither"):
        made(noise(4, 7), ten)


def test_the_name_of_an_input_is_that_input(tmp_path: Path) -> None:
    """An input called y was taken for what should come out."""
    path = save(tmp_path / "c.npz", v=noise(3, 5), y=noise(3, 5))
    inputs = (VECTOR, ModelInput("y", (1, 5)))
    raw = read_data(path, PLAIN, inputs)
    assert raw.labels is None
    assert len(fitted(raw, *inputs).samples[0]) == 2
    assert read_data(path, PLAIN, (VECTOR,)).labels is not None


def test_pictures_are_bounded_before_they_are_unpacked(tmp_path: Path) -> None:
    """A picture of a few hundred bytes may say that it has a billion pixels."""
    image = pytest.importorskip("PIL.Image")
    image.new("L", (4, 4)).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    for side in (9_000, 60_000):  # below and above where Pillow itself gives up
        chunk = b"IHDR" + side.to_bytes(4, "big") * 2 + whole[24:29]
        checksum = zlib.crc32(chunk).to_bytes(4, "big")
        (tmp_path / "a.png").write_bytes(whole[:12] + chunk + checksum + whole[33:])
        with pytest.raises(TinymlError, match=r"a\.png: (9000 x 9000 pixels|not a readable image)"):
            read_data(str(tmp_path), PLAIN, (IMAGE,))


def test_damaged_pictures_sounds_and_tables_give_one_error(tmp_path: Path) -> None:
    """Widths of five bytes, half a frame, and numbers like ² ended in tracebacks."""
    image = pytest.importorskip("PIL.Image")
    chance = random.Random(1)
    image.new("RGB", (6, 4), (9, 8, 7)).save(tmp_path / "a.png")
    sound(tmp_path / "a.wav", [0.5] * 10)
    (tmp_path / "a.csv").write_text("v,label\n1,²\n2,99999999999999999999\n")
    inputs = {"a.png": (IMAGE,), "a.wav": (VECTOR,), "a.csv": (ModelInput("v", (1, 1)),)}
    for name, inputs_of in inputs.items():
        whole = (tmp_path / name).read_bytes()
        folder = tmp_path / f"{name}.folder"
        folder.mkdir()
        for _ in range(300):
            bad = bytearray(whole)
            bad[chance.randrange(len(bad))] = chance.randrange(256)
            (folder / name).write_bytes(
                bad[: chance.choice([len(bad), chance.randrange(len(bad))])]
            )
            path = folder / name if name.endswith(".csv") else folder
            with contextlib.suppress(TinymlError):
                fitted(read_data(str(path), PLAIN, inputs_of), *inputs_of)


@pytest.mark.parametrize("option", ["calibration", "evaluation"])
@pytest.mark.parametrize("data", ["none.npz", "spoilt.npz", "none.py:samples", "empty"])
def test_data_are_looked_at_before_the_model(option: str, data: str, tmp_path: Path) -> None:
    """A missing file was an error after half a minute, in which the framework was imported."""
    with zipfile.ZipFile(tmp_path / "model.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    (tmp_path / "spoilt.npz").write_text("hello")
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "good.npy", noise(9, 5))
    given = {"calibration": str(tmp_path / "good.npy"), option: str(tmp_path / data)}
    imports = ImportOptions(python=tmp_path / "no python")
    with pytest.raises(TinymlError, match=data.split(":")[0]):
        convert(str(tmp_path / "model.keras"), ConvertOptions(imports=imports, **given))


def test_classes_of_a_table_may_be_written_as_floats(tmp_path: Path) -> None:
    """numpy.savetxt writes 9 as 9.0e+00: such classes were numbered anew in sorted order."""
    (tmp_path / "d.csv").write_text("a,label\n1,9.0\n2,4.000e+00\n3,4\n")
    found = read_data(str(tmp_path / "d.csv"), DataOptions())
    assert found.labels is not None
    assert found.labels.tolist() == [9, 4, 4]
    (tmp_path / "d.csv").write_text("a,label\n1,v1.5\n2,v1\n")
    named = read_data(str(tmp_path / "d.csv"), DataOptions())
    assert named.labels is not None
    assert named.labels.tolist() == [1, 0]
