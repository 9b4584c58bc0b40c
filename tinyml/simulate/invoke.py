"""A model's own functions, called in a linked image on an emulated core.

No agent, no serial line, and nothing of the application but its start-up code takes part: any image
can be asked for the outputs of its model, whatever its ``main`` does.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from tinyml.base.elf import Elf
from tinyml.base.errors import SimulationFault
from tinyml.ir.graph import Array, Graph

START_CYCLES = 2_000_000_000  # from reset to main: memory is copied, clocks are waited for
_MODEL = struct.Struct("<7I")  # tml_model in tml.h: name … arena
_TENSOR_BYTES = 20  # tml_tensor; its first word is where the values are

Names = tuple[str, ...]


class Core(Protocol):
    """A firmware that can be stopped: ``Machine`` on unicorn, ``Stub`` on QEMU."""

    def run_to(self, address: int, cycles: int) -> None:
        """Lets it run until it is about to execute what is at an address."""

    def call(self, function: int, back: int, cycles: int) -> int:
        """What a C function without arguments returns, as 32 bits."""

    def read_memory(self, address: int, nbytes: int) -> bytes:
        """What memory holds."""

    def write_memory(self, address: int, data: bytes) -> None:
        """Changes what memory holds."""


class ModelUnused(SimulationFault):
    """The application does not use the model, so that the linker has left it out."""


class Invoked:
    """A booted image that stands in front of ``main``, its model initialised."""

    # Six parameters: the firmware, and what it calls things.
    def __init__(
        self,
        core: Core,
        elf: Elf,
        graph: Graph,
        names: tuple[Names, Names],
        entry: str = "main",
    ) -> None:
        """``names``: of the functions that say where inputs and outputs are.

        ``entry``: up to where the firmware boots; "" when it does not, and nothing but the model is
        initialised.
        """
        self._core = core
        self._elf, self._graph = elf, graph
        self._main = self._needed(entry) if entry else 0
        self._invokes = self._functions()
        if entry:
            self._core.run_to(self._main, START_CYCLES)
            self._called("tml_port_init")
        self._called(f"{graph.name}_init")
        self.reset()
        self._inputs = self._places(names[0], 3)
        self._outputs = self._places(names[1], 4)

    def reset(self) -> None:
        """Puts the model's state back to where it begins."""
        for name in (self._graph.name, *(part.name for part in self._graph.parts)):
            self._called(f"{name}_reset")

    def outputs(self, sample: Sequence[Array], cycles: int) -> tuple[Array, ...]:
        """What the next inference gives: it goes on with the state that the last one has left.

        Raises SimulationFault when it does what the chip would not allow, or takes more cycles.
        """
        for address, array in zip(self._inputs, sample, strict=True):
            self._core.write_memory(address, np.ascontiguousarray(array).tobytes())
        for function in self._invokes:
            self._core.call(function, self._main, cycles)
        tensors = [self._graph.tensors[i] for i in self._graph.outputs]
        return tuple(
            np.frombuffer(
                self._core.read_memory(address, tensor.nbytes), tensor.dtype.numpy
            ).reshape(tensor.shape)
            for address, tensor in zip(self._outputs, tensors, strict=True)
        )

    def _functions(self) -> tuple[int, ...]:
        """What runs the model: its function, or, of several models, one of each.

        An application that runs one model at a time has nothing that runs all of them.
        """
        whole = f"{self._graph.name}_invoke"
        if not self._graph.parts or self._elf.symbol(whole) is not None:
            return (self._needed(whole),)
        return tuple(self._needed(f"{part.name}_invoke") for part in self._graph.parts)

    def _places(self, names: Names, field: int) -> tuple[int, ...]:
        """Where the firmware has its inputs or outputs: as the model says, or its functions."""
        model = self._elf.symbol(f"{self._graph.name}_model")
        if model is not None:
            table = _MODEL.unpack(self._core.read_memory(model.address, _MODEL.size))[field]
            entries = [table + _TENSOR_BYTES * number for number in range(len(names))]
            words = [self._core.read_memory(entry, 4) for entry in entries]
            return tuple(int.from_bytes(word, "little") for word in words)
        functions = [self._needed(name) for name in names]
        return tuple(self._core.call(item, self._main, START_CYCLES) for item in functions)

    def _called(self, name: str) -> None:
        symbol = self._elf.symbol(name)
        if symbol is not None:
            self._core.call(symbol.address, self._main, START_CYCLES)

    def _needed(self, name: str) -> int:
        symbol = self._elf.symbol(name)
        if symbol is None:
            raise ModelUnused(f"there is no '{name}' in the image")
        return symbol.address
