"""Damages models and looks at what becomes of them: ``python -m tests.fuzz --models 40000``.

Works in chunks, several at a time, each in a process of its own with a limit of memory and time. A
number that is found wrong can be looked at alone: ``--first NUMBER --models 1 --alone``.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.fuzz.bases import bases
from tests.fuzz.check import findings
from tests.fuzz.mutate import mutated

CHUNK = 500
LONGEST_S = 3600  # of a chunk: a hang that not even an alarm ends
ADDRESSES = 3 << 30  # bytes that a process may ask for: what asks for more gets MemoryError


def chunk(seed: int, first: int, count: int) -> list[str]:
    """What a process of its own finds in some models, one line each."""
    words = ["--alone", "--seed", str(seed), "--first", str(first), "--models", str(count)]
    command = [sys.executable, "-m", "tests.fuzz", *words]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        return [f"{first} chunk: took more than {LONGEST_S} s"]
    if ran.returncode not in (0, 1):
        last = ran.stderr.strip().splitlines()[-1:]
        return [f"{first} chunk: ended with {ran.returncode} {last}"]
    return ran.stdout.splitlines()


def alone(seed: int, first: int, count: int) -> list[str]:
    """The same in this process, whose memory it limits."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
    models = bases()
    return [
        f"{found.number} {found.stage}: {found.what}"
        for number in range(first, first + count)
        for found in findings(mutated(models, seed, number), number)
    ]


def together(given: argparse.Namespace) -> list[str]:
    """All chunks, several at a time; standard error says how far it is."""
    wrong: list[str] = []
    last = given.first + given.models
    with ThreadPoolExecutor(given.jobs) as pool:
        chunks = [
            pool.submit(chunk, given.seed, start, min(CHUNK, last - start))
            for start in range(given.first, last, CHUNK)
        ]
        for done, finished in enumerate(as_completed(chunks), 1):
            found = finished.result()
            wrong += found
            print("".join(f"{line}\n" for line in found), end="", flush=True)
            print(f"{done} of {len(chunks)} chunks, {len(wrong)} wrong", file=sys.stderr)
    return wrong


def main() -> int:
    """Prints what is found as it is found; 1 when it is anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--models", type=int, default=2000, help="how many to try")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--alone", action="store_true", help="in this process")
    parser.add_argument("--keep", type=Path, help="folder for the models that are found wrong")
    given = parser.parse_args()
    numbers = (given.seed, given.first, given.models)
    if given.alone:
        wrong = alone(*numbers)
        print("".join(f"{line}\n" for line in wrong), end="")
    else:
        wrong = together(given)
    if given.keep and wrong:
        given.keep.mkdir(parents=True, exist_ok=True)
        models = bases()
        for number in {int(line.split()[0]) for line in wrong}:
            path = given.keep / f"{given.seed}-{number}.tflite"
            path.write_bytes(mutated(models, given.seed, number))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
