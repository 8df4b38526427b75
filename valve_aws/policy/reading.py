"""A policy, section by section (design: the policy file).

Knows every key of the language. Does not know what it leads to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from valve_aws.model.pattern import FIELD
from valve_aws.model.policy import (
    CellRule,
    FlowPolicy,
    FunctionRule,
    Grant,
    LogRule,
    OperationRule,
    StoreRule,
    TagRule,
    Tags,
)
from valve_aws.model.source import Invalid, Node, Where
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Mode
from valve_aws.policy.names import Names
from valve_aws.policy.shape import flag, mapping, near, word, words

SECTIONS = ("version", "mode", "labels", "stores", "functions", "events", "results", "logs", "operations", "grant")
STORE = ("holds", "accepts", "from", "sealed", "attributes", "items", "objects")
HEAVY = re.compile(r"\\[1-9]|\(\?[=!<P]|[+*}]\)?[+*{]|\([^)]*[+*][^)]*\)[+*{]")
"""Constructs of a regular expression whose matching can take very long, or that look beyond the value."""


def read(node: Node, stack: Stack, file: str) -> FlowPolicy:
    """Return the policy that `node` is. Raises `Invalid` with file, line and column for every mistake."""
    top = {key: (value, where) for key, value, where in mapping(node, "a policy", SECTIONS)}
    if "version" not in top:
        raise Invalid(node.where if node.where.file else Where(file), "the policy does not say its version", "begin with `version: 1`")
    version = top["version"][0]
    if version.value not in (1, "1"):
        raise Invalid(version.where, f"there is no version `{version.value}` of the language", "write `version: 1`")
    empty = Node({}, Where(file))

    def section(name: str) -> Node:
        return top[name][0] if name in top else empty

    names = Names(stack, frozenset(key for key, _, _ in mapping(section("labels"), "`labels`")))
    return FlowPolicy(
        mode=_mode(section("mode")) if "mode" in top else Mode.ENFORCE,
        tags=_labels(section("labels"), names),
        stores=tuple(_store(key, value, where, names) for key, value, where in mapping(section("stores"), "`stores`")),
        functions=dict(_function(key, value, where, names) for key, value, where in mapping(section("functions"), "`functions`")),
        events={names.event(key, Node(key, where)): names.tags(_only(value, "label"), "`label`")
                for key, value, where in mapping(section("events"), "`events`")},
        results=_results(section("results"), names),
        logs=_logs(section("logs"), names),
        operations=tuple(_operation(key, value, where, names) for key, value, where in mapping(section("operations"), "`operations`")),
        grants=tuple(_grant(entry, names) for entry in _listed(section("grant"))) if "grant" in top else (),
        file=file)


def _mode(node: Node) -> Mode:
    # Why: YAML 1.1 reads a bare `off` as false.
    text = "off" if node.value is False else node.value
    if text not in [str(m) for m in Mode]:
        raise Invalid(node.where, f"there is no mode `{node.value}`", near(str(node.value), [str(m) for m in Mode]))
    return Mode(text)


def _labels(node: Node, names: Names) -> dict[str, TagRule]:
    found = {}
    for tag, value, where in mapping(node, "`labels`"):
        names.tags(Node(tag, where), "a tag", ())
        only: tuple[str, ...] | None = None
        for key, inner, _ in mapping(value, f"the label `{tag}`", ("only-to", "why")):
            if key == "only-to":
                only = names.stores(inner, "`only-to`")
        found[tag] = TagRule(tag, only, where)
    return found


def _store(key: str, node: Node, where: Where, names: Names) -> StoreRule:
    target = names.target(key, Node(key, where))
    bound = FIELD.findall(key) if target == key else ()
    rule = StoreRule(target, key, where=where)
    for name, value, _ in mapping(node, f"the store `{key}`", STORE):
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
                rule = replace(rule, attributes={
                    a: names.tags(tags, f"`{a}`", ()) for a, tags, _ in mapping(value, "`attributes`")})
            case _:
                cells = _items(value, names) if name == "items" else _objects(value, names)
                rule = replace(rule, cells=rule.cells + cells)
    return rule


def _items(node: Node, names: Names) -> tuple[CellRule, ...]:
    found = []
    for entry in _listed(node):
        parts = {k: v for k, v, _ in mapping(entry, "a rule of `items`", ("key", "holds", "accepts"))}
        if "key" not in parts:
            raise Invalid(entry.where, "a rule of `items` has no `key`", 'write `key: {pk: "{tenant}#{id}"}`')
        key = {attribute: word(pattern, "a key's pattern") for attribute, pattern, _ in mapping(parts["key"], "`key`")}
        found.append(_cell(key, parts, entry.where, names))
    return tuple(found)


def _objects(node: Node, names: Names) -> tuple[CellRule, ...]:
    return tuple(
        _cell({"": pattern}, {k: v for k, v, _ in mapping(value, f"the objects `{pattern}`", ("holds", "accepts"))}, where, names)
        for pattern, value, where in mapping(node, "`objects`"))


def _cell(key: Mapping[str, str], parts: Mapping[str, Node], where: Where, names: Names) -> CellRule:
    bound = [name for pattern in key.values() for name in FIELD.findall(pattern)]
    none = Tags()
    return CellRule(
        key,
        names.tags(parts["holds"], "`holds`", bound) if "holds" in parts else none,
        names.tags(parts["accepts"], "`accepts`", bound) if "accepts" in parts else none,
        where)


def _function(key: str, node: Node, where: Where, names: Names) -> tuple[str, FunctionRule]:
    rule = FunctionRule(names.function(Node(key, where), "`functions`"), where=where)
    for name, value, _ in mapping(node, f"the function `{key}`", ("clearance", "writes", "invokes", "may-remove")):
        match name:
            case "clearance":
                rule = replace(rule, clearance=names.clearance(value))
            case "writes":
                rule = replace(rule, writes=names.stores(value, "`writes`"))
            case "invokes":
                rule = replace(rule, invokes=tuple(
                    names.stack.functions[n].arn if n in names.stack.functions else names.store(e, "`invokes`")
                    for e in words(value, "`invokes`") for n in [e.value]))
            case _:
                rule = replace(rule, may_remove={tag: _into(inner, tag, at, names) for tag, inner, at in mapping(value, "`may-remove`")})
    return key, rule


def _into(node: Node, tag: str, where: Where, names: Names) -> tuple[str, ...]:
    names.tags(Node(tag, where), "a tag", ())
    inner = _only(node, "into")
    return names.stores(inner, "`into`")


def _results(node: Node, names: Names) -> dict[str, Tags]:
    also = {"default", *names.stack.functions}
    found: dict[str, Tags] = {}
    for key, value, where in mapping(node, "`results`"):
        if key == "accepts":
            found["default"] = names.tags(value, "`accepts`")
        else:
            found[names.event(key, Node(key, where), also)] = names.tags(_only(value, "accepts"), "`accepts`")
    return found


def _logs(node: Node, names: Names) -> LogRule:
    rule = LogRule(where=node.where)
    for key, value, _ in mapping(node, "`logs`", ("accepts", "release")):
        if key == "accepts":
            rule = replace(rule, accepts=names.tags(value, "`accepts`", ()))
        else:
            rule = replace(rule, release={name: _shape(inner) for name, inner, _ in mapping(value, "`release`")})
    return rule


def _shape(node: Node) -> str:
    """Return a regular expression that is whole, and quick whatever it is matched with."""
    text = word(node, "a shape")
    try:
        re.compile(text)
    except re.error as error:
        raise Invalid(node.where, f"`{text}` is no regular expression: {error}", "write such as `ORD-[0-9]{1,9}`") from error
    if HEAVY.search(text) or text in {".*", ".+"}:
        raise Invalid(node.where, f"`{text}` could take very long, or let anything go",
                      "say how long each part may be: `[0-9]{1,9}`, no nested repeats, no look-around")
    return text


def _operation(key: str, node: Node, where: Where, names: Names) -> OperationRule:
    service, colon, operation = key.partition(":")
    if not (colon and service and operation):
        raise Invalid(where, f"`{key}` names no operation", 'write `"bedrock-runtime:InvokeModel"`')
    parts = {k: v for k, v, _ in mapping(node, f"the operation `{key}`", ("writes", "reveals"))}
    return OperationRule(
        service, operation,
        names.stores(parts["writes"], "`writes`") if "writes" in parts else (),
        names.stores(parts["reveals"], "`reveals`") if "reveals" in parts else (), where)


def _grant(node: Node, names: Names) -> Grant:
    parts = {k: v for k, v, _ in mapping(node, "a grant", ("functions", "configure", "why"))}
    for needed in ("functions", "configure", "why"):
        if needed not in parts:
            raise Invalid(node.where, f"a grant has no `{needed}`", "it opens an exit, so it says who, where and why")
    return Grant(names.functions(parts["functions"], "`functions`"), names.stores(parts["configure"], "`configure`"),
                 word(parts["why"], "`why`"), node.where)


def _only(node: Node, key: str) -> Node:
    """Return the one member of a mapping that has no other."""
    parts = {k: v for k, v, _ in mapping(node, f"this (`{key}`)", (key,))}
    if key not in parts:
        raise Invalid(node.where, f"`{key}` is missing", f"write `{{{key}: [...]}}`")
    return parts[key]


def _listed(node: Node) -> list[Node]:
    if not isinstance(node.value, list):
        raise Invalid(node.where, "this is a list", "start each entry with `- `")
    return node.value
