"""A session of the agent's client with a device in memory, and what it must give."""

from __future__ import annotations

from dataclasses import replace

from tests.support.running.fake_agent import FakeAgent
from tinyml.device.agent import AgentClient
from tinyml.device.values import Identity, MemoryUse

DATA = bytes([0, 1, 2, 3, 250, 251, 254, 255])
PLUS_ONE = bytes(value + 1 & 0xFF for value in DATA)
IDENTITY = Identity("plus", "0123456789ab", 1, 1, 1, 2, 80_000_000, 64, "0f1e2d3c4b5a")
GOOD = (
    IDENTITY,
    (1000, 1001),
    PLUS_ONE,
    MemoryUse(64, 1024, 300),
    DATA,
)
UNMARKED = (replace(IDENTITY, fingerprint=""), *GOOD[1:])  # firmware that knows no fingerprint


def client_of(link: FakeAgent) -> AgentClient:
    return AgentClient(link, reply_timeout_s=0, work_timeout_s=0)


def client_that_ran(link: FakeAgent) -> AgentClient:
    client = client_of(link)
    client.load_input(0, DATA)
    client.infer()
    return client


def session_of(client: AgentClient) -> tuple[object, ...]:
    client.load_input(0, DATA)
    client.infer(2, 1)
    results = client.identify(), client.layer_cycles(), client.output(0), client.memory()
    client.load_input(0, DATA)
    return *results, client.layer_output(0)
