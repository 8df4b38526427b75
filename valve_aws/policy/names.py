"""What the policy's names stand for: tags, stores, functions, events.

Knows the stack's names and the forms of destinations. Does not know which line a name is on beyond its place.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from valve_aws.model.label import ANY, TAG
from valve_aws.model.pattern import FIELD
from valve_aws.model.policy import Tags
from valve_aws.model.source import Invalid, Node
from valve_aws.model.stack import Stack
from valve_aws.policy.shape import near, words

DESTINATION = re.compile(r"(https?|tcp|ses|sns|bedrock|dns|[a-z][a-z0-9-]*):\S+")
TCP = re.compile(r"tcp://(\[[0-9a-fA-F:]+\]|[^/:\s]+):(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Names:
    """The names that a policy may use."""

    stack: Stack
    declared: frozenset[str] = frozenset()
    """Tags under `labels`."""
    strict: bool = field(default=True)

    def tags(self, node: Node, what: str, bound: Collection[str] | None = None) -> Tags:
        """Return a list of tags; its fields must be among `bound`, any if that is None."""
        found = []
        for entry in words(node, what):
            self._tag(entry, bound)
            found.append(entry.value)
        return Tags(tuple(found), node.where)

    def _tag(self, node: Node, bound: Collection[str] | None) -> None:
        text: str = node.value
        fields = FIELD.findall(text)
        bare = FIELD.sub("x", text)
        if not TAG.fullmatch(bare) or "{" in bare:
            raise Invalid(node.where, f"`{text}` is no tag", "a tag is a lower-case path such as `pii/email` or `tenant/{tenant}`")
        for name in fields if bound is not None else ():
            if name not in bound:
                raise Invalid(node.where, f"nothing fills `{{{name}}}` here", near(name, bound))
        if not fields and not self._declared(text):
            raise Invalid(node.where, f"the tag `{text}` is not declared under `labels`",
                          near(text, self.declared) if self.declared else f"add `labels: {{{text}: {{}}}}`")

    def _declared(self, tag: str) -> bool:
        # Why: a list of many tags is told by naming what they lie within, and one below a declared tag is declared.
        return any(tag == d or tag.startswith(d + "/") for d in self.declared)

    def clearance(self, node: Node) -> Tags:
        """Return a clearance: `all`, or a list of tags."""
        if node.value == "all":
            return Tags((ANY,), node.where)
        return self.tags(node, "a clearance", ())

    def store(self, node: Node, what: str = "a store") -> str:
        """Return the target that a name stands for: a resource's ARN, or a destination pattern as it is."""
        return self.target(node.value, node) if isinstance(node.value, str) else self._no_word(node, what)

    def _no_word(self, node: Node, what: str) -> str:
        raise Invalid(node.where, f"{what} is named by a word")

    def target(self, text: str, node: Node) -> str:
        """Return what `text` names; `node` is where it stands."""
        resource = self.stack.resources.get(text)
        if resource is not None:
            if not resource.arn:
                raise Invalid(node.where, f"`{text}` is `{resource.kind}`, which holds no data", "name a bucket, queue, table …")
            return resource.arn
        if text in self.stack.functions:
            return self.stack.functions[text].arn
        if text.startswith("arn:"):
            if text.count(":") < 5:
                raise Invalid(node.where, f"`{text}` is no whole ARN", "it has six parts: `arn:aws:sqs:region:account:name`")
            return text
        if text.startswith("tcp://"):
            if not TCP.fullmatch(text):
                raise Invalid(node.where, f"`{text}` names no host and port", "write `tcp://db.internal:5432`")
            return text.lower()
        if DESTINATION.fullmatch(text):
            return text
        raise Invalid(node.where, f"the template has no `{text}`", near(text, [*self.stack.resources, *self.stack.functions]))

    def stores(self, node: Node, what: str) -> tuple[str, ...]:
        """Return a list of targets."""
        return tuple(self.store(entry, what) for entry in words(node, what))

    def function(self, node: Node, what: str) -> str:
        """Return a function's logical id."""
        if not isinstance(node.value, str) or node.value not in self.stack.functions:
            raise Invalid(node.where, f"{what}: the template has no function `{node.value}`",
                          near(str(node.value), self.stack.functions))
        return node.value

    def functions(self, node: Node, what: str) -> tuple[str, ...]:
        """Return a list of functions."""
        return tuple(self.function(entry, what) for entry in words(node, what))

    def event(self, text: str, node: Node, also: Collection[str] = ()) -> str:
        """Return `Function.Event`, or one of `also`."""
        known = {f"{t.function}.{t.name}" for f in self.stack.functions.values() for t in f.triggers}
        if text in also or text in known:
            return text
        raise Invalid(node.where, f"no function has the event `{text}`", near(text, known | set(also)))
