"""Rows of tests/ops/*.toml as graphs of one op with input vectors; see the README there."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from tinyml.ir.dtype import BOOL, BY_NAME, FLOAT32, INT8, DType
from tinyml.ir.graph import Array, Carried, Graph, Op, Quant, Source, Tensor, check
from tinyml.ir.parts import side_by_side
from tinyml.model.support import unmet
from tinyml.ops import spec_of, trait_of
from tinyml.ops.traits import Variable
from tinyml.ops.variables import VariableAttrs

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib  # type: ignore[no-redef]

FOLDER = Path(__file__).parents[2] / "ops"
MOST_ROWS = 48  # of one program, unless a file has more
DEFAULT_VECTORS = ("random", "min", "max", "alternate")

_OPERAND_KEYS = {
    *("shape", "dtype", "scale", "zero_point", "axis", "data", "range"),
    *("bias", "absent", "same_as", "variable"),
}
_CASE_KEYS = {"name", "why", "attrs", "inputs", "output", "vectors"}

Vector = tuple[Array, ...]  # one array per input of a graph


@dataclass(frozen=True, slots=True)
class Case:
    """A graph of one op, and what to feed it."""

    name: str
    graph: Graph
    vectors: tuple[Vector, ...]


@dataclass(frozen=True, slots=True)
class CaseFile:
    """All cases of one op."""

    op: str
    cases: tuple[Case, ...]
    not_applicable: Mapping[str, str]  # property that cannot be covered: why
    beyond_tflm: str = ""  # why TensorFlow Lite Micro does not run them


def case_paths() -> tuple[Path, ...]:
    """Every file of rows, sorted."""
    return tuple(sorted(FOLDER.glob("*.toml")))


def load_cases(path: Path) -> CaseFile:
    """The cases of one file."""
    table = _read(path)
    cases = tuple(load_case(path, name) for name in case_names(path))
    assert len({case.name for case in cases}) == len(cases), f"{path.name}: names repeat"
    return CaseFile(
        table["op"], cases, table.get("not_applicable", {}), table.get("beyond_tflm", "")
    )


def batched(paths: Sequence[Path]) -> tuple[tuple[Path, ...], ...]:
    """The files in groups of about MOST_ROWS rows: a program for each file takes its time."""
    batches: list[tuple[Path, ...]] = []
    rows = MOST_ROWS
    for path in paths:
        count = len(case_names(path))
        rows += count
        if rows > MOST_ROWS:
            batches.append(())
            rows = count
        batches[-1] += (path,)
    return tuple(batches)


def names_of(batch: Sequence[Path]) -> str:
    """What a batch is called in the names of tests."""
    return "-".join(path.stem for path in batch)


def load_batch(paths: Sequence[Path]) -> Case:
    """One graph that holds all cases of several files side by side."""
    cases = [
        replace(case, name=f"{path.stem}/{case.name}")
        for path in paths
        for case in load_cases(path).cases
    ]
    return merge(cases, "rows" if len(paths) > 1 else paths[0].stem)


def is_beyond_tflm(path: Path) -> bool:
    """Whether the rows of a file are of an operator that TensorFlow Lite Micro does not have."""
    return bool(_read(path).get("beyond_tflm"))


def case_names(path: Path) -> tuple[str, ...]:
    """The names of the cases of one file."""
    return tuple(row["name"] for row in _read(path)["case"])


def load_case(path: Path, name: str) -> Case:
    """One case."""
    table = _read(path)
    row = next(row for row in table["case"] if row["name"] == name)
    return _case(table["op"], row, f"{path.stem}/{name}")


@cache
def _read(path: Path) -> dict[str, Any]:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    _refuse_unknown(table, {"op", "not_applicable", "beyond_tflm", "case"}, path.name)
    return table


def merge(cases: Sequence[Case], name: str) -> Case:
    """One graph that holds all the cases side by side, so that one program runs them all.

    The result has as many vectors as the case with most; the others repeat their last.
    """
    count = max(len(case.vectors) for case in cases)
    vectors = tuple(
        tuple(value for case in cases for value in case.vectors[min(i, len(case.vectors) - 1)])
        for i in range(count)
    )
    graph = side_by_side([case.graph for case in cases], [case.name for case in cases])
    return Case(name, check(replace(graph, name=name, source=_source(name))), vectors)


def _case(kind: str, row: Mapping[str, Any], label: str) -> Case:
    graph, ranges = row_graph(kind, row, label)
    op, spec = graph.ops[0], spec_of(kind)
    for demand, found in unmet(op, graph):
        raise AssertionError(f"{label}: {demand} Found: {found}")
    assert spec.infer(op, graph) == tuple(graph.tensors[i].shape for i in graph.outputs), label
    names = row.get("vectors", DEFAULT_VECTORS)
    vectors = tuple(_vector(name, graph, ranges, label) for name in names)
    return Case(row["name"], check(graph), vectors)


def row_graph(
    kind: str, row: Mapping[str, Any], label: str
) -> tuple[Graph, dict[int, tuple[float, float]]]:
    """The graph of a row, whether supported or not, and the ranges of its run-time inputs."""
    _refuse_unknown(row, _CASE_KEYS, label)
    tensors: list[Tensor] = []
    indices: list[int] = []
    ranges: dict[int, tuple[float, float]] = {}
    for number, operand in enumerate(row["inputs"]):
        _refuse_unknown(operand, _OPERAND_KEYS, label)
        if operand.get("absent"):
            indices.append(-1)
        elif "same_as" in operand:
            indices.append(indices[operand["same_as"]])
        else:
            indices.append(len(tensors))
            tensor = _operand(operand, f"x{number}", tensors, f"{label}/{number}")
            if tensor.data is None and not tensor.is_variable:
                ranges[len(tensors)] = _range(operand, tensor.dtype, is_constant=False)
            tensors.append(tensor)
    output = row["output"]
    _refuse_unknown(output, _OPERAND_KEYS, label)
    made = _operand({"shape": [], **output}, "y", tensors, f"{label}/y")
    spec = spec_of(kind)
    op = Op(kind, row["name"], tuple(indices), (len(tensors),), _attrs(spec.attrs, row))
    graph = Graph(
        f"{kind}_{row['name']}".lower(),
        _source(label),
        (*tensors, made),
        (op,),
        tuple(ranges),
        (len(tensors),),
    )
    if "shape" not in output:
        graph = _with_outputs(graph, spec.infer(op, graph))
    variable = trait_of(kind, Variable)
    if variable is not None and graph.tensors[op.inputs[0]].is_variable:
        graph = _with_assignment(graph, is_there=variable.is_written)
        ranges |= {i: _range({}, graph.tensors[i].dtype, is_constant=False) for i in graph.inputs}
    return graph, ranges


def _with_assignment(graph: Graph, *, is_there: bool) -> Graph:
    """The graph whose variable is what its op assigns, or another one behind it."""
    op = graph.ops[0]
    first = op.inputs[0]
    if is_there:
        return replace(graph, carried=(Carried(first, op.outputs[0]),))
    kept = replace(graph.tensors[first], is_variable=False)
    value = len(graph.tensors)
    assign = Op("ASSIGN_VARIABLE", "assigned", (first, value), (value + 1,), VariableAttrs())
    tensors = (*graph.tensors, replace(kept, name="value"), replace(kept, name="next"))
    carried = (Carried(first, value + 1),)
    return replace(graph, tensors=tensors, ops=(op, assign), inputs=(value,), carried=carried)


def _with_outputs(graph: Graph, shapes: Sequence[tuple[int, ...]]) -> Graph:
    """The graph with the outputs that its op's shape rule gives, all quantised alike."""
    *tensors, made = graph.tensors
    first = len(tensors)
    names = ("y", *(f"y{number}" for number in range(1, len(shapes))))
    tensors += [replace(made, name=n, shape=s) for n, s in zip(names, shapes, strict=True)]
    outputs = tuple(range(first, len(tensors)))
    (op,) = graph.ops
    ops = (replace(op, outputs=outputs),)
    return replace(graph, tensors=tuple(tensors), ops=ops, outputs=outputs)


def _attrs(attrs: type, row: Mapping[str, Any]) -> Any:
    given = dict(row.get("attrs", {}))
    _refuse_unknown(given, {field.name for field in fields(attrs)}, f"{row['name']}: attrs")
    return attrs(**{key: tuple(v) if isinstance(v, list) else v for key, v in given.items()})


def _operand(
    operand: Mapping[str, Any], name: str, earlier: Sequence[Tensor], label: str
) -> Tensor:
    shape = tuple(operand["shape"])
    if operand.get("bias"):
        scales = _bias_scales(earlier)
        dtype = BY_NAME[operand.get("dtype", "int32")]
        operand = {"data": "random", **operand}
        quant: Quant | None = Quant(scales, (0,) * len(scales))
    else:
        dtype = BY_NAME[operand.get("dtype", "int8")]
        quant = _quant(operand, shape)
    data = None
    if "data" in operand:
        data = _constant(operand, shape, dtype, label)
        data.setflags(write=False)
    return Tensor(name, dtype, shape, quant, data, operand.get("variable", False))


def _bias_scales(earlier: Sequence[Tensor]) -> tuple[float, ...]:
    first, second = [tensor.quant for tensor in earlier if tensor.quant is not None][:2]
    scales = np.array(first.scales, np.float32) * np.array(second.scales, np.float32)
    return tuple(scales.tolist())


def _quant(operand: Mapping[str, Any], shape: tuple[int, ...]) -> Quant | None:
    scale = operand.get("scale")
    if scale is None:
        return None
    axis = operand.get("axis", 0)
    if isinstance(scale, dict):
        scales = np.geomspace(scale["from"], scale["to"], shape[axis])
    else:
        scales = np.atleast_1d(scale)
    count = len(scales)
    rounded = tuple(scales.astype(np.float32).tolist())
    return Quant(rounded, (operand.get("zero_point", 0),) * count, axis)


def _range(operand: Mapping[str, Any], dtype: DType, *, is_constant: bool) -> tuple[float, float]:
    if "range" in operand:
        low, high = operand["range"]
        return low, high
    if dtype is FLOAT32:
        return -10.0, 10.0
    if dtype is INT8 and is_constant:
        return -127, 127
    if dtype is BOOL:
        return 0, 1
    info = np.iinfo(dtype.numpy)
    return int(info.min), int(info.max)


def _constant(
    operand: Mapping[str, Any], shape: tuple[int, ...], dtype: DType, label: str
) -> Array:
    data = operand["data"]
    if data == "random":
        return _random(shape, dtype, _range(operand, dtype, is_constant=True), label)
    if isinstance(data, list):
        return np.array(data, dtype.numpy).reshape(shape)
    return np.full(shape, data, dtype.numpy)


def _random(shape: tuple[int, ...], dtype: DType, bounds: tuple[float, float], label: str) -> Array:
    rng = np.random.default_rng(zlib.crc32(label.encode()))
    if dtype is FLOAT32:
        return rng.uniform(*bounds, shape).astype(np.float32)
    return rng.integers(int(bounds[0]), int(bounds[1]), shape, dtype.numpy, endpoint=True)


def _vector(
    name: str, graph: Graph, ranges: Mapping[int, tuple[float, float]], label: str
) -> Vector:
    return tuple(
        _values(name, number, graph, index, ranges[index], label)
        for number, index in enumerate(graph.inputs)
    )


def _values(
    name: str, number: int, graph: Graph, index: int, bounds: tuple[float, float], label: str
) -> Array:
    tensor = graph.tensors[index]
    position = np.arange(tensor.elements)
    low, high = bounds
    match name:
        case "random":
            return _random(tensor.shape, tensor.dtype, bounds, f"{label}/run {number}")
        case "min":
            flat = np.full(tensor.elements, low)
        case "max":
            flat = np.full(tensor.elements, high)
        case "alternate":
            flat = np.where((position + number) % 2 == 0, low, high)
        case "sweep" if tensor.dtype.nbytes(1) == 1:
            flat = int(low) + position // 256**number % (int(high) - int(low) + 1)
        case "sweep":
            flat = np.linspace(low, high, tensor.elements)
        case "ties":
            flat = _ties(graph, position)
        case _:
            raise AssertionError(f"{label}: no vector is called '{name}'")
    return flat.astype(tensor.dtype.numpy).reshape(tensor.shape)


def _ties(graph: Graph, position: Array) -> Array:
    """Halves between two steps of the output, and the floats just below and above them."""
    quant = graph.tensors[graph.outputs[0]].quant
    assert quant is not None
    steps = (position // 3 % 300) - 150 - quant.zero_point
    halves = ((steps + 0.5) * np.float32(quant.scale)).astype(np.float32)
    towards = np.array([-np.inf, np.nan, np.inf], np.float32)[position % 3]
    return np.where(position % 3 == 1, halves, np.nextafter(halves, towards))


def _refuse_unknown(table: Mapping[str, Any], known: set[str], label: str) -> None:
    unknown = sorted(set(table) - known)
    assert not unknown, f"{label}: unknown keys {unknown}, known are {sorted(known)}"


def _source(label: str) -> Source:
    return Source("case.tflite", hashlib.sha256(label.encode()).hexdigest(), 0)
