"""Kernels of CMSIS-NN for int16 values as one more choice of the planner, for comparison alone.

They are taken from a folder that the user has (https://github.com/ARM-software/CMSIS-NN); nothing
of it is part of tinyml. As a module of another package would (docs/adding-an-op.md), this one
brings ``VARIANTS``, ``EXTENTS`` and ``FIRMWARE``, so that they are built, run and verified as ours.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np

from tinyml.base.errors import TinymlError
from tinyml.ir.dtype import INT32
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import Arg, Constant, Cost, KernelCall, Struct, Value, field_value
from tinyml.ops.common import clamp_struct, requant_struct, result
from tinyml.ops.elementwise import lower_sum, sum_factors
from tinyml.ops.extents import images, of_width, pairwise, rows
from tinyml.ops.weighted import INPUT, WEIGHTS, WeightedSum
from tinyml.ops.windows import filter_windows, window_struct
from tinyml.variants import Variant

HEADER = "kernels/cmsis_nn/s16.h"


def convolution(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """arm_convolve_wrapper_s16."""
    given, weights = graph.tensors[op.inputs[INPUT]], graph.tensors[op.inputs[WEIGHTS]]
    if weights.shape[3] != given.shape[3]:
        return "the convolution is grouped"
    window = 4 * weights.elements // weights.shape[0]  # two of 16 bits
    return _images(op, graph, layer, "conv_2d", window)


def depthwise(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """arm_depthwise_conv_wrapper_s16."""
    weights = graph.tensors[op.inputs[WEIGHTS]]
    return _images(op, graph, layer, "depthwise", 2 * weights.elements)


def fully_connected(op: Op, graph: Graph, layer: WeightedSum) -> KernelCall | str:
    """arm_fully_connected_s16."""
    if not layer.is_uniform or layer.sum_dtype == INT32:
        return "not what arm_fully_connected_s16 computes"
    fields: tuple[tuple[str, Value], ...] = (
        ("rows", result(op, graph).elements // len(layer.weights)),
        ("in_features", layer.weights.shape[1]),
        ("out_channels", len(layer.weights)),
        ("requant", requant_struct(int(layer.multiplier[0]), int(layer.shift[0]))),
        ("clamp", clamp_struct(layer.bounds)),
    )
    constants = _weights(op, graph, layer)
    return _call("fully_connected", "rows", fields, (Arg("input"),), constants)


def add(op: Op, graph: Graph) -> KernelCall | str:
    """arm_elementwise_add_s16."""
    sizes = {graph.tensors[i].elements for i in op.inputs}
    if sizes != {result(op, graph).elements}:
        return "an operand is broadcast"
    plain = lower_sum(op, graph).params
    first, second, made = (requant_struct(*factor) for factor in sum_factors(op, graph))
    fields: tuple[tuple[str, Value], ...] = (
        ("count", result(op, graph).elements),
        ("input1", first),
        ("input2", second),
        ("output", made),
        ("clamp", field_value(plain, "clamp")),
    )
    return _call("add", "add", fields, (Arg("input", 0), Arg("input", 1)), ())


def _images(op: Op, graph: Graph, layer: WeightedSum, name: str, scratch_bytes: int) -> KernelCall:
    given, made = graph.tensors[op.inputs[INPUT]], result(op, graph)
    height, width = filter_windows(op, graph)
    fields: tuple[tuple[str, Value], ...] = (
        ("batches", given.shape[0]),
        ("height", window_struct(height)),
        ("width", window_struct(width)),
        ("in_channels", given.shape[3]),
        ("out_channels", made.shape[3]),
        ("has_32_bits", layer.sum_dtype == INT32),
        ("clamp", clamp_struct(layer.bounds)),
    )
    constants = (
        *_weights(op, graph, layer),
        Constant("multiplier", layer.multiplier.astype(np.int32), "per output channel"),
        Constant("shift", layer.shift.astype(np.int32), "per output channel"),
    )
    call = _call(name, "images", fields, (Arg("input"),), constants)
    arguments = (*call.arguments, Arg("scratch"))
    return replace(call, arguments=arguments, scratch_bytes=scratch_bytes)


def _weights(op: Op, graph: Graph, layer: WeightedSum) -> tuple[Constant, ...]:
    data = graph.tensors[op.inputs[WEIGHTS]].data
    assert data is not None
    bias = layer.bias.astype(layer.sum_dtype.numpy)
    return Constant("weights", data.reshape(-1), ""), Constant("bias", bias, "")


def _call(
    name: str,
    params: str,
    fields: tuple[tuple[str, Value], ...],
    inputs: tuple[Arg, ...],
    constants: tuple[Constant, ...],
) -> KernelCall:
    return KernelCall(
        f"tml_cmsis_{name}_s16",
        HEADER,
        Struct(f"tml_cmsis_{params}_params", fields),
        (*inputs, *(Arg("constant", constant=item.name) for item in constants), Arg("output")),
        constants,
        cost=Cost(1),  # taken wherever they are valid
        isa="dsp",
    )


EXTENTS = {
    "tml_cmsis_images_params": of_width(images("in_channels", "out_channels"), 2, 2),
    "tml_cmsis_rows_params": of_width(rows("rows", "in_features", "out_channels"), 2, 2),
    "tml_cmsis_add_params": of_width(pairwise, 2, 2),
}

VARIANTS = tuple(
    Variant(f"cmsis_nn/{kind.lower()}", kind, "s16", "dsp", lower, is_streamable=False)
    for kind, lower in (
        ("CONV_2D", convolution),
        ("DEPTHWISE_CONV_2D", depthwise),
        ("FULLY_CONNECTED", fully_connected),
        ("ADD", add),
    )
)


def package(source: Path, folder: Path) -> ModuleType:
    """A module that brings the kernels of CMSIS-NN in ``source``, copied into ``folder``.

    Raises TinymlError when there is none.
    """
    if not (source / "Include" / "arm_nnfunctions.h").is_file():
        raise TinymlError(
            f"{source} is no folder of CMSIS-NN",
            hint="git clone https://github.com/ARM-software/CMSIS-NN, then CMSIS_NN_DIR=…",
        )
    target = folder / HEADER
    target.parent.mkdir(parents=True)
    for path in sorted((source / "Source").rglob("*_s16.c")):
        # Not .c: a project would compile it alone, too.
        shutil.copy(path, (target.parent / path.name).with_suffix(".inc"))
    shutil.copytree(source / "Include", target.parent, dirs_exist_ok=True)
    shutil.copy(Path(__file__).with_name("s16.h"), target)
    module = ModuleType("cmsis_nn")
    for name, value in (("VARIANTS", VARIANTS), ("EXTENTS", EXTENTS), ("FIRMWARE", folder)):
        setattr(module, name, value)
    return module


def date(source: Path) -> str:
    """Of the last change of its interface, as its header says."""
    header = (source / "Include" / "arm_nnfunctions.h").read_text("utf-8")
    found = re.search(r"\$Date:\s*(.+\S)", header)
    return found[1] if found else "unknown date"
