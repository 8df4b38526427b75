"""Links in what leaves: whether a presigned URL or form may go to where it is put (law 17).

Knows `may-presign`, and that a link is a call of its maker for whoever holds it. Does not know how links are
found or signed.
"""

from __future__ import annotations

from collections.abc import Iterator

from valve_aws.flow import words
from valve_aws.flow.case import Case
from valve_aws.flow.ceilings import whole
from valve_aws.flow.rules import Rules
from valve_aws.flow.targets import compile_targets
from valve_aws.model.call import Link
from valve_aws.model.label import CLEAN, Label, excess, within
from valve_aws.model.pattern import FIELD, unify
from valve_aws.model.policy import PresignRule
from valve_aws.model.source import NOWHERE
from valve_aws.model.verdict import Principal, Reason, Rule

RESULT = ""
"""The place that a result goes to."""


def rule_of(rules: Rules, link: Link, maker: Principal, place: str) -> PresignRule | None:
    """Return the line that lets a link go to a place, None when there is none."""
    return next((r for r in _near(rules, link) if not _against(r, link, maker, place)), None)


def _near(rules: Rules, link: Link) -> list[PresignRule]:
    rule = rules.policy.functions.get(link.function)
    return [r for r in rule.may_presign if r.bucket in link.call.resources] if rule else []


def _against(rule: PresignRule, link: Link, maker: Principal, place: str) -> str:
    """Return what of a link its line does not allow, "" when it allows all of it."""
    if link.call.operation not in rule.operations:
        return f"its line is for {', '.join(rule.operations)}"
    if not _fits(rule.keys, link, maker):
        return f"its line is for the keys `{rule.keys}`"
    if place == RESULT and not rule.results:
        return "its line lets it stand in no result"
    if place != RESULT and not compile_targets(rule.into).covers(place):
        return "its line does not name that place in `into`"
    return ""


def _fits(keys: str, link: Link, maker: Principal) -> bool:
    """Say whether every key that a link is good for fits the line's pattern.

    A field that the trigger authenticated has its value; one that only a trigger could fill fits nothing
    without it (law 18).
    """
    names = FIELD.findall(keys)
    bound = {name: maker.fields[name] for name in names if name in maker.fields}
    if any("." in name and not bound.get(name) for name in names):
        return False
    if link.prefix is None:
        return unify(keys, str(link.call.params.get("Key", "")), bound) is not None
    # Why two: what follows the prefix is anybody's choice, so the pattern's last `*` must be what takes it.
    tries = [unify(keys, link.prefix + rest, bound) for rest in ("", "x/y#z")]
    return keys.endswith("*") and tries[0] is not None and tries[0] == tries[1]


def ruled(rules: Rules, link: Link, maker: Principal, place: str) -> Iterator[Reason]:
    """A link needs a line, and one that can be read."""
    title = _title(rules, place)
    if link.problem:
        yield Reason(Rule.PRESIGNED, f"a presigned link stands in it that is not released: {link.problem}")
        return
    if rule_of(rules, link, maker, place) is None:
        near = _near(rules, link)
        none = f"no `may-presign` of {link.function} allows it"
        why = _against(near[0], link, maker, place) if near else none
        yield Reason(
            Rule.PRESIGNED,
            f"{what(rules, link)} stands in {title}; {why}",
            near[0].where if near else rules.line_of(link.function),
            link.call.resources[0] if link.call.resources else "",
            fixes=(_fix(rules, link, place),),
        )


def what(rules: Rules, link: Link) -> str:
    """Return a link in words."""
    bucket = rules.ceilings.store(link.call.resources[0]).title if link.call.resources else "?"
    key = f"{link.prefix}*" if link.prefix is not None else link.call.params.get("Key", "")
    return f"a {'form' if link.form else 'link'} to {link.call.operation} {bucket}/{key}"


def _title(rules: Rules, place: str) -> str:
    return "a result" if place == RESULT else rules.ceilings.store(place).title


def _fix(rules: Rules, link: Link, place: str) -> str:
    bucket = rules.ceilings.store(link.call.resources[0]).title if link.call.resources else "?"
    into = "" if place == RESULT else f", into: [{words.key(_title(rules, place))}]"
    key = link.prefix if link.prefix is not None else str(link.call.params.get("Key", ""))
    folder, slash, _ = key.rpartition("/")
    line = f'{words.key(bucket)}: {{operations: [{link.call.operation}], keys: "{folder}{slash}*"{into}}}'
    return f"functions: {{{link.function}: {{may-presign: {{{line}}}}}}}"


def opened(rules: Rules, case: Case, pinned: bool) -> Label:
    """Return the label of all that a link lets its holder read.

    Pinned to a version it is what that version carries. Else whoever holds it reads what will be there then,
    so it is the most that may ever be there.
    """
    label: Label = frozenset(case.joined)
    if not pinned:
        for extent in case.plan.reads:
            label |= rules.ceilings.most(extent).widest()
    return label


def taken(rules: Rules, link: Link, label: Label, place: str, ceiling: Label) -> Iterator[Reason]:
    """The label of what a link opens must fit where the link is put."""
    over = excess(label, ceiling)
    title = _title(rules, place)
    if over:
        text = f"{words.too_much(over, title, ceiling)}; {what(rules, link)} opens it"
        yield Reason(Rule.RESULT if place == RESULT else Rule.ACCEPTS, text, NOWHERE, place, over)
    for rule, targets in rules.confined:
        caught = frozenset(t for t in label if within(t, rule.tag))
        if caught and (place == RESULT or not targets.covers(place)):
            yield Reason(Rule.ONLY_TO, words.confined(caught, rule, title), rule.where, place, caught)


def ceiling_of(rules: Rules, place: str) -> Label:
    """Return what a store or a destination takes."""
    taken = rules.ceilings.takes(whole(place))
    return frozenset.intersection(*taken) if taken else CLEAN
