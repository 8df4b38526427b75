"""What was looked up in the book, or written there, since anybody else last wrote to it.

Knows how long that may be believed: until somebody has written there. Does not know how it is looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from valve_aws.labels.tags import Tags, dumped, listed
from valve_aws.model.cell import Extent
from valve_aws.model.verdict import Holding

MOST = 4096
"""Extents that are remembered at once, and cells; each is some hundred bytes."""

Row = tuple[str, str, str, str, str]
"""generation, store, part, name, attribute."""


class Kept(NamedTuple):
    """What the file has of one cell."""

    tags: Tags
    version: str
    gone: int
    rose: int

    def written(self, row: Row) -> tuple[str | int, ...]:
        """Return its columns."""
        return (*row, dumped(self.tags), listed(self.tags), self.version, self.gone, self.rose)


class Opened(NamedTuple):
    """What the file has of one rise of one cell that is under way."""

    tags: Tags
    made: int
    """1: the cell did not exist before."""
    replaces: int
    crossed: int
    """1: another rise of the cell overlapped: which came last is unknown."""


NOBODY: tuple[str, Mapping[Row, Opened]] = "", {}
"""No record, which has opened nothing."""


@dataclass(slots=True)
class Memory:
    """One state of the book.

    Why: a look at the file costs 20 to 50 µs of the millisecond that a guarded call may add, and most calls
    read; and what a call settles is mostly what it has written there itself.
    """

    version: int = -1
    """The file's own count of what others have written to it; -1 is no state at all."""
    stamp: int = -1
    rising: int = 0
    """Rises of cells under way, of any process."""
    lone: tuple[str, Mapping[Row, Opened]] = NOBODY
    """A record, and all that it opened while nothing else was under way: as it is in the file still."""
    cells: dict[Row, Kept] = field(default_factory=dict)
    """Cells as they are in the file."""
    _held: dict[str, dict[Extent, Holding]] = field(default_factory=dict)
    """By store."""
    _count: int = 0

    def known(self, extent: Extent) -> Holding | None:
        """Return what an extent holds; None where that was not looked up."""
        there = self._held.get(extent.store)
        return there.get(extent) if there else None

    def keep(self, extent: Extent, holding: Holding) -> Holding:
        """Remember what an extent holds, and return it."""
        if self._count >= MOST:
            self._held.clear()
            self._count = 0
        self._held.setdefault(extent.store, {})[extent] = holding
        self._count += 1
        return holding

    def recall(self, extent: Extent, look: Callable[[], Holding]) -> Holding:
        """Return what an extent holds, looked up once."""
        known = self.known(extent)
        return self.keep(extent, look()) if known is None else known

    def put(self, row: Row, kept: Kept) -> None:
        """Remember what was written of a cell."""
        if len(self.cells) >= MOST:
            self.cells.clear()
        self.cells[row] = kept

    def after(self, stamp: int, stores: Iterable[str]) -> Memory:
        """Return what is known still once we have written to these stores ourselves, at `stamp`: nothing
        where somebody else had written before."""
        if self.version < 0 or stamp != self.stamp + 1:
            return Memory()
        self.stamp = stamp
        for store in stores:
            self._count -= len(self._held.pop(store, ()))
        return self
