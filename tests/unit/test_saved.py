"""Plans on disk: every plan that tinyml can make is the same after it was written and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.models.cases import case_paths, load_cases
from tests.support.models.small_graphs import small_network
from tests.support.values.plans import record_of
from tinyml import api
from tinyml.ir.graph import Graph
from tinyml.model.file import model_file
from tinyml.model.writer import write
from tinyml.project.saved import load_planned, save_planned, saved_board, without_sizes

pytestmark = pytest.mark.slow


def check_round_trip(graph: Graph, board: str, settings: api.Settings, folder: Path) -> None:
    planned = api.plan(model_file("model.tflite", write(graph)), api.load_board(board), settings)
    assert planned.model is not None
    (folder / "model.tflite").write_bytes(planned.model.data)
    save_planned(planned, folder, None)
    assert saved_board(folder) == without_sizes(planned.target.board)
    assert record_of(load_planned(folder, None)) == record_of(planned)


@pytest.mark.parametrize("path", case_paths(), ids=lambda path: path.stem)
def test_plans_of_every_operator(path: Path, tmp_path: Path) -> None:
    for case in load_cases(path).cases[::7]:
        check_round_trip(case.graph, "nucleo_l4r5zi", api.Settings(), tmp_path)


@pytest.mark.parametrize("board", ["nucleo_h743zi2", "esp32s3", "mps3_an547", "nucleo_g0b1re"])
@pytest.mark.parametrize("optimize", ["speed", "ram", "size"])
def test_plans_for_every_kind_of_core_and_goal(board: str, optimize: str, tmp_path: Path) -> None:
    check_round_trip(small_network(), board, api.Settings(optimize), tmp_path)


def test_the_plan_of_an_interpreter(tmp_path: Path) -> None:
    settings = api.Settings(runtime="tflm", template="cmake_tflm")
    check_round_trip(small_network(), "nucleo_l4r5zi", settings, tmp_path)
