"""Pools, ADD and MUL by ESP-NN; what holds for all its kernels is said in esp_nn_weighted."""

from __future__ import annotations

from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Cost, KernelCall, Struct, Value
from tinyml.ops import pool_2d
from tinyml.ops.common import activation_range, clamp_struct, quant_of, requant_struct, result
from tinyml.ops.elementwise import lower_mul, lower_sum, mul_factor, sum_factors
from tinyml.ops.extents import images, pairwise
from tinyml.ops.windows import window_struct
from tinyml.variants import Variant
from tinyml.variants.esp_nn_weighted import LONGEST, NOTE

FASTER = 2  # than the plain kernel, at least, by the table in ESP-NN's README (ESP32-S3)
VECTOR = 16  # channels; nobody has shown the pools right on other numbers


def pool(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_esp_nn_average_pool_2d_s8`` or ``tml_esp_nn_max_pool_2d_s8``."""
    given, made = graph.tensors[op.inputs[0]], result(op, graph)
    rows, columns = pool_2d.windows(op, graph)
    batches, channels = given.shape[0], given.shape[3]
    if batches != 1:
        return f"{batches} images at once"
    if channels % VECTOR:
        return f"{channels} channels, no multiple of {VECTOR}"
    if max(*given.shape, *made.shape, rows.kernel, columns.kernel) > LONGEST:
        return f"a dimension is above {LONGEST}"
    name = "average_pool_2d" if op.kind == "AVERAGE_POOL_2D" else "max_pool_2d"
    return KernelCall(
        f"tml_esp_nn_{name}_s8",
        "kernels/esp_nn/pool_2d_s8.h",
        Struct(
            "tml_esp_nn_pool_2d_params",
            (
                ("height", window_struct(rows)),
                ("width", window_struct(columns)),
                ("channels", channels),
                ("clamp", clamp_struct(activation_range(op.attrs.activation, quant_of(made)))),
            ),
        ),
        (Arg("input"), Arg("output")),
        cost=_cost(pool_2d.lower(op, graph)),
        isa="esp_nn",
        note=NOTE,
    )


def add(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_esp_nn_add_s8``."""
    factors = sum_factors(op, graph)
    names = ("input1_requant", "input2_requant", "output_requant")
    fields = tuple(
        (name, requant_struct(*factor)) for name, factor in zip(names, factors, strict=True)
    )
    return _elementwise(op, graph, "add", fields, lower_sum(op, graph))


def mul(op: Op, graph: Graph) -> KernelCall | str:
    """A call of ``tml_esp_nn_mul_s8``."""
    multiplier, shift = mul_factor(op, graph)
    if shift > 0:
        return "rescaling shifts to the left"
    fields = (("output_requant", requant_struct(multiplier, shift)),)
    return _elementwise(op, graph, "mul", fields, lower_mul(op, graph))


def _elementwise(
    op: Op, graph: Graph, name: str, factors: tuple[tuple[str, Struct], ...], plain: KernelCall
) -> KernelCall | str:
    first, second, made = *(graph.tensors[i] for i in op.inputs), result(op, graph)
    if first.is_constant or second.is_constant:
        return "an operand is constant"
    if first.elements != made.elements or second.elements != made.elements:
        return "an operand is broadcast"
    out = quant_of(made)
    fields: tuple[tuple[str, Value], ...] = (
        ("count", made.elements),
        ("input1_offset", -quant_of(first).zero_point),
        ("input2_offset", -quant_of(second).zero_point),
        *factors,
        ("output_offset", out.zero_point),
        ("clamp", clamp_struct(activation_range(op.attrs.activation, out))),
    )
    return KernelCall(
        f"tml_esp_nn_{name}_s8",
        "kernels/esp_nn/elementwise_s8.h",
        Struct(f"tml_esp_nn_{name}_params", fields),
        (Arg("input", 0), Arg("input", 1), Arg("output")),
        cost=_cost(plain),
        isa="esp_nn",
        note=NOTE,
    )


def _cost(plain: KernelCall) -> Cost:
    return Cost(100 + plain.cost.instructions // FASTER, code_bytes=80)


EXTENTS = {
    "tml_esp_nn_add_params": pairwise,
    "tml_esp_nn_mul_params": pairwise,
    "tml_esp_nn_pool_2d_params": images(),
}

VARIANTS = (
    Variant("esp_nn/add", "ADD", "s8", "esp_nn", add, is_streamable=False),
    Variant("esp_nn/average_pool_2d", "AVERAGE_POOL_2D", "s8", "esp_nn", pool, is_streamable=False),
    Variant("esp_nn/max_pool_2d", "MAX_POOL_2D", "s8", "esp_nn", pool, is_streamable=False),
    Variant("esp_nn/mul", "MUL", "s8", "esp_nn", mul, is_streamable=False),
)
