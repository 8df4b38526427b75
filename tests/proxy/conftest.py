"""A server on loopback in a loop of its own, with handlers that remember; clients are real sockets in the
test's thread."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from valve_aws.model.call import Head, Origin
from valve_aws.model.plan import Listeners
from valve_aws.proxy import LIMITS, Authority, Dial, Exchange, Limits, Server, Upstream

WAIT = 20.0
"""Seconds until a test gives up waiting; none waits this long when all is well."""


class Loop:
    """An event loop in a thread; `problems` is what it would only have logged."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.loop = asyncio.new_event_loop()
        self.loop.set_exception_handler(
            lambda _, c: self.problems.append(f"{c.get('message')}: {c.get('exception')!r}")
        )
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, awaitable: Awaitable[Any]) -> Any:
        async def course() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(course(), self.loop).result(WAIT)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(WAIT)
        self.loop.close()


class Served:
    """One server and what came through it."""

    def __init__(self, loop: Loop, authority: Authority | None) -> None:
        self.loop = loop
        self.authority = authority
        self.heads: list[Head] = []
        self.bodies: list[bytes] = []
        self.dials: list[tuple[Origin, bytes]] = []
        self.names: list[tuple[str, str]] = []
        self.refused: list[str] = []
        self.server: Server
        self.port = 0
        self.udp = 0

    async def echo(self, exchange: Exchange) -> None:
        """Answer with the body; one header says how long it was."""
        self.heads.append(exchange.head)
        body = await exchange.collect(1 << 24)
        self.bodies.append(body)
        await exchange.respond(200, [("content-type", "application/octet-stream")], body)

    async def hang_up(self, dial: Dial) -> None:
        self.dials.append((dial.origin, dial.first))
        await dial.refuse()

    async def anyone(self, name: str, kind: str) -> bool:
        self.names.append((name, kind))
        return not name.endswith("evil.example")

    def connect(self) -> socket.socket:
        found = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return found

    def say(self, *pieces: bytes) -> bytes:
        """Send on a new connection and return all that comes back until the server closes."""
        with self.connect() as client:
            with contextlib.suppress(OSError):
                for piece in pieces:
                    client.sendall(piece)
            return until_closed(client)

    def trust(self) -> ssl.SSLContext:
        assert self.authority
        return ssl.create_default_context(cadata=self.authority.pem.decode())


def until_closed(client: socket.socket) -> bytes:
    """Return what comes until the other side closes or breaks the connection."""
    found = b""
    with contextlib.suppress(ConnectionError):
        while piece := client.recv(65536):
            found += piece
    return found


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority.create(time.time())


@pytest.fixture(scope="module")
def serve(authority: Authority) -> Iterator[Callable[..., Served]]:
    """Start servers; at the end of the module none may have left an unhandled problem behind."""
    loop = Loop()
    made: list[Served] = []

    def start(
        request: Any = None,
        dial: Any = None,
        name: Any = None,
        limits: Limits = LIMITS,
        tls: bool = True,
        raw: Callable[[Origin], bool] | None = None,
        upstream: Upstream | None = None,
        port: int = 0,
        own: bool = False,
    ) -> Served:
        served = Served(loop, authority if tls else None)
        tcp = socket.create_server(("127.0.0.1", port))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        served.port, served.udp = tcp.getsockname()[1], udp.getsockname()[1]
        served.server = loop.run(
            Server.open(
                Listeners((tcp,), (udp,), True),
                "environment-1",
                served.authority,
                request(served) if request else served.echo,
                dial(served) if dial else served.hang_up,
                name or served.anyone,
                limits,
                raw=raw or (lambda _: False),
                refused=lambda _, problem: served.refused.append(problem),
                upstream=upstream,
                own=("127.0.0.1", served.port) if own else None,
            )
        )
        made.append(served)
        return served

    yield start
    for served in made:
        loop.run(served.server.close())
    loop.close()
    assert loop.problems == []


@pytest.fixture(scope="module")
def echo(serve: Callable[..., Served]) -> Served:
    """A server that echoes."""
    return serve()


@pytest.fixture
def bundle(authority: Authority, tmp_path: Path) -> str:
    """The authority's certificate as a file."""
    path = tmp_path / "ca.pem"
    path.write_bytes(authority.pem)
    return str(path)
