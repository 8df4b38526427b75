"""The policy language: what a `valve.yaml` may say, read against the stack it is about.

Knows the words of the language and where each stands. Does not judge anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from valve_aws.model.policy import FlowPolicy
from valve_aws.model.stack import Stack
from valve_aws.policy.reading import read

if TYPE_CHECKING:
    from valve_aws.policy.findings import Finding
    from valve_aws.policy.sensitive import Sown


def dead(policy: FlowPolicy, stack: Stack) -> tuple[Finding, ...]:
    """Return what a policy says in vain or at a risk: errors first, then warnings, then notes."""
    from valve_aws.policy.findings import dead as found

    return found(policy, stack)


def propose(stack: Stack, seeds: Iterable[Sown] = ()) -> str:
    """Return the text of a first `valve.yaml`, each line with what it rests on. `read` takes it as it is."""
    from valve_aws.policy.proposal import propose as proposed

    return proposed(stack, seeds)


def schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a policy, for editors; `read` refuses more than it does."""
    from valve_aws.policy.files import schema as shipped

    return shipped()


__all__ = ["read", "dead", "propose", "schema"]
