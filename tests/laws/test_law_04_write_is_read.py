"""Law 4: a write is also a read, unless its row proves it blind or says what its answer reveals.

Knows changes and blindness. Does not know rows.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests.laws.trial import LAW, expected, judged
from tests.laws.worlds import World, worlds
from valve_aws.flow import Judge
from valve_aws.model.verdict import Mode


def holds(world: World) -> None:
    effect = replace(world.call.effect, consults=(), reveals=(), blind=False)
    seeing = replace(world, call=replace(world.call, effect=effect, known=True, foreign=""))
    blind = replace(seeing, call=replace(seeing.call, effect=replace(effect, blind=True)))
    told = replace(effect, reveals=world.call.effect.reveals)
    telling = replace(seeing, call=replace(seeing.call, effect=told))
    for each in (seeing, blind, telling):
        assert judged(each, Mode.AUDIT).joins == expected(each, Mode.AUDIT)[1]
    assert not judged(blind, Mode.AUDIT).joins
    judge = Judge(world.policy, world.stack)
    asked = {(e.store, e.part, e.span, e.name) for e in judge.wants(seeing.call)}
    for extent in effect.changes:
        ours = extent.store.startswith("arn:") and ":function:" not in extent.store
        assert not ours or (extent.store, extent.part, extent.span, extent.name) in asked


@LAW
@given(worlds)
def test_a_write_that_is_not_proven_blind_is_a_read_of_what_it_changes(world: World) -> None:
    holds(world)
