"""What a linker says about memory that is too small, in the words of the budget."""

from __future__ import annotations

import re

from tinyml.base.errors import BuildError, Overflows
from tinyml.plan.fit import Fit

# lld: section '.rodata' will not fit in region 'flash': overflowed by 12 bytes
# GNU ld: region `flash' overflowed by 12 bytes
_OVERFLOW = re.compile(r"region [`']([A-Za-z0-9_]+)'(?::)? overflowed by (\d+) bytes")


def overflow_of(error: BuildError, verdict: Fit) -> Overflows | None:
    """The regions that a linker could not fill, against what was predicted; None for others."""
    over: dict[str, int] = {}
    for region, nbytes in _OVERFLOW.findall(error.message):
        over[region] = max(over.get(region, 0), int(nbytes))
    known = [item for item in verdict.regions if item.region in over]
    if not known:
        return None
    sentences = []
    for item in known:
        found = item.budget_bytes + over[item.region]
        sentences.append(
            f"the firmware needs {found:,} bytes of {item.region}, {verdict.board} offers "
            f"{item.budget_bytes:,}: {over[item.region]:,} too many, says the linker "
            f"({item.needed_bytes:,} were predicted)"
        )
    hint = "; ".join(verdict.advice) or (
        "--optimize size, --no-agent, or fewer channels in the largest layers"
    )
    return Overflows("\n".join(sentences), over, hint=hint)
