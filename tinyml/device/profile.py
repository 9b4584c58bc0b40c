"""Drives a firmware over its agent: feeds every sample, times the layers, gathers a Run.

``profile`` is one pass over the samples, for emulators, where every run takes the same cycles.
``measure`` repeats inferences on a board and says how much they vary.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tinyml.base.errors import DeviceError
from tinyml.device.agent import AgentClient
from tinyml.device.values import BootTime, Identity, Timing
from tinyml.ir.graph import Array
from tinyml.values.run import LayerTime, Run

Sample = tuple[Array, ...]
Show = Callable[[str, int, int], None]  # what is going on, done, of how many

RELOAD_S = 60.0  # at most so long for sending inputs; further runs work on what is in the arena
CLOCK_STEP_US = 2  # that two timestamps, rounded down, may differ by
PLAUSIBLE_PPM = 50_000  # a device clock further off means that its frequency is not what it says


# Six parameters: what a user may say of a measurement, by name.
def profile(
    client: AgentClient,
    board: str,
    inputs: Sequence[Sample],
    *,
    runs: int = 1,
    warmup: int = 0,
    is_estimate: bool = False,
    in_sequence: bool = False,
    timed: Callable[[], None] = lambda: None,
) -> Run:
    """The outputs of every sample, and times of the first one.

    ``timed`` is called once these are known.

    ``in_sequence``: each sample goes on with the state that the one before has left; else each
    begins after a reset.

    ``runs`` and ``warmup`` are inferences of the timing run. Outputs come back flat, in the dtype
    that the firmware says; ``is_estimate`` says that its cycle counter is a model.

    Raises DeviceError when the board does not answer, or runs a model that the samples do not fit.
    """
    identity = _begin(client, inputs)
    load(client, inputs[0])
    timing = client.infer(runs, warmup)
    layers = tuple(LayerTime(cycles) for cycles in client.layer_cycles())
    total = LayerTime(client.total_cycles())
    _check_time(client, timing, total.cycles)
    timed()
    outputs = [read_outputs(client, identity)]
    if in_sequence:
        outputs = list(sequence_outputs(client, inputs))
    for sample in inputs[len(outputs) :]:
        load(client, sample)
        client.infer()
        outputs.append(read_outputs(client, identity))
    details = {"runs": timing.iterations, "measured_time_us": timing.time_us / timing.iterations}
    return _run(client, board, is_estimate, outputs, (layers, total), details)


def sequence_outputs(client: AgentClient, inputs: Sequence[Sample]) -> Iterator[Sample]:
    """The outputs of samples, each of which goes on with the state that the one before left."""
    identity = client.identify()
    client.begin_sequence()
    for sample in inputs:
        load(client, sample)
        client.infer()
        yield read_outputs(client, identity)
    client.end_sequence()


@dataclass(slots=True)
class _Log:
    """What the timed runs gave so far."""

    layers: list[tuple[int, ...]] = field(default_factory=list)
    totals: list[int] = field(default_factory=list)
    times_us: list[int] = field(default_factory=list)
    outputs: list[Sample] = field(default_factory=list)  # of each sample, the first time
    fresh: int = 0  # runs whose input was sent anew
    sending_s: float = 0.0


# Six parameters: what a user may say of a measurement, by name.
def measure(
    client: AgentClient,
    board: str,
    inputs: Sequence[Sample],
    *,
    runs: int = 100,
    warmup: int = 5,
    show: Show = lambda what, done, total: None,
    in_sequence: bool = False,
) -> Run:
    """Times ``runs`` inferences after ``warmup`` ones, sample after sample, over and over.

    Cycles of the Run are medians; ``details["spread"]`` has minimum, median, 95 % and maximum per
    layer and in total. Outputs are those of the samples that were run, in order. When sending an
    input takes long, not every run gets a new one: ``details["fresh_runs"]`` says how many did.
    ``in_sequence``: the outputs are those of a run of its own over the samples, see ``profile``.
    """
    identity = _begin(client, inputs)
    _warm_up(client, inputs[0], warmup)
    log, clock = _Log(), _Clock(client)
    for number in range(runs):
        show("measuring", number, runs)
        _time_one(client, inputs, number, log)
    show("measuring", runs, runs)
    if in_sequence:
        log.outputs = list(sequence_outputs(client, inputs[: len(log.outputs)]))
    columns, total = [spread(item) for item in zip(*log.layers, strict=True)], spread(log.totals)
    compared = clock.compare()
    details = {
        **{"runs": runs, "warmup": warmup, "fresh_runs": log.fresh},
        "measured_time_us": sum(log.times_us) / runs,
        # Some emulators count no cycles.
        **_boot_times(client.boot_time(), identity.clock_hz if any(log.totals) else None),
        "baud": client.speed.baud if client.speed else None,
        **compared,
        "spread": {"total": total, "layers": columns},
    }
    times = (tuple(LayerTime(item["median"]) for item in columns), LayerTime(total["median"]))
    is_estimate = not compared["is_clock_plausible"]  # an emulator behind a port, most likely
    return _run(client, board, is_estimate, log.outputs, times, details)


def _warm_up(client: AgentClient, first: Sample, runs: int) -> None:
    if runs:
        load(client, first)
        client.infer(runs)


def _time_one(client: AgentClient, inputs: Sequence[Sample], number: int, log: _Log) -> None:
    """One timed inference, of the next sample where sending it is cheap enough."""
    if number == 0 or log.sending_s < RELOAD_S:
        begin = time.monotonic()
        load(client, inputs[number % len(inputs)])
        log.sending_s += time.monotonic() - begin
        log.fresh += 1
    timing = client.infer()
    log.times_us.append(timing.time_us)
    log.layers.append(client.layer_cycles())
    log.totals.append(client.total_cycles())
    _check_time(client, timing, log.totals[-1])
    if timing.was_input_fresh and len(log.outputs) < len(inputs):
        log.outputs.append(read_outputs(client, client.identify()))


def _boot_times(boot: BootTime, clock_hz: int | None) -> dict[str, float | None]:
    first_us = boot.first_cycles * 1e6 / clock_hz if clock_hz else None
    both = boot.ready_us + first_us if boot.ready_us and first_us else None
    return {
        "boot_us": boot.ready_us or None,
        "first_inference_us": first_us,
        "boot_to_first_inference_us": both,
    }


def spread(cycles: Sequence[int]) -> dict[str, int]:
    """Minimum, median, 95 % and maximum; each is a value that was measured."""
    ordered = sorted(cycles)
    last = len(ordered) - 1
    return {
        "min": ordered[0],
        "median": ordered[last // 2],
        "p95": ordered[-(-95 * len(ordered) // 100) - 1],
        "max": ordered[last],
    }


class _Clock:
    """Compares the device's clock with this computer's."""

    def __init__(self, client: AgentClient) -> None:
        self._client = client
        self._start = self._read()

    def compare(self) -> dict[str, object]:
        """How much faster the device's clock runs; nothing when it stands still."""
        host_s, half_s, device_us = (
            now - then for now, then in zip(self._read(), self._start, strict=True)
        )
        half_s = half_s + 2 * self._start[1]
        if device_us < 0:
            raise DeviceError(
                f"{self._client.link.name}: the board's clock ran backwards by {-device_us} us",
                hint="start again; if it stays, its port's tml_port_cycles() is wrong",
            )
        if device_us == 0:
            return {"is_clock_plausible": False}
        drift_ppm = (device_us / host_s / 1e6 - 1) * 1e6
        unsure_ppm = half_s / host_s * 1e6
        is_plausible = abs(drift_ppm) <= PLAUSIBLE_PPM + unsure_ppm
        if not self._client.is_checked:  # good enough to tell an emulator, but no figure
            return {"is_clock_plausible": is_plausible}
        return {
            "clock_drift_ppm": round(drift_ppm, 1),
            "clock_uncertainty_ppm": round(unsure_ppm, 1),
            "is_clock_plausible": is_plausible,
        }

    def _read(self) -> tuple[float, float, float]:
        """Middle and half width of the moment in host seconds; the device's microseconds."""
        begin = time.monotonic()
        device_us = self._client.timestamp_us()
        end = time.monotonic()
        return (begin + end) / 2, (end - begin) / 2, device_us


def _check_time(client: AgentClient, timing: Timing, cycles: int | None) -> None:
    """Raises DeviceError when one inference took less time than its layers took cycles."""
    layers_us = (cycles or 0) * 1e6 / client.identify().clock_hz
    if timing.iterations == 1 and timing.time_us + CLOCK_STEP_US < layers_us:
        raise DeviceError(
            f"{client.link.name}: the board says that an inference took {timing.time_us} us and "
            f"its layers {layers_us:.0f} us",
            hint="its cycle counter is wrong or has wrapped: which one the firmware reads is in "
            "the chip's file (cycle_counter)",
        )


def load(client: AgentClient, sample: Sample) -> None:
    """Loads the inputs of one sample."""
    for index, array in enumerate(sample):
        client.load_input(index, np.ascontiguousarray(array).tobytes())


def read_outputs(client: AgentClient, identity: Identity) -> Sample:
    """All outputs of the inference since the last load, flat."""
    arrays = []
    for index in range(identity.outputs):
        dtype = client.tensor("out", index).dtype.numpy
        arrays.append(np.frombuffer(client.output(index), dtype))
    return tuple(arrays)


def check_inputs(client: AgentClient, identity: Identity, sample: Sample) -> None:
    """Raises DeviceError when a sample does not have the form of the model on the board."""
    model = f"the model on the board, '{identity.model}' ({identity.sha256}),"
    hint = "flash the firmware of this model"
    if identity.inputs != len(sample):
        raise DeviceError(
            f"{model} has {identity.inputs} input(s), a sample {len(sample)}", hint=hint
        )
    for index, array in enumerate(sample):
        wanted = client.tensor("in", index)
        if wanted.dtype.numpy != array.dtype or wanted.nbytes != array.nbytes:
            raise DeviceError(
                f"{model} wants {wanted.nbytes} bytes of {wanted.dtype} as input {index}, a sample "
                f"has {array.nbytes} bytes of {array.dtype.name}",
                hint=hint,
            )


def _begin(client: AgentClient, inputs: Sequence[Sample]) -> Identity:
    if not inputs:
        raise DeviceError("there is no input sample to run")
    identity = client.identify()
    check_inputs(client, identity, inputs[0])
    return identity


# Six parameters: what only the two callers know of a Run.
def _run(
    client: AgentClient,
    board: str,
    is_estimate: bool,
    outputs: Sequence[Sample],
    times: tuple[tuple[LayerTime, ...], LayerTime],
    details: Mapping[str, object],
) -> Run:
    identity, memory = client.identify(), client.memory()
    layers, total = times
    return Run(
        board=board,
        target=client.link.name,
        is_estimate=is_estimate,
        clock_hz=identity.clock_hz,
        outputs=tuple(outputs),
        layers=layers,
        total=total,
        stack_bytes=memory.stack_used_bytes or None,
        log="\n".join(client.log),
        details={
            "model": identity.model,
            "sha256": identity.sha256,
            "arena_bytes": memory.arena_bytes,
            "stack_reserved_bytes": memory.stack_reserved_bytes,
            **{key: value for key, value in details.items() if value is not None},
        },
    )
