"""Client of the firmware's serial agent: every command of the protocol as a method.

Lines may be damaged: what a command returns is checked, and repeated with all that led to it.
After the last try a DeviceError says what to do; a board that was reset meanwhile is one at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from tinyml.base.errors import DeviceError
from tinyml.device import frames, replies
from tinyml.device.advice import advice, was_reset
from tinyml.device.baud import Speed
from tinyml.device.exchange import Exchange, Restarted
from tinyml.device.frames import DamagedReply
from tinyml.device.link import Link
from tinyml.device.loading import load, new_session
from tinyml.device.replies import bracket, check_protocol, laps, need
from tinyml.device.values import BootTime, Identity, MemoryUse, TensorInfo, Timing

T = TypeVar("T")

NOT_RUN = "No inference since reset"  # what the firmware says when there are no results
DUMP_CHARACTERS = 4  # of a reply at most, per byte of a tensor: lines of 32 bytes
VALUE_CHARACTERS = 24  # of a reply at most, per value in decimal


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
        self._tensors: dict[tuple[str, int], TensorInfo] = {}
        self._loaded: dict[int, bytes] = {}
        self._has_run = False
        self._fresh: set[int] = set()  # inputs that were loaded since the last run
        self._past: list[dict[int, bytes]] | None = None  # inputs of a sequence's inferences so far
        self._is_beside = False  # the model's state is not what these have left

    @property
    def is_checked(self) -> bool:
        """Whether every figure carries a checksum; False with firmware of the version before."""
        return bool(self._line.session)

    def identify(self) -> Identity:
        """The model and its sizes; asked once."""
        if self._identity is None:
            self._repeat(lambda: None, "answer 'id'")
        assert self._identity is not None
        return self._identity

    def tensor(self, kind: str, index: int) -> TensorInfo:
        """The input ("in"), output ("out") or layer output ("layer") of that index; asked once."""
        if (kind, index) not in self._tensors:
            read = partial(replies.tensor, kind=kind, index=index)
            self._tensors[kind, index] = self._ask(("tensor", kind, index), read)
        return self._tensors[kind, index]

    def load_input(self, index: int, data: bytes) -> None:
        """Fills an input; what the board has received is checked by its CRC-32."""
        self._loaded.pop(index, None)
        self._repeat(
            lambda: load(self._line, index, data), f"load {len(data)} bytes into input {index}"
        )
        self._loaded[index] = data
        self._fresh.add(index)

    def infer(self, iterations: int = 1, warmup: int = 0) -> Timing:
        """Runs the model. The outputs that are kept are those of the first run after a load."""
        what = f"run {iterations + warmup} inferences"
        extra = VALUE_CHARACTERS * self._output_bytes()

        def once() -> Timing:
            if self._is_beside:
                self._reload()
            self._is_beside = self._past is not None  # until its reply has come
            return self._infer(iterations, warmup, extra)

        timing = self._repeat(once, what, reloads=True)
        self._has_run = True
        if self._past is not None:
            self._past.append(dict(self._loaded))
            self._is_beside = False
        return timing

    def begin_sequence(self, past: Sequence[Sequence[bytes]] = ()) -> None:
        """From now on each inference goes on with the state that the last one has left.

        ``past``: the inputs of inferences that are made before the first of them.
        """
        self._ask(("state", "keep"), lambda lines: frames.only_field(lines, "state", 1))
        self._past = [dict(enumerate(inputs)) for inputs in past]
        self._is_beside = bool(past)

    def end_sequence(self) -> None:
        """From now on each inference begins with a reset of the model's state."""
        self._ask(("state", "reset"), lambda lines: frames.only_field(lines, "state", 1))
        self._past, self._is_beside = None, False

    def layer_cycles(self) -> tuple[int, ...]:
        """Core cycles of each layer in the last inference."""
        return self._ask(("layers",), partial(replies.layer_cycles, count=self.identify().layers))

    def total_cycles(self) -> int:
        """Core cycles of the whole last inference."""
        return self._ask(("cycles",), replies.total_cycles)

    def memory(self) -> MemoryUse:
        """Arena, stack reserved and stack used."""
        use = self._ask(("mem",), replies.memory)
        if self._has_run and not self.is_checked and not self.boot_time().first_cycles:
            raise was_reset(self.link.name)
        return use

    def boot_time(self) -> BootTime:
        """How long the firmware took from reset, and its first inference since then."""
        return self._ask(("boot",), replies.boot_time)

    def begin_application(self) -> bytes:
        """Lets the application run, until the next command; what it has said already."""
        self._ask(("app",), lambda lines: None)
        self._fresh.clear()
        return self._line.unread()

    def restart(self) -> None:
        """Resets the board; nothing is loaded afterwards."""
        self.identify()
        is_checked = self.is_checked

        def once() -> None:
            self._line.restart()
            self._line.has_restarted = False
            if is_checked:
                self._line.begin(new_session())

        self._repeat(once, "start anew", may_restart=True)
        self._loaded.clear()
        self._fresh.clear()
        self._has_run = False

    def output(self, index: int) -> bytes:
        """The raw bytes of an output of the first inference since the last load."""
        nbytes = self.tensor("out", index).nbytes
        read = partial(frames.data_bytes, nbytes=nbytes)
        return self._ask(("out", index), read, extra=DUMP_CHARACTERS * nbytes)

    def layer_output(self, index: int) -> bytes:
        """The raw output of a layer: runs the loaded inputs up to there, anew if need be."""
        nbytes = self.tensor("layer", index).nbytes

        def once() -> bytes:
            if len(self._fresh) < len(self._loaded) or self._past is not None:
                self._reload()
            self._is_beside = self._past is not None
            lines = self._run(frames.command("layer", index), DUMP_CHARACTERS * nbytes)
            return frames.data_bytes(lines, nbytes)

        return self._repeat(once, f"read the output of layer {index}", reloads=True)

    def name(self) -> str:
        """The vendor's name for the device (MLPerf Tiny ``name``)."""
        return self._ask(("name",), lambda lines: bracket(lines, "m-name-dut-"))

    def model(self) -> str:
        """The model's name (MLPerf Tiny ``profile``)."""
        return self._ask(("profile",), lambda lines: bracket(lines, "m-model-"))

    def timestamp_us(self) -> int:
        """The device's clock in microseconds.

        Where it carries no checksum, the middle one of three that must be in order.
        """
        ask = ("timestamp",)
        if not self.is_checked:
            self.identify()
        if self.is_checked:
            return self._ask(ask, lambda lines: laps(lines, 1)[0])
        three = [self._ask(ask, lambda lines: laps(lines, 1)[0]) for _ in range(3)]
        if three != sorted(three):
            raise DeviceError(f"{self.link.name}: the board's clock ran backwards: {three} us")
        return three[1]

    def results(self) -> tuple[float, ...]:
        """The outputs as real values, rounded to three decimals."""
        extra = VALUE_CHARACTERS * self._output_bytes()
        read = partial(replies.results, in_session=self.is_checked)
        return self._ask(("results",), read, extra=extra)

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

    def _infer(self, iterations: int, warmup: int, extra: int) -> Timing:
        lines = self._run(frames.command("infer", iterations, warmup), extra)
        need(lines, f"m-warmup-start-{warmup}", f"m-infer-start-{iterations}", "m-infer-done")
        start, end = laps(lines, 2)
        is_fresh = not frames.fields(lines, "warning")
        if not self.is_checked:  # these two carry no checksum, but the cycles do
            cycles = replies.total_cycles(self._line.ask(frames.command("cycles")))
            clock_hz = self.identify().clock_hz
            return Timing(iterations, round(cycles * 1e6 / clock_hz) * iterations, is_fresh)
        return Timing(iterations, end - start, is_fresh)

    def _run(self, sent: bytes, extra: int) -> list[str]:
        """A command that runs the model."""
        lines = self._line.ask(sent, self._line.work_timeout_s, extra=extra)
        is_fresh = len(self._fresh) == self.identify().inputs
        if is_fresh and frames.fields(lines, "warning"):
            raise DamagedReply("the input that was loaded is gone")
        self._fresh.clear()
        return lines

    def _output_bytes(self) -> int:
        outputs = range(self.identify().outputs)
        return sum(self.tensor("out", index).nbytes for index in outputs)

    def _ask(
        self, words: tuple[object, ...], read: Callable[[Sequence[str]], T], *, extra: int = 0
    ) -> T:
        """Sends a command that changes nothing and reads its reply."""
        sent = frames.command(*words)
        text = sent.decode().rstrip("%")
        return self._repeat(lambda: read(self._line.ask(sent, extra=extra)), f"answer '{text}'")

    def _repeat(
        self, act: Callable[[], T], what: str, *, reloads: bool = False, may_restart: bool = False
    ) -> T:
        """Does something until it works; raises DeviceError after the last try or a reset."""
        error: DamagedReply | None = None
        for attempt in range(self._retries + 1):
            try:
                self._prepare(attempt)
                if self._line.has_restarted and not may_restart:
                    raise Restarted("it was reset")
                if attempt and reloads:
                    self._reload()
                return act()
            except DamagedReply as damage:
                error = damage
                self.log.append(f"(try {attempt + 1}: {damage})")
                if not may_restart and self._has_forgotten(damage):
                    raise was_reset(self.link.name) from damage
        raise DeviceError(
            f"{self.link.name}: the board does not {what}: {error}",
            hint=advice(self._line, str(error)),
        ) from error

    def _prepare(self, attempt: int) -> None:
        """Makes sure that the line is in order before a command, the more so after a failure."""
        if self.speed is not None:
            self.speed.keep(self._line, has_failed=attempt > 0)
        if attempt or self._identity is None:
            self._line.synchronise()
        if self._identity is None:
            self._open()

    def _open(self) -> None:
        """Begins a session, if the firmware knows what that is; what was before is forgotten."""
        self._line.session, self._line.has_restarted = 0, False
        protocol, found = replies.identity(self._line.ask(frames.command("id")))
        if check_protocol(self.link.name, protocol) > replies.OLDEST:
            self._line.begin(new_session())
            _, found = replies.identity(self._line.ask(frames.command("id")))
        self._identity = found

    def _has_forgotten(self, damage: DamagedReply) -> bool:
        """Whether the board was reset since the session began."""
        if self._identity is None:
            return False
        is_empty = self._has_run and NOT_RUN in str(damage)
        return self._line.has_restarted or isinstance(damage, Restarted) or is_empty

    def _reload(self) -> None:
        """Loads the inputs again; in a sequence, all that came before them runs again, too."""
        if self._past is not None:
            self._line.ask(frames.command("state", "keep"))
        for past in self._past or ():
            for index, data in past.items():
                load(self._line, index, data)
            self._line.ask(frames.command("infer", 1, 0), self._line.work_timeout_s)
        for index, data in self._loaded.items():
            load(self._line, index, data)
        self._fresh = set(self._loaded)
