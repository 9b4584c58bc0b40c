"""Whether a kernel may write where it reads: reads and writes where they come closest."""

from __future__ import annotations

from itertools import product

from tinyml.base.errors import PlanError
from tinyml.ir.graph import Graph
from tinyml.ir.kernel import KernelCall
from tinyml.ir.progress import Progress
from tinyml.plan.verify_bounds import Claim


def check_overlap(
    call: KernelCall, operand: int, graph: Graph, read: Claim, written: Claim
) -> None:
    """Raises PlanError if a kernel would overwrite bytes of an operand before reading them."""
    gap = read.at.offset - written.at.offset
    overlap = next((item for item in call.overlaps if item.input == operand), None)
    if overlap is None:
        raise PlanError(f"{call.function} reads {read}, and would overwrite it by {written}")
    pair = f"{call.function} reads {read}, and writes {written}"
    if gap < overlap.distance_bytes:
        raise PlanError(f"{pair}: the output must start {overlap.distance_bytes} bytes below")
    if overlap.reason and not overlap.progress:
        return
    progress = overlap.progress or _lock_step(graph, read, written, pair)
    corners = [_corners(item, pair) for item in progress]
    most = max(done for points in corners for done, _ in points)
    if most < written.at.nbytes:
        raise PlanError(f"{pair}: it says where it is until it has written {most} bytes")
    for points in corners:
        done, keep = max(points, key=lambda point: point[0] - point[1])
        if done > gap + keep and any(keep < read.at.nbytes for _, keep in points):
            raise PlanError(
                f"{pair}: at one point it has written {done} bytes and still reads from {keep} on"
            )


def _corners(item: Progress, pair: str) -> list[tuple[int, int]]:
    """A pattern's corners: what grows evenly along every axis is largest and smallest at one."""
    axes = len(item.counts)
    if min(item.counts, default=1) < 1 or {len(item.written_steps), len(item.read_steps)} != {axes}:
        raise PlanError(f"{pair}: a pattern of {item.counts} points is none")
    return [
        (
            item.written + sum(i * n for i, n in zip(place, item.written_steps, strict=True)),
            item.reads + sum(i * n for i, n in zip(place, item.read_steps, strict=True)),
        )
        for place in product(*((0, count - 1) for count in item.counts))
    ]


def _lock_step(graph: Graph, read: Claim, written: Claim, pair: str) -> tuple[Progress, ...]:
    """Progress of an elementwise kernel, which reads each element before it writes it."""
    from_bytes = graph.tensors[read.tensor].dtype.nbytes(1)
    to_bytes = graph.tensors[written.tensor].dtype.nbytes(1)
    count = read.at.nbytes // from_bytes
    if count * to_bytes != written.at.nbytes:
        raise PlanError(f"{pair}: an elementwise overlap of different numbers of elements")
    last = Progress((), count * to_bytes, count * from_bytes)
    if count < 2:
        return (last,)
    return (Progress((count - 1,), to_bytes, from_bytes, (to_bytes,), (from_bytes,)), last)
