"""What a policy names before LocalStack has it: stood in for, so that the policy can be read at once.

Knows where in a policy names of functions and of stores stand. Does not know what they mean.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from valve_aws.model.source import Node


def missing(policy: Node | None, there: Collection[str]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (name, CloudFormation type, properties) of what stands in for a name that is not `there`."""
    known = set(there)
    for name, kind, properties in _named(policy):
        if name not in known and not name.startswith("arn:") and ":" not in name:
            known.add(name)
            yield name, kind, properties


FUNCTION = "AWS::Lambda::Function"


def _named(policy: Node | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    stores = [_at(rule, "only-to") for _, rule in _entries(_at(policy, "labels"))]
    for _, row in _entries(_at(policy, "operations")):
        stores += [_at(row, "writes"), _at(row, "reveals")]
    for name, rule in _entries(_at(policy, "stores")):
        yield name, *_store(name, rule)
        yield from _functions(_at(rule, "from"))
    for name, rule in _entries(_at(policy, "functions")):
        yield name, FUNCTION, _function(name)
        yield from _functions(_at(rule, "invokes"))
        stores += [
            _at(rule, "writes"),
            *(_at(given, "into") for _, given in _entries(_at(rule, "may-remove"))),
        ]
    for section in ("events", "results"):
        for name, _ in _entries(_at(policy, section)):
            if name not in {"default", "accepts"}:
                yield name.partition(".")[0], FUNCTION, _function(name.partition(".")[0])
    for grant in _listed(_at(policy, "grant")):
        yield from _functions(_at(grant, "functions"))
        stores.append(_at(grant, "configure"))
    yield from ((name, *_store(name, None)) for node in stores for name in _words(node))


def events(policy: Node | None) -> Iterator[tuple[str, str]]:
    """Yield (function, event) of every trigger that the policy names."""
    for section in ("events", "results"):
        for name, _ in _entries(_at(policy, section)):
            function, dot, event = name.partition(".")
            if dot:
                yield function, event


def _functions(node: Node | None) -> Iterator[tuple[str, str, dict[str, Any]]]:
    yield from ((name, FUNCTION, _function(name)) for name in _words(node))


def _function(name: str) -> dict[str, Any]:
    given = {"FunctionName": name, "Runtime": "python3.12", "Handler": "none.there"}
    return {**given, "Code": {"ZipFile": ""}, "Role": "arn:aws:iam::000000000000:role/none"}


def _store(name: str, rule: Node | None) -> tuple[str, dict[str, Any]]:
    """Return the type that a line of `stores` is about, as far as it shows; a queue takes any name."""
    if _at(rule, "objects") is not None:
        return "AWS::S3::Bucket", {"BucketName": name}
    items = _at(rule, "items")
    if items is not None or _at(rule, "attributes") is not None:
        keys = [key for each in _listed(items) for key, _ in _entries(_at(each, "key"))]
        kinds = zip(dict.fromkeys(keys), ("HASH", "RANGE"), strict=False)
        schema = [{"AttributeName": key, "KeyType": kind} for key, kind in kinds]
        typed = [{"AttributeName": each["AttributeName"], "AttributeType": "S"} for each in schema]
        given: dict[str, Any] = {"TableName": name}
        return "AWS::DynamoDB::Table", {
            **given,
            **({"KeySchema": schema, "AttributeDefinitions": typed} if schema else {}),
        }
    return ANY, {"QueueName": name}


ANY = "AWS::SQS::Queue"
"""What stands for a store of which nothing tells its type."""


def _at(node: Node | None, key: str) -> Node | None:
    value = node.value if node is not None else None
    return value.get(key) if isinstance(value, Mapping) else None


def _entries(node: Node | None) -> Iterator[tuple[str, Node]]:
    value = node.value if node is not None else None
    yield from value.items() if isinstance(value, Mapping) else ()


def _listed(node: Node | None) -> Iterator[Node]:
    value = node.value if node is not None else None
    yield from value if isinstance(value, list) else ()


def _words(node: Node | None) -> Iterator[str]:
    yield from (each.value for each in _listed(node) if isinstance(each.value, str))
