"""What the book must carry before the first byte of a write leaves, cell by cell (laws 3, 9, 18).

Knows when content is certainly replaced. Does not know whether the write is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from valve_aws.flow.case import Case, Plan
from valve_aws.flow.rules import Rules
from valve_aws.model.cell import CONTENT, COUNTS, NAMES, ONE, Extent
from valve_aws.model.label import CLEAN, Label
from valve_aws.model.ports import Rise
from valve_aws.model.verdict import Verdict

REPLACING = frozenset(
    {
        ("s3", "PutObject"),
        ("s3", "CopyObject"),
        ("s3", "DeleteObject"),
        ("dynamodb", "PutItem"),
        ("dynamodb", "DeleteItem"),
    }
)
"""Operations that, when they succeed, leave nothing of the one cell they change. Not here: what may succeed
for a part of what it names (batches), changes a part of a cell (updates, tags), or may answer that it was
done before (CompleteMultipartUpload)."""


def extents(rules: Rules, case: Case) -> tuple[Extent, ...]:
    """Return the extents that will carry what goes out, as the book names them.

    A function of ours gets its payload with its label, and a clean call leaves nothing at a destination.
    """
    found: dict[Extent, None] = {}
    for going in case.goings:
        store = rules.ceilings.store(going.store)
        if going.asks or store.function is not None:
            continue
        if going.via or going.handed:
            if going.label:
                found.update(dict.fromkeys(landed(store.book)))
        elif going.label or not store.destination:
            found.update(dict.fromkeys([rules.ceilings.canonical(e) for e in going.extents]))
    return tuple(found)


def landed(store: str) -> tuple[Extent, ...]:
    """Return the cells that stand for all that was delivered to a store: its own names we do not learn.

    Why three: that something came shows in the names and the figures of the store as well.
    """
    return tuple(Extent(store, part, ONE, "") for part in (CONTENT, NAMES, COUNTS))


def rises(rules: Rules, planned: Plan, verdict: Verdict) -> tuple[Rise, ...]:
    """Return a rise for each of the verdict's extents."""
    onward: dict[str, Label] = {}
    for each in rules.onward(planned):
        book = rules.ceilings.store(each.target).book
        onward[book] = onward.get(book, CLEAN) | each.holds
    changed = {rules.ceilings.canonical(e): e for e in planned.changes}
    found: list[Rise] = []
    for extent in verdict.rises:
        original = changed.get(extent)
        if original is None:
            found.append(Rise(extent, verdict.writes | onward.get(extent.store, CLEAN), verdict.ways))
        else:
            found += _cells(rules, planned, original, extent, verdict)
    return tuple(found)


def _cells(rules: Rules, planned: Plan, original: Extent, extent: Extent, verdict: Verdict) -> Iterator[Rise]:
    filled = rules.ceilings.filled_by_name(original)
    label = verdict.writes | filled if filled else verdict.writes
    new = replaces(rules, planned, original)
    declared = rules.ceilings.declared_attributes(original)
    # Why twice: what is not declared is in the item's own cell; every declared attribute has one beside it.
    if original.attributes is None or original.attributes - declared or not declared:
        whole = extent if extent.attributes is None else replace(extent, attributes=None)
        yield Rise(whole, label, verdict.ways, new)
    if declared and (original.attributes is not None or original.span is ONE):
        yield Rise(replace(extent, attributes=declared), label, verdict.ways, new)


def replaces(rules: Rules, planned: Plan, extent: Extent) -> bool:
    """Say whether the content of a cell is certainly wholly new, so that its older label goes.

    It is not where older versions stay readable, where the set-up may have changed meanwhile, or where the
    service looks at the same cell on the way (an append, a copy onto itself).
    """
    if (planned.call.service, planned.call.operation) not in REPLACING or extent.version:
        return False
    if extent.part is not CONTENT or extent.span is not ONE or extent.attributes is not None:
        return False
    for looked in planned.call.effect.consults:
        same = looked.span is not ONE or looked.name == extent.name
        if looked.store == extent.store and looked.part is CONTENT and same:
            return False
    return extent.store in rules.replaced
