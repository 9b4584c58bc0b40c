"""Random commands for the agent in C under sanitizers: ``python -m tests.fuzz.commands``.

Commands are valid ones, valid ones with damage, and noise; in sessions and without. What must hold:
the sanitizers find nothing, every ``%`` is answered with ``m-ready``, and whatever carries a
checksum agrees with it.
"""

from __future__ import annotations

import random
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from tests.support.running.agent_c import compile_agent
from tinyml.device import frames

CHUNK = 10_000  # commands of one run of the program
LONGEST_S = 300  # that one may take
NUMBERS = (0, 1, 2, 3, 4, 5, 39, 40, 41, 63, 80, 255, 2**31, 2**32 - 1, 2**32, 10**20, -1)
FORMS = (
    *("name", "profile", "timestamp", "results", "help", "id", "layers", "cycles", "mem", "boot"),
    *("db load N", "db load 40", "db load 4", "db H", "db H", "db H", "db print", "db crc"),
    *("db select N", "db select 0", "db select 1", "infer R R", "infer R", "infer N N"),
    *("tensor in N", "tensor out N", "tensor layer N", "out N", "layer N", "layer 0"),
    *("baud N", "reset", "session", "", "[", "db", "tensor", "db load"),
)
BENCHMARK = ("-DTML_AGENT_BENCHMARK=1", "-DTML_TASK_PIXELS=1", '-DTML_AGENT_MODEL_ID="vww01"')


@dataclass(slots=True)
class Findings:
    """What the runs gave."""

    commands: int = 0
    replies: Counter[str] = field(default_factory=Counter)  # by how their lines begin
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        shown = ", ".join(f"{count:,} {name}" for name, count in self.replies.most_common(8))
        return f"{self.commands:,} commands, {len(self.faults)} findings; lines: {shown}"


def commands(dice: random.Random, count: int) -> Iterator[bytes]:
    """Commands with their ends; no other ``%`` is among them."""
    session = 0
    for number in range(count):
        if dice.random() < 0.02:
            session = dice.randrange(1, 0x10000)
            yield frames.in_session(session, number % 256, b"session")
            continue
        text = _text(dice)
        if dice.random() < 0.5 and len(text) <= 65:
            named = session if dice.random() < 0.95 else dice.randrange(0x10000)
            text = frames.in_session(named, number % 256, text.encode()).decode().rstrip("%")
        data = bytearray(text.encode())
        if dice.random() < 0.2:
            for _ in range(dice.randrange(1, 4)):
                _damage(dice, data)
        yield bytes(data).replace(b"%", b"&") + b"%"


def _text(dice: random.Random) -> str:
    def fill(match: re.Match[str]) -> str:
        if match[0] == "H":
            return dice.randbytes(dice.choice((1, 4, 9, 31, 31, 40))).hex()
        if match[0] == "R":
            return str(dice.randrange(4))
        return str(dice.choice(NUMBERS))

    return re.sub(r"\b[NHR]\b", fill, dice.choice(FORMS))


def _damage(dice: random.Random, data: bytearray) -> None:
    at = dice.randrange(len(data) + 1)
    match dice.randrange(6):
        case 0:
            del data[at : at + dice.randrange(1, 4)]
        case 1:
            data[at:at] = dice.randbytes(dice.randrange(1, 8))
        case 2:
            data[at : at + 1] = bytes([dice.randrange(256)])
        case 3:
            data[at:at] = data[at : at + dice.randrange(1, 30)]
        case 4:
            data[at:at] = b"\x18"
        case _:
            data[at:at] = bytes([dice.randrange(32, 127)]) * dice.randrange(1, 200)


def check(sent: int, said: bytes, findings: Findings) -> None:
    """Adds what is wrong with the answers to so many commands."""
    lines = said.decode("latin-1").split("\r\n")
    reply: list[str] = []
    ready = 0
    for line in lines:
        findings.replies[re.split(r"[\[ %]", line)[0].rstrip("-0123456789ABCDEF")] += bool(line)
        if line == frames.READY:
            ready += 1
            reply.clear()
            continue
        done = frames.done(line)
        if done is not None and done.crc != frames.lines_crc(reply):
            findings.faults.append(f"the reply does not agree with '{line}'")
        if line.startswith("m-") and "]-" in line:
            try:
                frames.fields([line], "x")
            except frames.DamagedReply as error:
                findings.faults.append(str(error))
        if not line.startswith("("):  # what the program says of its baud rate
            reply.append(line)
    if ready != sent + 1:
        findings.faults.append(f"{ready - 1} replies to {sent} commands")


def run(count: int, seed: int, folder: Path) -> Findings:
    """Feeds so many commands; a quarter of them to the agent for the benchmark's runner."""
    programs = [compile_agent(folder)] * 3
    programs.append(compile_agent(folder, flags=BENCHMARK))
    findings = Findings()
    for place, start in enumerate(range(0, count, CHUNK)):
        dice = random.Random(f"{seed} {place}")
        sent = list(commands(dice, min(CHUNK, count - start)))
        try:
            done = subprocess.run(
                [programs[place % 4]],
                input=b"".join(sent),
                capture_output=True,
                check=False,
                timeout=LONGEST_S,
            )
        except subprocess.TimeoutExpired:
            findings.faults.append(f"chunk {place}: does not end")
            continue
        if done.returncode or done.stderr:
            findings.faults.append(f"chunk {place}: {done.stderr.decode()[:2000]}")
        check(len(sent), done.stdout, findings)
        findings.commands += len(sent)
    return findings


@click.command()
@click.option("--commands", "count", default=1_000_000, show_default=True)
@click.option("--seed", default=1, show_default=True)
def main(count: int, seed: int) -> None:
    """Feeds random commands to the agent; exits with 1 when something is found."""
    with tempfile.TemporaryDirectory(prefix="tinyml-fuzz-") as folder:
        findings = run(count, seed, Path(folder))
    click.echo(f"seed {seed}: {findings}")
    for fault in findings.faults[:10]:
        click.echo(fault)
    raise SystemExit(bool(findings.faults))


if __name__ == "__main__":
    main()
