"""What doctor found, as a table."""

from __future__ import annotations

from tinyml.report.text import Table
from tinyml.session.doctor import Diagnosis


def tool_table(found: Diagnosis) -> Table:
    """One row per tool, those that are there first."""
    rows = [
        (item.tool, ", ".join(item.used_for), item.version or "", item.wanted, item.state)
        for item in sorted(found.findings, key=lambda item: (item.state == "missing", item.tool))
    ]
    columns = ("tool", "used for", "found", "works with", "state")
    return Table("Tools", columns, tuple(rows), ("used for", "works with", "found"))
