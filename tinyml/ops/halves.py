"""How a kernel's work is cut in two, told by its params: for two cores.

Both halves are calls of the same kernel that read what they need of the same inputs and write
parts of the output that have no byte in common. The rules (``HALVES``) stand beside the lowerings
of operators and variants, like those for extents (``tinyml.ops.extents``), which prove what these
claim. A kernel without a rule runs on one core: so does every one that keeps something besides its
output and its scratch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from tinyml.ir.kernel import Struct, Value
from tinyml.ops.extents import Fields, field_at, fields_of


@dataclass(frozen=True, slots=True)
class Part:
    """A half: its params, and by how many elements its data lies further on."""

    params: Struct
    data: tuple[int, ...]  # of the first C arguments, in the order of ``Extent.read``
    made: int  # of the output


Cut: TypeAlias = "Callable[[Struct], tuple[Part, Part] | None]"  # None: there is nothing to cut
Channels: TypeAlias = "str | Callable[[Fields], int]"

VECTOR = 16  # elements: halves of what is elementwise begin where a vector would


def cut_images(channels_in: Channels = "channels", channels_out: Channels = "channels") -> Cut:
    """Images with the axes ``height`` and ``width``: batches, output rows, or pixels of one row."""

    def cut(params: Struct) -> tuple[Part, Part] | None:
        f = fields_of(params)
        given, made = _count(f, channels_in), _count(f, channels_out)
        if f["height"]["out"] == f["height"]["in"] == 1 and f.get("batches", 1) == 1:
            return _cut_axis(params, "width", given, made)
        given, made = given * f["width"]["in"], made * f["width"]["out"]
        if f.get("batches", 1) == 1:
            return _cut_axis(params, "height", given, made)
        steps = ((given * f["height"]["in"],), made * f["height"]["out"])
        return _cut_count(params, "batches", 1, *steps)

    return cut


def cut_rows(rows: str, features_in: str, features_out: str) -> Cut:
    """Rows, or pixels, of features; pairs of rows stay together."""

    def cut(params: Struct) -> tuple[Part, Part] | None:
        f = fields_of(params)
        at_once = 2 if field_at(f, rows) > 2 else 1
        steps = ((field_at(f, features_in),), field_at(f, features_out))
        return _cut_count(params, rows, at_once, *steps)

    return cut


def cut_elements(path: str = "count", inputs: int = 1) -> Cut:
    """As many elements of each input as of the output."""
    return lambda params: _cut_count(params, path, VECTOR, (1,) * inputs, 1)


def cut_broadcast(params: Struct) -> tuple[Part, Part] | None:
    """Two operands in four nested loops: the outermost that is one."""
    f = fields_of(params)
    counts: Sequence[int] = f["count"]
    axis = next((i for i, count in enumerate(counts) if count > 1), None)
    if axis is None:
        return None
    is_last = all(count == 1 for count in counts[axis + 1 :])
    first = _first_of(counts[axis], VECTOR if is_last else 1)
    if not first:
        return None
    made = first * math.prod(counts[axis + 1 :])
    data = (first * f["step1"][axis], first * f["step2"][axis])

    def counted(count: int) -> Struct:
        found = (*counts[:axis], count, *counts[axis + 1 :])
        return with_field(params, "count", found)

    return Part(counted(first), (0, 0), 0), Part(counted(counts[axis] - first), data, made)


def cut_row_pairs(within: str = "") -> Cut:
    """Rows of ``count`` elements of two inputs, of which one may be the same row each time.

    ``within``: in front of the names of the fields, "pairs." where they are in an inner struct.
    """

    def cut(params: Struct) -> tuple[Part, Part] | None:
        f = fields_of(params)
        rows, count, *steps = (
            field_at(f, within + name) for name in ("rows", "count", "step1", "step2")
        )
        if rows == 1:
            return _cut_count(params, f"{within}count", VECTOR, (1, 1), 1)
        return _cut_count(params, f"{within}rows", 1, tuple(steps), count)

    return cut


def cut_reduction(params: Struct) -> tuple[Part, Part] | None:
    """Five dimensions of which the second and the fourth are reduced: the first."""
    f = fields_of(params)
    made = f["middle"] * f["inner"]
    steps = ((made * f["outer_reduced"] * f["inner_reduced"],), made)
    return _cut_count(params, "outer", 1, *steps)


def _cut_count(
    params: Struct, path: str, at_once: int, data: tuple[int, ...], made: int
) -> tuple[Part, Part] | None:
    """So many equal things one after the other; each moves the pointers by ``data`` and ``made``.

    The first half gets a multiple of ``at_once``.
    """
    count = field_at(fields_of(params), path)
    first = _first_of(count, at_once)
    if not first:
        return None
    moved = tuple(first * step for step in data)
    return (
        Part(with_field(params, path, first), (0,) * len(data), 0),
        Part(with_field(params, path, count - first), moved, first * made),
    )


def _first_of(count: int, at_once: int) -> int:
    """How many of ``count`` things the first half gets; 0: there is no second half."""
    first = -(-count // 2 // at_once) * at_once
    return first if 0 < first < count else 0


def _cut_axis(params: Struct, axis: str, given: int, made: int) -> tuple[Part, Part] | None:
    """Windows along an axis, whose elements are ``given`` and ``made`` apart.

    Only the ends of the image have padding; both halves read the inputs under windows that reach
    over the cut.
    """
    f = fields_of(params)[axis]
    first = -(-f["out"] // 2)
    if first == f["out"]:
        return None
    past = (first - 1) * f["stride"] - f["pad"] + (f["kernel"] - 1) * f["dilation"] + 1
    start = first * f["stride"] - f["pad"]
    if past <= 0 or start >= f["in"]:
        return None  # one half would see nothing but padding
    seen, skipped = min(past, f["in"]), max(start, 0)
    above = {"in": seen, "out": first, "pad_after": past - seen}
    below = {"in": f["in"] - skipped, "out": f["out"] - first, "pad": skipped - start}
    return (
        Part(_with_axis(params, axis, above), (0,), 0),
        Part(_with_axis(params, axis, below), (skipped * given,), first * made),
    )


def _with_axis(params: Struct, axis: str, values: dict[str, int]) -> Struct:
    for name, value in values.items():
        params = with_field(params, f"{axis}.{name}", value)
    return params


def _count(f: Fields, channels: Channels) -> int:
    return field_at(f, channels) if isinstance(channels, str) else channels(f)


def with_field(struct: Struct, path: str, value: Value) -> Struct:
    """The struct with another value of a field; ``a.b`` is the field b inside of a."""
    name, _, rest = path.partition(".")

    def changed(held: Value) -> Value:
        return with_field(held, rest, value) if rest and isinstance(held, Struct) else value

    found = tuple((key, changed(held) if key == name else held) for key, held in struct.fields)
    return Struct(struct.type, found)
