"""Samples from files: shapes, names, raw and real values, labels, and every way to get it wrong."""

from __future__ import annotations

import contextlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tinyml.base.errors import TinymlError
from tinyml.evaluate.samples import quantise, random_samples, read_samples, write_samples
from tinyml.ir.dtype import INT8
from tinyml.ir.graph import Graph, Quant, Source, Tensor


def graph_of(*shapes: tuple[int, ...]) -> Graph:
    tensors = tuple(
        Tensor(f"in{i}", INT8, shape, Quant((0.5,), (-3,))) for i, shape in enumerate(shapes)
    )
    return Graph("m", Source("m.tflite", "0", 0), tensors, (), tuple(range(len(shapes))), ())


def save(folder: Path, **arrays: Any) -> Path:
    path = folder / "x.npz"
    np.savez(path, **arrays)
    return path


def test_several_float_samples_are_quantised(tmp_path: Path) -> None:
    values = np.array([[[0.0, 0.5]], [[-1.0, 1000.0]]], np.float32)
    samples = read_samples(save(tmp_path, pixels=values, labels=[4, 2]), graph_of((1, 1, 2)))
    assert [sample[0].tolist() for sample in samples.inputs] == [[[[-3, -2]]], [[[-5, 127]]]]
    assert samples.labels == (4, 2)


def test_samples_with_channels_first_are_turned(tmp_path: Path) -> None:
    """The data with which a PyTorch model was converted did not fit the converted model."""
    raw = np.arange(24, dtype=np.int8).reshape(2, 2, 2, 3)  # channels, rows, columns
    samples = read_samples(save(tmp_path, x=raw), graph_of((1, 2, 3, 2)))
    np.testing.assert_array_equal(samples.inputs[1][0][0], np.moveaxis(raw[1], 0, -1))
    same = np.arange(27, dtype=np.int8).reshape(1, 3, 3, 3)
    samples = read_samples(save(tmp_path, x=same), graph_of((1, 3, 3, 3)))
    np.testing.assert_array_equal(samples.inputs[0][0], same)
    with pytest.raises(TinymlError, match=r"has shape \[2, 2, 2, 3\], input 'in0' needs") as caught:
        read_samples(save(tmp_path, x=raw), graph_of((1, 2, 2, 5)))
    assert caught.value.hint is not None


def test_raw_samples_are_kept(tmp_path: Path) -> None:
    raw = np.array([[1, -128]], np.int8)
    samples = read_samples(save(tmp_path, whatever=raw), graph_of((1, 2)))
    assert samples.inputs[0][0].tolist() == [[1, -128]]


def test_written_samples_are_read_again(tmp_path: Path) -> None:
    graph, path = graph_of((1, 2), (1, 3)), tmp_path / "outputs.data"
    samples = random_samples(graph, 3)
    write_samples(path, graph.tensors, samples.inputs)
    found = read_samples(path, graph)
    assert [[a.tolist() for a in s] for s in found.inputs] == [
        [a.tolist() for a in s] for s in samples.inputs
    ]
    with pytest.raises(TinymlError, match="cannot make the folder"):
        write_samples(path / "x.npz", graph.tensors, samples.inputs)


def test_two_inputs_by_name(tmp_path: Path) -> None:
    path = save(tmp_path, in0=np.zeros((3, 2), np.int8), in1=np.ones((3, 4), np.int8))
    samples = read_samples(path, graph_of((1, 2), (1, 4)), limit=2)
    assert len(samples.inputs) == 2
    assert [array.shape for array in samples.inputs[0]] == [(1, 2), (1, 4)]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros((2, 3), np.int8)}, "has shape [2, 3], input 'in0' needs [samples, 2]"),
        ({"x": np.zeros((1, 2), np.int16)}, "is int16; input 'in0' takes int8 (raw) or float"),
        ({"x": np.full((1, 2), np.nan, np.float32)}, "not finite"),
        ({"x": np.zeros((2, 2), np.int8), "y": np.zeros(3)}, "different numbers of samples: 2, 3"),
        ({"a": np.zeros((1, 2)), "b": np.zeros((1, 2))}, "no array for input 'in0'; found: a, b"),
        ({"x": np.zeros((0, 2), np.int8)}, "hold no sample"),
        ({"x": np.zeros((2, 2)), "y": np.eye(2)}, "one class index per sample; found float64 of"),
        ({"x": np.zeros((2, 2)), "y": np.array(["a", "b"])}, "one class index per sample"),
        ({"x": np.zeros((2, 2)), "y": np.array([0, np.nan])}, "one class index per sample"),
        ({"x": np.zeros((2, 2)), "y": np.array([1, -1])}, "label -1 is no class"),
    ],
)
def test_wrong_arrays(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(TinymlError) as caught:
        read_samples(save(tmp_path, **arrays), graph_of((1, 2)))
    assert message in str(caught.value)


def test_files_that_are_not_arrays(tmp_path: Path) -> None:
    with pytest.raises(TinymlError, match="no such file"):
        read_samples(tmp_path / "absent.npz", graph_of((1, 2)))
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(TinymlError, match=r"not a readable \.npz or \.npy file"):
        read_samples(tmp_path / "text.npz", graph_of((1, 2)))


def test_random_samples_span_the_range_and_repeat() -> None:
    graph = graph_of((1, 1000))
    first, again = random_samples(graph, 2), random_samples(graph, 2)
    assert np.array_equal(first.inputs[1][0], again.inputs[1][0])
    assert first.inputs[0][0].min() == -128
    assert first.inputs[0][0].max() == 127


def test_quantise_saturates() -> None:
    tensor = graph_of((2,)).tensors[0]
    assert quantise(np.array([-1e6, 1e6]), tensor).tolist() == [-128, 127]


@pytest.mark.parametrize("name", ["y", "label", "labels", "targets"])
def test_the_name_of_an_input_is_that_input(tmp_path: Path, name: str) -> None:
    """An input called y could not be fed: its array was taken for labels."""
    graph = graph_of((1, 2), (1, 3))
    graph = replace(graph, tensors=(graph.tensors[0], replace(graph.tensors[1], name=name)))
    arrays = {"in0": np.array([[1, 2]], np.int8), name: np.array([[3, 4, 5]], np.int8)}
    samples = read_samples(save(tmp_path, **arrays), graph)
    assert [array.tolist() for array in samples.inputs[0]] == [[[1, 2]], [[3, 4, 5]]]
    assert samples.labels == ()
    other = {"y": "labels"}.get(name, "y")  # labels under another name are labels still
    samples = read_samples(save(tmp_path, **arrays, **{other: [7]}), graph)
    assert samples.labels == (7,)


def header(shape: tuple[int, ...], dtype: str) -> bytes:
    """The head of a .npy file, without what it promises."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": dtype, "fortran_order": False, "shape": shape}
    )
    return stream.getvalue()


def test_what_a_file_declares_is_compared_with_its_size(tmp_path: Path) -> None:
    """The memory that a damaged header asked for was taken before anything was read."""
    graph, path = graph_of((1, 2)), tmp_path / "x.npy"
    path.write_bytes(header((1 << 20, 2), "|i1") + b"abc")
    with pytest.raises(TinymlError, match="declares 2,097,152 bytes, the file has"):
        read_samples(path, graph)
    path.write_bytes(header((1 << 40, 2), "|i1"))
    with pytest.raises(TinymlError, match="would unpack to 2,199,023,255,552 bytes"):
        read_samples(path, graph)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", header((1 << 20, 2), "|i1"))
    with pytest.raises(TinymlError, match=r"array 'x\.npy' declares 2,097,152 bytes"):
        read_samples(path, graph)


def test_archives_are_bounded_before_they_are_unpacked(tmp_path: Path) -> None:
    """A few kilobytes of archive said that they hold more than this computer has."""
    path = save(tmp_path, x=np.zeros((1, 2), np.int8))
    raw = bytearray(path.read_bytes())
    where = raw.index(b"PK\x01\x02")
    raw[where + 24 : where + 28] = (0xF0000000).to_bytes(4, "little")
    path.write_bytes(raw)
    with pytest.raises(TinymlError, match="would unpack to 4,026,531,840 bytes; at most"):
        read_samples(path, graph_of((1, 2)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x.npy", header((1, 2), "|i1") + b"ab")
    with pytest.raises(TinymlError, match="is packed in another way than numpy packs"):
        read_samples(path, graph_of((1, 2)))


def test_damaged_archives_give_one_error(tmp_path: Path) -> None:
    whole = save(tmp_path, x=np.ones((3, 2), np.int8), labels=[0, 0, 0]).read_bytes()
    path = tmp_path / "bad.npz"
    for position in range(0, len(whole), 3):
        bad = bytearray(whole)
        bad[position] ^= 0xFF
        for content in (bytes(bad), whole[:position]):
            path.write_bytes(content)
            with contextlib.suppress(TinymlError):
                read_samples(path, graph_of((1, 2)))
