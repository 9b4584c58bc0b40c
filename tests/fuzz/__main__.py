"""Damages models and looks at what becomes of them: ``python -m tests.fuzz --models 40000``.

Runs in chunks, several at a time, each in a process with a limit of memory; a number that is found
wrong can be looked at alone: ``--first NUMBER --models 1 --keep FOLDER``.
"""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from tests.fuzz.bases import bases
from tests.fuzz.check import Finding, chunk
from tests.fuzz.mutate import mutated

CHUNK = 500


def main() -> int:
    """Prints what was found; 1 when it is anything."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--models", type=int, default=2000, help="how many to try")
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    parser.add_argument("--keep", type=Path, help="folder for the models that are found wrong")
    given = parser.parse_args()
    last = given.first + given.models
    starts = range(given.first, last, CHUNK)
    wrong: list[Finding] = []
    with ProcessPoolExecutor(given.jobs, max_tasks_per_child=1) as pool:
        chunks = {
            pool.submit(chunk, given.seed, start, min(CHUNK, last - start)): start
            for start in starts
        }
        for done, finished in enumerate(as_completed(chunks), 1):
            try:
                wrong += finished.result()
            except BrokenProcessPool:
                wrong.append(Finding(chunks[finished], "", "a process of this chunk died"))
            print(f"\r{done} of {len(chunks)} chunks, {len(wrong)} wrong", end="", file=sys.stderr)
    print(file=sys.stderr)
    models = bases() if given.keep else []
    for item in sorted(wrong, key=lambda item: item.number):
        print(f"{item.number} {item.stage}: {item.what}")
        if given.keep:
            given.keep.mkdir(parents=True, exist_ok=True)
            data = mutated(models, given.seed, item.number)
            (given.keep / f"{given.seed}-{item.number}.tflite").write_bytes(data)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
