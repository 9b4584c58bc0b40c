"""Numbers and the words behind them."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """``1 board``, ``14 boards``, ``1,302 boards``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
