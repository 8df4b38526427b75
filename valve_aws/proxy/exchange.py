"""One request and its answer, as whoever handles it sees them.

Knows in which order bytes may be read and written. Does not know where the connection came from.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

from valve_aws.model.call import Head
from valve_aws.proxy import write
from valve_aws.proxy.body import Counted
from valve_aws.proxy.grammar import NUMBER, Gone, Malformed, Slow, TooLarge
from valve_aws.proxy.head import CHUNKED, Fields, RequestHead
from valve_aws.proxy.limits import Limits
from valve_aws.proxy.reader import Reader
from valve_aws.proxy.wire import Wire, closing


class Exchange:
    """A request whose head is known and whose body may still be on its way.

    Reading raises `Malformed` (`TooLarge`, `Slow`) and `Gone`; a handler need not catch them: the
    connection is then answered if it can be, and closed.
    """

    def __init__(self, wire: Wire, reader: Reader, request: RequestHead, head: Head, limits: Limits) -> None:
        self.head = head
        self.length: int | None = None if request.length == CHUNKED else request.length
        """The declared Content-Length; 0 when there is no body, None when it is chunked."""
        self.closed: asyncio.Event = wire.closed
        """Set when the client sends nothing more, or its connection broke: it does not wait for the answer
        any more."""
        self.answered = False
        """`respond` has been called."""
        self._wire = wire
        self._reader = reader
        self._request = request
        self._limits = limits
        self._continue = request.continues
        self._received = 0
        self._waited = 0.0
        self._whole = False
        self._keep = request.persistent

    @property
    def trailers(self) -> Fields:
        """What came after a chunked body; complete once the body has been read."""
        return self._reader.body.trailers

    @property
    def spelled(self) -> Fields:
        """Return the headers with their names as the client wrote them."""
        split = (line.partition(":") for line in self._request.lines)
        return tuple((name, value.strip(" \t")) for name, _, value in split)

    @property
    def peer(self) -> str:
        """Return the client's address, "" where it has none."""
        found = self._wire.transport.get_extra_info("peername")
        return str(found[0]) if isinstance(found, tuple) else ""

    async def collect(self, limit: int) -> bytes:
        """Return the whole body without its transfer coding. Raises TooLarge when it is longer than `limit`
        bytes."""
        if self.length is not None and self.length > limit:
            raise TooLarge(f"the body has {self.length} bytes, and only {limit} are taken")
        pieces: list[bytes] = []
        size = 0
        reader = self._reader
        while not reader.body.done:
            piece = reader.take()
            size += len(piece)
            if size > limit:
                raise TooLarge(f"the body has more than {limit} bytes")
            if piece:
                self._received += len(piece)
                pieces.append(piece)
            elif not reader.body.done:
                await self._fill()
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def stream(self, patience: float = 0.0) -> AsyncIterator[bytes]:
        """Give the body in pieces of at most 64 KiB, as fast as they are taken. Goes on where an earlier
        reading stopped.

        `patience`: seconds that a piece may take where the sender writes at leisure, and then at any rate.
        """
        reader = self._reader
        while not reader.body.done:
            piece = reader.take()
            if piece:
                self._received += len(piece)
                yield piece
            elif not reader.body.done:
                await self._fill(patience)

    def invite(self, announced: str = "") -> None:
        """Have a small body sent that waits for `100 Continue`, before anybody reads it. `announced` names a
        header that says how many bytes of content a chunked one has.

        Why: it comes while its call is judged, instead of after. A body that is refused is thrown away.
        """
        if not self._continue or self._wire.pending or self.answered:
            return
        length = self.length
        if length is None and announced:
            said = self.head.header(announced) or ""
            length = int(said) if NUMBER.fullmatch(said) else None
        if length is not None and length <= self._limits.chunk:
            self._continue = False
            self._wire.send(write.CONTINUE)

    async def _fill(self, patience: float = 0.0) -> None:
        """Wait for more of the body; whoever waits for `100 Continue` is told to go on (RFC 9110 §10.1.1)."""
        wire, limits = self._wire, self._limits
        if self._continue:
            self._continue = False
            if not wire.pending and not self.answered:
                wire.send(write.CONTINUE)
        if wire.pending:
            self._reader.inbox.feed(await wire.more(limits.body_seconds))
            return
        if patience:
            self._reader.inbox.feed(await wire.more(patience))
            return
        clock = asyncio.get_running_loop().time
        before = clock()
        self._reader.inbox.feed(await wire.more(limits.body_seconds))
        self._waited += clock() - before
        if self._waited > limits.body_seconds and self._received < limits.body_rate * self._waited:
            raise Slow(f"the body comes at less than {limits.body_rate} bytes a second")

    async def respond(self, status: int, headers: Sequence[tuple[str, str]],
                      body: bytes | AsyncIterator[bytes], length: int | None = None) -> None:
        """Answer, once. The framing is ours: such headers are left out.

        `length` says how long an iterator's content will be, and to HEAD how long it would be. Content that
        breaks off, or is not of that length, breaks the connection, so that no client takes it for the
        whole. Raises ValueError for what cannot be sent (then nothing was sent), Gone and Slow when the
        client does not take it.
        """
        if self.answered:
            raise RuntimeError("this request has been answered")
        keep = self._keep and self._left_is_here()
        content = body if isinstance(body, bytes) else None
        silent = self.head.method == "HEAD" or status in write.NO_BODY
        if content is not None and (not silent or (content and length is None)):
            length = len(content)
        chunked = length is None and not silent and self._request.chunks
        keep = keep and (silent or chunked or length is not None)
        framing = b"" if status == 204 else write.frame(length, chunked)
        head = write.response_head(status, headers, framing, keep)
        self.answered = True
        self._keep = keep
        if silent or content is not None:
            self._wire.send(head if silent or not content else head + content)
            if self._wire.full:
                await self._wire.drained()
        else:
            assert not isinstance(body, bytes)
            await self._pour(head, body, length, chunked)
        self._whole = True

    async def _pour(self, head: bytes, body: AsyncIterator[bytes], length: int | None, chunked: bool) -> None:
        """Send a head together with the first piece, then the rest as fast as it is taken."""
        wire, sent = self._wire, 0
        async with closing(body):
            async for piece in body:
                if not piece:
                    continue
                sent += len(piece)
                if length is not None and sent > length:
                    raise ValueError(f"the content of a response is longer than {length} bytes")
                piece = write.chunk(piece) if chunked else piece
                wire.send(head + piece if head else piece)
                head = b""
                if wire.full:
                    await wire.drained()
        if length is not None and sent != length:
            raise ValueError(f"the content of a response has {sent} bytes in place of {length}")
        if tail := head + (write.LAST_CHUNK if chunked else b""):
            wire.send(tail)
            await wire.drained()

    def _left_is_here(self) -> bool:
        """Say whether the next request can be found without waiting for the rest of this one's body."""
        body = self._reader.body
        return body.done or (isinstance(body, Counted) and body.left <= len(self._reader.inbox))

    async def finish(self) -> bool:
        """Leave the connection ready for its next request and return True, or ready to be closed and return
        False.

        The rest of an upload that was answered early is read and thrown away within bounds: a client that
        is still sending would otherwise see a broken connection in place of the answer.
        """
        if not self._whole:
            self._wire.abort()
            return False
        reader, left = self._reader, self._limits.drain
        try:
            if self._keep:
                while not reader.body.done:
                    reader.take()
                return True
            if reader.body.done:
                return False
            self._continue = False
            async with asyncio.timeout(self._limits.drain_seconds):
                async for piece in self.stream():
                    left -= len(piece)
                    if left < 0:
                        break
        except Malformed:
            await self._wire.linger(self._limits.linger, left)
        except (TimeoutError, Gone):
            pass
        return False
