"""All models of a folder: in parallel, and going on where an earlier run was interrupted."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import tinyml
from tinyml.base import resources
from tinyml.base.interrupts import Interrupts, Stopped, exit_code_of
from tinyml.conformance import tflm
from tinyml.conformance.batch import Settings, check_batch
from tinyml.conformance.cases import models_in
from tinyml.conformance.targets import TFLM, check_target
from tinyml.conformance.values import GOLDEN, READ, Result
from tinyml.ops import outside

FORMAT = 1
RESULTS = "results.jsonl"  # one line per result, in the order in which they come

Show = Callable[[str, int, int], None]  # what is done, how much of it, of how much


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run found."""

    folder: str
    targets: tuple[str, ...]
    results: tuple[Result, ...]  # by model, then by target

    @property
    def is_ok(self) -> bool:
        """Whether nothing was wrong and nothing ended in an error."""
        return not any(result.is_failed for result in self.results)

    def counts(self) -> dict[str, Counter[str]]:
        """How many results of each status each target has."""
        found: dict[str, Counter[str]] = {name: Counter() for name in self.targets}
        for result in self.results:
            found.setdefault(result.target, Counter())[result.status] += 1
        return found

    def to_json(self) -> dict[str, object]:
        """Plain data."""
        return {
            "format": FORMAT,
            "tinyml": tinyml.__version__,
            "folder": self.folder,
            "is_ok": self.is_ok,
            "counts": {name: dict(counts) for name, counts in self.counts().items()},
            "results": [result.to_json() for result in self.results],
        }


def conform(
    settings: Settings, *, jobs: int = 1, show: Show = lambda what, done, total: None
) -> Outcome:
    """Every model of the folder on every target.

    Results are kept in ``settings.work`` as they come; what is there already for the same model,
    the same settings and the same tinyml is not done again. Raises TinymlError when the folder has
    no models or a target cannot run here at all.
    """
    paths = models_in(settings.folder, without=settings.work)
    for name in settings.targets:
        if name == TFLM:
            tflm.require_tflm()
        check_target(name)
    settings.work.mkdir(parents=True, exist_ok=True)
    key, held = _key(settings), settings.work / RESULTS
    known = {(r.model, r.sha256, r.target): r for r in _read(held, key)}
    digests = {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}
    names = {path: str(path.relative_to(settings.folder)) for path in paths}

    def is_done(path: Path) -> bool:
        own = (names[path], digests[path])
        return (*own, READ) in known or all((*own, name) in known for name in settings.targets)

    todo = [path for path in paths if not is_done(path)]
    with held.open("a", encoding="utf-8") as log:
        log.write("\n" if held.stat().st_size else "")  # behind a line that was cut off
        for done, results in _results(todo, settings, jobs):
            for result in results:
                known[result.model, result.sha256, result.target] = result
                log.write(json.dumps({"key": key, **result.to_json()}) + "\n")
            log.flush()
            show("models", len(paths) - len(todo) + done, len(paths))
    columns = (READ, GOLDEN, *settings.targets)
    found = (known.get((names[p], digests[p], target)) for p in paths for target in columns)
    return Outcome(str(settings.folder), settings.targets, tuple(r for r in found if r))


def _results(
    paths: Sequence[Path], settings: Settings, jobs: int
) -> Iterator[tuple[int, tuple[Result, ...]]]:
    """The results of batches as they are ready, with how many models are done."""
    size = max(1, settings.batch)
    batches = [tuple(paths[i : i + size]) for i in range(0, len(paths), size)]
    done = 0
    if jobs == 1:
        for batch in batches:
            done += len(batch)
            yield done, check_batch(batch, settings, settings.work / "build-0")
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, _ignore_interrupt) as pool:
        work = partial(_in_worker, settings=settings)
        futures = {pool.submit(work, batch): len(batch) for batch in batches}
        try:
            for future in as_completed(futures):
                done += futures[future]
                yield done, future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()  # it ends the programs that it has started
            raise


def _in_worker(paths: Sequence[Path], settings: Settings) -> tuple[Result, ...]:
    """A batch; SIGTERM ends it and the programs that it has started."""
    number = multiprocessing.current_process().pid
    Interrupts().raise_stopped()
    try:
        return check_batch(paths, settings, settings.work / f"build-{number}")
    except Stopped as stop:
        os._exit(exit_code_of(stop.number))  # all is cleaned up; the parent says why
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _ignore_interrupt() -> None:
    """Ctrl-C is for the parent, which ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _key(settings: Settings) -> str:
    """What a result depends on besides its model: settings, and all files of tinyml."""
    told = (settings.samples, settings.batch, settings.optimize)
    digest = hashlib.sha256(repr(told).encode())
    package = Path(tinyml.__file__).parent
    others = (Path(module.__file__).parent for module in outside.modules() if module.__file__)
    for folder in (package, resources.path("boards"), *outside.firmware_folders(), *others):
        for path in sorted(item for item in folder.rglob("*") if item.is_file()):
            if path.suffix != ".pyc":
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _read(path: Path, key: str) -> Iterator[Result]:
    """The results of earlier runs with the same key; a line that was cut off counts as none."""
    if not path.is_file():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            data = json.loads(line)
            if data.pop("key") == key:
                yield Result(**data)
        except (ValueError, KeyError, TypeError):
            continue
