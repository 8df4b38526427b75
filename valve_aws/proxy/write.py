"""Heads written anew: every byte of them is checked, so that no value can end a line or start a second
message.

Knows how a head is spelled. Does not know who it goes to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from http import HTTPStatus

from valve_aws.proxy.grammar import METHODS, TEXT, WIDE_NAME, Malformed
from valve_aws.proxy.head import check_target

OWNED = frozenset({
    "connection", "content-length", "expect", "http2-settings", "keep-alive", "proxy-authenticate",
    "proxy-authorization", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
})
"""Headers of one connection, not of a message: whoever writes the head sets them, and nobody hands them
on."""

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
TUNNEL = b"HTTP/1.1 200 Connection established\r\n\r\n"

NO_BODY = frozenset({204, 304})


class Names(dict[str, str]):
    """Header names in lower case, "" for those that belong to the connection and are not written out.

    Raises ValueError for what cannot be a name. Why kept in mind: the same few come with each message.
    """

    __slots__ = ()

    def __missing__(self, name: str) -> str:
        """Check a name that was not there before."""
        if not WIDE_NAME.fullmatch(name):
            raise ValueError(f"`{name!a}` cannot be a header name")
        lower = name.lower()
        if len(self) >= 1024:
            self.clear()
        written = self[name] = "" if lower in OWNED else lower
        return written


NAMES = Names()


def lines(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return field lines, the connection's own ones left out; raises ValueError for a value that no line
    can hold.

    Invariant: as many line ends as fields, and no other byte outside of `TEXT`.
    """
    written = [f"{name}: {value}\r\n" for name, value in headers if NAMES[name]]
    try:
        out = "".join(written).encode("ascii")
    except UnicodeEncodeError as error:
        raise ValueError("the value of a header has a character outside ASCII") from error
    if out.translate(None, TEXT) != b"\r\n" * len(written):
        raise ValueError("the value of a header has a character that cannot be sent")
    return out


@lru_cache(maxsize=64)
def status_line(status: int) -> bytes:
    """Return the first line of a response; raises ValueError for what is no final status."""
    if not 200 <= status <= 599:
        raise ValueError(f"{status} is not the status of a final response")
    phrase = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else ""
    return b"HTTP/1.1 %d %s\r\n" % (status, phrase.encode("ascii"))


def frame(length: int | None, chunked: bool) -> bytes:
    """Return the line that says where the body ends, b"" when the connection's end does."""
    if chunked:
        return b"transfer-encoding: chunked\r\n"
    return b"" if length is None else b"content-length: %d\r\n" % length


def response_head(status: int, headers: Iterable[tuple[str, str]], framing: bytes, keep: bool) -> bytes:
    """Return a response's head with its empty line."""
    last = b"\r\n" if keep else b"connection: close\r\n\r\n"
    return b"".join((status_line(status), lines(headers), framing, last))


def request_head(method: str, target: str, headers: Sequence[tuple[str, str]], framing: bytes) -> bytes:
    """Return a request's head with its empty line. `headers` must name the host once. Raises ValueError."""
    if method not in METHODS or method == "CONNECT":
        raise ValueError(f"`{method!a}` is not a method that is sent")
    try:
        check_target(target)
    except Malformed as error:
        raise ValueError(error.problem) from error
    start = f"{method} {target} HTTP/1.1\r\n".encode()
    written = lines(headers)
    if [NAMES[name] for name, _ in headers].count("host") != 1:
        raise ValueError("a request names its host exactly once")
    return b"".join((start, written, framing, b"\r\n"))


def chunk(content: bytes) -> bytes:
    """Return one chunk; `content` is not empty."""
    return b"%x\r\n%s\r\n" % (len(content), content)


LAST_CHUNK = b"0\r\n\r\n"
