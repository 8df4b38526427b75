"""Who may send which tag where, worked out from policy and template for `valve check`.

Knows every function, tag and store. Does not know any call: it says what could pass, not what does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from valve_aws.flow import words
from valve_aws.flow.rules import Rules
from valve_aws.flow.targets import OPEN
from valve_aws.model.label import ANY, fits, within
from valve_aws.model.policy import FlowPolicy, Tags
from valve_aws.model.source import Where
from valve_aws.model.stack import Stack


@dataclass(frozen=True, slots=True)
class Flow:
    """One function may send one tag to one place."""

    function: str
    tag: str
    target: str
    title: str
    removed: bool
    """True: it arrives there without the tag (`may-remove`)."""
    where: Where


def possible(policy: FlowPolicy, stack: Stack) -> Iterator[Flow]:
    """Yield every flow that the policy allows, by function, tag and target."""
    rules = Rules(policy, stack)
    tags = sorted(_tags(policy))
    targets = list(
        dict.fromkeys([r.arn for r in stack.resources.values() if r.arn] + [r.target for r in policy.stores])
    )
    for function in stack.functions:
        cleared = rules.ceilings.clearance(function)[0]
        for tag in tags:
            if ANY not in cleared and not any(_may(tag, bound) for bound in cleared):
                continue
            for target in targets:
                sent = _sent(rules, function, tag, target)
                if sent is not None:
                    store = rules.ceilings.store(target)
                    yield Flow(function, tag, target, store.title, sent, store.where)


def _sent(rules: Rules, function: str, tag: str, target: str) -> bool | None:
    """Return None when a tag may not go there, else whether it is removed on the way."""
    store = rules.ceilings.store(target)
    sources, narrow = store.rule.sources, rules.narrow.get((function, "writes"))
    if (sources is not None and function not in sources) or (
        narrow is not None and not narrow.covers(target)
    ):
        return None
    if not (store.destination or OPEN.search(target)) and not rules.grants.sends(function, target):
        return None
    if any(within(tag, bound) and into.covers(target) for bound, into in rules.removable.get(function, ())):
        return True
    if any(within(tag, rule.tag) and not targets.covers(target) for rule, targets in rules.confined):
        return None
    rule = store.rule
    takes = [*rule.holds.patterns, *rule.accepts.patterns]
    takes += [p for cell in rule.cells for p in (*cell.holds.patterns, *cell.accepts.patterns)]
    takes += [p for tags in rule.attributes.values() for p in tags.patterns]
    return False if fits(frozenset({tag}), frozenset(takes)) else None


def _may(tag: str, bound: str) -> bool:
    return within(tag, bound) or within(bound, tag)


def _tags(policy: FlowPolicy) -> Iterator[str]:
    lists: list[Tags] = [*policy.events.values(), *policy.results.values(), policy.logs.accepts]
    for rule in policy.stores:
        lists += [rule.holds, rule.accepts, *rule.attributes.values()]
        lists += [tags for cell in rule.cells for tags in (cell.holds, cell.accepts)]
    return iter({*policy.tags, *(p for tags in lists for p in tags.patterns)} - {ANY})


def matrix(policy: FlowPolicy, stack: Stack) -> tuple[str, ...]:
    """Return the matrix as lines of text, and the kind of the policy with its reasons."""
    rows = [
        (f.function, f.tag, "⇥" if f.removed else "→", f.title, str(f.where) if f.where.file else "")
        for f in _folded(tuple(possible(policy, stack)), frozenset(_tags(policy)))
    ]
    widths = [max((len(row[i]) for row in rows), default=0) for i in range(4)]
    lines = [
        "who may send what where (⇥: the tag is removed on the way)"
        if rows
        else "no labelled data may be sent anywhere"
    ]
    lines += [
        "  " + "  ".join([text.ljust(width) for text, width in zip(row, (*widths, 0), strict=True)]).rstrip()
        for row in rows
    ]
    return (*lines, *kind(policy, stack))


def _folded(flows: tuple[Flow, ...], known: frozenset[str]) -> Iterator[Flow]:
    """Leave out a flow of a tag that a listed flow of a wider tag speaks for.

    Why every tag within the wider one is asked: where one of them may not go along, or goes differently,
    folding the others would say that it does.
    """
    alike = {(f.function, f.tag, f.target, f.removed) for f in flows}
    inside = {wide: {tag for tag in known if tag != wide and within(tag, wide)} for wide in known}
    for flow in flows:
        wider = (wide for wide in known if flow.tag in inside[wide])
        if not any(
            all((flow.function, tag, flow.target, flow.removed) in alike for tag in {wide, *inside[wide]})
            for wide in wider
        ):
            yield flow


def kind(policy: FlowPolicy, stack: Stack) -> tuple[str, ...]:
    """Say whether a policy is sealed or traced (design: how far it goes), and which stores make it so."""
    rules = Rules(policy, stack)
    probed = []
    for rule in policy.stores:
        holds = frozenset(rule.holds.patterns)
        extra = [p for p in rule.accepts.patterns if not fits(frozenset({p}), holds)]
        extra += [
            p
            for cell in rule.cells
            for p in cell.accepts.patterns
            if not fits(frozenset({p}), holds | frozenset(cell.holds.patterns))
        ]
        if extra and not rule.sealed:
            place = f"  {rule.where}" if rule.where.file else ""
            title = rules.ceilings.store(rule.target).title
            probed.append(f"  {title} accepts {words.tags(extra)} beyond what it holds{place}")
    if not probed:
        return ("this policy is sealed: each store takes no more than it `holds`, or says `sealed: true`",)
    return (
        "this policy is traced: one bit a cell a probe, others can learn if a labelled function wrote to",
        *probed,
        "  probes are recorded, and counted in the closing line; `sealed: true` on a store closes it there",
    )
