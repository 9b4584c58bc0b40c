"""Which table of options each operator has, of all that an importer or a fix-up can write.

Names of tables do not follow from those of operators (RELU_N1_TO_1 has none, BATCH_MATMUL has
BatchMatMulOptions), so each stands here; an operator that does not cannot be made.
"""

from __future__ import annotations

from dataclasses import replace

from tinyml.base.errors import InternalError
from tinyml.model.options import Options, Value, options

_KINDS = {
    "": "CEIL ELU FLOOR LOG LOGISTIC PRELU RELU RELU6 RELU_0_TO_1 RELU_N1_TO_1 RSQRT SQRT TANH",
    "AbsOptions": "ABS",
    "AddOptions": "ADD",
    "BatchToSpaceNDOptions": "BATCH_TO_SPACE_ND",
    "BatchMatMulOptions": "BATCH_MATMUL",
    "BroadcastToOptions": "BROADCAST_TO",
    "CastOptions": "CAST",
    "ConcatenationOptions": "CONCATENATION",
    "Conv2DOptions": "CONV_2D",
    "DepthToSpaceOptions": "DEPTH_TO_SPACE",
    "DepthwiseConv2DOptions": "DEPTHWISE_CONV_2D",
    "DequantizeOptions": "DEQUANTIZE",
    "DivOptions": "DIV",
    "ExpOptions": "EXP",
    "ExpandDimsOptions": "EXPAND_DIMS",
    "FullyConnectedOptions": "FULLY_CONNECTED",
    "GatherOptions": "GATHER",
    "GeluOptions": "GELU",
    "HardSwishOptions": "HARD_SWISH",
    "LeakyReluOptions": "LEAKY_RELU",
    "LogSoftmaxOptions": "LOG_SOFTMAX",
    "MaximumMinimumOptions": "MAXIMUM MINIMUM",
    "MirrorPadOptions": "MIRROR_PAD",
    "MulOptions": "MUL",
    "NegOptions": "NEG",
    "PadOptions": "PAD",
    "PadV2Options": "PADV2",
    "Pool2DOptions": "AVERAGE_POOL_2D MAX_POOL_2D",
    "PowOptions": "POW",
    "QuantizeOptions": "QUANTIZE",
    "ReducerOptions": "MEAN REDUCE_MAX REDUCE_MIN SUM",
    "ReshapeOptions": "RESHAPE",
    "ResizeBilinearOptions": "RESIZE_BILINEAR",
    "ResizeNearestNeighborOptions": "RESIZE_NEAREST_NEIGHBOR",
    "ReverseV2Options": "REVERSE_V2",
    "SliceOptions": "SLICE",
    "SoftmaxOptions": "SOFTMAX",
    "SpaceToBatchNDOptions": "SPACE_TO_BATCH_ND",
    "SpaceToDepthOptions": "SPACE_TO_DEPTH",
    "SquareOptions": "SQUARE",
    "StridedSliceOptions": "STRIDED_SLICE",
    "SubOptions": "SUB",
    "TileOptions": "TILE",
    "TransposeConvOptions": "TRANSPOSE_CONV",
    "TransposeOptions": "TRANSPOSE",
    "UnidirectionalSequenceLSTMOptions": "UNIDIRECTIONAL_SEQUENCE_LSTM",
}
TABLES = {kind: table for table, kinds in _KINDS.items() for kind in kinds.split()}
VERSIONS = {"BROADCAST_TO": 2}  # of operators whose first version interpreters do not know


def options_of(kind: str, **changes: Value) -> Options:
    """The options of an operator with their defaults, some fields changed.

    Raises InternalError for an operator that is not listed here, KeyError for an unknown field.
    """
    if kind not in TABLES:
        raise InternalError(f"{kind} has no table of options in tinyml.convert.tables")
    return replace(options(TABLES[kind], **changes), version=VERSIONS.get(kind, 1))
