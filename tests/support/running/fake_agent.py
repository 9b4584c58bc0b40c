"""A firmware that exists only in memory: answers the serial protocol, over a link gone bad."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable

from tinyml.device import frames

Wire = Callable[[bytes], bytes]


class FakeAgent:
    """A Link whose other end is a model that adds one to each of eight bytes.

    ``down`` and ``up`` are applied to what goes to the device and what comes back; ``skip`` makes
    it say nothing to so many commands. ``protocol`` 2 is firmware without sessions.
    """

    name = "fake"

    def __init__(
        self, down: Wire = bytes, up: Wire = bytes, *, skip: int = 0, protocol: int = 3
    ) -> None:
        self.commands: list[str] = []
        self.inferences = 0
        self._down, self._up, self._skip = down, up, skip
        self._protocol = protocol
        self._session = 0
        self._command = b""
        self._reply = b""
        self._expected = 0
        self._input = bytearray()
        self._output = bytes(8)
        self._is_fresh = False
        self._has_run = False
        self.silences = 0  # reads in vain: each lasts as long as a timeout
        self.baud = 0  # asked for last
        self.cycles = 2001  # that it says of an inference
        self.fingerprint = "0f1e2d3c4b5a"  # of its build; "": it does not know it

    def reset(self) -> None:
        """As the button does: nothing is remembered."""
        self._input.clear()
        self._output = bytes(8)
        self._expected = self._session = 0
        self._is_fresh = self._has_run = False

    def write(self, data: bytes) -> None:
        for value in self._down(data):
            if value == frames.CANCEL[0]:
                self._command = b""
            elif value == ord("%"):
                self._run(self._command.decode("latin-1"))
                self._command = b""
            else:
                self._command += bytes([value])

    def read(self, timeout_s: float) -> bytes:
        reply, self._reply = self._reply, b""
        self.silences += not reply
        return reply

    def close(self) -> None:
        pass

    def _run(self, text: str) -> None:
        self.commands.append(text)
        if self._skip:
            self._skip -= 1
            return
        lines = self._in_session(text) if text.startswith("[") else self._lines(text, False)
        self._reply += self._up("".join(f"{line}\r\n" for line in [*lines, "m-ready"]).encode())

    def _in_session(self, text: str) -> list[str]:
        match = re.fullmatch(r"\[([0-9A-F]{4}) ([0-9A-F]{2}) (.*)\]-([0-9A-F]{4})", text)
        if self._protocol < 3:
            return [f"e-[Unknown command: {text}]"]
        if match is None or int(match[4], 16) != frames.crc16(text[1:-6]):
            return ["e-[Damaged command]"]
        session, number, command = int(match[1], 16), match[2], match[3]
        if command == "session":
            self._session, lines = session, []
        elif session != self._session:
            lines = ["e-[Another session]"]
        else:
            lines = self._lines(command, True)
        crc = f"{frames.lines_crc(lines):08X}"
        return [*lines, frames.checked_line("done", f"{self._session:04X}", number, crc)]

    def _lines(self, text: str, is_checked: bool) -> list[str]:
        try:
            return self._answer(text.split(), is_checked)
        except (ValueError, IndexError):
            return [f"e-[Unknown command: {text}]"]

    def _answer(self, words: list[str], is_checked: bool) -> list[str]:
        line = frames.checked_line
        match words:
            case ["id"]:
                values = ("plus", "0123456789ab", 1, 1, 1, 2, 80_000_000, 64)
                is_known = self.fingerprint and self._protocol > 2
                known = [line("fingerprint", self.fingerprint)] if is_known else []
                return [line("id", f"protocol={self._protocol}", *values), *known]
            case ["tensor", "in" | "out" | "layer" as kind, index] if int(index) < 2:
                return [line("tensor", kind, index, "b", 8, "3F000000", -128)]
            case ["db", "select", "0"]:
                self._expected = 0
                return []
            case ["db", "load", count]:
                self._expected = int(count)
                self._input.clear()
                return [f"m-[Expecting {count} bytes]"]
            case ["db", "crc"]:
                crc = zlib.crc32(self._input)
                return [line("crc", 0, len(self._input), f"{crc:08X}")]
            case ["db", digits]:
                self._input += bytes.fromhex(digits)
                if len(self._input) != self._expected:
                    return []
                self._is_fresh = True
                return ["m-load-done"]
            case ["infer", count, warmup]:
                lines = self._infer(int(count), int(warmup))
                return lines if is_checked else [*lines, "m-results-[0.500]"]
            case ["layers"] | ["cycles"] | ["out", _] if not self._has_run:
                return ["e-[No inference since reset]"]
            case ["boot"]:
                return [line("boot", 1500, 2100 if self._has_run else 0)]
            case ["baud", rate]:
                self.baud = int(rate)
                return [line("baud", rate)]
            case ["reset"]:
                self.reset()
                return ["m-init-done"]
            case ["layers"]:
                return [line("layer", index, 1000 + index) for index in range(2)]
            case ["cycles"]:
                return [line("cycles", self.cycles)]
            case ["mem"]:
                return [line("mem", 64, 1024, 300)]
            case ["out", "0"]:
                return self._dump(self._output)
            case ["layer", index] if int(index) < 2:
                lines = [] if self._is_fresh else [line("warning", "input was overwritten")]
                self._is_fresh = False
                return [*lines, *self._dump(bytes(self._input) or bytes(8))]
            case ["name"]:
                return ["m-name-dut-[fake]"]
            case ["profile"]:
                return ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", "m-model-[plus]"]
            case ["timestamp"]:
                return ["m-lap-us-5"]
            case ["results"]:
                values = ("0.500", "-1.000")
                return [line("results", *values) if is_checked else "m-results-[0.500,-1.000]"]
        raise ValueError(words)

    def _infer(self, count: int, warmup: int) -> list[str]:
        lines = []
        if self._is_fresh:
            self._output = bytes(value + 1 & 0xFF for value in self._input)
        else:
            lines.append(
                frames.checked_line("warning", "input was overwritten by the last inference")
            )
        self._is_fresh = False
        self._has_run = True
        self.inferences += count + warmup
        lines += [f"m-warmup-start-{warmup}", "m-warmup-done", f"m-infer-start-{count}"]
        return [*lines, "m-lap-us-100", "m-lap-us-350", "m-infer-done"]

    def _dump(self, data: bytes) -> list[str]:
        return [
            frames.checked_line("data", at, data[at : at + 4].hex().upper())
            for at in range(0, len(data), 4)
        ]
