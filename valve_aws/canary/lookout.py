"""All that leaves in one run, looked through for decoys: what was seen, whole or in parts, and where.

Knows streams and when parts make a whole. Does not know where bytes come from; it changes no verdict.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from valve_aws.canary.decoy import Decoy, Flock
from valve_aws.canary.inflating import EDGE, Inflating, Packed, begun
from valve_aws.canary.search import Piece, Search
from valve_aws.model.call import Call, Evidence, Head, Unreadable
from valve_aws.model.spellings import Sieve

DEEPEST = 3
"""Times that something is unpacked: what is compressed, within base64, within what is compressed."""

ENOUGH = 0.5
"""The part of a decoy that counts as all of it. Why not all: of what is cut in two, a side without a mark is
not seen."""

FIRST = 256
"""Bytes by which what is compressed as a whole has shown itself."""

OPEN = 8
"""Compressed things within one stream that are unpacked at once, the last that were begun."""

KEPT = 16
"""Calls that are kept for each decoy whose parts were seen."""


@dataclass(slots=True)
class Place:
    """One thing that leaves: a call, a result, a log line."""

    function: str
    service: str
    operation: str
    resources: tuple[str, ...] = ()
    evidence: Evidence = Evidence()
    record: str = ""
    """Its record's id, as soon as there is one."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A decoy that was seen to leave."""

    decoy: Decoy
    how: str
    """`base64, in gzip`; of more than one call `plain` and `split`."""
    part: str
    """`its head`, `its body`."""
    places: tuple[Place, ...]
    """The call that has it, or all that have a part of it."""


@dataclass(slots=True)
class _Seen:
    """What of one decoy has left, in calls that each had too little of it."""

    covered: int = 0
    """A bit for each byte."""
    places: list[Place] = field(default_factory=list)


class Lookout:
    """Looks through what leaves in one run, of all environments.

    Why of all together: who splits a decoy may as well split it over two environments. It costs some 7 µs a
    KB (docs/BENCHMARKS.md); memory is bounded by the number of decoys.
    """

    def __init__(self, flock: Flock) -> None:
        self.flock = flock
        self.sightings: list[Sighting] = []
        self._search = Search(flock)
        self._seen = {decoy.kind: _Seen() for decoy in flock}
        self._told: set[tuple[object, ...]] = set()

    def clear(self) -> None:
        """Forget what was seen: another run begins."""
        self.sightings.clear()
        self._told.clear()
        self._seen = {decoy.kind: _Seen() for decoy in self.flock}

    def place(self, function: str, call: Call | Unreadable | str) -> Place:
        """Return the place of a call, or of a crossing of `valve` by its operation."""
        if isinstance(call, str):
            return Place(function, "valve", call)
        if isinstance(call, Unreadable):
            return Place(function, call.service or "valve", call.operation or "Unreadable")
        return Place(function, call.service, call.operation, call.resources, call.evidence)

    def head(self, place: Place, head: Head) -> None:
        """Look through a request's line and headers: names leave too (law 5)."""
        lines = [head.method, head.target, *(f"{name}: {value}" for name, value in head.headers)]
        self.look(place, "its head", "\n".join(lines).encode("utf-8", "replace"))

    def look(self, place: Place, part: str, content: bytes) -> None:
        """Look through something that leaves whole."""
        self.stream(place, part)(content)

    def stream(self, place: Place, part: str) -> Callable[[bytes], None]:
        """Return what looks through something that leaves in pieces."""
        covered = dict.fromkeys(self._seen, 0)
        done: set[str] = set()

        def take(piece: Piece) -> None:
            kind = piece.decoy.kind
            if kind in done:
                return
            covered[kind] |= _bits(piece.start, piece.end)
            if covered[kind] == _bits(0, len(piece.decoy.body)):
                self._tell(piece, part, (place,))
                done.add(kind)
            elif self._join(piece, part, place, covered[kind]):
                done.add(kind)

        return _Stream(self._search, take).look

    def _join(self, piece: Piece, part: str, place: Place, here: int) -> bool:
        """Put a part to those that have left before; say whether that makes enough of them. `here` is all
        that this place has."""
        seen = self._seen[piece.decoy.kind]
        if here | seen.covered == seen.covered:
            return False
        if not any(place is known for known in seen.places):
            seen.places = [*seen.places, place][-KEPT:]
        seen.covered |= here
        if _enough(seen.covered, piece.decoy):
            how = f"{piece.how}, split" if len(seen.places) > 1 else piece.how
            self._tell(piece._replace(how=how), part, tuple(seen.places))
            self._seen[piece.decoy.kind] = _Seen()
            return True
        return False

    def _tell(self, piece: Piece, part: str, places: tuple[Place, ...]) -> None:
        """Keep a sighting; a line in a loop is told of once."""
        what = tuple((p.function, p.service, p.operation, p.resources, p.evidence) for p in places)
        if (piece.decoy.kind, what) not in self._told:
            self._told.add((piece.decoy.kind, what))
            self.sightings.append(Sighting(piece.decoy, piece.how, part, places))


class _Stream:
    """One stream, and what is compressed in it as streams of their own."""

    def __init__(self, search: Search, take: Callable[[Piece], None], how: str = "", depth: int = 0) -> None:
        self._search, self._take, self._how, self._depth = search, take, how, depth
        self._sieve = Sieve(self._found)
        self._first = b""
        self._packed: Inflating | None = None
        self._inner: _Stream | None = None
        self._open: list[tuple[Packed, _Stream]] = []
        self._edge = b'"'
        """The last of it. Why a quotation mark at first: what it begins with is a value, too."""

    def look(self, piece: bytes) -> None:
        """Look through a further piece."""
        if not piece:
            return
        self._sieve.look(piece)
        if self._packed and self._inner:
            self._inner.look(self._packed.feed(piece))
        if self._depth < DEEPEST:
            if not self._packed and len(self._first) < FIRST:
                self._begin(piece)
            self._unpack(piece)

    def _begin(self, piece: bytes) -> None:
        """See whether it is compressed as a whole. Why also with the next piece: who sends cuts it."""
        self._first += piece
        if packed := Inflating.of(self._first):
            self._packed, self._inner = packed, self._within(packed.how)
            self._inner.look(packed.feed(self._first))

    def _unpack(self, piece: bytes) -> None:
        """Look through what is compressed within: what goes on in this piece, and what begins in it."""
        for packed, inner in self._open:
            inner.look(packed.feed(piece))
        text = self._edge + piece
        for at, packed in begun(text, len(self._edge)):
            self._open.append((packed, self._within(packed.how)))
            self._open[-1][1].look(packed.feed(text[at:]))
        self._open = [(packed, inner) for packed, inner in self._open if packed.open][-OPEN:]
        self._edge = text[-EDGE:]

    def _found(self, text: bytes) -> str:
        for piece in self._search.pieces(text):
            self._take(piece._replace(how=piece.how + self._how))
        return ""

    def _within(self, how: str) -> _Stream:
        return _Stream(self._search, self._take, f", in {how}{self._how}", self._depth + 1)


def _bits(start: int, end: int) -> int:
    return (1 << end) - (1 << start)


def _enough(covered: int, decoy: Decoy) -> bool:
    return covered.bit_count() >= ENOUGH * len(decoy.body)
