"""What was looked up in the book since anybody last wrote to it.

Knows how long that may be believed: until somebody has written there. Does not know how it is looked up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from valve_aws.model.cell import Extent
from valve_aws.model.verdict import Holding

MOST = 4096
"""Extents that are remembered at once; each is some hundred bytes."""


@dataclass(slots=True)
class Memory:
    """One state of the book.

    Why: a look at the file costs 20 to 50 µs of the millisecond that a guarded call may add, and most calls
    read.
    """

    version: int = -1
    """The file's own count of what others have written to it; -1 is no state at all."""
    stamp: int = 0
    _held: dict[str, dict[Extent, Holding]] = field(default_factory=dict)
    """By store."""
    _count: int = 0

    def recall(self, extent: Extent, look: Callable[[], Holding]) -> Holding:
        """Return what an extent holds, looked up once."""
        there = self._held.get(extent.store)
        holding = there.get(extent) if there else None
        if holding is None:
            if self._count >= MOST:
                self._held.clear()
                self._count = 0
            holding = self._held.setdefault(extent.store, {})[extent] = look()
            self._count += 1
        return holding

    def after(self, stamp: int, stores: Iterable[str]) -> Memory:
        """Return what is known still once we have written to these stores ourselves, at `stamp`: nothing
        where somebody else had written before."""
        if self.version < 0 or stamp != self.stamp + 1:
            return Memory()
        self.stamp = stamp
        for store in stores:
            self._count -= len(self._held.pop(store, ()))
        return self
