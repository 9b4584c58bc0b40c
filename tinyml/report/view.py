"""What the page draws, computed from a Report: positions are percentages of their plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml.plan.fit import short_name
from tinyml.plan.values import kinds_text
from tinyml.report import device
from tinyml.report.charts import Density, MemoryMap, density_of, memory_maps
from tinyml.report.classes import Matrix, class_table, matrix_of
from tinyml.report.energy import Energy, battery_table, energy_of
from tinyml.report.facts import facts_of
from tinyml.report.families import family_of
from tinyml.report.models import models_tables
from tinyml.report.network import Network, network_of
from tinyml.report.report import Layer, Report
from tinyml.report.text import Table
from tinyml.report.verdict import Conclusion, conclusion_of

TOP = 10  # heaviest layers, in a table of their own where there are many more
MANY = 16
NUMBER_SHARE = 1.8  # percent of the width that a layer needs to carry its number
CHARACTER_SHARE = 0.6  # and per character of its name


@dataclass(frozen=True, slots=True)
class LayerView:
    """A layer with its share of the work; work is cycles, or predicted instructions."""

    layer: Layer
    op: str  # short
    name: str  # short
    colour: int
    work: int
    share: float  # percent of all work
    left: float  # percent of all work before it
    deviation: float | None  # percent by which the prediction is above the exact instructions
    per_mac: float | None
    info: str

    @property
    def kernel(self) -> str:
        """The C function without prefix and suffix, as the terminal shows it."""
        return self.layer.kernel.removeprefix("tml_").removesuffix("_s8")

    @property
    def has_number(self) -> bool:
        """Whether its segment is wide enough for its number."""
        return self.share >= NUMBER_SHARE

    @property
    def has_name(self) -> bool:
        """Whether its segment is wide enough for the op."""
        return self.share >= CHARACTER_SHARE * (len(self.op) + 1)


@dataclass(frozen=True, slots=True)
class KindView:
    """All layers of a kind."""

    op: str
    colour: int
    layers: int
    work: int
    share: float
    macs: int


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of a bar chart."""

    label: str
    nbytes: int
    share: float  # percent of the total
    width: float  # percent of the longest
    colour: int = 0
    rest: float = 0.0  # percent of the longest: a second part of the same bar
    info: str = ""
    index: int | None = None  # of the layer


@dataclass(frozen=True, slots=True)
class View:
    """Everything on the page that is not in the report as such."""

    conclusion: Conclusion
    work: str  # "cycles" or "predicted instructions"
    total_work: int
    layers: tuple[LayerView, ...]
    kinds: tuple[KindView, ...]
    network: Network | None  # None: the report is older than pictures
    heaviest: tuple[LayerView, ...]  # where there are many layers
    maps: tuple[MemoryMap, ...]
    density: Density | None
    sections: tuple[Bar, ...]  # of the flash
    parts: tuple[Bar, ...]
    flash_layers: tuple[Bar, ...]
    kernels: tuple[Bar, ...]
    energy: Energy | None  # None: the board's file knows no power
    battery: Table | None
    matrix: Matrix | None  # of the run, on labelled samples
    classes: Table | None
    facts: tuple[tuple[str, str], ...]  # of the run
    models: tuple[Table, ...]  # of a program that holds several
    spread: Table | None  # cycles of repeated inferences
    on_board: Table | None  # what else was measured on a board
    predicted_instructions: int
    has_instructions: bool


def view_of(report: Report) -> View:
    """The view of a report."""
    work = "cycles" if report.has_times else "predicted instructions"
    done = [_work(layer, report) for layer in report.layers]
    layers = _layers(report, done, work)
    flash = report.flash
    region = next((item.region for item in report.memory if item.kind == "flash"), "")
    sections = [(s.name, s.nbytes) for s in report.sections if s.region == region]
    matrix, energy = _matrix(report), energy_of(report)
    return View(
        conclusion=conclusion_of(report),
        work=work,
        total_work=sum(done),
        layers=layers,
        kinds=_kinds(report.layers, done),
        network=network_of(report, done),
        heaviest=_heaviest(layers),
        maps=memory_maps(report),
        density=density_of(
            [(v.layer.index, v.per_mac, v.colour, v.info) for v in layers],
            sum(v.work for v in layers if v.layer.macs),
            report.model["macs"],
        ),
        sections=_bars(sections),
        parts=_bars(list(flash.parts.items()) if flash else []),
        flash_layers=_flash_layers(layers),
        kernels=_bars(list(flash.kernels.items()) if flash else []),
        energy=energy,
        battery=battery_table(energy) if energy else None,
        matrix=matrix,
        classes=class_table(matrix) if matrix else None,
        facts=facts_of(report),
        models=models_tables(report),
        spread=device.layer_times(report) if all(item.spread for item in report.layers) else None,
        on_board=device.facts(report) if device.is_measured(report) else None,
        predicted_instructions=sum(layer.predicted_instructions for layer in report.layers),
        has_instructions=any(layer.instructions for layer in report.layers),
    )


def _matrix(report: Report) -> Matrix | None:
    """Which classes the firmware takes for which."""
    if report.run is None:
        return None
    where = "simulated firmware" if report.run["is_estimate"] else "firmware on the board"
    return matrix_of(where, report.run.get("confusion", ()), report.model.get("labels", ()))


def deviation(predicted: int, found: int | None) -> float | None:
    """By how many percent a prediction is above what was found; None where nothing is predicted."""
    return 100 * (predicted - found) / found if predicted and found else None


def _work(layer: Layer, report: Report) -> int:
    return (layer.cycles or 0) if report.has_times else layer.predicted_instructions


def _layers(report: Report, done: Sequence[int], unit: str) -> tuple[LayerView, ...]:
    total = sum(done) or 1
    views: list[LayerView] = []
    before = 0
    for layer, work in zip(report.layers, done, strict=True):
        per_mac = work / layer.macs if layer.macs and work else None
        op, share = kinds_text(layer.op.split("+")), 100 * work / total
        info = [f"{layer.index} {op} {short_name(layer.name)}"]
        if layer.time_us and report.has_times:
            info.append(f"{layer.time_us / 1000:,.3f} ms")
        info += [f"{share:.1f} %", f"{work:,} {unit}", f"{layer.macs:,} MACs"]
        info += (
            [f"{per_mac:.2f} {'cycles' if report.has_times else 'instr.'}/MAC"] if per_mac else []
        )
        info.append(layer.kernel or layer.note)
        views.append(
            LayerView(
                layer=layer,
                op=op,
                name=short_name(layer.name),
                colour=family_of(layer.op),
                work=work,
                share=share,
                left=100 * before / total,
                deviation=deviation(layer.predicted_instructions, layer.instructions),
                per_mac=per_mac,
                info=" · ".join(info),
            )
        )
        before += work
    return tuple(views)


def _heaviest(layers: Sequence[LayerView]) -> tuple[LayerView, ...]:
    if len(layers) <= MANY:
        return ()
    return tuple(sorted(layers, key=lambda view: (-view.work, view.layer.index))[:TOP])


def _kinds(layers: Sequence[Layer], done: Sequence[int]) -> tuple[KindView, ...]:
    """Those that take most first."""
    total = sum(done) or 1
    sums: dict[str, int] = {}
    for layer, work in zip(layers, done, strict=True):
        sums[layer.op] = sums.get(layer.op, 0) + work
    views = []
    for op in sorted(sums, key=lambda op: (-sums[op], op)):
        mine = [(layer, w) for layer, w in zip(layers, done, strict=True) if layer.op == op]
        work = sum(w for _, w in mine)
        views.append(
            KindView(
                op=kinds_text(op.split("+")),
                colour=family_of(op),
                layers=len(mine),
                work=work,
                share=100 * work / total,
                macs=sum(layer.macs for layer, _ in mine),
            )
        )
    return tuple(views)


def _bars(items: Sequence[tuple[str, int]]) -> tuple[Bar, ...]:
    total = sum(nbytes for _, nbytes in items) or 1
    longest = max((nbytes for _, nbytes in items), default=0) or 1
    return tuple(
        Bar(label, nbytes, 100 * nbytes / total, 100 * nbytes / longest) for label, nbytes in items
    )


def _flash_layers(layers: Sequence[LayerView]) -> tuple[Bar, ...]:
    """Constants and parameters of each layer that has some."""
    sizes = [
        (
            view,
            layer.constant_bytes if layer.constant_bytes is not None else layer.weights_bytes,
            layer.params_bytes or 0,
        )
        for view in layers
        for layer in (view.layer,)
    ]
    total = sum(a + b for _, a, b in sizes) or 1
    longest = max((a + b for _, a, b in sizes), default=0) or 1
    return tuple(
        Bar(
            label=f"{view.layer.index} {view.op}",
            nbytes=constants + params,
            share=100 * (constants + params) / total,
            width=100 * constants / longest,
            colour=view.colour,
            rest=100 * params / longest,
            info=f"{view.layer.index} {view.op} {view.name} · constants {constants:,} B"
            f" · parameters {params:,} B",
            index=view.layer.index,
        )
        for view, constants, params in sizes
        if constants + params
    )
