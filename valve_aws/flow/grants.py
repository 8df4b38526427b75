"""What a function's role lets it do: IAM's statements, allow and deny, with their wildcards.

Knows matching. Does not know conditions (a conditional allow counts as granted, a conditional deny is left to
AWS itself). Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from valve_aws.model.stack import Function, Stack, Statement

BASICS = frozenset({"logs:createloggroup", "logs:createlogstream", "logs:putlogevents"})
"""What every function may do with its own log group, whatever its role says."""

LOOKS = re.compile(
    r"get|list|describe|query|scan|batchget|conditioncheck|head|receive|select|lookup|search|partiqlselect"
    r"|deletemessage|changemessagevisibility"
)
"""How the names of actions begin that put nothing where they look; who receives messages also takes them
away (Service Authorization Reference)."""

REMEMBERED = 4096

VARIABLE = re.compile(r"\$\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class Compiled:
    """One statement, its patterns compiled."""

    statement: Statement
    actions: re.Pattern[str]
    resources: re.Pattern[str]

    def applies(self, action: str, resource: str) -> bool:
        """Say whether it speaks about `action` (lower case) on `resource`."""
        does = self.actions.fullmatch(action) is not None
        there = self.resources.fullmatch(resource) is not None
        return (does is not bool(self.statement.not_actions)) and (
            there is not bool(self.statement.not_resources)
        )


def _pattern(texts: Iterable[str]) -> re.Pattern[str]:
    """Compile IAM patterns: `*` any text, `?` one character; a policy variable is some text that we do not
    know.
    """
    either = (
        "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in VARIABLE.sub("*", text)) for text in texts
    )
    return re.compile("|".join(f"(?:{each})" for each in either) or "(?!)", re.DOTALL)


def compiled(statement: Statement) -> Compiled:
    """Compile one statement; of a pair such as `Action` and `NotAction` the one that is there counts."""
    return Compiled(
        statement,
        _pattern(a.lower() for a in statement.not_actions or statement.actions),
        _pattern(statement.not_resources or statement.resources),
    )


class Grants:
    """The statements of all functions of a stack."""

    def __init__(self, stack: Stack) -> None:
        self._functions = stack.functions
        self._place = f"{stack.region}:{stack.account}"
        self._statements = {
            name: tuple(compiled(s) for s in f.statements) for name, f in stack.functions.items()
        }
        self._known: dict[tuple[str, str, str], bool] = {}

    def granted(self, function: str, action: str, resource: str) -> bool:
        """Say whether the role of `function` (logical id) allows the IAM `action` on `resource`."""
        asked = (function, action, resource)
        found = self._known.get(asked)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[asked] = self._work_out(*asked)
        return found

    def _work_out(self, function: str, action: str, resource: str) -> bool:
        owner = self._functions.get(function)
        if owner is None:
            return False
        spoken = action.lower()
        applying = [c.statement for c in self._statements[function] if c.applies(spoken, resource)]
        if any(not s.allow and not s.loose for s in applying):
            return False
        return (
            owner.unmanaged_role
            or any(s.allow for s in applying)
            or (spoken in BASICS and own_log(owner, resource, self._place))
        )

    def exact(self, function: str, store: str) -> bool:
        """Say whether a statement of its own names this very store, not by a wildcard."""
        owner = self._functions.get(function)
        return owner is not None and any(
            resource == store or resource.startswith((store + "/", store + ":"))
            for s in owner.statements
            if s.allow and not s.loose
            for resource in s.resources
        )

    def sends(self, function: str, store: str) -> bool:
        """Say whether any statement allows more than looking at a store, or at what is in it."""
        owner = self._functions.get(function)
        return owner is not None and (
            owner.unmanaged_role
            or any(
                c.statement.allow
                and (
                    c.resources.fullmatch(store)
                    or c.resources.fullmatch(store + "/x")
                    or any(r.startswith((store + "/", store + ":")) for r in c.statement.resources)
                )
                for c in self._statements[function]
                if not c.statement.not_resources and _sends(c.statement)
            )
        )


def _sends(statement: Statement) -> bool:
    """Say whether an action of a statement puts something somewhere; one that is not known does."""
    return not statement.actions or any(
        not LOOKS.match(verb) and service not in {"logs", "xray"}
        for service, _, verb in (action.lower().partition(":") for action in statement.actions)
    )


def own_log(function: Function, resource: str, place: str) -> bool:
    """Say whether `resource` is the log group that Lambda writes for this function, or a stream of it."""
    group = f":logs:{place}:log-group:/aws/lambda/{function.name}"
    head, found, tail = resource.partition(group)
    return (
        bool(found)
        and head in {"arn:aws", "arn:aws-cn", "arn:aws-us-gov"}
        and (not tail or tail.startswith(":"))
    )
