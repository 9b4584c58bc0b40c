"""A build and the board that runs it: opened from disk, profiled, verified, all in its report."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from tinyml.base.elf import read_elf
from tinyml.base.errors import InternalError, MismatchError, TinymlError
from tinyml.base.files import near, write_atomic
from tinyml.device.agent import AgentClient
from tinyml.device.connect import Expected, connect
from tinyml.device.profile import Show, load, measure, profile, read_outputs
from tinyml.evaluate.caveats import SAME
from tinyml.evaluate.samples import Samples, check_samples
from tinyml.evaluate.verification import (
    Verification,
    is_constant,
    reference_of,
    score_details,
    tally,
)
from tinyml.ir.graph import Array
from tinyml.measure.bisect import difference, find_culprit
from tinyml.model.support import has_reference
from tinyml.ops.reference import expected
from tinyml.plan.timing import check_countable
from tinyml.plan.values import Plan
from tinyml.project.built import Built
from tinyml.report.assemble import report
from tinyml.report.origin import tool_versions
from tinyml.report.page import write_report
from tinyml.simulate.addresses import Addresses
from tinyml.simulate.link import MemoryLink
from tinyml.target.board import Board
from tinyml.values.run import Run

RUN_FILE = "run.json"
RUN_FORMAT = 1


def quiet(what: str, done: int, total: int) -> None:
    """Shows nothing."""


@contextmanager
def connected(built: Built, port: str | None, baud: int | None = None) -> Iterator[AgentClient]:
    """connect_build() until the end of the block."""
    client = connect_build(built, port, baud=baud)
    try:
        yield client
    finally:
        client.close()


def connect_build(built: Built, port: str | None, *, baud: int | None = None) -> AgentClient:
    """A client of the board that runs this build; DeviceError when it runs something else."""
    addresses = Addresses(built.linked().elf)
    return connect(port, built.board, expected_of(built), baud=baud, explain=addresses.explain)


def expected_of(built: Built) -> Expected:
    """What the firmware of a build says of itself."""
    graph = built.plan.graph
    return Expected(
        model=graph.name,
        sha256=graph.source.sha256,
        layers=len(built.plan.steps),
        abi=built.planned.abi,
        build=str(near(built.directory)),
        arena_bytes=sum(nbytes for _, nbytes in built.plan.arena_bytes),
        fingerprint=built.planned.fingerprint,
    )


# Six parameters: what a user may say of a measurement, by name.
def profile_build(
    built: Built,
    client: AgentClient,
    samples: Samples,
    *,
    runs: int = 100,
    warmup: int = 5,
    show: Show = quiet,
) -> Built:
    """Measures on the board and completes the report; writes run.json as well.

    Raises MismatchError when an output differs from the reference.
    """
    check_samples(built.plan.graph, samples)
    check_countable(built.plan)
    board = built.board
    run = measure(
        client,
        board.name,
        samples.inputs,
        runs=runs,
        warmup=warmup,
        show=show,
        in_sequence=built.plan.reference_graph.is_streaming,
    )
    run = replace(run, details={**run.details, **_judged(built, client, samples, run)})
    words = ["tinyml", "profile", str(near(built.directory)), "--runs", str(runs)]
    words += ["--inputs", samples.file_name] if samples.file_name else []
    tools = tool_versions(built.image, run)
    document = report(built.planned, built.image, run, command=shlex.join(words), tools=tools)
    path = near(write_report(document, built.directory))
    return replace(built, report=document, files=(path, near(_save_run(built, run))))


def _judged(built: Built, client: AgentClient, samples: Samples, run: Run) -> dict[str, object]:
    """What the outputs are worth, and what was predicted; raises MismatchError."""
    used = samples.inputs[: len(run.outputs)]
    details: dict[str, object] = {}
    if reference_of(built.plan) is not None:
        compare(built, client, used, run.outputs)
        details["equal_to_reference"] = len(used)
    details |= {**_energy(built.board, run), "predicted": _predict(built, samples)}
    labels = samples.labels if len(used) == len(samples.inputs) else ()
    return details | score_details(built.plan.graph, run.outputs, labels)


def verify_build(
    built: Built,
    client: AgentClient,
    samples: Samples,
    *,
    show: Show = quiet,
) -> Verification:
    """Runs every sample on the board; MismatchError names the first wrong layer."""
    if reference_of(built.plan) is None:
        raise MismatchError(
            f"{built.plan.graph.source.file_name} has operators or types without an integer "
            "reference: there is nothing to compare with",
            hint="'tinyml ops' lists those that have one; 'tinyml profile' still measures times",
        )
    check_samples(built.plan.graph, samples)
    identity, graph = client.identify(), built.plan.reference_graph
    results = []
    if graph.is_streaming:
        client.begin_sequence()
    for number, wanted in enumerate(expected(graph, samples.inputs)):
        show("verifying", number, len(samples.inputs))
        load(client, samples.inputs[number])
        client.infer()
        results.append(read_outputs(client, identity))
        _hold_against(wanted, results[-1], built, client, samples.inputs[: number + 1])
    if graph.is_streaming:
        client.end_sequence()
    show("verifying", len(samples.inputs), len(samples.inputs))
    elements = sum(array.size for result in results for array in result)
    if not samples.labels:
        return Verification(len(results), elements, doubt=SAME if is_constant(results) else "")
    found = tally(built.plan.graph, results, samples.labels)
    return Verification(len(results), elements, found.accuracy, found.confusion, found.doubt)


def compare(
    built: Built,
    client: AgentClient,
    inputs: Sequence[tuple[Array, ...]],
    outputs: Sequence[tuple[Array, ...]],
) -> None:
    """Raises MismatchError, which names the first wrong layer, unless all outputs are right."""
    right_ones = expected(built.plan.reference_graph, inputs)
    for number, (wanted, results) in enumerate(zip(right_ones, outputs, strict=True)):
        _hold_against(wanted, results, built, client, inputs[: number + 1])


def _hold_against(
    wanted: Sequence[Array],
    results: Sequence[Array],
    built: Built,
    client: AgentClient,
    samples: Sequence[tuple[Array, ...]],
) -> None:
    """As ``compare``, for the outputs of the last of ``samples``."""
    graph = built.plan.reference_graph
    for index, found, right in zip(graph.outputs, results, wanted, strict=True):
        wrong = difference(found, right)
        if wrong is None:
            continue
        where = f"sample {len(samples) - 1}, output '{graph.tensors[index].name}': {wrong}"
        if not has_reference(built.plan.graph):
            raise MismatchError(
                f"{where}\nits layers cannot be compared one by one: the interpreter runs the file",
                hint="build it without --runtime tflm, and report which of the two is wrong",
            )
        culprit = find_culprit(client, built.plan, samples)
        if culprit is None and not _is_kept_by_passes(built.plan, samples):
            raise InternalError(f"{where}\nthe passes have changed what the model computes")
        if culprit is None:
            raise MismatchError(
                f"{where}\nevery layer is right when it is asked for alone",
                hint="is the power supply stable? Verify again; if it stays, report it",
            )
        raise MismatchError(
            f"{where}\nthe first layer that differs is {culprit}",
            hint="flash it again, in case the image is damaged; if it stays, this is a bug in "
            "the kernel or its compiler: please report it with the model and the board",
        )


def _is_kept_by_passes(plan: Plan, samples: Sequence[tuple[Array, ...]]) -> bool:
    """Whether the simplified graph has the outputs of the model as it was read."""
    made, right = (
        list(expected(graph, samples))[-1] for graph in (plan.graph, plan.reference_graph)
    )
    return all(np.array_equal(*pair) for pair in zip(made, right, strict=True))


def _predict(built: Built, samples: Samples) -> dict[str, object]:
    """Cycles per layer as the emulated core counts them; from cost formulas where there is none."""
    try:
        from tinyml.simulate.machine import Machine

        client = AgentClient(MemoryLink(Machine(read_elf(built.linked().elf), built.board)))
        run = profile(client, built.board.name, samples.inputs[:1], is_estimate=True)
        cycles, source = [layer.cycles for layer in run.layers], "emulated core"
    except TinymlError:
        steps = built.plan.steps
        cycles = [step.call.cost.instructions if step.call else 0 for step in steps]
        source = "instructions by the kernels' cost formulas"
    return {"source": source, "layers": cycles, "total": sum(cycles)}


def _energy(board: Board, run: Run) -> dict[str, object]:
    """Energy of one inference, when the board's file knows the power of the running core."""
    if board.power is None or not run.total.cycles:
        return {}
    time_us = run.total.cycles * 1e6 / run.clock_hz
    return {
        "energy_estimate_uj": round(time_us * board.power.active_mw / 1000, 3),
        "power_mw": board.power.active_mw,
        "power_source": board.power.source,
    }


def _save_run(built: Built, run: Run) -> Path:
    """Writes the Run as JSON, outputs included."""
    document = {
        "format": RUN_FORMAT,
        **{key: value for key, value in asdict(run).items() if key != "outputs"},
        "outputs": [[array.tolist() for array in result] for result in run.outputs],
    }
    path = built.directory / RUN_FILE
    write_atomic(path, json.dumps(document, indent=1) + "\n")
    return path
