"""What was looked up in the book since anybody last wrote to it.

Knows how long that may be believed: as long as nobody has written. Does not know how it is looked up.
"""

from __future__ import annotations

from collections.abc import Callable
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
    held: dict[Extent, Holding] = field(default_factory=dict)

    def recall(self, extent: Extent, look: Callable[[], Holding]) -> Holding:
        """Return what an extent holds, looked up once."""
        holding = self.held.get(extent)
        if holding is None:
            if len(self.held) >= MOST:
                self.held.clear()
            holding = self.held[extent] = look()
        return holding
