"""Two reports side by side: totals, memory, layers; what got worse, and by how much."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher

from tinyml.plan.values import kinds_text
from tinyml.report.report import Layer, Report
from tinyml.report.text import Table


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in both reports; None where a report does not have it."""

    what: str
    before: float | None
    after: float | None
    digits: int = 0
    is_limited: bool = False  # whether --max-regression looks at it
    is_better_when_higher: bool = False

    @property
    def percent(self) -> float | None:
        """The change in percent of the first report's figure."""
        if self.before is None or self.after is None:
            return None
        if not self.before:
            return None if self.after else 0.0
        return 100 * (self.after - self.before) / self.before

    @property
    def worse_percent(self) -> float:
        """By how many percent it got worse; 0 when it did not, infinite when it came from 0."""
        if self.before is None or self.after is None:
            return 0.0
        step = self.before - self.after if self.is_better_when_higher else self.after - self.before
        if step <= 0:
            return 0.0
        return 100 * step / self.before if self.before else float("inf")


@dataclass(frozen=True, slots=True)
class LayerChange:
    """A layer of the first report beside the same one of the second; None where there is none."""

    before: Layer | None
    after: Layer | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two reports, the first being the one that the second is held against."""

    before: str  # "kws.tflite on nucleo_l4r5zi, optimized for speed"
    after: str
    notes: tuple[str, ...]
    totals: tuple[Change, ...]
    layers: tuple[LayerChange, ...]
    work: str  # what the layers are compared by: cycles, instructions, predicted instructions

    def regressions(self, limit_percent: float) -> tuple[Change, ...]:
        """The figures that got worse by more than a limit."""
        return tuple(
            item for item in self.totals if item.is_limited and item.worse_percent > limit_percent
        )

    def to_json(self) -> dict[str, object]:
        """The comparison as plain data."""
        return {
            "before": self.before,
            "after": self.after,
            "notes": list(self.notes),
            "totals": [{**asdict(item), "percent": item.percent} for item in self.totals],
            "work": self.work,
            "layers": [
                {
                    "before": item.before and _layer_record(item.before, self.work),
                    "after": item.after and _layer_record(item.after, self.work),
                }
                for item in self.layers
            ],
        }


def compare(before: Report, after: Report) -> Comparison:
    """Totals, memory and layers of two reports."""
    if before.has_times and after.has_times:
        work = "cycles"
    elif all(any(layer.instructions for layer in r.layers) for r in (before, after)):
        work = "instructions"
    else:
        work = "predicted_instructions"
    return Comparison(
        before=_title(before),
        after=_title(after),
        notes=tuple(_notes(before, after)),
        totals=(*_speed(before, after, work), *_memory(before, after), *_quality(before, after)),
        layers=_layers(before, after),
        work=work,
    )


def tables(found: Comparison) -> tuple[Table, ...]:
    """What ``tinyml compare`` prints."""
    totals = tuple(
        (
            item.what,
            _number(item.before, item.digits),
            _number(item.after, item.digits),
            _signed(item.percent),
        )
        for item in found.totals
    )
    rows: list[tuple[object, ...]] = []
    for pair in found.layers:
        layer = pair.after or pair.before
        assert layer is not None
        change = Change("", _work(pair.before, found.work), _work(pair.after, found.work))
        rows.append(
            (
                "" if pair.before is None else pair.before.index,
                "" if pair.after is None else pair.after.index,
                kinds_text(layer.op.split("+")),
                "x".join(map(str, layer.shape)),
                _kernels(pair),
                _number(change.before, 0),
                _number(change.after, 0),
                _signed(change.percent),
            )
        )
    unit = found.work.replace("_", " ")
    return (
        Table("Totals", ("figure", "A>", "B>", "change %>"), totals),
        Table(
            f"Layers ({unit})",
            ("A#>", "B#>", "op", "output", "kernel", "A>", "B>", "change %>"),
            tuple(rows),
            ("kernel", "output", "A#", "B#"),
        ),
    )


def verdict(found: Comparison, limit_percent: float | None) -> str:
    """The conclusion in one line."""
    if limit_percent is None:
        return "no limit given: --max-regression 2% fails when a figure gets worse by more"
    worse = found.regressions(limit_percent)
    if not worse:
        return f"nothing got worse by more than {limit_percent:g} %"
    listed = ", ".join(f"{item.what} by {item.worse_percent:.2f} %" for item in worse)
    return f"WORSE by more than {limit_percent:g} %: {listed}"


def _title(report: Report) -> str:
    goal = f"optimized for {report.optimize}"
    tools = ", ".join(f"{name} {version}" for name, version in report.tools.items())
    return f"{report.model['file']} on {report.board['name']}, {goal} ({tools})"


def _notes(before: Report, after: Report) -> Iterable[str]:
    if before.fingerprint and before.fingerprint == after.fingerprint:
        yield f"both are of one build, {before.fingerprint}"
    if before.model["sha256"] != after.model["sha256"]:
        yield "the models differ"
    if before.board["name"] != after.board["name"]:
        yield "the boards differ"
    if (before.run is None) != (after.run is None):
        yield "only one of them has run: instructions are compared as predicted"
    if before.has_times and after.has_times:
        assert before.run is not None
        assert after.run is not None
        if before.run["is_estimate"] != after.run["is_estimate"]:
            yield "one time is measured, the other an estimate"


def _speed(before: Report, after: Report, work: str) -> Iterable[Change]:
    if work == "cycles":
        times = [_run(r, "time_us") for r in (before, after)]
        yield Change("time (µs)", times[0], times[1], 1, is_limited=True)
    sums = [sum(_work(layer, work) or 0 for layer in r.layers) for r in (before, after)]
    yield Change(work.replace("_", " "), sums[0], sums[1], is_limited=work != "cycles")
    if work == "cycles" and all(_total(r, "instructions") for r in (before, after)):
        yield Change("instructions", _total(before, "instructions"), _total(after, "instructions"))
    yield Change("MACs", before.model["macs"], after.model["macs"])


def _memory(before: Report, after: Report) -> Iterable[Change]:
    """RAM and flash, as linked when both are; arena and stack."""
    is_linked = all(m.linked_bytes is not None for r in (before, after) for m in r.memory)
    how = "linked" if is_linked else "predicted"
    for kind, title in (("ram", "RAM"), ("flash", "flash")):
        sums = [_bytes(r, kind, is_linked) for r in (before, after)]
        yield Change(f"{title}, {how} (bytes)", sums[0], sums[1], is_limited=True)
    names = {m.region: None for r in (before, after) for m in r.memory if m.kind == "ram"}
    if len(names) > 1:
        for name in names:
            both = [_bytes(r, "ram", is_linked, name) for r in (before, after)]
            yield Change(f"  {name} (bytes)", both[0], both[1])
    yield Change(
        "arena (bytes)", sum(before.arena.regions.values()), sum(after.arena.regions.values())
    )
    stacks = [_run(r, "stack_bytes") for r in (before, after)]
    if any(stack is not None for stack in stacks):
        yield Change("stack used (bytes)", stacks[0], stacks[1])


def _quality(before: Report, after: Report) -> Iterable[Change]:
    both = [_run(r, "accuracy") for r in (before, after)]
    if all(value is not None for value in both):
        yield Change(
            "accuracy", both[0], both[1], digits=4, is_limited=True, is_better_when_higher=True
        )


def _layers(before: Report, after: Report) -> tuple[LayerChange, ...]:
    """Layers that compute the same, in order; what one report lacks stands alone."""
    keys = [[(layer.op, layer.shape, layer.macs) for layer in r.layers] for r in (before, after)]
    pairs: list[LayerChange] = []
    matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    for tag, a0, a1, b0, b1 in matcher.get_opcodes():
        old, new = before.layers[a0:a1], after.layers[b0:b1]
        if tag == "equal":
            pairs += [LayerChange(a, b) for a, b in zip(old, new, strict=True)]
        else:
            pairs += [LayerChange(a, None) for a in old]
            pairs += [LayerChange(None, b) for b in new]
    return tuple(pairs)


def _layer_record(layer: Layer, work: str) -> dict[str, object]:
    return {
        "index": layer.index,
        "op": layer.op,
        "name": layer.name,
        "kernel": layer.kernel,
        work: _work(layer, work),
    }


def _work(layer: Layer | None, work: str) -> int | None:
    value: int | None = None if layer is None else getattr(layer, work)
    return value


def _run(report: Report, key: str) -> float | None:
    return None if report.run is None else report.run.get(key)


def _total(report: Report, key: str) -> int | None:
    return None if report.run is None else report.run["total"][key]


def _bytes(report: Report, kind: str, is_linked: bool, region: str = "") -> int:
    return sum(
        (m.linked_bytes or 0) if is_linked else m.predicted_bytes
        for m in report.memory
        if m.kind == kind and region in ("", m.region)
    )


def _kernels(pair: LayerChange) -> str:
    names = [
        layer.kernel.removeprefix("tml_").removesuffix("_s8") or "-"
        for layer in (pair.before, pair.after)
        if layer is not None
    ]
    return " > ".join(dict.fromkeys(names))


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{value:+.2f}"
