"""Findings about `may-presign`: lines that no link can ever pass, and lines that let more through than they
seem to.

Knows what a link needs beside its line. Does not know how links are found.
"""

from __future__ import annotations

from collections.abc import Iterator

from valve_aws.model.policy import FunctionRule, PresignRule
from valve_aws.policy.ground import Finding, Ground, fitting, held, listing, spans, taken

LONG = 43200
"""Seconds: the longest session of a role, after which AWS ends a link made with one (IAM User Guide)."""

READS = frozenset({"GetObject", "HeadObject"})


def presigning(ground: Ground) -> Iterator[Finding]:
    """Lines of `may-presign` in vain, or wide."""
    for name, rule in ground.policy.functions.items():
        for line in rule.may_presign:
            title = f"`{name}` may presign `{ground.title(line.bucket)}`"
            for text in (*_ungranted(ground, name, line), *_refused(ground, rule, line)):
                yield Finding(line.where, f"{title}, {text}")
            for text in _wide(line):
                yield Finding(line.where, f"{title} {text}")


def _ungranted(ground: Ground, name: str, line: PresignRule) -> Iterator[str]:
    for verb, some in (
        ("read", READS.intersection(line.operations)),
        ("write", set(line.operations) - READS),
    ):
        if some and not ground.access.may(name, verb, line.bucket):
            yield f"but its role grants no {verb} there, and a link does no more than its maker may"


def _refused(ground: Ground, rule: FunctionRule, line: PresignRule) -> Iterator[str]:
    store = ground.rule(line.bucket)
    writes = set(line.operations) - READS
    if writes and rule.writes is not None and not any(spans(t, line.bucket) for t in rule.writes):
        yield "which its `writes` leaves out"
    if store and writes and store.sources is not None and rule.function not in store.sources:
        yield f"which takes nothing from it ({store.where})"
    for target in line.into:
        if not target.startswith("arn:") and ground.rule(target) is None:
            yield f"into `{target}`, which no line of `stores` names, so nothing reaches it"
    if store and line.results and READS.intersection(line.operations):
        may = [tag for tags in (*held(store), *taken(store)) for tag in tags.patterns]
        accepted = [tag for tags in ground.policy.results.values() for tag in tags.patterns]
        over = [tag for tag in may if not fitting(tag, accepted)]
        if over:
            yield (
                f"but no result accepts {listing(over)}, so a link to what may hold that stays unless it is "
                "pinned to a version without it"
            )


def _wide(line: PresignRule) -> Iterator[str]:
    if line.keys == "*" and set(line.operations) - READS:
        yield "for any key, so a link to write may be for anything that is there; say which `keys`"
    if line.expires > LONG:
        yield f"for {line.expires} seconds; on AWS a link ends with its role's session, after {LONG} at most"


CHECKS = (presigning,)
