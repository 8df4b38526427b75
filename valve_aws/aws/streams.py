"""What a head says about a body that is streamed, and the digests a body must have.

Knows S3's headers for uploads. Does not see the body's bytes (see `payload`), but for documents held whole.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Mapping
from hashlib import md5, sha1, sha256, sha512
from typing import Any

from valve_aws.aws.credentials import Signed
from valve_aws.aws.crossing import Stream
from valve_aws.aws.signing import UNSIGNED_PAYLOAD
from valve_aws.aws.unclear import Unclear
from valve_aws.model.call import Head

SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_CHUNKS_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

TRAILER = re.compile(r"x-amz-checksum-[a-z0-9]{2,12}")
LARGEST = 50 << 40
"""Bytes of the largest object (S3 quotas, 50 TB since December 2025)."""


class Crc32:
    """zlib's CRC-32 with hashlib's methods."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, piece: bytes | memoryview) -> None:
        """Take in the next piece."""
        self._value = zlib.crc32(piece, self._value)

    def digest(self) -> bytes:
        """Return the sum, big-endian."""
        return self._value.to_bytes(4, "big")


ALGORITHMS: Mapping[str, Any] = {
    "md5": lambda: md5(usedforsecurity=False), "sha1": lambda: sha1(usedforsecurity=False), "sha256": sha256,
    "sha512": sha512, "crc32": Crc32,
}
"""Digests that are computed here. The others (CRC-32C, CRC-64, XXH) need native code; the service checks
those that come beforehand, and those that come in a trailer are sent on for it to check."""

SIZES = {
    "md5": 16,
    "sha1": 20,
    "sha256": 32,
    "sha512": 64,
    "crc32": 4,
    "crc32c": 4,
    "crc64nvme": 8,
    "xxhash64": 8,
    "xxhash3": 8,
    "xxhash128": 16,
}

CHECKSUMS = {f"x-amz-checksum-{algorithm}": algorithm for algorithm in SIZES}
"""Header or trailer → the algorithm of the digest that it gives."""
DIGESTS = {"content-md5": "md5", **CHECKSUMS}


def stream_of(head: Head, signed: Signed, key: bytes, headers: Mapping[str, str]) -> Stream:
    """Return how a streamed body is spelled; raises `Unclear`. `headers` include those hoisted from a
    presigned URL."""
    said = head.header("x-amz-content-sha256") or UNSIGNED_PAYLOAD
    digests = digests_of(headers)
    if not said.startswith("STREAMING-"):
        if "aws-chunked" in codings(headers):
            raise Unclear("it is aws-chunked, but its `x-amz-content-sha256` does not say so")
        if said != UNSIGNED_PAYLOAD and not re.fullmatch("[0-9a-f]{64}", said):
            raise Unclear("its `x-amz-content-sha256` is not a hash")
        return Stream(number(head.header("content-length"), "Content-Length"),
                      "" if said == UNSIGNED_PAYLOAD else said, digests=digests)
    if said not in {SIGNED_CHUNKS, SIGNED_CHUNKS_TRAILER, UNSIGNED_TRAILER}:
        raise Unclear(f"its body is signed as `{said[:60]}`, which is not read here")
    announced = head.header("x-amz-trailer") or ""
    trailers = tuple([t.strip().lower() for t in announced.split(",") if t.strip()])
    if said == SIGNED_CHUNKS and trailers:
        raise Unclear("it announces trailers that its signature does not allow for")
    for name in trailers:
        if name not in CHECKSUMS:
            raise Unclear(f"it announces a trailer `{name[:60]}` that is not known")
    if len(trailers) > 1:
        raise Unclear("it announces more than one checksum")
    if said == UNSIGNED_TRAILER and not trailers:
        raise Unclear("its body is neither signed nor summed up in a trailer")
    length = number(head.header("x-amz-decoded-content-length"), "x-amz-decoded-content-length")
    return Stream(
        length,
        "",
        True,
        said != UNSIGNED_TRAILER,
        trailers,
        digests,
        signed.signature,
        signed.stamp,
        signed.scope,
        key,
    )


def codings(headers: Mapping[str, str]) -> list[str]:
    """Return a body's content codings in order."""
    return [c.strip().lower() for c in headers.get("content-encoding", "").split(",") if c.strip()]


def number(text: str | None, name: str) -> int:
    """Return a length in bytes; raises `Unclear`."""
    if text is None:
        raise Unclear(f"its body is streamed without `{name}`")
    if not text.isdecimal() or len(text) > 15 or int(text) > LARGEST:
        raise Unclear(f"its `{name}` is not a length")
    return int(text)


def digests_of(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the digests that headers give, algorithm → base64; raises `Unclear` for one that cannot be."""
    out: dict[str, str] = {}
    for name in [name for name in headers if name in DIGESTS]:
        algorithm, value = DIGESTS[name], headers[name]
        if "-" in value or digest_size(value) != SIZES[algorithm]:
            raise Unclear(f"its `{name}` is not a digest of that kind")
        out[algorithm] = value
    return out


def digest_size(text: str) -> int:
    """Return how many bytes base64 text holds; -1 when it is not base64."""
    try:
        return len(base64.b64decode(text, validate=True))
    except ValueError:
        return -1


def verify_digests(headers: Mapping[str, str], body: bytes) -> None:
    """Raise `Unclear` unless a body held whole has the digests that its headers give."""
    for algorithm, value in digests_of(headers).items():
        if algorithm in ALGORITHMS:
            made = ALGORITHMS[algorithm]()
            made.update(body)
            if base64.b64encode(made.digest()).decode() != value:
                raise Unclear(f"its body does not have the {algorithm} digest that its headers give")
