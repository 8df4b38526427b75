"""Who listens in an environment to what its platform and its logs say: kept, batched, handed over.

Knows batches and their times. Does not know AWS's schemas, nor any socket. What is told here stays inside the
environment that it is about.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol

from valve_aws.model.telemetry import Subscription, Told

EARLY = 10_000
"""Events of an init that are kept for listeners that are still to come."""
EARLY_SIZE = 1 << 20
PATIENCE = 5.0
"""Seconds that a listener may take for a batch, in which the environment is not frozen."""


RETRY = 1.0
"""Seconds at least before a listener that took nothing is called again."""


class Shapes(Protocol):
    """The schemas of the two APIs (`runtime.telemetry`)."""

    def shaped(self, to: Subscription, told: Told, time: str, structured: bool) -> bytes | None:
        """An event as a listener gets it, None when it does not listen to such."""

    def dropped(self, records: int, size: int) -> Told:
        """What is told of events that a listener was too slow for."""


class Sender(Protocol):
    """What hands batches to one listener (`upstream.Caller`)."""

    async def send(self, batch: list[bytes]) -> None:
        """Hand one over; raises OSError."""

    def close(self) -> None:
        """Call no more."""


class Telemetry:
    """All listeners of one environment. On one loop."""

    def __init__(
        self,
        shapes: Shapes,
        time: Callable[[], str],
        structured: bool,
        calls: Callable[[Subscription], Sender],
    ) -> None:
        """`time` is ISO 8601 UTC; `structured` says that the function's log format is JSON; `calls` makes
        what calls a listener."""
        self._shapes, self._time, self._structured, self._calls = shapes, time, structured, calls
        self._early: list[tuple[Told, str]] | None = []
        self._size = 0
        self._all: dict[str, Listener] = {}
        self._awake = asyncio.Event()
        self._awake.set()

    def tell(self, told: Told) -> None:
        """Take in one event."""
        keeps = self._early is not None and len(self._early) < EARLY and self._size < EARLY_SIZE
        if not keeps and not self._all:
            return
        time = self._time()
        for each in self._all.values():
            each.add(self._shaped(each.to, told, time))
        if keeps and self._early is not None:
            self._size += len(told.record) if isinstance(told.record, str) else 0
            self._early.append((told, time))

    def _shaped(self, to: Subscription, told: Told, time: str) -> bytes | None:
        return self._shapes.shaped(to, told, time, self._structured)

    def subscribe(self, to: Subscription) -> None:
        """Have a listener, and let it know what was told before."""
        if former := self._all.pop(to.extension, None):
            former.end()

        def lost(records: int, size: int) -> bytes | None:
            return self._shaped(to, self._shapes.dropped(records, size), self._time())

        listener = self._all[to.extension] = Listener(to, self._calls(to), lost, self._awake.wait)
        for told, time in self._early or ():
            listener.add(self._shaped(to, told, time))

    def closed(self) -> None:
        """Keep nothing for listeners that are still to come: there will be none."""
        self._early = None

    def sleep(self) -> None:
        """Hand nothing over until `wake`: the environment is about to be frozen."""
        self._awake.clear()
        for each in self._all.values():
            each.hurry(None)

    def wake(self) -> None:
        """Go on."""
        self._awake.set()
        for each in self._all.values():
            each.hurry(PATIENCE)

    @property
    def heard(self) -> bool:
        """Say whether anybody listens."""
        return bool(self._all)

    async def flush(self, seconds: float) -> None:
        """Hand over at once what is there, as the end is near; wait so long for that."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await asyncio.gather(*(each.flush() for each in self._all.values()))

    def end(self) -> None:
        """Let go of every listener."""
        for each in self._all.values():
            each.end()
        self._all.clear()


class Listener:
    """One listener, and what it is still to get. Invariant: never more than two batches wait."""

    def __init__(
        self,
        to: Subscription,
        sender: Sender,
        lost: Callable[[int, int], bytes | None],
        awake: Callable[[], Awaitable[object]],
    ) -> None:
        self.to = to
        self._sender, self._lost, self._awake = sender, lost, awake
        self._pending: deque[bytes] = deque()
        self._size = 0
        self._dropped = (0, 0)
        self._rest = 0.0
        self._news = asyncio.Event()
        self._due = asyncio.Event()
        self._empty = asyncio.Event()
        self._under_way: asyncio.Timeout | None = None
        self._serving = asyncio.ensure_future(self._serve())

    def add(self, event: bytes | None) -> None:
        """Take in one event; drop it where too many wait."""
        if event is None:
            return
        if len(self._pending) >= 2 * self.to.items or self._size + len(event) > 2 * self.to.size:
            records, size = self._dropped
            self._dropped = (records + 1, size + len(event))
            return
        self._pending.append(event)
        self._size += len(event)
        self._news.set()
        if len(self._pending) >= self.to.items or self._size >= self.to.size:
            self._due.set()

    def hurry(self, seconds: float | None) -> None:
        """Give what is under way so many seconds from now on, None for any number."""
        if self._under_way and not self._under_way.expired():
            at = None if seconds is None else asyncio.get_running_loop().time() + seconds
            self._under_way.reschedule(at)

    async def flush(self) -> None:
        """Hand over what is there, and wait until it is."""
        if self._pending or self._under_way:
            self._due.set()
            self._empty.clear()
            await self._empty.wait()

    def end(self) -> None:
        """Hand nothing over any more."""
        self._serving.cancel()
        self._sender.close()

    async def _serve(self) -> None:
        while True:
            await self._news.wait()
            try:
                async with asyncio.timeout(max(self.to.wait, self._rest)):
                    await self._due.wait()
            except TimeoutError:
                pass
            await self._awake()
            batch = self._batch()
            try:
                async with asyncio.timeout(PATIENCE) as self._under_way:
                    await self._sender.send(batch)
            except (OSError, TimeoutError):
                records, size = self._dropped
                self._dropped = (records + len(batch), size + sum(map(len, batch)))
                self._rest = RETRY
            else:
                self._rest = 0.0
            finally:
                self._under_way = None
                if not self._pending:
                    self._empty.set()
            if self._dropped[0] and (told := self._lost(*self._dropped)):
                self._dropped = (0, 0)
                self.add(told)

    def _batch(self) -> list[bytes]:
        """Take out the next batch."""
        batch: list[bytes] = []
        size = 0
        while self._pending and len(batch) < self.to.items and size < self.to.size:
            batch.append(self._pending.popleft())
            size += len(batch[-1])
        self._size -= size
        if not self._pending:
            self._news.clear()
            self._due.clear()
        return batch
