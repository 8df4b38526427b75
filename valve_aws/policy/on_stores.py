"""Findings about `stores`: lines that nothing ever reaches, and lines that other lines undo.

Knows grants, wiring and how cell rules add up. Does not know clearances.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from valve_aws.model.pattern import FIELD, literal_prefix
from valve_aws.model.policy import NONE, CellRule, StoreRule
from valve_aws.model.stack import Resource
from valve_aws.policy.access import service
from valve_aws.policy.ground import Finding, Ground, fitting, listing, spans, taken

ANY_HOST = ("https://*/", "http://*/")
NAMELESS = re.compile(r"arn:[^:]*:([^:]+):[^:]*:([^:]*):(?:[a-z-]+[:/])?(?:\*|\{[^{}]+\})+")
"""An ARN whose name is but stars and fields; its service and its account."""


def unreached(ground: Ground) -> Iterator[Finding]:
    """Stores of the stack that no grant, trigger or delivery touches."""
    for rule in ground.policy.stores:
        if isinstance(ground.stack.store(rule.target), Resource) and not ground.access.reached(rule.target):
            yield Finding(
                rule.where,
                f"no function is granted anything on `{rule.written}` and nothing delivers to it, "
                "so this line never matters",
            )


def unwritten(ground: Ground) -> Iterator[Finding]:
    """`accepts` of stores that nothing writes to, and `from` of functions that may not write."""
    for rule in ground.policy.stores:
        if not isinstance(ground.stack.store(rule.target), Resource) or not ground.access.reached(
            rule.target
        ):
            continue
        writers = ground.access.who("write", rule.target)
        tags = [p for accepted in taken(rule) for p in accepted.patterns]
        if tags and not writers and rule.target not in ground.access.fed:
            yield Finding(
                rule.where,
                f"nothing writes to `{rule.written}`, so it never takes {listing(tags)}",
            )
        for name in rule.sources or ():
            if name not in writers and name in ground.stack.functions:
                yield Finding(
                    rule.where,
                    f"`{name}` may write to `{rule.written}` by this `from`, but not by its role",
                )


def narrowed(ground: Ground) -> Iterator[Finding]:
    """`from` and `writes` that disagree."""
    for rule in ground.policy.stores:
        for name in rule.sources or ():
            told = ground.policy.functions.get(name)
            if told and told.writes is not None and not any(spans(t, rule.target) for t in told.writes):
                yield Finding(
                    rule.where,
                    f"`{name}` may write to `{rule.written}` by this `from`, but not by its `writes` "
                    f"({told.where})",
                )


def added_up(ground: Ground) -> Iterator[Finding]:
    """Cell rules that a wider one makes useless, or widens although they look narrower."""
    for rule in ground.policy.stores:
        for cell in rule.cells:
            name = _named(cell)
            if cell.accepts is not NONE and _more(rule.accepts.patterns, cell):
                yield Finding(
                    cell.where,
                    f"`{name}` also takes {listing(_more(rule.accepts.patterns, cell))}, which all of "
                    f"`{rule.written}` accepts ({rule.accepts.where}): lines add up",
                )
            for other in rule.cells:
                if other is not cell and _spans(other, cell):
                    yield from _over(other, cell)


def _over(wide: CellRule, cell: CellRule) -> Iterator[Finding]:
    more = _more(wide.accepts.patterns, cell)
    if cell.accepts is not NONE and more:
        yield Finding(
            cell.where,
            f"`{_named(wide)}` ({wide.where}) names `{_named(cell)}` too, so it also takes {listing(more)}: "
            "lines add up",
        )
    elif _none_new(cell.holds.patterns, wide.holds.patterns) and _none_new(
        cell.accepts.patterns, wide.accepts.patterns
    ):
        yield Finding(cell.where, f"`{_named(cell)}` adds nothing to `{_named(wide)}` ({wide.where})")


def _more(accepts: tuple[str, ...], cell: CellRule) -> list[str]:
    own = (*cell.accepts.patterns, *cell.holds.patterns)
    return [tag for tag in accepts if not fitting(tag, own)]


def _none_new(tags: tuple[str, ...], others: tuple[str, ...]) -> bool:
    return {_shape(t) for t in tags} <= {_shape(t) for t in others}


def _shape(tag: str) -> str:
    return FIELD.sub("{}", tag)


def _named(cell: CellRule) -> str:
    return ", ".join(f"{k}: {v}" if k else v for k, v in cell.key.items())


def _spans(wide: CellRule, narrow: CellRule) -> bool:
    key: Mapping[str, str] = narrow.key
    return all(spans(pattern, key.get(attribute, "*")) for attribute, pattern in wide.key.items())


def cut_short(ground: Ground) -> Iterator[Finding]:
    """Fields of a name that end at a character which what fills them may hold as well."""
    for rule in ground.policy.stores:
        for cell in rule.cells:
            for pattern in cell.key.values():
                for field, after in ENDED.findall(pattern):
                    yield Finding(
                        cell.where,
                        f"`{field}` of `{pattern}` ends at the first `{after}`, so who is called "
                        f"`a{after}b` is taken for `a`; part names by `/` or `#`",
                    )


ENDED = re.compile(r"(\{[^{}]+\})([^/#{}*][^{}*]*)(?=[{*])")
"""A field, and text other than `/` and `#`, which no field holds, before the next field or star."""


def shadowed(ground: Ground) -> Iterator[Finding]:
    """Destination patterns that an earlier one, as near, names all of."""
    seen: list[StoreRule] = []
    for rule in ground.policy.stores:
        first = next(
            (
                r
                for r in seen
                if literal_prefix(r.target) == literal_prefix(rule.target) and spans(r.target, rule.target)
            ),
            None,
        )
        if first and literal_prefix(rule.target) != rule.target:
            yield Finding(
                rule.where,
                f"`{rule.written}` is never reached: `{first.written}` ({first.where}) stands before it and "
                "names all of it",
            )
        seen.append(rule)


def paths(ground: Ground) -> Iterator[Finding]:
    """Attributes that are written as paths: labels are kept for top-level attributes."""
    for rule in ground.policy.stores:
        for attribute in rule.attributes:
            top = attribute.replace("[", ".").partition(".")[0]
            if top != attribute:
                yield Finding(
                    rule.where,
                    f"labels are kept by top-level attribute: if `{attribute}` is a path, name `{top}`",
                )


def open_wide(ground: Ground) -> Iterator[Finding]:
    """Destinations that are anybody's, or that are not encrypted."""
    for rule in ground.policy.stores:
        if rule.target.startswith(ANY_HOST):
            tags = (
                f"takes {listing(rule.accepts.patterns)}"
                if rule.accepts.patterns
                else "is open to unlabelled data"
            )
            yield Finding(
                rule.where, f"any host at all {tags} by `{rule.written}`; name the hosts that are meant"
            )
        elif nameless := NAMELESS.fullmatch(rule.target):
            owner = "anybody's account" if nameless[2] in ("", "*") else f"account {nameless[2]}"
            yield Finding(
                rule.where,
                f"`{rule.written}` makes everything of {nameless[1]} in {owner} a part of this stack; "
                "name what is meant",
            )
        elif rule.target.startswith("http://") and rule.accepts.patterns:
            yield Finding(
                rule.where,
                f"{listing(rule.accepts.patterns)} goes to `{rule.written}` without encryption",
                "note",
            )


def configured(ground: Ground) -> Iterator[Finding]:
    """`grant` lines whose functions may not touch the store at all."""
    for grant in ground.policy.grants:
        for name in grant.functions:
            for store in grant.configure:
                if service(store) and not ground.access.of(ground.stack.functions[name], store):
                    yield Finding(
                        grant.where,
                        f"`{name}` may set up `{ground.title(store)}` by this grant, but not by its role",
                    )


CHECKS = (unreached, unwritten, narrowed, added_up, cut_short, shadowed, paths, open_wide, configured)
