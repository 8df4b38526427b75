"""Event streams as bytes: what InvokeWithResponseStream answers with.

Knows the framing of one message. Does not know what is streamed. Source: Amazon event stream encoding
(Smithy, `application/vnd.amazon.eventstream`).
"""

from __future__ import annotations

import json
import struct
from zlib import crc32

KIND = "application/vnd.amazon.eventstream"

STRING = 7
"""The type of a header's value that is text."""


def message(headers: dict[str, str], payload: bytes) -> bytes:
    """Return one message: its lengths, a checksum of them, headers, payload, a checksum of all."""
    told = b"".join(
        bytes([len(name)]) + name.encode() + struct.pack("!BH", STRING, len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    begin = struct.pack("!II", 16 + len(told) + len(payload), len(told))
    begin += struct.pack("!I", crc32(begin))
    whole = begin + told + payload
    return whole + struct.pack("!I", crc32(whole))


def chunk(piece: bytes) -> bytes:
    """Return a piece of a response."""
    return message(
        {
            ":event-type": "PayloadChunk",
            ":content-type": "application/octet-stream",
            ":message-type": "event",
        },
        piece,
    )


def complete(error: str = "", details: str = "", log: str = "") -> bytes:
    """Return the end of a response; `log` is in base64."""
    told = {"ErrorCode": error, "ErrorDetails": details, "LogResult": log}
    return message(
        {":event-type": "InvokeComplete", ":content-type": "application/json", ":message-type": "event"},
        json.dumps({name: value for name, value in told.items() if value}).encode(),
    )
