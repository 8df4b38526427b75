"""What is compressed, unpacked as far as is worth it.

Knows gzip, zlib and bare deflate (RFC 1950 to 1952), also in base64. Does not know what is looked for in it.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Iterator
from itertools import islice

MOST = 1 << 20
"""Bytes that one compressed thing is unpacked to at most: a bomb costs some milliseconds."""

AT_ONCE = 4
"""Compressed things of one kind that are begun in one piece of a text."""

GZIP, GZIP_64 = b"\x1f\x8b\x08", b"H4sI"

ZLIB_64 = re.compile(rb"e[AFJN]")
"""Why an expression: with one letter that stands fast it is as quick as looking for one text."""

BEFORE = b'"='
"""What stands before a value: the letters by which deflate in base64 begins are everywhere else by chance."""

EDGE = 3
"""Bytes of a text by which the next piece may end a mark: all of `H4sI` but its last."""

ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")

TEXT = b"{[<"
"""How content begins that is not compressed, and is not tried."""

LETTERS = re.compile(rb"[A-Za-z0-9+/_\-\s]*")


class Inflating:
    """Content that is compressed from its beginning, unpacked piece by piece."""

    def __init__(self, kind: int, how: str) -> None:
        self.how = how
        self._inflate = zlib.decompressobj(kind)
        self._left = MOST

    @classmethod
    def of(cls, first: bytes) -> Inflating | None:
        """Return what unpacks content that begins so; None when nothing does, or `begun` finds it."""
        if first.startswith(GZIP):
            return None
        if first.startswith(ZLIB):
            return cls(zlib.MAX_WBITS, "deflate")
        # Why tried: bare deflate has no mark. Other content fails within some bytes.
        if first[:1] in TEXT or not cls(-zlib.MAX_WBITS, "").feed(first):
            return None
        return cls(-zlib.MAX_WBITS, "deflate")

    @property
    def open(self) -> bool:
        """Say whether a further piece may hold anything."""
        return self._left > 0 and not self._inflate.eof

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


class Packed:
    """Something compressed that begins within a text, unpacked as the text comes."""

    def __init__(self, kind: int, how: str, spelled: bool = False) -> None:
        """`spelled`: it stands there in base64."""
        self.how = how
        self._inflating, self._spelled = Inflating(kind, how), spelled
        self._letters = b""
        """Those of base64 that do not make a whole group yet."""
        self._ended = False

    @property
    def open(self) -> bool:
        """Say whether more of the text may belong to it."""
        return not self._ended and self._inflating.open

    def feed(self, piece: bytes) -> bytes:
        """Return what a further piece of the text holds of it."""
        return self._inflating.feed(self._unbase64(piece) if self._spelled else piece)

    def _unbase64(self, piece: bytes) -> bytes:
        found = LETTERS.match(piece)
        run = found.group() if found else b""
        self._ended = len(run) < len(piece)
        letters = self._letters + re.sub(rb"\s+", b"", run).translate(bytes.maketrans(b"-_", b"+/"))
        whole = len(letters) // 4 * 4
        self._letters = letters[whole:]
        return base64.b64decode(letters[:whole])


def begun(text: bytes, before: int) -> Iterator[tuple[int, Packed]]:
    """Yield (where, what unpacks it) for everything compressed that begins in a text, of which the first
    `before` bytes were looked at already."""
    for at in _found(text, GZIP, before):
        yield at, Packed(zlib.MAX_WBITS | 16, "gzip")
    for at in _found(text, GZIP_64, before):
        yield at, Packed(zlib.MAX_WBITS | 16, "gzip in base64", True)
    starts = (found.start() for found in ZLIB_64.finditer(text, max(1, before - 1)))
    for at in islice((at for at in starts if text[at - 1] in BEFORE), AT_ONCE):
        yield at, Packed(zlib.MAX_WBITS, "deflate in base64", True)


def _found(text: bytes, mark: bytes, before: int) -> Iterator[int]:
    at = text.find(mark, max(0, before - len(mark) + 1))
    for _ in range(AT_ONCE):
        if at < 0:
            return
        yield at
        at = text.find(mark, at + 1)
