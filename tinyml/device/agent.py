"""Client of the firmware's serial agent: every command of the protocol as a method.

Lines may be lost or damaged on the way, and the board may be reset at any time. What a command
returns is checked (CRC, count, length); when something is wrong, the command is repeated, after a
reset with everything that led to it. After the last try a DeviceError says what to do.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from tinyml.device import frames
from tinyml.device.baud import Speed
from tinyml.device.exchange import Exchange
from tinyml.device.frames import DamagedReply
from tinyml.device.link import Link
from tinyml.device.replies import bracket, check_protocol, laps, need, number
from tinyml.device.values import BootTime, Identity, MemoryUse, TensorInfo, Timing
from tinyml.errors import DeviceError

T = TypeVar("T")

DTYPES = {"b": "int8", "B": "uint8", "h": "int16", "i": "int32", "f": "float32", "?": "bool"}
NOT_RUN = "No inference since reset"  # what the firmware says when there are no results


class AgentClient:
    """Talks to one firmware over a link.

    ``reply_timeout_s`` is the silence after which a command counts as lost, ``work_timeout_s`` the
    same for commands that run the model. ``explain`` adds to a crash report what it means.
    """

    def __init__(
        self,
        link: Link,
        *,
        reply_timeout_s: float = 2.0,
        work_timeout_s: float = 120.0,
        retries: int = 4,
        explain: Callable[[str], str] = str,
    ) -> None:
        self.link = link
        self.speed: Speed | None = None  # set once the line runs at another rate
        self._line = Exchange(
            link, reply_timeout_s=reply_timeout_s, work_timeout_s=work_timeout_s, explain=explain
        )
        self.log = self._line.log
        self._retries = retries
        self._identity: Identity | None = None
        self._loaded: dict[int, bytes] = {}
        self._ran: tuple[dict[int, bytes], int, int] | None = None  # what results are of
        self._is_fresh = False  # nothing was run since the last load
        self._is_synchronised = False

    def identify(self) -> Identity:
        """The model and its sizes; asked once."""
        if self._identity is None:
            values = self._ask(("id",), lambda lines: frames.only_field(lines, "id", 9))
            check_protocol(self.link.name, values[0])
            self._identity = Identity(values[1], values[2], *(number(v) for v in values[3:]))
        return self._identity

    def tensor(self, kind: str, index: int) -> TensorInfo:
        """The input ("in"), output ("out") or layer output ("layer") of that index."""

        def read(lines: Sequence[str]) -> TensorInfo:
            values = frames.only_field(lines, "tensor", 6)
            if values[:2] != (kind, str(index)) or values[2] not in DTYPES:
                raise DamagedReply(f"not the answer to 'tensor {kind} {index}': {values}")
            scale = np.array([int(values[4], 16)], np.uint32).view(np.float32)[0]
            return TensorInfo(DTYPES[values[2]], number(values[3]), float(scale), int(values[5]))

        return self._ask(("tensor", kind, index), read)

    def load_input(self, index: int, data: bytes) -> None:
        """Fills an input; what the board has received is checked by its CRC-32."""
        self._loaded.pop(index, None)
        self._repeat(lambda: self._load(index, data), f"load {len(data)} bytes into input {index}")
        self._loaded[index] = data
        self._is_fresh = True

    def infer(self, iterations: int = 1, warmup: int = 0) -> Timing:
        """Runs the model. The outputs that are kept are those of the first run after a load."""
        what = f"run {iterations + warmup} inferences"
        timing = self._repeat(lambda: self._infer(iterations, warmup), what, reloads=True)
        if timing.was_input_fresh or self._ran is None:
            self._ran = (dict(self._loaded), iterations, warmup)
        return timing

    def layer_cycles(self) -> tuple[int, ...]:
        """Core cycles of each layer in the last inference."""
        count = self.identify().layers

        def read(lines: Sequence[str]) -> tuple[int, ...]:
            found = [field.values for field in frames.fields(lines, "layer")]
            if [values[0] for values in found] != [str(index) for index in range(count)]:
                raise DamagedReply(f"{len(found)} of {count} lines 'm-layer-[…]' came")
            return tuple(number(values[-1]) for values in found)

        return self._ask(("layers",), read, of_results=True)

    def total_cycles(self) -> int:
        """Core cycles of the whole last inference."""

        def read(lines: Sequence[str]) -> int:
            return number(frames.only_field(lines, "cycles", 1)[0])

        return self._ask(("cycles",), read, of_results=True)

    def memory(self) -> MemoryUse:
        """Arena, stack reserved and stack used."""
        values = self._ask(("mem",), lambda lines: frames.only_field(lines, "mem", 3))
        return MemoryUse(*(number(value) for value in values))

    def boot_time(self) -> BootTime:
        """How long the firmware took from reset, and its first inference since then."""
        values = self._ask(("boot",), lambda lines: frames.only_field(lines, "boot", 2))
        return BootTime(*(number(value) for value in values))

    def restart(self) -> None:
        """Resets the board; nothing is loaded afterwards."""
        self._repeat(self._line.restart, "start anew")
        self._loaded.clear()
        self._ran = None
        self._is_fresh = self._line.has_restarted = False

    def output(self, index: int) -> bytes:
        """The raw bytes of an output of the first inference since the last load."""
        nbytes = self.tensor("out", index).nbytes

        def read(lines: Sequence[str]) -> bytes:
            return frames.data_bytes(lines, nbytes)

        return self._ask(("out", index), read, of_results=True)

    def layer_output(self, index: int) -> bytes:
        """The raw output of a layer: runs the loaded input up to there."""
        nbytes = self.tensor("layer", index).nbytes

        def once() -> bytes:
            lines = self._run(frames.command("layer", index))
            return frames.data_bytes(lines, nbytes)

        return self._repeat(once, f"read the output of layer {index}", reloads=True)

    def name(self) -> str:
        """The vendor's name for the device (MLPerf Tiny ``name``)."""
        return self._ask(("name",), lambda lines: bracket(lines, "m-name-dut-"))

    def model(self) -> str:
        """The model's name (MLPerf Tiny ``profile``)."""
        return self._ask(("profile",), lambda lines: bracket(lines, "m-model-"))

    def timestamp_us(self) -> int:
        """The device's clock in microseconds."""
        return self._ask(("timestamp",), lambda lines: laps(lines, 1)[0])

    def results(self) -> tuple[float, ...]:
        """The outputs as real values, rounded to three decimals."""

        def read(lines: Sequence[str]) -> tuple[float, ...]:
            try:
                return tuple(float(v) for v in bracket(lines, "m-results-").split(","))
            except ValueError as error:
                raise DamagedReply(str(error)) from error

        return self._ask(("results",), read, of_results=True)

    def close(self) -> None:
        """Gives the line its own rate back and closes the link."""
        try:
            if self.speed is not None:
                self.speed.end(self._line)
        finally:
            self.link.close()

    def tune(self, speed: Speed) -> int:
        """Changes to the fastest rate that works; returns it."""
        self.identify()  # the line works
        self.speed = speed
        return speed.negotiate(self._line)

    def _load(self, index: int, data: bytes) -> None:
        ask = self._line.ask
        ask(frames.command("db", "select", index))
        lines = ask(frames.command("db", "load", len(data)))
        need(lines, f"m-[Expecting {len(data)} bytes]")
        for chunk in frames.load_commands(data):
            lines = ask(chunk)
        need(lines, "m-load-done")
        values = frames.only_field(ask(frames.command("db", "crc")), "crc", 3)
        if values != (str(index), str(len(data)), f"{zlib.crc32(data):08X}"):
            raise DamagedReply(f"the board holds {values[1]} bytes with the CRC-32 {values[2]}")

    def _infer(self, iterations: int, warmup: int) -> Timing:
        lines = self._run(frames.command("infer", iterations, warmup))
        need(lines, f"m-warmup-start-{warmup}", f"m-infer-start-{iterations}", "m-infer-done")
        start, end = laps(lines, 2)
        return Timing(iterations, end - start, not frames.fields(lines, "warning"))

    def _run(self, sent: bytes) -> list[str]:
        """A command that runs the model."""
        lines = self._line.ask(sent, self._line.work_timeout_s)
        if self._is_fresh and frames.fields(lines, "warning"):
            raise DamagedReply("the input that was loaded is gone")
        self._is_fresh = False
        return lines

    def _ask(
        self,
        words: tuple[object, ...],
        read: Callable[[Sequence[str]], T],
        *,
        of_results: bool = False,
    ) -> T:
        """Sends a command that changes nothing and reads its reply."""
        sent = frames.command(*words)
        text = sent.decode().rstrip("%")
        return self._repeat(
            lambda: read(self._line.ask(sent)), f"answer '{text}'", of_results=of_results
        )

    def _repeat(
        self,
        action: Callable[[], T],
        what: str,
        *,
        reloads: bool = False,
        of_results: bool = False,
    ) -> T:
        """Does something until it works; raises DeviceError after the last try."""
        error: DamagedReply | None = None
        for attempt in range(self._retries + 1):
            try:
                self._prepare(attempt)
                if self._line.has_restarted:
                    self._recover(of_results)
                elif attempt and reloads:
                    self._reload(self._loaded)
                return action()
            except DamagedReply as damage:
                error = damage
                self.log.append(f"(try {attempt + 1}: {damage})")
                if NOT_RUN in str(damage) and self._ran is not None:
                    self._line.has_restarted = True
        raise DeviceError(
            f"{self.link.name}: the board does not {what}: {error}", hint=self._advice(str(error))
        ) from error

    def _prepare(self, attempt: int) -> None:
        """Makes sure that the line is in order before a command, the more so after a failure."""
        if self.speed is not None:
            self.speed.keep(self._line, has_failed=attempt > 0)
        if attempt or not self._is_synchronised:
            self._line.synchronise()
            if not self._is_synchronised:  # what happened before the session is not our business
                self._line.has_restarted = False
            self._is_synchronised = True

    def _recover(self, of_results: bool) -> None:
        """Brings a board that was reset to where it was."""
        if of_results and self._ran is not None:
            inputs, iterations, warmup = self._ran
            self._reload(inputs)
            self._infer(iterations, warmup)
        self._reload(self._loaded)
        self._line.has_restarted = False

    def _reload(self, inputs: dict[int, bytes]) -> None:
        for index, data in inputs.items():
            self._load(index, data)
        self._is_fresh = bool(inputs)

    def _advice(self, problem: str) -> str:
        if "Unknown command" in problem:
            return (
                "this firmware speaks the protocol of MLPerf Tiny only (--agent mlperf): build it "
                "again with --agent full and flash it"
            )
        if not self._line.heard:
            return (
                "the board is silent: is it the right port, has it power, was its firmware built "
                "with the agent, is the baud rate right? Press its reset button and try again"
            )
        if not self._line.has_replied:
            return (
                "another firmware seems to be on the board: build one with the agent and flash it "
                "('tinyml build', 'tinyml flash'); or is it another port or baud rate? "
                f"What came last: '{self._line.last_words()}'"
            )
        return (
            "is the firmware with the agent on the board, and are port and baud rate right? "
            f"Press its reset button and try again. What came last: '{self._line.last_words()}'"
        )
