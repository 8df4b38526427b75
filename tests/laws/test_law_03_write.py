"""Law 3: what is written carries the environment's label and all that was consulted, and every place must
accept it.

Knows what a call changes and where that is delivered. Does not know bytes.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from tests.laws.trial import LAW, agree, expected, judged, risen, rules
from tests.laws.worlds import HELPER, PAGE, SITE, World, worlds
from valve_aws.flow import Judge
from valve_aws.model.verdict import Mode, Rule


def holds(world: World) -> None:
    verdict = agree(world, Rule.ACCEPTS)
    for mode in (Mode.AUDIT, Mode.ENFORCE):
        assert judged(world, mode).writes == expected(world, mode)[2]
    judge, declared = Judge(world.policy, world.stack), {r.target for r in world.policy.stores}
    for mode in (Mode.AUDIT, Mode.ENFORCE):
        verdict = judged(world, mode)
        rises = judge.rises(world.call, verdict)
        if verdict.passes:
            for extent in world.call.effect.changes:
                named = SITE if extent.store == PAGE and SITE in declared else extent.store
                written = risen(rises, replace(extent, store=named))
                kept = extent.store != HELPER and (verdict.writes or extent.store.startswith("arn:"))
                assert not kept or (written is not None and written >= verdict.writes)


def moves(world: World) -> None:
    """A label that rises while bytes leave: whatever is not refused then is raised to at least what is known
    now.
    """
    judge, later = (
        Judge(world.policy, world.stack),
        replace(world.who, label=world.who.label | {"card", "pii"}),
    )
    held = world.held(judge.wants(world.call))
    if judge.decide(world.call, world.who, held).passes:
        again = judge.redecide(world.call, later, held)
        assert rules(again) == expected(replace(world, who=later))[0]
        for rise in judge.rises(world.call, again):
            assert rise.label >= again.writes


@LAW
@given(worlds)
def test_what_is_written_carries_all_that_is_known_and_is_raised_before_it_leaves(world: World) -> None:
    holds(world)


@LAW
@given(worlds)
def test_a_call_under_way_is_judged_again_when_the_label_rises(world: World) -> None:
    moves(world)
