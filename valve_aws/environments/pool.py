"""The environments of one function, and which of them serves the next event (law 12).

Knows labels only as sets to compare, and how many may live. Does not know what an event is.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from enum import StrEnum

from valve_aws.environments.environment import Environment
from valve_aws.environments.spares import Spares
from valve_aws.model.label import CLEAN, Label, fits, join


class Reuse(StrEnum):
    """When a warm environment serves another event."""

    LABEL = "label"
    """If it was made for events of the same label, and has learned no more than that and its own baseline."""
    NEVER = "never"
    CARRY = "carry"
    """Always; the event then starts with the label that is there."""


class Pool:
    """All environments of one function. On one loop."""

    def __init__(
        self,
        make: Callable[[Label], Environment],
        reuse: Reuse = Reuse.LABEL,
        limit: int = 10,
        spares: Spares | None = None,
    ) -> None:
        """`make` gives a new environment for events of a label, not started; `limit` is how many may live at
        once, beside `spares`, which stand ready for this pool and others of the function."""
        self._make, self._spares = make, spares
        self._reuse = reuse
        self._limit = limit
        self._idle: list[Environment] = []
        self._meant: dict[Environment, Label] = {}
        """What kind of events each serves.

        Why never another kind: labelled events would else use up, or leave, what is warm for the others, who
        see whether it is.
        """
        self._read: dict[Label, Label] = {}
        """What starts have read beside that, by the same labels.

        Why a later one has it before it begins: that the one before it is no more is the doing of events that
        had it.
        """
        self._alive = 0
        self._ending: set[asyncio.Task[None]] = set()
        self._queue: deque[asyncio.Future[None]] = deque()
        self._closed = False
        self._made = False

    @property
    def idle(self) -> tuple[Environment, ...]:
        """Those that wait for an event, the longest first."""
        return tuple(self._idle)

    @property
    def rests(self) -> bool:
        """Say whether nobody is at work here, nor waits."""
        return self._alive == len(self._idle) and not self._queue

    @asynccontextmanager
    async def lease(self, label: Label = CLEAN) -> AsyncIterator[Environment]:
        """Give a started environment for one event, and take it back."""
        environment = await self.acquire(label)
        try:
            yield environment
        finally:
            await self.release(environment)

    async def acquire(self, label: Label = CLEAN) -> Environment:
        """Return a started environment that may serve an event with `label`; waits while all are busy.

        Raises what starting one raises.
        """
        while True:
            if self._closed:
                raise RuntimeError("the pool is closed")
            fitting = self._fitting(label)
            if fitting:
                self._idle.remove(fitting)
                return fitting
            if self._alive < self._limit:
                return self._spare(label) or await self._fresh(label)
            if self._idle:
                await self._retire(self._idle.pop(0))
            else:
                await self._turn()

    async def release(self, environment: Environment) -> None:
        """Take one back: it is kept for the next event, or ended beside the next one's way."""
        if self._closed:
            await self._end(environment)
        elif self._reuse is Reuse.NEVER or not environment.alive:
            await self._retire(environment)
        else:
            self._idle.append(environment)
            self._wake()
        if self._spares and not self._closed:
            self._spares.refill()

    async def close(self) -> None:
        """End all that are idle, at once, as each may take its time; those at work end when they come
        back."""
        self._closed = True
        idle, self._idle = self._idle, []
        await asyncio.gather(*(self._end(environment) for environment in idle))
        while self._ending:
            await asyncio.wait(self._ending)
        while self._queue:
            self._wake()

    def _fitting(self, label: Label) -> Environment | None:
        """Return the one used last that may serve, so that the others grow cold; one whose label need not
        rise comes first, so that those that know less stay so."""
        self._idle = [environment for environment in self._idle if self._living(environment)]
        able = [environment for environment in reversed(self._idle) if self._may_serve(environment, label)]
        same = (environment for environment in able if fits(label, environment.subject.label))
        return next(same, able[0] if able else None)

    def _may_serve(self, environment: Environment, label: Label) -> bool:
        """Law 12. What its own start has read is no obstacle: every event of the function brings that along,
        and it joins the event's label before the function sees it."""
        if self._reuse is Reuse.CARRY:
            return True
        bound = join(label, environment.baseline)
        return self._meant[environment] == label and fits(environment.subject.label, bound)

    def _living(self, environment: Environment) -> bool:
        """Forget one that ended while nobody looked."""
        if environment.alive:
            return True
        self._alive -= 1
        self._meant.pop(environment, None)
        return False

    def _spare(self, label: Label) -> Environment | None:
        """Return a spare; none is made ahead before a second environment is needed."""
        environment = self._spares.take() if self._spares else None
        if environment:
            self._alive += 1
            self._meant[environment] = label
            environment.adopt(label)
        elif self._spares and self._made:
            self._spares.want()
        self._made = True
        return environment

    async def _fresh(self, label: Label) -> Environment:
        self._alive += 1
        environment = self._make(label | self._read.get(label, CLEAN))
        self._meant[environment] = label
        try:
            await environment.start()
        except BaseException:
            await self._end(environment)
            raise
        if not environment.baseline <= label:
            self._read[label] = environment.baseline
        return environment

    async def _retire(self, environment: Environment) -> None:
        """End one while events go on. Only when as many are ending already as may live does an event wait."""
        while len(self._ending) >= self._limit:
            await asyncio.wait(self._ending, return_when=asyncio.FIRST_COMPLETED)
        self._alive -= 1
        self._meant.pop(environment, None)
        task = asyncio.ensure_future(environment.close())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
        self._wake()

    async def _end(self, environment: Environment) -> None:
        """End one and wait for that."""
        try:
            await environment.close()
        finally:
            self._alive -= 1
            self._meant.pop(environment, None)
            self._wake()

    async def _turn(self) -> None:
        """Wait until another event has come to its end; first come, first served."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in self._queue:
                self._queue.remove(turn)
            else:
                self._wake()
            raise

    def _wake(self) -> None:
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
