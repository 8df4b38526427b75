"""What may stand in an HTTP/1.1 head, as allow-lists over bytes, and what is said when something else does.

Knows the grammar of RFC 9110 and RFC 9112, narrowed. Does not know requests, sockets or what a header is for.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT"})
"""The methods that are read. TRACE is missing by intent (RFC 9110 §9.3.8: it reflects what it was sent)."""

SNIFFED = tuple(sorted(m.encode() + b" " for m in METHODS | {"TRACE", "PRI"}))
"""How a connection that means to speak HTTP starts; `PRI ` is HTTP/2's preface (RFC 9113 §3.4)."""

PREFACE = b"PRI * HTTP/2.0\r\n"

TEXT = bytes(range(0x20, 0x7F)) + b"\t"
"""All that a field value may hold: no control character, nothing outside ASCII (RFC 9110 §5.5 without
obs-text)."""
OBS_TEXT = bytes(range(0x80, 0x100))
"""What is beyond that where nobody but the valve reads it (`Limits.obs_text`)."""

NAME = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]+")
"""A field name, `_` left out: gateways fold it into `-` (RFC 9110 §5.6.2)."""
WIDE_NAME = re.compile(r"[!#$%&'*+._^`|~0-9A-Za-z-]+")
METADATA_NAME = re.compile(r"x-amz-meta-[!#$%&'*+._^`|~0-9a-z-]+")
"""Where `_` is allowed: user metadata of an object is named by users."""

PATH = r"/(?>(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]++|%[0-9A-Fa-f]{2})*)"
QUERY = r"(?>(?:[A-Za-z0-9._~!$&'()*+,;=:@/?\[\]-]++|%[0-9A-Fa-f]{2})*)"
"""RFC 3986 §3.4; `[` and `]` beside it, which Python's `requests` sends as they are."""
TARGET = re.compile(rf"{PATH}(?:\?{QUERY})?")

NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
"""A Content-Length: no sign, no leading zero, no list, within 63 bits."""

STATUS = re.compile(r"[1-5][0-9]{2}")

DNS_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_][a-z0-9_-]{0,62})*")
PORT = re.compile(r"[1-9][0-9]{0,4}")

CONNECTION = frozenset({"close", "keep-alive", "upgrade", "te", "http2-settings"})
"""What `Connection` may name. Naming anything else asks a proxy to drop that header (RFC 9110 §7.6.1)."""

REPEATABLE = frozenset({
    "accept", "accept-charset", "accept-encoding", "accept-language", "cache-control", "connection", "cookie",
    "forwarded", "link", "pragma", "prefer", "trailer", "via", "warning", "x-forwarded-for",
})
"""Request headers that may come twice. Any other repeated one has no certain value."""

ONCE = frozenset({"authorization", "content-length", "content-type", "expect", "host", "transfer-encoding"})
"""Request headers that may never come twice, also where a server of ours hands every other one on."""

TRAILERS = re.compile(
    r"x-[!-~]+|(?:content-|repr-)?digest|server-timing|etag|expires|lambda-runtime-function-error-(?:type|body)"
)
"""What may follow a chunked body: nothing that frames, routes or authorises (RFC 9110 §6.5.1)."""


class Malformed(Exception):
    """Bytes that are not what they must be. `status` is what a client is told; `problem` is for the
    operator."""

    def __init__(self, problem: str, status: int = 400) -> None:
        super().__init__(problem)
        self.problem = problem
        self.status = status


class TooLarge(Malformed):
    """A body is longer than whoever asked for it is ready to take."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, 413)


class Slow(Malformed):
    """The other side did not send in time what it owed."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, 408)


class Gone(ConnectionError):
    """The other side closed or broke the connection."""


@lru_cache(maxsize=1024)
def field_name(written: str) -> str:
    """Return a request's field name in lower case; raises Malformed."""
    lower = written.lower()
    if len(written) > 256 or not (NAME.fullmatch(written) or METADATA_NAME.fullmatch(lower)):
        raise Malformed(f"the header name `{shown(written)}` has a character that is not allowed")
    return lower


@lru_cache(maxsize=1024)
def wide_field_name(written: str) -> str:
    """Return a response's field name in lower case, `_` allowed; raises Malformed."""
    if len(written) > 256 or not WIDE_NAME.fullmatch(written):
        raise Malformed(f"the header name `{shown(written)}` has a character that is not allowed")
    return written.lower()


@lru_cache(maxsize=1024)
def authority(text: str, default: int = 0) -> tuple[str, int]:
    """Read `host[:port]` (RFC 3986 §3.2 without user information) into a lower-case host and a port, 0 for
    none.

    One trailing dot is dropped: `s3.amazonaws.com.` is the same host. An IPv6 address keeps no brackets, and
    has one spelling (RFC 5952).
    Raises Malformed.
    """
    lowered = text.lower()
    if lowered.startswith("["):
        host, bracket, tail = lowered[1:].partition("]")
        host = address_6(host)
        fits = bool(bracket and host)
        colon, port = tail[:1], tail[1:]
    else:
        host, colon, port = lowered.partition(":")
        tail = colon + port
        host = host.removesuffix(".")
        fits = DNS_NAME.fullmatch(host) is not None
    if not fits or (tail and (colon != ":" or not PORT.fullmatch(port) or int(port) > 65535)):
        raise Malformed(f"`{shown(text)}` is not a host with an optional port")
    return host, int(port) if port else default


def address_6(text: str) -> str:
    """Return an IPv6 address in its one spelling, "" for what is none."""
    try:
        return str(ipaddress.IPv6Address(text)) if "%" not in text else ""
    except ValueError:
        return ""


def shown(given: str | bytes, most: int = 60) -> str:
    """Return what came from the attacker in a form that is safe to print: cut, unprintable characters
    escaped."""
    text = given if isinstance(given, str) else given.decode("latin-1")
    safe = "".join(c if " " <= c <= "~" and c != "`" else f"\\x{ord(c):02x}" for c in text[:most])
    return safe + ("..." if text[most:] else "")
