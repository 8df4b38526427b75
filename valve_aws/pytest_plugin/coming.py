"""What comes after a test: whether another one will want a valve.

Knows the order of tests. Does not know what is kept for them.
"""

from __future__ import annotations

import pytest

ASKED = "_valve_run"
"""The fixture that all have in common which begin anew for each test."""

NEXT = pytest.StashKey[pytest.Item | None]()


def note(item: pytest.Item, following: pytest.Item | None) -> None:
    """Keep what follows a test: pytest says it once, before the test's fixtures end."""
    item.stash[NEXT] = following


def more(item: pytest.Item) -> bool:
    """Say whether a test that follows asks for a valve, as far as its fixtures tell.

    A worker of pytest-xdist is told one test ahead, and may get any of those behind it.
    """
    items, following = item.session.items, item.stash.get(NEXT, None)
    if following is None:
        return False
    place = items.index(following) if following in items else 0
    return any(ASKED in getattr(each, "fixturenames", ()) for each in items[place:])
