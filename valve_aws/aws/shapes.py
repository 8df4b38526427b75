"""A service's operations and the shapes of their parameters, compiled from botocore's model when first asked
for.

Knows what a model says. Does not know how a value is spelled in JSON, XML, a form or a header.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from valve_aws.aws.overlays import DROPPED, QUERY_SHAPES

SCALARS = frozenset(
    {"string", "character", "boolean", "integer", "long", "float", "double", "timestamp", "blob"}
)

Codec = Callable[[Any], Any]


class Shape:
    """One shape with the traits of the member that refers to it (a member's traits win over its target's)."""

    __slots__ = ("_lookup", "_members", "_parts", "codecs", "kind", "name", "required", "traits", "wires")

    def __init__(
        self, name: str, definition: Mapping[str, Any], lookup: Callable[[Mapping[str, Any]], Shape]
    ) -> None:
        self.name = name
        self.kind: str = definition["type"]
        self.traits = definition
        self.required: tuple[str, ...] = tuple(definition.get("required", ()))
        self._lookup = lookup
        self._members: dict[str, Shape] | None = None
        self._parts: dict[str, Shape] = {}
        self.codecs: dict[str, Codec] = {}
        """Compiled readers and writers of this shape, by codec name; filled by the codecs themselves."""
        self.wires: dict[str, str] | None = None

    @property
    def members(self) -> dict[str, Shape]:
        """Return member name → shape of a structure, in the model's order."""
        if self._members is None:
            self._members = {n: self._lookup(ref) for n, ref in self.traits.get("members", {}).items()}
        return self._members

    def part(self, which: str) -> Shape:
        """Return the `member` of a list, or the `key` or `value` of a map."""
        if which not in self._parts:
            self._parts[which] = self._lookup(self.traits[which])
        return self._parts[which]

    def wire(self, default: str) -> str:
        """Return the name that a member has on the wire."""
        name: str = self.traits.get("locationName", default)
        return name

    def by_wire(self) -> dict[str, str]:
        """Return wire name → member name of a structure."""
        if self.wires is None:
            self.wires = {shape.wire(name): name for name, shape in self.members.items()}
        return self.wires

    @property
    def location(self) -> str:
        """Return `uri`, `querystring`, `header`, `headers`, or "" for the body."""
        where: str = self.traits.get("location", "")
        return where

    @property
    def flattened(self) -> bool:
        """Say whether a list's or map's entries stand directly in the parent."""
        return bool(self.traits.get("flattened"))


class Operation:
    """One operation: how it is reached and what it takes."""

    def __init__(self, service: Service, name: str, definition: Mapping[str, Any]) -> None:
        self.service = service
        self.name = name
        self.definition = definition
        http = definition.get("http", {})
        self.method: str = http.get("method", "POST")
        self.uri: str = http.get("requestUri", "/")
        self.deprecated = bool(definition.get("deprecated"))
        self.unsigned = definition.get("authtype") == "none"
        self.readers: dict[str, Any] = {}
        """Compiled by `given`, by member."""

    @cached_property
    def input(self) -> Shape | None:
        """Return the input structure, None for an operation without parameters."""
        ref = self.definition.get("input")
        return self.service.shape(ref) if ref else None

    @cached_property
    def members(self) -> dict[str, Shape]:
        """Return the input's members."""
        return self.input.members if self.input else {}

    @cached_property
    def located(self) -> tuple[tuple[str, Shape, str, str], ...]:
        """Return (name, shape, location, name on the wire) of the members that do not stand in the body."""
        return tuple((n, s, s.location, s.wire(n)) for n, s in self.members.items() if s.location)

    @cached_property
    def inside(self) -> bool:
        """Say whether any member stands in the body."""
        return any(not s.location for s in self.members.values())

    @cached_property
    def placed(self) -> Mapping[str, tuple[tuple[str, Shape, str], ...]]:
        """Return location → (name, shape, name on the wire) of its members, in the model's order."""
        places = ("uri", "querystring", "header", "headers")
        return {at: tuple((n, s, w) for n, s, where, w in self.located if where == at) for at in places}

    @cached_property
    def by_header(self) -> Mapping[str, tuple[str, Shape]]:
        """Return header in lower case → (name, shape) of the member that it carries."""
        return {wire.lower(): (name, shape) for name, shape, wire in self.placed["header"]}

    @cached_property
    def in_header(self) -> Mapping[str, tuple[str, Shape]]:
        """Return name → (header in lower case, shape) of the members that stand in one."""
        return {name: (header, shape) for header, (name, shape) in self.by_header.items()}

    @cached_property
    def payload(self) -> str:
        """Return the member that is the whole body, "" when the body holds the members without a location."""
        return self.input.traits.get("payload", "") if self.input else ""

    @cached_property
    def streaming(self) -> bool:
        """Say whether the body may stream past. Only S3's: elsewhere the head's signature covers the body's
        own hash."""
        if not self.payload or self.service.name != "s3":
            return False
        shape = self.members[self.payload]
        return shape.kind in {"blob", "string"} and bool(shape.traits.get("streaming"))

    @cached_property
    def raw(self) -> bool:
        """Say whether the body is one blob or string, not a document."""
        return bool(self.payload) and self.members[self.payload].kind in {"blob", "string"}

    @cached_property
    def host_prefix(self) -> str:
        """Return the prefix that the host name gets, `{Member}` labels open, "" for none."""
        return str(self.definition.get("endpoint", {}).get("hostPrefix", ""))

    @cached_property
    def host_labels(self) -> tuple[str, ...]:
        """Return the members that stand in the host name."""
        return tuple(re.findall(r"\{(\w+)\}", self.host_prefix))

    @cached_property
    def checksum(self) -> Mapping[str, Any]:
        """Return the `httpChecksum` trait."""
        found: Mapping[str, Any] = self.definition.get("httpChecksum", {})
        return found

    @cached_property
    def wants_digest(self) -> bool:
        """Say whether S3 insists on a digest of the body (`Content-MD5` satisfies it)."""
        return bool(
            self.checksum.get("requestChecksumRequired") or self.definition.get("httpChecksumRequired")
        )

    @cached_property
    def event_stream(self) -> bool:
        """Say whether the input is an event stream (bidirectional HTTP/2)."""
        return any(m.traits.get("eventstream") for m in self.members.values())


class Service:
    """One service, its operations compiled when first asked for."""

    def __init__(self, name: str, model: Mapping[str, Any]) -> None:
        self.name = name
        self.metadata: Mapping[str, Any] = model["metadata"]
        self._shapes: dict[str, Any] = {n: slim(s) for n, s in model["shapes"].items()}
        self._made: dict[str, Shape] = {}
        self._plain: Shape | None = None
        dropped = DROPPED.get(name, frozenset())
        self.operations: dict[str, Operation] = {
            n: Operation(self, n, {k: v for k, v in d.items() if k not in TALK})
            for n, d in model["operations"].items() if n not in dropped
        }
        self.protocols: tuple[str, ...] = tuple(
            self.metadata.get("protocols") or (self.metadata["protocol"],)
        )
        self.protocol: str = self.metadata["protocol"]
        self.target: str = self.metadata.get("targetPrefix", "")
        self.prefix: str = self.metadata["endpointPrefix"]
        self.signing: str = self.metadata.get("signingName") or self.prefix
        self.version: str = self.metadata["apiVersion"]
        self.json_version: str = self.metadata.get("jsonVersion", "1.0")
        self.query_compatible = "awsQueryCompatible" in self.metadata

    def shape(self, ref: Mapping[str, Any]) -> Shape:
        """Return the shape that a reference names, with the reference's own traits; equal references share
        it."""
        name = ref["shape"]
        traits = {k: v for k, v in ref.items() if k not in {"shape", "documentation"}}
        key = f"{name} {sorted(traits.items(), key=str)}" if traits else name
        made = self._made.get(key)
        if made is None:
            made = Shape(name, {**self._shapes[name], **traits} if traits else self._shapes[name], self.shape)
            self._made[key] = made
        return made

    @cached_property
    def old_query(self) -> Service | None:
        """Return this service as SDKs from before its JSON protocol speak it, None when that is not known."""
        overlay = QUERY_SHAPES.get(self.name)
        if overlay is None:
            return None
        shapes = {n: overlaid(s, overlay.get(n, {})) for n, s in self._shapes.items()}
        model = {"metadata": {**self.metadata, "protocol": "query", "protocols": ["query"]}, "shapes": shapes,
                 "operations": {n: o.definition for n, o in self.operations.items()}}
        return Service(self.name, model)


TALK = frozenset({"documentation", "documentationUrl", "errors", "output", "examples"})
"""What a model says for people or about replies; left out of memory."""


def slim(definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return a shape's definition without the parts that only people read."""
    kept = {
        k: v
        for k, v in definition.items()
        if k not in {"documentation", "enum", "pattern", "min", "max", "exception"}
    }
    for field in ("members",):
        if field in kept:
            kept[field] = {
                n: {k: v for k, v in m.items() if k != "documentation"} for n, m in kept[field].items()
            }
    for field in ("member", "key", "value"):
        if field in kept:
            kept[field] = {k: v for k, v in kept[field].items() if k != "documentation"}
    return kept


def overlaid(definition: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Return a definition with an overlay's traits laid over its members and parts."""
    out = dict(definition)
    for field, traits in overlay.items():
        if field in {"member", "key", "value"}:
            out[field] = {**definition[field], **traits}
        elif field in definition.get("members", {}):
            out["members"] = {**out["members"], field: {**out["members"][field], **traits}}
    return out
