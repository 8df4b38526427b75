"""The one way a reader of this room gives up.

Knows that a request was not clear. Does not know who is told; `reading` turns it into an `Unreadable`.
"""

from __future__ import annotations


class Unclear(Exception):
    """A request that cannot be read with certainty; the message is the plain sentence for people (law 7)."""


class Declined(Unclear):
    """A request that its service refuses unread, with a 400; `code` and `text` are its own words."""

    def __init__(self, problem: str, code: str, text: str) -> None:
        super().__init__(problem)
        self.code = code
        self.text = text
