"""REST requests: labels, query, headers and body to typed parameters and back.

Knows where the rest-json and rest-xml protocols put each member. Does not know how the operation was found.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from valve_aws.aws import documents, xmls
from valve_aws.aws.routes import Asked, Route, decoded
from valve_aws.aws.scalars import typed, unbase64, written
from valve_aws.aws.shapes import Operation, Shape
from valve_aws.aws.unclear import Unclear

PLAIN = re.compile(r"[A-Za-z0-9._~-]*")
"""Text of which nothing is percent-encoded (RFC 3986 §2.3): nearly every name of a bucket."""

INTEGRITY = frozenset({"ContentMD5", "ContentLength", "ChecksumAlgorithm"})
"""Members that speak about a document body's bytes, not about the call: checked, then left out, since the
body is written anew. Of streamed bodies only the length is left out."""


def read(
    route: Route, labels: Mapping[str, str], asked: Asked, body: bytes | None, xml: bool
) -> dict[str, Any]:
    """Return the typed parameters of a REST request; raises `Unclear`. `body` is None for a stream."""
    operation = route.operation
    params: dict[str, Any] = {}
    texts = decoded(labels)
    headers = asked.headers
    placed, by_header = operation.placed, operation.by_header
    for name, shape, wire in placed["uri"]:
        params[name] = typed(shape, texts[wire], "query")
    for name, shape, _ in placed["querystring"] if asked.query else ():
        if shape.kind != "map":
            read_query(params, name, shape, asked)
    for header, text in headers.items():
        if header in by_header:
            name, shape = by_header[header]
            params[name] = header_value(shape, text)
    for name, _, prefix in placed["headers"]:
        read_header_map(params, name, prefix.lower(), asked)
    if route.open_query:
        read_query_map(params, route, asked)
    read_body(params, operation, body, xml)
    if operation.input:
        for name in operation.input.required:
            if name not in params and not (operation.streaming and name == operation.payload):
                raise Unclear(f"its parameter `{name}` is missing")
    if route.operation.service.name == "s3":
        params.pop("ContentLength", None)
        if "ContentEncoding" in params:
            drop_chunked(params)
        if not operation.streaming and (operation.checksum or operation.wants_digest):
            drop_integrity(params, operation)
    return params


def drop_chunked(params: dict[str, Any]) -> None:
    """Leave `aws-chunked` out of a content coding: it is framing, and S3 does not keep it."""
    left = [c.strip() for c in params["ContentEncoding"].split(",") if c.strip().lower() != "aws-chunked"]
    if left:
        params["ContentEncoding"] = ",".join(left)
    else:
        del params["ContentEncoding"]


def drop_integrity(params: dict[str, Any], operation: Operation) -> None:
    """Leave out the members that speak about the document body's bytes."""
    for name in INTEGRITY & params.keys():
        if name != "ChecksumAlgorithm" or name == operation.checksum.get("requestAlgorithmMember"):
            del params[name]


def read_query(params: dict[str, Any], name: str, shape: Shape, asked: Asked) -> None:
    """Take a member from the query string."""
    wire = shape.wire(name)
    text = asked.query.get(wire)
    if text is None:
        return
    if shape.kind == "list":
        item = shape.part("member")
        params[name] = [typed(item, t, "query") for t in asked.repeated.get(wire, [text])]
    else:
        params[name] = typed(shape, text, "query")


def read_query_map(params: dict[str, Any], route: Route, asked: Asked) -> None:
    """Take the member that holds whatever query parameters are left."""
    left = {n: v for n, v in asked.query.items() if n not in route.names and n not in route.literals}
    shape = route.operation.members[route.open_query]
    many = shape.part("value").kind == "list"
    if any(n in asked.repeated for n in left) and not many:
        raise Unclear("its query string names a parameter twice")
    if left:
        params[route.open_query] = {n: asked.repeated.get(n, [v]) for n, v in left.items()} if many else left


def read_header_map(params: dict[str, Any], name: str, prefix: str, asked: Asked) -> None:
    """Take the headers that begin with a member's prefix (`x-amz-meta-`)."""
    # Why not always all of them: mostly it is of those that are picked out already.
    listed = asked.amz if prefix.startswith("x-amz-") else asked.headers
    found = {n[len(prefix):]: asked.headers[n] for n in listed if n.startswith(prefix)}
    if found:
        params[name] = found


def header_value(shape: Shape, text: str) -> Any:
    """Return a header's typed value."""
    if shape.kind == "list":
        item = shape.part("member")
        timestamps = item.kind == "timestamp"
        return [typed(item, t, "header") for t in ([text] if timestamps else header_list(text))]
    if shape.traits.get("jsonvalue"):
        return documents.parsed(unbase64(text))
    return typed(shape, text, "header")


def header_list(text: str) -> list[str]:
    """Split a header's list; an element in quotes may hold commas, and `\\"` for a quote."""
    out, at = [], 0
    while at <= len(text):
        while at < len(text) and text[at] in " \t":
            at += 1
        if text[at:at + 1] == '"':
            piece, at = quoted(text, at + 1)
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            piece, at = text[at:end].strip(), end
        out.append(piece)
        at += 1
    return out


def quoted(text: str, at: int) -> tuple[str, int]:
    """Return one quoted element and where it ends (at a comma or at the end of the text)."""
    piece = []
    while at < len(text):
        if text[at] == "\\" and text[at + 1:at + 2] == '"':
            piece.append('"')
            at += 2
        elif text[at] == '"':
            rest = text[at + 1:].lstrip(" \t")
            if rest and rest[0] != ",":
                break
            return "".join(piece), len(text) - len(rest)
        else:
            piece.append(text[at])
            at += 1
    raise Unclear("a list in its headers has a quote that does not close")


def read_body(params: dict[str, Any], operation: Operation, body: bytes | None, xml: bool) -> None:
    """Take the members that stand in the body."""
    payload = operation.payload
    if payload:
        shape = operation.members[payload]
        if operation.raw:
            if body:
                params[payload] = text_of(body) if shape.kind == "string" else bytes(body)
        elif body:
            params[payload] = read_document(shape, body, xml)
        return
    if operation.input is None or not operation.inside:
        if body and body.strip() not in {b"", b"{}"}:
            raise Unclear("it has a body that its operation does not know")
        return
    if body or not xml:
        params.update(read_members(operation.input, body or b"", xml))


def read_members(shape: Shape, body: bytes, xml: bool) -> dict[str, Any]:
    """Return the members of an input structure that stand in the body."""
    if xml:
        root = xmls.parsed(body)
        if root.tag != shape.wire(shape.name):
            raise Unclear(f"its body is a `{root.tag[:80]}`, which its operation does not take")
        found: dict[str, Any] = xmls.read(shape, root)
        return found
    value = documents.parsed(body)
    if not isinstance(value, dict):
        raise Unclear("its body is not an object")
    out: dict[str, Any] = {}
    for wire, inner in value.items():
        name = shape.by_wire().get(wire)
        if name is None or shape.members[name].location:
            raise Unclear(f"it has a parameter `{wire[:80]}` that its operation does not know")
        if inner is not None:
            out[name] = documents.reader(shape.members[name])(inner)
    return out


def read_document(shape: Shape, body: bytes, xml: bool) -> Any:
    """Return a payload member that is a document."""
    if not xml:
        return documents.reader(shape)(documents.parsed(body))
    root = xmls.parsed(body)
    if root.tag not in {shape.wire(shape.name), shape.name}:
        raise Unclear(f"its body is a `{root.tag[:80]}`, which its operation does not take")
    return xmls.read(shape, root)


def text_of(body: bytes) -> str:
    """Return a body that is one text."""
    try:
        return body.decode("utf-8")
    except UnicodeError:
        raise Unclear("its body is not UTF-8 text") from None


def path_written(operation: Operation, params: Mapping[str, Any]) -> str:
    """Return the path of a request, every label percent-encoded."""
    path = operation.uri.partition("?")[0]
    for name, shape, wire in operation.placed["uri"]:
        text, label = written(shape, params[name], "query"), f"{{{wire}}}"
        if label in path:
            path = path.replace(label, text if PLAIN.fullmatch(text) else quote(text, safe="-_.~"))
        else:
            path = path.replace(f"{{{wire}+}}", quote(text, safe="/-_.~"))
    return path


def query_written(operation: Operation, params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the query of a request as pairs."""
    out: list[tuple[str, str]] = []
    literal = operation.uri.partition("?")[2]
    for pair in literal.split("&") if literal else ():
        name, _, value = pair.partition("=")
        out.append((name, value))
    for name, shape, wire in operation.placed["querystring"]:
        if name not in params:
            continue
        value = params[name]
        if shape.kind == "map":
            for key, inner in value.items():
                out += [(key, str(v)) for v in (inner if isinstance(inner, list) else [inner])]
        elif shape.kind == "list":
            out += [(wire, written(shape.part("member"), v, "query")) for v in value]
        else:
            out.append((wire, written(shape, value, "query")))
    return out


def headers_written(operation: Operation, params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the headers that carry parameters, names in lower case."""
    out: list[tuple[str, str]] = []
    for name, value in params.items():
        if placed := operation.in_header.get(name):
            header, shape = placed
            if value or shape.kind != "list":
                out.append((header, header_written(shape, value)))
    for name, _, prefix in operation.placed["headers"]:
        if name in params:
            out += [(prefix.lower() + key.lower(), value) for key, value in params[name].items()]
    return out


def header_written(shape: Shape, value: Any) -> str:
    """Return the text of a header; the inverse of `header_value`."""
    if shape.kind == "list":
        item = shape.part("member")
        return ",".join(
            escaped(written(item, v, "header")) if item.kind == "string" else written(item, v, "header")
            for v in value
        )
    if shape.traits.get("jsonvalue"):
        return base64.b64encode(json.dumps(value, separators=(",", ":")).encode()).decode()
    return written(shape, value, "header")


def escaped(text: str) -> str:
    """Return an element of a header's list, in quotes where it must be."""
    return '"' + text.replace('"', '\\"') + '"' if '"' in text or "," in text else text


def body_written(operation: Operation, params: Mapping[str, Any], xml: bool) -> tuple[bytes, str]:
    """Return (body, content type) of a request that is not a stream."""
    payload = operation.payload
    kind = "application/xml" if xml else "application/json"
    if operation.raw:
        value = params.get(payload, b"")
        return (value.encode() if isinstance(value, str) else bytes(value)), ""
    if payload:
        if payload not in params:
            return (b"", "") if xml else (b"{}", kind)
        shape = operation.members[payload]
        if xml:
            return xmls.write(shape, params[payload], shape.wire(shape.name)).encode(), kind
        return documents.dumped(documents.writer(shape)(params[payload])), kind
    shape_in = operation.input
    if shape_in is None or not operation.inside:
        return b"", ""
    inside = {n: v for n, v in params.items() if not operation.members[n].location}
    if xml:
        return (
            (xmls.write(shape_in, inside, shape_in.wire(shape_in.name)).encode(), kind)
            if inside
            else (b"", "")
        )
    return documents.dumped(documents.writer(shape_in)(inside)), kind
