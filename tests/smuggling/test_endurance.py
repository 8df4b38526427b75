"""What is slow, endless, huge or compressed: it ends, becomes no request, and the valve serves on."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.fuzz import twin
from tests.proxy.conftest import WAIT
from tests.proxy.test_hello import greeting, records
from tests.proxy.test_refusals import CHUNKED, get, post
from tests.smuggling.conftest import Between
from tests.smuggling.test_disagreement import sent
from valve_aws.proxy import LIMITS
from valve_aws.proxy.hello import Greeting

QUICK = replace(
    LIMITS, head_seconds=0.3, body_seconds=0.3, handshake=0.3, idle=1.0, drain_seconds=0.3, linger=0.2,
    stall=1.0,
)  # fmt: skip
"""Limits that a test can wait for. Why none for the first byte: a busy machine is slow to say anything."""


@pytest.fixture(scope="module")
def quick(valve: Callable[..., Between]) -> Between:
    return valve(limits=QUICK)


@pytest.fixture
def between(quick: Between) -> Between:
    quick.forget()
    return quick


@pytest.fixture
def patient(enforced: Between) -> Between:
    """A valve with its own limits, for what is to be whole however long it takes."""
    enforced.forget()
    return enforced


def nothing_whole(between: Between) -> None:
    """See that no request but this test's own arrived, and that the valve serves on."""
    between.settle()
    assert [m.target for m in between.host.whole()] == ["/last"]
    assert between.looked_up == []


SLOW: dict[str, bytes] = {
    "half a request line": b"GET / HT",
    "half a head": b"GET / HTTP/1.1\r\nHost: h\r\n",
    "a head with half an end": b"GET / HTTP/1.1\r\nHost: h\r\n\r",
    "a counted body that stops": post(b"Content-Length: 100", body=b"abc"),
    "a chunk that stops": post(CHUNKED, body=b"ff\r\nabc"),
    "chunks that stop": post(CHUNKED, body=b"3\r\nabc\r\n"),
    "trailers that stop": post(CHUNKED, body=b"3\r\nabc\r\n0\r\nX-A: 1\r\n"),
    "an expectation without a body": post(b"Expect: 100-continue", b"Content-Length: 100"),
    "half a greeting": greeting("h")[:100],
    "a greeting in a byte a record": records(greeting("h")[5:], 1)[:600],
    "a tunnel in which nothing is said": b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
    "a tunnel with half a greeting": b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n" + greeting("h")[:50],
}


@pytest.mark.parametrize("case", SLOW)
def test_what_stops_is_let_go_and_never_becomes_a_request(case: str, between: Between) -> None:
    between.say(SLOW[case], ends=False)
    nothing_whole(between)


@pytest.mark.parametrize("case", SLOW)
def test_what_ends_early_never_becomes_a_request(case: str, between: Between) -> None:
    between.say(SLOW[case])
    nothing_whole(between)


def test_a_hundred_half_open_tunnels_do_not_keep_others_out(between: Between) -> None:
    with contextlib.ExitStack() as held:
        for _ in range(100):
            client = held.enter_context(between.connect())
            client.sendall(b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n")
        nothing_whole(between)


def endless(between: Between, start: bytes, piece: bytes, most: int) -> int:
    """Send pieces until the valve has had enough; return how many bytes it took."""
    took = 0
    with between.connect() as client, contextlib.suppress(OSError):
        client.sendall(start)
        while took < most:
            client.sendall(piece)
            took += len(piece)
    return took


ENDLESS: dict[str, tuple[bytes, bytes]] = {
    "headers": (b"GET / HTTP/1.1\r\nHost: h\r\n", b"X-A: 1\r\n" * 1000),
    "a header": (b"GET / HTTP/1.1\r\nHost: h\r\nX-A: ", b"a" * 10_000),
    "a request line": (b"GET /", b"a" * 10_000),
    "trailers": (post(CHUNKED, body=b"0\r\n"), b"X-A: 1\r\n" * 1000),
    "a chunk's extension": (post(CHUNKED, body=b"1;"), b"a" * 10_000),
    "a chunk's size": (post(CHUNKED), b"0" * 10_000),
    "a greeting": (b"", b"\x16\x03\x01\x40\x00" + b"\x01\x00\x3f\x00" + b"a" * 16380),
    "a greeting's records": (b"", b"\x16\x03\x01\x00\x01\x01" * 1000),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_is_endless_is_cut_at_its_bound(what: str, between: Between) -> None:
    start, piece = ENDLESS[what]
    # Why so many: what the kernel's buffers take is not what the valve took.
    assert endless(between, start, piece, 256 << 20) < 128 << 20
    nothing_whole(between)


def test_a_body_in_a_byte_a_chunk_arrives_whole(patient: Between) -> None:
    body = bytes(range(256)) * 40
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    patient.say(post(CHUNKED, body=chunks + b"0\r\n\r\n"))
    assert [m.body for m in patient.host.whole()] == [body]


def test_a_thousand_extensions_arrive_as_none(patient: Between) -> None:
    patient.say(post(CHUNKED, body=b"1;x=y\r\na\r\n" * 1000 + b"0\r\n\r\n"))
    (message,) = patient.host.whole()
    assert message.body == b"a" * 1000
    assert b";x=y" not in patient.host.bytes()


# TLS


def test_a_greeting_in_a_byte_a_record_is_read(between: Between) -> None:
    reading = Greeting(LIMITS.hello)
    stream = records(greeting("h")[5:], 1)
    assert reading.feed(stream) in ("h", None)


def test_tls_is_never_negotiated_again_nor_compressed(between: Between) -> None:
    context = between.authority.context("h", time.time())
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.options & ssl.OP_NO_COMPRESSION
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("after", [0, 1, 300, 5000])
def test_a_connection_that_breaks_within_tls_leaves_nothing(after: int, patient: Between) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = patient.trust().wrap_bio(incoming, outgoing, server_hostname="h")
    with patient.connect() as client:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                client.sendall(outgoing.read())
                incoming.write(client.recv(65536))
        tls.write(post(b"Content-Length: 100000", body=b"a" * 100_000, line=b"POST /cut HTTP/1.1"))
        said = outgoing.read()
        client.sendall(said[:after])
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    nothing_whole(patient)


# Compression


def test_no_compressed_body_of_another_host_is_opened(patient: Between) -> None:
    bomb = gzip.compress(bytes(64 << 20))
    patient.say(post(b"Content-Encoding: gzip", b"Content-Length: %d" % len(bomb), body=bomb))
    (message,) = patient.host.whole()
    assert message.body == bomb


class Answering:
    """A server that answers anything with the same bytes."""

    def __init__(self, answer: Iterator[bytes]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, args=(answer,), daemon=True).start()

    def _serve(self, answer: Iterator[bytes]) -> None:
        connection, _ = self._listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.settimeout(WAIT)
            heard = b""
            while True:
                try:
                    twin.message(heard, 0)
                    break
                except twin.NoRequest:
                    heard += connection.recv(65536)
            for piece in answer:
                connection.sendall(piece)
        self._listener.close()


def answer_of(kind: bytes, pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Give an answer of chunks without end, or as long as there are pieces."""
    yield b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n" + kind + b"transfer-encoding: chunked\r\n\r\n"
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def test_a_compressed_answer_goes_as_it_is(patient: Between) -> None:
    bomb = gzip.compress(bytes(64 << 20))
    far = Answering(answer_of(b"content-encoding: gzip\r\n", iter([bomb])))
    patient.passage.resolve = {("h", 0): ("127.0.0.1", far.port)}
    try:
        head, _, body = patient.say(get(line=b"GET / HTTP/1.0")).partition(b"\r\n\r\n")
    finally:
        patient.passage.resolve = {("h", 0): ("127.0.0.1", patient.host.port)}
    assert body == bomb
    assert b"content-encoding: gzip" in head


@pytest.mark.parametrize("kind", [b"", b"content-encoding: gzip\r\n"], ids=["plain", "compressed"])
def test_an_answer_that_must_be_read_whole_ends_at_its_bound(
    kind: bytes, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    far = Answering(answer_of(kind, (b"x" * 65536 for _ in range(100_000))))

    async def backend() -> Any:
        from valve_aws.backend import endpoint

        return endpoint(f"http://127.0.0.1:{far.port}")

    monkeypatch.setattr(between.passage, "backend", backend)
    how = {
        "service": "sqs", "region": "us-east-1",
        "headers": {"content-type": "application/x-amz-json-1.0", "x-amz-target": "AmazonSQS.SendMessage"},
    }  # fmt: skip
    body = b'{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/123456789012/jobs","MessageBody":"x"}'
    answer = sent(between, "POST", "sqs.us-east-1.amazonaws.com", "/", body, how)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert [r.outcome for r in between.stage.sink.records if r.verdict == "settled"] == ["unknown"]
    nothing_whole(between)
