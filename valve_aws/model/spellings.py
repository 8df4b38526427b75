"""The spellings in which something known is looked for in what leaves: plain, base64, hexadecimal.

Knows how bytes come to stand in text, and how a stream is looked through. Does not know what is looked for.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote_from_bytes, unquote_to_bytes

BLANK = re.compile(rb"\s+")
MOST = 200
"""Places looked at in one text; a text with more is not one that an honest function writes."""


def whole(secret: bytes) -> tuple[bytes, ...]:
    """Return every spelling of a secret that has no mark to be found by.

    In base64 what stands before it shifts its letters, by none, one or two bytes; those that depend on its
    neighbours are left out.
    """
    found = [secret, secret.hex().encode()]
    if secret.isascii():
        found.append(quote_from_bytes(secret, "").encode())
    for shift in range(3):
        left = secret[-shift % 3:]
        found.append(base64.b64encode(left[:len(left) // 3 * 3]))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way in which a mark, and what follows it, stands in a text."""

    needle: bytes
    skipped: bytes
    """How the mark begins where that cannot be told from the text."""
    read: Callable[[bytes], bytes]
    stretch: float
    """Bytes of text for each byte of what it says."""
    name: str = "plain"
    letters: str = ""
    """What it is written with, "" for anything."""
    group: int = 1
    """Letters that are read together."""


def spellings(mark: bytes) -> tuple[Spelling, ...]:
    """Return the ways in which a mark may stand in a text."""
    found = [Spelling(mark, b"", bytes, 1)]
    for shift in range(3):
        skip = -shift % 3
        left = mark[skip:]
        needle = base64.b64encode(left[:len(left) // 3 * 3])
        found.append(Spelling(needle, mark[:skip], _unbase64, 4 / 3, "base64", r"A-Za-z0-9+/_-", 4))
    for text in (mark.hex().encode(), mark.hex().upper().encode()):
        found.append(Spelling(text, b"", _unhex, 2, "hexadecimal", "0-9a-fA-F", 2))
    return tuple(dict.fromkeys(found))


def percent(mark: bytes) -> Spelling:
    """Return the way in which every byte of a mark, of digits alone, is written as `%XX`."""
    needle = "".join(f"%{byte:02X}" for byte in mark).encode()
    return Spelling(needle, b"", _unpercent, 3, "percent signs", "%0-9a-fA-F", 3)


def _unbase64(text: bytes) -> bytes:
    text = BLANK.sub(b"", text).translate(bytes.maketrans(b"-_", b"+/"))
    usable = re.match(rb"[A-Za-z0-9+/]*", text)
    left = usable.group() if usable else b""
    return base64.b64decode(left[:len(left) // 4 * 4] + _rest(left))


def _rest(text: bytes) -> bytes:
    """Return the last letters of base64 with the filling that they lack."""
    over = text[len(text) // 4 * 4:]
    return over + b"=" * (4 - len(over)) if len(over) > 1 else b""


def _unhex(text: bytes) -> bytes:
    usable = re.match(rb"(?:[0-9a-fA-F]{2})*", BLANK.sub(b"", text))
    return bytes.fromhex(usable.group().decode()) if usable else b""


def _unpercent(text: bytes) -> bytes:
    usable = re.match(rb"(?:%[0-9a-fA-F]{2})*", text)
    return unquote_to_bytes(usable.group()) if usable else b""


def around(text: bytes, way: Spelling, at: int, most: int) -> tuple[bytes, int]:
    """Return what a text says around a needle that stands at `at`, at most `most` bytes to either side, and
    where in that the needle's own first byte is."""
    reach = int(most * way.stretch * 1.1) + 8
    before = text[max(0, at - reach):at]
    if way.letters:
        run = _run(way.letters).search(BLANK.sub(b"", before))
        before = run.group() if run else b""
        before = way.read(before[len(before) % way.group:])
    before = before[-most:]
    return before + way.read(text[at:at + reach])[:most], len(before)


@lru_cache
def _run(letters: str) -> re.Pattern[bytes]:
    return re.compile(rf"[{letters}]*\Z".encode())


def said(text: bytes, ways: tuple[Spelling, ...], most: int) -> Iterator[tuple[Spelling, int, bytes]]:
    """Yield (way, where, what it says from the mark on, at most `most` bytes) for every mark in a text; an
    empty one when there are more of them than are looked at."""
    count = 0
    for way in ways:
        at = text.find(way.needle)
        while at >= 0:
            count += 1
            if count > MOST:
                yield way, at, b""
                return
            # Why a tenth more: MIME breaks base64 into lines of 76.
            stretch = text[at:at + int(most * way.stretch * 1.1) + 8]
            yield way, at, (way.skipped + way.read(stretch))[:most]
            at = text.find(way.needle, at + len(way.needle))


def extent(text: bytes, way: Spelling, at: int, length: int) -> tuple[int, int]:
    """Return (start, end) of what says `length` bytes from a mark on that stands at `at`."""
    start = max(0, at - 4) if way.skipped else at
    left, end = math.ceil((length - len(way.skipped)) * way.stretch), at
    while left > 0 and end < len(text):
        left -= not BLANK.match(text, end)
        end += 1
    return start, end


WIDTH = 1024
"""Bytes of a stream that are looked at once more with the piece that follows: more than any spelling has."""


class Sieve:
    """Looks through a stream, piece by piece, with what looks through a text."""

    def __init__(self, found: Callable[[bytes], str]) -> None:
        self._found = found
        self._tail = b""

    def look(self, piece: bytes) -> str:
        """Return what stands in the stream so far, as far as it was not told before; "" when nothing
        does."""
        text = self._tail + piece
        self._tail = text[-WIDTH:]
        return self._found(text)
