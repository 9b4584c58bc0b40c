"""Which ONNX operator is read by which function."""

from __future__ import annotations

from tinyml.convert.importers import onnx_axes as axes
from tinyml.convert.importers import onnx_elementwise as elementwise
from tinyml.convert.importers import onnx_pooling as pooling
from tinyml.convert.importers import onnx_weighted as weighted
from tinyml.convert.importers.onnx_recurrent import recurrent
from tinyml.convert.importers.onnx_values import Handler

_UNARY = {
    "Abs": "ABS",
    "Exp": "EXP",
    "HardSwish": "HARD_SWISH",
    "Log": "LOG",
    "Neg": "NEG",
    "Relu": "RELU",
    "Sigmoid": "LOGISTIC",
    "Sqrt": "SQRT",
    "Tanh": "TANH",
}
_BINARY = {
    "Add": "ADD",
    "Div": "DIV",
    "Max": "MAXIMUM",
    "Min": "MINIMUM",
    "Mul": "MUL",
    "Pow": "POW",
    "Sub": "SUB",
}
_REDUCTIONS = {
    "ReduceMax": "REDUCE_MAX",
    "ReduceMean": "MEAN",
    "ReduceMin": "REDUCE_MIN",
    "ReduceSum": "SUM",
}

HANDLERS: dict[str, Handler] = {
    **{name: elementwise.unary(kind) for name, kind in _UNARY.items()},
    **{name: elementwise.binary(kind) for name, kind in _BINARY.items()},
    **{name: pooling.reduction(kind) for name, kind in _REDUCTIONS.items()},
    "AveragePool": pooling.average_pool,
    "BatchNormalization": weighted.batch_normalization,
    "Cast": elementwise.cast,
    "Clip": elementwise.clip,
    "Concat": axes.concat,
    "Conv": weighted.conv,
    "ConvTranspose": weighted.conv_transpose,
    "DepthToSpace": axes.depth_to_space,
    "DequantizeLinear": elementwise.dequantize,
    "Dropout": elementwise.identity,
    "Elu": elementwise.elu,
    "Expand": axes.expand,
    "Flatten": axes.flatten,
    "GRU": recurrent,
    "Gather": axes.gather,
    "Gelu": elementwise.gelu,
    "Gemm": weighted.gemm,
    "GlobalAveragePool": pooling.global_pool("MEAN"),
    "GlobalMaxPool": pooling.global_pool("REDUCE_MAX"),
    "HardSigmoid": elementwise.hard_sigmoid,
    "Identity": elementwise.identity,
    "LSTM": recurrent,
    "LeakyRelu": elementwise.leaky_relu,
    "LogSoftmax": elementwise.softmax("LOG_SOFTMAX"),
    "MatMul": weighted.matmul,
    "MaxPool": pooling.max_pool,
    "PRelu": elementwise.prelu,
    "Pad": axes.pad,
    "QuantizeLinear": elementwise.quantize,
    "RNN": recurrent,
    "Reciprocal": elementwise.reciprocal,
    "Reshape": axes.reshape,
    "Resize": pooling.resize,
    "Slice": axes.slices,
    "Softmax": elementwise.softmax("SOFTMAX"),
    "Split": axes.split,
    "Squeeze": axes.squeeze,
    "Transpose": axes.transpose,
    "Unsqueeze": axes.unsqueeze,
    "Upsample": pooling.resize,
}
