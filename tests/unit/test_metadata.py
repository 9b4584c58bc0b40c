"""Metadata of a .tflite: written, read back, and never a reason to fail."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from tests.support.models.small_graphs import small_network
from tests.support.running.tflm import needs_tflm
from tinyml.base.errors import TinymlError
from tinyml.convert import flatfile
from tinyml.convert.metadata import check_contract, stripped, with_metadata
from tinyml.convert.values import FloatModel, ModelInput
from tinyml.ir.metadata import Metadata
from tinyml.model.file import model_file
from tinyml.model.metadata import OWN, STANDARD, read_metadata
from tinyml.model.reader import load
from tinyml.model.writer import write

HELD = Metadata(
    ("cat", "dog", "größer"), (127.5, 0.0), (1.0, 2.0), "tinyml from m.keras", "ab" * 32, False
)


def test_what_was_written_is_read() -> None:
    data = with_metadata(write(small_network()), HELD)
    assert read_metadata(data) == HELD
    assert with_metadata(data, HELD) == data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("labels.txt").decode() == "cat\ndog\ngrößer\n"


def test_the_standard_entry_alone_says_what_it_can() -> None:
    data = with_metadata(write(small_network()), HELD)
    foreign = data.replace(OWN.encode() + b"\0", b"other!\0")
    assert foreign != data
    found = read_metadata(foreign)
    assert found == Metadata(HELD.labels, HELD.mean, HELD.std, HELD.producer)


def test_the_graph_is_the_same_with_and_without() -> None:
    plain = write(small_network())
    before = load(model_file("small.tflite", plain))
    after = load(model_file("small.tflite", with_metadata(plain, HELD)))
    assert after.tensors == before.tensors
    assert after.ops == before.ops


def test_without_metadata_everything_is_empty() -> None:
    assert read_metadata(write(small_network())) == Metadata()
    assert with_metadata(write(small_network()), Metadata()).find(b"PK\x03\x04") < 0


@pytest.mark.slow
@pytest.mark.parametrize("entry", [STANDARD, OWN])
def test_damaged_metadata_is_no_metadata(entry: str) -> None:
    graph = flatfile.read("small.tflite", write(small_network()))
    whole = with_metadata(write(small_network()), HELD)
    good = {STANDARD: _entry(whole, STANDARD), OWN: _entry(whole, OWN)}[entry]
    for length in range(0, len(good), 3):
        read_metadata(flatfile.write(graph, {entry: good[:length]}))  # whatever: no exception
    rng = np.random.default_rng(4)
    for _ in range(200):
        bad = bytearray(good)
        bad[rng.integers(len(bad))] = rng.integers(256)
        read_metadata(flatfile.write(graph, {entry: bytes(bad)}))
    assert read_metadata(b"") == Metadata()
    assert read_metadata(b"\xff" * 64) == Metadata()


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": [float("nan")]},
        {"std": [float("inf")]},
        {"mean": [1e39]},
        {"mean": [10**400]},
        {"mean": ["1.0e999"]},
        {"labels": 7},
    ],
)
def test_numbers_that_are_no_float32_are_no_metadata(changes: dict[str, object]) -> None:
    """A mean of NaN ended in a traceback when the header was written."""
    document = {"format": 1, "labels": [], "mean": [1.0], "std": [1.0], "producer": "x"}
    document |= {"calibration_sha256": "", "is_calibrated": True}
    assert read_metadata(_own_entry(json.dumps(document))) == Metadata((), (1.0,), (1.0,), "x")
    assert read_metadata(_own_entry(json.dumps(document | changes))) == Metadata()


def test_deep_nesting_is_no_metadata() -> None:
    """Brackets in brackets ended in RecursionError."""
    assert read_metadata(_own_entry("[" * 500_000)) == Metadata()


def test_half_a_surrogate_pair_is_written_as_a_question_mark() -> None:
    """A label that no file can hold ended in UnicodeEncodeError when the report was written."""
    document = {**json.loads(_entry(with_metadata(write(small_network()), HELD), OWN))}
    document["labels"] = ["a\ud800b"]
    assert read_metadata(_own_entry(json.dumps(document))).labels == ("a?b",)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_damaged_archive_is_no_metadata(method: int) -> None:
    """zlib.error and EOFError of a damaged archive ended in a traceback, or as "interrupted"."""
    model = _standard_alone()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("labels.txt", "label\n" * 100)
    good = stream.getvalue()
    assert read_metadata(model + good).labels == ("label",) * 100
    for position in range(len(good)):
        bad = bytearray(good)
        bad[position] ^= 0xFF
        read_metadata(model + bytes(bad))  # whatever: no exception


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_labels_are_bounded_before_they_are_unpacked(method: int) -> None:
    """A header that says 10 bytes stood before as many as the archive likes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("labels.txt", b"\n" * (8 << 20))
    assert read_metadata(_standard_alone() + stream.getvalue()).labels == ()


def _standard_alone() -> bytes:
    """A model with the standard entry and without the archive that it names."""
    data = with_metadata(write(small_network()), HELD)
    return data[: data.index(b"PK\x03\x04")].replace(OWN.encode() + b"\0", b"other!\0")


def _own_entry(text: str) -> bytes:
    graph = flatfile.read("small.tflite", write(small_network()))
    return flatfile.write(graph, {OWN: text.encode()})


def _entry(data: bytes, name: str) -> bytes:
    from tinyml.model.metadata import _entries

    return _entries(data)[name]


def test_our_entry_is_json_for_anyone() -> None:
    document = json.loads(_entry(with_metadata(write(small_network()), HELD), OWN))
    assert document["format"] == 1
    assert document["is_calibrated"] is False


def test_stripping_keeps_the_interface() -> None:
    data = with_metadata(write(small_network()), HELD)
    bare = stripped(data, replace(HELD, is_calibrated=True))
    graph = load(model_file("small.tflite", bare))
    assert [graph.tensors[i].name for i in (*graph.inputs, *graph.outputs)] == ["image", "out"]
    assert b"conv/weights" not in bare
    assert read_metadata(bare) == Metadata()
    assert read_metadata(stripped(data, HELD)) == Metadata(is_calibrated=False)
    assert len(bare) < len(write(small_network())) < len(data)


def _float_model() -> FloatModel:
    ends = (ModelInput("image", (1, 8, 8, 3)),), (ModelInput("p", (1, 10)),)
    return FloatModel(b"", "m.keras", "Keras", "keras", *ends)


def test_labels_and_normalisation_must_be_as_many_as_the_model_has() -> None:
    check_contract(_float_model(), tuple("0123456789"), (1.0, 2.0, 3.0))
    check_contract(_float_model(), (), (1.0,))
    with pytest.raises(TinymlError, match=r"2 labels were given, output 'p' has 10(?s:.*)hint"):
        check_contract(_float_model(), ("a", "b"), ())
    with pytest.raises(TinymlError, match=r"of 2 channels was given, input 'image' has 3"):
        check_contract(_float_model(), (), (1.0, 2.0))


@needs_tflm
def test_tflm_loads_a_model_with_metadata_and_labels() -> None:
    from tinyml.convert.runners import tflm_runner

    data = with_metadata(write(small_network()), HELD)
    both = [tflm_runner(data), tflm_runner(stripped(data, HELD))]
    image = np.arange(108, dtype=np.int8).reshape(1, 6, 6, 3)
    results = [runner.outputs((image,))[0] for runner in both if runner is not None]
    assert len(results) == 2
    assert np.array_equal(results[0], results[1])
