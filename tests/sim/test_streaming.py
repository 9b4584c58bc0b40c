"""A streaming model on a board: state goes from sample to sample, whatever happens on the line."""

from __future__ import annotations

import numpy as np
import pytest

from tests.sim.test_bad_line import SpoiltLink
from tests.support.models.rings import streaming
from tests.support.running.executors import assert_equal
from tests.support.running.served import patched
from tinyml import api
from tinyml.base.elf import read_elf
from tinyml.base.errors import MismatchError
from tinyml.device.agent import AgentClient
from tinyml.device.profile import sequence_outputs
from tinyml.measure import onboard
from tinyml.model.writer import write
from tinyml.ops.reference import sequence
from tinyml.simulate.machine import Machine
from tinyml.target.boards import load_board

pytestmark = pytest.mark.sim

BOARD = "nucleo_l4r5zi"
SPOILT = (40, 137, 300, 411, 590, 777)  # bytes of a session


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> api.Built:
    folder = tmp_path_factory.mktemp("streaming")
    model = folder / "small.tflite"
    model.write_bytes(write(streaming()))
    return api.build(model, load_board(BOARD), api.Settings(directory=folder / "build"))


def feed(built: api.Built, count: int = 6) -> list[tuple[np.ndarray, ...]]:  # type: ignore[type-arg]
    return list(api.samples_of(built.plan.graph, None, count).inputs)


def shaped(built: api.Built, rows):  # type: ignore[no-untyped-def]
    graph = built.plan.graph
    shapes = [graph.tensors[i].shape for i in graph.outputs]
    return [
        tuple(value.reshape(shape) for value, shape in zip(row, shapes, strict=True))
        for row in rows
    ]


def test_samples_are_one_sequence(built: api.Built) -> None:
    graph, samples = built.plan.graph, feed(built)
    run = api.simulate(built, samples)
    assert_equal(graph, sequence(graph, samples), run.outputs)
    assert_equal(graph, sequence(graph, samples[1:]), api.simulate(built, samples[1:]).outputs)


@pytest.mark.parametrize("direction", ["down", "up"])
def test_a_spoilt_line_does_not_move_the_state(built: api.Built, direction: str) -> None:
    """A command that is sent again must not let the model see a sample twice."""
    samples = feed(built)
    expected = sequence(built.plan.graph, samples)
    for position in SPOILT:
        link = SpoiltLink(Machine(read_elf(built.linked().elf), built.board))
        client = AgentClient(link)
        client.identify()
        link.spoil("flip", direction, position)
        found = shaped(built, sequence_outputs(client, samples))
        assert_equal(built.plan.graph, expected, found)


def test_a_broken_kernel_is_found_behind_other_samples(built: api.Built) -> None:
    names = {name: address for name, address, _ in built.linked().symbols}
    step = next(n for n, step in enumerate(built.plan.steps) if step.call and step.call.constants)
    address = next(where for name, where in names.items() if name.startswith(f"small_l{step}_"))
    broken = patched(read_elf(built.linked().elf), address, 64)
    client = AgentClient(SpoiltLink(Machine(broken, built.board)))
    with pytest.raises(MismatchError) as caught:
        onboard.verify_build(built, client, api.samples_of(built.plan.graph, None, 8))
    assert f"the first layer that differs is layer {step}, CONV_2D" in str(caught.value)


def test_verify_and_profile_go_through_the_samples_in_order(built: api.Built) -> None:
    samples = api.samples_of(built.plan.graph, None, 5)
    client = AgentClient(SpoiltLink(Machine(read_elf(built.linked().elf), built.board)))
    found = onboard.verify_build(built, client, samples)
    assert (found.samples, found.elements) == (5, 20)
    measured = onboard.profile_build(built, client, samples, runs=8, warmup=2)
    run = measured.report.run
    assert run is not None
    assert run["equal_to_reference"] == 5
