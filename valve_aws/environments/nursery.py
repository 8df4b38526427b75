"""How an environment's sandbox comes about: forked from a zygote that has grown, else started cold.

Knows which zygote a plan can be forked from, and how many there may be. Does not know how one is made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from valve_aws.environments.zygote import zygote_plan
from valve_aws.model.plan import Jail, Plan

MOST = 2
"""Zygotes of one run: one for each interpreter, view of the runtime and runtime name; some 40 MB each."""


ASKING = "ask the zygote"
"""The step of which a zygote that has died cannot be told."""


class Zygote(Protocol):
    """What gives birth to sandboxes (`sandbox.Zygote`)."""

    def spawn(self, plan: Plan) -> Jail:
        """Make a sandbox and start the plan's program in it; blocks."""

    def close(self) -> None:
        """End it, and every sandbox that came of it."""


class Nursery:
    """The zygotes of one run. `spawn` is called in threads, all else on the loop."""

    def __init__(
        self, cold: Callable[[Plan], Jail], grow: Callable[[Plan], Zygote], say: Callable[[str], None]
    ) -> None:
        """`cold` starts a sandbox without a zygote; `grow` blocks until a zygote can give birth. Both raise
        OSError or what `sandbox` raises."""
        self._cold, self._grow, self._say = cold, grow, say
        self._grown: list[tuple[Plan, Zygote]] = []
        self._ended: list[Zygote] = []
        self._plans: list[Plan] = []
        self._growing: set[asyncio.Task[None]] = set()
        self._closed = False

    def spawn(self, plan: Plan) -> Jail:
        """Make a sandbox, by the nearest way that there is at this moment.

        Why a second try: a zygote that has died takes nobody along who has not been born, and the host makes
        the final word of what is wrong.
        """
        wanted = zygote_plan(plan)
        for grown, zygote in tuple(self._grown):
            if grown == wanted:
                try:
                    return zygote.spawn(plan)
                except Exception as problem:
                    if getattr(problem, "step", "") == ASKING and (grown, zygote) in self._grown:
                        self._grown.remove((grown, zygote))
                        self._ended.append(zygote)
                    break
        return self._cold(plan)

    def want(self, plan: Plan) -> None:
        """Take note that more environments like this one are needed: a zygote grows beside events."""
        wanted = zygote_plan(plan)
        if self._closed or wanted is None or wanted in self._plans or len(self._plans) >= MOST:
            return
        self._plans.append(wanted)
        task = asyncio.ensure_future(self._raise(wanted))
        self._growing.add(task)
        task.add_done_callback(self._growing.discard)

    async def _raise(self, wanted: Plan) -> None:
        try:
            zygote = await asyncio.to_thread(self._grow, wanted)
        except Exception as problem:
            self._say(f"valve: every environment starts cold: {problem}")
            return
        if self._closed:
            await asyncio.to_thread(zygote.close)
        else:
            self._grown.append((wanted, zygote))

    async def grown(self) -> None:
        """Wait until none is growing."""
        while self._growing:
            await asyncio.wait(self._growing)

    async def close(self) -> None:
        """End every zygote; their sandboxes have ended before."""
        self._closed = True
        await self.grown()
        for zygote in (*self._ended, *(zygote for _, zygote in self._grown)):
            await asyncio.to_thread(zygote.close)
        self._grown.clear()
