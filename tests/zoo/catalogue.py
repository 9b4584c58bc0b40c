"""Which rows there are, which packages they need, and how their models are written."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tests.zoo.run import Outcome, Row, outcomes
from tinyml.convert.importers.values import ImportOptions

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PACKAGES = {
    "onnx": ("onnx",),
    "other": ("onnx", "onnxruntime", "skl2onnx", "sklearn"),
    "keras": ("tensorflow", "keras", "tf_keras"),
    "torch": ("torch", "litert_torch", "onnx", "onnxscript"),
}
SCRIPTS = {name: HERE / f"{name}_rows.py" for name in PACKAGES}
FRAMEWORKS = {"keras": PACKAGES["keras"], "torch": ("torch", "litert_torch")}
SUFFIXES = {"keras": ".keras", "torch": ".onnx"}
Python = Callable[[str], Path]  # of the framework that is named


def operators() -> tuple[str, ...]:
    """The operators that tinyml reads, as docs/convert.md lists them.

    Those of ONNX itself, of onnxruntime's quantiser, and of scikit-learn's models.
    """
    from tinyml.convert.importers.onnx_ml import HANDLERS as OF_MODELS
    from tinyml.convert.importers.onnx_nodes import HANDLERS
    from tinyml.convert.importers.onnx_qoperators import WRITERS

    ends = ((HANDLERS, ";"), (WRITERS, ";"), (OF_MODELS, "."))
    return tuple("\n".join(textwrap.wrap(", ".join(names) + end, 120)) for names, end in ends)


def missing(source: str) -> tuple[str, ...]:
    """Packages that a source needs and that are not there."""
    return tuple(name for name in PACKAGES[source] if importlib.util.find_spec(name) is None)


def names(source: str, python: Python) -> tuple[str, ...]:
    """Every row of a source."""
    return tuple(_said(source, python, ()).split())


def share(found: Sequence[str], parts: int, seed: int) -> tuple[str, ...]:
    """One of ``parts`` equal parts of the rows, by a seed; seeds 0, 1, ... give all of them."""
    mixed = sorted(found)
    random.Random(0).shuffle(mixed)
    return tuple(sorted(mixed[seed % parts :: parts]))


def tried(
    rows: tuple[str, Sequence[str]], folder: Path, python: Python, quantization: str = "int8"
) -> Iterator[Outcome]:
    """What becomes of ``rows``, a source and names of it, in an empty folder."""
    models, builds = folder / "models", folder / "builds"
    models.mkdir()
    builds.mkdir()
    made = [replace(row, quantization=quantization) for row in written(*rows, models, python)]
    yield from outcomes(made, builds)


def written(source: str, wanted: Sequence[str], folder: Path, python: Python) -> list[Row]:
    """Rows whose models lie in the folder."""
    if not wanted:
        return []
    _said(source, python, (str(folder), *wanted))
    return [_row(source, name, folder, python) for name in wanted]


def _row(source: str, name: str, folder: Path, python: Python) -> Row:
    suffix = ".pt2" if name.endswith(".pt2") else SUFFIXES.get(source, ".onnx")
    path = folder / f"{name.removesuffix('.pt2')}{suffix}"
    needs = source == "keras" or suffix == ".pt2"
    shapes = ((1, 12, 12, 3),) if name == "free_sizes" else ()
    options = ImportOptions(python=python(source) if needs else None, input_shapes=shapes)
    return Row(f"{source}.{name}", path, options)


def _said(source: str, python: Python, arguments: Sequence[str]) -> str:
    """What the script of a source prints."""
    command = [str(python(source)), str(SCRIPTS[source]), *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"{SCRIPTS[source].name} fails:\n{done.stderr[-2000:]}")
    return done.stdout
