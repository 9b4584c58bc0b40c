"""What kind of model a source is, and who imports it."""

from __future__ import annotations

import importlib
import re
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from tinyml.base.errors import ModelError, ToolError
from tinyml.base.registry import outside
from tinyml.convert.environment import Child, child_of, require
from tinyml.convert.importers.finish import finished
from tinyml.convert.importers.torch_files import is_script
from tinyml.convert.importers.values import Importer, ImportOptions, Source
from tinyml.convert.python_text import functions_of
from tinyml.convert.values import FloatModel
from tinyml.ir.graph import Array
from tinyml.model.file import no_such_model

_KINDS = ".keras, .h5, .onnx, .pt2, .tflite, a SavedModel folder, or net.py:function"
_PYTHON = re.compile(r"(.+\.py):([A-Za-z_]\w*)")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_ZIP = b"PK\x03\x04"
_NAMED = 8  # functions of a file that has not the one that was named


@dataclass(frozen=True, slots=True)
class InChild:
    """A format that its framework reads, in a process of its own."""

    name: str
    module: str  # of tinyml.convert.importers
    child: Child | None = None  # that goes on running

    @contextmanager
    def kept(self) -> Iterator[InChild]:
        """The same, whose framework is imported once for all that is asked within the block."""
        with self._running() as child:
            yield replace(self, child=child)

    def _running(self) -> AbstractContextManager[Child]:
        return child_of(self.module) if self.child is None else nullcontext(self.child)

    def require(self, options: ImportOptions) -> None:
        """Raises ToolError when this environment must have the framework and has it not."""
        if options.python is None:
            require("ai_edge_litert", *_module(self.module).PACKAGES)

    def to_float_tflite(self, source: Source, options: ImportOptions) -> FloatModel:
        """The model as a float .tflite; raises ModelError or ToolError."""
        with self._running() as child:
            imported = child.import_model(source, options)
        return finished(imported, source, self.name)

    def outputs(
        self, source: Source, options: ImportOptions, samples: Sequence[Sequence[Array]]
    ) -> list[tuple[Array, ...]]:
        """What the framework computes; raises ModelError or ToolError."""
        with self._running() as child:
            return child.outputs(source, options, samples)

    def layers(
        self, source: Source, options: ImportOptions, sample: Sequence[Array]
    ) -> dict[str, Array]:
        """Not known: none."""
        return {}


@dataclass(frozen=True, slots=True)
class Native:
    """A format that is read in this process, by tinyml or by another package."""

    name: str
    module: str | ModuleType  # of tinyml.convert.importers, or of the other package

    def kept(self) -> AbstractContextManager[Native]:
        """The same: there is nothing to keep."""
        return nullcontext(self)

    def require(self, options: ImportOptions) -> None:
        """Raises ToolError when a package is missing."""
        require("ai_edge_litert", *_module(self.module).PACKAGES)

    def to_float_tflite(self, source: Source, options: ImportOptions) -> FloatModel:
        """The model as a float .tflite; raises ModelError or ToolError."""
        try:
            imported = _module(self.module).import_model(source, options)
            return finished(imported, source, self.name)
        except ModelError as error:
            error.where = error.where or str(source.path)
            raise

    def outputs(
        self, source: Source, options: ImportOptions, samples: Sequence[Sequence[Array]]
    ) -> list[tuple[Array, ...]]:
        """What the format's own reference computes; raises ModelError or ToolError."""
        found: list[tuple[Array, ...]] = _module(self.module).outputs_of(source, options, samples)
        return found

    def layers(
        self, source: Source, options: ImportOptions, sample: Sequence[Array]
    ) -> dict[str, Array]:
        """The results of the layers by name, in order; empty where that is not known."""
        layers_of = getattr(_module(self.module), "layers_of", None)
        found: dict[str, Array] = {} if layers_of is None else layers_of(source, sample)
        return found


def _module(name: str | ModuleType) -> ModuleType:
    if isinstance(name, ModuleType):
        return name
    return importlib.import_module(f"tinyml.convert.importers.{name}")


KERAS = InChild("Keras", "keras")
SAVED_MODEL = InChild("SavedModel", "saved_model")
PYTORCH = InChild("PyTorch", "torch")
TFLITE = Native("TensorFlow Lite", "tflite")
ONNX = Native("ONNX", "onnx")
_BY_SUFFIX: dict[str, Importer] = {
    ".keras": KERAS,
    ".h5": KERAS,
    ".hdf5": KERAS,
    ".onnx": ONNX,
    ".pt2": PYTORCH,
    ".tflite": TFLITE,
    ".lite": TFLITE,
}


def source_of(text: str) -> Source:
    """The file, folder or function that the user named.

    Raises ModelError when there is no such file.
    """
    match = _PYTHON.fullmatch(text)
    source = Source(Path(match[1]), match[2]) if match else Source(Path(text))
    if not source.path.exists():
        raise no_such_model(source.path, _BY_SUFFIX, _KINDS)
    return source


def importer_of(source: Source) -> Importer:
    """The importer for a source, by what the file holds and, failing that, by its name.

    Raises ModelError for anything that is no model.
    """
    path = source.path
    if source.entry:
        return PYTORCH
    if path.is_dir():
        if (path / "saved_model.pb").is_file() or (path / "saved_model.pbtxt").is_file():
            return SAVED_MODEL
        raise ModelError(
            "is a folder without saved_model.pb, not a SavedModel",
            hint=f"give the path of {_KINDS}.",
            where=str(path),
        )
    suffix = path.suffix.lower().removeprefix(".")
    ours = {known.removeprefix(".") for known in _BY_SUFFIX}
    added = outside("importers", ours).get(suffix)
    if added is not None:
        return _of_package(suffix, added())
    head = _head(path)
    if head[4:8] == b"TFL3":
        return TFLITE
    if head.startswith(_HDF5):
        return KERAS
    if head.startswith(_ZIP):
        return _in_archive(path)
    known = _BY_SUFFIX.get(path.suffix.lower())
    if known is ONNX:
        return ONNX
    if path.suffix == ".py":
        raise _without_function(path)
    held = f"is no {known.name} model" if known is not None else "is not a model that is known"
    found = "it is empty" if not head else f"it begins with {head[:8]!r}"
    raise ModelError(f"{held}: {found}", hint=f"give the path of {_KINDS}.", where=str(path))


def _without_function(path: Path) -> ModelError:
    made = functions_of(path)
    there = f"; the file has {', '.join(made[:_NAMED])}" if len(made) > 1 else ""
    return ModelError(
        "names no function in the Python file",
        hint=f"append it: {path}:{made[0] if len(made) == 1 else 'function'}{there}",
        where=str(path),
    )


def _of_package(name: str, module: object) -> Native:
    wanted = ("PACKAGES", "import_model", "outputs_of")
    lacking = [item for item in wanted if not hasattr(module, item)]
    if lacking or not isinstance(module, ModuleType):
        raise ToolError(
            f"the importer '{name}' of another package is no module with {', '.join(wanted)}",
            hint="docs/adding-a-backend.md says what an importer must have",
        )
    return Native(name, module)


def is_int8_tflite(source: Source) -> bool:
    """Whether a file is a .tflite that computes in integers already."""
    from tinyml.convert.importers.tflite import is_quantised

    if source.path.is_dir() or source.entry or _head(source.path)[4:8] != b"TFL3":
        return False
    return is_quantised(source.path)


def _in_archive(path: Path) -> Importer:
    try:
        names = zipfile.ZipFile(path).namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"is a damaged archive: {error}", hint="copy it again.", where=str(path)
        ) from error
    if "config.json" in names:
        return KERAS
    if is_script(names):
        raise ModelError(
            "is TorchScript, which nothing here reads",
            hint="export the network with torch.export or torch.onnx.export, and convert that.",
            where=str(path),
        )
    if any(name.endswith((".pkl", "data.pkl")) for name in names) and path.suffix != ".pt2":
        raise ModelError(
            "holds weights of PyTorch, not the network",
            hint=f"name the function that builds it: net.py:build --weights {path.name}",
            where=str(path),
        )
    if path.suffix == ".pt2" or any("serialized_exported_program" in name for name in names):
        return PYTORCH
    raise ModelError(
        "is an archive, but not of a model", hint=f"give the path of {_KINDS}.", where=str(path)
    )


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(64)
    except OSError as error:
        raise ModelError(
            f"cannot be read: {error.strerror or error}", hint="check the path.", where=str(path)
        ) from error
