"""A message's body taken out of its framing: counted, chunked, or ending with the connection.

Knows RFC 9112 §6 and §7. Does not know what the bytes mean nor where they go.
"""

from __future__ import annotations

import re
from typing import Protocol

from valve_aws.proxy.grammar import Gone, Malformed, shown
from valve_aws.proxy.head import CHUNKED, UNTIL_CLOSE, Fields, read_trailers
from valve_aws.proxy.inbox import Inbox
from valve_aws.proxy.limits import Limits

CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]+)(;[\t\x20-\x7e]*)?")


class Body(Protocol):
    """What is left of a body. `done` is set with its last byte; `trailers` are complete then."""

    done: bool
    trailers: Fields

    def take(self, inbox: Inbox) -> bytes:
        """Return the next bytes of content, at most one piece; b"" when more must arrive first, or when done.

        Raises Malformed for broken framing and Gone when the bytes end before the body does.
        """


class Counted:
    """A body of `length` bytes."""

    __slots__ = ("_most", "done", "left", "trailers")

    def __init__(self, length: int, limits: Limits) -> None:
        self.left = length
        self._most = limits.chunk
        self.done = not length
        self.trailers: Fields = ()

    def take(self, inbox: Inbox) -> bytes:
        """Return up to one piece of what is left."""
        if self.done:
            return b""
        taken = inbox.take(min(self.left, self._most))
        self.left -= len(taken)
        self.done = not self.left
        if not taken and inbox.ended:
            raise Gone(f"the connection ended {self.left} bytes before the body did")
        return taken


class UntilClose:
    """A response's body that ends with its connection."""

    __slots__ = ("_most", "done", "trailers")

    def __init__(self, limits: Limits) -> None:
        self._most = limits.chunk
        self.done = False
        self.trailers: Fields = ()

    def take(self, inbox: Inbox) -> bytes:
        """Return up to one piece."""
        taken = inbox.take(self._most)
        self.done = not taken and inbox.ended
        return taken


class Chunked:
    """A body in the chunked coding (RFC 9112 §7.1). Small chunks are joined; extensions are bounded and
    dropped."""

    __slots__ = ("_broken", "_extensions", "_left", "_limits", "_state", "done", "trailers")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = 0
        self._extensions = 0
        self._state = "size"
        self._broken: Malformed | None = None
        self.done = False
        self.trailers: Fields = ()

    def take(self, inbox: Inbox) -> bytes:
        """Return up to one piece, from as many chunks as have arrived. What came before broken framing
        comes first."""
        if self._broken:
            raise self._broken
        pieces: list[bytes] = []
        try:
            self._gather(inbox, pieces)
        except Malformed as broken:
            # Invariant: broken framing stays broken; nobody finds a chunk in what follows.
            self._broken = broken
            if not pieces:
                raise
        if not pieces and not self.done and inbox.ended:
            raise Gone("the connection ended before the last chunk")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _gather(self, inbox: Inbox, pieces: list[bytes]) -> None:
        room = self._limits.chunk
        while room and not self.done:
            if self._state == "content":
                piece = inbox.take(min(self._left, room))
                if piece:
                    pieces.append(piece)
                self._left -= len(piece)
                room -= len(piece)
                if self._left:
                    break
                self._state = "end"
            elif not self._framing(inbox):
                break

    def _framing(self, inbox: Inbox) -> bool:
        """Read what stands between contents, and after the last; False when more must arrive first."""
        if self._state == "end":
            if not inbox.passed(b"\r\n"):
                if len(inbox) < 2 and inbox.starts(b"\r"[:len(inbox)]):
                    return False
                raise Malformed("a chunk is longer than it says")
            self._state = "size"
        if self._state == "size":
            limits = self._limits
            line = inbox.until(b"\r\n", limits.chunk_digits + limits.extension, "a chunk has too long a line")
            if line is None:
                return False
            self._left = self._size(line)
            self._state = "content" if self._left else "trailers"
        return self._trailers(inbox) if self._state == "trailers" else True

    def _size(self, line: bytes) -> int:
        found = CHUNK_LINE.fullmatch(line)
        if not found or len(found[1]) > self._limits.chunk_digits:
            raise Malformed(f"`{shown(line)}` is not the size of a chunk")
        if extension := found[2]:
            self._extensions += len(extension)
            if len(extension) > self._limits.extension or self._extensions > self._limits.extensions:
                raise Malformed("there are too many chunk extensions")
        return int(found[1], 16)

    def _trailers(self, inbox: Inbox) -> bool:
        if inbox.passed(b"\r\n"):
            pass
        elif len(inbox) < 2 and inbox.starts(b"\r"[:len(inbox)]):
            return False
        else:
            block = inbox.until(b"\r\n\r\n", self._limits.trailer, "the trailers are too long")
            if block is None:
                return False
            self.trailers = read_trailers(block, self._limits)
        self.done = True
        return True


def body_of(length: int, limits: Limits) -> Body:
    """Return the reader of a body of this length (bytes, `CHUNKED` or `UNTIL_CLOSE`)."""
    if length == CHUNKED:
        return Chunked(limits)
    return UntilClose(limits) if length == UNTIL_CLOSE else Counted(length, limits)
