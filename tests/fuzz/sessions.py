"""Disturbed sessions of the client with the agent in C: ``python -m tests.fuzz.sessions``.

The line drops, repeats, changes, cuts and holds back bytes in both directions and carries other
output as well; the board is reset at any moment. Each session gives what an undisturbed one gives,
or a TinymlError: never another figure.
"""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from tests.support.running.agent_c import AgentBoard, compile_agent
from tinyml.base.errors import TinymlError
from tinyml.device.agent import AgentClient
from tinyml.device.profile import load, measure, profile
from tinyml.values.run import Run

RATES = (0.0, 1e-4, 1e-3, 3e-3, 1e-2)  # of disturbed bytes
RESETS = (0.0, 0.0, 1e-3, 1e-2)  # of writes
OTHER = b"I (2817) main: hello\r\n"
HOST_KEYS = ("clock_drift_ppm", "clock_uncertainty_ppm", "is_clock_plausible")  # of this computer


class BadLine(AgentBoard):
    """A board behind a line that disturbs what passes; counts what it has done."""

    def __init__(self, library: Path, dice: random.Random) -> None:
        self._dice = dice
        self.rate = self.resets = 0.0
        self.done: Counter[str] = Counter()
        self._held = b""
        super().__init__(library)

    def write(self, data: bytes) -> None:
        """Sends, or resets the board in the middle."""
        if self._dice.random() < self.resets:
            self.done["reset"] += 1
            super().write(data[: self._dice.randrange(len(data) + 1)])
            self._held += super().read(0)
            self.boot()
            return
        super().write(self._disturbed(data))

    def read(self, timeout_s: float) -> bytes:
        """Takes what has come, or nothing when it comes too late."""
        data = self._held + self._disturbed(super().read(timeout_s))
        is_late = self._dice.random() < 10 * self.rate and len(data) > 1
        cut = self._dice.randrange(len(data)) if is_late else len(data)
        self.done["late"] += is_late
        self._held = data[cut:]
        return data[:cut]

    def _disturbed(self, data: bytes) -> bytes:
        passed = bytearray()
        for place, byte in enumerate(data):
            if self._dice.random() >= self.rate:
                passed.append(byte)
                continue
            kind = self._dice.choice(("drop", "repeat", "change", "change", "flip", "cut", "other"))
            self.done[kind] += 1
            match kind:
                case "repeat":
                    passed += bytes([byte, byte])
                case "change":
                    passed.append(self._dice.randrange(256))
                case "flip":
                    passed.append(byte ^ 1 << self._dice.randrange(8))
                case "cut":
                    return bytes(passed)
                case "other":
                    passed += OTHER + data[place : place + 1]
        return bytes(passed)


@dataclass(slots=True)
class Outcome:
    """What the sessions gave."""

    right: int = 0
    errors: Counter[str] = field(default_factory=Counter)  # by what they say
    wrong: list[str] = field(default_factory=list)
    disturbed: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        count = self.right + self.errors.total() + len(self.wrong)
        done = ", ".join(f"{number:,} {kind}" for kind, number in sorted(self.disturbed.items()))
        return (
            f"{count:,} sessions: {self.right:,} right, {self.errors.total():,} errors, "
            f"{len(self.wrong)} wrong; disturbed: {done}"
        )


def session(link: AgentBoard, seed: int) -> tuple[Any, ...]:
    """All that a session may find out, with samples that depend on the seed."""
    made = np.random.default_rng(seed)
    samples = [
        (made.integers(-128, 128, 40, np.int8), made.integers(0, 256, 4, np.uint8))
        for _ in range(2)
    ]
    client = AgentClient(link)
    measured = measure(client, "board", samples, runs=4, warmup=1)
    timed = profile(client, "board", samples, runs=3, warmup=2)
    load(client, samples[0])
    layers = client.layer_output(0), client.layer_output(2)
    found = (_figures(measured), _figures(timed), layers, client.results(), client.memory())
    client.close()
    return found


def _figures(run: Run) -> tuple[Any, ...]:
    details = {key: value for key, value in run.details.items() if key not in HOST_KEYS}
    outputs = [[array.tolist() for array in arrays] for arrays in run.outputs]
    return outputs, run.layers, run.total, run.stack_bytes, run.clock_hz, details


def run(count: int, seed: int, folder: Path) -> Outcome:
    """So many sessions, each on a board that has just been switched on."""
    library = compile_agent(folder, "library.c")
    outcome = Outcome()
    for number in range(count):
        good = session(AgentBoard(library), number)
        line = BadLine(library, random.Random(f"{seed} {number}"))
        line.rate, line.resets = RATES[number % 5], RESETS[number // 5 % 4]
        try:
            found = session(line, number)
        except TinymlError as error:
            outcome.errors[error.message.split(": ")[1]] += 1
        else:
            if repr(found) == repr(good):
                outcome.right += 1
            else:
                outcome.wrong.append(f"session {number}: {found} instead of {good}")
        outcome.disturbed += line.done
    return outcome


@click.command()
@click.option("--sessions", "count", default=500, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(count: int, seed: int) -> None:
    """Runs disturbed sessions; exits with 1 when one gave a wrong figure."""
    with tempfile.TemporaryDirectory(prefix="tinyml-fuzz-") as folder:
        outcome = run(count, seed, Path(folder))
    click.echo(f"seed {seed}: {outcome}")
    for message, number in outcome.errors.most_common(12):
        click.echo(f"{number:6,}  {message}")
    for text in outcome.wrong[:5]:
        click.echo(text)
    raise SystemExit(bool(outcome.wrong))


if __name__ == "__main__":
    main()
