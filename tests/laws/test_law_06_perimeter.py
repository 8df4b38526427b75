"""Law 6: the perimeter comes first: what is foreign is refused whatever the label.

Knows resources and credentials. Does not know labels.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests.laws.trial import LAW, agree, judged, rules
from tests.laws.worlds import FOREIGN, OTHER, World, worlds
from valve_aws.model.label import CLEAN
from valve_aws.model.verdict import Rule

FIRST = (Rule.CREDENTIAL, Rule.PERIMETER, Rule.HOST)


def holds(world: World) -> None:
    verdict = agree(world, *FIRST)
    effect = world.call.effect
    touched = {
        *world.call.resources,
        *effect.delivers,
        *(e.store for e in (*effect.changes, *effect.reveals)),
    }
    if touched & {FOREIGN, OTHER} or world.call.foreign:
        assert not verdict.passes
        assert not verdict.joins
    clean = judged(replace(world, who=replace(world.who, label=CLEAN, ways=()), book={}))
    assert rules(clean) & set(FIRST) == rules(verdict) & set(FIRST)


@LAW
@given(worlds)
def test_what_is_foreign_is_refused_whatever_the_label(world: World) -> None:
    holds(world)
