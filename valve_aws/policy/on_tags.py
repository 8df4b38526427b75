"""Findings about tags: accepted and never there, under a ceiling anyway, filled by nobody one can trust.

Knows where tags arise and where lines let them go. Does not know grants.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from valve_aws.model.pattern import FIELD
from valve_aws.model.policy import Tags
from valve_aws.model.stack import Trigger
from valve_aws.policy import expressions
from valve_aws.policy.ground import Finding, Ground, fitting, inside, listing, spans, taken

REQUESTS = frozenset({"Api", "HttpApi"})
VOUCHED = ("requestContext.authorizer.", "requestContext.identity.", "requestContext.accountId")
"""Fields of an event that API Gateway fills from what it authenticated (API Gateway, proxy integration)."""

RECORDS = frozenset({"SQS", "SNS", "S3", "DynamoDB", "Kinesis"})
"""Events whose every value lies in a list of records (Lambda Developer Guide, event formats)."""

MUCH = 128
"""Bits: what an identifier such as a UUID carries."""


def _accepting(ground: Ground) -> Iterator[tuple[str, str, Tags]]:
    """Yield (title, target or "", tags) of every line that lets tags go somewhere."""
    for rule in ground.policy.stores:
        for tags in taken(rule):
            yield f"`{rule.written}`", rule.target, tags
    for name, tags in ground.policy.results.items():
        yield ("a result" if name == "default" else f"the result of `{name}`"), "", tags
    yield "a log", "", ground.policy.logs.accepts


def never_there(ground: Ground) -> Iterator[Finding]:
    """Tags that are accepted although no line puts them on anything, or wider than they are there."""
    for title, _, tags in _accepting(ground):
        for tag in tags.patterns:
            if fitting(tag, ground.carried):
                continue
            narrower = sorted(c for c in ground.carried if inside(c, tag))
            common = _common(narrower)
            if common and common != tag:
                text = f"{title} accepts all of `{tag}`; only `{common}` is ever there"
                yield Finding(tags.where, text, "note")
            elif not narrower:
                yield Finding(
                    tags.where, f"{title} accepts `{tag}`, but no line puts that on anything (a seed may)"
                )


def _common(tags: list[str]) -> str:
    """Return the narrowest tag that contains all of `tags`."""
    paths = [tag.split("/") for tag in tags]
    return "/".join(parts[0] for parts in takewhile(lambda p: len(set(p)) == 1, zip(*paths, strict=False)))


def unused(ground: Ground) -> Iterator[Finding]:
    """Tags that are declared and carried by nothing."""
    for rule in ground.policy.tags.values():
        if not any(inside(c, rule.tag) or inside(rule.tag, c) for c in ground.carried):
            yield Finding(
                rule.where,
                f"no line of `stores` or `events` puts `{rule.tag}` on anything (a seed may)",
                "note",
            )


def confined(ground: Ground) -> Iterator[Finding]:
    """Lines that accept what an `only-to` keeps from there, and targets of one that take nothing."""
    for title, target, tags in _accepting(ground):
        for tag in tags.patterns:
            for rule in ground.confining(tag):
                if not any(target and spans(to, target) for to in rule.only_to or ()):
                    allowed = listing(ground.title(t) for t in rule.only_to or ()) or "nowhere"
                    yield Finding(
                        tags.where,
                        f"{title} accepts `{tag}`, but `{rule.tag}` may only go to {allowed} ({rule.where})",
                    )
    for rule in ground.policy.tags.values():
        for to in rule.only_to or ():
            store = ground.rule(to)
            if store is None and not ground.owned(to):
                yield Finding(
                    rule.where, f"`{rule.tag}` may go to `{to}`, but no line of `stores` names that"
                )
            elif store is None or not any(
                inside(rule.tag, p) or inside(p, rule.tag)
                for tags in (store.holds, *taken(store))
                for p in tags.patterns
            ):
                yield Finding(
                    rule.where,
                    f"`{rule.tag}` may go to `{ground.title(to)}`, which does not accept it",
                    "note",
                )


def fields(ground: Ground) -> Iterator[Finding]:
    """Fields of events and results that no trigger fills, or that whoever calls fills as he likes."""
    lines = ((ground.policy.events, "label"), (ground.policy.results, "result"))
    for lists, line in lines:
        for name, tags in lists.items():
            names = sorted({field for pattern in tags.patterns for field in FIELD.findall(pattern)})
            for trigger in _triggers(ground, name) if names else ():
                if trigger.function != name or f"{name}.{trigger.name}" not in lists:
                    for field in names:
                        yield from _field(field, trigger, tags, line)


def _triggers(ground: Ground, name: str) -> list[Trigger]:
    """Return the triggers that a line of this name is about: one, or all of a function's."""
    every = [t for f in ground.stack.functions.values() for t in f.triggers]
    return [t for t in every if name in (t.function, f"{t.function}.{t.name}")]


def _field(field: str, trigger: Trigger, tags: Tags, line: str) -> Iterator[Finding]:
    name = f"{trigger.function}.{trigger.name}"
    if trigger.kind in RECORDS:
        effect = "every such event is refused" if line == "label" else "that tag never leaves"
        yield Finding(
            tags.where,
            f"nothing in the event of `{name}` fills `{{{field}}}`, since `{trigger.kind}` gives a list of "
            f"records: {effect}",
            "error" if line == "label" else "warning",
        )
    elif trigger.kind in REQUESTS and not field.startswith(VOUCHED):
        yield Finding(
            tags.where,
            f"`{{{field}}}` of `{name}` is what the caller says, and nobody vouches for it: "
            "whoever calls can name somebody else; take it from `requestContext.authorizer`",
        )


def spacious(ground: Ground) -> Iterator[Finding]:
    """Released shapes that can carry a secret as well."""
    logs = ground.policy.logs
    for name, shape in logs.release.items():
        bits = expressions.read(shape, logs.where).bits
        if bits > MUCH:
            yield Finding(
                logs.where,
                f"a value of the shape `{name}` can carry {bits:.0f} bits out of a labelled line; "
                "the shorter the shape, the less",
                "note",
            )


CHECKS = (never_there, unused, confined, fields, spacious)
