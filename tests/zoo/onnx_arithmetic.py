"""Reductions, comparisons, choices and moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.zoo.onnx_graphs import INT, flat, held, imaged, ints, lined, stepped


def arithmetic() -> dict[str, Callable[[], Any]]:
    """Reductions, comparisons, choices, moves."""
    return {
        "shuffle": imaged(
            ("Reshape", "a s", "c", {}),
            ("Transpose", "c", "d", {"perm": [0, 2, 1, 3, 4]}),
            ("Reshape", "d t", "e", {}),
            ("Conv", "e v", "y", {}),
            s=ints(1, 2, 3, 9, 8),
            t=ints(1, 6, 9, 8),
            v=held(3, 6, 1, 1),
        ),
        "space_to_depth": imaged(
            ("Slice", "a z e r", "c", {}),
            ("SpaceToDepth", "c", "y", {"blocksize": 2}),
            z=ints(0),
            e=ints(8),
            r=ints(2),
        ),
        "depth_to_space_crd": imaged(
            ("Conv", "a v", "c", {}),
            ("DepthToSpace", "c", "y", {"blocksize": 2, "mode": "CRD"}),
            v=held(8, 6, 1, 1),
        ),
        "reduce_l2": stepped(("ReduceL2", "a", "y", {"axes": [-1]})),
        "reduce_l1": stepped(("ReduceL1", "a", "y", {"axes": [-1]})),
        "reduce_squares": stepped(("ReduceSumSquare", "a", "y", {"axes": [-1]})),
        "reduce_log_sum": stepped(
            ("Exp", "a", "c", {}), ("ReduceLogSum", "c", "y", {"axes": [-1]})
        ),
        "reduce_log": stepped(("ReduceLogSumExp", "a", "y", {"axes": [-1]})),
        "reduce_product": stepped(
            ("Sigmoid", "a", "c", {}), ("ReduceProd", "c", "y", {"axes": [1]})
        ),
        # Before opset 13, over all axes from one on.
        "softmax_flattened": stepped(("Softmax", "a", "y", {}), opset=11),
        "hardmax_flattened": stepped(("Hardmax", "a", "y", {}), opset=11),
        "log_softmax_flattened": imaged(("LogSoftmax", "a", "y", {"axis": 2}), opset=11),
        "mean_of_three": flat(("Mean", "a b a", "y", {})),
        "sum_of_three": flat(("Sum", "a b a", "y", {})),
        "where": flat(
            ("Greater", "a zero", "c", {}), ("Where", "c a b", "y", {}), zero=np.float32(0)
        ),
        "compared": flat(
            ("Less", "a b", "c", {}), ("Cast", "c", "d", {"to": 1}), ("Mul", "d a", "y", {})
        ),
        "no_numbers": flat(
            ("IsNaN", "a", "c", {}),
            ("IsInf", "a", "d", {}),
            ("Where", "c zero a", "e", {}),
            ("Where", "d zero e", "f", {}),
            ("Relu", "f", "y", {}),
            zero=np.float32(0),
        ),
        "either": flat(
            ("Greater", "a zero", "c", {}),
            ("Greater", "b zero", "d", {}),
            ("Xor", "c d", "e", {}),
            ("Where", "e a b", "y", {}),
            zero=np.float32(0),
        ),
        "back_to_front": stepped(
            ("ReverseSequence", "a four", "c", {"batch_axis": 0, "time_axis": 1}),
            ("CastLike", "c a", "d", {}),
            ("Size", "d", "n", {}),
            ("Cast", "n", "f", {"to": 1}),
            ("Div", "d f", "y", {}),
            four=ints(4),
        ),
        "logic": flat(
            ("Greater", "a b", "c", {}),
            ("LessOrEqual", "a zero", "g", {}),
            ("GreaterOrEqual", "b zero", "h", {}),
            ("Equal", "g h", "d", {}),
            ("And", "c d", "n", {}),
            ("Or", "n d", "e", {}),
            ("Not", "e", "f", {}),
            ("Where", "f a b", "y", {}),
            zero=np.float32(0.3),
        ),
        "tile": lined(("Tile", "a r", "y", {}), r=ints(1, 2, 1)),
        "cumsum": stepped(("CumSum", "a axis", "y", {}), axis=np.array(1, INT)),
        "top_one": flat(("TopK", "a k", "y i", {}), k=ints(1)),
        "top": flat(("TopK", "a k", "y i", {}), k=ints(3)),
        "argmax": imaged(("ArgMax", "a", "y", {"axis": 1})),
        "argmin": flat(("ArgMin", "a", "y", {"axis": -1})),
        "one_hot": flat(
            ("ArgMax", "a", "i", {"axis": -1, "keepdims": 0}),
            ("OneHot", "i depth values", "y", {}),
            depth=ints(8),
            values=np.array([0, 1], np.float32),
        ),
        "hardmax": flat(("Hardmax", "a", "y", {})),
        "einsum": stepped(("Einsum", "a v", "y", {"equation": "bsd,de->bse"}), v=held(8, 3)),
        "einsum_values": stepped(("Einsum", "a a", "y", {"equation": "bid,bjd->bij"})),
        "einsum_dots": stepped(("Einsum", "a a", "y", {"equation": "...id,...jd"})),
        "einsum_outer": stepped(("Einsum", "a v", "y", {"equation": "bsd,e->dseb"}), v=held(3)),
        "einsum_sums": stepped(("Einsum", "a", "y", {"equation": "bsd->bd"})),
        "einsum_three": stepped(
            ("Einsum", "a v u", "y", {"equation": "bsd,de,be->bs"}), v=held(8, 3), u=held(1, 3)
        ),
        "trilu": stepped(
            ("Slice", "a z e r", "c", {}), ("Trilu", "c", "y", {}), z=ints(0), e=ints(6), r=ints(2)
        ),
        "split_equal": imaged(
            ("Split", "a", "b0 b1 b2", {"axis": 1, "num_outputs": 3}),
            ("Mul", "b0 b1", "c", {}),
            ("Add", "c b2", "y", {}),
            opset=18,
        ),
        "slice_back": lined(
            ("Slice", "a s e o p", "y", {}), s=ints(-1), e=ints(-1000), o=ints(2), p=ints(-1)
        ),
        "pad_around": imaged(
            ("Pad", "a p", "y", {"mode": "wrap"}), opset=19, p=ints(0, 0, 1, 2, 0, 0, 1, 0)
        ),
        "pad_edge": imaged(("Pad", "a p", "y", {"mode": "edge"}), p=ints(0, 0, 1, 2, 0, 0, 1, 0)),
        "pad_cut": imaged(("Pad", "a p", "y", {}), p=ints(0, 0, -1, 0, 0, 0, 0, -2)),
        "gather_nd": flat(("GatherND", "a i", "y", {}), i=np.array([[0, 3], [0, 5]], INT)),
        "gather_elements": flat(
            ("GatherElements", "a i", "y", {"axis": 1}), i=np.array([[7, 0, 2]], INT)
        ),
        "gather_rows": stepped(("Gather", "a i", "y", {"axis": 1}), i=ints(4, 0, 2)),
        "scatter": flat(("ScatterND", "a i u", "y", {}), i=np.array([[0, 3]], INT), u=held(1)),
        "expand": flat(
            ("Unsqueeze", "a u", "c", {}),
            ("Expand", "c s", "d", {}),
            ("ReduceMean", "d", "y", {"axes": [1], "keepdims": 0}),
            u=ints(1),
            s=ints(1, 4, 8),
        ),
        "mod": flat(("Mod", "a two", "y", {"fmod": 1}), two=np.float32(2.5)),
        "power_half": flat(
            ("Relu", "a", "c", {}), ("Pow", "c half", "y", {}), half=np.float32(0.5)
        ),
        "power_cube": flat(("Pow", "a three", "y", {}), three=np.float32(3)),
        "quotient": flat(("Exp", "a", "e", {}), ("Div", "b e", "y", {})),
        "bias_gemm": flat(("Gemm", "a v a", "y", {"beta": 0.5}), v=held(8, 8)),
        "gemm_of_values": stepped(
            ("Squeeze", "a z", "c", {}), ("Gemm", "c c", "y", {"transB": 1}), z=ints(0)
        ),
        "matmul_const_left": stepped(("MatMul", "v a", "y", {}), v=held(3, 6)),
        "shapes": imaged(
            ("Shape", "a", "s", {}),
            ("Gather", "s two", "h", {}),
            ("Div", "h three", "t", {}),
            ("Unsqueeze", "t z", "u", {}),
            ("Concat", "one neg u r", "n", {"axis": 0}),
            ("Reshape", "a n", "y", {}),
            two=np.array(2, INT),
            three=np.array(3, INT),
            z=ints(0),
            one=ints(1),
            neg=ints(-1),
            r=ints(24),
        ),
        "constant_of_shape": flat(
            ("Shape", "a", "s", {}), ("ConstantOfShape", "s", "c", {}), ("Max", "a c", "y", {})
        ),
        "bool_output": flat(("Greater", "a zero", "y", {}), zero=np.float32(0)),
        "min_max": imaged(
            ("Max", "a lo", "c", {}),
            ("Min", "c hi", "y", {}),
            lo=np.float32(-0.5),
            hi=np.float32(0.6),
        ),
    }
