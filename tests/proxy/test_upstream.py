"""The valve as a client: what it sends is written anew, and what comes back is read as strictly as a
request."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from valve_aws.proxy import LIMITS, Authority, Target, TooLarge, Unreachable, Upstream

HOST = ("host", "h")
QUICK = replace(LIMITS, answer=0.2, connect=1.0, stall=0.2)
"""For what is to take too long, and for nothing else: a busy machine may well be slower."""
Script = Callable[["Far", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Far:
    """A server that plays a script on each connection and keeps what it read."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.connections = 0
        self.requests: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self.script(self, reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        """Read one request with a counted or chunked body."""
        head = await reader.readuntil(b"\r\n\r\n")
        body = b""
        if b"content-length: " in head:
            body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
        elif b"chunked" in head:
            body = await reader.readuntil(b"0\r\n\r\n")
        self.requests.append(head + body)
        return head + body


def play(
    script: Script,
    course: Callable[[Far, Target, Upstream], Awaitable[None]],
    upstream: Upstream | None = None,
    tls: Any = None,
    target: Callable[[int], Target] | None = None,
) -> Far:
    """Run a course against a server with a script; no task may fail unseen."""
    far = Far(script)
    problems: list[Any] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, c: problems.append(c))
        server = await asyncio.start_server(far.serve, "127.0.0.1", 0, ssl=tls)
        port = server.sockets[0].getsockname()[1]
        client = upstream or Upstream()
        async with asyncio.timeout(20):
            await course(far, target(port) if target else Target("127.0.0.1", port, bool(tls)), client)
        await client.close()
        server.close()

    asyncio.run(run())
    assert problems == []
    return far


def saying(*answers: bytes) -> Script:
    """Answer each request of a connection with the next of these, then close."""

    async def script(far: Far, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await far.request(reader)
            writer.write(answer)
            await writer.drain()

    return script


async def forever(far: Far, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        await far.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


async def pieces(*found: bytes) -> AsyncIterator[bytes]:
    for piece in found:
        yield piece


def test_a_request_is_written_anew_with_our_framing_alone() -> None:
    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        headers = [
            HOST,
            ("x-amz-date", "Z"),
            ("content-length", "99"),
            ("transfer-encoding", "chunked"),
            ("connection", "close"),
            ("expect", "100-continue"),
            ("upgrade", "h2c"),
            ("te", "trailers"),
            ("Trailer", "x"),
        ]
        for body, length in (
            (b"abc", None),
            (pieces(b"a", b"", b"bc"), 3),
            (pieces(b"ab", b"c"), None),
            (None, None),
        ):
            reply = await upstream.send(target, "PUT", "/a%20b?c", headers, body, length)
            assert (reply.status, await reply.collect(10)) == (200, b"ok")
        await (await upstream.send(target, "GET", "/", [HOST], None)).collect(10)

    far = play(forever, course)
    start = b"PUT /a%20b?c HTTP/1.1\r\nhost: h\r\nx-amz-date: Z\r\n"
    assert far.requests == [
        start + b"content-length: 3\r\n\r\nabc",
        start + b"content-length: 3\r\n\r\nabc",
        start + b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        start + b"content-length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: h\r\n\r\n",
    ]
    assert far.connections == 1


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", []),
        ("GET", "/", [HOST, ("Host", "other")]),
        ("GET", "/", [HOST, ("x", "a\r\nhost: other")]),
        ("GET", "/", [HOST, ("x", "a\nb")]),
        ("GET", "/", [HOST, ("x\r\ny", "a")]),
        ("GET", "/", [HOST, ("x y", "a")]),
        ("GET", "/", [HOST, ("x", "ü")]),
        ("GET", "/ HTTP/1.1\r\nx: y", [HOST]),
        ("GET", "/a b", [HOST]),
        ("GET", "http://other/", [HOST]),
        ("GET", "/ü", [HOST]),
        ("CONNECT", "/", [HOST]),
        ("GET /", "/", [HOST]),
    ],
)
def test_nothing_can_split_a_request(method: str, path: str, headers: list[tuple[str, str]]) -> None:
    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        with pytest.raises(ValueError):
            await upstream.send(target, method, path, headers, None)

    assert play(forever, course).connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 20,
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70000,
        b"SSH-2.0-x\r\n\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"",
    ],
)
def test_a_malformed_answer_is_none_and_the_request_may_have_had_its_effect(answer: bytes) -> None:
    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        with pytest.raises(Unreachable) as caught:
            await upstream.send(target, "GET", "/", [HOST], None, idempotent=True)
        assert caught.value.sent

    assert play(saying(answer), course).connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabzz\r\n",
    ],
)
def test_a_body_that_breaks_off_never_looks_complete(answer: bytes) -> None:
    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        reply = await upstream.send(target, "GET", "/", [HOST], None)
        with pytest.raises(Unreachable):
            await reply.collect(100)

    play(saying(answer), course)


@pytest.mark.parametrize(
    ("answer", "body", "length"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", b"ok", 2),
        (
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            b"",
            0,
        ),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n", b"ok", None),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end", None),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", b"", 9),
    ],
)
def test_an_answer_is_read_to_the_end_that_it_names(answer: bytes, body: bytes, length: int | None) -> None:
    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        reply = await upstream.send(target, "GET", "/", [HOST], None)
        assert reply.length == length
        assert await reply.collect(100) == body
        assert reply.trailers == ((("x-t", "1"),) if b"X-T" in answer else ())
        assert not {n for n, _ in reply.headers} & {"content-length", "transfer-encoding", "connection"}

    play(saying(answer), course)


def test_the_answer_to_head_has_a_length_and_no_body_and_keeps_its_connection() -> None:
    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        for _ in range(3):
            reply = await upstream.send(target, "HEAD", "/", [HOST], None)
            assert (reply.length, await reply.collect(10)) == (700, b"")

    assert play(saying(*[b"HTTP/1.1 200 OK\r\nContent-Length: 700\r\n\r\n"] * 3), course).connections == 1


@pytest.mark.parametrize(("idempotent", "outcome"), [(True, "answered"), (False, "unknown")])
def test_a_stale_connection_is_replaced_once_only_where_asking_twice_does_no_harm(
    idempotent: bool, outcome: str
) -> None:
    async def once(far: Far, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await far.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        if far.connections == 1:
            await reader.readuntil(b"\r\n\r\n")
            writer.transport.abort()

    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        await (await upstream.send(target, "GET", "/", [HOST], None)).collect(10)
        with contextlib.ExitStack() as stack:
            if outcome == "unknown":
                caught = stack.enter_context(pytest.raises(Unreachable))
            await (await upstream.send(target, "GET", "/", [HOST], None, idempotent=idempotent)).collect(10)
        assert outcome == "answered" or caught.value.sent
        assert far.connections == (2 if outcome == "answered" else 1)

    play(once, course)


def test_a_connection_that_the_server_closed_while_idle_is_not_used_again() -> None:
    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        for _ in range(5):
            reply = await upstream.send(target, "POST", "/", [HOST], b"x")
            assert await reply.collect(10) == b"ok"
            while any(wire.usable for idle in upstream._idle.values() for _, wire in idle):
                await asyncio.sleep(0)

    assert play(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"), course).connections == 5


def test_a_second_answer_that_nobody_asked_for_is_never_taken_for_the_next_one() -> None:
    double = (
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine"
        + b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
    )

    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        for _ in range(4):
            assert await (await upstream.send(target, "GET", "/", [HOST], None)).collect(10) == b"mine"

    assert play(saying(double, double), course).connections == 4


def test_an_answer_before_the_end_of_an_upload_ends_the_upload() -> None:
    async def early(far: Far, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        await writer.drain()
        await asyncio.sleep(3600)

    given: list[int] = []
    closed: list[bool] = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                given.append(1)
                yield b"x" * 65536
                await asyncio.sleep(0)
        finally:
            closed.append(True)

    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        reply = await upstream.send(target, "PUT", "/", [HOST], endless(), 1 << 40)
        assert (reply.status, await reply.collect(10), closed) == (403, b"no", [True])
        assert not upstream._idle

    play(early, course)


@pytest.mark.parametrize(("found", "length"), [((b"ab",), 3), ((b"ab", b"cd"), 3)])
def test_a_body_of_the_wrong_length_is_a_request_that_never_ends(
    found: tuple[bytes, ...], length: int
) -> None:
    ends: list[bytes] = []

    async def watch(far: Far, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        try:
            ends.append(await reader.readexactly(length))
        finally:
            done.set()

    done = asyncio.Event()

    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        with pytest.raises(ValueError):
            await upstream.send(target, "PUT", "/", [HOST], pieces(*found), length)
        await done.wait()

    play(watch, course)
    assert ends == []


@pytest.mark.parametrize("length", [100, None])
def test_a_body_that_breaks_off_breaks_the_request_and_raises_its_own_error(length: int | None) -> None:
    received: list[bytes] = []
    done = asyncio.Event()

    async def watch(far: Far, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            received.append(await reader.read())
        done.set()

    async def breaks() -> AsyncIterator[bytes]:
        yield b"half"
        raise ConnectionError("the client has gone")

    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        with pytest.raises(ConnectionError, match="the client has gone"):
            await upstream.send(target, "PUT", "/", [HOST], breaks(), length)
        await done.wait()

    play(watch, course)
    assert not b"".join(received).endswith(b"0\r\n\r\n")


def test_an_upstream_that_does_not_answer_in_time_may_have_acted() -> None:
    async def silent(far: Far, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await far.request(reader)
        await reader.read()

    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        with pytest.raises(Unreachable, match="in time") as caught:
            await upstream.send(target, "GET", "/", [HOST], None)
        assert caught.value.sent

    play(silent, course, Upstream(QUICK))


def test_an_upstream_that_is_not_there_has_certainly_done_nothing() -> None:
    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        for name in ("127.0.0.1", "no-such-host.invalid", "a" * 70 + ".example"):
            with pytest.raises(Unreachable) as caught:
                await upstream.send(Target(name, 1, False), "GET", "/", [HOST], None)
            assert not caught.value.sent

    play(forever, course, Upstream(QUICK))


def test_a_cancelled_request_leaves_no_connection_behind() -> None:
    ended = asyncio.Event()

    async def silent(far: Far, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await far.request(reader)
        with contextlib.suppress(OSError):
            await reader.read()
        ended.set()

    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        task = asyncio.ensure_future(upstream.send(target, "GET", "/", [HOST], None))
        while not far.requests:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await ended.wait()

    play(silent, course)


def test_an_answer_over_the_limit_of_its_reader_is_too_large() -> None:
    async def course(far: Far, target: Target, upstream: Upstream) -> None:
        with pytest.raises(TooLarge):
            await (await upstream.send(target, "GET", "/", [HOST], None)).collect(1)

    play(forever, course)


def test_tls_is_verified_for_the_name_that_is_meant(authority: Authority) -> None:
    context = authority.context("api.example", time.time())
    trusting = Upstream(trust=authority.pem.decode())

    async def good(far: Far, target: Target, upstream: Upstream) -> None:
        for _ in range(3):
            assert await (await upstream.send(target, "POST", "/", [HOST], b"x")).collect(10) == b"ok"

    async def bad(far: Far, target: Target, upstream: Upstream) -> None:
        with pytest.raises(Unreachable) as caught:
            await upstream.send(target, "POST", "/", [HOST], b"x")
        assert not caught.value.sent

    def named(name: str, verify: bool = True) -> Callable[[int], Target]:
        return lambda port: Target("127.0.0.1", port, True, name, verify)

    assert play(forever, good, trusting, context, named("api.example")).connections == 1
    assert (
        play(
            forever, bad, Upstream(trust=authority.pem.decode()), context, named("other.example")
        ).requests
        == []
    )
    assert play(forever, bad, Upstream(), context, named("api.example")).requests == []
    play(forever, good, Upstream(), context, named("other.example", verify=False))
