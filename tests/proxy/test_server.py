"""Connections as clients see them: order, keep-alive, early answers, time-outs, tunnels, TLS, and
everything hostile."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import random
import select
import socket
import struct
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from valve_aws.proxy import LIMITS, Exchange
from valve_aws.proxy.wire import Wire

HASTY = replace(
    LIMITS,
    head_seconds=0.15,
    body_seconds=0.15,
    handshake=0.15,
    silence=0.15,
    stall=0.3,
    idle=0.3,
    drain_seconds=0.3,
    linger=0.1,
)


def request(
    target: str, *headers: str, body: bytes = b"", line: str = "HTTP/1.1", method: str = "GET"
) -> bytes:
    return "\r\n".join([f"{method} {target} {line}", "Host: h", *headers, "", ""]).encode() + body


LAST = request("/last", "Connection: close")


async def counted(size: int) -> AsyncIterator[bytes]:
    for at in range(0, size, 50000):
        yield b"x" * min(50000, size - at)


def answers(received: bytes) -> list[bytes]:
    """Return the bodies of answers that have a Content-Length."""
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        size = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        found.append(rest[:size])
        received = rest[size:]
    return found


def test_a_head_may_be_long_where_nobody_but_the_valve_answers(serve: Any, echo: Any) -> None:
    long = request("/", f"X: {'x' * (1024 * 1024)}", "Connection: close")
    assert b" 200 " in serve(own=True).say(long).split(b"\r\n")[0]
    assert b" 431 " in echo.say(long).split(b"\r\n")[0]
    words = request("/", "X: \u00e4", "Connection: close")
    assert b" 200 " in serve(own=True).say(words).split(b"\r\n")[0]
    assert b" 400 " in echo.say(words).split(b"\r\n")[0]
    for odd in (b"X: a\x00", b"X\xc3: a", b"X: a\nY: b"):
        broken = LAST.replace(b"Connection: close", odd)
        assert b" 400 " in serve(own=True).say(broken).split(b"\r\n")[0]
    longer = request("/", f"X: {'x' * LIMITS.own_head}", "Connection: close")
    assert b" 431 " in serve(own=True).say(longer).split(b"\r\n")[0]


# Order and persistence.


def test_pipelined_requests_are_answered_in_their_order_one_at_a_time(serve: Any) -> None:
    busy: list[str] = []

    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            busy.append(f"+{exchange.head.target}")
            for _ in range(5 if exchange.head.target == "/0" else 1):
                await asyncio.sleep(0)
            busy.append(f"-{exchange.head.target}")
            await exchange.respond(200, [], exchange.head.target.encode())

        return handle

    served = serve(request=handler)
    received = served.say(b"".join(request(f"/{n}") for n in range(50)) + LAST)
    assert answers(received) == [f"/{n}".encode() for n in range(50)] + [b"/last"]
    assert all(busy[i][1:] == busy[i + 1][1:] for i in range(0, len(busy), 2))


def test_a_connection_serves_many_requests_with_and_without_bodies(echo: Any) -> None:
    client = http.client.HTTPConnection("127.0.0.1", echo.port)
    client.connect()
    first = client.sock
    for n in range(20):
        client.request("POST", f"/{n}", body=b"b" * n)
        assert client.getresponse().read() == b"b" * n
    assert client.sock is first
    client.close()


def test_http_1_0_and_connection_close_end_the_connection(echo: Any) -> None:
    for sent in (
        request("/", line="HTTP/1.0"),
        request("/", "Connection: close"),
        request("/", "Connection: CLOSE, te"),
    ):
        received = echo.say(sent + request("/unseen"))
        assert len(answers(received)) == 1
        assert b"connection: close" in received


def test_head_says_how_long_the_body_would_be_and_sends_none(serve: Any) -> None:
    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            await exchange.respond(200, [("etag", "x")], b"", 1234)

        return handle

    received = serve(request=handler).say(
        request("/", method="HEAD") + request("/", "Connection: close", method="HEAD")
    )
    assert received.count(b"content-length: 1234\r\n") == 2
    assert received.endswith(b"\r\n\r\n")


def test_content_of_unknown_length_is_chunked_and_for_http_1_0_ends_with_the_connection(serve: Any) -> None:
    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            await exchange.respond(
                200, [("content-length", "7"), ("transfer-encoding", "x")], counted(120000)
            )

        return handle

    served = serve(request=handler)
    client = http.client.HTTPConnection("127.0.0.1", served.port)
    for _ in range(2):
        client.request("GET", "/")
        answer = client.getresponse()
        assert answer.read() == b"x" * 120000
        assert answer.headers.items() == [("transfer-encoding", "chunked")]
    client.close()
    head, _, body = served.say(request("/", line="HTTP/1.0")).partition(b"\r\n\r\n")
    assert body == b"x" * 120000
    assert b"chunked" not in head


def test_what_comes_after_a_tunnel_or_a_body_is_kept(echo: Any) -> None:
    before = len(echo.bodies)
    received = echo.say(
        b"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n"
        + request("/a", "Content-Length: 3", body=b"abc")
        + LAST
    )
    assert echo.bodies[before:] == [b"abc", b""]
    assert received.startswith(b"HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK")


# Bodies, and answers that come before their end.


def test_a_client_that_expects_100_is_told_to_go_on_only_when_the_body_is_read(serve: Any) -> None:
    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            if exchange.head.target == "/no":
                await exchange.respond(403, [], b"no")
            else:
                await served.echo(exchange)

        return handle

    served = serve(request=handler)
    with served.connect() as client:
        client.sendall(request("/yes", "Expect: 100-continue", "Content-Length: 3", method="PUT"))
        assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"abc")
        assert client.recv(1000).endswith(b"\r\n\r\nabc")
        client.sendall(request("/no", "Expect: 100-continue", "Content-Length: 3", method="PUT"))
        assert client.recv(1000).startswith(b"HTTP/1.1 403 ")


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize(
    ("framing", "invited"),
    [
        (["Content-Length: 3"], True),
        (["Content-Length: 1048576"], False),
        ([CHUNKED], False),
        ([CHUNKED, "X-Size: 3"], True),
        ([CHUNKED, "X-Size: 1048576"], False),
        ([CHUNKED, "X-Size: -3"], False),
        (["Content-Length: 1048576", "X-Size: 3"], False),
    ],
)
def test_a_small_body_can_be_asked_for_before_anybody_reads_it_and_a_large_one_cannot(
    serve: Any, framing: list[str], invited: bool
) -> None:
    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            exchange.invite("x-size")
            exchange.invite("x-size")
            await exchange.respond(403, [], b"not read")

        return handle

    with serve(request=handler).connect() as client:
        client.sendall(request("/", "Expect: 100-continue", *framing, method="PUT"))
        answers = b""
        while not answers.endswith(b"not read"):
            more = client.recv(1000)
            assert more
            answers += more
        assert answers.startswith(b"HTTP/1.1 100 " if invited else b"HTTP/1.1 403 ")
        assert answers.count(b"HTTP/1.1 100 ") == invited


def test_a_refused_upload_sees_its_refusal_and_not_a_broken_connection(serve: Any) -> None:
    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            await exchange.respond(403, [], b"refused")

        return handle

    served = serve(request=handler)
    client = http.client.HTTPConnection("127.0.0.1", served.port)
    client.request("PUT", "/", body=b"z" * (16 << 20))
    answer = client.getresponse()
    assert (answer.status, answer.read(), answer.headers["connection"]) == (403, b"refused", "close")
    client.close()


def test_a_small_body_that_was_not_read_does_not_cost_the_connection(serve: Any) -> None:
    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            await exchange.respond(403, [], exchange.head.target.encode())

        return handle

    received = serve(request=handler).say(request("/a", "Content-Length: 5", body=b"GET /") + LAST)
    assert answers(received) == [b"/a", b"/last"]


def test_a_body_over_the_limit_of_its_reader_is_413(serve: Any) -> None:
    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            await exchange.collect(10)

        return handle

    served = serve(request=handler)
    assert served.say(request("/", "Content-Length: 11", "Connection: close", body=b"a" * 11)).startswith(
        b"HTTP/1.1 413 "
    )
    chunked = b"b\r\n" + b"a" * 11 + b"\r\n0\r\n\r\n"
    received = served.say(request("/", "Transfer-Encoding: chunked", "Connection: close", body=chunked))
    assert received.startswith(b"HTTP/1.1 413 ")


def test_an_answer_can_be_made_of_the_request_while_it_comes(serve: Any) -> None:
    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            await exchange.respond(200, [], exchange.stream(), exchange.length)
            assert exchange.length is not None or exchange.trailers == (("x-t", "1"),)

        return handle

    served = serve(request=handler)
    received = served.say(request("/", "Content-Length: 6", body=b"abcdef") + LAST)
    assert answers(received) == [b"abcdef", b""]
    body = b"3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n"
    assert served.say(request("/", "Transfer-Encoding: chunked", body=body)).endswith(
        b"3\r\nabc\r\n0\r\n\r\n"
    )


@pytest.mark.parametrize(("length", "sent"), [(None, 3), (100, 99), (100, 101)])
def test_content_that_breaks_off_or_has_the_wrong_length_never_looks_complete(
    serve: Any, length: int | None, sent: int
) -> None:
    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            async def content() -> AsyncIterator[bytes]:
                yield b"a" * sent
                if length is None:
                    raise OSError("the upstream broke off")

            await exchange.respond(200, [], content(), length)

        return handle

    served = serve(request=handler)
    client = http.client.HTTPConnection("127.0.0.1", served.port)
    client.request("GET", "/")
    with pytest.raises((http.client.HTTPException, OSError)):
        client.getresponse().read()
    client.close()


@pytest.mark.parametrize(
    "header",
    [("x", "a\r\nSet-Cookie: b"), ("x", "a\nb"), ("x", "a\0"), ("x\r\ny", "a"), ("x", "ü"), ("", "a")],
)
def test_no_header_of_an_answer_can_split_it(serve: Any, header: tuple[str, str]) -> None:
    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            with pytest.raises(ValueError):
                await exchange.respond(200, [header], b"")
            await exchange.respond(200, [], b"fine")

        return handle

    received = serve(request=handler).say(request("/", "Connection: close"))
    assert answers(received) == [b"fine"]


# Handlers that fail.


def test_a_handler_that_fails_or_forgets_to_answer_gives_502_and_the_next_request_is_served(
    serve: Any,
) -> None:
    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            if exchange.head.target == "/fails":
                raise RuntimeError("secret words")
            if exchange.head.target == "/last":
                await exchange.respond(200, [], b"ok")

        return handle

    received = serve(request=handler).say(request("/fails") + request("/forgets") + LAST)
    assert received.count(b"HTTP/1.1 502 ") == 2
    assert b"secret" not in received
    assert answers(received)[2] == b"ok"


def test_a_handler_can_notice_that_its_client_has_gone(serve: Any) -> None:
    noticed: list[bool] = []

    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            await asyncio.wait_for(exchange.closed.wait(), 10)
            noticed.append(True)
            served.loop.loop.call_soon(gone.set_result, None)

        return handle

    served = serve(request=handler)

    async def future() -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    gone = served.loop.run(future())
    with served.connect() as client:
        client.sendall(request("/"))
    served.loop.run(gone)
    assert noticed == [True]


# Too slow, too much, cut off.


@pytest.mark.parametrize(
    "start",
    [
        b"GET / HTTP/1.1\r\nHost: h\r\nX-A: ",
        b"G",
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
        b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
        b"CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"",
    ],
)
def test_whoever_is_too_slow_is_let_go(serve: Any, start: bytes) -> None:
    # Why more silence where something is said: on a busy machine this client may be slow to begin.
    served = serve(limits=replace(HASTY, silence=LIMITS.silence) if start else HASTY)
    with served.connect() as client:
        client.sendall(start)
        received = b""
        with contextlib.suppress(ConnectionError):
            while piece := client.recv(1000):
                received += piece
    assert b" 408 " in received or not start.startswith((b"GET", b"POST"))
    assert served.bodies == []


@pytest.mark.parametrize("own", [True, False])
def test_a_runtime_may_connect_long_before_it_speaks(serve: Any, own: bool) -> None:
    """AWS's client for Node does where a response is streamed. Elsewhere who is silent waits for a server."""
    served = serve(own=own, limits=replace(LIMITS, silence=0.0, head_seconds=10.0))
    with served.connect() as early:
        for _ in range(20):  # whoever comes later is answered later, so the silent one has been seen by then
            with served.connect() as other, contextlib.suppress(ConnectionError):
                other.sendall(LAST)
                other.recv(1000)
        with contextlib.suppress(ConnectionError):
            early.sendall(LAST)
            assert (b" 200 " in early.recv(1000)) is own
    assert bool(served.dials) is not own


def test_a_body_that_drips_is_cut_even_if_each_drop_comes_in_time(serve: Any) -> None:
    served = serve(limits=replace(HASTY, body_seconds=0.4, body_rate=10000))
    with served.connect() as client:
        client.sendall(request("/", "Content-Length: 100000", method="PUT"))
        for _ in range(200):
            if select.select([client], [], [], 0.05)[0]:
                break
            client.sendall(b"a")
        assert b" 408 " in client.recv(1000)


def test_a_million_headers_cost_one_refusal_and_bounded_memory(echo: Any) -> None:
    line = b"X-A: a\r\n" * 8192
    before = len(echo.heads)
    with echo.connect() as client:
        received = b""
        client.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n")
        with contextlib.suppress(OSError):
            for _ in range(125):
                client.sendall(line)
        with contextlib.suppress(OSError):
            received = client.recv(1000)
    assert received.startswith(b"HTTP/1.1 431 ") or received == b""
    assert len(echo.heads) == before
    assert answers(echo.say(LAST)) == [b""]


def test_connections_over_the_limit_are_broken_and_the_others_live_on(serve: Any) -> None:
    served = serve(limits=replace(LIMITS, connections=3))
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(served.connect()) for _ in range(3)]
        for client in kept:
            client.sendall(request("/"))
            assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        over = stack.enter_context(served.connect())
        with contextlib.suppress(ConnectionError):
            assert over.recv(10) == b""
        for client in kept:
            client.sendall(request("/"))
            assert client.recv(1000).startswith(b"HTTP/1.1 200 ")


def test_resets_half_open_ends_and_noise_leave_the_server_up_and_silent(echo: Any) -> None:
    chance = random.Random(7)
    for n in range(60):
        client = echo.connect()
        with contextlib.suppress(OSError):
            client.sendall(
                (b"\x16\x03\x01" if n % 3 == 0 else b"GET " if n % 3 == 1 else b"") + chance.randbytes(200)
            )
            if n % 4 == 0:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif n % 4 == 1:
                client.shutdown(socket.SHUT_WR)
        client.close()
    assert answers(echo.say(LAST)) == [b""]


def test_a_client_that_never_reads_its_answer_is_let_go(serve: Any) -> None:
    ended: list[BaseException] = []

    def handler(served: Any) -> Any:
        async def handle(exchange: Exchange) -> None:
            try:
                await exchange.respond(200, [], counted(1 << 28), 1 << 28)
            except BaseException as error:
                ended.append(error)
                served.loop.loop.call_soon(done.set_result, None)
                raise

        return handle

    served = serve(request=handler, limits=HASTY)

    async def future() -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_future()

    done = served.loop.run(future())
    with served.connect() as client:
        client.sendall(request("/"))
        served.loop.run(done)
    assert len(ended) == 1


def test_closing_the_server_breaks_its_connections(serve: Any) -> None:
    served = serve()
    with served.connect() as client:
        client.sendall(request("/"))
        client.recv(1000)
        served.loop.run(served.server.close())
        with contextlib.suppress(ConnectionError):
            assert client.recv(10) == b""
    with pytest.raises(OSError):
        served.connect()


@pytest.fixture
def fresh() -> Iterator[None]:
    """Have the collector look through what a test makes, and through nothing that was there before."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def test_connections_that_have_ended_leave_nothing_behind(serve: Any, fresh: None) -> None:
    echo = serve(limits=replace(LIMITS, silence=900.0))

    def held() -> int:
        gc.collect()
        return sum(isinstance(o, Wire) for o in gc.get_objects())

    echo.say(LAST)
    before = held()
    for n in range(100):
        with echo.connect() as client:
            if n % 2:
                client.sendall(request("/"))
                client.recv(1000)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert len(answers(echo.say(LAST))) == 1
    deadline = time.monotonic() + 60
    while (left := held()) > before + 5 and time.monotonic() < deadline:
        echo.say(LAST)
    assert left <= before + 5
