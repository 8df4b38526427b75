"""A policy, section by section (design: the policy file).

Knows every key of the language. Does not know what it leads to.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from valve_aws.model.policy import (
    FlowPolicy,
    FunctionRule,
    Grant,
    LogRule,
    OperationRule,
    TagRule,
    Tags,
)
from valve_aws.model.source import Invalid, Node, Where
from valve_aws.model.stack import Stack
from valve_aws.model.verdict import Mode
from valve_aws.policy import expressions
from valve_aws.policy.names import Names
from valve_aws.policy.presigning import presigning
from valve_aws.policy.shape import bare, listed, mapping, members, near, only, several, shown, word
from valve_aws.policy.stores import stores

SECTIONS: Final = (
    "version",
    "mode",
    "labels",
    "stores",
    "functions",
    "events",
    "results",
    "logs",
    "operations",
    "grant",
)
LABEL: Final = ("only-to", "why")
FUNCTION: Final = ("clearance", "writes", "invokes", "from", "may-remove", "may-presign")
LOGS: Final = ("accepts", "release")
OPERATION: Final = ("writes", "reveals")
GRANT: Final = ("functions", "configure", "why")

SERVICE: Final = re.compile(r"[a-z][a-z0-9.-]*", re.ASCII)
OPERATION_NAME: Final = re.compile(r"[A-Z][A-Za-z0-9]*", re.ASCII)


def read(node: Node, stack: Stack, file: str) -> FlowPolicy:
    """Return the policy that `node` is. Raises `Invalid` with file, line and column for every mistake."""
    _misplaced(node, stack)
    top = {key: (value, where) for key, value, where in mapping(node, "a policy", SECTIONS)}
    here = node.where if node.where.file else Where(file)
    if "version" not in top:
        raise Invalid(here, "the policy does not say its version", "begin with `version: 1`")
    _version(top["version"][0])
    empty = Node(None, here)

    def section(name: str) -> Node:
        return top[name][0] if name in top else empty

    declared = [key for key, _, _ in mapping(section("labels"), "`labels`")]
    names = Names.of(stack, declared, _outside(section("operations")))
    return FlowPolicy(
        mode=_mode(section("mode")) if "mode" in top else Mode.ENFORCE,
        tags=_labels(section("labels"), names),
        stores=stores(section("stores"), names),
        functions=dict(
            _function(key, value, where, names)
            for key, value, where in mapping(section("functions"), "`functions`")
        ),
        events={
            names.event(key, Node(key, where)): names.tags(
                only(value, "label", f"the event {shown(key)}"), "`label`"
            )
            for key, value, where in mapping(section("events"), "`events`")
        },
        results=_results(section("results"), names),
        logs=_logs(section("logs"), names),
        operations=tuple(
            _operation(key, value, where, names)
            for key, value, where in mapping(section("operations"), "`operations`")
        ),
        grants=tuple(_grant(entry, names) for entry in _several(section("grant"), "`grant`")),
        file=file,
    )


def _misplaced(node: Node, stack: Stack) -> None:
    """Say where a line belongs that stands outside its section, as a proposed fix is easily written."""
    for key, where in node.keys.items():
        if key not in SECTIONS and (key in stack.resources or key in stack.functions):
            section = "functions" if key in stack.functions else "stores"
            raise Invalid(where, f"a policy has no {shown(key)}", f"put it under `{section}`")


def _version(node: Node) -> None:
    # Why the type: to Python `true` and `1.0` are 1 as well.
    if node.tag or type(node.value) not in (int, str) or node.value not in (1, "1"):
        raise Invalid(
            node.where, f"there is no version {shown(node.value)} of the language", "write `version: 1`"
        )


def _mode(node: Node) -> Mode:
    # Why: YAML 1.1 reads a bare `off` as false.
    bare(node, "`mode`")
    text = "off" if node.value is False else node.value
    modes = [str(m) for m in Mode]
    if not isinstance(text, str) or text not in modes:
        raise Invalid(
            node.where,
            f"there is no mode {shown(node.value)}",
            near(str(text), modes) if isinstance(text, str) else "write `enforce`, `audit` or `off`",
        )
    return Mode(text)


def _several(node: Node, what: str) -> list[Node]:
    return [] if node.value is None and not node.tag else listed(node, what)


def _outside(node: Node) -> list[str]:
    """Return the targets that `operations` names, which need no scheme that is known."""
    return [
        entry.value
        for _, row, _ in mapping(node, "`operations`")
        if isinstance(row.value, dict)
        for value in row.value.values()
        for entry in (value.value if isinstance(value.value, list) else [value])
        if isinstance(entry.value, str) and not entry.tag and LOCAL.fullmatch(entry.value)
    ]


LOCAL: Final = re.compile(r"(?!(?:https?|tcp|ses|sns|sms|arn|dns):)[a-z][a-z0-9-]*:[^\s{}*]+", re.ASCII)
"""A place that a declared operation writes to or shows, under a name of the user's own: `bedrock:model`."""


def _labels(node: Node, names: Names) -> dict[str, TagRule]:
    found = {}
    for tag, value, where in mapping(node, "`labels`"):
        names.tag(Node(tag, where))
        parts = members(value, f"the label {shown(tag)}", LABEL)
        if "why" in parts:
            word(parts["why"], "`why`")
        found[tag] = TagRule(
            tag, names.stores(parts["only-to"], "`only-to`") if "only-to" in parts else None, where
        )
    return found


def _function(key: str, node: Node, where: Where, names: Names) -> tuple[str, FunctionRule]:
    rule = FunctionRule(names.function(Node(key, where), "`functions`"), where=where)
    for name, value, _ in mapping(node, f"the function {shown(key)}", FUNCTION):
        match name:
            case "clearance":
                rule = replace(rule, clearance=names.clearance(value))
            case "writes":
                rule = replace(rule, writes=names.stores(value, "`writes`"))
            case "invokes":
                entries = several(value)
                rule = replace(
                    rule, invokes=tuple(dict.fromkeys(names.started(e, "`invokes`") for e in entries))
                )
            case "from":
                rule = replace(rule, sources=names.callers(value, "`from`"))
            case "may-presign":
                rule = replace(rule, may_presign=presigning(value, names))
            case _:
                removed = {
                    names.tag(Node(tag, at)): names.stores(
                        only(inner, "into", f"{shown(tag)} of `may-remove`"), "`into`"
                    )
                    for tag, inner, at in mapping(value, "`may-remove`")
                }
                rule = replace(rule, may_remove=removed)
    return key, rule


def _results(node: Node, names: Names) -> dict[str, Tags]:
    """Return what results accept, by event, by function, and by `default`."""
    found: dict[str, Tags] = {}
    also = {"default", *names.stack.functions}
    for key, value, where in mapping(node, "`results`"):
        short = key == "accepts"
        name = "default" if short else names.event(key, Node(key, where), also)
        if name in found:
            raise Invalid(where, "`accepts` is short for `default`, which is there too", "keep one")
        found[name] = names.tags(
            value if short else only(value, "accepts", f"the result {shown(key)}"), "`accepts`"
        )
    return found


def _logs(node: Node, names: Names) -> LogRule:
    rule = LogRule(where=node.where)
    for key, value, _ in mapping(node, "`logs`", LOGS):
        if key == "accepts":
            rule = replace(rule, accepts=names.tags(value, "`accepts`", ()))
        else:
            rule = replace(
                rule,
                release={name: _shape(name, inner, at) for name, inner, at in mapping(value, "`release`")},
            )
    return rule


RELEASED: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", re.ASCII)


def _shape(name: str, node: Node, where: Where) -> str:
    if not RELEASED.fullmatch(name):
        raise Invalid(
            where,
            f"{shown(name)} cannot be written before a released value",
            "use letters, digits, `_`, `.` and `-`",
        )
    return expressions.read(word(node, "a shape"), node.where).text


def _operation(key: str, node: Node, where: Where, names: Names) -> OperationRule:
    service, _, operation = key.partition(":")
    if not (SERVICE.fullmatch(service) and OPERATION_NAME.fullmatch(operation)):
        raise Invalid(
            where,
            f"{shown(key)} names no operation",
            'write it as the SDK has it: `"bedrock-runtime:InvokeModel"`',
        )
    parts = members(node, f"the operation {shown(key)}", OPERATION)
    if not parts:
        raise Invalid(
            where,
            f"{shown(key)} says neither where it `writes` nor what it `reveals`",
            'say both: `{writes: ["bedrock:model"], reveals: ["bedrock:model"]}`',
        )
    return OperationRule(
        service,
        operation,
        names.stores(parts["writes"], "`writes`") if "writes" in parts else (),
        names.stores(parts["reveals"], "`reveals`") if "reveals" in parts else (),
        where,
    )


def _grant(node: Node, names: Names) -> Grant:
    parts = members(node, "a grant", GRANT)
    for needed in GRANT:
        if needed not in parts:
            raise Invalid(
                node.where, f"a grant has no `{needed}`", "it opens an exit, so it says who, where and why"
            )
    if not word(parts["why"], "`why`").strip():
        raise Invalid(parts["why"].where, "a grant gives no reason", "say in `why` what it is needed for")
    for needed in ("functions", "configure"):
        if not several(parts[needed]):
            raise Invalid(parts[needed].where, f"a grant names nothing in `{needed}`", "name at least one")
    return Grant(
        names.callers(parts["functions"], "`functions`"),
        names.stores(parts["configure"], "`configure`"),
        word(parts["why"], "`why`"),
        node.where,
    )
