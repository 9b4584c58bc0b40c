"""Interpreters that give the value of every tensor: of a float model and of a quantised one.

Float models run in LiteRT. Quantised ones run in tinyml's own integer reference where it supports
all operators, else in TensorFlow Lite Micro's wheel, else in LiteRT's reference kernels, which
round FULLY_CONNECTED differently: a runner says which one it is.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinyml.base.errors import ModelError, ToolError
from tinyml.base.programs import pip_command
from tinyml.convert.flatfile import read, write
from tinyml.convert.importers.values import plain
from tinyml.ir.graph import Array, Graph
from tinyml.model.file import model_file
from tinyml.model.reader import load
from tinyml.ops import reference

Values = tuple["Array | None", ...]  # by tensor; None where there is nothing to know

INTEGER_REFERENCE = "tinyml integer reference (TFLM's arithmetic)"
TFLM = "TensorFlow Lite Micro"
LITERT_REFERENCE = "LiteRT reference kernels (FULLY_CONNECTED rounds once, TFLM twice)"
_MOST_CHARACTERS = 300  # of an interpreter's words


@dataclass(frozen=True, slots=True)
class Runner:
    """A model ready to run."""

    name: str  # for people
    graph: Graph
    run: Callable[[Sequence[Array]], Values]  # inputs → the values of all tensors

    def outputs(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """The model's outputs for one sample."""
        values = self.run(inputs)
        found = tuple(values[i] for i in self.graph.outputs)
        return tuple(value for value in found if value is not None)


def float_runner(data: bytes) -> Runner:
    """LiteRT without delegates, every tensor kept.

    Raises ToolError without the package, ModelError when LiteRT refuses the model.
    """
    return _litert(data, "LiteRT float kernels", is_reference=False)


def float_tensor(graph: Graph, tensor: int, samples: Sequence[Sequence[Array]]) -> list[Array]:
    """One tensor of a float graph on each sample; quicker than a runner, which keeps all."""
    interpreter = _interpreter(write(graph), is_reference=False)
    found = []
    for sample in samples:
        interpreter.reset_all_variables()
        for i, value in zip(graph.inputs, sample, strict=True):
            interpreter.set_tensor(i, value)
        _invoked(interpreter)
        found.append(interpreter.get_tensor(tensor))
    return found


def shapes_at(data: bytes, inputs: Mapping[int, tuple[int, ...]]) -> dict[int, tuple[int, ...]]:
    """The shape of every tensor of a model whose inputs have these shapes; as LiteRT runs it."""
    interpreter = _interpreter(data, is_reference=False, inputs=inputs)
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    _invoked(interpreter)
    return {
        detail["index"]: tuple(map(int, detail["shape"]))
        for detail in interpreter.get_tensor_details()
    }


def quantised_runner(data: bytes) -> Runner:
    """The most faithful interpreter for a quantised model that is there and accepts it."""
    try:
        graph = load(model_file("model.tflite", data))
    except ModelError:
        graph = None
    if graph is not None:
        return Runner(INTEGER_REFERENCE, graph, reference.runner(graph))
    if importlib.util.find_spec("tflite_micro") is not None:
        runner = tflm_runner(data)
        if runner is not None:
            return runner
    return _litert(data, LITERT_REFERENCE, is_reference=True)


@contextmanager
def _captured() -> Iterator[Callable[[], str]]:
    """Takes what native code writes to standard error, which is not for users as it stands.

    The function that it gives returns what was written so far.
    """
    with tempfile.TemporaryFile() as file:
        sys.stderr.flush()
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)

        def text() -> str:
            file.seek(0)
            return file.read().decode(errors="replace")

        try:
            yield text
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _stopped(name: str, said: str) -> ModelError:
    return ModelError(
        f"{name} loads the model and stops when it runs: {plain(said)[:_MOST_CHARACTERS]}",
        hint="replace the layer that it names, or leave it out of the model.",
    )


def _invoked(interpreter: Any) -> None:
    """Runs LiteRT; raises ModelError where it stops."""
    try:
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise _stopped("LiteRT", str(error)) from error


def tflm_runner(data: bytes) -> Runner | None:
    """TensorFlow Lite Micro; None when it does not load the model."""
    from tflite_micro.python.tflite_micro import runtime

    graph = read("model.tflite", data)
    arena_bytes = 200_000 + 10 * sum(tensor.nbytes for tensor in graph.tensors)
    try:
        with _captured():  # what it says of operators that it does not take
            interpreter = runtime.Interpreter.from_bytes(
                data,
                arena_size=arena_bytes,
                intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors,
            )
    except (RuntimeError, ValueError):
        return None
    made = {i for op in graph.ops for i in op.outputs}

    def run(inputs: Sequence[Array]) -> Values:
        interpreter.reset()
        for number, value in enumerate(inputs):
            interpreter.set_input(value, number)
        with _captured() as said:
            try:
                interpreter.invoke()
            except RuntimeError as error:
                raise _stopped(TFLM, said() or str(error)) from error
        given = dict(zip(graph.inputs, inputs, strict=True))
        return tuple(
            interpreter.GetTensor(i, 0)["tensor_data"].reshape(tensor.shape).copy()
            if i in made
            else given.get(i, tensor.data)
            for i, tensor in enumerate(graph.tensors)
        )

    return Runner(TFLM, graph, run)


def _interpreter(
    data: bytes, *, is_reference: bool, inputs: Mapping[int, tuple[int, ...]] | None = None
) -> Any:
    """LiteRT without delegates; raises ToolError without the package, ModelError for the model."""
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise ToolError(
            "running a float model needs the package ai-edge-litert",
            hint=pip_command("convert"),
        ) from error
    kernels = (
        OpResolverType.BUILTIN_REF
        if is_reference
        else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    )
    with _captured():
        try:
            interpreter = Interpreter(
                model_content=data,
                experimental_op_resolver_type=kernels,
                experimental_preserve_all_tensors=True,
            )
            for i, shape in (inputs or {}).items():
                interpreter.resize_tensor_input(i, shape)
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            detail = plain(str(error))[:_MOST_CHARACTERS]
            raise ModelError(
                f"LiteRT does not load the model: {detail}",
                hint="replace the layer that it names, or export the model with another version "
                "of its framework.",
            ) from error
    return interpreter


def _litert(data: bytes, name: str, *, is_reference: bool) -> Runner:
    graph = read("model.tflite", data)
    interpreter = _interpreter(data, is_reference=is_reference)
    made = {i for op in graph.ops for i in op.outputs}

    def run(inputs: Sequence[Array]) -> Values:
        interpreter.reset_all_variables()
        for i, value in zip(graph.inputs, inputs, strict=True):
            interpreter.set_tensor(i, value)
        _invoked(interpreter)
        given = dict(zip(graph.inputs, inputs, strict=True))
        return tuple(
            interpreter.get_tensor(i) if i in made else given.get(i, tensor.data)
            for i, tensor in enumerate(graph.tensors)
        )

    return Runner(name, graph, run)
