"""Layers of int16 values on our kernels and on those of CMSIS-NN, counted in one run.

``CMSIS_NN_DIR=folder python -m benchmarks.cmsis_s16 [--write]``

Both are built into firmware of the same board, run on the same emulated core with the same inputs,
and their outputs must equal the reference. Ours is built with the default compiler; of CMSIS-NN the
better of both compilers counts. What TensorFlow Lite Micro itself needs per layer is not counted.
``--write`` stores the table as docs/performance/int16.md.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from benchmarks.cmsis_nn.kernels import date, package
from tinyml import api
from tinyml.base.errors import ToolError
from tinyml.conformance.merge import side_by_side
from tinyml.evaluate.samples import random_samples
from tinyml.evaluate.verification import verify
from tinyml.ir.dtype import INT8, INT16, INT64
from tinyml.ir.graph import Graph, Op, Quant, Source, Tensor
from tinyml.ops import outside, spec_of
from tinyml.ops.conv_2d import Conv2dAttrs
from tinyml.ops.depthwise_conv_2d import DepthwiseConv2dAttrs
from tinyml.ops.elementwise import BinaryAttrs
from tinyml.ops.fully_connected import FullyConnectedAttrs
from tinyml.plan.values import Plan
from tinyml.project.pipeline import build_plan
from tinyml.target.board import Board

BOARD = "nucleo_l4r5zi"
PAGE = Path(__file__).parent.parent / "docs" / "performance" / "int16.md"
SCALE = 0.0002  # of inputs
WEIGHT_SCALE = 0.01


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer to measure."""

    title: str
    kind: str
    given: tuple[int, ...]
    weights: tuple[int, ...]  # () for a layer without
    stride: int = 1


LAYERS = (
    Layer("10x4, stride 2, 1 to 64 channels", "CONV_2D", (1, 49, 10, 1), (64, 10, 4, 1), 2),
    Layer("1x1, 64 to 64 channels", "CONV_2D", (1, 25, 5, 64), (64, 1, 1, 64)),
    Layer("1x1, 16 to 32 channels", "CONV_2D", (1, 24, 24, 16), (32, 1, 1, 16)),
    Layer("3x3, 3 to 16 channels", "CONV_2D", (1, 32, 32, 3), (16, 3, 3, 3)),
    Layer("3x3, 32 to 32 channels", "CONV_2D", (1, 16, 16, 32), (32, 3, 3, 32)),
    Layer("3x3, stride 2, 32 to 64 channels", "CONV_2D", (1, 16, 16, 32), (64, 3, 3, 32), 2),
    Layer("3x3, 64 channels, 25x5", "DEPTHWISE_CONV_2D", (1, 25, 5, 64), (1, 3, 3, 64)),
    Layer("3x3, 16 channels, 48x48", "DEPTHWISE_CONV_2D", (1, 48, 48, 16), (1, 3, 3, 16)),
    Layer("3x3, stride 2, 32 channels", "DEPTHWISE_CONV_2D", (1, 24, 24, 32), (1, 3, 3, 32), 2),
    Layer("5x5, 32 channels", "DEPTHWISE_CONV_2D", (1, 12, 12, 32), (1, 5, 5, 32)),
    Layer("64 to 12", "FULLY_CONNECTED", (1, 64), (12, 64)),
    Layer("256 to 64", "FULLY_CONNECTED", (1, 256), (64, 256)),
    Layer("640 to 128", "FULLY_CONNECTED", (1, 640), (128, 640)),
    Layer("12x12, 32 channels", "ADD", (1, 12, 12, 32), ()),
)


def graph_of(layer: Layer, seed: int) -> Graph:
    """The layer as a graph; its outputs use about their range."""
    rng = np.random.default_rng(seed)
    stride = layer.stride
    attrs, axis = {
        "CONV_2D": (Conv2dAttrs("SAME", stride, stride, activation="RELU"), 0),
        "DEPTHWISE_CONV_2D": (DepthwiseConv2dAttrs("SAME", stride, stride, activation="RELU"), 3),
        "FULLY_CONNECTED": (FullyConnectedAttrs(), 0),
        "ADD": (BinaryAttrs(), 0),
    }[layer.kind]
    tensors = [Tensor("x", INT16, layer.given, Quant((SCALE,), (0,)))]
    depth = 1
    if layer.weights:
        channels = layer.weights[axis]
        depth = int(np.prod(layer.weights)) // channels
        count = 1 if layer.kind == "FULLY_CONNECTED" else channels
        scales = (rng.uniform(0.5, 1.0, count) * WEIGHT_SCALE).astype(np.float32)
        weights = np.clip(rng.normal(0.0, 30.0, layer.weights), -127, 127).astype(np.int8)
        bias = rng.integers(-(1 << 20), 1 << 20, channels).astype(np.int64)
        zeros = (0,) * count
        bias_scales = tuple((scales * np.float32(SCALE)).tolist())
        for data in (weights, bias):
            data.flags.writeable = False
        quant = Quant(tuple(scales.tolist()), zeros, axis)
        tensors += [
            Tensor("w", INT8, layer.weights, quant, weights),
            Tensor("b", INT64, (channels,), Quant(bias_scales, zeros), bias),
        ]
    else:
        tensors.append(Tensor("z", INT16, layer.given, Quant((0.7 * SCALE,), (0,))))
    made = Tensor("y", INT16, (), Quant((SCALE * max(1.5, 0.6 * depth**0.5),), (0,)))
    op = Op(layer.kind, "layer", tuple(range(len(tensors))), (len(tensors),), attrs)
    inputs = tuple(i for i, tensor in enumerate(tensors) if tensor.data is None)
    source = Source("int16.tflite", "0" * 64, 0)
    graph = Graph("int16", source, (*tensors, made), (op,), inputs, op.outputs)
    (shape,) = spec_of(layer.kind).infer(op, graph)
    return replace(graph, tensors=(*tensors, replace(made, shape=shape)))


def counts(plan: Plan, board: Board, toolchain: str | None) -> list[int]:
    """Instructions of each layer; the outputs have been verified."""
    given = random_samples(plan.graph, 1)
    with tempfile.TemporaryDirectory(prefix="tinyml-bench-") as folder:
        settings = api.Settings(
            plan.optimize, toolchain=toolchain, directory=Path(folder), self_test=False
        )
        run = api.simulate(build_plan(plan, board, settings), given.inputs)
    verify(plan.reference_graph, given.inputs, run.outputs)
    return [layer.instructions or 0 for layer in run.layers]


def measured(layers: tuple[Layer, ...], source: Path) -> tuple[list[int], list[int]]:
    """Instructions of our kernels and of CMSIS-NN's, layer by layer."""
    board, settings = api.load_board(BOARD), api.Settings("speed")
    ours: list[int] = []
    theirs: list[int] = []
    with tempfile.TemporaryDirectory(prefix="tinyml-bench-") as folder:
        brought = package(source, Path(folder))
        for number, layer in enumerate(layers):
            graph = side_by_side([graph_of(layer, number)])
            ours += counts(api.plan(graph, board, settings).plan, board, None)
            with outside.added(brought):
                plan = api.plan(graph, board, settings).plan
                found = [counts(plan, board, toolchain)[0] for toolchain in _toolchains()]
            theirs.append(min(found))
    return ours, theirs


def _toolchains() -> tuple[str, ...]:
    return ("zig", "arm_gcc") if shutil.which("arm-none-eabi-gcc") else ("zig",)


def page(layers: tuple[Layer, ...], ours: list[int], theirs: list[int], peer: str) -> str:
    """The table as a page."""
    lines = [
        "# int16 activations\n",
        "Layers of int16 values and int8 weights, each alone, on the emulated Cortex-M4 of",
        f"{BOARD}: executed instructions with `--optimize speed`, of our kernels and of those of",
        f"CMSIS-NN (interface of {peer}), in one run with the same inputs. All outputs equal the",
        "reference. Ours are built with the default compiler, CMSIS-NN's with the better of",
        f"{' and '.join(_toolchains())}, both at -O3. What TensorFlow Lite Micro needs around its",
        "kernels is not counted.\n",
        "Written by `CMSIS_NN_DIR=folder python -m benchmarks.cmsis_s16 --write`.\n",
        "| layer | MACs | CMSIS-NN | ours | fewer by | ours per MAC |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for number, (layer, own, other) in enumerate(zip(layers, ours, theirs, strict=True)):
        graph = graph_of(layer, number)
        macs = spec_of(layer.kind).macs(graph.ops[0], graph)
        per_mac = f"{own / macs:.2f}" if macs else "-"
        title = f"{layer.kind} {layer.title}"
        lines.append(
            f"| {title} | {macs:,} | {other:,} | {own:,} | {other / own:.2f} x | {per_mac} |"
        )
    return "\n".join(lines) + "\n"


@click.command()
@click.option("--write", is_flag=True, help=f"Store the table as {PAGE.name}.")
def main(write: bool) -> None:
    """Prints the table."""
    source = os.environ.get("CMSIS_NN_DIR")
    if source is None:
        raise ToolError(
            "CMSIS_NN_DIR is not set",
            hint="git clone https://github.com/ARM-software/CMSIS-NN and give its folder",
        )
    text = page(LAYERS, *measured(LAYERS, Path(source)), date(Path(source)))
    print(text, end="")
    if write:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
