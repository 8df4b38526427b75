"""A connection that is not HTTP: what it started with, and its forwarding if someone allows it.

Knows two streams and how to join them. Does not know what is spoken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from valve_aws.model.call import Origin
from valve_aws.proxy.grammar import Gone, Slow
from valve_aws.proxy.wire import Wire

Reach = Callable[[str, int, str], Awaitable[Wire]]
"""Open a connection to host and port; the third is the name to verify TLS for, "" for no TLS."""

Watch = Callable[[bytes], None]
"""Told each piece that is sent out, before it goes on."""


class Dial:
    """Either `splice` or `refuse` it; a handler that does neither has refused."""

    def __init__(self, wire: Wire, origin: Origin, first: bytes, reach: Reach) -> None:
        self.origin = origin
        self.first = first
        """What the client has sent so far; b"" when it waits for the server to speak."""
        self._wire = wire
        self._reach = reach
        self._far: Wire | None = None
        self._cut = False

    async def splice(self, host: str, port: int, watch: Watch | None = None) -> None:
        """Forward both ways until either side is gone or `cut` is called; the end of one direction is
        passed on.

        What came out of TLS (`origin.scheme` is `https`) goes into TLS again, verified for the name that
        was asked for. Raises OSError when the destination cannot be reached. A destination is whatever the
        caller says: no bytes of the client have a say in it.
        """
        name = (self.origin.sni or host) if self.origin.scheme == "https" else ""
        self._far = await self._reach(host, port, name)
        if self._cut:
            self.cut()
            return
        watch = watch or blind
        if self.first:
            watch(self.first)
            self._far.send(self.first)
        pumps = [asyncio.ensure_future(pump(self._wire, self._far, watch)),
                 asyncio.ensure_future(pump(self._far, self._wire, blind))]
        try:
            await asyncio.gather(*pumps)
        except (Gone, Slow, OSError):
            pass
        finally:
            for task in pumps:
                task.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self._far.close()
            self._wire.close()

    def cut(self) -> None:
        """Break both connections now, in the middle of whatever is under way."""
        self._cut = True
        self._wire.abort()
        if self._far:
            self._far.abort()

    async def refuse(self) -> None:
        """Break the connection; nothing was sent to anyone."""
        self._wire.abort()


async def pump(source: Wire, sink: Wire, watch: Watch) -> None:
    """Carry one direction to its end, no faster than it is taken."""
    while piece := await source.more(FOREVER):
        watch(piece)
        sink.send(piece)
        await sink.drained()
    sink.end()


def blind(_: bytes) -> None:
    """Look at nothing."""


FOREVER = 30 * 86400.0
"""Seconds. A database connection may rest as long as its environment lives; the count of connections is
what bounds it."""
