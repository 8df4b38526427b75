"""What a function's role grants, as IAM statements.

Knows policy documents, SAM's policy templates, managed policies and roles. Does not evaluate a request.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from valve_aws.model.source import Invalid, Node, Where
from valve_aws.model.stack import Statement
from valve_aws.template import files, managed
from valve_aws.template.ground import Ground
from valve_aws.template.intrinsics import resolve
from valve_aws.template.scope import Template
from valve_aws.template.shapes import elements, entries, is_open, several, word, words, wrap

TEMPLATES: Final = "policy_templates_data/policy_templates.json"
OPEN = re.compile(r"\{\{(?:unresolved|resolve):[^{}]*\}\}")

MANAGED_ARN: Final = re.compile(r"arn:[\w-]+:iam::(aws|\d*):policy/(?:[\w+=,.@-]+/)*([\w+=,.@-]+)")


def document(node: Node, why: str) -> tuple[Statement, ...]:
    """Return the statements of a resolved policy document (IAM JSON policy reference), which may be JSON in a
    text."""
    if isinstance(node.value, str) and node.value.lstrip()[:1] == "{":
        try:
            node = wrap(json.loads(node.value), node.where)
        except (ValueError, RecursionError) as error:
            raise Invalid(node.where, f"a policy document is not JSON: {error}") from error
    fields = entries(node, "a policy document")
    return tuple(_statement(s, why) for s in several(fields.get("Statement")))


def _statement(node: Node, why: str) -> Statement:
    fields = entries(node, "a policy statement")
    effect = word(fields.get("Effect"), "`Effect`")
    if effect not in {"Allow", "Deny"}:
        raise Invalid(node.where, f"a statement's `Effect` is `Allow` or `Deny`, not `{effect[:40]}`")
    resources = words(fields.get("Resource"), "`Resource`")
    others = words(fields.get("NotResource"), "`NotResource`")
    actions = words(fields.get("Action"), "`Action`")
    exempt = words(fields.get("NotAction"), "`NotAction`")
    if not (actions or exempt):
        raise Invalid(node.where, "a statement without `Action`", "add what it allows")
    condition = fields.get("Condition")
    return Statement(
        allow=effect == "Allow",
        actions=actions,
        # Why: an open part of an ARN is any text. Where that part exempts, an Allow shrinks and a Deny grows.
        resources=tuple(OPEN.sub("*", r) for r in resources),
        loose=bool(condition is not None and condition.value)
        or any(is_open(r) for r in (*resources, *others, *actions)),
        why=why,
        where=node.where,
        not_actions=exempt,
        not_resources=tuple(OPEN.sub("*", r) for r in others if effect == "Allow" or not is_open(r)),
    )


class Role:
    """A role that some template of the stack makes; its statements are read when a function has it."""

    def __init__(self, template: Template, properties: Node) -> None:
        self.template = template
        self.properties = properties

    def statements(self, policies: Mapping[str, tuple[Statement, ...]]) -> Iterator[Statement]:
        """Yield what its inline and managed policies grant."""
        fields = entries(self.properties, "a role's properties")
        for node in elements(_resolved(fields.get("Policies"), self.template), "`Policies`"):
            policy = entries(node, "a role's policy")
            name = word(policy.get("PolicyName"), "`PolicyName`", "inline")
            if "PolicyDocument" in policy:
                yield from document(policy["PolicyDocument"], name)
        for node in several(_resolved(fields.get("ManagedPolicyArns"), self.template)):
            yield from by_name(
                word(node, "a managed policy's ARN"), node.where, self.template.ground, policies
            )


def _resolved(node: Node | None, template: Template) -> Node | None:
    return resolve(node, template) if node is not None else None


def by_name(
    name: str, where: Where, ground: Ground, own: Mapping[str, tuple[Statement, ...]]
) -> tuple[Statement, ...]:
    """Return what a managed policy grants, by name or ARN. `own` are those that the stack makes, by ARN."""
    if name in own:
        return own[name]
    match = MANAGED_ARN.fullmatch(name)
    plain = match.group(2) if match else name
    foreign = match is not None and match.group(1) != "aws"
    actions = None if foreign else managed.actions(plain)
    if actions is None:
        ground.warn(
            where,
            f"what the managed policy `{plain[:100]}` grants is not known here: taken as everything",
            f"managed {plain}",
        )
        actions = ("*",)
    return (Statement(True, actions, ("*",), True, plain, where),)


class _Filling:
    """A scope in which only a policy template's own parameters, and the pseudo parameters, have values."""

    def __init__(self, template: Template, given: Mapping[str, Node]) -> None:
        self.ground = template.ground
        self.template = template
        self.given = given

    def ref(self, name: str, where: Where) -> Node:
        """Return a parameter of the policy template."""
        return self.given[name] if name in self.given else self.template.pseudo(name, where)

    def attribute(self, logical: str, name: str, where: Where) -> Node:
        """Policy templates use no attributes."""
        raise Invalid(where, f"a policy template asks for `{logical}.{name}`")

    def condition(self, name: str, where: Where) -> bool:
        """Policy templates use no conditions."""
        raise Invalid(where, f"a policy template asks for the condition `{name}`")

    def mapped(self, path: tuple[str, str, str]) -> Node | None:
        """Policy templates use no mappings."""
        return None


def template_policy(name: str, arguments: Node, template: Template) -> tuple[Statement, ...] | None:
    """Return what one of SAM's policy templates grants (SAM policy template list); None: unknown."""
    known: Any = files.table(TEMPLATES)["Templates"].get(name)
    if known is None:
        return None
    given = entries(arguments, f"the parameters of `{name}`")
    for parameter in known["Parameters"]:
        if parameter not in given:
            raise Invalid(
                arguments.where,
                f"`{name}` needs the parameter `{parameter}`",
                f"write `{parameter}: …` under it",
            )
    filled = resolve(wrap(known["Definition"], arguments.where), _Filling(template, given))
    return document(filled, name)


def sam_policies(
    node: Node | None, template: Template, own: Mapping[str, tuple[Statement, ...]]
) -> Iterator[Statement]:
    """Yield what a SAM function's resolved `Policies` grant: names, ARNs, documents, policy templates."""
    for item in several(node):
        if isinstance(item.value, str):
            yield from by_name(item.value, item.where, template.ground, own)
            continue
        fields = entries(item, "a policy")
        if "Statement" in fields:
            yield from document(item, "inline")
            continue
        if "PolicyDocument" in fields:
            yield from document(fields["PolicyDocument"], "inline")
            continue
        for name, arguments in fields.items():
            granted = template_policy(name, arguments, template)
            if granted is None:
                template.ground.warn(
                    item.where,
                    f"there is no SAM policy template `{name}`; it grants nothing",
                    f"policy {name}",
                )
            yield from granted or ()


def execution(properties: Mapping[str, Node], where: Where) -> Iterator[Statement]:
    """Yield what SAM's implicit role grants each function beside its `Policies`."""
    granted = [*managed.LOGS]
    if properties.get("Tracing") is not None:
        granted += managed.TRACES
    if properties.get("VpcConfig") is not None:
        granted += managed.NETWORK
    if properties.get("DurableConfig") is not None:
        granted += managed.DURABLE
    yield Statement(True, tuple(granted), ("*",), why="AWSLambdaBasicExecutionRole", where=where)
