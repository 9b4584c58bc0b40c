"""The imported float model against the model in its own framework, on a few samples.

Importers follow rules of two programs that nobody wrote for each other. So what they gave is not
believed: the framework computes the same samples, and the two must be equal but for the rounding
of floats. A comparison that cannot be made counts as one that failed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tinyml.base.errors import ModelError, TinymlError
from tinyml.convert.importers.values import Importer, ImportOptions, Source
from tinyml.convert.layers import CEILING_DB, sqnr_db
from tinyml.convert.runners import float_runner
from tinyml.convert.values import EQUAL_DB, FloatModel, ModelInput, Proof
from tinyml.ir.graph import Array

SAMPLES = 4
REFUSED_DB = 30.0
_ALL_THE_SAME = "; --allow-different converts it all the same"


@dataclass(frozen=True, slots=True)
class Imported:
    """A float model, and what it was made of."""

    model: FloatModel
    importer: Importer
    source: Source
    options: ImportOptions


def prove(made: Imported, samples: Sequence[Sequence[Array]], *, allows_different: bool) -> Proof:
    """How near the float model is to its source on the first few samples.

    Raises ModelError when they differ or cannot be compared, unless that is allowed.
    """
    step = 1 if made.model.states else max(1, len(samples) // SAMPLES)  # one sequence, or spread
    chosen = samples[::step][:SAMPLES]
    try:
        proof = _compared(made, chosen)
    except TinymlError as error:
        if allows_different:
            return Proof(made.importer.name, None, 0, error.message)
        raise ModelError(
            f"cannot be compared with what {made.importer.name} computes: {error.message}",
            hint=f"{error.hint or 'run the model in its framework'}{_ALL_THE_SAME}.",
            where=made.model.file_name,
        ) from error
    if proof.db is not None and proof.db < REFUSED_DB and not allows_different:
        first = f"; the first layer that differs is '{proof.first}'" if proof.first else ""
        raise ModelError(
            f"was not imported rightly: output '{proof.output}' is {proof.db:.1f} dB from what "
            f"{made.importer.name} computes, on {proof.samples} samples{first}",
            hint="export the model in another format (ONNX, float .tflite), or replace the layer"
            f"{_ALL_THE_SAME}.",
            where=made.model.file_name,
        )
    return proof


def _compared(made: Imported, samples: Sequence[Sequence[Array]]) -> Proof:
    count = len(made.model.inputs)
    fed = [
        tuple(_in_source(v, item) for v, item in zip(s[:count], made.model.inputs, strict=True))
        for s in samples
    ]
    wanted = made.importer.outputs(made.source, made.options, fed)
    runner = float_runner(made.model.data)
    found = [runner.outputs(sample) for sample in samples]
    worst = Proof(made.importer.name, CEILING_DB, len(samples), "")
    for number, item in enumerate(made.model.outputs):
        pairs = [
            (one[number], _in_source(other[number], item))
            for one, other in zip(wanted, found, strict=True)
        ]
        db = min(_db(exact, value, item.name) for exact, value in pairs)
        if worst.db is None or not worst.output or db < worst.db:
            worst = replace(worst, db=db, output=item.name)
    if worst.db is not None and worst.db < EQUAL_DB and samples:
        worst = replace(worst, first=_first(made, fed[0], samples[0]))
    return worst


def _in_source(value: Array, item: ModelInput) -> Array:
    """A value of the float model in the source's order of axes."""
    return value if item.permutation is None else value.transpose(np.argsort(item.permutation))


def _db(exact: Array, found: Array, name: str) -> float:
    if exact.size != found.size:
        raise ModelError(
            f"output '{name}' has the shape {list(found.shape)}, there {list(exact.shape)}"
        )
    one, other = (np.asarray(v, np.float64).ravel() for v in (exact, found))
    same = (one == other) | (np.isnan(one) & np.isnan(other))  # infinities and their like
    one, other = (np.where(same, 0.0, v) for v in (one, other))
    if not np.isfinite(one).all() or not np.isfinite(other).all():
        return -CEILING_DB
    signal = np.where(np.isfinite(exact.ravel()), exact.ravel(), 0).astype(np.float64)
    return max(sqnr_db(signal, signal + (other - one)), -CEILING_DB)


def _first(made: Imported, fed: Sequence[Array], sample: Sequence[Array]) -> str:
    """The first layer of the source whose result no tensor of its name equals; "" if unknown."""
    try:
        layers = made.importer.layers(made.source, made.options, fed)
    except TinymlError:
        return ""
    runner = float_runner(made.model.data)
    named = [
        (tensor.name, value)
        for tensor, value in zip(runner.graph.tensors, runner.run(sample), strict=True)
        if value is not None and not tensor.is_constant
    ]
    return next((name for name, value in layers.items() if _differs(name, value, named)), "")


def _differs(name: str, exact: Array, named: Sequence[tuple[str, Array]]) -> bool:
    """Whether all tensors of a layer have other values, in whatever order of axes."""
    own = [v for called, v in named if _is_of(called, name) and v.size == exact.size]
    sort: Callable[[Array], Array] = lambda value: np.sort(value, axis=None)  # noqa: E731
    return bool(own) and all(_db(sort(exact), sort(value), name) < EQUAL_DB for value in own)


def _is_of(tensor: str, layer: str) -> bool:
    parts = (tensor, *tensor.split("/"))
    return any(part in (layer, f"{layer}_1") for part in parts)
