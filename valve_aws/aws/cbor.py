"""CBOR bodies of the smithy-rpc-v2-cbor protocol, to typed parameters and back (RFC 8949, bounded, read
strictly).

Knows the items that AWS's SDKs write. Does not know which operation a body belongs to.
"""

from __future__ import annotations

import struct
from datetime import datetime
from typing import Any

from valve_aws.aws.bounds import VALUES
from valve_aws.aws.scalars import from_epoch, moment_written
from valve_aws.aws.shapes import Shape
from valve_aws.aws.unclear import Unclear

DEPTH = 64
BREAK = object()


class Walk:
    """One pass over a body."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.at = 0
        self.items = 0

    def take(self, count: int) -> bytes:
        """Return the next `count` bytes."""
        end = self.at + count
        if end > len(self.body):
            raise Unclear("its CBOR body ends too early")
        out = self.body[self.at:end]
        self.at = end
        return out

    def item(self, depth: int = 0) -> Any:
        """Return the next data item."""
        if depth > DEPTH:
            raise Unclear("its CBOR body is nested too deeply")
        self.items += 1
        if self.items > VALUES:
            raise Unclear(f"its CBOR body holds more than {VALUES:,} values")
        first = self.take(1)[0]
        major, low = first >> 5, first & 31
        if major == 7:
            return self.simple(low)
        size = self.size(low, major)
        if major == 0:
            return size
        if major == 1:
            return -1 - (size or 0)
        if major in {2, 3}:
            return self.string(major, size, depth)
        if major == 4:
            return self.many(size, depth)
        if major == 5:
            return self.mapping(size, depth)
        return self.tagged(size, depth)

    def size(self, low: int, major: int) -> int | None:
        """Return an argument; None means of indefinite length."""
        if low < 24:
            return low
        if low <= 27:
            return int.from_bytes(self.take(1 << (low - 24)), "big")
        if low == 31 and major in {2, 3, 4, 5}:
            return None
        raise Unclear("its CBOR body cannot be read")

    def simple(self, low: int) -> Any:
        """Return a simple value or a float."""
        if low in {20, 21}:
            return low == 21
        if low in {22, 23}:
            return None
        if low in {25, 26, 27}:
            width, code = {25: (2, ">e"), 26: (4, ">f"), 27: (8, ">d")}[low]
            return struct.unpack(code, self.take(width))[0]
        if low == 31:
            return BREAK
        raise Unclear("its CBOR body cannot be read")

    def string(self, major: int, size: int | None, depth: int) -> bytes | str:
        """Return bytes or text, in one piece or several."""
        if size is not None:
            raw = self.take(size)
            if major == 2:
                return raw
            try:
                return raw.decode("utf-8")
            except UnicodeError:
                raise Unclear("its CBOR body is not UTF-8 text") from None
        pieces: list[Any] = []
        kind = bytes if major == 2 else str
        while (piece := self.item(depth + 1)) is not BREAK:
            if not isinstance(piece, kind):
                raise Unclear("its CBOR body cannot be read")
            pieces.append(piece)
        return kind().join(pieces)

    def many(self, size: int | None, depth: int) -> list[Any]:
        """Return an array."""
        out: list[Any] = []
        while size is None or len(out) < size:
            item = self.item(depth + 1)
            if item is BREAK:
                if size is None:
                    break
                raise Unclear("its CBOR body cannot be read")
            out.append(item)
        return out

    def mapping(self, size: int | None, depth: int) -> dict[str, Any]:
        """Return a map with text for keys, each there once."""
        out: dict[str, Any] = {}
        while size is None or len(out) < size:
            key = self.item(depth + 1)
            if key is BREAK and size is None:
                break
            if not isinstance(key, str) or key in out:
                raise Unclear("its CBOR body names a member twice, or by something that is not text")
            value = self.item(depth + 1)
            if value is BREAK:
                raise Unclear("its CBOR body cannot be read")
            out[key] = value
        return out

    def tagged(self, tag: int | None, depth: int) -> datetime:
        """Return a point in time, the one tagged item that the protocol uses."""
        value = self.item(depth + 1)
        if tag != 1 or not isinstance(value, int | float) or isinstance(value, bool):
            raise Unclear("its CBOR body holds a tagged item that is not a point in time")
        return from_epoch(value)


def parsed(body: bytes) -> Any:
    """Return the one item of a body; an empty body is an empty map."""
    if not body:
        return {}
    walk = Walk(body)
    item = walk.item()
    if item is BREAK or walk.at != len(body):
        raise Unclear("its CBOR body holds more than one item")
    return item


KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "character": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (float, int),
    "double": (float, int),
    "timestamp": (datetime,),
    "blob": (bytes,),
}


def read(shape: Shape, value: Any) -> Any:
    """Return the typed value of an item; raises `Unclear`."""
    if shape.kind == "structure":
        if not isinstance(value, dict):
            raise Unclear(f"a `{shape.name}` in its body is not a map")
        out = {}
        for name, inner in value.items():
            if inner is None:
                continue
            member = shape.by_wire().get(name)
            if member is None:
                raise Unclear(f"it has a parameter `{name[:80]}` that its operation does not know")
            out[member] = read(shape.members[member], inner)
        for name in shape.required:
            if name not in out:
                raise Unclear(f"its parameter `{name}` is missing")
        return out
    if shape.kind == "list" and isinstance(value, list):
        return [read(shape.part("member"), v) for v in value]
    if shape.kind == "map" and isinstance(value, dict):
        return {n: read(shape.part("value"), v) for n, v in value.items()}
    kinds = KINDS.get(shape.kind, ())
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise Unclear(f"a `{shape.name}` in its body is not of its kind")
    return float(value) if isinstance(value, int | float) and float in kinds else value


def write(shape: Shape, value: Any) -> bytes:
    """Return a typed value as a data item; the inverse of `read`."""
    if shape.kind == "structure":
        members = [(shape.members[n].wire(n), write(shape.members[n], v)) for n, v in value.items()]
        return head(5, len(members)) + b"".join([text(n) + v for n, v in members])
    if shape.kind == "list":
        return head(4, len(value)) + b"".join([write(shape.part("member"), v) for v in value])
    if shape.kind == "map":
        return head(5, len(value)) + b"".join(
            [text(n) + write(shape.part("value"), v) for n, v in value.items()]
        )
    if shape.kind == "blob":
        return head(2, len(value)) + bytes(value)
    if shape.kind == "boolean":
        return b"\xf5" if value else b"\xf4"
    if shape.kind == "timestamp":
        at = moment_written(value, "unixtimestamp")
        return b"\xc1" + (whole(at) if isinstance(at, int) else b"\xfb" + struct.pack(">d", at))
    if shape.kind in {"integer", "long"}:
        return whole(value)
    if shape.kind in {"float", "double"}:
        return b"\xfb" + struct.pack(">d", value)
    return text(value)


def head(major: int, size: int) -> bytes:
    """Return the first bytes of an item, in the shortest form."""
    for low, width in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if size < 24:
            return bytes([major << 5 | size])
        if size < 1 << (8 * width):
            return bytes([major << 5 | low]) + size.to_bytes(width, "big")
    raise Unclear("a number in its parameters is too large")


def whole(value: int) -> bytes:
    """Return a whole number."""
    return head(0, value) if value >= 0 else head(1, -1 - value)


def text(value: str) -> bytes:
    """Return text."""
    raw = value.encode()
    return head(3, len(raw)) + raw
