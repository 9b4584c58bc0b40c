"""What UNIDIRECTIONAL_SEQUENCE_LSTM demands of its 24 operands, as TFLM's kernels do."""

from __future__ import annotations

from math import frexp

from tinyml.ir.dtype import INT8, INT16, INT32, INT64
from tinyml.ir.graph import Graph, Op, Quant, Tensor
from tinyml.ops.common import operand, quant_of, zero_points_are_zero
from tinyml.ops.forms import typed
from tinyml.ops.operands import have_one_scale

INPUT = 0
INPUT_WEIGHTS = (1, 2, 3, 4)  # operands, in the order input, forget, new value, output gate
RECURRENT_WEIGHTS = (5, 6, 7, 8)
BIASES = (12, 13, 14, 15)
HIDDEN, CELL = 18, 19
ABSENT = (9, 10, 11, 16, 17, 20, 21, 22, 23)  # peepholes, projection, layer normalisation
OPERANDS = 24

_NEEDED = (INPUT, *INPUT_WEIGHTS, *RECURRENT_WEIGHTS, *BIASES, HIDDEN, CELL)
_CELL_POWERS = (-24, 2)  # of two; the argument of tanh stays within 32 bits
_LEAST_HIDDEN_SCALE = 2.0**-28  # the output's factor shifts right


def cell_power(quant: Quant) -> int:
    """The power of two that the cell's scale is next to."""
    mantissa, exponent = frexp(quant.scale)
    return exponent - 1 if mantissa < 0.75 else exponent


def _role(position: int) -> str:
    """The name of an operand by its position."""
    if position in (INPUT, HIDDEN, CELL):
        return {INPUT: "input", HIDDEN: "hidden", CELL: "cell"}[position]
    if position in ABSENT:
        return "other?"
    return "bias" if position in BIASES else "weights"


def _numbered(op: Op, graph: Graph, *positions: int) -> tuple[tuple[int, Tensor | None], ...]:
    return tuple((k, operand(op, graph, k)) for k in positions)


def has_the_usual_operands(op: Op, graph: Graph) -> str | None:
    """The layer must have all gates, and no peepholes, projection or layer normalisation."""
    if len(op.inputs) != OPERANDS or len(op.outputs) != 1:
        return f"{len(op.inputs)} inputs and {len(op.outputs)} outputs"
    for k, tensor in _numbered(op, graph, *_NEEDED):
        if tensor is None:
            return f"operand {k} is absent"
    held = [k for k, tensor in _numbered(op, graph, *ABSENT) if tensor is not None]
    return f"operand {held[0]}" if held else None


def weights_are_constant(op: Op, graph: Graph) -> str | None:
    """Weights and biases must be constant, the input and the states must not."""
    for k, tensor in _numbered(op, graph, *_NEEDED):
        if tensor is not None and (k in (INPUT, HIDDEN, CELL)) == tensor.is_constant:
            return f"'{tensor.name}' is {'constant' if tensor.is_constant else 'computed'}"
    return None


def shapes_fit(op: Op, graph: Graph) -> str | None:
    """Input and output must have three dimensions, and weights, biases and states fit them."""
    given = graph.tensors[op.inputs[INPUT]].shape
    cell = graph.tensors[op.inputs[HIDDEN]].shape
    if len(given) != 3 or len(cell) != 2:
        return f"input {list(given)}, state {list(cell)}"
    units, features = cell[1], given[2]
    state = (given[1] if op.attrs.time_major else given[0], units)
    wanted: dict[int, tuple[int, ...]] = {HIDDEN: state, CELL: state}
    wanted |= dict.fromkeys(INPUT_WEIGHTS, (units, features))
    wanted |= dict.fromkeys(RECURRENT_WEIGHTS, (units, units)) | dict.fromkeys(BIASES, (units,))
    for k, shape in wanted.items():
        tensor = graph.tensors[op.inputs[k]]
        if tensor.shape != shape:
            return f"'{tensor.name}' has shape {list(tensor.shape)}, not {list(shape)}"
    return None


def weights_are_symmetric(op: Op, graph: Graph) -> str | None:
    """Weights must have one scale each and the zero point 0."""
    for _, tensor in _numbered(op, graph, *INPUT_WEIGHTS, *RECURRENT_WEIGHTS):
        assert tensor is not None
        quant = quant_of(tensor)
        if len(quant.scales) != 1 or quant.zero_points != (0,) or quant.scale <= 0.0:
            return f"'{tensor.name}' has {len(quant.scales)} scales, zero point {quant.zero_point}"
    return None


def cell_is_a_power_of_two(op: Op, graph: Graph) -> str | None:
    """The cell's scale must be a power of two from 2^-24 to 2^2, its zero point 0."""
    quant = quant_of(graph.tensors[op.inputs[CELL]])
    low, high = _CELL_POWERS
    is_power = frexp(quant.scale)[0] == 0.5 and low <= cell_power(quant) <= high
    return None if is_power and quant.zero_point == 0 else f"{quant.scale:g}, {quant.zero_point}"


def hidden_scale_is_not_tiny(op: Op, graph: Graph) -> str | None:
    """The scale of the hidden state must be at least 2^-28."""
    scale = quant_of(graph.tensors[op.inputs[HIDDEN]]).scale
    return None if scale >= _LEAST_HIDDEN_SCALE else f"{scale:g}"


def activation_is_tanh(op: Op, graph: Graph) -> str | None:
    """The activation must be tanh."""
    return None if op.attrs.fused == "TANH" else str(op.attrs.fused)


ROLES = tuple(_role(k) for k in range(OPERANDS))
COMMON = (
    has_the_usual_operands,
    weights_are_constant,
    shapes_fit,
    activation_is_tanh,
)
S8 = (have_one_scale, weights_are_symmetric, cell_is_a_power_of_two, hidden_scale_is_not_tiny)
S16 = (*S8[:1], zero_points_are_zero, *S8[1:])
S8_TYPES = typed(input=INT8, weights=INT8, bias=INT32, hidden=INT8, cell=INT16, output=INT8)
S16_TYPES = typed(input=INT16, weights=INT8, bias=INT64, hidden=INT16, cell=INT16, output=INT16)
