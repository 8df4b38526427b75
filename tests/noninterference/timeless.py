"""An event loop without time: nothing waits, and what is due first by its own clock runs first.

Knows how to skip to the next moment. Does not know what happens there.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Skipping(selectors.DefaultSelector):  # type: ignore[misc, valid-type]  # which class it is depends on the host
    """A selector that waits for nothing: the loop's clock is moved on instead."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """Return what is ready; nobody sends anything here, so a wait for that alone would never end."""
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else")
        self.now += max(timeout, 0.0)
        return super().select(0)


def run(course: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, every wait of it skipped."""
    selector = Skipping()
    loop = asyncio.SelectorEventLoop(selector)
    loop.time = lambda: selector.now  # type: ignore[method-assign]  # asyncio's own way to have another clock
    try:
        return loop.run_until_complete(course)
    finally:
        loop.close()
