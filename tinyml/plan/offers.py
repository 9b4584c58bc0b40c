"""The kernels that an op can run on: its plain one, and the variants that are valid there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tinyml import ops, variants
from tinyml.base.errors import ModelError
from tinyml.ir.graph import Graph, Op
from tinyml.ir.kernel import KernelCall
from tinyml.ops.forms import Layer
from tinyml.variants.families import plain_on

PLAIN = "plain"  # name of an op's own kernel among the alternatives


@dataclass(frozen=True, slots=True)
class Offer:
    """A valid kernel for an op."""

    name: str
    call: KernelCall


def offers_of(
    op: Op, graph: Graph, isa: Sequence[str], layer: Layer, *, streamed: bool = False
) -> tuple[tuple[Offer, ...], tuple[tuple[str, str], ...]]:
    """Valid kernels of an op, the plain one first, and why other variants are not valid.

    All are of the form that is for the types of the op's operands, and made of the numbers of
    ``layer``, which is the op's (``ops.layer_of``). ``streamed``: as a stage that sees a few rows
    of its images. Raises ModelError when there is no such form.
    """
    form = ops.form_of(op, graph)
    if form is not layer.form:
        raise ModelError(f"{op.kind} '{op.name}' is of form {form.name}, not {layer.form.name}")
    plain = layer.lowered(form.lower, op, graph)
    if plain is None:
        return (), ()
    offers = [Offer(PLAIN, plain_on(plain, op.kind, form.name, isa))]
    rejected = []
    slow = next((found for limit in form.fast_limits if (found := limit(layer.numbers))), None)
    for variant in variants.all_variants():
        if (variant.kind, variant.form) != (op.kind, form.name) or variant.isa not in isa:
            continue
        if streamed and not variant.is_streamable:
            continue
        call = f"sums beyond 32 bits: {slow}" if slow else layer.lowered(variant.lower, op, graph)
        if isinstance(call, str):
            rejected.append((variant.name, call))
        else:
            offers.append(Offer(variant.name, call))
    return tuple(offers), tuple(rejected)
