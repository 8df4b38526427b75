"""What a debug adapter inside may say to the debugger outside: answers, and news of what is debugged.

Knows the Debug Adapter Protocol's framing and messages (its specification, `Base protocol`, `Events`). Does
not know sockets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

EVENTS = frozenset(
    """
    breakpoint capabilities continued exited initialized invalidated loadedSource memory module output process
    progressEnd progressStart progressUpdate stopped terminated thread
    """.split()
)
"""Those of the specification. Why no others: debugpy's `debugpyAttach` has an editor start a session with
settings that whoever sends it has thought up, a program of this machine's to launch among them."""

HEAD = 4096
BODY = 1 << 26
"""Bytes of one message's head and body; a large variable is a few MiB."""
LENGTH = re.compile(rb"content-length[ \t]*:[ \t]*([0-9]{1,9})", re.IGNORECASE)


class Gate:
    """One direction of one connection: from inside out. What passes is written anew.

    Requests do not pass (`runInTerminal` has an editor run a command of the sender's on this machine), and
    none of debugpy's own waits for an answer to one.
    """

    def __init__(self) -> None:
        self._held = b""

    def feed(self, piece: bytes) -> bytes:
        """Take bytes in, return those that go on. Raises ValueError for what is not the protocol."""
        self._held += piece
        return b"".join(_framed(message) for message in self._messages() if _passes(message))

    def _messages(self) -> Iterator[object]:
        while True:
            head, ends, rest = self._held.partition(b"\r\n\r\n")
            if not ends:
                if len(head) > HEAD:
                    raise ValueError("a head without an end")
                return
            lengths = [found for line in head.split(b"\r\n") if (found := LENGTH.fullmatch(line))]
            if len(head) > HEAD or len(lengths) != 1 or (length := int(lengths[0][1])) > BODY:
                raise ValueError("a head without a length")
            if len(rest) < length:
                return
            self._held = rest[length:]
            try:
                yield json.loads(rest[:length])
            except RecursionError as error:
                raise ValueError("a message without a bottom") from error


def _passes(message: object) -> bool:
    if not isinstance(message, dict):
        return False
    kind = message.get("type")
    return kind == "response" or (kind == "event" and message.get("event") in EVENTS)


def _framed(message: object) -> bytes:
    body = json.dumps(message, ensure_ascii=True).encode()
    return b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
