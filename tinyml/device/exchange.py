"""One command and its reply: waits, tells replies from other output, notices a reset.

A board may say more than replies: a boot loader's text, log lines, what was on its way before. Such
lines go to ``log``. Two timeouts: how long a reply may be silent, and how long the model may work.

In a session every command and every reply is checked as a whole. The board keeps the session's
number in RAM and repeats it in each reply: after a reset it has none.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from tinyml.base.errors import DeviceError
from tinyml.device import frames
from tinyml.device.frames import DamagedReply
from tinyml.device.link import Link

QUIET_S = 0.1  # silence that means the line is drained
BOOTED = "m-init-done"
HEARD_BYTES = 256
LINE_LIMIT = 1 << 16  # characters without a line end that count as noise
REPLY_LIMIT = 1 << 20  # characters of a reply that count as noise
LOG_LINES = 200  # that are kept


class Restarted(DamagedReply):
    """The board was reset: what was loaded and computed is gone."""


class Exchange:
    """Sends commands over a link and collects the lines of each reply."""

    def __init__(
        self,
        link: Link,
        *,
        reply_timeout_s: float,
        work_timeout_s: float,
        explain: Callable[[str], str] = str,
    ) -> None:
        self.link = link
        self.reply_timeout_s = reply_timeout_s
        self.work_timeout_s = work_timeout_s
        self.log: list[str] = []  # lines that belong to no reply
        self.heard: bytes = b""  # the last that came, whatever it is
        self.has_restarted = False  # since somebody last set it to False
        self.has_replied = False  # whether anything came that looks like our protocol
        self.session = 0  # 0: none
        self._number = 0  # of the last command in a session
        self._explain = explain
        self._pending = b""
        self._extra = 0  # characters that this reply may be longer than others

    def ask(self, sent: bytes, timeout_s: float | None = None, *, extra: int = 0) -> list[str]:
        """The lines of the reply to a command, without ``m-ready``.

        ``extra`` is how many characters a long reply may have on top of the usual ones. Raises
        DamagedReply when it does not come whole or reports an error, Restarted when the board was
        reset meanwhile, DeviceError when the firmware crashed or the link broke.
        """
        wait_s = self.reply_timeout_s if timeout_s is None else timeout_s
        self._extra = extra
        self._send(sent)
        lines = self._reply(wait_s)
        text = frames.error_text(lines)
        if text is not None:
            raise DamagedReply(f"it says '{text}'")
        return lines

    def begin(self, session: int) -> None:
        """From now on everything is checked, under a number that the board forgets at a reset."""
        self.session = session
        self.ask(frames.command("session"))
        self.has_restarted = False

    def restart(self) -> None:
        """Makes the firmware start anew and waits until it is there; ends the session."""
        self._send(frames.command("reset"))
        try:
            lines = self._reply(self.reply_timeout_s)
        except Restarted:
            self.session = 0
            return
        raise DamagedReply(frames.error_text(lines) or "no reset is seen")

    def synchronise(self) -> None:
        """Stops inferences, ends a half-sent command, throws away what is still on its way.

        Raises DamagedReply when nothing at all comes.
        """
        self.link.write(frames.CANCEL + b"%")
        self._extra = 0
        end = time.monotonic() + self.reply_timeout_s
        self.heard = b""
        received = 0
        try:
            while (line := self._next_line(self.reply_timeout_s, end)) != frames.READY:
                received += len(line)
                if received > REPLY_LIMIT:
                    break
        except DamagedReply:
            if not self.heard:
                raise
        end = time.monotonic() + self.reply_timeout_s
        while data := self.link.read(QUIET_S):
            self.heard = (self.heard + data)[-HEARD_BYTES:]
            self.has_restarted |= BOOTED.encode() in self.heard
            if time.monotonic() > end:
                raise DamagedReply(f"it does not stop talking: '{self.last_words()}'")
        self._pending = b""

    def unread(self) -> bytes:
        """What has come behind the last reply; it is nobody else's then."""
        data, self._pending = self._pending, b""
        return data

    def last_words(self) -> str:
        """The last characters that came, for people."""
        text = self.heard[-60:].decode("ascii", "replace").replace("\r\n", " / ").strip(" /")
        return "".join(c if c.isprintable() else "." for c in text)

    def _reply(self, timeout_s: float) -> list[str]:
        lines: list[str] = []
        received = 0
        is_new = False
        end = time.monotonic() + timeout_s
        while True:
            line = self._next_line(timeout_s, end)
            received += len(line)
            if received > REPLY_LIMIT + self._extra:
                raise DamagedReply("the reply does not end")
            if line.startswith("e-[fault"):
                raise DeviceError(
                    f"{self.link.name}: the firmware crashed: {self._explain(line)}",
                    hint="press the board's reset button; 'tinyml monitor' shows what it says. "
                    "A stack overflow needs more stack_bytes in the board file",
                )
            if line == frames.READY:
                if is_new:
                    raise Restarted("it was reset")
                if not self.session:
                    return lines
                whole = self._checked(lines)
                if whole is not None:
                    return whole
                lines.clear()
            is_new |= line.endswith(BOOTED)
            if line.startswith(("m-", "e-")):
                lines.append(line)
                end = time.monotonic() + timeout_s
            elif line:
                lines.append(line)
                del self.log[:-LOG_LINES]
                self.log.append(line)

    def _send(self, sent: bytes) -> None:
        if self.session:
            self._number = (self._number + 1) % 256
            sent = frames.in_session(self.session, self._number, sent)
        self.link.write(sent)

    def _checked(self, lines: Sequence[str]) -> list[str] | None:
        """The reply, which must agree with its last line; None when it is to another command."""
        own = [line for line in lines if line.startswith(("m-", "e-"))]
        end = frames.done(own[-1]) if own else None
        if end is None:
            text = frames.error_text(own)
            raise DamagedReply(f"it says '{text}'" if text else "the end of the reply is missing")
        if end.session != self.session:
            self.has_restarted = True
            raise Restarted("it does not know the session any more")
        if end.number != self._number:
            return None
        if end.crc != frames.lines_crc(own[:-1]):
            raise DamagedReply("the reply does not agree with its checksum")
        return own[:-1]

    def _next_line(self, timeout_s: float, end: float) -> str:
        """The next line; ``end`` is when something that is no reply has lasted too long."""
        while b"\n" not in self._pending:
            data = self.link.read(timeout_s)
            if not data:
                got = f" after '{self._pending.decode('latin-1')}'" if self._pending else ""
                raise DamagedReply(f"nothing came for {timeout_s:g} s{got}")
            self._pending += data
            self.heard = (self.heard + data)[-HEARD_BYTES:]
            if len(self._pending) > LINE_LIMIT + self._extra and b"\n" not in self._pending:
                self._pending = b""
                raise DamagedReply(f"a line does not end: '{self.last_words()}'")
        line, _, self._pending = self._pending.partition(b"\n")
        text = line.rstrip(b"\r").decode("latin-1")
        self.has_restarted |= text.endswith(BOOTED)
        self.has_replied |= text.startswith(("m-", "e-"))
        if not text.startswith(("m-", "e-")) and time.monotonic() > end:
            raise DamagedReply(f"other output and no reply for {timeout_s:g} s: '{text[:60]}'")
        return text
