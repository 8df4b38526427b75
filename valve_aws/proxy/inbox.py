"""Bytes that have arrived and have not been read yet.

Knows where the last search ended. Does not know what the bytes mean.
"""

from __future__ import annotations

import re

from valve_aws.proxy.grammar import Malformed

LONE = re.compile(rb"(?<!\r)\n|\r(?!\n)(?!\Z)|\0")
"""What can never become the end of a line: said at once, not after a time-out. Looks at the byte before."""

LF = 0x0A


class Inbox:
    """A first-in first-out store of bytes. What is fed when it is empty is kept as it is, without a copy."""

    __slots__ = ("_at", "_held", "_seen", "ended")

    def __init__(self) -> None:
        self._held = b""
        self._at = 0
        self._seen = 0
        self.ended = False
        """No more will come."""

    def __len__(self) -> int:
        return len(self._held) - self._at

    def feed(self, received: bytes) -> None:
        """Take in what arrived; b"" says that no more will come."""
        if not received:
            self.ended = True
        elif self._at == len(self._held):
            self._held, self._at, self._seen = received, 0, 0
        else:
            self._held = self._held[self._at:] + received
            self._seen -= self._at
            self._at = 0

    def take(self, most: int) -> bytes:
        """Return at most `most` bytes from the front, b"" when there are none."""
        if not self._at and most >= len(self._held):
            taken, self._held, self._seen = self._held, b"", 0
            return taken
        taken = self._held[self._at:self._at + most]
        self._at += len(taken)
        if self._seen < self._at:
            self._seen = self._at
        return taken

    def starts(self, text: bytes) -> bool:
        """Say whether the next bytes are `text`."""
        return self._held.startswith(text, self._at)

    def passed(self, text: bytes) -> bool:
        """Say whether the next bytes are `text`, and leave them behind if they are."""
        if not self._held.startswith(text, self._at):
            return False
        self._at += len(text)
        if self._seen < self._at:
            self._seen = self._at
        return True

    def until(self, end: bytes, most: int, problem: str, status: int = 400) -> bytes | None:
        """Return the bytes before `end`, which is dropped; None when it has not arrived.

        `end` is `CRLF` or an empty line. Raises Malformed when it does not come within `most` bytes, and
        for a lone CR, LF or NUL before it. What was searched once is not searched again.
        """
        if self._at == len(self._held):
            return None
        searched = self._seen - len(end) + 1
        found = self._held.find(end, searched if searched > self._at else self._at)
        if found < 0 or found - self._at > most:
            broken = LONE.search(self._held, max(self._at, self._seen - 1))
            first = self._held[self._at] == LF  # Why apart: a CR before it belongs to what was taken already
            if first or (broken and broken.start() - self._at <= most):
                raise Malformed("a line ends in a lone CR or LF, or holds a NUL")
            if found >= 0 or len(self) > most + len(end):
                raise Malformed(problem, status)
            self._seen = len(self._held)
            return None
        taken = self._held[self._at:found]
        self._at = self._seen = found + len(end)
        return taken
