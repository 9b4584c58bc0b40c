"""Fix-ups of layers over sequences: sums behind reshapes, padding in front of layers."""

from __future__ import annotations

from tests.support.nets.fixed_up import kinds, same, sequence_layer
from tests.support.nets.float_graphs import FloatBuilder
from tinyml.convert.fixups import prepare
from tinyml.convert.fixups.reshapes import move_reshapes
from tinyml.model.options import options


def test_sums_with_a_sequence_stay_behind_the_reshape() -> None:
    b = FloatBuilder()
    steps = b.value("steps", (1, 8, 3))
    value = sequence_layer(b, steps)
    made = b.value("sum", b.tensors[value].shape)
    b.op("ADD", (value, b.weights("each", 1, 6, 4)), made, options("AddOptions"))
    graph = b.graph((steps,), (made,))
    assert move_reshapes(graph) is graph


def test_padding_of_a_sequence_meets_its_layer() -> None:
    b = FloatBuilder()
    steps = b.value("steps", (1, 8, 3))
    pads = b.constant("pads", [[0, 0], [1, 1], [0, 0]])
    padded = b.op("PAD", (steps, pads), b.value("padded", (1, 10, 3)))
    graph = b.graph((steps,), (sequence_layer(b, padded),))
    after, notes = prepare(graph)
    assert kinds(after) == ["RESHAPE", "CONV_2D", "RESHAPE"]
    assert "1 PAD folded into a convolution" in notes
    same(graph, after)


def test_causal_padding_stays_in_front_of_its_layer() -> None:
    b = FloatBuilder()
    steps = b.value("steps", (1, 8, 3))
    pads = b.constant("pads", [[0, 0], [2, 0], [0, 0]])
    padded = b.op("PAD", (steps, pads), b.value("padded", (1, 10, 3)))
    graph = b.graph((steps,), (sequence_layer(b, padded),))
    after, _ = prepare(graph)
    assert kinds(after) == ["RESHAPE", "PAD", "CONV_2D", "RESHAPE"]
    same(graph, after)
