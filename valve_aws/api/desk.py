"""What every operation of the Lambda API has at hand.

Knows the registry, the engine, and where time and chance come from. Does not know any operation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

from valve_aws.api.fault import Fault, not_covered
from valve_aws.api.ports import Engine
from valve_aws.api.registry import Registry
from valve_aws.model.stack import Function


@dataclass(frozen=True, slots=True)
class Desk:
    """One account and region. On one loop."""

    registry: Registry
    engine: Engine
    ident: Callable[[], str]
    """A new UUID."""
    now: Callable[[], float]
    """Seconds since the epoch."""
    draw: Callable[[], float]
    """A number in [0, 1)."""
    address: Callable[[str], str] = "https://{}.lambda-url.us-east-1.on.aws/".format
    """Id of a function URL → where it answers."""
    wire: Callable[[Registry], Mapping[str, Function]] = lambda registry: {
        name: each.latest.function for name, each in registry.functions.items()
    }
    """What there is → each function by its name, with what wakes it."""
    tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    """What goes on behind an answer."""

    async def changed(self) -> None:
        """Let the engine know of the functions as they are now."""
        await self.engine.adopt(self.wire(self.registry))

    def behind(self, course: Coroutine[Any, Any, None]) -> None:
        """Go on with something once the answer is given."""
        task = asyncio.ensure_future(course)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def lacking(self, what: str) -> Fault:
        """Return the error of something that is not covered."""
        return not_covered(what)
