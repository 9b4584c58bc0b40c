"""Layers: pools, transposed convolutions, normalisations, activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.zoo.onnx_graphs import Node, act, flat, held, imaged, ints, lined, normed, stepped

POOL = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
GELU: list[Node] = [
    ("Div", "a root", "g0", {}),
    ("Erf", "g0", "g1", {}),
    ("Add", "g1 one", "g2", {}),
    ("Mul", "a g2", "g3", {}),
    ("Mul", "g3 half", "y", {}),
]
NUMBERS = {"root": np.float32(2**0.5), "one": np.float32(1), "half": np.float32(0.5)}


def layers() -> dict[str, Callable[[], Any]]:
    """Pools, transposed convolutions, normalisations, activations."""
    deconv = {"strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]}
    none = np.zeros(0, np.float32)
    return {
        "ceil_average": imaged(("AveragePool", "a", "y", {**POOL, "ceil_mode": 1})),
        "ceil_counted": imaged(
            ("AveragePool", "a", "y", {**POOL, "ceil_mode": 1, "count_include_pad": 1}), opset=19
        ),
        "ceil_max": imaged(("MaxPool", "a", "y", {**POOL, "ceil_mode": 1})),
        "negatives": imaged(("MaxPool", "a", "y", POOL)),
        "dilated_pool": imaged(
            ("MaxPool", "a", "y", {"kernel_shape": [2, 2], "dilations": [2, 2]})
        ),
        "lp_pool": imaged(("LpPool", "a", "y", {"kernel_shape": [2, 2], "p": 2}), opset=18),
        "deconv_groups": imaged(
            ("ConvTranspose", "a v", "y", {**deconv, "group": 2}), v=held(6, 2, 3, 3)
        ),
        "deconv_depthwise": imaged(
            ("ConvTranspose", "a v", "y", {**deconv, "group": 6}), v=held(6, 1, 3, 3)
        ),
        "deconv_line": lined(
            ("ConvTranspose", "a v c", "d", {"strides": [2], "pads": [1, 1]}),
            ("BatchNormalization", "d s t m n", "y", {}),
            v=held(6, 5, 4),
            c=held(5),
            s=held(5) + 1,
            t=held(5),
            m=held(5),
            n=np.abs(held(5)) + 0.5,
        ),
        "deconv_sized": imaged(
            ("ConvTranspose", "a v", "y", {"strides": [2, 2], "output_shape": [18, 16]}),
            v=held(6, 2, 3, 3),
        ),
        "deconv_same": imaged(
            ("ConvTranspose", "a v", "y", {"strides": [2, 2], "auto_pad": "SAME_UPPER"}),
            v=held(6, 2, 3, 3),
        ),
        "deconv_dilated": imaged(
            ("ConvTranspose", "a v", "y", {"dilations": [2, 2]}), v=held(6, 2, 3, 3)
        ),
        "deconv_long": imaged(
            ("ConvTranspose", "a v", "y", {"strides": [2, 2], "output_padding": [1, 1]}),
            v=held(6, 2, 3, 3),
        ),
        "corners": imaged(
            (
                "Resize",
                "a none none size",
                "y",
                {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
            ),
            none=none,
            size=ints(1, 6, 13, 15),
        ),
        "cubic": imaged(
            ("Resize", "a none none size", "y", {"mode": "cubic"}),
            none=none,
            size=ints(1, 6, 18, 16),
        ),
        "resized_line": lined(
            (
                "Resize",
                "a none scale",
                "y",
                {
                    "mode": "nearest",
                    "coordinate_transformation_mode": "asymmetric",
                    "nearest_mode": "floor",
                },
            ),
            none=none,
            scale=np.array([1, 1, 2], np.float32),
        ),
        "linear_line": lined(
            ("Resize", "a none scale", "y", {"mode": "linear"}),
            none=none,
            scale=np.array([1, 1, 2], np.float32),
        ),
        # Of 9 rows 13, and of 9 rows 4: the scale is not the quotient of the sizes.
        "linear_fraction": imaged(
            (
                "Resize",
                "a none scale",
                "y",
                {"mode": "linear", "coordinate_transformation_mode": "pytorch_half_pixel"},
            ),
            none=none,
            scale=np.array([1, 1, 1.5, 2], np.float32),
        ),
        "linear_half": imaged(
            ("Resize", "a none scale", "y", {"mode": "linear"}),
            none=none,
            scale=np.array([1, 1, 0.5, 0.5], np.float32),
        ),
        "layer_norm": stepped(("LayerNormalization", "a s t", "y", {}), s=held(8) + 1, t=held(8)),
        "layer_norm_two": stepped(
            ("LayerNormalization", "a s", "y", {"axis": 1}), s=held(6, 8) + 1
        ),
        "rms_norm": stepped(("RMSNormalization", "a s", "y", {}), opset=23, s=held(8) + 1),
        "instance_norm": normed("InstanceNormalization"),
        "group_norm": normed("GroupNormalization", opset=21, num_groups=2),
        "mean_variance": imaged(("MeanVarianceNormalization", "a", "y", {})),
        "lp_norm": flat(("LpNormalization", "a", "y", {"axis": -1, "p": 2})),
        "lrn": imaged(("LRN", "a", "y", {"size": 3})),
        "norm_by_hand": stepped(
            ("ReduceMean", "a", "m", {"axes": [-1]}),
            ("Sub", "a m", "d", {}),
            ("Pow", "d two", "e", {}),
            ("ReduceMean", "e", "v", {"axes": [-1]}),
            ("Add", "v eps", "f", {}),
            ("Sqrt", "f", "g", {}),
            ("Div", "d g", "h", {}),
            ("Mul", "h s", "i", {}),
            ("Add", "i t", "y", {}),
            two=np.float32(2),
            eps=np.float32(1e-5),
            s=held(8) + 1,
            t=held(8),
        ),
        "gelu_by_hand": stepped(*GELU, **NUMBERS),
        "gelu": act("Gelu", opset=20),
        "gelu_tanh": act("Gelu", opset=20, approximate="tanh"),
        "erf": act("Erf"),
        "softplus": act("Softplus"),
        "softsign": act("Softsign"),
        "selu": act("Selu"),
        "celu": act("Celu", alpha=2.0),
        "elu": act("Elu", alpha=0.5),
        "mish": act("Mish", opset=18),
        "hard_swish": act("HardSwish"),
        "swish": imaged(("Sigmoid", "a", "s", {}), ("Mul", "a s", "y", {})),
        "thresholded": act("ThresholdedRelu", alpha=0.3),
        "shrink": act("Shrink", lambd=0.2),
        "sin": act("Sin"),
        "cos": act("Cos"),
        "sinh": imaged(("Tanh", "a", "c", {}), ("Sinh", "c", "y", {})),
        "cosh": imaged(("Tanh", "a", "c", {}), ("Cosh", "c", "y", {})),
        "swish_alpha": act("Swish", opset=24, alpha=0.7),
        "atan": imaged(("Mul", "a f", "c", {}), ("Atan", "c", "y", {}), f=np.float32(3)),
        "asin": imaged(
            ("Tanh", "a", "c", {}),
            ("Mul", "c f", "d", {}),
            ("Asin", "d", "y", {}),
            f=np.float32(0.9),
        ),
        "acos": imaged(
            ("Tanh", "a", "c", {}),
            ("Mul", "c f", "d", {}),
            ("Acos", "d", "y", {}),
            f=np.float32(0.9),
        ),
        "asinh": imaged(("Asinh", "a", "y", {})),
        "acosh": imaged(
            ("Exp", "a", "c", {}), ("Add", "c f", "d", {}), ("Acosh", "d", "y", {}), f=np.float32(1)
        ),
        "atanh": imaged(
            ("Sigmoid", "a", "c", {}),
            ("Mul", "c f", "d", {}),
            ("Atanh", "d", "y", {}),
            f=np.float32(0.9),
        ),
        "tan": imaged(("Tanh", "a", "c", {}), ("Tan", "c", "y", {})),
        "sign": act("Sign"),
        "floor": act("Floor"),
        "ceil": act("Ceil"),
        "round": act("Round"),
        "exp": imaged(
            ("Mul", "a q", "c", {}),
            ("Exp", "c", "d", {}),
            ("Conv", "d v", "y", {}),
            q=np.float32(0.4),
            v=held(3, 6, 1, 1),
        ),
        "prelu": imaged(("PRelu", "a s", "y", {}), s=held(6, 1, 1)),
        "prelu_one": imaged(("PRelu", "a s", "y", {}), s=held(1)),
        "prelu_element": imaged(("PRelu", "a s", "y", {}), s=held(6, 9, 8)),
        "prelu_line": lined(("PRelu", "a s", "y", {}), s=held(6, 1)),
    }
