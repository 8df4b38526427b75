"""DNS: strict questions, addresses of one environment's own, and nothing that is forwarded."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valve_aws.model.call import Origin
from valve_aws.proxy import LIMITS
from valve_aws.proxy.listener import Datagrams
from valve_aws.proxy.names import Faulty, Names, Question, read


def name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


def query(
    text: str = "s3.amazonaws.com",
    kind: int = 1,
    family: int = 1,
    flags: int = 0x0100,
    ident: int = 7,
    counts: tuple[int, int, int, int] = (1, 0, 0, 0),
    tail: bytes = b"",
    raw: bytes | None = None,
) -> bytes:
    return (
        struct.pack("!6H", ident, flags, *counts)
        + (raw or name(text))
        + struct.pack("!2H", kind, family)
        + tail
    )


OPT = b"\0" + struct.pack("!HHBBHH", 41, 4096, 0, 0, 0, 0)


def ask(served: Any, message: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.connect(("127.0.0.1", served.udp))
        client.send(message)
        return client.recv(4096)


def code(answer: bytes) -> int:
    return struct.unpack_from("!H", answer, 2)[0] & 15


def address(answer: bytes, question: bytes) -> str:
    """Return the one A record's address, "" when there is none."""
    if struct.unpack_from("!H", answer, 6)[0] == 0:
        return ""
    return socket.inet_ntoa(answer[len(question) - (11 if question.endswith(OPT) else 0) + 12 :][:4])


@pytest.fixture(scope="module")
def served(serve: Any) -> Any:
    return serve()


def test_each_name_has_an_address_of_its_own_and_keeps_it(served: Any) -> None:
    first, second = query("a.example"), query("b.example")
    one = address(ask(served, first), first)
    assert one.startswith("198.18.")
    assert address(ask(served, second), second) not in (one, "")
    assert address(ask(served, first), first) == one


def test_case_is_echoed_and_means_nothing(served: Any) -> None:
    mixed, plain = query("S3.AmazonAWS.Com", ident=99), query("s3.amazonaws.com", ident=99)
    answer = ask(served, mixed)
    assert name("S3.AmazonAWS.Com") in answer
    assert answer[:2] == b"\0\x63"
    assert address(answer, mixed) == address(ask(served, plain), plain)


def test_a_name_that_may_not_be_known_does_not_exist(served: Any) -> None:
    asked = query("secret-words.evil.example")
    answer = ask(served, asked)
    assert (code(answer), address(answer, asked)) == (3, "")
    assert served.names[-1] == ("secret-words.evil.example", "A")


@pytest.mark.parametrize(
    ("kind", "spelled"),
    [(28, "AAAA"), (12, "PTR"), (16, "TXT"), (15, "MX"), (65, "HTTPS"), (255, "ANY"), (4711, "TYPE4711")],
)
def test_any_other_type_is_judged_too_and_answered_with_nothing(served: Any, kind: int, spelled: str) -> None:
    answer = ask(served, query("c.example", kind=kind))
    assert (code(answer), answer[6:12]) == (0, bytes(6))
    assert served.names[-1] == ("c.example", spelled)


def test_edns_is_answered_in_kind_and_its_other_versions_are_not(served: Any) -> None:
    asked = query("d.example", counts=(1, 0, 0, 1), tail=OPT)
    answer = ask(served, asked)
    assert address(answer, asked).startswith("198.18.")
    assert struct.unpack_from("!H", answer, 10)[0] == 1
    later = b"\0" + struct.pack("!HHBBHH", 41, 4096, 0, 1, 0, 0)
    answer = ask(served, query("d.example", counts=(1, 0, 0, 1), tail=later))
    assert (code(answer), answer[-11:][5]) == (0, 1)


BROKEN = {
    "an answer": (query(flags=0x8100), None),
    "an inverse query": (query(flags=0x0900), 4),
    "an update": (query(flags=0x2900), 4),
    "no question": (query(counts=(0, 0, 0, 0)), 1),
    "two questions": (query(counts=(2, 0, 0, 0), tail=name("b.example") + b"\0\1\0\1"), 1),
    "an answer section": (query(counts=(1, 1, 0, 0)), 1),
    "two extra records": (query(counts=(1, 0, 0, 2), tail=OPT + OPT), 1),
    "an extra record that is no EDNS": (
        query(counts=(1, 0, 0, 1), tail=b"\0" + struct.pack("!HHIH", 1, 1, 0, 0)),
        1,
    ),
    "bytes after the end": (query(tail=b"secret"), 1),
    "bytes after EDNS": (query(counts=(1, 0, 0, 1), tail=OPT + b"secret"), 1),
    "EDNS that is not there": (query(counts=(1, 0, 0, 1)), 1),
    "a compressed name": (query(raw=b"\xc0\x0c"), 1),
    "a name that points to itself": (query(raw=b"\1a\xc0\x0c"), 1),
    "a reserved label type": (query(raw=b"\x41a\0"), 1),
    "a name that does not end": (struct.pack("!6H", 7, 256, 1, 0, 0, 0) + b"\3abc", 1),
    "a name over 255 bytes": (query(raw=(b"\x3f" + b"a" * 63) * 5 + b"\0"), 1),
    "the chaos class": (query("version.bind", kind=16, family=3), 5),
    "the root": (query(raw=b"\0"), 3),
    "a space in a label": (query("a b.example"), 3),
    "a dot in a label": (query(raw=b"\x09a.example\0"), 3),
    "a NUL in a label": (query(raw=b"\3a\0b\0"), 3),
    "bytes beyond ASCII": (query(raw=b"\2\xc3\xa4\0"), 3),
    "eleven bytes": (b"\0" * 11, None),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_malformed_question_is_judged_by_nobody(case: str) -> None:
    message, expected = BROKEN[case]
    found = read(message)
    assert isinstance(found, Faulty)
    assert found.problem
    assert (code(found.answer) if found.answer else None) == expected


@given(st.binary(max_size=80), st.booleans())
def test_no_datagram_makes_the_reader_fail(noise: bytes, headed: bool) -> None:
    found = read(struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + noise if headed else noise)
    assert isinstance(found, Question | Faulty)
    if isinstance(found, Question):
        assert found.raw == noise[: len(found.raw)]


def test_a_full_table_answers_no_new_names_and_keeps_the_old(serve: Any) -> None:
    served = serve(limits=replace(LIMITS, names=2))
    asked = [query(f"{n}.example") for n in range(3)]
    found = [ask(served, q) for q in asked]
    assert [code(a) for a in found] == [0, 0, 2]
    assert address(ask(served, asked[0]), asked[0]) == address(found[0], asked[0])


def test_a_table_gives_distinct_addresses_of_the_reserved_block_for_all_that_it_holds() -> None:
    table = Names(4096)
    found = [table.address(f"{n}.example") for n in range(4096)]
    assert len(set(found)) == 4096
    assert all(
        a and a.split(".")[:2] in (["198", "18"], ["198", "19"]) and a.split(".")[3] not in ("0", "255")
        for a in found
    )
    assert table.address("one-more.example") is None
    assert table.name(found[4000] or "") == "4000.example"
    assert table.name("198.19.255.255") == ""


def test_the_same_questions_come_over_tcp(serve: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    served = serve(limits=replace(LIMITS, dns_port=port), port=port)
    with served.connect() as client:
        asked = query("e.example")
        frame = struct.pack("!H", len(asked)) + asked
        client.sendall(frame[:5])
        client.sendall(frame[5:] + frame)
        received = b""
        while len(received) < 2 * (2 + len(asked) + 16):
            received += client.recv(4096)
        size = struct.unpack_from("!H", received)[0]
        answer = received[2 : 2 + size]
        assert address(answer, asked).startswith("198.18.")
        assert received[2 + size :] == received[: 2 + size]
        client.sendall(b"\0\5hello")
        assert client.recv(10) == b""


def test_a_connection_to_a_names_address_is_known_by_the_name(served: Any) -> None:
    asked = query("f.example")
    found = address(ask(served, asked), asked)
    origin = served.loop.run(made_from(served, found))
    assert (origin.asked, origin.address, origin.environment) == ("f.example", found, "environment-1")


async def made_from(served: Any, came_to: str) -> Origin:
    """Return what the server knows of a connection that came to an address (loopback has no others here)."""
    origin: Origin = served.server.origin(came_to, 443)
    return origin


def test_too_many_questions_at_once_are_dropped_and_the_rest_is_answered(serve: Any) -> None:
    asked: list[str] = []
    gates: list[asyncio.Future[bool]] = []

    async def slow(text: str, kind: str) -> bool:
        asked.append(text)
        gates.append(asyncio.get_running_loop().create_future())
        return await gates[-1]

    served = serve(name=slow, limits=replace(LIMITS, lookups=2))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        client.connect(("127.0.0.1", served.udp))
        for n in range(10):
            client.send(query(f"{n}.example", ident=n))
        served.loop.run(until(lambda: len(gates) == 2))
        served.loop.loop.call_soon_threadsafe(lambda: [g.set_result(True) for g in gates])
        assert {client.recv(100)[:2], client.recv(100)[:2]} == {b"\0\0", b"\0\1"}
    assert asked == ["0.example", "1.example"]


def until(true: Any) -> Awaitable[None]:
    async def wait() -> None:
        while not true():
            await asyncio.sleep(0)

    return wait()


def test_a_name_handler_that_fails_gives_a_failure_and_no_answer(serve: Any) -> None:
    async def fails(text: str, kind: str) -> bool:
        raise RuntimeError("the book does not answer")

    asked = query("g.example")
    answer = ask(serve(name=fails), asked)
    assert (code(answer), address(answer, asked)) == (2, "")


@pytest.mark.parametrize("asked_at", ["127.0.0.1", "127.9.9.9"])
def test_an_answer_comes_from_the_address_that_was_asked(asked_at: str) -> None:
    course = datagram_course(asked_at)
    answer, came_to = asyncio.run(course)
    assert (answer, came_to) == (b"answer", asked_at)


async def datagram_course(asked_at: str) -> tuple[bytes, str]:
    """Ask a socket that every loopback address leads to; a connected client takes answers from its peer
    alone."""
    loop = asyncio.get_running_loop()
    seen: list[str] = []

    def received(message: bytes, came_to: str, send: Any) -> None:
        seen.append(came_to)
        send(b"answer")

    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    udp.bind(("0.0.0.0", 0))
    listener = Datagrams(udp, received)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect((asked_at, udp.getsockname()[1]))
        await loop.sock_sendall(client, b"question")
        answer = await asyncio.wait_for(loop.sock_recv(client, 100), 10)
    listener.close()
    return answer, seen[0]
