"""SVDF: a fully connected layer whose filters also run over time; keeps what they need of the past.

Source: TensorFlow Lite Micro, svdf_common.cc. The state, and the weights over time, have 8 or 16
bits; integer forms do not look at the option for a fused activation, as there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinyml.ir.dtype import INT8, INT16, INT32, DType
from tinyml.ir.fixedpoint import multiply_by_quantized_multiplier, quantize_multiplier, wrap_int32
from tinyml.ir.graph import Array, Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, Value
from tinyml.ops.common import INT32_MAX, operand_count, quant_of, requant_struct, result
from tinyml.ops.extents import Extent, Fields, Rule
from tinyml.ops.float_svdf import SVDF_FORM
from tinyml.ops.forms import Form, typed
from tinyml.ops.operands import have_one_scale, input_argument
from tinyml.ops.spec import OpSpec
from tinyml.ops.table import ACTIVATION, Field, Table
from tinyml.ops.traits import State

INPUT, FEATURE, TIME, BIAS, STATE = range(5)  # operands
_BIAS_ERROR = 1e-5  # by which the bias scale may be off


@dataclass(frozen=True, slots=True)
class SvdfAttrs:
    """Options of SVDF."""

    rank: int = 0  # filters of a unit
    activation: str = "NONE"  # of floats; TFLM's integer kernels do not look at it


TABLE = Table(
    "SVDFOptions",
    SvdfAttrs,
    (Field("rank", "Rank"), Field("activation", "FusedActivationFunction", ACTIVATION)),
)


def weights_are_constant(op: Op, graph: Graph) -> str | None:
    """Weights and bias must be constant."""
    for i in op.inputs[FEATURE : BIAS + 1]:
        if graph.tensors[i].data is None:
            return f"'{graph.tensors[i].name}' is computed at run time"
    return None


def shapes_fit(op: Op, graph: Graph) -> str | None:
    """Input, weights, bias and state must fit each other, and the rank the filters."""
    given, feature, time, bias, state = (graph.tensors[i].shape for i in op.inputs)
    rank = int(op.attrs.rank)
    if (
        len(given) == len(feature) == len(time) == 2
        and feature[1] == given[1]
        and time[0] == feature[0]
        and 0 < rank <= feature[0]
        and feature[0] % rank == 0
        and bias == (feature[0] // rank,)
        and state == (given[0], feature[0] * time[1])
    ):
        return None
    shapes = ", ".join(str(list(shape)) for shape in (given, feature, time, bias, state))
    return f"{shapes} with rank {rank}"


def _scales(op: Op, graph: Graph) -> tuple[np.float32, ...]:
    """Of the input, both weights, the bias, the state and the output."""
    tensors = (*(graph.tensors[i] for i in op.inputs), result(op, graph))
    return tuple(np.float32(quant_of(tensor).scale) for tensor in tensors)


def bias_has_the_scale_of_products(op: Op, graph: Graph) -> str | None:
    """The bias must have the scale of state times weights over time."""
    _, _, time, bias, state, _ = _scales(op, graph)
    wanted = state * time
    return None if abs(float(bias) - float(wanted)) < _BIAS_ERROR else f"{bias:g}, not {wanted:g}"


def factors(op: Op, graph: Graph) -> tuple[tuple[int, int], tuple[int, int]]:
    """Factors to the state's scale and to the output's; quotients in binary32, as in TFLM."""
    given, feature, time, _, state, made = _scales(op, graph)
    return (
        quantize_multiplier(float(given * feature / state)),
        quantize_multiplier(float(state * time / made)),
    )


def sums_fit_32_bits(op: Op, graph: Graph) -> str | None:
    """Sums over the input must fit 32 bits; those over time wrap, as in TFLM."""
    feature = graph.tensors[op.inputs[FEATURE]].data
    if feature is None:
        return None
    most = int(np.abs(feature.astype(np.int64)).sum(axis=1).max()) * 255
    return None if most <= INT32_MAX else f"up to {most}"


def infer(op: Op, graph: Graph) -> tuple[tuple[int, ...], ...]:
    """A value for each unit, in each batch."""
    given, feature = (graph.tensors[i].shape for i in op.inputs[:2])
    return ((given[0], feature[0] // int(op.attrs.rank)),)


def run(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, Array]:
    """The output, and the state afterwards."""
    given, feature, time, bias, state = (value for value in inputs if value is not None)
    tensor, made = graph.tensors[op.inputs[STATE]], result(op, graph)
    to_state, to_output = factors(op, graph)
    zero, dtype = quant_of(tensor).zero_point, tensor.dtype
    centred = given.astype(np.int64) - quant_of(graph.tensors[op.inputs[INPUT]]).zero_point
    fresh = multiply_by_quantized_multiplier(centred @ feature.astype(np.int64).T, *to_state)
    fresh = (np.clip(fresh, *dtype.limits) + zero).astype(dtype.numpy)
    held = state.reshape(len(given), *time.shape)
    after = np.concatenate((held[:, :, 1:], fresh[:, :, None]), axis=2)
    products = (after.astype(np.int64) - zero) * time.astype(np.int64)
    sums = products.reshape(len(given), len(bias), -1).sum(axis=2) + bias
    scaled = multiply_by_quantized_multiplier(wrap_int32(sums), *to_output)
    moved = wrap_int32(scaled + quant_of(made).zero_point)
    return np.clip(moved, *INT8.limits).astype(np.int8), after.reshape(state.shape)


def reference(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> tuple[Array, ...]:
    """The output."""
    return (run(op, graph, inputs)[0],)


def states_after(op: Op, graph: Graph, inputs: Sequence[Array | None]) -> dict[int, Array]:
    """The state that the next inference begins with."""
    return {STATE: run(op, graph, inputs)[1]}


def macs(op: Op, graph: Graph) -> int:
    """Multiplications with both kinds of weights."""
    given, feature, time = (graph.tensors[i] for i in op.inputs[:3])
    return given.shape[0] * (feature.elements + time.elements)


def lower(op: Op, graph: Graph) -> KernelCall:
    """A call of ``tml_svdf_s8``, or of that with a state of 16 bits."""
    given, feature, time, bias, state = (graph.tensors[i] for i in op.inputs)
    to_state, to_output = factors(op, graph)
    is_wide = state.dtype == INT16
    fields: tuple[tuple[str, Value], ...] = (
        ("batches", given.shape[0]),
        ("in_features", given.shape[1]),
        ("units", bias.elements),
        ("rank", int(op.attrs.rank)),
        ("memory", time.shape[1]),
        ("input_offset", -quant_of(given).zero_point),
        ("state_offset", quant_of(state).zero_point),
        ("output_offset", quant_of(result(op, graph)).zero_point),
        ("state_requant", requant_struct(*to_state)),
        ("output_requant", requant_struct(*to_output)),
    )
    held = ((feature, "feature", "filter, input feature"), (time, "time", "filter, step"))
    constants = tuple(
        Constant(name, np.ravel(tensor.data), what)
        for tensor, name, what in (*held, (bias, "bias", "unit"))
        if tensor.data is not None
    )
    argument, input_array = input_argument(op, graph, INPUT)
    return KernelCall(
        function="tml_svdf_s8" + "_s16" * is_wide,
        header="kernels/svdf/s8.h",
        params=Struct("tml_svdf_params" + "_s16" * is_wide, fields),
        arguments=(
            argument,
            *(Arg("constant", constant=item.name) for item in constants),
            Arg("state", STATE),
            Arg("output"),
        ),
        constants=(*input_array, *constants),
        cost=Cost(6 * macs(op, graph) + given.shape[0] * feature.shape[0] * 60),
    )


def _extent(state_bytes: int) -> Rule:
    def rule(f: Fields) -> Extent:
        made, filters = f["batches"] * f["units"], f["units"] * f["rank"]
        read = (f["batches"] * f["in_features"], filters * f["in_features"])
        kept = f["batches"] * filters * f["memory"]
        time = state_bytes * filters * f["memory"]
        spans = tuple((0, size) for size in (*read, time, 4 * f["units"]))
        return Extent(spans, (0, made), made, (state_bytes * kept,))

    return rule


EXTENTS = {"tml_svdf_params": _extent(1), "tml_svdf_params_s16": _extent(2)}


def _form(name: str, kept: DType) -> Form:
    types = typed(input=INT8, feature=INT8, time=kept, bias=INT32, state=kept, output=INT8)
    demands = (have_one_scale, bias_has_the_scale_of_products, sums_fit_32_bits)
    return Form(name, types, reference, lower, demands, states=states_after)


OPS = (
    OpSpec(
        kind="SVDF",
        title="fully connected layer that also runs over time; keeps its state until it is reset",
        traits=(State((STATE,)),),
        table=TABLE,
        inputs=("input", "feature", "time", "bias", "state"),
        constraints=(operand_count(5, 5), weights_are_constant, shapes_fit),
        infer=infer,
        macs=macs,
        forms=(_form("s8", INT8), _form("s8_s16", INT16), SVDF_FORM),
    ),
)
