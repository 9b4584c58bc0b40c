"""Graph → simpler graph that computes exactly the same, element for element."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from tinyml import ops
from tinyml.base.errors import InternalError, ModelError
from tinyml.ir.graph import Graph, Op, Tensor, check
from tinyml.model.support import check_shapes, check_supported
from tinyml.ops.traits import Runs
from tinyml.passes.dilate import dilate
from tinyml.passes.drop_channels import drop_channels
from tinyml.passes.expand import expand_ops
from tinyml.passes.fuse import fuse_activation, fuse_pad
from tinyml.passes.last_step import keep_last_step
from tinyml.passes.roll import roll_rounds
from tinyml.passes.simplify import drop_dead, drop_identities, fold_constants
from tinyml.passes.variables import assign_in_time, read_in_place, write_in_place

PASSES: tuple[Callable[[Graph], Graph], ...] = (
    roll_rounds,  # copies of the same ops, as recurrent layers are unrolled, become a loop
    fold_constants,  # ops on constants only become constants
    dilate,  # a layer on every n-th pixel becomes one dilated layer
    roll_rounds,  # again, now that what only depends on constants is known
    expand_ops,  # SPLIT and other ops without kernels become those that stand for them
    drop_identities,  # ops that pass their input on unchanged disappear
    fuse_pad,  # PAD into the convolution behind it
    fuse_activation,  # RELU and RELU6 into the op before them
    keep_last_step,  # an LSTM of which a slice takes the last step keeps that one alone
    drop_channels,  # channels that never change, with their filters, become part of biases
    drop_dead,  # ops whose results nobody reads disappear
    assign_in_time,  # assignments stand where what they are made of is done with
    read_in_place,  # a variable is read where it lies
    write_in_place,  # what is assigned is made where the variable lies
)

_log = logging.getLogger("tinyml")


def run_passes(graph: Graph) -> Graph:
    """The graph after all passes; tensor indices stay as they were.

    After each pass everything is asked that is asked of a file: form, operands, quantisation, and
    shapes. Raises InternalError where the answer is no: the model was right before.
    """
    for each in PASSES:
        made = each(graph)
        _check_made(graph, made, each.__name__)
        if len(made.ops) != len(graph.ops):
            _log.debug("%s: %d ops become %d", each.__name__, len(graph.ops), len(made.ops))
        graph = made
    return _with_inner(graph)


def _with_inner(graph: Graph) -> Graph:
    """The graph with the graphs that its ops run after all passes, too."""

    def simplified(op: Op) -> Op:
        trait = ops.trait_of(op.kind, Runs)
        if trait is None:
            return op
        return trait.having(op, tuple(run_passes(inner) for inner in trait.graphs(op)))

    return replace(graph, ops=tuple(simplified(op) for op in graph.ops))


def _check_made(before: Graph, made: Graph, name: str) -> None:
    """Raises InternalError when a pass made something that is not right."""
    where = made.source.file_name
    if _interface(before) != _interface(made):
        raise InternalError(f"the pass {name} changed the model's inputs or outputs", where=where)
    try:
        check(made)
        changed = replace(made, ops=_changed_ops(before, made))
        check_supported(changed)
        check_shapes(changed)
    except ModelError as error:
        raise InternalError(f"the pass {name} made a wrong graph: {error.message}") from error


def _interface(graph: Graph) -> tuple[tuple[int, Tensor], ...]:
    return tuple((i, graph.tensors[i]) for i in (*graph.inputs, *graph.outputs))


def _changed_ops(before: Graph, made: Graph) -> tuple[Op, ...]:
    """The ops that are not as they were, or have a tensor that is not: an op sees no others."""
    known = {id(op) for op in before.ops}
    old, new = before.tensors, made.tensors

    def is_known(op: Op) -> bool:
        used = (i for i in (*op.inputs, *op.outputs) if i >= 0)
        return id(op) in known and all(i < len(old) and new[i] is old[i] for i in used)

    return tuple(op for op in made.ops if not is_known(op))
