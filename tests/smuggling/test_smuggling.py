"""Every known form of request smuggling against a valve that enforces; servers write down what arrives.

A row says what may: nothing; the beginning of a request that never becomes one; or exactly one request.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping

import pytest

from tests.fuzz import twin
from tests.fuzz.test_fuzz import bare_line_feeds, last_of_two_lengths, length_beats_coding
from tests.proxy.conftest import until_closed
from tests.proxy.test_refusals import BROKEN_BODIES, CHUNKED, MEANS, REFUSED, get, post
from tests.smuggling.conftest import Between, head_of, requests
from valve_aws.proxy.write import OWNED

HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"
ELSEWHERE = b"GET /smuggled HTTP/1.1\r\nHost: evil.test\r\n\r\n"
LAST = b"0\r\n\r\n"


def both(coding: bytes, length: int, body: bytes) -> bytes:
    """Return a request that is framed twice."""
    return post(b"Content-Length: %d" % length, coding, body=body)


def in_a_chunk(content: bytes) -> bytes:
    """Return a chunked body of one chunk."""
    return b"%x\r\n%b\r\n" % (len(content), content) + LAST


CODINGS: Mapping[str, bytes] = {
    "plainly": CHUNKED,
    "with a space before the colon": b"Transfer-Encoding : chunked",
    "with a tab before the colon": b"Transfer-Encoding\t: chunked",
    "after a tab": b"Transfer-Encoding:\tchunked",
    "without a space": b"Transfer-Encoding:chunked",
    "after a vertical tab": b"Transfer-Encoding:\x0bchunked",
    "after a form feed": b"Transfer-Encoding:\x0cchunked",
    "before a form feed": b"Transfer-Encoding: chunked\x0c",
    "after a no-break space": b"Transfer-Encoding: \xa0chunked",
    "before a NUL": b"Transfer-Encoding: chunked\0",
    "before a DEL": b"Transfer-Encoding: chunked\x7f",
    "after a leading space": b" Transfer-Encoding: chunked",
    "folded": b"Transfer-Encoding:\r\n chunked",
    "folded by a tab": b"Transfer-Encoding:\r\n\tchunked",
    "folded before the colon": b"Transfer-Encoding\r\n : chunked",
    "behind a bare line feed": b"X: x\nTransfer-Encoding: chunked",
    "behind a bare carriage return": b"X: x\rTransfer-Encoding: chunked",
    "ended by a bare line feed": b"Transfer-Encoding: chunked\nX: x",
    "ended by a bare carriage return": b"Transfer-Encoding: chunked\rX: x",
    "in quotes": b'Transfer-Encoding: "chunked"',
    "in single quotes": b"Transfer-Encoding: 'chunked'",
    "with a letter more": b"Transfer-Encoding: xchunked",
    "with a letter less": b"Transfer-Encoding: chunke",
    "with a parameter": b"Transfer-Encoding: chunked;x=y",
    "with a comma": b"Transfer-Encoding: chunked,",
    "after a comma": b"Transfer-Encoding: ,chunked",
    "and identity": b"Transfer-Encoding: chunked, identity",
    "after identity": b"Transfer-Encoding: identity, chunked",
    "after gzip": b"Transfer-Encoding: gzip, chunked",
    "and a second time": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "and something else": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
    "after something else": b"Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
    "and nothing": b"Transfer-Encoding: chunked\r\nTransfer-Encoding:",
    "with an underscore": b"Transfer_Encoding: chunked",
    "with a dot": b"Transfer.Encoding: chunked",
    "in another alphabet": "Transfer-Encoding: \u0441hunked".encode(),
    "with a long s": "Tran\u017ffer-Encoding: chunked".encode(),
    "with an equals sign": b"Transfer-Encoding=chunked",
    "with two colons": b"Transfer-Encoding:: chunked",
    "in a name with a NUL": b"Transfer-Encoding\0: chunked",
    "in capitals": b"TRANSFER-ENCODING: CHUNKED",
}

NOT_A_CODING = {"with a dot"}
"""Names that are another header, and stay one."""

FRAMED_TWICE: dict[str, bytes] = {
    **{f"CL.TE {how}": both(c, len(LAST + HIDDEN), LAST + HIDDEN) for how, c in CODINGS.items()},
    **{f"TE.CL {how}": both(c, 4, in_a_chunk(HIDDEN)) for how, c in CODINGS.items()},
}

NOTHING: dict[str, bytes] = {
    **REFUSED,
    **{n: b for n, b in FRAMED_TWICE.items() if n.split(" ", 1)[1] not in NOT_A_CODING},
    "a length that HTTP/1.0 is asked to forget": post(b"Content-Length: 3", CHUNKED, line=b"POST / HTTP/1.0"),
    "a length of two values that agree": post(b"Content-Length: 42, 42", body=HIDDEN),
    "a length twice, once in capitals": post(b"content-length: 0", b"CONTENT-LENGTH: 42", body=HIDDEN),
    "a length behind a sign": post(b"Content-Length: +42", body=HIDDEN),
    "a length with zeros before it": post(b"Content-Length: 0042", body=HIDDEN),
    "a length with a comma": post(b"Content-Length: 42,", body=HIDDEN),
    "a length with a space in it": post(b"Content-Length: 4 2", body=HIDDEN),
    "a length in another base": post(b"Content-Length: 0x2a", body=HIDDEN),
    "a length with an exponent": post(b"Content-Length: 4e1", body=HIDDEN),
    "a length before a vertical tab": post(b"Content-Length: 42\x0b", body=HIDDEN),
    "a length with a bare line feed": post(b"Content-Length: 42\nX: x", body=HIDDEN),
    "a length behind a bare line feed": post(b"X: x\nContent-Length: 42", body=HIDDEN),
    "a length with a space before its colon": post(b"Content-Length : 42", body=HIDDEN),
    "a length below zero": post(b"Content-Length: -42", body=HIDDEN),
    "a length of digits of another script": post("Content-Length: \uff14\uff12".encode(), body=HIDDEN),
    "an expectation with a tail": post(b"Expect: 100-continue, x", b"Content-Length: 42", body=HIDDEN),
    "an expectation behind a space": post(b"Expect : 100-continue", b"Content-Length: 42", body=HIDDEN),
    "an expectation twice": post(b"Expect: 100-continue", b"Expect: x", b"Content-Length: 42", body=HIDDEN),
    "Connection that names the coding": post(b"Connection: transfer-encoding", CHUNKED, body=LAST),
    "Connection that names the host": get(b"Connection: host"),
    "Connection that names itself": get(b"Connection: connection"),
    "Connection that names a credential": get(b"Connection: x-amz-security-token"),
    "a line feed before the request": b"\n" + get(),
    "a body that HTTP/0.9 would have": b"GET /\r\n\r\n",
    "HTTP/0.9 with a bare line feed": b"GET /\n",
    "a version of three numbers": get(line=b"GET / HTTP/1.1.1"),
    "a version that is later": get(line=b"GET / HTTP/9.9"),
    "a version without a slash": get(line=b"GET / HTTP 1.1"),
    "another protocol": get(line=b"GET / ICAP/1.0"),
    "RTSP": b"OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n",
    "a target that is a second request": get(line=b"GET /\r\nHost: evil.test\r\n\r\nGET /smuggled HTTP/1.1"),
    "a target with an encoded line end in its host": get(line=b"GET http://h%0d%0aX: HTTP/1.1"),
    "a target with a port that overflows": get(line=b"GET http://h:65616/ HTTP/1.1"),
    "a target with no host": get(line=b"GET http:///x HTTP/1.1"),
    "a target with a backslash before its host": get(line=b"GET http:\\\\evil.test/ HTTP/1.1"),
    "a target with a host behind an at sign": get(line=b"GET http://h@evil.test/ HTTP/1.1"),
    "a host with an at sign": get(host=b"Host: h@evil.test"),
    "a host behind a NUL": get(host=b"Host: h\0.evil.test"),
    "a host with an encoded dot": get(host=b"Host: evil%2etest"),
    "a host in two lines": get(host=b"Host: h\r\n .evil.test"),
    "a host in brackets that is no address": get(host=b"Host: [bad.cafe:8080]"),
    "a host in brackets with a port inside": get(host=b"Host: [fade:443]"),
    "a host in brackets with a zone": get(host=b"Host: [fe80::1%25lo]"),
    "a host with a space at its end in quotes": get(host=b'Host: "h"'),
    "a host twice, one in capitals": get(b"HOST: evil.test"),
    "a host twice, one with a space": get(b"Host : evil.test"),
    "CONNECT with a coding": b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n" + CHUNKED + b"\r\n\r\n" + LAST,
    "CONNECT with user information": b"CONNECT u@h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
    "CONNECT with a port of zero": b"CONNECT h:0 HTTP/1.1\r\nHost: h:0\r\n\r\n",
    "CONNECT with two ports": b"CONNECT h:443:80 HTTP/1.1\r\nHost: h\r\n\r\n",
    "CONNECT with a list": b"CONNECT h:443,evil.test:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
    "the HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0",
    "the HTTP/2 preface cut short": b"PRI * HTTP/2.0\r\n",
}  # fmt: skip

BEGINNING: dict[str, bytes] = {
    **BROKEN_BODIES,
    "a chunk size that overflows 64 bits": post(CHUNKED, body=b"10000000000000004\r\nabcd\r\n" + LAST),
    "a chunk size below zero": post(CHUNKED, body=b"-4\r\nabcd\r\n" + LAST),
    "a chunk size of zeros without end": post(CHUNKED, body=b"0" * 400 + b"\r\n\r\n"),
    "a chunk size with a dot": post(CHUNKED, body=b"4.0\r\nabcd\r\n" + LAST),
    "a chunk size with a tab": post(CHUNKED, body=b"4\t\r\nabcd\r\n" + LAST),
    "a chunk size behind a byte order mark": post(CHUNKED, body=b"\xef\xbb\xbf4\r\nabcd\r\n" + LAST),
    "a chunk size of digits of another script": post(CHUNKED, body="\uff14\r\nabcd\r\n".encode() + LAST),
    "a chunk size of two lines": post(CHUNKED, body=b"4\r\r\nabcd\r\n" + LAST),
    "an extension with a bare carriage return": post(CHUNKED, body=b"4;x\ry\r\nabcd\r\n" + LAST),
    "an extension that hides a chunk": post(CHUNKED, body=b"4;\nx\r\nabcd\r\n" + LAST),
    "an extension in quotes with a line end": post(CHUNKED, body=b'4;x="\r\nabcd"\r\n\r\n' + LAST),
    "a chunk ended by two bytes of something else": post(CHUNKED, body=b"4\r\nabcdXX0\r\n\r\n" + HIDDEN),
    "a chunk ended by two line feeds": post(CHUNKED, body=b"4\r\nabcd\n\n" + LAST),
    "a trailer that frames in capitals": post(CHUNKED, body=b"0\r\nCONTENT-LENGTH: 42\r\n\r\n" + HIDDEN),
    "a trailer that names a target": post(CHUNKED, body=b"0\r\nX-Amz-Target\0: A\r\n\r\n"),
    "a trailer with a bare line feed": post(CHUNKED, body=b"0\r\nX-A: 1\nX-B: 2\r\n\r\n"),
    "a trailer that never ends": post(CHUNKED, body=b"0\r\nX-A: 1\r\n"),
    "a length that is never reached": post(b"Content-Length: 1000", body=HIDDEN),
    "a last chunk that never comes": post(CHUNKED, body=b"4\r\nabcd\r\n"),
}

PASSES: dict[str, tuple[bytes, bytes]] = {
    "CL.0: a body that is a request": (post(b"Content-Length: %d" % len(HIDDEN), body=HIDDEN), HIDDEN),
    "0.CL: a body behind a GET": (get(b"Content-Length: %d" % len(HIDDEN)) + HIDDEN, HIDDEN),
    "TE.0: a chunk that is a request": (post(CHUNKED, body=in_a_chunk(HIDDEN)), HIDDEN),
    "0.TE: a chunk behind a GET": (get(CHUNKED) + in_a_chunk(HIDDEN), HIDDEN),
    "a chunk of every byte": (
        post(CHUNKED, body=b"".join(b"1\r\n%c\r\n" % c for c in HIDDEN) + LAST), HIDDEN,
    ),
    "a body that is expected": (post(b"Expect: 100-continue", b"Content-Length: 4", body=b"abcd"), b"abcd"),
    "an upgrade to HTTP/2": (
        get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
        b"",
    ),
    "an upgrade to WebSocket": (
        get(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: x"), b"",
    ),
    "an upgrade in another case": (get(b"connection: uPGRADE", b"UPGRADE: WebSocket"), b""),
    "HTTP/1.0 that asks to be kept": (get(b"Connection: keep-alive", line=b"GET / HTTP/1.0"), b""),
    "a compressed body is not opened": (
        post(b"Content-Encoding: gzip", b"Content-Length: 4", body=b"\x1f\x8b\x08\0"), b"\x1f\x8b\x08\0",
    ),
    "a header that is almost a coding": (
        post(b"Transfer.Encoding: chunked", b"Content-Length: 5", body=LAST), LAST,
    ),
}  # fmt: skip


UNSETTLED = {"an encoded slash stays encoded", "dots stay dots", "two slashes are a path"}
"""Valid, and refused where the policy has several lines for a host: servers differ in which path that is."""


def arrived(between: Between) -> list[twin.Message]:
    """Return what arrived but the last request, which is this test's own."""
    between.settle()
    assert between.looked_up == []
    assert between.cloud.bytes() == b""
    return [m for m in between.host.whole() if m.target != "/last"]


@pytest.mark.parametrize("case", NOTHING)
@pytest.mark.parametrize("then", [HIDDEN, ELSEWHERE], ids=["here", "elsewhere"])
def test_nothing_of_it_arrives(case: str, then: bytes, between: Between) -> None:
    answer = between.say(NOTHING[case] + then)
    before = [m.target for m in arrived(between)]
    assert before == (["/"] if case.endswith("after the first request") else [])
    assert b"smuggled" not in between.host.bytes()
    assert [r for r in between.records if r.verdict == "refuse"], answer


@pytest.mark.parametrize("case", BEGINNING)
def test_it_never_becomes_a_request(case: str, between: Between) -> None:
    between.say(BEGINNING[case] + HIDDEN)
    assert arrived(between) == []
    for stream in between.host.heard:
        # Why: where it came to its end there is a request, and that is this test's own.
        assert not stream or b"smuggled" not in stream or not list(requests(bytes(stream)))


@pytest.mark.parametrize("case", PASSES)
def test_one_request_arrives_and_what_follows_is_judged_on_its_own(case: str, between: Between) -> None:
    sent, body = PASSES[case]
    between.say(sent + ELSEWHERE)
    (message,) = arrived(between)
    assert (message.target, message.body) == ("/", body)
    headers = head_of(message)
    assert headers["host"] == "h"
    assert not (headers.keys() & OWNED) - {"content-length", "transfer-encoding"}
    if not sent.split(b"\r\n")[0].endswith(b"1.0"):
        assert [r.resources for r in between.records if r.verdict == "refuse"] == [("http://evil.test/smuggled",)]


@pytest.mark.parametrize("case", MEANS)
def test_what_is_odd_but_valid_arrives_as_one_request(case: str, between: Between) -> None:
    sent, means = MEANS[case]
    between.say(sent)
    passes = means.get("host", "h") == "h" and case not in UNSETTLED
    assert [m.body for m in arrived(between)] == ([means.get("body", b"")] if passes else [])


@pytest.mark.parametrize("name", ["X-Original-URL", "x-rewrite-url", "X-ORIGINAL-URI"])
def test_a_request_whose_path_has_another_name_does_not_arrive(name: str, between: Between) -> None:
    answer = between.say(get(b"%b: /smuggled" % name.encode()))
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert arrived(between) == []


def test_pipelined_requests_behind_a_post_without_a_body_are_each_judged(between: Between) -> None:
    first = b"POST /one HTTP/1.1\r\nHost: h\r\n\r\n"
    second = b"POST /two HTTP/1.1\r\nHost: evil.test\r\nContent-Length: 0\r\n\r\n"
    third = b"GET /three HTTP/1.1\r\nHost: h\r\n\r\n"
    answer = between.say(first + second + third)
    assert [m.target for m in arrived(between)] == ["/one", "/three"]
    assert re.findall(rb"HTTP/1.1 ([0-9]{3}) ", answer) == [b"200", b"403", b"200"]


WRONG: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str]] = {
    "takes bare line feeds": (bare_line_feeds, "a bare line feed after a header"),
    "takes a length for a coding": (length_beats_coding, "CL.TE plainly"),
    "takes the last of two lengths": (last_of_two_lengths, "two different lengths"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_reader_that_is_wrong_lets_something_arrive(
    what: str, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch, case = WRONG[what]
    patch(monkeypatch)
    between.say(NOTHING[case] + b"x" * 30 + HIDDEN)
    assert arrived(between) != []


@pytest.mark.parametrize("case", NOTHING)
def test_without_a_valve_all_of_it_arrives(case: str, between: Between) -> None:
    with socket.create_connection(("127.0.0.1", between.host.port)) as client:
        client.sendall(NOTHING[case] + HIDDEN)
        client.shutdown(socket.SHUT_WR)
        until_closed(client)
    assert between.host.bytes() == NOTHING[case] + HIDDEN


def test_answers_never_change_places(between: Between) -> None:
    pipelined = b"".join(b"GET /%d HTTP/1.1\r\nHost: h\r\n\r\n" % n for n in range(20))
    answers = re.findall(rb"x-for: ([0-9]+)", between.say(pipelined))
    assert [m.target for m in arrived(between)] == [f"/{n}" for n in range(20)]
    numbers = [int(n) for n in answers]
    assert numbers == list(range(numbers[0], numbers[0] + 20))
