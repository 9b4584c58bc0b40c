"""A real firmware behind a line that spoils one byte: the right result, however it was spoilt.

Every byte in turn is tests/unit/test_agent_lines.py, against a firmware in Python. Here the
agent's own C code is at the other end, and the bytes are samples of a session.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tinyml import api
from tinyml.base.elf import read_elf
from tinyml.device.agent import AgentClient
from tinyml.device.profile import load, read_outputs
from tinyml.ops.reference import outputs
from tinyml.simulate.link import MemoryLink
from tinyml.simulate.machine import Machine
from tinyml.target.boards import load_board

pytestmark = pytest.mark.sim

DIGITS = Path(__file__).parents[2] / "examples" / "digits" / "digits.tflite"
BOARD = "nucleo_l4r5zi"
STRIDE = 7  # every so many bytes


class SpoiltLink(MemoryLink):
    """Spoils one byte, counted from the start of a session, on its way down or up."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(machine)
        self.kind, self.position = "none", {"down": -1, "up": -1}
        self.seen = {"down": 0, "up": 0}

    def spoil(self, kind: str, direction: str, position: int) -> None:
        self.kind, self.position = kind, {"down": -1, "up": -1, direction: position}
        self.seen = {"down": 0, "up": 0}

    def write(self, data: bytes) -> None:
        super().write(self._spoilt(data, "down"))

    def read(self, timeout_s: float) -> bytes:
        return self._spoilt(super().read(timeout_s), "up")

    def _spoilt(self, data: bytes, direction: str) -> bytes:
        at = self.position[direction] - self.seen[direction]
        self.seen[direction] += len(data)
        if not 0 <= at < len(data):
            return data
        byte = data[at : at + 1]
        middle = {"drop": b"", "repeat": byte + byte, "flip": bytes([byte[0] ^ 0x10])}
        return data[:at] + middle[self.kind] + data[at + 1 :]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> api.Built:
    folder = tmp_path_factory.mktemp("line")
    return api.build(DIGITS, load_board(BOARD), api.Settings(directory=folder))


def session(link: MemoryLink, samples) -> tuple[object, ...]:
    client = AgentClient(link, reply_timeout_s=0.01, work_timeout_s=0.1)
    identity = client.identify()
    load(client, samples.inputs[0])
    client.infer()
    return (
        identity.sha256,
        read_outputs(client, identity)[0].tolist(),
        client.layer_cycles(),
        client.memory().arena_bytes,
    )


@pytest.mark.parametrize("kind", ["drop", "repeat", "flip"])
@pytest.mark.parametrize("direction", ["down", "up"])
def test_one_spoilt_byte_is_made_good(built: api.Built, kind: str, direction: str) -> None:
    machine = Machine(read_elf(built.linked().elf), load_board(BOARD))
    machine.counter.ignore_memory()  # nobody asks for its time
    link = SpoiltLink(machine)
    samples = api.samples_of(built.plan.graph, None, 1)
    good = session(link, samples)
    assert good[1] == outputs(built.plan.graph, samples.inputs[0])[0].ravel().tolist()
    link.spoil("none", direction, -1)
    session(link, samples)
    length = link.seen[direction]
    for position in range(0, length, STRIDE):
        link.spoil(kind, direction, position)
        assert session(link, samples) == good, f"{kind} of byte {position}"
