"""One HTTP request as an API sees it, and its answer.

Knows what of them an event or a result speaks of. Does not know how they are framed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote


@dataclass(frozen=True, slots=True)
class Asked:
    """A whole request; `ident` and `time` are given to it when it comes in."""

    method: str
    path: str
    """As it was sent, percent-encoded."""
    query: str
    headers: tuple[tuple[str, str], ...]
    """Names as the client spelled them, in the order sent."""
    body: bytes
    source: str
    """The client's address."""
    ident: str
    """A UUID."""
    time: float
    """Seconds since the epoch."""
    trace: str = ""
    port: int = 443

    def header(self, name: str) -> str | None:
        """Return the last value of a header, None when there is none."""
        return next((v for n, v in reversed(self.headers) if n.lower() == name), None)

    @property
    def media(self) -> str:
        """Return the media type of the body, without parameters, lower case."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """Return the query's parameters, decoded, in the order sent."""
        return parse_qsl(self.query, keep_blank_values=True)

    @property
    def plain_path(self) -> str:
        """Return the path decoded."""
        return unquote(self.path)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | AsyncIterator[bytes] = b""
    """Piece by piece where a function's response is handed on as it makes it."""


JSON = ("Content-Type", "application/json")


def told(status: int, content: Any, *headers: tuple[str, str]) -> Answer:
    """Return an answer of the gateway's own, in JSON as AWS spells it."""
    return Answer(status, (JSON, *headers), json.dumps(content, separators=(",", ":")).encode())
