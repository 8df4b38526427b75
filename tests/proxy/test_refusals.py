"""Malformed and ambiguous requests: each is refused before any handler, or means exactly one thing."""

from __future__ import annotations

import re
from typing import Any

import pytest

from valve_aws.proxy.limits import LIMITS

HEAD = re.compile(rb"(?:^|(?<=\n))(?=HTTP/1\.1 [0-9]{3} )")

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"


def get(*headers: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes | None = b"Host: h") -> bytes:
    return b"\r\n".join([line, *([host] if host else []), *headers]) + b"\r\n\r\n"


def post(*headers: bytes, body: bytes = b"", line: bytes = b"POST / HTTP/1.1") -> bytes:
    return get(*headers, line=line) + body


CHUNKED = b"Transfer-Encoding: chunked"

REFUSED: dict[str, bytes] = {
    # Where the body ends.
    "length and coding": post(b"Content-Length: 4", CHUNKED, body=b"0\r\n\r\n"),
    "coding and length": post(CHUNKED, b"Content-Length: 4", body=b"0\r\n\r\n"),
    "two equal lengths": post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"),
    "two different lengths": post(b"Content-Length: 3", b"Content-Length: 30", body=b"abc"),
    "a list of lengths": post(b"Content-Length: 3, 3", body=b"abc"),
    "a length with a plus": post(b"Content-Length: +3", body=b"abc"),
    "a negative length": post(b"Content-Length: -3"),
    "a length in hexadecimal": post(b"Content-Length: 0x3", body=b"abc"),
    "a length with a leading zero": post(b"Content-Length: 03", body=b"abc"),
    "a length with an underscore": post(b"Content-Length: 1_0", body=b"a" * 10),
    "an empty length": post(b"Content-Length:", body=b"abc"),
    "a length with a point": post(b"Content-Length: 3.0", body=b"abc"),
    "a length beyond 63 bits": post(b"Content-Length: 18446744073709551619", body=b"abc"),
    "a length in Unicode digits": post("Content-Length: ٣".encode(), body=b"abc"),
    "two codings": post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
    "chunked twice in one header": post(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "gzip before chunked": post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "identity": post(b"Transfer-Encoding: identity", body=b"abc"),
    "identity before chunked": post(b"Transfer-Encoding: identity, chunked", body=b"0\r\n\r\n"),
    "a coding that is almost chunked": post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "a coding in quotes": post(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "a coding with a parameter": post(b"Transfer-Encoding: chunked;q=1", body=b"0\r\n\r\n"),
    "an empty coding": post(b"Transfer-Encoding:", body=b"0\r\n\r\n"),
    "a coding after a vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "a coding over HTTP/1.0": post(CHUNKED, body=b"0\r\n\r\n", line=b"POST / HTTP/1.0"),
    "a space before the coding's colon": post(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "an underscore in the coding's name": post(b"Transfer_Encoding: chunked", b"Content-Length: 0"),
    "an underscore in the length's name": post(b"Content_Length: 3", body=b"abc"),
    "a folded coding": post(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    "a folded header": get(b"X-A: 1\r\n\t2"),
    "a first header that is folded": b"GET / HTTP/1.1\r\n Host: h\r\nHost: h\r\n\r\n",
    # Lines.
    "bare line feeds": b"GET / HTTP/1.1\nHost: h\n\n",
    "a bare line feed after a header": b"GET / HTTP/1.1\r\nHost: h\nX: 1\r\n\r\n",
    "a bare line feed at the end": b"GET / HTTP/1.1\r\nHost: h\r\n\n",
    "a bare carriage return": b"GET / HTTP/1.1\r\nHost: h\rX: 1\r\n\r\n",
    "a doubled carriage return": b"GET / HTTP/1.1\r\nHost: h\r\r\n\r\n",
    "a NUL in a value": get(b"X-A: a\0b"),
    "a NUL in a name": get(b"X-\0A: b"),
    "an escape in a value": get(b"X-A: \x1b[2J"),
    "a DEL in a value": get(b"X-A: a\x7fb"),
    "Latin-1 in a value": get("X-A: ü".encode("latin-1")),
    "UTF-8 in a value": get("X-A: ü".encode()),
    "UTF-8 in a name": get("X-ü: a".encode()),
    "a header without a colon": get(b"X-A"),
    "a header without a name": get(b": a"),
    "a space in a name": get(b"X A: a"),
    "a space after a name": get(b"X-A : a"),
    "a tab after a name": get(b"X-A\t: a"),
    "a parenthesis in a name": get(b"X(A): a"),
    "an underscore in a name": get(b"X_Amz_Date: a"),
    "two empty lines before the request": b"\r\n\r\n" + get(),
    "a space before the method": b"\r\n " + get(),
    # Hosts.
    "no host": get(host=None),
    "two hosts": get(b"Host: h"),
    "two different hosts": get(b"host: other"),
    "an empty host": get(host=b"Host:"),
    "a host with a path": get(host=b"Host: h/x"),
    "a host with user information": get(host=b"Host: user@h"),
    "a host with a list": get(host=b"Host: h, other"),
    "a host with a space": get(host=b"Host: h other"),
    "a host with an empty port": get(host=b"Host: h:"),
    "a host with a wrong port": get(host=b"Host: h:99999"),
    "a host with two ports": get(host=b"Host: h:80:80"),
    "a host with an empty label": get(host=b"Host: a..b"),
    "a broken IPv6 host": get(host=b"Host: [::1"),
    "a host with a percent": get(host=b"Host: h%2e"),
    "a target for another host": get(line=b"GET http://other/ HTTP/1.1"),
    "a target for another port": get(line=b"GET http://h:81/ HTTP/1.1"),
    "a target with user information": get(line=b"GET http://user@h/ HTTP/1.1"),
    "a target with another scheme": get(line=b"GET ftp://h/ HTTP/1.1"),
    "an https target without TLS": get(line=b"GET https://h/ HTTP/1.1"),
    # Request lines.
    "no version": b"GET /\r\nHost: h\r\n\r\n",
    "HTTP/0.9": b"GET / HTTP/0.9\r\nHost: h\r\n\r\n",
    "HTTP/1.2": get(line=b"GET / HTTP/1.2"),
    "HTTP/2.0": get(line=b"GET / HTTP/2.0"),
    "a lower-case version": get(line=b"GET / http/1.1"),
    "a version with a tail": get(line=b"GET / HTTP/1.1x"),
    "two spaces": get(line=b"GET  / HTTP/1.1"),
    "a tab for a space": get(line=b"GET /\tHTTP/1.1"),
    "a space in the target": get(line=b"GET /a b HTTP/1.1"),
    "a space at the end": get(line=b"GET / HTTP/1.1 "),
    "a lower-case method": get(line=b"get / HTTP/1.1"),
    "an unknown method after the first request": get() + get(line=b"BREW / HTTP/1.1"),
    "TRACE": get(line=b"TRACE / HTTP/1.1"),
    "a target without a slash": get(line=b"GET a HTTP/1.1"),
    "an asterisk": get(line=b"OPTIONS * HTTP/1.1"),
    "a fragment": get(line=b"GET /a#b HTTP/1.1"),
    "a backslash": get(line=b"GET /a\\b HTTP/1.1"),
    "a quote": get(line=b'GET /a"b HTTP/1.1'),
    "an angle bracket": get(line=b"GET /<a> HTTP/1.1"),
    "a broken percent": get(line=b"GET /a%2 HTTP/1.1"),
    "a percent before no hexadecimal digit": get(line=b"GET /a%zz HTTP/1.1"),
    "a percent at the end of the path": get(line=b"GET /a%?x HTTP/1.1"),
    "UTF-8 in the target": get(line="GET /ü HTTP/1.1".encode()),
    "a NUL in the target": get(line=b"GET /a\0 HTTP/1.1"),
    "half an HTTP/2 preface": b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n",
    # Values that are certain only once.
    "two authorizations": get(b"Authorization: a", b"Authorization: b"),
    "two targets of a service": get(b"X-Amz-Target: A", b"X-Amz-Target: B"),
    "two content types": get(b"Content-Type: a/b", b"Content-Type: c/d"),
    "Connection drops a header": get(b"Connection: close, authorization", b"Authorization: a"),
    "Connection drops the length": post(b"Connection: content-length", b"Content-Length: 3", body=b"abc"),
    "an unknown expectation": post(b"Expect: 200-ok", b"Content-Length: 3", body=b"abc"),
    # Bounds.
    "too many headers": get(*[b"X-%d: 1" % n for n in range(LIMITS.headers + 1)]),
    "a head that is too long": get(b"X-A: " + b"a" * LIMITS.head),
    "a target that is too long": get(line=b"GET /" + b"a" * LIMITS.target + b" HTTP/1.1"),
    "a name that is too long": get(b"X" * 257 + b": a"),
    # Tunnels.
    "CONNECT without a port": b"CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n",
    "CONNECT for another host": b"CONNECT a:443 HTTP/1.1\r\nHost: b:443\r\n\r\n",
    "CONNECT with a path": b"CONNECT http://h:443/ HTTP/1.1\r\nHost: h\r\n\r\n",
    "CONNECT with a body": b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nContent-Length: 3\r\n\r\nabc",
    "CONNECT within CONNECT": b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"
    b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n",
    "a request for another host in a tunnel": b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n" + get(),
}

BROKEN_BODIES: dict[str, bytes] = {
    "a chunk without a size": post(CHUNKED, body=b"\r\nabc\r\n0\r\n\r\n"),
    "a chunk size with a plus": post(CHUNKED, body=b"+3\r\nabc\r\n0\r\n\r\n"),
    "a chunk size with 0x": post(CHUNKED, body=b"0x3\r\nabc\r\n0\r\n\r\n"),
    "a chunk size with a space": post(CHUNKED, body=b"3 \r\nabc\r\n0\r\n\r\n"),
    "a chunk size after a space": post(CHUNKED, body=b" 3\r\nabc\r\n0\r\n\r\n"),
    "a chunk size with an underscore": post(CHUNKED, body=b"1_0\r\nabc\r\n0\r\n\r\n"),
    "a chunk size that would wrap": post(CHUNKED, body=b"100000003\r\nabc\r\n0\r\n\r\n"),
    "a chunk size of no hexadecimal digits": post(CHUNKED, body=b"g\r\nabc\r\n0\r\n\r\n"),
    "a chunk size that ends in a line feed": post(CHUNKED, body=b"3\nabc\r\n0\r\n\r\n"),
    "a chunk that ends in a line feed": post(CHUNKED, body=b"3\r\nabc\n0\r\n\r\n"),
    "a chunk that is longer than it says": post(CHUNKED, body=b"3\r\nabcd\r\n0\r\n\r\n"),
    "a chunk that is shorter than it says": post(CHUNKED, body=b"5\r\nabc\r\n0\r\n\r\n"),
    "a bare line feed in an extension": post(CHUNKED, body=b"3;a\n\r\nabc\r\n0\r\n\r\n"),
    "a NUL in an extension": post(CHUNKED, body=b"3;a=\0\r\nabc\r\n0\r\n\r\n"),
    "an extension that is too long": post(CHUNKED, body=b"3;" + b"a" * 300 + b"\r\nabc\r\n0\r\n\r\n"),
    "too many extensions": post(CHUNKED, body=(b"1;" + b"a" * 200 + b"\r\na\r\n") * 100 + b"0\r\n\r\n"),
    "a trailer that frames": post(CHUNKED, body=b"0\r\nContent-Length: 5\r\n\r\n"),
    "a trailer that codes": post(CHUNKED, body=b"0\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "a trailer that routes": post(CHUNKED, body=b"0\r\nHost: other\r\n\r\n"),
    "a trailer that authorises": post(CHUNKED, body=b"0\r\nAuthorization: a\r\n\r\n"),
    "a trailer that is folded": post(CHUNKED, body=b"0\r\nX-A: 1\r\n 2\r\n\r\n"),
    "a trailer that comes twice": post(CHUNKED, body=b"0\r\nX-A: 1\r\nX-A: 2\r\n\r\n"),
    "trailers that are too long": post(CHUNKED, body=b"0\r\nX-A: " + b"a" * LIMITS.trailer + b"\r\n\r\n"),
    "too many trailers": post(
        CHUNKED, body=b"0\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(30)) + b"\r\n"
    ),
    "a line feed after the last chunk": post(CHUNKED, body=b"0\n\r\n"),
}

MEANS: dict[str, tuple[bytes, dict[str, Any]]] = {
    "a plain request": (get(b"X-A: b"), {"headers": (("host", "h"), ("x-a", "b"))}),
    "space around a value": (get(b"X-A: \t b c \t"), {"headers": (("host", "h"), ("x-a", "b c"))}),
    "an empty value": (get(b"X-A:"), {"headers": (("host", "h"), ("x-a", ""))}),
    "names in capitals": (get(b"X-AMZ-DATE: Z"), {"headers": (("host", "h"), ("x-amz-date", "Z"))}),
    "user metadata with an underscore": (
        get(b"X-Amz-Meta-my_key: 1"),
        {"headers": (("host", "h"), ("x-amz-meta-my_key", "1"))},
    ),
    "a header that may come twice": (
        get(b"Accept: a", b"Accept: b"),
        {"headers": (("host", "h"), ("accept", "a"), ("accept", "b"))},
    ),
    "one empty line before the request": (b"\r\n" + get(), {"target": "/"}),
    "a host in capitals with a port": (get(host=b"Host: S3.AmazonAWS.com:443"), {"host": "s3.amazonaws.com"}),
    "a host with a last dot": (get(host=b"Host: s3.amazonaws.com."), {"host": "s3.amazonaws.com"}),
    "an IPv6 host": (get(host=b"Host: [::1]:80"), {"host": "::1"}),
    "an absolute target": (get(line=b"GET http://h/a?b HTTP/1.1"), {"target": "/a?b", "host": "h"}),
    "an absolute target with the port spelled out": (
        get(line=b"GET http://H:80/a HTTP/1.1"),
        {"target": "/a"},
    ),
    "an absolute target without a path": (get(line=b"GET http://h?x=1 HTTP/1.1"), {"target": "/?x=1"}),
    "an encoded slash stays encoded": (
        get(line=b"GET /a%2Fb%00?c=%20 HTTP/1.1"),
        {"target": "/a%2Fb%00?c=%20"},
    ),
    "dots stay dots": (get(line=b"GET /a/../b//c HTTP/1.1"), {"target": "/a/../b//c"}),
    "two slashes are a path": (get(line=b"GET //other/x HTTP/1.1"), {"target": "//other/x", "host": "h"}),
    "brackets in a query": (get(line=b"GET /?a[b]=c HTTP/1.1"), {"target": "/?a[b]=c"}),
    "HTTP/1.0": (get(line=b"GET / HTTP/1.0"), {"target": "/"}),
    "a GET with a body": (get(b"Content-Length: 3") + b"abc", {"body": b"abc"}),
    "chunks": (post(CHUNKED, body=b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), {"body": b"abcde"}),
    "chunked in capitals": (
        post(b"Transfer-Encoding: CHUNKED", body=b"3\r\nabc\r\n0\r\n\r\n"),
        {"body": b"abc"},
    ),
    "sizes with leading zeros and letters": (
        post(CHUNKED, body=b"0000000A\r\n0123456789\r\nb\r\n0123456789a\r\n000\r\n\r\n"),
        {"body": b"01234567890123456789a"},
    ),
    "chunk extensions are dropped": (
        post(CHUNKED, body=b'3;a="b;c";d\r\nabc\r\n0;last\r\n\r\n'),
        {"body": b"abc"},
    ),
    "a trailer": (
        post(CHUNKED, body=b"3\r\nabc\r\n0\r\nX-Amz-Checksum-Crc32: AA==\r\n\r\n"),
        {"body": b"abc"},
    ),
    "a body that looks like a request": (
        post(b"Content-Length: %d" % len(SMUGGLED), body=SMUGGLED),
        {"body": SMUGGLED},
    ),
    "an upgrade is only a header": (
        get(b"Connection: Upgrade", b"Upgrade: websocket"),
        {"headers": (("host", "h"), ("connection", "Upgrade"), ("upgrade", "websocket"))},
    ),
}


def test_the_corpus_is_as_large_as_those_that_proxies_are_measured_with() -> None:
    assert len(REFUSED) + len(BROKEN_BODIES) + len(MEANS) >= 74


@pytest.mark.parametrize("case", REFUSED)
def test_a_malformed_request_is_refused_once_and_reaches_no_handler(case: str, echo: Any) -> None:
    before = len(echo.heads), len(echo.refused), len(echo.dials)
    answer = echo.say(REFUSED[case] + SMUGGLED)
    valid = 1 if case.endswith("after the first request") else 0
    assert len(echo.heads) == before[0] + valid
    assert len(echo.refused) == before[1] + 1
    assert len(echo.dials) == before[2]
    last = HEAD.split(answer)[-1]
    assert last.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5"))
    assert b"connection: close\r\n" in last
    tunnel = answer.count(b"HTTP/1.1 200 Connection established")
    assert len(HEAD.findall(answer)) == 1 + valid + tunnel


@pytest.mark.parametrize("case", BROKEN_BODIES)
def test_a_body_with_broken_framing_never_comes_to_an_end_and_nothing_after_it_is_a_request(
    case: str, echo: Any
) -> None:
    before = len(echo.heads), len(echo.bodies), len(echo.refused)
    answer = echo.say(BROKEN_BODIES[case] + SMUGGLED)
    assert [h.target for h in echo.heads[before[0] :]] == ["/"]
    assert len(echo.bodies) == before[1]
    assert len(echo.refused) == before[2] + 1
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert len(HEAD.findall(answer)) == 1


@pytest.mark.parametrize("case", MEANS)
def test_an_odd_but_valid_request_means_exactly_one_thing(case: str, echo: Any) -> None:
    sent, means = MEANS[case]
    before = len(echo.heads), len(echo.bodies), len(echo.refused)
    answer = echo.say(sent, b"GET /last HTTP/1.0\r\nHost: h\r\n\r\n")
    assert len(echo.refused) == before[2]
    head = echo.heads[before[0]]
    assert {name: getattr(head, name) for name in means if name != "body"} == {
        n: v for n, v in means.items() if n != "body"
    }
    assert echo.bodies[before[1]] == means.get("body", b"")
    assert [h.target for h in echo.heads[before[0] + 1 :]] == (
        [] if sent.split(b"\r\n")[0].endswith(b"1.0") else ["/last"]
    )
    assert answer.startswith(b"HTTP/1.1 200 ")
