"""Loop and Scan, as tf2onnx and PyTorch write what Python repeats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.zoo.onnx_graphs import held, ints

STEPS, WIDTH, UNITS = 5, 3, 4


def _of(kind: str, given: str, made: str, **attrs: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, given.split(), made.split(), **attrs)


def _body(nodes: list[Any], inputs: str, outputs: str) -> Any:
    """A graph within another, of rows; "step" is a number, names with "go" are decisions."""
    from onnx import TensorProto, helper

    def info(name: str) -> Any:
        kinds = {"step": TensorProto.INT64, "go": TensorProto.BOOL, "goes": TensorProto.BOOL}
        shape = () if name in kinds else (1, None)
        return helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), shape)

    return helper.make_graph(
        nodes, "body", [info(name) for name in inputs.split()], [info(n) for n in outputs.split()]
    )


def _model(nodes: list[Any], steps: int, results: str, **constants: Any) -> Any:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants |= {"w": held(WIDTH, UNITS), "r": held(UNITS, UNITS)}
    constants["first"] = np.zeros((1, UNITS), np.float32)
    given = helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, steps, WIDTH))
    made = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in results.split()]
    kept = [numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "g", [given], made, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return onnx.shape_inference.infer_shapes(model)


CELL = [("MatMul", "h r", "hr"), ("MatMul", "xi w", "xw"), ("Add", "hr xw", "s")]


def loop(end: str, steps: int = STEPS) -> Any:
    """A recurrent layer that ends after a number of steps, by counting, or by what it computes."""
    nodes = [_of("Gather", "x step", "xi", axis=1), *(_of(*each) for each in CELL)]
    nodes.append(_of("Tanh", "s", "next"))
    if end == "counted":
        nodes += [_of("Add", "step one", "after"), _of("Less", "after count", "goes")]
    elif end == "computed":
        nodes += [_of("ReduceSum", "next", "sum", keepdims=0), _of("Less", "sum most", "goes")]
    else:
        nodes.append(_of("Identity", "go", "goes"))
    nodes.append(_of("Identity", "next", "each"))
    body = _body(nodes, "step go h", "goes next each")
    most = np.iinfo(np.int64).max if end == "counted" else steps
    constants = {"trips": np.int64(most), "one": np.int64(1), "count": np.int64(steps)}
    constants |= {"yes": np.array(True), "most": np.float32(3)}
    outer = [_of("Loop", "trips yes first", "last all", body=body)]
    outer.append(_of("Squeeze", "all axis", "rows"))
    return _model(outer, steps, "last rows", axis=ints(1), **constants)


def scan() -> Any:
    """The same layer from the last step to the first."""
    nodes = [*(_of(*each) for each in CELL), _of("Sigmoid", "s", "next")]
    body = _body([*nodes, _of("Identity", "next", "each")], "h xi", "next each")
    places = {"scan_input_directions": [1], "scan_output_axes": [1], "scan_output_directions": [1]}
    outer = [
        _of("Transpose", "x", "rows", perm=[1, 0, 2]),
        _of("Scan", "first rows", "last all", body=body, num_scan_inputs=1, **places),
    ]
    return _model(outer, STEPS, "last all")


def loops() -> dict[str, Callable[[], Any]]:
    """Loops whose number of steps is known."""
    return {"loop": lambda: loop("known"), "loop_counted": lambda: loop("counted"), "scan": scan}
