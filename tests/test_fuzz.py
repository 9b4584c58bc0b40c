"""A small part of ``python -m tests.fuzz``: damaged models of every operator, in both runtimes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from tests.fuzz.bases import bases
from tests.fuzz.check import findings
from tests.fuzz.mutate import mutated, places
from tests.support.models.cases import case_paths, load_cases
from tests.support.models.small_graphs import GraphBuilder
from tinyml.base.errors import ModelError, UnsupportedOps
from tinyml.ir.graph import Op
from tinyml.model.file import model_file
from tinyml.model.options import options
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.ops import all_ops, trait_of
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.traits import Variable

PARTS, MODELS = 4, 60
SEED = 2  # not that of the long run


@cache
def models() -> list[bytes]:
    return bases()


@pytest.mark.parametrize("part", range(PARTS))
def test_damaged_models_give_one_error_or_a_clean_result(part: int) -> None:
    """Operators without the operands that they need, and sizes of nothing, ended in tracebacks."""
    numbers = range(part * MODELS, (part + 1) * MODELS)
    found = [item for n in numbers for item in findings(mutated(models(), SEED, n), n)]
    assert found == []


def test_whole_models_are_fine() -> None:
    assert [item for n, data in enumerate(models()) for item in findings(data, n)] == []


def test_the_same_number_is_the_same_model() -> None:
    made = [mutated(models(), SEED, n) for n in range(50)]
    assert made == [mutated(models(), SEED, n) for n in range(50)]
    assert len(set(made)) > 45


def test_every_number_in_a_model_is_found() -> None:
    for data in models():
        assert len(places(data)) > 50
        assert any(place.is_value for place in places(data))
    assert any(place.is_float for place in places(models()[0]))


# Files say variables by handles, tests/test_variables.py.
KINDS = [kind for kind in sorted(all_ops()) if trait_of(kind, Variable) is None]


@pytest.mark.parametrize("kind", KINDS)
def test_operands_are_asked_for_first(kind: str) -> None:
    """What the other constraints complain of, without operands, would be a consequence."""
    b = GraphBuilder()
    out = b.value("y", (1, 4))
    spec = all_ops()[kind]
    defaults = spec.table.read(dict(options(spec.table.name).values))
    b.ops.append(Op(kind, "y", (-1,), (out,), defaults))
    given = b.value("x", (1, 4))
    with pytest.raises(UnsupportedOps) as caught:
        load(model_file("m.tflite", write(b.graph((given,), (out,)))))
    assert len(caught.value.found) == 1


def test_a_model_whose_output_is_its_input_is_refused() -> None:
    """It was planned without a step, and then the largest of no steps was asked for."""
    b = GraphBuilder()
    given = b.value("x", (1, 4))
    b.op("RELU", (given,), b.value("y", (1, 4)), NoAttrs())
    with pytest.raises(ModelError, match="computes nothing: no op writes its output 'x'"):
        load(model_file("m.tflite", write(b.graph((given,), (given,)))))


def test_what_follows_from_an_unmet_constraint_is_not_said() -> None:
    """LSTM with the cell among its weights: constants were asserted behind that complaint."""
    path = next(path for path in case_paths() if path.stem == "unidirectional_sequence_lstm")
    graph = load_cases(path).cases[0].graph
    (op,) = graph.ops
    inputs = (*op.inputs[:4], op.inputs[19], *op.inputs[5:])
    with pytest.raises(UnsupportedOps) as caught:
        load(model_file("m.tflite", write(replace(graph, ops=(replace(op, inputs=inputs),)))))
    assert "make no sense" not in str(caught.value)
