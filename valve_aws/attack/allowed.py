"""The line of a policy that lets labelled data out somewhere, read off the policy itself.

Knows what the lines say. Does not know the judgement: the same is worked out here once more, so that a
mistake of the one shows against the other.
"""

from __future__ import annotations

from valve_aws.attack import concrete
from valve_aws.attack.outlets import Outlet
from valve_aws.model.label import ANY, within
from valve_aws.model.pattern import unify
from valve_aws.model.policy import CellRule, FlowPolicy, StoreRule, Tags
from valve_aws.model.source import NOWHERE, Where


def allowing(
    policy: FlowPolicy, outlet: Outlet, tags: frozenset[str], function: str, trigger: str
) -> Where | None:
    """Return the line by which a policy lets all of these tags out there, None when no line does."""
    if outlet.opens:
        return next(
            (g.where for g in policy.grants if function in g.functions and outlet.target in g.configure), None
        )
    if outlet.target == "logs":
        return _takes(policy.logs.accepts, tags)
    if outlet.target == "results":
        by_name = policy.results
        name = next((n for n in (trigger, function) if n in by_name), "default")
        return _takes(by_name.get(name, Tags()), tags)
    best = max(
        (rule for rule in policy.stores if _names(rule.target, outlet.target)),
        key=lambda rule: (rule.target == outlet.target, len(rule.target)),
        default=None,
    )
    if best is None:
        return None
    rule = policy.functions.get(function)
    removed = [tag for tag, into in rule.may_remove.items() if best.target in into] if rule else []
    kept = frozenset(t for t in tags if not any(within(t, tag) for tag in removed))
    if rule and tags and not kept:
        return rule.where
    return _takes_store(best, outlet, kept)


def _takes_store(rule: StoreRule, outlet: Outlet, tags: frozenset[str]) -> Where | None:
    cells = [cell for cell in rule.cells if _fits(cell, outlet)]
    lists = [rule.holds, rule.accepts, *rule.attributes.values()]
    lists += [told for cell in cells for told in (cell.holds, cell.accepts)]
    where = NOWHERE
    for tag in tags:
        line = next((told.where for told in lists if _covers(told, tag)), None)
        if line is None:
            return None
        where = line
    return where if where.file else rule.where


def _fits(cell: CellRule, outlet: Outlet) -> bool:
    fields: dict[str, str] | None = {}
    for attribute, pattern in cell.key.items():
        fields = unify(pattern, outlet.key.get(attribute, ""), fields)
        if fields is None:
            return False
    return True


def _takes(told: Tags, tags: frozenset[str]) -> Where | None:
    return told.where if all(_covers(told, tag) for tag in tags) else None


def _covers(told: Tags, tag: str) -> bool:
    return any(bound == ANY or within(tag, concrete.text(bound)) for bound in told.patterns)


def _names(pattern: str, target: str) -> bool:
    return bool(target) and (pattern == target or unify(pattern, target) is not None)
