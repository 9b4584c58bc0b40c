"""Runs one importer in a process of its own: ``python child.py task.json``.

A task may name the file of the next one, for which the process waits: its framework need not be
imported again. The interpreter may belong to an environment without tinyml, so the package is
loaded from beside this file and nothing else of tinyml's environment is. Results and errors go to
files beside the task; whatever the frameworks print is captured by the parent.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinyml.ir.graph import Array

QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",  # the same float results on every machine
    "CUDA_VISIBLE_DEVICES": "-1",
    "JAX_PLATFORMS": "cpu",
    "HF_HUB_OFFLINE": "1",
}
_MOST_CHARACTERS = 500  # of a framework's message
_LOOKS_S = 0.02  # how often it looks for the next task


def main(task_path: Path) -> None:
    """Does a task: imports a model (model.tflite) or runs it (outputs.npz); writes result.json."""
    os.environ.update(QUIET)
    folder = task_path.parent  # the parent removes it, whatever becomes of this process
    os.environ.update({name: str(folder) for name in ("TMPDIR", "TEMP", "TMP")})
    task = json.loads(task_path.read_text(encoding="utf-8"))
    while task is not None:
        written(folder / "result.json", _attempt(task, folder))
        task = next_task(folder / task["next"]) if task.get("next") else None


def written(path: Path, value: object) -> None:
    """Writes a file of JSON, which is there whole or not at all."""
    made = path.with_suffix(".part")
    made.write_text(json.dumps(value), encoding="utf-8")
    made.replace(path)


def next_task(path: Path) -> dict[str, Any] | None:
    """The next task, once it is there; None when there is none, or nobody who could give it."""
    parent = os.getppid()
    while path.parent.exists() and os.getppid() == parent:
        if path.exists():
            found: dict[str, Any] | None = json.loads(path.read_text(encoding="utf-8"))
            return found
        time.sleep(_LOOKS_S)
    return None


def _attempt(task: dict[str, Any], folder: Path) -> dict[str, object]:
    if importlib.util.find_spec("numpy") is None:
        return {"missing": ["numpy"]}
    from tinyml.base.errors import TinymlError
    from tinyml.convert.importers.values import ImportOptions, Source, imported_to_json

    options = ImportOptions(
        weights=Path(task["weights"]) if task["weights"] else None,
        input_shapes=tuple(tuple(shape) for shape in task["input_shapes"]),
        sample_shapes=tuple(tuple(shape) for shape in task["sample_shapes"]),
        is_trusted=task["is_trusted"],
    )
    importer = importlib.import_module(f"tinyml.convert.importers.{task['importer']}")
    missing = [name for name in importer.PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        return {"missing": missing}
    source = Source(Path(task["path"]), task["entry"])
    try:
        if "samples" in task:
            return _outputs(importer.outputs_of, (source, options), folder, task["samples"])
        imported = importer.import_model(source, options)
    except TinymlError as error:
        return {
            "kind": type(error).__name__,
            "error": error.message,
            "hint": error.hint,
            "where": error.where,
        }
    except Exception as error:  # a framework has a hundred types
        return _stopped(error)
    (folder / "model.tflite").write_bytes(imported.data)
    return imported_to_json(imported)


def _outputs(
    outputs_of: Callable[..., Sequence[tuple[Array, ...]]],
    model: tuple[object, object],
    folder: Path,
    count: int,
) -> dict[str, object]:
    """Runs the model on samples.npz; writes outputs.npz."""
    import numpy as np

    with np.load(folder / "samples.npz", allow_pickle=False) as held:
        inputs = len(held.files) // max(count, 1)
        samples = [tuple(held[f"{k}_{i}"] for i in range(inputs)) for k in range(count)]
    found = outputs_of(*model, samples)
    given: dict[str, Any] = {
        f"{k}_{i}": v for k, values in enumerate(found) for i, v in enumerate(values)
    }
    np.savez(folder / "outputs.npz", **given)
    return {"outputs": len(found[0]) if found else 0}


def _stopped(error: Exception) -> dict[str, object]:
    """What to tell of an error that no importer foresaw."""
    from tinyml.convert.importers.values import plain

    traceback.print_exception(error)  # for 'tinyml --verbose'
    return {
        "kind": "ModelError",
        "error": "its framework stops while the model is read; it says: "
        f"{type(error).__name__}: {plain(str(error))[:_MOST_CHARACTERS]}",
        "hint": "load and call the model with the framework itself, in the same environment; where "
        "that works, save it in another format (float .tflite, ONNX) and convert that.",
        "where": None,
    }


def _load_package() -> None:
    """Makes ``import tinyml`` find the package around this file."""
    root = Path(__file__).resolve().parent.parent
    spec = importlib.util.spec_from_file_location(
        "tinyml", root / "__init__.py", submodule_search_locations=[str(root)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["tinyml"] = package
    spec.loader.exec_module(package)


if __name__ == "__main__":
    sys.path.pop(0)  # this folder: its modules would hide others of the same name
    _load_package()
    main(Path(sys.argv[1]))
