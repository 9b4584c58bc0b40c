"""Models of several graphs are read as such; the main one is compiled."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from tests.support.models.random_lstm import random_lstm
from tests.support.models.small_graphs import GraphBuilder, small_network
from tinyml.base.errors import ModelError
from tinyml.ir.graph import Graph
from tinyml.ir.module import Module, State
from tinyml.model.file import model_file
from tinyml.model.reader import load, read_module
from tinyml.model.writer import write, write_module
from tinyml.ops import spec_of
from tinyml.ops.lookup import NoAttrs


def with_state() -> Graph:
    graph = random_lstm(np.random.default_rng(1))
    (shape,) = spec_of(graph.ops[0].kind).infer(graph.ops[0], graph)
    return replace(graph, tensors=(*graph.tensors[:-1], replace(graph.tensors[-1], shape=shape)))


def single() -> Graph:
    b = GraphBuilder()
    given, made = (b.value(name, (1, 4), (0.5, 0)) for name in ("x", "y"))
    b.op("RELU", (given,), made, NoAttrs())
    return b.graph((given,), (made,))


def test_the_graphs_of_a_file_are_read_in_order() -> None:
    graphs = (small_network(), single(), with_state())
    found = read_module(model_file("three.tflite", write_module(Module(graphs))))
    assert [graph.name for graph in found.graphs] == ["three", "three_1", "three_2"]
    assert found.main is found.graphs[0]
    alone = [read_module(model_file("alone.tflite", write(graph))).main for graph in graphs]
    for graph, wanted in zip(found.graphs, alone, strict=True):
        assert graph.tensors == wanted.tensors
        assert graph.ops == wanted.ops
        assert (graph.inputs, graph.outputs) == (wanted.inputs, wanted.outputs)
        for ours, theirs in zip(graph.tensors, wanted.tensors, strict=True):
            assert (ours.data is None) == (theirs.data is None)
            assert ours.data is None or np.array_equal(ours.data, theirs.data)


def test_states_are_those_of_all_graphs() -> None:
    graph = with_state()
    module = Module((small_network(), graph, graph))
    assert module.states == tuple(State(i, k) for i in (1, 2) for k in graph.variables)
    assert all(module.tensor(state).is_variable for state in module.states)
    assert len(module.states) == 4


def test_one_graph_is_the_main_one() -> None:
    data = write(small_network())
    assert data == write_module(Module((small_network(),)))
    (graph,) = read_module(model_file("one.tflite", data)).graphs
    assert graph == load(model_file("one.tflite", data))


def test_the_loader_takes_the_main_graph_where_the_others_are_not_called() -> None:
    """Models with several signatures have a graph for each; an interpreter runs the first."""
    data = write_module(Module((small_network(), single())))
    alone = load(model_file("two.tflite", write(small_network())))
    found = load(model_file("two.tflite", data))
    assert found == replace(alone, source=found.source)


def test_equal_constants_of_several_graphs_are_kept_once() -> None:
    weights = max((t.data for t in small_network().tensors if t.data is not None), key=np.size)
    data = write_module(Module((small_network(),) * 2))
    assert data.count(np.asarray(weights).tobytes()) == 1


def test_damage_in_any_graph_is_one_error() -> None:
    data = bytearray(write_module(Module((small_network(), single()))))
    import tflite

    second = tflite.Model.GetRootAs(bytes(data), 0).Subgraphs(1)
    struct.pack_into("<i", data, second._tab.Vector(second._tab.Offset(6)), 99)
    with pytest.raises(ModelError, match=r"^damaged\.tflite: lists among its inputs tensor 99"):
        read_module(model_file("damaged.tflite", bytes(data)))
