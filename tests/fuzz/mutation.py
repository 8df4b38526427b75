"""Small changes of bytes, the same for the same seed.

Knows bytes and a few words that parsers look at. Does not know what is tried.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

WORDS = (
    b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\x00", b"\t", b"\x0b", b"\x7f", b"\xc3\xbc", b"\xff",
    b"\xe2\x80\xae", b" ", b"  ", b":", b";", b",", b"/", b"//", b"..", b"?", b"&", b"=", b"+", b"%",
    b"%00", b"%2e", b"%2F", b"#", b"@", b"\\", b"[", b"]", b"{", b"}", b"{}", b"[]", b"null", b"true",
    b"-1", b"0", b"00", b"1", b"+1", b"0x1", b"1e400", b"NaN", b"9999999999999999999",
    b"18446744073709551617", b"chunked", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 3\r\n",
    b"Content-Length: 0\r\n", b"Host: h\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n",
    b"0\r\n\r\n", b"1\r\na\r\n", b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", b"HTTP/1.0", b"CONNECT h:443 ",
    b"http://h", b"X-Amz-Target: AmazonSQS.DeleteQueue\r\n", b"?Action=DeleteQueue", b"Version=2012-11-05",
    b"&x-id=GetObject", b"\"a\":", b"\"\\ud800\"", b": {", b"- ", b"!Ref ", b"!Sub ", b"!GetAtt ", b"!If ",
    b"${", b"*", b"{tenant}", b"&a ", b"*a", b"<<: ", b"---\n", b"? ", b"|", b"\"", b"'", b"\n  ",
    b"\n    ", b"~", b".inf", b"!!binary ", b"Fn::If", b"Fn::Sub", b"Fn::Transform", b"AWS::NoValue",
    b"(a+)+", b"[a-z]{1,9}",
)


def mutants(seeds: Sequence[bytes], seed: int, longest: int = 1 << 14) -> Iterator[bytes]:
    """Give changed seeds without end."""
    rnd = random.Random(seed)
    while True:
        text = rnd.choice(seeds)
        for _ in range(rnd.choice((1, 1, 1, 2, 3, 5))):
            text = changed(text, rnd, seeds)
        yield text[:longest]


def changed(text: bytes, rnd: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return a text with one change."""
    at = rnd.randrange(len(text) + 1)
    to = min(len(text), at + rnd.choice((1, 1, 2, 4, 16, 64)))
    match rnd.randrange(8):
        case 0:
            return text[:at] + bytes([rnd.randrange(256)]) + text[at + 1 :]
        case 1 | 2:
            return text[:at] + rnd.choice(WORDS) + text[at:]
        case 3:
            return text[:at] + rnd.choice(WORDS) + text[to:]
        case 4:
            return text[:at] + text[to:]
        case 5:
            return text[:to] + text[at:]
        case 6:
            other = rnd.choice(seeds)
            start = rnd.randrange(len(other) + 1)
            return text[:at] + other[start : start + rnd.choice((8, 32, 256))] + text[to:]
        case _:
            start = rnd.randrange(len(text) + 1)
            return text[:at] + text[start : start + rnd.choice((4, 16, 64))] + text[at:]
