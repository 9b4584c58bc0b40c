"""Next steps for a board that does not answer, or not as it should."""

from __future__ import annotations

from tinyml.base.errors import DeviceError
from tinyml.device.exchange import Exchange


def advice(line: Exchange, problem: str) -> str:
    """What to do about a board that does not answer as it should."""
    if "Unknown command" in problem:
        return (
            "this firmware speaks the protocol of MLPerf Tiny only (--agent mlperf): build it "
            "again with --agent full and flash it"
        )
    if not line.heard:
        return (
            "the board is silent: is it the right port, has it power, was its firmware built "
            "with the agent, is the baud rate right? Press its reset button and try again"
        )
    if not line.has_replied:
        return (
            "another firmware seems to be on the board: build one with the agent and flash it "
            "('tinyml build', 'tinyml flash'); or is it another port or baud rate? "
            f"What came last: '{line.last_words()}'"
        )
    return (
        "is the firmware with the agent on the board, and are port and baud rate right? "
        f"Press its reset button and try again. What came last: '{line.last_words()}'"
    )


def was_reset(name: str) -> DeviceError:
    """The error of a board that has forgotten its session."""
    return DeviceError(
        f"{name}: the board was reset in the middle of the session: what it had measured is gone",
        hint="is its power supply stable, does a watchdog bite, does another program talk to it? "
        "Start again when it runs by itself",
    )
