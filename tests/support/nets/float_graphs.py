"""Small float graphs of any operator by hand, for the converter's tests; no framework needed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from tests.support.models.small_graphs import GraphBuilder
from tinyml.ir.dtype import BOOL, FLOAT32, INT8, INT32, DType
from tinyml.ir.graph import Array, Graph, Quant, Source, Tensor
from tinyml.model.options import Options, options


class FloatBuilder(GraphBuilder):
    """The builder of graphs whose values are floats and whose attributes are a file's own."""

    source = Source("float.tflite", "0" * 64, 0)

    def value(self, name: str, shape: tuple[int, ...], dtype: DType = FLOAT32) -> int:
        return super().value(name, shape, None, dtype)

    def integers(self, name: str, shape: tuple[int, ...], quant: Quant, dtype: DType = INT8) -> int:
        self.tensors.append(Tensor(name, dtype, shape, quant))
        return len(self.tensors) - 1

    def constant(self, name: str, data: Any, quant: Quant | None = None) -> int:
        """A tensor with a value, of 32 bits where Python takes 64."""
        given = np.asarray(data)
        narrow = {"float64": np.float32, "int64": np.int32}.get(given.dtype.name, given.dtype)
        return super().constant(name, given.astype(narrow), quant)

    def weights(self, name: str, *shape: int) -> int:
        return self.constant(name, self.rng.normal(0, 0.4, shape))

    def op(
        self,
        kind: str,
        inputs: tuple[int, ...],
        output: int | tuple[int, ...],
        held: Options | None = None,
        version: int = 1,
    ) -> int:
        return super().op(kind, inputs, output, replace(held or Options(), version=version))

    def conv(
        self, name: str, given: int, weights: Array, shape: tuple[int, ...], **changes: Any
    ) -> int:
        """A CONV_2D with a bias of zeros."""
        held = options(
            "Conv2DOptions",
            **{"StrideH": 1, "StrideW": 1, "DilationHFactor": 1, "DilationWFactor": 1, **changes},
        )
        operands = (
            given,
            self.constant(f"{name}/w", weights),
            self.constant(f"{name}/b", np.zeros(len(weights))),
        )
        return self.op("CONV_2D", operands, self.value(name, shape), held)

    def depthwise(
        self, name: str, given: int, weights: Array, shape: tuple[int, ...], stride: int = 1
    ) -> int:
        """A DEPTHWISE_CONV_2D with a bias of zeros."""
        held = options(
            "DepthwiseConv2DOptions",
            StrideH=stride,
            StrideW=stride,
            DilationHFactor=1,
            DilationWFactor=1,
            DepthMultiplier=1,
        )
        operands = (
            given,
            self.constant(f"{name}/w", weights),
            self.constant(f"{name}/b", np.zeros(weights.shape[-1])),
        )
        return self.op("DEPTHWISE_CONV_2D", operands, self.value(name, shape), held)

    def give(self, name: str, data: Array) -> None:
        """Gives a constant another value."""
        (i,) = (k for k, tensor in enumerate(self.tensors) if tensor.name == name)
        held = np.asarray(data, self.tensors[i].data.dtype).reshape(self.tensors[i].shape)
        self.tensors[i] = replace(self.tensors[i], data=held)

    def dense(self, name: str, given: int, weights: Array, **changes: Any) -> int:
        """A FULLY_CONNECTED with a bias of zeros."""
        operands = (
            given,
            self.constant(f"{name}/w", weights),
            self.constant(f"{name}/b", np.zeros(len(weights))),
        )
        return self.op(
            "FULLY_CONNECTED",
            operands,
            self.value(name, (1, len(weights))),
            options("FullyConnectedOptions", **changes),
        )


_IMAGE = (1, 4, 6, 3)

# kind: (table of options and changes, shapes of value inputs, further constants, shapes of results)
_CASES: dict[str, tuple[Options, Any, Any, Any]] = {}


def _case(
    kind: str,
    table: str = "",
    values: Any = (_IMAGE,),
    more: Any = (),
    results: Any = (_IMAGE,),
    **changes: Any,
) -> None:
    _CASES[kind] = (options(table, **changes), values, more, results)


_W = np.random.default_rng(5).normal(0, 0.4, (5, 3, 3, 3))
_STRIDES = {"StrideH": 1, "StrideW": 1}
_DILATED = {**_STRIDES, "DilationHFactor": 1, "DilationWFactor": 1}
_POOL = {"StrideH": 2, "StrideW": 2, "FilterHeight": 2, "FilterWidth": 2}
_case("CONV_2D", "Conv2DOptions", more=(_W, _W[:, 0, 0, 0]), results=((1, 4, 6, 5),), **_DILATED)
_case(
    "DEPTHWISE_CONV_2D",
    "DepthwiseConv2DOptions",
    more=(_W[:1], _W[0, 0, 0]),
    DepthMultiplier=1,
    **_DILATED,
)
_case(
    "FULLY_CONNECTED",
    "FullyConnectedOptions",
    values=((1, 7),),
    more=(_W.reshape(-1)[:28].reshape(4, 7), _W.reshape(-1)[:4]),
    results=((1, 4),),
)
_case("AVERAGE_POOL_2D", "Pool2DOptions", results=((1, 2, 3, 3),), **_POOL)
_case("MAX_POOL_2D", "Pool2DOptions", results=((1, 2, 3, 3),), **_POOL)
_case(
    "BATCH_TO_SPACE_ND",
    "BatchToSpaceNDOptions",
    values=((4, 2, 3, 3),),
    more=([2, 2], [[0, 0], [0, 0]]),
)
_case(
    "SPACE_TO_BATCH_ND",
    "SpaceToBatchNDOptions",
    more=([2, 2], [[0, 0], [0, 0]]),
    results=((4, 2, 3, 3),),
)
_case("BROADCAST_TO", "BroadcastToOptions", values=((1, 1, 1, 3),), more=(list(_IMAGE),))
_case(
    "CONCATENATION",
    "ConcatenationOptions",
    values=(_IMAGE, _IMAGE),
    results=((1, 4, 6, 6),),
    Axis=3,
)
_case("DEPTH_TO_SPACE", "DepthToSpaceOptions", values=((1, 2, 3, 12),), BlockSize=2)
_case("SPACE_TO_DEPTH", "SpaceToDepthOptions", results=((1, 2, 3, 12),), BlockSize=2)
_case(
    "EXPAND_DIMS", "ExpandDimsOptions", values=((1, 6),), more=(np.int32(1),), results=((1, 1, 6),)
)
_case("GATHER", "GatherOptions", more=([2, 0],), results=((1, 4, 6, 2),), Axis=3)
_case("GATHER_ND", "GatherNdOptions", values=((4, 6),), more=([[2], [0]],), results=((2, 6),))
_case("MAXIMUM", "MaximumMinimumOptions", values=(_IMAGE, _IMAGE))
_case("MINIMUM", "MaximumMinimumOptions", values=(_IMAGE,), more=(np.float32(0.3),))
_case(
    "MIRROR_PAD",
    "MirrorPadOptions",
    more=([[0, 0], [1, 1], [1, 1], [0, 0]],),
    results=((1, 6, 8, 3),),
)
_case("PACK", "PackOptions", values=((1, 6), (1, 6)), results=((1, 2, 6),), Axis=1, ValuesCount=2)
_case("PAD", "PadOptions", more=([[0, 0], [1, 1], [1, 1], [0, 0]],), results=((1, 6, 8, 3),))
_case(
    "PADV2",
    "PadV2Options",
    more=([[0, 0], [1, 1], [1, 1], [0, 0]], np.float32(-0.7)),
    results=((1, 6, 8, 3),),
)
_case("REDUCE_MAX", "ReducerOptions", more=([3],), results=((1, 4, 6),))
_case("REDUCE_MIN", "ReducerOptions", more=([3],), results=((1, 4, 6),))
_case("DIV", "DivOptions", more=(np.full((3,), 2.5),))
_case("RSQRT")
_case("SELECT_V2", "SelectV2Options", values=(_IMAGE, _IMAGE))
_case("SPLIT", "SplitOptions", values=(_IMAGE,), results=((1, 4, 6, 1),) * 3, NumSplits=3)
_case(
    "TRANSPOSE_CONV",
    "TransposeConvOptions",
    more=(_W,),
    results=((1, 8, 12, 5),),
    StrideH=2,
    StrideW=2,
)
_case("ARG_MAX", "ArgMaxOptions", more=(np.int32(3),), results=((1, 4, 6),), OutputType=2)
_case("ARG_MIN", "ArgMinOptions", more=(np.int32(3),), results=((1, 4, 6),), OutputType=2)
for _kind, _table in (
    ("EQUAL", "EqualOptions"),
    ("GREATER", "GreaterOptions"),
    ("GREATER_EQUAL", "GreaterEqualOptions"),
    ("LESS", "LessOptions"),
    ("LESS_EQUAL", "LessEqualOptions"),
    ("NOT_EQUAL", "NotEqualOptions"),
):
    _case(_kind, _table, values=(_IMAGE,), more=(np.float32(0.1),))
_case("RELU6")
_case("RELU")
_case("RESHAPE", "ReshapeOptions", more=([1, 72],), results=((1, 72),), NewShape=(1, 72))
_case("RESIZE_BILINEAR", "ResizeBilinearOptions", more=([8, 12],), results=((1, 8, 12, 3),))
_case(
    "RESIZE_NEAREST_NEIGHBOR",
    "ResizeNearestNeighborOptions",
    more=([8, 12],),
    results=((1, 8, 12, 3),),
)
_case("REVERSE_V2", "ReverseV2Options", more=([2],))
_case("SLICE", "SliceOptions", more=([0, 1, 0, 0], [1, 2, 6, 3]), results=((1, 2, 6, 3),))
_case(
    "SPLIT_V",
    "SplitVOptions",
    more=([2, 4], np.int32(2)),
    results=((1, 4, 2, 3), (1, 4, 4, 3)),
    NumSplits=2,
)
_case("SQUEEZE", "SqueezeOptions", results=((4, 6, 3),), SqueezeDims=(0,))
_case(
    "STRIDED_SLICE",
    "StridedSliceOptions",
    more=([0, 0, 0, 0], [1, 4, 6, 3], [1, 2, 1, 1]),
    results=((1, 2, 6, 3),),
)
_case("TRANSPOSE", "TransposeOptions", more=([0, 2, 1, 3],), results=((1, 6, 4, 3),))
_case("UNPACK", "UnpackOptions", values=((1, 2, 6),), results=((1, 6), (1, 6)), Axis=1, Num=2)
_case("ABS", "AbsOptions")
_case("ADD", "AddOptions", values=(_IMAGE, _IMAGE))
_case("BATCH_MATMUL", "BatchMatMulOptions", values=((1, 4, 6), (1, 6, 3)), results=((1, 4, 3),))
_case("ELU")
_case("EXP", "ExpOptions")
_case("HARD_SWISH", "HardSwishOptions")
_case("LEAKY_RELU", "LeakyReluOptions", Alpha=0.1)
_case("MEAN", "ReducerOptions", more=([1, 2],), results=((1, 3),))
_case("MUL", "MulOptions", values=(_IMAGE, _IMAGE))
_case("PRELU", more=(np.full((1, 1, 3), 0.2),))
_case("SQUARED_DIFFERENCE", "SquaredDifferenceOptions", values=(_IMAGE, _IMAGE))
_case("SUB", "SubOptions", values=(_IMAGE, _IMAGE))
_case("SUM", "ReducerOptions", more=([1, 2],), results=((1, 3),))
_case("SOFTMAX", "SoftmaxOptions", values=((1, 6),), results=((1, 6),), Beta=1.0)
_case("LOGISTIC")
_case("TANH")
_case("L2_NORMALIZATION", "L2NormOptions", values=((1, 6),), results=((1, 6),))
_case("LOG_SOFTMAX", "LogSoftmaxOptions", values=((1, 6),), results=((1, 6),))
KINDS = tuple(sorted(_CASES))


def single_op(kind: str) -> Graph:
    """A graph of one operator; its value inputs are the model's inputs."""
    held, values, more, results = _CASES[kind]
    b = FloatBuilder()
    inputs = tuple(b.value(f"in{k}", shape) for k, shape in enumerate(values))
    constants = tuple(b.constant(f"c{k}", data) for k, data in enumerate(more))
    outputs = tuple(b.value(f"out{k}", shape) for k, shape in enumerate(results))
    operands = (*inputs, *constants)
    if kind == "SPLIT":
        operands = (b.constant("axis", np.int32(3)), *inputs)
    elif kind == "TRANSPOSE_CONV":
        operands = (b.constant("size", list(results[0])), constants[0], inputs[0])
    elif kind == "SELECT_V2":
        operands = (b.constant("choice", np.arange(72).reshape(_IMAGE) % 3 == 0), *inputs)
    if kind.startswith("ARG"):
        b.tensors[outputs[0]] = replace(b.tensors[outputs[0]], dtype=INT32)
    elif "EQUAL" in kind or kind in ("LESS", "GREATER"):
        b.tensors[outputs[0]] = replace(b.tensors[outputs[0]], dtype=BOOL)
    b.op(kind, operands, outputs, held, version=2 if kind == "BROADCAST_TO" else 1)
    return b.graph(inputs, outputs)
