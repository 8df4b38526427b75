"""Resources that are no functions, SAM's types turned into the plain ones that they become.

Knows what SAM makes of a table, a state machine or an API. Does not know how resources are wired.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from valve_aws.model.source import Invalid, Node
from valve_aws.model.stack import KeySchema, Resource, Stack
from valve_aws.template.kinds import plain, row
from valve_aws.template.scope import Declared, Template
from valve_aws.template.shapes import elements, entries, word

TYPES: Final[Mapping[str, str]] = {"String": "S", "Number": "N", "Binary": "B"}
"""SAM's words for the types of a key (SAM specification, PrimaryKeyObject)."""

TABLES: Final = frozenset({"AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"})


def read(declared: Declared, fields: Mapping[str, Node], template: Template) -> Resource:
    """Return one resource, from its resolved properties."""
    kind = plain(declared.kind)
    if kind in TABLES:
        _keys(fields)
    found = {key: value.plain() for key, value in fields.items()}
    if declared.kind == "AWS::Serverless::SimpleTable":
        found = _simple(fields, found)
    if declared.kind == "AWS::Serverless::StateMachine" and "Name" in found:
        found["StateMachineName"] = found.pop("Name")
    known = row(kind)
    name = template.formed(declared.logical, "{n}")
    if known.data:
        for key in known.named[:1]:
            found[key] = name
    return Resource(
        logical=template.prefix + declared.logical,
        kind=kind,
        name=name,
        arn=template.formed(declared.logical, "{arn}") if known.data else "",
        properties=found,
        where=declared.where,
    )


def _simple(fields: Mapping[str, Node], found: dict[str, Any]) -> dict[str, Any]:
    """Return a DynamoDB table's properties for a SimpleTable's."""
    key = entries(fields.get("PrimaryKey"), "`PrimaryKey`")
    name = word(key.get("Name"), "`Name`", "id") or "id"
    kind = word(key.get("Type"), "`Type`", "String") or "String"
    if kind not in TYPES:
        raise Invalid(key["Type"].where, f"the type of a key is String, Number or Binary, not `{kind[:40]}`")
    rest = {k: v for k, v in found.items() if k != "PrimaryKey"}
    if "ProvisionedThroughput" not in rest:
        rest["BillingMode"] = "PAY_PER_REQUEST"
    return {
        **rest,
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": TYPES[kind]}],
        "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}],
    }


def _keys(fields: Mapping[str, Node]) -> None:
    """Refuse a table whose key schema could not be read later."""
    for attribute in elements(fields.get("AttributeDefinitions"), "`AttributeDefinitions`"):
        _pair(attribute, "AttributeName", "AttributeType")
    for key in elements(fields.get("KeySchema"), "`KeySchema`"):
        _pair(key, "AttributeName", "KeyType")
    for group in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes"):
        for index in elements(fields.get(group), f"`{group}`"):
            if not word(entries(index, "an index").get("IndexName"), "`IndexName`"):
                raise Invalid(index.where, "an index needs `IndexName`")
            for key in elements(entries(index, "an index").get("KeySchema"), "`KeySchema`"):
                _pair(key, "AttributeName", "KeyType")


def _pair(node: Node, name: str, kind: str) -> None:
    fields = entries(node, "each key")
    if not (word(fields.get(name), f"`{name}`") and word(fields.get(kind), f"`{kind}`")):
        raise Invalid(node.where, f"a key needs `{name}` and `{kind}`")


def _by_role(keys: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return the key attributes, the partition key first."""
    return tuple(str(k["AttributeName"]) for role in ("HASH", "RANGE") for k in keys if k["KeyType"] == role)


def schemas(stack: Stack) -> dict[str, KeySchema]:
    """Return how each table of the stack tells its items apart, by the table's ARN."""
    return {
        r.arn: found
        for r in stack.resources.values()
        if r.kind in TABLES and (found := _schema(r.properties))
    }


def _schema(properties: Mapping[str, Any]) -> KeySchema | None:
    types = {
        str(a["AttributeName"]): str(a["AttributeType"]) for a in properties.get("AttributeDefinitions") or ()
    }
    names = _by_role(properties.get("KeySchema") or [])
    if not names:
        return None
    keys = [(n, types.get(n, "S")) for n in names[:2]]
    indexes = {
        str(index["IndexName"]): _by_role(index.get("KeySchema") or [])
        for group in ("GlobalSecondaryIndexes", "LocalSecondaryIndexes")
        for index in properties.get(group) or ()
    }
    return KeySchema(keys[0], keys[1] if len(keys) > 1 else None, indexes)
