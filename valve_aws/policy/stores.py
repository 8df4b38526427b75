"""The `stores` of a policy: what each holds, accepts and takes from whom, whole, by cell and by attribute.

Knows the keys of a store. Does not know the other sections.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from valve_aws.model.pattern import FIELD
from valve_aws.model.policy import NONE, CellRule, StoreRule, Tags
from valve_aws.model.source import NOWHERE, Invalid, Node, Where
from valve_aws.policy.names import Names
from valve_aws.policy.shape import flag, listed, mapping, members, near, shown, word
from valve_aws.policy.targets import fields

STORE: Final = ("holds", "accepts", "from", "with", "sealed", "attributes", "items", "objects")
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
                rule = replace(rule, sources=names.callers(value, "`from`"))
            case "with":
                rule = replace(rule, demands=_demands(value, target, at))
            case "sealed":
                rule = replace(rule, sealed=flag(value, "`sealed`"))
            case "attributes":
                rule = replace(rule, attributes=_attributes(value, bound, names))
            case "items":
                rule = replace(rule, cells=rule.cells + _items(value, names.keys(target), bound, names))
            case _:
                rule = replace(rule, cells=rule.cells + _objects(value, bound, names))
    return rule


HEADER: Final = re.compile(
    r"[a-z0-9-]{1,64}|\?[a-z0-9._~-]{1,64}|(/([\x21-.0-}]|~[01]){1,64}){1,8}", re.ASCII
)
"""A header's name as HTTP compares it, `?` and a name of the query, or a JSON pointer into the body."""

HASHED: Final = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
ONE_LINE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?", re.ASCII)


def _demands(node: Node, target: str, where: Where) -> dict[str, str | None]:
    """Return what requests must say. Raises Invalid for a place that is asked by no HTTP request."""
    if not target.startswith(("https://", "http://")):
        raise Invalid(
            where, "only a host that is asked over HTTP has `with`", "use it at such as `https://host/*`"
        )
    found: dict[str, str | None] = {}
    for name, value, at in mapping(node, "`with`"):
        key = name.lower()
        if not HEADER.fullmatch(key):
            raise Invalid(
                at,
                f"{shown(name)} is neither a header's name nor a query's, nor a pointer into the body",
                "write `x-account`, `?account` or `/account`",
            )
        if key in found:
            raise Invalid(at, f"{shown(name)} stands there twice", "keep one")
        if value.value is None and not value.tag:
            found[key] = None
            continue
        text = word(value, f"what {shown(name)} is to be")
        if not (HASHED.fullmatch(text) if text.startswith("sha256:") else ONE_LINE.fullmatch(text)):
            raise Invalid(
                value.where,
                f"no request can say {shown(text)}",
                "write the value, or `sha256:` and the 64 hexadecimal digits of its hash",
            )
        found[key] = text
    return found


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
