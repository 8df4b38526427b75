"""Findings about functions: what they may not learn and are given all the same, and what their roles grant.

Knows clearances, triggers and statements. Does not know destinations.
"""

from __future__ import annotations

from collections.abc import Iterator

from valve_aws.model.label import ANY
from valve_aws.model.policy import FunctionRule
from valve_aws.model.source import NOWHERE, Where
from valve_aws.model.stack import Trigger
from valve_aws.policy.access import wide
from valve_aws.policy.ground import Finding, Ground, Severity, fitting, held, inside, listing, spans, taken


def _hidden(rule: FunctionRule, tags: tuple[str, ...]) -> list[str]:
    cleared = rule.clearance.patterns if rule.clearance else (ANY,)
    return [tag for tag in tags if not fitting(tag, cleared)]


def hidden(ground: Ground) -> Iterator[Finding]:
    """Clearances below what a function's triggers bring."""
    for name, rule in ground.policy.functions.items():
        if rule.clearance is None:
            continue
        for trigger in ground.stack.functions[name].triggers:
            for tags, source, certain in _brought(ground, trigger):
                over = _hidden(rule, tags)
                if over:
                    effect = "every such event is refused" if certain else "such events are refused"
                    yield Finding(
                        rule.clearance.where,
                        f"`{name}` may not learn {listing(over)}, which {source}: {effect}",
                        "error" if certain else "warning",
                    )


def _brought(ground: Ground, trigger: Trigger) -> Iterator[tuple[tuple[str, ...], str, bool]]:
    """Yield (tags, where they come from, whether every event has them)."""
    event = f"{trigger.function}.{trigger.name}"
    if event in ground.policy.events:
        yield ground.policy.events[event].patterns, f"`{event}` brings", True
    store = ground.rule(trigger.source) if trigger.source else None
    if store is not None:
        yield store.holds.patterns, f"all of `{store.written}` holds, and that wakes it", True
        others = tuple(p for tags in (*held(store)[1:], *taken(store)) for p in tags.patterns)
        yield others, f"may be in `{store.written}`, and that wakes it", False


def unreadable(ground: Ground) -> Iterator[Finding]:
    """Stores that a function's own statements let it read, and its clearance does not."""
    for name, rule in ground.policy.functions.items():
        function = ground.stack.functions[name]
        for store in ground.policy.stores if rule.clearance else ():
            if not store.target.startswith("arn:") or "read" not in ground.access.of(function, store.target):
                continue
            over = _hidden(rule, tuple(p for tags in (*held(store), *taken(store)) for p in tags.patterns))
            if over and not function.unmanaged_role:
                yield Finding(
                    rule.where,
                    f"`{name}` may read `{store.written}` by its role, and may not learn {listing(over)}: "
                    "what could show that is refused",
                    "note",
                )


def ungranted(ground: Ground) -> Iterator[Finding]:
    """`writes` and `invokes` that the role does not grant."""
    for name, rule in ground.policy.functions.items():
        for line, targets in (("writes", rule.writes), ("invokes", rule.invokes)):
            for target in targets or ():
                if not ground.access.may(name, "write", target):
                    verb = "write to" if line == "writes" else "invoke"
                    yield Finding(
                        rule.where,
                        f"`{name}` may {verb} `{ground.title(target)}` by its `{line}`, but not by its role",
                    )


def started(ground: Ground) -> Iterator[Finding]:
    """`from` of a function that names one whose role lets it neither invoke that nor put what wakes it."""
    for name, rule in ground.policy.functions.items():
        function = ground.stack.functions[name]
        ways = [function.arn, *(t.source for t in function.triggers if t.source)]
        for source in rule.sources or ():
            if source in ground.stack.functions and not any(
                ground.access.may(source, "write", way) for way in ways
            ):
                yield Finding(
                    rule.where,
                    f"`{source}` may have `{name}` run by this `from`, but not by its role",
                )


def removing(ground: Ground) -> Iterator[Finding]:
    """`may-remove` of what a function cannot learn, or where it cannot write, or needs not."""
    for name, rule in ground.policy.functions.items():
        cleared = rule.clearance.patterns if rule.clearance else (ANY,)
        for tag, targets in rule.may_remove.items():
            if not fitting(tag, cleared) and not any(inside(c, tag) for c in cleared):
                yield Finding(rule.where, f"`{name}` may remove `{tag}`, but may not learn it")
            for target in targets:
                why, severity = _not_removed(ground, rule, tag, target)
                if why:
                    text = f"`{name}` may remove `{tag}` on the way to `{ground.title(target)}`, {why}"
                    yield Finding(rule.where, text, severity)


def _not_removed(ground: Ground, rule: FunctionRule, tag: str, target: str) -> tuple[str, Severity]:
    """Return why a tag is not removed on the way to a target, "" when it may be."""
    store = ground.rule(target)
    if not ground.access.may(rule.function, "write", target):
        return "but its role grants no write there", "warning"
    if rule.writes is not None and not any(spans(t, target) for t in rule.writes):
        return "which its `writes` leaves out", "warning"
    if store and store.sources is not None and rule.function not in store.sources:
        return f"which takes nothing from it ({store.where})", "warning"
    if store and fitting(tag, store.accepts.patterns):
        return "which accepts it anyway", "note"
    return "", "note"


def undirected(ground: Ground) -> Iterator[Finding]:
    """Declared operations that say no place that they write to."""
    for row in ground.policy.operations:
        if not row.writes:
            yield Finding(
                row.where,
                f"`{row.service}:{row.operation}` says no place that it writes to, so what it is sent is not "
                'judged; name one, such as `writes: ["bedrock:model"]`',
            )


def granted(ground: Ground) -> Iterator[Finding]:
    """What managed policies, open names and roles outside the template grant."""
    by_why: dict[str, tuple[Where, list[str]]] = {}
    outside = []
    for function in ground.stack.functions.values():
        if function.unmanaged_role:
            outside.append(function)
        for statement in wide(function):
            by_why.setdefault(statement.why or "a statement", (statement.where, []))[1].append(
                function.logical
            )
    for why, (where, names) in by_why.items():
        yield Finding(
            where,
            f"what exactly `{why}` grants {listing(names)} cannot be told here, so all that its services "
            "allow is taken as granted; only this policy narrows it",
            "note",
        )
    if outside:
        yield Finding(
            outside[0].where,
            f"the role of {listing(f.logical for f in outside)} is not in the template, so everything "
            "is taken as granted; only this policy narrows it",
            "note",
        )


def silent(ground: Ground) -> Iterator[Finding]:
    """A policy that labels nothing."""
    if not ground.carried:
        yield Finding(
            Where(ground.policy.file) if ground.policy.file else NOWHERE,
            "nothing carries a label, so only the perimeter is guarded; "
            "say what is sensitive in `stores` or `events`",
            "note",
        )


CHECKS = (hidden, unreadable, ungranted, started, removing, undirected, granted, silent)
