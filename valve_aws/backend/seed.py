"""What a `seed.yaml` puts into the embedded cloud.

Knows the seed's shapes, by kind of store. Does not know how a cell is named nor what it is labelled with in
the end.
"""

from __future__ import annotations

import base64
import binascii
import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from valve_aws.backend.files import read_within
from valve_aws.model.source import Invalid, Node, Where
from valve_aws.model.stack import Resource, Stack


@dataclass(frozen=True, slots=True)
class Seed:
    """One thing to put there. `kind` is `object`, `item`, `message`, `secret` or `parameter`; `store` puts
    nothing there."""

    kind: str
    arn: str
    """The store's."""
    name: str
    """The store's physical name."""
    key: str = ""
    """The object's key."""
    content: bytes = b""
    item: Mapping[str, Any] = field(default_factory=dict)
    """DynamoDB JSON."""
    attributes: Mapping[str, Any] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    where: Where = Where("")
    creates: str = ""
    """The CloudFormation type of a store that the template does not make and that must be there first."""


def read_seed(node: Node, stack: Stack, folder: Path) -> tuple[Seed, ...]:
    """Read a seed against its stack. Raises `Invalid` with the place for whatever cannot be put there."""
    if node.value is None:
        return ()
    if not isinstance(node.value, dict):
        raise Invalid(
            node.where,
            "a seed is a mapping from logical ids to their content",
            "see `valve local invoke --help`",
        )
    return tuple(_entries(node, stack, folder))


def _entries(node: Node, stack: Stack, folder: Path) -> Iterator[Seed]:
    for name, value in node.value.items():
        where = node.keys.get(name, value.where)
        if name in NAMED:
            kind, service = NAMED[name]
            for key, content in _mapping(value, name):
                text, labels = _labelled(content)
                prefix = "secret:" if kind == "secret" else "parameter/"
                arn = f"arn:aws:{service}:{stack.region}:{stack.account}:{prefix}"
                yield Seed(
                    kind,
                    arn + key.lstrip("/"),
                    key,
                    content=_text(text).encode(),
                    labels=labels,
                    where=content.where,
                )
            continue
        if name.startswith("arn:"):
            yield from _outside(name, value, where, stack, folder)
            continue
        resource = stack.resources.get(name)
        reader = READERS.get(resource.kind) if resource else None
        if resource is None or reader is None:
            raise Invalid(where, *_unknown(name, resource, stack))
        yield from reader(value, resource, folder)


def _outside(arn: str, node: Node, where: Where, stack: Stack, folder: Path) -> Iterator[Seed]:
    """Read what a store holds that the template does not make: a bucket of somebody's, an old queue."""
    _, _, service, region, account, name = (arn.split(":", 5) + [""] * 6)[:6]
    kind = OUTSIDE.get(service)
    if kind is None or not name or stack.store(arn) is not None:
        raise Invalid(
            where,
            f"`{arn}` cannot be filled by its ARN",
            "buckets and queues that the template does not make can; name others by their logical id",
        )
    if service != "s3" and (region, account) != (stack.region, stack.account):
        raise Invalid(
            where,
            f"`{arn}` is not of account {stack.account} in {stack.region}",
            "give `--account` and `--region`, or seed one that is",
        )
    resource = Resource(arn, kind, name, arn, where=where)
    yield Seed("store", arn, name, where=where, creates=kind)
    if node.value is not None:
        yield from READERS[kind](node, resource, folder)


def _unknown(name: str, resource: Resource | None, stack: Stack) -> tuple[str, str]:
    if resource is not None:
        return (
            f"`{name}` is `{resource.kind}`, which a seed cannot fill",
            "seed buckets, tables, queues, secrets or parameters",
        )
    near = difflib.get_close_matches(name, [*stack.resources, *NAMED], 1)
    known = ", ".join(sorted(k for k, r in stack.resources.items() if r.kind in READERS)) or "none"
    return f"the template has no store `{name}`", f"did you mean `{near[0]}`" if near else f"it has {known}"


def _objects(node: Node, bucket: Resource, folder: Path) -> Iterator[Seed]:
    for key, value in _mapping(node, bucket.logical):
        body, labels = _labelled(value)
        yield Seed(
            "object", bucket.arn, bucket.name, key, _content(body, folder), labels=labels, where=value.where
        )


def _items(node: Node, table: Resource, _: Path) -> Iterator[Seed]:
    for value in _listing(node, table.logical):
        body, labels = _labelled(value)
        if not isinstance(body.value, dict) or not body.value:
            raise Invalid(
                value.where, "an item is a mapping of attributes", "write `{id: c1, email: a@example.org}`"
            )
        yield Seed("item", table.arn, table.name, item=_dynamo(body), labels=labels, where=value.where)


def _messages(node: Node, queue: Resource, _: Path) -> Iterator[Seed]:
    for value in _listing(node, queue.logical):
        body, labels = _labelled(value)
        attributes: Mapping[str, Any] = {}
        if isinstance(body.value, dict) and "body" in body.value:
            attributes = body.value["attributes"].plain() if "attributes" in body.value else {}
            body = body.value["body"]
        text = body.value if isinstance(body.value, str) else json.dumps(body.plain())
        yield Seed(
            "message",
            queue.arn,
            queue.name,
            content=text.encode(),
            attributes=attributes,
            labels=labels,
            where=value.where,
        )


NAMED = {"secrets": ("secret", "secretsmanager"), "parameters": ("parameter", "ssm")}
READERS: Mapping[str, Callable[[Node, Resource, Path], Iterator[Seed]]] = {
    "AWS::S3::Bucket": _objects,
    "AWS::DynamoDB::Table": _items,
    "AWS::SQS::Queue": _messages,
}


OUTSIDE: Mapping[str, str] = {"s3": "AWS::S3::Bucket", "sqs": "AWS::SQS::Queue"}
"""Stores that need nothing but a name. Why not tables: without a template nobody knows their keys."""


def _labelled(node: Node) -> tuple[Node, tuple[str, ...]]:
    """Take `labels: [...]` off a mapping; `{value: …, labels: …}` stands for a scalar that has labels."""
    if not isinstance(node.value, dict) or "labels" not in node.value:
        return node, ()
    told = node.value["labels"]
    if not isinstance(told.value, list) or not all(isinstance(n.value, str) for n in told.value):
        raise Invalid(told.where, "`labels` is a list of tags", "write `labels: [pii]`")
    rest = {k: v for k, v in node.value.items() if k != "labels"}
    if set(rest) == {"value"}:
        return rest["value"], tuple(n.value for n in told.value)
    return Node(rest, node.where, keys=node.keys), tuple(n.value for n in told.value)


def _content(node: Node, folder: Path) -> bytes:
    if isinstance(node.value, dict):
        if set(node.value) == {"file"}:
            return read_within(folder, str(node.value["file"].value), node.value["file"].where)
        if set(node.value) == {"base64"}:
            return _decoded(node.value["base64"])
        return json.dumps(node.plain()).encode()
    if isinstance(node.value, list):
        return json.dumps(node.plain()).encode()
    return _text(node).encode()


def _decoded(node: Node) -> bytes:
    try:
        return base64.b64decode(str(node.value), validate=True)
    except binascii.Error as error:
        raise Invalid(node.where, "this is not base64", "check its padding and its letters") from error


DYNAMO_TYPES = {"S", "N", "B", "BOOL", "NULL", "M", "L", "SS", "NS", "BS"}


def _dynamo(node: Node) -> dict[str, Any]:
    """Return the item as DynamoDB JSON; it may be written so already, or as plain YAML."""
    values = node.value.values()
    if all(isinstance(v.value, dict) and len(v.value) == 1 and set(v.value) <= DYNAMO_TYPES for v in values):
        return {k: v.plain() for k, v in node.value.items()}
    return {k: _attribute(v) for k, v in node.value.items()}


def _attribute(node: Node) -> dict[str, Any]:
    match node.value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": node.value}
        case int() | float():
            return {"N": str(node.value)}
        case dict():
            return {"M": {k: _attribute(v) for k, v in node.value.items()}}
        case list():
            return {"L": [_attribute(v) for v in node.value]}
        case _:
            return {"S": _text(node)}


def _text(node: Node) -> str:
    value = node.plain()
    return value if isinstance(value, str) else json.dumps(value)


def _mapping(node: Node, name: str) -> Iterator[tuple[str, Node]]:
    if not isinstance(node.value, dict):
        raise Invalid(
            node.where,
            f"what `{name}` holds is a mapping from names to contents",
            'write `{"a.txt": "text"}`',
        )
    yield from node.value.items()


def _listing(node: Node, name: str) -> Iterator[Node]:
    if not isinstance(node.value, list):
        raise Invalid(node.where, f"what `{name}` holds is a list", "start each entry with `- `")
    yield from node.value
