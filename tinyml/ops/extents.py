"""Which bytes a kernel reads and writes, told from its params alone.

A lowering computes params from a graph; here the way back is taken, as the kernel's loops in C take
it. ``tinyml.plan.verify`` holds the result against the tensors of the plan, so that a wrong
lowering, or a tensor that a pass has cut, cannot make a kernel overrun.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from tinyml.ir.kernel import Struct

Fields: TypeAlias = "Mapping[str, Any]"  # of a params struct; inner structs are mappings as well
Span: TypeAlias = "tuple[int, int]"  # first byte, and the one behind the last


@dataclass(frozen=True, slots=True)
class Extent:
    """The bytes of a call's data, counted from the pointers that it gets."""

    read: tuple[Span, ...]  # of the first C arguments, in their order
    written: Span  # of the output
    written_bytes: int  # how many of these, each counted once
    states: tuple[int, ...] = ()  # bytes of the variables that the call reads and writes

    def scaled(self, element_bytes: int) -> Extent:
        """The same in bytes, of an extent that counts elements of that size."""
        return Extent(
            tuple((first * element_bytes, last * element_bytes) for first, last in self.read),
            (self.written[0] * element_bytes, self.written[1] * element_bytes),
            self.written_bytes * element_bytes,
            tuple(nbytes * element_bytes for nbytes in self.states),
        )


Rule: TypeAlias = "Callable[[Fields], Extent]"


def fields_of(struct: Struct) -> dict[str, Any]:
    """A params struct as nested mappings."""
    return {
        name: fields_of(value) if isinstance(value, Struct) else value
        for name, value in struct.fields
    }


def dense(*read_bytes: int, made: int) -> Extent:
    """A call that reads and writes everything from the pointers on."""
    return Extent(tuple((0, nbytes) for nbytes in read_bytes), (0, made), made)


def walked(counts: Sequence[int], steps: Sequence[int], run: int = 1, start: int = 0) -> Span:
    """The bytes of runs in nested loops whose pointers move by ``steps``, which may be negative."""
    ways = [(count - 1) * step for count, step in zip(counts, steps, strict=True)]
    return start + sum(min(0, way) for way in ways), start + sum(max(0, way) for way in ways) + run


def broadcast(f: Fields) -> Extent:
    """Two operands in four nested loops; an operand that is broadcast does not move."""
    made = math.prod(f["count"])
    read = (walked(f["count"], f["step1"]), walked(f["count"], f["step2"]))
    return Extent(read, (0, made), made)


def of_width(rule: Rule, read: int, made: int) -> Rule:
    """A rule that counts elements, for those of so many bytes."""

    def scaled(f: Fields) -> Extent:
        found = rule(f)
        spans = tuple((first * read, past * read) for first, past in found.read)
        first, past = found.written
        return Extent(spans, (first * made, past * made), found.written_bytes * made)

    return scaled


def pairwise(f: Fields) -> Extent:
    """Two operands of ``count`` elements."""
    return dense(f["count"], f["count"], made=f["count"])


def elementwise(read: int = 1, made: int = 1) -> Rule:
    """``count`` elements of ``read`` bytes become as many of ``made`` bytes."""
    return lambda f: dense(read * f["count"], made=made * f["count"])


def images(channels_in: str = "channels", channels_out: str = "channels") -> Rule:
    """Whole images with the axes ``height`` and ``width``; ``a.b`` is the field b inside of a."""

    def rule(f: Fields) -> Extent:
        batches = f.get("batches", 1)
        given = batches * f["height"]["in"] * f["width"]["in"] * field_at(f, channels_in)
        made = batches * f["height"]["out"] * f["width"]["out"] * field_at(f, channels_out)
        return dense(given, made=made)

    return rule


def multiplied_channels(f: Fields) -> int:
    """The channels where each becomes ``depth_multiplier`` channels."""
    return int(f["in_channels"] * f["depth_multiplier"])


def multiplied_images(f: Fields) -> Extent:
    """Images of which each channel becomes ``depth_multiplier`` channels."""
    return images("in_channels", "out")({**f, "out": multiplied_channels(f)})


def rows(rows: str, features_in: str, features_out: str) -> Rule:
    """So many rows, or pixels, of features; a row count of "" is one."""

    def rule(f: Fields) -> Extent:
        count = field_at(f, rows) if rows else 1
        return dense(count * field_at(f, features_in), made=count * field_at(f, features_out))

    return rule


def reduction(f: Fields) -> Extent:
    """Five dimensions of which the second and the fourth are reduced."""
    made = f["outer"] * f["middle"] * f["inner"]
    return dense(made * f["outer_reduced"] * f["inner_reduced"], made=made)


def banded(columns: str, channels_out: str) -> Rule:
    """Images of ``tml_dsp_band_params``, read by rows."""

    def rule(f: Fields) -> Extent:
        band = f["band"]
        made = band["out_rows"] * field_at(f, columns) * field_at(f, channels_out)
        given = band["in_rows"] * band["in_row_bytes"]
        return dense(f["batches"] * given, made=f["batches"] * made)

    return rule


def planes(width: Callable[[Fields], int]) -> Rule:
    """Channel by channel lines of ``tml_depthwise_plane``; ``width``: outputs of a line."""

    def rule(f: Fields) -> Extent:
        plane, filters, batches = f["plane"], f["filters"], f["batches"]
        channels = filters // f["multiplier"]
        elements = (plane["ends"] >> 2) + plane["fours"] // 2 + (plane["ends"] & 3)
        steps_in = (f["in_next"] + channels, 1, plane["in_line_step"], plane["in_step"])
        counts_in = (batches, channels, plane["in_lines"], elements)
        steps_out = (f["out_next"] + filters, 1, plane["out_line_step"], plane["out_step"])
        counts_out = (batches, filters, plane["out_lines"], width(f))
        read = walked(counts_in, steps_in)
        # Where input and output overlap, the whole of the input is moved first.
        settled = (0, max(read[1], plane["in_bytes"]))
        return Extent((settled,), walked(counts_out, steps_out), math.prod(counts_out))

    return rule


def field_at(f: Fields, path: str) -> int:
    """The number in a field; ``a.b`` is the field b inside of a."""
    value: Any = f
    for name in path.split("."):
        value = value[name]
    return int(value)
