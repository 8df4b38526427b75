"""Replies as clients read them: those that are made here, and what is there of those that came.

Knows botocore's way and aiobotocore's, which awaits what botocore returns. Does not know what a reply means.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from inspect import isawaitable, iscoroutinefunction
from typing import Any

from botocore.endpoint import convert_to_response_dict


class Held:
    """A body that is there already, as botocore reads one off a connection."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, amount: int | None = None, **_: Any) -> bytes:
        """Return the next bytes."""
        piece = self._body if amount is None else self._body[:amount]
        self._body = self._body[len(piece) :]
        return piece

    def stream(self, amount: int | None = None, **_: Any) -> Any:
        """Yield what is left."""
        while piece := self.read(amount):
            yield piece

    def at_eof(self) -> bool:
        """Return whether nothing is left."""
        return not self._body

    def close(self) -> None:
        """Nothing is open."""


class HeldLater:
    """The same, as aiobotocore reads one: a response of aiohttp, whose content is awaited."""

    def __init__(self, body: bytes) -> None:
        self.content = self
        self._held = Held(body)
        self.at_eof, self.close = self._held.at_eof, self._held.close

    async def read(self, amount: int | None = None) -> bytes:
        """Return the next bytes."""
        return self._held.read(None if amount is None or amount < 0 else amount)


@dataclass(frozen=True, slots=True)
class Arrived:
    """What came back, as far as it is here; a stream is its reader's."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


async def arrived(http: Any, operation: Any) -> Arrived:
    """Return what came to a client of aiobotocore, which has read it all but for a stream."""
    streams = operation.has_streaming_output or operation.has_event_stream_output
    content: Any = b"" if streams and http.status_code < 300 else http.content
    return Arrived(http.status_code, http.headers, await content if isawaitable(content) else content)


def parsed(parser: Any, http: Any, body: bytes, operation: Any) -> dict[str, Any]:
    """Return an answer that came over no wire as a client's own parser reads it."""
    found: dict[str, Any]
    if not iscoroutinefunction(parser.parse):
        found = parser.parse(convert_to_response_dict(http, operation), operation.output_shape)
        return found
    # Why here: whoever has such a parser has loaded these.
    from aiobotocore import awsrequest, endpoint

    later = awsrequest.AioAWSResponse("", http.status_code, http.headers, HeldLater(body))
    said = _at_once(endpoint.convert_to_response_dict(later, operation))
    found = _at_once(parser.parse(said, operation.output_shape))
    return found


def _at_once(coming: Coroutine[Any, Any, Any]) -> Any:
    """Return what a coroutine comes to that has nothing to wait for: all that it reads is there."""
    try:
        coming.send(None)
    except StopIteration as done:
        return done.value
    coming.close()
    raise RuntimeError("a reply that is here whole was waited for")
