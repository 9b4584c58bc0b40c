"""What exists, as tables: boards, operators, and the inside of a model."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tinyml.ir.graph import Graph, Tensor
from tinyml.ops import spec_of
from tinyml.plan.fit import Fit, short_name
from tinyml.report.predicted import predicted_record
from tinyml.report.text import Table
from tinyml.target.board import Board
from tinyml.target.boards import all_boards
from tinyml.target.template import toolchain_of

WRITTEN_BY = "<!-- Written by `tinyml {command} --markdown`; do not edit. -->\n\n"


def board_table() -> Table:
    """One row per known board."""
    rows = tuple(
        (
            board.name,
            board.chip.name,
            board.chip.core.name,
            f"{board.chip.clock_hz / 1e6:g}",
            ", ".join(f"{budget.region} {_kib(budget.max_bytes)}" for budget in board.ram),
            _kib(board.flash.max_bytes),
            toolchain_of(board, board.backends["template"]),
            board.backends["flasher"],
            board.backends["simulator"],
        )
        for board in all_boards()
    )
    return Table(
        "Boards",
        (
            "board",
            "chip",
            "core",
            "MHz>",
            "RAM (KiB)",
            "flash (KiB)>",
            "built by",
            "flashed by",
            "simulated by",
        ),
        rows,
        ("simulated by", "flashed by", "built by", "core", "MHz", "chip"),
    )


def board_page(table: Table) -> str:
    """docs/boards.md."""
    lines = [WRITTEN_BY.format(command="boards"), "# Boards\n\n", _markdown(table), "\n"]
    lines.append(
        "RAM and flash are what a firmware may use, in KiB. Where each number comes from:\n\n"
    )
    for board in all_boards():
        lines.append(f"- **{board.name}**, {board.title}: {_source(board)}\n")
    return "".join(lines)


def model_tables(graph: Graph) -> tuple[Table, ...]:
    """Inputs, outputs and layers of a model."""
    ends = tuple(
        (role, tensor.name, tensor.dtype.name, _shape(tensor), _quant(tensor), tensor.nbytes)
        for role, indices in (("input", graph.inputs), ("output", graph.outputs))
        for tensor in (graph.tensors[i] for i in indices)
    )
    rows: list[tuple[Any, ...]] = []
    for number, op in enumerate(graph.ops):
        output = graph.tensors[op.outputs[0]]
        constants = [t for t in graph.op_inputs(op) if t is not None and t.is_constant]
        weights = next((t for t in constants if t.quant and t.quant.is_per_channel), None)
        rows.append(
            (
                number,
                op.kind,
                short_name(op.name),
                _shape(output),
                _quant(output),
                "per channel" if weights else ("per tensor" if constants else "-"),
                spec_of(op.kind).macs(op, graph),
                sum(tensor.nbytes for tensor in constants),
            )
        )
    rows.append(("", "sum", "", "", "", "", sum(r[6] for r in rows), sum(r[7] for r in rows)))
    return (
        *_about(graph),
        Table(
            f"{graph.source.file_name} (sha256 {graph.source.sha256[:12]})",
            ("", "tensor", "type", "shape", "quantisation", "bytes>"),
            ends,
            ("quantisation", "type", "bytes"),
        ),
        Table(
            "Layers",
            ("#>", "op", "name", "output", "quantisation", "weights", "MACs>", "weight B>"),
            tuple(rows),
            ("weights", "quantisation", "name", "#", "output"),
        ),
    )


def _about(graph: Graph) -> tuple[Table, ...]:
    """What the file says about itself; nothing when it says nothing."""
    held = graph.source.metadata
    pairs = zip(held.mean, held.std, strict=False)
    rows = (
        ("made by", held.producer),
        ("calibrated", "" if held.is_calibrated else "NO: random samples, results mean nothing"),
        ("calibration data", held.calibration_sha256 and f"sha256 {held.calibration_sha256[:12]}"),
        ("normalisation", ", ".join(f"(raw - {mean:g}) / {std:g}" for mean, std in pairs)),
        ("labels", ", ".join(held.labels)),
    )
    kept = tuple((name, text) for name, text in rows if text)
    return (Table("About", ("", "what the file says"), kept),) if kept else ()


def fit_record(verdict: Fit) -> dict[str, object]:
    """The answer of ``tinyml check`` as plain data."""
    return {
        "board": verdict.board,
        "fits": verdict.is_ok,
        "regions": [
            {
                "region": item.region,
                "kind": item.kind,
                "needed_bytes": item.needed_bytes,
                "budget_bytes": item.budget_bytes,
                "uses": dict(item.uses),
                "fits": item.is_ok,
            }
            for item in verdict.regions
        ],
        "peak": verdict.peak,
        "largest_tensors": dict(verdict.tensors),
        "largest_constants": dict(verdict.weights),
        "advice": list(verdict.advice),
        "spilled": [
            {"region": item.region, "arena_bytes": item.nbytes, "tensors": dict(item.tensors)}
            for item in verdict.spilled
        ],
        "stall_cycles": verdict.stall_cycles,
        "copied": asdict(verdict.copied) if verdict.copied else None,
        "two_cores": asdict(verdict.shared) if verdict.shared else None,
        "predicted": predicted_record(verdict.estimate),
    }


def _markdown(table: Table) -> str:
    names = [column.rstrip(">") for column in table.columns]
    marks = ["--:" if column.endswith(">") else "---" for column in table.columns]
    lines = [names, marks, *([str(cell) for cell in row] for row in table.rows)]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def _source(board: Board) -> str:
    return f"{board.source}; chip {board.chip.name}: {board.chip.source}"


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"


def _quant(tensor: Tensor) -> str:
    if tensor.quant is None:
        return "-"
    return f"{tensor.quant.scale:.6g} * (q {-tensor.quant.zero_point:+d})"


def _kib(count: int) -> str:
    return f"{count / 1024:,.0f}"
