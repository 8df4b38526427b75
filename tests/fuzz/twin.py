"""HTTP/1.1 requests read a second time, by regular expressions over the whole text.

Knows RFC 9112 narrowed as the specification says. Shares no code with the reader that it is held against.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

FIELD = rb"[!#$%&'*+.^`|~0-9A-Za-z_-]+:[\t\x20-\x7e]*\r\n"
HEAD = re.compile(rb"(?:\r\n)?([A-Z]+) ([!-~]+) HTTP/1\.([01])\r\n((?:" + FIELD + rb")*)\r\n")
CHUNK = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[\t\x20-\x7e]*)?\r\n")
TRAILERS = re.compile(rb"((?:" + FIELD + rb")*)\r\n")
NUMBER = re.compile(rb"(?:0|[1-9][0-9]{0,17})")


class NoRequest(Exception):
    """What stands here is no whole request in the narrow grammar."""


@dataclass(frozen=True, slots=True)
class Message:
    """One request; `headers` with lower-case names and stripped values."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    end: int
    """Where the next one begins."""


def message(text: bytes, at: int) -> Message:
    """Return the request that begins at `at`; raises NoRequest."""
    found = HEAD.match(text, at)
    if not found:
        raise NoRequest
    headers = fields(found[4])
    lengths = [v for n, v in headers if n == "content-length"]
    codings = [v.lower() for n, v in headers if n == "transfer-encoding"]
    if codings:
        if codings != ["chunked"] or lengths or found[3] != b"1":
            raise NoRequest
        body, end = chunks(text, found.end())
    elif lengths:
        if len(lengths) != 1 or not NUMBER.fullmatch(lengths[0].encode()):
            raise NoRequest
        end = found.end() + int(lengths[0])
        body = text[found.end() : end]
        if end > len(text):
            raise NoRequest
    else:
        body, end = b"", found.end()
    return Message(found[1].decode(), found[2].decode(), headers, body, end)


def fields(block: bytes) -> tuple[tuple[str, str], ...]:
    """Return field lines as pairs."""
    pairs = [line.decode().partition(":") for line in block.split(b"\r\n") if line]
    return tuple((name.lower(), value.strip(" \t")) for name, _, value in pairs)


def chunks(text: bytes, at: int) -> tuple[bytes, int]:
    """Return a chunked body and where it ends; raises NoRequest."""
    body = b""
    while found := CHUNK.match(text, at):
        size, at = int(found[1], 16), found.end()
        if not size:
            trailers = TRAILERS.match(text, at)
            if not trailers:
                break
            return body, trailers.end()
        if text[at + size : at + size + 2] != b"\r\n":
            break
        body, at = body + text[at : at + size], at + size + 2
    raise NoRequest
