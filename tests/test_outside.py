"""Types, kernels and operators that another package brings, without a change to a file of ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.support.models.cases import Vector
from tests.support.models.small_graphs import GraphBuilder
from tests.support.running.cli import run_tinyml
from tests.support.running.executors import run_reference
from tests.support.running.host_c import compile_graph, host_board, run_program
from tests.support.values.plans import planned_on
from tinyml import ops
from tinyml.base.errors import ModelError, TinymlError, UnsupportedOps
from tinyml.codegen.generate import generate
from tinyml.ir.dtype import INT8, INT16, DType
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.model.writer import write
from tinyml.ops.forms import Form
from tinyml.ops.lookup import NoAttrs
from tinyml.ops.outside import added
from tinyml.plan.planner import plan
from tinyml.project.create import create
from tinyml.target.boards import load_board

SUPPORT = Path(__file__).parent / "support" / "stand_ins"
PACKAGE = SUPPORT / "outside_package"
REPOSITORY = Path(__file__).parent.parent


@pytest.fixture
def more(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The package beside tinyml, imported but not installed."""
    monkeypatch.syspath_prepend(str(PACKAGE))
    import tinyml_more

    yield tinyml_more
    del sys.modules["tinyml_more"]


def one_op(kind: str, dtype: DType, count: int = 300, zero_point: int = 0) -> Graph:
    b = GraphBuilder()
    given, made = (b.value(name, (1, count), (0.5, zero_point), dtype) for name in ("x", "y"))
    b.op(kind, (given,), made, NoAttrs())
    return b.graph((given,), (made,))


def vectors_of(graph: Graph) -> list[Vector]:
    (index,) = graph.inputs
    tensor = graph.tensors[index]
    rng = np.random.default_rng(5)
    low, high = tensor.dtype.limits
    wide = rng.integers(low, high, tensor.shape, tensor.dtype.numpy, endpoint=True)
    return [(wide,), (np.full(tensor.shape, low, tensor.dtype.numpy),)]


@pytest.mark.host_cc
@pytest.mark.parametrize(("kind", "dtype"), [("ELU", INT16), ("CUSTOM Halve", INT8)])
def test_what_is_brought_is_loaded_planned_compiled_and_equal_to_its_reference(
    kind: str, dtype: DType, more: ModuleType, tmp_path: Path
) -> None:
    with added(more):
        graph = load(model_file("outside.tflite", write(one_op(kind, dtype))))
        assert graph.ops[0].kind == kind
        vectors = vectors_of(graph)
        wanted = run_reference(graph, vectors)
        found = run_program(compile_graph(graph, tmp_path), graph, vectors)
    for ours, theirs in zip(wanted, found, strict=True):
        assert np.array_equal(ours[0], theirs[0])
    assert len(np.unique(wanted[0][0])) > 30


def test_a_further_form_is_offered_to_its_types_alone(more: ModuleType) -> None:
    board = host_board()
    with added(more):
        wide, narrow = plan(one_op("ELU", INT16), board), plan(one_op("ELU", INT8), board)
    calls = [made.steps[0].call for made in (wide, narrow)]
    assert [(call.function, call.form) for call in calls if call is not None] == [
        ("tml_more_abs_s16", "s16"),
        ("tml_lookup_s8", "s8"),
    ]


def test_a_faster_kernel_of_a_further_form_is_taken_where_it_is_valid(more: ModuleType) -> None:
    board = host_board(("more",))
    with added(more):
        even, odd = plan(one_op("ELU", INT16), board), plan(one_op("ELU", INT16, 299), board)
    assert even.steps[0].call is not None
    assert even.steps[0].call.isa == "more"
    assert odd.steps[0].rejected == (("more/abs", "an odd number of elements"),)


def test_constraints_of_a_further_form_are_asked(more: ModuleType) -> None:
    data = write(one_op("ELU", INT16, zero_point=3))
    with added(more), pytest.raises(UnsupportedOps, match=r"The zero point must be 0\. Found: 3"):
        load(model_file("outside.tflite", data))


def test_nothing_is_left_behind(more: ModuleType) -> None:
    graph = one_op("ELU", INT16)
    before = ops.all_ops()
    with added(more):
        assert ops.form_of(graph.ops[0], graph).name == "s16"
        assert "CUSTOM Halve" in ops.all_ops()
    assert ops.all_ops() is before
    with pytest.raises(ModelError, match=r"takes input int16, output int16; forms there are: s8"):
        ops.form_of(graph.ops[0], graph)


def test_a_project_holds_the_header_of_another_package(more: ModuleType, tmp_path: Path) -> None:
    board = load_board("nucleo_f446re")
    with added(more):
        graph = one_op("ELU", INT16)
        made = plan(graph, board)
        create(planned_on(made, board, "baremetal"), generate(made, board), tmp_path / "p")
    copied = tmp_path / "p" / "firmware" / "kernels" / "more_abs" / "s16.h"
    assert copied.read_bytes() == (more.FIRMWARE / "kernels" / "more_abs" / "s16.h").read_bytes()


def clash(**brought: object) -> ModuleType:
    module = ModuleType("tinyml_clash")
    vars(module).update(brought)
    return module


def test_what_clashes_is_one_error(more: ModuleType) -> None:
    spec = ops.spec_of("ELU")
    form: Form = replace(more.FORMS[0][1], name="s8")
    clashes = {
        "tinyml_clash brings ELU, which is an operator already": clash(OPS=(spec,)),
        "brings form s8 of ELU, which has one of that name": clash(FORMS=(("ELU", form),)),
        "brings form s8 of ABZ, which is no operator": clash(FORMS=(("ABZ", form),)),
    }
    for message, module in clashes.items():
        with added(module), pytest.raises(TinymlError, match=message):
            ops.all_ops()


def tinyml(folders: Sequence[Path], *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line where the packages of some folders are installed."""
    paths = os.pathsep.join(map(str, (REPOSITORY, *folders)))
    return run_tinyml(*arguments, env={**os.environ, "PYTHONPATH": paths})


def test_an_installed_package_is_found_by_its_entry_point() -> None:
    done = tinyml((PACKAGE, SUPPORT / "outside_installed"), "ops", "--json")
    assert done.returncode == 0, done.stderr
    found = {item["operator"]: item for item in json.loads(done.stdout)}
    assert [form["form"] for form in found["ELU"]["forms"]] == ["s8", "f32", "s16"]
    assert "more/abs" in found["ELU"]["variants"]
    assert "CUSTOM Halve" in found


def test_a_package_that_cannot_be_imported_is_one_error(tmp_path: Path) -> None:
    info = tmp_path / "tinyml_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: tinyml-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tinyml.operators]\nbroken = tinyml_broken\n")
    (tmp_path / "tinyml_broken.py").write_text("import no_such_module\n")
    done = tinyml((tmp_path,), "ops")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "package 'tinyml-broken' brings operators (entry point broken = " in done.stderr
    assert "No module named 'no_such_module'" in done.stderr
    assert "pip uninstall tinyml-broken" in done.stderr
    assert "Traceback" not in done.stderr
    assert tinyml((tmp_path,), "boards").returncode == 0  # which asks for no operators
