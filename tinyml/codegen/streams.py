"""A step that runs row by row as C text: one function per stage, tables of rows and stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tinyml.codegen.layers import Operand, call_text, operand_of, params_text
from tinyml.codegen.literals import c_value, shape_text, wrap_comment
from tinyml.ir.dtype import INT8, dtype_of
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import Arg, Reading, Ref, Rows, Stage, Stream, Struct


@dataclass(frozen=True, slots=True)
class Symbols:
    """What things are called in the C of a step."""

    names: Sequence[str]  # of all tensors
    places: Mapping[int, str]  # of the tensors in the arena
    constants: Mapping[str, str]  # of the step's constants
    scratch: str  # of the step


@dataclass(frozen=True, slots=True)
class StageView:
    """One kernel call in a function of its own."""

    comment: tuple[str, ...]  # lines
    params_type: str
    symbol: str
    params: str
    function: str
    call: str


@dataclass(frozen=True, slots=True)
class EntryView:
    """One element of a table."""

    comment: str
    initialiser: str


@dataclass(frozen=True, slots=True)
class StreamView:
    """What the template places in front of the step's params."""

    stages: tuple[StageView, ...]
    rows: tuple[EntryView, ...]
    table: tuple[EntryView, ...]


def stream_params(index: int, stream: Stream) -> str:
    """The initialiser of the step's ``tml_stream_params``."""
    return c_value(stream_struct(index, stream), str)


def stream_struct(index: int, stream: Stream) -> Struct:
    """The step's ``tml_stream_params``."""
    fields = (
        ("rows", Ref(f"layer_{index}_rows")),
        ("stages", Ref(f"layer_{index}_stages")),
        ("row_count", len(stream.rows)),
        ("stage_count", len(stream.stages)),
    )
    return Struct("tml_stream_params", fields)


def stream_view(index: int, stream: Stream, graph: Graph, symbols: Symbols) -> StreamView:
    """The view of one step's stream."""
    stages = tuple(
        _stage_view(f"layer_{index}_stage_{number}", number, stage, graph, symbols)
        for number, stage in enumerate(stream.stages)
        if stage.call is not None
    )
    rows = tuple(_rows_entry(item, graph, symbols) for item in stream.rows)
    table = tuple(
        _stage_entry(index, number, stage, graph) for number, stage in enumerate(stream.stages)
    )
    return StreamView(stages, rows, table)


def _stage_view(
    symbol: str, number: int, stage: Stage, graph: Graph, symbols: Symbols
) -> StageView:
    call = stage.call
    assert call is not None
    op = graph.ops[stage.op]
    layer = symbol.split("_")[1]
    text = f'layer {layer}, stage {number}: {op.kind} "{op.name}", {_height(stage.band)} at once'
    if call.note:
        text += f"; {call.note}"
    arguments = (f"&{symbol}", *(item.text for item in _operands(stage, graph, symbols)))
    return StageView(
        comment=wrap_comment(text),
        params_type=call.params.type,
        symbol=symbol,
        params=params_text(call, symbols.constants),
        function=f"run_{symbol}",
        call=call_text(call.function, arguments, indent=4, suffix=");"),
    )


def _operands(stage: Stage, graph: Graph, symbols: Symbols) -> tuple[Operand, ...]:
    call = stage.call
    assert call is not None
    op = graph.ops[stage.op]
    values = [i for i in op.inputs if i >= 0 and not graph.tensors[i].is_constant]
    dtypes = {item.name: dtype_of(item.data.dtype) for item in call.constants}
    own = f"((int8_t *){symbols.scratch} + {stage.scratch_offset})"

    def resolve(arg: Arg) -> Operand:
        match arg.kind:
            case "constant":
                return operand_of(arg, dtypes[arg.constant], symbols.constants[arg.constant])
            case "scratch":
                return _scratch(arg, own)
            case "input":
                is_first = values.index(op.inputs[arg.index]) == 0
                place = "band->input" if is_first else "band->other"
                return operand_of(_typed(arg, op.inputs, graph), INT8, place)
            case "run":
                return Operand(arg.kind, None, "band->run")
            case _:
                return operand_of(_typed(arg, op.outputs, graph), INT8, "band->output")

    return tuple(resolve(arg) for arg in call.arguments)


def _typed(arg: Arg, tensors: Sequence[int], graph: Graph) -> Arg:
    """The argument with the type of its tensor's elements: a band is bytes."""
    return replace(arg, dtype=arg.dtype or graph.tensors[tensors[arg.index]].dtype)


def _scratch(arg: Arg, place: str) -> Operand:
    """A kernel's scratch, through void because the compiler cannot see its alignment."""
    return operand_of(arg, None, f"(void *){place}")


def _rows_entry(item: Rows, graph: Graph, symbols: Symbols) -> EntryView:
    tensor = graph.tensors[item.tensor]
    own = f"(int8_t *){symbols.scratch} + {item.offset}"
    part = f"{_height(item.capacity)} of" if item.place == "scratch" else item.place
    comment = f"{part} {symbols.names[item.tensor]} {shape_text(tensor.shape)}"
    cast = "" if tensor.dtype == INT8 else "(int8_t *)"
    data = own if item.place == "scratch" else cast + symbols.places[item.tensor]
    return EntryView(comment, c_value(rows_struct(item, data), str, 1))


def rows_struct(item: Rows, data: str) -> Struct:
    """The ``tml_rows`` of a tensor whose rows begin at ``data``."""
    given = item.count if item.place == "input" else 0
    fields = (
        ("data", Ref(data)),
        ("pitch", item.pitch),
        ("capacity", item.capacity),
        ("lead", item.lead),
        ("above", item.above),
        ("below", item.below),
        ("fill", item.fill),
        ("given", given),
        ("is_padded", item.is_padded),
    )
    return Struct("tml_rows", fields)


def _stage_entry(index: int, number: int, stage: Stage, graph: Graph) -> EntryView:
    kind = "copies rows of the input" if stage.op < 0 else graph.ops[stage.op].kind
    return EntryView(f"{number}: {kind}", c_value(stage_struct(index, number, stage), str, 1))


def stage_struct(index: int, number: int, stage: Stage) -> Struct:
    """The ``tml_stage`` of stage ``number`` of a step."""
    readings = (*stage.inputs, None)
    fields = (
        ("run", Ref("NULL" if stage.call is None else f"run_layer_{index}_stage_{number}")),
        ("input", _reading(readings[0])),
        ("other", _reading(readings[1])),
        ("output", stage.output),
        ("band", stage.band),
        ("runs", stage.runs),
        ("copied_bytes", stage.copied_bytes),
    )
    return Struct("tml_stage", fields)


def _reading(reading: Reading | None) -> Struct:
    values = (
        (0, 0, 0, 0, 0)
        if reading is None
        else (reading.rows, reading.start, reading.need, reading.step, reading.skip)
    )
    names = ("rows", "start", "need", "step", "skip")
    return Struct("tml_reading", tuple(zip(names, values, strict=True)))


def _height(rows: int) -> str:
    return "1 row" if rows == 1 else f"{rows} rows"
