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

from tinyml.base.errors import ModelError
from tinyml.ir.graph import Tensor
from tinyml.tflm.calls import called, handles_of, taken_bytes, variables_of
from tinyml.tflm.graphs import Outline
from tinyml.tflm.greedy import ALIGNMENT, Buffer, greedy, height
from tinyml.tflm.needs import Needs, needs_of, operands
from tinyml.tflm.table import Kernels, Struct, interpreter, scratch_requests_per_op

_INT = 4  # bytes of an int, of a pointer and of a size_t


@dataclass(frozen=True, slots=True)
class Place:
    """A tensor or a scratch buffer in the head.

    Time: 0 the input, then op number + 1 in a model that is one graph. Where ops run other graphs
    those have times of their own in between: ``Arena.step_at`` says whose.
    """

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
    tensors: Mapping[int, Place]  # of the first graph, by tensor
    scratch: tuple[tuple[int, Place], ...]  # of the first graph: (op, place)
    inner: tuple[Place, ...] = ()  # of the graphs that its ops run
    steps: tuple[int, ...] = ()  # of each time, the first graph's op + 1; 0 for the input

    def step_at(self, time: int) -> int:
        """The number of the first graph's op that runs at a time, plus 1; below 0 as it is."""
        return self.steps[time] if time >= 0 else time

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
    needs = needs_of_all(outline, kernels)
    tail = _Tail(kernels)
    requests = _set_up(outline, kernels, needs, tail)
    buffers, owners, steps = buffers_of(outline, needs, offsets)
    tail.request("scratch_handle", requests)
    for item, base in zip(outline.graphs, _bases(outline), strict=True):
        for i in sorted(i for i in item.variables if base + i not in offsets):
            tail.take(item.graph.tensors[i].nbytes, ALIGNMENT)
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
        inner=tuple(place for (kind, _), place in owned if kind == "inner"),
        steps=steps,
    )


def needs_of_all(outline: Outline, kernels: Kernels) -> list[list[Needs]]:
    """What each op of each graph asks for."""
    return [
        [needs_of(item, i, kernels) for i in range(len(item.graph.ops))] for item in outline.graphs
    ]


def _bases(outline: Outline) -> list[int]:
    """The number of each graph's first tensor, when all are counted through."""
    counts = [len(item.graph.tensors) for item in outline.graphs]
    return [sum(counts[:i]) for i in range(len(counts))]


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


def _set_up(outline: Outline, kernels: Kernels, needs: list[list[Needs]], tail: _Tail) -> int:
    """From the interpreter's construction to the last kernel's Prepare; the scratch requests."""
    for name in ("allocator", "planner", "micro_allocator"):
        tail.request(name)
    count = len(variables_of(outline))
    if count:
        tail.request("resource_variables")
        tail.request("resource_variable", count)
    tail.request("options_allocator")
    tail.request("subgraph", len(outline.graphs))
    for item in outline.graphs:
        tail.request("eval_tensor", len(item.graph.tensors))
    for item in outline.graphs:
        tail.request("node", len(item.graph.ops))
    facts = [item.facts(i) for item in outline.graphs for i in range(len(item.graph.ops))]
    for fact in facts:
        options = fact.options_of(kernels)
        if options is not None:
            tail.take(options.nbytes, options.alignment)
    for fact in facts:
        if fact.state_bytes(kernels):
            tail.take(fact.state_bytes(kernels), ALIGNMENT)
    return _prepare(outline, needs, tail)


def _prepare(outline: Outline, needs: list[list[Needs]], tail: _Tail) -> int:
    """Prepare of all kernels, graph by graph; the scratch requests."""
    request, reserve = tail.struct("scratch_request").nbytes, scratch_requests_per_op()
    requests, variables = 0, taken_bytes(outline)
    for graph, item in enumerate(outline.graphs):
        for number, (op, need) in enumerate(zip(item.graph.ops, needs[graph], strict=True)):
            reserved = request * (requests + reserve)
            copies = sum(_copy_bytes(item.graph.tensors[i], tail) for i in operands(op))
            for nbytes in need.kept:
                tail.take(nbytes, ALIGNMENT)
            if (graph, number) in variables:
                tail.take(variables[graph, number], ALIGNMENT)
            tail.see(reserved + copies * item.facts(number).looks)
            requests += len(need.scratch)
    tail.see(request * (requests + reserve))
    return requests


@dataclass(slots=True)
class _Lives:
    """From when to when tensors and scratch are alive, the graphs played through as TFLM does."""

    outline: Outline
    bases: list[int]
    first: dict[int, int] = field(default_factory=dict)  # by number of the tensor, counted through
    last: dict[int, int] = field(default_factory=dict)
    scratch: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)  # by graph, op
    steps: list[int] = field(default_factory=lambda: [0])
    now: int = 0

    def play(self, number: int) -> None:
        """A graph, from now on."""
        item, base = self.outline.graphs[number], self.bases[number]
        self._use([base + i for i in item.graph.inputs])
        for index, op in enumerate(item.graph.ops):
            self._tick(number, index)
            start = self.now
            for i in op.outputs:
                self.first.setdefault(base + i, start)
            for inner in called(item, index):
                self._tick(number, index)
                self.play(inner)
            for i in operands(op):
                self.last[base + i] = self.now
            begun = self.scratch.get((number, index), (start, start))[0]
            self.scratch[number, index] = (begun, self.now)
        self._use([base + i for i in item.graph.outputs])

    def _tick(self, graph: int, op: int) -> None:
        self.now += 1
        self.steps.append(op + 1 if graph == 0 else self.steps[-1])

    def _use(self, tensors: list[int]) -> None:
        for i in tensors:
            self.first.setdefault(i, self.now)
            self.last[i] = self.now


def buffers_of(
    outline: Outline, needs: list[list[Needs]], offsets: Mapping[int, int]
) -> tuple[list[Buffer], list[tuple[str, int]], tuple[int, ...]]:
    """What the planner has to place, and whose it is; then ``Arena.steps``.

    Owners are ("tensor", index) and ("scratch", op) of the first graph, ("inner", graph) of others.
    Raises ModelError where TFLM would place scratch that it does not know the size of.
    """
    lives = _Lives(outline, _bases(outline))
    lives.play(0)
    buffers: list[Buffer] = []
    owners: list[tuple[str, int]] = []
    for graph, (item, base) in enumerate(zip(outline.graphs, lives.bases, strict=True)):
        handles = handles_of(item)
        for i, tensor in enumerate(item.graph.tensors, base):
            is_elsewhere = (
                tensor.is_constant
                or (i - base in item.variables and i not in offsets)
                or i - base in handles
            )
            if is_elsewhere or not tensor.nbytes:
                continue
            times = lives.first.get(i, -1), lives.last.get(i, -1)
            buffers.append(Buffer(tensor.nbytes, *times, offsets.get(i)))
            owners.append(("inner", graph) if graph else ("tensor", i))
    for graph, wanted in enumerate(needs):
        for number, need in enumerate(wanted):
            _refuse_lost(outline, (graph, number), bool(need.scratch), lives)
            for nbytes in need.scratch:
                buffers.append(Buffer(nbytes, *lives.scratch[graph, number]))
                owners.append(("inner", graph) if graph else ("scratch", number))
    return buffers, owners, tuple(lives.steps)


def _refuse_lost(outline: Outline, where: tuple[int, int], asks: bool, lives: _Lives) -> None:
    """TFLM reads the size of scratch in a graph that nothing runs from memory that it never set."""
    if asks and where not in lives.scratch:
        op = outline.graphs[where[0]].graph.ops[where[1]]
        raise ModelError(
            f"{op.kind} '{op.name}' is in graph {where[0]}, which nothing runs, and asks for "
            "scratch, which TFLM then places anywhere",
            hint="leave that graph out: export one signature.",
        )


def _plan_room(outline: Outline, requests: int, buffers: int, tail: _Tail) -> None:
    """The moment when the planner works: its tables lie above the requests for scratch."""
    request, reserve = tail.struct("scratch_request").nbytes, scratch_requests_per_op()
    head = request * (requests + reserve) + _INT * len(outline.graphs)  # where each one begins
    count = sum(len(item.graph.tensors) for item in outline.graphs) + requests
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
