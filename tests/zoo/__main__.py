"""``python -m tests.zoo``: every model of the zoo, and a table of what became of it."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from pathlib import Path

from tests.support.running.warm import warm_python
from tests.zoo.catalogue import (
    FRAMEWORKS,
    PACKAGES,
    missing,
    names,
    operators,
    share,
    tried,
)
from tests.zoo.run import BAD, EQUAL, Outcome


def main(arguments: Sequence[str]) -> int:
    """Prints the table; returns whether a row went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.zoo", description=__doc__)
    parser.add_argument("patterns", nargs="*", help="rows, as onnx.gelu* (default: all)")
    parser.add_argument("--parts", type=int, default=1, help="runs one of so many parts")
    parser.add_argument("--seed", type=int, default=0, help="which of them")
    parser.add_argument("--quantization", choices=("int8", "int16x8"), default="int8")
    parser.add_argument("--operators", action="store_true", help="only lists ONNX's, for the docs")
    asked = parser.parse_args(arguments)
    if asked.operators:
        print("\n\n".join(operators()))
        return 0
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tinyml-zoo-") as held:
        part = (asked.parts, asked.seed)
        found = list(_told(run(Path(held), asked.patterns, part, asked.quantization)))
    print(summary(found), f"{time.monotonic() - begun:.0f} s", flush=True)
    return int(any(outcome.result in BAD for outcome in found))


def run(
    folder: Path, patterns: Sequence[str], part: tuple[int, int], quantization: str
) -> Iterator[Outcome]:
    """The outcomes of all rows that are asked for, source by source."""

    def python(source: str) -> Path:
        if source not in FRAMEWORKS:
            return Path(sys.executable)
        return warm_python(folder, os.getpid(), source, FRAMEWORKS[source])

    for source in PACKAGES:
        if patterns and not any(fnmatch(source, p.split(".")[0]) for p in patterns):
            continue  # its framework need not be imported
        lacking = missing(source)
        if lacking:
            print(f"{source}: left out, without {', '.join(lacking)}", flush=True)
            continue
        wanted = [
            name
            for name in share(names(source, python), *part)
            if not patterns or any(fnmatch(f"{source}.{name}", p) for p in patterns)
        ]
        place = folder / source
        place.mkdir()
        yield from tried((source, wanted), place, python, quantization)


def _told(found: Iterator[Outcome]) -> Iterator[Outcome]:
    for outcome in found:
        print(line(outcome), flush=True)
        yield outcome


def line(outcome: Outcome) -> str:
    """A row of the table."""
    near = ["" if db is None else f"{db:.0f}" for db in (outcome.import_db, outcome.integer_db)]
    cells = (
        f"{outcome.name:34} {outcome.result:10} {near[0]:>4} {near[1]:>4} {outcome.seconds:5.1f}"
    )
    return f"{cells}  {outcome.reason}".rstrip()


def summary(found: Sequence[Outcome]) -> str:
    """How many rows of each kind, and the share that was built and is equal."""
    counts = Counter(outcome.result for outcome in found)
    tried = sum(count for result, count in counts.items() if result != "no export")
    listed = ", ".join(f"{count} {result}" for result, count in counts.most_common())
    return f"{tried} models: {listed}; {100 * counts[EQUAL] / max(tried, 1):.0f} % equal"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
