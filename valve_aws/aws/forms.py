"""Query strings and form bodies: the query and EC2 protocols' parameters to typed ones and back.

Knows `Name.member.1.Key=value`, read strictly: nothing twice, no hole in a list, nothing unknown. Does not
know which operation a form belongs to. """

from __future__ import annotations

import re
from binascii import a2b_qp
from typing import Any
from urllib.parse import quote

from valve_aws.aws.bounds import count_fields
from valve_aws.aws.scalars import typed, written
from valve_aws.aws.shapes import Shape
from valve_aws.aws.unclear import Unclear

BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
NUMBER = re.compile(r"[1-9]\d{0,5}")
DEPTH = 64


def unescaped(text: str, what: str) -> str:
    """Return percent-decoded text; raises `Unclear` for a broken escape or what is not UTF-8."""
    if "%" not in text and text.isascii():
        return text
    if BAD_ESCAPE.search(text):
        raise Unclear(f"its {what} has a broken percent escape")
    try:
        raw = text.encode("latin-1", "surrogateescape")
        # Why: with another escape character it is quoted-printable (RFC 2045 §6.7), whose reader is thirty
        # times as fast; no broken escape is left for the two to differ in.
        return a2b_qp(raw.replace(b"=", b"=3D").replace(b"%", b"=")).decode("utf-8")
    except UnicodeError:
        raise Unclear(f"its {what} is not UTF-8 text") from None


def pairs(text: str, what: str, plus: bool) -> list[tuple[str, str]]:
    """Return the pairs of a query string or a form in order. `plus`: whether `+` is a space, else it is
    refused.

    Why refused: services and proxies disagree on what a bare `+` in a query string means.
    """
    out: list[tuple[str, str]] = []
    if not text:
        return out
    count_fields(text, what)
    if "+" in text:
        if not plus:
            raise Unclear(f"its {what} has a bare `+`, which services read differently; write %20 or %2B")
        text = text.replace("+", "%20")
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        out.append((unescaped(name, what), unescaped(value, what)))
    return out


def fields(text: str, what: str, plus: bool) -> dict[str, str]:
    """Return the pairs as a mapping; raises `Unclear` for a name that is there twice."""
    listed = pairs(text, what, plus)
    out = dict(listed)
    if len(out) != len(listed):
        raise Unclear(f"its {what} names a parameter twice")
    return out


Tree = dict[str, Any]
"""Dotted names as a tree: a child is a `Tree`; the value that stands at a node itself is under ""."""


def tree(flat: dict[str, str]) -> Tree:
    """Return dotted names as a tree."""
    root: Tree = {}
    for name, value in flat.items():
        node = root
        parts = name.split(".")
        if len(parts) > DEPTH or "" in parts:
            raise Unclear(f"its parameter `{name[:80]}` cannot be read")
        for part in parts:
            node = node.setdefault(part, {})
        node[""] = value
    return root


def read(shape: Shape, node: Tree, ec2: bool) -> Any:
    """Return the typed value of a tree node; raises `Unclear`."""
    if shape.kind == "structure":
        return read_structure(shape, node, ec2)
    if shape.kind == "list":
        return read_list(shape, node, ec2)
    if shape.kind == "map":
        return read_map(shape, node, ec2)
    if set(node) != {""}:
        raise Unclear(f"a `{shape.name}` in its parameters is not a single value")
    return typed(shape, node[""], "form")


def read_structure(shape: Shape, node: Tree, ec2: bool) -> dict[str, Any]:
    """Return a structure's members."""
    names = {form_name(inner, name, ec2): name for name, inner in shape.members.items()}
    out: dict[str, Any] = {}
    for wire, child in node.items():
        name = names.get(wire)
        if name is None:
            raise Unclear(f"it has a parameter `{wire[:80]}` that its operation does not know")
        out[name] = read(shape.members[name], child, ec2)
    for name in shape.required:
        if name not in out:
            out[name] = read_nothing(shape.members[name], name, ec2)
    return out


def read_nothing(shape: Shape, name: str, ec2: bool) -> Any:
    """Return a required structure or map that is empty, which a form has no way to write; raises `Unclear`
    for others."""
    if shape.kind == "map":
        return {}
    if shape.kind != "structure":
        raise Unclear(f"its parameter `{name}` is missing")
    return read_structure(shape, {}, ec2)


def form_name(shape: Shape, name: str, ec2: bool) -> str:
    """Return the name of a member in a form; a flattened list goes by its entries' name."""
    if ec2:
        wire: str = shape.traits.get("queryName") or ""
        given = shape.traits.get("locationName")
        return wire or (given[0].upper() + given[1:] if given else name)
    if shape.kind == "list" and shape.flattened:
        inner = shape.part("member").traits.get("locationName")
        if inner:
            return str(inner)
    return shape.wire(name)


def read_list(shape: Shape, node: Tree, ec2: bool) -> list[Any]:
    """Return a list; an empty one is written as an empty value, which the EC2 protocol does not know."""
    if node == {"": ""} and not ec2:
        return []
    member = shape.part("member")
    if not ec2 and not shape.flattened:
        name = member.wire("member")
        # Why both: SDKs and hand-written requests use `member` even where the model names entries otherwise.
        if set(node) not in ({name}, {"member"}):
            raise Unclear(f"a `{shape.name}` in its parameters is not a list")
        node = node[name] if name in node else node["member"]
    return [read(member, node[str(n)], ec2) for n in numbered(shape, node)]


def numbered(shape: Shape, node: Tree) -> range:
    """Return 1…n; raises `Unclear` unless the node's children are exactly those."""
    count = len(node)
    if not count or any(not NUMBER.fullmatch(n) or int(n) > count for n in node):
        raise Unclear(f"a `{shape.name}` in its parameters is not numbered from 1 without a gap")
    return range(1, count + 1)


def read_map(shape: Shape, node: Tree, ec2: bool) -> dict[str, Any]:
    """Return a map."""
    if node == {"": ""}:
        return {}
    if not shape.flattened:
        if set(node) != {"entry"}:
            raise Unclear(f"a `{shape.name}` in its parameters is not a map")
        node = node["entry"]
    key, value = shape.part("key"), shape.part("value")
    out: dict[str, Any] = {}
    for n in numbered(shape, node):
        entry = node[str(n)]
        if set(entry) != {key.wire("key"), value.wire("value")}:
            raise Unclear(f"a `{shape.name}` in its parameters has an entry without key or value")
        name = read(key, entry[key.wire("key")], ec2)
        if name in out:
            raise Unclear(f"a `{shape.name}` in its parameters names `{name[:80]}` twice")
        out[name] = read(value, entry[value.wire("value")], ec2)
    return out


def write(out: dict[str, str], shape: Shape, value: Any, prefix: str, ec2: bool) -> None:
    """Add the dotted names of a typed value to `out`; the inverse of `read`."""
    if shape.kind == "structure":
        for name, inner in value.items():
            member = shape.members[name]
            wire = form_name(member, name, ec2)
            write(out, member, inner, f"{prefix}.{wire}" if prefix else wire, ec2)
    elif shape.kind == "list":
        member = shape.part("member")
        if not value and not ec2:
            out[prefix] = ""
        if not ec2 and not shape.flattened:
            prefix = f"{prefix}.{member.wire('member')}"
        for n, inner in enumerate(value, 1):
            write(out, member, inner, f"{prefix}.{n}", ec2)
    elif shape.kind == "map":
        key, item = shape.part("key"), shape.part("value")
        if not shape.flattened:
            prefix = f"{prefix}.entry"
        for n, (name, inner) in enumerate(value.items(), 1):
            write(out, key, name, f"{prefix}.{n}.{key.wire('key')}", ec2)
            write(out, item, inner, f"{prefix}.{n}.{item.wire('value')}", ec2)
    else:
        out[prefix] = written(shape, value, "form")


def encoded(flat: dict[str, str]) -> str:
    """Return a form or query string in canonical encoding (RFC 3986 unreserved characters only)."""
    return "&".join([f"{quote(n, safe='-_.~')}={quote(v, safe='-_.~')}" for n, v in flat.items()])
