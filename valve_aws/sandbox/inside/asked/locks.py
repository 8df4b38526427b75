"""Who holds which lock on which file: flock(2) and fcntl(2) as a table of one sandbox.

Knows when two locks conflict. Does not know processes: whether a holder is still there is asked of
`heir`.

The kernel's own locks are on inodes, and some inodes are everybody's: one for every epoll, eventfd and
timerfd descriptor of the machine, and those of /dev. A lock on them would be a signal between sandboxes. Here
nothing is shared, whatever a descriptor leads to.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Inode = tuple[int, int]
    """(device, number)."""
    Owner = tuple[int, int]
    """(process, descriptor); for a record lock of POSIX, which belongs to the process, the descriptor is
    -1."""

MOST = 4096
"""Locks in one sandbox; more are refused with ENOLCK."""
END = 1 << 63
"""One beyond the last byte that can be locked."""


class Lock:
    """One lock that is held. `whole` is flock's, which sees no record lock and no record lock sees."""

    __slots__ = ("exclusive", "first", "inode", "limit", "owner", "whole")

    def __init__(
        self,
        inode: Inode,
        owner: Owner,
        exclusive: bool,
        first: int = 0,
        limit: int = END,
        whole: bool = False,
    ) -> None:
        self.inode = inode
        self.owner = owner
        self.exclusive = exclusive
        self.first = first
        self.limit = limit
        self.whole = whole

    def meets(self, other: Lock) -> bool:
        """Say whether the two are about the same bytes of the same file."""
        same = self.inode == other.inode and self.whole == other.whole
        return same and self.first < other.limit and other.first < self.limit


class Locks:
    """The table. Locks of holders that are gone are dropped when somebody wants what they held."""

    def __init__(self, heir: Callable[[Lock, Owner], Owner | None]) -> None:
        """`heir` says who holds a lock now: its owner while it is there, one who has inherited it, or None;
        where the second argument, who asks, may be the heir, it is."""
        self._held: list[Lock] = []
        self._heir = heir

    def conflict(self, wanted: Lock) -> Lock | None:
        """Return a lock that keeps `wanted` from being had."""
        for held in list(self._held):
            if held.owner == wanted.owner or not held.meets(wanted):
                continue
            if not (held.exclusive or wanted.exclusive):
                continue
            owner = self._heir(held, wanted.owner)
            if owner is None:
                self._held.remove(held)
            elif owner != wanted.owner:
                held.owner = owner
                return held
            else:
                held.owner = owner
        return None

    def take(self, wanted: Lock) -> bool:
        """Hold it, in place of what its owner holds there; False when there are too many. Ask `conflict`
        before."""
        self.release(wanted)
        if len(self._held) >= MOST:
            self._held = [held for held in self._held if self._heir(held, held.owner)]
        if len(self._held) >= MOST:
            return False
        self._held.append(wanted)
        return True

    def release(self, there: Lock) -> None:
        """Let go what the owner of `there` holds within it; of a longer lock its ends remain."""
        kept: list[Lock] = []
        for held in self._held:
            if held.owner != there.owner or not held.meets(there):
                kept.append(held)
                continue
            for first, limit in ((held.first, there.first), (there.limit, held.limit)):
                if first < limit:
                    kept.append(Lock(held.inode, held.owner, held.exclusive, first, limit, held.whole))
        self._held = kept
