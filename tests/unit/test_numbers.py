"""The numbers of a weighted layer are computed once and handed to whatever lowers it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.models.small_graphs import small_network
from tests.support.values.calls import calls_of
from tinyml import ops
from tinyml.ir.graph import Graph
from tinyml.ops.weighted import WeightedSum, weighted_sum
from tinyml.ops.weighted_constraints import sums_fit_32_bits
from tinyml.plan.ways import programs_of
from tinyml.target.boards import load_board


def weighted_layers(graph: Graph) -> int:
    return sum(ops.form_of(op, graph).numbers is not None for op in graph.ops)


@pytest.mark.parametrize("board", ["nucleo_f446re", "esp32c3", "rpi_pico"])
def test_planning_computes_the_numbers_of_each_layer_once(board: str) -> None:
    """Every variant and every band of a stream computed them again: over ten times a layer."""
    graph = small_network()
    count = weighted_layers(graph)
    assert count >= 3
    found = load_board(board)
    assert calls_of(weighted_sum, lambda: programs_of(graph, found)) == count


def test_what_follows_from_the_numbers_is_computed_once() -> None:
    graph = small_network()
    op = next(op for op in graph.ops if ops.form_of(op, graph).numbers is not None)
    numbers = ops.layer_of(op, graph).numbers
    assert isinstance(numbers, WeightedSum)
    assert numbers.sum_bounds is numbers.sum_bounds
    assert numbers.with_bounded_sums is numbers.with_bounded_sums
    doubled = replace(numbers, bias=2 * numbers.bias)  # nothing that was kept goes along
    low, high = numbers.sum_bounds
    assert (doubled.sum_bounds[0] - low == numbers.bias).all()
    assert (doubled.sum_bounds[1] - high == numbers.bias).all()


def test_limits_are_asked_of_the_numbers() -> None:
    graph = small_network()
    op = next(op for op in graph.ops if ops.form_of(op, graph).numbers is not None)
    numbers = ops.layer_of(op, graph).numbers
    assert sums_fit_32_bits(numbers) is None
    large = replace(numbers, bias=numbers.bias + (1 << 31))
    assert "with a left shift of" in (sums_fit_32_bits(large) or "")
