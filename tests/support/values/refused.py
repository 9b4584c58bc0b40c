"""Rows that operators refuse: each breaks one constraint."""

from __future__ import annotations

from typing import Any

from tests.support.models.cases import row_graph
from tinyml.model.support import unmet
from tinyml.ops import forms_text, spec_of

FORM = "Its types must be those of a form:"  # which are those that the operator has
X = {"shape": [1, 4], "scale": 0.05, "zero_point": 0}
X16 = {**X, "dtype": "int16"}
BOOL = {"shape": [1, 4], "dtype": "bool"}

Refused = tuple[str, dict[str, Any], str, str]  # operator, row, demand, what was found


def row(inputs: list[dict[str, Any]], output: dict[str, Any], **attrs: Any) -> dict[str, Any]:
    # The shape is given: what is refused may have none by the op's rule.
    return {
        "name": "refused",
        "inputs": inputs,
        "output": {"shape": [1, 4], **output},
        "attrs": attrs,
    }


def numbers(*values: int) -> dict[str, Any]:
    return {"shape": [len(values)], "dtype": "int32", "data": list(values)}


def names(rows: list[Refused]) -> list[str]:
    return [f"{kind}-{number}" for number, (kind, *_) in enumerate(rows)]


def assert_refused(kind: str, broken: dict[str, Any], demand: str, found: str) -> None:
    """Fails unless the first unmet constraint is the one named, in these words."""
    graph, _ = row_graph(kind, broken, "refused")
    said, what = next(unmet(graph.ops[0], graph))
    if demand == FORM:
        demand = f"{FORM} {forms_text(spec_of(kind))}."
        said = said.split(" The nearest is ")[0]  # tests/unit/test_forms.py reads that
    assert (said, what) == (demand, found)
