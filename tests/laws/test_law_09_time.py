"""Law 9: labels over time: unrecognised content carries the ceiling, and only a certain overwrite drops what
was there.

Knows recognition and replacement. Does not know the book, which keeps old and new until success is certain.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests.laws.trial import LAW, expected, judged
from tests.laws.worlds import OURS, World, worlds
from valve_aws.flow import Judge
from valve_aws.model.cell import Part, Span
from valve_aws.model.verdict import Holding, Mode


def holds(world: World) -> None:
    """What the book does not recognise carries all that policy would let be there."""
    strange = {place: Holding(h.label, False, h.ways) for place, h in world.book.items()}
    strange |= {
        (store, part): Holding(complete=False)
        for store in OURS
        for part in Part
        if (store, part) not in strange
    }
    if not world.silent:
        unrecognised = replace(world, book=strange)
        verdict = judged(unrecognised, Mode.AUDIT)
        assert (verdict.joins, verdict.writes) == expected(unrecognised, Mode.AUDIT)[1:]
        rules = {r.target: r for r in world.policy.stores}
        for extent in world.call.effect.reveals:
            if extent.store in OURS and extent.store in rules:
                assert {*rules[extent.store].accepts.patterns} <= world.who.label | verdict.joins


def overwrites(world: World) -> None:
    """The older label goes only from one whole cell that the call does not look at, in a store without
    versions.
    """
    judge = Judge(world.policy, world.stack)
    verdict = judged(world, Mode.AUDIT)
    versioned = {r.arn for r in world.stack.resources.values() if r.properties.get("VersioningConfiguration")}
    configurable = {t for g in world.policy.grants for t in g.configure}
    looked = {(e.store, e.name) for e in world.call.effect.consults if e.part is Part.CONTENT}
    looked_whole = {
        e.store for e in world.call.effect.consults if e.part is Part.CONTENT and e.span is not Span.ONE
    }
    for rise in judge.rises(world.call, verdict):
        e = rise.extent
        certain = (
            world.call.operation in {"PutObject", "PutItem"}
            and e in world.call.effect.changes
            and e.part is Part.CONTENT
            and e.span is Span.ONE
            and (e.store, e.name) not in looked
            and e.store in OURS
            and e.store not in versioned | configurable | looked_whole
        )
        assert rise.replaces is certain


@LAW
@given(worlds)
def test_content_that_the_book_does_not_recognise_carries_the_ceiling(world: World) -> None:
    holds(world)


@LAW
@given(worlds)
def test_only_a_certain_overwrite_drops_the_older_label(world: World) -> None:
    overwrites(world)
