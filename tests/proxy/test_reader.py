"""The sans-IO readers: however the bytes are cut, the answers are the same; broken framing stays broken."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from valve_aws.proxy.body import Chunked, body_of
from valve_aws.proxy.grammar import Gone, Malformed
from valve_aws.proxy.head import CHUNKED, KEPT, UNTIL_CLOSE, Known, read_request, read_response
from valve_aws.proxy.hello import Speaks, sniff
from valve_aws.proxy.inbox import Inbox
from valve_aws.proxy.limits import LIMITS
from valve_aws.proxy.reader import Reader

CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

STREAMS = [
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n" * 3,
    b"\r\nPOST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello\r\n"
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",
    CHUNKED_HEAD
    + b"3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\nGET /b HTTP/1.0\r\nHost: h\r\n\r\n",
    CHUNKED_HEAD + b"3\r\nabc\r\nzz\r\n\r\n",
    CHUNKED_HEAD + b"3\r\nabcd\r\n0\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    CHUNKED_HEAD + b"0\r\nX: 1\n\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\nX: 1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\n\r\nnonsense\r\n\r\n",
    b"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: h\r\nX: \r\r\n\r\n",
    b"PUT /x HTTP/1.1\r\nHost: h\r\nContent-Length: 70000\r\n\r\n" + bytes(range(256)) * 273 + b"12\r\n",
]


def events(pieces: list[bytes]) -> list[Any]:
    """Return what the pieces mean: heads, whole bodies, and how it ended."""
    reader = Reader(Inbox(), LIMITS)
    found: list[Any] = []
    body: bytearray | None = None
    for piece in pieces:
        reader.inbox.feed(piece)
        try:
            while True:
                if body is not None:
                    while taken := reader.take():
                        body += taken
                    if not reader.body.done:
                        break
                    found += [bytes(body), reader.body.trailers]
                    body = None
                elif (head := reader.head()) is None:
                    break
                else:
                    found.append(head)
                    body = bytearray()
        except Malformed as broken:
            return [*found, bytes(body) if body is not None else None, f"refused {broken.status}"]
    return [*found, bytes(body) if body is not None else None, len(reader.inbox)]


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 400), max_size=12), st.booleans())
def test_any_split_of_the_bytes_gives_the_same_events(stream: bytes, cuts: list[int], bytewise: bool) -> None:
    places = sorted({min(c, len(stream)) for c in cuts} | {0, len(stream)})
    if bytewise:
        places = sorted({*range(min(len(stream), 300)), *places})
    pieces = [stream[a:b] for a, b in itertools.pairwise(places)]
    assert events([p for p in pieces if p]) == events([stream])


@given(st.binary(max_size=300), st.integers(1, 20))
def test_no_bytes_make_a_reader_fail_in_another_way_than_it_says(noise: bytes, size: int) -> None:
    for start in (b"", b"GET / HTTP/1.1\r\n", CHUNKED_HEAD):
        stream = start + noise
        whole = events([stream])
        assert events([stream[i : i + size] for i in range(0, len(stream), size)]) == whole


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.integers(1, 7))
def test_what_was_chunked_comes_out_as_it_went_in(pieces: list[bytes], size: int) -> None:
    wire = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\nNEXT"
    inbox, body, out = Inbox(), body_of(CHUNKED, LIMITS), b""
    for at in range(0, len(wire), size):
        inbox.feed(wire[at : at + size])
        while taken := body.take(inbox):
            out += taken
    assert body.done
    assert out == b"".join(pieces)
    assert inbox.take(100) == b"NEXT"


def test_small_chunks_are_handed_over_together_and_large_ones_in_bounded_pieces() -> None:
    inbox, body = Inbox(), Chunked(LIMITS)
    inbox.feed(b"1\r\na\r\n" * 1000 + b"20000\r\n" + b"b" * 0x20000 + b"\r\n0\r\n\r\n")
    pieces = []
    while not body.done:
        pieces.append(body.take(inbox))
    assert max(map(len, pieces)) <= LIMITS.chunk
    assert len(pieces) <= 4
    assert b"".join(pieces) == b"a" * 1000 + b"b" * 0x20000


def test_broken_framing_stays_broken_for_whoever_goes_on_reading() -> None:
    inbox, body = Inbox(), Chunked(LIMITS)
    inbox.feed(b"zz\r\n3\r\nabc\r\n0\r\n\r\n")
    for _ in range(3):
        with pytest.raises(Malformed):
            body.take(inbox)
    assert not body.done


@pytest.mark.parametrize("length", [5, CHUNKED])
def test_a_body_that_the_connection_cuts_off_is_never_done(length: int) -> None:
    inbox, body = Inbox(), body_of(length, LIMITS)
    inbox.feed(b"3\r\n" if length == CHUNKED else b"ab")
    body.take(inbox)
    inbox.feed(b"")
    with pytest.raises(Gone):
        body.take(inbox)
    assert not body.done


def test_a_head_that_never_ends_is_refused_at_its_limit_even_byte_by_byte() -> None:
    inbox = Inbox()
    for _ in range(LIMITS.head):
        inbox.feed(b"a")
        assert inbox.until(b"\r\n\r\n", LIMITS.head, "too long") is None
    inbox.feed(b"aaaaa")
    with pytest.raises(Malformed, match="too long"):
        inbox.until(b"\r\n\r\n", LIMITS.head, "too long")


@settings(max_examples=50)
@given(
    st.sampled_from(
        [b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\n", b"\x16\x03\x01\x00", b"SSH-2.0-x\r\n", b"get /"]
    )
)
def test_the_first_bytes_are_told_apart_as_soon_as_they_can_be(first: bytes) -> None:
    verdicts = [sniff(first[:n]) for n in range(len(first) + 1)]
    settled = [v for v in verdicts if v is not Speaks.UNSURE]
    assert len(set(settled)) == 1
    assert verdicts[:1] == [Speaks.UNSURE]


@pytest.mark.parametrize(
    ("head", "method", "length", "lasting"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3", "GET", 3, True),
        (b"HTTP/1.1 200\r\nContent-Length: 3", "GET", 3, True),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3", "HEAD", 0, True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 3", "GET", 0, True),
        (b"HTTP/1.1 204 No Content", "DELETE", 0, True),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", "GET", CHUNKED, True),
        (b"HTTP/1.1 200 OK", "GET", UNTIL_CLOSE, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 3", "GET", 3, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: Close", "GET", 3, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX_Y: 1\r\nSet-Cookie: a\r\nSet-Cookie: b", "GET", 0, True),
    ],
)
def test_a_response_ends_where_its_head_says(head: bytes, method: str, length: int, lasting: bool) -> None:
    found = read_response(head, method, LIMITS)
    assert (found.length, found.persistent) == (length, lasting)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked",
        b"HTTP/1.1 200 OK\r\nContent-Length: 3, 3",
        b"HTTP/1.1 200 OK\r\nX: a\nb",
        b"HTTP/1.1 200 OK\r\n folded: a",
        b"HTTP/1.1 200 OK\r\nX : a",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 099 OK",
        b"HTTP/1.1 20x OK",
        b"HTTP/2 200 OK",
        b"ICY 200 OK",
        b"",
    ],
)
def test_a_malformed_response_is_no_response(head: bytes) -> None:
    with pytest.raises(Malformed):
        read_response(head, "GET", LIMITS)


def test_lines_kept_in_mind_have_a_bound_and_none_of_them_is_a_secret_of_one_request() -> None:
    known = Known.within(LIMITS)
    for i in range(3 * KEPT):
        assert known[f"X-N: {i}"] == ("x-n", str(i))
    assert known[f"X-Long: {'a' * KEPT}"] == ("x-long", "a" * KEPT)
    assert known["Authorization: AWS4-HMAC-SHA256 …"][0] == "authorization"
    assert len(known) <= KEPT
    assert all(len(line) <= KEPT and not line.startswith("Auth") for line in known)


@pytest.mark.parametrize("line", ["X-A : 1", " X-A: 1", "X-A", "X_A: 1"])
def test_a_line_that_cannot_be_read_is_refused_each_time(line: str) -> None:
    known = Known.within(LIMITS)
    for _ in range(2):
        with pytest.raises(Malformed):
            known[line]
    assert not known


def test_what_one_reading_takes_is_checked_again_in_the_next() -> None:
    known = Known.within(LIMITS)
    head = b"GET / HTTP/1.1\r\nHost: h\r\nX-Words: caf\xe9"
    assert read_request(head, replace(LIMITS, obs_text=True), known).headers[1] == ("x-words", "caf\xe9")
    with pytest.raises(Malformed):
        read_request(head, LIMITS, known)
