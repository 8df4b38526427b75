"""JSON bodies: bytes to typed parameters and back.

Knows JSON as AWS's protocols use it, read strictly: no duplicate member, no unknown member, no NaN, no lone
surrogate. Does not know which operation a body belongs to. """

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

from valve_aws.aws.bounds import count_json
from valve_aws.aws.scalars import NAMED, moment, moment_written, number_text, timestamp_format, unbase64
from valve_aws.aws.shapes import Codec, Shape
from valve_aws.aws.unclear import Unclear

SURROGATE = re.compile(rb"\\u[dD][89abcdefABCDEF]")


def parsed(body: bytes) -> Any:
    """Return the JSON value of a body; an empty body is an empty object. Raises `Unclear`."""
    if not body:
        return {}
    count_json(body)
    try:
        text = body.decode("utf-8").strip(" \t\n\r")
        value, end = DECODER.raw_decode(text)
        if end != len(text):
            raise ValueError("it goes on after its end")
        if b"\\u" in body and SURROGATE.search(body):
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeError:
        raise Unclear("its body is not UTF-8 text") from None
    except RecursionError:
        raise Unclear("its body is nested too deeply") from None
    except ValueError:
        raise Unclear("its body is not JSON that can be read") from None
    return value


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object's members; raises `Unclear` for one that is there twice."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise Unclear("its body names a member twice")
    return out


def refuse_constant(name: str) -> Any:
    """Refuse `NaN` and `Infinity` outside quotes, which are not JSON."""
    raise Unclear(f"its body holds `{name}`, which is not JSON")


DECODER = json.JSONDecoder(object_pairs_hook=unique, parse_constant=refuse_constant)
"""Why one for all: `json.loads` would make one for each body."""


def reader(shape: Shape) -> Codec:
    """Return the compiled reader of a shape: JSON value in, typed value out; raises `Unclear`."""
    found = shape.codecs.get("json-in")
    if found is None:
        found = shape.codecs["json-in"] = READERS[shape.kind](shape)
    return found


def read_structure(shape: Shape) -> Codec:
    """A structure: every member known, required ones there; `null` means absent."""
    if shape.traits.get("document"):
        return lambda value: value
    known: dict[str, tuple[str, Codec]] = {}
    required = shape.required
    union = bool(shape.traits.get("union"))

    def member(wire: str) -> tuple[str, Codec]:
        name = shape.by_wire().get(wire)
        if name is None:
            raise Unclear(f"it has a parameter `{wire[:80]}` that its operation does not know")
        known[wire] = name, reader(shape.members[name])
        return known[wire]

    def read(value: Any) -> dict[str, Any]:
        if value.__class__ is not dict:
            raise Unclear(f"a `{shape.name}` in its body is not an object")
        out = {}
        for wire, inner in value.items():
            if inner is not None and wire != "__type":
                name, codec = known.get(wire) or member(wire)
                out[name] = codec(inner)
        for name in required:
            if name not in out:
                raise Unclear(f"its parameter `{name}` is missing")
        if union and len(out) != 1:
            raise Unclear(f"a `{shape.name}` in its body must have exactly one member")
        return out

    return read


def read_list(shape: Shape) -> Codec:
    """A list without holes."""
    codec = reader_later(shape, "member")

    def read(value: Any) -> list[Any]:
        if value.__class__ is not list:
            raise Unclear(f"a `{shape.name}` in its body is not a list")
        if None in value:
            raise Unclear(f"a `{shape.name}` in its body holds null")
        inner = codec()
        return [inner(v) for v in value]

    return read


def read_map(shape: Shape) -> Codec:
    """A map with text for keys."""
    codec = reader_later(shape, "value")

    def read(value: Any) -> dict[str, Any]:
        if value.__class__ is not dict:
            raise Unclear(f"a `{shape.name}` in its body is not an object")
        inner = codec()
        out = {}
        for name, v in value.items():
            if v is None:
                raise Unclear(f"`{name[:80]}` in its body is null")
            out[name] = inner(v)
        return out

    return read


def reader_later(shape: Shape, part: str) -> Callable[[], Codec]:
    """Return a function that gives a part's reader; compiled when first needed, since shapes refer to
    themselves."""
    made: list[Codec] = []

    def codec() -> Codec:
        if not made:
            made.append(reader(shape.part(part)))
        return made[0]

    return codec


def read_string(shape: Shape) -> Codec:
    """Text."""
    def read(value: Any) -> Any:
        if value.__class__ is not str:
            raise Unclear(f"a `{shape.name}` in its body is not text")
        return value

    return read


def read_integer(shape: Shape) -> Codec:
    """A whole number; `1.0` is one."""
    def read(value: Any) -> int:
        if value.__class__ is int:
            return int(value)
        if value.__class__ is float and value.is_integer():
            return int(value)
        raise Unclear(f"a `{shape.name}` in its body is not a whole number")

    return read


def read_float(shape: Shape) -> Codec:
    """A number, or one of the three names that JSON cannot write as numbers."""
    def read(value: Any) -> float:
        if value.__class__ in {int, float}:
            return float(value)
        if value.__class__ is str and value in NAMED:
            return NAMED[value]
        raise Unclear(f"a `{shape.name}` in its body is not a number")

    return read


def read_boolean(shape: Shape) -> Codec:
    """True or false."""
    def read(value: Any) -> bool:
        if value.__class__ is not bool:
            raise Unclear(f"a `{shape.name}` in its body is not true or false")
        return bool(value)

    return read


def read_timestamp(shape: Shape) -> Codec:
    """A point in time."""
    form = timestamp_format(shape, "json")
    return lambda value: moment(value, form)


def read_blob(shape: Shape) -> Codec:
    """Bytes, in base64."""
    def read(value: Any) -> bytes:
        if value.__class__ is not str:
            raise Unclear(f"a `{shape.name}` in its body is not base64 text")
        return unbase64(value)

    return read


READERS: dict[str, Callable[[Shape], Codec]] = {
    "structure": read_structure,
    "list": read_list,
    "map": read_map,
    "string": read_string,
    "character": read_string,
    "boolean": read_boolean,
    "integer": read_integer,
    "long": read_integer,
    "float": read_float,
    "double": read_float,
    "timestamp": read_timestamp,
    "blob": read_blob,
}


def writer(shape: Shape) -> Codec:
    """Return the compiled writer of a shape: typed value in, JSON value out."""
    found = shape.codecs.get("json-out")
    if found is None:
        found = shape.codecs["json-out"] = WRITERS.get(shape.kind, write_same)(shape)
    return found


def write_structure(shape: Shape) -> Codec:
    """A structure, its members under their wire names."""
    if shape.traits.get("document"):
        return lambda value: value
    known: dict[str, tuple[str, Codec]] = {}

    def member(name: str) -> tuple[str, Codec]:
        inner = shape.members[name]
        known[name] = inner.wire(name), writer(inner)
        return known[name]

    def write(value: Any) -> dict[str, Any]:
        out = {}
        for name, inner in value.items():
            wire, codec = known.get(name) or member(name)
            out[wire] = codec(inner)
        return out

    return write


def write_list(shape: Shape) -> Codec:
    """A list."""
    return lambda value: [writer(shape.part("member"))(v) for v in value]


def write_map(shape: Shape) -> Codec:
    """A map."""
    def write(value: Any) -> dict[str, Any]:
        codec = writer(shape.part("value"))
        return {name: codec(v) for name, v in value.items()}

    return write


def write_same(_: Shape) -> Codec:
    """Whatever JSON writes as it is."""
    return lambda value: value


def write_float(_: Shape) -> Codec:
    """A number; what JSON has no number for goes by name."""
    return lambda value: value if value - value == 0 else number_text(value)


WRITERS: dict[str, Callable[[Shape], Codec]] = {
    "structure": write_structure,
    "list": write_list,
    "map": write_map,
    "float": write_float,
    "double": write_float,
    "timestamp": lambda shape: lambda value: moment_written(value, timestamp_format(shape, "json")),
    "blob": lambda _: lambda value: base64.b64encode(value).decode(),
}


ENCODER = json.JSONEncoder(separators=(",", ":"))
"""Why one: `json.dumps` makes one for each call."""


def dumped(value: Any) -> bytes:
    """Return canonical JSON: no spaces, ASCII."""
    return ENCODER.encode(value).encode()
