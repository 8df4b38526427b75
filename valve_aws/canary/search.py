"""Pieces of decoys in one text, in every spelling that is looked for.

Knows spellings. Does not know what is compressed, nor when pieces make a whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from valve_aws.canary.decoy import MARK_LENGTH, Decoy, Flock
from valve_aws.model.spellings import MOST, Spelling, around, percent, spellings

REACH = 48
"""Bytes to either side of a mark that are compared: more than any decoy has."""

LEAST = MARK_LENGTH + 1
"""Bytes of a decoy in a row that are taken for a piece of it: a mark and one more."""


class Piece(NamedTuple):
    """A part of a decoy that stands in a text."""

    decoy: Decoy
    start: int
    end: int
    how: str


class Search:
    """Looks for one flock."""

    def __init__(self, flock: Flock) -> None:
        self._decoys = tuple(flock)
        forward = (*spellings(flock.mark), percent(flock.mark))
        backward = (replace(way, needle=way.needle[::-1], name=f"{way.name}, reversed") for way in forward)
        ways = {way.needle: (way, way.needle) for way in forward}
        # Why these: a text that was spelled and then turned round; one that was turned first has the mark.
        for way, turned in zip(forward, backward, strict=True):
            ways.setdefault(turned.needle, (replace(way, name=turned.name), turned.needle))
        self._ways = tuple((way, needle, needle != way.needle) for way, needle in ways.values())

    def pieces(self, text: bytes) -> Iterator[Piece]:
        """Yield every piece that stands in a text."""
        for way, needle, turned in self._ways:
            at, count = text.find(needle), 0
            while at >= 0 and count < MOST:
                yield from self._at(text, way, at, turned)
                at, count = text.find(needle, at + 1), count + 1

    def _at(self, text: bytes, way: Spelling, at: int, turned: bool) -> Iterator[Piece]:
        if turned:
            # Why a window: only that much is turned round.
            wide = int(REACH * way.stretch * 1.1) + 8
            end = at + len(way.needle)
            low, high = max(0, at - wide), min(len(text), end + wide)
            text, at = text[low:high][::-1], high - end
        said, place = around(text, way, at, REACH)
        said = said.lower()
        for decoy in self._decoys:
            for piece, backwards in _aligned(said, place, len(way.skipped), decoy):
                how = way.name + (", reversed" if backwards and not turned else "")
                yield Piece(decoy, *piece, how)


def _aligned(said: bytes, place: int, skipped: int, decoy: Decoy) -> Iterator[tuple[tuple[int, int], bool]]:
    """Yield (what of a decoy's body stands there, and whether backwards), where a mark lies `skipped` bytes
    before `place`."""
    length = len(decoy.body)
    for backwards in (False, True):
        body = decoy.body[::-1] if backwards else decoy.body
        for mark in decoy.marks:
            first = length - mark - MARK_LENGTH if backwards else mark
            start = end = first + skipped
            low = high = place
            while start > 0 and low > 0 and body[start - 1] == said[low - 1]:
                start, low = start - 1, low - 1
            while end < length and high < len(said) and body[end] == said[high]:
                end, high = end + 1, high + 1
            if end - start >= LEAST and start <= first and end >= first + MARK_LENGTH:
                yield ((length - end, length - start) if backwards else (start, end)), backwards
