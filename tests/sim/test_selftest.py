"""tinyml build runs the image that it has linked, and keeps none whose outputs are wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.support.models.small_graphs import small_network
from tinyml import api
from tinyml.base.errors import BuildError, MismatchError, SimulationFault, ToolError
from tinyml.measure import flash
from tinyml.plan.values import Plan
from tinyml.project.pipeline import build_plan
from tinyml.project.selftest import check_graph, samples_for
from tinyml.values.image import IMAGE_FILE, load_image

pytestmark = pytest.mark.sim

BOARD = "nucleo_g0b1re"
ON_QEMU = pytest.param("mps3_an547", marks=pytest.mark.qemu)
OWN_MAIN = """\
#include "small.h"
#include "tml_port.h"

int main(void)
{
    tml_port_init();
    (void)NAME_init();
    for (;;) {
        NAME_input()[0] = 1;
        NAME_invoke();
        tml_port_write((uint8_t)NAME_output()[0]);
    }
}
"""


def right(board: str = BOARD) -> Plan:
    return api.plan(small_network(), api.load_board(board)).plan


def wrong(board: str = BOARD) -> Plan:
    """A plan whose image computes another model than was read: one bias differs."""
    made = right(board)
    graph = made.reference_graph
    tensors = list(graph.tensors)
    index = next(i for i, tensor in enumerate(tensors) if tensor.name == "conv/bias")
    data = tensors[index].data
    assert data is not None
    tensors[index] = replace(tensors[index], data=np.asarray(data + 40, np.int32))
    return replace(made, as_read=replace(graph, tensors=tuple(tensors)))


def built(made: Plan, folder: Path, **settings: bool) -> api.Built:
    return build_plan(made, api.load_board(made.board), api.Settings(directory=folder, **settings))


@pytest.mark.parametrize("board", [BOARD, "nucleo_l4r5zi", ON_QEMU])
def test_what_was_tested_is_in_report_and_image(tmp_path: Path, board: str) -> None:
    made = built(right(board), tmp_path)
    target = api.load_board(board).backends["simulator"]
    assert made.report.self_test == {"target": target, "samples": 8}
    document = json.loads((tmp_path / "report.json").read_text())
    assert document["self_test"] == {"target": target, "samples": 8}
    assert made.image is not None
    assert made.image.self_test is not None


@pytest.mark.parametrize("board", [BOARD, ON_QEMU])
def test_a_wrong_image_is_not_kept(tmp_path: Path, board: str) -> None:
    """Outputs of a miscompiled image were wrong, and 'build' ended with exit code 0."""
    with pytest.raises(MismatchError) as caught:
        built(wrong(board), tmp_path)
    assert caught.value.exit_code == 5
    message = str(caught.value)
    assert "the self-test failed on " in message
    assert "elements of output 'out' differ from the reference; the first is element " in message
    assert "--toolchain" in message
    assert "--no-self-test" in message
    assert not (tmp_path / IMAGE_FILE).exists()
    with pytest.raises(BuildError):
        flash.find_build(tmp_path, api.load_board(board))


def test_the_image_before_stays(tmp_path: Path) -> None:
    first = built(replace(right(), optimize="speed"), tmp_path)
    assert first.image is not None
    content = first.image.elf.read_bytes()
    changed = api.plan(small_network(), api.load_board(BOARD), api.Settings("size")).plan
    with pytest.raises(MismatchError):
        built(replace(changed, as_read=wrong().as_read), tmp_path)
    assert load_image(tmp_path / IMAGE_FILE) == first.image
    assert first.image.elf.read_bytes() == content


def test_an_untested_image_goes_when_it_fails(tmp_path: Path) -> None:
    assert built(wrong(), tmp_path, self_test=False).report.self_test is None
    assert (tmp_path / IMAGE_FILE).exists()
    with pytest.raises(MismatchError):
        built(wrong(), tmp_path)
    assert not (tmp_path / IMAGE_FILE).exists()
    with pytest.raises(MismatchError):
        built(wrong(), tmp_path)


def test_the_same_image_is_tested_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that cannot start now shows that the one before still counts."""
    first = built(right(), tmp_path)
    board = api.load_board(BOARD)
    blind = replace(board, backends={**board.backends, "simulator": "qemu"})
    monkeypatch.setenv("PATH", str(tmp_path))
    again = build_plan(right(), blind, api.Settings(directory=tmp_path))
    assert again.image == first.image
    with pytest.raises(ToolError):
        build_plan(right(), blind, api.Settings(directory=tmp_path / "new"))


@pytest.mark.parametrize("board", [BOARD, ON_QEMU])
def test_without_an_agent(tmp_path: Path, board: str) -> None:
    made = built(right(board), tmp_path, agent=False)
    assert made.report.self_test == {
        "target": api.load_board(board).backends["simulator"],
        "samples": 8,
    }
    with pytest.raises(MismatchError):
        built(wrong(board), tmp_path / "wrong", agent=False)


def own_main(folder: Path, change: Callable[[str], str] = str) -> None:
    """The user's main.c in the project of a build."""
    name = small_network().name
    text = OWN_MAIN.replace("small.h", f"{name}.h").replace("NAME", name)
    (folder / "project" / "main.c").write_text(change(text))


def test_an_application_that_has_no_agent_in_it(tmp_path: Path) -> None:
    built(right(), tmp_path)
    own_main(tmp_path)
    made = built(right(), tmp_path)
    assert made.image is not None
    assert f"{made.plan.graph.name}_model" not in {name for name, _, _ in made.image.symbols}
    assert made.report.self_test == {"target": "unicorn", "samples": 8}
    other = tmp_path / "other"
    built(wrong(), other, self_test=False)
    own_main(other)
    with pytest.raises(MismatchError):
        built(wrong(), other)


def test_an_application_that_leaves_the_model_out(tmp_path: Path) -> None:
    built(right(), tmp_path)
    name = small_network().name
    own_main(tmp_path, lambda text: text.replace(f"{name}_invoke();", ""))
    with pytest.raises(ToolError, match="does not run the model") as caught:
        built(right(), tmp_path)
    assert "--no-self-test" in str(caught.value.hint)
    assert built(right(), tmp_path, self_test=False).report.self_test is None


@pytest.mark.parametrize("board", [BOARD, ON_QEMU])
def test_an_image_that_faults(tmp_path: Path, board: str) -> None:
    built(right(board), tmp_path)
    place = tmp_path / "project" / "main.c"
    name = f"{right(board).graph.name}_reset"
    begin = "#ifdef TML_AGENT /* a host"
    text = place.read_text().replace(begin, f"    if (never) {name}();\n{begin}")
    crash = f"__attribute__((noinline)) void {name}(void) {{ __builtin_trap(); }}\n"
    place.write_text(f"static volatile int never;\nvoid {name}(void);\n{text}{crash}")
    with pytest.raises(SimulationFault, match="the self-test failed"):
        built(right(board), tmp_path)


def test_a_board_that_nothing_emulates(tmp_path: Path) -> None:
    made = built(right("esp32s3"), tmp_path, project_only=True)
    assert made.report.self_test == {"target": "reference", "samples": 8}
    with pytest.raises(MismatchError, match="on the simplified graph"):
        built(wrong("esp32s3"), tmp_path / "wrong", project_only=True)
    assert check_graph(replace(right("esp32s3"), as_read=None)) is None, "nothing to compare"


def test_qemu_that_is_missing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match="cannot be tested") as caught:
        built(right("mps3_an547"), tmp_path)
    assert "--no-self-test" in str(caught.value.hint)
    assert not (tmp_path / IMAGE_FILE).exists()


def test_samples_are_the_same_every_time_and_reach_the_ends() -> None:
    samples, again = (np.array(samples_for(right())) for _ in range(2))
    assert np.array_equal(samples, again)
    assert (samples.min(), samples.max()) == (-128, 127)
