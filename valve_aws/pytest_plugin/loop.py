"""The asyncio loop on which a valve lives, in a thread of its own.

Knows how a synchronous caller has something done there. Does not know what.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Loop:
    """One loop, one thread. Tests and fixtures are synchronous, also under somebody else's loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="valve", daemon=True)
        self._thread.start()

    def call(self, course: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end and return what it returns. Raises what it raises.

        Whoever stops waiting, as by Ctrl-C, stops the coroutine.
        """
        task = asyncio.run_coroutine_threadsafe(course, self._loop)
        try:
            return task.result()
        except BaseException:
            task.cancel()
            raise

    def close(self) -> None:
        """End what still runs there, then the thread. Idempotent."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()
