"""The time that retries, ages, windows, visibility and schedules go by: the machine's, or one that a test
moves.

Knows how somebody is called at a time. Does not know why; functions, their deadlines, their logs and the
records of a run go by the machine's clock always.
"""

from __future__ import annotations

import asyncio
import heapq
import time
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(order=True, slots=True)
class Timer:
    """Somebody who is called at a time, unless he lets that be."""

    when: float
    """Seconds since the epoch."""
    number: int
    act: Callable[[], object] = field(compare=False)
    owed: bool = field(compare=False)
    """What was begun ends with it: a retry, not the next turn of a schedule."""
    _real: asyncio.TimerHandle | None = field(default=None, compare=False)
    _over: bool = field(default=False, compare=False)

    @property
    def over(self) -> bool:
        """Say whether it has been cancelled, or called."""
        return self._over

    def cancel(self) -> None:
        """Let it be. Idempotent."""
        self._over = True
        if self._real is not None:
            self._real.cancel()

    def call(self) -> None:
        """Call who waits."""
        if not self._over:
            self._over = True
            self.act()


class Clock:
    """The machine's own time. On one loop."""

    moves = False
    """Whether somebody may move it."""

    def __init__(self) -> None:
        self._timers: list[Timer] = []
        self._count = 0
        self.called: Callable[[], object] = lambda: None
        """Told that somebody was called."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time()

    def ours(self, told: float) -> float:
        """Return a time that the embedded cloud tells, as this clock has it."""
        return told

    def at(self, when: float, act: Callable[[], object], owed: bool = True) -> Timer:
        """Have `act` called at a time, at the soonest with the loop's next turn."""
        timer = self._new(when, act, owed)
        timer._real = asyncio.get_running_loop().call_later(max(0.0, when - self.now()), self._call, timer)
        self._timers = [each for each in self._timers if not each.over]
        self._timers.append(timer)
        return timer

    def _call(self, timer: Timer) -> None:
        timer.call()
        self.called()

    def _new(self, when: float, act: Callable[[], object], owed: bool) -> Timer:
        self._count += 1
        return Timer(when, self._count, act, owed)

    async def sleep(self, seconds: float) -> None:
        """Wait as long."""
        woken = asyncio.Event()
        timer = self.at(self.now() + seconds, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    def owed(self) -> float | None:
        """Return when the next is called whom something waits for, where the time can be moved there."""
        return None

    def run(self) -> None:
        """Let `advance` move it, where it can be moved, from any other thread. The first time on its loop."""

    def stop(self) -> None:
        """Let it be moved no more, until it runs again."""

    async def to(self, when: float, owed: bool = False) -> None:
        """Let time pass until then, and what is due by then end, where the time can be moved; with `owed`
        nobody else is called."""

    def clear(self) -> None:
        """Let everybody be."""
        for timer in self._timers:
            timer.cancel()
        self._timers = []


async def _nobody() -> None:
    """Wait for nobody."""


async def _nowhere(_: float) -> None:
    """Tell nobody how far ahead it is."""


class Virtual(Clock):
    """A time that stands still until it is moved, and then calls everybody in turn."""

    moves = True

    def __init__(self, began: float | None = None) -> None:
        """`began` is seconds since the epoch; None is the machine's present."""
        super().__init__()
        self._began = self._now = time.time() if began is None else began
        self.settled: Callable[[], Awaitable[None]] = _nobody
        """Waits until nothing that was begun is under way any more."""
        self.follow: Callable[[float], Awaitable[None]] = _nowhere
        """Told how many seconds ahead of the machine's the time is, before anybody is called."""
        self._loop: asyncio.AbstractEventLoop | None = None

    def now(self) -> float:
        """See `Clock.now`."""
        return self._now

    def ours(self, told: float) -> float:
        """See `Clock.ours`. Why another: the cloud's own time goes on while this one stands still."""
        return told - (time.time() - self._began)

    def at(self, when: float, act: Callable[[], object], owed: bool = True) -> Timer:
        """See `Clock.at`; who is due already is called when the time is next moved, by nothing at least."""
        timer = self._new(when, act, owed)
        heapq.heappush(self._timers, timer)
        return timer

    def owed(self) -> float | None:
        """See `Clock.owed`."""
        return min((timer.when for timer in self._timers if timer.owed and not timer.over), default=None)

    def clear(self) -> None:
        """See `Clock.clear`; it is the machine's present again."""
        super().clear()
        self._began = self._now = time.time()

    async def forward(self, seconds: float) -> None:
        """Let so much time pass, and what is due by then end."""
        await self.to(self._now + seconds)

    async def to(self, when: float, owed: bool = False) -> None:
        """See `Clock.to`: whoever is due is called in turn, and what comes of it ends before the next."""
        end, left = max(self._now, when), list[Timer]()
        await self.settled()
        while self._timers and self._timers[0].when <= end:
            timer = heapq.heappop(self._timers)
            if owed and not timer.owed:
                left.append(timer)
            elif not timer.over:
                await self._move(max(self._now, timer.when))
                self._call(timer)
                await asyncio.sleep(0)
                await self.settled()
        for timer in left:
            heapq.heappush(self._timers, timer)
        await self._move(end)
        await self.settled()

    async def _move(self, when: float) -> None:
        if when > self._now:
            self._now = when
            await self.follow(when - self._began)

    # From outside the loop

    def run(self) -> None:
        """See `Clock.run`."""
        self._loop = self._loop or asyncio.get_running_loop()
        RUNNING.add(self)

    def stop(self) -> None:
        """See `Clock.stop`."""
        RUNNING.discard(self)

    def advance(self, seconds: float) -> None:
        """Let time pass, from another thread than its loop's; return when what was due has ended."""
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(self.forward(seconds), self._loop).result()


RUNNING: weakref.WeakSet[Virtual] = weakref.WeakSet()
"""The virtual clocks of this process's valves."""


def advance(seconds: float) -> None:
    """Let time pass on every virtual clock of this process, from a thread that runs none of their loops.

    Returns when all that was due by then has been done: retries, ages, visibility, windows, schedules.
    """
    for clock in list(RUNNING):
        clock.advance(seconds)
