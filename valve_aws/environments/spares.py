"""Environments of one function that have run its init and seen no event: the next, of any label, takes one.

Knows how many there may be, and when they are made. Does not know labels: each has its own baseline.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from valve_aws.environments.environment import Environment


class Spares:
    """The spares of one function, whatever the tenant. On one loop."""

    def __init__(self, make: Callable[[], Environment], most: int, room: Callable[[int], bool]) -> None:
        """`make` gives a new environment, not started. At most `most` wait at once; `room` says whether one
        of so many bytes may be added to what all functions have."""
        self._make, self._most, self._room = make, most, room
        self._ready: list[Environment] = []
        self._size = 0
        self._wanted = False
        self._filling: asyncio.Task[None] | None = None
        self._closed = False
        self._kept = False
        self.broken = False
        """The last one that was to be made failed in its init, by the function's own fault."""

    @property
    def held(self) -> int:
        """Return the bytes that those who wait have in use."""
        return sum(environment.peak for environment in self._ready)

    @property
    def ready(self) -> int:
        """Return how many wait."""
        return len(self._ready)

    def take(self) -> Environment | None:
        """Return the one that has waited longest, None when none does; `refill` makes another in its
        place."""
        while self._ready:
            environment = self._ready.pop(0)
            # Why not where a number is kept: the one that is taken stays warm, and is one of them still.
            self._wanted = not self._kept
            if environment.alive:
                return environment
        return None

    def keep(self, count: int) -> None:
        """Have so many stand ready from now on, whatever room they take: somebody has asked for them."""
        self._kept, self._most, self._room = count > 0, count, lambda _: True
        self.broken = False
        self._wanted = True
        self.refill()

    def want(self) -> None:
        """Take note that environments of this function are needed."""
        self._wanted = True

    def refill(self) -> None:
        """Make what is wanted, as an event has come to its end.

        Why not when one is taken: making another takes as much of the machine as the event itself, and would
        slow it.
        """
        idle = self._filling is None or self._filling.done()
        if self._wanted and self._most and idle and not self._closed:
            self._wanted = False
            self._filling = asyncio.ensure_future(self._fill())

    async def _fill(self) -> None:
        """Make one after the other, so that an event beside has most of the machine.

        Ends at the first that fails: its function's fault is told by the start that an event waits for. One
        that would have called out is the last: what such a call does is some event's doing, and none is known
        yet.
        """
        while len(self._ready) < self._most and self._room(self._size):
            environment = self._make()
            try:
                whole = await environment.start_ahead()
            except BaseException as problem:
                await environment.close()
                if isinstance(problem, Exception):
                    return
                raise
            self._size = max(self._size, environment.peak)
            if not whole:
                self.broken = not environment.crossed
                self._most = 0 if environment.crossed else self._most
                await environment.close()
                return
            self._ready.append(environment)

    async def filled(self) -> None:
        """Wait until none is being made."""
        if self._filling:
            await asyncio.wait([self._filling])

    async def close(self) -> None:
        """End all that wait, and make no more."""
        self._closed = True
        if self._filling:
            self._filling.cancel()
            await self.filled()
        await asyncio.gather(*(environment.close() for environment in self._ready))
        self._ready.clear()
