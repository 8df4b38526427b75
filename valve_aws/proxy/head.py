"""The first lines of a request or a response, read strictly.

Knows request lines, status lines, headers and how they frame a body. Does not know sockets nor what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from valve_aws.proxy.grammar import (
    CONNECTION,
    METHODS,
    NUMBER,
    OBS_TEXT,
    ONCE,
    REPEATABLE,
    STATUS,
    TARGET,
    TEXT,
    TRAILERS,
    Malformed,
    authority,
    field_name,
    shown,
    wide_field_name,
)
from valve_aws.proxy.limits import Limits

Fields = tuple[tuple[str, str], ...]

CHUNKED = -1
"""As a body's length: the transfer coding tells where it ends."""
FRAMING = frozenset({"transfer-encoding", "content-length"})

UNTIL_CLOSE = -2
"""As a response's length: it ends with the connection (RFC 9112 §6.3 rule 8)."""

KEPT = 256
"""Field lines that are kept in mind, and characters of the longest of them."""
OTHER_EACH_TIME = frozenset({
    "amz-sdk-invocation-id", "authorization", "content-length", "cookie", "proxy-authorization", "set-cookie",
    "x-amz-id-2", "x-amz-request-id", "x-amzn-requestid",
})
"""Headers whose lines do not come again, or are nothing to keep."""


class Known(dict[str, tuple[str, str]]):
    """Field lines with what they say, (name in lower case, value without the space around it).

    Why kept in mind: all but a few lines of a head are those of the head before. Invariant: what is in here
    was read without fault, and is found by exactly the same characters; there is a bound to all of it.
    """

    __slots__ = ("_name_of",)

    def __init__(self, name_of: Callable[[str], str]) -> None:
        super().__init__()
        self._name_of = name_of

    @classmethod
    def within(cls, limits: Limits) -> Known:
        """Return the memory of a client whose requests are read within these limits."""
        return cls(wide_field_name if limits.wide else field_name)

    @classmethod
    def of_answers(cls) -> Known:
        """Return the memory of those who are asked, whatever names their headers have."""
        return cls(wide_field_name)

    def __missing__(self, line: str) -> tuple[str, str]:
        """Read a line that was not there before; raises Malformed."""
        read = field(line, self._name_of)
        if len(line) <= KEPT and read[0] not in OTHER_EACH_TIME:
            if len(self) >= KEPT:
                self.clear()
            self[line] = read
        return read


class RequestHead(NamedTuple):
    """A request's first lines. `target` is in origin-form; for CONNECT it is the authority, `host:port`."""

    method: str
    target: str
    scheme: str
    """What an absolute-form target said, `http` or `https`; "" for the usual path."""
    headers: Fields
    host: str
    port: int
    """As the Host header or the absolute target says, 0 when they do not."""
    length: int
    """Of the body in bytes; 0 for none, or `CHUNKED`."""
    persistent: bool
    """The connection may carry another request after this one."""
    continues: bool
    """The client waits for `100 Continue` before it sends the body."""
    chunks: bool
    """The client understands the chunked coding (HTTP/1.1)."""
    lines: tuple[str, ...] = ()
    """The headers as they were written, without their line ends."""


class ResponseHead(NamedTuple):
    """A response's first lines. `length` is that of the body that follows, `declared` what Content-Length
    says."""

    status: int
    headers: Fields
    length: int
    declared: int | None
    persistent: bool


def read_request(head: bytes, limits: Limits, known: Known) -> RequestHead:
    """Read the bytes before the empty line. Raises Malformed; what is returned has exactly one meaning.

    Source: RFC 9112 §3 to §6, narrowed.
    """
    line, *lines = split(head, limits)
    method, target, newer = request_line(line, limits)
    headers = fields(lines, known)
    single = dict(headers)
    if len(single) != len(headers):
        _once(headers, single.keys() & ONCE if limits.wide else single.keys() - REPEATABLE)
    given = single.get("host")
    host, port = authority(given) if given is not None else ("", 0)
    if given is None and not (method == "CONNECT" and not newer):
        raise Malformed("there is no Host header")
    scheme = ""
    if not target.startswith("/"):
        scheme, host, port, target = absolute(method, target, host, port)
    if method != "CONNECT":
        check_target(target)
    length = framing(single, newer)
    options = connection_options(headers) if "connection" in single else set()
    expect = single.get("expect", "").lower()
    if expect not in ("", "100-continue"):
        raise Malformed(f"the expectation `{shown(expect)}` is not known", 417)
    if method == "CONNECT" and length:
        raise Malformed("a CONNECT request has a body")
    return RequestHead(method, target, scheme, headers, host, port, length, newer and "close" not in options,
                       bool(expect) and newer and length != 0, newer, tuple(lines))


def certain(headers: Fields) -> None:
    """Raise Malformed for headers that only a wide reading takes (`Limits.wide`)."""
    for name, _ in headers:
        field_name(name)
    _once(headers, {name for name, _ in headers} - REPEATABLE)


def _once(headers: Fields, single: Iterable[str]) -> None:
    names = [name for name, _ in headers]
    for name in single:
        if names.count(name) > 1:
            raise Malformed(f"the header `{name}` comes more than once")


def split(head: bytes, limits: Limits) -> list[str]:
    """Return the lines of a head; raises Malformed for any byte that no line may hold."""
    lines = head.decode("latin-1").split("\r\n")
    ends = len(lines) - 1
    if head.translate(None, TEXT + OBS_TEXT if limits.obs_text else TEXT) != b"\r\n" * ends:
        raise Malformed("the head has a control character, a byte outside ASCII, or a lone CR or LF")
    if ends > limits.headers:
        raise Malformed(f"there are more than {limits.headers} headers", 431)
    return lines


def request_line(line: str, limits: Limits) -> tuple[str, str, bool]:
    """Return method, target and whether this is HTTP/1.1 (else 1.0), RFC 9112 §3."""
    parts = line.split(" ")
    if len(parts) != 3 or "" in parts or "\t" in line:
        raise Malformed(f"`{shown(line)}` is not a request line: method, target, version")
    method, target, version = parts
    if version not in ("HTTP/1.1", "HTTP/1.0"):
        raise Malformed(f"the version `{shown(version)}` is not spoken here", 505)
    if method not in METHODS:
        raise Malformed(f"the method `{shown(method)}` is not known", 501)
    if len(target) > limits.target:
        raise Malformed(f"the request target is longer than {limits.target} bytes", 414)
    return method, target, version == "HTTP/1.1"


def check_target(target: str) -> None:
    """Raise Malformed unless this is a target in origin-form (RFC 9112 §3.2.1)."""
    if not TARGET.fullmatch(target):
        raise Malformed(f"the target `{shown(target)}` has a character that must be percent-encoded")


def absolute(method: str, target: str, host: str, port: int) -> tuple[str, str, int, str]:
    """Read a target in authority-form (CONNECT) or absolute-form, which must name what Host names (RFC 9112
    §3.2).

    Returns scheme, host, port and the target as `RequestHead` has it.
    """
    if method == "CONNECT":
        named, wanted = authority(target)
        if not wanted:
            raise Malformed(f"`{shown(target)}` does not say which port to connect to")
        if host and (host != named or port not in (0, wanted)):
            raise Malformed("the CONNECT target and the Host header disagree")
        return "", named, wanted, f"[{named}]:{wanted}" if ":" in named else f"{named}:{wanted}"
    scheme, colon, rest = target.partition("://")
    default = {"http": 80, "https": 443}.get(scheme.lower())
    if not colon or default is None:
        raise Malformed(f"the request target `{shown(target)}` is neither a path nor an http URL")
    cut = min((i for i in map(rest.find, "/?") if i >= 0), default=len(rest))
    named, wanted = authority(rest[:cut])
    if named != host or (wanted or default) != (port or default):
        raise Malformed("the request target and the Host header name different hosts")
    path = rest[cut:] if rest[cut:].startswith("/") else "/" + rest[cut:]
    return scheme.lower(), host, port or wanted, path


def fields(lines: list[str], known: Known) -> Fields:
    """Read field lines (RFC 9112 §5): no folding, no space around the name, values stripped."""
    return tuple(map(known.__getitem__, lines))


def field(line: str, name_of: Callable[[str], str]) -> tuple[str, str]:
    """Read one field line."""
    name, colon, value = line.partition(":")
    if not colon:
        raise Malformed(f"`{shown(line)}` is not a header: there is no colon, or the line was folded")
    return name_of(name), value.strip(" \t")


def framing(single: Mapping[str, str], newer: bool) -> int:
    """Return how long the body is: bytes, 0 when nothing says so, or `CHUNKED` (RFC 9112 §6.3).

    Neither of the two headers that say so may have come twice.
    """
    coding, length = single.get("transfer-encoding"), single.get("content-length")
    if coding is not None:
        if length is not None:
            raise Malformed("Transfer-Encoding and Content-Length contradict each other")
        if coding.lower() != "chunked":
            raise Malformed(f"the transfer coding `{shown(coding)}` is not `chunked`", 501)
        if not newer:
            raise Malformed("HTTP/1.0 has no transfer coding")
        return CHUNKED
    if length is None:
        return 0
    if not NUMBER.fullmatch(length):
        raise Malformed(f"the content length `{shown(length)}` is not one plain number")
    return int(length)


def options_of(headers: Fields) -> set[str]:
    """Return the options of all `Connection` headers, lower case."""
    return {o.strip(" \t").lower() for n, v in headers if n == "connection" for o in v.split(",")} - {""}


def connection_options(headers: Fields) -> set[str]:
    """Return the options of a request's `Connection`; raises Malformed for one that names some other
    header."""
    options = options_of(headers)
    if options - CONNECTION:
        raise Malformed(f"`Connection` names `{shown(min(options - CONNECTION))}`")
    return options


def read_response(head: bytes, method: str, limits: Limits, known: Known | None = None) -> ResponseHead:
    """Read an upstream's response to a `method` request, as strictly; `known` as in `Known.of_answers`.
    Raises Malformed."""
    line, *lines = split(head, limits)
    version, _, rest = line.partition(" ")
    code = rest.partition(" ")[0]
    if version not in ("HTTP/1.1", "HTTP/1.0") or not STATUS.fullmatch(code):
        raise Malformed(f"`{shown(line)}` is not a status line")
    newer, status = version == "HTTP/1.1", int(code)
    headers = fields(lines, Known.of_answers() if known is None else known)
    single = dict(headers)
    if len(single) != len(headers) and sum(n in FRAMING for n, _ in headers) > 1:
        raise Malformed("the answer says more than once where its body ends")
    length = framing(single, newer)
    declared = length if "content-length" in single else None
    if method == "HEAD" or status < 200 or status in (204, 304):
        length = 0
    elif declared is None and length != CHUNKED:
        length = UNTIL_CLOSE
    options = options_of(headers) if "connection" in single else set()
    lasting = (newer or "keep-alive" in options) and "close" not in options
    return ResponseHead(status, headers, length, declared, lasting and length != UNTIL_CLOSE)


def read_trailers(block: bytes, limits: Limits) -> Fields:
    """Read what follows the last chunk. Raises Malformed for a field that may only stand in a head."""
    if not block:
        return ()
    if len(lines := split(block, limits)) > limits.trailers:
        raise Malformed(f"there are more than {limits.trailers} trailers")
    found = tuple([field(line, field_name) for line in lines])
    for name, _ in found:
        if not TRAILERS.fullmatch(name):
            raise Malformed(f"the header `{name}` may not come after the body")
    if len({n for n, _ in found}) != len(found):
        raise Malformed("a trailer comes more than once")
    return found
