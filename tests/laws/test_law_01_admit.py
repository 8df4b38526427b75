"""Law 1: the event's label joins before the function sees it; what exceeds the clearance is refused.

Knows events. Does not know where they come from.
"""

from __future__ import annotations

from hypothesis import given

from tests.laws.trial import LAW
from tests.laws.worlds import World, worlds
from valve_aws.flow import Judge
from valve_aws.model.label import fill, fits
from valve_aws.model.verdict import Rule


def holds(world: World) -> None:
    who = world.who
    tags = world.policy.events[who.trigger].patterns if who.trigger else ()
    filled = {fill(t, who.fields) for t in tags if "{" not in t or who.fields.get("sub")}
    label = world.carried.label | filled
    clearance = world.policy.functions[who.function].clearance
    cleared = clearance is None or fits(label, frozenset(clearance.patterns))

    verdict = Judge(world.policy, world.stack).admit(who, world.carried)

    assert verdict.joins | who.label == label | who.label
    assert {way.tag for way in verdict.ways} == label
    assert (Rule.CLEARANCE in {r.rule for r in verdict.refused}) is not cleared
    told = len(filled) == len(tags) and world.carried.complete
    assert (Rule.FIELD in {r.rule for r in verdict.refused}) is not told
    assert verdict.passes is not bool(verdict.refused)


@LAW
@given(worlds)
def test_an_event_brings_its_label_and_comes_in_only_if_the_function_may_learn_it(world: World) -> None:
    holds(world)
