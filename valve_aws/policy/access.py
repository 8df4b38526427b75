"""Which functions a template lets write to or read from which stores, and what reaches stores by itself.

Knows statements, triggers and deliveries, as far as their wording tells. Does not judge any call: what
denies, and conditions, are left out, so what is said here is the most that could be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from valve_aws.model.stack import Function, Stack, Statement

READS = re.compile(
    r"get|list|describe|query|scan|batchget|head|receive|select|lookup|search|detect|subscribe|partiqlselect"
)
"""How the names of IAM actions begin that show content and change none (Service Authorization Reference)."""

TAKES = frozenset(
    {"deletemessage", "deletemessagebatch", "changemessagevisibility", "changemessagevisibilitybatch"}
)
"""What whoever receives messages does with them: it puts nothing into the queue."""

BESIDE = frozenset({"logs", "xray", "ec2", "cloudwatch", "kms", "sts", "iam", "cloudformation"})
"""Services whose grants every deployment has, and that hold none of the application's content."""


@lru_cache(maxsize=4096)
def wildcard(text: str) -> re.Pattern[str]:
    """Compile an IAM pattern: `*` any text, `?` one character; a policy variable is any text too."""
    parts = re.split(r"(\$\{[^}]*\}|\*+|\?)", text)
    out = (".*" if p[:1] in {"*", "$"} else "." if p == "?" else re.escape(p) for p in parts)
    return re.compile("".join(out), re.DOTALL)


def service(arn: str) -> str:
    """Return the service in an ARN, "" when it is none."""
    parts = arn.split(":", 3)
    return parts[2] if len(parts) == 4 and parts[0] == "arn" else ""


def covers(statement: Statement, store: str) -> bool:
    """Say whether a statement speaks about a store or about what is in it."""
    if statement.not_resources:
        return True
    inside = (store + "/", store + ":")
    return any(
        r == "*"
        or r.startswith(inside)
        or wildcard(r).fullmatch(store)
        or wildcard(r).fullmatch(store + "/x")
        for r in statement.resources
    )


def verbs(statement: Statement, wanted: str) -> frozenset[str]:
    """Return which of `read` and `write` a statement's actions do in a service."""
    if statement.not_actions:
        return BOTH
    found: set[str] = set()
    for action in statement.actions:
        named, _, verb = action.lower().partition(":")
        if not wildcard(named).fullmatch(wanted):
            continue
        if not verb or verb.startswith(("*", "?")):
            return BOTH
        found.add("read" if READS.match(verb) or verb in TAKES else "write")
    return frozenset(found)


BOTH = frozenset({"read", "write"})
INVOKED = frozenset({"lambda", "states"})


@dataclass(frozen=True)
class Access:
    """A stack's functions and stores, and what lies between them."""

    stack: Stack

    def of(self, function: Function, store: str) -> frozenset[str]:
        """Return which of `read` and `write` a function's role grants on a store."""
        if function.unmanaged_role:
            return BOTH
        wanted = service(store)
        found: frozenset[str] = frozenset()
        for statement in function.statements:
            if statement.allow and found != BOTH and covers(statement, store):
                found |= verbs(statement, wanted)
        return found

    def may(self, function: str, verb: str, store: str) -> bool:
        """Say whether a function may `read` or `write` a store; a place outside AWS is nobody's to grant."""
        owner = self.stack.functions.get(function)
        return owner is not None and (not store.startswith("arn:") or verb in self.of(owner, store))

    def who(self, verb: str, store: str) -> tuple[str, ...]:
        """Return the functions that may `read` or `write` a store."""
        return tuple(name for name in self.stack.functions if self.may(name, verb, store))

    @cached_property
    def woken(self) -> dict[str, tuple[str, ...]]:
        """Store → the functions that it wakes."""
        found: dict[str, list[str]] = {}
        for function in self.stack.functions.values():
            for trigger in function.triggers:
                if trigger.source:
                    found.setdefault(trigger.source, []).append(function.logical)
        return {store: tuple(dict.fromkeys(names)) for store, names in found.items()}

    @cached_property
    def fed(self) -> frozenset[str]:
        """Stores that something delivers to."""
        return frozenset(d.target for d in self.stack.deliveries)

    @cached_property
    def feeding(self) -> frozenset[str]:
        """Stores that deliver on."""
        return frozenset(d.source for d in self.stack.deliveries)

    def reached(self, store: str) -> bool:
        """Say whether anything of the template touches a store."""
        return bool(
            store in self.fed
            or store in self.feeding
            or store in self.woken
            or any(self.of(f, store) for f in self.stack.functions.values())
        )


def wide(function: Function) -> Iterable[Statement]:
    """Yield the statements that grant more than is written: managed policies, open names, conditions."""
    for statement in function.statements:
        services = {a.partition(":")[0].lower() for a in statement.actions}
        if statement.allow and statement.loose and (statement.not_actions or not services <= BESIDE):
            yield statement
