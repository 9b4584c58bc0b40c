"""Small ONNX graphs, one per use of an operator, with channels first as exporters write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

RNG = np.random.default_rng(7)
Shape = tuple[int, ...]


def weights(*shape: int) -> np.ndarray[Any, Any]:
    return RNG.normal(0, 0.5, shape).astype(np.float32)


def graph_of(
    inputs: Sequence[tuple[str, Sequence[Any]]],
    nodes: Sequence[tuple[Any, ...]],
    constants: dict[str, np.ndarray[Any, Any]] | None = None,
    outputs: Sequence[str] = ("y",),
    opset: int = 17,
) -> Any:
    """A model; a node is (operator, inputs, outputs, attributes)."""
    import onnx.shape_inference
    from onnx import TensorProto, helper, numpy_helper

    made = helper.make_graph(
        [
            helper.make_node(op, reads.split(), writes.split(), name=writes.split()[0], **attrs)
            for op, reads, writes, attrs in nodes
        ],
        "g",
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in inputs],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
        [numpy_helper.from_array(v, k) for k, v in (constants or {}).items()],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)
    return onnx.shape_inference.infer_shapes(model)  # outputs must have a shape


def one(op: str, shape: Sequence[Any], reads: str = "", **attrs: Any) -> Callable[..., Any]:
    """A graph of one node on ``x``."""

    def make(opset: int = 17, **constants: Any) -> Any:
        held = {k: np.asarray(v) for k, v in constants.items()}
        return graph_of([("x", shape)], [(op, f"x {reads}", "y", attrs)], held, opset=opset)

    return make


IMAGE = (1, 4, 7, 6)
LINE = (1, 3, 12)
INT = np.int64


def cases() -> dict[str, Any]:
    """Every case by name."""
    found = {**_convolutions(), **_pools(), **_elementwise(), **_axes(), **_recurrent(), **_nets()}
    return found


def _convolutions() -> dict[str, Any]:
    w, b = weights(8, 4, 3, 3), weights(8)
    line = weights(5, 3, 4)
    return {
        "conv": one("Conv", IMAGE, "w b")(w=w, b=b),
        "conv_same": one("Conv", IMAGE, "w", pads=[1, 1, 1, 1])(w=w),
        "conv_stride": one("Conv", (1, 4, 8, 8), "w b", strides=[2, 2], pads=[1, 1, 1, 1])(
            w=w, b=b
        ),
        "conv_same_upper": one("Conv", IMAGE, "w", auto_pad="SAME_UPPER", strides=[2, 2])(w=w),
        "conv_same_lower": one("Conv", (1, 4, 8, 8), "w", auto_pad="SAME_LOWER", strides=[2, 2])(
            w=w
        ),
        "conv_uneven": one("Conv", IMAGE, "w", pads=[0, 1, 2, 0], strides=[1, 2])(w=w),
        "conv_dilated": one("Conv", IMAGE, "w", dilations=[2, 1], pads=[2, 1, 2, 1])(w=w),
        "conv_depthwise": one("Conv", IMAGE, "w b", group=4)(w=weights(4, 1, 3, 3), b=weights(4)),
        "conv_multiplier": one("Conv", IMAGE, "w", group=4)(w=weights(8, 1, 3, 3)),
        "conv_groups": one("Conv", IMAGE, "w b", group=2)(w=weights(6, 2, 3, 3), b=weights(6)),
        "conv_line": one("Conv", LINE, "w b", pads=[1, 2], strides=[2])(w=line, b=weights(5)),
        "conv_line_depthwise": one("Conv", LINE, "w", group=3)(w=weights(3, 1, 4)),
        "conv_transpose": one("ConvTranspose", IMAGE, "w b", strides=[2, 2])(
            w=weights(4, 5, 3, 3), b=weights(5)
        ),
        "conv_transpose_pads": one(
            "ConvTranspose", IMAGE, "w", strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1]
        )(w=weights(4, 5, 3, 3)),
        "gemm": one("Gemm", (1, 6), "w b", transB=1, alpha=0.5, beta=2.0)(
            w=weights(4, 6), b=weights(4)
        ),
        "gemm_plain": one("Gemm", (1, 6), "w")(w=weights(6, 4)),
        "matmul_values": graph_of(
            [("a", (1, 5, 6)), ("b", (1, 6, 3))], [("MatMul", "a b", "y", {})]
        ),
        "matmul": one("MatMul", (1, 5, 6), "w")(w=weights(6, 4)),
        "batch_norm": one("BatchNormalization", IMAGE, "s b m v")(
            s=weights(4), b=weights(4), m=weights(4), v=np.abs(weights(4)) + 0.5
        ),
    }


def _pools() -> dict[str, Any]:
    window = {"kernel_shape": [3, 3], "strides": [2, 2]}
    padded = {**window, "pads": [1, 1, 1, 1]}
    relu_pool = graph_of(
        [("x", (1, 4, 8, 8))], [("Relu", "x", "r", {}), ("MaxPool", "r", "y", padded)]
    )
    return {
        "max_pool": one("MaxPool", IMAGE, kernel_shape=[2, 2], strides=[2, 2])(),
        "max_pool_same": one("MaxPool", IMAGE, kernel_shape=[3, 3], pads=[1, 1, 1, 1])(),
        "max_pool_padded": relu_pool,
        "max_pool_ceil": graph_of(
            [("x", IMAGE)],
            [
                ("Relu", "x", "r", {}),
                ("MaxPool", "r", "y", {"kernel_shape": [2, 2], "strides": [2, 2], "ceil_mode": 1}),
            ],
        ),
        "max_pool_line": one("MaxPool", LINE, kernel_shape=[2], strides=[2])(),
        "average_pool": one("AveragePool", IMAGE, kernel_shape=[2, 3])(),
        "average_pool_padded": one("AveragePool", (1, 4, 8, 8), **padded)(),
        "average_pool_counted": one("AveragePool", IMAGE, count_include_pad=1, **padded)(),
        "average_pool_same": one("AveragePool", IMAGE, kernel_shape=[3, 3], pads=[1, 1, 1, 1])(),
        "global_average": one("GlobalAveragePool", IMAGE)(),
        "global_max": one("GlobalMaxPool", IMAGE)(),
        "mean": one("ReduceMean", IMAGE, axes=[2, 3], keepdims=0)(),
        "mean_channels": one("ReduceMean", IMAGE, axes=[1])(),
        "sum_13": one("ReduceSum", IMAGE, "axes", keepdims=1)(axes=np.array([-1], INT)),
        "max_23": one("ReduceMax", IMAGE, axes=[1, 3], keepdims=0)(),
        "resize_nearest": one(
            "Resize",
            IMAGE,
            "roi scales",
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )(roi=np.zeros(0, np.float32), scales=np.array([1, 1, 2, 2], np.float32)),
        **_nearest(),
        "min_13": one("ReduceMin", IMAGE, axes=[2])(),
        "upsample": one("Upsample", IMAGE, "scales", mode="nearest")(
            opset=9, scales=np.array([1, 1, 2, 3], np.float32)
        ),
        "resize_linear": one("Resize", IMAGE, "roi scales", mode="linear")(
            roi=np.zeros(0, np.float32), scales=np.array([1, 1, 2, 2], np.float32)
        ),
    }


def _nearest() -> dict[str, Any]:
    """Nearest neighbours by each rule, at whole factors and others, up and down."""
    found = {}
    none = np.zeros(0, np.float32)
    for rule in ("asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"):
        for rounding in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"):
            attrs = {"coordinate_transformation_mode": rule, "nearest_mode": rounding}
            make = one("Resize", IMAGE, "none scales sizes", mode="nearest", **attrs)
            for number, size in enumerate(((14, 18), (10, 7), (5, 6))):
                sizes = np.array([1, 4, *size], INT)
                found[f"nearest_{rule}_{rounding}_{number}"] = make(
                    none=none, scales=none, sizes=sizes
                )
    scaled = one("Resize", IMAGE, "none scales", mode="nearest", nearest_mode="floor")
    found["nearest_scaled"] = scaled(none=none, scales=np.array([1, 1, 1.6, 1.7], np.float32))
    return found


def _elementwise() -> dict[str, Any]:
    names = ("Abs", "Exp", "HardSwish", "Neg", "Relu", "Sigmoid", "Tanh", "HardSigmoid", "Elu")
    found = {name.lower(): one(name, IMAGE)() for name in names}
    channel = weights(4, 1, 1)
    return found | {
        "leaky": one("LeakyRelu", IMAGE, alpha=0.2)(),
        "prelu": one("PRelu", IMAGE, "s")(s=channel),
        "clip_6": one("Clip", IMAGE, "a b")(a=np.float32(0), b=np.float32(6)),
        "clip_1": one("Clip", IMAGE, "a b")(a=np.float32(-1), b=np.float32(1)),
        "clip_unit": one("Clip", IMAGE, "a b")(a=np.float32(0), b=np.float32(1)),
        "gelu": one("Gelu", (1, 9))(opset=20),
        "log": graph_of([("x", (1, 5))], [("Exp", "x", "e", {}), ("Log", "e", "y", {})]),
        "min_values": graph_of([("a", IMAGE), ("b", IMAGE)], [("Min", "a b", "y", {})]),
        "pow": one("Pow", IMAGE, "c")(c=np.float32(2)),
        "prelu_last": one("PRelu", (1, 9), "s")(s=weights(9)),
        "reciprocal": graph_of(
            [("x", (1, 5))], [("Exp", "x", "e", {}), ("Reciprocal", "e", "y", {})]
        ),
        "sqrt": graph_of([("x", (1, 5))], [("Abs", "x", "e", {}), ("Sqrt", "e", "y", {})]),
        "clip": one("Clip", IMAGE, "a b")(a=np.float32(-0.5), b=np.float32(0.7)),
        "add_channel": one("Add", IMAGE, "c")(c=channel),
        "sub_scalar": one("Sub", IMAGE, "c")(c=np.float32(0.5)),
        "mul_constant": one("Mul", IMAGE, "c")(c=weights(4, 7, 6)),
        "div": one("Div", IMAGE, "c")(c=np.float32(3)),
        "max": one("Max", IMAGE, "c")(c=np.float32(0.1)),
        "softmax": one("Softmax", (1, 9))(),
        "softmax_channels": one("Softmax", IMAGE, axis=1)(),
        "log_softmax": one("LogSoftmax", (1, 9))(),
        "two_inputs": graph_of([("a", IMAGE), ("b", IMAGE)], [("Add", "a b", "y", {})]),
        "identity": graph_of(
            [("x", (1, 5))],
            [("Dropout", "x", "d", {}), ("Identity", "d", "e", {}), ("Relu", "e", "y", {})],
        ),
    }


def _axes() -> dict[str, Any]:
    to = lambda *v: np.array(v, INT)  # noqa: E731
    return {
        "reshape": one("Reshape", IMAGE, "s")(s=to(0, 2, -1)),
        "flatten": one("Flatten", IMAGE)(),
        "transpose": one("Transpose", IMAGE, perm=[0, 2, 3, 1])(),
        "squeeze": one("Squeeze", (1, 4, 1, 3), "a")(a=to(2)),
        "unsqueeze": one("Unsqueeze", (1, 4), "a")(a=to(-1)),
        "concat": graph_of([("a", IMAGE), ("b", IMAGE)], [("Concat", "a b", "y", {"axis": 1})]),
        "concat_of_15": graph_of(
            [("x", LINE)], [("Concat", " ".join(["x"] * 15), "y", {"axis": 2})]
        ),
        "split_image": graph_of(
            [("x", IMAGE)],
            [
                ("Conv", "x w", "a", {}),
                ("Split", "a s", "b c", {"axis": 2}),
                ("Add", "b c", "y", {}),
            ],
            {"s": to(3, 3), "w": weights(5, 4, 2, 2)[:, :, :, :1]},
        ),
        "split": graph_of(
            [("x", IMAGE)], [("Split", "x s", "y z", {"axis": 1})], {"s": to(1, 3)}, ("y", "z")
        ),
        "slice": one("Slice", IMAGE, "s e a")(s=to(1, -3), e=to(9, -1), a=to(2, 3)),
        "slice_step": one("Slice", IMAGE, "s e a p")(s=to(0), e=to(99), a=to(3), p=to(2)),
        "gather_one": one("Gather", IMAGE, "i", axis=2)(i=np.array(-1, INT)),
        "gather": one("Gather", IMAGE, "i", axis=1)(i=to(2, 0)),
        "pad": one("Pad", IMAGE, "p")(p=to(0, 0, 1, 2, 0, 0, 0, 1)),
        "pad_value": one("Pad", IMAGE, "p v")(p=to(0, 1, 0, 0, 0, 0, 0, 0), v=np.float32(0.5)),
        "pad_reflect": one("Pad", IMAGE, "p", mode="reflect")(p=to(0, 0, 1, 1, 0, 0, 1, 1)),
        "expand": one("Expand", (1, 4, 1), "s")(s=to(1, 4, 5)),
        "depth_to_space": one("DepthToSpace", (1, 8, 3, 3), blocksize=2)(),
    }


def _recurrent() -> dict[str, Any]:
    found = {}
    for kind, gates in (("LSTM", 4), ("GRU", 3), ("RNN", 1)):
        for direction, count in (("forward", 1), ("reverse", 1), ("bidirectional", 2)):
            held = {
                "w": weights(count, gates * 5, 3),
                "r": weights(count, gates * 5, 5),
                "b": weights(count, 2 * gates * 5),
            }
            attrs = {"hidden_size": 5, "direction": direction}
            if kind == "GRU" and direction == "forward":
                attrs["linear_before_reset"] = 1
            found[f"{kind}_{direction}".lower()] = graph_of(
                [("x", (1, 4, 3))],
                [
                    ("Transpose", "x", "steps", {"perm": [1, 0, 2]}),
                    (kind, "steps w r b", "y z", attrs),
                ],
                held,
                ("y", "z"),
            )
    return found


def _nets() -> dict[str, Any]:
    """Chains whose layout matters."""
    conv = {"w": weights(6, 4, 3, 3), "d": weights(6, 1, 3, 3), "p": weights(5, 6, 1, 1)}
    same = {"pads": [1, 1, 1, 1]}
    cnn = [
        ("Conv", "x w", "a", same),
        ("Relu", "a", "b", {}),
        ("Conv", "b d", "c", {"group": 6, **same}),
        ("Add", "b c", "e", {}),
        ("MaxPool", "e", "f", {"kernel_shape": [2, 2], "strides": [2, 2]}),
        ("Flatten", "f", "g", {}),
        ("Relu", "g", "h", {}),
        ("Gemm", "h m", "y", {}),
    ]
    squeeze = [
        ("Conv", "x w", "a", same),
        ("GlobalAveragePool", "a", "s", {}),
        ("Conv", "s q", "t", {}),
        ("Sigmoid", "t", "u", {}),
        ("Mul", "a u", "v", {}),
        ("Concat", "v a", "n", {"axis": 1}),
        ("ReduceMean", "n", "o", {"axes": [2, 3], "keepdims": 0}),
        ("MatMul", "o k", "y", {}),
    ]
    shaped = [
        ("Conv", "x w", "a", same),
        ("Shape", "a", "s", {}),
        ("Gather", "s zero", "n", {}),
        ("Unsqueeze", "n zeros", "nn", {}),
        ("Concat", "nn rest", "to", {"axis": 0}),
        ("Reshape", "a to", "g", {}),
        ("Gemm", "g m", "y", {}),
    ]
    flat = {"m": weights(54, 3)}
    extra = {"zero": np.array(0, INT), "zeros": np.array([0], INT), "rest": np.array([-1], INT)}
    return {
        "net_cnn": graph_of([("x", IMAGE)], cnn, conv | flat),
        "net_free_batch": graph_of([("x", ("n", 4, 7, 6))], cnn, conv | flat),
        "net_squeeze": graph_of(
            [("x", IMAGE)], squeeze, {**conv, "q": weights(6, 6, 1, 1), "k": weights(12, 3)}
        ),
        "net_shape": graph_of([("x", IMAGE)], shaped, {**conv, "m": weights(252, 3), **extra}),
        "net_trained_rounding": graph_of(
            [("x", IMAGE)],
            [
                ("QuantizeLinear", "x s z", "q", {}),
                ("DequantizeLinear", "q s z", "f", {}),
                ("DequantizeLinear", "i ws wz", "w", {"axis": 0}),
                ("Conv", "f w", "y", {}),
            ],
            {
                "s": np.float32(0.05),
                "z": np.array(120, np.uint8),
                "i": RNG.integers(-127, 127, (6, 4, 3, 3)).astype(np.int8),
                "ws": np.linspace(0.01, 0.02, 6, dtype=np.float32),
                "wz": np.zeros(6, np.int8),
            },
            opset=21,
        ),
        "net_image_out": graph_of(
            [("x", IMAGE)], [("Conv", "x w", "a", same), ("Conv", "a p", "y", {})], conv
        ),
        "net_line": graph_of(
            [("x", LINE)],
            [
                ("Conv", "x w", "a", {"pads": [1, 1]}),
                ("Relu", "a", "b", {}),
                ("MaxPool", "b", "c", {"kernel_shape": [2], "strides": [2]}),
                ("Flatten", "c", "d", {}),
                ("Gemm", "d m", "y", {}),
            ],
            {"w": weights(6, 3, 3), "m": weights(36, 3)},
        ),
    }
