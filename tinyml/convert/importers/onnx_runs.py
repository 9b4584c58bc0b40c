"""What an ONNX model computes: by onnxruntime where that is installed, else by onnx's reference."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tinyml.base.errors import ModelError
from tinyml.convert.importers.onnx_protos import Model, Node
from tinyml.convert.importers.values import plain
from tinyml.ir.graph import Array

RUNTIME = "onnxruntime"
_FIRST_OPSET = 7  # with numpy's rule of broadcasting
_FATAL = 4  # what onnxruntime writes to standard error


def outputs(model: Model, fed: Mapping[str, Array]) -> dict[str, Array]:
    """The outputs by name; raises ModelError where neither runs the model."""
    names = [item.name for item in model.graph.output]
    refusal = None
    if importlib.util.find_spec(RUNTIME) is not None:
        try:
            return dict(zip(names, map(np.asarray, _by_runtime(model, fed)), strict=True))
        except Exception as error:  # it has types of its own, also for very old operators
            refusal = error
    found = _reference(model, lambda runner: runner.run(None, dict(fed)), refusal)
    return dict(zip(names, map(np.asarray, found), strict=True))


def layers(model: Model, fed: Mapping[str, Array]) -> dict[str, Array]:
    """The result of every node by name, in order; raises ModelError where that is not known."""
    found = _reference(model, lambda runner: runner.run(None, dict(fed), intermediate=True))
    made = [name for node in model.graph.node for name in node.output if name in found]
    return {name: np.asarray(found[name]) for name in made if found[name] is not None}


def _by_runtime(model: Model, fed: Mapping[str, Array]) -> list[Array]:
    """Raises what onnxruntime raises."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = _FATAL
    options.intra_op_num_threads = 1
    # As it is written: fusions round elsewhere, and leave out the rounding of trained scales.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    found: list[Array] = session.run(None, dict(fed))
    return found


def _opset(model: Model) -> int:
    return max((item.version for item in model.opset_import if not item.domain), default=0)


def _reference(model: Model, run: Any, refusal: Exception | None = None) -> Any:
    """What onnx's reference gives; ``refusal`` is what onnxruntime says of the model."""
    from onnx.reference import ReferenceEvaluator

    try:
        return run(ReferenceEvaluator(model, new_ops=_own_operators(_opset(model))))
    except Exception as error:  # the reference raises what numpy raises
        if refusal is not None:
            raise ModelError(
                f"onnxruntime does not run it: {plain(str(refusal))[:300]}",
                hint="mend the model until onnxruntime.InferenceSession runs it",
            ) from error
        raise ModelError(
            f"onnx's reference does not run it: {plain(f'{type(error).__name__}: {error}')[:300]}",
            hint="pip install onnxruntime, which runs more models; or check it with "
            "onnx.reference.ReferenceEvaluator",
        ) from error


def node_results(node: Node, given: Mapping[str, Array], opsets: Mapping[str, int]) -> list[Array]:
    """What a node gives by the rules of its opset, which change what is an option of it.

    Raises what onnx's reference raises.
    """
    from onnx import helper
    from onnx.reference import ReferenceEvaluator

    ends = ([*dict.fromkeys(filter(None, names))] for names in (node.input, node.output))
    inputs, outputs = ([*map(helper.make_empty_tensor_value_info, names)] for names in ends)
    graph = helper.make_graph([node], "node", inputs, outputs)
    own = _own_operators(opsets.get("", 0))
    try:
        found: list[Array] = ReferenceEvaluator(graph, opsets=dict(opsets), new_ops=own).run(
            None, dict(given)
        )
    except Exception:  # it has only the newest DequantizeLinear, which reads older nodes as well
        found = ReferenceEvaluator(node).run(None, dict(given))
    return found


def _own_operators(opset: int) -> list[type]:
    """What the reference does not do as old operators did."""
    arithmetic = {"Add": np.add, "Div": np.divide, "Mul": np.multiply, "Sub": np.subtract}
    old = [_along_axis(*each) for each in arithmetic.items()] if opset < _FIRST_OPSET else []
    return [_batch_normalization(), *old]


def _along_axis(name: str, compute: Callable[[Array, Array], Array]) -> type:
    """An operator up to opset 6, whose second operand lies along the axes from ``axis`` on."""
    from onnx.reference.op_run import OpRun

    def run(self, a, b, axis=None, broadcast=0, **_):  # type: ignore[no-untyped-def]
        if broadcast and b.ndim and axis is not None:
            b = b.reshape(b.shape + (1,) * (a.ndim - axis % a.ndim - b.ndim))
        return (compute(a, b).astype(a.dtype),)

    return type(name, (OpRun,), {"op_domain": "", "_run": run})


def _batch_normalization() -> type:
    """With the statistics of the model; the reference takes those of the sample up to opset 13."""
    from onnx.reference.op_run import OpRun

    class BatchNormalization(OpRun):  # type: ignore[misc]
        op_domain = ""

        # Six parameters: the operator's inputs, as onnx hands them.
        def _run(self, x, scale, bias, mean, var, epsilon=None, **_):  # type: ignore[no-untyped-def]
            axes = (-1,) + (1,) * (x.ndim - 2)
            factor = scale / np.sqrt(var + (1e-5 if epsilon is None else epsilon))
            made = x * factor.reshape(axes) + (bias - mean * factor).reshape(axes)
            return (made.astype(x.dtype),)

    return BatchNormalization
