"""The `stores` of a policy: what each holds, accepts and takes from whom, whole, by cell and by attribute.

Knows the keys of a store. Does not know the other sections.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from valve_aws.model.pattern import FIELD
from valve_aws.model.policy import NONE, CellRule, StoreRule, Tags
from valve_aws.model.source import NOWHERE, Invalid, Node, Where
from valve_aws.policy.names import Names
from valve_aws.policy.shape import flag, listed, mapping, members, near, shown, word
from valve_aws.policy.targets import fields

STORE: Final = ("holds", "accepts", "from", "sealed", "attributes", "items", "objects")
ITEM: Final = ("key", "holds", "accepts")
OBJECT: Final = ("holds", "accepts")
OF_SERVICE: Final[Mapping[str, tuple[str, str]]] = {
    "objects": ("s3", "a bucket"),
    "items": ("dynamodb", "a table"),
    "attributes": ("dynamodb", "a table"),
}
"""Key of a store → the service of the stores that have such parts, and what such a store is called."""

NOTHING: Final = Node(None, NOWHERE)


def stores(node: Node, names: Names) -> tuple[StoreRule, ...]:
    found: dict[str, StoreRule] = {}
    for key, value, where in mapping(node, "`stores`"):
        rule = _store(key, value, where, names)
        before = found.setdefault(rule.target, rule)
        if before is not rule:
            raise Invalid(
                where,
                f"{shown(key)} names the same store as {shown(before.written)} at {before.where}",
                "put both into one",
            )
    return tuple(found.values())


def _store(key: str, node: Node, where: Where, names: Names) -> StoreRule:
    target = names.target(key, Node(key, where))
    bound = () if target in names.owned else tuple(FIELD.findall(target))
    rule = StoreRule(target, key, where=where)
    for name, value, at in mapping(node, f"the store {shown(key)}", STORE):
        if name in OF_SERVICE and names.kind(target) != OF_SERVICE[name][0]:
            raise Invalid(
                at,
                f"only {OF_SERVICE[name][1]} has `{name}`, and {shown(key)} is none",
                "use `holds` and `accepts`",
            )
        match name:
            case "holds":
                rule = replace(rule, holds=names.tags(value, "`holds`", bound))
            case "accepts":
                rule = replace(rule, accepts=names.tags(value, "`accepts`", bound), declares_accepts=True)
            case "from":
                rule = replace(rule, sources=names.functions(value, "`from`"))
            case "sealed":
                rule = replace(rule, sealed=flag(value, "`sealed`"))
            case "attributes":
                rule = replace(rule, attributes=_attributes(value, bound, names))
            case "items":
                rule = replace(rule, cells=rule.cells + _items(value, names.keys(target), bound, names))
            case _:
                rule = replace(rule, cells=rule.cells + _objects(value, bound, names))
    return rule


def _attributes(node: Node, bound: Collection[str], names: Names) -> dict[str, Tags]:
    return {
        attribute: names.tags(tags, f"the attribute {shown(attribute)}", bound)
        for attribute, tags, _ in mapping(node, "`attributes`")
    }


def _items(
    node: Node, keys: tuple[str, ...] | None, bound: Collection[str], names: Names
) -> tuple[CellRule, ...]:
    found = []
    for entry in listed(node, "`items`"):
        parts = members(entry, "a rule of `items`", ITEM)
        key: dict[str, Node] = {}
        for attribute, pattern, where in mapping(parts.get("key", NOTHING), "`key`"):
            if keys is not None and attribute not in keys:
                raise Invalid(
                    where, f"{shown(attribute)} is no key attribute of this table", near(attribute, keys)
                )
            key[attribute] = pattern
        if not key:
            raise Invalid(
                entry.where, "a rule of `items` says no `key`", 'write `key: {pk: "{tenant}#{id}"}`'
            )
        found.append(_cell(key, parts, entry.where, bound, names))
    return tuple(found)


def _objects(node: Node, bound: Collection[str], names: Names) -> tuple[CellRule, ...]:
    return tuple(
        _cell(
            {"": Node(key, where)}, members(value, f"the objects {shown(key)}", OBJECT), where, bound, names
        )
        for key, value, where in mapping(node, "`objects`")
    )


def _cell(
    key: Mapping[str, Node], parts: Mapping[str, Node], where: Where, bound: Collection[str], names: Names
) -> CellRule:
    own: list[str] = list(bound)
    patterns: dict[str, str] = {}
    for attribute, node in key.items():
        patterns[attribute] = word(node, "a key's pattern")
        if not node.value:
            raise Invalid(node.where, "an empty pattern names nothing", "write `*` for all")
        own += fields(node.value, node.where)
    if not {"holds", "accepts"} & parts.keys():
        raise Invalid(where, "this rule says neither `holds` nor `accepts`", "say one of them, or remove it")
    return CellRule(
        patterns,
        names.tags(parts["holds"], "`holds`", own) if "holds" in parts else NONE,
        names.tags(parts["accepts"], "`accepts`", own) if "accepts" in parts else NONE,
        where,
    )
