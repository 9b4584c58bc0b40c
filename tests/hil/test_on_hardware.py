"""The whole way on a real board: pytest tests/hil --board NAME --port PORT [--flasher NAME].

With ``--flasher none`` the board must run the firmware of the digits model already.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tinyml import api
from tinyml.device.agent import AgentClient
from tinyml.device.profile import load
from tinyml.evaluate.samples import Samples
from tinyml.measure import flash, onboard
from tinyml.ops.reference import run as reference
from tinyml.target.board import Board
from tinyml.target.boards import load_board

pytestmark = pytest.mark.hil

DIGITS = Path(__file__).parents[2] / "examples" / "digits"
SAMPLES = 20


@pytest.fixture(scope="module")
def board(request: pytest.FixtureRequest) -> Board:
    return load_board(request.config.getoption("--board"))


@pytest.fixture(scope="module")
def port(request: pytest.FixtureRequest) -> str:
    return str(request.config.getoption("--port"))


@pytest.fixture(scope="module")
def built(board: Board, tmp_path_factory: pytest.TempPathFactory) -> api.Built:
    settings = api.Settings(directory=tmp_path_factory.mktemp("hil"))
    return api.build(DIGITS / "digits.tflite", board, settings)


@pytest.fixture(scope="module")
def feed(built: api.Built) -> Samples:
    return api.samples_of(built.plan.graph, DIGITS / "test.npz", SAMPLES)


@pytest.fixture(scope="module")
def client(request: pytest.FixtureRequest, built: api.Built, board: Board, port: str):
    """Of the board, once it has this firmware."""
    flasher = request.config.getoption("--flasher")
    if flasher != "none":
        ready = flash.prepare(built.linked(), board, port=port, flasher=flasher)
        print(f"\n{ready.flasher.name} erases {ready.erases}")
        print(flash.flash(ready, lambda *_: None))
    connected = onboard.connect_build(built, port)
    yield connected
    connected.close()


def test_every_output_equals_the_reference(
    built: api.Built, client: AgentClient, feed: Samples
) -> None:
    found = onboard.verify_build(built, client, feed)
    assert found.samples == SAMPLES
    assert found.accuracy is not None
    assert found.accuracy > 0.7


def test_every_layer_equals_the_reference(
    built: api.Built, client: AgentClient, feed: Samples
) -> None:
    values = reference(built.plan.graph, feed.inputs[0])
    for index, step in enumerate(built.plan.steps):
        if step.call is None:
            continue
        wanted = values[built.plan.graph.ops[step.ops[-1]].outputs[0]]
        assert wanted is not None
        load(client, feed.inputs[0])
        found = np.frombuffer(client.layer_output(index), wanted.dtype)
        assert np.array_equal(found, wanted.ravel()), f"layer {index}"


def test_times_and_memory_are_plausible(
    built: api.Built, board: Board, client: AgentClient, feed: Samples
) -> None:
    measured = onboard.profile_build(built, client, feed, runs=50, warmup=5)
    run = measured.report.run
    assert run is not None
    assert 0 < run["spread"]["min"] <= run["spread"]["median"] <= run["spread"]["max"]
    assert run["arena_bytes"] == sum(dict(built.plan.arena_bytes).values())
    assert 0 < run["stack_bytes"] < board.stack_bytes
    print(f"\n{run['time_us']:,.1f} us; {run['total']['cycles']:,} cycles, predicted", end=" ")
    print(f"{run['predicted']['total']:,}; clock {run.get('clock_drift_ppm')} ppm off")


def test_the_board_can_be_started_anew(
    built: api.Built, client: AgentClient, feed: Samples
) -> None:
    load(client, feed.inputs[0])
    client.infer()
    before = client.output(0)
    client.restart()
    load(client, feed.inputs[0])
    client.infer()
    assert client.output(0) == before
