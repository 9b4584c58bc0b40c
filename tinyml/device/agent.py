"""Client of the firmware's serial agent: every command of the protocol as a method.

Lines may be lost or damaged on the way. What a command returns is checked (CRC, count, length), and
the command is repeated when something is wrong; after the last try a DeviceError says what to do.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np

from tinyml.device import frames
from tinyml.device.frames import DamagedReply
from tinyml.device.link import Link
from tinyml.device.values import Identity, MemoryUse, TensorInfo, Timing
from tinyml.errors import DeviceError

T = TypeVar("T")

PROTOCOL = "protocol=1"
QUIET_S = 0.1  # silence that means the line is drained
DTYPES = {"b": "int8", "B": "uint8", "h": "int16", "i": "int32", "f": "float32", "?": "bool"}
REPLY_LIMIT = 1 << 22  # characters of one reply before it counts as noise


class AgentClient:
    """Talks to one firmware over a link.

    ``reply_timeout_s`` is the silence after which a command counts as lost, ``work_timeout_s`` the
    same for commands that run the model.
    """

    def __init__(
        self,
        link: Link,
        *,
        reply_timeout_s: float = 2.0,
        work_timeout_s: float = 120.0,
        retries: int = 4,
    ) -> None:
        self.link = link
        self.log: list[str] = []  # lines that belong to no reply
        self._reply_timeout_s = reply_timeout_s
        self._work_timeout_s = work_timeout_s
        self._retries = retries
        self._pending = b""
        self._identity: Identity | None = None
        self._loaded: dict[int, bytes] = {}
        self._is_synchronised = False

    def identify(self) -> Identity:
        """The model and its sizes; asked once."""
        if self._identity is None:
            values = self._ask(("id",), lambda lines: frames.only_field(lines, "id", 9))
            if values[0] != PROTOCOL:
                raise DeviceError(
                    f"the firmware speaks '{values[0]}', this version '{PROTOCOL}'",
                    hint="build and flash it again",
                )
            self._identity = Identity(values[1], values[2], *(_number(v) for v in values[3:]))
        return self._identity

    def tensor(self, kind: str, index: int) -> TensorInfo:
        """The input ("in"), output ("out") or layer output ("layer") of that index."""

        def read(lines: Sequence[str]) -> TensorInfo:
            values = frames.only_field(lines, "tensor", 6)
            if values[:2] != (kind, str(index)) or values[2] not in DTYPES:
                raise DamagedReply(f"not the answer to 'tensor {kind} {index}': {values}")
            scale = np.array([int(values[4], 16)], np.uint32).view(np.float32)[0]
            return TensorInfo(DTYPES[values[2]], _number(values[3]), float(scale), int(values[5]))

        return self._ask(("tensor", kind, index), read)

    def load_input(self, index: int, data: bytes) -> None:
        """Fills an input; what the board has received is checked by its CRC-32."""
        self._loaded.pop(index, None)
        self._repeat(lambda: self._load(index, data), f"load {len(data)} bytes into input {index}")
        self._loaded[index] = data

    def infer(self, iterations: int = 1, warmup: int = 0) -> Timing:
        """Runs the model. The outputs that are kept are those of the first run after a load."""
        what = f"run {iterations + warmup} inferences"
        return self._repeat(lambda: self._infer(iterations, warmup), what, reloads=True)

    def layer_cycles(self) -> tuple[int, ...]:
        """Core cycles of each layer in the last inference."""
        count = self.identify().layers

        def read(lines: Sequence[str]) -> tuple[int, ...]:
            found = [field.values for field in frames.fields(lines, "layer")]
            if [values[0] for values in found] != [str(index) for index in range(count)]:
                raise DamagedReply(f"{len(found)} of {count} lines 'm-layer-[…]' came")
            return tuple(_number(values[-1]) for values in found)

        return self._ask(("layers",), read)

    def total_cycles(self) -> int:
        """Core cycles of the whole last inference."""
        return _number(
            self._ask(("cycles",), lambda lines: frames.only_field(lines, "cycles", 1))[0]
        )

    def memory(self) -> MemoryUse:
        """Arena, stack reserved and stack used."""
        values = self._ask(("mem",), lambda lines: frames.only_field(lines, "mem", 3))
        return MemoryUse(*(_number(value) for value in values))

    def output(self, index: int) -> bytes:
        """The raw bytes of an output of the first inference since the last load."""
        nbytes = self.tensor("out", index).nbytes
        return self._ask(("out", index), lambda lines: frames.data_bytes(lines, nbytes))

    def layer_output(self, index: int) -> bytes:
        """The raw output of a layer: runs the loaded input up to there."""
        nbytes = self.tensor("layer", index).nbytes

        def once() -> bytes:
            lines = self._checked(frames.command("layer", index), self._work_timeout_s)
            return frames.data_bytes(lines, nbytes)

        return self._repeat(once, f"read the output of layer {index}", reloads=True)

    def name(self) -> str:
        """The vendor's name for the device (MLPerf Tiny ``name``)."""
        return self._ask(("name",), lambda lines: _bracket(lines, "m-name-dut-"))

    def model(self) -> str:
        """The model's name (MLPerf Tiny ``profile``)."""
        return self._ask(("profile",), lambda lines: _bracket(lines, "m-model-"))

    def timestamp_us(self) -> int:
        """The device's clock in microseconds."""
        return self._ask(("timestamp",), lambda lines: _laps(lines, 1)[0])

    def results(self) -> tuple[float, ...]:
        """The outputs as real values, rounded to three decimals."""

        def read(lines: Sequence[str]) -> tuple[float, ...]:
            try:
                return tuple(float(v) for v in _bracket(lines, "m-results-").split(","))
            except ValueError as error:
                raise DamagedReply(str(error)) from error

        return self._ask(("results",), read)

    def close(self) -> None:
        """Closes the link."""
        self.link.close()

    def _load(self, index: int, data: bytes) -> None:
        wait = self._reply_timeout_s
        self._checked(frames.command("db", "select", index), wait)
        lines = self._checked(frames.command("db", "load", len(data)), wait)
        _need(lines, f"m-[Expecting {len(data)} bytes]")
        for chunk in frames.load_commands(data):
            lines = self._checked(chunk, wait)
        _need(lines, "m-load-done")
        values = frames.only_field(self._checked(frames.command("db", "crc"), wait), "crc", 3)
        if values != (str(index), str(len(data)), f"{zlib.crc32(data):08X}"):
            raise DamagedReply(f"the board holds {values[1]} bytes with the CRC-32 {values[2]}")

    def _infer(self, iterations: int, warmup: int) -> Timing:
        lines = self._checked(frames.command("infer", iterations, warmup), self._work_timeout_s)
        _need(lines, f"m-warmup-start-{warmup}", f"m-infer-start-{iterations}", "m-infer-done")
        start, end = _laps(lines, 2)
        return Timing(iterations, end - start, not frames.fields(lines, "warning"))

    def _ask(self, words: tuple[object, ...], read: Callable[[Sequence[str]], T]) -> T:
        """Sends a command that changes nothing and reads its reply."""
        sent = frames.command(*words)
        text = sent.decode().rstrip("%")
        return self._repeat(
            lambda: read(self._checked(sent, self._reply_timeout_s)), f"answer '{text}'"
        )

    def _repeat(self, action: Callable[[], T], what: str, *, reloads: bool = False) -> T:
        """Does something until it works; raises DeviceError after the last try."""
        error: DamagedReply | None = None
        for attempt in range(self._retries + 1):
            try:
                if attempt or not self._is_synchronised:
                    self._synchronise()
                if attempt and reloads:
                    for index, data in self._loaded.items():
                        self._load(index, data)
                return action()
            except DamagedReply as damage:
                error = damage
                self.log.append(f"(try {attempt + 1}: {damage})")
        raise DeviceError(
            f"{self.link.name}: the board does not {what}: {error}",
            hint="is the firmware with the agent on the board, and are port and baud rate right? "
            "Press its reset button and try again",
        ) from error

    def _checked(self, sent: bytes, timeout_s: float) -> list[str]:
        """The lines of a reply that reports no error."""
        lines = self._exchange(sent, timeout_s)
        text = frames.error_text(lines)
        if text is not None:
            raise DamagedReply(f"it says '{text}'")
        return lines

    def _exchange(self, sent: bytes, timeout_s: float) -> list[str]:
        """Sends a command and returns the lines up to ``m-ready``."""
        self.link.write(sent)
        lines: list[str] = []
        received = 0
        while True:
            line = self._next_line(timeout_s)
            received += len(line)
            if line == frames.READY:
                return lines
            if line.startswith("e-[fault"):
                raise DeviceError(
                    f"{self.link.name}: the firmware crashed: {line}",
                    hint="look the address up with addr2line in the ELF file",
                )
            lines.append(line)
            if received > REPLY_LIMIT:
                raise DamagedReply("the reply does not end")

    def _next_line(self, timeout_s: float) -> str:
        while b"\n" not in self._pending:
            data = self.link.read(timeout_s)
            if not data:
                got = f" after '{self._pending.decode('latin-1')}'" if self._pending else ""
                raise DamagedReply(f"nothing came for {timeout_s:g} s{got}")
            self._pending += data
            if len(self._pending) > REPLY_LIMIT:
                raise DamagedReply("a line does not end")
        line, _, self._pending = self._pending.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def _synchronise(self) -> None:
        """Ends a half-sent command and throws away what is still on its way."""
        self.link.write(b"%")
        try:
            while self._next_line(self._reply_timeout_s) != frames.READY:
                pass
        except DamagedReply:
            pass  # a silent board shows in the command that follows
        while self.link.read(QUIET_S):
            pass
        self._pending = b""
        self._is_synchronised = True


def _need(lines: Sequence[str], *wanted: str) -> None:
    for line in wanted:
        if line not in lines:
            raise DamagedReply(f"no line '{line}' came")


def _number(text: str) -> int:
    if not text.isdecimal():
        raise DamagedReply(f"'{text}' is not a number")
    return int(text)


def _laps(lines: Sequence[str], count: int) -> tuple[int, ...]:
    laps = frames.lap_times_us(lines)
    if len(laps) != count:
        raise DamagedReply(f"{len(laps)} of {count} lines 'm-lap-us-…' came")
    return laps


def _bracket(lines: Sequence[str], start: str) -> str:
    for line in lines:
        if line.startswith(start + "[") and line.endswith("]"):
            return line[len(start) + 1 : -1]
    raise DamagedReply(f"no line '{start}[…]' came")
