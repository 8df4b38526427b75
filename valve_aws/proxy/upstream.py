"""The valve as a client: requests written anew go out, answers are read as strictly as requests are.

Knows pools, time-outs and TLS towards the outside. Does not know who asked, nor whether they may.
"""

from __future__ import annotations

import asyncio
import select
import ssl
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from valve_aws.proxy import write
from valve_aws.proxy.body import Body, body_of
from valve_aws.proxy.grammar import Gone, Malformed, Slow, TooLarge
from valve_aws.proxy.head import Fields, Known, ResponseHead, read_response
from valve_aws.proxy.inbox import Inbox
from valve_aws.proxy.limits import LIMITS, Limits
from valve_aws.proxy.wire import Wire, closing

INTERIM = 8
"""Interim responses (1xx) that are passed over before a final one."""


class Target(NamedTuple):
    """Where a request is sent. `server_name` is what TLS asks for and verifies; "" means `host`."""

    host: str
    port: int
    tls: bool
    server_name: str = ""
    verify: bool = True


class Unreachable(ConnectionError):
    """An upstream did not answer, or not in HTTP. `sent` says whether it may have acted on the request."""

    def __init__(self, problem: str, sent: bool) -> None:
        super().__init__(problem)
        self.problem = problem
        self.sent = sent


class Stale(Exception):
    """A connection out of the pool was dead: nothing came back on it."""


class Broken(Exception):
    """The body of a request broke off on our side; its cause is what went wrong."""


async def pieces_of(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Give what `body` gives; its failures come out as Broken, so that nobody takes them for the
    upstream's."""
    async with closing(body):
        try:
            async for piece in body:
                yield piece
        except Exception as error:
            raise Broken from error


class Line(Wire):
    """A connection to an upstream."""

    _poll: select.poll | None = None

    def quiet(self) -> bool:
        """Say whether the kernel knows of nothing that has come in: an end the loop has not seen yet is
        stale."""
        if self._poll is None:
            self._poll = select.poll()
            descriptor = self.transport.get_extra_info("socket").fileno()
            self._poll.register(descriptor, select.POLLIN | select.POLLHUP | select.POLLERR)
        return not self._poll.poll(0)


class Reply:
    """One answer. Read it to its end, or `close` it: only then does its connection serve another request."""

    def __init__(self, upstream: Upstream, target: Target, wire: Line, inbox: Inbox, head: ResponseHead,
                 reuse: bool) -> None:
        self.status = head.status
        self.headers: Fields = tuple([field for field in head.headers if field[0] not in write.OWNED])
        """Lower-case names; what belongs to the connection alone is left out, Content-Length too."""
        self.length = head.declared
        """What Content-Length says (to HEAD: would say), None when nothing does."""
        self._upstream = upstream
        self._target = target
        self._wire = wire
        self._inbox = inbox
        self._body: Body = body_of(head.length, upstream.limits)
        self._reuse = reuse and head.persistent
        self._closed = False
        if self._body.done:
            self.close()

    @property
    def trailers(self) -> Fields:
        """What came after a chunked body; complete once it has been read."""
        return self._body.trailers

    async def stream(self) -> AsyncIterator[bytes]:
        """Give the body in pieces of at most 64 KiB. Raises Unreachable when it breaks off or is
        malformed."""
        try:
            while piece := await self._piece():
                yield piece
        finally:
            self.close()

    async def collect(self, limit: int) -> bytes:
        """Return the whole body; raises TooLarge when it is longer than `limit` bytes, Unreachable when it
        breaks off."""
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := await self._piece():
                size += len(piece)
                if size > limit:
                    raise TooLarge(f"the answer has more than {limit} bytes")
                pieces.append(piece)
        finally:
            self.close()
        return b"".join(pieces)

    async def _piece(self) -> bytes:
        """Return the next piece of the body, b"" at its end."""
        body, inbox = self._body, self._inbox
        try:
            while not (piece := body.take(inbox)) and not body.done:
                inbox.feed(await self._wire.more(self._upstream.limits.answer))
        except (Malformed, Gone, OSError) as error:
            raise Unreachable(f"the answer broke off: {error}", sent=True) from error
        if body.done:
            # Why before the last piece: whoever has it may ask for the connection at once.
            self.close()
        return piece

    def close(self) -> None:
        """Let go of the connection: back into the pool when the answer was read to its end, else broken.
        Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._body.done and self._reuse and not len(self._inbox):
            self._upstream.keep(self._target, self._wire)
        else:
            self._wire.abort()


class Upstream:
    """A pooled HTTP/1.1 client. `trust` is PEM that is trusted beside the system's own certificates."""

    def __init__(self, limits: Limits = LIMITS, trust: str = "") -> None:
        self.limits = limits
        self._trust = trust
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._idle: OrderedDict[Target, deque[tuple[float, Line]]] = OrderedDict()
        self._buffer = bytearray(limits.chunk)
        self._known = Known.of_answers()

    async def send(self, target: Target, method: str, path: str, headers: Sequence[tuple[str, str]],
                   body: bytes | AsyncIterator[bytes] | None, length: int | None = None, *,
                   idempotent: bool = False) -> Reply:
        """Send one request and return its answer as soon as the head is there.

        `headers` name the host once; framing is ours. An iterator without `length` is sent chunked; one
        that breaks off, or is not of that length, leaves a request that no server can take for complete,
        and its exception is raised. A connection out of the pool that turns out dead is replaced once, if
        `idempotent` or if nothing was sent, and never once an iterator has been asked. An answer before the
        body's end ends the body. Raises Unreachable, or ValueError for what cannot be sent.
        """
        streamed = body is not None and not isinstance(body, bytes)
        if isinstance(body, bytes):
            length = len(body)
        elif body is None:
            length = 0 if method in ("POST", "PUT", "PATCH") else None
        framing = write.frame(length, streamed and length is None)
        head = write.request_head(method, path, headers, framing)
        wire = self._pooled(target)
        if wire is not None:
            try:
                return await self._converse(target, wire, method, head, body, length, reused=True)
            except Stale as stale:
                if streamed or not idempotent:
                    raise Unreachable("the connection broke before an answer came", sent=True) from stale
        wire = await self.reach(target)
        return await self._converse(target, wire, method, head, body, length, reused=False)

    async def reach(self, target: Target, half: bool = False) -> Line:
        """Open a connection; raises Unreachable (nothing was sent)."""
        context = self._context(target.verify) if target.tls else None
        name = (target.server_name or target.host) if context else None
        place = f"`{target.host}:{target.port}`"
        try:
            async with asyncio.timeout(self.limits.connect):
                _, wire = await asyncio.get_running_loop().create_connection(
                    lambda: Line(self._buffer, self.limits, half and context is None),
                    target.host, target.port, ssl=context, server_hostname=name)
        except TimeoutError as error:
            raise Unreachable(f"{place} did not answer in {self.limits.connect:g} s", sent=False) from error
        except (OSError, UnicodeError) as error:
            raise Unreachable(f"{place} cannot be reached: {error}", sent=False) from error
        return wire

    def _context(self, verify: bool) -> ssl.SSLContext:
        context = self._contexts.get(verify)
        if context is None:
            context = ssl.create_default_context()
            if self._trust:
                context.load_verify_locations(cadata=self._trust)
            if not verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            context.set_alpn_protocols(["http/1.1"])
            self._contexts[verify] = context
        return context

    def _pooled(self, target: Target) -> Line | None:
        """Return an idle connection that was alive a moment ago, the one used last; close those that were
        not."""
        idle = self._idle.get(target)
        now = asyncio.get_running_loop().time()
        while idle:
            since, wire = idle.pop()
            if wire.usable and not wire.pending and now - since < self.limits.pool_idle and wire.quiet():
                return wire
            wire.abort()
        return None

    def keep(self, target: Target, wire: Line) -> None:
        """Take back a connection whose answer has been read to its end."""
        if not wire.usable or wire.pending:
            wire.abort()
            return
        idle = self._idle.get(target)
        if idle is None:
            idle = self._idle[target] = deque()
        self._idle.move_to_end(target)
        idle.append((asyncio.get_running_loop().time(), wire))
        if len(idle) > self.limits.pool:
            idle.popleft()[1].abort()
        if len(self._idle) > self.limits.pool:
            for _, old in self._idle.popitem(last=False)[1]:
                old.abort()

    async def _converse(self, target: Target, wire: Line, method: str, head: bytes,
                        body: bytes | AsyncIterator[bytes] | None, length: int | None, reused: bool) -> Reply:
        """Send on this connection and read the answer's head. Raises Stale when it was out of the pool and
        dead."""
        inbox = Inbox()
        whole = True
        try:
            if body is None or isinstance(body, bytes):
                wire.send(head + body if body else head)
                if wire.full:
                    await wire.drained(or_received=True)
            else:
                whole = await self._pour(wire, head, body, length)
            found = await self._head(wire, inbox, method)
        except (Gone, OSError, ssl.SSLError) as error:
            wire.abort()
            if reused and not len(inbox):
                raise Stale from error
            raise Unreachable(f"`{target.host}:{target.port}` closed the connection", sent=True) from error
        except Slow as error:
            wire.abort()
            raise Unreachable(f"`{target.host}:{target.port}` did not answer in time", sent=True) from error
        except Malformed as error:
            wire.abort()
            raise Unreachable(f"`{target.host}:{target.port}` answered badly: {error}", sent=True) from error
        except Broken as broken:
            wire.abort()
            raise broken.__cause__ or broken from None
        except BaseException:
            wire.abort()
            raise
        return Reply(self, target, wire, inbox, found, whole)

    async def _pour(self, wire: Line, head: bytes, body: AsyncIterator[bytes], length: int | None) -> bool:
        """Send the body as fast as it is taken; False when an answer came before its end."""
        sent = 0
        pieces = pieces_of(body)
        async with closing(pieces):
            async for piece in pieces:
                if wire.pending:
                    return False
                if not piece:
                    continue
                sent += len(piece)
                if length is not None and sent > length:
                    raise ValueError(f"the body of a request is longer than {length} bytes")
                piece = piece if length is not None else write.chunk(piece)
                wire.send(head + piece if head else piece)
                head = b""
                if wire.full:
                    await wire.drained(or_received=True)
        if wire.pending:
            return False
        if length is not None and sent != length:
            raise ValueError(f"the body of a request has {sent} bytes in place of {length}")
        if tail := head + (write.LAST_CHUNK if length is None else b""):
            wire.send(tail)
        return True

    async def _head(self, wire: Line, inbox: Inbox, method: str) -> ResponseHead:
        """Read the head of the final response; interim ones are passed over (RFC 9110 §15.2)."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.limits.answer
        interim = 0
        while True:
            block = inbox.until(b"\r\n\r\n", self.limits.head, "the head of the answer is too long")
            if block is None:
                if inbox.ended:
                    raise Gone("the connection ended before the answer")
                inbox.feed(await wire.more(deadline - clock()))
                continue
            head = read_response(block, method, self.limits, self._known)
            if head.status >= 200:
                return head
            interim += 1
            if head.status == 101 or interim > INTERIM:
                raise Malformed("the answer switches protocols, or has too many interim parts")

    async def close(self) -> None:
        """Close what is idle."""
        for idle in self._idle.values():
            for _, wire in idle:
                wire.abort()
        self._idle.clear()
