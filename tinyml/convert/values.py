"""The values between the stages of a conversion.

    source ─import→ FloatModel ─quantize→ QuantizedModel ─measure→ ConvertReport
                        ↑ CalibrationSet      ↑ QuantizeSettings

Every importer ends in a FloatModel: the bytes of a float32 .tflite with images as NHWC and a batch
of one. One quantiser, one set of fix-ups and one quality report take it from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tinyml.ir.dtype import FLOAT32, DType
from tinyml.ir.graph import Array, Graph
from tinyml.ir.metadata import Metadata

EQUAL_DB = 60.0  # between models of floats: sums in another order are beyond it


@dataclass(frozen=True, slots=True)
class ModelInput:
    """One input or output of a float model, and how the source model sees it."""

    name: str
    shape: tuple[int, ...]  # of the .tflite, the batch of 1 first
    dtype: DType = FLOAT32
    permutation: tuple[int, ...] | None = None  # .tflite axis i = source axis permutation[i]

    @property
    def source_shape(self) -> tuple[int, ...]:
        """The shape in the source model's own order of axes."""
        if self.permutation is None:
            return self.shape
        return tuple(self.shape[self.permutation.index(i)] for i in range(len(self.shape)))


@dataclass(frozen=True, slots=True)
class Transpose:
    """A change of layout that an importer could not avoid."""

    name: str  # of the tensor that it writes
    shape: tuple[int, ...]  # of its result
    elements: int  # moved per inference: its cost in copies


@dataclass(frozen=True, slots=True)
class FloatModel:
    """A float32 .tflite, NHWC, batch 1."""

    data: bytes
    file_name: str  # of the source, without directories
    source_format: str  # "Keras", "SavedModel", "TensorFlow Lite", "ONNX", "PyTorch"
    producer: str  # "keras 3.15.1 with tensorflow 2.21.0"
    inputs: tuple[ModelInput, ...]
    outputs: tuple[ModelInput, ...]
    notes: tuple[str, ...] = ()  # what the user should know, a sentence each
    transposes: tuple[Transpose, ...] = ()
    is_trained: bool = True  # False: the source is code that loads no weights
    states: int = 0  # inputs and outputs of ``data`` behind these: values kept between calls


@dataclass(frozen=True, slots=True)
class CalibrationSet:
    """Samples in the float model's own shapes and types, one tuple of input arrays each."""

    samples: tuple[tuple[Array, ...], ...]  # each array with the batch of 1 first
    source: str  # file name or "module:function"; "random"
    sha256: str  # hex, of the samples' bytes
    warnings: tuple[str, ...] = ()  # a sentence each
    is_random: bool = False  # the result must say "not calibrated"


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Samples with what should come out: classes, or arrays of the output's shape."""

    samples: tuple[tuple[Array, ...], ...]
    labels: tuple[int, ...] = ()  # class index per sample; empty when there are targets or nothing
    targets: tuple[Array, ...] = ()  # expected output per sample
    file_name: str = ""


@dataclass(frozen=True, slots=True)
class QuantizeSettings:
    """How to quantise; the defaults are what a microcontroller wants."""

    quantization: str = "int8"  # one of choices.QUANTIZATIONS
    io: str = "int8"  # one of choices.IO_TYPES
    keep_int16: tuple[str, ...] = ()  # names of tensors or ops whose activations are 16 bits wide
    is_calibrated: bool = True  # False: random samples; stamps the result
    equalize: bool = False  # move factors between layers so that channels have like sizes
    correct_bias: bool = True  # take the average error of rounded weights out of the biases
    ranges: str = "minmax"  # one of choices.RANGES: which values may clip for a finer grid
    states: int = 0  # of the model: see FloatModel


@dataclass(frozen=True, slots=True)
class QuantizedModel:
    """The bytes of the .tflite to deploy."""

    data: bytes
    notes: tuple[str, ...] = ()  # what the quantiser and the fix-ups did, a sentence each
    original: Graph | None = None  # in floats, as the fix-ups left it; None for "float32"


@dataclass(frozen=True, slots=True)
class Proof:
    """How near the imported float model is to the model in its own framework."""

    framework: str
    db: float | None  # of the output that is furthest off, at most 120; None: not compared
    samples: int
    output: str  # its name; without a comparison, the reason
    first: str = ""  # layer of the source that differs first, where that can be told


@dataclass(frozen=True, slots=True)
class ConvertReport:
    """Everything that is printed and written to convert.json."""

    model: FloatModel
    settings: QuantizeSettings
    calibration: CalibrationSet | None  # None for float32
    result: QuantizedModel
    metadata: Metadata = field(default_factory=Metadata)
    quality: dict[str, object] = field(default_factory=dict)  # as quality.py lays it out
    proof: Proof | None = None
    seconds: float = 0.0
    peak_bytes: int = 0  # of resident memory, this process and its children
