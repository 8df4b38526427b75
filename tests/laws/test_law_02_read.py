"""Law 2: the labels of all that a reply depends on join the environment's; what exceeds the clearance is
refused.

Knows what a call reveals. Does not know replies.
"""

from __future__ import annotations

from hypothesis import given

from tests.laws.trial import LAW, agree, expected, judged
from tests.laws.worlds import World, worlds
from valve_aws.flow import Judge
from valve_aws.model.label import fits
from valve_aws.model.verdict import Mode, Rule


def holds(world: World) -> None:
    verdict = agree(world, Rule.CLEARANCE)
    for mode in (Mode.AUDIT, Mode.ENFORCE):
        assert judged(world, mode).joins == expected(world, mode)[1]
    clearance = world.policy.functions[world.who.function].clearance
    if verdict.passes:
        assert clearance is None or fits(verdict.joins, frozenset(clearance.patterns))
        for extent in world.call.effect.reveals:
            known = world.book.get((extent.store, extent.part))
            assert known is None or known.label <= world.who.label | verdict.joins
    judge = Judge(world.policy, world.stack)
    again = judge.settle(world.call, world.who, world.held(judge.wants(world.call)))
    assert again.joins | world.who.label >= (verdict.joins if verdict.passes else frozenset())
    assert {way.tag for way in verdict.ways} >= verdict.joins


@LAW
@given(worlds)
def test_everything_that_a_reply_depends_on_joins_or_nothing_is_sent(world: World) -> None:
    holds(world)
