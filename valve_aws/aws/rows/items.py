"""Which items of which tables one DynamoDB request reads and writes, and which of their attributes.

Knows the members of DynamoDB's requests. Does not know what follows for labels, which `dynamodb` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from valve_aws.aws import names
from valve_aws.aws.rows import expression
from valve_aws.aws.rows.expression import NOTHING, Attributes, union
from valve_aws.aws.rows.row import Asked, listed
from valve_aws.aws.unclear import Declined
from valve_aws.model.cell import Span
from valve_aws.model.stack import KeySchema
from valve_aws.model.value import value

Params = Mapping[str, Any]


@value
class Read:
    """One item, one partition or all of a table, read."""

    table: str
    span: Span
    name: str
    attributes: Attributes
    """What is shown, filters and key conditions look at."""
    index: str = ""


@value
class Write:
    """One item written, or only looked at (`kind` `check`)."""

    table: str
    name: str | None
    """None: the table's keys are not known, so this may be any item."""
    kind: str
    """`put`, `update`, `delete`, `check`."""
    changed: Attributes
    answered: Attributes = NOTHING
    """What conditions, errors, computed values and returned values tell."""
    told: bool = False
    """The answer tells at least whether the item was there."""


def key(table: str, attributes: Params, asked: Asked, whole: bool = False) -> str | None:
    """Return an item's name; None when the table's keys are not known. `whole`: out of an item, not a key.

    Raises Declined, in DynamoDB's words, for a key that is none of the table's.
    """
    schema = asked.tables(table)
    if schema is None:
        return None
    try:
        return names.item(attributes, schema)
    except names.NotCanonical as misfit:
        text = _misfit(attributes, schema, whole)
        raise Declined(str(misfit), "ValidationException", text) from misfit


def _misfit(attributes: Params, schema: KeySchema, whole: bool) -> str:
    """Return what DynamoDB says of a key that is none of a table's."""
    for name, kind in filter(None, (schema.partition, schema.sort)):
        value = attributes.get(name) or {}
        if value.get(kind) in {"", b""}:
            rule = "The AttributeValue for a key attribute cannot contain an empty string value"
            return f"One or more parameter values are not valid. {rule}. Key: {name}"
        if whole and not value:
            return f"One or more parameter values were invalid: Missing the key {name} in the item"
        if whole and kind not in value:
            found = f"expected: {kind} actual: {next(iter(value))}"
            return f"One or more parameter values were invalid: Type mismatch for key {name} {found}"
    return "The provided key element does not match the schema"


def _named(params: Params) -> Mapping[str, Any]:
    return params.get("ExpressionAttributeNames") or {}


def shown(params: Params) -> Attributes:
    """Return what a projection lets through.

    The legacy `AttributesToGet` counts as no projection: moto shows the whole item all the same.
    """
    text = params.get("ProjectionExpression")
    return expression.resolve(expression.looked(text), _named(params)) if text else None


def looked(params: Params, *members: str) -> Attributes:
    """Return what the expressions (texts) and the legacy conditions (maps) of these members name."""
    found: Attributes = NOTHING
    for member in members:
        given = params.get(member)
        if given:
            roots = (
                expression.resolve(expression.looked(given), _named(params))
                if isinstance(given, str)
                else frozenset(given)
            )
            found = union(found, roots)
    return found


def get(asked: Asked, params: Params) -> Read:
    """GetItem, and each Get of a transaction before its projection."""
    table = names.table(params["TableName"], asked.place)
    return _one(table, params["Key"], shown(params), asked)


def _one(table: str, attributes: Params, shows: Attributes, asked: Asked) -> Read:
    name = key(table, attributes, asked)
    return Read(table, Span.ALL, "", None) if name is None else Read(table, Span.ONE, name, shows)


def batch(asked: Asked, params: Params) -> list[Read]:
    """BatchGetItem."""
    found = []
    for text, wanted in listed(params["RequestItems"]).items():
        table, shows = names.table(text, asked.place), shown(wanted)
        found += [_one(table, attributes, shows, asked) for attributes in listed(wanted["Keys"])]
    return found


def query(asked: Asked, params: Params) -> Read:
    """Query: the partition, or less where the sort key's condition narrows it by name; all when in doubt.

    An equality on the table's own partition key narrows a query on an index too: only such items can show.
    """
    table = names.table(params["TableName"], asked.place)
    schema = asked.tables(table)
    index = params.get("IndexName") or ""
    if schema is None:
        return Read(table, Span.ALL, "", None, index)
    span, name = _domain(schema, _equalities(params))
    seen = union(_selected(params, schema, index), looked(params, "KeyConditionExpression", "KeyConditions"))
    return Read(table, span, name, union(seen, looked(params, "FilterExpression", "QueryFilter")), index)


def scan(asked: Asked, params: Params) -> Read:
    """Scan: every item, whatever the filter drops."""
    table = names.table(params["TableName"], asked.place)
    schema = asked.tables(table)
    index = params.get("IndexName") or ""
    if schema is None:
        return Read(table, Span.ALL, "", None, index)
    seen = union(_selected(params, schema, index), looked(params, "FilterExpression", "ScanFilter"))
    return Read(table, Span.ALL, "", seen, index)


def _selected(params: Params, schema: KeySchema, index: str) -> Attributes:
    """What a range shows; its keys always, since the last one evaluated is shown, and the order tells the
    others.
    """
    selected = NOTHING if params.get("Select") == "COUNT" else shown(params)
    keys = {schema.partition[0], *schema.indexes.get(index, ())} | (
        {schema.sort[0]} if schema.sort else set()
    )
    return union(selected, frozenset(keys))


def _equalities(params: Params) -> dict[str, tuple[str, Any]]:
    """Return attribute → (`=` or `begins_with`, AttributeValue) of a key condition; others are left out."""
    text = params.get("KeyConditionExpression")
    if not text:
        legacy = params.get("KeyConditions") or {}
        words = {"EQ": "=", "BEGINS_WITH": "begins_with"}
        return {
            name: (words[c["ComparisonOperator"]], c["AttributeValueList"][0])
            for name, c in legacy.items()
            if c.get("ComparisonOperator") in words and c.get("AttributeValueList")
        }
    values = params.get("ExpressionAttributeValues") or {}
    named = _named(params)
    found: dict[str, tuple[str, Any]] = {}
    for term in expression.key_condition(text) or ():
        name = named.get(term.attribute) if term.attribute[0] == "#" else term.attribute
        if name and term.value in values and term.operator in {"=", "begins_with"}:
            found[name] = (term.operator, values[term.value])
    return found


def _domain(schema: KeySchema, terms: Mapping[str, tuple[str, Any]]) -> tuple[Span, str]:
    partition, kind = schema.partition
    operator, value = terms.get(partition, ("", None))
    if operator != "=":
        return Span.ALL, ""
    head = names.key_value(value, kind)
    if schema.sort is None:
        return Span.ONE, head
    sort, kind = schema.sort
    operator, value = terms.get(sort, ("", None))
    if operator == "=":
        return Span.ONE, f"{head}/{names.key_value(value, kind)}"
    if (
        operator == "begins_with"
        and kind == "S"
        and isinstance(value, Mapping)
        and isinstance(value.get("S"), str)
    ):
        return Span.PREFIX, f"{head}/{names.escaped(value['S'])}"
    return Span.PREFIX, f"{head}/"


SILENT = {None, "", "NONE"}


def _write(
    asked: Asked, params: Params, kind: str, attributes: Params, changed: Attributes, computed: Attributes
) -> Write:
    table = names.table(params["TableName"], asked.place)
    tested = looked(params, "ConditionExpression", "Expected")
    told = bool(params.get("ConditionExpression") or params.get("Expected") or computed is None or computed)
    returned = params.get("ReturnValues")
    shows = NOTHING if returned in SILENT else changed if returned in {"UPDATED_OLD", "UPDATED_NEW"} else None
    if params.get("ReturnValuesOnConditionCheckFailure") not in SILENT:
        shows = None
    return Write(
        table,
        key(table, attributes, asked, whole=kind == "put"),
        kind,
        changed,
        union(tested, computed, shows),
        told or shows is None or returned not in SILENT,
    )


def put(asked: Asked, params: Params) -> Write:
    """PutItem: the whole item is replaced."""
    return _write(asked, params, "put", params["Item"], None, NOTHING)


def delete(asked: Asked, params: Params) -> Write:
    """DeleteItem: the whole item goes."""
    return _write(asked, params, "delete", params["Key"], None, NOTHING)


def check(asked: Asked, params: Params) -> Write:
    """ConditionCheck of a transaction: nothing changes."""
    return _write(asked, params, "check", params["Key"], NOTHING, NOTHING)


def update(asked: Asked, params: Params) -> Write:
    """UpdateItem: the attributes that are set change; those that values are computed from are looked at."""
    text, legacy = params.get("UpdateExpression"), params.get("AttributeUpdates")
    changed: Attributes = NOTHING
    computed: Attributes = NOTHING
    if text:
        read = expression.update(text)
        named = _named(params)
        changed = expression.resolve(read.written, named) if read else None
        computed = expression.resolve(read.looked, named) if read else None
    for name, change in (legacy or {}).items():
        changed = union(changed, frozenset({name}))
        action = change.get("Action") or "PUT"
        if action == "ADD" or (action == "DELETE" and change.get("Value")):
            computed = union(computed, frozenset({name}))
    return _write(asked, params, "update", params["Key"], changed, computed if changed is not None else None)


def batch_write(asked: Asked, params: Params) -> list[Write]:
    """BatchWriteItem."""
    found = []
    for text, requests in listed(params["RequestItems"]).items():
        table = names.table(text, asked.place)
        for request in listed(requests):
            ((kind, wanted),) = request.items()
            attributes, what = (wanted["Item"], "put") if kind == "PutRequest" else (wanted["Key"], "delete")
            found.append(Write(table, key(table, attributes, asked, whole=what == "put"), what, None))
    return found


STEPS = {"Put": put, "Update": update, "Delete": delete, "ConditionCheck": check}


def transact(asked: Asked, params: Params) -> list[Write]:
    """TransactWriteItems: each step by its kind."""
    found = []
    for step in listed(params["TransactItems"]):
        ((kind, wanted),) = step.items()
        found.append(STEPS[kind](asked, wanted))
    return found


def transact_get(asked: Asked, params: Params) -> list[Read]:
    """TransactGetItems. Whole items, whatever the projection: moto does not heed it here."""
    return [replace(get(asked, step["Get"]), attributes=None) for step in listed(params["TransactItems"])]
