"""The HTTP reader: what it takes, another reader takes too and in the same way; nothing else comes out of it.

Knows what must hold for any bytes. Does not know which bytes are worth trying.
"""

from __future__ import annotations

import random
import zlib
from dataclasses import dataclass
from typing import Any

from tests.fuzz import twin
from valve_aws.proxy import write
from valve_aws.proxy.grammar import Gone, Malformed
from valve_aws.proxy.head import CHUNKED, RequestHead
from valve_aws.proxy.inbox import Inbox
from valve_aws.proxy.limits import LIMITS
from valve_aws.proxy.reader import Reader

AFTER = b"GET /after HTTP/1.1\r\nhost: after\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Taken:
    """One request that was read to its end."""

    head: RequestHead
    body: bytes
    trailers: Any


def readings(pieces: list[bytes]) -> tuple[list[Taken], str, int]:
    """Return the whole requests in what arrives piece by piece, how it ended, and how much was left."""
    reader = Reader(Inbox(), LIMITS)
    found: list[Taken] = []
    head: RequestHead | None = None
    body: list[bytes] = []
    left = 0
    try:
        for piece in [*pieces, b""]:
            reader.inbox.feed(piece)
            while True:
                if head is None:
                    if (head := reader.head()) is None:
                        break
                    if head.method == "CONNECT":
                        return found, f"tunnel to {head.target}", len(reader.inbox)
                while taken := reader.take():
                    body.append(taken)
                if not reader.body.done:
                    break
                found.append(Taken(head, b"".join(body), reader.body.trailers))
                head, body, left = None, [], len(reader.inbox)
    except Malformed as broken:
        return found, f"refused {broken.status}", left
    except Gone:
        return found, "gone", left
    return found, "ended", left


def split(text: bytes) -> list[bytes]:
    """Cut a text at places that depend on it alone."""
    rnd = random.Random(zlib.crc32(text))
    if len(text) < 400 and rnd.random() < 0.3:
        return [text[i : i + 1] for i in range(len(text))]
    cuts = sorted(rnd.randrange(len(text) + 1) for _ in range(rnd.randrange(1, 6)))
    return [p for p in (text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)) if p]


def run(text: bytes) -> None:
    """Raise for bytes that are read in two ways, or that make the reader fail in another way than it says."""
    if not text:
        return
    whole = readings([text])
    parts = readings(split(text))
    assert whole[:2] == parts[:2], "another way of cutting gives another reading"
    at = 0
    for taken in whole[0]:
        try:
            other = twin.message(text, at)
        except twin.NoRequest:
            raise AssertionError(f"taken, although it is no request: {taken}") from None
        at = other.end
        head = taken.head
        assert (other.method, other.headers, other.body) == (head.method, head.headers, taken.body)
        assert other.target == head.target or head.scheme
        anew(taken)


def anew(taken: Taken) -> None:
    """Write a request as it goes upstream; it must be one request, and what follows it the next."""
    head = taken.head
    headers = [("host", head.host), *((n, v) for n, v in head.headers if n != "host")]
    chunked = head.length == CHUNKED
    framing = write.frame(len(taken.body), chunked)
    content = (write.chunk(taken.body) if taken.body else b"") + write.LAST_CHUNK if chunked else taken.body
    sent = write.request_head(head.method, head.target, headers, framing) + content
    first = twin.message(sent + AFTER, 0)
    assert (first.method, first.target, first.body) == (head.method, head.target, taken.body)
    assert sent[: first.end] == sent, "what was written is more than one request"
