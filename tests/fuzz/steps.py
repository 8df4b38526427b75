"""Work counted in calls, not in time: the same on every machine.

Knows Python's profiler. Does not know what is counted.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


class TooMuch(AssertionError):
    """More work than was allowed."""


def bounded(work: Callable[[], Any], most: int) -> tuple[Any, int]:
    """Run with at most so many calls of Python and C functions; return the result and how many there were."""
    made = 0

    def count(_: Any, event: str, __: Any) -> None:
        nonlocal made
        if event in {"call", "c_call"}:
            made += 1
            if made > most:
                sys.setprofile(None)
                raise TooMuch(f"more than {most:,} calls")

    sys.setprofile(count)
    try:
        return work(), made
    finally:
        sys.setprofile(None)
