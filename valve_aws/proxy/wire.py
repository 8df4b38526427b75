"""One connection as a stream of plaintext with back-pressure, whatever TLS lies below.

Knows asyncio's transports. Does not know HTTP, and opens nothing itself.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from valve_aws.proxy.grammar import Gone, Slow
from valve_aws.proxy.limits import Limits
from valve_aws.proxy.tls import Tls

WRITE_HIGH = 256 * 1024
WRITE_LOW = 64 * 1024


@asynccontextmanager
async def closing(body: AsyncIterator[bytes]) -> AsyncIterator[None]:
    """Let an iterator clean up as soon as nobody takes from it any more, not when the collector finds it."""
    try:
        yield
    finally:
        if isinstance(body, AsyncGenerator):
            await body.aclose()


class Wire(asyncio.BufferedProtocol):
    """Pieces come out of `more` and go in by `send`; at most `Limits.queued` bytes and one read wait in
    between.

    `buffer` may be shared by all wires of one loop: it is emptied before the call that filled it returns.
    `half` keeps the connection open for writing when the other side has ended (never over asyncio's own TLS).
    """

    def __init__(self, buffer: bytearray, limits: Limits, half: bool,
                 made: Callable[[Wire], None] | None = None) -> None:
        self._buffer = buffer
        self._view = memoryview(buffer)
        self._limits = limits
        self._half = half
        self._made = made
        self._loop = asyncio.get_running_loop()
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._reading = True
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._waits: dict[asyncio.Future[None], float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writable = True
        self._layers: list[Tls] = []
        self._error: Exception | None = None
        self._over = False
        self._finished = False
        self.ended = False
        """The other side sends nothing more."""
        self.closed = asyncio.Event()
        """Set when the other side sends nothing more, or the connection broke."""
        self.transport: asyncio.Transport

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.set_write_buffer_limits(WRITE_HIGH, WRITE_LOW)
        if self._made:
            self._made(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Lend the shared buffer for one read."""
        return self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Take over what was read."""
        self._receive(bytes(self._view[:nbytes]))

    def eof_received(self) -> bool:
        """The other side sends nothing more; a half-open connection can still be written to."""
        self._end()
        return self._half

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is no more."""
        self._over = True
        if self._timer is not None:
            # Why: everyone who waits is woken below; a timer left behind would keep all this alive.
            self._timer.cancel()
        self._error = self._error or (Gone(f"the connection broke: {exc}") if exc else None)
        self._end()
        self._wake_writer()

    def pause_writing(self) -> None:
        """Too much waits to be sent."""
        self._writable = False

    def resume_writing(self) -> None:
        """There is room again."""
        self._writable = True
        self._wake_writer()

    # What the rooms' own code calls.

    @property
    def pending(self) -> bool:
        """Something has been received, or nothing more will be."""
        return bool(self._queue) or self.ended

    @property
    def full(self) -> bool:
        """What was sent waits to be taken: `drained` is due."""
        return not self._writable

    @property
    def usable(self) -> bool:
        """Bytes can still be sent."""
        return not (self._over or self._finished or self._error or self.transport.is_closing())

    async def more(self, seconds: float) -> bytes:
        """Return the next bytes, at most one read; b"" at the end. Raises Slow after `seconds`, Gone when
        it broke."""
        while not self._queue:
            if self._error:
                raise self._error
            if self.ended:
                return b""
            await self._wait(seconds)
        piece = self._queue.popleft()
        self._queued -= len(piece)
        if not self._reading and self._queued <= self._limits.queued // 2:
            self._reading = True
            if not self._over:
                self.transport.resume_reading()
        return piece

    def send(self, content: bytes) -> None:
        """Send, or queue to be sent; raises Gone when nothing can be sent any more."""
        if not self.usable:
            raise self._error or Gone("the connection is closed")
        for layer in reversed(self._layers):
            content = layer.send(content)
        self.transport.write(content)

    async def drained(self, or_received: bool = False) -> None:
        """Wait until there is room to send more; with `or_received`, or until something has come back.

        Raises Slow when the other side takes nothing for `Limits.stall` seconds, Gone when the connection
        broke.
        """
        while not self._writable and not (or_received and self.pending):
            if self._over:
                raise self._error or Gone("the connection is closed")
            await self._wait(self._limits.stall, writing=True, reading=or_received)
        if self._error:
            raise self._error

    async def secure(self, context: ssl.SSLContext, first: bytes) -> None:
        """Be a TLS server from here on; `first` is what has been received of it. Raises ssl.SSLError, Slow,
        Gone."""
        layer = Tls(context)
        self._layers.append(layer)
        received = first + b"".join(self._queue)
        self._queue.clear()
        self._queued = 0
        self._receive(received, layer)
        deadline = self._loop.time() + self._limits.handshake
        while not layer.ready:
            if self._error:
                raise self._error
            if self.ended:
                raise Gone("the connection ended within the TLS handshake")
            await self._wait(deadline - self._loop.time())

    def end(self) -> None:
        """Say that nothing more will be sent, and go on receiving."""
        if self.usable:
            self._say_goodbye()
            self._finished = True
            if self.transport.can_write_eof():
                with suppress(OSError):
                    # Why: the other side may have broken the connection, and the loop does not know it yet.
                    self.transport.write_eof()

    async def linger(self, seconds: float, most: int) -> None:
        """Say that nothing more will be sent, and throw away what still comes, within bounds.

        Why: closing with bytes unread makes the kernel break the connection, and the client may lose the
        answer.
        """
        self.end()
        try:
            async with asyncio.timeout(seconds):
                while most > 0 and (piece := await self.more(seconds)):
                    most -= len(piece)
        except (TimeoutError, Slow, OSError):
            pass

    def close(self) -> None:
        """Send what is queued, then close."""
        if not self._over and not self.transport.is_closing():
            if self.usable:
                self._say_goodbye()
            self.transport.close()
            if not self._writable:
                # Why: a closing transport waits for ever for a reader that has gone to sleep.
                self._loop.call_later(self._limits.stall, self.transport.abort)

    def abort(self) -> None:
        """Break the connection at once, so that nobody takes what was sent for the whole."""
        if not self._over:
            self.transport.abort()

    # How it works.

    def _say_goodbye(self) -> None:
        if len(self._layers) == 1 and self._layers[0].ready:
            self.transport.write(self._layers[0].close())

    def _receive(self, content: bytes, only: Tls | None = None) -> None:
        layer = only
        try:
            for layer in [only] if only else self._layers:
                handshaking = not layer.ready
                content = layer.receive(content)
                if handshaking:
                    self._flush(layer)
                if layer.ended:
                    self._end()
        except ssl.SSLError as error:
            self._error = error
            if layer:
                self._flush(layer)
            self._end()
            return
        if content:
            self._queue.append(content)
            self._queued += len(content)
            if self._reading and self._queued >= self._limits.queued:
                self._reading = False
                self.transport.pause_reading()
        self._wake_reader()

    def _flush(self, layer: Tls) -> None:
        content = layer.outgoing()
        for below in reversed(self._layers[:self._layers.index(layer)]):
            content = below.send(content)
        if content and not self.transport.is_closing():
            self.transport.write(content)

    def _end(self) -> None:
        self.ended = True
        self.closed.set()
        self._wake_reader()

    def _wake_reader(self) -> None:
        waiter = self._reader
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _wake_writer(self) -> None:
        waiter = self._writer
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    async def _wait(self, seconds: float, writing: bool = False, reading: bool = True) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        if writing:
            self._writer = waiter
        if reading:
            self._reader = waiter
        self._watch(self._loop.time() + max(seconds, 0.0), waiter)
        try:
            await waiter
        finally:
            self._waits.pop(waiter, None)
            if self._reader is waiter:
                self._reader = None
            if self._writer is waiter:
                self._writer = None


    def _watch(self, deadline: float, waiter: asyncio.Future[None] | None = None) -> None:
        """See to it that the timer goes off at `deadline` or before.

        Why one lazy timer: setting and cancelling one for every wait costs 8 µs, and nearly all waits end
        in time.
        """
        if waiter is not None:
            self._waits[waiter] = deadline
        if self._timer is None or self._timer.when() > deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        """Tell whoever has waited too long; wait on for the others."""
        self._timer = None
        now = self._loop.time()
        for waiter, deadline in list(self._waits.items()):
            if deadline > now:
                self._watch(deadline)
            elif not waiter.done():
                waiter.set_exception(Slow("the other side took too long"))
