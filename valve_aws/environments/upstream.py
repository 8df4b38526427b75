"""The door into an environment: a batch of telemetry is carried to whoever listens in there.

Knows one call over a socket of the network inside. Does not know what a batch says, nor when one is due.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable

from valve_aws.model.telemetry import Subscription

INSIDE = "127.0.0.1"
"""Invariant: the socket belongs to the network inside, so this address is the environment itself."""
ANSWER = 4096
"""Bytes that are read of an answer; its first line tells all."""


class Caller:
    """Calls one listener. Raises OSError when it is not there, or does not take what it gets."""

    def __init__(self, line: Callable[[], socket.socket], to: Subscription) -> None:
        """`line` gives a socket of the network inside; it blocks for a moment."""
        self._line, self._to = line, to
        self._open: socket.socket | None = None

    async def send(self, batch: list[bytes]) -> None:
        """Hand a batch over: one POST with a JSON array, or lines of JSON."""
        made = self._open or await self._connected()
        loop = asyncio.get_running_loop()
        # Invariant: what broke off is not gone on with, as half a line may be out.
        self._open, kept = None, False
        try:
            if self._to.path:
                content = b"[" + b",".join(batch) + b"]"
                await loop.sock_sendall(made, self._head(len(content)) + content)
                await self._answered(made)
            else:
                await loop.sock_sendall(made, b"".join(event + b"\n" for event in batch))
                self._open, kept = made, True
        finally:
            if not kept:
                made.close()

    async def _connected(self) -> socket.socket:
        made = await asyncio.to_thread(self._line)
        made.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(made, (INSIDE, self._to.port))
        except BaseException:
            made.close()
            raise
        return made

    def _head(self, length: int) -> bytes:
        return (
            f"POST {self._to.path} HTTP/1.1\r\nHost: sandbox.localdomain:{self._to.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        ).encode()

    async def _answered(self, made: socket.socket) -> None:
        loop, answer = asyncio.get_running_loop(), b""
        # Why to its end: many a listener puts away what it got only once it has answered.
        while len(answer) < ANSWER and (piece := await loop.sock_recv(made, ANSWER)):
            answer += piece
        status = answer[:12].partition(b" ")[2]
        if not status.startswith(b"2"):
            raise OSError("the listener did not take it")

    def close(self) -> None:
        """Call no more."""
        if self._open:
            with contextlib.suppress(OSError):
                self._open.close()
            self._open = None
