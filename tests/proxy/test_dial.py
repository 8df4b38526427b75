"""What is not HTTP: forwarded byte by byte where a handler says so, cut when it says so, else broken."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from valve_aws.proxy import LIMITS, Authority, Dial, Upstream

QUICK = replace(LIMITS, peek=0.05, silence=0.05)


@pytest.fixture
def far() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Start a server on loopback that does one thing with each connection; returns its port."""
    with contextlib.ExitStack() as stack:

        def start(serve_one: Callable[[socket.socket], None]) -> int:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def loop() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        client, _ = listener.accept()
                        threading.Thread(target=one, args=(client,), daemon=True).start()

            def one(client: socket.socket) -> None:
                with client, contextlib.suppress(OSError):
                    client.settimeout(20)
                    serve_one(client)

            threading.Thread(target=loop, daemon=True).start()
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            return int(listener.getsockname()[1])

        yield start


def echo_all(client: socket.socket) -> None:
    while piece := client.recv(65536):
        client.sendall(piece)
    client.sendall(b"<end>")


def to(port: int, seen: list[bytes] | None = None) -> Callable[[Any], Any]:
    def dial(served: Any) -> Any:
        async def handle(dialled: Dial) -> None:
            served.dials.append((dialled.origin, dialled.first))
            await dialled.splice("127.0.0.1", port, seen.append if seen is not None else None)

        return handle

    return dial


def test_what_is_neither_tls_nor_http_is_dialled_and_forwarded_both_ways(serve: Any, far: Any) -> None:
    seen: list[bytes] = []
    served = serve(dial=to(far(echo_all), seen))
    body = random.Random(3).randbytes(3 << 20)
    with served.connect() as client:
        threading.Thread(
            target=lambda: (client.sendall(b"SSH-2.0-x\r\n" + body), client.shutdown(socket.SHUT_WR))
        ).start()
        received = b""
        while piece := client.recv(65536):
            received += piece
    assert received == b"SSH-2.0-x\r\n" + body + b"<end>"
    assert served.dials[0][1].startswith(b"SSH-2.0-x\r\n")
    assert served.dials[0][0].environment == "environment-1"
    assert b"".join(seen) == b"SSH-2.0-x\r\n" + body, "what goes out, and nothing that comes back"


def test_a_client_that_waits_for_the_server_to_speak_is_dialled_with_nothing(serve: Any, far: Any) -> None:
    def greet(client: socket.socket) -> None:
        client.sendall(b"220 hello\r\n")
        assert client.recv(100) == b"QUIT\r\n"

    served = serve(dial=to(far(greet)), limits=QUICK)
    with served.connect() as client:
        assert client.recv(100) == b"220 hello\r\n"
        client.sendall(b"QUIT\r\n")
        assert client.recv(100) == b""
    assert served.dials[0][1] == b""


@pytest.mark.parametrize(
    "first",
    [
        b"EHLO x\r\n",
        b"*1\r\n$4\r\nPING\r\n",
        b"\x00\x00\x00\x08\x04\xd2\x16\x2f",
        b"\x16\x02\x00",
        b"PUTTY",
        b"\xff" * 100,
    ],
)
def test_a_refused_dial_is_broken_and_nothing_is_sent_anywhere(serve: Any, first: bytes) -> None:
    served = serve()
    assert served.say(first) == b""
    assert served.dials[0][1] == first
    assert served.heads == []


def test_a_handler_that_does_nothing_or_fails_has_refused(serve: Any) -> None:
    def dial(served: Any) -> Any:
        async def handle(dialled: Dial) -> None:
            if dialled.first == b"\x01":
                raise RuntimeError

        return handle

    served = serve(dial=dial)
    assert served.say(b"\x01") == served.say(b"\x02") == b""


def test_a_splice_to_nowhere_is_broken(serve: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert serve(dial=to(port)).say(b"\x01\x02\x03") == b""


def test_a_splice_can_be_cut_while_it_is_under_way(serve: Any, far: Any) -> None:
    arrived = threading.Event()
    received: list[bytes] = []

    def sink(client: socket.socket) -> None:
        received.append(client.recv(100))
        arrived.set()
        with contextlib.suppress(ConnectionError):
            received.append(client.recv(100))

    port = far(sink)
    dialled: list[Dial] = []

    def dial(served: Any) -> Any:
        async def handle(found: Dial) -> None:
            dialled.append(found)
            await found.splice("127.0.0.1", port)

        return handle

    served = serve(dial=dial)
    with served.connect() as client:
        client.sendall(b"\x01first")
        assert arrived.wait(10)
        served.loop.loop.call_soon_threadsafe(dialled[0].cut)
        with contextlib.suppress(ConnectionError):
            assert client.recv(10) == b""
    assert received[0] == b"\x01first"
    assert b"" in (received[1:] or [b""])


def test_tls_to_a_destination_declared_as_raw_stays_closed(serve: Any, far: Any) -> None:
    own = Authority.create(time.time())
    context = own.context("db.example", time.time())

    def database(client: socket.socket) -> None:
        with context.wrap_socket(client, server_side=True) as tls:
            tls.sendall(b"from the database: " + tls.recv(100))

    served = serve(dial=to(far(database)), raw=lambda origin: True)
    trust = ssl.create_default_context(cadata=own.pem.decode())
    with served.connect() as plain, trust.wrap_socket(plain, server_hostname="db.example") as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"from the database: hello"
    assert served.dials[0][1][:2] == b"\x16\x03"


def test_what_comes_out_of_tls_goes_into_tls_again_and_is_verified(
    serve: Any, far: Any, authority: Any
) -> None:
    now = time.time()
    good, bad = authority.context("redis.example", now), Authority.create(now).context("redis.example", now)

    def redis(context: ssl.SSLContext) -> Callable[[socket.socket], None]:
        def one(client: socket.socket) -> None:
            with context.wrap_socket(client, server_side=True) as tls:
                tls.sendall(b"+" + tls.recv(100))

        return one

    reach = Upstream(trust=authority.pem.decode())
    for context, expected in ((good, b"+*1\r\n"), (bad, b"")):
        served = serve(dial=to(far(redis(context))), upstream=reach)
        with (
            served.connect() as plain,
            served.trust().wrap_socket(plain, server_hostname="redis.example") as client,
        ):
            client.sendall(b"*1\r\n")
            found = b""
            with contextlib.suppress(OSError):
                found = client.recv(100)
        assert found == expected
        assert served.dials[0][0].sni == "redis.example"


def test_a_tunnel_to_something_else_is_dialled_with_its_destination(serve: Any) -> None:
    served = serve()
    received = served.say(b"CONNECT smtp.example:25 HTTP/1.1\r\nHost: smtp.example:25\r\n\r\nEHLO x\r\n")
    assert received == b"HTTP/1.1 200 Connection established\r\n\r\n"
    origin, first = served.dials[0]
    assert (origin.connect, first) == ("smtp.example:25", b"EHLO x\r\n")


def test_without_an_authority_tls_is_dialled(serve: Any) -> None:
    served = serve(tls=False)
    assert served.say(b"\x16\x03\x01\x00\x05hello") == b""
    assert served.dials[0][1] == b"\x16\x03\x01\x00\x05hello"


def test_closing_the_server_ends_its_splices(serve: Any, far: Any) -> None:
    served = serve(dial=to(far(echo_all)))
    with served.connect() as client:
        client.sendall(b"\x01x")
        assert client.recv(10) == b"\x01x"
        served.loop.run(served.server.close())
        with contextlib.suppress(ConnectionError):
            assert client.recv(10) == b""
    assert asyncio.all_tasks(served.loop.loop) == set()
