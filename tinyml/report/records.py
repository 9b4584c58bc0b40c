"""What ``--json`` of the listing commands prints: plain data; keys in snake case, with units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinyml.ir.graph import Graph, Tensor
from tinyml.ops import spec_of
from tinyml.plan.explore import Alternative
from tinyml.target.board import Board
from tinyml.target.memory import Budget


def board_records(boards: Sequence[Board]) -> list[dict[str, object]]:
    """One record per board."""
    return [
        {
            "name": board.name,
            "title": board.title,
            "chip": board.chip.name,
            "core": board.chip.core.name,
            "isa": list(board.chip.isa),
            "clock_hz": board.chip.clock_hz,
            "ram": [_budget(item) for item in board.ram],
            "flash": _budget(board.flash),
            "stack_bytes": board.stack_bytes,
            "runtime": board.backends["runtime"],
            "toolchain": board.backends["toolchain"],
            "flashers": list(board.flashers),
            "simulator": board.backends["simulator"],
            "template": board.backends["template"],
            "usb": list(board.usb),
            "baud": board.baud,
            "source": board.source,
        }
        for board in boards
    ]


def model_record(graph: Graph) -> dict[str, object]:
    """Inputs, outputs and layers of a model."""
    layers = [_layer(graph, index) for index in range(len(graph.ops))]
    return {
        "name": graph.name,
        "file": graph.source.file_name,
        "sha256": graph.source.sha256,
        "inputs": [_tensor(graph.tensors[index]) for index in graph.inputs],
        "outputs": [_tensor(graph.tensors[index]) for index in graph.outputs],
        "layers": layers,
        "macs": sum(layer["macs"] for layer in layers),
        "weights_bytes": sum(layer["weights_bytes"] for layer in layers),
    }


def explore_record(board: str, alternatives: Sequence[Alternative]) -> dict[str, object]:
    """The plans of all goals for one board."""
    return {
        "board": board,
        "plans": [
            {
                "goals": list(item.goals),
                "arena_bytes": item.arena_bytes,
                "ram_bytes": item.ram_bytes,
                "predicted_instructions": item.instructions,
                "predicted_cycles": item.cycles,
                "flash_bytes": item.flash_bytes,
                "fits": item.fits,
                "is_best": item.is_best,
            }
            for item in alternatives
        ],
    }


def _layer(graph: Graph, index: int) -> dict[str, Any]:
    op = graph.ops[index]
    output = graph.tensors[op.outputs[0]]
    constants = [t for t in graph.op_inputs(op) if t is not None and t.is_constant]
    is_per_channel = any(t.quant is not None and t.quant.is_per_channel for t in constants)
    return {
        "index": index,
        "op": op.kind,
        "name": op.name,
        "output": _tensor(output),
        "weights": ("per_channel" if is_per_channel else "per_tensor") if constants else None,
        "macs": spec_of(op.kind).macs(op, graph),
        "weights_bytes": sum(tensor.nbytes for tensor in constants),
    }


def _tensor(tensor: Tensor) -> dict[str, object]:
    quant = tensor.quant
    return {
        "name": tensor.name,
        "dtype": tensor.dtype.name,
        "shape": list(tensor.shape),
        "scale": quant.scale if quant else None,
        "zero_point": quant.zero_point if quant else None,
        "bytes": tensor.nbytes,
    }


def _budget(budget: Budget) -> dict[str, object]:
    return {"region": budget.region, "bytes": budget.max_bytes}
