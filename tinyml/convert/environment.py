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
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinyml.base import process
from tinyml.base.errors import ModelError, TinymlError, ToolError
from tinyml.base.process import GRACE_S, Command
from tinyml.base.programs import pip_command
from tinyml.convert import kept
from tinyml.convert.child import written
from tinyml.convert.importers.values import Imported, ImportOptions, Source, imported_from_json
from tinyml.ir.graph import Array

TIMEOUT_S = 3600.0  # large models take minutes
CHILD = Path(__file__).with_name("child.py")
LOOKS_S = 0.02  # how often a result is looked for

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
    first = TORCH_FIRST if "torch" in extras else ""
    listed = " and ".join(missing)
    return ToolError(
        f"this conversion needs the package{'s' if len(missing) > 1 else ''} {listed}",
        hint=f"{first}{pip_command(*extras)}; or name the Python of an environment that has them: "
        "--python other/.venv/bin/python",
    )


@dataclass(slots=True)
class Child:
    """A process that has imported a framework and waits for the next task."""

    importer: str  # of tinyml.convert.importers
    folder: Path
    running: Future[str] | None = None
    tasks: int = 0
    is_busy: bool = False
    holding: ExitStack = field(default_factory=ExitStack)

    def import_model(self, source: Source, options: ImportOptions) -> Imported:
        """What ``tinyml.convert.importers.<importer>.import_model`` returns there.

        Raises the ModelError or ToolError of the importer; ToolError when the process dies.
        """
        result = self._done(_task(self.importer, source, options), options, "model.tflite")
        _refuse(result, str(source.path))
        return imported_from_json(result, (self.folder / "model.tflite").read_bytes())

    def outputs(
        self, source: Source, options: ImportOptions, samples: Sequence[Sequence[Array]]
    ) -> list[tuple[Array, ...]]:
        """What ``tinyml.convert.importers.<importer>.outputs_of`` returns there.

        Raises like ``import_model``.
        """
        held = {f"{k}_{i}": v for k, sample in enumerate(samples) for i, v in enumerate(sample)}
        np.savez(self.folder / "samples.npz", allow_pickle=False, **held)
        task = _task(self.importer, source, options) | {"samples": len(samples)}
        result = self._done(task, options, "outputs.npz")
        _refuse(result, str(source.path))
        with np.load(self.folder / "outputs.npz", allow_pickle=False) as found:
            return [
                tuple(found[f"{k}_{i}"] for i in range(result["outputs"]))
                for k in range(len(samples))
            ]

    def end(self) -> None:
        """Lets the process go; waits a little for one that has nothing to do."""
        if self.running is not None:
            written(self.folder / _name(self.tasks), None)
            wait((self.running,), 0 if self.is_busy else GRACE_S)

    def _done(self, task: dict[str, object], options: ImportOptions, made: str) -> kept.Result:
        """What the process writes for a task, beside the file ``made``; or wrote another time."""
        key = kept.key_of(task, self.folder) if options.python is None else None
        found = kept.take(key, self.folder)
        if found is None:
            found = self._asked(task, options)
            kept.keep(key, self.folder, found, made)
        return found

    def _asked(self, task: dict[str, object], options: ImportOptions) -> kept.Result:
        path = self.folder / _name(self.tasks)
        self.tasks += 1
        written(path, task | {"next": _name(self.tasks)})
        if self.running is None:
            self.running = self.holding.enter_context(_started(path, options))
        self.is_busy = True
        result = self.folder / "result.json"
        while not result.exists():
            if wait((self.running,), LOOKS_S).done and not result.exists():
                _ended(self.running)
        found: kept.Result = json.loads(result.read_text(encoding="utf-8"))
        result.unlink()
        self.is_busy = False
        return found


@contextmanager
def child_of(importer: str) -> Iterator[Child]:
    """A process for an importer, which starts with its first task and ends with the block."""
    with tempfile.TemporaryDirectory(prefix="tinyml-convert-") as folder, ExitStack() as holding:
        child = Child(importer, Path(folder), holding=holding)
        try:
            yield child
        finally:
            child.end()


def _name(number: int) -> str:
    return f"task{number}.json"


def _started(task: Path, options: ImportOptions) -> AbstractContextManager[Future[str]]:
    python = options.python or Path(sys.executable)
    command = Command((str(python), str(CHILD), str(task)), message=f"importing with {python}")
    return process.beside(command, timeout_s=TIMEOUT_S)


def _ended(running: Future[str]) -> None:
    """Raises the ToolError of a process that is no more, without a result."""
    hint = (
        "it ended without a word of its own on the model: check that this Python and its "
        "packages work (--python names another), and that memory suffices."
    )
    try:
        running.result()
    except ToolError as error:
        error.hint = hint
        raise
    raise ToolError("the process that reads the model ended without a result", hint=hint)


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


def _refuse(result: kept.Result, where: str) -> None:
    if "missing" in result:
        raise missing_packages(result["missing"])
    if "error" in result:
        kinds: dict[str, type[TinymlError]] = {"ModelError": ModelError, "ToolError": ToolError}
        kind = kinds.get(result["kind"], TinymlError)
        raise kind(result["error"], hint=result["hint"], where=result["where"] or where)


def peak_bytes() -> int:
    """The most memory that this process or a child of it held; 0 where it is not known."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(item).ru_maxrss for item in who) * unit
