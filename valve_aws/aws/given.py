"""Parameters as a program gave them to its SDK: brought to the typed values that the wire's readers yield.

Knows what botocore takes for a value of each kind. Does not know the wire: nothing here was ever spelled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from valve_aws.aws.scalars import moment
from valve_aws.aws.shapes import Codec, Operation, Shape
from valve_aws.aws.unclear import Unclear

IN_HEADERS = frozenset({"header", "headers"})
NUMBERS: Mapping[str, type] = {"integer": int, "long": int, "float": float, "double": float}


def parameters(operation: Operation, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the typed parameters of an operation; raises `Unclear` for a value that has another kind.

    What botocore does not send is not there: members without a value, a body that streams.
    """
    readers, out = operation.readers, {}
    for name, value in params.items():
        reader = readers.get(name) or _reader(operation, name)
        if reader.read is None or value is None:
            continue
        if reader.file and hasattr(value, "read"):
            continue  # Why: a file is read once, by whoever sends it
        typed = reader.read(value)
        out[name] = stripped(typed) if reader.header else typed
    return out


@dataclass(frozen=True, slots=True)
class Reader:
    """How one parameter of an operation is taken in; worked out once."""

    read: Codec | None
    """None: botocore does not send it, or it streams."""
    file: bool = False
    """It may be a file."""
    header: bool = False


def _reader(operation: Operation, name: str) -> Reader:
    shape = operation.members.get(name)
    if shape is None:
        return Reader(None)
    if name == operation.payload and shape.kind in {"blob", "string"} and shape.traits.get("streaming"):
        made = Reader(None)
    else:
        made = Reader(codec(shape), shape.kind == "blob", shape.location in IN_HEADERS)
    operation.readers[name] = made
    return made


def stripped(value: Any) -> Any:
    """Return what is left of a header's value when it arrives (RFC 9110 §5.5)."""
    if isinstance(value, str):
        return value.strip()
    return {k: stripped(v) for k, v in value.items()} if isinstance(value, dict) else value


def codec(shape: Shape) -> Codec:
    """Return what brings a value of a shape to its typed form; compiled once."""
    found = shape.codecs.get("given")
    if found is None:
        made = STRUCTURED[shape.kind](shape) if shape.kind in STRUCTURED else scalar(shape)
        found = shape.codecs["given"] = made
    return found


def structure(shape: Shape) -> Codec:
    """A structure: members that its shape does not name are not sent."""
    if shape.traits.get("document"):
        return lambda value: value
    known: dict[str, Codec] = {}

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict and not isinstance(value, Mapping):
            raise Unclear(f"a `{shape.name}` is not a mapping")
        out = {}
        for name, inner in value.items():
            if name not in known:
                member = shape.members.get(name)
                if member is None:
                    continue
                known[name] = codec(member)
            if inner is not None:
                out[name] = known[name](inner)
        return out

    return read


def sequence(shape: Shape) -> Codec:
    """A list."""
    made: list[Codec] = []

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            raise Unclear(f"a `{shape.name}` is not a list")
        if not made:
            made.append(codec(shape.part("member")))
        each = made[0]
        return [each(v) for v in value]

    return read


def mapping(shape: Shape) -> Codec:
    """A map with text for keys."""
    made: list[Codec] = []

    def read(value: Any) -> dict[str, Any]:
        if type(value) is not dict and not isinstance(value, Mapping):
            raise Unclear(f"a `{shape.name}` is not a mapping")
        if not made:
            made.append(codec(shape.part("value")))
        each = made[0]
        return {text(k): each(v) for k, v in value.items()}

    return read


STRUCTURED: Mapping[str, Callable[[Shape], Codec]] = {
    "structure": structure, "list": sequence, "map": mapping,
}


def text(value: Any) -> str:
    """Return a text; raises `Unclear` for one that is written otherwise than it reads (an enumeration's)."""
    if value.__class__ is str:
        return str(value)
    if isinstance(value, str) and str(value) == str.__str__(value):
        return str.__str__(value)
    if isinstance(value, datetime):
        return value.isoformat()  # Why: botocore takes a date for S3's `Expires`, by its model a text
    raise Unclear(f"`{str(value)[:40]}` is not a plain text")


def blob(value: Any) -> bytes:
    """Return bytes; botocore takes a text for its UTF-8."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, bytes | bytearray):
        return bytes(value)
    raise Unclear(f"a `{type(value).__name__}` is not bytes")


def truth(value: Any) -> bool:
    """Return a boolean."""
    if isinstance(value, bool):
        return value
    raise Unclear(f"`{str(value)[:40]}` is neither true nor false")


def timestamp(value: Any) -> datetime:
    """Return a point in time; botocore takes a date, a number or a text."""
    return value if isinstance(value, datetime) else moment(value, "iso8601")


SCALARS: Mapping[str, Codec] = {
    "string": text, "character": text, "blob": blob, "boolean": truth, "timestamp": timestamp,
}


def scalar(shape: Shape) -> Codec:
    """A single value."""
    if shape.kind in SCALARS:
        return SCALARS[shape.kind]
    kind = NUMBERS[shape.kind]

    def number(value: Any) -> Any:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return kind(value)
        raise Unclear(f"`{str(value)[:40]}` is not a number")

    return number
