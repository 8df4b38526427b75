"""What happens behind everybody's back in one run: events that nobody waits for, queues that wake functions,
and the time that all of it goes by.

Knows who tells whom. Does not know what any trigger looks like.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable

from valve_aws.clock import Clock, Virtual
from valve_aws.cloud import Cloud
from valve_aws.deferring import Deferring
from valve_aws.delivering import Delivering
from valve_aws.invoking import Invoking
from valve_aws.model.record import Record
from valve_aws.passage import Passage
from valve_aws.waking import Waking


class Triggering:
    """The triggers of one run. On one loop."""

    def __init__(
        self, passage: Passage, invoking: Invoking, cloud: Cloud, clock: Clock, say: Callable[[str], None]
    ) -> None:
        self.clock, self._invoking = clock, invoking
        self._waking = Waking(passage, invoking.for_queue, say)
        self.deferring = Deferring(
            passage,
            clock,
            invoking.for_queue,
            invoking.start,
            Delivering(passage, say),
            say,
            lambda: str(uuid.uuid4()),
        )
        invoking.defer = self.deferring.put
        if isinstance(clock, Virtual):
            clock.settled, clock.follow = self.settle, cloud.ahead
            clock.run()

    def settled(self, record: Record) -> None:
        """Take note of a call that was done."""
        self._waking.settled(record)

    async def settle(self) -> None:
        """Wait until nothing that was woken is under way any more."""
        background = self._invoking.background
        while background or self._waking.due:
            await self._waking.turn()
            if background:
                await asyncio.wait(set(background), return_when=asyncio.FIRST_COMPLETED)

    async def drain(self) -> None:
        """Wait until all that was begun has come to its end; a time that can be moved is moved to where
        something is due."""
        await self.settle()
        while (when := self.clock.owed()) is not None:
            await self.clock.to(when)

    def forget(self) -> None:
        """Forget all that is due: another run begins."""
        self._waking.forget()
        self.clock.clear()

    def close(self) -> None:
        """Let nobody be called any more."""
        self.clock.clear()
        if isinstance(self.clock, Virtual):
            self.clock.stop()
