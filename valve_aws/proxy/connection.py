"""The course of one accepted connection: first bytes, TLS, CONNECT, then requests in their order.

Knows which layer follows which. Does not know listeners, nor what a request asks for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from valve_aws.model.call import Head, Origin
from valve_aws.proxy import write
from valve_aws.proxy.authority import Authority
from valve_aws.proxy.dial import Dial, Reach
from valve_aws.proxy.exchange import Exchange
from valve_aws.proxy.grammar import Gone, Malformed, Slow, authority
from valve_aws.proxy.head import Known, RequestHead
from valve_aws.proxy.hello import Greeting, Speaks, sniff
from valve_aws.proxy.inbox import Inbox
from valve_aws.proxy.limits import Limits
from valve_aws.proxy.reader import Reader
from valve_aws.proxy.wire import Wire

LOG = logging.getLogger("valve.proxy")

HTTP_PORTS = frozenset({80, 443})

ALERT = {421: b"\x15\x03\x03\x00\x02\x02\x70", 400: b"\x15\x03\x03\x00\x02\x02\x32"}
"""TLS alerts (RFC 8446 §6.2): unrecognized_name, decode_error."""

GOAWAY = b"".join([
    b"\x00\x00\x00\x04\x00\x00\x00\x00\x00",
    b"\x00\x00\x1f\x07\x00\x00\x00\x00\x00", b"\x00\x00\x00\x00", b"\x00\x00\x00\x0d",
    b"only HTTP/1.1 is spoken",
])
"""Empty SETTINGS, then GOAWAY with HTTP_1_1_REQUIRED (RFC 9113 §6.8, §7)."""


@dataclass(frozen=True, slots=True)
class House:
    """What every connection of one environment shares: who answers, and what they may use."""

    authority: Authority | None
    request: Callable[[Exchange], Awaitable[None]]
    dial: Callable[[Dial], Awaitable[None]]
    raw: Callable[[Origin], bool]
    """Says whether this destination is declared as raw TCP: then TLS is not opened."""
    refused: Callable[[Origin, str], None]
    """Told of what was refused before any handler saw it, and why."""
    reach: Reach
    now: Callable[[], float]
    limits: Limits
    known: Known
    own: tuple[str, int] | None = None
    """The address that is answered here; heads may be longer there (`Limits.own_head`)."""


class Connection:
    """One accepted connection from its first byte to its last."""

    def __init__(self, house: House, wire: Wire, origin: Origin) -> None:
        self._house = house
        self._wire = wire
        self._origin = origin
        self._limits = house.limits
        if (origin.address, origin.port) == house.own:
            self._limits = replace(house.limits, head=house.limits.own_head, obs_text=True)
        self._greeting = False
        """A TLS greeting is being read: a refusal is an alert."""

    async def run(self) -> None:
        """Serve it to its end. Never raises but for cancellation; whatever goes wrong stays with this
        connection."""
        wire = self._wire
        try:
            try:
                await self._layers()
            except Malformed as broken:
                self._house.refused(self._origin, broken.problem)
                await self._apologise(broken)
            except ssl.SSLError as error:
                self._house.refused(self._origin, f"TLS failed: {error.reason or 'broken record'}")
        except (Gone, OSError):
            pass
        except Exception:
            LOG.exception("a connection of %s failed", self._origin.environment)
            wire.abort()
        finally:
            wire.close()

    async def _layers(self) -> None:
        """Take off one layer after another until requests, or something that is not HTTP, remains."""
        held, opened = b"", False
        while True:
            raw = self._house.raw(self._origin)
            speaks, held = await self._sniff(held, raw)
            if speaks is Speaks.TLS and not opened and not raw and self._house.authority:
                await self._open_tls(held, self._house.authority)
                held, opened = b"", True
            elif speaks is Speaks.HTTP:
                tunnel = await self._requests(held)
                if tunnel is None:
                    return
                held, opened = tunnel, False
            elif speaks is Speaks.HTTP2:
                self._house.refused(self._origin, "HTTP/2 is not spoken here: HTTP/1.1 is")
                self._wire.send(GOAWAY)
                self._wire.end()
                return
            else:
                await self._dial(held)
                return

    async def _sniff(self, held: bytes, raw: bool) -> tuple[Speaks, bytes]:
        """Wait for enough bytes to tell what is spoken; a client that stays silent waits for the server to
        speak."""
        limits = self._limits
        port = authority(self._origin.connect)[1] if self._origin.connect else self._origin.port
        # Why the own one too: a runtime that streams connects when its event begins, and speaks when it has
        # something to say.
        own = (self._origin.address, self._origin.port) == self._house.own
        patience = limits.idle if own or port in HTTP_PORTS else limits.silence
        if raw:
            patience = limits.peek
        clock = asyncio.get_running_loop().time
        deadline = clock() + patience
        while (speaks := sniff(held)) is Speaks.UNSURE:
            try:
                received = await self._wire.more(max(deadline - clock(), 0.0))
            except Slow:
                return Speaks.OTHER, held
            if not received:
                if held:
                    return Speaks.OTHER, held
                raise Gone("the connection ended before its first byte")
            if not held:
                deadline = min(deadline, clock() + limits.head_seconds)
            held += received
        return speaks, held

    async def _open_tls(self, held: bytes, signer: Authority) -> None:
        """Read the greeting, show a certificate for the name it asks for, and be the server of what is
        inside."""
        limits, origin = self._limits, self._origin
        self._greeting = True
        clock = asyncio.get_running_loop().time
        deadline = clock() + limits.handshake
        greeting = Greeting(limits.hello)
        name = greeting.feed(held)
        while name is None:
            received = await self._wire.more(max(deadline - clock(), 0.0))
            if not received:
                raise Gone("the connection ended within the TLS greeting")
            held += received
            name = greeting.feed(received)
        wanted = authority(origin.connect)[0] if origin.connect else ""
        if name and wanted and not address(wanted) and name != wanted:
            raise Malformed(f"TLS asks for `{name}` within a tunnel to `{wanted}`", 421)
        shown = name or wanted or origin.asked or origin.address
        self._origin = replace(origin, scheme="https", sni=name)
        await self._wire.secure(signer.context(shown, self._house.now()), held)
        self._greeting = False

    async def _requests(self, held: bytes) -> bytes | None:
        """Serve requests until the connection ends (None), or until CONNECT: then what came after it."""
        reader = Reader(Inbox(), self._limits, self._house.known)
        reader.inbox.feed(held)
        while request := await self._head(reader):
            if request.method == "CONNECT":
                if self._origin.connect:
                    raise Malformed("a CONNECT within a CONNECT")
                self._origin = replace(self._origin, scheme="http", sni="", connect=request.target)
                self._wire.send(write.TUNNEL)
                return reader.inbox.take(len(reader.inbox))
            self._agree(request)
            head = Head(request.method, request.target, request.headers, request.host, self._origin)
            exchange = Exchange(self._wire, reader, request, head, self._limits)
            await self._handle(exchange)
            if not await exchange.finish():
                return None
        return None

    async def _head(self, reader: Reader) -> RequestHead | None:
        """Wait for the next head; None when the client has no more to ask."""
        limits, wire, inbox = self._limits, self._wire, reader.inbox
        deadline = 0.0
        while True:
            if not len(inbox):
                try:
                    inbox.feed(await wire.more(limits.idle))
                except Slow:
                    return None
            elif (request := reader.head()) is not None:
                return request
            elif not inbox.ended:
                now = asyncio.get_running_loop().time()
                deadline = deadline or now + limits.head_seconds
                inbox.feed(await wire.more(deadline - now))
            if inbox.ended and not len(inbox):
                return None

    def _agree(self, request: RequestHead) -> None:
        """Refuse a request whose Host is not the name that its TLS or its tunnel was opened for (RFC 9110
        §7.4)."""
        origin = self._origin
        if request.scheme and request.scheme != origin.scheme:
            raise Malformed(f"an `{request.scheme}` target over {origin.scheme}", 421)
        if origin.sni and request.host != origin.sni:
            raise Malformed(f"the request is for `{request.host}`, its TLS for `{origin.sni}`", 421)
        if origin.connect:
            wanted = authority(origin.connect)[0]
            if not address(wanted) and request.host != wanted:
                raise Malformed(f"the request is for `{request.host}`, its tunnel for `{wanted}`", 421)

    async def _handle(self, exchange: Exchange) -> None:
        """Let the handler answer; what it leaves undone, or fails at, is answered here if nothing was."""
        refused: Malformed | None = None
        try:
            await self._house.request(exchange)
        except Malformed as broken:
            self._house.refused(self._origin, broken.problem)
            refused = broken
        except (Gone, OSError):
            pass
        except Exception:
            LOG.exception("the handler of a request of %s failed", self._origin.environment)
        if not exchange.answered:
            refused = refused or Malformed("the request could not be carried out", 502)
            try:
                await exchange.respond(refused.status, PLAIN, text(refused))
            except (Slow, Gone):
                # Why here: past this point an apology would be a second answer.
                self._wire.abort()

    async def _dial(self, first: bytes) -> None:
        dial = Dial(self._wire, self._origin, first, self._house.reach)
        try:
            await self._house.dial(dial)
        except (Gone, Slow, OSError):
            pass
        finally:
            self._wire.abort()

    async def _apologise(self, broken: Malformed) -> None:
        """Say why, once, and go on receiving for a moment so that the client can read it."""
        wire = self._wire
        if not wire.usable:
            return
        if self._greeting:
            wire.send(ALERT.get(broken.status, ALERT[400]))
        else:
            body = text(broken)
            framing = write.frame(len(body), False)
            wire.send(write.response_head(broken.status, PLAIN, framing, keep=False) + body)
        await wire.linger(self._limits.linger, self._limits.drain)


PLAIN = (("content-type", "text/plain"),)


def text(broken: Malformed) -> bytes:
    """Return what a client is told: it sent these bytes itself, so this tells it nothing new (law 14)."""
    return broken.problem.encode("ascii", "replace") + b"\n"


def address(host: str) -> bool:
    """Say whether this is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
