"""Every suggestion tried: what it brings and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.base.errors import ModelError
from tinyml.convert import flatfile
from tinyml.convert.layers import Sample
from tinyml.convert.quality import Progress, Quality, _quiet, score
from tinyml.convert.quantize import quantize
from tinyml.convert.runners import float_runner, quantised_runner
from tinyml.convert.states import following
from tinyml.convert.tables import with_attrs
from tinyml.convert.values import Evaluation, QuantizeSettings
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.ops import all_ops
from tinyml.passes import run_passes
from tinyml.plan.allocate import Range, allocate
from tinyml.plan.planner import plan
from tinyml.target.board import Board


@dataclass(frozen=True, slots=True)
class Costs:
    """What a model takes: by the planner where there is a board, else tensors and constants."""

    ram_bytes: int
    flash_bytes: int
    macs: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to quantise, tried."""

    option: str  # for the command line; empty for the settings as given
    settings: QuantizeSettings
    score: float  # of the integer model, in the metric of the report
    drop: float  # against the float model
    costs: Costs
    nbytes: int  # of the .tflite


def sweep(
    original: bytes,
    quality: Quality,
    data: tuple[Sequence[Sample], Evaluation],
    start: tuple[QuantizeSettings, Board | None],
    progress: Progress = _quiet,
) -> tuple[Trial, ...]:
    """The settings as given and every suggestion of the report, best score first.

    ``data`` is (calibration samples, evaluation), ``start`` the settings as given and the board
    whose planner counts the costs. Equal scores are ordered by RAM, flash and MACs.
    """
    samples, evaluation = data
    given, board = start
    tries = [("", given)] + [
        (item.option, item.settings) for item in quality.suggestions if item.settings is not None
    ]
    exact = float_runner(original)
    trials = []
    for number, (option, settings) in enumerate(tries):
        progress("trying suggestions", number, len(tries))
        try:
            made = quantize(original, samples, settings).data
        except ModelError:
            continue  # a layer near this one has no 16-bit kernel
        runner = following(quantised_runner(made), settings.states)
        result = score((exact, runner), evaluation)
        trials.append(
            Trial(option, settings, result.in_integers, result.drop, costs(made, board), len(made))
        )
    progress("trying suggestions", len(tries), len(tries))
    return tuple(
        sorted(trials, key=lambda t: (t.drop, t.costs.ram_bytes, t.costs.flash_bytes, t.costs.macs))
    )


def costs(data: bytes, board: Board | None = None) -> Costs:
    """RAM, flash and MACs of a quantised model.

    By the planner where a board is given and supports every operator; else the arena of the tensors
    and the constants alone, without scratch and code.
    """
    graph = flatfile.read("model.tflite", data)
    macs = sum(macs_of(graph, number) for number in range(len(graph.ops)))
    if board is not None:
        try:
            planned = plan(run_passes(load(model_file("model.tflite", data))), board)
        except ModelError:
            pass
        else:
            flash = sum(use.nbytes for use in planned.uses if use.purpose in ("weights", "code"))
            ram = sum(nbytes for _, nbytes in planned.arena_bytes)
            return Costs(ram, flash, macs)
    flash = sum(tensor.nbytes for tensor in graph.tensors if tensor.is_constant)
    return Costs(_arena(graph), flash, macs)


def _arena(graph: Graph) -> int:
    first: dict[int, int] = {i: -1 for i in graph.inputs}
    last: dict[int, int] = dict.fromkeys(graph.outputs, len(graph.ops))
    for number, op in enumerate(graph.ops):
        for i in op.outputs:
            first.setdefault(i, number)
            last.setdefault(i, number)
        for i in op.inputs:
            if i >= 0 and not graph.tensors[i].is_constant:
                last[i] = max(last.get(i, number), number)
    ranges = [Range(first[i], last.get(i, -1), graph.tensors[i].nbytes) for i in first]
    return allocate(ranges).arena_bytes


def macs_of(graph: Graph, number: int) -> int:
    """Multiply-accumulates of one op, as the compiler counts them; 0 for one that it lacks."""
    op = graph.ops[number]
    spec = all_ops().get(op.kind)
    return spec.macs(with_attrs(op), graph) if spec is not None else 0
