"""How an environment's sandbox comes about: forked from a zygote that has grown, else started cold.

Knows which zygote a plan can be forked from, how many there may be and how long they live. Does not know how
one is made.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Protocol

from valve_aws.environments.zygote import zygote_plan
from valve_aws.model.plan import Jail, Plan

MOST = 2
"""Zygotes of one run: one for each interpreter, view of the runtime and runtime name; some 40 MB each."""

KINDS = 3
"""Zygotes of all the runs that have them in common: one for each Python that their functions run on."""

ASKING = "ask the zygote"
"""The step of which a zygote that has died cannot be told."""


class Zygote(Protocol):
    """What gives birth to sandboxes (`sandbox.Zygote`)."""

    def spawn(self, plan: Plan) -> Jail:
        """Make a sandbox and start the plan's program in it; blocks."""

    def close(self) -> None:
        """End it, and every sandbox that came of it."""


class Zygotes:
    """The zygotes that runs have in common, one after another or at once. Thread-safe.

    Why they may: none has met a function, nor ever sees an environment (ADR 7).
    """

    def __init__(self, grow: Callable[[Plan], Zygote], most: int = MOST) -> None:
        """`grow` blocks until a zygote can give birth; raises OSError or what `sandbox` raises."""
        self._grow, self._most = grow, most
        self._changing = threading.Lock()
        self._claimed: list[Plan] = []
        self._grown: list[tuple[Plan, Zygote]] = []
        self._ended: list[Zygote] = []
        self._closed = False

    def of(self, wanted: Plan | None) -> Zygote | None:
        """Return the one that what has this plan (`zygote_plan`) can be forked from, if it has grown."""
        return next((zygote for grown, zygote in tuple(self._grown) if grown == wanted), None)

    def claim(self, wanted: Plan) -> bool:
        """Say whether one of this plan is to be grown now, by who asks: there is none, nor too many."""
        with self._changing:
            if self._closed or wanted in self._claimed or len(self._claimed) >= self._most:
                return False
            self._claimed.append(wanted)
            return True

    def grow(self, wanted: Plan) -> None:
        """Grow what was claimed; blocks. Raises what growing one raises."""
        zygote = self._grow(wanted)
        with self._changing:
            if not self._closed:
                self._grown.append((wanted, zygote))
                return
        zygote.close()

    def lose(self, zygote: Zygote) -> None:
        """Ask one that has died for nothing more; no other takes its place."""
        with self._changing:
            gone = [pair for pair in self._grown if pair[1] is zygote]
            self._grown = [pair for pair in self._grown if pair not in gone]
            self._ended += [each for _, each in gone]

    def end(self) -> list[Zygote]:
        """Give none from now on; return those that are to be closed."""
        with self._changing:
            self._closed = True
            left = [*self._ended, *(zygote for _, zygote in self._grown)]
            self._ended, self._grown = [], []
        return left

    def close(self) -> None:
        """End every one; blocks. Their sandboxes have ended before."""
        for zygote in self.end():
            zygote.close()


class Nursery:
    """Where one run's environments are born. `spawn` is called in threads, all else on the loop."""

    def __init__(
        self,
        cold: Callable[[Plan], Jail],
        grow: Callable[[Plan], Zygote],
        say: Callable[[str], None],
        shared: Zygotes | None = None,
    ) -> None:
        """`cold` starts a sandbox without a zygote; raises OSError or what `sandbox` raises. `shared` are not
        this run's to end; None for its own, made by `grow`."""
        self._cold, self._say = cold, say
        self._shared = shared is not None
        self._zygotes = shared or Zygotes(grow)
        self._growing: set[asyncio.Task[None]] = set()

    def spawn(self, plan: Plan) -> Jail:
        """Make a sandbox, by the nearest way that there is at this moment.

        Why a second try: a zygote that has died takes nobody along who has not been born, and the host makes
        the final word of what is wrong.
        """
        zygote = self._zygotes.of(zygote_plan(plan))
        if zygote:
            try:
                return zygote.spawn(plan)
            except Exception as problem:
                if getattr(problem, "step", "") == ASKING:
                    self._zygotes.lose(zygote)
        return self._cold(plan)

    def want(self, plan: Plan) -> None:
        """Take note that more environments like this one are needed: a zygote grows beside events."""
        wanted = zygote_plan(plan)
        if wanted is not None and self._zygotes.claim(wanted):
            task = asyncio.ensure_future(self._raise(wanted))
            self._growing.add(task)
            task.add_done_callback(self._growing.discard)

    async def _raise(self, wanted: Plan) -> None:
        try:
            await asyncio.to_thread(self._zygotes.grow, wanted)
        except Exception as problem:
            self._say(f"valve: every environment starts cold: {problem}")

    async def grown(self) -> None:
        """Wait until none is growing for this run."""
        while self._growing:
            await asyncio.wait(self._growing)

    async def close(self) -> None:
        """End the zygotes that are this run's own; what was born of them has ended before."""
        await self.grown()
        for zygote in () if self._shared else self._zygotes.end():
            await asyncio.to_thread(zygote.close)
