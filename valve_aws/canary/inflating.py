"""What is compressed, unpacked as far as is worth it.

Knows gzip, zlib and bare deflate (RFC 1950 to 1952), also in base64. Does not know what is looked for in it.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

MOST = 1 << 20
"""Bytes that one compressed thing is unpacked to at most: a bomb costs some milliseconds."""

AT_ONCE = 4
"""Compressed things of one kind that are unpacked in one text."""

GZIP, GZIP_64, ZLIB_64 = b"\x1f\x8b\x08", b"H4sI", b"eJ"

BEFORE = (b'"', b"=")
"""What stands before a value: the letters by which deflate in base64 begins are everywhere else by chance."""

ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")

TEXT = b"{[<"
"""How content begins that is not compressed, and is not tried."""

LETTERS = re.compile(rb"[A-Za-z0-9+/_\-\s]*")


class Inflated(NamedTuple):
    """Unpacked content, and what it was packed as."""

    content: bytes
    how: str


class Inflating:
    """Content that is compressed from its beginning, unpacked piece by piece."""

    def __init__(self, kind: int, how: str) -> None:
        self.how = how
        self._inflate = zlib.decompressobj(kind)
        self._left = MOST

    @classmethod
    def of(cls, first: bytes) -> Inflating | None:
        """Return what unpacks content that begins so; None when nothing does."""
        if first.startswith(GZIP):
            return cls(zlib.MAX_WBITS | 16, "gzip")
        if first.startswith(ZLIB):
            return cls(zlib.MAX_WBITS, "deflate")
        # Why tried: bare deflate has no mark. Other content fails within some bytes.
        if first[:1] in TEXT or not cls(-zlib.MAX_WBITS, "").feed(first):
            return None
        return cls(-zlib.MAX_WBITS, "deflate")

    def feed(self, piece: bytes) -> bytes:
        """Return what a further piece holds; nothing any more once it cannot be read, ends or is too long."""
        if self._left <= 0:
            return b""
        try:
            content = self._inflate.decompress(piece, self._left)
        except zlib.error:
            self._left = 0
            return b""
        self._left -= len(content)
        return content


def inflated(text: bytes) -> Iterator[Inflated]:
    """Yield what is compressed somewhere in a text."""
    for at in _found(text, GZIP):
        yield from _unpacked(text[at:], zlib.MAX_WBITS | 16, "gzip")
    for at in _found(text, GZIP_64):
        yield from _unpacked(_unbase64(text, at), zlib.MAX_WBITS | 16, "gzip in base64")
    starts = [at + 1 for before in BEFORE for at in _found(text, before + ZLIB_64)]
    for at in [0, *starts] if text.startswith(ZLIB_64) else starts:
        yield from _unpacked(_unbase64(text, at), zlib.MAX_WBITS, "deflate in base64")


def _found(text: bytes, needle: bytes) -> Iterator[int]:
    at = text.find(needle)
    for _ in range(AT_ONCE):
        if at < 0:
            return
        yield at
        at = text.find(needle, at + 1)


def _unpacked(packed: bytes, kind: int, how: str) -> Iterator[Inflated]:
    if content := Inflating(kind, how).feed(packed):
        yield Inflated(content, how)


def _unbase64(text: bytes, at: int) -> bytes:
    run = LETTERS.match(text, at, at + 2 * MOST)
    letters = re.sub(rb"\s+", b"", run.group() if run else b"").translate(bytes.maketrans(b"-_", b"+/"))
    return base64.b64decode(letters[: len(letters) // 4 * 4])
