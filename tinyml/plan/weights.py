"""How far kernels may let the weights grow, which all goals but ``speed`` and ``size`` keep to.

Some kernels hold weights in a larger form than the model has them: padded, widened, or transformed
(Winograd's take 32/9 of a 3x3 filter). What flash is worth to a product is a step: nothing as long
as the firmware fits the chip that the board has anyway, the price of the next larger one after
that. So there are two allowances, and the larger one counts: a quarter of the weights, and a
sixteenth of the board's flash. It is spent where a byte saves most instructions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from tinyml.plan.offers import Offer
from tinyml.plan.stages import Kernels
from tinyml.plan.values import Step

GROWTH = 4  # the weights may grow by this part of them ...
SHARE = 16  # ... or by this part of the board's flash for a model


@dataclass(frozen=True, slots=True)
class _Growth:
    """A heavier kernel for an op, against the next lighter one that is worth having."""

    op: int
    heavier_bytes: int
    saved: int  # instructions
    nbytes: int  # of constants, the kernel's own

    def key(self) -> tuple[float, int, int]:
        """What saves most per byte goes first; of one op, what is lighter."""
        return -self.saved / self.heavier_bytes, self.op, self.nbytes


def allowed_bytes(ways: Sequence[Sequence[Step]], flash_bytes: int) -> tuple[int, ...]:
    """Bytes of constants that the kernel of each op may have.

    ``ways`` are those to compute each op; ``flash_bytes`` is what the board has for a model.
    """
    allowed = [min(map(constant_bytes, found)) for found in ways]
    left = max(sum(allowed) // GROWTH, flash_bytes // SHARE)
    closed: set[int] = set()
    growths = (item for op, found in enumerate(ways) for item in _growths(op, found))
    for item in sorted(growths, key=_Growth.key):
        if item.op in closed or item.heavier_bytes > left:
            closed.add(item.op)  # what comes later for this op stands on what was left out
            continue
        allowed[item.op] = item.nbytes
        left -= item.heavier_bytes
    return tuple(allowed)


def is_allowed(step: Step, allowed: Sequence[int]) -> bool:
    """Whether a step's constants stay within what its ops may have."""
    return constant_bytes(step) <= sum(allowed[op] for op in step.ops)


def lighter(kernels: Kernels, allowed: Sequence[int]) -> Kernels:
    """The kernels for some rows of an op that stay within it; the lightest where none does."""

    @cache
    def kept(number: int, band: int, is_wide: bool) -> tuple[Offer, ...]:
        offers = kernels(number, band, is_wide)
        least = min((offer.call.constant_bytes() for offer in offers), default=0)
        limit = max(least, allowed[number])
        return tuple(offer for offer in offers if offer.call.constant_bytes() <= limit)

    return kept


def constant_bytes(step: Step) -> int:
    """Flash that a step's constants take."""
    return step.call.constant_bytes() if step.call is not None else 0


def _growths(op: int, ways: Sequence[Step]) -> Iterator[_Growth]:
    """From the lightest kernel of an op to the fastest, each time by what saves most per byte."""
    costs = [(constant_bytes(step), _instructions(step)) for step in ways]
    nbytes, instructions = min(costs)
    while faster := [cost for cost in costs if cost[0] > nbytes and cost[1] < instructions]:
        slope, _, best = min(
            ((cost[1] - instructions) / (cost[0] - nbytes), cost[0], cost) for cost in faster
        )
        assert slope < 0
        yield _Growth(op, best[0] - nbytes, instructions - best[1], best[0])
        nbytes, instructions = best


def _instructions(step: Step) -> int:
    return step.call.cost.instructions if step.call is not None else 0
