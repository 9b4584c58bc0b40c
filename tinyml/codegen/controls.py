"""A step that runs graphs as C text: where values lie, a function per graph, what is copied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tinyml.codegen.literals import c_value
from tinyml.codegen.sites import Site, routine_addresses
from tinyml.codegen.streams import EntryView
from tinyml.ir.kernel import Control, Copy, Ref, Spot, Struct

_PHASES = ("before all rounds", "before each", "after each", "after all")


@dataclass(frozen=True, slots=True)
class RoutineView:
    """The function of a graph."""

    function: str
    calls: tuple[tuple[tuple[str, ...], str], ...]  # comment and call of each


@dataclass(frozen=True, slots=True)
class ControlView:
    """What the template places for a call that runs graphs."""

    label: str
    params_type: str
    params: str
    places: tuple[tuple[str, str, str], ...]  # symbol, address and comment of each value
    routines: tuple[RoutineView, ...]
    copies: tuple[EntryView, ...]


def control_views(site: Site, call_of: Callable[[Site, int], str]) -> Iterator[ControlView]:
    """Those of a call and of all in its graphs, the innermost first.

    ``call_of`` gives the finished call of a site, indented by so much.
    """
    for inner in (item for routine in site.routines for item in routine):
        yield from control_views(inner, call_of)
    call = site.call
    if call is None or call.control is None:
        return
    control = call.control
    routines = tuple(
        RoutineView(
            _function(site.label, number),
            tuple((item.comment, call_of(item, 4)) for item in calls),
        )
        for number, calls in enumerate(site.routines)
    )
    yield ControlView(
        label=site.label,
        params_type=call.params.type,
        params=c_value(_struct(site, control), str),
        places=place_views(site),
        routines=routines,
        copies=tuple(_copies(site, control)),
    )


def place_views(site: Site) -> tuple[tuple[str, str, str], ...]:
    """Symbol, address and comment of each value of a call's graphs."""
    assert site.call is not None
    assert site.call.control is not None
    return tuple(
        item
        for number, routine in enumerate(site.call.control.routines)
        for item in routine_addresses(f"{site.label}_{number}", routine, site.scratch)
    )


def _function(label: str, number: int) -> str:
    return f"run_layer_{label}_{number}"


def _struct(site: Site, control: Control) -> Struct:
    """The params of a call."""
    label = site.label
    if len(control.routines) > 1:
        return _while_struct(site, control)
    fields = (
        ("copies", Ref(f"layer_{label}_copies")),
        ("count", tuple(len(items) for items in control.copies)),
        ("rounds", control.rounds),
        ("body", Ref(_function(label, 0))),
    )
    return Struct("tml_loop_params", fields)


def _while_struct(site: Site, control: Control) -> Struct:
    """The ``tml_while_params`` of a call."""
    label, condition = site.label, control.routines[1]
    offset = condition.offsets[condition.graph.outputs[0]]
    before, _, _, after = control.copies
    fields = (
        ("copies", Ref(f"layer_{label}_copies")),
        ("count", (len(before), len(after))),
        ("condition", Ref(_function(label, 1))),
        ("body", Ref(_function(label, 0))),
        ("goes_on", Ref(f"(const bool *)(const void *)((int8_t *){site.scratch} + {offset})")),
    )
    return Struct("tml_while_params", fields)


def _copies(site: Site, control: Control) -> Iterator[EntryView]:
    """The table of copies."""
    for phase, copies in zip(_PHASES, control.copies, strict=True):
        for copy in copies:
            yield EntryView(phase, c_value(_copy_struct(copy, site), str, 1))


def _copy_struct(copy: Copy, site: Site) -> Struct:
    def text(spot: Spot) -> str:
        if spot.kind == "scratch":
            return f"(int8_t *){site.scratch} + {spot.offset}"
        if spot.kind == "input":
            return f"(const int8_t *){site.ends[0][spot.index]} + {spot.offset}"
        return f"(int8_t *){site.ends[1][spot.index]} + {spot.offset}"

    fields = (
        ("made", Ref(text(copy.made))),
        ("given", Ref(text(copy.given))),
        ("nbytes", copy.nbytes),
        ("made_step", copy.made.step),
        ("given_step", copy.given.step),
    )
    return Struct("tml_copy", fields)
