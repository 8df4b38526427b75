"""What a policy says in vain, and what its author should know: the findings of `valve check`.

Knows which checks there are and in which order findings are told. Does not judge any call.
"""

from __future__ import annotations

from valve_aws.model.policy import FlowPolicy
from valve_aws.model.stack import Stack
from valve_aws.policy import on_functions, on_links, on_stores, on_tags
from valve_aws.policy.ground import Finding, Ground, Severity

ORDER: tuple[Severity, ...] = ("error", "warning", "note")


def dead(policy: FlowPolicy, stack: Stack) -> tuple[Finding, ...]:
    """Return the findings, errors first, each kind in the order of the files."""
    ground = Ground.of(policy, stack)
    checks = (*on_stores.CHECKS, *on_tags.CHECKS, *on_functions.CHECKS, *on_links.CHECKS)
    found = dict.fromkeys(finding for check in checks for finding in check(ground))
    return tuple(sorted(found, key=_rank))


def _rank(finding: Finding) -> tuple[int, str, int, int]:
    where = finding.where
    return ORDER.index(finding.severity), where.file, where.line, where.column


__all__ = ["Finding", "dead"]
