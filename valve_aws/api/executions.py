"""Durable executions: how one stands, what one that waits is told, and its end.

Knows which operations name one. Does not know where executions are kept.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from valve_aws.api.desk import Desk
from valve_aws.api.ports import Answer

JSON = ("Content-Type", "application/json")

OPERATIONS = (
    "GetDurableExecution",
    "GetDurableExecutionHistory",
    "StopDurableExecution",
    "SendDurableExecutionCallbackSuccess",
    "SendDurableExecutionCallbackFailure",
    "SendDurableExecutionCallbackHeartbeat",
)
"""What the operator asks. What steps have come to, a function alone says."""


def asking(operation: str) -> Callable[[Desk, Mapping[str, Any]], Awaitable[Answer]]:
    """Return what carries out one of `OPERATIONS`."""

    async def asked(desk: Desk, params: Mapping[str, Any]) -> Answer:
        given = {name: value for name, value in params.items() if not name.startswith("@")}
        status, headers, body = await desk.engine.durable(operation, given)
        return Answer(status, (JSON, *headers), body)

    return asked
