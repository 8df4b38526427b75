"""Which resources belong to this stack (law 6).

Knows the stack, the names in the policy and the exact names in a function's own statements. Does not know
labels.

A resource is ours when the stack has it, or the policy names it (`stores`, `grant`, `operations`), or it is
of the stack's own account and the function's own statements grant it by its exact name. A function's own log
group is ours, and so are the lists of names of the stack's account. Everything else is foreign.
"""

from __future__ import annotations

import re

from valve_aws.flow.grants import Grants, own_log
from valve_aws.flow.targets import Nearest
from valve_aws.model.policy import FlowPolicy
from valve_aws.model.stack import Stack

REMEMBERED = 4096

NAMES = re.compile(r"arn:[a-z-]+:(?:s3:::|[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:)\*", re.ASCII)


class Perimeter:
    """Everything of one stack."""

    def __init__(self, policy: FlowPolicy, stack: Stack, grants: Grants) -> None:
        self._stack, self._grants = stack, grants
        self._owned = stack.by_arn()
        named = [rule.target for rule in policy.stores]
        named += [target for grant in policy.grants for target in grant.configure]
        named += [target for row in policy.operations for target in (*row.writes, *row.reveals)]
        self._named = Nearest(named)
        self._known: dict[tuple[str, str], str] = {}

    def foreign(self, function: str, store: str) -> str:
        """Return why a store is not ours, "" when it is."""
        asked = (function, store)
        found = self._known.get(asked)
        if found is None:
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            found = self._known[asked] = self._work_out(function, store)
        return found

    def _work_out(self, function: str, store: str) -> str:
        if store in self._owned or self._named.find(store) is not None:
            return ""
        if not store.startswith("arn:"):
            return f"nothing in the policy names `{store}`"
        account = owner(store)
        if names(store) and account in {"", self._stack.account}:
            return ""
        logs = self._stack.functions.get(function)
        if logs is not None and own_log(logs, store, f"{self._stack.region}:{self._stack.account}"):
            return ""
        if account not in {"", "aws", self._stack.account}:
            return f"`{store}` belongs to account {account}"
        if self._grants.exact(function, store):
            return ""
        return f"`{store}` is not of this stack"

    def outside(self, store: str) -> bool:
        """Say whether whoever answers for a store is, or may be, somebody else: the request itself is then
        delivered to him.
        """
        return store not in self._owned and owner(store) != self._stack.account and not names(store)


def owner(arn: str) -> str:
    """Return the account in an ARN, "" when it has none."""
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 and parts[0] == "arn" else ""


def names(store: str) -> bool:
    """Say whether this stands for the names of an account's stores, not for a store."""
    return NAMES.fullmatch(store) is not None
