"""The listeners of one environment: every connection and every name look-up that comes out of it.

Knows sockets, how many there may be, and which environment they are (law 16). Does not know what may pass.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import time
from collections.abc import Awaitable, Callable

from valve_aws.model.call import Origin
from valve_aws.model.plan import Listeners
from valve_aws.proxy import names
from valve_aws.proxy.authority import Authority
from valve_aws.proxy.connection import Connection, House
from valve_aws.proxy.dial import Dial
from valve_aws.proxy.exchange import Exchange
from valve_aws.proxy.grammar import Gone, Malformed
from valve_aws.proxy.head import Known
from valve_aws.proxy.limits import LIMITS, Limits
from valve_aws.proxy.listener import Datagrams, Send
from valve_aws.proxy.upstream import Target, Upstream
from valve_aws.proxy.wire import Wire

LOG = logging.getLogger("valve.proxy")

Request = Callable[[Exchange], Awaitable[None]]
DialHandler = Callable[[Dial], Awaitable[None]]
NameHandler = Callable[[str, str], Awaitable[bool]]
"""(name, type such as `A`) → may it be answered."""


def never(_: Origin) -> bool:
    """No destination is declared as raw TCP."""
    return False


def unheard(_: Origin, problem: str) -> None:
    """Nobody wants to know."""


class Server:
    """Serves one environment until `close`."""

    def __init__(self, environment: str, house: House, name: NameHandler, reacher: Upstream) -> None:
        self._environment = environment
        self._house = house
        self._name = name
        self._reacher = reacher
        self._limits = house.limits
        self._buffer = bytearray(house.limits.chunk)
        self._names = names.Names(house.limits.names)
        self._tasks: dict[Wire, asyncio.Task[None]] = {}
        self._lookups: set[asyncio.Task[None]] = set()
        self._servers: list[asyncio.Server] = []
        self._datagrams: list[Datagrams] = []

    @classmethod
    async def open(cls, listeners: Listeners, environment: str, authority: Authority | None, request: Request,
                   dial: DialHandler, name: NameHandler, limits: Limits = LIMITS, *,
                   raw: Callable[[Origin], bool] = never, refused: Callable[[Origin, str], None] = unheard,
                   upstream: Upstream | None = None, own: tuple[str, int] | None = None) -> Server:
        """Accept on these listeners, for this environment alone; they are ours from here on.

        `request`, `dial` and `name` judge. `raw` says whether a destination is declared as raw TCP: TLS
        towards it is not opened. `refused` hears of what was malformed and reached none of them. `upstream`
        makes the connections of `Dial.splice`. Without an `authority` TLS is a Dial. `own` is the address
        that nothing but the valve answers.
        """
        reacher = upstream or Upstream(limits)

        async def reach(host: str, port: int, verified: str) -> Wire:
            return await reacher.reach(Target(host, port, bool(verified), verified), half=True)

        house = House(authority, request, dial, raw, refused, reach, time.time, limits,
                      Known.within(limits), own)
        server = cls(environment, house, name, reacher)
        loop = asyncio.get_running_loop()
        for tcp in listeners.tcp:
            server._servers.append(await loop.create_server(server._wire, sock=tcp, backlog=512))
        for udp in listeners.udp:
            server._datagrams.append(Datagrams(udp, server._datagram))
        return server

    async def close(self) -> None:
        """Close the listeners and break every connection; returns when all of their tasks have ended."""
        for server in self._servers:
            server.close()
        for datagrams in self._datagrams:
            datagrams.close()
        tasks = [*self._tasks.values(), *self._lookups]
        for wire in list(self._tasks):
            wire.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Connections.

    def _wire(self) -> Wire:
        return Wire(self._buffer, self._limits, half=True, made=self._made)

    def _made(self, wire: Wire) -> None:
        """Start the course of a new connection; over the limit it is broken at once."""
        if len(self._tasks) >= self._limits.connections:
            wire.abort()
            return
        meant = wire.transport.get_extra_info("sockname") or ("", 0)
        origin = self.origin(meant[0], meant[1])
        named = origin.port == self._limits.dns_port
        course = self._questions(wire, origin) if named else Connection(self._house, wire, origin).run()
        task = asyncio.get_running_loop().create_task(course)
        self._tasks[wire] = task
        task.add_done_callback(lambda _: self._tasks.pop(wire, None))

    def origin(self, meant: str, port: int) -> Origin:
        """Return what is known of a connection that was meant for this address: nothing of it is the
        function's word."""
        address = plain(meant)
        return Origin(self._environment, "http", address, port, asked=self._names.name(address))

    # Names.

    def _datagram(self, message: bytes, came_to: str, send: Send) -> None:
        """Answer one question, unless too many are being judged: then it is dropped, and the client asks
        again."""
        if len(self._lookups) >= self._limits.lookups:
            return

        origin = Origin(self._environment, "dns", came_to, self._limits.dns_port)

        async def course() -> None:
            if answer := await self._answer(message, origin):
                send(answer)

        task = asyncio.get_running_loop().create_task(course())
        self._lookups.add(task)
        task.add_done_callback(self._lookups.discard)

    async def _questions(self, wire: Wire, origin: Origin) -> None:
        """Answer DNS over TCP (RFC 7766), one question after the other."""
        held = b""
        try:
            while True:
                while len(held) < 2 or len(held) < 2 + struct.unpack_from("!H", held)[0]:
                    received = await wire.more(self._limits.head_seconds)
                    if not received:
                        return
                    held += received
                size = struct.unpack_from("!H", held)[0]
                message, held = held[2:2 + size], held[2 + size:]
                answer = await self._answer(message, origin)
                if not answer:
                    return
                wire.send(struct.pack("!H", len(answer)) + answer)
                await wire.drained()
        except (Malformed, Gone, OSError):
            pass
        finally:
            wire.close()

    async def _answer(self, message: bytes, origin: Origin) -> bytes:
        """Return the response to one message, b"" for none. Nothing is asked of anyone but the `name`
        handler.

        A name that may be known has one A record. AAAA and every other type is answered with nothing
        (NOERROR, no record): there is no IPv6 address to give, and clients then take the other one. A name
        that may not be known does not exist (NXDOMAIN): resolvers give up at once, where REFUSED makes them
        ask again.
        """
        question = names.read(message)
        if isinstance(question, names.Faulty):
            self._house.refused(origin, question.problem)
            return question.answer
        try:
            known = await self._name(question.name, question.kind)
        except Exception:
            LOG.exception("the handler of a name look-up of %s failed", self._environment)
            return names.answer(question, names.Code.FAILED)
        if not known:
            return names.answer(question, names.Code.NO_SUCH_NAME)
        if question.kind != "A":
            return names.answer(question, names.Code.FINE)
        address = self._names.address(question.name)
        code = names.Code.FINE if address else names.Code.FAILED
        return names.answer(question, code, address)


def plain(address: str) -> str:
    """Return an IPv4 address that shows as IPv6 (`::ffff:10.0.0.1`) as what it is."""
    mapped = address.removeprefix("::ffff:")
    with contextlib.suppress(OSError):
        socket.inet_pton(socket.AF_INET, mapped)
        return mapped
    return address
