"""The packages that conversions need, and Python processes in which they do no harm.

A framework runs in a child process: it prints what it likes, takes gigabytes, pins versions of
everything and at worst aborts. Its environment may be another one than tinyml's (``python``), so
that no two frameworks have to live together.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinyml import DISTRIBUTION
from tinyml.base import process
from tinyml.base.errors import ModelError, TinymlError, ToolError
from tinyml.base.process import Command
from tinyml.convert.importers.values import Imported, ImportOptions, Source, imported_from_json
from tinyml.ir.graph import Array

TIMEOUT_S = 3600.0  # large models take minutes

# Package by the name it is imported under: the extra that brings it.
EXTRAS = {
    "PIL": "quantize",
    "ai_edge_litert": "quantize",
    "keras": "convert",
    "litert_torch": "torch",
    "onnx": "onnx",
    "tensorflow": "convert",
    "tf_keras": "convert",
    "torch": "torch",
}
# A plain "torch" brings a CUDA build of several gigabytes on Linux; this version comes without.
TORCH_FIRST = "pip install torch==2.13.0 && "


def require(*packages: str) -> None:
    """Returns when all packages can be imported here.

    Raises ToolError that names those missing and the pip command.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise missing_packages(missing)


def missing_packages(missing: Sequence[str]) -> ToolError:
    """The error for packages that are not installed."""
    extras = {EXTRAS.get(name, "convert") for name in missing}
    if len(extras) > 1:
        extras.discard("quantize")  # the others bring it
    command = f"pip install '{DISTRIBUTION}[{','.join(sorted(extras))}]'"
    first = TORCH_FIRST if "torch" in extras else ""
    listed = " and ".join(missing)
    return ToolError(
        f"this conversion needs the package{'s' if len(missing) > 1 else ''} {listed}",
        hint=f"{first}{command}; or name the Python of an environment that has them: "
        "--python other/.venv/bin/python",
    )


def import_in_child(importer: str, source: Source, options: ImportOptions) -> Imported:
    """What ``tinyml.convert.importers.<importer>.import_model`` returns in a process of its own.

    Raises the ModelError or ToolError of the importer; ToolError when the process dies.
    """
    with tempfile.TemporaryDirectory(prefix="tinyml-convert-") as folder:
        result = _ran(Path(folder), _task(importer, source, options), options)
        _refuse(result, str(source.path))
        return imported_from_json(result, (Path(folder) / "model.tflite").read_bytes())


def run_in_child(
    importer: str, source: Source, options: ImportOptions, samples: Sequence[Sequence[Array]]
) -> list[tuple[Array, ...]]:
    """What ``tinyml.convert.importers.<importer>.outputs_of`` returns in a process of its own.

    Raises the ModelError or ToolError of the importer; ToolError when the process dies.
    """
    with tempfile.TemporaryDirectory(prefix="tinyml-convert-") as folder:
        held = {f"{k}_{i}": v for k, sample in enumerate(samples) for i, v in enumerate(sample)}
        np.savez(Path(folder) / "samples.npz", allow_pickle=False, **held)
        task = _task(importer, source, options) | {"samples": len(samples)}
        result = _ran(Path(folder), task, options)
        _refuse(result, str(source.path))
        with np.load(Path(folder) / "outputs.npz", allow_pickle=False) as found:
            return [
                tuple(found[f"{k}_{i}"] for i in range(result["outputs"]))
                for k in range(len(samples))
            ]


def _ran(folder: Path, task: dict[str, object], options: ImportOptions) -> dict[str, Any]:
    """What the child writes for a task."""
    from tinyml.convert import child

    python = options.python or Path(sys.executable)
    path = folder / "task.json"
    path.write_text(json.dumps(task), encoding="utf-8")
    command = Command(
        (str(python), str(Path(child.__file__)), str(path)), message=f"importing with {python}"
    )
    try:
        process.run(command, timeout_s=TIMEOUT_S)
    except ToolError as error:
        error.hint = (
            "it ended without a word of its own on the model: check that this Python and its "
            "packages work (--python names another), and that memory suffices."
        )
        raise
    found: dict[str, Any] = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    return found


def _task(importer: str, source: Source, options: ImportOptions) -> dict[str, object]:
    return {
        "importer": importer,
        "path": str(source.path.absolute()),
        "entry": source.entry,
        "weights": str(options.weights.absolute()) if options.weights else None,
        "input_shapes": options.input_shapes,
        "sample_shapes": options.sample_shapes,
        "is_trusted": options.is_trusted,
    }


def _refuse(result: dict[str, Any], where: str) -> None:
    if "missing" in result:
        raise missing_packages(result["missing"])
    if "error" in result:
        kinds: dict[str, type[TinymlError]] = {"ModelError": ModelError, "ToolError": ToolError}
        kind = kinds.get(result["kind"], TinymlError)
        raise kind(result["error"], hint=result["hint"], where=result["where"] or where)
