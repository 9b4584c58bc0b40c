"""The network as a picture: complete, in order, nothing on top of anything else."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.support.values.reports import long_report, small_report
from tinyml.ops import all_ops
from tinyml.report.blocks import MOST, UNCUT, blocks_of, clean_cuts
from tinyml.report.families import FAMILIES, family_of
from tinyml.report.layered import grid_of
from tinyml.report.network import Block, network_of
from tinyml.report.page import render
from tinyml.report.report import Layer, Report


def with_inputs(*inputs: tuple[int, ...]) -> Report:
    """A report whose layers read these ones."""
    report = long_report(len(inputs))
    layers = (replace(layer, inputs=read) for layer, read in zip(report.layers, inputs))  # noqa: B905
    return replace(report, layers=tuple(layers))


def random_inputs(seed: int, count: int) -> tuple[tuple[int, ...], ...]:
    """Each layer reads one to three before it, or the model's input."""
    chance = random.Random(seed)
    read: list[tuple[int, ...]] = []
    for index in range(count):
        near = max(-1, index - chance.choice((1, 1, 1, 2, 4, 9, 40)))
        read.append(
            tuple({near, *chance.sample(range(-1, index), min(index, chance.randrange(3)))})
        )
    return tuple(read)


RESIDUAL = ((-1,), (0,), (1,), (0, 2), (3,), (4,), (3, 5))
INCEPTION = ((-1,), (0,), (0,), (0,), (3,), (1, 2, 4))
GRAPHS = [RESIDUAL, INCEPTION, *(random_inputs(seed, 5 + 7 * seed) for seed in range(16))]


@pytest.mark.parametrize("inputs", GRAPHS)
def test_a_grid_holds_everything_once_and_leads_every_edge_down(
    inputs: tuple[tuple[int, ...], ...],
) -> None:
    boxes = ["-1", *map(str, range(len(inputs)))]
    reads = {str(index): tuple(map(str, read)) for index, read in enumerate(inputs)}
    grid = grid_of(boxes, reads)
    assert sorted(cell.box for cell in grid.boxes) == sorted(boxes)
    passing = [cell for edge in grid.edges for cell in edge if not cell.box]
    places = [(cell.row, cell.column) for cell in (*grid.boxes, *passing)]
    assert len(places) == len(set(places)), "two things in one cell"
    led = sorted((edge[0].box, edge[-1].box) for edge in grid.edges)
    assert led == sorted((source, box) for box, read in reads.items() for source in set(read))
    for edge in grid.edges:
        assert [b.row - a.row for a, b in pairwise(edge)] == [1] * (len(edge) - 1)


def test_a_chain_is_straight_and_a_by_pass_runs_beside_it() -> None:
    boxes = list(map(str, range(7)))
    reads = {str(i): tuple(map(str, r)) for i, r in enumerate(RESIDUAL) if i}
    grid = grid_of(boxes, reads)
    assert {cell.column for cell in grid.boxes} == {0}
    assert {cell.column for edge in grid.edges for cell in edge if not cell.box} == {1}


@pytest.mark.parametrize("inputs", GRAPHS)
def test_blocks_are_complete_and_small(inputs: tuple[tuple[int, ...], ...]) -> None:
    layers = with_inputs(*inputs).layers
    blocks = blocks_of(layers)
    assert [index for block in blocks for index in block] == list(range(len(layers)))
    assert all(len(block) <= UNCUT for block in blocks)


def test_blocks_end_where_one_value_goes_on() -> None:
    inputs = ((-1,), *((i, i - 1) if i % 4 == 3 else (i,) for i in range(39)))
    layers = with_inputs(*inputs).layers
    cuts = set(clean_cuts(layers))
    assert all(block.start in cuts for block in blocks_of(layers)[1:])
    assert all(len(block) <= MOST for block in blocks_of(layers))
    assert blocks_of(()) == ()


def overlapping(block: Block) -> list[tuple[int, int]]:
    """Pairs of boxes that share a pixel, or leave the picture."""
    found = []
    for number, a in enumerate(block.boxes):
        if a.x < 0 or a.y < 0 or a.x + a.width > block.width or a.y + a.height > block.height:
            found.append((number, number))
        for other, b in enumerate(block.boxes[:number]):
            beside = a.x + a.width <= b.x or b.x + b.width <= a.x
            if not beside and not (a.y + a.height <= b.y or b.y + b.height <= a.y):
                found.append((number, other))
    return found


@pytest.mark.parametrize("inputs", GRAPHS)
def test_no_box_lies_on_another_and_all_layers_are_there(
    inputs: tuple[tuple[int, ...], ...],
) -> None:
    report = with_inputs(*inputs)
    network = network_of(report, [layer.cycles or 0 for layer in report.layers])
    assert network is not None
    shown = [box.index for block in network.blocks for box in block.boxes if box.index is not None]
    assert sorted(shown) == list(range(len(inputs)))
    assert [overlapping(block) for block in network.blocks] == [[] for _ in network.blocks]
    assert sum(block.share for block in network.blocks) == pytest.approx(100)
    pills = {
        box.lines[0][0] for block in network.blocks for box in block.boxes if box.index is None
    }
    assert "output" in pills


def test_an_older_report_has_no_picture() -> None:
    report = small_report()
    older: tuple[Layer, ...] = tuple(replace(layer, inputs=None) for layer in report.layers)
    assert network_of(replace(report, layers=older), [1] * len(older)) is None
    assert "build again for the picture" in render(replace(report, layers=older))
    assert "build again for the picture" not in render(report)


def test_layers_read_what_the_graph_says() -> None:
    report = small_report()
    assert (report.layers[0].inputs or ())[0] == -1
    for layer in report.layers[1:]:
        assert layer.inputs
        assert max(layer.inputs) < layer.index


def test_a_colour_stays_that_of_its_operator() -> None:
    """Colours went by what took most: the same operator had another one in the next report."""
    found = {kind: FAMILIES[family_of(kind)] for kind in all_ops()}
    assert found["CONV_2D"] == found["TRANSPOSE_CONV"] == "convolutions"
    assert found["DEPTHWISE_CONV_2D"] == "depthwise convolutions"
    assert found["FULLY_CONNECTED"] == "fully connected"
    assert found["ADD"] == found["MUL"] == "arithmetic"
    assert found["MAX_POOL_2D"] == found["MEAN"] == "pooling and averages"
    assert found["RESHAPE"] == found["CONCATENATION"] == found["PAD"] == "moves"
    assert found["UNIDIRECTIONAL_SEQUENCE_LSTM"] == found["SVDF"] == "recurrent layers and loops"
    assert found["SOFTMAX"] == found["LOGISTIC"] == "functions and other operators"
    assert family_of("CONV_2D+DEPTHWISE_CONV_2D") == family_of("PAD+CONV_2D") == 0
    assert FAMILIES[family_of("SOMETHING_OF_OTHERS")] == "functions and other operators"
