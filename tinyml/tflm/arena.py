"""The arena that TFLM needs for a model on a 32-bit target: its allocator, played through.

The arena has a head, which holds tensors and scratch while the model runs, and a tail, which grows
down and holds what stays: the interpreter's own objects, the kernels' structs and buffers,
variables. While a model is set up the head holds other things: requests for scratch, copies of
tensors for the kernels to look at, and the work of the memory planner. An arena must be large
enough for every moment of that, for small models more than what is in use in the end.
Source: MicroAllocator, SingleArenaBufferAllocator and MicroInterpreter of tflite-micro.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tinyml.ir.graph import Tensor
from tinyml.tflm.greedy import ALIGNMENT, Buffer, greedy, height
from tinyml.tflm.needs import Needs, needs_of, operands
from tinyml.tflm.outline import Outline
from tinyml.tflm.table import Kernels, Struct, interpreter, scratch_requests_per_op

_INT = 4  # bytes of an int, of a pointer and of a size_t


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor or a scratch buffer in the head. Time: 0 the input, then op number + 1."""

    offset: int
    nbytes: int
    first_use: int
    last_use: int


@dataclass(frozen=True, slots=True)
class Arena:
    """What a model takes of its arena."""

    head_bytes: int
    tail_bytes: int
    setup_bytes: int  # least arena with which the set-up succeeds
    tensors: Mapping[int, Place]  # by tensor
    scratch: tuple[tuple[int, Place], ...]  # (op, place)

    @property
    def used_bytes(self) -> int:
        """What ``arena_used_bytes()`` says after the set-up."""
        return self.head_bytes + self.tail_bytes

    @property
    def needed_bytes(self) -> int:
        """The least arena, a multiple of 16 at an address that is one too."""
        return _up(max(self.used_bytes, self.setup_bytes), ALIGNMENT)


def arena_of(outline: Outline, kernels: Kernels, offsets: Mapping[int, int] | None = None) -> Arena:
    """The arena of a model; ``offsets`` places tensors in the head, as offline metadata does."""
    offsets = offsets or {}
    needs = [needs_of(outline, i, kernels) for i in range(len(outline.graph.ops))]
    tail = _Tail(kernels)
    requests = _set_up(outline, kernels, needs, tail)
    buffers, owners = buffers_of(outline, needs, offsets)
    tail.request("scratch_handle", requests)
    for i in sorted(outline.variables - set(offsets)):
        tail.take(outline.graph.tensors[i].nbytes, ALIGNMENT)
    _plan_room(outline, requests, len(buffers), tail)
    found = greedy(buffers)
    head = _up(height(buffers, found), ALIGNMENT)
    tail.see(head)
    for indices in (outline.graph.inputs, outline.graph.outputs):
        tail.take(len(indices) * _INT, ALIGNMENT)
        for i in indices:
            _describe(outline.graph.tensors[i], kernels, tail)
    tail.see(head)
    places = [
        Place(offset, item.nbytes, item.first_use, item.last_use)
        for item, offset in zip(buffers, found, strict=True)
    ]
    owned = list(zip(owners, places, strict=True))
    return Arena(
        head_bytes=head,
        tail_bytes=tail.used,
        setup_bytes=tail.least,
        tensors={number: place for (kind, number), place in owned if kind == "tensor"},
        scratch=tuple((number, place) for (kind, number), place in owned if kind == "scratch"),
    )


@dataclass(slots=True)
class _Tail:
    """The growing tail, and the least arena in which it and what it met in the head had room."""

    kernels: Kernels
    used: int = 0
    least: int = field(default=0)

    def take(self, nbytes: int, alignment: int) -> None:
        self.used = _up(self.used + nbytes, alignment)

    def request(self, name: str, count: int = 1) -> None:
        """An array of the interpreter's structs."""
        struct = self.struct(name)
        if count:
            self.take(count * struct.nbytes, struct.alignment)

    def struct(self, name: str) -> Struct:
        known = interpreter()
        return known.get(f"wide_{name}", known[name]) if self.is_wide else known[name]

    @property
    def is_wide(self) -> bool:
        return self.kernels.has_wide_enums

    def see(self, head_bytes: int) -> None:
        """The head is that large at this moment."""
        self.least = max(self.least, self.used + head_bytes)


def _set_up(outline: Outline, kernels: Kernels, needs: list[Needs], tail: _Tail) -> int:
    """From the interpreter's construction to the last kernel's Prepare; the scratch requests."""
    graph = outline.graph
    for name in ("allocator", "planner", "micro_allocator", "options_allocator"):
        tail.request(name)
    request, reserve = tail.struct("scratch_request").nbytes, scratch_requests_per_op()
    tail.request("subgraph")
    tail.request("eval_tensor", len(graph.tensors))
    tail.request("node", len(graph.ops))
    facts = [outline.facts(i) for i in range(len(graph.ops))]
    for item in facts:
        options = item.options_of(kernels)
        if options is not None:
            tail.take(options.nbytes, options.alignment)
    for item in facts:
        if item.state_bytes(kernels):
            tail.take(item.state_bytes(kernels), ALIGNMENT)
    requests = 0
    for op, need, item in zip(graph.ops, needs, facts, strict=True):
        reserved = request * (requests + reserve)
        copies = sum(_copy_bytes(graph.tensors[i], tail) for i in operands(op))
        for nbytes in need.kept:
            tail.take(nbytes, ALIGNMENT)
        tail.see(reserved + copies * item.looks)
        requests += len(need.scratch)
    tail.see(request * (requests + reserve))
    return requests


def buffers_of(
    outline: Outline, needs: list[Needs], offsets: Mapping[int, int]
) -> tuple[list[Buffer], list[tuple[str, int]]]:
    """What the planner has to place, and whose it is: ("tensor", index) or ("scratch", op)."""
    graph = outline.graph
    first: dict[int, int] = dict.fromkeys(graph.inputs, 0)
    last: dict[int, int] = dict.fromkeys(graph.inputs, 0)
    for number, op in enumerate(graph.ops):
        for i in op.outputs:
            first.setdefault(i, number + 1)
        for i in operands(op):
            last[i] = number + 1
    for i in graph.outputs:
        first.setdefault(i, len(graph.ops))
        last[i] = len(graph.ops)
    buffers: list[Buffer] = []
    owners: list[tuple[str, int]] = []
    for i, tensor in enumerate(graph.tensors):
        is_elsewhere = tensor.is_constant or (i in outline.variables and i not in offsets)
        if is_elsewhere or not tensor.nbytes:
            continue
        buffers.append(Buffer(tensor.nbytes, first.get(i, -1), last.get(i, -1), offsets.get(i)))
        owners.append(("tensor", i))
    for number, need in enumerate(needs):
        for nbytes in need.scratch:
            buffers.append(Buffer(nbytes, number + 1, number + 1))
            owners.append(("scratch", number))
    return buffers, owners


def _plan_room(outline: Outline, requests: int, buffers: int, tail: _Tail) -> None:
    """The moment when the planner works: its tables lie above the requests for scratch."""
    request, reserve = tail.struct("scratch_request").nbytes, scratch_requests_per_op()
    head = request * (requests + reserve) + _INT  # the one subgraph's offset
    count = len(outline.graph.tensors) + requests
    head += count * tail.struct("allocation_info").nbytes
    head = _up(head, ALIGNMENT) + buffers * tail.struct("planner_buffer").nbytes
    tail.least = max(tail.least, _up(tail.used, ALIGNMENT) + head)


def _describe(tensor: Tensor, kernels: Kernels, tail: _Tail) -> None:
    """The TfLiteTensor of an input or output, with its quantisation."""
    tail.request("tensor")
    if tensor.quant is not None:
        tail.request("affine_quantization")
        tail.take(_INT + len(tensor.quant.scales) * _INT, _INT)


def _copy_bytes(tensor: Tensor, tail: _Tail) -> int:
    """A TfLiteTensor that a kernel gets to look at while it is prepared."""
    nbytes = tail.struct("tensor").nbytes
    if tensor.quant is not None:
        nbytes += tail.struct("affine_quantization").nbytes
        nbytes += _INT + len(tensor.quant.scales) * _INT
    return nbytes


def _up(count: int, multiple: int) -> int:
    return -(-count // multiple) * multiple
