"""A real valve between hostile bytes and servers that write down every byte that reaches them.

Knows sockets on loopback and the courses behind the proxy. Does not know which bytes are tried.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.fuzz import twin
from tests.playbook import play
from tests.proxy.conftest import WAIT, Loop, until_closed
from valve_aws.aws import issue
from valve_aws.backend import endpoint
from valve_aws.model.call import Head, Origin
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.plan import Listeners
from valve_aws.model.record import Record
from valve_aws.model.verdict import Mode
from valve_aws.passage import crossing, splicing
from valve_aws.proxy import LIMITS, Authority, Dial, Exchange, Limits, Server, Upstream

POLICY = """
version: 1
labels: {pii: {}}
stores:
  "http://h/*": {accepts: [pii]}
  "https://h/*": {accepts: [pii]}
  "http://other.test/*": {accepts: []}
  "https://other.test/*": {accepts: []}
"""

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-for: %d\r\n\r\nok"


class Recorder:
    """A server that keeps what came on each connection, and answers each request that `twin` finds."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard: list[bytearray] = []
        self._open: list[socket.socket] = []
        self._answered = itertools.count(1)
        self.quiet = threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            heard = bytearray()
            self.heard.append(heard)
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection, heard), daemon=True).start()

    def _serve(self, connection: socket.socket, heard: bytearray) -> None:
        at = 0
        try:
            while piece := connection.recv(65536):
                heard += piece
                while at < len(heard):
                    try:
                        at = twin.message(bytes(heard), at).end
                    except twin.NoRequest:
                        break
                    connection.sendall(ANSWER % next(self._answered))
        except OSError:
            pass
        connection.close()

    def whole(self) -> list[twin.Message]:
        """Return the whole requests that arrived."""
        return [message for stream in list(self.heard) for message in requests(bytes(stream))]

    def bytes(self) -> bytes:
        """Return all that arrived."""
        return b"".join(bytes(stream) for stream in list(self.heard))

    def forget(self) -> None:
        """Close what is open, and begin anew."""
        for connection in self._open:
            connection.close()
        self._open.clear()
        self.heard.clear()

    def close(self) -> None:
        """Stop listening."""
        self.forget()
        self._listener.close()


def requests(stream: bytes) -> Iterator[twin.Message]:
    """Give the whole requests of one connection."""
    at = 0
    while at < len(stream):
        try:
            found = twin.message(stream, at)
        except twin.NoRequest:
            return
        yield found
        at = found.end


class Between:
    """The valve, and what it let out."""

    def __init__(self, loop: Loop, authority: Authority, limits: Limits, mode: Mode, label: Label) -> None:
        self.loop, self.authority = loop, authority
        self.host, self.cloud = Recorder(), Recorder()
        self.looked_up: list[str] = []
        self._telling: list[asyncio.Future[None]] = []
        self.stage = play.Stage(mode)
        self.passage = self.stage.passage
        self.upstream = self.passage.upstream = Upstream(limits)
        self.passage.ident = (f"r-{n}" for n in itertools.count(1)).__next__
        self.passage.resolve = dict.fromkeys([("h", 0), ("other.test", 0)], ("127.0.0.1", self.host.port))
        self.passage.backend = self._backend
        self.subject = self.stage.subject(label)
        self.key = issue(os.urandom)
        loop.loop.getaddrinfo = self._look_up  # type: ignore[method-assign]  # every look-up comes through here
        listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = listener.getsockname()[1]
        self.passage.proxies.add(self.port)
        self.server = loop.run(
            Server.open(
                Listeners((listener,), (), True),
                "env", authority, self._request, self._dial, self._name, limits,
                refused=self._refused, upstream=self.upstream,
            )
        )  # fmt: skip

    async def _backend(self) -> Any:
        return endpoint(f"http://127.0.0.1:{self.cloud.port}")

    async def _look_up(self, host: Any, port: Any, **_: Any) -> Any:
        if host == "127.0.0.1":
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        self.looked_up.append(str(host))
        raise socket.gaierror("nobody is asked")

    async def _request(self, exchange: Exchange) -> None:
        await crossing.request(self.passage, self.subject, self.key, exchange)

    async def _dial(self, dialled: Dial) -> None:
        await splicing.dial(self.passage, self.subject, dialled)

    async def _name(self, _: str, kind: str) -> bool:
        return kind == "A"

    def _refused(self, _: Origin, problem: str) -> None:
        self._telling.append(
            asyncio.ensure_future(crossing.malformed(self.passage, self.subject, problem))
        )

    @property
    def records(self) -> list[Record]:
        """What was recorded."""
        return [r for r in self.stage.sink.records if r.verdict != "settled"]

    def connect(self) -> socket.socket:
        """Connect as the function would."""
        made = socket.create_connection(("127.0.0.1", self.port), timeout=WAIT)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def say(self, *pieces: bytes, ends: bool = True) -> bytes:
        """Send pieces on a new connection and return what comes back until it is closed."""
        with self.connect() as client:
            try:
                for piece in pieces:
                    client.sendall(piece)
                if ends:
                    client.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            return until_closed(client)

    def trust(self) -> ssl.SSLContext:
        """Return a context that trusts the valve."""
        made = ssl.create_default_context(cadata=self.authority.pem.decode())
        made.check_hostname = False
        return made

    def settle(self) -> None:
        """Wait until nothing of ours is under way, and what was sent has been heard."""
        self.loop.run(asyncio.sleep(0))
        assert self.say(b"GET /last HTTP/1.0\r\nHost: h\r\n\r\n").startswith(b"HTTP/1.1 200")

    def forget(self) -> None:
        """Begin anew: nothing heard, no pooled connection, no record."""
        self.loop.run(self.upstream.close())
        self.host.forget()
        self.cloud.forget()
        self.looked_up.clear()
        self.stage.sink.records.clear()
        self.subject.label, self.subject.ways = CLEAN, {}

    def close(self) -> None:
        """End it."""
        self.loop.run(self.server.close())
        self.loop.run(self.upstream.close())
        self.host.close()
        self.cloud.close()


@pytest.fixture(scope="module")
def valve() -> Iterator[Callable[..., Between]]:
    """Make valves between; at the end of the module none may have left an unhandled problem behind."""
    authority = Authority.create(time.time())
    made: list[tuple[Loop, Between]] = []
    kept, play.POLICY = play.POLICY, POLICY

    def start(limits: Limits = LIMITS, mode: Mode = Mode.ENFORCE, label: Label = CLEAN) -> Between:
        loop = Loop()
        made.append((loop, Between(loop, authority, limits, mode, label)))
        return made[-1][1]

    yield start
    play.POLICY = kept
    for loop, between in made:
        between.close()
        loop.close()
        assert loop.problems == []


@pytest.fixture(scope="module")
def enforced(valve: Callable[..., Between]) -> Between:
    return valve()


@pytest.fixture
def between(enforced: Between) -> Between:
    enforced.forget()
    return enforced


def head_of(message: twin.Message) -> dict[str, str]:
    """Return a message's headers."""
    return dict(message.headers)


__all__ = ["Between", "Head", "head_of"]
