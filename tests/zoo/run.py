"""What becomes of a model: converted, built for this machine, run, and compared.

The float model is compared with its framework, the integers with the float model, and the generated
C with TensorFlow Lite Micro. Programs are built for a dozen models at a time, side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tests.support.models.cases import Case, Vector, merge
from tests.support.running.executors import assert_equal
from tests.support.running.host_c import run_on_host
from tests.support.running.tflm import run_in_tflm
from tinyml.base.errors import InternalError, TinymlError, UnsupportedOps
from tinyml.convert.conversion import ConvertOptions, convert
from tinyml.convert.importers.values import ImportOptions
from tinyml.convert.layers import as_fed, sqnr_db
from tinyml.convert.ranges import dequantize
from tinyml.convert.runners import float_runner
from tinyml.convert.states import with_states
from tinyml.convert.values import FloatModel, QuantizeSettings
from tinyml.ir.dtype import FLOAT32
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.passes import run_passes

EQUAL, TFLM, REFUSED, UNMADE = "equal", "tflm only", "refused", "no export"
WRONG, CRASHED = "WRONG", "CRASHED"
BAD = (WRONG, CRASHED)
SAMPLES = 3
TOGETHER = 12  # models in one program
NEAR_DB = 12.0  # from the float model: less is no rounding; random weights have worse ranges


@dataclass(frozen=True, slots=True)
class Row:
    """A model to try."""

    name: str
    path: Path
    imports: ImportOptions
    quantization: str = "int8"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a model went."""

    name: str
    result: str
    reason: str = ""
    import_db: float | None = None  # float model against its framework
    integer_db: float | None = None  # integers against the float model, the worst output
    seconds: float = 0.0
    case: Case | None = None  # what is left to build
    expected: tuple[Vector, ...] = ()


def outcomes(rows: Sequence[Row], folder: Path) -> Iterator[Outcome]:
    """What becomes of each; those that convert are built together."""
    waiting: list[Outcome] = []
    for row in rows:
        found = converted(row)
        if found.case is None:
            yield found
        else:
            waiting.append(found)
        if len(waiting) == TOGETHER:
            yield from built(waiting, folder)
            waiting = []
    yield from built(waiting, folder)


def converted(row: Row) -> Outcome:
    """A row up to the integers of TensorFlow Lite Micro."""
    begun = time.monotonic()
    note = row.path.with_suffix(".txt")
    if not row.path.exists():
        said = note.read_text(encoding="utf-8") if note.exists() else "the exporter wrote nothing"
        return Outcome(row.name, UNMADE, said)
    try:
        found = _converted(row)
    except InternalError as error:
        found = Outcome(row.name, CRASHED, str(error))
    except TinymlError as error:
        found = Outcome(row.name, REFUSED, " ".join(error.message.split()))
    except Exception as error:  # what a user would see as a traceback
        found = Outcome(row.name, CRASHED, f"{type(error).__name__}: {error}"[:300])
    return replace(found, seconds=time.monotonic() - begun)


def _converted(row: Row) -> Outcome:
    settings = QuantizeSettings(row.quantization)
    options = ConvertOptions(settings, row.imports, calibration="random")
    report = convert(str(row.path), options).report
    assert report.proof is not None
    assert report.calibration is not None
    near = report.proof.db
    samples = report.calibration.samples[:SAMPLES]
    data = report.result.data
    try:
        graph = load(model_file("model.tflite", data))
    except UnsupportedOps as error:
        kinds = ", ".join(sorted({item.op for item in error.found}))
        return Outcome(row.name, TFLM, f"no kernel ahead of time for {kinds}", near)
    vectors = tuple(_fed(graph, sample) for sample in samples)
    expected = tuple(run_in_tflm(graph, vectors))
    db = _distance(report.model, samples, graph, expected)
    case = Case(row.name.replace(".", "_"), graph, vectors)
    result = WRONG if db < NEAR_DB else EQUAL
    reason = "integers are far from the float model" if result == WRONG else ""
    return Outcome(row.name, result, reason, near, db, 0.0, case, expected)


def _fed(graph: Graph, sample: Sequence[np.ndarray]) -> Vector:
    return tuple(as_fed(graph.tensors[i], v) for i, v in zip(graph.inputs, sample, strict=True))


def _distance(
    model: FloatModel, samples: Sequence[Vector], graph: Graph, found: Sequence[Vector]
) -> float:
    """dB of the output of the integers that is furthest from the float model's.

    States go on from one sample to the next.
    """
    runner = float_runner(model.data)
    exact = [runner.outputs(sample) for sample in with_states(model, samples)]
    worst = 120.0
    for number, index in enumerate(graph.outputs):
        tensor = graph.tensors[index]
        if tensor.dtype != FLOAT32 and tensor.quant is None:
            continue  # numbers of things: a rounding may change which is the largest
        values = [vector[number] for vector in found]
        if tensor.quant is not None:
            values = [dequantize(value, tensor.quant) for value in values]
        pairs = zip(exact, values, strict=True)
        one, other = (np.stack(v) for v in zip(*((e[number], v) for e, v in pairs), strict=True))
        worst = min(worst, sqnr_db(one, other))
    return worst


def built(made: Sequence[Outcome], folder: Path) -> Iterator[Outcome]:
    """The same, once their C has run on this machine beside each other; alone where that fails."""
    if not made:
        return
    try:
        _run(made, folder)
    except Exception as error:
        if len(made) > 1:
            for each in made:
                yield from built([each], folder)
            return
        kind = WRONG if isinstance(error, AssertionError) else CRASHED
        yield replace(made[0], result=kind, reason=str(error)[-300:])
        return
    yield from made


def _run(made: Sequence[Outcome], folder: Path) -> None:
    cases = [each.case for each in made if each.case is not None]
    both = merge(cases, "zoo")
    where = folder / f"build{len(list(folder.iterdir()))}"
    where.mkdir()
    found = run_on_host(run_passes(both.graph), both.vectors, where)
    expected = [
        tuple(v for each in made for v in each.expected[min(k, len(each.expected) - 1)])
        for k in range(len(both.vectors))
    ]
    assert_equal(both.graph, expected, found)
