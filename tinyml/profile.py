"""Drives a firmware over its agent: feeds every sample, times the layers, gathers a Run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinyml.backends.base import LayerTime, Run
from tinyml.device.agent import AgentClient
from tinyml.device.values import Identity
from tinyml.errors import DeviceError
from tinyml.ir.graph import DTYPES, Array

Sample = tuple[Array, ...]


def profile(
    client: AgentClient,
    board: str,
    inputs: Sequence[Sample],
    *,
    runs: int = 1,
    warmup: int = 0,
    is_estimate: bool = False,
) -> Run:
    """The outputs of every sample, and times of the first one.

    ``runs`` and ``warmup`` are inferences of the timing run. Outputs come back flat, in the dtype
    that the firmware says; ``is_estimate`` says that its cycle counter is a model.

    Raises DeviceError when the board does not answer, or runs a model that the samples do not fit.
    """
    if not inputs:
        raise DeviceError("there is no input sample to run")
    identity = client.identify()
    check_inputs(client, identity, inputs[0])
    load(client, inputs[0])
    timing = client.infer(runs, warmup)
    layers = tuple(LayerTime(cycles) for cycles in client.layer_cycles())
    total = LayerTime(client.total_cycles())
    outputs = [read_outputs(client, identity)]
    for sample in inputs[1:]:
        load(client, sample)
        client.infer()
        outputs.append(read_outputs(client, identity))
    memory = client.memory()
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
            "runs": timing.iterations,
            "measured_time_us": timing.time_us / timing.iterations,
        },
    )


def load(client: AgentClient, sample: Sample) -> None:
    """Loads the inputs of one sample."""
    for index, array in enumerate(sample):
        client.load_input(index, np.ascontiguousarray(array).tobytes())


def read_outputs(client: AgentClient, identity: Identity) -> Sample:
    """All outputs of the inference since the last load, flat."""
    arrays = []
    for index in range(identity.outputs):
        dtype = DTYPES[client.tensor("out", index).dtype]
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
        if wanted.dtype != array.dtype.name or wanted.nbytes != array.nbytes:
            raise DeviceError(
                f"{model} wants {wanted.nbytes} bytes of {wanted.dtype} as input {index}, a sample "
                f"has {array.nbytes} bytes of {array.dtype.name}",
                hint=hint,
            )
