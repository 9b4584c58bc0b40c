"""Where the values lie, as C text: arenas, tensor addresses with live ranges, the layer table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tinyml.codegen.literals import c_comment, shape_text
from tinyml.ir.dtype import INT8, DType
from tinyml.ir.graph import Graph
from tinyml.plan.values import Placement, Plan, Step, kinds_text
from tinyml.target.board import Board
from tinyml.target.memory import Budget


@dataclass(frozen=True, slots=True)
class ArenaView:
    """The block of RAM that a model takes in one region."""

    region: str
    symbol: str
    macro: str  # suffix of the size macro: "ARENA_BYTES", "DTCM_ARENA_BYTES"
    declaration: str  # "int8_t arena[KWS_ARENA_BYTES]"; "" when the arena has a fixed address
    nbytes: int
    budget_bytes: int  # 0 when there is none to check
    section: str  # linker section; "" for ordinary .bss
    address: str  # of an arena that no linker script knows of, as C text; "" for the others
    is_state: bool = False  # variables, no arena


@dataclass(frozen=True, slots=True)
class StateView:
    """A variable, and what it is after a reset: a value of every byte, or an array."""

    symbol: str
    value: int
    nbytes: int
    initial: str = ""  # C symbol of the array; "" for none


@dataclass(frozen=True, slots=True)
class TensorView:
    """One #define: the address of a tensor, or of a layer's scratch."""

    index: int  # graph tensor; -1 for scratch
    symbol: str
    address: str
    comment: str
    padded_symbol: str = ""


def arena_views(plan: Plan, board: Board | None) -> tuple[ArenaView, ...]:
    """The arenas; the one in the board's first RAM region, or the only one, is plain .bss."""
    default = board.ram[0].region if board and board.ram else _first_region(plan)
    budgets = {item.region: item for item in board.ram} if board else {}
    views: list[ArenaView] = []
    for region, nbytes in sorted(plan.arena_bytes, key=lambda item: item[0] != default):
        if not nbytes:
            continue
        symbol = "arena" if region == default else f"arena_{region}"
        macro = "ARENA_BYTES" if region == default else f"{region.upper()}_ARENA_BYTES"
        budget = budgets.get(region, Budget(region, 0))
        view = _memory_view(plan, budget, (symbol, macro), nbytes, is_default=region == default)
        views.append(view)
    return tuple(views)


def state_memory_view(plan: Plan, board: Board | None) -> ArenaView | None:
    """The block of RAM that holds the variables; None for a model without."""
    if not plan.state_bytes:
        return None
    ((region, nbytes),) = plan.state_bytes
    default = board.ram[0].region if board and board.ram else region
    budgets = {item.region: item for item in board.ram} if board else {}
    budget = budgets.get(region, Budget(region, 0))
    names = ("state", "STATE_BYTES")
    view = _memory_view(plan, budget, names, nbytes, is_default=region == default)
    arena_bytes = dict(plan.arena_bytes).get(region, 0)
    address = f"({view.address} + {arena_bytes}u)" if view.address else ""  # behind the arena
    return replace(view, address=address, is_state=True)


def _memory_view(
    plan: Plan, budget: Budget, names: tuple[str, str], nbytes: int, *, is_default: bool
) -> ArenaView:
    """A block of RAM in a region; ``names`` are its symbol and the suffix of its macro."""
    symbol, macro = names
    section = "" if is_default else budget.section or f".arena_{budget.region}"
    return ArenaView(
        region=budget.region,
        symbol=symbol,
        macro=macro,
        declaration=f"int8_t {symbol}[{plan.graph.name.upper()}_{macro}]",
        nbytes=nbytes,
        budget_bytes=budget.max_bytes,
        section="" if budget.address else section,
        address=f"0x{budget.address:08X}u" if budget.address else "",
    )


def tensor_views(
    plan: Plan, names: tuple[str, ...], arenas: tuple[ArenaView, ...]
) -> tuple[tuple[TensorView, ...], dict[int, str]]:
    """The addresses in order of first use, and the scratch symbol of each step that has one."""
    symbols = {(item.region, item.is_state): item.symbol for item in arenas}
    placed = [(i, place) for i, place in enumerate(plan.tensors) if place is not None]
    placed.sort(key=lambda item: (item[1].first_use, item[0]))
    views: list[TensorView] = []
    for index, place in placed:
        tensor = plan.graph.tensors[index]
        text = f"({symbols[place.region, place.is_state]} + {place.offset})"
        text = address_text(text, tensor.dtype)
        comment = (
            f"{tensor.dtype} {shape_text(tensor.shape)}, "
            f"{_live(place, len(plan.steps))}{_reuses(index, place, placed, names)}"
        )
        views.append(TensorView(index, f"T_{names[index].upper()}", text, comment))
    scratch: dict[int, str] = {}
    for number, step in enumerate(plan.steps):
        if step.scratch is not None and step.scratch.nbytes:
            place = step.scratch
            scratch[number] = f"SCRATCH_{number}"
            address = f"((void *)({symbols[place.region, False]} + {place.offset}))"
            comment = f"{place.nbytes} bytes for layer {number}"
            views.append(TensorView(-1, scratch[number], address, comment))
    return _aligned(views), scratch


def address_text(text: str, dtype: DType) -> str:
    """The address of bytes as one of elements of a type."""
    return text if dtype == INT8 else f"(({dtype.c_type} *)(void *){text})"


def state_views(
    graph: Graph, places: Mapping[int, str], arrays: Mapping[int, str]
) -> tuple[StateView, ...]:
    """The variables of a model; ``places`` are the C symbols of its tensors.

    ``arrays`` are those of the values that some of them begin with.
    """
    variables = ((i, graph.tensors[i]) for i in graph.variables)
    return tuple(
        StateView(places[i], item.reset_byte, item.nbytes, arrays.get(i, ""))
        for i, item in variables
    )


def layer_table(plan: Plan, names: tuple[str, ...], macs: tuple[int, ...]) -> tuple[str, ...]:
    """The lines of the table that opens model.c."""
    several = sum(1 for _, nbytes in plan.arena_bytes if nbytes) > 1
    rows = [("#", "op", "output", "arena", "scratch", "MACs")]
    for number, step in enumerate(plan.steps):
        made = plan.graph.ops[step.ops[-1]].outputs
        place = plan.tensors[made[0]] if made else None
        arena = "constant" if made else ""
        if place is not None:
            arena = f"[{place.offset}, {place.offset + place.nbytes})"
            arena = f"{place.region} {arena}" if several else arena
            arena = f"state {arena}" if place.is_state else arena
        rows.append(
            (
                str(number),
                kinds_text([plan.graph.ops[op].kind for op in step.ops]),
                " ".join(f"{names[i]} {shape_text(plan.graph.tensors[i].shape)}" for i in made[:1]),
                arena,
                str(step.scratch.nbytes if step.scratch else 0),
                str(macs[number]),
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(6)]
    left = (False, True, True, True, False, False)
    return tuple(
        c_comment(
            "  ".join(
                cell.ljust(width) if is_left else cell.rjust(width)
                for cell, width, is_left in zip(row, widths, left, strict=True)
            ).rstrip()
        )
        for row in rows
    )


def peak_text(plan: Plan) -> str:
    """The arena sizes and the layer where the most bytes are live."""
    parts = [f"{nbytes} bytes of {region}" for region, nbytes in plan.arena_bytes if nbytes]
    if not plan.steps:
        return f"Arena: {' + '.join(parts) or '0 bytes'}."
    live = [_live_bytes(plan, number, step) for number, step in enumerate(plan.steps)]
    return f"Arena: {' + '.join(parts) or '0 bytes'}; peak at layer {live.index(max(live))}."


def _live_bytes(plan: Plan, number: int, step: Step) -> int:
    """Bytes of the arena that hold a live value during a step, overlaps counted once."""
    places = [p for p in plan.tensors if p and p.first_use <= number <= p.last_use]
    places = [p for p in places if not p.is_state]
    if step.scratch is not None:
        places.append(step.scratch)
    total = 0
    for region, _ in plan.arena_bytes:
        end = 0
        for place in sorted((p for p in places if p.region == region), key=lambda p: p.offset):
            total += max(0, place.offset + place.nbytes - max(end, place.offset))
            end = max(end, place.offset + place.nbytes)
    return total


def _first_region(plan: Plan) -> str:
    return plan.arena_bytes[0][0] if plan.arena_bytes else ""


def _live(place: Placement, steps: int) -> str:
    if place.is_state and (place.first_use < 0 or place.last_use >= steps):
        return "state, kept between inferences"
    first = "input" if place.first_use < 0 else str(place.first_use)
    last = "output" if place.last_use >= steps else str(place.last_use)
    return f"live {first}..{last}"


def _reuses(
    index: int, place: Placement, placed: list[tuple[int, Placement]], names: tuple[str, ...]
) -> str:
    """Whose memory a tensor takes over: "over x" when x is still being read, else "reuses x".

    Of those that had the same bytes before, only the last of each byte is named.
    """
    before = [
        (item.last_use, other, item)
        for other, item in placed
        if other != index
        and (item.region, item.is_state) == (place.region, place.is_state)
        and item.first_use < place.first_use
    ]
    words: dict[str, list[str]] = {"over": [], "reuses": []}
    free = {(place.offset, place.offset + place.nbytes)}  # ranges whose last owner is not known
    for last_use, other, item in sorted(before, key=lambda entry: (-entry[0], entry[1])):
        start, end = item.offset, item.offset + item.nbytes
        hit = {(a, b) for a, b in free if a < end and start < b}
        if hit:
            words["over" if last_use >= place.first_use else "reuses"].append(names[other])
            rest = {part for a, b in hit for part in ((a, min(b, start)), (max(a, end), b))}
            free = (free - hit) | {(a, b) for a, b in rest if a < b}
    return "".join(
        f", {word} {', '.join(found[:3])}{' ...' if len(found) > 3 else ''}"
        for word, found in words.items()
        if found
    )


def _aligned(views: list[TensorView]) -> tuple[TensorView, ...]:
    """The same with symbols and addresses padded to columns."""
    symbol = max((len(item.symbol) for item in views), default=0)
    address = max((len(item.address) for item in views), default=0)
    return tuple(
        replace(item, padded_symbol=item.symbol.ljust(symbol), address=item.address.ljust(address))
        for item in views
    )
