"""What every operation of the Lambda API has at hand.

Knows the registry, the engine, and where time and chance come from. Does not know any operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from valve_aws.api.ports import Engine
from valve_aws.api.registry import Registry


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
