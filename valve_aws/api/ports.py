"""What the Lambda API asks of whoever runs functions.

Knows the questions. Does not know who answers them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from valve_aws.model.invocation import Beside
from valve_aws.model.stack import Function


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation came to, as it may leave."""

    payload: bytes
    failed: bool = False
    log: bytes = b""
    """The last 4 KiB of its log, without what may not leave."""


class Engine(Protocol):
    """Whoever runs functions. Everything is asked on one loop."""

    def unacceptable(self, payload: bytes, waits: bool, context: str) -> tuple[int, str, bytes] | None:
        """Return (status, error, body) of an event that is not begun; None when it is."""

    async def invoke(self, function: Function, payload: bytes, beside: Beside) -> Outcome:
        """Run a function for the operator and return what may leave."""

    def later(self, function: Function, payload: bytes, beside: Beside) -> None:
        """Have a function run for the operator, whom nobody tells what came of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of the API."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | AsyncIterator[bytes] = b""
