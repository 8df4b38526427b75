"""What the Lambda API asks of whoever runs functions.

Knows the questions. Does not know who answers them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from valve_aws.model.invocation import Beside
from valve_aws.model.stack import Function


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an invocation came to, as it may leave."""

    payload: bytes
    failed: bool = False
    error_type: str = ""
    log: bytes = b""
    """The last 4 KiB of its log, without what may not leave."""


class Engine(Protocol):
    """Whoever runs functions. Everything is asked on one loop."""

    def unacceptable(self, payload: bytes, waits: bool, context: str) -> tuple[int, str, bytes] | None:
        """Return (status, error, body) of an event that is not begun; None when it is."""

    def wrong_tenant(self, isolates: bool, tenant: str) -> tuple[int, str, bytes] | None:
        """Return the same of an event that names a tenant where there are none, or none where there are."""

    def trace(self, given: str, active: bool) -> str:
        """Return the X-Ray header of an event whose caller has given one, or "" for none."""

    async def invoke(self, function: Function, payload: bytes, beside: Beside) -> Outcome:
        """Run a function for the operator and return what may leave."""

    async def stream(
        self, function: Function, payload: bytes, beside: Beside
    ) -> AsyncIterator[bytes | Outcome]:
        """Run a function for the operator; return what may leave of its answer piece by piece, and how it
        ended."""

    def keep(self, content: bytes) -> Path:
        """Keep a package and return where; the same content is in the same place."""

    def kept(self, name: str) -> bytes | None:
        """Return a package by the name of its file, None when there is none such."""

    async def fetch(self, bucket: str, key: str, version: str) -> bytes:
        """Return a package out of a bucket. Raises `Fault`."""

    async def network(self, subnets: Sequence[str], groups: Sequence[str]) -> str:
        """Return the id of the VPC that subnets are of, "" where nobody tells of networks. Raises `Fault`."""

    async def prepare(self, function: Function) -> str:
        """Make ready what can be made ahead; return why a function cannot be run here, "" when it can."""

    async def provide(self, function: Function, count: int) -> str:
        """Have so many environments of a version made ahead, none for 0; return why they cannot be, in the
        words of AWS's `StatusReason`, "" when they can."""

    async def adopt(self, functions: Mapping[str, Function]) -> None:
        """Take the functions as they are now, each by its name: `$LATEST` of what is deployed."""

    async def forget(self, function: Function) -> None:
        """End the environments of a version, or of a state of it, that is no more."""

    def readable(self, pattern: str) -> bool:
        """Say whether a text is a filter pattern of an event source mapping."""

    async def lacks(self, source: str) -> str:
        """Return why nothing can be read from a queue or a stream, by its ARN, in AWS's words; "" when it can
        or when that is not known."""

    def processed(self, function: Function, trigger: str) -> str:
        """Return what became of the last batch that a mapping took from a stream, in the words of AWS's
        `LastProcessingResult`; "" when it took none."""

    async def durable(
        self, operation: str, params: Mapping[str, Any]
    ) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        """Ask of a durable execution for the operator; return (status, headers, body) of what may leave."""

    def later(self, function: Function, payload: bytes, beside: Beside) -> None:
        """Have a function run for the operator, whom nobody tells what came of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A response of the API."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | AsyncIterator[bytes] = b""
