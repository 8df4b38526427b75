"""An upload's last bytes go on only when hash, signatures and checksums are right, however it is cut into
pieces."""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valve_aws.aws import Aws, AwsCall, Payload, Unclear
from valve_aws.aws.crossing import Stream
from valve_aws.model.call import Head, Key, Unreadable

Sign = Callable[..., tuple[Head, bytes]]
S3 = "my-bucket.s3.eu-west-1.amazonaws.com"
SEED, STAMP, SCOPE, SIGNING_KEY = (
    "a" * 64,
    "20270115T080000Z",
    "20270115/eu-west-1/s3/aws4_request",
    b"signing key",
)
EMPTY = hashlib.sha256(b"").hexdigest()


def crc32(content: bytes) -> str:
    """Return the checksum as S3 writes it."""
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()


def signature(text: str) -> str:
    """Return a link of the chain of chunk signatures."""
    return hmac.new(SIGNING_KEY, text.encode(), hashlib.sha256).hexdigest()


def signed_chunks(pieces: Iterable[bytes], trailer: str = "") -> bytes:
    """Return pieces as aws-chunked with a signature each, and a signed trailer."""
    out, previous = b"", SEED
    for piece in [*pieces, b""]:
        text = hashlib.sha256(piece).hexdigest()
        previous = signature(f"AWS4-HMAC-SHA256-PAYLOAD\n{STAMP}\n{SCOPE}\n{previous}\n{EMPTY}\n{text}")
        out += (
            f"{len(piece):x};chunk-signature={previous}\r\n".encode()
            + piece
            + (b"\r\n" if piece or not trailer else b"")
        )
    if trailer:
        block = hashlib.sha256(f"x-amz-checksum-crc32:{trailer}\n".encode()).hexdigest()
        last = signature(f"AWS4-HMAC-SHA256-TRAILER\n{STAMP}\n{SCOPE}\n{previous}\n{block}")
        out += f"x-amz-checksum-crc32:{trailer}\r\nx-amz-trailer-signature:{last}\r\n\r\n".encode()
    return out


def signed_stream(length: int, trailer: bool = False) -> Stream:
    """Return what the head of such a body says."""
    names = ("x-amz-checksum-crc32",) if trailer else ()
    return Stream(length, "", True, True, names, {}, SEED, STAMP, SCOPE, SIGNING_KEY)


def unsigned_stream(length: int) -> Stream:
    """Return what the head of a body with a bare trailer says."""
    return Stream(length, chunked=True, trailers=("x-amz-checksum-crc32",))


def unsigned_chunks(content: bytes, trailer: str) -> bytes:
    """Return content as one bare chunk with a trailer."""
    chunk = b"%x\r\n%b\r\n" % (len(content), content) if content else b""
    return chunk + b"0\r\nx-amz-checksum-crc32:" + trailer.encode() + b"\r\n\r\n"


def passed(stream: Stream, body: bytes, cuts: Iterable[int] = (), anew: bool = False) -> bytes:
    """Return what goes on of a body that comes cut at some places."""
    decoder, at, out = Payload(stream, anew), 0, b""
    for cut in [*sorted(c % (len(body) + 1) for c in cuts), len(body)]:
        out += decoder.feed(body[at:cut])
        at = cut
    return out + decoder.finish()


@given(
    pieces=st.lists(st.binary(min_size=1, max_size=300), max_size=5),
    cuts=st.lists(st.integers(0, 5000), max_size=9),
    trailer=st.booleans(),
)
def test_signed_chunks_come_out_whole_however_they_are_cut(
    pieces: list[bytes], cuts: list[int], trailer: bool
) -> None:
    content = b"".join(pieces)
    body = signed_chunks(pieces, crc32(content) if trailer else "")
    assert passed(signed_stream(len(content), trailer), body, cuts) == content


@given(content=st.binary(max_size=300), cuts=st.lists(st.integers(0, 5000), max_size=9))
def test_bare_chunks_with_a_trailer_come_out_whole_however_they_are_cut(
    content: bytes, cuts: list[int]
) -> None:
    body = unsigned_chunks(content, crc32(content))
    assert passed(unsigned_stream(len(content)), body, cuts) == content


@given(at=st.integers(0, 10_000), bit=st.sampled_from([1, 2, 4, 32]))
def test_any_changed_byte_of_signed_chunks_keeps_the_last_bytes_back(at: int, bit: int) -> None:
    content = b"content " * 30
    body = bytearray(signed_chunks([content[:100], content[100:]], crc32(content)))
    body[at % len(body)] ^= bit
    try:
        out = passed(signed_stream(len(content), True), bytes(body))
    except Unclear:
        return
    assert out == content  # Why this may be: the case of a hexadecimal length or of a trailer's name


@given(at=st.integers(0, 10_000))
def test_any_changed_byte_of_content_under_a_bare_trailer_keeps_the_last_bytes_back(at: int) -> None:
    content = b"content " * 30
    body = bytearray(unsigned_chunks(content, crc32(content)))
    body[4 + at % len(content)] ^= 1
    with pytest.raises(Unclear):
        passed(unsigned_stream(len(content)), bytes(body))


@given(length=st.sampled_from([0, 1, 65_535, 65_536, 65_537, 131_072, 200_000]))
def test_a_trailer_goes_on_in_a_body_of_the_length_that_was_announced(length: int) -> None:
    content = bytes(length)
    wire = unsigned_chunks(content, crc32(content))
    anew = passed(unsigned_stream(length), wire, [7, 70_000], anew=True)
    assert len(anew) == Payload(unsigned_stream(length)).length
    assert passed(unsigned_stream(length), anew, [3, 99_999]) == content


PLAIN = b"plain content"


@pytest.mark.parametrize(("stream", "body"), [
    (Stream(len(PLAIN), hashlib.sha256(PLAIN).hexdigest()), PLAIN + b"!"),
    (Stream(len(PLAIN), hashlib.sha256(PLAIN).hexdigest()), PLAIN[:-1]),
    (Stream(len(PLAIN), hashlib.sha256(PLAIN).hexdigest()), b"plain Content"),
    (Stream(len(PLAIN), digests={"md5": base64.b64encode(hashlib.md5(b"x").digest()).decode()}), PLAIN),
    (Stream(len(PLAIN), digests={"crc32": crc32(b"x")}), PLAIN),
    (Stream(len(PLAIN), digests={"sha256": base64.b64encode(hashlib.sha256(b"x").digest()).decode()}), PLAIN),
    (signed_stream(5), signed_chunks([b"12345"])[:-4]),
    (signed_stream(5), signed_chunks([b"12345"]) + b"x"),
    (signed_stream(6), signed_chunks([b"12345"])),
    (signed_stream(5), unsigned_chunks(b"12345", crc32(b"12345"))),
    (unsigned_stream(5), signed_chunks([b"12345"])),
    (unsigned_stream(5), b"5\r\n12345\r\n0\r\n\r\n"),
    (unsigned_stream(5), b"5\r\n12345\r\n0\r\nx-amz-checksum-sha1:AAAA\r\n\r\n"),
    (unsigned_stream(5), b"5\r\n12345\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"),
    (unsigned_stream(5), b"5\r\n123456\r\n0\r\n"),
    (unsigned_stream(5), unsigned_chunks(b"12345", crc32(b"12345")).replace(b"12345\r\n", b"12345xx")),
    (unsigned_stream(5), unsigned_chunks(b"12345", crc32(b"12345")).replace(b"12345\r\n", b"12345\n")),
    (unsigned_stream(5), b"-5\r\n12345\r\n"),
    (unsigned_stream(5), b"5 \r\n12345\r\n"),
    (unsigned_stream(5), b"0x5\r\n12345\r\n"),
    (unsigned_stream(5), b"5\n12345\n"),
    (unsigned_stream(5), b"f" * 2000),
    (unsigned_stream(5), b"ffffffff\r\n"),
    (unsigned_stream(5), b""),
])
def test_a_body_that_is_not_what_its_head_said_does_not_pass(stream: Stream, body: bytes) -> None:
    with pytest.raises(Unclear):
        passed(stream, body)


def test_the_end_of_a_long_body_is_held_until_it_is_verified() -> None:
    content = bytes(1 << 20)
    decoder = Payload(Stream(len(content), hashlib.sha256(content).hexdigest()))
    gone = sum(len(decoder.feed(content[at:at + 100_000])) for at in range(0, len(content), 100_000))
    assert 0 < gone <= len(content) - 65_536
    assert len(decoder.finish()) == len(content) - gone


def test_http_trailers_of_an_upload_are_refused() -> None:
    decoder = Payload(Stream(1))
    decoder.feed(b"x")
    with pytest.raises(Unclear):
        decoder.finish([("x-amz-checksum-crc32", "AAAAAA==")])


HEADS: dict[str, dict[str, Any]] = {
    "ECDSA": {
        "payload": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "headers": {"x-amz-decoded-content-length": "5"},
    },
    "no decoded length": {"payload": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
    "no trailer announced": {
        "payload": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "headers": {"x-amz-decoded-content-length": "5"},
    },
    "an unknown trailer": {
        "payload": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "headers": {"x-amz-decoded-content-length": "5", "x-amz-trailer": "x-amz-meta-late"},
    },
    "aws-chunked without saying so": {
        "payload": "UNSIGNED-PAYLOAD",
        "headers": {"content-encoding": "aws-chunked"},
    },
    "a hash that is none": {"payload": "unsigned"},
    "a negative length": {
        "payload": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "headers": {"x-amz-decoded-content-length": "-1"},
    },
}


@pytest.mark.parametrize("what", HEADS)
def test_an_upload_whose_head_does_not_say_how_to_verify_it_is_refused(
    aws: Aws, key: Key, sign: Sign, what: str
) -> None:
    head, _ = sign("PUT", S3, "/k", b"12345", **HEADS[what])
    assert isinstance(aws.read(head, None, key), Unreadable)


def test_signed_chunks_are_verified_with_the_key_of_their_own_head(aws: Aws, key: Key, sign: Sign) -> None:
    head, _ = sign("PUT", S3, "/k", b"x", payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                   headers={"x-amz-decoded-content-length": "5", "content-encoding": "aws-chunked,gzip"})
    call = aws.read(head, None, key)
    assert isinstance(call, AwsCall), call
    assert call.params["ContentEncoding"] == "gzip"
    decoder = aws.payload(call)
    assert decoder is not None
    with pytest.raises(Unclear, match="changed after it was signed"):
        decoder.feed(signed_chunks([b"12345"]))
