"""What a conformance run found, as tables."""

from __future__ import annotations

from tinyml.conformance.run import Outcome
from tinyml.report.text import Table

STATUSES = ("equal", "close", "refused", "does not fit", "wrong", "error")


def tables(found: Outcome) -> tuple[Table, ...]:
    """Counts per target, then every result that is not equal."""
    counts = found.counts()
    elements = {
        name: sum(result.elements for result in found.results if result.target == name)
        for name in counts
    }
    rows = tuple(
        (name, *(str(counted[status]) for status in STATUSES), f"{elements[name]:,}")
        for name, counted in counts.items()
    )
    columns = ("target", *(f"{status}>" for status in STATUSES), "elements>")
    others = tuple(
        (result.model, result.target, result.status, " ".join(result.detail.split()))
        for result in found.results
        if result.status not in ("equal", "close")
    )
    made = [Table(f"models of {found.folder}", columns, rows)]
    if others:
        made.append(Table("not equal", ("model", "target", "status", "detail"), others))
    return tuple(made)


def verdict(found: Outcome) -> str:
    """One sentence."""
    failed = [result for result in found.results if result.is_failed]
    models = len({result.model for result in found.results})
    if failed:
        return f"{len({r.model for r in failed})} of {models} models fail"
    right = [result for result in found.results if result.status in ("equal", "close")]
    close = [result for result in right if result.status == "close"]
    compared = len({result.model for result in right})
    rest = f"; {_count(models - compared, 'model')} not compared" if models > compared else ""
    floats = f", {len(close)} of these close in float32" if close else ""
    return (
        f"every element is {'right' if close else 'equal'}: {_count(compared, 'model')}, "
        f"{_count(len(right), 'comparison')}{floats}{rest}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
