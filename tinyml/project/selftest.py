"""The image that was just linked, held against the model as it was read, before anybody flashes it.

Compilers miscompile, and every other check ends at the C. Where the board's core is emulated, the
very image runs up to ``main``, and its model's functions are called. Elsewhere the graph that was
compiled is compared, in the reference, and the report says that no more was done.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, cast

import numpy as np

from tinyml import __version__
from tinyml.base.elf import read_elf
from tinyml.base.errors import MismatchError, SimulationFault, ToolError, ToolMissing
from tinyml.base.files import sha256_of
from tinyml.base.registry import NO_SIMULATOR
from tinyml.codegen.interface import io_functions
from tinyml.evaluate.verification import Results, hold_against, reference_of
from tinyml.ir.graph import Array, Graph, Tensor
from tinyml.model.support import has_reference
from tinyml.ops import macs_of
from tinyml.ops.reference import sequence
from tinyml.plan.values import Plan
from tinyml.simulate.invoke import Core, Invoked, ModelUnused
from tinyml.target.board import Board
from tinyml.target.template import has_own_port, load_template
from tinyml.values.image import Image, SelfTest

REFERENCE = "reference"
WITHOUT = "--no-self-test builds without this test"
MOST_SAMPLES = 8
INSTRUCTIONS = 25_000_000  # that the samples may take together: about a second
LONG = 50_000_000  # instructions of an inference of which one sample has to do
PATIENCE = 100  # times the predicted cycles, and a second's worth: then it does not end
NEAR = 8  # steps around the zero point
KINDS = ("random", "near", "extremes", "zero", "lowest", "highest", "random", "ramp")


class Stopped(Protocol):
    """A simulator whose firmware can be stopped."""

    def stopped(self, image: Image, board: Board) -> AbstractContextManager[Core]:
        """An image at its reset vector."""


def runs_here(board: Board, template: str) -> bool:
    """Whether something emulates the board and starts the images of a template's projects."""
    return has_own_port(load_template(template)) and _simulator_of(board) is not None


def check_image(
    plan: Plan, board: Board, image: Image, before: SelfTest | None = None
) -> SelfTest | None:
    """Runs an image on the board's emulated core; None where no reference knows the model.

    ``before``: a test that counts when it is of the very same image. Raises MismatchError when an
    output differs, SimulationFault when the image does what the chip would not allow, ToolError
    when the emulator is not there or the application does not let itself be tested.
    """
    reference = reference_of(plan)
    if reference is None:
        return None
    words = (__version__, sha256_of(image.elf), plan.graph.source.sha256, plan.runtime)
    key = hashlib.sha256(" ".join(words).encode()).hexdigest()
    if before is not None and before.key == key:
        return before
    target, samples = board.backends["simulator"], samples_for(plan)
    try:
        found = outputs_of_image(plan, board, image, samples)
    except SimulationFault as error:
        raise _explained(error, target) from error
    _compare(reference, samples, found, f"{target}, built by {image.toolchain}")
    return SelfTest(target, len(samples), key)


def check_graph(plan: Plan) -> SelfTest | None:
    """Compares the graph that was compiled with the model as it was read; no image takes part.

    None where there is nothing to compare, as with an interpreter, which runs the file itself.
    Raises MismatchError when an output differs.
    """
    reference = reference_of(plan)
    if reference is None or plan.as_read is None or not has_reference(plan.graph):
        return None
    samples = samples_for(plan)
    found = sequence(plan.graph, samples)
    _compare(reference, samples, found, "the simplified graph")
    return SelfTest(REFERENCE, len(samples), "")


def samples_for(plan: Plan) -> tuple[tuple[Array, ...], ...]:
    """Inputs to test with: the same every time, as many as the model's work allows."""
    work = instructions_of(plan)
    fewest = 1 if work > LONG else 2
    count = max(fewest, min(MOST_SAMPLES, INSTRUCTIONS // max(work, 1)))
    generator = np.random.default_rng(0)
    tensors = [plan.graph.tensors[index] for index in plan.graph.inputs]
    return tuple(
        tuple(_values(kind, tensor, generator) for tensor in tensors) for kind in KINDS[:count]
    )


def instructions_of(plan: Plan) -> int:
    """Predicted for one inference; from multiplications where an interpreter runs the model."""
    counted = sum(step.call.instructions for step in plan.steps if step.call)
    return counted or 10 * sum(macs_of(op, plan.graph) for op in plan.graph.ops)


def _simulator_of(board: Board) -> Stopped | None:
    """The board's simulator, when it runs images and lets them be stopped."""
    from tinyml.backends import simulator_of

    name = board.backends["simulator"]
    found = simulator_of(name) if name != NO_SIMULATOR else None
    return cast(Stopped, found) if hasattr(found, "stopped") else None


# Six parameters: what is run, on what, and two ways to look at it.
def outputs_of_image(
    plan: Plan,
    board: Board,
    image: Image,
    samples: Results,
    *,
    in_sequence: bool = True,
    is_watched: bool = False,
) -> Results:
    """What the model's own functions give in an image on the board's emulated core.

    ``in_sequence``: each sample goes on with the state that the one before has left; else each
    begins anew. ``is_watched``: unaligned accesses that the core does not allow are faults in the
    first sample, where the emulator can tell. Raises SimulationFault when the image does what the
    chip would not allow, ToolError when the emulator is not there or the application does not use
    the model.
    """
    simulator, graph = _needed_simulator(board), plan.graph
    cycles = PATIENCE * instructions_of(plan) + board.chip.clock_hz
    try:
        with simulator.stopped(image, board) as core:
            running = Invoked(core, read_elf(image.elf), graph, symbols_of(graph))
            found: list[tuple[Array, ...]] = []
            for sample in samples:
                if not in_sequence:
                    running.reset()
                with _watching(core) if is_watched and not found else nullcontext():
                    found.append(running.outputs(sample, cycles))
            return found
    except ModelUnused as error:
        calls = [f"{part.name}_invoke()" for part in graph.parts] or [f"{graph.name}_invoke()"]
        raise ToolError(
            f"the application cannot be tested, since it does not run the model: {error.message}",
            hint=f"call {' and '.join(calls)}, or {WITHOUT}",
        ) from error
    except ToolMissing as error:
        raise ToolError(
            f"the image was linked, but cannot be tested: {error.message}",
            hint=f"{error.hint}; or {WITHOUT}",
        ) from error


def _needed_simulator(board: Board) -> Stopped:
    simulator = _simulator_of(board)
    if simulator is None:
        name = board.backends["simulator"]
        raise ToolError(f"the simulator '{name}' cannot run a test", hint=WITHOUT)
    return simulator


def symbols_of(graph: Graph) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the generated C calls the model's inputs and outputs."""
    return io_functions("input", graph), io_functions("output", graph)


def _watching(core: Core) -> AbstractContextManager[None]:
    """While this lasts unaligned accesses are faults, if the emulator sees them."""
    watching: Callable[[], AbstractContextManager[None]] | None
    watching = getattr(core, "checked_alignment", None)
    return watching() if watching else nullcontext()


def _compare(reference: Graph, samples: Results, found: Results, what: str) -> None:
    shapes = [reference.tensors[index].shape for index in reference.outputs]
    shaped = [
        tuple(array.reshape(shape) for array, shape in zip(row, shapes, strict=True))
        for row in found
    ]
    try:
        hold_against(reference, sequence(reference, samples), shaped)
    except MismatchError as error:
        raise MismatchError(
            f"the self-test failed on {what}: {error.message}", hint=HINT
        ) from error


HINT = (
    "this image was not kept. Most likely the compiler made wrong code of the model, else tinyml "
    "did: try another --toolchain or --optimize, and please report it with the model; "
    f"{WITHOUT}"
)


def _explained(error: SimulationFault, target: str) -> SimulationFault:
    where = error.where or target
    hint = f"{error.hint}\n{WITHOUT}" if error.hint else WITHOUT
    return SimulationFault(f"the self-test failed: {error.message}", hint=hint, where=where)


def _values(kind: str, tensor: Tensor, generator: np.random.Generator) -> Array:
    """One input: ``near`` are values beside each other, ``zero`` is what stands for 0."""
    dtype, zero = tensor.dtype.numpy, tensor.quant.zero_point if tensor.quant else 0
    low, high = _bounds(dtype)
    draw: Sequence[float] | Array
    match kind:
        case "random":
            draw = generator.uniform(low, high, tensor.shape)
        case "near":
            draw = zero + generator.uniform(-NEAR, NEAR, tensor.shape)
        case "extremes":
            draw = np.where(generator.integers(0, 2, tensor.shape), low, high)
        case "ramp":
            draw = np.linspace(low, high, tensor.elements).reshape(tensor.shape)
        case _:
            draw = np.full(tensor.shape, {"zero": zero, "lowest": low, "highest": high}[kind])
    values = np.clip(draw, low, high)
    return (values if dtype.kind == "f" else np.rint(values)).astype(dtype)


_WHOLE = 2.0**53  # what a binary64 number holds exactly: not all that an int64 does


def _bounds(dtype: np.dtype[Any]) -> tuple[float, float]:
    if dtype.kind == "f":
        return -16.0, 16.0
    if dtype.kind == "b":
        return 0, 1
    info = np.iinfo(dtype)
    return max(float(info.min), -_WHOLE), min(float(info.max), _WHOLE)
