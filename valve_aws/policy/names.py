"""What the policy's names stand for: tags, stores, functions, events.

Knows the stack's names. Does not know how a target is written when it is no name of the stack's.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from valve_aws.model.label import ANY, TAG
from valve_aws.model.pattern import FIELD
from valve_aws.model.policy import Tags
from valve_aws.model.source import Invalid, Node
from valve_aws.model.stack import Function, Resource, Stack
from valve_aws.policy.shape import near, several, shown, word, words
from valve_aws.policy.targets import arn, destination

SERVICES: Mapping[str, str] = {
    "AWS::S3::Bucket": "s3",
    "AWS::DynamoDB::Table": "dynamodb",
    "AWS::DynamoDB::GlobalTable": "dynamodb",
}
MACHINE = "AWS::StepFunctions::StateMachine"
STARTED = re.compile(r"arn:[^:]+:(?:lambda|states):", re.ASCII)


def key_attributes(properties: Mapping[str, object]) -> tuple[str, ...] | None:
    """Return a table's key attributes from its CloudFormation properties; None when they are not there."""
    schema = properties.get("KeySchema")
    if not isinstance(schema, list | tuple):
        return None
    found = {str(k.get("KeyType")): str(k.get("AttributeName")) for k in schema if isinstance(k, Mapping)}
    return tuple(found[kind] for kind in ("HASH", "RANGE") if kind in found) or None


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a policy may use."""

    stack: Stack
    declared: frozenset[str] = frozenset()
    """Tags under `labels`."""
    outside: Mapping[str, object] = field(default_factory=dict)
    """Destinations that `operations` or the stack's own wiring name as they are."""
    owned: Mapping[str, Resource | Function] = field(default_factory=dict)
    """The stack's stores by ARN."""
    events: frozenset[str] = frozenset()

    @classmethod
    def of(cls, stack: Stack, declared: Iterable[str], outside: Iterable[str]) -> Names:
        """Gather the names of a stack, and those that the policy itself brings in."""
        wired = [d.target for d in stack.deliveries if not d.target.startswith("arn:")]
        events = frozenset(f"{t.function}.{t.name}" for f in stack.functions.values() for t in f.triggers)
        return cls(stack, frozenset(declared), dict.fromkeys([*wired, *outside]), stack.by_arn(), events)

    # Tags

    def tags(self, node: Node, what: str, bound: Collection[str] | None = None) -> Tags:
        """Return a list of tags; its fields must be among `bound`, any if that is None."""
        found: dict[str, None] = {}
        for entry in words(node, what):
            self._tag(entry, bound)
            found[entry.value] = None
        return Tags(tuple(found), node.where)

    def tag(self, node: Node) -> str:
        """Return one tag without fields."""
        return self.tags(node, "a tag", ()).patterns[0]

    def _tag(self, node: Node, bound: Collection[str] | None) -> None:
        text: str = node.value
        form(node)
        fields = FIELD.findall(text)
        for name in fields:
            if bound is not None and name not in bound:
                remedy = (
                    near(name, bound)
                    if bound
                    else "only a key's or a destination's `{field}`, or a trigger's, fills one"
                )
                raise Invalid(node.where, f"nothing fills `{{{name}}}` here", remedy)
        if not fields and not self._declared(text):
            raise Invalid(
                node.where, f"the tag {shown(text)} is not declared under `labels`", self._undeclared(text)
            )

    def _declared(self, tag: str) -> bool:
        # Why: a family of tags is declared by naming what they lie within.
        while tag not in self.declared:
            tag, slash, _ = tag.rpartition("/")
            if not slash:
                return False
        return True

    def _undeclared(self, text: str) -> str:
        if text == "all":
            return "`all` is written alone, as `clearance: all`"
        remedy = near(text, self.declared) if self.declared else ""
        add = f"add `labels: {{{text}: {{}}}}`"
        return f"{remedy}, or {add}" if remedy.startswith("did you") else add

    def clearance(self, node: Node) -> Tags:
        """Return a clearance: `all`, or a list of tags."""
        if node.value == "all" and not node.tag:
            return Tags((ANY,), node.where)
        return self.tags(node, "a clearance")

    # Stores

    def store(self, node: Node, what: str) -> str:
        """Return the target that a value names: a resource's ARN, or a destination pattern."""
        text, where = _reference(node), node.where
        return self.target(text, Node(text, where)) if text else self.target(word(node, what), node)

    def stores(self, node: Node, what: str) -> tuple[str, ...]:
        """Return a list of targets, each once."""
        return tuple(dict.fromkeys(self.store(entry, what) for entry in several(node)))

    def target(self, text: str, node: Node) -> str:
        """Return what `text` names; `node` is where it stands."""
        resource = self.stack.resources.get(text)
        if resource is not None:
            if not resource.arn:
                raise Invalid(
                    node.where,
                    f"{shown(text)} is `{resource.kind}`, which holds no data",
                    "name a bucket, queue, table …",
                )
            return resource.arn
        if text in self.stack.functions:
            return self.stack.functions[text].arn
        if text.startswith("arn:"):
            return arn(text, node.where, self.owned)
        if ":" in text:
            return destination(text, node.where, self.outside)
        known = [*(n for n, r in self.stack.resources.items() if r.arn), *self.stack.functions]
        raise Invalid(node.where, f"the template has no {shown(text)}", near(text, known))

    def kind(self, target: str) -> str:
        """Return the service that a store is of (`s3`, `dynamodb`), "" when it is not of AWS or not known."""
        owner = self.owned.get(target)
        if isinstance(owner, Resource) and owner.kind in SERVICES:
            return SERVICES[owner.kind]
        parts = target.split(":", 3)
        return parts[2] if len(parts) == 4 and parts[0] == "arn" else ""

    def keys(self, target: str) -> tuple[str, ...] | None:
        """Return the key attributes of a table of this stack, None when they are not known."""
        owner = self.owned.get(target)
        return key_attributes(owner.properties) if isinstance(owner, Resource) else None

    def started(self, node: Node, what: str) -> str:
        """Return the ARN of something that can be invoked: a function or a state machine."""
        found = self.store(node, what)
        if not STARTED.match(found):
            raise Invalid(
                node.where,
                f"{shown(_reference(node) or node.value)} cannot be invoked",
                near(str(node.value), self.stack.functions),
            )
        return found

    # Functions and events

    def function(self, node: Node, what: str) -> str:
        """Return a function's logical id."""
        text = _reference(node) or word(node, what)
        if text not in self.stack.functions:
            raise Invalid(
                node.where,
                f"{what}: the template has no function {shown(text)}",
                near(text, self.stack.functions),
            )
        return text

    def functions(self, node: Node, what: str) -> tuple[str, ...]:
        """Return a list of functions, each once."""
        return tuple(dict.fromkeys(self.function(entry, what) for entry in several(node)))

    def callers(self, node: Node, what: str) -> tuple[str, ...]:
        """Return a list of functions and state machines, each once."""
        return tuple(dict.fromkeys(self._caller(entry, what) for entry in several(node)))

    def _caller(self, node: Node, what: str) -> str:
        text = _reference(node) or str(node.value)
        resource = self.stack.resources.get(text)
        return text if resource and resource.kind == MACHINE else self.function(node, what)

    def event(self, text: str, node: Node, also: Collection[str] = ()) -> str:
        """Return `Function.Event`, or one of `also`."""
        if text in also or text in self.events:
            return text
        own = sorted(e for e in self.events if e.startswith(f"{text}."))
        remedy = f"say which of its events: `{own[0]}`" if own else near(text, self.events | set(also))
        raise Invalid(node.where, f"no function has the event {shown(text)}", remedy)


def form(node: Node) -> None:
    """Refuse what is no tag, or could be a tag that somebody else chooses."""
    text: str = node.value
    parts = text.split("/")
    if not TAG.fullmatch(FIELD.sub("x", text)):
        raise Invalid(
            node.where,
            f"{shown(text)} is no tag",
            "a tag is a lower-case path such as `pii/email` or `tenant/{tenant}`",
        )
    if FIELD.search(parts[0]):
        raise Invalid(
            node.where,
            f"what fills {shown(text)} could choose any tag",
            "begin with a word of your own: `tenant/{tenant}`",
        )
    if any(FIELD.search(part) and not FIELD.fullmatch(part) for part in parts):
        raise Invalid(
            node.where,
            f"in {shown(text)} a field is only a part of a segment, so two values could give one tag",
            "give it a segment of its own: `tenant/{tenant}`",
        )


def _reference(node: Node) -> str:
    """Return the logical id that `!Ref X`, `!GetAtt X.Arn` or their long forms name, "" for anything else."""
    value = node.value
    if node.tag == "Ref" and isinstance(value, str):
        return value
    if node.tag == "GetAtt" and isinstance(value, list):
        return _attribute(value)
    if not node.tag and isinstance(value, dict) and len(value) == 1:
        ((name, inner),) = value.items()
        if name == "Ref" and isinstance(inner.value, str) and not inner.tag:
            return inner.value
        if name == "Fn::GetAtt" and not inner.tag:
            return _attribute(
                inner.value
                if isinstance(inner.value, list)
                else [Node(part, inner.where) for part in str(inner.value).rsplit(".", 1)]
            )
    return ""


def _attribute(parts: list[Node]) -> str:
    named = [part.value for part in parts if isinstance(part.value, str) and not part.tag]
    return named[0] if len(parts) == len(named) == 2 and named[1] == "Arn" else ""
