"""What a model file would run when its framework loads it, found before the framework sees it.

Keras, PyTorch and TensorFlow store more than numbers: byte code of lambdas, names of functions to
import, pickles, expressions that are evaluated, compiled libraries, operators that write files.
Unless the user says that he trusts the file (``--trust-model``), one with any of these is refused.
Names are held to lists of what is known to be harmless; what is not on them counts as harmful.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tinyml.base.errors import ModelError

MAX_TEXT_BYTES = 64 << 20  # of the description of a network; its weights are elsewhere
_KERAS_MODULE = re.compile(
    r"(tf_)?keras(\.src)?(\.(activations|constraints|dtype_policies|engine|initializers|layers|"
    r"losses|metrics|mixed_precision|models|ops|optimizers|quantizers|random|regularizers)"
    r"(\.\w+)*)?|builtins"
)
_KERAS_CODE = {"__lambda__", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
_KERAS_TYPES = ("function_type", "output_shape_type", "mask_type")  # of a Lambda layer of Keras 2
_TF_FUNCTION = re.compile(r"(math|nn|linalg|image|strings|compat\.v1|__operators__)?\.?[a-z0-9_]+")
_TF_CODE = re.compile(r"py_|numpy_function|file|print|save|load|import|restore")

_TORCH_TARGET = re.compile(
    r"torch\.ops\.(aten|prims|quantized_decomposed)\.(?!\w*file)\w+(\.\w+)?|torch\.sym_\w+|"
    r"_operator\.(add|and_|eq|floordiv|ge|getitem|gt|le|lt|mod|mul|ne|neg|not_|or_|pow|sub|truediv)|"
    r"math\.(ceil|floor|sqrt|trunc)|#?[a-z]\w*"
)
_TORCH_WORDS = re.compile(
    r"[suif]\d+|Symbol|Integer|Rational|positive|nonnegative|negative|integer|real|True|False|Max|"
    r"Min|Mod|PythonMod|FloorDiv|CleanDiv|CeilDiv|ModularIndexing|Where|Eq|Ne|Lt|Le|Gt|Ge|And|Or|"
    r"Not|ceiling|floor|IntTrueDiv|FloatTrueDiv|PowByNatural|Pow|TruncToInt|CeilToInt|FloorToInt|"
    r"ToFloat|Identity|int_oo|oo"
)
_TORCH_TREE = re.compile(r"builtins\.(tuple|list|dict)|collections\.OrderedDict")

_TENSORFLOW_OPS = re.compile(
    r"(Eager)?PyFunc(Stateless)?|ReadFile|WriteFile|MatchingFiles|Save(Slices|Dataset(V2)?)?|"
    r"LoadDataset|WriteSummary|WriteGraphSummary|CreateSummaryFileWriter|WriteAudioSummary|"
    r"WriteImageSummary|WriteRawProtoSummary|WriteScalarSummary|WriteHistogramSummary|Rpc\w*|"
    r"DebugIdentity(V[23])?|DumpTensor\w*|PrintV2"
)


def refuse_code(found: str) -> ModelError:
    """The error for a file that would run something on loading."""
    return ModelError(
        f"would run code when it is loaded: {found}",
        hint="save the model without it; or, only if you know where the file comes from and would "
        "run a program from there, 'tinyml convert --trust-model …'.",
    )


def check_keras(path: Path) -> None:
    """Raises ModelError when a Keras model's description holds code or names what is not Keras."""
    for node in _dicts(_keras_config(path)):
        name, module = node.get("class_name"), node.get("module")
        if name in _KERAS_CODE or any(node.get(key) == "lambda" for key in _KERAS_TYPES):
            raise refuse_code(f"a Lambda layer, or another with code ({name or 'lambda'})")
        if isinstance(module, str) and not _KERAS_MODULE.fullmatch(module):
            raise refuse_code(f"'{node.get('class_name')}' of the Python module '{module}'")
        if name in ("TFOpLambda", "SlicingOpLambda"):
            function = str(node.get("config", {}).get("function"))
            if not _TF_FUNCTION.fullmatch(function) or _TF_CODE.search(function):
                raise refuse_code(f"TensorFlow's function '{function}'")


def _keras_config(path: Path) -> Any:
    """The description of the layers; None where there is none, which Keras will complain about."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                _check_names(archive)
                return json.loads(_text(archive, "config.json"))
        import h5py

        with h5py.File(path, "r") as file:
            text = file.attrs.get("model_config")
        return json.loads(text) if text is not None else None
    except (OSError, ValueError, KeyError, RecursionError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"is no model that Keras can read: {error}",
            hint="save it with model.save('model.keras').",
        ) from error


def _text(archive: zipfile.ZipFile, name: str) -> bytes:
    """A description in an archive; raises ValueError when it unpacks to more than any does."""
    nbytes = archive.getinfo(name).file_size
    if nbytes > MAX_TEXT_BYTES:
        raise ValueError(f"{name} would unpack to {nbytes:,} bytes, at most {MAX_TEXT_BYTES:,} do")
    return archive.read(name)


def check_torch(path: Path) -> None:
    """Raises ModelError when a .pt2 archive names functions or expressions that are not arithmetic.

    What it pickles is PyTorch's own matter, which the importer restricts to plain weights.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            _check_names(archive)
            names = archive.namelist()
            for name in names:
                if "aotinductor/" in name or name.endswith((".so", ".dll", ".dylib")):
                    raise refuse_code(f"a compiled library, {name}")
            documents = [json.loads(_text(archive, n)) for n in names if n.endswith(".json")]
    except (OSError, ValueError, RecursionError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"is no archive that PyTorch can read: {error}",
            hint="write it with torch.export.save(torch.export.export(net, inputs), path).",
        ) from error
    for node in _dicts(documents):
        _check_torch_node(node)


def _check_torch_node(node: dict[str, Any]) -> None:
    target = node.get("target")
    if isinstance(target, str) and not _TORCH_TARGET.fullmatch(target):
        raise refuse_code(f"a call of '{target}'")
    texts = [node.get("expr_str"), *(node.get("range_constraints") or {})]
    for text in texts:
        words = re.findall(r"[A-Za-z_]\w*", text) if isinstance(text, str) else []
        for word in words:
            if not _TORCH_WORDS.fullmatch(word):
                raise refuse_code(f"the expression '{text}'")
    for key in ("in_spec", "out_spec"):
        if not node.get(key):
            continue
        try:
            tree = json.loads(node[key])
        except (TypeError, ValueError) as error:
            raise refuse_code(f"'{key}' is no description of a tree: {error}") from error
        for part in _dicts(tree):
            kind = part.get("type")
            if kind is not None and not _TORCH_TREE.fullmatch(str(kind)):
                raise refuse_code(f"objects of the type '{kind}'")


def check_saved_model(path: Path) -> None:
    """Raises ModelError when a SavedModel holds operators that reach beyond its tensors.

    Needs TensorFlow. A file that cannot be parsed is left to TensorFlow's own message.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel()
    try:
        model.ParseFromString((path / "saved_model.pb").read_bytes())
    except (OSError, DecodeError):
        if (path / "saved_model.pbtxt").is_file():
            raise refuse_code("a SavedModel as text is not looked through") from None
        return
    for graph in (item.graph_def for item in model.meta_graphs):
        nodes = [*graph.node, *(node for f in graph.library.function for node in f.node_def)]
        for node in nodes:
            if _TENSORFLOW_OPS.fullmatch(node.op):
                raise refuse_code(f"the operator {node.op} ('{node.name}')")


def _check_names(archive: zipfile.ZipFile) -> None:
    """Two readers may take different ones of two files with one name."""
    names = archive.namelist()
    if len(set(names)) < len(names):
        raise ModelError("is a damaged archive: a file is in it twice", hint="save it again.")


def _dicts(document: object) -> Iterator[dict[str, Any]]:
    """Every object in a JSON document, in no particular order."""
    waiting = [document]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
