"""Bar charts of the measurements as SVG: geometry here, drawing in chart.svg.j2."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import PLAIN, Measurement

_WIDTH, _LEFT, _RIGHT = 880, 210, 150  # pixels; room for labels to the left and right of bars
_BAR, _GAP, _TOP = 15, 14, 78
_OURS = ("#0a5fd6", "#7ab4ff")
_OTHERS = ("#8c959f", "#c07a1c", "#6f8f3c", "#9a5fb5", "#b9c0c8")
_CHARACTER = 7.2  # pixels of legend text
_PEER = "TFLM + CMSIS-NN"


@dataclass(frozen=True, slots=True)
class Value:
    """One bar: its series, its length from 0 to 1, what stands beside it."""

    series: str
    length: float
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """The bars of one model."""

    label: str
    values: tuple[Value, ...]


def plots(stored: Sequence[Measurement], peers: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(file stem, title, SVG) of each plot that there are figures for."""
    made = (
        ("instructions", "Instructions of an inference on Cortex-M4", _instructions(stored, peers)),
        (
            "memory",
            "RAM with stack, without copies of weights, and flash, on Cortex-M4 (bytes)",
            _memory(stored, peers),
        ),
        ("milliseconds", "Milliseconds on NUCLEO-L4R5ZI; ours estimated", _times(stored, peers)),
        ("plain", "Instructions on Cortex-M0+: plain C and what is picked", _plain(stored)),
    )
    return [(name, title, chart(title, groups)) for name, title, groups in made if groups]


def chart(title: str, groups: Sequence[Group]) -> str:
    """The drawing; a series has one colour in all groups, ours are blue."""
    import jinja2

    series = list(dict.fromkeys(value.series for group in groups for value in group.values))
    colours = _colours(series)
    y, drawn = _TOP, []
    for group in groups:
        bars = []
        for number, value in enumerate(group.values):
            width = round(value.length * (_WIDTH - _LEFT - _RIGHT), 1)
            at = y + number * (_BAR + 3)
            bars.append(
                {"y": at, "width": width, "colour": colours[value.series], "text": value.text}
            )
        drawn.append({"label": group.label, "y": y + 12, "bars": bars})
        y += len(bars) * (_BAR + 3) + _GAP
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        variable_start_string="[[",
        variable_end_string="]]",
        line_statement_prefix="//%",
        keep_trailing_newline=True,
    )
    legend = _legend(series, colours)
    layout = {"title": title, "legend": legend, "groups": drawn, "width": _WIDTH, "height": y + 4}
    return environment.get_template("chart.svg.j2").render(c={**layout, "left": _LEFT, "bar": _BAR})


def _colours(series: Sequence[str]) -> dict[str, str]:
    ours = [name for name in series if name.startswith("tinyml")]
    others = [name for name in series if name not in ours]
    return dict(zip((*ours, *others), (*_OURS[: len(ours)], *_OTHERS), strict=False))


def _legend(series: Sequence[str], colours: dict[str, str]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    x, y = 16.0, 40
    for name in series:
        width = 34 + _CHARACTER * len(name)
        if x + width > _WIDTH:
            x, y = 16.0, y + 17
        items.append({"x": round(x), "y": y, "colour": colours[name], "label": name})
        x += width
    return items


def _on_m4(stored: Sequence[Measurement], peers: dict[str, Any]) -> dict[str, list[Measurement]]:
    """The measurements of each model that the peer was measured with."""
    found: dict[str, list[Measurement]] = {}
    for item in stored:
        if item.core == "cortex-m4" and item.model in peers["tflm_cmsis_nn"]["models"]:
            found.setdefault(item.model, []).append(item)
    return found


def _instructions(stored: Sequence[Measurement], peers: dict[str, Any]) -> list[Group]:
    groups = []
    for model, items in _on_m4(stored, peers).items():
        theirs = peers["tflm_cmsis_nn"]["models"][model]["instructions"]
        bars = [Value(_PEER, 1.0, f"{theirs:,}")]
        for item in items:
            share = item.instructions / theirs
            text = f"{item.instructions:,} ({100 * share:.0f} %)"
            bars.append(Value(f"tinyml, {item.optimize}", share, text))
        groups.append(Group(model, tuple(bars)))
    return groups


def _memory(stored: Sequence[Measurement], peers: dict[str, Any]) -> list[Group]:
    groups = []
    for model, items in _on_m4(stored, peers).items():
        item = next((item for item in items if item.optimize == "balanced"), items[0])
        peer = peers["tflm_cmsis_nn"]["models"][model]
        ours = (item.needed_bytes, item.flash_bytes)
        for name, theirs, own in zip(
            ("RAM", "flash"), (peer["ram_bytes"], peer["flash_bytes"]), ours, strict=True
        ):
            share = own / theirs
            values = (
                Value(_PEER, 1.0, f"{theirs:,}"),
                Value(f"tinyml, {item.optimize}", share, f"{own:,} ({100 * share:.0f} %)"),
            )
            groups.append(Group(f"{model}, {name}", values))
    return groups


def _times(stored: Sequence[Measurement], peers: dict[str, Any]) -> list[Group]:
    board = next(item for item in peers["published"] if item["core"] == "cortex-m4")
    groups = []
    for model, items in _on_m4(stored, peers).items():
        engines = board["milliseconds"].items()
        times = {name: float(of[model]) for name, of in engines if model in of}
        if not times:
            continue
        for item in items:
            times[f"tinyml, {item.optimize}"] = item.cycles * 1e3 / board["clock_hz"]
        most = max(times.values())
        bars = (Value(name, time / most, f"{time:.1f} ms") for name, time in times.items())
        groups.append(Group(model, tuple(bars)))
    return groups


def _plain(stored: Sequence[Measurement]) -> list[Group]:
    groups = []
    for plain in stored:
        if plain.optimize != PLAIN or plain.core != "cortex-m0plus":
            continue
        bars = [Value("plain C", 1.0, f"{plain.instructions:,}")]
        for item in stored:
            same = (item.model, item.board) == (plain.model, plain.board)
            if same and item.optimize != PLAIN:
                share = item.instructions / plain.instructions
                text = f"{item.instructions:,} ({100 * share:.0f} %)"
                bars.append(Value(f"tinyml, {item.optimize}", share, text))
        groups.append(Group(plain.model, tuple(bars)))
    return groups
