"""What a connection's first bytes say: TLS and for which name, HTTP, or neither.

Knows a TLS ClientHello (RFC 8446 §4.1.2, RFC 6066 §3). Does not know any key or certificate.
"""

from __future__ import annotations

from enum import Enum

from valve_aws.proxy.grammar import DNS_NAME, PREFACE, SNIFFED, Malformed, shown


class Speaks(Enum):
    """What the first bytes are the start of."""

    TLS = "tls"
    HTTP = "http"
    HTTP2 = "http/2"
    OTHER = "other"
    UNSURE = "unsure"
    """Too few bytes to tell."""


def sniff(first: bytes) -> Speaks:
    """Tell by the first bytes. A handshake record starts 0x16 0x03; a method is taken in any case and ends
    in a space."""
    if not first or first == b"\x16":
        return Speaks.UNSURE
    if first[:2] == b"\x16\x03":
        return Speaks.TLS
    start = first[:8].upper()
    if first.startswith(b"PRI "):
        if first.startswith(PREFACE[:len(first)]):
            return Speaks.HTTP2 if len(first) >= len(PREFACE) else Speaks.UNSURE
        return Speaks.HTTP
    if start.startswith(SNIFFED) or first.startswith(b"\r\n"):
        return Speaks.HTTP
    if any(method.startswith(start) for method in SNIFFED) or first == b"\r":
        return Speaks.UNSURE
    return Speaks.OTHER


class Cursor:
    """Reads numbers and vectors off the front; raises Malformed when they overrun."""

    __slots__ = ("_at", "_bytes")

    def __init__(self, text: bytes) -> None:
        self._bytes = text
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._bytes)

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        taken = self._bytes[self._at:self._at + size]
        if len(taken) != size:
            raise Malformed("the TLS greeting is shorter than it says")
        self._at += size
        return taken

    def number(self, size: int) -> int:
        """Return the next `size` bytes as a number."""
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        """Return a vector whose length stands in `size` bytes before it."""
        return self.take(self.number(size))


class Greeting:
    """A ClientHello while it arrives, put together from its records; what was read is not read again."""

    __slots__ = ("_at", "_message", "_most", "_received")

    def __init__(self, most: int) -> None:
        """`most`: bytes of the message."""
        self._received = bytearray()
        self._at = 0
        self._message = bytearray()
        self._most = most

    def feed(self, received: bytes) -> str | None:
        """Return the host name that it asks for, "" when it names none, None when more bytes must arrive.

        Raises Malformed for whatever is no ClientHello within bounds, or names more than one host.
        """
        self._received += received
        while not self._complete():
            head = self._received[self._at:self._at + 5]
            if len(head) < 5:
                break
            size = int.from_bytes(head[3:5], "big")
            if head[0] != 0x16 or head[1] != 3 or not 0 < size <= RECORD:
                raise Malformed("the bytes after a TLS greeting's start are no TLS record")
            end = self._at + 5 + size
            if len(self._received) < end:
                break
            self._message += self._received[self._at + 5:end]
            self._at = end
        else:
            return name_in(bytes(self._message[4:4 + self._size()]))
        if len(self._received) > self._most + 1024:
            raise Malformed("the TLS greeting is too long")
        return None

    def _size(self) -> int:
        return int.from_bytes(self._message[1:4], "big")

    def _complete(self) -> bool:
        """Say whether the message is whole; raises Malformed when it is another one, or too long."""
        if len(self._message) < 4:
            return False
        if self._message[0] != 1:
            raise Malformed("the first TLS message is no ClientHello")
        if self._size() > self._most:
            raise Malformed("the TLS greeting is too long")
        return len(self._message) >= 4 + self._size()


RECORD = 16384 + 256
"""Bytes of one record's fragment (RFC 8446 §5.2)."""


def name_in(message: bytes) -> str:
    """Return the host name that a ClientHello asks for, "" for none; raises Malformed."""
    hello = Cursor(message)
    hello.take(2 + 32)
    hello.vector(1)
    hello.vector(2)
    hello.vector(1)
    if not hello:
        return ""
    extensions = Cursor(hello.vector(2))
    found: list[bytes] = []
    seen: set[int] = set()
    while extensions:
        kind, content = extensions.number(2), extensions.vector(2)
        if kind in seen:
            raise Malformed("a TLS extension comes twice")
        seen.add(kind)
        if kind == 0:
            names = Cursor(Cursor(content).vector(2))
            while names:
                if names.number(1) != 0:
                    raise Malformed("the TLS greeting names something that is no host")
                found.append(names.vector(2))
    if len(found) > 1:
        raise Malformed("the TLS greeting names more than one host")
    if not found:
        return ""
    name = found[0].decode("latin-1").lower().removesuffix(".")
    if not DNS_NAME.fullmatch(name):
        raise Malformed(f"the TLS greeting asks for `{shown(found[0])}`, which is no host name")
    return name
