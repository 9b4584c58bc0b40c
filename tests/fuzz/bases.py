"""The models that are damaged: every operator of both runtimes, and those of the repository."""

from __future__ import annotations

from pathlib import Path

from tests.support.models.cases import case_paths, load_cases
from tests.support.models.small_graphs import small_network
from tests.support.running.tflm_operators import TEMPLATES, combinations, file_of, model_of
from tinyml.base.errors import ModelError
from tinyml.convert.metadata import with_metadata
from tinyml.ir.metadata import Metadata
from tinyml.model.file import model_file
from tinyml.model.writer import write
from tinyml.tflm.outline import outline

ROOT = Path(__file__).parents[2]
_LARGEST = 40_000  # bytes of a file: most of a larger one is weights, and they may be anything
_CASES = 3  # of each operator
_METADATA = Metadata(("cat", "dog"), (127.5,), (2.0,), "tinyml", "ab" * 32, False)


def bases() -> list[bytes]:
    """All of them, in an order that stays."""
    network = write(small_network())
    bundled = sorted(ROOT.glob("examples/**/*.tflite"))
    found = [network, with_metadata(network, _METADATA)]
    found += [path.read_bytes() for path in bundled if path.stat().st_size <= _LARGEST]
    for path in case_paths():
        found += [write(case.graph) for case in load_cases(path).cases[:_CASES]]
    for kind in sorted(TEMPLATES):
        found += _taken(kind)
    return [data for data in found if len(data) <= _LARGEST]


def _taken(kind: str) -> list[bytes]:
    """An operator in the first two combinations of types that TFLM takes."""
    kept: list[bytes] = []
    for types in combinations(TEMPLATES[kind]):
        data = file_of(model_of(kind, types))
        try:
            outline(model_file("m.tflite", data))
        except ModelError:
            continue
        kept.append(data)
        if len(kept) == 2:
            break
    return kept
